//! Host ranges: `web[01:20].example.com`, `db[a:f]`, `rack[0:10:2]`.

/// More hosts than this in one inventory are a slip in a range.
pub(super) const MAX_HOSTS: usize = 65_536;

/// All names that a pattern stands for, in order. The error says what is wrong with it, and what to do.
pub(super) fn expand(pattern: &str, room: usize) -> Result<Vec<String>, (String, String)> {
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('[') {
        let refuse = |why: &str| {
            let help = "write a range as `web[01:20]`, `web[a:f]` or, with a step, `web[0:10:2]`".to_owned();
            Err((format!("`{pattern}` is not a host range: {why}"), help))
        };
        let Some((range, behind)) = after.split_once(']') else {
            return refuse("`[` is never closed");
        };
        let items = match items(range, room) {
            Ok(items) => items,
            Err(why) => return refuse(&why),
        };
        if names.len().saturating_mul(items.len()) > room {
            let help = format!("an inventory holds at most {MAX_HOSTS} hosts");
            return Err((format!("`{pattern}` stands for too many hosts"), help));
        }
        names = names.iter().flat_map(|name| items.iter().map(move |item| format!("{name}{before}{item}"))).collect();
        rest = behind;
    }
    for name in &mut names {
        name.push_str(rest);
    }
    Ok(names)
}

fn items(range: &str, room: usize) -> Result<Vec<String>, String> {
    let parts: Vec<&str> = range.split(':').collect();
    let (from, to, step) = match parts.as_slice() {
        [from, to] => (*from, *to, "1"),
        [from, to, step] => (*from, *to, *step),
        _ => return Err("it needs a first and a last, with a colon between them".to_owned()),
    };
    let step: usize = match step.parse() {
        Ok(step) if step > 0 => step,
        _ => return Err(format!("`{step}` is not a step")),
    };
    let from = if from.is_empty() { "0" } else { from };
    let numeric = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if numeric(from) && numeric(to) {
        return numbers(from, to, step, room);
    }
    letters(from, to, step)
}

fn numbers(from: &str, to: &str, step: usize, room: usize) -> Result<Vec<String>, String> {
    // A leading zero says that all are written with that many digits.
    let width = if from.len() > 1 && from.starts_with('0') { from.len() } else { 0 };
    if width > 0 && to.len() != width {
        return Err(format!("`{from}` and `{to}` are not equally long"));
    }
    let (Ok(first), Ok(last)) = (from.parse::<usize>(), to.parse::<usize>()) else {
        return Err(format!("`{from}:{to}` are not numbers"));
    };
    if first > last {
        return Err(format!("`{from}` comes after `{to}`"));
    }
    // One more than fits is enough for the caller to refuse it.
    let names = (first..=last).step_by(step).take(room.saturating_add(1));
    Ok(names.map(|number| format!("{number:0width$}")).collect())
}

fn letters(from: &str, to: &str, step: usize) -> Result<Vec<String>, String> {
    let letter = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(*byte),
        _ => None,
    };
    match (letter(from), letter(to)) {
        (Some(first), Some(last)) if first.is_ascii_lowercase() != last.is_ascii_lowercase() => {
            Err(format!("`{from}` and `{to}` are not both small or both capital letters"))
        }
        (Some(first), Some(last)) if first > last => Err(format!("`{from}` comes after `{to}`")),
        (Some(first), Some(last)) => {
            Ok((first..=last).step_by(step).map(|byte| char::from(byte).to_string()).collect())
        }
        _ => Err(format!("`{from}` and `{to}` are neither two numbers nor two letters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> String {
        expand(pattern, MAX_HOSTS).unwrap().join(" ")
    }

    fn refused(pattern: &str) -> String {
        expand(pattern, MAX_HOSTS).unwrap_err().0
    }

    #[test]
    fn ranges_unfold_as_in_ansible() {
        assert_eq!(names("web"), "web");
        assert_eq!(names("web[01:03].example.com"), "web01.example.com web02.example.com web03.example.com");
        assert_eq!(names("web[8:11]"), "web8 web9 web10 web11");
        assert_eq!(names("web[:2]"), "web0 web1 web2");
        assert_eq!(names("db-[a:c]"), "db-a db-b db-c");
        assert_eq!(names("r[0:10:5]"), "r0 r5 r10");
        assert_eq!(names("r[1:2]n[a:b]"), "r1na r1nb r2na r2nb");
        assert_eq!(names("web[098:102]"), "web098 web099 web100 web101 web102");
    }

    #[test]
    fn slips_in_ranges_are_named() {
        assert_eq!(refused("web[3:1]"), "`web[3:1]` is not a host range: `3` comes after `1`");
        assert_eq!(refused("web[1:3"), "`web[1:3` is not a host range: `[` is never closed");
        assert_eq!(refused("web[1:3:0]"), "`web[1:3:0]` is not a host range: `0` is not a step");
        assert_eq!(refused("web[01:100]"), "`web[01:100]` is not a host range: `01` and `100` are not equally long");
        assert!(refused("web[a:9]").ends_with("neither two numbers nor two letters"));
        assert!(refused("web[a:F]").ends_with("not both small or both capital letters"));
        assert!(refused("web[1-3]").ends_with("with a colon between them"));
        assert!(refused("web[1:99999999999]").ends_with("neither two numbers nor two letters"));
    }

    #[test]
    fn a_range_cannot_fill_the_memory() {
        assert_eq!(expand("w[1:65536]", MAX_HOSTS).unwrap().len(), MAX_HOSTS);
        for pattern in ["w[1:65537]", "w[0:999999999]", "w[0:999][0:999][0:999]"] {
            assert_eq!(refused(pattern), format!("`{pattern}` stands for too many hosts"));
        }
    }
}
