//! From choices to what a caller gets: the fate of every value, what is left of texts, and a list of what was left out.

use xxhash_rust::xxh3::xxh3_128;

use super::adaptations::Reason;
use super::analysis::Analysis;
use super::elements::{Element, index_u32};
use super::rank::Corpus;
use super::references::{Reference, References};
use super::select::Choice;
use crate::base::document::{Document, Kind};
use crate::base::json::{self, Cuts, Fate, KeyOrder, View, write_string};

/// Names of definitions that a line for what is missing says, and their bytes together.
const MARKER_NAMES: usize = 3;
const MARKER_NAME_BYTES: usize = 60;

/// What is left of a text, piece by piece.
#[derive(Debug)]
pub struct CutText {
    /// The string's value.
    pub value: u32,
    /// Its pieces in order.
    pub pieces: Vec<Piece>,
}

/// A piece of what is left of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// From here to there in the original, in UTF-16 code units as JavaScript counts.
    Kept(usize, usize),
    /// A line for what is missing.
    Marker(String),
}

/// Something that was left out.
#[derive(Debug)]
pub struct DroppedPart {
    /// The value, or the string that it is a part of.
    pub value: u32,
    /// First and last line of a part of a string, from 1 on.
    pub lines: Option<(usize, usize)>,
    /// Bytes of its JSON; of a part of a string, of its text.
    pub bytes: u64,
    /// Tokens of its JSON; of a container the sum over its elements.
    pub tokens: u64,
    /// The best score in it, 0–1.
    pub score: f64,
    /// Why.
    pub reason: Reason,
    /// By which it can be had again.
    pub reference: Reference,
}

/// The shape of what stays.
pub(super) struct Shape {
    /// `None` when everything stays.
    pub(super) fates: Option<Vec<Fate>>,
    pub(super) cuts: Cuts,
    pub(super) texts: Vec<CutText>,
    /// Bytes of its JSON.
    pub(super) bytes: u64,
}

impl Shape {
    pub(super) fn of(document: &Document, sizes: &[u64], corpus: &Corpus<'_>, choices: &[Choice]) -> Self {
        let mut shape = Self { fates: None, cuts: Cuts::new(), texts: Vec::new(), bytes: sizes[0] };
        if choices.iter().all(|choice| *choice == Choice::Whole) {
            return shape;
        }
        for (at, choice) in choices.iter().enumerate() {
            let Choice::Blocks(kept) = choice else { continue };
            let value = corpus.element(at).value;
            let text = document.text(value as usize);
            let analysis = corpus.units.analysis(corpus.unit_of[at] as usize);
            let (cut, pieces) = cut_text(text, analysis, kept);
            shape.cuts.insert(value, cut);
            shape.texts.push(CutText { value, pieces });
        }
        let fates = fates(document, &corpus.elements.list, choices);
        shape.bytes = kept_bytes(document, sizes, &fates, &shape.cuts);
        shape.fates = Some(fates);
        shape
    }

    /// What stays of `document`.
    pub(super) fn view<'a>(&'a self, document: &'a Document) -> View<'a> {
        View { document, fates: self.fates.as_deref(), cuts: Some(&self.cuts) }
    }
}

/// The gaps of a text: block ranges that do not stay.
fn gaps(kept: &[bool]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = (at..kept.len()).find(|&block| !kept[block])?;
        at = (start..kept.len()).find(|&block| kept[block]).unwrap_or(kept.len());
        Some(start..at)
    })
}

fn bytes_of(analysis: &Analysis, gap: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    analysis.range(gap.start).start..analysis.range(gap.end - 1).end
}

fn cut_text(text: &str, analysis: &Analysis, kept: &[bool]) -> (String, Vec<Piece>) {
    let mut out = String::new();
    let mut pieces = Vec::new();
    // How far the text was read, in bytes and in UTF-16 code units, and its lines until there.
    let (mut at, mut units, mut line) = (0, 0, 1);
    let is_ascii = text.is_ascii();
    let units_of = |part: &str| if is_ascii { part.len() } else { part.encode_utf16().count() };
    let keep = |at: usize,
                to: usize,
                units: &mut usize,
                line: &mut usize,
                out: &mut String,
                pieces: &mut Vec<Piece>| {
        let part = &text[at..to];
        let end = *units + units_of(part);
        if !part.is_empty() {
            out.push_str(part);
            pieces.push(Piece::Kept(*units, end));
        }
        *units = end;
        *line += newlines(part);
    };
    for gap in gaps(kept) {
        let range = bytes_of(analysis, &gap);
        keep(at, range.start, &mut units, &mut line, &mut out, &mut pieces);
        let missing = &text[range.clone()];
        let last = line + newlines(missing) - usize::from(missing.ends_with('\n'));
        let mut marker = String::new();
        if !out.is_empty() && !out.ends_with('\n') {
            marker.push('\n');
        }
        marker.push_str(&marker_line(text, analysis, &range, (line, last)));
        marker.push('\n');
        out.push_str(&marker);
        pieces.push(Piece::Marker(marker));
        units += units_of(missing);
        line += newlines(missing);
        at = range.end;
    }
    keep(at, text.len(), &mut units, &mut line, &mut out, &mut pieces);
    (out, pieces)
}

fn newlines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// `[… lines 10–52 left out: parse, Token.next, +3 (ref 0123456789abcdef)]`
fn marker_line(
    text: &str,
    analysis: &Analysis,
    range: &std::ops::Range<usize>,
    lines: (usize, usize),
) -> String {
    let from = analysis.definitions.partition_point(|definition| (definition.at as usize) < range.start);
    let inside: Vec<&str> = analysis.definitions[from..]
        .iter()
        .take_while(|definition| (definition.at as usize) < range.end)
        .filter_map(|definition| {
            text.get(definition.at as usize..definition.at as usize + usize::from(definition.len))
        })
        .collect();
    let (mut names, mut shown) = (String::new(), 0);
    for name in inside.iter().take(MARKER_NAMES) {
        if names.len() + name.len() > MARKER_NAME_BYTES {
            break;
        }
        names.push_str(if shown == 0 { ": " } else { ", " });
        names.push_str(name);
        shown += 1;
    }
    let others = inside.len() - shown;
    let more = if shown > 0 && others > 0 { format!(", +{others}") } else { String::new() };
    let reference = Reference::of(xxh3_128(&text.as_bytes()[range.clone()]));
    let (first, last) = lines;
    let place = if first == last { format!("line {first}") } else { format!("lines {first}–{last}") };
    format!("[… {place} left out{names}{more} (ref {reference})]")
}

/// The fate of every value from the elements that stay.
fn fates(document: &Document, elements: &[Element], choices: &[Choice]) -> Vec<Fate> {
    let mut fates = vec![Fate::Dropped; document.len()];
    let mut inside_element = vec![false; document.len()];
    for (element, choice) in elements.iter().zip(choices) {
        let (first, end) = (element.value as usize, document.end(element.value as usize));
        inside_element[first..end].fill(true);
        match choice {
            Choice::Whole => fates[first..end].fill(Fate::Whole),
            Choice::Blocks(_) => fates[first] = Fate::Cut,
            Choice::Dropped(_) => {}
        }
    }
    // Backwards, children come before their parents: a container with anything kept below it stays in part; one whose
    // children all stay is whole.
    for value in (0..document.len()).rev().filter(|&value| !inside_element[value]) {
        let (mut any, mut all) = (false, true);
        for child in document.children(value) {
            let stays_by_itself = document.kind(child) != Kind::Omitted;
            any |= fates[child] != Fate::Dropped && stays_by_itself;
            all &= fates[child] == Fate::Whole;
        }
        fates[value] = if all {
            Fate::Whole
        } else if any {
            Fate::Part
        } else {
            Fate::Dropped
        };
    }
    // The root always stays, even when nothing in it does.
    if fates[0] == Fate::Dropped {
        fates[0] = Fate::Part;
    }
    fates
}

/// Bytes of JSON of what stays.
fn kept_bytes(document: &Document, sizes: &[u64], fates: &[Fate], cuts: &Cuts) -> u64 {
    fn of(document: &Document, sizes: &[u64], fates: &[Fate], cuts: &Cuts, value: usize) -> u64 {
        match fates[value] {
            Fate::Whole => sizes[value],
            Fate::Cut => json::string_size(&cuts[&index_u32(value)]),
            Fate::Part | Fate::Dropped => {
                let stay = document.children(value).filter(|&child| fates[child] != Fate::Dropped);
                let entries = stay.map(|child| (child, of(document, sizes, fates, cuts, child)));
                json::container_size(document, value, entries)
            }
        }
    }
    of(document, sizes, fates, cuts, 0)
}

/// What was left out, in the context's order: a container of which nothing stays is one part. Each is remembered.
pub(super) fn dropped(
    document: &Document,
    sizes: &[u64],
    corpus: &Corpus<'_>,
    (choices, scores, tokens): (&[Choice], &[f64], &[u64]),
    fates: &[Fate],
    references: &References,
) -> Vec<DroppedPart> {
    let mut found: Vec<DroppedPart> = Vec::new();
    let mut scratch = Vec::new();
    let (mut value, mut element) = (0, 0);
    while value < document.len() {
        let end = document.end(value);
        let first = element;
        if fates[value] != Fate::Part {
            let list = &corpus.elements.list;
            element += list[element..].iter().take_while(|element| (element.value as usize) < end).count();
        }
        match fates[value] {
            Fate::Whole => value = end,
            Fate::Part => value += 1,
            Fate::Cut => {
                if let Choice::Blocks(kept) = &choices[first] {
                    dropped_blocks(document, corpus, first, kept, scores[first], references, &mut found);
                }
                value = end;
            }
            Fate::Dropped => {
                let best = (first..element).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)));
                // What JSON leaves out anyway is no element.
                if let Some((best, Choice::Dropped(reason))) = best.map(|best| (best, &choices[best])) {
                    let reference = references.keep(document.hash(value, &mut scratch), || {
                        let mut json = Vec::new();
                        View::whole(document).write(value, KeyOrder::Insertion, &mut json);
                        text_of(json)
                    });
                    found.push(DroppedPart {
                        value: index_u32(value),
                        lines: None,
                        bytes: sizes[value],
                        tokens: tokens[first..element].iter().sum(),
                        score: scores[best],
                        reason: *reason,
                        reference,
                    });
                }
                value = end;
            }
        }
    }
    references.settle();
    found
}

fn dropped_blocks(
    document: &Document,
    corpus: &Corpus<'_>,
    at: usize,
    kept: &[bool],
    score: f64,
    references: &References,
    found: &mut Vec<DroppedPart>,
) {
    let (value, unit) = (corpus.element(at).value, corpus.unit_of[at] as usize);
    let text = document.text(value as usize);
    let (analysis, tokens) = (corpus.units.analysis(unit), corpus.units.tokens(unit));
    let (mut read, mut line) = (0, 1);
    for gap in gaps(kept) {
        let range = bytes_of(analysis, &gap);
        line += newlines(&text[read..range.start]);
        let missing = &text[range.clone()];
        let last = line + newlines(missing) - usize::from(missing.ends_with('\n'));
        let reference = references.keep(xxh3_128(missing.as_bytes()), || {
            let mut json = Vec::new();
            write_string(missing, &mut json);
            text_of(json)
        });
        found.push(DroppedPart {
            value,
            lines: Some((line, last)),
            bytes: missing.len() as u64,
            tokens: tokens[gap].iter().map(|&tokens| u64::from(tokens)).sum(),
            score,
            reason: Reason::Blocks,
            reference,
        });
        line += newlines(missing);
        read = range.end;
    }
}

fn text_of(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("invariant: JSON is written from UTF-8")
}

#[cfg(test)]
mod tests;
