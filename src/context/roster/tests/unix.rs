//! What only Unix has: links, pipes, modes, names that are no text.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::*;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

/// Without a program: see `base::mounted`.
#[cfg(target_os = "linux")]
fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, mknodat};
    mknodat(CWD, path, FileType::Fifo, 0o600.into(), 0).expect("a pipe");
}

#[cfg(not(target_os = "linux"))]
fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn links_lead_to_files_or_are_problems() {
    let fixture = Fixture::new();
    let elsewhere = fixture.cwd.path().join("real.txt");
    fs::write(&elsewhere, "x").expect("write");
    for (target, name) in [
        (elsewhere.as_path(), "linked.md"),
        (Path::new("nowhere"), "dangling.md"),
        (Path::new("loop2.md"), "loop1.md"),
        (Path::new("loop1.md"), "loop2.md"),
        (Path::new("."), "self.md"),
        (Path::new("."), "self"),
    ] {
        symlink(target, fixture.agents().join(name)).expect("link");
    }
    let told = fixture.look();
    let of = |start: &str| told.iter().filter(|told| told.starts_with(start)).count();
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(of("!dangling.md: cannot be read: ") + of("!loop1.md: cannot be read: "), 2, "{told:?}");
    assert_eq!(of("!loop2.md: cannot be read: ") + of("!self.md: is not a regular file") + of("+linked"), 3);
    assert_eq!(fixture.look(), [""; 0]);
    fs::write(&elsewhere, "---\nname: other\n---\n").expect("write");
    assert_eq!(fixture.look(), ["-linked", "+other"], "what a link leads to is looked at");
}

#[test]
fn pipes_and_devices_hold_nobody_up() {
    let fixture = Fixture::new();
    make_pipe(&fixture.agents().join("pipe.md"));
    symlink("/dev/zero", fixture.agents().join("zero.md")).expect("link");
    assert_eq!(fixture.look(), ["!pipe.md: is not a regular file", "!zero.md: is not a regular file"]);
    assert_eq!(fixture.reads(), 0);
}

#[test]
fn pipe_that_takes_a_files_place_before_it_is_opened_is_not_waited_for() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("pipe.md");
    make_pipe(&path);
    assert!(directory::open_for_tests(&path).expect("open").metadata().expect("metadata").len() == 0);
}

#[test]
fn what_may_not_be_read_is_a_problem_until_it_may() {
    let fixture = Fixture::new();
    fixture.write("a.md", "x");
    fixture.write("b.md", "x");
    set_mode(&fixture.agents().join("a.md"), 0o000);
    // Whoever may read everything finds no problem, which is right too.
    let may_all = fs::read(fixture.agents().join("a.md")).is_ok();
    let told = fixture.look();
    if may_all {
        assert_eq!(told, ["+a", "+b"]);
    } else {
        assert!(told[0].starts_with("!a.md: cannot be read: ") && told[1] == "+b", "{told:?}");
        set_mode(&fixture.agents(), 0o000);
        let told = fixture.look();
        assert!(told.len() == 1 && told[0].starts_with("!.claude/agents: cannot be read: "), "{told:?}");
        assert_eq!(fixture.how("b").1, How::Known, "what was known stays known");
        set_mode(&fixture.agents(), 0o755);
        set_mode(&fixture.agents().join("a.md"), 0o644);
        assert_eq!(fixture.look(), ["+a"]);
    }
}

#[test]
fn odd_names_of_files_are_shown_in_one_line() {
    let fixture = Fixture::new();
    let odd = std::ffi::OsStr::from_bytes(b"a\nb.md");
    fs::write(fixture.agents().join(odd), "x").expect("write");
    let no_text = std::ffi::OsStr::from_bytes(b"\xff.md");
    // Some file systems refuse such names.
    let is_there = fs::write(fixture.agents().join(no_text), "x").is_ok();
    let told = fixture.look();
    assert_eq!(told[0], "!a\\nb.md: its name must not have slashes, line ends or control characters");
    assert_eq!(told.get(1).is_some_and(|told| told.ends_with(".md: has a name that is not UTF-8")), is_there);
}
