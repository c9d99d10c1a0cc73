//! A context in column form: one flat, depth-first list of values and one text that holds every key and string.
//!
//! JavaScript walks a context once and hands over typed arrays and one joined text; nothing is re-created on the way.
//! This is the only form in which a context exists in the core. It does not parse JSON and it never changes.

use super::error::{Error, ErrorKind, Result};

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

/// What JavaScript hands over.
#[derive(Debug, Default)]
pub struct Columns {
    /// One [`Kind`] a value, depth first, with [`ESCAPED_KEY`] where it applies.
    pub kinds: Vec<u8>,
    /// For each value the index after its last descendant.
    pub ends: Vec<u32>,
    /// Bytes of the texts, in order: a value's key (if its parent is an object), then its text.
    pub lengths: Vec<u32>,
    /// The numbers, in order.
    pub numbers: Vec<f64>,
    /// All texts one after another, as UTF-8.
    pub text: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    escaped_key: bool,
    end: u32,
    key: Span,
    text: Span,
    number: f64,
}

impl Node {
    /// Offset after its key and text.
    fn last_byte(&self) -> usize {
        self.text.end.max(self.key.end) as usize
    }
}

/// A context: values by index, in depth-first order; 0 is the root.
#[derive(Debug)]
pub struct Document {
    nodes: Vec<Node>,
    text: String,
}

impl Document {
    /// Checks the columns and builds the values. O(values + text).
    ///
    /// # Errors
    /// `E_INTERNAL` when the columns contradict each other: they are made by this package, never by a user.
    pub fn from_columns(columns: Columns) -> Result<Self> {
        let text = String::from_utf8(columns.text).map_err(|e| broken("text is not UTF-8").with_source(e))?;
        let count = columns.kinds.len();
        if count == 0 || columns.ends.len() != count || u32::try_from(text.len()).is_err() {
            return Err(broken("lengths of the columns differ"));
        }
        let mut at = 0_u32;
        let mut lengths = columns.lengths.iter();
        let mut numbers = columns.numbers.iter();
        let mut nodes = Vec::with_capacity(count);
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
            let mut next_text = || {
                let start = at;
                at = at.checked_add(*lengths.next()?)?;
                text.is_char_boundary(at as usize).then_some(Span { start, end: at })
            };
            let no_text = || broken("a text is missing or cut");
            let key = if keyed { next_text().ok_or_else(no_text)? } else { Span::default() };
            let span = if kind.has_text() { next_text().ok_or_else(no_text)? } else { Span::default() };
            let number = if kind == Kind::Number {
                *numbers.next().ok_or_else(|| broken("a number is missing"))?
            } else {
                0.0
            };
            nodes.push(Node { kind, escaped_key: byte & ESCAPED_KEY != 0, end, key, text: span, number });
            if container {
                open.push((end, kind == Kind::Object));
            }
        }
        if nodes[0].end as usize != count {
            return Err(broken("more than one root"));
        }
        Ok(Self { nodes, text })
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never true: a document has at least its root.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Kind of value `index`.
    pub fn kind(&self, index: usize) -> Kind {
        self.nodes[index].kind
    }

    /// Index after the last descendant of value `index`.
    pub fn end(&self, index: usize) -> usize {
        self.nodes[index].end as usize
    }

    /// Key of value `index`; empty for the root and for array items.
    pub fn key(&self, index: usize) -> &str {
        self.slice(self.nodes[index].key)
    }

    /// Whether the key is already as it stands between quotes in JSON.
    pub fn key_is_escaped(&self, index: usize) -> bool {
        self.nodes[index].escaped_key
    }

    /// The string, or the JSON of an opaque value; empty for the rest.
    pub fn text(&self, index: usize) -> &str {
        self.slice(self.nodes[index].text)
    }

    /// The number; 0 for the rest.
    pub fn number(&self, index: usize) -> f64 {
        self.nodes[index].number
    }

    /// Indices of the direct children of a container, in order; none for the rest.
    pub fn children(&self, index: usize) -> Children<'_> {
        Children { document: self, next: index + 1, end: self.end(index) }
    }

    /// Keys and strings one after another.
    pub fn all_text(&self) -> &str {
        &self.text
    }

    /// The value in whose key or text the byte at `offset` of [`all_text`](Self::all_text) lies, and where in it that key
    /// or text starts and ends. Searches from value `from` on.
    pub fn locate(&self, offset: usize, from: usize) -> (usize, std::ops::Range<usize>) {
        let mut index = from;
        while index + 1 < self.nodes.len() && offset >= self.nodes[index].last_byte() {
            index += 1;
        }
        let node = &self.nodes[index];
        let span = if offset < node.key.end as usize { node.key } else { node.text };
        (index, span.start as usize..span.end as usize)
    }

    fn slice(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
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
        let value: serde_json::Value = serde_json::from_str(json).expect("test JSON");
        let mut builder = Builder::default();
        builder.add(&value, None);
        Document::from_columns(builder.finish()).expect("test document")
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
    fn offset_finds_its_value() {
        let document = document(r#"{"a":"xyz","b":"uvw"}"#);
        let at = document.all_text().find("uvw").expect("there");
        assert_eq!(document.locate(at, 0), (2, at..at + 3));
        assert_eq!(document.locate(at - 1, 0), (2, at - 1..at), "its key stands right before it");
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
