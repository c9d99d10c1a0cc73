//! One cache for all of a process that name the same directory and namespace.

use std::path::Path;

use super::*;

fn config(dir: &str, namespace: Option<&str>) -> CacheConfig {
    let (cache_dir, namespace) = (Some(dir.to_owned()), namespace.map(str::to_owned));
    CacheConfig { cache_dir, namespace, ..CacheConfig::default() }
}

fn open(world: &World, cwd: &Path, config: CacheConfig) -> OpenCache {
    OpenCache::open(config, cwd.to_owned(), world.clock.clone())
}

fn is_same(one: &OpenCache, other: &OpenCache) -> bool {
    Arc::ptr_eq(one.manager(), other.manager())
}

#[test]
fn same_directory_and_namespace_are_one_cache_and_others_are_not() {
    let world = World::new();
    let at = |config| open(&world, world.dir.path(), config);
    let first = at(config("cache", None));
    assert!(is_same(&first, &at(config("cache", None))));
    assert!(is_same(&first, &at(config("cache", Some("")))));
    let others = [
        at(config("cache", Some("project"))),
        at(config("elsewhere", None)),
        at(CacheConfig { persist_to_disk: false, ..config("cache", None) }),
    ];
    for (number, other) in others.iter().enumerate() {
        assert!(!is_same(&first, other));
        let root = other.manager().namespace().clone();
        let keys = Keys::new(&root, &Scope::default(), "a");
        let stored =
            other.manager().set(keys.to_store(), number.to_string().into(), Kind::Text, Terms::default());
        stored.expect("stored");
        other.manager().flush(false).expect("flush");
        assert_eq!(get(first.manager(), "a"), None);
    }
    let memory = CacheConfig { persist_to_disk: false, ..config("cache", None) };
    assert!(!is_same(&others[2], &at(memory)), "a cache without a disk is its owner's");
    others.iter().for_each(OpenCache::close);
    first.close();
}

#[test]
fn last_one_that_closes_ends_the_cache_and_the_next_one_finds_what_was_stored() {
    let world = World::new();
    let at = || open(&world, world.dir.path(), config("cache", None));
    let (one, two) = (at(), at());
    set(one.manager(), "a", "1");
    one.close();
    one.close();
    assert!(!two.manager().is_closed());
    assert_eq!(get(two.manager(), "a").as_deref(), Some("1"));
    assert_eq!(get(&world.open(), "a").as_deref(), Some("1"), "closing has written it");
    let third = at();
    assert!(is_same(&two, &third));
    two.close();
    third.close();
    assert!(third.manager().is_closed());
    let next = at();
    assert!(!is_same(&third, &next));
    assert_eq!(get(next.manager(), "a").as_deref(), Some("1"));
    next.close();
}

#[test]
fn one_that_is_dropped_does_not_keep_the_cache_open() {
    let world = World::new();
    let at = || open(&world, world.dir.path(), config("cache", None));
    let one = at();
    drop(at());
    set(one.manager(), "a", "1");
    one.close();
    assert!(one.manager().is_closed(), "the dropped one does not count");
    let next = at();
    assert_eq!(get(next.manager(), "a").as_deref(), Some("1"));
    next.close();
}

#[test]
fn all_spellings_of_a_directory_are_one() {
    let world = World::new();
    let (cwd, below) = (world.dir.path(), world.dir.path().join("below"));
    std::fs::create_dir(&below).expect("create");
    let absolute = world.path().to_string_lossy().into_owned();
    let mut spellings = vec![
        (cwd, "cache".to_owned()),
        (cwd, "./cache".to_owned()),
        (cwd, "cache/".to_owned()),
        (cwd, "below/../cache".to_owned()),
        (&*below, "../cache".to_owned()),
        (Path::new("/"), absolute),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(cwd, cwd.join("link")).expect("link");
        spellings.push((cwd, "link/cache".to_owned()));
    }
    // Before the directory is there and after.
    for _ in 0..2 {
        let caches: Vec<_> =
            spellings.iter().map(|(cwd, dir)| open(&world, cwd, config(dir, None))).collect();
        for (cache, spelling) in caches.iter().zip(&spellings) {
            assert!(is_same(&caches[0], cache), "{spelling:?}");
        }
        set(caches[0].manager(), "a", "1");
        caches.iter().for_each(OpenCache::close);
    }
}

#[test]
fn cache_that_is_about_to_move_is_not_that_of_its_old_directory() {
    let world = World::new();
    let at = || open(&world, world.dir.path(), config("cache", None));
    let first = at();
    set(first.manager(), "a", "1");
    first.manager().flush(false).expect("flush");
    let away = Some("elsewhere".to_owned());
    first.manager().configure(|old| Ok(CacheConfig { cache_dir: away, ..old.clone() })).expect("sound");
    let second = at();
    assert!(!is_same(&first, &second));
    assert_eq!(second.manager().config().cache_dir.as_deref(), Some("cache"));
    set(second.manager(), "b", "2");
    first.manager().settle();
    first.close();
    assert!(first.manager().is_closed() && !second.manager().is_closed());
    second.close();
    let found = |cache: &CacheManager| ["a", "b"].map(|key| get(cache, key));
    assert_eq!(found(&world.open()), [Some("1".to_owned()), Some("2".to_owned())]);
    let moved = world.open_with(|config| config.cache_dir = Some("elsewhere".to_owned()));
    assert_eq!(found(&moved), [Some("1".to_owned()), None]);
}

#[test]
fn cache_that_is_about_to_leave_the_disk_is_not_shared_either() {
    let world = World::new();
    let at = || open(&world, world.dir.path(), config("cache", None));
    let first = at();
    first
        .manager()
        .configure(|old| Ok(CacheConfig { persist_to_disk: false, ..old.clone() }))
        .expect("sound");
    let second = at();
    assert!(!is_same(&first, &second));
    first.close();
    second.close();
}
