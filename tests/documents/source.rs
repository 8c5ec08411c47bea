//! Rust source as far as the rules need it: which modules and which crates a file names. Comments and texts count for
//! nothing; tests within a file count like the rest of it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A file of `src`, taken apart.
pub struct Source {
    /// Its path, from the top of the repository.
    pub path: String,
    /// Its module as path segments: `["store", "open"]`, and none for the crate's root.
    module: Vec<String>,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Step,
    Other(char),
}

impl Token {
    fn is(&self, text: &str) -> bool {
        match self {
            Self::Word(word) => word == text,
            Self::Step => text == "::",
            Self::Other(c) => text.chars().eq([*c]),
        }
    }
}

impl Source {
    /// Takes a file apart; its path reads `src/…`.
    pub fn read(path: &str, text: &str) -> Self {
        let bare = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let is_root = matches!(bare, "lib" | "main");
        let module = if is_root { Vec::new() } else { bare.split('/').map(str::to_owned).collect() };
        let source = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), module, tokens: tokens(source) }
    }

    /// The module below the crate's root that it belongs to; the roots are called after their files.
    pub fn top(&self) -> &str {
        match self.module.first() {
            Some(top) => top,
            None => self.path.trim_start_matches("src/").trim_end_matches(".rs"),
        }
    }

    /// The modules below the crate's root that it names, by `crate::…` or by as many `super` as lead there.
    pub fn modules_named(&self) -> Vec<String> {
        let mut named = Vec::new();
        let mut inner: Vec<usize> = Vec::new();
        let mut braces = 0;
        for (at, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Other('{') => {
                    braces += 1;
                    let opens_module = at >= 2 && self.word(at - 2) == Some("mod") && self.word(at - 1).is_some();
                    if opens_module {
                        inner.push(braces);
                    }
                }
                Token::Other('}') => {
                    inner.pop_if(|level| *level == braces);
                    braces -= 1;
                }
                Token::Word(word) if self.is_step(at + 1) && !(at > 0 && self.is_step(at - 1)) => {
                    let depth = self.module.len() + inner.len();
                    if word == "crate" || (word == "muster" && self.path == "src/main.rs") {
                        named.extend(self.heads(at + 2));
                    } else if word == "super" {
                        let supers =
                            (at..).step_by(2).take_while(|at| self.word(*at) == Some("super") && self.is_step(at + 1));
                        let supers = supers.count();
                        if supers >= depth {
                            named.extend(self.heads(at + 2 * supers));
                        }
                    }
                }
                _ => {}
            }
        }
        named
    }

    /// Whether a path in it begins with this crate.
    pub fn names_crate(&self, name: &str) -> bool {
        (0..self.tokens.len()).any(|at| {
            // A path may begin with `::`, too.
            let begins = at == 0 || !self.is_step(at - 1) || at < 2 || self.word(at - 2).is_none();
            let used = at > 0 && self.word(at - 1) == Some("use");
            self.word(at) == Some(name) && begins && (self.is_step(at + 1) || used)
        })
    }

    /// Whether these names follow each other in a path.
    pub fn names_path(&self, names: &[&str]) -> bool {
        (0..self.tokens.len()).any(|at| {
            let mut places = (at..).step_by(2).zip(names).enumerate();
            places.all(|(nth, (at, name))| self.word(at) == Some(name) && (nth == 0 || self.is_step(at - 1)))
        })
    }

    /// The same file without its modules of tests.
    pub fn without_tests(&self) -> Self {
        let begins_test = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
        let mut tokens = Vec::new();
        let mut rest = self.tokens.as_slice();
        while let Some((first, others)) = rest.split_first() {
            if begins_test.iter().enumerate().all(|(at, text)| rest.get(at).is_some_and(|token| token.is(text))) {
                // Up to the bracket that closes the module, or to the end of `mod tests;`.
                let mut depth = 0;
                let end = rest.iter().skip(begins_test.len()).position(|token| {
                    depth += i32::from(token.is("{")) - i32::from(token.is("}"));
                    depth == 0 && (token.is("}") || token.is(";"))
                });
                rest = &rest[end.map_or(rest.len(), |end| begins_test.len() + end + 1)..];
            } else {
                tokens.push(first.clone());
                rest = others;
            }
        }
        Self { path: self.path.clone(), module: self.module.clone(), tokens }
    }

    /// The structs with named fields that it declares, each with the names of its fields.
    pub fn structs(&self) -> Vec<(&str, Vec<&str>)> {
        (0..self.tokens.len())
            .filter_map(|at| (self.word(at) == Some("struct")).then(|| self.fields(at)).flatten())
            .collect()
    }

    /// The name and the fields of the struct whose keyword is at this token.
    fn fields(&self, at: usize) -> Option<(&str, Vec<&str>)> {
        let name = self.word(at + 1)?;
        let ends = |token: &Token| matches!(token, Token::Other('{' | ';' | '('));
        let open = at + self.tokens[at..].iter().position(ends)?;
        if self.tokens[open] != Token::Other('{') {
            return None;
        }
        let (mut depth, mut fields) = (0, Vec::new());
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token {
                Token::Other('{' | '(' | '<' | '[') => depth += 1,
                Token::Other('>') if self.tokens[at - 1] == Token::Other('-') => {}
                Token::Other('}' | ')' | '>' | ']') => depth -= 1,
                Token::Word(word) if depth == 1 && self.tokens.get(at + 1) == Some(&Token::Other(':')) => {
                    fields.push(&**word);
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        Some((name, fields))
    }

    /// The names of the constants that it declares.
    pub fn constants(&self) -> Vec<&str> {
        (1..self.tokens.len()).filter(|at| self.word(at - 1) == Some("const")).filter_map(|at| self.word(at)).collect()
    }

    /// Whether it reads a field of this name.
    pub fn reads_field(&self, name: &str) -> bool {
        (1..self.tokens.len()).any(|at| self.tokens[at - 1] == Token::Other('.') && self.word(at) == Some(name))
    }

    /// What a path goes on with: one name, or each of a group.
    fn heads(&self, at: usize) -> Vec<String> {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => vec![word.clone()],
            Some(Token::Other('{')) => {
                let mut depth = 0;
                let mut heads = Vec::new();
                for (at, token) in self.tokens.iter().enumerate().skip(at) {
                    match token {
                        Token::Other('{') => depth += 1,
                        Token::Other('}') => depth -= 1,
                        Token::Word(word) if depth == 1 && matches!(self.tokens[at - 1], Token::Other('{' | ',')) => {
                            heads.push(word.clone());
                        }
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
                heads
            }
            _ => vec!["*".to_owned()],
        }
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is_step(&self, at: usize) -> bool {
        self.tokens.get(at) == Some(&Token::Step)
    }
}

/// The tokens of a piece of source, with brackets among them; texts, characters and numbers are left out.
fn tokens(source: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    for tree in source {
        match tree {
            TokenTree::Ident(word) => tokens.push(Token::Word(word.to_string())),
            TokenTree::Punct(punct) if punct.as_char() == ':' && tokens.last() == Some(&Token::Other(':')) => {
                tokens.pop();
                tokens.push(Token::Step);
            }
            TokenTree::Punct(punct) => tokens.push(Token::Other(punct.as_char())),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket | Delimiter::None => ('[', ']'),
                };
                tokens.push(Token::Other(open));
                tokens.extend(self::tokens(group.stream()));
                tokens.push(Token::Other(close));
            }
            TokenTree::Literal(_) => {}
        }
    }
    tokens
}

#[test]
fn modules_and_crates_are_found_where_code_names_them() {
    let check = |path: &str, text: &str, expected: &[&str]| {
        assert_eq!(Source::read(path, text).modules_named(), expected, "{text}");
    };
    check("src/a/b.rs", "use crate::x::{y, z}; fn f() { crate::w::g(crate::{u, v::{t}}) }", &["x", "w", "u", "v"]);
    check("src/a/b.rs", "// crate::x\nlet s = \"crate::x\"; let r = r#\"crate::\"x\"#; let c = '\"'; crate::y", &["y"]);
    check("src/a/b.rs", "use super::x; use super::super::y; pub(crate) fn f<'a>(_: &'a str) {}", &["y"]);
    check("src/a/mod.rs", "use super::x; mod tests { use super::y; use super::super::z; }", &["x", "z"]);
    check("src/main.rs", "fn main() { muster::cli::main(b\"x\") }", &["cli"]);
    let source = Source::read("src/a.rs", "use axum; fn f() { ::tower::g(); x::hyper::h(\"rusqlite::i\") }");
    let named = ["axum", "tower", "hyper", "rusqlite"].map(|name| source.names_crate(name));
    assert_eq!(named, [true, true, false, false]);
    assert!(source.names_path(&["hyper", "h"]) && !source.names_path(&["tower", "h"]));
    let with_tests =
        "x::a(); #[cfg(test)] mod tests { mod inner { fn f() { x::b() } } } #[cfg(test)] mod more; x::c();";
    let without_tests = Source::read("src/a.rs", with_tests).without_tests();
    let named = ["a", "b", "c"].map(|name| without_tests.names_path(&["x", name]));
    assert_eq!(named, [true, false, true]);
}

#[test]
fn structs_constants_and_fields_are_found() {
    let text = "const X: u8 = 1; struct A; struct B(u8); \
                struct C<'a> { pub x: Vec<(u8, u8)>, f: fn(u8) -> u8, z: &'a u8 } \
                fn f(c: C) { c.w }";
    let source = Source::read("src/a.rs", text);
    assert_eq!((source.structs(), source.constants()), (vec![("C", vec!["x", "f", "z"])], vec!["X"]));
    assert!(source.reads_field("w") && !source.reads_field("x"));
}
