//! Alerts: what they are. [`rule`] says when there is one, [`book`] keeps them, [`silence`] which of them nobody is told of.
//! [`id`] names them and [`text`] checks what people will read. Nothing here reads figures, a clock or a file, or sends anything.

pub mod book;
pub mod id;
pub mod rule;
pub mod silence;
pub mod text;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How bad it is; `type` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// To be looked at.
    Warning,
    /// To be acted on now.
    Critical,
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Memory.
    Memory,
    /// The cache.
    Cache,
    /// Processors.
    Cpu,
    /// The disk of the cache directory.
    Disk,
    /// Agents.
    Agents,
    /// Requests, and the rest.
    Performance,
}

/// `Alert` of the public API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Unique, also across restarts.
    pub id: String,
    /// How bad.
    #[serde(rename = "type")]
    pub level: Level,
    /// About what.
    pub component: Component,
    /// A few words; with component and level it says which alert it is.
    pub title: String,
    /// With the figures.
    pub message: String,
    /// When it began, Unix ms.
    pub timestamp: u64,
    /// Whether it is over.
    pub resolved: bool,
    /// When it was, Unix ms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resolved_at: Option<u64>,
    /// `rule`, `metric`, `value`, `threshold`, `silenced`, `resolvedBy`, and what the application gave.
    pub metadata: Map<String, Value>,
}
