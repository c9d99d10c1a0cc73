use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::*;

const AMPLE: Bounds = Bounds { entries: usize::MAX, bytes: u64::MAX };

fn hash(key: u64) -> u64 {
    xxh3_64(&key.to_le_bytes())
}

fn departure(key: u64, bytes: u32) -> Departure {
    Departure { hash: hash(key), fresh_s: u32::MAX, bytes, stamp: 0, tags: 0 }
}

/// Keys and bytes, the last to leave last.
#[derive(Default)]
struct Naive(Vec<(u64, u64)>);

impl Naive {
    fn remember(&mut self, key: u64, bytes: u64, reach: Bounds) {
        self.0.retain(|(other, _)| *other != key);
        self.0.push((key, bytes));
        while self.0.len() > reach.entries || self.bytes() > reach.bytes {
            self.0.remove(0);
        }
    }

    fn take(&mut self, key: u64) -> Option<(u64, u64)> {
        let at = self.0.iter().position(|(other, _)| *other == key)?;
        self.0.remove(at);
        let later = &self.0[at..];
        Some((later.len() as u64, later.iter().map(|(_, bytes)| bytes).sum()))
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|(_, bytes)| bytes).sum()
    }
}

#[derive(Debug, Clone)]
enum Act {
    Remember(u64, u32),
    Take(u64),
    Forget(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..400_u64, 0..1000_u32).prop_map(|(key, bytes)| Act::Remember(key, bytes)),
        2 => (0..400_u64).prop_map(Act::Take),
        1 => (0..400_u64).prop_map(Act::Forget),
    ]
}

proptest! {
    #[test]
    fn without_a_sample_it_is_the_naive_list(
        acts in proptest::collection::vec(act(), 0..1500),
        entries in 1..500_usize,
        bytes in 1..300_000_u64,
    ) {
        let reach = Bounds { entries, bytes };
        let (mut list, mut naive) = (Departed::new(1024), Naive::default());
        for act in acts {
            match act {
                Act::Remember(key, bytes) => {
                    list.remember(departure(key, bytes), reach);
                    naive.remember(key, u64::from(bytes), reach);
                }
                Act::Take(key) => {
                    let found = list.take(hash(key)).map(|found| (found.later_entries, found.later_bytes));
                    prop_assert_eq!(found, naive.take(key));
                }
                Act::Forget(key) => {
                    list.forget(hash(key));
                    naive.take(key);
                }
            }
            prop_assert_eq!((list.len(), list.bytes), (naive.0.len(), naive.bytes()));
            prop_assert_eq!(list.ratio_log2(), 0);
        }
    }
}

#[test]
fn more_than_it_has_places_for_is_a_sample_of_what_there_is() {
    let mut list = Departed::new(1024);
    for key in 0..100_000 {
        list.remember(departure(key, 10), AMPLE);
        assert!(list.len() < 1024);
    }
    let ratio = 1_u64 << list.ratio_log2();
    assert!((128..=512).contains(&ratio), "one of {ratio}");
    let found: Vec<_> =
        (0..100_000).filter_map(|key| list.take(hash(key)).map(|found| (key, found))).collect();
    assert!(found.len() > 200, "{}", found.len());
    let standing: u64 = found.iter().map(|(_, found)| u64::from(found.weight)).sum();
    assert!((85_000..115_000).contains(&standing), "they stand for {standing}");
    for (key, found) in found {
        // What left after it and was not taken yet: all later ones.
        let (left, later) = (99_999 - key, found.later_entries);
        assert!(left.abs_diff(later) < 15_000, "{later} instead of {left}");
        assert_eq!(found.later_bytes, later * 10);
    }
    assert_eq!((list.len(), list.bytes), (0, 0));
}

#[test]
fn sample_of_a_larger_ratio_is_part_of_that_of_a_smaller() {
    for key in 0..10_000 {
        let ratios: Vec<bool> = (0..8).map(|ratio_log2| is_sampled(hash(key), ratio_log2)).collect();
        assert!(ratios[0] && ratios.is_sorted_by(|a, b| a >= b));
    }
    let sampled = (0..10_000).filter(|key| is_sampled(hash(*key), 3)).count();
    assert!((1150..1350).contains(&sampled), "{sampled}");
}

#[test]
fn what_is_not_kept_is_forgotten() {
    let mut list = Departed::new(256);
    for key in 0..200 {
        list.remember(Departure { tags: u32::from(key % 2 == 0), ..departure(key, 1) }, AMPLE);
    }
    list.retain(|gone| gone.tags == 0);
    assert_eq!((list.len(), list.bytes), (100, 100));
    assert_eq!(list.take(hash(0)), None);
    assert_eq!(list.take(hash(1)).map(|found| found.later_entries), Some(99));
}

#[test]
fn memory_is_bounded_and_comes_with_what_is_remembered() {
    let mut list = Departed::new(4096);
    assert_eq!(list.held_bytes(), 0);
    for key in 0..50_000 {
        list.remember(departure(key, 1), AMPLE);
    }
    // The index may have twice as many places, of 3 bytes.
    assert!(list.held_bytes() <= 4096 * 24 + 8192 * 3 + 2000, "{}", list.held_bytes());
}
