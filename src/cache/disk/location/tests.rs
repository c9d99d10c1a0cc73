//! The cache directory as a whole: who may own it, which generation is chosen, what is removed.

#[cfg(unix)]
mod unix;

use super::*;
use std::fs::File;

const LOCAL: NetworkProbe = |_| Ok(None);

fn open(path: &Path) -> Result<CacheDir, LocationError> {
    CacheDir::open_with(path, LOCAL, Duration::from_secs(60))
}

fn cache() -> (tempfile::TempDir, CacheDir) {
    let dir = tempfile::tempdir().expect("temp dir");
    let cache = open(&dir.path().join("cache")).expect("open");
    (dir, cache)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("list");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

fn begin_next(cache: &CacheDir, generation: &Generation) -> Generation {
    generation.mark_unusable("corrupt").expect("mark");
    cache.generation(Some(generation)).expect("next")
}

#[test]
fn missing_directory_and_its_parents_are_created_with_markers() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("a/b/cache");
    let cache = open(&path).expect("open");
    assert_eq!(cache.real_path(), fs::canonicalize(&path).expect("real"));
    assert_eq!(names(&path), [".gitignore", "CACHEDIR.TAG", "lock"]);
    let tag = fs::read_to_string(path.join("CACHEDIR.TAG")).expect("tag");
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
    assert_eq!(fs::read_to_string(path.join(".gitignore")).expect("gitignore"), "*\n");
}

#[test]
fn directory_with_other_things_gets_no_markers() {
    let dir = tempfile::tempdir().expect("temp dir");
    fs::write(dir.path().join("main.rs"), "").expect("write");
    open(dir.path()).expect("open");
    assert_eq!(names(dir.path()), ["lock", "main.rs"]);
}

#[test]
fn existing_markers_stay_as_they_are() {
    let dir = tempfile::tempdir().expect("temp dir");
    fs::write(dir.path().join(".gitignore"), "mine").expect("write");
    open(dir.path()).expect("open");
    assert_eq!(fs::read_to_string(dir.path().join(".gitignore")).expect("read"), "mine");
    assert!(dir.path().join("CACHEDIR.TAG").exists());
}

#[test]
fn file_in_the_place_of_the_directory_or_above_it_is_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("file");
    fs::write(&file, "precious").expect("write");
    assert_eq!(open(&file).expect_err("refused").reason(), "notADirectory");
    assert_ne!(open(&file.join("cache")).expect_err("refused").reason(), "busy");
    assert_eq!(fs::read_to_string(&file).expect("read"), "precious");
}

#[test]
fn network_file_system_is_refused_before_anything_is_created() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("a/cache");
    let error = CacheDir::open_with(&path, |_| Ok(Some("NFS")), Duration::ZERO).expect_err("refused");
    assert_eq!(error.reason(), "networkFileSystem");
    assert!(error.to_string().contains("NFS") && error.to_string().contains("allowNetworkFileSystem"));
    assert!(names(dir.path()).is_empty());
}

#[test]
fn generation_is_created_once_and_found_again() {
    let (_dir, cache) = cache();
    let first = cache.generation(None).expect("first");
    let again = open(cache.real_path()).expect("open").generation(None).expect("again");
    assert_eq!((first.number(), again.number()), (1, 1));
    assert!(first.is_current() && again.is_current() && first.is_same(&again));
}

#[test]
fn corrupt_generation_is_replaced_once_by_all_who_see_it() {
    const THREADS: usize = 8;
    let (_dir, cache) = cache();
    let corrupt = cache.generation(None).expect("first");
    let barrier = std::sync::Barrier::new(THREADS);
    let next: Vec<u32> = std::thread::scope(|scope| {
        let switch = || {
            barrier.wait();
            begin_next(&cache, &corrupt).number()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(switch)).collect();
        threads.into_iter().map(|thread| thread.join().expect("join")).collect()
    });
    assert_eq!(next, [2; THREADS]);
    assert!(!corrupt.is_current());
    assert_eq!(list(cache.real_path()).expect("list").generations, [1, 2], "the corrupt one is kept");
}

#[test]
fn processes_at_once_create_one_generation() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("cache");
    let numbers: Vec<u32> = std::thread::scope(|scope| {
        let start = || open(&path).expect("open").generation(None).expect("generation").number();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().expect("join")).collect()
    });
    assert_eq!(numbers, [1; 8]);
    assert_eq!(names(&path), [".gitignore", "CACHEDIR.TAG", "lock", "v1-000001"]);
}

#[test]
fn generation_marked_by_a_process_that_died_is_not_entered() {
    let (_dir, cache) = cache();
    cache.generation(None).expect("first").mark_unusable("corrupt").expect("mark");
    assert_eq!(cache.generation(None).expect("next").number(), 2);
}

#[test]
fn generation_without_a_database_is_not_entered() {
    let (_dir, cache) = cache();
    let first = cache.generation(None).expect("first");
    fs::remove_file(first.database()).expect("remove");
    let next = cache.generation(None).expect("next");
    assert_eq!(next.number(), 2);
    assert!(next.is_current());
}

#[test]
fn removed_cache_directory_is_noticed_and_made_again() {
    let (_dir, cache) = cache();
    let first = cache.generation(None).expect("first");
    fs::remove_dir_all(cache.real_path()).expect("remove");
    assert!(!first.exists() && !first.is_current());
    // Handed over as unusable or not, the new one of the same number is not mistaken for the old one.
    let second = cache.generation(None).expect("second");
    let third = cache.generation(Some(&first)).expect("third");
    assert_eq!((second.number(), third.number()), (1, 1));
    assert!(second.is_current() && third.is_same(&second) && !first.is_current());
}

#[test]
fn old_unusable_generations_are_removed_only_when_not_in_use() {
    let (_dir, cache) = cache();
    let numbers = || list(cache.real_path()).expect("list").generations;
    let first = cache.generation(None).expect("1");
    let second = begin_next(&cache, &first);
    let third = begin_next(&cache, &second);
    assert_eq!(numbers(), [1, 2, 3], "the first is in use");
    drop(second);
    let fourth = begin_next(&cache, &third);
    assert_eq!(numbers(), [1, 3, 4], "the second is not in use and not the newest unusable one");
    assert!(first.exists() && fourth.is_current());
    drop(first);
    cache.generation(None).expect("open");
    assert_eq!(numbers(), [3, 4], "removed by the next who opens");
}

#[test]
fn what_a_killed_process_left_half_made_is_removed() {
    let (_dir, cache) = cache();
    let _first = cache.generation(None).expect("first");
    let scratch = cache.real_path().join(".v1-scratch-Xy12");
    fs::create_dir(&scratch).expect("create");
    fs::write(scratch.join("cache.db"), "").expect("write");
    cache.generation(None).expect("open");
    assert!(!scratch.exists());
}

#[test]
fn other_versions_are_not_touched() {
    let (_dir, cache) = cache();
    for name in ["v0-000003", "v2-000001", ".v2-scratch-a"] {
        fs::create_dir(cache.real_path().join(name)).expect("create");
        fs::write(cache.real_path().join(name).join("cache.db"), "other").expect("write");
    }
    let mut generation = cache.generation(None).expect("first");
    assert_eq!(generation.number(), 1);
    for _ in 0..4 {
        generation = begin_next(&cache, &generation);
    }
    for name in ["v0-000003", "v2-000001", ".v2-scratch-a"] {
        assert_eq!(names(&cache.real_path().join(name)), ["cache.db"]);
    }
}

#[test]
fn stopped_lock_holder_is_busy_only_for_who_needs_the_lock() {
    let (_dir, mut cache) = cache();
    cache.patience = Duration::from_millis(30);
    let stopped = File::open(cache.real_path().join(LOCK)).expect("open");
    stopped.lock().expect("lock");
    assert_eq!(cache.generation(None).expect_err("cannot create").reason(), "busy");
    drop(stopped);
    let generation = cache.generation(None).expect("created");
    let stopped = File::open(cache.real_path().join(LOCK)).expect("open");
    stopped.lock().expect("lock");
    cache.generation(None).expect("found without the lock");
    assert_eq!(cache.generation(Some(&generation)).expect_err("cannot create").reason(), "busy");
}

#[test]
fn last_number_is_an_error_instead_of_an_older_one() {
    let (_dir, cache) = cache();
    Generation::begin(cache.real_path(), LAST_NUMBER).expect("begin");
    let last = cache.generation(None).expect("last");
    assert!(last.is_current());
    assert_eq!(cache.generation(Some(&last)).expect_err("used up").reason(), "io");
}
