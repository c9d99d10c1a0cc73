//! How well the process is off: a score with its parts.
//!
//! What it does not do: it takes no figures. What is unknown costs nothing, for not knowing is no reason for an alarm.

use serde::Serialize;

use crate::base::units::round2;

/// The best score.
const FULL: f64 = 100.0;

/// A process up to this share of its limit, in percent, is in full health.
const HEALTHY_UP_TO_PERCENT: f64 = 60.0;

/// Growth that reaches the limit within a minute costs, the sooner the more: a garbage collection or an agent's end may
/// still help, and whoever looks once a minute would not see it coming.
const GROWTH_HORIZON_MS: f64 = 60_000.0;
const MAX_GROWTH: f64 = 20.0;

/// What each throttled agent costs, and for how many at most: agents alone cannot make a process with free memory look
/// broken.
const PER_THROTTLED: f64 = 10.0;
const MAX_THROTTLED: f64 = 30.0;

/// Share of the last ten seconds in which something waited for memory, in percent: from where it costs, and where it
/// costs all.
const PRESSURE_FROM_PERCENT: f64 = 10.0;
const PRESSURE_FULL_PERCENT: f64 = 50.0;
const MAX_PRESSURE: f64 = 10.0;

/// Free share of the swap, in percent, under which it costs.
const SWAP_FREE_PERCENT: f64 = 10.0;
const MAX_SWAP: f64 = 5.0;

/// What the score is made of; `None` is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HealthFigures {
    /// Memory in percent of the tightest limit; may exceed 100.
    pub percentage: Option<f64>,
    /// Ms until a limit is reached at the present growth; `None` also when it is not.
    pub time_to_limit_ms: Option<u64>,
    /// How many agents are throttled.
    pub throttled_agents: usize,
    /// `some avg10` of the kernel's pressure stall information, in percent.
    pub psi_some_avg10: Option<f64>,
    /// Size of the swap in bytes and what is used of it; zero is a machine without swap.
    pub swap: Option<(u64, u64)>,
}

/// The score and why it is so.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// 0 (worst) to 100: what the parts leave of 100.
    pub score: f64,
    /// Always the same five, in the same order: `memory`, `growth`, `agents`, `pressure`, `swap`.
    pub parts: Vec<Part>,
}

/// One thing that can take from the score.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it is about.
    pub name: &'static str,
    /// What it takes, to two decimals.
    pub lost: f64,
    /// For people, with the figures.
    pub explanation: String,
}

impl Health {
    /// Judges the figures.
    ///
    /// | part | takes |
    /// | --- | --- |
    /// | `memory` | nothing up to 60 % of the tightest limit, then evenly more up to 100 at 100 % |
    /// | `growth` | up to 20, evenly, when the limit is reached in less than 60 s |
    /// | `agents` | 10 for each throttled agent, at most 30 |
    /// | `pressure` | up to 10, evenly, when 10 to 50 % of the time something waits for memory |
    /// | `swap` | up to 5, evenly, when less than 10 % of the swap is free and `pressure` takes something too |
    ///
    /// A full swap alone is not bad: the kernel also leaves there what nobody asked for in weeks. So it only counts
    /// while something waits for memory.
    #[must_use]
    pub fn of(figures: &HealthFigures) -> Self {
        let pressure = pressure(figures);
        let swap = swap(figures, pressure.lost > 0.0);
        let parts = vec![memory(figures), growth(figures), agents(figures), pressure, swap];
        let lost: f64 = parts.iter().map(|part| part.lost).sum();
        Self { score: round2((FULL - lost).max(0.0)), parts }
    }
}

fn part(name: &'static str, lost: f64, explanation: String) -> Part {
    Part { name, lost: round2(lost), explanation }
}

fn known(figure: Option<f64>) -> Option<f64> {
    figure.filter(|figure| figure.is_finite())
}

fn memory(figures: &HealthFigures) -> Part {
    let Some(percentage) = known(figures.percentage) else {
        return part("memory", 0.0, "memory in use is unknown".to_owned());
    };
    let over = (percentage - HEALTHY_UP_TO_PERCENT) / (100.0 - HEALTHY_UP_TO_PERCENT);
    let explanation =
        format!("{percentage:.1} % of the tightest limit is in use; over {HEALTHY_UP_TO_PERCENT} % costs");
    part("memory", FULL * over.clamp(0.0, 1.0), explanation)
}

fn growth(figures: &HealthFigures) -> Part {
    let Some(time_ms) = figures.time_to_limit_ms else {
        return part("growth", 0.0, "no growth towards a limit is known".to_owned());
    };
    let time_ms = time_ms as f64;
    let explanation = format!(
        "at the present growth a limit is reached in {:.1} s; under {} s costs",
        time_ms / 1000.0,
        GROWTH_HORIZON_MS / 1000.0
    );
    part("growth", MAX_GROWTH * (1.0 - time_ms / GROWTH_HORIZON_MS).clamp(0.0, 1.0), explanation)
}

fn agents(figures: &HealthFigures) -> Part {
    let throttled = figures.throttled_agents;
    let explanation = match throttled {
        0 => "no agent is throttled".to_owned(),
        1 => "1 agent is throttled".to_owned(),
        _ => format!("{throttled} agents are throttled"),
    };
    part("agents", (PER_THROTTLED * throttled as f64).min(MAX_THROTTLED), explanation)
}

fn pressure(figures: &HealthFigures) -> Part {
    let Some(some) = known(figures.psi_some_avg10) else {
        return part("pressure", 0.0, "the kernel does not say how long tasks wait for memory".to_owned());
    };
    let over = (some - PRESSURE_FROM_PERCENT) / (PRESSURE_FULL_PERCENT - PRESSURE_FROM_PERCENT);
    let explanation =
        format!("tasks waited for memory {some:.1} % of the last 10 s; over {PRESSURE_FROM_PERCENT} % costs");
    part("pressure", MAX_PRESSURE * over.clamp(0.0, 1.0), explanation)
}

fn swap(figures: &HealthFigures, under_pressure: bool) -> Part {
    let Some((total, used)) = figures.swap else {
        return part("swap", 0.0, "swap is unknown".to_owned());
    };
    if total == 0 {
        return part("swap", 0.0, "the machine has no swap".to_owned());
    }
    let free = (total.saturating_sub(used)) as f64 / total as f64 * 100.0;
    let lacking = (1.0 - free / SWAP_FREE_PERCENT).clamp(0.0, 1.0);
    let lost = if under_pressure { MAX_SWAP * lacking } else { 0.0 };
    let explanation = format!(
        "{free:.1} % of the swap is free; under {SWAP_FREE_PERCENT} % costs while tasks wait for memory"
    );
    part("swap", lost, explanation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each part takes, as bits, which compare exactly.
    fn lost(figures: HealthFigures) -> [u64; 5] {
        let parts = Health::of(&figures).parts;
        assert_eq!(
            parts.iter().map(|part| part.name).collect::<Vec<_>>(),
            ["memory", "growth", "agents", "pressure", "swap"]
        );
        std::array::from_fn(|index| parts[index].lost.to_bits())
    }

    fn bits<const N: usize>(figures: [f64; N]) -> [u64; N] {
        figures.map(f64::to_bits)
    }

    #[test]
    fn nothing_known_costs_nothing() {
        assert_eq!(lost(HealthFigures::default()), bits([0.0; 5]));
        let nonsense = HealthFigures {
            percentage: Some(f64::NAN),
            psi_some_avg10: Some(f64::NAN),
            ..HealthFigures::default()
        };
        assert_eq!(Health::of(&nonsense).score.to_bits(), 100.0_f64.to_bits());
    }

    #[test]
    fn each_part_takes_evenly_between_its_bounds() {
        let none = HealthFigures::default();
        for (figures, expected) in [
            (HealthFigures { percentage: Some(60.0), ..none }, [0.0; 5]),
            (HealthFigures { percentage: Some(80.0), ..none }, [50.0, 0.0, 0.0, 0.0, 0.0]),
            (HealthFigures { percentage: Some(130.0), ..none }, [100.0, 0.0, 0.0, 0.0, 0.0]),
            (HealthFigures { time_to_limit_ms: Some(60_000), ..none }, [0.0; 5]),
            (HealthFigures { time_to_limit_ms: Some(15_000), ..none }, [0.0, 15.0, 0.0, 0.0, 0.0]),
            (HealthFigures { time_to_limit_ms: Some(0), ..none }, [0.0, 20.0, 0.0, 0.0, 0.0]),
            (HealthFigures { throttled_agents: 2, ..none }, [0.0, 0.0, 20.0, 0.0, 0.0]),
            (HealthFigures { throttled_agents: 9, ..none }, [0.0, 0.0, 30.0, 0.0, 0.0]),
            (HealthFigures { psi_some_avg10: Some(10.0), ..none }, [0.0; 5]),
            (HealthFigures { psi_some_avg10: Some(30.0), ..none }, [0.0, 0.0, 0.0, 5.0, 0.0]),
            (HealthFigures { psi_some_avg10: Some(99.0), ..none }, [0.0, 0.0, 0.0, 10.0, 0.0]),
        ] {
            assert_eq!(lost(figures), bits(expected), "{figures:?}");
        }
    }

    #[test]
    fn a_full_swap_costs_only_while_tasks_wait_for_memory() {
        let swap = |used, some| {
            let figures =
                HealthFigures { swap: Some((1000, used)), psi_some_avg10: some, ..HealthFigures::default() };
            lost(figures)[4]
        };
        assert_eq!([swap(1000, None), swap(1000, Some(10.0))], bits([0.0, 0.0]));
        assert_eq!(
            [swap(900, Some(30.0)), swap(950, Some(30.0)), swap(2000, Some(30.0))],
            bits([0.0, 2.5, 5.0])
        );
        let without =
            HealthFigures { swap: Some((0, 0)), psi_some_avg10: Some(90.0), ..HealthFigures::default() };
        assert_eq!(lost(without)[4], 0.0_f64.to_bits());
    }

    #[test]
    fn the_score_is_what_the_parts_leave_and_never_under_zero() {
        let bad = HealthFigures {
            percentage: Some(70.0),
            time_to_limit_ms: Some(30_000),
            throttled_agents: 1,
            psi_some_avg10: Some(30.0),
            swap: Some((100, 95)),
        };
        let health = Health::of(&bad);
        assert_eq!(health.score.to_bits(), (100.0_f64 - 25.0 - 10.0 - 10.0 - 5.0 - 2.5).to_bits());
        let worst = HealthFigures { percentage: Some(99.0), ..bad };
        assert_eq!(Health::of(&worst).score.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn explanations_have_the_figures() {
        let figures = HealthFigures {
            percentage: Some(72.34),
            time_to_limit_ms: Some(12_340),
            throttled_agents: 1,
            psi_some_avg10: Some(12.5),
            swap: Some((1000, 925)),
        };
        let texts: Vec<String> =
            Health::of(&figures).parts.into_iter().map(|part| part.explanation).collect();
        assert_eq!(
            texts,
            [
                "72.3 % of the tightest limit is in use; over 60 % costs",
                "at the present growth a limit is reached in 12.3 s; under 60 s costs",
                "1 agent is throttled",
                "tasks waited for memory 12.5 % of the last 10 s; over 10 % costs",
                "7.5 % of the swap is free; under 10 % costs while tasks wait for memory",
            ]
        );
    }
}
