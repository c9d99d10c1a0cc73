//! Texts through a shelf and back, with nothing but parts and the store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::*;
use crate::tokens::tests::texts::{Random, mixed};

#[derive(Debug, Default)]
struct Memory {
    values: Mutex<HashMap<String, Arc<String>>>,
    is_full: AtomicBool,
}

impl TextStore for Memory {
    fn get(&self, key: &str) -> Option<Arc<dyn AsRef<str> + Send + Sync>> {
        self.values.lock().get(key).map(|value| Arc::clone(value) as Arc<dyn AsRef<str> + Send + Sync>)
    }

    fn put(&self, key: &str, value: Box<str>) -> bool {
        if self.is_full.load(Ordering::Relaxed) {
            return false;
        }
        self.values.lock().insert(key.to_owned(), Arc::new(value.into()));
        true
    }

    fn flush(&self) -> bool {
        true
    }
}

const INDEX: usize = 1 << 24;

fn encode(shelf: &Shelf, text: &str, held: &HashSet<TextId>) -> Encoded {
    let hash = Sha256::digest(text).into();
    shelf.encode(text, &hash, &held.iter().copied().collect::<Vec<_>>(), &|id| held.contains(&id))
}

fn nobody(_: TextId) -> Option<Arc<str>> {
    None
}

/// Encodes and reads it back as another process would: with the store and parts that went through JSON.
fn round(store: &Arc<Memory>, shelf: &Shelf, text: &str) -> Encoded {
    let encoded = encode(shelf, text, &HashSet::new());
    let other = Shelf::new(Arc::clone(store) as Arc<dyn TextStore>, INDEX);
    let found = other.resolve(&encoded.parts, &nobody, &mut |_| {}, usize::MAX).expect("all is stored");
    assert_eq!(found, text);
    encoded
}

fn sent(encoded: &Encoded) -> usize {
    let mut json = Vec::new();
    write_parts(&encoded.parts, &mut json);
    json.len()
}

fn lines(from: usize, to: usize) -> String {
    (from..to)
        .map(|n| format!("    let value_{n} = compute({});\n", n * 7919 % 1009))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn second_text_is_a_reference_and_an_edit_is_its_line() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
    let text = lines(0, 500);
    let first = round(&store, &shelf, &text);
    assert_eq!(first.parts, [Part::Literal(text.clone())]);
    let again = round(&store, &shelf, &text);
    assert!(matches!(again.parts[..], [Part::Known { is_whole: true, is_held: false, .. }]));
    assert_eq!(again.id, first.id);
    let edited = text.replace("value_250", "renamed");
    let third = round(&store, &shelf, &edited);
    assert!(sent(&third) < 150, "{:?}", third.parts);
    assert_eq!(third.parts.len(), 3);
    // Of two texts.
    let both = format!("Here is the code:\n{}\nand this:\n{}", lines(100, 300), edited);
    let fourth = round(&store, &shelf, &both);
    assert!(sent(&fourth) < 300, "{:?}", fourth.parts);
}

#[test]
fn text_that_says_things_many_times_is_found_as_a_whole() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
    let file = |n: usize| lines(90_000, 90_020) + &lines(n * 100, n * 100 + 40) + &lines(80_000, 80_015);
    let mut text: String = (0..60).map(file).collect::<Vec<_>>().concat();
    round(&store, &shelf, &text);
    // A line of the file itself, and one of those that all have.
    for n in 0..40 {
        text = text.replacen(&format!("value_{} ", n * 100 + 20), "renamed ", 1);
        let bytes = sent(&round(&store, &shelf, &text));
        assert!(bytes < 500, "{n}: {bytes}");
        text = text.replacen("value_90010 ", &format!("renamed_{n} "), 1);
        let bytes = sent(&round(&store, &shelf, &text));
        assert!(bytes < 500, "{n}: {bytes}");
    }
}

#[test]
fn text_that_the_receiver_holds_is_preferred() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(store, INDEX);
    let common = lines(0, 100);
    let own = encode(&shelf, &format!("to you\n{common}"), &HashSet::new()).id.expect("stored");
    for other in 0..20 {
        encode(&shelf, &format!("to another {other}\n{common}"), &HashSet::new());
    }
    let parts = encode(&shelf, &format!("again\n{common}"), &HashSet::from([own])).parts;
    assert!(
        parts
            .iter()
            .any(|part| matches!(part, Part::Known { range, is_held: true, .. } if range.text == own)),
        "{parts:?}"
    );
}

#[test]
fn other_process_finds_what_is_like_its_text() {
    let store = Arc::new(Memory::default());
    let text = lines(0, 800);
    encode(&Shelf::new(Arc::clone(&store) as _, INDEX), &text, &HashSet::new());
    let other = Shelf::new(Arc::clone(&store) as _, INDEX);
    let edited = text.replace("value_400", "renamed");
    let encoded = round(&store, &other, &edited);
    assert!(sent(&encoded) < 300, "{}", sent(&encoded));
}

#[test]
fn lost_or_damaged_texts_are_not_referred_to() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
    let text = lines(0, 200);
    let id = encode(&shelf, &text, &HashSet::new()).id.expect("stored");
    let key = format!("text {id}");
    let sound = Arc::clone(&store.values.lock()[&key]);
    let reference =
        [Part::Known { range: Range { text: id, start: 0, len: 0 }, is_whole: true, is_held: true }];
    for damaged in
        ["", "{}", "{\"v\":1}\nxx", &sound.replace("value_7 ", "VALUE_7 "), &sound[..sound.len() / 2]]
    {
        // One that knows the text while it is sound.
        let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
        encode(&shelf, &text, &HashSet::new());
        store.values.lock().insert(key.clone(), Arc::new(damaged.to_owned()));
        let edited = text.replace("value_150", "renamed");
        let encoded = encode(&shelf, &edited, &HashSet::new());
        // As the store is now: what is damaged is not relied on.
        let found = shelf.resolve(&encoded.parts, &nobody, &mut |_| {}, usize::MAX);
        assert_eq!(found, Ok(edited), "{:?}", encoded.parts);
        store.values.lock().retain(|other, _| *other == key);
        store.values.lock().insert(key.clone(), Arc::clone(&sound));
        assert_eq!(shelf.resolve(&reference, &nobody, &mut |_| {}, usize::MAX).expect("sound again"), text);
    }
    store.values.lock().clear();
    assert_eq!(shelf.resolve(&reference, &nobody, &mut |_| {}, usize::MAX), Err(Unresolved::Missing(id)));
    let have = |other: TextId| (other == id).then(|| Arc::from(text.as_str()));
    let mut fetched = |_: &str| panic!("nothing has to be fetched");
    assert_eq!(shelf.resolve(&reference, &have, &mut fetched, usize::MAX), Ok(text.clone()));
    assert_eq!(shelf.resolve(&reference, &have, &mut |_| {}, text.len() - 1), Err(Unresolved::TooLong));
    for (start, len) in [(0, text.len() + 1), (text.len(), 1), (usize::MAX, 2)] {
        let bad = [Part::Known { range: Range { text: id, start, len }, is_whole: false, is_held: false }];
        assert_eq!(shelf.resolve(&bad, &have, &mut |_| {}, usize::MAX), Err(Unresolved::Missing(id)));
    }
}

#[test]
fn text_whose_owner_is_gone_is_sent_and_stored_anew() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
    let owner = encode(&shelf, &lines(0, 200), &HashSet::new()).id.expect("stored");
    let text = lines(0, 220);
    round(&store, &shelf, &text);
    let third = lines(203, 219) + "it refers to what the second one had for itself\n" + &lines(700, 720);
    let referring = round(&store, &shelf, &third).id.expect("stored");
    store.values.lock().remove(&format!("text {owner}"));
    assert_eq!(round(&store, &shelf, &text).parts, [Part::Literal(text.clone())]);
    assert!(matches!(round(&store, &shelf, &text).parts[..], [Part::Known { is_whole: true, .. }]));
    assert_eq!(shelf.text(referring), Ok(third));
}

#[test]
fn damaged_text_is_stored_anew() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
    let text = lines(0, 220);
    let id = round(&store, &shelf, &text).id.expect("stored");
    let damaged = store.values.lock()[&format!("text {id}")].replace("value_7 ", "value_8 ");
    assert!(store.put(&format!("text {id}"), damaged.into()));
    assert_eq!(round(&store, &shelf, &text).parts, [Part::Literal(text.clone())]);
    assert_eq!(shelf.text(id), Ok(text));
}

#[test]
fn texts_at_once_with_hardly_any_room_are_all_right() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, 30_000);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, shelf) = (&store, &shelf);
            scope.spawn(move || {
                for turn in 0..120 {
                    round(
                        store,
                        shelf,
                        &lines((thread * 37 + turn * 13) % 50 * 100, 150 + thread * 37 % 50 * 100 + turn),
                    );
                    round(store, shelf, &(lines(turn % 7 * 50, turn % 7 * 50 + 100) + &turn.to_string()));
                }
            });
        }
    });
}

/// A store in which something happens right after a text was looked for the first time.
#[derive(Default)]
struct Meeting {
    memory: Memory,
    meets: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl std::fmt::Debug for Meeting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.memory.fmt(f)
    }
}

impl TextStore for Meeting {
    fn get(&self, key: &str) -> Option<Arc<dyn AsRef<str> + Send + Sync>> {
        let found = self.memory.get(key);
        let meets = self.meets.lock().take();
        if let Some(meets) = meets {
            meets();
        }
        found
    }

    fn put(&self, key: &str, value: Box<str>) -> bool {
        self.memory.put(key, value)
    }

    fn flush(&self) -> bool {
        true
    }
}

#[test]
fn text_that_two_store_at_once_is_not_made_of_itself() {
    let store = Arc::new(Meeting::default());
    let shelf = Arc::new(Shelf::new(Arc::clone(&store) as _, INDEX));
    let text = lines(0, 200);
    let (other, same) = (Arc::clone(&shelf), text.clone());
    *store.meets.lock() = Some(Box::new(move || drop(encode(&other, &same, &HashSet::new()))));
    let encoded = encode(&shelf, &text, &HashSet::new());
    assert!(matches!(encoded.parts[..], [Part::Known { is_whole: true, .. }]), "the other one was first");
    let reader = Shelf::new(store, INDEX);
    assert_eq!(reader.text(encoded.id.expect("stored")), Ok(text));
}

#[test]
fn full_store_costs_text_only() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
    store.is_full.store(true, Ordering::Relaxed);
    let text = lines(0, 100);
    for _ in 0..2 {
        assert_eq!(
            encode(&shelf, &text, &HashSet::new()),
            Encoded { id: None, parts: vec![Part::Literal(text.clone())] }
        );
    }
    store.is_full.store(false, Ordering::Relaxed);
    assert!(encode(&shelf, &text, &HashSet::new()).id.is_some());
}

#[test]
fn what_is_remembered_is_bounded_and_the_latest_is_kept() {
    let store = Arc::new(Memory::default());
    let max = 200_000;
    let shelf = Shelf::new(Arc::clone(&store) as _, max);
    for round in 0..100 {
        encode(&shelf, &lines(round * 1000, round * 1000 + 300), &HashSet::new());
        assert!(shelf.held().1 <= max, "{:?}", shelf.held());
    }
    let encoded = round(&store, &shelf, &lines(99_000, 99_299));
    assert!(sent(&encoded) < 100);
}

#[test]
fn distinct_content_is_stored_once() {
    let store = Arc::new(Memory::default());
    let shelf = Shelf::new(Arc::clone(&store) as _, INDEX);
    let mut text = lines(0, 8000);
    for n in 0..50 {
        round(&store, &shelf, &text);
        text = text.replacen(&format!("value_{} ", n * 31), "edited ", 1);
    }
    let stored: usize = store.values.lock().values().map(|value| value.len()).sum();
    // Each of 50 texts has up to 99 runs, of some 14 bytes each.
    assert!(stored < text.len() * 13 / 10, "{stored} for {}", text.len());
    // The runs of 50 texts are a third of it.
    assert!(shelf.held().1 < text.len(), "{:?} for {}", shelf.held(), text.len());
}

#[test]
fn random_mixtures_of_known_texts_come_back() {
    let mut random = Random(0x5EED_0301);
    for case in 0..40 {
        let store = Arc::new(Memory::default());
        let shelf = Shelf::new(Arc::clone(&store) as _, if case % 3 == 0 { 20_000 } else { INDEX });
        let mut texts: Vec<String> = vec![lines(0, 60), (0..80).map(|_| mixed(&mut random)).collect()];
        for _ in 0..25 {
            let mut text = String::new();
            for _ in 0..=random.below(4) {
                let from: Vec<char> = texts[random.below(texts.len())].chars().collect();
                let start = random.below(from.len().max(1));
                let len = random.below(from.len() - start + 1);
                text.extend(&from[start..start + len]);
                if random.below(2) == 0 {
                    text.push_str(&mixed(&mut random));
                }
            }
            text.truncate(text.char_indices().nth(20_000).map_or(text.len(), |(at, _)| at));
            round(&store, &shelf, &text);
            texts.push(text);
            if random.below(6) == 0 {
                let mut values = store.values.lock();
                let lost = values.keys().next().cloned();
                // A text that is lost takes what was made of it along: only new references must be sound.
                if let Some(lost) = lost {
                    values.remove(&lost);
                }
                values.retain(|_, _| true);
            }
        }
    }
}
