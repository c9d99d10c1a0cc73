//! The store as a whole: damage of each kind is found, and room is given back without losing anything.

use std::sync::atomic::{AtomicBool, AtomicU64};

use rusqlite::Connection;

use super::super::inspect::EntryFilter;
use super::super::transfer::Watch;
use super::inspect::{list, watched};
use super::*;

/// Changes the database as no process of ours does.
fn tamper(world: &World, sql: &str) {
    Connection::open(world.database()).expect("open").execute_batch(sql).expect(sql);
}

#[test]
fn each_kind_of_damage_is_found_told_and_removed() {
    for (reason, sql) in [
        ("checksum", "UPDATE v SET data = zeroblob(length(data)) WHERE id = 3"),
        ("checksum", "UPDATE v SET data = x'' WHERE id = 3"),
        ("key", "UPDATE v SET k = CAST(k || x'61' AS BLOB) WHERE id = 3"),
        ("noValue", "DELETE FROM v WHERE id = 3"),
        ("unreadable", "UPDATE v SET data = 'a text' WHERE id = 3"),
        ("row", "UPDATE m SET raw = raw + 1 WHERE id = 3"),
        ("row", "UPDATE m SET ns = x'61' WHERE id = 3"),
    ] {
        let world = World::new();
        let cache = world.open();
        for number in 0..10 {
            set(&cache, &format!("key {number}"), &"value ".repeat(20));
        }
        leave_l1(&cache);
        tamper(&world, sql);
        let dry = watched(|watch| cache.verify(true, watch)).expect("verified");
        assert_eq!((dry.checked, dry.damaged_count, dry.removed), (10, 1, 0), "{sql}");
        assert_eq!((dry.damaged[0].reason, dry.damaged[0].layer), (reason, "L2"), "{sql}");
        let found = watched(|watch| cache.verify(false, watch)).expect("verified");
        assert_eq!((found.damaged_count, found.removed), (1, 1), "{sql}");
        let left = watched(|watch| cache.verify(true, watch)).expect("verified");
        assert_eq!((left.checked, left.damaged_count, left.totals.ok), (9, 0, true), "{sql}: {left:?}");
        assert_eq!((found.database.state, left.database.state), ("ok", "ok"));
        assert_eq!((0..10).filter(|number| get(&cache, &format!("key {number}")).is_some()).count(), 9);
    }
}

#[test]
fn damaged_value_that_memory_has_is_written_again() {
    let world = World::new();
    let cache = world.open();
    for number in 0..5 {
        set(&cache, &format!("key {number}"), "value");
    }
    cache.flush(false).expect("flush");
    tamper(&world, "UPDATE v SET data = zeroblob(40)");
    assert_eq!(watched(|watch| cache.verify(false, watch)).expect("verified").removed, 5);
    let other = world.open();
    assert!((0..5).all(|number| get(&other, &format!("key {number}")).as_deref() == Some("value")));
    assert_eq!(watched(|watch| other.verify(true, watch)).expect("verified").damaged_count, 0);
}

#[test]
fn sums_and_leftovers_are_mended() {
    let world = World::new();
    let cache = world.open();
    for number in 0..5 {
        set(&cache, &format!("key {number}"), "value");
    }
    cache.flush(false).expect("flush");
    tamper(
        &world,
        "UPDATE s SET n = n + 7, stored = 1 WHERE tier = 2; INSERT INTO v VALUES (900, x'00', x'00');
         INSERT INTO t VALUES (x'00', x'00')",
    );
    let dry = watched(|watch| cache.verify(true, watch)).expect("verified");
    assert_eq!((dry.totals.ok, dry.totals.repaired, dry.totals.orphans), (false, false, 2));
    assert_eq!((dry.totals.kept[0].entries, dry.totals.counted[0].entries), (12, 5));
    assert!(watched(|watch| cache.verify(false, watch)).expect("verified").totals.repaired);
    let sound = watched(|watch| cache.verify(true, watch)).expect("verified").totals;
    assert_eq!((sound.ok, sound.orphans), (true, 0));
    assert_eq!((cache.stats().l2.entries, sound.kept[0].entries), (5, 5));
}

#[test]
fn damaged_database_is_told_and_replaced() {
    let world = World::new();
    let cache = world.open();
    for number in 0..50 {
        set(&cache, &format!("key {number}"), "value");
    }
    cache.flush(false).expect("flush");
    // An index that lacks an entry: no statement of ours fails for it.
    tamper(
        &world,
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX m_gone ON m(gone) WHERE gone > 9' WHERE name = 'm_gone';
         PRAGMA writable_schema = RESET; INSERT INTO m VALUES (x'00', 800, 2, 800, 0, 0, 0, 0, 0, 0, x'', 0);
         PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX m_gone ON m(gone)' WHERE name = 'm_gone'",
    );
    drop(cache);
    let cache = world.open();
    let generation = world.generation();
    let dry = watched(|watch| cache.verify(true, watch)).expect("verified");
    assert_eq!((dry.database.state, dry.database.replaced), ("damaged", false));
    assert!(!dry.database.problems.is_empty());
    assert_eq!(world.generation(), generation);
    assert!(watched(|watch| cache.verify(false, watch)).expect("verified").database.replaced);
    assert_ne!(world.generation(), generation);
    assert!(generation.join("unusable").exists());
}

#[test]
fn without_a_directory_there_is_nothing_and_nothing_is_made() {
    let world = World::new();
    let cache = world.open();
    assert!(list(&cache, &EntryFilter::default(), 10).is_empty());
    assert_eq!(watched(|watch| cache.verify(false, watch)).expect("verified").database.state, "none");
    assert_eq!(watched(|watch| cache.compact(watch)).expect("compacted").after, 0);
    assert!(!world.path().exists());
    assert!(cache.close());
    assert_eq!(cache.walk(EntryFilter::default(), None).expect_err("closed").kind().code(), "E_SHUT_DOWN");
}

#[test]
fn a_call_that_is_called_off_changes_nothing_more() {
    let world = World::new();
    let cache = world.open();
    for number in 0..5 {
        set_for(&cache, &format!("key {number}"), "value", ttl(1000));
    }
    leave_l1(&cache);
    tamper(&world, "UPDATE v SET data = zeroblob(40)");
    world.clock.advance(5000);
    let (is_cancelled, progress) = (AtomicBool::new(true), AtomicU64::new(0));
    let watch = Watch { is_cancelled: &is_cancelled, progress: &progress };
    for error in [cache.verify(false, watch).err(), cache.compact(watch).err()] {
        assert_eq!(error.map(|error| error.kind().code()), Some("E_CANCELLED"));
    }
    assert_eq!(cache.stats().l2.entries, 5);
}

fn file_bytes(world: &World) -> u64 {
    let database = world.database();
    let bytes = |path: PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    bytes(database.with_extension("db-wal")) + bytes(database)
}

#[test]
fn room_of_expired_entries_is_given_back_and_what_lives_stays() {
    let world = World::new();
    let (cache, other) = (world.open(), world.open());
    for number in 0..600 {
        let terms = if number % 3 == 0 { Terms::default() } else { ttl(1000) };
        set_for(&cache, &format!("key {number}"), &format!("{number} ").repeat(2000), terms);
    }
    leave_l1(&cache);
    world.clock.advance(5000);
    let before = file_bytes(&world);
    let compacted = watched(|watch| cache.compact(watch)).expect("compacted");
    assert_eq!(compacted.expired, 400);
    assert_eq!(compacted.after, file_bytes(&world));
    assert!(compacted.before >= before && compacted.after * 2 < compacted.before, "{compacted:?}");
    let stats = cache.stats();
    assert!(
        compacted.after < stats.l2.stored_bytes * 5 / 4,
        "{} for {}",
        compacted.after,
        stats.l2.stored_bytes
    );
    for number in 0..600 {
        let expected = (number % 3 == 0).then(|| format!("{number} ").repeat(2000));
        assert_eq!(get(&other, &format!("key {number}")), expected);
    }
    assert!(watched(|watch| cache.verify(true, watch)).expect("verified").totals.ok);
}

#[cfg(unix)]
#[test]
fn full_disk_is_compacted_without_giving_up_what_lives() {
    let world = World::new();
    let Some(_disk) = world.mount("48m") else { return };
    let cache = world.open();
    for number in 0..400 {
        let terms = if number % 4 == 0 { Terms::default() } else { ttl(1000) };
        set_for(&cache, &format!("key {number}"), &format!("{number} ").repeat(8000), terms);
    }
    leave_l1(&cache);
    world.clock.advance(5000);
    let filler = world.path().join("filler");
    std::fs::write(&filler, vec![1; 64 << 20]).expect_err("full");
    let compacted = watched(|watch| cache.compact(watch)).expect("compacted");
    assert_eq!(compacted.expired, 300);
    assert!(compacted.after < compacted.before / 2, "{compacted:?}");
    for number in (0..400).step_by(4) {
        assert!(get(&cache, &format!("key {number}")).is_some(), "key {number} is kept");
    }
    assert_eq!(world.generation().join("ballast").metadata().expect("ballast").len(), 8 << 20);
}
