//! The store as its caller sees it: what was written is there again, whatever happens in between.

mod alerts;
mod crash;
mod damage;
mod history;
#[cfg(unix)]
mod unix;

use std::fs;

use super::test_support::{busy_row, kept_of, text, texts};
use super::*;
use crate::telemetry::metric::Metric;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

fn open(dir: &Path) -> MetricsStore {
    MetricsStore::open(dir, Some("project")).expect("open")
}

fn busy_rows(count: u64) -> Vec<SampleRow> {
    (0..count).map(busy_row).collect()
}

fn append_all(store: &mut MetricsStore, rows: &[SampleRow]) {
    for row in rows {
        store.append(row).expect("append");
    }
}

/// What the store should give back for `rows`.
fn kept_texts(rows: &[SampleRow]) -> Vec<String> {
    rows.iter().map(|row| text(&kept_of(row))).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("list");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn history_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().expect("temp dir");
    let rows = busy_rows(20);
    for part in rows.chunks(7) {
        let mut store = open(dir.path());
        append_all(&mut store, part);
        store.close().expect("close");
    }
    let mut store = open(dir.path());
    assert_eq!(texts(&store.load(0).expect("load")), kept_texts(&rows));
    assert_eq!(texts(&store.load(rows[13].at_ms).expect("load")), kept_texts(&rows[13..]));
    assert_eq!(store.load(u64::MAX).expect("load").len(), 0);
    assert!(store.take_warnings().is_empty());
}

#[test]
fn each_monitor_has_its_lane_and_a_restarted_one_the_lowest_free() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (mut first, mut second) = (open(dir.path()), open(dir.path()));
    assert_eq!((first.lane(), second.lane()), (0, 1));
    assert_ne!(first.path(), second.path());
    first.append(&busy_row(1)).expect("append");
    second.append(&busy_row(2)).expect("append");
    drop(first);
    let mut again = open(dir.path());
    assert_eq!(again.lane(), 0);
    assert_eq!(texts(&again.load(0).expect("load")), kept_texts(&[busy_row(1)]));
}

#[test]
fn no_more_lanes_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().expect("temp dir");
    let stores: Vec<_> = (0..place::MOST_LANES).map(|_| open(dir.path())).collect();
    let error = MetricsStore::open(dir.path(), Some("project")).expect_err("full");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("64 monitors"), "{error}");
    assert_eq!(MetricsStore::open(dir.path(), Some("other")).expect("another project").lane(), 0);
    drop(stores);
}

#[test]
fn history_of_another_project_is_not_read() {
    let dir = tempfile::tempdir().expect("temp dir");
    open(dir.path()).append(&busy_row(1)).expect("append");
    for project in [None, Some(""), Some("other")] {
        let mut store = MetricsStore::open(dir.path(), project).expect("open");
        assert_eq!((store.lane(), store.load(0).expect("load").len()), (0, 0), "{project:?}");
        store.append(&busy_row(2)).expect("append");
    }
    assert_eq!(open(dir.path()).load(0).expect("load").len(), 1);
    assert!(names(dir.path()).iter().all(|name| !name.contains("project")));
}

#[test]
fn times_that_repeat_or_go_back_lose_no_sample() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    let times = [5, 5, 3, u64::MAX, 0, 5, 4];
    let rows: Vec<_> =
        times.iter().zip(0..).map(|(&at_ms, at)| SampleRow { at_ms, ..busy_row(at) }).collect();
    append_all(&mut store, &rows);
    let mut sorted = rows.clone();
    sorted.sort_by_key(|row| row.at_ms);
    assert_eq!(texts(&store.load(0).expect("load")), kept_texts(&sorted));
}

#[test]
fn columns_go_by_the_path_of_the_metric() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    store.append(&busy_row(1)).expect("append");
    // As if a version had written it in which one metric had another name and the ids another order.
    let connection = &store.opened().expect("open").connection;
    connection.execute("UPDATE p SET path = 'disk.old' WHERE path = 'disk.usage'", []).expect("update");
    connection.execute("UPDATE p SET id = id + 1000", []).expect("update");
    connection.execute("UPDATE p SET id = id - 1000", []).expect("update");
    store.close().expect("close");
    let mut store = open(dir.path());
    store.append(&busy_row(2)).expect("append");
    let rows = store.load(0).expect("load");
    let mut expected = [kept_of(&busy_row(1)), kept_of(&busy_row(2))];
    expected[0].figures.set(Metric::DiskUsage, None);
    assert_eq!(texts(&rows), texts(&expected));
}

#[test]
fn newer_schema_is_left_as_it_is() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    store.opened().expect("open").connection.pragma_update(None, "user_version", 2).expect("update");
    let path = store.path().to_owned();
    store.close().expect("close");
    let before = fs::read(&path).expect("read");
    let error = MetricsStore::open(dir.path(), Some("project")).expect_err("newer");
    assert!(error.to_string().contains("newer version"), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert_eq!(fs::read(&path).expect("read"), before);
}

#[test]
fn removed_directory_is_made_again() {
    let parent = tempfile::tempdir().expect("temp dir");
    let dir = parent.path().join("cache");
    let mut store = open(&dir);
    store.append(&busy_row(1)).expect("append");
    fs::remove_dir_all(&dir).expect("remove");
    let mut other = open(&dir);
    assert_eq!(other.lane(), 0, "nobody sees the lock of the first");
    store.maintain(0, DAY_MS).expect("maintain");
    assert_eq!(store.take_warnings().len(), 1);
    assert_eq!(store.lane(), 1);
    store.append(&busy_row(2)).expect("append");
    other.append(&busy_row(3)).expect("append");
    assert_eq!(texts(&store.load(0).expect("load")), kept_texts(&[busy_row(2)]));
    drop(store);
    assert_eq!(texts(&other.load(0).expect("load")), kept_texts(&[busy_row(3)]));
}

#[test]
fn state_is_kept_by_name_and_replaced() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    assert_eq!(store.state("silences").expect("state"), None);
    store.put_state("silences", "[1]").expect("put");
    store.put_state("silences", "[]").expect("put");
    store.put_state("baselines", "{}").expect("put");
    store.close().expect("close");
    let mut store = open(dir.path());
    assert_eq!(store.state("silences").expect("state").as_deref(), Some("[]"));
    assert_eq!(store.state("baselines").expect("state").as_deref(), Some("{}"));
    let error = store.put_state("silences", &" ".repeat(MOST_BYTES + 1)).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(store.state("silences").expect("state").as_deref(), Some("[]"));
}

#[test]
fn row_that_is_too_large_is_refused_and_the_next_one_kept() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    let mut row = busy_row(1);
    row.operations[0].name = "x".repeat(MOST_BYTES).into();
    assert_eq!(store.append(&row).expect_err("too large").kind(), ErrorKind::InvalidArgument);
    store.append(&busy_row(2)).expect("append");
    assert_eq!(texts(&store.load(0).expect("load")), kept_texts(&[busy_row(2)]));
}
