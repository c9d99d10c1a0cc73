//! Traces in the present size, and again in the sizes that were looked at.

use xxhash_rust::xxh3::xxh3_64;

use super::*;

const COUNT: u64 = 40_000;

/// A request: who asks, for what.
type Request = (u8, u64);

/// Numbers from 0 to 1, always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 += 1;
        (xxh3_64(&self.0.to_le_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Keys by Zipf's law.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(keys: u32, skew: f64) -> Self {
        let mut sum = 0.0;
        let weight = |rank| {
            sum += f64::from(rank).powf(-skew);
            sum
        };
        Self((1..=keys).map(weight).collect())
    }

    fn draw(&self, dice: &mut Dice) -> u64 {
        let at = dice.roll() * self.0.last().copied().unwrap_or(0.0);
        self.0.partition_point(|sum| *sum < at) as u64
    }
}

/// 200 to 599 bytes, the same for the same key.
fn bytes_of(key: u64) -> usize {
    200 + usize::try_from(xxh3_64(&key.to_le_bytes()) % 400).expect("small")
}

fn replay(cache: &CacheManager, requests: &[Request]) -> u64 {
    requests.iter().filter(|(agent, key)| ask(cache, *agent, *key, bytes_of(*key))).count() as u64
}

fn traces() -> [(&'static str, Vec<Request>); 4] {
    let (zipf, hot) = (Zipf::new(20_000, 0.9), Zipf::new(1500, 0.3));
    let mut dice = Dice(0);
    let mut trace =
        |make: &dyn Fn(u64, &mut Dice) -> Request| (0..COUNT).map(|at| make(at, &mut dice)).collect();
    [
        ("zipf", trace(&|_, dice| (0, zipf.draw(dice)))),
        ("loop", trace(&|at, _| (0, at % 300))),
        (
            "scan and hot set",
            trace(&|at, dice| (0, if at % 2 == 0 { hot.draw(dice) } else { 1_000_000 + at })),
        ),
        ("two tenants", trace(&|at, dice| if at % 3 == 0 { (1, at % 2001) } else { (0, zipf.draw(dice)) })),
    ]
}

fn sized(policy: EvictionPolicy, entries: u64, mb: f64) -> Arc<CacheManager> {
    in_memory(&Arc::default(), |config| {
        (config.l1_max_size, config.l1_max_size_mb, config.eviction_policy) = (entries, mb, policy);
    })
}

#[test]
fn every_hit_of_a_larger_lru_is_predicted_as_long_as_all_that_left_is_remembered() {
    for (name, requests) in traces() {
        let cache = sized(EvictionPolicy::Lru, 200, AMPLE_MB);
        let hits = replay(&cache, &requests);
        let would_have = cache.would_have();
        assert_eq!((would_have.sample_ratio, would_have.bound_by), (1, Bound::Entries), "{name}");
        assert_eq!((would_have.lookups, would_have.l1_misses), (COUNT, COUNT - hits), "{name}");
        for step in would_have.steps {
            let larger = sized(EvictionPolicy::Lru, step.entries, AMPLE_MB);
            assert_eq!(step.hits_gained, replay(&larger, &requests) - hits, "{name} at {}", step.entries);
            assert_eq!(step.of_misses, step.hits_gained, "there is no other layer");
        }
    }
}

#[test]
fn bound_by_bytes_the_same_holds_for_bytes() {
    for (name, requests) in traces() {
        let cache = sized(EvictionPolicy::Lru, 100_000, 0.125);
        let hits = replay(&cache, &requests);
        let would_have = cache.would_have();
        assert_eq!((would_have.sample_ratio, would_have.bound_by), (1, Bound::Bytes), "{name}");
        for step in would_have.steps {
            let larger = sized(EvictionPolicy::Lru, 100_000, step.bytes as f64 / 1_048_576.0);
            let real = replay(&larger, &requests) - hits;
            // Which of two entries of unlike size still fits decides about a few.
            let slack = real / 50 + 20;
            assert!(step.hits_gained.abs_diff(real) <= slack, "{name}: {} for {real}", step.hits_gained);
        }
    }
}

#[test]
fn proposed_sizes_gain_about_what_is_said_with_lru_and_at_least_that_with_the_others() {
    for (name, requests) in traces() {
        for policy in POLICIES {
            for entries in [200, 1000] {
                let cache = sized(policy, entries, AMPLE_MB);
                let hits = replay(&cache, &requests);
                for advice in cache.advice() {
                    let larger = sized(policy, whole(advice.change.proposed), AMPLE_MB);
                    let real = replay(&larger, &requests) as f64 - hits as f64;
                    let share = advice.hits_gained as f64 / real;
                    let what =
                        format!("{name}, {policy:?} of {entries}: {advice:?}, really {real}, {share:.3}");
                    let least = if policy == EvictionPolicy::Lru { 0.9 } else { 0.5 };
                    assert!((least..1.1).contains(&share), "{what}");
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of entries")]
fn whole(entries: f64) -> u64 {
    entries as u64
}

/// Where only a sample is remembered. Always the same cases, as a sample may be as far off as it likes now and then: what is
/// said must be as near as one key of `sample_ratio` can tell, and err to neither side.
#[test]
fn prediction_for_lru_is_as_good_as_its_sample() {
    let mut cases = Dice(1 << 48);
    let mut between = |least: f64, most: f64| least + (most - least) * cases.roll();
    let mut errors: Vec<f64> = Vec::new();
    for case in 0..16_u64 {
        let zipf =
            Zipf::new(u32::try_from(whole(between(5000.0, 60_000.0))).expect("small"), between(0.5, 1.1));
        let (scans, entries) = (whole(between(0.0, 5.0)), whole(between(500.0, 3000.0)));
        let mut dice = Dice(case << 32);
        let request = |at: u64| (0, if at % 10 < scans { 1_000_000 + at } else { zipf.draw(&mut dice) });
        let requests: Vec<Request> = (0..COUNT).map(request).collect();
        let cache = sized(EvictionPolicy::Lru, entries, AMPLE_MB);
        let hits = replay(&cache, &requests);
        let would_have = cache.would_have();
        for step in would_have.steps {
            let real = (replay(&sized(EvictionPolicy::Lru, step.entries, AMPLE_MB), &requests) - hits) as f64;
            let unseen = f64::from(would_have.sample_ratio - 1);
            // Requests are counted by those of a sample of the keys; how far back they reach, by what of it left later.
            let counted = (unseen * real).sqrt();
            let reached = real * (unseen / (step.entries - entries) as f64).sqrt();
            let error = (step.hits_gained as f64 - real) / counted.hypot(reached).max(1.0);
            assert!(error.abs() <= 2.5, "{case}: {step:?}, really {real}, {error:.1} deviations");
            errors.push(error);
        }
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / errors.len() as f64;
    let (bias, spread) =
        (mean(&mut errors.iter().copied()), mean(&mut errors.iter().map(|error| error * error)).sqrt());
    assert!(bias.abs() <= 0.6 && spread <= 1.0, "bias {bias:.2}, spread {spread:.2} deviations");
}
