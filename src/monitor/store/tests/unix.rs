//! Owners, modes, symbolic links, and file systems that cannot be written.

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

fn refusal(dir: &Path) -> String {
    let error = MetricsStore::open(dir, Some("project")).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Io);
    error.to_string()
}

#[test]
fn everything_made_is_for_the_owner_only() {
    let parent = tempfile::tempdir().expect("temp dir");
    let dir = parent.path().join("a/cache");
    let mut store = open(&dir);
    store.append(&busy_row(1)).expect("append");
    assert_eq!(mode(&dir), 0o700);
    let names = names(&dir);
    assert_eq!(names.len(), 5, "two markers, the lock, the database and its log: {names:?}");
    for name in &names {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
}

#[test]
fn directory_that_was_there_is_used_as_it_is_unless_others_can_change_it() {
    let dir = tempfile::tempdir().expect("temp dir");
    chmod(dir.path(), 0o755);
    drop(open(dir.path()));
    assert_eq!(mode(dir.path()), 0o755);
    assert!(
        names(dir.path()).iter().all(|name| name.starts_with("monitor-")),
        "no markers among other things"
    );
    for open_mode in [0o775, 0o757, 0o1777] {
        chmod(dir.path(), open_mode);
        assert!(refusal(dir.path()).contains("chmod"), "{open_mode:o}");
    }
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
    assert!(refusal(foreign).contains("belongs to user"));
}

#[test]
fn own_link_to_the_directory_is_followed_and_others_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (target, link, nowhere) =
        (dir.path().join("target"), dir.path().join("link"), dir.path().join("nowhere"));
    fs::create_dir(&target).expect("create");
    symlink(&target, &link).expect("link");
    symlink(dir.path().join("missing"), &nowhere).expect("link");
    let store = open(&link);
    assert!(store.path().starts_with(fs::canonicalize(&target).expect("real")));
    drop(store);
    refusal(&nowhere);
    assert!(!dir.path().join("missing").exists());
    if is_root() {
        lchown(&link, Some(STRANGER), None).expect("lchown");
        assert!(refusal(&link).contains("symbolic link"));
    }
}

#[test]
fn links_in_place_of_files_are_refused_and_their_targets_left_alone() {
    let dir = tempfile::tempdir().expect("temp dir");
    let target = dir.path().join("target");
    fs::write(&target, "precious").expect("write");
    drop(open(dir.path()));
    let ours: Vec<_> = names(dir.path()).into_iter().filter(|name| name != "target").collect();
    assert_eq!(ours.len(), 2);
    for name in ours {
        let path = dir.path().join(&name);
        fs::remove_file(&path).expect("remove");
        symlink(&target, &path).expect("link");
        assert!(refusal(dir.path()).contains("not a regular file"), "{name}");
        fs::remove_file(&path).expect("remove");
        fs::create_dir(&path).expect("create");
        assert!(refusal(dir.path()).contains("not a regular file"), "{name}");
        fs::remove_dir(&path).expect("remove");
    }
    assert_eq!(fs::read_to_string(&target).expect("read"), "precious");
}

#[test]
fn file_where_the_directory_should_be_is_told() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("file");
    fs::write(&path, "").expect("write");
    assert!(refusal(&path).contains("not a directory"));
}

/// A small file system of its own, as long as it lives. Only root can have one.
fn disk() -> Option<(tempfile::TempDir, Mounted)> {
    let dir = tempfile::tempdir().expect("temp dir");
    Mounted::over(dir.path(), "512k").map(|mounted| (dir, mounted))
}

#[test]
fn full_disk_is_told_and_loses_nothing_that_was_acknowledged() {
    let Some((mount, _disk)) = disk() else { return };
    let dir = mount.path().join("cache");
    let mut store = open(&dir);
    let filler = mount.path().join("filler");
    fs::write(&filler, vec![1; 200 << 10]).expect("write");
    let mut written = Vec::new();
    let error = loop {
        let row = busy_row(written.len() as u64);
        match store.append(&row) {
            Ok(()) => written.push(row),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert!(written.len() > 50);
    for _ in 0..3 {
        assert!(store.append(&busy_row(0)).is_err());
        assert!(store.put_state("silences", &"x".repeat(100_000)).is_err());
    }
    fs::remove_file(&filler).expect("remove");
    store.append(&busy_row(written.len() as u64)).expect("there is room again");
    written.push(busy_row(written.len() as u64));
    assert_eq!(texts(&store.load(0).expect("load")), kept_texts(&written));
    store.close().expect("close");
    assert_eq!(texts(&open(&dir).load(0).expect("load")), kept_texts(&written));
}

#[test]
fn read_only_directory_is_told() {
    let dir = tempfile::tempdir().expect("temp dir");
    if !is_root() {
        chmod(dir.path(), 0o500);
        assert!(refusal(dir.path()).contains("ermission"));
        chmod(dir.path(), 0o700);
    }
    let Some((mount, disk)) = disk() else { return };
    drop(open(mount.path()));
    disk.make_read_only();
    let told = refusal(mount.path());
    assert!(told.to_lowercase().contains("read-only"), "{told}");
}
