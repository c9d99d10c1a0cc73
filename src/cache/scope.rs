//! Whose an entry is. Two entries are the same only if query and scope are equal; nothing is found by hash alone.

use std::sync::Arc;

/// What an entry belongs to besides its query. `None` is a scope of its own: it never matches a given value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    /// The agent that may see it; `None`: all agents of the system.
    pub agent_id: Option<Arc<str>>,
    /// The model that gave the answer.
    pub model: Option<Arc<str>>,
    /// The system prompt under which it was given.
    pub system_prompt: Option<Arc<str>>,
}

impl Scope {
    /// The same scope, seen by all agents.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self { agent_id: None, ..self.clone() }
    }
}

/// Full identity of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The query as the caller gave it.
    pub query: Arc<str>,
    /// Whose it is.
    pub scope: Scope,
}

impl Key {
    /// Bytes that the key holds on the heap.
    pub fn bytes(&self) -> usize {
        let scope = [&self.scope.agent_id, &self.scope.model, &self.scope.system_prompt];
        self.query.len() + scope.into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}
