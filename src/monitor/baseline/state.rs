//! What of the baselines survives a restart, as JSON. What does not fit (another version, a damaged file, times to come) is
//! left out: a baseline that is not there is learnt again.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::rule::{HIT_RATE, LATENCY, Rule};
use super::series::{Episode, Kept, Series, Usual, Value};
use super::{Baselines, MAX_OPERATIONS, Operation};

const VERSION: u32 = 1;
/// A minute and a value.
const VALUE_BYTES: usize = 8;

/// All baselines.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BaselineState {
    version: u32,
    all: SeriesState,
    hit_rate: SeriesState,
    operations: Vec<(String, SeriesState)>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeriesState {
    /// Minutes (u32) and values (f32) one after the other, little-endian, Base64: a tenth of the time and half of the length of
    /// numbers in JSON.
    values: String,
    /// Likewise, with hours.
    hours: String,
    spoilt: Vec<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    episode: Option<EpisodeState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EpisodeState {
    center: f64,
    distance: f64,
    since_ms: u64,
    current: f64,
}

impl Baselines {
    /// What is to be kept.
    pub fn state(&self) -> BaselineState {
        BaselineState {
            version: VERSION,
            all: SeriesState::of(&self.all.series),
            hit_rate: SeriesState::of(&self.hit_rate.1),
            operations: self
                .operations
                .iter()
                .map(|(name, operation)| (name.to_string(), SeriesState::of(&operation.series)))
                .collect(),
        }
    }

    /// Takes up what was kept; `now_ms` is Unix ms.
    pub fn restored(state: &BaselineState, now_ms: u64) -> Self {
        let mut baselines = Self::default();
        if state.version != VERSION {
            return baselines;
        }
        baselines.all.series = state.all.series(LATENCY, now_ms);
        baselines.hit_rate.1 = state.hit_rate.series(HIT_RATE, now_ms);
        for (name, state) in state.operations.iter().take(MAX_OPERATIONS) {
            let series = state.series(LATENCY, now_ms);
            if !series.values().is_empty() {
                let operation = Operation { series, ..Operation::default() };
                baselines.operations.insert(Arc::from(name.as_str()), operation);
            }
        }
        baselines
    }
}

impl SeriesState {
    fn of(series: &Series) -> Self {
        let state = |Episode { usual: Usual { center, distance }, since_ms, current }: Episode| {
            EpisodeState { center, distance, since_ms, current }
        };
        Self {
            values: packed(series.values()),
            hours: packed(series.hours()),
            spoilt: series.spoilt().to_vec(),
            episode: series.episode().copied().map(state),
        }
    }

    fn series(&self, rule: Rule, now_ms: u64) -> Series {
        let episode = self.episode.map(|EpisodeState { center, distance, since_ms, current }| Episode {
            usual: Usual { center, distance },
            since_ms,
            current,
        });
        let (values, hours) = (unpacked(&self.values), unpacked(&self.hours));
        Series::restored(rule, now_ms, &Kept { values, hours, spoilt: self.spoilt.clone(), episode })
    }
}

fn packed(values: &VecDeque<Value>) -> String {
    let mut bytes = Vec::with_capacity(values.len() * VALUE_BYTES);
    for Value { minute, value } in values {
        bytes.extend(minute.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    STANDARD.encode(bytes)
}

fn unpacked(text: &str) -> Vec<Value> {
    let bytes = STANDARD.decode(text).unwrap_or_default();
    let value = |bytes: &[u8]| {
        let half = |from: usize| [bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]];
        Value { minute: u32::from_le_bytes(half(0)), value: f32::from_le_bytes(half(4)) }
    };
    bytes.chunks_exact(VALUE_BYTES).map(value).collect()
}
