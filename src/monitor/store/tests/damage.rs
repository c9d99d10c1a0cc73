//! Files that are not what was written.

use super::*;
use proptest::prelude::*;
use std::sync::OnceLock;

/// A database with everything in it, and its log; the newest rows are in the log only.
fn sound() -> &'static (String, Vec<u8>, Vec<u8>) {
    static FILES: OnceLock<(String, Vec<u8>, Vec<u8>)> = OnceLock::new();
    FILES.get_or_init(|| {
        let dir = tempfile::tempdir().expect("temp dir");
        let mut store = open(dir.path());
        append_all(&mut store, &busy_rows(400));
        store.maintain(busy_row(400).at_ms, 7 * DAY_MS).expect("maintain");
        store.maintain(busy_row(10_000).at_ms, 7 * DAY_MS).expect("maintain");
        append_all(&mut store, &busy_rows(30));
        store.put_state("silences", "[]").expect("put");
        let path = store.path().to_owned();
        store.close().expect("close");
        let mut store = open(dir.path());
        append_all(&mut store, &busy_rows(5));
        let log = fs::read(format!("{}-wal", path.display())).expect("log");
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        (name, fs::read(&path).expect("database"), log)
    })
}

/// Puts these files where the store looks, uses everything, and expects that it can write and read again.
fn use_all(database: &[u8], log: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join(&sound().0);
    fs::write(&path, database).expect("write");
    fs::write(format!("{}-wal", path.display()), log).expect("write");
    let mut store = match MetricsStore::open(dir.path(), Some("project")) {
        Ok(store) => store,
        Err(error) => {
            // The one thing that cannot be told from a sound file.
            assert!(error.to_string().contains("newer version"), "{error}");
            return vec![error.to_string()];
        }
    };
    let now_ms = busy_row(20_000).at_ms;
    store.load(0).expect("load");
    store.alerts(0).expect("alerts");
    store.state("silences").expect("state");
    for at in 0..400 {
        store.append(&busy_row(20_000 + at)).expect("append");
    }
    store.maintain(now_ms, 7 * DAY_MS).expect("maintain");
    store.maintain(now_ms, DAY_MS).expect("maintain");
    store.put_alerts(&[]).expect("put");
    store.put_state("silences", "[1]").expect("put");
    assert_eq!(store.state("silences").expect("state").as_deref(), Some("[1]"));
    store.append(&busy_row(20_400)).expect("append");
    let newest = texts(&store.load(0).expect("load")).pop();
    let warnings = store.take_warnings();
    // A place that is found to be damaged only while it is read takes the newest row with it.
    assert!(newest == Some(text(&kept_of(&busy_row(20_400)))) || !warnings.is_empty());
    warnings
}

#[test]
fn sound_files_give_no_warning() {
    let (_, database, log) = sound();
    assert!(use_all(database, log).is_empty());
}

#[test]
fn what_is_no_database_is_moved_aside_with_a_warning() {
    let (_, database, _) = sound();
    for (content, what) in
        [(&b"not a database"[..], "text"), (&[0; 5000], "zeros"), (&database[..3000], "cut off")]
    {
        let warnings = use_all(content, &[]);
        assert_eq!(warnings.len(), 1, "{what}: {warnings:?}");
        assert!(warnings[0].contains(".corrupt-"), "{what}: {warnings:?}");
    }
    assert!(use_all(&[], &[]).is_empty(), "an empty file is a new one");
}

#[test]
fn three_damaged_files_are_kept() {
    let dir = tempfile::tempdir().expect("temp dir");
    for at in 0..5_u8 {
        let mut store = open(dir.path());
        assert_eq!(store.take_warnings().len(), usize::from(at > 0));
        store.append(&busy_row(1)).expect("append");
        let path = store.path().to_owned();
        store.close().expect("close");
        fs::write(&path, [at + b'a'; 100]).expect("write");
    }
    drop(open(dir.path()));
    let kept: Vec<_> = names(dir.path()).into_iter().filter(|name| name.contains(".corrupt-")).collect();
    let first = |name: &String| fs::read(dir.path().join(name)).expect("read")[0];
    assert_eq!(kept.iter().map(first).collect::<Vec<_>>(), *b"cde");
}

#[test]
fn table_that_goes_missing_is_a_new_beginning_in_the_same_call() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    store.append(&busy_row(1)).expect("append");
    store.opened().expect("open").connection.execute_batch("DROP TABLE r").expect("drop");
    store.append(&busy_row(2)).expect("append");
    assert_eq!(store.take_warnings().len(), 1);
    assert_eq!(texts(&store.load(0).expect("load")), kept_texts(&[busy_row(2)]));
}

#[test]
fn damaged_rows_are_left_out_and_others_read() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut store = open(dir.path());
    append_all(&mut store, &busy_rows(3));
    let connection = &store.opened().expect("open").connection;
    connection.execute("UPDATE r SET data = x'00ff' WHERE seq = 2", []).expect("update");
    assert_eq!(texts(&store.load(0).expect("load")), kept_texts(&[busy_row(0), busy_row(2)]));
    assert_eq!(store.take_warnings().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_damage_takes_the_process_down(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..20),
        in_header in prop::collection::vec((0..200_usize, 1..=255_u8), 0..2),
        cut in prop::option::of(any::<prop::sample::Index>()),
        is_log in any::<bool>(),
    ) {
        let (_, database, log) = sound();
        let (mut database, mut log) = (database.clone(), log.clone());
        let damaged = if is_log { &mut log } else { &mut database };
        for (at, mask) in flips {
            let at = at.index(damaged.len());
            damaged[at] ^= mask;
        }
        for (at, mask) in in_header {
            damaged[at] ^= mask;
        }
        if let Some(cut) = cut {
            damaged.truncate(cut.index(damaged.len()));
        }
        use_all(&database, &log);
    }
}
