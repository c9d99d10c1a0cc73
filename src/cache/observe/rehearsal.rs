//! Replays a sample of the requests against maps without values: what L1 would have answered under another policy or in
//! another size.
//!
//! Miniature simulation (Waldspurger, Saemundsson, Ahmad and Park, USENIX ATC 2017): keys chosen by hash, bounds smaller by the
//! same ratio. All candidates see the same requests, so that comparing them says nothing of how the load changed.

use super::trail::{Request, What};
use crate::cache::config::EvictionPolicy;
use crate::cache::l1::map::{Bounds, Evicted, EvictingMap};
use crate::cache::l1::policy_of;

/// Entries that a simulation of the configured size holds at least, if L1 does: with fewer, single keys decide.
const LEAST_SIMULATED: usize = 192;

/// What is rehearsed.
#[derive(Debug, Clone, PartialEq)]
pub struct RehearsalPlan {
    /// The configured size: entries.
    pub entries: u64,
    /// The configured size: bytes.
    pub bytes: u64,
    /// Policies, each in every size.
    pub policies: Vec<EvictionPolicy>,
    /// Sizes, as factors of the configured one.
    pub factors: Vec<f64>,
}

/// What one policy would have done in one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rehearsed {
    /// The policy.
    pub policy: EvictionPolicy,
    /// The size, as a factor of the configured one.
    pub factor: f64,
    /// Hits among the lookups that L1 answered.
    pub of_hits: u64,
    /// Hits among the lookups that the disk answered.
    pub of_disk_hits: u64,
    /// Hits among the lookups that nobody answered.
    pub of_misses: u64,
    /// What it holds now, bytes.
    pub bytes: u64,
    /// What it holds now, entries.
    pub entries: u64,
    /// Lookups of the sample so far, times the ratio: the same for all candidates.
    pub lookups: u64,
}

struct Simulation {
    policy: EvictionPolicy,
    factor: f64,
    map: EvictingMap<u32>,
    hits: [u64; 3],
}

/// The simulations of one plan.
pub(super) struct Rehearsal {
    plan: RehearsalPlan,
    ratio_log2: u32,
    simulations: Vec<Simulation>,
    lookups: u64,
    scratch: Vec<Evicted<u32>>,
}

impl Rehearsal {
    /// Nothing replayed yet.
    pub(super) fn new(plan: RehearsalPlan) -> Self {
        let entries = usize::try_from(plan.entries).unwrap_or(usize::MAX);
        let ratio_log2 = (entries / LEAST_SIMULATED).max(1).ilog2();
        let mut simulations = Vec::new();
        for &policy in &plan.policies {
            for &factor in &plan.factors {
                let map = EvictingMap::new(policy_of(policy), scaled(&plan, factor, ratio_log2));
                simulations.push(Simulation { policy, factor, map, hits: [0; 3] });
            }
        }
        Self { plan, ratio_log2, simulations, lookups: 0, scratch: Vec::new() }
    }

    pub(super) fn plan(&self) -> &RehearsalPlan {
        &self.plan
    }

    pub(super) fn ratio_log2(&self) -> u32 {
        self.ratio_log2
    }

    pub(super) fn held_bytes(&self) -> usize {
        let of = |one: &Simulation| size_of::<Simulation>() + one.map.held_bytes();
        self.simulations.iter().map(of).sum()
    }

    /// Replays one request. O(candidates).
    pub(super) fn replay(&mut self, request: &Request, now_ms: u64) {
        let second = u32::try_from(now_ms / 1000).unwrap_or(u32::MAX - 1);
        let Request { hash, what, bytes, fresh_s } = *request;
        let counted = match what {
            What::Hit => Some(0),
            What::DiskHit => Some(1),
            What::Miss => Some(2),
            What::Stored | What::Gone => None,
        };
        self.lookups += u64::from(counted.is_some());
        for simulation in &mut self.simulations {
            let map = &mut simulation.map;
            let Some(counted) = counted else {
                if what == What::Gone {
                    map.remove(hash, &[]);
                } else if let Some((_, held)) = map.peek_mut(hash, &[]) {
                    // The lookup before it was the use.
                    *held = fresh_s;
                } else {
                    map.insert(hash, &[], fresh_s, u64::from(bytes), &mut self.scratch);
                }
                continue;
            };
            match map.get(hash, &[]).map(|(_, held)| *held) {
                Some(held) if held > second => simulation.hits[counted] += 1,
                Some(_) => {
                    map.remove(hash, &[]);
                }
                None => {}
            }
            if what != What::Miss && map.peek(hash, &[]).is_none() {
                map.insert(hash, &[], fresh_s, u64::from(bytes), &mut self.scratch);
            }
        }
        self.scratch.clear();
    }

    /// What each candidate would have done.
    pub(super) fn rehearsed(&self) -> Vec<Rehearsed> {
        let times = |count: u64| count << self.ratio_log2;
        let of = |one: &Simulation| Rehearsed {
            policy: one.policy,
            factor: one.factor,
            of_hits: times(one.hits[0]),
            of_disk_hits: times(one.hits[1]),
            of_misses: times(one.hits[2]),
            bytes: times(one.map.bytes()),
            entries: times(one.map.len() as u64),
            lookups: times(self.lookups),
        };
        self.simulations.iter().map(of).collect()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size times a factor")]
fn scaled(plan: &RehearsalPlan, factor: f64, ratio_log2: u32) -> Bounds {
    let ratio = f64::from(1_u32 << ratio_log2);
    let share = |size: u64| (size as f64 * factor / ratio).max(1.0);
    Bounds { entries: share(plan.entries) as usize, bytes: share(plan.bytes) as u64 }
}
