//! What a result of the filter depends on besides the context: who asks, with which limits, under which pressure, with which
//! settings. So it can be found again what was found under the same ones.

use std::sync::atomic::Ordering;

use xxhash_rust::xxh3::Xxh3;

use super::roster::{Found, How};
use super::select::Limits;
use super::{ContextFilter, ContextFilterConfig, FilterOutcome, FilterRequest};
use crate::base::units::mb_to_bytes;

/// Share of the elements that stays over each pressure, highest first (contract: 80 / 60 / 40 % over 70 / 80 / 90 %).
const PRESSURE_STEPS: [(f64, f64); 3] = [(0.9, 0.4), (0.8, 0.6), (0.7, 0.8)];

/// Pressure of one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pressure {
    /// 0–1 and over: the largest of memory, load, and contexts of all agents.
    pub value: f64,
    /// What it is over; `None`: over nothing.
    over: Option<f64>,
    /// Share of the elements that stays at most, 0–1.
    pub share: f64,
}

impl Pressure {
    fn of(config: &ContextFilterConfig, request: &FilterRequest) -> Self {
        let mut value = (request.held_mb / config.global_max_context_mb).max(request.system_load / 100.0);
        if config.memory_aware_filtering {
            value = value.max(request.memory_percentage / 100.0);
        }
        let step = PRESSURE_STEPS.into_iter().find(|(over, _)| config.adaptive_reduction && value > *over);
        Self { value, over: step.map(|(over, _)| over), share: step.map_or(1.0, |(_, share)| share) }
    }
}

/// Most MB that an agent may have.
pub(super) fn cap_mb(config: &ContextFilterConfig, found: &Found) -> f64 {
    match found.how {
        How::Generic => config.max_context_per_agent_mb,
        How::Known | How::Detected { .. } => {
            found.agent.spec.max_context_size.min(config.max_context_per_agent_mb)
        }
    }
}

/// MB that other agents leave.
fn room_mb(config: &ContextFilterConfig, request: &FilterRequest) -> f64 {
    request.others_mb.map_or(f64::INFINITY, |others| config.global_max_context_mb - others)
}

/// The limits of a call, and a word on room and pressure.
pub(super) fn limits(
    config: &ContextFilterConfig,
    cap_mb: f64,
    request: &FilterRequest,
    adaptations: &mut Vec<String>,
) -> Limits {
    // What other agents hold is not there for this one.
    let room_mb = room_mb(config, request);
    let cap = mb_to_bytes(cap_mb.min(room_mb));
    if room_mb < cap_mb {
        adaptations.push(format!(
            "other agents leave {:.1} MB of {:.1} MB for all contexts",
            room_mb.max(0.0),
            config.global_max_context_mb
        ));
    }
    let pressure = Pressure::of(config, request);
    if let Some(over) = pressure.over {
        adaptations.push(format!(
            "pressure {:.0} % is over {:.0} %: at most {:.0} % of the elements stay",
            pressure.value * 100.0,
            over * 100.0,
            pressure.share * 100.0
        ));
    }
    let call = request.limits;
    Limits {
        threshold: config.context_importance_threshold,
        share: pressure.share,
        max_bytes: call.max_bytes.map_or(cap, |bytes| bytes.min(cap)),
        max_tokens: call.max_tokens,
        target_reduction: call.target_reduction,
        whole_texts: call.whole_texts,
        blind: false,
    }
}

impl ContextFilter {
    /// Names what [`filter`](Self::filter) would find for the document with this fingerprint: as long as the name is the same, so
    /// is the result, but for what [`said_now`](Self::said_now) says. To be asked for before filtering. O(1).
    pub fn question(&self, fingerprint: u128, request: &FilterRequest) -> u128 {
        let mut hash = Xxh3::new();
        // Generations first: what is found afterwards is theirs or newer.
        let mut number = |number: u64| hash.update(&number.to_le_bytes());
        number(self.generation.load(Ordering::Acquire));
        number(self.roster.version());
        let config = self.config.read();
        number(Pressure::of(&config, request).share.to_bits());
        let room = Some(room_mb(&config, request)).filter(|room| *room < config.max_context_per_agent_mb);
        number(room.map_or(u64::MAX, mb_to_bytes));
        let limits = request.limits;
        for limit in [limits.max_bytes, limits.max_tokens, limits.target_reduction.map(f64::to_bits)] {
            number(u64::from(limit.is_some()));
            number(limit.unwrap_or(0));
        }
        number(u64::from(limits.whole_texts));
        number(u64::from(request.prioritize_recent));
        hash.update(&fingerprint.to_le_bytes());
        // An agent without a specialization of its own is filtered by what it seems to be, and told so by name.
        let name = self.roster.name_of(&request.agent_id);
        hash.update(&[u8::from(name.is_some())]);
        hash.update(name.as_deref().unwrap_or(&request.agent_id).as_bytes());
        hash.digest128()
    }

    /// What was done and why, as a call with `request` would say it that found `outcome` again.
    pub fn said_now(&self, outcome: &FilterOutcome, request: &FilterRequest) -> Vec<String> {
        let mut now = Vec::new();
        limits(&self.config.read(), outcome.cap_mb, request, &mut now);
        let (before, after) = (
            &outcome.adaptations[..outcome.said_of_limits.start],
            &outcome.adaptations[outcome.said_of_limits.end..],
        );
        [before, &now, after].concat()
    }

    /// The pressure of a call.
    pub fn pressure(&self, request: &FilterRequest) -> Pressure {
        Pressure::of(&self.config.read(), request)
    }

    /// Whether all that was left out can still be given back: a use of it. O(parts).
    pub fn remembers(&self, outcome: &FilterOutcome) -> bool {
        self.references.touch(outcome.dropped.iter().map(|part| part.reference))
    }

    /// Counts a call that found its outcome again.
    pub fn found_again(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the files of agents are to be looked at.
    pub fn is_look_due(&self) -> bool {
        self.roster.is_look_due()
    }
}
