//! Size and policy of L1: by what the same requests would have found under another one.
//!
//! Candidates are compared on the same requests, so that a load that changes is not taken for an effect. What a candidate gains
//! or loses is told apart by who answered: a disk hit that were one in memory saves tenths of a ms, a miss an answer of a model.

use serde_json::{Value, json};

use super::{Proposal, Tried, Verdict, View};
use crate::base::units::{BYTES_PER_MB, round2};
use crate::cache::Rehearsed;
use crate::orchestrator::tuning::knob::{self, Knob, is_same, policy};
use crate::orchestrator::tuning::objective::{Figures, Prices, share};
use crate::orchestrator::tuning::reading::{Count, Window};

/// Lookups in a window, and of these in the sample: the error of a hit rate is then about 2 points, of a difference on the same
/// requests far less.
const LEAST_LOOKUPS: f64 = 1000.0;
const LEAST_SAMPLED: f64 = 500.0;
/// Of all lookups, what a change must gain to be tried, and to be kept.
const TRY_SHARE: f64 = 0.005;
const KEEP_SHARE: f64 = 0.0025;
/// What a smaller L1 may lose for what it costs less.
const LOSS_SHARE: f64 = 0.005;
/// Requests of the sample that must differ: fewer are chance.
const LEAST_DIFFERENT: f64 = 30.0;
/// What a change must be worth, ms saved an hour: a second.
const LEAST_WORTH: f64 = 1000.0;
/// A smaller size that is worth so much of the best is taken.
const GOOD_SHARE: f64 = 0.9;
/// Of the memory that is free, what L1 may grow by at once.
const HEADROOM_SHARE: f64 = 0.5;
/// What the real hit rate may be behind the one that the old setting would have had.
const BEHIND: f64 = 0.02;

fn is_enough(window: &Window, view: &View<'_>) -> bool {
    let sampled =
        window.rehearsed.first().map_or(0.0, |row| row.lookups as f64) / view.gauges().sample_ratio.max(1.0);
    window.get(Count::Lookups) >= LEAST_LOOKUPS && sampled >= LEAST_SAMPLED
}

/// What one candidate would have been to another one.
#[derive(Debug, Clone, Copy)]
struct Gain {
    /// Hits more, of all lookups.
    share: f64,
    /// The same, of the sample.
    sampled: f64,
    /// Of these hits, the part that was a miss.
    of_misses: f64,
    /// Net value, ms saved an hour.
    worth: f64,
    /// MB more.
    mb: f64,
}

fn gain(from: &Rehearsed, to: &Rehearsed, window: &Window, view: &View<'_>) -> Gain {
    // All lookups, not those that the sample stands for: a hot key in the sample is a hit for all candidates, and must not
    // change what the others make of it (SHARDS-adj, Waldspurger and others, 2015).
    let lookups = window.get(Count::Lookups).max(1.0);
    let prices = Prices::of(window, view.gauges());
    let more = |of: fn(&Rehearsed) -> u64| of(to) as f64 - of(from) as f64;
    let (hits, disk, misses) =
        (more(|row| row.of_hits), more(|row| row.of_disk_hits), more(|row| row.of_misses));
    // What L1 had and would not have is on disk, where there is one.
    let else_ms = if view.gauges().has_disk { prices.disk_ms } else { prices.miss_ms };
    let saved_ms = hits * else_ms + disk * prices.disk_ms + misses * prices.miss_ms;
    let mb = (to.bytes as f64 - from.bytes as f64) / BYTES_PER_MB;
    let all = hits + disk + misses;
    Gain {
        share: all / lookups,
        sampled: all / view.gauges().sample_ratio.max(1.0),
        of_misses: misses / lookups,
        worth: saved_ms / window.hours() - mb * prices.mb_hour_ms,
        mb,
    }
}

/// The candidate with these values.
fn find<'w>(window: &'w Window, view: &View<'_>, size: f64, number: f64) -> Option<&'w Rehearsed> {
    let factor = size / view.base(Knob::L1Size).max(1.0);
    window
        .rehearsed
        .iter()
        .find(|row| row.policy == policy(number).0 && (row.factor - factor).abs() <= factor * 0.01)
}

/// What a candidate has of the settings: its size and the number of its policy.
fn settings(row: &Rehearsed, view: &View<'_>) -> (f64, f64) {
    let size = Knob::L1Size.rounded(row.factor * view.base(Knob::L1Size));
    (size, knob::number(row.policy))
}

pub(super) fn propose(view: &View<'_>, may: &dyn Fn(Knob, bool) -> bool) -> Option<Proposal> {
    let window = view.window(|window| is_enough(window, view))?;
    let (size, number) = (view.value(Knob::L1Size), view.value(Knob::Policy));
    let present = find(&window, view, size, number)?;
    let headroom_mb = headroom_mb(view);
    let candidates = window.rehearsed.iter().filter_map(|row| {
        let (to_size, to_number) = settings(row, view);
        let (knob, to, is_up) = match (is_same(to_size, size), is_same(to_number, number)) {
            (false, true) => (Knob::L1Size, to_size, to_size > size),
            (true, false) => (Knob::Policy, to_number, to_number > number),
            // One thing at a time.
            _ => return None,
        };
        let to = view.target(knob, to).filter(|_| !view.config.is_fixed(knob) && may(knob, is_up))?;
        let gain = gain(present, row, &window, view);
        let is_shrinking = knob == Knob::L1Size && !is_up;
        let is_sound = if is_shrinking {
            gain.share >= -LOSS_SHARE
        } else {
            gain.share >= TRY_SHARE && gain.sampled >= LEAST_DIFFERENT && gain.mb <= headroom_mb
        };
        (is_sound && gain.worth >= LEAST_WORTH).then_some((knob, to, gain))
    });
    let candidates: Vec<_> = candidates.collect();
    let best = candidates.iter().map(|(_, _, gain)| gain.worth).fold(0.0, f64::max);
    let good = candidates.into_iter().filter(|(_, _, gain)| gain.worth >= best * GOOD_SHARE);
    let (knob, to, gain) = good.min_by(|(_, _, a), (_, _, b)| a.mb.total_cmp(&b.mb))?;
    Some(Proposal {
        knob,
        to,
        reason: reason(knob, view.value(knob), to, &gain),
        evidence: evidence(&gain, &window),
        before: view.figures(&window),
        measure: 0.0,
    })
}

/// MB that L1 may grow by.
fn headroom_mb(view: &View<'_>) -> f64 {
    match (view.gauges().memory_limit_mb, view.gauges().memory_percent) {
        (Some(limit), Some(percent)) => limit * (1.0 - percent / 100.0).max(0.0) * HEADROOM_SHARE,
        _ => f64::INFINITY,
    }
}

fn reason(knob: Knob, from: f64, to: f64, gain: &Gain) -> String {
    let what = format!("{} from {} to {}", knob.path(), knob.shown(from), knob.shown(to));
    let points = round2(gain.share * 100.0);
    if gain.share >= 0.0 {
        format!(
            "{what}: L1 would have answered {points} % more of the lookups, for {} MB more",
            round2(gain.mb)
        )
    } else {
        format!("{what}: {} MB less, for {} % of the lookups", round2(-gain.mb), -points)
    }
}

fn evidence(gain: &Gain, window: &Window) -> Value {
    json!({
        "lookups": window.get(Count::Lookups),
        "hitsGainedShare": share(gain.share),
        "ofMissesShare": share(gain.of_misses),
        "moreMB": round2(gain.mb),
        "worthMsPerHour": gain.worth.round(),
    })
}

pub(super) fn judge(tried: &Tried, view: &View<'_>) -> Verdict {
    let Some(window) = view.window(|window| is_enough(window, view)) else { return Verdict::Wait };
    let at = |knob: Knob, value: f64| if knob == tried.knob { value } else { view.value(knob) };
    let row = |value: f64| find(&window, view, at(Knob::L1Size, value), at(Knob::Policy, value));
    let (Some(from), Some(to)) = (row(tried.from), row(tried.to)) else { return Verdict::Wait };
    let gain = gain(from, to, &window, view);
    let after = view.figures(&window);
    let is_smaller = tried.knob == Knob::L1Size && tried.to < tried.from;
    let least = if is_smaller { -LOSS_SHARE } else { KEEP_SHARE };
    if gain.share < least || gain.worth < 0.0 {
        let why = format!("on the requests since then it is {} % of the lookups", round2(gain.share * 100.0));
        return Verdict::Undo(why, after);
    }
    let misses = from.lookups.saturating_sub(from.of_hits + from.of_disk_hits + from.of_misses) as f64;
    let old = 1.0 - misses / window.get(Count::Lookups).max(1.0);
    let real = Figures::of(&window, view.gauges()).l1_hit_rate;
    let why = format!(
        "{} % of the lookups more on the requests since then; L1 answered {} %",
        round2(gain.share * 100.0),
        round2(real * 100.0)
    );
    Verdict::of(is_smaller || real >= old - BEHIND, why, after)
}
