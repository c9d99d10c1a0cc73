//! JSON text of a document, byte for byte what `JSON.stringify` gives, whole or in part, in the caller's key order
//! or in canonical order.
//!
//! Canonical order and number format: RFC 8785 (JSON Canonicalization Scheme), so that hashes agree between machines.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

mod scalar;

use super::document::{Document, Kind};
use super::units::iso8601;
use scalar::number_size;
pub use scalar::{string_size, write_number, write_string};

/// What becomes of each value of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    /// Left out with everything below it.
    Dropped = 0,
    /// Kept with everything below it.
    Whole = 1,
    /// A container that stays, without some of what is below it.
    Part = 2,
    /// A string that stays in part; [`Cuts`] has what is left of it.
    Cut = 3,
}

/// What is left of strings that stay in part, by value.
pub type Cuts = HashMap<u32, String>;

/// Order of object keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrder {
    /// As the caller's object has them.
    Insertion,
    /// By UTF-16 code units (RFC 8785).
    Canonical,
}

/// A view of a document: all of it, or what a filter kept.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The values.
    pub document: &'a Document,
    /// One fate a value; `None` keeps everything.
    pub fates: Option<&'a [Fate]>,
    /// What is left of strings whose fate is [`Fate::Cut`].
    pub cuts: Option<&'a Cuts>,
}

impl<'a> View<'a> {
    /// All of `document`.
    pub fn whole(document: &'a Document) -> Self {
        Self { document, fates: None, cuts: None }
    }

    /// The fate of value `index`, whose ancestors are kept.
    pub fn fate(&self, index: usize) -> Fate {
        self.fates.map_or(Fate::Whole, |fates| fates[index])
    }

    /// Children of a container that JSON shows. Below a container kept whole, everything is.
    pub fn entries(&self, index: usize) -> impl Iterator<Item = usize> + use<'a> {
        let view = *self;
        let whole = view.fate(index) == Fate::Whole;
        let object = view.document.kind(index) == Kind::Object;
        view.document.children(index).filter(move |&child| {
            (whole || view.fate(child) != Fate::Dropped)
                && !(object && view.document.kind(child) == Kind::Omitted)
        })
    }

    /// Appends the JSON of value `index`.
    pub fn write(&self, index: usize, order: KeyOrder, out: &mut Vec<u8>) {
        match order {
            KeyOrder::Insertion => {
                self.write_in_order(index, out);
            }
            KeyOrder::Canonical => self.write_canonically(index, &mut Vec::new(), out),
        }
    }

    /// Appends the JSON of value `index` in the caller's key order; whether that is the canonical order too.
    pub fn write_in_order(&self, index: usize, out: &mut Vec<u8>) -> bool {
        let is_object = match self.document.kind(index) {
            Kind::Object => true,
            Kind::Array => false,
            Kind::Opaque => {
                let json = self.document.text(index);
                out.extend_from_slice(json.as_bytes());
                return !json.starts_with(['{', '[']);
            }
            _ => {
                self.write_scalar(index, out);
                return true;
            }
        };
        let inner = self.inner(index);
        let mut is_canonical = true;
        let mut last = None;
        out.push(if is_object { b'{' } else { b'[' });
        for child in inner.entries(index) {
            if last.is_some() {
                out.push(b',');
            }
            if is_object {
                is_canonical &= last.is_none_or(|last| self.cmp_keys(last, child).is_lt());
                inner.write_key(child, out);
                out.push(b':');
            }
            is_canonical &= inner.write_in_order(child, out);
            last = Some(child);
        }
        out.push(if is_object { b'}' } else { b']' });
        is_canonical
    }

    /// `pending` holds the children of the containers that are being written.
    fn write_canonically(&self, index: usize, pending: &mut Vec<usize>, out: &mut Vec<u8>) {
        let is_object = match self.document.kind(index) {
            Kind::Object => true,
            Kind::Array => false,
            Kind::Opaque => return write_opaque(self.document.text(index), out),
            _ => return self.write_scalar(index, out),
        };
        let inner = self.inner(index);
        let begin = pending.len();
        pending.extend(inner.entries(index));
        if is_object {
            pending[begin..].sort_unstable_by(|&a, &b| self.cmp_keys(a, b));
        }
        out.push(if is_object { b'{' } else { b'[' });
        for at in begin..pending.len() {
            let child = pending[at];
            if at > begin {
                out.push(b',');
            }
            if is_object {
                inner.write_key(child, out);
                out.push(b':');
            }
            inner.write_canonically(child, pending, out);
        }
        pending.truncate(begin);
        out.push(if is_object { b'}' } else { b']' });
    }

    fn write_scalar(&self, index: usize, out: &mut Vec<u8>) {
        match self.document.kind(index) {
            Kind::False => out.extend_from_slice(b"false"),
            Kind::True => out.extend_from_slice(b"true"),
            Kind::Number => write_number(self.document.number(index), out),
            Kind::String => write_string(self.string(index), out),
            _ => out.extend_from_slice(b"null"),
        }
    }

    /// Below a value kept whole the fates say nothing: it is shown as a whole.
    fn inner(&self, index: usize) -> Self {
        if self.fate(index) == Fate::Whole { Self::whole(self.document) } else { *self }
    }

    /// A string itself, or the JSON of any other value.
    pub fn text_of(&self, index: usize) -> Cow<'a, str> {
        if self.document.kind(index) == Kind::String {
            return Cow::Borrowed(self.string(index));
        }
        let mut out = Vec::new();
        self.write(index, KeyOrder::Insertion, &mut out);
        Cow::Owned(String::from_utf8(out).expect("invariant: JSON is written from UTF-8"))
    }

    /// A string, or what is left of it.
    fn string(&self, index: usize) -> &'a str {
        if self.fate(index) != Fate::Cut {
            return self.document.text(index);
        }
        let cut = u32::try_from(index).ok().and_then(|index| self.cuts?.get(&index));
        cut.expect("invariant: who cuts a string says what is left of it")
    }

    /// Appends the key of value `index` with its quotes.
    pub fn write_key(&self, index: usize, out: &mut Vec<u8>) {
        let key = self.document.key(index);
        if self.document.key_is_escaped(index) {
            out.push(b'"');
            out.extend_from_slice(key.as_bytes());
            out.push(b'"');
        } else {
            write_string(key, out);
        }
    }

    /// Children in the given order.
    pub fn ordered(&self, index: usize, order: KeyOrder) -> Vec<usize> {
        let mut children: Vec<usize> = self.entries(index).collect();
        if order == KeyOrder::Canonical && self.document.kind(index) == Kind::Object {
            children.sort_by(|&a, &b| self.cmp_keys(a, b));
        }
        children
    }

    /// Compares the keys of two values by UTF-16 code units. That is the order of bytes, except where a surrogate meets U+E000–U+FFFF.
    pub fn cmp_keys(&self, a: usize, b: usize) -> std::cmp::Ordering {
        let document = self.document;
        let escaped = document.key_is_escaped(a) || document.key_is_escaped(b);
        if !escaped && (document.key(a).is_ascii() || document.key(b).is_ascii()) {
            return document.key(a).cmp(document.key(b));
        }
        let units = |index: usize| {
            let key = document.key(index);
            if document.key_is_escaped(index) { unescaped_units(key) } else { key.encode_utf16().collect() }
        };
        units(a).cmp(&units(b))
    }
}

/// JSON bytes of every value by itself, as [`View::write`] would write them; what JSON leaves out has 0. O(text).
pub fn sizes(document: &Document) -> Vec<u64> {
    let mut sizes = vec![0_u64; document.len()];
    let mut scratch = Vec::new();
    for index in (0..document.len()).rev() {
        sizes[index] = match document.kind(index) {
            Kind::Null | Kind::True => 4,
            Kind::False => 5,
            Kind::Omitted => 0,
            Kind::Number => number_size(document.number(index), &mut scratch),
            Kind::String => string_size(document.text(index)),
            Kind::Opaque => document.text(index).len() as u64,
            Kind::Array | Kind::Object => {
                container_size(document, index, document.children(index).map(|child| (child, sizes[child])))
            }
        };
    }
    sizes
}

/// Bytes of a container with the given children and their sizes.
pub fn container_size(
    document: &Document,
    index: usize,
    children: impl Iterator<Item = (usize, u64)>,
) -> u64 {
    let object = document.kind(index) == Kind::Object;
    let (mut bytes, mut count) = (2_u64, 0_u64);
    for (child, size) in children {
        if document.kind(child) == Kind::Omitted {
            if object {
                continue;
            }
            bytes += 4;
        }
        bytes += size + if object { key_size(document, child) + 1 } else { 0 };
        count += 1;
    }
    bytes + count.saturating_sub(1)
}

fn key_size(document: &Document, index: usize) -> u64 {
    let key = document.key(index);
    if document.key_is_escaped(index) { key.len() as u64 + 2 } else { string_size(key) }
}

/// Code units of a key as it stands between the quotes in JSON. Only what `JSON.stringify` writes occurs.
fn unescaped_units(key: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(key.len());
    let mut chars = key.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match chars.next() {
            Some('b') => 0x08,
            Some('t') => 0x09,
            Some('n') => 0x0A,
            Some('f') => 0x0C,
            Some('r') => 0x0D,
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                u16::from_str_radix(&digits, 16).unwrap_or(u16::MAX)
            }
            Some(other) => u16::try_from(u32::from(other)).unwrap_or(u16::MAX),
            None => break,
        });
    }
    units
}

/// Appends the JSON of an opaque value. Canonical order holds inside it too, except where it has a lone surrogate or more
/// than 127 levels, which the parser refuses: then the text stands as JavaScript wrote it.
fn write_opaque(json: &str, out: &mut Vec<u8>) {
    match json.starts_with(['{', '[']).then(|| serde_json::from_str(json)) {
        Some(Ok(value)) => write_canonical(&value, out),
        _ => out.extend_from_slice(json.as_bytes()),
    }
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    let separate = |position: usize, out: &mut Vec<u8>| {
        if position > 0 {
            out.push(b',');
        }
    };
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Number(number) => write_number(number.as_f64().unwrap_or(f64::NAN), out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                separate(position, out);
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_cached_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
            out.push(b'{');
            for (position, (key, item)) in sorted.into_iter().enumerate() {
                separate(position, out);
                write_string(key, out);
                out.push(b':');
                write_canonical(item, out);
            }
            out.push(b'}');
        }
    }
}

/// Keys whose numbers are Unix ms. `js/revive.js` makes dates of the same.
const TIME_KEYS: [&str; 12] = [
    "timestamp",
    "lastAccessed",
    "lastOptimization",
    "createdAt",
    "since",
    "lastAt",
    "resolvedAt",
    "lastDeliveredAt",
    "until",
    "at",
    "decidedAt",
    "lastRun",
];

/// A file is read by people and other programs: its times are text.
pub fn times_as_iso8601(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (key, item) in entries {
                match item.as_u64().filter(|_| TIME_KEYS.contains(&key.as_str())) {
                    Some(wall_ms) => *item = Value::String(iso8601(wall_ms)),
                    None => times_as_iso8601(item),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(times_as_iso8601),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
