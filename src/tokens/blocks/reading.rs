//! A text taken apart into what is known of it and what is new.

use super::pieces::Piece;

/// Shorter runs between others are new text: a reference would cost more.
pub(super) const MIN_RUN_BYTES: u32 = 48;
/// A number of pieces or bytes.
pub(super) fn number(value: usize) -> u32 {
    u32::try_from(value).expect("invariant: bounded far below 2^32")
}

/// What a text is made of, before it is known itself.
pub(super) struct Reading {
    pub(super) pieces: Vec<Piece>,
    pub(super) segments: Vec<Segment>,
}

/// A stretch of pieces of the text that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// First piece of the text.
    pub(super) first: u32,
    pub(super) count: u32,
    /// First known piece and its owner.
    pub(super) known: Option<(u32, u32)>,
}

impl Segment {
    pub(super) fn bytes(self, pieces: &[Piece]) -> u32 {
        let start = if self.first == 0 { 0 } else { pieces[self.first as usize - 1].end };
        pieces[(self.first + self.count) as usize - 1].end - start
    }
}

impl Reading {
    /// First byte of a piece, or the end.
    pub(super) fn start(&self, piece: u32) -> usize {
        if piece == 0 { 0 } else { self.pieces[piece as usize - 1].end as usize }
    }

    /// Bytes that nobody had.
    pub(super) fn new_bytes(&self) -> usize {
        self.new_segments().map(|segment| segment.bytes(&self.pieces) as usize).sum()
    }

    /// Hashes of one of `every` new pieces, chosen by content.
    pub(super) fn anchors(&self, every: u32) -> impl Iterator<Item = u32> {
        self.new_segments()
            .flat_map(|segment| {
                &self.pieces[segment.first as usize..(segment.first + segment.count) as usize]
            })
            .map(|piece| piece.hash)
            .filter(move |hash| hash.is_multiple_of(every))
    }

    /// Itself, or all of it as new text if it has more stretches than that.
    pub(super) fn not_scattered(mut self, max: usize) -> Self {
        if self.segments.len() > max {
            let count = number(self.pieces.len());
            self.segments = vec![Segment { first: 0, count, known: None }];
        }
        self
    }

    /// Its pieces, to be read again.
    pub(super) fn into_pieces(self) -> Vec<Piece> {
        self.pieces
    }

    fn new_segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.known.is_none())
    }

    /// Runs that are too short are new text, with what is new next to them.
    pub(super) fn merge_short(&mut self, segments: Vec<Segment>) {
        for segment in segments {
            let is_long = segment.bytes(&self.pieces) >= MIN_RUN_BYTES;
            let known = segment.known.filter(|_| is_long);
            match self.segments.last_mut() {
                Some(last) if last.known.is_none() && known.is_none() => last.count += segment.count,
                _ => self.segments.push(Segment { known, ..segment }),
            }
        }
    }
}
