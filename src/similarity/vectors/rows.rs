//! Vectors of one length, one behind the other, in blocks.
//!
//! Blocks never move, so that growing copies nothing, and are freed when they are empty.

/// Vectors in a block. Of 384 numbers each: 96 KiB.
const BLOCK: usize = 64;

/// Sums that are kept side by side, for vector instructions. Neither fewer nor more are faster.
const LANES: usize = 16;

/// A table of numbers.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// 0 before the first row.
    width: usize,
    len: usize,
    blocks: Vec<Box<[f32]>>,
}

impl Rows {
    /// Length of each row, if there ever was one.
    pub(super) fn width(&self) -> Option<usize> {
        (self.width > 0).then_some(self.width)
    }

    /// Adds a row of `width` numbers, which are to be written.
    pub(super) fn push(&mut self, width: usize) {
        debug_assert!(width > 0 && self.width().is_none_or(|known| known == width));
        self.width = width;
        if self.len == self.blocks.len() * BLOCK {
            self.blocks.push(vec![0.0; BLOCK * width].into_boxed_slice());
        }
        self.len += 1;
    }

    /// Removes a row; the last one takes its place.
    pub(super) fn swap_remove(&mut self, row: usize) {
        let last = self.len - 1;
        let from = self.range(last);
        let to = self.range(row);
        if last / BLOCK == row / BLOCK {
            self.blocks[row / BLOCK].copy_within(from, to.start);
        } else if let Some((source, before)) = self.blocks[..=last / BLOCK].split_last_mut() {
            before[row / BLOCK][to].copy_from_slice(&source[from]);
        }
        self.len = last;
        // One empty block stays, lest one be freed and made again with every change.
        self.blocks.truncate(self.len.div_ceil(BLOCK) + 1);
    }

    /// A row.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let range = self.range(row);
        &mut self.blocks[row / BLOCK][range]
    }

    /// All rows, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.blocks.iter().flat_map(|block| block.chunks_exact(self.width)).take(self.len)
    }

    /// Bytes that are held besides the struct itself.
    pub(super) fn memory_bytes(&self) -> usize {
        self.blocks.len() * BLOCK * self.width * size_of::<f32>()
            + self.blocks.capacity() * size_of::<Box<[f32]>>()
    }

    /// Where a row is in its block.
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let start = row % BLOCK * self.width;
        start..start + self.width
    }
}

/// Writes `vector`, whose norm is given, with the norm 1.
pub(super) fn write_unit(vector: &[f32], norm: f64, out: &mut [f32]) {
    for (number, out) in vector.iter().zip(out) {
        #[expect(clippy::cast_possible_truncation, reason = "at most 1; rounding is meant")]
        let unit = (f64::from(*number) / norm) as f32;
        *out = unit;
    }
}

/// The cosine of two vectors of the norm 1 and of one length. The order of its additions is fixed.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    // Rounding may lead beyond 1; the sum with 0 makes 0 of −0, which would rank below it.
    (sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0) + 0.0
}
