//! Looking into a cache: what lists say, that looking is no use, and removal of what a list shows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;

use super::super::inspect::{Cursor, EntryFilter, EntryInfo};
use super::super::transfer::Watch;
use super::*;

static NEVER: AtomicBool = AtomicBool::new(false);

pub(super) fn watched<T>(work: impl FnOnce(Watch<'_>) -> T) -> T {
    work(Watch { is_cancelled: &NEVER, progress: &AtomicU64::new(0) })
}

/// The whole list, read in pages of so many.
pub(super) fn list(cache: &CacheManager, filter: &EntryFilter, most: usize) -> Vec<EntryInfo> {
    rest(cache, filter, None, most)
}

/// What comes of it after an entry.
pub(super) fn rest(
    cache: &CacheManager,
    filter: &EntryFilter,
    after: Option<Cursor>,
    most: usize,
) -> Vec<EntryInfo> {
    let (mut all, mut walk) = (Vec::new(), cache.walk(filter.clone(), after).expect("open"));
    while let Some(entries) = cache.next_entries(&mut walk, most).expect("open") {
        assert!(entries.len() <= most);
        all.extend(entries);
    }
    all
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

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
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
        // Also when an assertion fails: the threads are waited for.
        let _done = Done(&is_done);
        for round in 0..30 {
            let mut counts = BTreeMap::new();
            for info in list(&cache, &EntryFilter::default(), 1 + round * 7) {
                *counts.entry(info.key).or_insert(0) += 1;
            }
            assert!(counts.values().all(|&count| count == 1), "nothing comes twice");
            assert_eq!(counts.keys().filter(|key| key.starts_with("steady")).count(), 200);
        }
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
    assert_eq!(watched(|watch| cache.remove_entries(filter, watch)).expect("removed"), shown as u64);
    assert_eq!((get(&cache, "key 2"), get(&other, "key 2"), get(&other, "key 14")), (None, None, None));
    assert_eq!((get(&other, "key 1").is_some(), get(&other, "key 4").is_some()), (true, true));
    assert_eq!(list(&other, &EntryFilter::default(), 100).len(), 30 - shown);
}
