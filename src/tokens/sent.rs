//! What is sent, and its JSON as callers see it, to be counted.

use serde::Serialize;

use super::blocks::{Part, write_parts};
use super::delta::{Delta, Written};
use super::states::Acknowledgement;
use crate::base::document::Kind;
use crate::base::json::View;

/// How a change is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeltaEncoding {
    /// Whole top-level values.
    #[default]
    Keys,
    /// Of values, what no agent of the project was given before, and references to the rest.
    Blocks,
}

/// Whether a context is sent whole or by what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Whole the first time, then what changed.
    #[default]
    Auto,
    /// Whole, without references. The agent holds this context and nothing else afterwards.
    Full,
    /// What changed, also the first time: then everything is new to the empty context. Whole only where one of the two is no
    /// object, because changes are said by key.
    Delta,
}

/// How a call is to be answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendOptions {
    /// How changes are said.
    pub encoding: DeltaEncoding,
    /// Whether it is sent whole.
    pub mode: Mode,
    /// When the agent counts as having what it is sent.
    pub acknowledgement: Acknowledgement,
    /// Ms of a steady clock.
    pub now_ms: u64,
    /// Of the columns that the context was read from; equal columns are the same context.
    pub fingerprint: Option<u128>,
}

/// What an agent is sent.
#[derive(Debug)]
pub struct Optimized {
    /// What is new.
    pub delta: Delta,
    /// SHA-256 of the (filtered) context, hexadecimal.
    pub hash: String,
    /// The same of the context that the delta is against; `None` in full.
    pub base_hash: Option<String>,
    /// Tokens of the original context's JSON.
    pub original_tokens: u64,
    /// Tokens of the filtered context's JSON.
    pub filtered_tokens: u64,
    /// Tokens of the JSON of what is sent.
    pub result_tokens: u64,
    /// Bytes of the filtered context's JSON.
    pub bytes: usize,
    /// Bytes of the JSON of what is sent.
    pub result_bytes: usize,
    /// With [`Mode::Full`], what changed against the context that the agent had; `None` if it had none.
    pub since: Option<Delta>,
    /// Whether hashes and counts of the context were known before.
    pub was_known: bool,
    /// Tokens of top-level values that the agent has and that are not sent again, each counted by itself.
    pub unchanged_tokens: u64,
    /// Tokens with which the original context's JSON begins as the agent's last one did, to some 1.3 KB: what a provider's
    /// prompt cache would have, had the agent been sent its whole context each time.
    pub cached_tokens: u64,
    /// Tokens of the messages before that this one adds to: the receiver reads them again.
    pub carried_tokens: u64,
    /// Values that are sent in parts; the others are sent whole.
    pub blocks: Option<Blocks>,
}

/// The values of a context that are sent in parts.
#[derive(Debug, Default)]
pub struct Blocks {
    /// Value and parts: of the string itself, or of the value's JSON.
    pub values: Vec<(usize, Vec<Part>)>,
    /// All top-level values, in the context's order.
    pub all: Vec<usize>,
    /// Tokens of what is referred to and the agent has.
    pub held_tokens: u64,
    /// Tokens of what is referred to and the agent has to fetch.
    pub fetch_tokens: u64,
}

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
