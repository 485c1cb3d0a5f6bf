//! File contents and their hashes.
//!
//! Content that holds a secret is marked where it comes into being, and the mark goes where the bytes go: it is neither
//! printed nor serialised, whoever holds it. Decided against a type of its own: everything that takes bytes (planning,
//! hashing, sending) treats both alike, and only showing differs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Whether bytes may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Secrecy {
    /// They may.
    #[default]
    Open,
    /// They hold a secret.
    Secret,
}

/// The bytes of a file. Serialised as `{"text": …}` when they are UTF-8, else as `{"base64": …}`; those that hold a
/// secret as `{"secret": true}`, which cannot be read back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub Vec<u8>, Secrecy);

impl Bytes {
    /// Bytes that may be shown.
    #[must_use]
    pub fn open(bytes: Vec<u8>) -> Self {
        Self(bytes, Secrecy::Open)
    }

    /// Bytes that hold a secret, or do not.
    #[must_use]
    pub fn with(bytes: Vec<u8>, secrecy: Secrecy) -> Self {
        Self(bytes, secrecy)
    }

    /// Whether they hold a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.1 == Secrecy::Secret
    }

    /// The bytes as text, if they are UTF-8 without NUL.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok().filter(|text| !text.contains('\0'))
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_text() {
            _ if self.is_secret() => f.write_str("secret content"),
            Some(text) => write!(f, "{text:?}"),
            None => write!(f, "{} bytes, {}", self.0.len(), self.digest()),
        }
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self::open(text.as_bytes().to_vec())
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self::open(text.into_bytes())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoded {
    Text(String),
    Base64(String),
    Secret(bool),
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_text() {
            _ if self.is_secret() => Encoded::Secret(true),
            Some(text) => Encoded::Text(text.to_owned()),
            None => Encoded::Base64(STANDARD.encode(&self.0)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Encoded::deserialize(deserializer)? {
            Encoded::Text(text) => Ok(text.into()),
            Encoded::Base64(text) => STANDARD.decode(text).map(Self::open).map_err(serde::de::Error::custom),
            Encoded::Secret(_) => Err(serde::de::Error::custom("secret content is not kept in files")),
        }
    }
}

/// A SHA-256 in lower-case hexadecimal, as `sha256sum` prints it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use fmt::Write as _;
        let hash = Sha256::digest(bytes);
        let mut text = String::with_capacity(64);
        for byte in hash {
            let _ignored = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json_whether_text_or_not() {
        for bytes in [Bytes::from("a\nü"), Bytes::open(vec![0xff, 0, 1])] {
            let json = serde_json::to_string(&bytes).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
        }
    }

    #[test]
    fn secret_bytes_are_neither_printed_nor_written_nor_read() {
        let secret = Bytes::with(b"S3CRET".to_vec(), Secrecy::Secret);
        assert_eq!(format!("{secret:?}"), "secret content");
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(json, r#"{"secret":true}"#);
        assert!(serde_json::from_str::<Bytes>(&json).is_err());
    }

    #[test]
    fn the_digest_is_what_sha256sum_prints() {
        assert_eq!(Digest::of(b"").0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
