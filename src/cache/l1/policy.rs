//! Replacement policies of an [`EvictingMap`](super::map::EvictingMap).
//!
//! A policy orders the slots of the map's slab in lists and says which entry goes next. It never removes one
//! itself, and it knows neither keys nor values.

use super::adaptive::Adaptive;
use super::map::Bounds;
use super::slab::{SEGMENTS, Segment, Slab};
use super::two_segment::{Admission, Plan, TwoSegment};

/// The window of [`Policy::Lfu`]: with the usual 1 % it lost 2 points to LRU over two real traces, with 40 % it
/// gained 1.
const LFU: Plan = Plan { window_percent: 40, admission: Admission::Frequency };

/// Which entry goes when a bound is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Policy {
    /// The one whose last use is the longest ago; exact.
    Lru,
    /// The one used least often of late: W-TinyLFU.
    Lfu,
    /// Whatever serves the requests of late best: LRU, S3-FIFO or W-TinyLFU, measured on a sample of the keys.
    Adaptive,
}

/// A policy with its state.
pub(super) enum Replacement {
    /// [`Policy::Lru`].
    Lru,
    /// [`Policy::Lfu`] and the simulations of [`Policy::Adaptive`].
    Fixed(TwoSegment),
    /// [`Policy::Adaptive`].
    Adaptive(Box<Adaptive>),
}

impl Replacement {
    /// The policy with an empty history.
    pub(super) fn new(policy: Policy, bounds: Bounds) -> Self {
        match policy {
            Policy::Lru => Self::Lru,
            Policy::Lfu => Self::Fixed(TwoSegment::fixed(LFU, bounds)),
            Policy::Adaptive => Self::Adaptive(Box::new(Adaptive::new(bounds))),
        }
    }

    /// Which policy this is.
    pub(super) fn policy(&self) -> Policy {
        match self {
            Self::Lru => Policy::Lru,
            Self::Fixed(_) => Policy::Lfu,
            Self::Adaptive(_) => Policy::Adaptive,
        }
    }

    /// Takes a slot that was just stored into a list. O(1).
    pub(super) fn inserted<V>(&mut self, slab: &mut Slab<V>, slot: u32) {
        match self {
            Self::Lru => slab.push_front(Segment::First, slot),
            Self::Fixed(policy) => policy.inserted(slab, slot),
            Self::Adaptive(policy) => policy.inserted(slab, slot),
        }
    }

    /// Counts a use of a slot. O(1).
    pub(super) fn used<V>(&mut self, slab: &mut Slab<V>, slot: u32) {
        match self {
            Self::Lru => slab.move_to_front(Segment::First, slot),
            Self::Fixed(policy) => policy.used(slab, slot),
            Self::Adaptive(policy) => policy.used(slab, slot),
        }
    }

    /// Learns that the caller removed a key. O(1).
    pub(super) fn removed(&mut self, hash: u64) {
        if let Self::Adaptive(policy) = self {
            policy.removed(hash);
        }
    }

    /// The entry to evict, never `keep`. `None` when there is no other. O(1) amortized.
    pub(super) fn victim<V>(&mut self, slab: &mut Slab<V>, keep: u32) -> Option<u32> {
        match self {
            Self::Lru => slab.tail_except(Segment::First, keep),
            Self::Fixed(policy) => policy.victim(slab, keep),
            Self::Adaptive(policy) => policy.victim(slab, keep),
        }
    }

    /// Learns new bounds.
    pub(super) fn set_bounds(&mut self, bounds: Bounds) {
        match self {
            Self::Lru => {}
            Self::Fixed(policy) => policy.set_bounds(bounds),
            Self::Adaptive(policy) => policy.set_bounds(bounds),
        }
    }

    /// Bytes of its history. O(1).
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Lru => 0,
            Self::Fixed(policy) => policy.held_bytes(),
            Self::Adaptive(policy) => policy.held_bytes(),
        }
    }

    /// The lists in the order in which they are evicted from, the first first; for a policy that weighs
    /// several lists against each other this is an approximation.
    pub(super) fn eviction_order(&self) -> [Segment; SEGMENTS] {
        match self {
            Self::Lru => [Segment::First, Segment::Second],
            Self::Fixed(policy) => policy.eviction_order(),
            Self::Adaptive(policy) => policy.eviction_order(),
        }
    }
}
