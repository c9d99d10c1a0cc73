//! Cuts a text into blocks at the beginnings of definitions and at paragraphs.
//!
//! A block is a whole function, a small class, a section of prose: what can be left out without leaving half a thing. Blocks
//! follow each other without a gap and end at ends of lines, except in lines longer than a block.

use super::definitions::{Definition, definition, heading};

/// Shorter blocks are joined with the next one: a marker for what is missing would cost as much as they do.
const MIN_BLOCK_BYTES: usize = 400;

/// From here on a block ends at the next blank line.
const PARAGRAPH_BYTES: usize = 1600;

/// A block ends at the next end of a line, whatever stands there.
const MAX_BLOCK_BYTES: usize = 6000;

/// Most blocks of a text: places in it are 16 bits. Blocks of a larger text are larger.
const MAX_BLOCKS: usize = 60_000;

/// A text in parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// Where each block begins, in bytes; the first is 0.
    pub(crate) starts: Vec<u32>,
    /// What is defined, in order.
    pub(crate) definitions: Vec<Definition>,
}

/// Cuts `text`, which has less than 4 GB. O(text).
pub(crate) fn cut(text: &str) -> Blocks {
    // The smallest blocks are a quarter of the least size, as below.
    let scale = 1 + text.len() / (MAX_BLOCKS * MIN_BLOCK_BYTES / 4);
    let (min, paragraph, max) = (MIN_BLOCK_BYTES * scale, PARAGRAPH_BYTES * scale, MAX_BLOCK_BYTES * scale);
    let mut cut = Cut { text, starts: vec![0], max };
    let mut definitions = Vec::new();
    // Where the lines begin that belong to what comes next: decorators, comments, attributes right above it.
    let mut above: Option<usize> = None;
    let mut was_blank = true;
    // Indentation of the definition that the block under way began with.
    let mut level = 0;
    let mut at = 0;
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |length| at + length + 1);
        let line = &text[at..end];
        let trimmed = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - trimmed.len();
        let begins = above.unwrap_or(at);
        let size = begins.saturating_sub(cut.last());
        if trimmed.trim_end().is_empty() {
            above = None;
            was_blank = true;
            at = end;
            continue;
        }
        // A comment of Python in the middle of code looks like a heading too.
        let found = if indent == 0 && was_blank && line.starts_with('#') {
            heading(line)
        } else {
            definition(trimmed)
        };
        if let Some(found) = found {
            // A method of a small class stays with it; one that is no deeper than the block's begins a new one.
            if size >= min || (indent <= level && size >= min / 4) {
                cut.end_at(begins);
                level = indent;
            }
            definitions.push(Definition { at: found.at + offset(at + indent), ..found });
            above = None;
        } else if is_attached(trimmed) {
            if above.is_none() {
                above = Some(at);
            }
        } else {
            if was_blank && size >= paragraph {
                cut.end_at(begins);
                level = indent;
            }
            above = None;
        }
        if end - cut.last() > max {
            cut.end_at(at);
            cut.split_line(end);
        }
        was_blank = false;
        at = end;
    }
    cut.starts.dedup();
    if cut.starts.len() > 1 && cut.last() == text.len() {
        cut.starts.pop();
    }
    Blocks { starts: cut.starts, definitions }
}

struct Cut<'a> {
    text: &'a str,
    starts: Vec<u32>,
    max: usize,
}

impl Cut<'_> {
    fn last(&self) -> usize {
        self.starts.last().map_or(0, |start| *start as usize)
    }

    fn end_at(&mut self, at: usize) {
        if at > self.last() {
            self.starts.push(offset(at));
        }
    }

    /// Cuts what is one line up to `end` and longer than a block, after a space if there is one.
    fn split_line(&mut self, end: usize) {
        while end - self.last() > self.max {
            let start = self.last();
            let mut to = start + self.max;
            while !self.text.is_char_boundary(to) {
                to -= 1;
            }
            let room = &self.text.as_bytes()[start..to];
            let space = room.iter().rposition(|byte| matches!(byte, b' ' | b';' | b',' | b'}' | b'\n'));
            self.end_at(space.filter(|at| *at > self.max / 2).map_or(to, |at| start + at + 1));
        }
    }
}

/// Whether a line belongs to the definition below it.
fn is_attached(line: &str) -> bool {
    ["@", "#[", "#", "//", "/*", "*", "--", "template"].iter().any(|mark| line.starts_with(mark))
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("invariant: texts of a document are under 4 GB")
}

#[cfg(test)]
mod tests;
