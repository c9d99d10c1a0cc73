//! Who waits while memory is short, and who goes on.
//!
//! Agents that wait hold what they have built. Were all to wait until memory is no longer short, none would ever be done:
//! so one after the other gets its turn, the first come first, as long as what it and those who go on will still need fits
//! into what is left. What an agent will need is what agents held before they were done, less what it holds, times what the
//! process uses for each byte that agents say they hold. When nobody could go on, the one that needs least does: it is the
//! first to give memory back. When memory is no longer short, those who wait are let go in the same way, not all at once.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use super::{Agent, AgentRegistry, Now, Turn};
use crate::memory::pressure::GROWTH_COUNTS_FROM_PERCENT;

/// A turn of an agent that does not grow ends after this time: it may wait for a model, or stay as it is for ever, and keeps
/// nobody else waiting for longer. What goes on by itself and has not grown for so long is taken to stay.
const TURN_IDLE_MS: u64 = 10_000;

/// While others wait, a turn ends when the agent has not held more than before for this time, so that none has it for ever.
const LONGEST_PEAK_MS: u64 = 30_000;

/// When no agent has moved for so long, one goes on although memory may not last: it is that, or never.
const STALL_MS: u64 = 3_000;

/// So many have their turn at once at most: each look goes through them, and more are hardly beside each other.
const MOST_TURNS: usize = 64;

/// Without an agent that was done yet, one is taken to be half way, and none goes on beside another.
const UNKNOWN_FACTOR: u64 = 2;

/// The most that the process is taken to use for a byte that agents hold: garbage, copies, what is not theirs.
const MAX_WEIGHT: f64 = 3.0;

/// The least that an agent with its turn is taken to need, in parts of what one usually does.
const LEAST_NEED: u64 = 16;

/// Which agents are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gate {
    /// None for want of memory.
    Open,
    /// No more; those who were are let go as there is room.
    Easing,
    /// Those that hold most.
    Largest,
    /// All, also those that come.
    All,
}

/// What is left of memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Of the tightest limit, growth included.
    pub(crate) percentage: f64,
    /// The same as it is now.
    pub(crate) real_percentage: f64,
    /// From here on the largest wait.
    pub(crate) largest_from: f64,
    /// From here on all do.
    pub(crate) all_from: f64,
    /// Below this some of those who wait go on at once.
    pub(crate) calm_below: f64,
    /// Whether memory grows fast just now: who goes on then may find none.
    pub(crate) is_growing: bool,
    /// Bytes up to where the largest wait; 0 when that is behind.
    pub(crate) calm_bytes: u64,
    /// Bytes up to where all agents wait; 0 when that is behind.
    pub(crate) free_bytes: u64,
    /// Whether the process ends at the tightest limit; `maxMemoryUsage` is only this package's.
    pub(crate) is_hard: bool,
    /// What counts against the tightest limit, bytes.
    pub(crate) used_bytes: u64,
}

impl AgentRegistry {
    /// Begins to hold agents back, or changes which.
    pub(crate) fn set_gate(&mut self, now: Now, gate: Gate, why: &str) {
        let gate = if gate == Gate::Easing && self.gate == Gate::Open { Gate::Open } else { gate };
        if gate > self.gate {
            self.moved_ms = now.mono_ms;
        }
        self.version += u64::from(gate != self.gate);
        self.gate = gate;
        why.clone_into(&mut self.why);
        match gate {
            Gate::Open => {
                // A turn would outlast its end, were it kept by who is not held back.
                for id in self.select(|agent| agent.is_held_back || agent.turn.is_some()) {
                    self.let_go(now, &id);
                }
                self.turns.clear();
            }
            Gate::Easing | Gate::Largest => {}
            Gate::All => {
                for id in self.select(|agent| !agent.is_held_back) {
                    self.hold_back_one(now, &id);
                }
            }
        }
    }

    /// One look while agents are held back: more of the largest wait while memory gets shorter, and who can goes on.
    pub(crate) fn govern(&mut self, now: Now, room: &Room) {
        if self.gate == Gate::Open {
            return;
        }
        if self.gate == Gate::Largest && room.percentage >= room.largest_from {
            for id in self.largest() {
                self.hold_back_one(now, &id);
            }
        }
        self.end_turns(now);
        self.cut_turns(now, room);
        if self.gate != Gate::Easing {
            while let Some(id) = self.next_turn(room, now) {
                let is_last_resort = self.is_stalled(now);
                self.moved_ms = now.mono_ms;
                self.begin_turn(now, &id, is_last_resort);
            }
            return;
        }
        self.ease(now, room);
        // Who is over its own limit waits for that, whatever the gate.
        if !self.agents.values().any(|agent| agent.is_held_back && !agent.is_over) {
            self.set_gate(now, Gate::Open, "");
        }
    }

    /// Whether an agent that is not known has to wait: when all do, and when others wait already.
    pub(crate) fn is_closed_to_new(&self) -> bool {
        match self.gate {
            Gate::Open => false,
            Gate::Easing | Gate::Largest => !self.waiting.is_empty(),
            Gate::All => true,
        }
    }

    /// A number that changes with every answer that may have changed.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Who is throttled: all but the named (`true`), or the named. `None` when these are more than `most`.
    pub(crate) fn throttled_list(&self, most: usize) -> Option<(bool, Vec<Arc<str>>)> {
        let is_closed = self.is_closed_to_new();
        let count = if is_closed { self.agents.len() - self.throttled } else { self.throttled };
        (count <= most).then(|| (is_closed, self.select(|agent| agent.is_throttled() != is_closed)))
    }

    /// What the process uses for each byte that agents hold, when `used_bytes` is what it uses.
    pub(crate) fn weight(&self, used_bytes: u64) -> f64 {
        (used_bytes as f64 / self.held_bytes.max(1) as f64).clamp(1.0, MAX_WEIGHT)
    }

    /// Bytes that the agent which needs least will still need, when there are others, and when it is known what agents hold
    /// before they are done.
    pub(crate) fn least_need(&self) -> Option<u64> {
        if self.usual_bytes == 0 {
            return None;
        }
        let holding = self.agents.values().filter(|agent| agent.total_bytes() > 0);
        let (count, least) = holding
            .fold((0_usize, u64::MAX), |(count, least), agent| (count + 1, least.min(self.need(agent))));
        (count > 1).then_some(least)
    }

    /// Remembers what an agent held before it was done: the last count nearly as much as all before.
    pub(super) fn learn(&mut self, most_bytes: u64) {
        if most_bytes > 0 {
            self.usual_bytes = most_bytes.max(self.usual_bytes - self.usual_bytes / 8);
        }
    }

    pub(super) fn hold_back_one(&mut self, now: Now, id: &str) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let was = agent.is_throttled();
        agent.is_held_back = true;
        self.settle(now, id, was);
    }

    /// Lets go those who were held back, in order, as long as what they and those who go on will need fits.
    fn ease(&mut self, now: Now, room: &Room) {
        let (mut count, mut needed) = self.going(now);
        if count == 0 {
            let Some(id) = self.next_turn(room, now) else { return };
            needed = self.agents.get(&id).map_or(0, |agent| self.need(agent));
            count = 1;
            self.moved_ms = now.mono_ms;
            self.let_go(now, &id);
        }
        // Without an agent that was done, what they need is hardly known: nobody beside others while there is much already,
        // and at most as many again as go on, then another look.
        let (is_known, is_plenty) = (self.usual_bytes > 0, room.percentage < GROWTH_COUNTS_FROM_PERCENT);
        let most = if is_known { usize::MAX } else { count };
        let weight = self.weight(room.used_bytes);
        for id in self.in_order().into_iter().take(most) {
            let Some(agent) = self.agents.get(&id) else { continue };
            needed = needed.saturating_add(self.need(agent));
            let is_calm = room.percentage < room.calm_below && (is_known || is_plenty);
            let fits = is_calm && weighed(needed, weight) <= room.calm_bytes;
            if !fits && !self.is_stalled(now) {
                return;
            }
            self.moved_ms = now.mono_ms;
            self.let_go(now, &id);
        }
    }

    /// Those who could go on: who waits, then who asks now and then, in the order in which they last did something, and at
    /// last those who let a turn pass.
    fn in_order(&self) -> Vec<Arc<str>> {
        let can = |agent: &Agent| !agent.is_over && agent.is_throttled();
        let waiting = self.waiting.iter().map(|(_, id)| id);
        let mut ids: Vec<_> =
            waiting.filter(|id| self.agents.get(*id).is_some_and(can)).map(Arc::clone).collect();
        // One may wait more than once.
        let mut seen = HashSet::with_capacity(ids.len());
        ids.retain(|id| seen.insert(Arc::clone(id)));
        let mut asking = self.select(|agent| can(agent) && agent.waits == 0);
        asking.sort_by_key(|id| self.agents.get(id).map(|agent| agent.idle_turns));
        ids.extend(asking);
        ids
    }

    /// How many go on, and bytes that they will still need: one that has not grown for long is taken to be as large as it
    /// gets, and to stay. One that holds nothing counts when it was let go on just now.
    fn going(&self, now: Now) -> (usize, u64) {
        let going = self.agents.values().filter(|agent| !agent.is_throttled());
        going.fold((0, 0), |(count, sum), agent| {
            let is_steady = now.mono_ms.saturating_sub(agent.grown_ms) >= TURN_IDLE_MS;
            let held = agent.total_bytes();
            if is_steady && held == 0 && agent.turn.is_none() {
                return (count, sum);
            }
            let need = if is_steady { held / LEAST_NEED } else { self.need(agent) };
            (count + 1, sum.saturating_add(need))
        })
    }

    fn let_go(&mut self, now: Now, id: &str) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let was = agent.is_throttled();
        agent.grown_ms = now.mono_ms;
        agent.is_held_back = false;
        agent.turn = None;
        self.settle(now, id, was);
    }

    fn begin_turn(&mut self, now: Now, id: &Arc<str>, is_last_resort: bool) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let was = agent.is_throttled();
        agent.grown_ms = now.mono_ms;
        agent.turn = Some(Turn {
            peaked_ms: now.mono_ms,
            moved_ms: now.mono_ms,
            most_bytes: agent.total_bytes(),
            is_last_resort,
        });
        self.turns.push(Arc::clone(id));
        self.settle(now, id, was);
    }

    /// Ends the turns of those who do nothing with it, or may not.
    fn end_turns(&mut self, now: Now) {
        for id in self.turns.clone() {
            let agent = self.agents.get(&id);
            let moved_ms = agent.and_then(|agent| Some(agent.turn?.moved_ms));
            let is_idle =
                moved_ms.is_none_or(|moved_ms| now.mono_ms.saturating_sub(moved_ms) >= TURN_IDLE_MS);
            let turn = agent.and_then(|agent| agent.turn);
            let is_long = turn.is_some_and(|turn| {
                !turn.is_last_resort && now.mono_ms.saturating_sub(turn.peaked_ms) >= LONGEST_PEAK_MS
            });
            let is_over = agent.is_some_and(|agent| agent.is_over);
            if is_idle || is_over || (is_long && !self.waiting.is_empty()) {
                self.end_turn(now, &id, is_idle);
            }
        }
    }

    /// When those who go on need more than was thought, the first of them goes on by itself; when even that is too much, it
    /// waits for what can be freed, unless it was let go because nobody else could be and the limit is none that ends all.
    fn cut_turns(&mut self, now: Now, room: &Room) {
        // The last who came gives way first.
        while self.turns.len() > 1
            && self.needed() as f64 * self.weight(room.used_bytes) > room.free_bytes as f64
        {
            let Some(id) = self.turns.last().cloned() else { break };
            self.end_turn(now, &id, false);
        }
        let stays = if room.real_percentage < room.largest_from {
            return;
        } else if room.real_percentage < room.all_from {
            1
        } else {
            let first = self.turns.first().and_then(|id| self.agents.get(id)).and_then(|agent| agent.turn);
            usize::from(first.is_some_and(|turn| turn.is_last_resort && !room.is_hard))
        };
        for id in self.turns.split_off(stays.min(self.turns.len())) {
            self.end_turn(now, &id, false);
        }
    }

    fn end_turn(&mut self, now: Now, id: &Arc<str>, is_idle: bool) {
        self.turns.retain(|turn| turn != id);
        let Some(agent) = self.agents.get_mut(id) else { return };
        let was = agent.is_throttled();
        agent.turn = None;
        agent.idle_turns += u32::from(is_idle);
        self.settle(now, id, was);
    }

    /// Who goes on next, if somebody can.
    fn next_turn(&self, room: &Room, now: Now) -> Option<Arc<str>> {
        let weight = self.weight(room.used_bytes);
        let can = |id: &Arc<str>| self.agents.get(id).filter(|agent| !agent.is_over && agent.is_throttled());
        let waiting = || self.waiting.iter().map(|(_, id)| id).filter_map(|id| Some((id, can(id)?)));
        // Those who do not wait but ask now and then come after those who do, in the order in which they last did something,
        // but for those who let a turn pass: nobody may be there any more.
        let idle = || {
            let asking = self.by_use.values().filter_map(|id| Some((id, can(id)?)));
            let present = asking.clone().find(|(_, agent)| agent.idle_turns == 0);
            present.or_else(|| asking.min_by_key(|(_, agent)| agent.idle_turns))
        };
        let first = waiting().next().or_else(idle);
        if !self.turns.is_empty() {
            // Beside others only while memory is not short.
            let is_calm = self.turns.len() < MOST_TURNS && room.percentage < room.calm_below;
            let (id, agent) = first.filter(|_| is_calm && self.usual_bytes > 0)?;
            let needed = self.going(now).1.saturating_add(self.need(agent));
            return (weighed(needed, weight) <= room.calm_bytes).then(|| Arc::clone(id));
        }
        // Nearly at a limit that ends all, waiting for a caller to give up or to give back is better than the end.
        let is_stalled = self.is_stalled(now) && !(room.is_hard && room.real_percentage >= room.all_from);
        let fits = |agent: &Agent| !room.is_growing && weighed(self.need(agent), weight) <= room.free_bytes;
        // Those who let a turn pass come after the others: they may need little because they stay as they are.
        // Before any was done, who holds most is taken to be nearest to it.
        let is_known = self.usual_bytes > 0;
        let least = || {
            waiting().min_by_key(|(_, agent)| {
                let need = if is_known { self.need(agent) } else { 0 };
                (agent.idle_turns, need, Reverse(agent.total_bytes()))
            })
        };
        let (id, _) = first
            .filter(|(_, agent)| fits(agent))
            .or_else(|| least().filter(|(_, agent)| is_stalled || fits(agent)))
            .or_else(|| idle().filter(|_| is_stalled))?;
        Some(Arc::clone(id))
    }

    /// Bytes that all who have their turn will still need.
    fn needed(&self) -> u64 {
        let needs = self.turns.iter().filter_map(|id| Some(self.need(self.agents.get(id)?)));
        needs.fold(0, u64::saturating_add)
    }

    fn is_stalled(&self, now: Now) -> bool {
        now.mono_ms.saturating_sub(self.moved_ms) >= STALL_MS
    }

    /// Bytes that an agent will still need, as far as can be known.
    fn need(&self, agent: &Agent) -> u64 {
        let held = agent.total_bytes();
        let usual = if self.usual_bytes > 0 { self.usual_bytes } else { held.saturating_mul(UNKNOWN_FACTOR) };
        usual.saturating_sub(held).max(usual / LEAST_NEED)
    }

    /// Of those that go on, the ones that hold the most and together half of what all of them do.
    fn largest(&self) -> Vec<Arc<str>> {
        let mut going: Vec<_> = self.agents.iter().filter(|(_, agent)| !agent.is_held_back).collect();
        going.sort_unstable_by_key(|(id, agent)| (Reverse(agent.total_bytes()), *id));
        let total: u128 = going.iter().map(|(_, agent)| u128::from(agent.total_bytes())).sum();
        let mut sum = 0_u128;
        let half = going.into_iter().take_while(|(_, agent)| {
            let takes = sum * 2 < total;
            sum += u128::from(agent.total_bytes());
            takes
        });
        half.map(|(id, _)| Arc::clone(id)).collect()
    }

    pub(super) fn select(&self, wanted: impl Fn(&Agent) -> bool) -> Vec<Arc<str>> {
        // In the order of use, so that who came first is let go first.
        self.by_use.values().filter(|id| self.agents.get(*id).is_some_and(&wanted)).cloned().collect()
    }
}

/// What the process will use for so many bytes of agents.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn weighed(bytes: u64, weight: f64) -> u64 {
    (bytes as f64 * weight) as u64
}

#[cfg(test)]
mod tests;
