//! Which paths a Rust file names: its `use` trees and the paths within its code, with its own tests left out.

use std::collections::BTreeSet;

/// A path from its root: `["crate", "registry", "ROWS"]`.
pub(crate) type Path = Vec<String>;

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Word(String),
    /// `::`
    Colons,
    Sign(char),
    /// What stands in a string: attributes name paths there.
    Text(String),
}

/// All paths of a file that is the module `module` of its package (`["charts", "axis"]`), each once. `self` and
/// `super` are resolved to `crate`.
pub(crate) fn paths(text: &str, module: &[&str]) -> BTreeSet<Path> {
    let tokens = without_tests(tokens(text));
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Word(word) if word == "use" && !is_capture(&tokens, at) => {
                at += 1;
                tree(&tokens, &mut at, &Vec::new(), &mut found);
            }
            Token::Word(word) if word == "extern" && tokens.get(at + 1) == Some(&Token::Word("crate".into())) => {
                at += 2;
            }
            Token::Word(_) => {
                let path = chain(&tokens, &mut at);
                // A lone word names a thing of this file; a crate or another module takes two.
                if path.len() > 1 {
                    found.insert(path);
                }
            }
            Token::Text(text) => {
                let path: Path = text.split("::").map(str::to_owned).collect();
                if path.len() > 1 && path.iter().all(|s| !s.is_empty() && s.chars().all(is_word)) {
                    found.insert(path);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    let modules = declared(&tokens);
    let below = |path: Path| if modules.contains(&path[0]) { [vec!["self".to_owned()], path].concat() } else { path };
    found.into_iter().map(|path| resolved(below(path), module)).collect()
}

/// Modules that the file declares: within it their names hide packages of the same name.
fn declared(tokens: &[Token]) -> BTreeSet<String> {
    let pairs = tokens.windows(2).filter(|pair| pair[0] == Token::Word("mod".into()));
    let name = |pair: &[Token]| if let Token::Word(name) = &pair[1] { Some(name.clone()) } else { None };
    pairs.filter_map(name).collect()
}

/// `use<'a>` in a type.
fn is_capture(tokens: &[Token], at: usize) -> bool {
    tokens.get(at + 1) == Some(&Token::Sign('<'))
}

/// `a::b::c`, as long as it goes on.
fn chain(tokens: &[Token], at: &mut usize) -> Path {
    let mut path = Vec::new();
    while let Some(Token::Word(word)) = tokens.get(*at) {
        path.push(word.clone());
        *at += 1;
        match (tokens.get(*at), tokens.get(*at + 1)) {
            (Some(Token::Colons), Some(Token::Word(_))) => *at += 1,
            _ => break,
        }
    }
    // `a::<T>::b` goes on after its types, but its root is known.
    if tokens.get(*at) == Some(&Token::Colons) {
        *at += 1;
    }
    path
}

/// The rest of a `use` tree below `root`: up to its `;`, `,` or `}`.
fn tree(tokens: &[Token], at: &mut usize, root: &Path, found: &mut BTreeSet<Path>) {
    let mut path = root.clone();
    while let Some(token) = tokens.get(*at) {
        match token {
            Token::Sign(';' | ',' | '}') => break,
            Token::Sign('{') => {
                while tokens.get(*at).is_some_and(|t| matches!(t, Token::Sign('{' | ','))) {
                    *at += 1;
                    if tokens.get(*at) != Some(&Token::Sign('}')) {
                        tree(tokens, at, &path, found);
                    }
                }
                *at += 1;
                return;
            }
            Token::Word(word) if word == "as" => *at += 1,
            Token::Word(word) if word == "self" && !path.is_empty() => {}
            Token::Word(word) => path.push(word.clone()),
            Token::Sign('*') => path.push("*".to_owned()),
            _ => {}
        }
        *at += 1;
    }
    found.insert(path);
}

/// The same path from the package's top.
fn resolved(path: Path, module: &[&str]) -> Path {
    let own = ["self", "super"];
    if !path.first().is_some_and(|root| own.contains(&root.as_str())) {
        return path;
    }
    let up = path.iter().take_while(|segment| own.contains(&segment.as_str())).filter(|s| *s == "super").count();
    let kept = module[..module.len().saturating_sub(up)].iter().map(|&segment| segment.to_owned());
    let rest = path.into_iter().skip_while(|segment| own.contains(&segment.as_str()));
    std::iter::once("crate".to_owned()).chain(kept).chain(rest).collect()
}

/// Leaves out every `#[cfg(test)] mod … { … }`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mark: Vec<Token> = self::tokens("#[cfg(test)]");
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].starts_with(&mark) {
            let head = tokens[at..].iter().position(|t| matches!(t, Token::Sign('{' | ';' | '}')));
            let end = head.map_or(tokens.len(), |head| at + head);
            let is_module = tokens[at..end].contains(&Token::Word("mod".into()));
            if is_module && tokens.get(end) == Some(&Token::Sign('{')) {
                at = after_braces(&tokens, end);
                continue;
            }
        }
        kept.push(tokens[at].clone());
        at += 1;
    }
    kept
}

fn after_braces(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words and signs of a text, without comments. Numbers are words; a lifetime is a sign and a word.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    let is = |at: usize, what: &str| chars.get(at..at + what.len()).is_some_and(|c| c.iter().copied().eq(what.chars()));
    while at < chars.len() {
        if is(at, "//") {
            at = (at..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len());
        } else if is(at, "/*") {
            at = (at + 2..chars.len()).find(|i| is(*i, "*/")).map_or(chars.len(), |i| i + 2);
        } else if let Some(hashes) = raw_string(&chars, at) {
            let (begin, end) = (at + hashes + 2, format!("\"{}", "#".repeat(hashes)));
            let stop = (begin..chars.len()).find(|i| is(*i, &end)).unwrap_or(chars.len());
            tokens.push(Token::Text(chars[begin.min(stop)..stop].iter().collect()));
            at = stop + end.len();
        } else if chars[at] == '"' {
            let mut stop = at + 1;
            while stop < chars.len() && chars[stop] != '"' {
                stop += if chars[stop] == '\\' { 2 } else { 1 };
            }
            tokens.push(Token::Text(chars[at + 1..stop.min(chars.len())].iter().collect()));
            at = stop + 1;
        } else if chars[at] == '\'' && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')) {
            // A character; `'\''` and `'\u{7f}'` end at the next quote after the escape.
            at = (at + 3 - usize::from(chars.get(at + 1) != Some(&'\\'))..chars.len())
                .find(|i| chars[*i] == '\'')
                .map_or(chars.len(), |i| i + 1);
        } else if is_word(chars[at]) {
            let stop = (at..chars.len()).find(|i| !is_word(chars[*i])).unwrap_or(chars.len());
            tokens.push(Token::Word(chars[at..stop].iter().collect()));
            at = stop;
        } else if is(at, "::") {
            tokens.push(Token::Colons);
            at += 2;
        } else {
            if !chars[at].is_whitespace() {
                tokens.push(Token::Sign(chars[at]));
            }
            at += 1;
        }
    }
    tokens
}

/// How many `#` a raw string that begins here has.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    if chars[at] != 'r' || at > 0 && is_word(chars[at - 1]) && chars[at - 1] != 'b' {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        paths(text, &["charts", "axis"]).into_iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn trees_are_spread_out() {
        let text = "pub(super) use a::{b, c::{self, d as e,}, f::*};\nuse g;\n#[x] use h::{\n    i,\n    j::k,\n};";
        assert_eq!(found(text), ["a::b", "a::c", "a::c::d", "a::f::*", "g", "h::i", "h::j::k"]);
        assert_eq!(found("use ::a::b; use {c::d, e};"), ["a::b", "c::d", "e"]);
    }

    #[test]
    fn paths_in_code_count_and_words_about_them_do_not() {
        assert_eq!(found("fn f(x: a::B) { c::d::<e::F>(); g.h(); }"), ["a::B", "c::d", "e::F"]);
        assert_eq!(
            found("// a::b\n/* c::d */ let s = \"x \\\" e::f\"; let t = r#\"g::\"h\"#; '\\''; '\"'; i::j"),
            ["i::j"]
        );
        assert_eq!(found("#[serde(with = \"a::b\")] struct S<'a>(&'a str);"), ["a::b"]);
    }

    #[test]
    fn self_and_super_are_found_from_the_top() {
        assert_eq!(
            found("use super::canvas::A; use super::super::registry; use self::b;"),
            ["crate::charts::axis::b", "crate::charts::canvas::A", "crate::registry"]
        );
    }

    #[test]
    fn tests_are_left_out_and_what_follows_them_is_not() {
        let text = "use a::b;\n#[cfg(test)]\nmod tests { use c::d; fn f() { { } } }\nuse e::f;\n#[cfg(test)]\nmod g;\nuse h::i;";
        assert_eq!(found(text), ["a::b", "e::f", "h::i"]);
    }
}
