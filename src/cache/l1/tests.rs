use super::*;
use crate::base::clock::ManualClock;

fn l1(config: CacheConfig) -> (Arc<L1>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Arc::new(L1::new(config, clock.clone(), Arc::default())), clock)
}

fn agent(id: &str) -> Scope {
    Scope { agent_id: Some(id.into()), ..Scope::default() }
}

#[test]
fn expired_entry_is_a_miss() {
    let (l1, clock) = l1(CacheConfig { ttl_seconds: 1.0, ..CacheConfig::default() });
    l1.set("q", Scope::default(), "1", None);
    l1.set("long", Scope::default(), "2", Some(5_000));
    clock.advance(999);
    assert!(l1.get("q", &Scope::default()).is_some());
    clock.advance(1);
    assert!(l1.get("q", &Scope::default()).is_none());
    assert!(l1.get("long", &Scope::default()).is_some());
    let stats = l1.stats();
    assert_eq!((stats.hits, stats.misses, stats.expired, stats.entries), (2, 1, 1, 1));
}

#[test]
fn maintenance_removes_what_is_expired() {
    let (l1, clock) = l1(CacheConfig::default());
    l1.set("a", Scope::default(), "1", Some(10));
    l1.set("b", Scope::default(), "1", Some(20));
    clock.advance(10);
    assert_eq!(l1.remove_expired(), 1);
    assert_eq!(l1.stats().entries, 1);
}

#[test]
fn entries_bound_holds_and_the_least_recent_goes() {
    let (l1, _) = l1(CacheConfig { l1_max_size: 2, ..CacheConfig::default() });
    l1.set("a", Scope::default(), "1", None);
    l1.set("b", Scope::default(), "2", None);
    assert!(l1.get("a", &Scope::default()).is_some());
    l1.set("c", Scope::default(), "3", None);
    assert!(l1.get("b", &Scope::default()).is_none(), "b was used least recently");
    assert!(l1.get("a", &Scope::default()).is_some() && l1.get("c", &Scope::default()).is_some());
    assert_eq!((l1.stats().entries, l1.stats().evictions), (2, 1));
}

#[test]
fn bytes_bound_holds_and_bytes_add_up() {
    let (l1, _) = l1(CacheConfig { l1_max_size: 100_000, l1_max_size_mb: 1.0, ..CacheConfig::default() });
    let value = format!("\"{}\"", "x".repeat(10_000));
    for number in 0..500 {
        l1.set(&format!("key {number}"), Scope::default(), &value, None);
        assert!(l1.stats().bytes <= 1_048_576, "{:?}", l1.stats());
    }
    let stats = l1.stats();
    assert!(stats.entries > 90 && stats.bytes / stats.entries > 10_000, "{stats:?}");
    l1.set("key 499", Scope::default(), "1", None);
    assert!(l1.stats().bytes < stats.bytes, "a replaced value gives its bytes back");
}

#[test]
fn value_over_the_whole_budget_is_not_kept() {
    let (l1, _) = l1(CacheConfig { l1_max_size_mb: 1.0, ..CacheConfig::default() });
    l1.set("big", Scope::default(), &"x".repeat(2 << 20), None);
    assert!(l1.get("big", &Scope::default()).is_none());
    assert_eq!(l1.stats().bytes, 0);
}

#[test]
fn agents_see_shared_entries_and_their_own_only() {
    let (l1, _) = l1(CacheConfig::default());
    l1.set("q", Scope::default(), "\"shared\"", None);
    l1.set("q", agent("a"), "\"of a\"", None);
    l1.set("secret", agent("a"), "1", None);
    assert_eq!(l1.get("q", &agent("a")).as_deref(), Some("\"of a\""));
    assert_eq!(l1.get("q", &agent("b")).as_deref(), Some("\"shared\""));
    assert_eq!(l1.get("secret", &agent("b")), None);
    assert_eq!(l1.get("secret", &Scope::default()), None);
}

#[test]
fn model_and_system_prompt_must_be_equal() {
    let (l1, _) = l1(CacheConfig::default());
    let with_model = Scope { model: Some("m1".into()), ..Scope::default() };
    l1.set("q", with_model.clone(), "1", None);
    assert!(l1.get("q", &with_model).is_some());
    assert!(l1.get("q", &Scope::default()).is_none());
    assert!(l1.get("q", &Scope { model: Some("m2".into()), ..Scope::default() }).is_none());
    assert!(l1.get("q", &Scope { system_prompt: Some("m1".into()), ..Scope::default() }).is_none());
}

#[test]
fn new_bounds_keep_entries_and_counters() {
    let (l1, _) = l1(CacheConfig::default());
    for number in 0..10 {
        l1.set(&number.to_string(), Scope::default(), "1", None);
    }
    assert!(l1.get("3", &Scope::default()).is_some());
    let smaller = l1.reconfigured(CacheConfig { l1_max_size: 4, ..CacheConfig::default() });
    let stats = smaller.stats();
    assert_eq!((stats.entries, stats.hits, stats.max_entries), (4, 1, 4));
}

#[test]
fn both_bounds_hold_for_any_size() {
    for l1_max_size_mb in [1.0, 64.0, 20_000.0, 10_000_000.0] {
        for l1_max_size in [1, 7, 4096, 40_000_000, 100_000_000] {
            let config = CacheConfig { l1_max_size, l1_max_size_mb, ..CacheConfig::default() };
            let bounds = Bounds::of(&config);
            let budget = mb_to_bytes(l1_max_size_mb);
            assert!(
                bounds.max_bytes() <= budget && bounds.max_bytes() >= budget / 100 * 99,
                "{config:?}: {bounds:?}"
            );
            assert!(
                bounds.share == 0 || bounds.capacity / u64::from(bounds.weight(1)) == l1_max_size,
                "{bounds:?}"
            );
        }
    }
}

#[test]
fn setting_that_bounds_nothing_leaves_the_entries_where_they_are() {
    let (l1, _) = l1(CacheConfig { l1_max_size: 2, ..CacheConfig::default() });
    l1.set("a", Scope::default(), "1", None);
    let next = l1.reconfigured(CacheConfig { ttl_seconds: 5.0, ..l1.config() });
    assert!(Arc::ptr_eq(&l1, &next) && next.config().ttl_seconds < 6.0);
}

#[test]
fn new_bounds_keep_the_most_recently_used() {
    let (l1, _) = l1(CacheConfig { l1_max_size: 5, ..CacheConfig::default() });
    for number in 0..5 {
        l1.set(&number.to_string(), Scope::default(), "1", None);
    }
    assert!(l1.get("0", &Scope::default()).is_some());
    let smaller = l1.reconfigured(CacheConfig { l1_max_size: 2, ..l1.config() });
    assert!(smaller.get("0", &Scope::default()).is_some() && smaller.get("4", &Scope::default()).is_some());
}

#[test]
fn clean_up_never_takes_a_value_stored_meanwhile() {
    let (l1, clock) = l1(CacheConfig { l1_max_size: 10_000, ..CacheConfig::default() });
    for round in 0..20 {
        for number in 0..500 {
            l1.set(&number.to_string(), Scope::default(), "0", Some(1));
        }
        clock.advance(1);
        std::thread::scope(|threads| {
            threads.spawn(|| l1.remove_expired());
            for number in 0..500 {
                l1.set(&number.to_string(), Scope::default(), "1", Some(1_000_000));
            }
        });
        let kept = (0..500).filter(|number| l1.get(&number.to_string(), &Scope::default()).is_some()).count();
        assert_eq!(kept, 500, "round {round}");
        assert!(l1.stats().bytes > 500 * 256, "bytes add up");
    }
}

mod model {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u8, u8, u64),
        Get(u8, u8),
        Advance(u64),
        Clean,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u8..6, 0u8..3, 1u64..50).prop_map(|(key, agent, ttl)| Step::Set(key, agent, ttl)),
            (0u8..6, 0u8..3).prop_map(|(key, agent)| Step::Get(key, agent)),
            (0u64..30).prop_map(Step::Advance),
            Just(Step::Clean),
        ]
    }

    fn scope_of(number: u8) -> Scope {
        if number == 0 { Scope::default() } else { agent(&number.to_string()) }
    }

    proptest! {
        #[test]
        fn behaves_as_a_map_with_time_and_scopes(steps in proptest::collection::vec(step(), 1..80)) {
            let (l1, clock) = l1(CacheConfig::default());
            let mut model: HashMap<(u8, u8), (String, u64)> = HashMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Set(key, agent, ttl) => {
                        l1.set(&key.to_string(), scope_of(agent), &number.to_string(), Some(ttl));
                        model.insert((key, agent), (number.to_string(), clock.now_ms() + ttl));
                    }
                    Step::Get(key, agent) => {
                        let live = |agent| model.get(&(key, agent)).filter(|(_, end)| *end > clock.now_ms());
                        let expected = live(agent).or_else(|| live(0)).map(|(value, _)| value.as_str());
                        let found = l1.get(&key.to_string(), &scope_of(agent));
                        prop_assert_eq!(found.as_deref(), expected);
                    }
                    Step::Advance(ms) => clock.advance(ms),
                    Step::Clean => { l1.remove_expired(); }
                }
            }
        }
    }
}
