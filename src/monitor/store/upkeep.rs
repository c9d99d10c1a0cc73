//! What becomes of samples as time goes by: from single rows to blocks, from full resolution to one row a minute, then one an
//! hour, then nothing.
//!
//! A little at a time, each step a transaction: a call takes milliseconds however much there is to do, the next one goes on,
//! and a clock that is wrong for a moment costs hours of history at most and not all of it.

use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{Columns, decode, encode};
use super::db::{Trouble, to_sql};
use super::join::join;
use crate::monitor::sample::SampleRow;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Samples of older than the first are joined to one per the second. The hours keep years of history small.
const LEVELS: [(u64, u64); 2] = [(DAY_MS, MINUTE_MS), (30 * DAY_MS, HOUR_MS)];
/// Samples in full resolution in blocks, more than two days at the usual interval. Where they come faster, older ones are
/// joined sooner than after a day: a tenth of a second would make 864,000 a day.
const MOST_FULL_ROWS: u64 = 20_000;
/// Of any resolution. Ten years, the longest retention, are 150,000; more come only from a clock that jumps about.
const MOST_ROWS: u64 = 200_000;

/// Single rows from which on a block is made of them: an hour at the usual interval.
const BLOCK_ROWS: i64 = 360;
/// The most that go into one; more than those of a minute, also where one comes each tenth of a second.
const MOST_BLOCK_ROWS: usize = 720;
/// A block of joined rows takes more until it has as many: each has operations' names and a start of its own.
const JOINED_BLOCK_ROWS: i64 = 240;
/// Blocks do not grow beyond, whatever rows hold.
const MOST_BLOCK_BYTES: usize = 4 << 20;

/// What one call does of each kind at most.
const STEPS: u32 = 4;
const MOST_ALERTS: u32 = 500;
const MOST_FREED_PAGES: i64 = 256;
/// Free pages that stay for what comes next.
const SPARE_PAGES: i64 = 64;

/// One call's worth of upkeep; returns how many damaged blobs were left out and removed.
pub(super) fn run(
    connection: &mut Connection,
    columns: &Columns,
    now_ms: u64,
    retention_ms: u64,
) -> Result<u64, Trouble> {
    let mut damaged = 0;
    remove_old(connection, now_ms.saturating_sub(retention_ms))?;
    for _ in 0..STEPS {
        if !seal(connection, columns, now_ms, &mut damaged)? {
            break;
        }
    }
    for _ in 0..STEPS {
        if !join_one(connection, columns, now_ms, &mut damaged)? {
            break;
        }
    }
    free_pages(connection)?;
    Ok(damaged)
}

fn remove_old(connection: &mut Connection, before_ms: u64) -> Result<(), Trouble> {
    let before = to_sql(before_ms);
    let transaction = connection.transaction()?;
    transaction
        .prepare_cached(
            "DELETE FROM b WHERE seq IN (SELECT seq FROM b WHERE last < ?1 ORDER BY seq LIMIT ?2)",
        )?
        .execute(params![before, STEPS])?;
    transaction
        .prepare_cached("DELETE FROM r WHERE seq IN (SELECT seq FROM r WHERE at < ?1 ORDER BY seq LIMIT ?2)")?
        .execute(params![before, to_sql(MOST_BLOCK_ROWS as u64)])?;
    transaction
        .prepare_cached(
            "DELETE FROM a WHERE rowid IN (SELECT rowid FROM a WHERE resolved = 1 AND at < ?1 LIMIT ?2)",
        )?
        .execute(params![before, MOST_ALERTS])?;
    let rows: u64 = transaction.prepare_cached("SELECT total(n) FROM b")?.query_row([], to_count)?;
    if rows > MOST_ROWS {
        transaction
            .prepare_cached("DELETE FROM b WHERE seq IN (SELECT seq FROM b ORDER BY seq LIMIT ?1)")?
            .execute([STEPS])?;
    }
    transaction.commit()?;
    Ok(())
}

/// `total` is a float also where it adds up whole numbers; a damaged one is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn to_count(row: &rusqlite::Row<'_>) -> rusqlite::Result<u64> {
    row.get::<_, f64>(0).map(|total| total as u64)
}

/// Makes a block of single rows, if there are enough of them or they are old.
fn seal(
    connection: &mut Connection,
    columns: &Columns,
    now_ms: u64,
    damaged: &mut u64,
) -> Result<bool, Trouble> {
    let (count, oldest): (i64, Option<i64>) = connection
        .prepare_cached("SELECT count(*), min(at) FROM r")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let is_old = oldest.is_some_and(|oldest| oldest < to_sql(now_ms.saturating_sub(DAY_MS)));
    if count < BLOCK_ROWS && !is_old {
        return Ok(false);
    }
    let (rows, is_all) = single_rows(connection, columns, damaged)?;
    // Whole minutes, so that what is joined later is a minute's.
    let minute = |at: usize| rows[at].1.at_ms / MINUTE_MS;
    let end = (1..rows.len()).rev().find(|&at| minute(at) != minute(at - 1));
    let end = match end {
        Some(end) => end,
        None if is_all => return Ok(false),
        None => rows.len(),
    };
    let (seqs, rows): (Vec<i64>, Vec<SampleRow>) = rows.into_iter().take(end).unzip();
    let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else { return Ok(false) };
    let transaction = connection.transaction()?;
    transaction.prepare_cached("DELETE FROM r WHERE seq <= ?1")?.execute([last])?;
    put_block(&transaction, columns, *first, 0, &rows)?;
    transaction.commit()?;
    Ok(true)
}

/// The oldest single rows with their numbers, as many as go into a block, and whether that is all of them. Damaged ones are
/// removed.
fn single_rows(
    connection: &mut Connection,
    columns: &Columns,
    damaged: &mut u64,
) -> Result<(Vec<(i64, SampleRow)>, bool), Trouble> {
    let (mut rows, mut spoiled, mut bytes, mut is_all) = (Vec::new(), Vec::new(), 0, true);
    let mut statement = connection.prepare_cached("SELECT seq, data FROM r ORDER BY seq")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        if rows.len() == MOST_BLOCK_ROWS || bytes > MOST_BLOCK_BYTES {
            is_all = false;
            break;
        }
        let (seq, blob): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        bytes += blob.len();
        match decode(&blob, columns) {
            Some(decoded) => rows.extend(decoded.into_iter().map(|row| (seq, row))),
            None => spoiled.push(seq),
        }
    }
    drop(found);
    drop(statement);
    for seq in spoiled {
        *damaged += 1;
        connection.execute("DELETE FROM r WHERE seq = ?1", [seq])?;
    }
    Ok((rows, is_all))
}

/// Joins the rows of the first block that is old enough for a coarser level.
fn join_one(
    connection: &mut Connection,
    columns: &Columns,
    now_ms: u64,
    damaged: &mut u64,
) -> Result<bool, Trouble> {
    for (age_ms, step_ms) in LEVELS {
        if let Some((seq, blob)) = block_to_join(connection, now_ms.saturating_sub(age_ms), step_ms)? {
            join_block(connection, columns, (seq, &blob), step_ms, damaged)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn block_to_join(
    connection: &Connection,
    before_ms: u64,
    step_ms: u64,
) -> Result<Option<(i64, Vec<u8>)>, Trouble> {
    let full: u64 =
        connection.prepare_cached("SELECT total(n) FROM b WHERE step = 0")?.query_row([], to_count)?;
    let before = if full > MOST_FULL_ROWS && step_ms == MINUTE_MS { i64::MAX } else { to_sql(before_ms) };
    let found = connection
        .prepare_cached("SELECT seq, data FROM b WHERE step < ?1 AND last <= ?2 ORDER BY seq LIMIT 1")?
        .query_row(params![to_sql(step_ms), before], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

/// Puts the joined rows of a block in its place, or behind those of the block before it if that is of the same level and short.
fn join_block(
    connection: &mut Connection,
    columns: &Columns,
    (seq, blob): (i64, &[u8]),
    step_ms: u64,
    damaged: &mut u64,
) -> Result<(), Trouble> {
    let rows = decode(blob, columns);
    let transaction = connection.transaction()?;
    transaction.prepare_cached("DELETE FROM b WHERE seq = ?1")?.execute([seq])?;
    if let Some(mut rows) = rows {
        let before: Option<(i64, i64, i64, Vec<u8>)> = transaction
            .prepare_cached("SELECT seq, step, n, data FROM b WHERE seq < ?1 ORDER BY seq DESC LIMIT 1")?
            .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let mut first = seq;
        if let Some((before_seq, step, count, blob)) = before
            && step == to_sql(step_ms)
            && count < JOINED_BLOCK_ROWS
            && blob.len() < MOST_BLOCK_BYTES / 4
            && let Some(mut before) = decode(&blob, columns)
        {
            transaction.prepare_cached("DELETE FROM b WHERE seq = ?1")?.execute([before_seq])?;
            // A stretch may have begun there.
            before.append(&mut rows);
            (first, rows) = (before_seq, before);
        }
        put_block(&transaction, columns, first, step_ms, &join(&rows, step_ms))?;
    } else {
        *damaged += 1;
    }
    transaction.commit()?;
    Ok(())
}

fn put_block(
    connection: &Connection,
    columns: &Columns,
    seq: i64,
    step_ms: u64,
    rows: &[SampleRow],
) -> Result<(), Trouble> {
    let times = || rows.iter().map(|row| row.at_ms);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    connection
        .prepare_cached("INSERT INTO b (seq, step, n, first, last, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            seq,
            to_sql(step_ms),
            to_sql(rows.len() as u64),
            to_sql(first),
            to_sql(last),
            encode(rows, columns)
        ])?;
    Ok(())
}

/// Gives room back to the file system.
fn free_pages(connection: &Connection) -> Result<(), Trouble> {
    let free: i64 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    let pages = (free - SPARE_PAGES).min(MOST_FREED_PAGES);
    if pages > 0 {
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut freed = statement.query([])?;
        // A row for each page.
        while freed.next()?.is_some() {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
