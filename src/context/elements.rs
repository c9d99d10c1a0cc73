//! Cuts a context into the elements that a filter keeps or drops, and finds what must never be seen.
//!
//! An element is a value that is decided about as a whole: a leaf, or a container small enough that taking it apart
//! would leave pieces nobody can read. Larger containers are taken apart into their entries. Decides nothing itself.

use std::cell::RefCell;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::base::document::{Document, Kind};

use super::analysis::lexer::{Word, whole};
use super::evidence::NAMED_WORD_BYTES;
use super::specialization::Compiled;

/// Containers up to this many bytes of JSON stay whole. About the size of a record (a commit, a task, a dependency
/// list entry): its fields mean little without each other.
pub(crate) const WHOLE_CONTAINER_BYTES: u64 = 256;

/// Most bytes of a key that count for globs and words, its last ones: a longer key is text, and its end is what file
/// patterns look at.
const MAX_SEGMENT_BYTES: usize = 256;

/// A path longer than this begins anew with the next segment, so that the cost of an element does not grow with its depth.
const MAX_PATH_BYTES: usize = 512;

/// Most paths whose match is remembered within a call.
const MAX_LOOKED_AT: usize = 10_000;

/// One thing to keep or drop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    /// Index of its value; it reaches to [`Document::end`].
    pub(crate) value: u32,
    /// Index of the top-level entry it belongs to.
    pub(crate) top: u32,
    /// Its path in [`Elements::path`].
    path: (u32, u32),
    /// Bytes of its JSON.
    pub(crate) bytes: u64,
    /// The field is required: kept whatever the pressure.
    pub(crate) required: bool,
    /// An exclude pattern matches it.
    pub(crate) excluded: bool,
    /// It says what the agent is or what it is asked to do: it has all words of the task, and stays.
    pub(crate) asked: bool,
}

impl Element {
    /// Whether a choice is to be made about it.
    pub(crate) fn is_open(&self) -> bool {
        !self.required && !self.excluded
    }

    /// Whether it is looked at for the task.
    pub(crate) fn is_ranked(&self) -> bool {
        self.is_open() && !self.asked
    }
}

/// The elements of a context, in its order.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    pub(crate) list: Vec<Element>,
    /// All paths one after another: items of an array share that of their array.
    paths: String,
    /// Keys of top-level entries that a task may name, by value: names, not paths.
    pub(crate) tops: Vec<(u32, Word)>,
}

impl Elements {
    /// The elements of `document`. `required` and `asked` name top-level fields. O(values).
    pub(crate) fn of(
        document: &Document,
        sizes: &[u64],
        agent: &Compiled,
        required: &[&str],
        asked: &[&str],
    ) -> Self {
        let mut cut = Cut {
            document,
            sizes,
            agent,
            path: String::new(),
            looked_at: RefCell::default(),
            is_new: true,
            asked: false,
            place: (0, 0),
            found: Self::default(),
        };
        if document.end(0) == 1 {
            cut.push(0, 0, true, false);
            return cut.found;
        }
        let named = document.kind(0) == Kind::Object;
        for top in document.children(0) {
            cut.path.clear();
            cut.is_new = true;
            cut.asked = named && asked.contains(&document.key(top));
            cut.push_segment(top);
            let key = document.key(top);
            if named && key.len() >= NAMED_WORD_BYTES && !key.contains('/') {
                cut.found.tops.push((index_u32(top), whole(segment_of(key))));
            }
            if named && required.contains(&document.key(top)) {
                cut.push(top, top, true, false);
            } else {
                cut.descend(top, top);
            }
        }
        cut.found
    }

    /// Path of an element, with `/` between segments and without indices of arrays, for globs and words; the end of it where
    /// it is very long.
    pub(crate) fn path(&self, element: &Element) -> &str {
        &self.paths[element.path.0 as usize..element.path.1 as usize]
    }

    /// Whether two elements have one path, as items of an array have.
    pub(crate) fn share_path(a: &Element, b: &Element) -> bool {
        a.path == b.path
    }
}

struct Cut<'a> {
    document: &'a Document,
    sizes: &'a [u64],
    agent: &'a Compiled,
    /// Path of the value that is looked at.
    path: String,
    /// By hash of a path whether an exclude matches it: the records of a list have the same keys over and over.
    looked_at: RefCell<HashMap<u64, bool>>,
    /// It is not among the paths yet; else it stands at `place`.
    is_new: bool,
    /// What it is in says what the agent is asked to do.
    asked: bool,
    place: (u32, u32),
    found: Elements,
}

impl Cut<'_> {
    fn descend(&mut self, value: usize, top: usize) {
        if self.document.kind(value) == Kind::Omitted {
            // `undefined` and functions cost nothing and mean nothing to a model: they stay with their container.
            return;
        }
        let leaf = self.document.end(value) == value + 1;
        let small = self.sizes[value] <= WHOLE_CONTAINER_BYTES;
        let excluded = self.is_excluded(value);
        if excluded || leaf || (small && !self.hides_excluded(value)) {
            self.push(value, top, false, excluded);
            return;
        }
        self.for_each_child(value, |cut, child| {
            cut.descend(child, top);
            false
        });
    }

    /// Whether something below a small container is excluded: then it is taken apart all the same.
    fn hides_excluded(&mut self, value: usize) -> bool {
        let inside = value + 1..self.document.end(value);
        if inside.into_iter().all(|below| self.document.key(below).is_empty()) {
            return false;
        }
        self.for_each_child(value, |cut, child| cut.is_excluded(child) || cut.hides_excluded(child))
    }

    /// Calls `look` for each child with its path set, until it says true.
    fn for_each_child(&mut self, value: usize, mut look: impl FnMut(&mut Self, usize) -> bool) -> bool {
        if self.document.kind(value) == Kind::Array {
            let document = self.document;
            return document.children(value).any(|child| look(self, child));
        }
        let is_long = self.path.len() > MAX_PATH_BYTES;
        let above = if is_long { std::mem::take(&mut self.path) } else { String::new() };
        let (length, place, is_new) = (self.path.len(), self.place, self.is_new);
        let mut found = false;
        for child in self.document.children(value) {
            if length > 0 {
                self.path.push('/');
            }
            self.push_segment(child);
            self.is_new = true;
            found = look(self, child);
            self.path.truncate(length);
            if found {
                break;
            }
        }
        if is_long {
            self.path = above;
        }
        (self.place, self.is_new) = (place, is_new);
        found
    }

    /// Whether an exclude matches the path, or a directory that a key with slashes leads through: as in `.gitignore`,
    /// what lies in an excluded directory is excluded. Array items have no names to exclude.
    fn is_excluded(&self, value: usize) -> bool {
        let key = segment_of(self.document.key(value));
        if key.is_empty() {
            return false;
        }
        if let Some(known) = self.looked_at.borrow().get(&xxh3_64(self.path.as_bytes())) {
            return *known;
        }
        let start = self.path.len() - key.len();
        let mut ends = key.match_indices('/').map(|(at, _)| start + at).chain([self.path.len()]);
        let found = ends.any(|end| self.agent.excludes.is_match(&self.path[..end]));
        let mut looked_at = self.looked_at.borrow_mut();
        if looked_at.len() < MAX_LOOKED_AT {
            looked_at.insert(xxh3_64(self.path.as_bytes()), found);
        }
        found
    }

    fn push(&mut self, value: usize, top: usize, required: bool, excluded: bool) {
        if std::mem::take(&mut self.is_new) {
            let start = index_u32(self.found.paths.len());
            self.found.paths.push_str(&self.path);
            self.place = (start, index_u32(self.found.paths.len()));
        }
        self.found.list.push(Element {
            value: index_u32(value),
            top: index_u32(top),
            path: self.place,
            bytes: self.sizes[value],
            required,
            excluded,
            asked: self.asked,
        });
    }

    fn push_segment(&mut self, value: usize) {
        self.path.push_str(segment_of(self.document.key(value)));
    }
}

/// Indices and offsets of a document fit, as its columns are `u32`; paths are a bounded number of bytes a value.
pub(crate) fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("invariant: a document and its paths are under 4 GB")
}

/// What of a key counts for globs and words, and is shown in paths.
pub(super) fn segment_of(key: &str) -> &str {
    let from = key.len().saturating_sub(MAX_SEGMENT_BYTES);
    let start = (from..=key.len()).find(|&at| key.is_char_boundary(at));
    &key[start.unwrap_or(from)..]
}

#[cfg(test)]
mod tests {
    use super::super::built_in::built_in;
    use super::*;
    use crate::base::document::tests::document;
    use crate::base::json;

    fn paths(json: &str) -> Vec<(String, bool, bool)> {
        let document = document(json);
        let agent = &built_in()[0];
        let elements = Elements::of(&document, &json::sizes(&document), agent, &["currentTask"], &[]);
        let row = |element: &Element| (elements.path(element).into(), element.required, element.excluded);
        elements.list.iter().map(row).collect()
    }

    #[test]
    fn small_containers_stay_whole_and_large_ones_are_taken_apart() {
        let long = "x".repeat(300);
        let json = format!(
            r#"{{"currentTask":{{"a":"{long}"}},"small":{{"a":1}},"files":{{"a.ts":"{long}","b.ts":"x"}}}}"#
        );
        let expected =
            [("currentTask", true), ("small", false), ("files/a.ts", false), ("files/b.ts", false)];
        let found = paths(&json);
        assert_eq!(
            found.iter().map(|(path, required, _)| (path.as_str(), *required)).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn excluded_value_is_found_inside_a_small_container() {
        let found = paths(r#"{"files":{"src":"x","node_modules":{"y":1}}}"#);
        assert_eq!(found, [("files/src".into(), false, false), ("files/node_modules".into(), false, true)]);
    }

    #[test]
    fn keys_with_slashes_lead_through_directories() {
        let found = paths(r#"{"a/node_modules/b.js":"x","a/src/node_modules.js":"x","logo.png":"x"}"#);
        assert_eq!(found.iter().map(|(_, _, excluded)| *excluded).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn long_keys_and_deep_paths_cost_no_more_than_short_ones() {
        let key = "é".repeat(10_000);
        let children: Vec<String> = (0..2_000).map(|at| format!(r#""a{at}":"{}""#, "x".repeat(9))).collect();
        let mut json = format!(r#"{{"{key}":{{{}}}}}"#, children.join(","));
        for _ in 0..100 {
            json = format!(r#"{{"{key}/deeper":{json},"node_modules":1}}"#);
        }
        let found = paths(&json);
        assert!(found.len() > 2_000);
        assert!(found.iter().all(|(path, ..)| path.len() <= MAX_PATH_BYTES + MAX_SEGMENT_BYTES + 1));
        let excluded =
            found.iter().filter(|(path, _, excluded)| *excluded && path.ends_with("node_modules")).count();
        assert_eq!(excluded, 100, "excludes match at any depth");
    }

    #[test]
    fn scalar_root_is_one_required_element() {
        assert_eq!(paths("42"), [(String::new(), true, false)]);
        assert_eq!(paths("{}"), [(String::new(), true, false)]);
    }
}
