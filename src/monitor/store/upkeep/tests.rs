//! What is in the database after upkeep: few blocks, of the right level, and never too much.

use super::super::MetricsStore;
use super::super::test_support::{busy_row, row_of};
use super::*;
use crate::telemetry::metric::Metric;

fn blocks(store: &mut MetricsStore) -> Vec<(u64, u64)> {
    let connection = &store.opened().expect("open").connection;
    let mut statement = connection.prepare("SELECT step, n FROM b ORDER BY seq").expect("prepare");
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).expect("query");
    let whole = |value: i64| u64::try_from(value).expect("positive");
    rows.map(|row| row.map(|(step, n)| (whole(step), whole(n))).expect("row")).collect()
}

fn store() -> (tempfile::TempDir, MetricsStore) {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = MetricsStore::open(dir.path(), None).expect("open");
    (dir, store)
}

#[test]
fn rows_become_blocks_of_whole_minutes() {
    let (_dir, mut store) = store();
    for at in 0..359 {
        store.append(&busy_row(at)).expect("append");
    }
    store.maintain(busy_row(359).at_ms, 7 * DAY_MS).expect("maintain");
    assert_eq!(blocks(&mut store), []);
    store.append(&busy_row(359)).expect("append");
    store.maintain(busy_row(359).at_ms, 7 * DAY_MS).expect("maintain");
    // The last minute may not be over.
    assert_eq!(blocks(&mut store), [(0, 354)]);
    assert_eq!(store.load(0).expect("load").len(), 360);
}

#[test]
fn old_rows_are_joined_by_the_minute_then_by_the_hour_and_then_removed() {
    let (_dir, mut store) = store();
    for at in 0..8640 {
        store.append(&busy_row(at)).expect("append");
        if at % 6 == 0 {
            store.maintain(busy_row(at).at_ms, 100 * DAY_MS).expect("maintain");
        }
    }
    let mut after = |days: u64| {
        for _ in 0..20 {
            store.maintain(busy_row(8640).at_ms + days * DAY_MS, 100 * DAY_MS).expect("maintain");
        }
        (blocks(&mut store), store.load(0).expect("load").len())
    };
    let (made, rows) = after(0);
    assert!(made.len() < 30 && made.iter().all(|(step, _)| *step == 0), "{made:?}");
    assert_eq!(rows, 8640);
    let (made, rows) = after(2);
    assert!(made.len() < 9 && made.iter().all(|(step, n)| *step == MINUTE_MS && *n < 320), "{made:?}");
    // The last minute may not be over, so its six rows are no block yet.
    assert!((1439..1447).contains(&rows), "{rows}");
    let (made, rows) = after(32);
    assert!(matches!(made[..], [(HOUR_MS, 24)]), "{made:?}");
    assert!(rows < 31, "{rows}");
    assert_eq!(after(102), (vec![], 0));
}

#[test]
fn samples_that_come_fast_are_joined_sooner() {
    let (_dir, mut store) = store();
    for at in 0..26_000_u64 {
        let at_ms = 1_767_225_600_000 + 100 * at;
        store.append(&row_of(at_ms, 100, &[(Metric::CpuUsage, 50.0)])).expect("append");
        if at % 600 == 0 {
            store.maintain(at_ms, 7 * DAY_MS).expect("maintain");
        }
    }
    let made = blocks(&mut store);
    let full: u64 = made.iter().filter(|(step, _)| *step == 0).map(|(_, n)| n).sum();
    assert!((18_000..=MOST_FULL_ROWS).contains(&full), "{full}");
    assert_eq!(made[0].0, MINUTE_MS);
}

#[test]
fn clock_that_stands_still_or_is_wrong_for_a_moment_does_not_stop_it() {
    let (_dir, mut store) = store();
    for at in 0..3000 {
        store.append(&row_of(5, 100, &[(Metric::Requests, f64::from(at))])).expect("append");
    }
    store.maintain(5, DAY_MS).expect("maintain");
    assert_eq!(store.load(0).expect("load").len(), 3000);
    assert_eq!(blocks(&mut store).iter().map(|(_, n)| n).sum::<u64>(), 4 * MOST_BLOCK_ROWS as u64);
    // A year ahead, once.
    for _ in 0..2 {
        store.append(&row_of(5 + 365 * DAY_MS, 100, &[])).expect("append");
    }
    store.maintain(1000, DAY_MS).expect("maintain");
    assert_eq!(store.load(0).expect("load").len(), 3002);
}

#[test]
fn damaged_block_is_removed_with_a_warning_and_does_not_stop_it() {
    let (_dir, mut store) = store();
    for at in 0..1500 {
        store.append(&busy_row(at)).expect("append");
    }
    store.maintain(busy_row(1500).at_ms, 7 * DAY_MS).expect("maintain");
    let before = blocks(&mut store).len();
    assert!(before >= 2);
    let connection = &store.opened().expect("open").connection;
    connection.execute("UPDATE b SET data = x'01' WHERE seq = (SELECT min(seq) FROM b)", []).expect("update");
    connection.execute("UPDATE r SET data = x'01'", []).expect("update");
    store.maintain(busy_row(1500).at_ms + 2 * DAY_MS, 7 * DAY_MS).expect("maintain");
    assert_eq!(store.take_warnings().len(), 1);
    assert!(!store.load(0).expect("load").is_empty());
    assert!(store.take_warnings().is_empty());
}

#[test]
fn room_is_given_back() {
    let (_dir, mut store) = store();
    for at in 0..3000 {
        store.append(&busy_row(at)).expect("append");
    }
    let pages = |store: &mut MetricsStore| -> i64 {
        let connection = &store.opened().expect("open").connection;
        connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("pages")
    };
    let before = pages(&mut store);
    for _ in 0..20 {
        store.maintain(busy_row(3000).at_ms + 8 * DAY_MS, 7 * DAY_MS).expect("maintain");
    }
    let after = pages(&mut store);
    assert!(after < before / 4 && after < 150, "{before} then {after}");
}
