//! JSON, YAML, base64, digests, maps and words of the shell: what Ansible's users expect, under Ansible's names.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::value::{Kwargs, Rest, Serde};
use minijinja::{Environment, Error, Value};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256, Sha512};

use crate::render::{json_text, refusal, refusal_about, refusal_with_help, text_of, to_json};

/// The longest text that is read as YAML: its parser takes quadratic time for some.
const MAX_YAML: usize = 64 * 1024;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("to_nice_json", |value: &Value| json_text(value, true));
    environment.add_filter("to_yaml", |value: &Value| {
        serde_yaml::to_string(&to_json(value)?).map_err(|_| refusal("this value is no plain data"))
    });
    environment.add_filter("from_json", |value: &Value| {
        let read: Result<Json, _> = serde_json::from_str(&text_of(value)?);
        read.map(plain).map_err(|_| refusal("this text is no JSON"))
    });
    environment.add_filter("from_yaml", from_yaml);
    environment.add_filter("b64encode", |value: &Value| text_of(value).map(|text| BASE64.encode(text)));
    environment.add_filter("b64decode", b64decode);
    environment.add_filter("hash", hash);
    environment.add_filter("combine", combine);
    environment.add_filter("ternary", ternary);
    environment.add_filter("quote", |value: &Value| text_of(value).map(|text| shell_word(&text)));
    environment.add_filter("basename", |value: &Value| text_of(value).map(|path| split_path(&path).1.to_owned()));
    environment.add_filter("dirname", |value: &Value| text_of(value).map(|path| split_path(&path).0.to_owned()));
}

fn plain(json: Json) -> Value {
    Value::from(Serde(json))
}

fn from_yaml(value: &Value) -> Result<Value, Error> {
    let text = text_of(value)?;
    if text.len() > MAX_YAML {
        return Err(refusal(format!("a text longer than {} KiB is not read as YAML", MAX_YAML / 1024)));
    }
    let read: Result<Json, _> = serde_yaml::from_str(&text);
    read.map(plain).map_err(|_| {
        refusal_with_help("this text is no YAML that can be used", "it has to be one document, with texts as keys")
    })
}

fn b64decode(value: &Value) -> Result<String, Error> {
    let bytes = BASE64.decode(text_of(value)?.trim()).map_err(|_| refusal("this text is no base64"))?;
    String::from_utf8(bytes).map_err(|_| {
        refusal_with_help("what this base64 stands for is no UTF-8 text", "install the file with `source:` instead")
    })
}

fn hash(value: &Value, algorithm: &str) -> Result<String, Error> {
    let text = text_of(value)?;
    let digest = match algorithm {
        "sha256" => Sha256::digest(text).to_vec(),
        "sha512" => Sha512::digest(text).to_vec(),
        other => {
            let help = "there are `sha256` and `sha512`";
            let message = format!("there is no hash `{other}`");
            return Err(refusal_about(other, message, help, "there is no hash of the name that is given here"));
        }
    };
    Ok(digest.iter().fold(String::new(), |mut text, byte| {
        // A String takes everything.
        let _fine = write!(text, "{byte:02x}");
        text
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over like this")]
fn combine(base: &Value, others: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let recursive = options.get::<Option<bool>>("recursive")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut base = to_json(base)?;
    if !base.is_object() {
        return Err(refusal("`combine` works on maps, and this is none"));
    }
    for other in others.iter() {
        let other = to_json(other)?;
        if !other.is_object() {
            return Err(refusal("`combine` takes maps, and what is given here is none"));
        }
        merge(&mut base, other, recursive);
    }
    Ok(plain(base))
}

fn merge(base: &mut Json, other: Json, recursive: bool) {
    match (base, other) {
        (Json::Object(base), Json::Object(other)) => {
            for (key, value) in other {
                match base.get_mut(&key) {
                    Some(known) if recursive && known.is_object() && value.is_object() => merge(known, value, true),
                    _ => drop(base.insert(key, value)),
                }
            }
        }
        (base, other) => *base = other,
    }
}

fn ternary(value: &Value, yes: &Value, no: &Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(minijinja::ErrorKind::UndefinedError));
    }
    Ok(if value.is_true() { yes.clone() } else { no.clone() })
}

/// One word for a shell, as Python's `shlex.quote`.
fn shell_word(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

/// Folder and name, as Python's `os.path.split`.
fn split_path(path: &str) -> (&str, &str) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = path.split_at(at);
    let short = folder.trim_end_matches('/');
    (if short.is_empty() { folder } else { short }, name)
}
