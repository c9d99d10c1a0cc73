//! A context in column form: one flat, depth-first list of values and one text that holds every key and string.
//!
//! JavaScript walks a context once and hands over typed arrays and one joined text; nothing is re-created on the way.
//! This is the only form in which a context exists in the core. It does not parse JSON and it never changes.

use std::sync::OnceLock;

use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

pub use super::columns::Columns;
use super::error::{Error, ErrorKind, Result};
use super::json;

/// What a value is. The numbers are the ones that cross the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `null`.
    Null = 0,
    /// `false`.
    False = 1,
    /// `true`.
    True = 2,
    /// A number; not finite ones are written as `null`, as JSON does.
    Number = 3,
    /// A string.
    String = 4,
    /// An array.
    Array = 5,
    /// A plain object.
    Object = 6,
    /// A value that only JavaScript can write as JSON (`Date`, `Map`, class instances, strings with lone
    /// surrogates); its text is that JSON.
    Opaque = 7,
    /// What JSON leaves out of objects and writes as `null` in arrays: `undefined`, functions, symbols.
    Omitted = 8,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Null,
            1 => Self::False,
            2 => Self::True,
            3 => Self::Number,
            4 => Self::String,
            5 => Self::Array,
            6 => Self::Object,
            7 => Self::Opaque,
            8 => Self::Omitted,
            _ => return None,
        })
    }

    const fn has_text(self) -> bool {
        matches!(self, Self::String | Self::Opaque)
    }
}

/// Set in a kind byte when the key is given as it stands between the quotes in JSON (it holds a lone surrogate).
pub const ESCAPED_KEY: u8 = 0x80;

/// A value. Keys and texts follow each other without a gap, so that each ends where the next one begins.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Index after its last descendant.
    end: u32,
    /// Where its key begins.
    key: u32,
    /// Where its text begins; of a number its place among the numbers.
    text: u32,
}

/// A context: values by index, in depth-first order; 0 is the root.
#[derive(Debug)]
pub struct Document {
    /// Of every value, and one more that says where the text ends: 12 bytes a value.
    nodes: Vec<Node>,
    kinds: Vec<u8>,
    numbers: Vec<f64>,
    text: String,
    /// Of every value, once somebody asked.
    sizes: OnceLock<Vec<u64>>,
}

impl Document {
    /// Checks the columns and builds the values. O(values + text).
    ///
    /// # Errors
    /// `E_INTERNAL` when the columns contradict each other: they are made by this package, never by a user.
    pub fn from_columns(columns: Columns) -> Result<Self> {
        let text = String::from_utf8(columns.text).map_err(|e| broken("text is not UTF-8").with_source(e))?;
        let count = columns.kinds.len();
        let Ok(text_bytes) = u32::try_from(text.len()) else {
            return Err(broken("the text is over 4 GB"));
        };
        if count == 0 || columns.ends.len() != count {
            return Err(broken("lengths of the columns differ"));
        }
        let (mut at, mut number_count) = (0_u32, 0_u32);
        let mut lengths = columns.lengths.iter();
        let mut nodes = Vec::with_capacity(count + 1);
        // Open containers: (end, is it an object).
        let mut open: Vec<(u32, bool)> = Vec::new();
        for (index, (&byte, &end)) in columns.kinds.iter().zip(&columns.ends).enumerate() {
            while open.last().is_some_and(|(open_end, _)| *open_end as usize == index) {
                open.pop();
            }
            let kind = Kind::from_byte(byte & !ESCAPED_KEY).ok_or_else(|| broken("unknown kind"))?;
            let container = matches!(kind, Kind::Array | Kind::Object);
            let limit = open.last().map_or(count, |(open_end, _)| *open_end as usize);
            if (end as usize) <= index || end as usize > limit || (!container && end as usize != index + 1) {
                return Err(broken("a value ends outside of its parent"));
            }
            let keyed = open.last().is_some_and(|(_, object)| *object);
            let mut next_text_end = |at: u32| {
                let end = at.checked_add(*lengths.next()?)?;
                text.is_char_boundary(end as usize).then_some(end)
            };
            let no_text = || broken("a text is missing or cut");
            let key = at;
            if keyed {
                at = next_text_end(at).ok_or_else(no_text)?;
            }
            let mut node = Node { end, key, text: at };
            if kind.has_text() {
                at = next_text_end(at).ok_or_else(no_text)?;
            } else if kind == Kind::Number {
                node.text = number_count;
                number_count += 1;
            }
            nodes.push(node);
            if container {
                open.push((end, kind == Kind::Object));
            }
        }
        if nodes[0].end as usize != count {
            return Err(broken("more than one root"));
        }
        if number_count as usize > columns.numbers.len() {
            return Err(broken("a number is missing"));
        }
        if at != text_bytes {
            return Err(broken("text is left over"));
        }
        nodes.push(Node { end: 0, key: at, text: at });
        Ok(Self { nodes, kinds: columns.kinds, numbers: columns.numbers, text, sizes: OnceLock::new() })
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Never true: a document has at least its root.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// JSON bytes of every value by itself, see [`json::sizes`]. O(text) the first time; kept with the document.
    pub fn sizes(&self) -> &[u64] {
        self.sizes.get_or_init(|| json::sizes(self))
    }

    /// Kind of value `index`.
    pub fn kind(&self, index: usize) -> Kind {
        Kind::from_byte(self.kinds[index] & !ESCAPED_KEY).expect("invariant: kinds were checked")
    }

    /// Index after the last descendant of value `index`.
    pub fn end(&self, index: usize) -> usize {
        self.nodes[index].end as usize
    }

    /// Key of value `index`; empty for the root and for array items.
    pub fn key(&self, index: usize) -> &str {
        let node = self.nodes[index];
        let end = if self.kind(index) == Kind::Number { self.nodes[index + 1].key } else { node.text };
        &self.text[node.key as usize..end as usize]
    }

    /// Whether the key is already as it stands between quotes in JSON.
    pub fn key_is_escaped(&self, index: usize) -> bool {
        self.kinds[index] & ESCAPED_KEY != 0
    }

    /// The string, or the JSON of an opaque value; empty for the rest.
    pub fn text(&self, index: usize) -> &str {
        if self.kind(index).has_text() {
            &self.text[self.nodes[index].text as usize..self.nodes[index + 1].key as usize]
        } else {
            ""
        }
    }

    /// The number; 0 for the rest.
    pub fn number(&self, index: usize) -> f64 {
        if self.kind(index) == Kind::Number { self.numbers[self.nodes[index].text as usize] } else { 0.0 }
    }

    /// Indices of the direct children of a container, in order; none for the rest.
    pub fn children(&self, index: usize) -> Children<'_> {
        Children { document: self, next: index + 1, end: self.end(index) }
    }

    /// A hash of value `index` with everything below it, without its own key: equal values have equal hashes wherever they
    /// stand. Not cryptographic. O(text). `scratch` spares allocations in a loop.
    pub fn hash(&self, index: usize, scratch: &mut Vec<u8>) -> u128 {
        let (end, node) = (self.end(index), self.nodes[index]);
        let is_leaf = end == index + 1;
        if is_leaf && self.kind(index).has_text() {
            return xxh3_128_with_seed(
                self.text(index).as_bytes(),
                u64::from(self.kinds[index] & !ESCAPED_KEY),
            );
        }
        let mut hasher = Xxh3::new();
        hasher.update(&[self.kinds[index] & !ESCAPED_KEY]);
        hasher.update(&self.kinds[index + 1..end]);
        let shape = scratch;
        shape.clear();
        for value in index + 1..end {
            let this = self.nodes[value];
            shape.extend_from_slice(&(self.end(value) - index).to_le_bytes()[..4]);
            if self.kind(value) == Kind::Number {
                shape.extend_from_slice(&self.number(value).to_le_bytes());
            } else {
                shape.extend_from_slice(&(this.text - this.key).to_le_bytes());
            }
            shape.extend_from_slice(&(self.nodes[value + 1].key - this.key).to_le_bytes());
        }
        if self.kind(index) == Kind::Number {
            shape.extend_from_slice(&self.number(index).to_le_bytes());
        }
        hasher.update(shape);
        let own_key_end = node.key as usize + self.key(index).len();
        hasher.update(&self.text.as_bytes()[own_key_end..self.nodes[end].key as usize]);
        hasher.digest128()
    }
}

/// Iterator over the direct children of a container.
#[derive(Debug)]
pub struct Children<'a> {
    document: &'a Document,
    next: usize,
    end: usize,
}

impl Iterator for Children<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        (self.next < self.end).then(|| {
            let index = self.next;
            self.next = self.document.end(index);
            index
        })
    }
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("context columns are inconsistent: {what}; please report this"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Column form of a JSON text: what the JavaScript side does, for tests of the core.
    pub(crate) fn document(json: &str) -> Document {
        Document::from_columns(columns(json)).expect("test document")
    }

    /// The columns themselves.
    pub(crate) fn columns(json: &str) -> Columns {
        let value: serde_json::Value = serde_json::from_str(json).expect("test JSON");
        let mut builder = Builder::default();
        builder.add(&value, None);
        builder.finish()
    }

    #[derive(Default)]
    struct Builder {
        columns: Columns,
        texts: Vec<String>,
    }

    impl Builder {
        fn add(&mut self, value: &serde_json::Value, key: Option<&str>) {
            let index = self.columns.kinds.len();
            self.columns.kinds.push(0);
            self.columns.ends.push(0);
            self.texts.extend(key.map(str::to_owned));
            let kind = match value {
                serde_json::Value::Null => Kind::Null,
                serde_json::Value::Bool(false) => Kind::False,
                serde_json::Value::Bool(true) => Kind::True,
                serde_json::Value::Number(number) => {
                    self.columns.numbers.push(number.as_f64().expect("f64"));
                    Kind::Number
                }
                serde_json::Value::String(text) => {
                    self.texts.push(text.clone());
                    Kind::String
                }
                serde_json::Value::Array(items) => {
                    for item in items {
                        self.add(item, None);
                    }
                    Kind::Array
                }
                serde_json::Value::Object(entries) => {
                    for (key, item) in entries {
                        self.add(item, Some(key));
                    }
                    Kind::Object
                }
            };
            self.columns.kinds[index] = kind as u8;
            self.columns.ends[index] = u32::try_from(self.columns.kinds.len()).expect("small");
        }

        fn finish(mut self) -> Columns {
            let bytes = |text: &String| u32::try_from(text.len()).expect("small");
            self.columns.lengths = self.texts.iter().map(bytes).collect();
            self.columns.text = self.texts.concat().into_bytes();
            self.columns
        }
    }

    #[test]
    fn keys_and_texts_come_back_as_they_were() {
        let document = document(r#"{"schlüssel":"日本 😀","b":["","x"],"":1.5}"#);
        let keys: Vec<_> = document.children(0).map(|child| document.key(child)).collect();
        assert_eq!(keys, ["schlüssel", "b", ""]);
        assert_eq!(document.text(1), "日本 😀");
        assert_eq!(document.children(2).map(|item| document.text(item)).collect::<Vec<_>>(), ["", "x"]);
        assert!((document.number(5) - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn equal_values_have_equal_hashes_wherever_they_stand() {
        let document = document(
            r#"{"a":{"x":[1,"two"],"y":{}},"b":{"x":[1,"two"],"y":{}},"c":{"x":[1,"tw","o"],"y":{}},"d":1,"e":"1","f":{"x":1},"g":{"y":1},"h":2}"#,
        );
        let tops: Vec<usize> = document.children(0).collect();
        let hash = |at: usize| document.hash(tops[at], &mut Vec::new());
        assert_eq!(hash(0), hash(1));
        let others: std::collections::HashSet<u128> = (1..8).map(hash).collect();
        assert_eq!(others.len(), 7);
    }

    #[test]
    fn contradicting_columns_are_an_error_not_a_panic() {
        let base = || Columns {
            kinds: vec![6, 4],
            ends: vec![2, 2],
            lengths: vec![1, 1],
            numbers: vec![],
            text: b"ab".to_vec(),
        };
        assert!(Document::from_columns(base()).is_ok());
        let check = |change: &dyn Fn(&mut Columns)| {
            let mut columns = base();
            change(&mut columns);
            assert_eq!(Document::from_columns(columns).expect_err("must fail").kind(), ErrorKind::Internal);
        };
        check(&|c| c.kinds.clear());
        check(&|c| c.kinds[1] = 99);
        check(&|c| c.ends[1] = 7);
        check(&|c| c.ends[0] = 1);
        check(&|c| c.lengths[1] = 900);
        check(&|c| c.lengths.truncate(1));
        check(&|c| c.kinds[1] = 3);
        check(&|c| c.text = vec![0xFF]);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_columns_never_panic(
            kinds in proptest::collection::vec(0u8..10, 0..12),
            ends in proptest::collection::vec(0u32..14, 0..12),
            lengths in proptest::collection::vec(0u32..6, 0..12),
            text in ".{0,20}",
        ) {
            let _ = Document::from_columns(Columns { kinds, ends, lengths, numbers: vec![1.0], text: text.into_bytes() });
        }
    }
}
