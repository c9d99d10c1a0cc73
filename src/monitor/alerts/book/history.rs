//! All alerts that are remembered, in the order in which they were raised: those that last and those that are over.
//!
//! Bounded in number and in bytes. When it is full the oldest that is over goes; if all last, the oldest of the application.
//! One that a rule raised and that lasts never goes, as its end is to be told: there are no more of these than rules.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base::held::{ARC_BYTES, table_bytes, tree_entry_bytes};
use crate::monitor::alerts::Alert;

/// Most alerts remembered: ten for each second of the worst quarter of an hour.
pub const MAX_ALERTS: usize = 10_000;
/// Most bytes of them: 10,000 usual ones (about 1 KB) need a third, and 1,000 with 30 KB of text each fit too.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The number of an alert: later ones have higher ones. Never used again.
pub(super) type Number = u64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    lasting: BTreeMap<Number, Arc<Alert>>,
    over: BTreeMap<Number, Arc<Alert>>,
    by_id: HashMap<String, Number>,
    last: Number,
    bytes: usize,
    forgotten: u64,
}

impl History {
    /// Remembers an alert whose id is new, as the latest one. Says which lasting ones had to go for it.
    pub(super) fn add(&mut self, alert: Arc<Alert>) -> (Number, Vec<Number>) {
        self.last += 1;
        self.bytes += held(&alert);
        self.by_id.insert(alert.id.clone(), self.last);
        let part = if alert.resolved { &mut self.over } else { &mut self.lasting };
        part.insert(self.last, alert);
        let mut gone = Vec::new();
        while self.len() > MAX_ALERTS || self.bytes > MAX_BYTES {
            let Some((number, alert)) = self.over.pop_first().or_else(|| self.pop_of_application()) else {
                break;
            };
            self.bytes -= held(&alert);
            self.by_id.remove(&alert.id);
            if !alert.resolved {
                self.forgotten += 1;
                gone.push(number);
            }
        }
        (self.last, gone)
    }

    fn pop_of_application(&mut self) -> Option<(Number, Arc<Alert>)> {
        let of_application =
            |(number, alert): (&Number, &Arc<Alert>)| alert.rule().is_none().then_some(*number);
        let number = self.lasting.iter().find_map(of_application).filter(|number| *number != self.last)?;
        self.lasting.remove_entry(&number)
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.lasting.len() + self.over.len()
    }

    /// Whether the id is in use.
    pub(super) fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// The alert of this number, if it lasts.
    pub(super) fn lasting(&self, number: Number) -> Option<&Arc<Alert>> {
        self.lasting.get(&number)
    }

    /// The number of the alert with this id.
    pub(super) fn number(&self, id: &str) -> Option<Number> {
        self.by_id.get(id).copied()
    }

    /// The alert with this id.
    pub(super) fn get(&self, id: &str) -> Option<&Arc<Alert>> {
        let number = self.by_id.get(id)?;
        self.lasting.get(number).or_else(|| self.over.get(number))
    }

    /// Those that last, oldest first.
    pub(super) fn all_lasting(&self) -> impl Iterator<Item = (Number, &Arc<Alert>)> {
        self.lasting.iter().map(|(number, alert)| (*number, alert))
    }

    /// How many last.
    pub(super) fn lasting_count(&self) -> usize {
        self.lasting.len()
    }

    /// All since `since_ms`, newest first. Costs what it gives.
    pub(super) fn since(&self, since_ms: u64) -> Vec<Arc<Alert>> {
        let mut found = Vec::new();
        let (mut lasting, mut over) =
            (self.lasting.iter().rev().peekable(), self.over.iter().rev().peekable());
        loop {
            let is_over_later = match (lasting.peek(), over.peek()) {
                (Some(lasting), Some(over)) => over.0 > lasting.0,
                (lasting, _) => lasting.is_none(),
            };
            let next = if is_over_later { over.next() } else { lasting.next() };
            let Some((_, alert)) = next.filter(|(_, alert)| alert.timestamp >= since_ms) else {
                return found;
            };
            found.push(Arc::clone(alert));
        }
    }

    /// Changes a lasting alert; one that `change` resolves is over then. `None` if there is no such.
    pub(super) fn change(&mut self, number: Number, change: impl FnOnce(&mut Alert)) -> Option<Arc<Alert>> {
        let mut alert = Arc::unwrap_or_clone(self.lasting.remove(&number)?);
        self.bytes -= held(&alert);
        change(&mut alert);
        let alert = Arc::new(alert);
        self.bytes += held(&alert);
        let part = if alert.resolved { &mut self.over } else { &mut self.lasting };
        part.insert(number, Arc::clone(&alert));
        Some(alert)
    }

    /// Lasting alerts that were given up for lack of room.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Bytes held, about.
    pub(super) fn bytes(&self) -> usize {
        const ENTRY: usize = tree_entry_bytes(size_of::<(Number, Arc<Alert>)>());
        self.bytes + self.len() * ENTRY + table_bytes(self.by_id.capacity(), size_of::<(String, Number)>())
    }
}

/// Bytes of an alert, with its id as the key of the table.
fn held(alert: &Alert) -> usize {
    ARC_BYTES
        + size_of::<Alert>()
        + 2 * alert.id.len()
        + alert.title.len()
        + alert.message.len()
        + held_by_map(&alert.metadata)
}

/// Bytes of the entries of an object: those of an index map, whose table holds a number for each.
pub(super) fn held_by_map(map: &Map<String, Value>) -> usize {
    const ENTRY: usize = size_of::<u64>() + size_of::<String>() + size_of::<Value>();
    let entries = map.iter().map(|(key, value)| ENTRY + key.len() + held_by_value(value));
    entries.sum::<usize>() + table_bytes(map.len(), size_of::<usize>())
}

fn held_by_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size_of::<Value>() + held_by_value(item)).sum(),
        Value::Object(map) => held_by_map(map),
    }
}
