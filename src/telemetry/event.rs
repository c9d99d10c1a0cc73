//! Event names and the one bounded queue between the core and its listeners.
//!
//! An event that nobody listens to costs one atomic load. When the queue is full the oldest event goes and is
//! counted: listeners that never run must not cost memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};
use serde::Serialize;

use crate::base::footprint::{Footprint, Relief};
use crate::base::held::registered;

/// Most events that wait for a listener; older ones are dropped and counted.
pub const QUEUE_CAPACITY: usize = 1024;

/// Most bytes of them, unless one alone has more: values of cache entries are among them.
const QUEUE_BYTES: usize = 64 << 20;

/// Stands for every name.
const EVERYTHING: &str = "*";

macro_rules! events {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Every event of the core, one row each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EventKind { $($(#[doc = $doc])* $variant),+ }

        impl EventKind {
            /// Every kind, in the order of their bits.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that listeners use.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

events! {
    /// An agent is to wait, for its own limit or as memory is short: `{ agentId, reason }`.
    AgentThrottled = "agentThrottled",
    /// An agent need not wait any more: `{ agentId }`.
    AgentUnthrottled = "agentUnthrottled",
    /// An agent's registered memory changed: `AgentMemoryStats`.
    AgentMemoryUpdate = "agentMemoryUpdate",
    /// Figures of memory, every ten seconds: `{ process, system, agents }`.
    MemoryUpdate = "memoryUpdate",
    /// Memory is short: `MemoryAlert`.
    MemoryAlert = "memoryAlert",
    /// It no longer is: `{ id, type, resolvedAt, durationMs }`.
    MemoryAlertResolved = "memoryAlertResolved",
    /// What is done about short memory changed: `{ step, previous, percentage,
    /// source, reason, throttled, throttledBefore, timestamp }`.
    PressureChanged = "pressureChanged",
    /// All agents wait: `{ timestamp }`.
    EmergencyCleanup = "emergencyCleanup",
    /// V8's garbage was collected: `{ freedMemory, durationMs, timestamp }`.
    GarbageCollected = "garbageCollected",
    /// An agent should drop contexts: `{ agentId, contexts, reason }`.
    ContextsToDrop = "contextsToDrop",
    /// Context keys were not used for long and are forgotten: `{ keys }`.
    ContextExpired = "contextExpired",
    /// A value was found: `{ layer, key, entry }`.
    CacheHit = "cacheHit",
    /// A value was not found: `{ key }`.
    CacheMiss = "cacheMiss",
    /// A value was stored: `{ layer, key, entry }`.
    CacheSet = "cacheSet",
    /// A value was served for a query like that of its entry: `{ original, similar, similarity, cacheKey }`.
    SimilarityDetection = "similarityDetection",
    /// Layers were emptied: `{ layer }`.
    CacheCleared = "cacheCleared",
    /// Entries were loaded into L1: `{ total, found }`.
    CacheWarmed = "cacheWarmed",
    /// The disk tiers are not used for now: `{ reason, message }`.
    Degraded = "degraded",
    /// The disk tiers are used again: `{ reason }`.
    Recovered = "recovered",
    /// L1 gave up an entry for lack of room: `{ key, entry }`.
    L1Eviction = "l1Eviction",
    /// A file of an agent gives a specialization, a new or another one: `AgentSpecialization`.
    SpecializationAdded = "specializationAdded",
    /// No file gives a specialization any more: `{ name }`.
    SpecializationRemoved = "specializationRemoved",
    /// A context went through the filter: `{ agentId, reductionRatio, memoryUsage }`.
    ContextOptimized = "contextOptimized",
    /// A call of `optimizeAgentContext` ended: `{ agentId, optimizationTime, success }`.
    AgentContextOptimized = "agentContextOptimized",
    /// An internal failure; the caller got the original context: `{ agentId, error }`.
    OptimizationError = "optimizationError",
    /// The configuration changed: `{ oldConfig, newConfig, source }`.
    ConfigurationUpdated = "configurationUpdated",
    /// The configuration file was not taken over: `{ file, code, error, problems }`.
    ConfigurationError = "configurationError",
    /// A report was written: `{ path }`.
    ReportGenerated = "reportGenerated",
    /// A sample was taken: `SystemMetrics`.
    MetricsCollected = "metricsCollected",
    /// Somebody is to be told: `Alert`.
    AlertCreated = "alertCreated",
    /// It is over: `Alert`.
    AlertResolved = "alertResolved",
    /// How one part is: `HealthCheck`.
    HealthCheckResult = "healthCheckResult",
    /// How all parts are: `{ score, status, components }`.
    HealthCheckCompleted = "healthCheckCompleted",
    /// Something is worse than usual: `Degradation`.
    DegradationDetected = "degradationDetected",
    /// It is as usual again: `Degradation`.
    DegradationEnded = "degradationEnded",
    /// A channel told somebody: `{ channel, ids }`.
    AlertDelivered = "alertDelivered",
    /// A channel gave up: `{ channel, ids, reason }`.
    AlertNotDelivered = "alertNotDelivered",
    /// A step of the tuning is done: `{ timestamp, stats, recommendations, adjustments }`.
    AutoTuningCompleted = "autoTuningCompleted",
    /// A step of the tuning failed: `{ error }`.
    AutoTuningError = "autoTuningError",
    /// Settings of a part of a system changed: `{ component, oldConfig, newConfig }`.
    ConfigUpdated = "configUpdated",
    /// A part of a system has ended: `{ component }`.
    Stopped = "stopped",
    /// Expired entries of a system's cache were removed: `{ timestamp, stats }`.
    Maintenance = "maintenance",
    /// Something is off but work goes on: `{ path, message }`.
    Warning = "warning",
}

impl EventKind {
    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

type Waker = Arc<dyn Fn() + Send + Sync>;

/// What waits to be told, and the bytes of its texts.
#[derive(Default)]
struct Waiting(Mutex<(VecDeque<(EventKind, String)>, usize)>);

impl Footprint for Waiting {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        let (events, bytes) = &*self.0.lock();
        row("event queue", (events.capacity() * size_of::<(EventKind, String)>() + bytes) as u64);
    }

    fn relieve(&self, _: Relief) {
        // Somebody listens.
    }
}

/// The queue of one system. Shared by its components.
pub struct EventSink {
    listened: AtomicU64,
    queue: Arc<Waiting>,
    dropped: AtomicU64,
    /// Whether JavaScript was woken and did not come yet.
    is_woken: AtomicBool,
    waker: Mutex<Option<Waker>>,
    hubs: Mutex<Vec<Weak<EventHub>>>,
}

impl Default for EventSink {
    fn default() -> Self {
        Self {
            is_woken: AtomicBool::new(false),
            listened: AtomicU64::new(0),
            queue: registered(Waiting::default()),
            dropped: AtomicU64::new(0),
            waker: Mutex::default(),
            hubs: Mutex::default(),
        }
    }
}

impl EventSink {
    /// An empty sink without listeners.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what is called when the queue goes from empty to non-empty.
    pub fn on_first_event(&self, waker: impl Fn() + Send + Sync + 'static) {
        *self.waker.lock() = Some(Arc::new(waker));
    }

    /// Says which events have listeners, by name, `*` for all; other names are not the core's and are ignored.
    pub fn listen(&self, names: &[String]) {
        let is_named = |kind: &&EventKind| names.iter().any(|name| name == EVERYTHING || name == kind.name());
        let bits = EventKind::ALL.iter().filter(is_named);
        self.listened.store(bits.fold(0, |mask, kind| mask | kind.bit()), Ordering::Relaxed);
        self.tell_hubs();
    }

    /// Whether anybody listens to `kind`.
    pub fn has_listener(&self, kind: EventKind) -> bool {
        self.listened.load(Ordering::Relaxed) & kind.bit() != 0
    }

    /// Queues an event; `data` runs only when somebody listens.
    pub fn emit<T: Serialize>(&self, kind: EventKind, data: impl FnOnce() -> T) {
        if !self.has_listener(kind) {
            return;
        }
        let json = serde_json::to_string(&data())
            .expect("invariant: event data are plain structs and maps with string keys");
        let was_empty = {
            let (queue, bytes) = &mut *self.queue.0.lock();
            while queue.len() == QUEUE_CAPACITY
                || (!queue.is_empty() && *bytes + json.capacity() > QUEUE_BYTES)
            {
                *bytes -= queue.pop_front().map_or(0, |(_, json)| json.capacity());
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            *bytes += json.capacity();
            queue.push_back((kind, json));
            queue.len() == 1
        };
        // Cloned, so that no lock is held while it runs.
        let waker = if was_empty { self.waker.lock().clone() } else { None };
        if let Some(waker) = waker {
            waker();
        }
    }

    /// Calls the waker although no event waits: there is something else for JavaScript to do. Once until it has come.
    pub fn wake(&self) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        // Cloned, so that no lock is held while it runs.
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    /// Whether something waits.
    pub fn has_waiting(&self) -> bool {
        !self.queue.0.lock().0.is_empty()
    }

    /// Takes everything that waits as a JSON array of `[name, data]`; `None` when nothing waits.
    pub fn drain(&self) -> Option<String> {
        self.is_woken.store(false, Ordering::Release);
        let (events, _) = std::mem::take(&mut *self.queue.0.lock());
        if events.is_empty() {
            return None;
        }
        let rows: Vec<String> =
            events.iter().map(|(kind, json)| format!("[\"{}\",{json}]", kind.name())).collect();
        Some(format!("[{}]", rows.join(",")))
    }

    /// Lets go of the waker and of the listeners: nothing is queued any more.
    pub fn close(&self) {
        self.listened.store(0, Ordering::Relaxed);
        *self.waker.lock() = None;
        self.tell_hubs();
    }

    fn tell_hubs(&self) {
        let hubs: Vec<_> = self.hubs.lock().iter().filter_map(Weak::upgrade).collect();
        for hub in hubs {
            hub.look();
        }
    }

    /// Events given up because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The sinks of a part that several systems share. Not owned by it: a sink that is gone is forgotten.
#[derive(Debug, Default)]
pub struct EventHub {
    /// What any sink listens to.
    listened: AtomicU64,
    sinks: RwLock<Vec<Weak<EventSink>>>,
}

impl EventHub {
    /// Sends to `sink` too, from now on.
    pub fn attach(self: &Arc<Self>, sink: &Arc<EventSink>) {
        sink.hubs.lock().push(Arc::downgrade(self));
        self.sinks.write().push(Arc::downgrade(sink));
        self.look();
    }

    /// Whether anybody listens to `kind`. One atomic load.
    pub fn has_listener(&self, kind: EventKind) -> bool {
        self.listened.load(Ordering::Relaxed) & kind.bit() != 0
    }

    /// Queues an event in each sink that has a listener for it; `data` runs only then.
    pub fn emit<T: Serialize>(&self, kind: EventKind, data: impl Fn() -> T) {
        if self.has_listener(kind) {
            let sinks: Vec<_> = self.sinks.read().iter().filter_map(Weak::upgrade).collect();
            for sink in sinks {
                sink.emit(kind, &data);
            }
        }
    }

    fn look(&self) {
        let mut sinks = self.sinks.write();
        sinks.retain(|sink| sink.strong_count() > 0);
        let listened = sinks.iter().filter_map(Weak::upgrade);
        let mask = listened.fold(0, |mask, sink| mask | sink.listened.load(Ordering::Relaxed));
        self.listened.store(mask, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for EventSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventSink").field("waiting", &self.queue.0.lock().0.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
