//! How long writes wait for each other: longer where many small transactions take the writer's time.
//!
//! Compared per entry written, which a load that changes does not change by itself.

use serde_json::json;

use super::{Proposal, Tried, Verdict, View};
use crate::base::units::round2;
use crate::orchestrator::tuning::knob::Knob;
use crate::orchestrator::tuning::reading::{Count, Window};

/// Transactions to judge by.
const LEAST_BATCHES: f64 = 500.0;
/// Share of the time in which the writer writes that is worth a setting.
const BUSY_SHARE: f64 = 0.05;
/// Entries a transaction that are few: a batch has up to 256.
const FEW: f64 = 32.0;
/// What must become of the time for an entry.
const BETTER: f64 = 0.9;
/// The first wait, ms; then twice as long.
const FIRST_MS: f64 = 2.0;

fn us_per_entry(window: &Window) -> f64 {
    window.get(Count::WriteUs) / window.get(Count::Written).max(1.0)
}

pub(super) fn propose(view: &View<'_>) -> Option<Proposal> {
    let knob = Knob::WriteBehind;
    let value = view.value(knob);
    let is_enough =
        |window: &Window| window.get(Count::Batches) >= LEAST_BATCHES || window.get(Count::Held) > 0.0;
    let window = view.window(is_enough)?;
    let (batches, held) = (window.get(Count::Batches), window.get(Count::Held));
    let per_batch = window.get(Count::Written) / batches.max(1.0);
    let busy = window.get(Count::WriteUs) / 1e6 / window.seconds.max(1e-3);
    let (to, reason) = if held > 0.0 {
        if value <= view.base(knob) {
            return None;
        }
        (view.target(knob, (value / 2.0).floor().max(view.base(knob)))?, "writes had to wait for room")
    } else if per_batch < FEW && busy >= BUSY_SHARE {
        (view.target(knob, (value * 2.0).max(FIRST_MS))?, "the writer is busy with small transactions")
    } else {
        return None;
    };
    Some(Proposal {
        knob,
        to,
        reason: format!(
            "{reason}: {} entries each, {} % of the time",
            round2(per_batch),
            round2(busy * 100.0)
        ),
        evidence: json!({ "transactions": batches, "entriesEach": round2(per_batch), "heldUp": held }),
        before: json!({ "usPerEntry": round2(us_per_entry(&window)) }),
        measure: us_per_entry(&window),
    })
}

pub(super) fn judge(tried: &Tried, view: &View<'_>) -> Verdict {
    let is_enough =
        |window: &Window| window.get(Count::Batches) >= LEAST_BATCHES / 4.0 || window.get(Count::Held) > 0.0;
    let Some(window) = view.window(is_enough) else { return Verdict::Wait };
    let (us, held) = (us_per_entry(&window), window.get(Count::Held));
    let is_better = tried.to < tried.from || (held <= 0.0 && us <= tried.measure * BETTER);
    let why = format!("{} µs for an entry, {} before", round2(us), round2(tried.measure));
    Verdict::of(is_better, why, json!({ "usPerEntry": round2(us) }))
}
