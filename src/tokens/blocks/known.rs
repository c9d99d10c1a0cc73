//! What is known of a text.

use super::TextId;

/// Runs of a text looked at for those that have a piece.
const MAX_LOOKED_AT: usize = 256;
/// Runs of a text that are followed from a piece on.
const MAX_RUNS: usize = 8;

/// A run of pieces that one text had first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) owner: u32,
    /// Among all pieces.
    pub(super) first: u32,
    pub(super) count: u32,
}

#[derive(Debug)]
pub(super) struct Text {
    pub(super) id: TextId,
    pub(super) runs: Box<[Run]>,
    /// First byte of each run.
    pub(super) starts: Box<[u32]>,
    /// The runs in the order of their pieces.
    pub(super) by_piece: Box<[u32]>,
    pub(super) used: u64,
}

impl Run {
    pub(super) fn has(self, piece: u32) -> bool {
        (self.first..self.first + self.count).contains(&piece)
    }
}

impl Text {
    /// Runs that have a piece, the last ones first. They overlap where a text says something twice.
    pub(super) fn runs_with(&self, piece: u32) -> impl Iterator<Item = usize> {
        let behind = self.by_piece.partition_point(|&run| self.runs[run as usize].first <= piece);
        let before = self.by_piece[..behind].iter().rev().take(MAX_LOOKED_AT).map(|&run| run as usize);
        before.filter(move |&run| self.runs[run].has(piece)).take(MAX_RUNS)
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        size_of_val(&*self.runs) + size_of_val(&*self.starts) + size_of_val(&*self.by_piece)
    }

    pub(super) fn pieces(&self) -> usize {
        self.runs.iter().map(|run| run.count as usize).sum()
    }
}
