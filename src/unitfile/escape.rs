//! What `systemd-escape` does: any text or path ↔ a part of a unit name.
//!
//! Works on bytes, as systemd does: a character outside ASCII becomes one `\xNN` for each of its UTF-8 bytes.
//! Compared with `systemd-escape` of systemd 252; the tests hold some of the vectors.

/// Why a text cannot be escaped or unescaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EscapeError {
    /// `.` and `..` as components have no escaped form.
    #[error("`{}` is not a normalised path: it has `.` or `..` in it", .0.escape_debug())]
    Path(String),
    /// Not something that `systemd-escape` writes.
    #[error("`{}` is not an escaped text: `\\` has to be followed by `x` and two hexadecimal digits", .0.escape_debug())]
    Escaped(String),
    /// Not something that `systemd-escape --path` writes.
    #[error("`{}` is not an escaped path", .0.escape_debug())]
    EscapedPath(String),
    /// The bytes that it stands for are no text.
    #[error("`{}` does not stand for valid UTF-8", .0.escape_debug())]
    Encoding(String),
}

/// `systemd-escape TEXT`: `/` becomes `-`; what cannot be in a unit name, `-`, `\` and a leading `.` become `\xNN`.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'.' if at == 0 => escaped.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\x{byte:02x}")),
        }
    }
    escaped
}

/// `systemd-escape --path PATH`: as [`escape`], without leading, trailing and repeated slashes; `/` itself is `-`.
pub fn escape_path(path: &str) -> Result<String, EscapeError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(EscapeError::Path(path.to_owned()));
    }
    Ok(if parts.is_empty() {
        "-".to_owned()
    } else {
        escape(&parts.join("/"))
    })
}

/// `systemd-escape --unescape TEXT`.
pub fn unescape(text: &str) -> Result<String, EscapeError> {
    let wrong = || EscapeError::Escaped(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'-' => bytes.push(b'/'),
            b'\\' => {
                let [b'x', high, low, after @ ..] = rest else {
                    return Err(wrong());
                };
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|n| u8::try_from(n).ok());
                bytes.push(digit(*high).ok_or_else(wrong)? << 4 | digit(*low).ok_or_else(wrong)?);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| EscapeError::Encoding(text.to_owned()))
}

/// `systemd-escape --unescape --path TEXT`.
pub fn unescape_path(text: &str) -> Result<String, EscapeError> {
    if text == "-" {
        return Ok("/".to_owned());
    }
    let path = unescape(text)?;
    if path.is_empty() || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(EscapeError::EscapedPath(text.to_owned()));
    }
    Ok(format!("/{path}"))
}
