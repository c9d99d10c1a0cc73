use std::cell::Cell;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::writer::Written;
use super::*;

const MAX_LINE: usize = 64 * 1024;
const CREATED: &str = "2026-01-31T12:00:00Z";
const QUIET: Watch<'static> = Watch { cancelled: &|| false, progress: &|_| {} };

fn entry(key: &str, kind: Kind, value: &str) -> DumpEntry {
    DumpEntry {
        namespace: String::new(),
        key: key.to_owned(),
        agent_id: None,
        model: None,
        prompt_sha256: None,
        kind,
        value: value.to_owned(),
        created_ms: 1_769_860_800_000,
        expires_ms: 1_769_864_400_000,
        ttl_ms: 3_600_000,
        stale_ms: 0,
        sliding: false,
        tags: Vec::new(),
    }
}

fn full_entry() -> DumpEntry {
    DumpEntry {
        namespace: "project".into(),
        agent_id: Some("agent 1".into()),
        model: Some("m".into()),
        prompt_sha256: Some(String::new()),
        stale_ms: 5,
        sliding: true,
        tags: vec!["a".into(), "b\n\"".into()],
        ..entry("\u{1}\"\\ud800\"", Kind::Json, r#""\ud800""#)
    }
}

fn samples() -> Vec<DumpEntry> {
    vec![
        full_entry(),
        entry("text", Kind::Text, "{\"not\":\"parsed\"}\r\n\u{0}"),
        entry("object", Kind::Json, r#"{"z":1,"a":[1e400,-0.0,12345678901234567890],"z":2}"#),
        entry("", Kind::Json, "null"),
    ]
}

fn write(path: &Path, entries: &[DumpEntry]) -> Written {
    let mut writer = DumpWriter::create(path, CREATED, MAX_LINE, QUIET).expect("create");
    for entry in entries {
        writer.push(entry).expect("push");
    }
    writer.finish().expect("finish")
}

fn read(path: &Path) -> Result<Vec<DumpEntry>, DumpError> {
    let mut dump = DumpFile::open(path, MAX_LINE, QUIET)?;
    dump.read(QUIET)?.collect()
}

/// What reading a file with this content says.
fn read_bytes(content: &[u8]) -> Result<Vec<DumpEntry>, DumpError> {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("dump");
    std::fs::write(&path, content).expect("write");
    read(&path)
}

fn written_bytes(name: &str, entries: &[DumpEntry]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join(name);
    write(&path, entries);
    std::fs::read(&path).expect("read")
}

/// A dump of these lines with a right trailer.
fn sealed(lines: &[&str], entries: u64) -> Vec<u8> {
    let body = lines.iter().flat_map(|line| [line, "\n"]).collect::<String>();
    let sum = xxhash_rust::xxh3::xxh3_64(body.as_bytes());
    format!("{body}{{\"entries\":{entries},\"xxh3\":\"{sum:016x}\"}}\n").into_bytes()
}

const HEADER: &str = r#"{"format":"agentwise-cache","version":1,"createdAt":"x"}"#;
const ENTRY: &str = r#"{"key":"k","value":1,"createdAt":1,"expiresAt":2,"ttlMs":1}"#;

fn files_in(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).expect("list").map(|file| file.expect("file").path()).collect()
}

#[test]
fn entries_come_back_plain_and_packed() {
    for name in ["cache.jsonl", "cache.jsonl.zst"] {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(name);
        let written = write(&path, &samples());
        assert_eq!(written, Written { entries: 4, bytes: path.metadata().expect("metadata").len() });
        assert_eq!(read(&path).expect("read"), samples());
        assert_eq!(files_in(dir.path()), [path], "no temporary file is left");
    }
}

#[test]
fn lines_are_what_other_programs_expect() {
    let entries = [full_entry(), entry("k", Kind::Text, "v")];
    let text = String::from_utf8(written_bytes("d", &entries)).expect("utf-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], r#"{"format":"agentwise-cache","version":1,"createdAt":"2026-01-31T12:00:00Z"}"#);
    assert_eq!(
        lines[1],
        r#"{"key":"\u0001\"\\ud800\"","namespace":"project","agentId":"agent 1","model":"m"#.to_owned()
            + r#"","promptSha256":"","kind":"json","value":"\ud800","createdAt":1769860800000,"expiresAt":1769864400000,"#
            + r#""ttlMs":3600000,"staleMs":5,"sliding":true,"tags":["a","b\n\""]}"#
    );
    assert_eq!(
        lines[2],
        r#"{"key":"k","value":"v","createdAt":1769860800000,"expiresAt":1769864400000,"ttlMs":3600000}"#
    );
    assert!(lines[3].starts_with(r#"{"entries":2,"xxh3":""#));
    assert_eq!(lines.len(), 4);
}

#[test]
fn line_breaks_between_tokens_do_not_break_the_line() {
    let pretty = entry("k", Kind::Json, "{\r\n \"a\": \"\\n\"\n}");
    let back = read_bytes(&written_bytes("d", &[pretty])).expect("read");
    assert_eq!(back[0].value, "{   \"a\": \"\\n\" }");
}

#[test]
fn deep_value_does_not_exhaust_the_stack() {
    let deep = "[".repeat(20_000) + &"]".repeat(20_000);
    let entries = [entry("k", Kind::Json, &deep)];
    assert_eq!(read_bytes(&written_bytes("d", &entries)).expect("read"), entries);
}

#[test]
fn every_truncation_is_refused() {
    for name in ["d", "d.zst"] {
        let whole = written_bytes(name, &samples());
        for end in 0..whole.len() {
            let error = read_bytes(&whole[..end]).expect_err("cut off");
            assert!(matches!(error.reason, DumpReason::Invalid(_)), "{name} {end}: {error}");
        }
    }
}

#[test]
fn every_changed_byte_is_refused_or_harmless() {
    for name in ["d", "d.zst"] {
        let mut bytes = written_bytes(name, &samples());
        for at in 0..bytes.len() {
            for change in [1, 0x20, 0x80] {
                bytes[at] ^= change;
                if let Ok(entries) = read_bytes(&bytes) {
                    assert_eq!(entries, samples(), "{name} byte {at}");
                }
                bytes[at] ^= change;
            }
        }
    }
}

#[test]
fn error_says_the_line_and_never_quotes_it() {
    let check = |content: Vec<u8>, line: u64, what: &str| {
        let error = read_bytes(&content).expect_err(what);
        let text = error.to_string();
        assert_eq!(error.line, Some(line), "{text}");
        assert!(text.contains(what) && !text.contains("secret"), "{text}");
    };
    check(Vec::new(), 1, "cut off");
    check(b"secret\n".to_vec(), 1, "not JSON");
    check(b"{\"format\":\"secret\"}\n".to_vec(), 1, "not a dump");
    check(HEADER.replace(":1", ":2").into_bytes(), 1, "cut off");
    check(sealed(&[&HEADER.replace(":1", ":2")], 0), 1, "version 2");
    check(sealed(&[&HEADER.replace("\"version\":1,", "")], 0), 1, "no version");
    check(sealed(&[&HEADER.replace("createdAt", "secret")], 0), 1, "missing, unknown");
    check(
        sealed(&[HEADER, ENTRY, &ENTRY.replace("\"ttlMs\":1", "\"ttlMs\":\"secret\"")], 2),
        3,
        "wrong type",
    );
    check(sealed(&[HEADER, &ENTRY.replace("ttlMs", "secret")], 1), 2, "unknown");
    check(sealed(&[HEADER, &ENTRY.replace("\"value\":1", "\"value\":\"\\ud800\"")], 1), 2, "the value");
    check(sealed(&[HEADER, ENTRY, ""], 1), 3, "not JSON");
    check(sealed(&[HEADER, ENTRY], 2), 3, "says 2 entries, the file has 1");
    let mut changed = sealed(&[HEADER, ENTRY], 1);
    let at = HEADER.len() + ENTRY.len() - 1;
    changed[at] = b'2';
    check(changed, 3, "checksum");
    let mut longer = sealed(&[HEADER, ENTRY], 1);
    longer.push(b'\n');
    check(longer, 4, "after the last line");
}

#[test]
fn line_over_the_limit_is_refused_by_both_sides() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("d");
    let large = entry("k", Kind::Text, &"x".repeat(MAX_LINE));
    let mut writer = DumpWriter::create(&path, CREATED, MAX_LINE, QUIET).expect("create");
    let error = writer.push(&large).expect_err("too long");
    assert!(error.to_string().starts_with("line 2: the entry takes"), "{error}");
    let mut writer = DumpWriter::create(&path, CREATED, 2 * MAX_LINE, QUIET).expect("create");
    writer.push(&large).expect("push");
    writer.finish().expect("finish");
    let error = read(&path).expect_err("too long");
    assert_eq!(error.to_string(), "line 2: the line is longer than 65536 bytes");
}

#[test]
fn decompression_bomb_stops_at_the_line_limit() {
    let mut zeros = io::Cursor::new(zstd::bulk::compress(&vec![b' '; 64 << 20], 19).expect("pack"));
    let bomb = std::mem::take(zeros.get_mut());
    assert!(bomb.len() < 100_000);
    let error = read_bytes(&bomb).expect_err("bomb");
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[test]
fn compressed_stream_that_asks_for_a_huge_window_is_refused() {
    let dump = sealed(&[HEADER, ENTRY], 1);
    for (window_log, is_read) in [(23, true), (27, false)] {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("encoder");
        encoder.window_log(window_log).expect("window");
        std::io::Write::write_all(&mut encoder, &dump).expect("pack");
        let result = read_bytes(&encoder.finish().expect("finish"));
        assert_eq!(result.is_ok(), is_read, "{window_log}");
    }
}

#[test]
fn value_that_is_not_json_is_not_written() {
    let dir = tempfile::tempdir().expect("dir");
    let mut writer = DumpWriter::create(&dir.path().join("d"), CREATED, MAX_LINE, QUIET).expect("create");
    for value in ["", "{", "1 2", "'secret'"] {
        let error = writer.push(&entry("k", Kind::Json, value)).expect_err("refused");
        assert!(!error.to_string().contains("secret") && error.line == Some(2), "{error}");
    }
}

#[test]
fn unfinished_or_cancelled_dump_leaves_the_old_file_and_nothing_else() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("d");
    write(&path, &samples());
    let old = std::fs::read(&path).expect("old");
    let pushed = Cell::new(0);
    let cancelled = || pushed.get() >= 2;
    let watch = Watch { cancelled: &cancelled, progress: &|_| {} };
    let mut writer = DumpWriter::create(&path, CREATED, MAX_LINE, watch).expect("create");
    assert_eq!(files_in(dir.path()).len(), 2);
    for entry in &samples()[..2] {
        writer.push(entry).expect("push");
        pushed.set(pushed.get() + 1);
    }
    assert!(matches!(writer.push(&samples()[2]).expect_err("cancelled").reason, DumpReason::Cancelled));
    assert!(matches!(writer.finish().expect_err("cancelled").reason, DumpReason::Cancelled));
    assert_eq!(files_in(dir.path()), std::slice::from_ref(&path));
    assert_eq!(std::fs::read(&path).expect("still there"), old);
    let error = DumpFile::open(&path, MAX_LINE, watch).expect_err("cancelled");
    assert!(matches!(error.reason, DumpReason::Cancelled));
}

#[test]
fn progress_comes_every_thousand_entries() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("d.zst");
    let seen = std::cell::RefCell::new(Vec::new());
    let watch = Watch { cancelled: &|| false, progress: &|entries| seen.borrow_mut().push(entries) };
    let mut writer = DumpWriter::create(&path, CREATED, MAX_LINE, watch).expect("create");
    (0..2_500).for_each(|at: u32| writer.push(&entry(&at.to_string(), Kind::Json, "1")).expect("push"));
    writer.finish().expect("finish");
    assert_eq!(seen.take(), [1_000, 2_000]);
    let mut dump = DumpFile::open(&path, MAX_LINE, watch).expect("open");
    assert_eq!(seen.take(), [1_000, 2_000]);
    assert_eq!(dump.read(watch).expect("read").flatten().count(), 2_500);
    assert_eq!(seen.take(), [1_000, 2_000]);
}

#[test]
fn file_that_changes_between_the_passes_ends_in_an_error() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("d");
    write(&path, &samples());
    let mut dump = DumpFile::open(&path, MAX_LINE, QUIET).expect("open");
    std::fs::write(&path, sealed(&[HEADER, ENTRY], 1)).expect("overwrite in place");
    let items: Vec<_> = dump.read(QUIET).expect("read").collect();
    assert!(items.len() == 2 && items[0].is_ok());
    assert!(items[1].as_ref().expect_err("changed").to_string().contains("changed while"));
}

#[cfg(unix)]
#[test]
fn dump_is_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("d");
    std::fs::write(&path, "old").expect("old");
    write(&path, &[]);
    assert_eq!(path.metadata().expect("metadata").permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_not_a_file_is_an_io_error() {
    let dir = tempfile::tempdir().expect("dir");
    let is_io = |error: DumpError| matches!(error.reason, DumpReason::Io(_)) && error.line.is_none();
    assert!(is_io(read(dir.path()).expect_err("directory")));
    assert!(is_io(read(&dir.path().join("missing")).expect_err("missing")));
    let missing = dir.path().join("missing/d");
    assert!(is_io(DumpWriter::create(&missing, CREATED, MAX_LINE, QUIET).err().expect("no directory")));
    let writer = DumpWriter::create(dir.path(), CREATED, MAX_LINE, QUIET);
    assert!(is_io(writer.and_then(DumpWriter::finish).expect_err("the target is a directory")));
}

fn any_entry() -> impl Strategy<Value = DumpEntry> {
    let json = prop_oneof![
        Just("null".to_owned()),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| serde_json::json!({ "a": [text] }).to_string()),
        any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
    ];
    let value = prop_oneof![
        json.prop_map(|json| (Kind::Json, json)),
        any::<String>().prop_map(|text| (Kind::Text, text)),
    ];
    let scope = any::<[Option<String>; 3]>();
    let tags = prop::collection::vec(any::<String>(), 0..3);
    (any::<[String; 2]>(), scope, value, any::<[u64; 4]>(), any::<[bool; 2]>(), tags).prop_map(
        |([namespace, key], [agent_id, model, prompt_sha256], (kind, value), numbers, flags, tags)| {
            DumpEntry {
                namespace,
                key,
                agent_id,
                model,
                prompt_sha256,
                kind,
                value,
                created_ms: numbers[0],
                expires_ms: numbers[1],
                ttl_ms: numbers[2],
                stale_ms: numbers[3],
                sliding: flags[0],
                tags,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_entries_come_back(entries in prop::collection::vec(any_entry(), 0..6), packed: bool) {
        let bytes = written_bytes(if packed { "d.zst" } else { "d" }, &entries);
        prop_assert_eq!(read_bytes(&bytes).expect("read"), entries);
    }

    #[test]
    fn damage_is_refused_or_harmless(
        entries in prop::collection::vec(any_entry(), 0..4),
        packed: bool,
        at: prop::sample::Index,
        with: Vec<u8>,
        removed in 0_usize..40,
    ) {
        let mut bytes = written_bytes(if packed { "d.zst" } else { "d" }, &entries);
        let at = at.index(bytes.len());
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, with);
        if let Ok(found) = read_bytes(&bytes) {
            prop_assert_eq!(found, entries);
        }
    }

    #[test]
    fn no_bytes_panic(content: Vec<u8>, line: String, packed: bool) {
        let lines = sealed(&[HEADER, &line], 1);
        for content in [content, [HEADER.as_bytes(), line.as_bytes()].concat(), lines] {
            let content = if packed { zstd::bulk::compress(&content, 1).expect("pack") } else { content };
            prop_assert!(read_bytes(&content).is_err());
        }
    }
}
