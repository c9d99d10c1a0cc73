//! A text on its way to parts and to its record.

use super::record::Run;
use super::{Part, Range};

/// Shorter ranges are sent as text: in text, 64 bytes are about what a reference and the break of a string cost.
const MIN_RANGE_BYTES: usize = 64;

pub(super) struct Draft<'a> {
    text: &'a str,
    /// Up to where it is drafted.
    pub(super) at: usize,
    pub(super) parts: Vec<Part>,
    /// What is in no other text.
    pub(super) own: String,
    pub(super) runs: Vec<Run>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, parts: Vec::new(), own: String::new(), runs: Vec::new() }
    }

    /// What is left of the text.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn add_new(&mut self, start: usize, len: usize) {
        let text = &self.text[start..start + len];
        self.push_literal(text);
        self.push_run(Run { owner: None, start: self.own.len(), len });
        self.own.push_str(text);
        self.at = start + len;
    }

    pub(super) fn add_known(&mut self, range: Range, is_whole: bool, is_held: bool, runs: Vec<Run>) {
        let text = &self.text[self.at..self.at + range.len];
        if range.len < MIN_RANGE_BYTES {
            self.push_literal(text);
        } else {
            self.parts.push(Part::Known { range, is_whole, is_held });
        }
        for run in runs {
            self.push_run(run);
        }
        self.at += range.len;
    }

    fn push_literal(&mut self, text: &str) {
        if let Some(Part::Literal(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Literal(text.to_owned()));
        }
    }

    /// Runs that go on where the last one ends are one.
    fn push_run(&mut self, run: Run) {
        match self.runs.last_mut() {
            Some(last) if last.owner == run.owner && last.start + last.len == run.start => {
                last.len += run.len;
            }
            _ => self.runs.push(run),
        }
    }
}
