//! The frames of an answer: a line `@@NONCE WORD …`, then a body up to the next such line.
//!
//! The nonce is new for every execution, so neither a login shell's noise nor a file's content can pass for a frame.

/// One part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// The first word.
    pub(super) word: &'a str,
    /// What follows it on the line.
    pub(super) rest: &'a str,
    /// Everything up to the newline that precedes the next frame.
    pub(super) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The lines of the body, without empty ones and those that are not UTF-8: a name that is not text cannot be ours.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.body
            .split(|byte| *byte == b'\n')
            .filter_map(|line| std::str::from_utf8(line).ok())
            .filter(|line| !line.is_empty())
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }
}

/// Why an answer could not be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Nothing of the answer arrived.
    #[error("the host answered nothing that is ours{}", heard(.0))]
    Nothing(String),
    /// The answer stops before its end.
    #[error("the host's answer breaks off after `{0}`")]
    Truncated(String),
}

fn heard(noise: &str) -> String {
    if noise.is_empty() { String::new() } else { format!("; it said: {noise}") }
}

/// Takes an answer apart, from its `begin` to its `end`. What stands before and after them is not looked at.
pub(super) fn frames<'a>(nonce: &str, stdout: &'a [u8]) -> Result<Vec<Frame<'a>>, FrameError> {
    let marker = format!("\n@@{nonce} ").into_bytes();
    let mut frames = Vec::new();
    let mut rest = match find(stdout, &marker) {
        Some(at) => &stdout[at + marker.len()..],
        None => return Err(FrameError::Nothing(last_line(stdout))),
    };
    loop {
        let Some(line_end) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(truncated(&frames));
        };
        let Ok(line) = std::str::from_utf8(&rest[..line_end]) else {
            // A path that is not UTF-8 is none of ours; the frame is skipped as a whole.
            match find(&rest[line_end..], &marker) {
                Some(at) => rest = &rest[line_end + at + marker.len()..],
                None => return Err(truncated(&frames)),
            }
            continue;
        };
        let (word, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let after = &rest[line_end..];
        let next = find(after, &marker);
        let body = match next {
            Some(0) => &after[..0],
            Some(at) => &after[1..at],
            None => &after[1..],
        };
        frames.push(Frame { word, rest: arguments, body });
        match next {
            _ if word == "end" => return Ok(frames),
            Some(at) => rest = &after[at + marker.len()..],
            None => return Err(truncated(&frames)),
        }
    }
}

fn truncated(frames: &[Frame<'_>]) -> FrameError {
    FrameError::Truncated(frames.last().map_or("", |frame| frame.word).to_owned())
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("");
    line.trim().chars().filter(|c| !c.is_control()).take(200).collect()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        let start = from + at;
        if haystack[start..].starts_with(needle) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "Welcome!\n@@OTHER end\n\n@@N begin 1\n\n@@N a x y\none\ntwo\n\n@@N b\n\n@@N end\nbye\n";

    #[test]
    fn noise_around_the_answer_is_ignored_and_bodies_are_exact() {
        let frames = frames("N", ANSWER.as_bytes()).unwrap();
        let seen: Vec<_> = frames.iter().map(|f| (f.word, f.rest, f.text())).collect();
        let body = |text: &str| text.to_owned();
        assert_eq!(
            seen,
            [
                ("begin", "1", body("")),
                ("a", "x y", body("one\ntwo\n")),
                ("b", "", body("")),
                ("end", "", body("bye\n")),
            ]
        );
    }

    #[test]
    fn an_answer_cut_anywhere_before_its_end_is_an_error() {
        let whole = ANSWER.find("@@N end\n").unwrap() + "@@N end\n".len();
        for cut in 0..whole {
            assert!(frames("N", &ANSWER.as_bytes()[..cut]).is_err(), "{cut}");
        }
        assert!(frames("N", &ANSWER.as_bytes()[..whole]).is_ok());
    }

    #[test]
    fn the_error_repeats_what_a_login_shell_said() {
        let error = frames("N", b"This account is currently not available.\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the host answered nothing that is ours; it said: This account is currently not available."
        );
    }
}
