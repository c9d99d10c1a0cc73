//! The metric table: every figure that the monitor samples, one row each. What people look at in `getCurrentMetrics()`,
//! what rules compare, what is kept on disk and what is exported are all made from it.
//!
//! A row says where the figure stands in `SystemMetrics` (its path), in which unit it is shown there, and under which name and
//! by which factor it is exported in the base unit of the field (seconds, bytes, ratios). It holds no values.

/// How a figure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, from 0 at the start of the process.
    Counter,
}

/// The unit in which a figure is shown in `SystemMetrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 2^20 bytes; exported as bytes.
    Megabytes,
    /// Bytes.
    Bytes,
    /// 0–100 (of a core: may exceed 100); exported as a ratio.
    Percent,
    /// 0–1.
    Ratio,
    /// Milliseconds; exported as seconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Per second.
    PerSecond,
    /// Tokens.
    Tokens,
    /// A count without a unit.
    One,
    /// US dollars.
    Dollars,
}

impl Unit {
    /// What a value is multiplied by to be rounded to the decimals it is shown with: three for ms, four for ratios and dollars,
    /// two for the rest.
    pub const fn per_one(self) -> f64 {
        match self {
            Self::Milliseconds => 1e3,
            Self::Ratio | Self::Dollars => 1e4,
            _ => 1e2,
        }
    }

    /// By what a shown value is multiplied to be in the unit it is exported in.
    pub const fn export_factor(self) -> f64 {
        match self {
            Self::Megabytes => 1_048_576.0,
            Self::Percent => 0.01,
            Self::Milliseconds => 0.001,
            _ => 1.0,
        }
    }

    /// The name that people read beside a value as it is shown.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Megabytes => "MB",
            Self::Bytes => "bytes",
            Self::Percent => "%",
            Self::Ratio => "0–1",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Tokens => "tokens",
            Self::One => "",
            Self::Dollars => "USD",
        }
    }

    /// The unit of the exported value as UCUM has it, which OpenTelemetry asks for.
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Megabytes | Self::Bytes => "By",
            Self::Percent | Self::Ratio | Self::One => "1",
            Self::Milliseconds | Self::Seconds => "s",
            Self::PerSecond => "{request}/s",
            Self::Tokens => "{token}",
            Self::Dollars => "{USD}",
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct MetricRow {
    /// Where it stands in `SystemMetrics`, and how rules name it: `memory.percentage`.
    pub path: &'static str,
    /// Unit of the figure as shown.
    pub unit: Unit,
    /// How it behaves.
    pub kind: Kind,
    /// Its name in Prometheus; counters end in `_total`.
    pub prometheus: &'static str,
    /// Its label there, `name=value`; empty for none. Rows that share a name differ in it.
    pub label: (&'static str, &'static str),
    /// Its name in OpenTelemetry: that of the semantic conventions where they have one for the same thing. `{key=value}` after
    /// it is its attribute there.
    pub otel: &'static str,
    /// What it is, one sentence without a full stop.
    pub help: &'static str,
    /// Where it is read, for the documentation.
    pub source: &'static str,
}

macro_rules! metrics {
    ($($variant:ident = $path:literal, $unit:ident, $kind:ident, $prometheus:literal, $label:expr, $otel:literal, $help:literal, $source:literal;)+) => {
        /// A figure of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each has its help in the table")]
        pub enum Metric { $($variant),+ }

        impl Metric {
            /// Every figure, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// Its row.
            pub const fn row(self) -> MetricRow {
                match self {
                    $(Self::$variant => MetricRow {
                        path: $path,
                        unit: Unit::$unit,
                        kind: Kind::$kind,
                        prometheus: $prometheus,
                        label: $label,
                        otel: $otel,
                        help: $help,
                        source: $source,
                    }),+
                }
            }
        }
    };
}

/// No label.
const NONE: (&str, &str) = ("", "");

metrics! {
    MemoryProcess = "memory.process", Megabytes, Gauge, "agentwise_memory_resident_bytes", NONE, "process.memory.usage", "Resident set of the process", "memory manager";
    MemorySystem = "memory.system", Megabytes, Gauge, "agentwise_memory_system_used_bytes", NONE, "system.memory.usage{system.memory.state=used}", "Memory of the machine in use: total less available", "`/proc/meminfo`";
    MemoryAvailable = "memory.available", Megabytes, Gauge, "agentwise_memory_system_available_bytes", NONE, "system.memory.linux.available", "Memory of the machine that can still be had", "`/proc/meminfo`: MemAvailable";
    MemoryPercentage = "memory.percentage", Percent, Gauge, "agentwise_memory_usage_ratio", NONE, "agentwise.memory.utilization", "Share in use of the limit that is nearest", "memory manager";
    MemoryLimit = "memory.limit", Megabytes, Gauge, "agentwise_memory_limit_bytes", NONE, "agentwise.memory.limit", "The limit that is nearest", "memory manager";
    HeapUsed = "memory.heapUsed", Megabytes, Gauge, "agentwise_v8_heap_used_bytes", NONE, "v8js.memory.heap.used{v8js.heap.space.name=all}", "V8's heap in use", "`v8.getHeapStatistics()`";
    HeapLimit = "memory.heapLimit", Megabytes, Gauge, "agentwise_v8_heap_limit_bytes", NONE, "agentwise.v8js.memory.heap.limit", "What V8's heap may use", "`v8.getHeapStatistics()`";
    External = "memory.external", Megabytes, Gauge, "agentwise_v8_external_bytes", NONE, "agentwise.v8js.memory.external", "Memory outside of the heap held by JavaScript objects", "`process.memoryUsage()`";
    Native = "memory.native", Megabytes, Gauge, "agentwise_native_allocated_bytes", NONE, "agentwise.native.allocated", "Memory that this package's native code has allocated", "its allocator";
    CpuUsage = "cpu.usage", Percent, Gauge, "agentwise_cpu_host_usage_ratio", NONE, "system.cpu.utilization", "Share of the machine's processor time in use since the last sample", "`/proc/stat`";
    CpuProcess = "cpu.process", Percent, Gauge, "agentwise_cpu_process_usage_cores", NONE, "agentwise.process.cpu.cores", "Processor time of the process since the last sample; 100 % is one core", "`/proc/self/stat`";
    CpuTime = "cpu.time", Seconds, Counter, "agentwise_cpu_process_seconds_total", NONE, "agentwise.process.cpu.time", "Processor time of the process, user and system", "`/proc/self/stat`";
    CpuCores = "cpu.cores", One, Gauge, "agentwise_cpu_cores", NONE, "agentwise.cpu.cores", "Processors that the process may use", "affinity and cgroup";
    Load1 = "cpu.loadAverage.0", One, Gauge, "agentwise_load_average", ("minutes", "1"), "agentwise.system.load.1m", "Load average of 1, 5 and 15 minutes", "`/proc/loadavg`";
    Load5 = "cpu.loadAverage.1", One, Gauge, "agentwise_load_average", ("minutes", "5"), "agentwise.system.load.5m", "Load average of 1, 5 and 15 minutes", "`/proc/loadavg`";
    Load15 = "cpu.loadAverage.2", One, Gauge, "agentwise_load_average", ("minutes", "15"), "agentwise.system.load.15m", "Load average of 1, 5 and 15 minutes", "`/proc/loadavg`";
    DiskUsage = "disk.usage", Megabytes, Gauge, "agentwise_disk_used_bytes", NONE, "system.filesystem.usage{system.filesystem.state=used}", "Used space of the file system of the cache directory", "`statvfs`";
    DiskAvailable = "disk.available", Megabytes, Gauge, "agentwise_disk_available_bytes", NONE, "system.filesystem.usage{system.filesystem.state=free}", "Space there that is available to users", "`statvfs`";
    DiskPercentage = "disk.percentage", Percent, Gauge, "agentwise_disk_usage_ratio", NONE, "system.filesystem.utilization{system.filesystem.state=used}", "Used space of what is used or available, as `df` has it", "`statvfs`";
    LoopP50 = "eventLoop.p50", Milliseconds, Gauge, "agentwise_event_loop_delay_seconds", ("statistic", "p50"), "nodejs.eventloop.delay.p50", "How long work for the event loop waited since the last sample", "wake-ups of a thread";
    LoopP99 = "eventLoop.p99", Milliseconds, Gauge, "agentwise_event_loop_delay_seconds", ("statistic", "p99"), "nodejs.eventloop.delay.p99", "How long work for the event loop waited since the last sample", "wake-ups of a thread";
    LoopMax = "eventLoop.max", Milliseconds, Gauge, "agentwise_event_loop_delay_seconds", ("statistic", "max"), "nodejs.eventloop.delay.max", "How long work for the event loop waited since the last sample", "wake-ups of a thread";
    LoopUtilization = "eventLoop.utilization", Ratio, Gauge, "agentwise_event_loop_utilization_ratio", NONE, "nodejs.eventloop.utilization", "Share of its time that the event loop was not idle", "`performance.eventLoopUtilization()`";
    GcCount = "gc.count", One, Counter, "agentwise_gc_collections_total", NONE, "agentwise.v8js.gc.count", "Garbage collections", "`PerformanceObserver`";
    GcTime = "gc.time", Milliseconds, Counter, "agentwise_gc_pause_seconds_total", NONE, "agentwise.v8js.gc.time", "Time in which garbage collection kept JavaScript waiting", "`PerformanceObserver`";
    GcMax = "gc.max", Milliseconds, Gauge, "agentwise_gc_pause_max_seconds", NONE, "agentwise.v8js.gc.max", "Longest such pause since the last sample", "`PerformanceObserver`";
    ResponseTime = "performance.responseTime", Milliseconds, Gauge, "agentwise_response_time_seconds", ("statistic", "p95"), "agentwise.response.time.p95", "95 % of the requests since the last sample were answered within", "around the calls";
    ResponseP50 = "performance.p50", Milliseconds, Gauge, "agentwise_response_time_seconds", ("statistic", "p50"), "agentwise.response.time.p50", "50 % of the requests since the last sample were answered within", "around the calls";
    ResponseP99 = "performance.p99", Milliseconds, Gauge, "agentwise_response_time_seconds", ("statistic", "p99"), "agentwise.response.time.p99", "99 % of the requests since the last sample were answered within", "around the calls";
    ResponseMax = "performance.max", Milliseconds, Gauge, "agentwise_response_time_seconds", ("statistic", "max"), "agentwise.response.time.max", "The slowest request since the last sample", "around the calls";
    Throughput = "performance.throughput", PerSecond, Gauge, "agentwise_throughput_requests_per_second", NONE, "agentwise.throughput", "Requests a second since the last sample", "around the calls";
    ErrorRate = "performance.errorRate", Percent, Gauge, "agentwise_error_ratio", NONE, "agentwise.error.ratio", "Share of the requests since the last sample that failed", "around the calls";
    SlowestP95 = "performance.slowestP95", Milliseconds, Gauge, "agentwise_slowest_operation_p95_seconds", NONE, "agentwise.slowest.operation.p95", "95 % of the requests of the last minute were answered within, for the operation for which that is longest", "around the calls";
    RecentErrorRate = "performance.recentErrorRate", Percent, Gauge, "agentwise_recent_error_ratio", NONE, "agentwise.recent.error.ratio", "Share of the requests of the last minute that failed, while there were 10", "around the calls";
    Requests = "performance.requests", One, Counter, "agentwise_all_requests_total", NONE, "agentwise.requests", "Requests of all operations", "around the calls";
    Errors = "performance.errors", One, Counter, "agentwise_all_request_errors_total", NONE, "agentwise.request.errors", "Requests of all operations that failed", "around the calls";
    CacheHitRate = "cache.overall.hitRate", Ratio, Gauge, "agentwise_cache_hit_ratio", NONE, "agentwise.cache.hit.ratio", "Hits per lookup since the start", "cache";
    CacheRecentHitRate = "cache.recentHitRate", Percent, Gauge, "agentwise_cache_recent_hit_ratio", NONE, "agentwise.cache.recent.hit.ratio", "Hits per lookup of the last 5 minutes, while there were 20 lookups", "cache";
    CacheHits = "cache.overall.totalHits", One, Counter, "agentwise_cache_hits_total", NONE, "agentwise.cache.hits", "Lookups that found a value", "cache";
    CacheMisses = "cache.overall.totalMisses", One, Counter, "agentwise_cache_misses_total", NONE, "agentwise.cache.misses", "Lookups that found none", "cache";
    CacheEvictions = "cache.overall.evictions", One, Counter, "agentwise_cache_evictions_total", NONE, "agentwise.cache.evictions", "Entries that L1 gave up for lack of room", "cache";
    CacheSimilar = "cache.overall.similarityDetections", One, Counter, "agentwise_cache_similar_hits_total", NONE, "agentwise.cache.similar.hits", "Lookups answered with the entry of a query in other words", "cache";
    CacheL1Entries = "cache.l1.entries", One, Gauge, "agentwise_cache_entries", ("layer", "l1"), "agentwise.cache.entries{agentwise.cache.layer=l1}", "Entries of the layer", "cache";
    CacheL2Entries = "cache.l2.entries", One, Gauge, "agentwise_cache_entries", ("layer", "l2"), "agentwise.cache.entries{agentwise.cache.layer=l2}", "Entries of the layer", "cache";
    CacheL3Entries = "cache.l3.entries", One, Gauge, "agentwise_cache_entries", ("layer", "l3"), "agentwise.cache.entries{agentwise.cache.layer=l3}", "Entries of the layer", "cache";
    CacheL1Max = "cache.l1.maxSize", One, Gauge, "agentwise_cache_max_entries", ("layer", "l1"), "agentwise.cache.max.entries{agentwise.cache.layer=l1}", "Most entries of the layer", "cache";
    CacheL1Size = "cache.l1.sizeMB", Megabytes, Gauge, "agentwise_cache_size_bytes", ("layer", "l1"), "agentwise.cache.size{agentwise.cache.layer=l1}", "What the layer holds", "cache";
    CacheL2Size = "cache.l2.sizeMB", Megabytes, Gauge, "agentwise_cache_size_bytes", ("layer", "l2"), "agentwise.cache.size{agentwise.cache.layer=l2}", "What the layer holds", "cache";
    CacheL3Size = "cache.l3.sizeMB", Megabytes, Gauge, "agentwise_cache_size_bytes", ("layer", "l3"), "agentwise.cache.size{agentwise.cache.layer=l3}", "What the layer holds", "cache";
    CacheL1MaxSize = "cache.l1.maxSizeMB", Megabytes, Gauge, "agentwise_cache_max_size_bytes", ("layer", "l1"), "agentwise.cache.max.size{agentwise.cache.layer=l1}", "What the layer may hold", "cache";
    CacheL2MaxSize = "cache.l2.maxSizeMB", Megabytes, Gauge, "agentwise_cache_max_size_bytes", ("layer", "l2"), "agentwise.cache.max.size{agentwise.cache.layer=l2}", "What the layer may hold", "cache";
    CacheL3MaxSize = "cache.l3.maxSizeMB", Megabytes, Gauge, "agentwise_cache_max_size_bytes", ("layer", "l3"), "agentwise.cache.max.size{agentwise.cache.layer=l3}", "What the layer may hold", "cache";
    CacheL1HitRate = "cache.l1.hitRate", Ratio, Gauge, "agentwise_cache_layer_hit_ratio", ("layer", "l1"), "agentwise.cache.layer.hit.ratio{agentwise.cache.layer=l1}", "Hits per lookup that came to the layer, since the start", "cache";
    CacheL2HitRate = "cache.l2.hitRate", Ratio, Gauge, "agentwise_cache_layer_hit_ratio", ("layer", "l2"), "agentwise.cache.layer.hit.ratio{agentwise.cache.layer=l2}", "Hits per lookup that came to the layer, since the start", "cache";
    CacheL3HitRate = "cache.l3.hitRate", Ratio, Gauge, "agentwise_cache_layer_hit_ratio", ("layer", "l3"), "agentwise.cache.layer.hit.ratio{agentwise.cache.layer=l3}", "Hits per lookup that came to the layer, since the start", "cache";
    CacheCompression = "cache.l3.compressionRatio", Ratio, Gauge, "agentwise_cache_compression_ratio", ("layer", "l3"), "agentwise.cache.compression.ratio{agentwise.cache.layer=l3}", "Stored bytes per byte of values", "cache";
    FilterContexts = "filter.contexts", One, Counter, "agentwise_filter_contexts_total", NONE, "agentwise.filter.contexts", "Contexts that the filter worked on", "context filter";
    FilterBytesIn = "filter.bytesIn", Bytes, Counter, "agentwise_filter_input_bytes_total", NONE, "agentwise.filter.input", "Bytes of contexts before the filter", "context filter";
    FilterBytesOut = "filter.bytesOut", Bytes, Counter, "agentwise_filter_output_bytes_total", NONE, "agentwise.filter.output", "Bytes of contexts after the filter", "context filter";
    TokensIn = "tokens.original", Tokens, Counter, "agentwise_tokens_original_total", NONE, "agentwise.tokens.original", "Tokens of the contexts that were to be sent", "token optimizer";
    TokensOut = "tokens.sent", Tokens, Counter, "agentwise_tokens_sent_total", NONE, "agentwise.tokens.sent", "Tokens of what was to be sent instead", "token optimizer";
    TokensUsed = "tokens.used", Tokens, Counter, "agentwise_tokens_used_total", NONE, "agentwise.tokens.used", "Tokens reported by `trackUsage`", "token optimizer";
    TokensCost = "tokens.savedDollars", Dollars, Gauge, "agentwise_tokens_saved_dollars", NONE, "agentwise.tokens.saved.cost", "What the tokens saved would have cost, where a model's price is known", "token optimizer";
    AgentsActive = "agents.active", One, Gauge, "agentwise_agents", ("state", "active"), "agentwise.agents.active", "Agents known to the memory manager", "memory manager";
    AgentsThrottled = "agents.throttled", One, Gauge, "agentwise_agents", ("state", "throttled"), "agentwise.agents.throttled", "Agents that are to wait", "memory manager";
    AgentsMemory = "agents.totalMemory", Megabytes, Gauge, "agentwise_agents_memory_bytes", NONE, "agentwise.agents.memory", "Contexts and caches that agents hold", "memory manager";
    HealthScore = "health.score", One, Gauge, "agentwise_health_score", NONE, "agentwise.health.score", "Health of the whole, 0 to 100", "health checks";
    AlertsActive = "alerts.active", One, Gauge, "agentwise_alerts_active", NONE, "agentwise.alerts.active", "Alerts that are not resolved", "alerts";
    Uptime = "uptime", Seconds, Gauge, "agentwise_uptime_seconds", NONE, "agentwise.uptime", "Time since the monitor was started", "monotonic clock";
}

impl Metric {
    /// Whether the public API promises a number: without data it is 0 there. Rules, charts and exports have none then.
    pub const fn is_promised(self) -> bool {
        matches!(
            self,
            Self::ResponseTime
                | Self::Throughput
                | Self::ErrorRate
                | Self::AgentsActive
                | Self::AgentsThrottled
                | Self::AgentsMemory
                | Self::CacheHitRate
                | Self::CacheHits
                | Self::CacheMisses
                | Self::CacheEvictions
                | Self::CacheSimilar
                | Self::CacheL1Entries
                | Self::CacheL2Entries
                | Self::CacheL3Entries
                | Self::CacheL1Max
                | Self::CacheL2Size
                | Self::CacheL3Size
                | Self::CacheL2MaxSize
                | Self::CacheL3MaxSize
                | Self::CacheL1HitRate
                | Self::CacheL2HitRate
                | Self::CacheL3HitRate
                | Self::CacheCompression
        )
    }

    /// The figure at this path of `SystemMetrics`.
    pub fn at_path(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.row().path == path)
    }
}

/// A value for each row; what could not be read is absent, never a guess.
#[derive(Clone)]
pub struct Figures(Box<[f64; Metric::COUNT]>);

impl PartialEq for Figures {
    fn eq(&self, other: &Self) -> bool {
        // What is absent in both is the same, which NaN would not be.
        self.0.iter().zip(other.0.iter()).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
    }
}

impl Default for Figures {
    fn default() -> Self {
        Self(Box::new([f64::NAN; Metric::COUNT]))
    }
}

impl Figures {
    /// The figure as shown, if there is one.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        Some(self.0[metric as usize]).filter(|value| value.is_finite())
    }

    /// Sets a figure; NaN and infinities are no figures and leave it absent.
    pub fn set(&mut self, metric: Metric, value: impl Into<Option<f64>>) {
        self.0[metric as usize] = value.into().filter(|value| value.is_finite()).unwrap_or(f64::NAN);
    }

    /// As the public API has it: 0 for what it promises and there is no data for.
    pub fn promised(&self, metric: Metric) -> Option<f64> {
        self.get(metric).or(metric.is_promised().then_some(0.0))
    }

    /// Those that are there.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> {
        Metric::ALL.iter().filter_map(|metric| Some((*metric, self.get(*metric)?)))
    }
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|(metric, value)| (metric.row().path, value))).finish()
    }
}
