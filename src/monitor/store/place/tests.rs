//! Names of files and which of them go.

use super::*;
use std::time::Duration;

#[test]
fn project_is_told_by_a_hash() {
    let hashes: Vec<_> = [None, Some(""), Some("a"), Some("b")].into_iter().map(hash_of).collect();
    for (at, hash) in hashes.iter().enumerate() {
        assert!(hash.len() == 16 && !hashes[..at].contains(hash), "{hash}");
    }
    assert_eq!(hash_of(Some("a")), hash_of(Some("a")));
}

#[test]
fn lanes_that_nobody_came_back_to_are_removed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let take = |project| Place::take(dir.path(), Some(project)).expect("take");
    let (ours, used, left, other) = (take("a"), take("a"), take("a"), take("b"));
    for place in [&ours, &used, &left, &other] {
        place.prepare().expect("prepare");
    }
    let (left_path, other_path) = (left.database(), other.database());
    drop((left, other));
    let now = SystemTime::now();
    ours.remove_abandoned(now - Duration::from_secs(3600));
    assert!(left_path.exists(), "not old enough");
    ours.remove_abandoned(now + Duration::from_secs(3600));
    assert!(!left_path.exists());
    assert!([ours.database(), used.database(), other_path].iter().all(|path| path.exists()));
}

#[test]
fn log_without_its_database_is_not_read_into_a_new_one() {
    let dir = tempfile::tempdir().expect("temp dir");
    let place = Place::take(dir.path(), None).expect("take");
    let log = with_end(&place.database(), "-wal");
    fs::write(&log, "old").expect("write");
    place.prepare().expect("prepare");
    assert!(!log.exists() && place.database().exists());
    fs::write(&log, "new").expect("write");
    place.prepare().expect("prepare");
    assert!(log.exists());
}

#[test]
fn moving_aside_takes_the_log_along_and_replaces_nothing() {
    let dir = tempfile::tempdir().expect("temp dir");
    let place = Place::take(dir.path(), None).expect("take");
    let mut moved = Vec::new();
    for content in ["a", "b"] {
        fs::write(place.database(), content).expect("write");
        fs::write(with_end(&place.database(), "-wal"), content).expect("write");
        moved.push(place.move_aside(7).expect("move"));
    }
    for (path, content) in moved.iter().zip(["a", "b"]) {
        assert_eq!(fs::read_to_string(path).expect("read"), content);
        assert_eq!(fs::read_to_string(with_end(path, "-wal")).expect("read"), content);
    }
    assert!(!place.database().exists());
}
