//! A parser for the `curl` commands of the page, with the options that it uses.

use std::collections::BTreeMap;

/// The request of one `curl` command.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// Whether `-N` is given: the answer is a stream without an end.
    pub streams: bool,
}

impl Command {
    /// Parses a command; the variables are those of the shell.
    pub fn parse(text: &str, variables: &BTreeMap<String, String>) -> Self {
        let mut words = words(text, variables).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{text}");
        let mut command =
            Self { method: String::new(), url: String::new(), headers: vec![], body: None, streams: false };
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} has no value: {text}"));
            match word.as_str() {
                "-X" => command.method = value(),
                "-H" => {
                    let header = value();
                    let (name, value) = header.split_once(": ").unwrap_or_else(|| panic!("{header}: {text}"));
                    command.headers.push((name.to_owned(), value.to_owned()));
                }
                "--json" => {
                    command.body = Some(value());
                    command.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
                }
                "--data-binary" => command.body = Some(value()),
                "-N" => command.streams = true,
                // Prints the headers, which the test always reads.
                "-i" => {}
                _ if word.starts_with('-') => panic!("the page uses {word}, which its test does not know: {text}"),
                _ => command.url = word,
            }
        }
        if command.method.is_empty() {
            command.method.push_str(if command.body.is_some() { "POST" } else { "GET" });
        }
        command
    }
}

/// Splits as a shell does: white space, single and double quotes, variables outside of single ones, `\` at a line's end.
fn words(text: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\\') if characters.peek() == Some(&'\n') => {}
            (None, character) if character.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), character) if open == character => quote = None,
            (None | Some('"'), '$') => {
                let mut name = String::new();
                while let Some(next) = characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(next);
                }
                let value = variables.get(&name).unwrap_or_else(|| panic!("${name} is not set yet: {text}"));
                word.get_or_insert_default().push_str(value);
            }
            (_, character) => word.get_or_insert_default().push(character),
        }
    }
    assert_eq!(quote, None, "a quote is not closed: {text}");
    words.extend(word);
    words
}

#[test]
fn commands_are_parsed_as_by_a_shell() {
    let variables =
        BTreeMap::from([("BASE".to_owned(), "http://x".to_owned()), ("AUTH".to_owned(), "A: b c".to_owned())]);
    let command =
        Command::parse("curl -X PUT -H \"$AUTH\" \\\n  --json '{\"a\":\"$b\"}' \"$BASE/c?d=e f\"", &variables);
    assert_eq!((command.method.as_str(), command.url.as_str()), ("PUT", "http://x/c?d=e f"));
    assert_eq!(command.body.as_deref(), Some("{\"a\":\"$b\"}"));
    assert_eq!(command.headers[0], ("A".to_owned(), "b c".to_owned()));
}
