//! What is known of a text.

use super::TextId;

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
    /// A run that has a piece, in O(log runs). Runs can overlap: then the one that begins last, if it has it.
    pub(super) fn run_with(&self, piece: u32) -> Option<usize> {
        let behind = self.by_piece.partition_point(|&run| self.runs[run as usize].first <= piece);
        let run = *self.by_piece.get(behind.checked_sub(1)?)? as usize;
        self.runs[run].has(piece).then_some(run)
    }

    pub(super) fn pieces(&self) -> usize {
        self.runs.iter().map(|run| run.count as usize).sum()
    }
}
