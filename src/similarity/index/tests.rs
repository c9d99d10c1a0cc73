use proptest::prelude::*;

use super::*;
use crate::similarity::{Reason, compare_texts};

fn served(index: &Index, scopes: &[u32], text: &str) -> Option<String> {
    let best = index.candidates(scopes, text, 0.8, Wanted::Served).into_iter().next()?;
    (best.verdict.refusal.is_none() && best.verdict.score >= 0.8)
        .then(|| index.text(best.id).expect("is there").to_owned())
}

#[test]
fn finds_what_is_like_it_in_its_scope_only() {
    let mut index = Index::new(10);
    index.insert(1, "How do I sharpen a kitchen knife?");
    let question = "What is the best way to sharpen a kitchen knife?";
    assert_eq!(served(&index, &[1], question).as_deref(), Some("How do I sharpen a kitchen knife?"));
    assert_eq!(served(&index, &[2], question), None);
    assert_eq!(served(&index, &[2, 1], question).as_deref(), Some("How do I sharpen a kitchen knife?"));
    assert!(index.remove(1, "How do I sharpen a kitchen knife?"));
    assert!(!index.remove(1, "How do I sharpen a kitchen knife?"));
    assert_eq!(served(&index, &[1], question), None);
}

#[test]
fn refusals_come_after_what_may_be_served_with_their_reason() {
    let mut index = Index::new(10);
    index.insert(0, "How long do I boil 3 eggs?");
    index.insert(0, "For how long should I boil 2 eggs?");
    let found = index.candidates(&[0], "How long do I boil 2 eggs?", 0.5, Wanted::Close);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].verdict.refusal, Some(Reason::Number));
}

#[test]
fn the_text_itself_is_no_candidate_and_texts_of_one_form_are() {
    let mut index = Index::new(10);
    let first = index.insert(0, "What is a mutex?");
    assert_eq!(index.insert(0, "What is a mutex?"), first);
    assert_eq!(index.len(), 1);
    assert_eq!(served(&index, &[0], "What is a mutex?"), None);
    index.insert(0, "what is a mutex");
    assert_eq!(index.len(), 2);
    assert_eq!(served(&index, &[0], "What is a mutex?").as_deref(), Some("what is a mutex"));
    assert!(index.remove(0, "what is a mutex"));
    assert_eq!(served(&index, &[0], "WHAT is a mutex?").as_deref(), Some("What is a mutex?"));
}

#[test]
fn the_oldest_makes_room_and_nothing_is_left_of_it() {
    let mut index = Index::new(100);
    for number in 0..10_000 {
        index.insert(0, &format!("how does part{number} of engine{} work", number % 7));
    }
    assert_eq!(index.len(), 100);
    assert!(index.entries.len() <= 101 && index.order.len() <= 101);
    assert!(index.terms.len() < 300 && index.lists.len() < 300, "{index:?}");
    assert_eq!(index.normals.len(), 100);
    index.remove_scopes(|scope| scope == 0);
    assert!(index.is_empty() && index.terms.is_empty() && index.normals.is_empty());
}

#[test]
fn names_are_found_among_many_questions_that_differ_in_nothing_else() {
    let mut index = Index::new(100_000);
    for number in 0..20_000_u32 {
        let letters: String =
            (0..4).filter_map(|at| char::from_digit(10 + (number >> (4 * at) & 15), 36)).collect();
        index.insert(0, &format!("How do I cancel my order for the product q{letters}x?"));
    }
    assert_eq!(served(&index, &[0], "How do I cancel my order for the product zzyzxq?"), None);
    let known = served(&index, &[0], "What is the way to cancel my order for the product qbcdex?");
    assert_eq!(known.as_deref(), Some("How do I cancel my order for the product qbcdex?"));
}

#[test]
fn the_newest_of_a_form_are_kept() {
    let mut index = Index::new(1000);
    let text = |number: usize| format!("what is a mutex{}", "!".repeat(number));
    for number in 0..40 {
        index.insert(0, &text(number));
    }
    assert_eq!(index.len(), MOST_OF_A_FORM);
    assert!(!index.remove(0, &text(0)) && index.remove(0, &text(39)));
    assert!(served(&index, &[0], "What is a mutex?").is_some());
}

#[test]
fn bytes_are_bounded_and_counted() {
    let mut index = Index::new(1_000_000);
    let long = |number: usize| format!("what is {number} {}", [&"x".repeat(200), " "].concat().repeat(40));
    for number in 0..10_000 {
        index.insert(0, &long(number));
    }
    assert!(index.bytes <= MOST_BYTES && index.len() > 1000, "{}", index.bytes);
    index.remove_scopes(|_| true);
    assert_eq!((index.len(), index.bytes), (0, 0));
}

#[test]
fn junk_is_not_taken() {
    let mut index = Index::new(10);
    for text in ["", "  ", "??", &"x ".repeat(100_000)] {
        assert_eq!(index.insert(0, text), None);
        assert!(index.candidates(&[0], text, 0.0, Wanted::Close).is_empty());
        assert!(!index.remove(0, text));
    }
    assert!(index.is_empty());
}

fn question() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("start"),
        Just("begin"),
        Just("engine"),
        Just("train"),
        Just("bread"),
        Just("invest"),
        Just("investment"),
        Just("gold"),
        Just("Prague"),
        Just("not"),
        Just("2"),
        Just("in"),
        Just("the"),
        Just("python"),
        Just("quickly"),
    ];
    proptest::collection::vec(word, 1..7).prop_map(|words| format!("how do I {}", words.join(" ")))
}

proptest! {
    /// What a look at every question finds, the index finds.
    #[test]
    fn is_as_good_as_a_scan(texts in proptest::collection::vec(question(), 1..30), asked in question()) {
        let mut index = Index::new(1000);
        for text in &texts {
            index.insert(0, text);
        }
        let like = |text: &&String| {
            let verdict = compare_texts(&asked, text);
            **text != asked && verdict.refusal.is_none() && verdict.score >= 0.8
        };
        let is_there = texts.iter().any(|text| like(&text));
        prop_assert_eq!(served(&index, &[0], &asked).is_some(), is_there);
    }

    #[test]
    fn what_is_removed_is_gone(texts in proptest::collection::vec(question(), 1..30), removed in any::<u64>()) {
        let mut index = Index::new(1000);
        for text in &texts {
            index.insert(0, text);
        }
        for (at, text) in texts.iter().enumerate() {
            if removed >> (at % 64) & 1 == 1 {
                index.remove(0, text);
                prop_assert!(!index.remove(0, text));
            }
        }
        let rooms: usize = index.lists.iter().map(|list| list.ids.capacity() * size_of::<u32>()).sum();
        let terms: usize = index.entries.iter().flatten().map(|entry| size_of_val(&*entry.terms)).sum();
        prop_assert_eq!((index.list_bytes, index.term_bytes), (rooms, terms));
        for text in &texts {
            index.remove(0, text);
        }
        prop_assert_eq!((index.bytes, index.list_bytes, index.term_bytes), (0, 0, 0));
        prop_assert!(index.is_empty() && index.terms.is_empty() && index.normals.is_empty());
    }
}
