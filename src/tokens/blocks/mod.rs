//! Texts that the agents of a project were given, so that parts of them need not be sent again.
//!
//! A text is the string, or the JSON, of one top-level value of a context. It is sent as parts: new text as it is, and
//! references to ranges of texts that were sent before to any agent of the project. [`pieces`] cuts a text by content,
//! [`texts`] finds what is known of it, [`reading`] is what it finds, [`record`] is how a text is stored, [`draft`] one on its way there, [`shelf`] keeps and gives them back.
//!
//! A text is addressed by its SHA-256, of which references carry the first 48 bits. What is found by hash is compared byte
//! for byte before it is referred to, and a receiver checks the hash of the whole context: a collision costs a little
//! text, never truth.

mod draft;
mod known;
pub(super) mod pieces;
mod reading;
mod record;
mod shelf;
mod texts;

use std::fmt;
use std::sync::Arc;

pub use shelf::{Encoded, Have, Shelf, Unresolved};

/// Shorter texts are always sent as they are: a reference has some 15 tokens.
pub const MIN_TEXT_BYTES: usize = 128;

/// The first 48 bits of the SHA-256 of a text, as a number: exact in JSON, and fewer tokens than hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextId(u64);

impl TextId {
    /// That of a text with this SHA-256.
    pub fn of(hash: &[u8; 32]) -> Self {
        Self(hash[..6].iter().fold(0, |id, &byte| id << 8 | u64::from(byte)))
    }

    /// From its number.
    pub fn from_number(number: u64) -> Option<Self> {
        (number < 1 << 48).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A range of a text that was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Which text.
    pub text: TextId,
    /// First byte.
    pub start: usize,
    /// Bytes.
    pub len: usize,
}

/// One part of a text as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// New text.
    Literal(String),
    /// A range of a text that the project has.
    Known {
        /// Which.
        range: Range,
        /// Whether it is all of that text.
        is_whole: bool,
        /// Whether the receiver was given that text.
        is_held: bool,
    },
}

/// Where texts are kept: bounded, shared by all processes of the project, and by nobody else.
pub trait TextStore: Send + Sync + fmt::Debug {
    /// The value of a key.
    fn get(&self, key: &str) -> Option<Arc<dyn AsRef<str> + Send + Sync>>;
    /// Stores a value; whether it was taken.
    fn put(&self, key: &str, value: Box<str>) -> bool;
    /// Waits until what was stored can be read by other processes; whether it can.
    fn flush(&self) -> bool;
}

/// JSON of parts: text as a string, a reference as `[text]` or `[text, first byte, bytes]`.
pub fn write_parts(parts: &[Part], out: &mut Vec<u8>) {
    use std::io::Write as _;
    out.push(b'[');
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        match part {
            Part::Literal(text) => crate::base::json::write_string(text, out),
            Part::Known { range, is_whole: true, .. } => {
                write!(out, "[{}]", range.text).expect("invariant: writing to memory cannot fail");
            }
            Part::Known { range: Range { text, start, len }, .. } => {
                write!(out, "[{text},{start},{len}]").expect("invariant: writing to memory cannot fail");
            }
        }
    }
    out.push(b']');
}

#[cfg(test)]
mod tests;
