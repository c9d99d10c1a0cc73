//! Owners, modes, symbolic links and file systems that cannot be written.

use super::*;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

use crate::base::mounted::Mounted;

/// Some user that is not the one who runs the tests.
const STRANGER: u32 = 54_321;

fn mode(path: &Path) -> u32 {
    path.metadata().expect("metadata").permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn everything_made_is_for_the_owner_only() {
    let (_dir, cache) = cache();
    let generation = cache.generation(None).expect("generation");
    assert_eq!((mode(cache.real_path()), mode(generation.path())), (0o700, 0o700));
    for name in [LOCK, "CACHEDIR.TAG", ".gitignore", "v1-000001/cache.db", "v1-000001/in-use"] {
        assert_eq!(mode(&cache.real_path().join(name)), 0o600, "{name}");
    }
}

#[test]
fn readable_directory_is_used_as_it_is_and_a_writable_one_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    chmod(dir.path(), 0o755);
    open(dir.path()).expect("open").generation(None).expect("generation");
    assert_eq!(mode(dir.path()), 0o755);
    for refused in [0o775, 0o757, 0o1777] {
        chmod(dir.path(), refused);
        let error = open(dir.path()).expect_err("refused");
        assert_eq!(error.reason(), "notOwned", "{refused:o}");
        assert!(error.to_string().contains("chmod"), "{error}");
        assert_eq!(mode(dir.path()), refused);
    }
}

#[test]
fn directory_inside_a_sticky_one_is_fine() {
    let dir = tempfile::tempdir().expect("temp dir");
    chmod(dir.path(), 0o1777);
    let cache = open(&dir.path().join("cache")).expect("open");
    assert_eq!(mode(cache.real_path()), 0o700);
}

#[test]
fn directory_of_another_user_is_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    // Root can give one away; for everybody else, root's will do.
    let foreign = if is_root() {
        chown(dir.path(), Some(STRANGER), None).expect("chown");
        dir.path()
    } else {
        Path::new("/")
    };
    assert_eq!(open(foreign).expect_err("refused").reason(), "notOwned");
}

#[test]
fn existing_link_is_followed_once() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    fs::create_dir(&target).expect("create");
    symlink(&target, &link).expect("link");
    for spelling in [link.clone(), link.join("")] {
        let cache = open(&spelling).expect("open");
        assert_eq!(cache.real_path(), fs::canonicalize(&target).expect("real"));
    }
    let cache = open(&link).expect("open");
    fs::remove_file(&link).expect("remove");
    assert!(cache.generation(None).expect("generation").path().starts_with(cache.real_path()));
}

#[test]
fn link_that_leads_nowhere_is_refused_and_nothing_created_through_it() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    symlink(&target, &link).expect("link");
    for spelling in [link.clone(), link.join("")] {
        assert_eq!(open(&spelling).expect_err("refused").reason(), "notADirectory");
    }
    assert!(!target.exists());
}

#[test]
fn link_that_another_user_planted_is_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    fs::create_dir(&target).expect("create");
    symlink(&target, &link).expect("link");
    if is_root() {
        lchown(&link, Some(STRANGER), None).expect("lchown");
        assert_eq!(open(&link).expect_err("refused").reason(), "notOwned");
        assert!(names(&target).is_empty());
    } else {
        open(&link).expect("one's own link is followed");
    }
}

#[test]
fn link_in_place_of_the_lock_is_refused_and_its_target_left_alone() {
    let (dir, cache) = cache();
    let (lock, target) = (cache.real_path().join(LOCK), dir.path().join("target"));
    fs::remove_file(&lock).expect("remove");
    symlink(&target, &lock).expect("link");
    assert_eq!(cache.generation(None).expect_err("refused").reason(), "notOwned");
    assert_eq!(open(cache.real_path()).expect_err("refused").reason(), "notOwned");
    assert!(!target.exists());
}

#[test]
fn link_in_place_of_a_scratch_directory_is_left_alone() {
    let (dir, cache) = cache();
    let target = dir.path().join("target");
    fs::create_dir(&target).expect("create");
    fs::write(target.join("precious"), "").expect("write");
    symlink(&target, cache.real_path().join(".v1-scratch-link")).expect("link");
    cache.generation(None).expect("generation");
    assert!(target.join("precious").exists());
}

/// A small file system of its own, as long as it lives. Only root can have one.
fn disk() -> Option<(tempfile::TempDir, Mounted)> {
    let dir = tempfile::tempdir().expect("temp dir");
    Mounted::over(dir.path(), "256k").map(|mounted| (dir, mounted))
}

#[test]
fn read_only_file_system_is_told_from_a_missing_permission() {
    let dir = tempfile::tempdir().expect("temp dir");
    if !is_root() {
        chmod(dir.path(), 0o500);
        assert_eq!(open(&dir.path().join("cache")).expect_err("refused").reason(), "permission");
        chmod(dir.path(), 0o700);
    }
    let Some((dir, disk)) = disk() else { return };
    let cache = open(&dir.path().join("cache")).expect("open");
    disk.make_read_only();
    for path in [dir.path().join("other"), cache.real_path().to_owned()] {
        assert_eq!(open(&path).expect_err("refused").reason(), "readOnly");
    }
    assert_eq!(cache.generation(None).expect_err("refused").reason(), "readOnly");
}

#[test]
fn full_file_system_is_told() {
    let Some((dir, _disk)) = disk() else { return };
    let cache = open(&dir.path().join("cache")).expect("open");
    let generation = cache.generation(None).expect("generation");
    assert!(fs::write(dir.path().join("filler"), vec![1; 1 << 20]).is_err());
    let error = crate::cache::disk::coherence::Coherence::open(&generation.coherence()).expect_err("full");
    assert_eq!(super::super::error::reason_of_io(&error), "full");
    assert_eq!(names(generation.path()), ["cache.db", "in-use"], "no half file is left");
}
