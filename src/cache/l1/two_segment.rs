//! A window for new entries and a main part for those that proved worth keeping.
//!
//! The window is an LRU list. What leaves it at the end is evicted or admitted to the main part (see [`Admission`]),
//! which is a clock: an entry at its end that was used since goes round once more for each of up to three uses.
//! With admission by return this is S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, SOSP 2023) with an LRU window; by
//! frequency it is W-TinyLFU (Einziger, Friedman and Manes, ACM TOS 2017) over a clock; and a window as large as the
//! cache is exact LRU.
//!
//! Shares are kept in entries and in bytes, whichever is reached first.

use super::ghost::Ghost;
use super::map::Bounds;
use super::sketch::Sketch;
use super::slab::{NONE, SEGMENTS, Segment, Slab};

const WINDOW: Segment = Segment::First;
const MAIN: Segment = Segment::Second;

/// Uses that a slot counts at most, as in S3-FIFO: more would keep yesterday's favourites too long.
const MAX_USES: u8 = 3;

/// Uses in the window that admit to the main part without an eviction first, as in S3-FIFO.
const USES_TO_ADMIT: u8 = 2;

/// Entries moved from the window to the main part per eviction at most, so that a change of plan is spread over
/// many insertions.
const MAX_MOVES: usize = 16;

/// How an entry gets into the main part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    /// It comes back soon after its eviction, or was used twice in the window.
    Return,
    /// It was used more often of late than the main part's next victim.
    Frequency,
}

/// Size of the window and way into the main part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// Share of the window in percent; 100 is LRU.
    pub(super) window_percent: u64,
    pub(super) admission: Admission,
}

/// The policy and its history.
pub(super) struct TwoSegment {
    plan: Plan,
    bounds: Bounds,
    window: Bounds,
    main: Bounds,
    ghost: Option<Ghost>,
    sketch: Option<Sketch>,
}

impl TwoSegment {
    /// A policy that keeps only the history its plan needs.
    pub(super) fn fixed(plan: Plan, bounds: Bounds) -> Self {
        let by_return = plan.admission == Admission::Return && plan.window_percent < 100;
        let by_frequency = plan.admission == Admission::Frequency && plan.window_percent < 100;
        Self::build(plan, bounds, by_return.then(Ghost::new), by_frequency.then(Sketch::new))
    }

    /// A policy that keeps the history for every plan, so that [`TwoSegment::set_plan`] loses nothing.
    pub(super) fn switching(plan: Plan, bounds: Bounds) -> Self {
        Self::build(plan, bounds, Some(Ghost::new()), Some(Sketch::new()))
    }

    fn build(plan: Plan, bounds: Bounds, ghost: Option<Ghost>, sketch: Option<Sketch>) -> Self {
        let mut policy = Self { plan, bounds, window: bounds, main: bounds, ghost, sketch };
        policy.set_plan(plan);
        policy
    }

    /// Follows another plan from now on; entries move as evictions come.
    pub(super) fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
        self.window = share(self.bounds, plan.window_percent);
        self.main = Bounds {
            entries: self.bounds.entries - self.window.entries,
            bytes: self.bounds.bytes - self.window.bytes,
        };
    }

    /// Learns the bounds of the map.
    pub(super) fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        self.set_plan(self.plan);
        if let Some(ghost) = &mut self.ghost {
            ghost.shrink(bounds.entries);
        }
        if let Some(sketch) = &mut self.sketch {
            sketch.shrink(bounds.entries);
        }
    }

    /// A new entry starts in the window, one that returned soon in the main part. O(1).
    pub(super) fn inserted<V>(&mut self, slab: &mut Slab<V>, slot: u32) {
        let hash = slab.slot(slot).hash;
        if let Some(sketch) = &mut self.sketch {
            sketch.reserve(slab.len());
            sketch.count(hash);
        }
        let returned = self.ghost.as_mut().is_some_and(|ghost| {
            ghost.reserve(slab.len());
            ghost.recall(hash)
        });
        let full = slab.len() > self.bounds.entries || slab.bytes() > self.bounds.bytes;
        let admitted = returned && full && !self.is_lru() && self.plan.admission == Admission::Return;
        slab.push_front(if admitted { MAIN } else { WINDOW }, slot);
    }

    /// Counts a use. O(1).
    pub(super) fn used<V>(&mut self, slab: &mut Slab<V>, slot: u32) {
        let place = slab.slot_mut(slot);
        place.uses = (place.uses + 1).min(MAX_USES);
        if let Some(sketch) = &mut self.sketch {
            sketch.count(place.hash);
        }
        if place.segment == WINDOW {
            slab.move_to_front(WINDOW, slot);
        }
    }

    /// The entry to evict, never `keep`. O(1) amortized: every turn of the clock consumes a use.
    pub(super) fn victim<V>(&mut self, slab: &mut Slab<V>, keep: u32) -> Option<u32> {
        let mut moves = 0;
        while over(slab, WINDOW, self.window) || slab.list(MAIN).len == 0 {
            let Some(oldest) = slab.tail_except(WINDOW, keep) else { break };
            if self.is_lru() {
                return Some(self.evicted(slab, oldest));
            }
            match self.plan.admission {
                Admission::Return if slab.slot(oldest).uses >= USES_TO_ADMIT && moves < MAX_MOVES => {
                    admit(slab, oldest);
                    if over(slab, MAIN, self.main)
                        && let Some(victim) = turn_clock(slab, keep)
                    {
                        return Some(victim);
                    }
                }
                Admission::Frequency if self.has_room(slab, oldest) && moves < MAX_MOVES => {
                    admit(slab, oldest);
                }
                Admission::Frequency => {
                    let Some(victim) = turn_clock(slab, keep) else {
                        return Some(self.evicted(slab, oldest));
                    };
                    if self.uses_of_late(slab, oldest) <= self.uses_of_late(slab, victim) {
                        return Some(self.evicted(slab, oldest));
                    }
                    admit(slab, oldest);
                    return Some(victim);
                }
                Admission::Return => return Some(self.evicted(slab, oldest)),
            }
            moves += 1;
        }
        turn_clock(slab, keep).or_else(|| slab.tail_except(WINDOW, keep))
    }

    /// Bytes of its history. O(1).
    pub(super) fn held_bytes(&self) -> usize {
        self.ghost.as_ref().map_or(0, Ghost::held_bytes) + self.sketch.as_ref().map_or(0, Sketch::held_bytes)
    }

    /// The segments, the one that loses entries first first.
    pub(super) fn eviction_order(&self) -> [Segment; SEGMENTS] {
        if self.is_lru() { [MAIN, WINDOW] } else { [WINDOW, MAIN] }
    }

    fn is_lru(&self) -> bool {
        self.plan.window_percent >= 100
    }

    /// Whether the main part has room for one more entry. The window always holds the newest one, even if that alone
    /// is larger than the window's share.
    fn has_room<V>(&self, slab: &Slab<V>, slot: u32) -> bool {
        let (main, newest) = (slab.list(MAIN), slab.list(WINDOW).head);
        let window = if newest == NONE { 0 } else { slab.slot(newest).bytes };
        let bytes = self.main.bytes.min(self.bounds.bytes.saturating_sub(window));
        main.len < self.main.entries && main.bytes.saturating_add(slab.slot(slot).bytes) <= bytes
    }

    fn uses_of_late<V>(&self, slab: &Slab<V>, slot: u32) -> u64 {
        self.sketch.as_ref().map_or(0, |sketch| sketch.estimate(slab.slot(slot).hash))
    }

    fn evicted<V>(&mut self, slab: &Slab<V>, slot: u32) -> u32 {
        if let Some(ghost) = &mut self.ghost {
            ghost.remember(slab.slot(slot).hash);
        }
        slot
    }
}

/// Moves an entry from the window to the main part; its uses count anew.
fn admit<V>(slab: &mut Slab<V>, slot: u32) {
    slab.slot_mut(slot).uses = 0;
    slab.move_to_front(MAIN, slot);
}

/// The first entry from the main part's end that was not used since it came there; the others go round.
fn turn_clock<V>(slab: &mut Slab<V>, keep: u32) -> Option<u32> {
    loop {
        let tail = slab.tail_except(MAIN, keep)?;
        let place = slab.slot_mut(tail);
        if place.uses == 0 {
            return Some(tail);
        }
        place.uses -= 1;
        slab.move_to_front(MAIN, tail);
    }
}

/// A part of the bounds, at least one entry.
fn share(bounds: Bounds, percent: u64) -> Bounds {
    // Divided first for large numbers, which are not hurt by it and would overflow otherwise.
    let part = |whole: u64| whole.checked_mul(percent).map_or(whole / 100 * percent, |product| product / 100);
    let entries = usize::try_from(part(bounds.entries as u64)).unwrap_or(usize::MAX);
    Bounds { entries: entries.clamp(1, bounds.entries.max(1)).min(bounds.entries), bytes: part(bounds.bytes) }
}

fn over<V>(slab: &Slab<V>, segment: Segment, share: Bounds) -> bool {
    let list = slab.list(segment);
    list.len > share.entries || list.bytes > share.bytes
}
