use super::super::test_support::{exact_tokens, filler, frontend};
use super::*;
use crate::base::document::tests::document;
use crate::base::json;

struct Read {
    elements: Elements,
    units: Units,
}

fn read_by(json: &str, store: &Store, cancel: &Cancel) -> Result<Read> {
    let document = document(json);
    let elements = Elements::of(&document, &json::sizes(&document), frontend(), &["currentTask"], &[]);
    let units = Units::of(&document, &elements, store, &exact_tokens, cancel)?;
    Ok(Read { elements, units })
}

fn read(json: &str) -> Read {
    read_by(json, &Store::new(usize::MAX), &Cancel::default()).expect("not cancelled")
}

fn entries(texts: impl Iterator<Item = String>) -> String {
    let entries: Vec<String> = texts
        .enumerate()
        .map(|(at, text)| format!(r#""key{at}":{}"#, serde_json::Value::from(text)))
        .collect();
    format!("{{{}}}", entries.join(","))
}

#[test]
fn every_element_is_in_one_unit_and_large_texts_are_alone() {
    let text = |at: usize| if at % 10 == 5 { filler(2000) } else { format!("small text {at}") };
    let read = read(&entries((0..300).map(text)));
    let mut next = 0;
    for (at, unit) in read.units.list.iter().enumerate() {
        assert_eq!(unit.first, next);
        next = unit.end;
        let is_large = unit.first % 10 == 5;
        assert_eq!(unit.is_text, is_large);
        assert_eq!(read.units.tokens(at).len(), read.units.analysis(at).parts());
        assert!(is_large || unit.end - unit.first <= MAX_RUN);
    }
    assert_eq!(next, read.elements.list.len());
}

#[test]
fn change_in_one_small_element_leaves_other_runs_as_they_were() {
    let hashes = |changed: Option<usize>| -> Vec<u128> {
        let text = |at| format!("{} {at}", if changed == Some(at) { "changed" } else { "text" });
        read(&entries((0..1000).map(text))).units.list.iter().map(|unit| unit.hash).collect()
    };
    let before = hashes(None);
    assert!(before.len() > 30, "{}", before.len());
    for changed in [0, 1, 500, 999] {
        let after = hashes(Some(changed));
        let new = after.iter().filter(|hash| !before.contains(hash)).count();
        assert!((1..=2).contains(&new), "{changed}: {new} new runs");
    }
}

#[test]
fn key_of_a_small_element_counts_and_that_of_a_large_text_does_not() {
    let large = filler(2000);
    let of = |key: &str, text: &str| {
        read(&format!(r#"{{"{key}":{}}}"#, serde_json::Value::from(text))).units.list[0].hash
    };
    assert_ne!(of("a", "x"), of("b", "x"));
    assert_eq!(of("a", &large), of("b", &large), "a file that was moved is known");
}

#[test]
fn several_threads_read_what_one_does() {
    let text = |at: usize| filler(100 + 37 * (at % 200));
    let json = entries((0..300).map(text));
    assert!(json.len() > 8 * ALONE_BYTES);
    let parallel = read(&json);
    // One by one: each document alone is too small for threads.
    for at in (0..300).step_by(7) {
        let document = document(&json);
        let value = parallel.elements.list[at].value as usize;
        let alone = read(&format!(r#"{{"key{at}":{}}}"#, serde_json::Value::from(document.text(value))));
        let unit =
            parallel.units.list.iter().position(|unit| (unit.first..unit.end).contains(&at)).expect("one");
        let part = at - parallel.units.list[unit].first;
        if parallel.units.list[unit].is_text {
            assert_eq!(parallel.units.tokens(unit), alone.units.tokens(0));
            assert_eq!(parallel.units.analysis(unit).postings, alone.units.analysis(0).postings);
        } else {
            assert_eq!(parallel.units.tokens(unit)[part], alone.units.tokens(0)[0]);
            assert_eq!(parallel.units.analysis(unit).lengths[part], alone.units.analysis(0).lengths[0]);
        }
    }
}

#[test]
fn what_was_read_before_is_not_counted_again() {
    let store = Store::new(usize::MAX);
    let json = entries((0..100).map(|at| filler(at * 30)));
    let first = read_by(&json, &store, &Cancel::default()).expect("not cancelled");
    let document = document(&json);
    let never = |_: &str| -> u64 { unreachable!("it is known") };
    let again = Units::of(&document, &first.elements, &store, &never, &Cancel::default()).expect("read");
    assert_eq!(again.list.len(), first.units.list.len());
}

#[test]
fn work_that_was_called_off_can_be_done_later() {
    let store = Store::new(usize::MAX);
    let json = entries((0..100).map(|at| filler(at * 30)));
    let cancel = Cancel::default();
    cancel.cancel();
    let refused = read_by(&json, &store, &cancel).map(|_| ()).expect_err("called off");
    assert_eq!(refused.kind(), crate::base::error::ErrorKind::Cancelled);
    // Called off in the middle, by the first text that is counted.
    let cancel = Cancel::default();
    let document = document(&json);
    let elements = Elements::of(&document, &json::sizes(&document), frontend(), &[], &[]);
    let count = |text: &str| {
        cancel.cancel();
        exact_tokens(text)
    };
    assert!(Units::of(&document, &elements, &store, &count, &cancel).is_err());
    let read = read_by(&json, &store, &Cancel::default()).expect("not cancelled");
    let fresh = self::read(&json);
    for at in 0..read.units.list.len() {
        assert_eq!(read.units.tokens(at), fresh.units.tokens(at));
    }
}
