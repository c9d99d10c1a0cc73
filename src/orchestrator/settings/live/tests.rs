#![allow(clippy::float_cmp, reason = "settings are compared as they were written")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::orchestrator::settings_file::{SettingsRequest, load};

/// A system that is loaded in a directory of its own.
struct Place {
    dir: TempDir,
    live: Live,
    now_ms: u64,
    puts: Cell<u64>,
}

const FILE: &str = "config/optimization.staging.json";

impl Place {
    fn new(files: &[(&str, &str)], code: Value) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("config dir");
            fs::write(path, content).expect("file");
        }
        let mut all = json!({ "environment": "staging" });
        all.as_object_mut().expect("object").extend(code.as_object().expect("object").clone());
        let request = SettingsRequest { code: all, cwd: dir.path().to_owned(), env: BTreeMap::new() };
        let live = Live::new(&load(&request).expect("sound"));
        Self { dir, live, now_ms: 0, puts: Cell::new(0) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Another file in one step, as editors and deployments do it.
    fn put(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("config dir");
        let next = self.path("next");
        fs::write(&next, content).expect("file");
        // At another time: tests are faster than the clock of some file systems, which give the number of a removed file away
        // again, and a file of the same size would then be the same by its looks.
        let puts = self.puts.get() + 1;
        self.puts.set(puts);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + puts);
        fs::File::options().write(true).open(&next).and_then(|file| file.set_modified(at)).expect("aged");
        fs::rename(next, path).expect("renamed");
    }

    fn update(&mut self, partial: Value, save: bool) -> Result<()> {
        let change = self.live.update(&partial, save)?;
        self.live.commit(change)
    }

    fn ttl(&self) -> f64 {
        self.live.settings().cache.ttl_seconds
    }

    /// Looks until something is to be done, at most for two seconds of its own time; what comes of it.
    fn watch(&mut self) -> Option<Result<bool>> {
        for _ in 0..20 {
            self.now_ms += 100;
            let Look::Settled { is_final } = self.live.look(self.now_ms) else { continue };
            match self.live.reload_found() {
                Err(_) if !is_final => {}
                Err(error) => {
                    self.live.settle();
                    return Some(Err(error));
                }
                Ok(change) => {
                    let is_changed = change.is_some();
                    if let Some(change) = change {
                        self.live.commit(change).expect("committed");
                    }
                    self.live.settle();
                    return Some(Ok(is_changed));
                }
            }
        }
        None
    }
}

fn ttl(seconds: u32) -> String {
    format!("{{\n  // Why.\n  \"cache\": {{ \"ttlSeconds\": {seconds} }}\n}}\n")
}

#[test]
fn update_without_save_leaves_the_file_alone() {
    let mut place = Place::new(&[(FILE, &ttl(5))], json!({}));
    place.update(json!({ "cache": { "ttlSeconds": 6 } }), false).expect("sound");
    assert_eq!((place.ttl(), place.text(FILE)), (6.0, ttl(5)));
}

#[test]
fn saved_update_is_in_the_file_which_counts_again() {
    let mut place = Place::new(&[(FILE, &ttl(5))], json!({}));
    place.update(json!({ "$schema": "x", "cache": { "ttlSeconds": 6 } }), true).expect("saved");
    assert_eq!((place.ttl(), place.text(FILE)), (6.0, ttl(6)));
    assert_eq!(place.watch().map(|done| done.expect("same")), Some(false), "its own write is no change");
    place.put(FILE, &ttl(7));
    assert!(matches!(place.watch(), Some(Ok(true))));
    assert_eq!(place.ttl(), 7.0);
}

#[test]
fn first_save_makes_the_file_of_the_environment() {
    let mut place = Place::new(&[], json!({}));
    place.update(json!({ "cache": { "ttlSeconds": 6 } }), true).expect("saved");
    assert_eq!(place.text(FILE), "{\n  \"cache\": {\n    \"ttlSeconds\": 6\n  }\n}\n");
    assert_eq!(place.live.file(), Some(place.path(FILE).as_path()));
    place.update(json!({ "autoTuning": true }), true).expect("saved again");
    assert!(place.text(FILE).contains("autoTuning"));
}

#[test]
fn changed_file_is_not_written_over() {
    let mut place = Place::new(&[(FILE, &ttl(5))], json!({}));
    place.put(FILE, &ttl(7));
    let error = place.update(json!({ "cache": { "l1MaxSize": 6 } }), true).expect_err("refused");
    assert_eq!((error.kind(), place.text(FILE)), (ErrorKind::ConfigChanged, ttl(7)));
    assert_eq!(place.live.settings().cache.l1_max_size, 1000);
    fs::remove_file(place.path(FILE)).expect("removed");
    let error = place.update(json!({ "cache": { "l1MaxSize": 6 } }), true).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConfigChanged);

    // Between check and write.
    place.put(FILE, &ttl(5));
    let change = place.live.update(&json!({ "cache": { "l1MaxSize": 6 } }), true).expect("sound");
    place.put(FILE, &ttl(8));
    assert_eq!(place.live.commit(change).expect_err("refused").kind(), ErrorKind::ConfigChanged);
    assert_eq!(place.text(FILE), ttl(8));
    assert_eq!(fs::read_dir(place.path("config")).expect("list").count(), 1, "no temporary file is left");
}

#[test]
fn refused_updates_touch_neither_settings_nor_file() {
    let mut place = Place::new(&[(FILE, &ttl(5))], json!({}));
    let error =
        place.update(json!({ "cache": { "ttlSeconds": -1, "l1MaxSize": 6 } }), true).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert_eq!((place.ttl(), place.text(FILE)), (5.0, ttl(5)));
}

#[test]
fn yaml_is_read_and_not_written() {
    let name = "config/optimization.staging.yaml";
    let mut place = Place::new(&[(name, "cache: { ttlSeconds: 5 } # why\n")], json!({}));
    assert_eq!(place.ttl(), 5.0);
    let error = place.update(json!({ "cache": { "ttlSeconds": 6 } }), true).expect_err("refused");
    assert_eq!((error.kind(), place.ttl()), (ErrorKind::NotAvailable, 5.0));
    place.put(name, "cache:\n  ttlSeconds: 7\n");
    assert!(matches!(place.watch(), Some(Ok(true))));
    assert_eq!(place.ttl(), 7.0);
}

#[cfg(unix)]
#[test]
fn mode_and_link_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mut place = Place::new(&[("real/own.json", &ttl(5))], json!({}));
    fs::create_dir(place.path("config")).expect("config dir");
    fs::set_permissions(place.path("real/own.json"), fs::Permissions::from_mode(0o640)).expect("mode");
    symlink(place.path("real/own.json"), place.path(FILE)).expect("link");
    assert!(matches!(place.watch(), Some(Ok(true))), "a file that appears is read");
    place.update(json!({ "cache": { "ttlSeconds": 6 } }), true).expect("saved");
    assert_eq!(place.text("real/own.json"), ttl(6));
    assert!(fs::symlink_metadata(place.path(FILE)).expect("link").is_symlink());
    assert_eq!(fs::metadata(place.path("real/own.json")).expect("file").permissions().mode() & 0o777, 0o640);
}

#[cfg(unix)]
#[test]
fn swapped_links_are_another_file() {
    use std::os::unix::fs::symlink;
    // As Kubernetes mounts a ConfigMap: the file is a link over a link to a directory, which is swapped.
    let place = Place::new(&[("..a/own.json", &ttl(5)), ("..b/own.json", &ttl(6))], json!({}));
    symlink("..a", place.path("..data")).expect("link");
    symlink("..data/own.json", place.path("own.json")).expect("link");
    let request = SettingsRequest {
        code: json!({ "environment": "staging", "configFile": "own.json" }),
        cwd: place.dir.path().to_owned(),
        env: BTreeMap::new(),
    };
    let mut place = Place { live: Live::new(&load(&request).expect("sound")), ..place };
    assert_eq!(place.watch().map(|done| done.is_ok()), None);
    symlink("..b", place.path("..next")).expect("link");
    fs::rename(place.path("..next"), place.path("..data")).expect("swapped");
    assert!(matches!(place.watch(), Some(Ok(true))));
    assert_eq!(place.ttl(), 6.0);
}

#[test]
fn broken_file_changes_nothing_and_is_told_once() {
    let mut place = Place::new(&[(FILE, &ttl(5))], json!({}));
    for (content, kind) in [
        ("{ \"cache\": ", ErrorKind::ConfigUnreadable),
        ("{ \"cache\": { \"ttl\": 1 } }", ErrorKind::ConfigInvalid),
    ] {
        place.put(FILE, content);
        let error = place.watch().expect("seen").expect_err("refused");
        assert_eq!(error.kind(), kind);
        assert!(place.live.is_news(&error) && !place.live.is_news(&error));
        assert_eq!(place.ttl(), 5.0);
        assert!(place.watch().is_none(), "it is not looked at again until it changes");
    }
    place.put(FILE, &ttl(6));
    assert!(matches!(place.watch(), Some(Ok(true))));
}

#[test]
fn half_written_file_is_waited_for() {
    let mut place = Place::new(&[(FILE, &ttl(5))], json!({}));
    place.put(FILE, "{ \"cache\": ");
    for _ in 0..6 {
        place.now_ms += 100;
        if let Look::Settled { is_final } = place.live.look(place.now_ms) {
            assert!(!is_final && place.live.reload_found().is_err());
        }
    }
    place.put(FILE, &ttl(6));
    assert!(matches!(place.watch(), Some(Ok(true))));
    assert_eq!(place.ttl(), 6.0);
}

#[test]
fn removed_file_stays_in_effect_until_it_is_there_again() {
    let mut place = Place::new(&[(FILE, &ttl(5))], json!({}));
    fs::remove_file(place.path(FILE)).expect("removed");
    assert_eq!(place.watch().expect("seen").expect_err("gone").kind(), ErrorKind::ConfigMissing);
    assert_eq!(place.ttl(), 5.0);
    place.put(FILE, &ttl(6));
    assert!(matches!(place.watch(), Some(Ok(true))));
    assert_eq!(place.ttl(), 6.0);
    fs::remove_file(place.path(FILE)).expect("removed");
    let change = place.live.reload().expect("asked for").expect("a change");
    place.live.commit(change).expect("committed");
    assert_eq!((place.ttl(), place.live.file()), (3600.0, None));
}

#[test]
fn file_that_is_deleted_and_made_again_is_no_stand_in() {
    let general = "config/optimization.json";
    let files = [("config/optimization.production.json", ttl(5)), (general, ttl(9))];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut place = Place::new(&files, json!({ "environment": "production" }));
    fs::remove_file(place.path("config/optimization.production.json")).expect("removed");
    for _ in 0..5 {
        place.now_ms += 100;
        assert_eq!(place.live.look(place.now_ms), Look::Unsettled);
    }
    place.put("config/optimization.production.json", &ttl(6));
    assert!(matches!(place.watch(), Some(Ok(true))));
    assert_eq!(place.ttl(), 6.0);
    fs::remove_file(place.path("config/optimization.production.json")).expect("removed");
    assert!(matches!(place.watch(), Some(Ok(true))), "gone for good: the next one counts");
    assert_eq!(place.ttl(), 9.0);
}

#[test]
fn tuned_settings_give_way_to_what_contradicts_them() {
    let mut place = Place::new(&[], json!({}));
    let thresholds = |key: &str, value: u32| json!({ "monitoring": { "alertThresholds": { key: value } } });
    let change = place.live.tune(&thresholds("memoryWarning", 90)).expect("sound");
    assert_eq!(change.source, Source::Tuning);
    place.live.commit(change).expect("committed");
    place.update(thresholds("memoryCritical", 85), false).expect("the user's word counts");
    assert!(!place.live.layers().is_tuned());
    assert_eq!(place.live.settings().monitoring.alert_thresholds.memory_warning, 80.0);
}

#[test]
fn what_a_running_system_does_not_take_over_is_a_warning() {
    let place = Place::new(&[], json!({}));
    let change = place.live.update(&json!({ "cache": { "namespace": "n" } }), false).expect("sound");
    assert_eq!(change.warnings[0].path, "cache.namespace");
}
