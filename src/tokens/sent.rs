//! The JSON of results as callers see them, to be counted.

use super::blocks::write_parts;
use super::delta::{Delta, Written};
use super::optimizer::Blocks;
use crate::base::document::Kind;
use crate::base::json::View;

/// JSON of the result for an unchanged context, as callers see it.
pub(super) fn unchanged_json(hash: &str) -> String {
    format!(r#"{{"type":"incremental","changes":[],"reference":"{hash}"}}"#)
}

/// JSON of the result for a context that is new or has changed, as callers see it.
pub(super) fn delta_json(
    view: View<'_>,
    written: &Written,
    delta: &Delta,
    blocks: Option<&Blocks>,
) -> Vec<u8> {
    let mut out = Members::new();
    let in_parts = |value: usize| {
        let blocks = blocks?;
        let at = blocks.values.binary_search_by_key(&value, |(value, _)| *value).ok()?;
        Some(&blocks.values[at].1)
    };
    let all: Vec<usize>;
    let none: [String; 0] = [];
    let (added, modified, removed, unchanged): (&[usize], &[usize], &[String], &[usize]) =
        if let Delta::Changed { added, modified, removed, unchanged } = delta {
            (added, modified, removed, unchanged)
        } else {
            all = view.entries(0).collect();
            (&all, &[], &none, &[])
        };
    let always = blocks.is_none();
    if blocks.is_some() {
        out.member("encoding", |out| out.extend_from_slice(b"\"blocks\""));
    }
    for (name, values) in [("added", added), ("modified", modified)] {
        let whole: Vec<usize> = values.iter().copied().filter(|&value| in_parts(value).is_none()).collect();
        if always || !whole.is_empty() {
            out.object(name, view, &whole, |value, out| out.extend_from_slice(written.value(value)));
        }
    }
    if always || !removed.is_empty() {
        out.member("removed", |out| out.extend_from_slice(format!("[{}]", removed.join(",")).as_bytes()));
    }
    if always || !unchanged.is_empty() {
        out.list("unchanged", unchanged, |value, out| view.write_key(value, out));
    }
    for (name, strings) in [("texts", true), ("values", false)] {
        let values: Vec<usize> = blocks
            .iter()
            .flat_map(|blocks| blocks.values.iter().map(|(value, _)| *value))
            .filter(|&value| (view.document.kind(value) == Kind::String) == strings)
            .collect();
        if !values.is_empty() {
            out.object(name, view, &values, |value, out| {
                write_parts(in_parts(value).expect("invariant: only values in parts are listed"), out);
            });
        }
    }
    out.end()
}

/// An object that is being written.
struct Members(Vec<u8>);

impl Members {
    fn new() -> Self {
        Self(vec![b'{'])
    }

    fn member(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend_from_slice(format!("\"{name}\":").as_bytes());
        write(&mut self.0);
    }

    fn list(&mut self, name: &str, values: &[usize], write: impl Fn(usize, &mut Vec<u8>)) {
        self.member(name, |out| {
            out.push(b'[');
            separated(values, out, write);
            out.push(b']');
        });
    }

    fn object(&mut self, name: &str, view: View<'_>, values: &[usize], write: impl Fn(usize, &mut Vec<u8>)) {
        self.member(name, |out| {
            out.push(b'{');
            separated(values, out, |value, out| {
                view.write_key(value, out);
                out.push(b':');
                write(value, out);
            });
            out.push(b'}');
        });
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

fn separated(values: &[usize], out: &mut Vec<u8>, write: impl Fn(usize, &mut Vec<u8>)) {
    for (position, &value) in values.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write(value, out);
    }
}
