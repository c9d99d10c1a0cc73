//! The disk tiers fail in every way that can be had without a kernel of one's own. Always: memory answers, nothing panics,
//! listeners are told once, and afterwards what was stored meanwhile is on disk and nothing older comes back.

use std::fs;

use super::*;

/// The state of the disk tiers and why it is so.
fn state(cache: &CacheManager) -> (&'static str, Option<&'static str>) {
    let disk = cache.stats().disk;
    (disk.state, disk.reason)
}

/// The same when it is not just being tried again.
fn lasting_state(cache: &CacheManager) -> (&'static str, Option<&'static str>) {
    let until = Instant::now() + DEADLINE;
    loop {
        let found = state(cache);
        if found.0 != "opening" {
            return found;
        }
        assert!(Instant::now() < until, "it is tried without end");
        std::thread::yield_now();
    }
}

/// A cache in whose disk `old-*` are, and whose L1 holds four entries.
fn world() -> (World, Arc<CacheManager>, Events) {
    let world = World::new();
    // What an earlier process counted is foreign to this one.
    let cache = world.open();
    store_old(&cache);
    assert!(cache.close());
    let cache = world.open_with(|config| config.l1_max_size = 4);
    let events = Events::of(&cache, &["degraded", "recovered"]);
    store_old(&cache);
    (world, cache, events)
}

fn store_old(cache: &CacheManager) {
    for number in 0..8 {
        set(cache, &format!("key {number}"), &format!("old-{number}"));
    }
    cache.flush(false).expect("flush");
}

/// Changes while nothing can be written: some values are in L1 still, some have left it.
fn change_all(cache: &CacheManager) {
    for number in 0..6 {
        set(cache, &format!("key {number}"), &format!("new-{number}"));
    }
    cache.delete(&keys("key 6")).expect("open");
    cache.flush(false).expect_err("nothing can be written");
    for number in 2..6 {
        assert_eq!(get(cache, &format!("key {number}")), Some(format!("new-{number}")), "memory answers");
    }
    assert_eq!(
        [0, 1, 6].map(|number| get(cache, &format!("key {number}"))),
        [const { None }; 3],
        "what was lost"
    );
}

/// Nothing older comes back, in this process or another, and what memory had is on disk.
fn check_after(world: &World, cache: &CacheManager) {
    cache.flush(true).expect("written again");
    assert_eq!(state(cache), ("ok", None));
    let other = world.open();
    for cache in [cache, &other] {
        for number in 0..8 {
            let expected = match number {
                2..=5 => Some(format!("new-{number}")),
                // Was not changed: it is there if the database is.
                7 => continue,
                _ => None,
            };
            assert_eq!(get(cache, &format!("key {number}")), expected, "key {number}");
        }
    }
    assert!(other.close() && cache.close());
}

fn check(break_it: impl FnOnce(&World) -> Box<dyn FnOnce(&World)>, reasons: &[&str]) {
    let (world, cache, mut events) = world();
    let mend = break_it(&world);
    change_all(&cache);
    let told = events.wait_for("degraded");
    let reason = told["reason"].as_str().expect("reason").to_owned();
    assert!(reasons.contains(&&*reason), "{reason}");
    assert!(told["message"].as_str().is_some_and(|message| !message.is_empty()));
    let (now, why) = lasting_state(&cache);
    assert!(now == "degraded" && why.is_some_and(|why| reasons.contains(&why)), "{now} {why:?}");
    mend(&world);
    events.wait_for("recovered");
    check_after(&world, &cache);
    assert_eq!(events.names(), ["degraded", "recovered"]);
}

#[test]
fn lock_that_another_program_holds_is_waited_out() {
    let hold = |world: &World| -> Box<dyn FnOnce(&World)> {
        let other = rusqlite::Connection::open(world.database()).expect("open");
        other.execute_batch("BEGIN EXCLUSIVE").expect("lock");
        Box::new(move |_| other.execute_batch("ROLLBACK").expect("unlock"))
    };
    check(hold, &["busy"]);
}

#[test]
fn file_in_the_place_of_the_directory_ends_with_the_file() {
    let replace = |world: &World| -> Box<dyn FnOnce(&World)> {
        world.take_away();
        fs::write(world.path(), "not a directory").expect("write");
        Box::new(|world| fs::remove_file(world.path()).expect("remove"))
    };
    check(replace, &["notADirectory"]);
}

#[test]
fn directory_that_others_may_write_to_is_not_used() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: PathBuf, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
        };
        check(
            |world| {
                // In this order: what looks for the database in between finds it.
                mode(world.path(), 0o777);
                let taken_away = world.dir.path().join("taken away");
                fs::rename(world.generation(), taken_away).expect("renamed");
                Box::new(move |world| mode(world.path(), 0o700))
            },
            &["notOwned"],
        );
    }
}

#[cfg(unix)]
#[test]
fn full_disk_is_told_and_left_when_there_is_room() {
    let world = World::new();
    let Some(_disk) = world.mount("12m") else { return };
    let cache = world.open_with(|config| config.l1_max_size = 4);
    let mut events = Events::of(&cache, &["degraded", "recovered"]);
    store_old(&cache);
    let filler = world.path().join("filler");
    fs::write(&filler, vec![1; 16 << 20]).expect_err("full");
    // More than fits into what the log has already.
    for number in 0..200 {
        set(&cache, &format!("large {number}"), &"x".repeat(40_000));
    }
    change_all(&cache);
    assert_eq!(events.wait_for("degraded")["reason"], "full");
    fs::remove_file(filler).expect("remove");
    events.wait_for("recovered");
    check_after(&world, &cache);
    assert_eq!(events.names(), ["degraded", "recovered"]);
}

#[cfg(unix)]
#[test]
fn read_only_file_system_is_told_and_left_when_it_can_be_written() {
    let world = World::new();
    let Some(disk) = world.mount("3m") else { return };
    let cache = world.open_with(|config| config.l1_max_size = 4);
    set(&cache, "a", "old");
    cache.flush(false).expect("flush");
    assert!(cache.close());
    disk.make_read_only();
    let cache = world.open_with(|config| config.l1_max_size = 4);
    let mut events = Events::of(&cache, &["degraded", "recovered"]);
    set(&cache, "a", "new");
    cache.flush(false).expect_err("read-only");
    assert_eq!((get(&cache, "a").as_deref(), lasting_state(&cache).1), (Some("new"), Some("readOnly")));
    disk.make_writable();
    events.wait_for("recovered");
    cache.flush(false).expect("written");
    assert_eq!(get(&world.open(), "a").as_deref(), Some("new"));
}

#[test]
fn removed_directory_is_made_again_with_what_memory_has() {
    let (world, cache, mut events) = world();
    world.take_away();
    for number in 2..6 {
        set(&cache, &format!("key {number}"), &format!("new-{number}"));
    }
    cache.flush(false).expect("written to the new one");
    assert_eq!(events.names(), ["degraded", "recovered"]);
    check_after(&world, &cache);
}

#[test]
fn bytes_that_changed_while_it_was_closed_are_never_served() {
    for seed in 0..24_u64 {
        let (world, cache, _) = world();
        for number in 0..100 {
            set(&cache, &format!("more {number}"), &format!("{number} ").repeat(200));
        }
        assert!(cache.close());
        damage(&world.database(), seed);
        let cache = world.open();
        for number in 0..8 {
            let found = get(&cache, &format!("key {number}"));
            assert!(found.is_none_or(|text| text == format!("old-{number}")), "seed {seed}");
        }
        for number in 0..100 {
            let found = get(&cache, &format!("more {number}"));
            assert!(found.is_none_or(|text| text == format!("{number} ").repeat(200)), "seed {seed}");
        }
        // Whether damaged or given up: what is stored now is found by all.
        for number in 0..100 {
            set(&cache, &format!("after {number}"), "sound");
        }
        let _ = cache.flush(false);
        cache.flush(false).expect("a sound database");
        let other = world.open();
        assert!((0..100).all(|number| get(&other, &format!("after {number}")).as_deref() == Some("sound")));
        assert!(cache.close() && other.close());
    }
}

#[test]
fn bytes_that_changed_while_it_was_open_are_never_served() {
    for seed in 0..12_u64 {
        let (world, cache, _) = world();
        for number in 0..100 {
            set(&cache, &format!("more {number}"), &format!("{number} ").repeat(200));
        }
        cache.flush(true).expect("flush");
        damage(&world.database(), seed);
        let other = world.open();
        for cache in [&cache, &other] {
            for number in 0..100 {
                let found = get(cache, &format!("more {number}"));
                assert!(found.is_none_or(|text| text == format!("{number} ").repeat(200)), "seed {seed}");
            }
        }
        assert!(cache.close() && other.close());
    }
}

/// Overwrites some hundred bytes in places that `seed` says.
fn damage(database: &std::path::Path, seed: u64) {
    let mut bytes = fs::read(database).expect("read");
    let mut state = seed;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for _ in 0..=random(8) {
        let at = random(bytes.len());
        let end = (at + random(200)).min(bytes.len());
        bytes[at..end].iter_mut().for_each(|byte| *byte = u8::try_from(random(256)).expect("a byte"));
    }
    fs::write(database, bytes).expect("write");
}

#[test]
fn file_that_is_no_database_is_kept_and_another_one_begun() {
    let (world, cache, _) = world();
    assert!(cache.close());
    let (old, junk) = (world.database(), vec![7; 100_000]);
    fs::write(&old, &junk).expect("write");
    let cache = world.open();
    assert_eq!(get(&cache, "key 1"), None);
    set(&cache, "key 1", "new");
    cache.flush(false).expect("flush");
    assert_ne!(world.database(), old);
    assert_eq!(fs::read(&old).expect("read"), junk);
    assert_eq!(get(&world.open(), "key 1").as_deref(), Some("new"));
}

#[test]
fn database_of_another_version_is_left_alone() {
    let (world, cache, _) = world();
    assert!(cache.close());
    let old = world.database();
    rusqlite::Connection::open(&old).expect("open").pragma_update(None, "user_version", 7).expect("version");
    let cache = world.open();
    assert_eq!(get(&cache, "key 1"), None);
    set(&cache, "key 1", "new");
    cache.flush(false).expect("flush");
    assert!(cache.close());
    let other = rusqlite::Connection::open(&old).expect("open");
    let count = |sql| other.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("query");
    assert_eq!((count("PRAGMA user_version"), count("SELECT count(*) FROM m")), (7, 8));
}

#[test]
fn directory_of_another_version_is_left_alone() {
    let world = World::new();
    let other = world.path().join("v2-000001");
    fs::create_dir_all(&other).expect("create");
    fs::write(other.join("cache.db"), "of a later version").expect("write");
    #[cfg(unix)]
    fs::set_permissions(world.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("chmod");
    let cache = world.open();
    set(&cache, "a", "1");
    cache.flush(false).expect("flush");
    assert_eq!(world.generation().file_name().expect("name"), "v1-000001");
    assert_eq!(fs::read_to_string(other.join("cache.db")).expect("read"), "of a later version");
}

#[test]
fn value_that_two_attempts_could_not_write_does_not_give_way_to_an_older_one() {
    let (world, cache, mut events) = world();
    let other = rusqlite::Connection::open(world.database()).expect("open");
    other.execute_batch("BEGIN EXCLUSIVE").expect("lock");
    set(&cache, "key 1", "new-1");
    for _ in 0..3 {
        cache.flush(false).expect_err("locked");
    }
    // Also while it is being tried again, which begins after a second.
    let until = Instant::now() + Duration::from_millis(1200);
    while Instant::now() < until {
        assert_eq!(state(&cache), ("degraded", Some("busy")));
        std::thread::sleep(Duration::from_millis(5));
    }
    // It leaves L1 while nothing can be written.
    for number in 0..8 {
        set(&cache, &format!("other {number}"), "");
    }
    cache.flush(false).expect_err("locked");
    other.execute_batch("ROLLBACK").expect("unlock");
    events.wait_for("recovered");
    assert_eq!(get(&cache, "key 1"), None, "the old one was replaced");
    cache.flush(false).expect("written");
    assert_eq!(get(&world.open(), "key 1"), None);
}
