//! The process or the machine stops at any moment: what a disk may look like then.

use super::*;
use proptest::prelude::*;

fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

/// What is read from copies of these files.
fn read_copy(name: &std::ffi::OsStr, database: &[u8], log: &[u8]) -> (Vec<String>, Vec<String>) {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join(name);
    fs::write(&path, database).expect("write");
    fs::write(log_of(&path), log).expect("write");
    let mut store = open(dir.path());
    let rows = texts(&store.load(0).expect("load"));
    (rows, store.take_warnings())
}

#[test]
fn killed_process_loses_nothing() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    let rows = busy_rows(50);
    append_all(&mut store, &rows);
    let path = store.path().to_owned();
    let (database, log) = (fs::read(&path).expect("read"), fs::read(log_of(&path)).expect("read"));
    let (read, warnings) = read_copy(path.file_name().expect("name"), &database, &log);
    assert_eq!((read, warnings), (kept_texts(&rows), vec![]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn log_that_was_not_all_written_loses_the_last_samples_only(
        before in 0..450_u64,
        after in 1..40_u64,
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().expect("temp dir");
        let mut store = open(dir.path());
        let rows = busy_rows(before + after);
        let (first, last) = rows.split_at(usize::try_from(before).expect("count"));
        append_all(&mut store, first);
        store.close().expect("close");
        let mut store = open(dir.path());
        append_all(&mut store, last);
        store.maintain(busy_row(before + after).at_ms, 7 * DAY_MS).expect("maintain");
        let path = store.path().to_owned();
        let (database, mut log) = (fs::read(&path).expect("read"), fs::read(log_of(&path)).expect("read"));
        log.truncate(cut.index(log.len() + 1));
        let (read, warnings) = read_copy(path.file_name().expect("name"), &database, &log);
        prop_assert!(warnings.is_empty(), "{warnings:?}");
        prop_assert!(read.len() >= first.len());
        prop_assert_eq!(&read[..], &kept_texts(&rows)[..read.len()]);
    }

    #[test]
    fn takeover_of_the_log_may_stop_at_any_page(written in prop::collection::vec(any::<bool>(), 400)) {
        let dir = tempfile::tempdir().expect("temp dir");
        let mut store = open(dir.path());
        let rows = busy_rows(200);
        append_all(&mut store, &rows);
        let path = store.path().to_owned();
        let (mut database, log) = (fs::read(&path).expect("read"), fs::read(log_of(&path)).expect("read"));
        store.close().expect("close");
        let whole = fs::read(&path).expect("read");
        let written_end = written.iter().rposition(|written| *written).map_or(0, |last| (last + 1) * 1024);
        database.resize(database.len().max(written_end.min(whole.len())), 0);
        for ((old, new), _) in
            database.chunks_mut(1024).zip(whole.chunks(1024)).zip(&written).filter(|(_, written)| **written)
        {
            let length = old.len().min(new.len());
            old[..length].copy_from_slice(&new[..length]);
        }
        let (read, warnings) = read_copy(path.file_name().expect("name"), &database, &log);
        prop_assert_eq!((read, warnings), (kept_texts(&rows), vec![]));
    }
}
