//! Keeps the values of variables from adding lines to a unit file.
//!
//! In a template of a unit, `User={{ user }}` shall be one line whatever `user` holds: a line break in it would begin a
//! directive that nobody wrote, and a `\` at its end would swallow the one that follows. Values that could do so are
//! marked as they are printed, and when all is rendered it is seen where they have come to stand. So it makes no
//! difference whether a value came straight, or by a macro, an include or `{% set %}`.
//!
//! Allowed are: braces that stand alone on their line (`{{ more }}`), by which an author asks for whole lines; line
//! breaks that systemd reads as a blank, because a `\` stands before each; and line breaks at the end of a line.
//! Where systemd 247, 252 and 257 end a line is shown by `tests/sandbox/lines.rs`.
//!
//! The marks are characters that Unicode promises never to use. A value that holds some itself is refused, unless they
//! are in pairs: then they are those of a text that was captured, and change nothing.

const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';
/// Between the number and the text.
const BODY: char = '\u{fdd2}';
/// The digit 0; the others follow.
const ZERO: u32 = 0xfde0;

fn is_mark(c: char) -> bool {
    ('\u{fdd0}'..='\u{fdef}').contains(&c)
}

/// What a value would do to the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Begin another.
    Break,
    /// Swallow the next.
    Backslash,
    /// Be skipped in the middle of a directive, which then goes on in the next.
    Comment,
    /// It is none of ours.
    Mark,
}

/// Characters at which systemd ends a line.
const BREAKS: [char; 3] = ['\n', '\r', '\0'];

/// Whether a value could change the lines.
pub(super) fn matters(text: &str) -> bool {
    text.contains(BREAKS) || text.ends_with('\\') || is_comment(text)
}

/// Whether a line that begins so is one to systemd.
fn is_comment(text: &str) -> bool {
    text.trim_start_matches([' ', '\t']).starts_with(['#', ';'])
}

/// Whether every mark in a text has its other half.
pub(super) fn is_balanced(text: &str) -> bool {
    let mut open = 0_usize;
    for c in text.chars() {
        match c {
            OPEN => open += 1,
            CLOSE if open == 0 => return false,
            CLOSE => open -= 1,
            _ => {}
        }
    }
    open == 0
}

/// The text between marks.
pub(super) fn mark(text: &str, number: usize) -> String {
    let digits = number.to_string();
    let digits = digits.bytes().filter_map(|digit| char::from_u32(ZERO + u32::from(digit - b'0')));
    std::iter::once(OPEN).chain(digits).chain([BODY]).chain(text.chars()).chain([CLOSE]).collect()
}

/// A marked value, in the text without marks.
struct Region {
    number: usize,
    start: usize,
    end: usize,
}

/// The text without its marks; or the number of the value that does not fit where it stands.
pub(super) fn check(marked: &str) -> Result<String, (usize, Wrong)> {
    let (text, regions) = regions(marked)?;
    for region in &regions {
        if let Some(wrong) = wrong(&text, region) {
            return Err((region.number, wrong));
        }
    }
    Ok(text)
}

/// Those inside of others come first: they say more exactly what is wrong.
fn regions(marked: &str) -> Result<(String, Vec<Region>), (usize, Wrong)> {
    let mut text = String::with_capacity(marked.len());
    let mut open: Vec<Region> = Vec::new();
    let mut closed = Vec::new();
    let mut rest = marked.chars();
    while let Some(c) = rest.next() {
        match c {
            OPEN => {
                let digits: Vec<u32> = rest.by_ref().take_while(|c| *c != BODY).map(u32::from).collect();
                let number = number(&digits).ok_or((usize::MAX, Wrong::Mark))?;
                open.push(Region { number, start: text.len(), end: text.len() });
            }
            CLOSE => {
                let region = open.pop().ok_or((usize::MAX, Wrong::Mark))?;
                closed.push(Region { end: text.len(), ..region });
            }
            c if is_mark(c) => return Err((usize::MAX, Wrong::Mark)),
            c => text.push(c),
        }
    }
    if open.is_empty() { Ok((text, closed)) } else { Err((usize::MAX, Wrong::Mark)) }
}

fn number(digits: &[u32]) -> Option<usize> {
    digits.iter().try_fold(0_usize, |number, digit| {
        let digit = digit.checked_sub(ZERO).filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(usize::try_from(digit).ok()?)
    })
}

fn wrong(text: &str, region: &Region) -> Option<Wrong> {
    let value = &text[region.start..region.end];
    let before = text[..region.start].rsplit(BREAKS).next().unwrap_or_default();
    let after = text[region.end..].split(BREAKS).next().unwrap_or_default();
    let ends_line = after.trim().is_empty();
    let goes_on = after.is_empty() && !text[region.end..].is_empty() && value.ends_with('\\');
    if goes_on && ends_open(&text[..region.end]) {
        return Some(Wrong::Backslash);
    }
    let above = &text[..region.start - before.len()];
    let above = ["\r\n", "\n\r", "\n", "\r"].iter().find_map(|end| above.strip_suffix(end)).unwrap_or_default();
    if before.trim().is_empty() && ends_open(above) && is_comment(value) {
        return Some(Wrong::Comment);
    }
    // What stands at the end of a line may bring its line break along.
    let value = if ends_line { value.trim_end_matches(['\n', '\r']) } else { value };
    if !value.contains(BREAKS) {
        return None;
    }
    let whole_lines = before.trim().is_empty() && !ends_open(above) && (ends_line || value.ends_with('\n'));
    let comment = is_comment(before);
    let continued = || {
        let mut breaks = value.match_indices(BREAKS).map(|(at, found)| (region.start + at, found));
        breaks.all(|(at, found)| found == "\n" && ends_open(&text[..at]))
    };
    (!whole_lines && (comment || !continued())).then_some(Wrong::Break)
}

/// Whether systemd would join the next line: an odd number of backslashes stands at the end.
fn ends_open(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A template whose values stand between `<` and `>`.
    fn checked(template: &str) -> Result<String, Wrong> {
        let mut marked = String::new();
        for (number, piece) in template.split('<').enumerate() {
            match piece.split_once('>') {
                Some((value, rest)) => marked.extend([mark(value, number - 1), rest.to_owned()]),
                None => marked.push_str(piece),
            }
        }
        check(&marked).map_err(|(_, wrong)| wrong)
    }

    #[test]
    fn values_stay_in_their_line() {
        for template in [
            "A=<x\nB=1>\n",
            "A=<x\rB=1>\n",
            "A=<x\r\nB=1>\n",
            "  <x\nB=1> y\n",
            "<x\nB=1>=y\n",
            "A=x \\\n<y\nB=1>\n",
            "A=x \\\n  <y\nB=1>\nC=1",
            "A=<x\n>y\n",
            "A=<x\\\ny\nB=1>\n",
            "A=<x\\\\\ny>\n",
            "# <x\\\ny>\n",
            "; about <x\ny>\n",
            "A=<x\\\n# c\nB=1>\n",
        ] {
            assert_eq!(checked(template), Err(Wrong::Break), "{template:?}");
        }
        for template in ["A=x \\\n<# y>\nB=1\n", "A=x \\\r\n<# y>\r\nB=1\r\n", "A=x \\\n  < ;y> z\nB=1\n"] {
            assert_eq!(checked(template), Err(Wrong::Comment), "{template:?}");
        }
        for template in ["A=<x\\>\nB=1\n", "<x\\>\nB=1\n", "<A=1\nB=x\\>\nC=1\n", "A=x <\\>\n"] {
            assert_eq!(checked(template), Err(Wrong::Backslash), "{template:?}");
        }
    }

    #[test]
    fn whole_lines_and_lines_that_go_on_are_printed_as_they_are() {
        for template in [
            "<A=1\nB=2>\n",
            "[S]\n  <A=1\nB=2\n>\nC=1\n",
            "[S]\n<A=1\nB=2\n>C=1\n",
            "A=<x \\\n  y>\nB=1\n",
            "A=<x\n>\nB=1\n",
            "A=<x\n\n>",
            "A=<x\\> y\n",
            "A=<x\\\\>\nB=1\n",
            "A=<x\\>",
            "A=<# y>\n<# y>\nB=1 \\\n x <#>\n",
            "A=1\n",
        ] {
            let plain: String = template.chars().filter(|c| !"<>".contains(*c)).collect();
            assert_eq!(checked(template), Ok(plain), "{template:?}");
        }
    }

    #[test]
    fn a_value_cannot_forge_marks() {
        assert!(!is_balanced("a\u{fdd1}\nB=1\u{fdd0}"));
        assert!(is_balanced(&mark(&mark("x", 1), 20)));
        let nested = mark(&format!("A={}\n", mark("x\nB=1", 7)), 12);
        assert_eq!(check(&nested), Err((7, Wrong::Break)));
        assert_eq!(check("a\u{fdd3}"), Err((usize::MAX, Wrong::Mark)));
        assert_eq!(check("\u{fdd0}x"), Err((usize::MAX, Wrong::Mark)));
    }
}
