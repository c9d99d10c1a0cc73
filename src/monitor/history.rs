//! The samples of the last days in memory, packed as the store packs them: the answer to `getMetricsHistory()`, with a disk or
//! without.
//!
//! A day at full resolution, then one a minute, none older than the retention, and 60,000 at most.

use std::collections::VecDeque;

use super::sample::SampleRow;
use super::store::codec::{Columns, decode, encode};
use super::store::join::join;

/// Rows of a block: ten minutes of samples.
const BLOCK_ROWS: usize = 60;
/// Older rows are joined.
const FULL_RESOLUTION_MS: u64 = 86_400_000;
/// What a joined row stands for.
const JOINED_MS: u64 = 60_000;
/// Most blocks: 60,000 rows, about 10 MB. A week of samples of ten seconds takes 300.
const MAX_BLOCKS: usize = 1000;
/// So many blocks become one when they are joined.
const JOINED_BLOCKS: usize = 6;

struct Block {
    to_ms: u64,
    is_joined: bool,
    packed: Box<[u8]>,
}

/// The samples, oldest first. A week of samples of ten seconds takes about 3 MB.
pub(super) struct History {
    columns: Columns,
    blocks: VecDeque<Block>,
    /// The last ones, not packed yet.
    open: Vec<SampleRow>,
}

impl Default for History {
    fn default() -> Self {
        Self { columns: Columns::of_table(), blocks: VecDeque::new(), open: Vec::new() }
    }
}

impl History {
    /// Adds a sample, and lets go of those that are too old at its time.
    pub(super) fn push(&mut self, row: SampleRow, retention_ms: u64) {
        let now_ms = row.at_ms;
        self.open.push(row);
        if self.open.len() >= BLOCK_ROWS {
            let rows = std::mem::take(&mut self.open);
            self.seal(&rows, false);
            self.join_old(now_ms);
        }
        let is_old = |block: &Block| now_ms.saturating_sub(block.to_ms) > retention_ms;
        while self.blocks.len() > MAX_BLOCKS || self.blocks.front().is_some_and(is_old) {
            self.blocks.pop_front();
        }
    }

    /// Puts what was kept on disk, oldest first, before everything there is.
    pub(super) fn restore(&mut self, rows: Vec<SampleRow>) {
        let first_ms = self.first_ms().unwrap_or(u64::MAX);
        let newer = std::mem::take(&mut self.blocks);
        let rows: Vec<SampleRow> = rows.into_iter().filter(|row| row.at_ms < first_ms).collect();
        for rows in rows.chunks(BLOCK_ROWS) {
            let is_joined = rows.iter().all(|row| row.interval_ms >= JOINED_MS);
            self.seal(rows, is_joined);
        }
        self.blocks.extend(newer);
    }

    /// Samples from `since_ms` on, oldest first.
    pub(super) fn since(&self, since_ms: u64) -> Vec<SampleRow> {
        let blocks = self.blocks.iter().filter(|block| block.to_ms >= since_ms);
        let packed = blocks.flat_map(|block| decode(&block.packed, &self.columns).unwrap_or_default());
        packed.chain(self.open.iter().cloned()).filter(|row| row.at_ms >= since_ms).collect()
    }

    /// Bytes that it takes, about.
    pub(super) fn held_bytes(&self) -> usize {
        let packed: usize = self.blocks.iter().map(|block| block.packed.len() + size_of::<Block>()).sum();
        let row = size_of::<SampleRow>() + size_of::<[f64; crate::telemetry::metric::Metric::COUNT]>();
        packed + self.open.capacity() * row
    }

    fn first_ms(&self) -> Option<u64> {
        let packed = self.blocks.front().and_then(|block| decode(&block.packed, &self.columns));
        packed.and_then(|rows| rows.first().map(|row| row.at_ms)).or(self.open.first().map(|row| row.at_ms))
    }

    fn seal(&mut self, rows: &[SampleRow], is_joined: bool) {
        let Some(last) = rows.last() else { return };
        let packed = encode(rows, &self.columns).into_boxed_slice();
        self.blocks.push_back(Block { to_ms: last.at_ms, is_joined, packed });
    }

    /// Joins the oldest blocks that are not, once so many are a day old that they make one.
    fn join_old(&mut self, now_ms: u64) {
        let Some(first) = self.blocks.iter().position(|block| !block.is_joined) else { return };
        let is_old =
            |block: &&Block| now_ms.saturating_sub(block.to_ms) > FULL_RESOLUTION_MS && !block.is_joined;
        if self.blocks.iter().skip(first).take_while(is_old).count() < JOINED_BLOCKS {
            return;
        }
        let old: Vec<Block> = self.blocks.drain(first..first + JOINED_BLOCKS).collect();
        let rows = old.iter().flat_map(|block| decode(&block.packed, &self.columns).unwrap_or_default());
        let rows = join(&rows.collect::<Vec<_>>(), JOINED_MS);
        let Some(last) = rows.last() else { return };
        let packed = encode(&rows, &self.columns).into_boxed_slice();
        self.blocks.insert(first, Block { to_ms: last.at_ms, is_joined: true, packed });
    }
}

/// `rows`, joined until there are `most` at most.
pub(super) fn thinned(rows: Vec<SampleRow>, most: usize) -> Vec<SampleRow> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return rows };
    if rows.len() <= most {
        return rows;
    }
    let mut step_ms = (last.at_ms - first.at_ms) / most.max(1) as u64 + 1;
    loop {
        let mut joined = join(&rows, step_ms);
        // Where counters went back rows stay apart, so that it may never be fewer.
        if joined.len() <= most {
            return joined;
        }
        if step_ms > last.at_ms {
            return joined.split_off(joined.len() - most.max(1));
        }
        step_ms *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metric::{Figures, Metric};

    const DAY_MS: u64 = 86_400_000;
    const START_MS: u64 = 1_800_000_000_000;

    fn row(at: u64) -> SampleRow {
        let mut figures = Figures::default();
        figures.set(Metric::Requests, at as f64);
        figures.set(Metric::CpuUsage, (at % 100) as f64);
        SampleRow { at_ms: START_MS + at * 10_000, interval_ms: 10_000, figures, operations: Vec::new() }
    }

    #[test]
    fn a_day_is_whole_older_ones_are_one_a_minute_and_none_is_older_than_the_retention() {
        let mut history = History::default();
        let last = 8 * 8640;
        for at in 0..=last {
            history.push(row(at), 7 * DAY_MS);
        }
        let rows = history.since(0);
        assert!(rows.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms));
        let now_ms = row(last).at_ms;
        assert!(rows.iter().all(|row| now_ms - row.at_ms <= 7 * DAY_MS + 3_600_000));
        let day = rows.iter().filter(|row| now_ms - row.at_ms <= DAY_MS).count();
        assert!((8640..=8641).contains(&day), "{day}");
        let older = rows.len() - day;
        assert!(
            (8640..9500).contains(&older),
            "{older}: six days, one a minute, and up to an hour that is not joined yet"
        );
        assert_eq!(rows.last(), Some(&row(last)));
        assert!(history.held_bytes() < 4 << 20, "{}", history.held_bytes());
    }

    #[test]
    fn what_is_restored_comes_before_what_is_there() {
        let mut history = History::default();
        (100..110).for_each(|at| history.push(row(at), 7 * DAY_MS));
        history.restore((0..105).map(row).collect());
        assert_eq!(history.since(0), (0..110).map(row).collect::<Vec<_>>());
        assert_eq!(history.since(row(95).at_ms).len(), 15);
    }

    #[test]
    fn rows_are_thinned_to_what_is_asked_for() {
        let rows: Vec<_> = (0..8640).map(row).collect();
        for most in [1, 2, 100, 8639, 8640] {
            let thin = thinned(rows.clone(), most);
            assert!(thin.len() <= most && !thin.is_empty(), "{most}: {}", thin.len());
            assert_eq!(thin.last().and_then(|row| row.figures.get(Metric::Requests)), Some(8639.0));
        }
        assert!(thinned(Vec::new(), 5).is_empty());
    }
}
