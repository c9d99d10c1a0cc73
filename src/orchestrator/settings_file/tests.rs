use std::fs;

use tempfile::TempDir;

use super::*;
use crate::base::error::ErrorKind;
use crate::orchestrator::settings::Environment;

/// A working directory with files in it.
struct Place {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { dir: tempfile::tempdir().expect("temp dir"), env: BTreeMap::new() };
        fs::create_dir(place.path("config")).expect("config dir");
        for (name, content) in files {
            fs::write(place.path(name), content).expect("file");
        }
        place
    }

    fn with(mut self, variable: &str, value: &str) -> Self {
        self.env.insert(variable.to_owned(), value.to_owned());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn load(&self, code: Value) -> Result<Loaded> {
        load(&SettingsRequest { code, cwd: self.dir.path().to_owned(), env: self.env.clone() })
    }

    fn ttl(&self, code: Value) -> f64 {
        self.load(code).expect("sound").settings.cache.ttl_seconds
    }

    fn error(&self, code: Value) -> Error {
        self.load(code).expect_err("must be refused")
    }
}

fn ttl(seconds: u32) -> String {
    json!({ "cache": { "ttlSeconds": seconds } }).to_string()
}

#[test]
fn first_file_that_is_there_is_used() {
    let all = [
        ("own.json", ttl(1)),
        ("variable.json", ttl(2)),
        ("config/optimization.production.json", ttl(3)),
        ("config/optimization.json", ttl(4)),
    ];
    let code = json!({ "environment": "production", "configFile": "own.json" });
    for first in 0..=all.len() {
        let files: Vec<_> = all[first..].iter().map(|(name, text)| (*name, text.as_str())).collect();
        let mut place = Place::new(&files);
        if first <= 1 {
            place = place.with(OPTIMIZATION_CONFIG, "variable.json");
        }
        let loaded = place.load(code.clone()).expect("sound");
        let expected = [1.0, 2.0, 3.0, 4.0, 3600.0][first];
        assert!((loaded.settings.cache.ttl_seconds - expected).abs() < f64::EPSILON);
        assert_eq!(loaded.source, all.get(first).map(|(name, _)| place.path(name)));
        assert_eq!(loaded.warnings.len(), usize::from(first > 0), "a missing configFile is a warning");
    }
}

#[test]
fn general_file_is_for_production_only() {
    let place = Place::new(&[("config/optimization.json", &ttl(4))]);
    let loaded = place.load(json!({ "environment": "staging" })).expect("sound");
    assert_eq!((loaded.source, loaded.settings), (None, Settings::defaults(Environment::Staging)));
}

#[test]
fn missing_config_file_is_a_warning_with_its_path() {
    let place = Place::new(&[]);
    let loaded =
        place.load(json!({ "environment": "staging", "configFile": "no/such.json" })).expect("sound");
    assert_eq!(loaded.warnings[0].path, "configFile");
    assert!(loaded.warnings[0].message.contains("no/such.json"));
    assert_eq!(loaded.settings.config_file.as_deref(), Some("no/such.json"));
}

#[test]
fn missing_file_of_the_variable_is_an_error_unless_code_names_one() {
    let place = Place::new(&[("own.json", &ttl(1))]).with(OPTIMIZATION_CONFIG, "gone.json");
    let error = place.error(json!({ "environment": "staging" }));
    assert_eq!(error.kind(), ErrorKind::ConfigMissing);
    assert!(error.to_string().contains("gone.json"));
    assert!(
        (place.ttl(json!({ "environment": "staging", "configFile": "own.json" })) - 1.0).abs() < f64::EPSILON
    );
}

#[test]
fn empty_variables_count_as_unset() {
    let place = Place::new(&[]).with(OPTIMIZATION_CONFIG, "").with(CACHE_DIR, " ");
    let loaded = place.load(json!({ "environment": "staging" })).expect("sound");
    assert_eq!(loaded.settings, Settings::defaults(Environment::Staging));
}

#[test]
fn unusable_files_are_errors_that_name_path_and_place() {
    let too_large = format!("{{}}{}", " ".repeat(1_048_575));
    for (content, says) in [
        (b"{\n  \"cache\": {,\n".as_slice(), "line 2 column 13"),
        (b"", "line 1 column 1"),
        (b"{\n\"a\xFF", "not UTF-8 at line 2 column 3"),
        (b"\xFF\xFE{\0}\0", "not UTF-8 at line 1 column 1"),
        (b"{\"cache\": {\"ttlSeconds\": 1e999}}", "line 1"),
        (too_large.as_bytes(), "larger than 1 MB"),
        ("[".repeat(100_000).as_bytes(), "line 1"),
    ] {
        let place = Place::new(&[]);
        fs::write(place.path("config/optimization.staging.json"), content).expect("file");
        let error = place.error(json!({ "environment": "staging" }));
        assert_eq!(error.kind(), ErrorKind::ConfigUnreadable);
        let text = error.to_string();
        assert!(text.contains("optimization.staging.json") && text.contains(says), "{text}");
    }
}

#[test]
fn file_of_exactly_one_megabyte_and_one_with_a_mark_are_read() {
    let megabyte = format!("{}{}", ttl(5), " ".repeat(1_048_576 - ttl(5).len()));
    for content in [megabyte, format!("\u{FEFF}{}", ttl(5))] {
        let place = Place::new(&[("config/optimization.staging.json", &content)]);
        assert!((place.ttl(json!({ "environment": "staging" })) - 5.0).abs() < f64::EPSILON);
    }
}

#[test]
fn directory_in_place_of_a_file_is_an_error() {
    let place = Place::new(&[]);
    let error = place.error(json!({ "environment": "staging", "configFile": "config" }));
    assert_eq!(error.kind(), ErrorKind::ConfigUnreadable);
}

#[cfg(unix)]
#[test]
fn dangling_link_is_an_error() {
    let place = Place::new(&[]);
    let link = place.path("config/optimization.staging.json");
    std::os::unix::fs::symlink("gone.json", link).expect("link");
    let error = place.error(json!({ "environment": "staging" }));
    assert_eq!(error.kind(), ErrorKind::ConfigUnreadable);
    assert!(error.to_string().contains("symbolic link"));
}

#[test]
fn variable_wins_over_code_over_file() {
    let file = r#"{ "environment": "development", "autoTuning": true,
        "cache": { "cacheDir": "from-file", "ttlSeconds": 5, "l1MaxSize": 6 } }"#;
    let place = Place::new(&[("config/optimization.staging.json", file)]);
    let code = json!({ "environment": "staging", "cache": { "ttlSeconds": 7 } });
    let settings = place.load(code.clone()).expect("sound").settings;
    assert_eq!(settings.environment, Environment::Staging);
    assert!(settings.auto_tuning);
    assert_eq!((settings.cache.dir(), settings.cache.l1_max_size), ("from-file", 6));
    assert!((settings.cache.ttl_seconds - 7.0).abs() < f64::EPSILON);

    let place = place.with(CACHE_DIR, "from-variable");
    assert_eq!(place.load(code).expect("sound").settings.cache.dir(), "from-variable");
    let code = json!({ "environment": "staging", "cache": { "cacheDir": "from-code" } });
    assert_eq!(place.load(code).expect("sound").settings.cache.dir(), "from-variable");
}

#[test]
fn defaults_follow_the_environment_of_code_not_of_the_file() {
    let place = Place::new(&[("own.json", r#"{ "environment": "production" }"#)]);
    let settings =
        place.load(json!({ "environment": "development", "configFile": "own.json" })).expect("sound");
    assert!(!settings.settings.enable_production_monitoring && !settings.settings.auto_tuning);
}

#[test]
fn problems_of_code_file_and_variable_come_together() {
    let file = r#"{ "cache": { "ttlSeconds": 0 }, "finalReport": true }"#;
    let place = Place::new(&[("config/optimization.staging.json", file)]).with(CACHE_DIR, &"x".repeat(5000));
    let code = json!({ "environment": "staging", "memory": { "gcInterval": -1 }, "projectID": "p" });
    let error = place.error(code);
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let found: Vec<_> = error.problems().iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
    let suffix = format!("(in {})", place.path("config").join("optimization.staging.json").display());
    for (index, (path, end)) in [
        ("cache.ttlSeconds", suffix.as_str()),
        ("finalReport", &suffix),
        ("memory.gcInterval", "got -1"),
        ("projectID", "did you mean \"projectId\"?"),
        ("cache.cacheDir", "(from CACHE_DIR)"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(found[index].0, path);
        assert!(found[index].1.ends_with(end), "{}", found[index].1);
    }
    assert_eq!(found.len(), 5);
}

#[test]
fn contradiction_is_judged_after_merging_and_names_the_file_when_code_has_no_part_in_it() {
    let file = r#"{ "monitoring": { "alertThresholds": { "memoryWarning": 97 } } }"#;
    let place = Place::new(&[("config/optimization.staging.json", file)]);
    let error = place.error(json!({ "environment": "staging" }));
    assert!(error.problems()[0].message.ends_with("optimization.staging.json)"), "{error}");
    let code = |critical: u32| json!({ "environment": "staging", "monitoring": { "alertThresholds": { "memoryCritical": critical } } });
    assert!(place.load(code(99)).is_ok());
    let error = place.error(code(96));
    assert_eq!(error.problems()[0].message, "must not be above memoryCritical (96), got 97");
}

#[test]
fn unusable_file_does_not_hide_problems_of_code() {
    let place = Place::new(&[]).with(OPTIMIZATION_CONFIG, "gone.json");
    let error = place.error(json!({ "environment": "staging", "autoTuning": 1 }));
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert_eq!(error.problems().len(), 2);
    assert!(error.problems()[1].message.contains("gone.json"));
}

#[test]
fn environment_is_required_in_code() {
    let place = Place::new(&[("own.json", r#"{ "environment": "staging" }"#)]);
    for code in [json!({}), json!({ "configFile": "own.json" }), json!({ "environment": null }), json!(null)]
    {
        let error = place.error(code);
        assert_eq!(error.problems().len(), 1, "{error}");
    }
    let error = place.error(json!({}));
    assert_eq!(
        error.problems()[0].message,
        "is required; must be one of \"development\", \"staging\", \"production\""
    );
}

#[test]
fn config_file_inside_a_file_is_ignored_with_a_warning() {
    let place = Place::new(&[("config/optimization.staging.json", r#"{ "configFile": "other.json" }"#)]);
    let loaded = place.load(json!({ "environment": "staging" })).expect("sound");
    assert_eq!(loaded.settings.config_file, None);
    assert!(loaded.warnings[0].message.contains("ignored"));
}

#[test]
fn system_options_come_from_code_and_have_defaults() {
    let place = Place::new(&[]);
    let loaded = place.load(json!({ "environment": "staging" })).expect("sound");
    assert_eq!(loaded.system, SystemOptions::default());
    let code = json!({
        "environment": "staging", "projectId": "p", "enableSharedContext": true,
        "sharedContextUrl": "https://user:hunter2@host", "finalReport": false,
    });
    let system = place.load(code).expect("sound").system;
    assert_eq!(system.project_id.as_deref(), Some("p"));
    assert!(system.enable_shared_context && !system.final_report);
    assert_eq!(system.shared_context_url, "https://user:hunter2@host");
    assert!(!format!("{system:?}").contains("hunter2"));
    let error = place.error(json!({ "environment": "staging", "sharedContextUrl": "user:hunter2@host" }));
    assert!(error.to_string().contains("(hidden)") && !error.to_string().contains("hunter2"));
}

#[test]
fn secrets_of_the_environment_are_never_kept() {
    let place = Place::new(&[])
        .with("SLACK_WEBHOOK_URL", "https://hooks.example/hunter2")
        .with("EMAIL_SERVICE_API", "hunter2");
    let loaded = place.load(json!({ "environment": "production" })).expect("sound");
    assert!(!loaded.settings.to_json().to_string().contains("hunter2"));
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn shipped_files_are_found_by_environment() {
    for environment in ["development", "staging", "production"] {
        let cwd = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let code = json!({ "environment": environment });
        let loaded = load(&SettingsRequest { code, cwd, env: BTreeMap::new() }).expect("sound");
        assert!(loaded.source.is_some(), "{environment}");
        assert_eq!(loaded.warnings, []);
    }
}
