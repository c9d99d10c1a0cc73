//! What a text refers to as another file: imports, requires, includes.
//!
//! An import is kept as the words of its last two segments, which is what a path of a project can be compared with
//! whatever the language's roots are. A light reader of lines; what it misses is a neighbour that gets no extra score.

use super::lexer::{Word, is_word_byte, whole};

/// A reference to another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Import {
    /// The last segment, and the one before it; `0` if there is none.
    pub(crate) last: Word,
    pub(crate) before: Word,
    /// Directories up from the importing file; `None` when the import is not relative.
    pub(crate) up: Option<u8>,
}

/// Most imports of a text.
const MAX_IMPORTS: usize = 200;

/// The imports of a line, without its indentation.
pub(crate) fn imports(line: &str, found: &mut Vec<Import>) {
    let first = line.as_bytes().first().copied().unwrap_or(0);
    // Most lines begin with something else; `}` ends a list of names over several lines.
    if !matches!(
        first,
        b'f' | b'i'
            | b'e'
            | b'c'
            | b'l'
            | b'v'
            | b'u'
            | b'p'
            | b'm'
            | b'#'
            | b'@'
            | b'r'
            | b'"'
            | b'}'
            | b'a'
    ) || found.len() >= MAX_IMPORTS
    {
        return;
    }
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix("from ")
        && let Some((module, names)) = rest.split_once(" import ")
    {
        python(module.trim(), names, found);
        return;
    }
    if let Some(rest) = line.strip_prefix("import ")
        && !rest.contains(['"', '\'', '{'])
    {
        for module in rest.split(',') {
            let module = module.split(" as ").next().unwrap_or(module).trim().trim_end_matches(';');
            push(module, found);
        }
        return;
    }
    if let Some(rest) = line.strip_prefix("use ").or_else(|| line.strip_prefix("pub use ")) {
        push(rest.split(['{', ';', ' ']).next().unwrap_or(rest).trim_end_matches(':'), found);
        return;
    }
    let quotes = ["import", "export", "require", "from", "#include", "@import", "@use"];
    if quotes.iter().any(|word| line.contains(word)) || first == b'"' {
        quoted(line, found);
    }
}

/// `from a.b import c, d`: the module, and what may be modules in it.
fn python(module: &str, names: &str, found: &mut Vec<Import>) {
    let dots = module.bytes().take_while(|byte| *byte == b'.').count();
    let module = &module[dots..];
    let up = (dots > 0).then(|| u8::try_from(dots - 1).unwrap_or(u8::MAX));
    if !module.is_empty() {
        push_segments(module, up, found);
    }
    let last = module.rsplit('.').next().unwrap_or("");
    for name in names.split(',').take(12) {
        let name = name.split(" as ").next().unwrap_or(name).trim_matches([' ', '(', ')', '\\']);
        // A class is no module.
        if !name.is_empty() && !name.starts_with(|c: char| c.is_uppercase()) {
            let before = if last.is_empty() { 0 } else { whole(last) };
            add(Import { last: whole(name), before, up }, found);
        }
    }
}

fn quoted(line: &str, found: &mut Vec<Import>) {
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(open) = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\'' | b'<' | b'`')) {
        let start = at + open + 1;
        let close = if bytes[start - 1] == b'<' { b'>' } else { bytes[start - 1] };
        let Some(len) = bytes[start..].iter().position(|byte| *byte == close) else { return };
        let inner = &line[start..start + len];
        if len > 0 && len < 200 && !inner.contains(' ') {
            push(inner, found);
        }
        at = start + len + 1;
    }
}

fn push(spec: &str, found: &mut Vec<Import>) {
    let relative = spec.starts_with('.');
    let ups = spec.matches("../").count();
    push_segments(spec, relative.then(|| u8::try_from(ups).unwrap_or(u8::MAX)), found);
}

fn push_segments(spec: &str, up: Option<u8>, found: &mut Vec<Import>) {
    let spec = spec.strip_suffix('/').unwrap_or(spec);
    // An ending says nothing: `./x.js`, `x.h`. A dotted module has its segments between dots.
    let is_path = spec.contains('/');
    let spec = if is_path {
        spec.rsplit_once('.').filter(|(_, end)| !end.contains('/')).map_or(spec, |(stem, _)| stem)
    } else {
        spec
    };
    let mut segments =
        spec.rsplit(|c: char| !(c.is_ascii() && is_word_byte(c as u8)) && c != '-' && !(is_path && c == '.'));
    let mut next = || {
        segments.by_ref().find(|segment| {
            !segment.is_empty() && !matches!(*segment, "." | ".." | "crate" | "super" | "self")
        })
    };
    let Some(last) = next() else { return };
    let before = next().map_or(0, whole);
    add(Import { last: whole(last), before, up }, found);
}

fn add(import: Import, found: &mut Vec<Import>) {
    if import.last != 0 && found.len() < MAX_IMPORTS && !found.contains(&import) {
        found.push(import);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(line: &str) -> Vec<(Word, Word, Option<u8>)> {
        let mut found = Vec::new();
        imports(line, &mut found);
        found.into_iter().map(|import| (import.before, import.last, import.up)).collect()
    }

    #[test]
    fn imports_of_common_languages_are_found() {
        let of = |before: &str, last: &str, up| {
            (if before.is_empty() { 0 } else { whole(before) }, whole(last), up)
        };
        assert_eq!(
            segments("from django.db import models, Q\n"),
            [of("django", "db", None), of("db", "models", None)]
        );
        assert_eq!(segments("from . import utils"), [of("", "utils", Some(0))]);
        assert_eq!(segments("from ..core import x"), [of("", "core", Some(1)), of("core", "x", Some(1))]);
        assert_eq!(segments("import os.path as p, sys"), [of("os", "path", None), of("", "sys", None)]);
        assert_eq!(segments("import { a } from './lib/form.js';"), [of("lib", "form", Some(0))]);
        assert_eq!(segments("const x = require(\"../db/pool\");"), [of("db", "pool", Some(1))]);
        assert_eq!(segments("use crate::base::document::{Document, Kind};"), [of("base", "document", None)]);
        assert_eq!(segments("#include \"net/socket.h\""), [of("net", "socket", None)]);
        assert_eq!(segments("import com.acme.Orders;"), [of("acme", "Orders", None)]);
        assert_eq!(segments("\"github.com/acme/orders\""), [of("acme", "orders", None)]);
    }

    #[test]
    fn other_lines_import_nothing() {
        for line in ["", "x = 1", "return from_here", "fn imports() {", "// import nothing here"] {
            assert!(segments(line).is_empty(), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_can_be_read(line in "(from|import|use|require|#include)?[ a-z./'\"<>(){}é:]{0,60}") {
            imports(&line, &mut Vec::new());
        }
    }
}
