//! Follows, out of a few plans, the one that would have had the most hits of late.
//!
//! No single plan is good everywhere: scans and loops want a small window, drifting popularity a larger one, and
//! where only recency counts nothing beats LRU. So every plan is tried out at once in miniature simulations
//! (Waldspurger, Saemundsson, Ahmad and Park, USENIX ATC 2017): a fixed sample of the keys is replayed against a map
//! without values whose bounds are smaller by the same ratio. LRU is one of the plans, which is what bounds a loss
//! against it.
//!
//! Memory: about 10 bytes per entry for the simulations of a large map, besides the 16 to 32 of the histories.

use super::map::{Bounds, Evicted, EvictingMap, Insertion};
use super::policy::Replacement;
use super::slab::{SEGMENTS, Segment, Slab};
use super::two_segment::{Admission, Plan, TwoSegment};

/// The plans, the one to begin with first.
const PLANS: [Plan; 4] = [
    Plan { window_percent: 30, admission: Admission::Return },
    Plan { window_percent: 10, admission: Admission::Return },
    Plan { window_percent: 100, admission: Admission::Return },
    Plan { window_percent: 1, admission: Admission::Frequency },
];

/// Entries that a simulation holds at least, if the map does: with fewer, single keys decide.
const MIN_SIMULATED: usize = 128;

/// Only one of so many keys is simulated at most: with 1/16 to 1/64 the choice is the same.
const MAX_RATIO: usize = 32;

/// Share of the hits so far that still counts after as many sampled requests as a simulation has entries.
const RETAINED: f64 = 0.9;

/// Requests between two choices at least.
const MIN_PERIOD: usize = 64;

/// A plan and what it would have done.
struct Simulation {
    plan: Plan,
    map: EvictingMap<()>,
    hits: f64,
}

/// The policy in force and the simulations that choose it.
pub(super) struct Adaptive {
    current: TwoSegment,
    plan: Plan,
    bounds: Bounds,
    simulations: Vec<Simulation>,
    /// One of so many keys is simulated.
    ratio: usize,
    /// Whether the map was full once: only then is it known how many entries fit, for bytes may be what bounds it.
    full: bool,
    /// Sampled requests since the last choice.
    sampled: usize,
    scratch: Vec<Evicted<()>>,
}

impl Adaptive {
    /// A policy without history.
    pub(super) fn new(bounds: Bounds) -> Self {
        let mut policy = Self {
            current: TwoSegment::switching(PLANS[0], bounds),
            plan: PLANS[0],
            bounds,
            simulations: Vec::new(),
            ratio: 1,
            full: false,
            sampled: 0,
            scratch: Vec::new(),
        };
        policy.start(bounds.entries);
        policy
    }

    /// Learns the bounds of the map; the simulations begin anew.
    pub(super) fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        self.current.set_bounds(bounds);
        self.full = false;
        self.start(bounds.entries);
    }

    /// Takes in a new entry. O(1).
    pub(super) fn inserted<V>(&mut self, slab: &mut Slab<V>, slot: u32) {
        self.simulate(slab, slot);
        self.current.inserted(slab, slot);
    }

    /// Counts a use. O(1).
    pub(super) fn used<V>(&mut self, slab: &mut Slab<V>, slot: u32) {
        self.simulate(slab, slot);
        self.current.used(slab, slot);
    }

    /// Forgets a key that the caller removed.
    pub(super) fn removed(&mut self, hash: u64) {
        if self.is_sampled(hash) {
            for simulation in &mut self.simulations {
                simulation.map.remove(hash, &[]);
            }
        }
    }

    /// The entry to evict, never `keep`. O(1) amortized.
    pub(super) fn victim<V>(&mut self, slab: &mut Slab<V>, keep: u32) -> Option<u32> {
        self.full = true;
        self.current.victim(slab, keep)
    }

    /// Bytes of its history and simulations. O(1).
    pub(super) fn held_bytes(&self) -> usize {
        let simulation = |one: &Simulation| size_of::<Simulation>() + one.map.held_bytes();
        size_of::<Self>() + self.current.held_bytes() + self.simulations.iter().map(simulation).sum::<usize>()
    }

    /// The segments, the one that loses entries first first.
    pub(super) fn eviction_order(&self) -> [Segment; SEGMENTS] {
        self.current.eviction_order()
    }

    /// Begins the simulations for a map that holds `entries`.
    fn start(&mut self, entries: usize) {
        self.ratio = wanted_ratio(entries);
        self.sampled = 0;
        let bounds = Bounds {
            entries: (self.bounds.entries / self.ratio).max(1),
            bytes: (self.bounds.bytes / self.ratio as u64).max(1),
        };
        let start = |plan| {
            let replacement = Replacement::Fixed(TwoSegment::fixed(plan, bounds));
            Simulation { plan, map: EvictingMap::with(replacement, bounds), hits: 0.0 }
        };
        self.simulations = PLANS.map(start).into();
    }

    fn is_sampled(&self, hash: u64) -> bool {
        // Bits that neither the index nor the histories choose places by.
        let spread = hash.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32;
        (spread * self.ratio as u64) >> 32 == 0
    }

    fn simulate<V>(&mut self, slab: &Slab<V>, slot: u32) {
        let place = slab.slot(slot);
        if !self.is_sampled(place.hash) {
            return;
        }
        for simulation in &mut self.simulations {
            let outcome = simulation.map.insert(place.hash, &[], (), place.bytes, &mut self.scratch);
            if matches!(outcome, Insertion::Inserted { replaced: Some(()), .. }) {
                simulation.hits += 1.0;
            }
            self.scratch.clear();
        }
        self.sampled += 1;
        if self.sampled >= (slab.len() / self.ratio).max(MIN_PERIOD) {
            self.choose(slab.len());
        }
    }

    /// Follows the plan with the most hits; the one in force stays when none has more.
    fn choose(&mut self, entries: usize) {
        self.sampled = 0;
        let hits_now = self.simulations.iter().find(|one| one.plan == self.plan).map_or(0.0, |one| one.hits);
        let best = self.simulations.iter().max_by(|a, b| a.hits.total_cmp(&b.hits));
        if let Some(best) = best.filter(|best| best.hits > hits_now) {
            self.plan = best.plan;
            self.current.set_plan(best.plan);
        }
        for simulation in &mut self.simulations {
            simulation.hits *= RETAINED;
        }
        // Fewer or more entries fit than was thought, or their sizes changed: another sample suits them.
        let wanted = wanted_ratio(entries);
        if self.full && (wanted > self.ratio * 2 || wanted * 3 < self.ratio * 2) {
            self.start(entries);
        }
    }
}

fn wanted_ratio(entries: usize) -> usize {
    (entries / MIN_SIMULATED).clamp(1, MAX_RATIO)
}
