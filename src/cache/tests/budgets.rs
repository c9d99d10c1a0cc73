//! What the disk tiers may hold, in real bytes, and what becomes of entries when it is too much.

use super::super::disk::row::{self, Codec};
use super::*;

const MB: u64 = 1 << 20;

/// Text of about `bytes` bytes that does not compress well, another one for each seed.
fn noise(seed: u64, bytes: usize) -> String {
    let digits = (0..bytes as u64 / 16).map(|at| {
        let number = (seed << 32) + at;
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes()))
    });
    digits.collect()
}

/// Like the answer of a tool: a frame that is always the same, and figures that are not.
fn report(seed: u64) -> String {
    format!(
        r#"{{"status":"success","tool":"repository-search","arguments":{{"pattern":"function {seed}","path":"src/"}},"results":[{{"file":"src/components/{}.ts","line":{},"score":0.{}}}],"truncated":false,"durationMs":{}}}"#,
        noise(seed, 16),
        seed * 7 % 1000,
        seed * 13 % 10_000,
        seed % 97
    )
}

/// Bytes of the database and its log.
fn file_bytes(world: &World) -> u64 {
    let database = world.database();
    let bytes = |path: PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    bytes(database.with_extension("db-wal")) + bytes(database)
}

/// A small cache that compresses what is over 200 bytes.
fn small(world: &World, l2_mb: f64, l3_mb: f64) -> Arc<CacheManager> {
    world.open_with(|config| {
        config.l1_max_size = 1;
        config.l2_max_size_mb = l2_mb;
        config.l3_max_size_mb = l3_mb;
        config.compression_threshold_bytes = 200;
    })
}

#[test]
fn files_stay_within_the_limits_whatever_is_stored() {
    let world = World::new();
    let cache = small(&world, 16.0, 16.0);
    let mut most = 0;
    for round in 0..32_u64 {
        for number in 0..200 {
            // New keys, keys that are replaced, small and large values.
            let key = if number % 5 == 0 { number } else { round * 1000 + number };
            let bytes = [300, 2000, 9000, 40_000][usize::try_from(key % 4).expect("small")];
            set(&cache, &format!("key {key}"), &noise(round * 1000 + number, bytes));
        }
        cache.flush(false).expect("flush");
        most = most.max(file_bytes(&world));
        assert!(file_bytes(&world) <= 32 * MB, "{} bytes after round {round}", file_bytes(&world));
    }
    let stats = cache.stats();
    assert!(most > 24 * MB, "the limits were reached: {most}");
    assert!(stats.disk.evicted > 0 && stats.disk.compressed > 0 && stats.l3.tier.hits == 0);
    assert!(stats.l2.stored_bytes <= 16 * MB && stats.l3.tier.stored_bytes <= 16 * MB);
    // What clearing gives up goes back to the file system.
    cache.clear(&Namespace::default(), None).expect("clear");
    assert!(file_bytes(&world) < MB, "{} bytes are left", file_bytes(&world));
    assert_eq!((cache.stats().l2.entries, cache.stats().l3.tier.entries), (0, 0));
}

#[test]
fn entry_over_the_threshold_is_compressed_and_one_under_it_given_up() {
    let world = World::new();
    let cache = small(&world, 0.1, 10.0);
    for number in 0..400 {
        set(&cache, &format!("large {number}"), &"many words ".repeat(40 + number % 7));
        set(&cache, &format!("small {number}"), "a few words");
    }
    cache.flush(false).expect("flush");
    let stats = cache.stats();
    assert!(stats.l3.tier.entries > 100 && stats.disk.compressed == stats.l3.tier.entries);
    assert!(stats.l3.compression_ratio < 0.9 && stats.disk.evicted > 100, "{stats:?}");
    for number in 0..400_usize {
        let found = cache.find(&keys(&format!("large {number}")), false).expect("none was given up");
        assert_eq!(*found.record.text, "many words ".repeat(40 + number % 7), "{number}");
    }
    assert_eq!(layer(&cache, "large 0"), Some(Layer::L3));
    assert_eq!(layer(&cache, "large 0"), Some(Layer::L1), "a hit brings it back to L1");
    assert_eq!(get(&cache, "small 0"), None);
    assert_eq!(layer(&cache, "small 399"), Some(Layer::L2));
    cache.clear(&Namespace::default(), Some(Layer::L3)).expect("clear");
    assert_eq!((get(&cache, "large 1"), cache.stats().l3.tier.entries), (None, 0));
    assert_eq!(layer(&cache, "large 399"), Some(Layer::L2));
}

#[test]
fn entry_that_was_used_outlives_those_that_were_not() {
    let world = World::new();
    let cache = world.open_with(|config| {
        config.l1_max_size = 1;
        config.l2_max_size_mb = 0.2;
        config.enable_compression = false;
        config.compression_threshold_bytes = 1 << 20;
    });
    for number in 0..300 {
        set(&cache, &format!("key {number}"), &noise(number, 800));
        if number > 0 {
            assert!(get(&cache, "key 0").is_some(), "after {number} others");
        }
        cache.flush(false).expect("flush");
    }
    assert_eq!(get(&cache, "key 1"), None);
}

#[test]
fn expired_entries_leave_every_layer() {
    let world = World::new();
    let cache = small(&world, 0.05, 10.0);
    let terms = |stale_ms| Terms { stale_ms, tags: vec!["tag".into()], ..ttl(1000) };
    for number in 0..200 {
        set_for(&cache, &format!("key {number}"), &"words ".repeat(100), terms(number % 2 * 5000));
    }
    set(&cache, "lives", "on");
    cache.flush(false).expect("flush");
    let stats = cache.stats();
    assert!(stats.l1.entries == 1 && stats.l2.entries > 0 && stats.l3.tier.entries > 0, "{stats:?}");
    world.clock.advance(1000);
    assert_eq!(cache.maintain(), 100, "the others may stand in for new values still");
    world.clock.advance(5000);
    assert_eq!(cache.maintain(), 100);
    let stats = cache.stats();
    assert_eq!((stats.l1.entries, stats.l2.entries, stats.l3.tier.entries), (1, 1, 0));
    assert_eq!(stats.overall.expired, 200);
    let database = rusqlite::Connection::open(world.database()).expect("open");
    for table in ["m", "v"] {
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(database.query_row(&sql, [], |row| row.get::<_, i64>(0)), Ok(1), "{table}");
    }
    assert_eq!(database.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)), Ok(0));
    assert_eq!(get(&cache, "lives").as_deref(), Some("on"));
}

/// How many entries are stored with a dictionary.
fn with_dictionary(world: &World) -> usize {
    let database = rusqlite::Connection::open(world.database()).expect("open");
    let mut rows = database.prepare("SELECT m.h, v.data FROM m JOIN v ON v.id = m.id").expect("sound");
    let blobs = rows.query_map([], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let codecs = blobs.expect("rows").map(|row| {
        let (hash, blob) = row.expect("row");
        row::decode(u128::from_be_bytes(hash), &blob).expect("sound").0.codec
    });
    codecs.filter(|codec| matches!(codec, Codec::ZstdDict(_))).count()
}

#[test]
fn dictionary_is_trained_from_what_is_stored_and_survives_a_restart() {
    let world = World::new();
    let cache = small(&world, 0.1, 10.0);
    let until = Instant::now() + DEADLINE;
    let mut stored = 0;
    // It is trained on a thread of its own, and used by those that leave L2 afterwards.
    while with_dictionary_in_use(&cache, &world) < 50 {
        assert!(Instant::now() < until, "no dictionary after {stored} entries");
        // Not so many, where that thread is kept waiting, that the first ones have to leave L3.
        let (count, pause) = if stored < 1000 { (100, 0) } else { (20, 50) };
        std::thread::sleep(Duration::from_millis(pause));
        for _ in 0..count {
            set(&cache, &format!("key {stored}"), &report(stored));
            stored += 1;
        }
        cache.flush(false).expect("flush");
    }
    assert!(cache.close());
    let cache = small(&world, 0.1, 10.0);
    for number in 0..stored {
        assert_eq!(get(&cache, &format!("key {number}")), Some(report(number)), "{number} of {stored}");
    }
    let bytes = cache.stats().l3.dictionary_bytes;
    assert!(bytes > 0);
    let before = with_dictionary(&world);
    // Fewer than those before the first one: after as many again another one is trained.
    for number in stored..stored + 100 {
        set(&cache, &format!("key {number}"), &report(number));
    }
    cache.flush(false).expect("flush");
    assert!(with_dictionary(&world) > before, "it is used again");
    assert_eq!(cache.stats().l3.dictionary_bytes, bytes, "and not trained again");
}

fn with_dictionary_in_use(cache: &CacheManager, world: &World) -> usize {
    if cache.stats().l3.dictionary_bytes > 0 { with_dictionary(world) } else { 0 }
}

/// Fills the disk tiers with others; L1 has room for all.
fn crowd_out(cache: &CacheManager) {
    for number in 0..400 {
        set(cache, &format!("other {number}"), &noise(number, 1000));
    }
    cache.flush(false).expect("flush");
}

#[test]
fn entry_that_the_disk_gave_up_is_written_again_when_it_leaves_l1_after_a_use() {
    // Given up by L2 at once, or by L3 after it.
    for threshold in [1 << 20, 200] {
        let world = World::new();
        let cache = world.open_with(|config| {
            config.l2_max_size_mb = 0.1;
            config.l3_max_size_mb = 0.1;
            config.compression_threshold_bytes = threshold;
        });
        set(&cache, "used", &noise(1000, 1000));
        set(&cache, "idle", &noise(1001, 1000));
        crowd_out(&cache);
        assert_eq!((get(&world.open(), "used"), get(&world.open(), "idle")), (None, None));
        assert_eq!(layer(&cache, "used"), Some(Layer::L1));
        set(&cache, "last", "");
        cache.reconfigure(CacheConfig { l1_max_size: 1, ..cache.config() });
        cache.flush(false).expect("flush");
        let other = world.open();
        assert_eq!(get(&other, "used"), Some(noise(1000, 1000)), "threshold {threshold}");
        assert_eq!(get(&other, "idle"), None);
    }
}

#[test]
fn value_that_no_disk_tier_can_hold_stays_in_memory_and_is_still_replaced_by_others() {
    let world = World::new();
    let open = || small(&world, 0.01, 0.01);
    let (one, two) = (open(), open());
    set(&one, "a", "old");
    one.flush(false).expect("flush");
    set(&one, "a", &noise(1, 40_000));
    one.flush(false).expect("flush");
    assert_eq!(get(&one, "a"), Some(noise(1, 40_000)));
    assert_eq!(get(&two, "a"), None, "the older value is gone");
    set(&two, "a", "new");
    two.flush(false).expect("flush");
    assert_eq!(get(&one, "a").as_deref(), Some("new"));
}
