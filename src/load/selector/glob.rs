//! Globs over names of hosts and groups: `*`, `?`, `[abc]`, `[a-f]`, `[!x]`.

/// Whether a pattern is more than a plain name.
pub(super) fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Whether every `[` has its `]`.
pub(super) fn is_closed(pattern: &str) -> bool {
    let mut open = false;
    for c in pattern.chars() {
        match c {
            '[' if open => return false,
            '[' => open = true,
            ']' if !open => return false,
            ']' => open = false,
            _ => {}
        }
    }
    !open
}

enum Token {
    Any,
    One,
    Char(char),
    Class(bool, Vec<(char, char)>),
}

/// Whether the whole name matches. Takes time proportional to pattern × name, whatever the pattern.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let tokens = tokens(pattern);
    let name: Vec<char> = name.chars().collect();
    let (mut token, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Any) => {
                retry = Some((token, at));
                token += 1;
            }
            Some(one) if one.takes(name[at]) => {
                token += 1;
                at += 1;
            }
            // The last `*` swallows one more character, and the rest is tried again.
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    token = star + 1;
                    at = from + 1;
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|token| matches!(token, Token::Any))
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Token::Any | Token::One => true,
            Token::Char(known) => *known == c,
            Token::Class(negated, ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => {
                let inner: String = rest.by_ref().take_while(|c| *c != ']').collect();
                class(&inner)
            }
            c => Token::Char(c),
        });
    }
    tokens
}

fn class(inner: &str) -> Token {
    let negated = inner.starts_with(['!', '^']);
    let chars: Vec<char> = inner.chars().skip(usize::from(negated)).collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if let (Some('-'), Some(end)) = (chars.get(at + 1), chars.get(at + 2)) {
            ranges.push((chars[at], *end));
            at += 3;
        } else {
            ranges.push((chars[at], chars[at]));
            at += 1;
        }
    }
    Token::Class(negated, ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        for (pattern, name) in [
            ("*", ""),
            ("web*", "web"),
            ("web*", "web-1"),
            ("*.example.com", "a.b.example.com"),
            ("web?", "web1"),
            ("a*b*c", "axxbyyc"),
            ("a*b*c", "abbbc"),
            ("web[12]", "web2"),
            ("web[a-f]x", "webcx"),
            ("web[!1]", "web2"),
            ("*ü?", "webüx"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("web?", "web"), ("web", "web1"), ("*1", "web12"), ("a*b*c", "axxcyyb"), ("web[!1]", "web1"), ("", "x")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let started = std::time::Instant::now();
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
        assert!(!matches(&format!("{}b", "*a".repeat(200)), &"a".repeat(1000)));
        assert!(started.elapsed().as_secs() < 1);
    }
}
