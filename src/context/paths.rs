//! Dotted paths of values as callers see them: `files.src/app.ts`, `list.3`. Of a key of more than 256 bytes the end is
//! shown, of a path of more than 4 KB likewise, each behind `…`: the text must not grow with values × length of keys.

use std::io::Write;

use super::elements::segment_of;
use super::outcome::DroppedPart;
use crate::base::document::{Document, Kind};
use crate::base::json::{View, write_string};

/// Stands for what is not shown.
const CUT: &str = "…";

/// A longer path begins anew.
const MAX_PREFIX_BYTES: usize = 4096;

/// JSON object from the dotted path of each value of `kept` (ascending) to its score. O(values above and beside them).
pub fn scores_json(document: &Document, kept: &[u32], scores: &[f32]) -> Vec<u8> {
    let write = |place: usize, path: &[u8], out: &mut Vec<u8>| {
        if place > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(path);
        write!(out, "\":{}", Score(scores[place].into())).expect(WRITABLE);
    };
    let mut json = written(document, kept, b'{', write);
    json.push(b'}');
    json
}

/// A score of 0–1 with four decimals: people compare them, and equal ones should look equal.
#[derive(Debug, Clone, Copy)]
pub struct Score(pub f64);

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Several times as fast as writing a float, and there may be one for every value.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10,000")]
        let parts = (self.0.clamp(0.0, 1.0) * 10_000.0).round() as u32;
        write!(f, "{}.{:04}", parts / 10_000, parts % 10_000)
    }
}

/// JSON rows `[path, bytes, tokens, score, reason, reference, first line, last line]` of what was left out, in the context's
/// order. O(parts + values above and beside them).
pub fn dropped_json(document: &Document, parts: &[DroppedPart]) -> String {
    let mut values: Vec<u32> = parts.iter().map(|part| part.value).collect();
    values.dedup();
    let mut at = 0;
    let write = |place: usize, path: &[u8], out: &mut Vec<u8>| {
        while let Some(part) = parts.get(at).filter(|part| part.value == values[place]) {
            if at > 0 {
                out.push(b',');
            }
            let DroppedPart { bytes, tokens, score, reason, reference, lines, .. } = part;
            out.extend_from_slice(b"[\"");
            out.extend_from_slice(path);
            write!(out, "\",{bytes},{tokens},{},\"{}\",\"{reference}\"", Score(*score), reason.name())
                .expect(WRITABLE);
            if let Some((first, last)) = lines {
                write!(out, ",{first},{last}").expect(WRITABLE);
            }
            out.push(b']');
            at += 1;
        }
    };
    let mut rows = written(document, &values, b'[', write);
    rows.push(b']');
    String::from_utf8(rows).expect("invariant: paths are written from UTF-8")
}

const WRITABLE: &str = "invariant: writing to a Vec cannot fail";

/// What `write` writes of the values `kept` (ascending), given their places in it and their paths.
fn written(
    document: &Document,
    kept: &[u32],
    begin: u8,
    write: impl FnMut(usize, &[u8], &mut Vec<u8>),
) -> Vec<u8> {
    let mut writer = Writer { document, kept, write, next: 0, prefix: Vec::new(), out: vec![begin] };
    if kept.first() == Some(&0) {
        writer.entry();
    }
    writer.descend(0);
    writer.out
}

struct Writer<'a, F> {
    document: &'a Document,
    kept: &'a [u32],
    write: F,
    next: usize,
    /// Path so far, as it stands between quotes in JSON, with a dot at its end.
    prefix: Vec<u8>,
    out: Vec<u8>,
}

impl<F: FnMut(usize, &[u8], &mut Vec<u8>)> Writer<'_, F> {
    fn descend(&mut self, value: usize) {
        if self.prefix.len() > MAX_PREFIX_BYTES {
            let above = std::mem::replace(&mut self.prefix, format!("{CUT}.").into_bytes());
            self.descend_from_here(value);
            self.prefix = above;
        } else {
            self.descend_from_here(value);
        }
    }

    fn descend_from_here(&mut self, value: usize) {
        let object = self.document.kind(value) == Kind::Object;
        let before = self.prefix.len();
        for (position, child) in self.document.children(value).enumerate() {
            let Some(&next) = self.kept.get(self.next) else { return };
            let (next, end) = (next as usize, self.document.end(child));
            if next >= end {
                continue;
            }
            self.push_segment(child, position, object);
            if next == child {
                self.entry();
            } else {
                self.prefix.push(b'.');
                self.descend(child);
            }
            self.prefix.truncate(before);
        }
    }

    fn push_segment(&mut self, child: usize, position: usize, object: bool) {
        let key = self.document.key(child);
        let shown = segment_of(key);
        if shown.len() < key.len() {
            self.prefix.extend_from_slice(CUT.as_bytes());
        }
        let mut text = Vec::new();
        if !object {
            write_string(&position.to_string(), &mut text);
        } else if !self.document.key_is_escaped(child) {
            write_string(shown, &mut text);
        } else if shown.len() == key.len() {
            View::whole(self.document).write_key(child, &mut text);
        } else {
            // The end of a key that is given escaped may begin inside an escape.
            return;
        }
        self.prefix.extend_from_slice(&text[1..text.len() - 1]);
    }

    fn entry(&mut self) {
        (self.write)(self.next, &self.prefix, &mut self.out);
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::document::tests::document;

    #[test]
    fn paths_are_dotted_and_keys_stay_as_they_are() {
        // root, a, b.c, x, "", list, item 0, item 1
        let document = document(r#"{"a":1,"b.c":{"x":1,"\"":2},"list":[0,1]}"#);
        let json = scores_json(&document, &[1, 3, 4, 7], &[1.0, 0.5, 0.25, 0.125]);
        assert_eq!(
            String::from_utf8(json).expect("UTF-8"),
            r#"{"a":1.0000,"b.c.x":0.5000,"b.c.\"":0.2500,"list.1":0.1250}"#
        );
    }

    #[test]
    fn long_keys_and_paths_are_shown_by_their_end() {
        let key = "x".repeat(300);
        let json = format!(r#"{{"{key}end":1}}"#);
        let found = String::from_utf8(scores_json(&document(&json), &[1], &[1.0])).expect("UTF-8");
        assert_eq!(found, format!("{{\"…{}end\":1.0000}}", "x".repeat(253)));
        let mut deep = "1".to_owned();
        for _ in 0..100 {
            deep = format!(r#"{{"{key}":{deep}}}"#);
        }
        assert!(scores_json(&document(&deep), &[100], &[1.0]).len() < 2 * MAX_PREFIX_BYTES);
    }

    #[test]
    fn root_has_the_empty_path() {
        assert_eq!(scores_json(&document("7"), &[0], &[1.0]), br#"{"":1.0000}"#);
    }
}
