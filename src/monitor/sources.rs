//! What the monitored parts say of themselves. The monitor knows none of them: they come in by [`Sources`], of a system or, for a
//! monitor by itself, of what JavaScript hands over ([`Handed`]).

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;

use super::export::TokenUsage;
use crate::telemetry::metric::{Figures, Metric};

/// Agents of which the memory is shown by name; the others are summed up.
pub const MAX_NAMED_AGENTS: usize = 50;

/// A part that is checked by asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The memory manager.
    Memory,
    /// The cache.
    Cache,
    /// The agents that the memory manager knows.
    Agents,
}

impl Part {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Cache, Self::Agents];

    /// As `HealthCheck.component` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cache => "cache",
            Self::Agents => "agents",
        }
    }
}

/// What a part answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// 0–100.
    pub score: f64,
    /// For people, with figures.
    pub message: String,
}

/// What a recommendation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// Memory of the process and of agents.
    Memory,
    /// The cache.
    Cache,
    /// Contexts and tokens.
    Context,
    /// The rest.
    General,
}

/// How soon somebody should look at a recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Nothing suffers.
    Low,
    /// Something could be better.
    Medium,
    /// Work is held up or lost.
    High,
}

/// What an operator is advised to change, with what was counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// What it is about.
    pub area: Area,
    /// How soon.
    pub priority: Priority,
    /// Dotted path of the setting; `None` where no setting helps.
    pub setting: Option<&'static str>,
    /// Its value now; null without a setting.
    pub current: Value,
    /// The value to try; null where something else has to be done, which the reason says.
    pub proposed: Value,
    /// One sentence: the setting, its value, the proposed one, the counts.
    pub reason: String,
    /// The counts.
    pub evidence: Value,
}

/// What the monitor saw in the last hour, for advice.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seen {
    /// How long it looked, ms; at most an hour.
    pub span_ms: u64,
    /// For how much of that at least one agent was throttled, ms.
    pub throttled_ms: u64,
    /// The least memory of the machine that was available meanwhile, MB.
    pub least_available_mb: Option<f64>,
    /// The most that the process had, MB.
    pub most_process_mb: Option<f64>,
}

/// Parts that are monitored. Calls come from the monitor's threads and may be slow; a panic is the part's failure alone.
pub trait Sources: Send + Sync {
    /// Adds the parts' figures.
    fn figures(&self, figures: &mut Figures);
    /// How a part is; `None` when it is off.
    fn ask(&self, part: Part) -> Option<Answer>;
    /// Bytes held by each agent, the largest [`MAX_NAMED_AGENTS`], then one row `other` for the rest.
    fn agents(&self) -> Vec<(String, u64)>;
    /// Tokens that calls of models took, as far as the application reported them.
    fn token_usage(&self) -> Vec<TokenUsage> {
        Vec::new()
    }
    /// What could be set better, by what was counted.
    fn advice(&self, seen: &Seen) -> Vec<Value>;
}

/// What JavaScript said of parts that only it can ask.
#[derive(Debug, Default)]
pub struct Handed {
    state: Mutex<HandedState>,
}

#[derive(Debug, Default)]
struct HandedState {
    figures: Vec<(Metric, f64)>,
    agents: Vec<(String, u64)>,
    advice: Vec<Value>,
    /// A part's answer, or why there is none.
    answers: Vec<(Part, Result<Answer, String>)>,
}

impl Handed {
    /// Takes over figures by their paths, and agents. Unknown paths and what is no number are left out.
    pub fn take_figures(&self, said: &Value) {
        let figures = said["figures"].as_object().into_iter().flatten();
        let figures = figures.filter_map(|(path, value)| Some((Metric::at_path(path)?, value.as_f64()?)));
        let mut state = self.state.lock();
        state.figures = figures.collect();
        state.advice = said["advice"].as_array().cloned().unwrap_or_default();
        state.agents = bounded_agents(said["agents"].as_array().into_iter().flatten().filter_map(|agent| {
            Some((agent[0].as_str()?.to_owned(), agent[1].as_f64().filter(|bytes| *bytes >= 0.0)?))
        }));
    }

    /// Takes over the answers of parts: `{ memory: { score, message } | { error } | null, … }`.
    pub fn take_answers(&self, said: &Value) {
        let answer = |part: Part| {
            let said = &said[part.name()];
            if let Some(error) = said["error"].as_str() {
                return Some((part, Err(error.to_owned())));
            }
            let score = said["score"].as_f64()?.clamp(0.0, 100.0);
            let message = said["message"].as_str().unwrap_or_default().to_owned();
            Some((part, Ok(Answer { score, message })))
        };
        self.state.lock().answers = Part::ALL.into_iter().filter_map(answer).collect();
    }

    /// Notes why no part answered.
    pub fn no_answers(&self, why: &str) {
        self.state.lock().answers = Part::ALL.into_iter().map(|part| (part, Err(why.to_owned()))).collect();
    }

    /// What was said when a part was asked: `None` when there is none.
    pub fn answer(&self, part: Part) -> Option<Result<Answer, String>> {
        self.state.lock().answers.iter().find(|(of, _)| *of == part).map(|(_, answer)| answer.clone())
    }
}

impl Sources for Handed {
    fn figures(&self, figures: &mut Figures) {
        for (metric, value) in &self.state.lock().figures {
            figures.set(*metric, *value);
        }
    }

    fn ask(&self, part: Part) -> Option<Answer> {
        // What failed in JavaScript is told by the caller, which looks at `answer`.
        self.answer(part)?.ok()
    }

    fn agents(&self) -> Vec<(String, u64)> {
        self.state.lock().agents.clone()
    }

    fn advice(&self, _: &Seen) -> Vec<Value> {
        self.state.lock().advice.clone()
    }
}

/// The largest by name, the rest as one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes, checked to be positive")]
pub fn bounded_agents(agents: impl Iterator<Item = (String, f64)>) -> Vec<(String, u64)> {
    let mut agents: Vec<(String, u64)> = agents.map(|(name, bytes)| (name, bytes as u64)).collect();
    agents.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    if agents.len() > MAX_NAMED_AGENTS {
        let rest = agents.drain(MAX_NAMED_AGENTS..).map(|(_, bytes)| bytes).sum();
        agents.push(("other".to_owned(), rest));
    }
    agents
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_handed_over_is_given_back_and_nonsense_is_not() {
        let handed = Handed::default();
        handed.take_figures(&json!({
            "figures": { "memory.percentage": 50, "no.such": 1, "cpu.usage": "7", "agents.active": null },
            "agents": [["b", 5], ["a", 7], ["c", -1], ["d", "x"], [1, 2], null],
        }));
        let mut figures = Figures::default();
        handed.figures(&mut figures);
        assert_eq!(figures.iter().collect::<Vec<_>>(), [(Metric::MemoryPercentage, 50.0)]);
        assert_eq!(handed.agents(), [("a".to_owned(), 7), ("b".to_owned(), 5)]);

        handed.take_answers(
            &json!({ "memory": { "score": 250, "message": "m" }, "cache": { "error": "threw" } }),
        );
        assert_eq!(handed.ask(Part::Memory), Some(Answer { score: 100.0, message: "m".into() }));
        assert_eq!(handed.answer(Part::Cache), Some(Err("threw".to_owned())));
        assert_eq!(handed.answer(Part::Agents), None);
    }

    #[test]
    fn ten_thousand_agents_are_fifty_and_the_rest() {
        let agents = (0..10_000).map(|number| (format!("agent-{number}"), f64::from(number)));
        let shown = bounded_agents(agents);
        assert_eq!(shown.len(), MAX_NAMED_AGENTS + 1);
        assert_eq!(shown[0], ("agent-9999".to_owned(), 9999));
        assert_eq!(shown[MAX_NAMED_AGENTS], ("other".to_owned(), (0..9950).sum()));
    }
}
