//! Looking into a cache: what lists say, that looking is no use, damage of each kind, and room given back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;

use super::super::inspect::{Cursor, EntryFilter, EntryInfo};
use super::super::transfer::Watch;
use super::*;

static NEVER: AtomicBool = AtomicBool::new(false);

fn watched<T>(work: impl FnOnce(Watch<'_>) -> T) -> T {
    work(Watch { is_cancelled: &NEVER, progress: &AtomicU64::new(0) })
}

/// The whole list, read in pages of so many.
pub(super) fn list(cache: &CacheManager, filter: &EntryFilter, most: usize) -> Vec<EntryInfo> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let (entries, next) = cache.entries(filter, cursor, most).expect("open");
        assert!(entries.len() <= most);
        all.extend(entries);
        let Some(next) = next else { return all };
        assert_eq!(Cursor::parse(&next.to_string()), Some(next));
        cursor = Some(next);
    }
}

fn by_key(cache: &CacheManager) -> BTreeMap<String, EntryInfo> {
    list(cache, &EntryFilter::default(), 3).into_iter().map(|info| (info.key.clone(), info)).collect()
}

fn compressing(world: &World) -> Arc<CacheManager> {
    world.open_with(|config| {
        config.l2_max_size_mb = 0.01;
        config.compression_threshold_bytes = 200;
        config.l1_max_size = 1000;
    })
}

/// Whatever it is that is not there yet.
fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < until, "it never came to be");
        std::thread::yield_now();
    }
}

#[test]
fn entries_say_where_they_are_and_what_is_known_of_them() {
    let world = World::new();
    let cache = compressing(&world);
    let tags = vec!["b".into(), "a".into()];
    set_for(
        &cache,
        "archived",
        &"word ".repeat(1000),
        Terms { tags, ttl_ms: Some(90_000), ..Terms::default() },
    );
    for number in 0..8 {
        set(&cache, &format!("filler {number}"), &"filling ".repeat(200));
    }
    cache.flush(false).expect("flush");
    wait_until(|| cache.stats().l2.stored_bytes <= 7000);
    leave_l1(&cache);
    world.clock.advance(1000);
    set(&cache, "both", "value");
    let info = &by_key(&cache);
    let archived = &info["archived"];
    assert_eq!((archived.layer, &archived.layers[..]), (Layer::L3, &[Layer::L3][..]));
    assert!(archived.compressed && archived.stored_size < archived.size && archived.size == 5000);
    assert_eq!(archived.tags, vec!["b".into(), "a".into()]);
    assert_eq!(archived.fresh_ms, archived.created_ms + 90_000);
    let both = &info["both"];
    assert_eq!((both.layer, &both.layers[..]), (Layer::L1, &[Layer::L1, Layer::L2][..]));
    assert_eq!((both.size, both.compressed, both.hit_count), (5, false, 0));
    assert_eq!(both.created_ms, archived.created_ms + 1000);
    assert!(both.stored_size > 5 && !both.stale);
    assert_eq!(get(&cache, "both").as_deref(), Some("value"));
    assert_eq!(by_key(&cache)["both"].hit_count, 1);
    let of = |layer| list(&cache, &EntryFilter { layer: Some(layer), ..EntryFilter::default() }, 2).len();
    let (l1, l2, l3) = (of(Layer::L1), of(Layer::L2), of(Layer::L3));
    let stats = cache.stats();
    assert_eq!(
        (l1 as u64, l2 as u64, l3 as u64),
        (stats.l1.entries, stats.l2.entries, stats.l3.tier.entries)
    );
}

#[test]
fn looking_is_neither_lookup_nor_use() {
    let world = World::new();
    let cache = world.open();
    for number in 0..20 {
        set(&cache, &format!("key {number}"), "value");
    }
    leave_l1(&cache);
    let before = cache.stats();
    let rows = |world: &World| -> String {
        let database = Connection::open(world.database()).expect("open");
        let sql = "SELECT group_concat(hex(h) || hits || ' ' || used) FROM m";
        database.query_row(sql, [], |row| row.get(0)).expect("rows")
    };
    let stored = rows(&world);
    world.clock.advance(700_000);
    assert_eq!(list(&cache, &EntryFilter::default(), 7).len(), 20);
    let (info, record) = cache.look(&keys("key 3")).expect("open").expect("there");
    assert_eq!((&*info.key, info.layer, &*record.text), ("key 3", Layer::L2, "value"));
    assert_eq!(cache.look_again(info.cursor).expect("open").expect("there").0, info);
    assert!(cache.look(&keys("none")).expect("open").is_none());
    watched(|watch| cache.verify(false, watch)).expect("verified");
    cache.flush(false).expect("flush");
    let after = cache.stats();
    assert_eq!((after.l1.entries, serde_json::json!(after.overall)), (0, serde_json::json!(before.overall)));
    assert_eq!(rows(&world), stored);
}

#[test]
fn stale_entries_are_listed_and_expired_ones_are_not() {
    let world = World::new();
    let cache = world.open();
    set_for(&cache, "stale", "1", Terms { stale_ms: 5000, ..ttl(1000) });
    set_for(&cache, "short", "2", ttl(1000));
    set(&cache, "long", "3");
    for is_in_memory in [true, false] {
        if !is_in_memory {
            leave_l1(&cache);
        }
        let list = |cache: &CacheManager| -> Vec<(String, bool)> {
            by_key(cache).into_iter().map(|(key, info)| (key, info.stale)).collect()
        };
        if is_in_memory {
            assert_eq!(list(&cache).len(), 3);
            world.clock.advance(2000);
        }
        assert_eq!(list(&cache), [("long".to_owned(), false), ("stale".to_owned(), true)]);
        assert!(cache.look(&keys("stale")).expect("open").expect("there").0.stale);
        assert!(cache.look(&keys("short")).expect("open").is_none());
    }
}

#[test]
fn entries_that_are_there_all_the_while_come_once_whatever_else_happens() {
    let world = World::new();
    let (cache, other) = (world.open_with(|config| config.l1_max_size = 20), world.open());
    for number in 0..200 {
        set(&cache, &format!("steady {number}"), &"x".repeat(number));
    }
    cache.flush(false).expect("flush");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in [&cache, &other] {
            let is_done = &is_done;
            scope.spawn(move || {
                let mut number = 0_u64;
                while !is_done.load(Ordering::Relaxed) {
                    number += 1;
                    set(writer, &format!("moving {}", number % 50), &number.to_string());
                    if number.is_multiple_of(3) {
                        writer.delete(&keys(&format!("moving {}", number * 7 % 50))).expect("open");
                    }
                    if number.is_multiple_of(100) {
                        writer.flush(false).expect("flush");
                    }
                }
            });
        }
        for round in 0..30 {
            let mut counts = BTreeMap::new();
            for info in list(&cache, &EntryFilter::default(), 1 + round * 7) {
                *counts.entry(info.key).or_insert(0) += 1;
            }
            assert!(counts.values().all(|&count| count == 1), "nothing comes twice");
            assert_eq!(counts.keys().filter(|key| key.starts_with("steady")).count(), 200);
        }
        is_done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_a_list_shows_is_removed_everywhere() {
    let world = World::new();
    let (cache, other) = (world.open(), world.open());
    for number in 0..30 {
        let tags = if number % 2 == 0 { vec!["even".into()] } else { Vec::new() };
        set_for(&cache, &format!("key {number}"), "value", Terms { tags, ..Terms::default() });
    }
    cache.flush(false).expect("flush");
    assert_eq!(get(&other, "key 2").as_deref(), Some("value"));
    let filter = EntryFilter {
        tag: Some("even".to_owned()),
        prefixes: vec!["key 1".to_owned(), "key 2".to_owned()],
        ..EntryFilter::default()
    };
    let shown = list(&cache, &filter, 100).len();
    assert_eq!(watched(|watch| cache.remove_entries(&filter, watch)).expect("removed"), shown as u64);
    assert_eq!((get(&cache, "key 2"), get(&other, "key 2"), get(&other, "key 14")), (None, None, None));
    assert_eq!((get(&other, "key 1").is_some(), get(&other, "key 4").is_some()), (true, true));
    assert_eq!(list(&other, &EntryFilter::default(), 100).len(), 30 - shown);
}

/// Changes the database as no process of ours does.
fn tamper(world: &World, sql: &str) {
    Connection::open(world.database()).expect("open").execute_batch(sql).expect(sql);
}

#[test]
fn each_kind_of_damage_is_found_told_and_removed() {
    for (reason, sql) in [
        ("checksum", "UPDATE v SET data = substr(data, 1, 20) || x'00' || substr(data, 22) WHERE id = 3"),
        ("checksum", "UPDATE v SET data = x'' WHERE id = 3"),
        ("key", "UPDATE v SET k = k || x'61' WHERE id = 3"),
        ("noValue", "DELETE FROM v WHERE id = 3"),
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
    assert_eq!(
        cache.entries(&EntryFilter::default(), None, 1).expect_err("closed").kind().code(),
        "E_SHUT_DOWN"
    );
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
    let Some(_mount) = Mount::new(world.path(), "48m") else { return say_not_run("compacting a full disk") };
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
