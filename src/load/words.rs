//! Splitting `ssh_args` and `validate` into words as a shell does, without any of a shell's expansions.

/// The words of a command line; `None` if a quote is never closed or a backslash ends the text.
#[must_use]
pub fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') if matches!(rest.peek(), Some('"' | '\\' | '$' | '`')) => {
                word.get_or_insert_default().extend(rest.next());
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(rest.next()?),
            (None, ' ' | '\t' | '\n' | '\r') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::split_words;

    #[test]
    fn words_are_split_as_a_shell_would() {
        let split = |text| split_words(text).unwrap();
        assert_eq!(
            split("-J jump  -o 'ProxyCommand=ssh -W %h:%p x'"),
            ["-J", "jump", "-o", "ProxyCommand=ssh -W %h:%p x"]
        );
        assert_eq!(split(r#"-o "A=\"b\" c" d\ e '' "#), ["-o", "A=\"b\" c", "d e", ""]);
        assert_eq!(split(r#""a\b" x'y'z"#), ["a\\b", "xyz"]);
        assert_eq!(split("  "), Vec::<String>::new());
        assert_eq!(split_words("a 'b"), None);
        assert_eq!(split_words("a \\"), None);
    }
}
