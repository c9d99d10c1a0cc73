//! A manager's figures as whoever monitors it wants them: the last sample, without one of its own and without a list of agents.

use super::limits::LimitSource;
use super::manager::MemoryManager;
use super::pressure::Step;
use super::stats::V8Heap;
use crate::base::allocation;

/// The last figures, in bytes; what is not known is absent. O(1).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Overview {
    /// Resident set of the process.
    pub process: Option<u64>,
    /// Memory of the machine in use: total less available.
    pub system_used: Option<u64>,
    /// Memory of the machine that can be had.
    pub system_available: Option<u64>,
    /// Share in use of the limit that is nearest, in percent.
    pub percentage: Option<f64>,
    /// That limit.
    pub limit: Option<u64>,
    /// Where it comes from.
    pub limit_source: Option<LimitSource>,
    /// V8's figures.
    pub heap: Option<V8Heap>,
    /// What native code of this package has allocated.
    pub native: u64,
    /// Agents known.
    pub agents: usize,
    /// Agents throttled.
    pub throttled: usize,
    /// What agents hold.
    pub held: u64,
}

impl MemoryManager {
    /// The last figures; takes a sample when the thread that does so is not running or was not yet.
    pub fn overview(&self) -> Overview {
        if self.percentage().is_none() {
            self.look(false);
        }
        let state = self.state.lock();
        let tightest = state.tightest();
        Overview {
            process: state.raw.map(|raw| raw.rss),
            system_used: state.raw.map(|raw| raw.system_total.saturating_sub(raw.system_available)),
            system_available: state.raw.map(|raw| raw.system_available),
            percentage: state.percentage(),
            limit: tightest.map(|limit| limit.limit),
            limit_source: tightest.map(|limit| limit.source),
            heap: state.heap,
            native: allocation::allocated(),
            agents: state.agents.len(),
            throttled: state.agents.throttled_count(),
            held: state.agents.held_bytes(),
        }
    }

    /// Whether anything is done about short memory.
    pub fn is_short(&self) -> bool {
        self.state.lock().step() > Step::Normal
    }

    /// How many agents are over their own limit, and the bytes of the largest of them. O(agents).
    pub fn over_own_limit(&self) -> (usize, u64) {
        self.state.lock().agents.over_own_limit()
    }

    /// The agents that hold most, by id and bytes, the largest first, and what the others hold together. O(agents).
    pub fn largest_agents(&self, most: usize) -> (Vec<(String, u64)>, u64) {
        let state = self.state.lock();
        let total = state.agents.held_bytes();
        let mut bytes = state.agents.bytes();
        bytes.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        bytes.truncate(most);
        let shown: u64 = bytes.iter().map(|(_, bytes)| bytes).sum();
        let rows = bytes.into_iter().map(|(id, bytes)| (id.to_string(), bytes)).collect();
        (rows, total.saturating_sub(shown))
    }
}
