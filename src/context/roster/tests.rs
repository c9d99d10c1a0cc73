//! The roster over real directories.

use std::fs;
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;
use crate::base::clock::ManualClock;

struct Fixture {
    cwd: TempDir,
    clock: Arc<ManualClock>,
    roster: Roster,
}

impl Fixture {
    /// With a directory for agents.
    fn new() -> Self {
        let fixture = Self::without_directory();
        fs::create_dir_all(fixture.agents()).expect("directory");
        fixture
    }

    fn without_directory() -> Self {
        let cwd = tempfile::tempdir().expect("temp dir");
        let clock = Arc::new(ManualClock::new());
        let roster = Roster::new(Some(cwd.path().to_owned()), clock.clone());
        Self { cwd, clock, roster }
    }

    fn agents(&self) -> PathBuf {
        self.cwd.path().join(".claude").join("agents")
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.agents().join(name), content).expect("write");
    }

    /// What the next look tells, in short.
    fn look(&self) -> Vec<String> {
        self.clock.advance(LOOK_EVERY_MS);
        self.roster.refresh().iter().map(short).collect()
    }

    fn reads(&self) -> u64 {
        self.roster.look.as_ref().expect("a directory").lock().directory.reads()
    }

    fn how(&self, agent_id: &str) -> (String, How) {
        let found = self.roster.find(&Evidence { agent_id, ..Evidence::default() });
        (found.agent.spec.name.clone(), found.how)
    }
}

fn short(change: &Change) -> String {
    match change {
        Change::Added(spec) => format!("+{}", spec.name),
        Change::Removed(name) => format!("-{name}"),
        Change::Problem { file, message } => format!("!{file}: {message}"),
    }
}

fn keywords(name: &str, keywords: &[&str]) -> AgentSpecialization {
    AgentSpecialization {
        name: name.into(),
        keywords: keywords.iter().map(|&word| word.to_owned()).collect(),
        max_context_size: 1.0,
        ..AgentSpecialization::default()
    }
}

#[test]
fn numbered_and_prefixed_agents_have_the_specialization_of_their_name() {
    let fixture = Fixture::new();
    fixture.write("backend-specialist-eu.md", "Mind the VAT.");
    fixture.look();
    for (agent, expected) in [
        ("backend-specialist", "backend-specialist"),
        ("backend-specialist-2", "backend-specialist"),
        ("team1:backend-specialist", "backend-specialist"),
        ("backend-specialist-eu.3", "backend-specialist-eu"),
        ("x/backend-specialist-eu", "backend-specialist-eu"),
    ] {
        assert_eq!(fixture.how(agent), (expected.into(), How::Known), "{agent}");
    }
    for agent in ["backend-specialists", "xbackend-specialist", "backend", ""] {
        assert_ne!(fixture.how(agent).1, How::Known, "{agent}");
    }
    assert_eq!(fixture.how("poet"), ("generic".into(), How::Generic));
    assert!(
        matches!(fixture.how("ui-designer").1, How::Detected { kind, .. } if kind == "frontend-specialist")
    );
}

#[test]
fn code_goes_before_files_and_files_before_built_ins() {
    let fixture = Fixture::new();
    let first_keyword = |name: &str| {
        let found = fixture.roster.find(&Evidence { agent_id: name, ..Evidence::default() });
        found.agent.spec.keywords[0].clone()
    };
    let (own, name) = ("---\nkeywords: [of-file]\n---\n", "frontend-specialist");
    assert_eq!(first_keyword(name), "react");
    fixture.write("frontend-specialist.md", own);
    assert_eq!(fixture.look(), ["+frontend-specialist"]);
    assert_eq!(first_keyword(name), "of-file");
    fixture.roster.add(keywords(name, &["of-code"])).expect("sound");
    assert_eq!(first_keyword(name), "of-code");
    fs::remove_file(fixture.agents().join("frontend-specialist.md")).expect("remove");
    assert_eq!(fixture.look(), ["-frontend-specialist"]);
    assert_eq!(first_keyword(name), "of-code");
    assert!(fixture.roster.add(keywords(" ", &[])).is_err());
    assert_eq!(fixture.roster.names().len(), 7, "no name twice");
}

#[test]
fn changes_of_files_are_told_once() {
    let fixture = Fixture::without_directory();
    assert_eq!(fixture.look(), [""; 0], "no directory is no problem");
    fs::create_dir_all(fixture.agents()).expect("directory");
    fixture.write("a.md", "Collects stamps.");
    fixture.write("notes.txt", "x");
    fixture.write(".b.md", "x");
    assert_eq!(fixture.look(), ["+a"]);
    assert_eq!((fixture.look(), fixture.reads()), (vec![], 1));
    fixture.write("a.md", "---\nname: b\n---\nCollects stamps.");
    assert_eq!(fixture.look(), ["-a", "+b"]);
    fixture.write("a.md", "---\nname: b\n---\nCollects stamps, stamps.");
    assert_eq!(fixture.look(), ["+b"]);
    fixture.write("a.md", "---\nname: b\n---\nCollects stamps, stamps. ");
    assert_eq!((fixture.look(), fixture.reads()), (vec![], 4), "it says the same as before");
    fs::remove_dir_all(fixture.agents()).expect("remove");
    assert_eq!(fixture.look(), ["-b"]);
    assert_eq!(fixture.roster.names().len(), 7);
}

#[test]
fn looks_are_half_a_second_apart() {
    let fixture = Fixture::new();
    fixture.write("a.md", "x");
    assert_eq!(fixture.roster.refresh().len(), 1, "the first look is at once");
    fixture.write("b.md", "x");
    fixture.clock.advance(LOOK_EVERY_MS - 1);
    assert_eq!(fixture.roster.refresh(), []);
    fixture.clock.advance(1);
    assert_eq!(fixture.roster.refresh().len(), 1);
}

#[test]
fn slow_looks_are_further_apart() {
    /// Every reading of the time takes 100 ms.
    struct Slow(ManualClock);
    impl Clock for Slow {
        fn now_ms(&self) -> u64 {
            self.0.advance(100);
            self.0.now_ms()
        }
        fn wall_ms(&self) -> u64 {
            self.0.wall_ms()
        }
    }
    let cwd = tempfile::tempdir().expect("temp dir");
    let clock = Arc::new(Slow(ManualClock::new()));
    let roster = Roster::new(Some(cwd.path().to_owned()), clock.clone());
    roster.refresh();
    let dir = cwd.path().join(".claude").join("agents");
    fs::create_dir_all(&dir).expect("directory");
    fs::write(dir.join("a.md"), "x").expect("write");
    clock.0.advance(LOOK_EVERY_MS);
    assert_eq!(roster.refresh(), []);
    clock.0.advance(LOOK_EVERY_MS);
    assert_eq!(roster.refresh().len(), 1);
}

#[test]
fn threads_that_come_at_once_read_once_and_all_know_what_was_read() {
    let mut fixture = Fixture::new();
    // Whoever waits does so until the files are read, wherever that takes long.
    fixture.roster.first_look_wait = Duration::from_secs(60);
    for at in 0..50 {
        fixture.write(&format!("a{at}.md"), "x");
    }
    let barrier = Barrier::new(8);
    let told: usize = std::thread::scope(|scope| {
        let run = || {
            barrier.wait();
            let told = fixture.roster.refresh().len();
            assert_eq!(fixture.roster.names().len(), 57);
            told
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("thread")).sum()
    });
    assert_eq!((told, fixture.reads()), (50, 50));
    let held = fixture.roster.look.as_ref().expect("a directory").lock();
    fixture.clock.advance(LOOK_EVERY_MS);
    assert_eq!(fixture.roster.refresh(), [], "a later look of another is not waited for");
    drop(held);
}

#[test]
fn change_within_the_resolution_of_time_stamps_is_seen() {
    let fixture = Fixture::new();
    let path = fixture.agents().join("a.md");
    let wall_ms = ManualClock::WALL_START_MS + 1_000;
    let stamp = std::time::UNIX_EPOCH + Duration::from_millis(wall_ms);
    let write = |content: &str| {
        fixture.write("a.md", content);
        fs::File::options().append(true).open(&path).expect("open").set_modified(stamp).expect("set");
    };
    write("---\nname: b\n---\n");
    assert_eq!(fixture.look(), ["+b"]);
    fixture.look();
    assert_eq!(fixture.reads(), 2, "not settled yet");
    write("---\nname: c\n---\n");
    assert_eq!(fixture.look(), ["-b", "+c"]);
    fixture.clock.advance(10_000);
    fixture.look();
    let settled = fixture.reads();
    fixture.look();
    assert_eq!(fixture.reads(), settled);
}

#[test]
fn broken_file_keeps_what_it_said_and_the_others_go_on() {
    let fixture = Fixture::new();
    fixture.write("a.md", "---\nname: a\n---\nx");
    fixture.write("b.md", "y");
    assert_eq!(fixture.look(), ["+a", "+b"]);
    fixture.write("a.md", "---\nname: [a\n---\nx");
    fixture.write("b.md", "");
    fixture.write("c.md", "z");
    let told = fixture.look();
    assert!(told[0].starts_with("!a.md: broken YAML at line ") && told[0].contains(", column "), "{told:?}");
    assert_eq!(told[1..], ["!b.md: it is empty", "+c"]);
    assert_eq!(fixture.look(), [""; 0]);
    assert_eq!(fixture.how("b").1, How::Known, "half written is not removed");
    fixture.write("b.md", " ");
    assert_eq!(fixture.look(), ["!b.md: it is empty"], "told again after a change");
    fixture.write("a.md", "---\nname: a\n---\nx");
    assert_eq!(fixture.look(), [""; 0], "sound again, and the same");
}

#[test]
fn of_two_files_with_one_name_the_first_counts() {
    let fixture = Fixture::new();
    fixture.write("a.md", "---\nname: n\nkeywords: [first]\n---\n");
    fixture.write("b.md", "---\nname: n\nkeywords: [second]\n---\n");
    let problem = "!b.md: gives \"n\" as a.md does, which counts";
    assert_eq!(fixture.look(), [problem, "+n"]);
    assert_eq!(fixture.look(), [""; 0]);
    fixture.write("b.md", "---\nname: n\nkeywords: [third]\n---\n");
    assert_eq!(fixture.look(), [problem], "told again after a change");
    fs::remove_file(fixture.agents().join("a.md")).expect("remove");
    assert_eq!(fixture.look(), ["+n"]);
    let found = fixture.roster.find(&Evidence { agent_id: "n", ..Evidence::default() });
    assert_eq!(found.agent.spec.keywords, ["third"]);
}

#[test]
fn large_files_are_not_read() {
    let fixture = Fixture::new();
    let large = fs::File::create(fixture.agents().join("large.md")).expect("create");
    large.set_len(10 << 20).expect("grow");
    fixture.write("most.md", "a ".repeat(128 * 1024));
    fixture.write("over.md", "a".repeat(256 * 1024 + 1));
    assert_eq!(
        fixture.look(),
        [
            "!large.md: has 10485760 bytes, over the limit of 262144: it is not read",
            "!over.md: has 262145 bytes, over the limit of 262144: it is not read",
            "+most",
        ]
    );
    assert_eq!((fixture.look(), fixture.reads()), (vec![], 1));
}

#[test]
fn first_thousand_files_by_name_are_read() {
    let fixture = Fixture::new();
    for at in (0..1_003).rev() {
        fixture.write(&format!("a{at:04}.md"), "x");
    }
    let told = fixture.look();
    assert_eq!(told[0], "!.claude/agents: has over 1000 agents: only the first ones by name are read");
    assert_eq!((told.len(), told[1_000].as_str()), (1_001, "+a0999"));
    assert_eq!(fixture.look(), [""; 0]);
    fs::remove_file(fixture.agents().join("a0000.md")).expect("remove");
    assert_eq!(fixture.look(), ["-a0000", "+a1000"]);
}

#[test]
fn file_in_place_of_the_directory_is_a_problem() {
    let fixture = Fixture::without_directory();
    fs::create_dir_all(fixture.cwd.path().join(".claude")).expect("directory");
    fs::write(fixture.agents(), "x").expect("write");
    let told = fixture.look();
    assert!(told.len() == 1 && told[0].starts_with("!.claude/agents: cannot be read: "), "{told:?}");
    assert_eq!(fixture.look(), [""; 0]);
    fs::remove_file(fixture.agents()).expect("remove");
    fs::create_dir(fixture.agents()).expect("directory");
    fixture.write("a.md", "x");
    assert_eq!(fixture.look(), ["+a"]);
}

#[test]
fn files_that_cannot_be_read_are_problems_and_the_others_go_on() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.agents().join("dir.md")).expect("directory");
    fixture.write("latin.md", b"caf\xe9");
    fixture.write("sound.md", "x");
    let expected = ["!dir.md: is not a regular file", "!latin.md: is not UTF-8 from byte 3 on", "+sound"];
    assert_eq!(fixture.look(), expected);
    assert_eq!(fixture.look(), [""; 0]);
}

#[cfg(unix)]
mod unix;
