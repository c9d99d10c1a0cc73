//! Rows as one blob and back: what a row of the database holds.
//!
//! ```text
//! blob      form (0 plain, 1 zstd) · body · xxh3 of form and body (4 bytes)
//! content   rows · times · intervals · columns · operations
//! ```
//!
//! Values stand by column, so that neighbours are alike: the differences of a figure that does not change are zeros. A column
//! goes by an id that the database gives to the *path* of a metric, never by the place in the table: rows outlive changes of
//! the table. Counters, counts and times are kept exactly, gauges and latencies to seven digits (`number`).

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::number::{Reader, put_bits, put_column, put_signed, put_whole};
use crate::monitor::sample::{OperationRow, SampleRow};
use crate::telemetry::metric::{Figures, Kind, Metric};

/// A single row is not worth a dictionary-less compressor's start; more are.
const LEAST_COMPRESSED_ROWS: usize = 2;
/// Measured on an hour of samples: level 9 takes 8 % less room than 3 for twice the time; higher ones give nothing more.
const LEVEL: i32 = 9;
/// Beyond what is ever written: a damaged length must not take the memory of the process.
const MOST_CONTENT_BYTES: usize = 64 << 20;
const MOST_ROWS: usize = 1 << 16;
/// Between columns that follow one another in the table.
const NEXT: u64 = 1;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Which metric has which id in this database.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    by_id: Vec<(u32, Metric)>,
}

impl Columns {
    /// From the ids and paths of the database. Paths that the table does not have are of another version, and left out.
    pub(crate) fn new(ids: impl IntoIterator<Item = (u32, String)>) -> Self {
        let mut by_id: Vec<_> =
            ids.into_iter().filter_map(|(id, path)| Some((id, Metric::at_path(&path)?))).collect();
        by_id.sort_unstable_by_key(|(id, _)| *id);
        Self { by_id }
    }

    /// Ids that are places in the table, for what does not outlive the process.
    pub(crate) fn of_table() -> Self {
        Self::new((0..).zip(Metric::ALL.iter().map(|metric| metric.row().path.to_owned())))
    }

    /// The metric of an id, if it is one of the table.
    fn metric(&self, id: u64) -> Option<Metric> {
        let at = self.by_id.binary_search_by_key(&id, |(id, _)| u64::from(*id)).ok()?;
        Some(self.by_id[at].1)
    }
}

/// All of `rows`, in their order.
pub(crate) fn encode(rows: &[SampleRow], columns: &Columns) -> Vec<u8> {
    let mut content = Vec::with_capacity(64 + 160 * rows.len());
    put_whole(&mut content, rows.len() as u64);
    put_differences(&mut content, rows.iter().map(|row| row.at_ms));
    put_differences(&mut content, rows.iter().map(|row| row.interval_ms));
    put_figures(&mut content, rows, columns);
    put_operations(&mut content, rows);
    seal(&content, rows.len() >= LEAST_COMPRESSED_ROWS)
}

/// The rows of a blob; `None` if it is damaged.
pub(crate) fn decode(blob: &[u8], columns: &Columns) -> Option<Vec<SampleRow>> {
    let content = unseal(blob)?;
    let mut reader = Reader::new(&content);
    let count = usize::try_from(reader.whole()?).ok().filter(|count| *count <= MOST_ROWS)?;
    let times = differences(&mut reader, count)?;
    let intervals = differences(&mut reader, count)?;
    let mut rows: Vec<SampleRow> = times
        .into_iter()
        .zip(intervals)
        .map(|(at_ms, interval_ms)| SampleRow {
            at_ms,
            interval_ms,
            figures: Figures::default(),
            operations: Vec::new(),
        })
        .collect();
    read_figures(&mut reader, &mut rows, columns)?;
    read_operations(&mut reader, &mut rows)?;
    Some(rows)
}

fn put_differences(out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
    let mut before = 0_u64;
    for value in values {
        // Wrapping, so that every u64 goes through.
        put_signed(out, value.wrapping_sub(before).cast_signed());
        before = value;
    }
}

fn differences(reader: &mut Reader<'_>, count: usize) -> Option<Vec<u64>> {
    let mut before = 0_u64;
    let mut next = || {
        before = before.wrapping_add(reader.signed()?.cast_unsigned());
        Some(before)
    };
    (0..count).map(|_| next()).collect()
}

/// The columns in which any row has a figure.
fn put_figures(out: &mut Vec<u8>, rows: &[SampleRow], columns: &Columns) {
    let column = |metric| rows.iter().map(|row| row.figures.get(metric)).collect::<Vec<_>>();
    let used: Vec<_> = columns
        .by_id
        .iter()
        .map(|&(id, metric)| (id, metric, column(metric)))
        .filter(|(_, _, values)| values.iter().any(Option::is_some))
        .collect();
    put_whole(out, used.len() as u64);
    // Ids as distances first: they compress to nothing, and the values stay undisturbed.
    let mut before = 0;
    for (id, ..) in &used {
        put_whole(out, u64::from(*id).wrapping_sub(before).wrapping_sub(NEXT));
        before = u64::from(*id);
    }
    for (_, metric, values) in &used {
        put_column(out, values, metric.row().kind == Kind::Counter);
    }
}

fn read_figures(reader: &mut Reader<'_>, rows: &mut [SampleRow], columns: &Columns) -> Option<()> {
    let count = reader.count()?;
    let mut before = 0_u64;
    let mut next = || {
        before = before.wrapping_add(reader.whole()?).wrapping_add(NEXT);
        Some(before)
    };
    let ids = (0..count).map(|_| next()).collect::<Option<Vec<_>>>()?;
    for id in ids {
        let values = reader.column(rows.len())?;
        if let Some(metric) = columns.metric(id) {
            rows.iter_mut().zip(values).for_each(|(row, value)| row.figures.set(metric, value));
        }
    }
    Some(())
}

/// A part of an operation, and whether it is kept exactly.
type Part = (fn(&OperationRow) -> f64, bool);

/// What is kept of an operation beside its name.
const PARTS: [Part; 7] = [
    (|row| row.count as f64, true),
    (|row| row.errors as f64, true),
    (|row| row.mean_ms, false),
    (|row| row.p50_ms, false),
    (|row| row.p95_ms, false),
    (|row| row.p99_ms, false),
    (|row| row.max_ms, false),
];

/// Each name once, then in which rows it is, then its parts.
fn put_operations(out: &mut Vec<u8>, rows: &[SampleRow]) {
    let mut names: Vec<&Arc<str>> =
        rows.iter().flat_map(|row| &row.operations).map(|operation| &operation.name).collect();
    names.sort_unstable();
    names.dedup();
    put_whole(out, names.len() as u64);
    let mut looked_at: Vec<_> = rows.iter().map(|row| by_name(&row.operations)).collect();
    for name in names {
        put_whole(out, name.len() as u64);
        out.extend_from_slice(name.as_bytes());
        // Rows hold their operations by name, so the one looked for is the next or not there.
        let found: Vec<Option<&OperationRow>> =
            looked_at.iter_mut().map(|row| row.next_if(|next| next.name == *name)).collect();
        put_bits(out, found.iter().map(Option::is_some));
        for (part, is_exact) in PARTS {
            let values: Vec<_> = found.iter().flatten().map(|row| Some(part(row))).collect();
            put_column(out, &values, is_exact);
        }
    }
}

/// The operations of a row by name, each name once.
fn by_name(operations: &[OperationRow]) -> std::iter::Peekable<impl Iterator<Item = &OperationRow>> {
    let mut sorted: Vec<_> = operations.iter().collect();
    sorted.sort_by_key(|operation| &operation.name);
    sorted.dedup_by_key(|operation| &operation.name);
    sorted.into_iter().peekable()
}

fn read_operations(reader: &mut Reader<'_>, rows: &mut [SampleRow]) -> Option<()> {
    for _ in 0..reader.count()? {
        let length = usize::try_from(reader.whole()?).ok()?;
        let name: Arc<str> = std::str::from_utf8(reader.take(length)?).ok()?.into();
        let is_there = reader.bits(rows.len())?;
        let count = is_there.iter().filter(|is_there| **is_there).count();
        let mut parts = Vec::with_capacity(PARTS.len());
        for _ in PARTS {
            parts.push(reader.column(count)?.into_iter());
        }
        for row in rows.iter_mut().zip(is_there).filter_map(|(row, is_there)| is_there.then_some(row)) {
            let mut part = |at: usize| parts[at].next().flatten().unwrap_or(f64::NAN);
            row.operations.push(OperationRow {
                name: Arc::clone(&name),
                count: to_count(part(0)),
                errors: to_count(part(1)),
                mean_ms: part(2),
                p50_ms: part(3),
                p95_ms: part(4),
                p99_ms: part(5),
                max_ms: part(6),
            });
        }
    }
    Some(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn to_count(value: f64) -> u64 {
    value as u64
}

fn seal(content: &[u8], is_compressed: bool) -> Vec<u8> {
    let compressed = is_compressed.then(|| zstd::bulk::compress(content, LEVEL).ok()).flatten();
    let mut blob = vec![if compressed.is_some() { ZSTD } else { PLAIN }];
    if compressed.is_some() {
        put_whole(&mut blob, content.len() as u64);
    }
    blob.extend_from_slice(compressed.as_deref().unwrap_or(content));
    let checksum = checksum(&blob);
    blob.extend_from_slice(&checksum);
    blob
}

fn unseal(blob: &[u8]) -> Option<Vec<u8>> {
    let (sealed, sum) = blob.split_at_checked(blob.len().checked_sub(CHECKSUM_BYTES)?)?;
    if checksum(sealed) != sum {
        return None;
    }
    let mut reader = Reader::new(sealed);
    match reader.byte()? {
        PLAIN => Some(reader.rest().to_vec()),
        ZSTD => {
            let length =
                usize::try_from(reader.whole()?).ok().filter(|length| *length <= MOST_CONTENT_BYTES)?;
            zstd::bulk::decompress(reader.rest(), length).ok()
        }
        _ => None,
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let [a, b, c, d, ..] = xxh3_64(bytes).to_le_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{any_row, busy_row, kept_of, text, texts};
    use super::*;
    use proptest::prelude::*;

    fn columns() -> Columns {
        Columns::new((1..).zip(Metric::ALL.iter().map(|metric| metric.row().path.to_owned())))
    }

    #[test]
    fn column_of_another_version_is_left_out() {
        let written = Columns::new(
            (1..).zip(["gone.metric", "cpu.usage", "disk.usage"].map(str::to_owned)).map(|(id, path)| {
                // The table that wrote it had the first metric.
                (id, if path == "gone.metric" { "uptime".to_owned() } else { path })
            }),
        );
        let mut row = busy_row(1);
        row.operations.clear();
        let blob = encode(std::slice::from_ref(&row), &written);
        let read = Columns::new([
            (1, "gone.metric".to_owned()),
            (2, "cpu.usage".to_owned()),
            (9, "uptime".to_owned()),
        ]);
        let mut expected = SampleRow { figures: Figures::default(), ..row.clone() };
        expected.figures.set(Metric::CpuUsage, row.figures.get(Metric::CpuUsage));
        assert_eq!(text(&decode(&blob, &read).expect("rows")[0]), text(&kept_of(&expected)));
    }

    #[test]
    fn operations_are_read_by_name_and_each_once() {
        let mut row = busy_row(1);
        let mut first = row.operations[0].clone();
        row.operations.reverse();
        first.count += 5;
        row.operations.push(first);
        let read = decode(&encode(&[row], &columns()), &columns()).expect("rows").remove(0);
        let names: Vec<_> = read.operations.iter().map(|operation| operation.name.to_string()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn flipped_bit_is_noticed() {
        for count in [1, 20] {
            let rows: Vec<_> = (0..count).map(busy_row).collect();
            let mut blob = encode(&rows, &columns());
            for at in 0..blob.len() {
                blob[at] ^= 0x10;
                assert!(decode(&blob, &columns()).is_none(), "{at}");
                blob[at] ^= 0x10;
            }
        }
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(rows in prop::collection::vec(any_row(), 0..20)) {
            let read = decode(&encode(&rows, &columns()), &columns()).expect("rows");
            let expected: Vec<_> = rows.iter().map(kept_of).collect();
            prop_assert_eq!(texts(&read), texts(&expected));
            let again = decode(&encode(&read, &columns()), &columns()).expect("rows");
            prop_assert_eq!(texts(&again), texts(&read), "nothing more is lost the second time");
        }

        #[test]
        fn anything_with_a_right_checksum_is_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&seal(&content, false), &columns());
        }
    }
}
