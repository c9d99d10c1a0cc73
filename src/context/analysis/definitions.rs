//! What a line of code defines: functions, classes, types, tables, headings.
//!
//! A light reader of lines, not a parser: a definition is found by the word it begins with, which is the same in most
//! languages, and by what may follow its name. It knows no scopes and no strings, so that a line of a text in quotes can
//! look like one; that costs an odd boundary of a block.

use super::lexer::{Word, is_word_byte, whole};

/// A name and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The name's word as a whole.
    pub(crate) word: Word,
    /// Where the name begins, in bytes.
    pub(crate) at: u32,
    /// Bytes of the name.
    pub(crate) len: u16,
}

/// Words that may stand before the one that defines.
const MODIFIERS: &[&str] = &[
    "abstract",
    "async",
    "case",
    "const",
    "create",
    "data",
    "declare",
    "default",
    "exists",
    "export",
    "extern",
    "final",
    "if",
    "implicit",
    "inline",
    "internal",
    "lazy",
    "local",
    "native",
    "not",
    "open",
    "or",
    "override",
    "partial",
    "private",
    "protected",
    "pub",
    "public",
    "readonly",
    "replace",
    "sealed",
    "static",
    "suspend",
    "synchronized",
    "temporary",
    "unique",
    "unsafe",
    "virtual",
];

/// Words after which a name is defined.
const DEFINING: &[&str] = &[
    "class",
    "def",
    "defmodule",
    "defp",
    "enum",
    "extension",
    "fn",
    "fun",
    "func",
    "function",
    "impl",
    "index",
    "interface",
    "message",
    "mod",
    "model",
    "module",
    "namespace",
    "object",
    "package",
    "procedure",
    "protocol",
    "record",
    "resource",
    "rpc",
    "service",
    "struct",
    "sub",
    "table",
    "trait",
    "trigger",
    "type",
    "union",
    "view",
];

/// Words that bind a name to what follows: a definition if that is a function or a class.
const BINDING: &[&str] = &["const", "let", "static", "val", "var"];

/// Words that a statement with parentheses and a block begins with.
const STATEMENTS: &[&str] = &[
    "catch", "do", "elif", "else", "for", "foreach", "guard", "if", "lock", "loop", "match", "return",
    "switch", "try", "unless", "until", "using", "when", "while", "with",
];

/// What may follow the name of a definition; in prose it is another word.
const AFTER_NAMES: &[&str] =
    &["extends", "implements", "struct", "interface", "final", "where", "is", "as", "for", "on"];

/// The longest word that is compared with the tables above.
const MAX_KEYWORD_BYTES: usize = 12;
/// The longest name that is kept.
const MAX_NAME_BYTES: usize = 200;

/// What a line, without its indentation, defines. Places are relative to the line.
pub(crate) fn definition(line: &str) -> Option<Definition> {
    let mut at = 0;
    for _ in 0..6 {
        let Some(word) = keyword_at(line, at) else { break };
        let mut next = at + word.len();
        if word == "pub" && line[next..].starts_with('(') {
            // `pub(crate)`, `pub(in a::b)`.
            next += line[next..].find(')').map_or(0, |close| close + 1);
        }
        next += line[next..].bytes().take_while(|byte| *byte == b' ').count();
        // SQL is written in capitals.
        let lower;
        let word = if word.bytes().all(|byte| byte.is_ascii_uppercase()) {
            lower = word.to_ascii_lowercase();
            lower.as_str()
        } else {
            word
        };
        if DEFINING.contains(&word) {
            return defined(line, next, word);
        }
        if BINDING.contains(&word)
            && let Some(found) = bound(line, next)
        {
            return Some(found);
        }
        if !MODIFIERS.contains(&word) {
            break;
        }
        at = next;
    }
    callable(line)
}

/// A heading of Markdown: its first word is the name.
pub(crate) fn heading(line: &str) -> Option<Definition> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let text = line[level..].strip_prefix(' ')?.trim();
    if !(1..=6).contains(&level) || text.is_empty() || text.len() > MAX_NAME_BYTES {
        return None;
    }
    at_place(line, level + line[level..].find(text)?, text.len())
}

fn keyword_at(line: &str, at: usize) -> Option<&str> {
    let bytes = &line.as_bytes()[at..];
    let len = bytes.iter().take(MAX_KEYWORD_BYTES + 1).take_while(|byte| byte.is_ascii_alphabetic()).count();
    (len > 0 && len <= MAX_KEYWORD_BYTES).then(|| &line[at..at + len])
}

fn defined(line: &str, mut at: usize, keyword: &str) -> Option<Definition> {
    let bytes = line.as_bytes();
    // Go's receiver, the parameters of an impl.
    if keyword == "func" && bytes.get(at) == Some(&b'(') {
        at += line[at..].find(')')? + 1;
    } else if keyword == "impl" && bytes.get(at) == Some(&b'<') {
        at += line[at..].find('>')? + 1;
    }
    for skipped in ["IF NOT EXISTS ", "if not exists "] {
        if line[at..].starts_with(skipped) {
            at += skipped.len();
        }
    }
    at += bytes[at..]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'*' | b'"' | b'`' | b'[' | b'\''))
        .count();
    let len = name_len(bytes, at)?;
    let rest = line[at + len..].trim_start_matches([' ', '"', '`', ']', '\'']);
    let ends = rest.bytes().next().is_none_or(|byte| {
        matches!(byte, b'(' | b':' | b'{' | b'<' | b';' | b'=' | b'[' | b'\n' | b'\r' | b'.' | b'!')
    });
    let goes_on =
        || AFTER_NAMES.iter().any(|word| rest.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')));
    (ends || goes_on()).then(|| at_place(line, at, len)).flatten()
}

fn bound(line: &str, at: usize) -> Option<Definition> {
    let len = name_len(line.as_bytes(), at)?;
    let rest = &line[at + len..];
    let binds = rest.contains("=>") || rest.contains("function") || rest.contains("= class");
    (binds && rest.trim_start().starts_with(['=', ':'])).then(|| at_place(line, at, len)).flatten()
}

/// A function or method without a word for it, as in C, Java and classes of JavaScript: a name, parentheses, a brace.
fn callable(line: &str) -> Option<Definition> {
    if !line.trim_end().ends_with('{') {
        return None;
    }
    let parenthesis = line.find('(')?;
    let before = &line[..parenthesis];
    if before.contains(['=', '.', '"', '\'', '|', '&', '?', '}'])
        || STATEMENTS.iter().any(|word| starts_with_word(line, word))
    {
        return None;
    }
    let len = before.bytes().rev().take_while(|byte| is_word_byte(*byte) || *byte == b'$').count();
    let at = parenthesis - len;
    (name_len(line.as_bytes(), at)? == len).then(|| at_place(line, at, len)).flatten()
}

fn starts_with_word(line: &str, word: &str) -> bool {
    line.strip_prefix(word).is_some_and(|rest| !rest.bytes().next().is_some_and(is_word_byte))
}

fn name_len(bytes: &[u8], at: usize) -> Option<usize> {
    let len = bytes[at..].iter().take_while(|byte| is_word_byte(**byte) || **byte == b'$').count();
    (len > 0 && len <= MAX_NAME_BYTES && !bytes[at].is_ascii_digit()).then_some(len)
}

fn at_place(line: &str, at: usize, len: usize) -> Option<Definition> {
    let word = whole(line.get(at..at + len)?);
    Some(Definition { word, at: u32::try_from(at).ok()?, len: u16::try_from(len).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_of_common_languages_are_found() {
        for (line, name) in [
            ("def separability_matrix(transform):", "separability_matrix"),
            ("async def fetch(self):", "fetch"),
            ("class Field(RegisterLookupMixin):", "Field"),
            ("class Foo:", "Foo"),
            ("export default class LoginForm extends Component {", "LoginForm"),
            ("export async function load(x) {", "load"),
            ("export const useAuth = (x) => {", "useAuth"),
            ("const parse = function (x) {", "parse"),
            ("export interface Props {", "Props"),
            ("type Id = string;", "Id"),
            ("pub(crate) fn cut(text: &str) -> Blocks {", "cut"),
            ("pub const fn new() -> Self {", "new"),
            ("impl<T> Cut<'_> {", "Cut"),
            ("func (s *Server) Serve(l net.Listener) error {", "Serve"),
            ("type Server struct {", "Server"),
            ("public static void main(String[] args) {", "main"),
            ("static int cmp(const void *a, const void *b) {", "cmp"),
            ("render() {", "render"),
            ("CREATE TABLE IF NOT EXISTS \"users\" (", "users"),
            ("create unique index users_email on users (email);", "users_email"),
            ("fun greet(name: String) = println(name)", "greet"),
            ("def initialize\n", "initialize"),
            ("message Person {", "Person"),
        ] {
            let found = definition(line).map(|found| &line[found.at as usize..][..found.len as usize]);
            assert_eq!(found, Some(name), "{line}");
        }
        assert_eq!(heading("## How to build\n").map(|found| (found.at, found.len)), Some((3, 12)));
    }

    #[test]
    fn statements_and_prose_define_nothing() {
        for line in [
            "if (x) {",
            "for (const a of b) {",
            "} else if (y) {",
            "return function_call(x)",
            "const x = 5;",
            "class of problems that we know",
            "type the password here",
            "model is trained",
            "switch (kind) {",
            "x.forEach((y) => {",
            "while let Some(x) = next() {",
            "match kind(x) {",
            "",
            "(",
            "# comment",
            "def",
            "let x = 1;",
            "a = b(c) {",
            "definition of it",
        ] {
            assert_eq!(definition(line), None, "{line}");
        }
        assert_eq!(heading("#!/bin/sh"), None);
        assert_eq!(heading("#include <x.h>"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_line_can_be_read(line in "[a-z (){}<>*\"#=:é]{0,60}") {
            for found in [definition(&line), heading(&line)].into_iter().flatten() {
                let name = &line[found.at as usize..][..found.len as usize];
                assert!(!name.is_empty());
            }
        }
    }
}
