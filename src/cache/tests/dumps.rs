//! Entries to a file and back.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::transfer::Watch;
use super::super::transfer_files::{Dumped, Loaded};
use super::*;
use crate::base::error::{ErrorKind, Result};

#[derive(Default)]
struct Follow {
    is_cancelled: AtomicBool,
    progress: AtomicU64,
}

impl Follow {
    fn watch(&self) -> Watch<'_> {
        Watch { is_cancelled: &self.is_cancelled, progress: &self.progress }
    }
}

fn dump(cache: &CacheManager, space: &Namespace, path: &Path) -> Result<Dumped> {
    cache.dump(space, path, Follow::default().watch())
}

fn load(cache: &CacheManager, space: &Namespace, path: &Path) -> Result<Loaded> {
    cache.load(space, path, Follow::default().watch())
}

fn scopes() -> [Scope; 4] {
    let scope = |agent: Option<&str>, model: Option<&str>, prompt: Option<&str>| Scope {
        agent_id: agent.map(str::to_owned),
        model: model.map(str::to_owned),
        system_prompt: prompt.map(str::to_owned),
    };
    [
        Scope::default(),
        scope(Some("agent"), None, None),
        scope(Some("agent"), Some("model"), None),
        scope(None, Some("model"), Some("a prompt")),
    ]
}

/// Every kind of entry, in a namespace and in one below it.
fn fill(cache: &CacheManager, space: &Namespace) {
    for (depth, space) in [space.clone(), space.child("below")].iter().enumerate() {
        for (number, scope) in scopes().iter().enumerate() {
            for (kind, text) in [(Kind::Text, "text \u{0}\u{2028} \"ä\""), (Kind::Json, r#"{"a":[1,null]}"#)]
            {
                let query = format!("query {kind:?}\n");
                let terms = Terms {
                    ttl_ms: Some(10_000 * (number as u64 + 1)),
                    stale_ms: 1000,
                    sliding: Some(number == 1),
                    jitter: None,
                    tags: vec!["tag".into(), format!("{depth}").into()],
                };
                cache
                    .set(Keys::new(space, scope, &query).to_store(), text.into(), kind, terms)
                    .expect("stored");
            }
        }
    }
}

fn all(cache: &CacheManager, space: &Namespace) -> Vec<Option<(Arc<Record>, bool)>> {
    let mut all = Vec::new();
    for space in [space.clone(), space.child("below")] {
        for scope in scopes() {
            for kind in [Kind::Text, Kind::Json] {
                let keys =
                    Keys::of(Keys::new(&space, &scope, &format!("query {kind:?}\n")).to_store().clone());
                all.push(cache.find(&keys, true).map(|hit| (hit.record, hit.is_fresh)));
            }
        }
    }
    all
}

#[test]
fn entries_come_back_as_they_were_wherever_they_are_kept() {
    for (persist, l1_max_size) in [(true, 1), (true, 1000), (false, 1000)] {
        let world = World::new();
        let open = || {
            world.open_with(|config| {
                config.persist_to_disk = persist;
                config.l1_max_size = l1_max_size;
            })
        };
        let cache = open();
        let (root, file) = (Namespace::default(), world.dir.path().join("dump"));
        fill(&cache, &root);
        world.clock.advance(3000);
        let before = all(&cache, &root);
        assert_eq!(dump(&cache, &root, &file).expect("dump").entries, 16);
        cache.clear(&root, None).expect("clear");
        assert!(all(&cache, &root).iter().all(Option::is_none));
        let loaded = load(&cache, &root, &file).expect("load");
        assert_eq!((loaded.entries, loaded.skipped), (16, 0));
        assert_eq!(all(&cache, &root), before);
        // Lives go on where they were.
        world.clock.advance(7000);
        let fresh = all(&cache, &root).iter().flatten().filter(|(_, is_fresh)| *is_fresh).count();
        assert_eq!(fresh, 12, "the shortest lives are over");
        assert_eq!(cache.delete_by_tag(&root, &["0".into()]).expect("removed"), 8);
    }
}

#[test]
fn dump_holds_a_namespace_and_what_is_below_and_goes_into_another() {
    let world = World::new();
    let cache = world.open();
    let (root, one, other) =
        (Namespace::default(), Namespace::default().child("one"), Namespace::default().child("other"));
    let file = world.dir.path().join("dump");
    fill(&cache, &one);
    fill(&cache, &root.child("one more"));
    assert_eq!(dump(&cache, &one, &file).expect("dump").entries, 16);
    load(&cache, &other, &file).expect("load");
    assert_eq!(all(&cache, &other), all(&cache, &one));
    cache.clear(&one, None).expect("clear");
    assert!(all(&cache, &one).iter().all(Option::is_none) && all(&cache, &other).iter().all(Option::is_some));
}

#[test]
fn expired_and_deleted_entries_are_neither_dumped_nor_loaded() {
    let world = World::new();
    let cache = world.open_with(|config| config.l1_max_size = 2);
    let (root, file) = (Namespace::default(), world.dir.path().join("dump"));
    for number in 0..8 {
        set_for(&cache, &format!("short {number}"), "", ttl(1000));
        set_for(&cache, &format!("long {number}"), "", ttl(5000));
    }
    cache.flush(false).expect("flush");
    cache.delete(&keys("long 0")).expect("open");
    world.clock.advance(2000);
    assert_eq!(dump(&cache, &root, &file).expect("dump").entries, 7);
    cache.clear(&root, None).expect("clear");
    world.clock.advance(3000);
    let loaded = load(&cache, &root, &file).expect("load");
    assert_eq!((loaded.entries, loaded.skipped), (0, 7));
}

#[test]
fn cancelled_dump_leaves_no_file_and_what_was_there_before() {
    let world = World::new();
    let cache = world.open();
    let (root, file) = (Namespace::default(), world.dir.path().join("dump"));
    fill(&cache, &root);
    dump(&cache, &root, &file).expect("dump");
    let before = std::fs::read(&file).expect("read");
    let follow = Follow::default();
    follow.is_cancelled.store(true, Ordering::Relaxed);
    set(&cache, "one more", "");
    let error = cache.dump(&root, &file, follow.watch()).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(std::fs::read(&file).expect("read"), before);
    let error = cache.load(&root, &file, follow.watch()).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let files = std::fs::read_dir(world.dir.path()).expect("list").count();
    assert_eq!(files, 2, "the dump and the cache");
}

#[test]
fn nothing_is_loaded_from_a_file_that_changed() {
    let world = World::new();
    let cache = world.open();
    let (root, file) = (Namespace::default(), world.dir.path().join("dump"));
    fill(&cache, &root);
    dump(&cache, &root, &file).expect("dump");
    cache.clear(&root, None).expect("clear");
    let sound = std::fs::read(&file).expect("read");
    for at in (0..sound.len()).step_by(37) {
        let mut changed = sound.clone();
        changed[at] ^= 1;
        std::fs::write(&file, &changed).expect("write");
        let error = load(&cache, &root, &file).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::CacheFileInvalid, "byte {at}");
        std::fs::write(&file, &sound[..at]).expect("write");
        assert_eq!(load(&cache, &root, &file).expect_err("refused").kind(), ErrorKind::CacheFileInvalid);
    }
    assert!(all(&cache, &root).iter().all(Option::is_none));
}
