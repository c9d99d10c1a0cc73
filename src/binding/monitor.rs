//! The production monitor: what `ProductionMonitor` of `js/` holds, and the part of a system's handle that is the same.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Float64Array, Function, Object};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use serde_json::{Value, json};

use super::call::{guard, method, spawn};
use super::filter::{parse, parse_or_throw};
use crate::base::clock::SystemClock;
use crate::base::config::{Configure, Environment};
use crate::base::error::Result;
use crate::monitor::alerts::Alert;
use crate::monitor::export::prometheus::Format;
use crate::monitor::sample::SampleRow;
use crate::monitor::{Monitor, MonitoringConfig, ReportForm, Surroundings};
use crate::telemetry::event::EventSink;
use crate::telemetry::metric::Metric;

/// Gives the monitor, as long as there is one.
pub(super) type Source = Arc<dyn Fn() -> Option<Arc<Monitor>>>;

/// Samples in columns, for the facade to assemble.
#[napi(object)]
pub struct MetricsColumns {
    /// Of each row: Unix ms, ms that it stands for, then the figures in the order of `metricColumns`; NaN is absent.
    pub rows: Float64Array,
    /// Of each operation of each row: row, name, requests, errors, mean, p50, p95, p99, max in ms.
    pub operations: Float64Array,
    /// Names of operations.
    pub names: Vec<String>,
    /// Cells of a row.
    pub width: u32,
}

impl MetricsColumns {
    fn of<'a>(samples: impl ExactSizeIterator<Item = &'a SampleRow>) -> Self {
        let mut rows = Vec::with_capacity(samples.len() * (Metric::COUNT + 2));
        let (mut operations, mut names) = (Vec::new(), Vec::new());
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        for (at, row) in samples.enumerate() {
            rows.extend([row.at_ms as f64, row.interval_ms as f64]);
            rows.extend(Metric::ALL.iter().map(|metric| row.figures.promised(*metric).unwrap_or(f64::NAN)));
            for operation in &row.operations {
                let place = *places.entry(Arc::clone(&operation.name)).or_insert_with(|| {
                    names.push(operation.name.to_string());
                    names.len() - 1
                });
                operations.extend([
                    at as f64,
                    place as f64,
                    operation.count as f64,
                    operation.errors as f64,
                    operation.mean_ms,
                    operation.p50_ms,
                    operation.p95_ms,
                    operation.p99_ms,
                    operation.max_ms,
                ]);
            }
        }
        Self {
            rows: rows.into(),
            operations: operations.into(),
            names,
            width: u32::try_from(Metric::COUNT + 2).expect("invariant: a table of some dozen rows"),
        }
    }
}

/// One row of the metric table.
#[napi(object)]
pub struct MetricColumn {
    /// Where it stands in `SystemMetrics`.
    pub path: String,
    /// What it is multiplied by to be rounded.
    pub per_one: f64,
}

/// The metric table, in its order.
#[napi(catch_unwind)]
pub fn metric_columns() -> Vec<MetricColumn> {
    let column = |metric: &Metric| {
        let row = metric.row();
        MetricColumn { path: row.path.to_owned(), per_one: row.unit.per_one() }
    };
    Metric::ALL.iter().map(column).collect()
}

/// Opens a monitor by itself. `wake` is called for a sign of life and when events wait; it must not hold the monitor.
///
/// # Errors
/// `E_CONFIG_INVALID` with every problem.
#[napi(catch_unwind)]
pub fn open_monitor<'env>(
    env: &'env Env,
    config_json: String,
    options_json: String,
    variables: HashMap<String, String>,
    wake: Function<'_, (), ()>,
) -> napi::Result<Object<'env>> {
    let (json, options) = (parse_or_throw(&config_json)?, parse_or_throw(&options_json)?);
    let config = guard(|| MonitoringConfig::default().updated("", &json))?;
    let events = Arc::new(EventSink::new());
    // Weak: a forgotten monitor must not keep the process alive.
    let wake = wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build()?;
    events.on_first_event(move || {
        wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let monitor = Monitor::new(config, surroundings(&json, &options, variables, Arc::clone(&events)));
    let source: Source = {
        let monitor = Arc::clone(&monitor);
        Arc::new(move || Some(Arc::clone(&monitor)))
    };
    let mut handle = handle(env, &source)?;
    let sink = Arc::clone(&events);
    method(env, &mut handle, "listen", move |args| {
        sink.listen(&args.get::<Vec<String>>(0)?);
        Ok(())
    })?;
    let sink = Arc::clone(&events);
    method(env, &mut handle, "drainEvents", move |_| Ok(sink.drain()))?;
    let shared = Arc::clone(&monitor);
    method(env, &mut handle, "updateConfig", move |args| {
        shared.check_running()?;
        let old = shared.config();
        let new = old.updated("", &parse(&args.get::<String>(0)?)?)?;
        let change = json!({ "oldConfig": old, "newConfig": new }).to_string();
        shared.set_config(new);
        Ok(change)
    })?;
    let shared = Arc::clone(&monitor);
    method(env, &mut handle, "warnings", move |_| Ok(json!(shared.problems()).to_string()))?;
    let shared = Arc::clone(&monitor);
    method(env, &mut handle, "start", move |_| {
        shared.start(true);
        Ok(())
    })?;
    method(env, &mut handle, "stop", move |args| {
        let monitor = Arc::clone(&monitor);
        let work = move || {
            monitor.stop();
            Ok(())
        };
        spawn(args.env(), work, |()| ())
    })?;
    method(env, &mut handle, "close", move |_| {
        events.close();
        Ok(())
    })?;
    Ok(handle)
}

fn surroundings(
    config: &Value,
    options: &Value,
    variables: HashMap<String, String>,
    events: Arc<EventSink>,
) -> Surroundings {
    use crate::base::config::Choice;
    let cwd = PathBuf::from(options["cwd"].as_str().unwrap_or("."));
    let directory = options["directory"].as_str().or_else(|| variables.get("CACHE_DIR").map(String::as_str));
    Surroundings {
        clock: Arc::new(SystemClock::new()),
        events,
        sources: None,
        directory: cwd.join(directory.unwrap_or(crate::cache::config::DEFAULT_CACHE_DIR)),
        has_disk: options["hasDisk"].as_bool().unwrap_or(true),
        variables: variables.into_iter().collect::<BTreeMap<_, _>>(),
        project: None,
        environment: config["environment"]
            .as_str()
            .and_then(Environment::from_name)
            .unwrap_or(Environment::Development),
        machine: None,
    }
}

/// What a monitor can be asked.
pub(super) fn handle<'env>(env: &'env Env, source: &Source) -> napi::Result<Object<'env>> {
    let mut handle = Object::new(env)?;
    add_records(env, &mut handle, source)?;
    add_figures(env, &mut handle, source)?;
    add_alerts(env, &mut handle, source)?;
    add_work(env, &mut handle, source)?;
    Ok(handle)
}

/// What JavaScript hands over. Without a monitor it goes nowhere.
fn add_records(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "pulse", move |_| Ok(shared().map_or(0, |monitor| monitor.pulse())))?;
    let shared = Arc::clone(source);
    method(env, handle, "operation", move |args| {
        let name: String = args.get(0)?;
        Ok(shared().map_or(0, |monitor| monitor.readings().operations().index_of(&name)))
    })?;
    let shared = Arc::clone(source);
    // Triples of operation, ms and whether it failed.
    method(env, handle, "record", move |args| {
        let requests: Float64Array = args.get(0)?;
        if let Some(monitor) = shared() {
            monitor.readings().operations().record_batch(&requests);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "watchPauses", move |_| {
        if let Some(monitor) = shared() {
            monitor.readings().gc().watched();
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "pause", move |args| {
        let (kind, ms) = (args.get(0)?, args.get(1)?);
        if let Some(monitor) = shared() {
            monitor.readings().gc().record(kind, ms);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "handFigures", move |args| {
        let said = parse(&args.get::<String>(0)?)?;
        if let Some(monitor) = shared() {
            monitor.hand_figures(&said);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "handAnswers", move |args| {
        let said = parse(&args.get::<String>(0)?)?;
        if let Some(monitor) = shared() {
            monitor.hand_answers(&said);
        }
        Ok(())
    })
}

fn add_figures(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "current", move |_| {
        let last = shared().and_then(|monitor| monitor.current());
        Ok(last.map(|row| MetricsColumns::of([&*row].into_iter())))
    })?;
    let shared = Arc::clone(source);
    // Hours, and the most samples or none.
    method(env, handle, "history", move |args| {
        let (hours, most): (f64, Option<u32>) = (args.get(0)?, args.get(1)?);
        let most = most.map(|most| most as usize);
        let rows = shared().map(|monitor| monitor.history(hours, most)).unwrap_or_default();
        Ok(MetricsColumns::of(rows.iter()))
    })?;
    for (name, tell) in [
        ("overall", (|monitor| monitor.overall()) as fn(&Arc<Monitor>) -> Value),
        ("status", |monitor| monitor.status()),
        ("silences", |monitor| monitor.silences()),
        ("degradations", |monitor| monitor.degradations()),
        ("recommendations", |monitor| json!(monitor.advice())),
    ] {
        let shared = Arc::clone(source);
        method(env, handle, name, move |_| Ok(shared().map(|monitor| tell(&monitor).to_string())))?;
    }
    let shared = Arc::clone(source);
    method(env, handle, "metricsText", move |args| {
        let format = if args.get(0)? { Format::OpenMetrics } else { Format::Prometheus };
        Ok(shared().map(|monitor| monitor.metrics_text(format)))
    })
}

fn add_alerts(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "alerts", move |args| {
        let hours: f64 = args.get(0)?;
        Ok(shared().map(|monitor| list(&monitor.alerts(hours))))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "resolveAlert", move |args| {
        let id: String = args.get(0)?;
        Ok(shared().is_some_and(|monitor| monitor.resolve_alert(&id)))
    })?;
    let shared = Arc::clone(source);
    // JSON of the alert, or of `null` when the same was made lately; nothing without a monitor.
    method(env, handle, "createAlert", move |args| {
        let said = parse(&args.get::<String>(0)?)?;
        let Some(monitor) = shared() else { return Ok(None) };
        Ok(Some(json!(monitor.create_alert(&said)?.as_deref()).to_string()))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "silence", move |args| {
        let said = parse(&args.get::<String>(0)?)?;
        let Some(monitor) = shared() else { return Ok(None) };
        Ok(Some(monitor.silence(&said)?.to_string()))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "removeSilence", move |args| {
        let id: String = args.get(0)?;
        Ok(shared().map(|monitor| monitor.remove_silence(&id)))
    })
}

fn list(alerts: &[Arc<Alert>]) -> String {
    json!(alerts.iter().map(|alert| &**alert).collect::<Vec<_>>()).to_string()
}

fn add_work(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "test", move |args| {
        let (channel, monitor): (Option<String>, _) = (args.get(0)?, shared());
        let work = move || -> Result<Option<String>> {
            let Some(monitor) = monitor else { return Ok(None) };
            Ok(Some(monitor.test_alert(channel.as_deref())?.to_string()))
        };
        spawn(args.env(), work, |json| json)
    })?;
    let shared = Arc::clone(source);
    // Path or none, the directory, `json` or `html` or none.
    method(env, handle, "writeReport", move |args| {
        let (path, directory): (Option<String>, String) = (args.get(0)?, args.get(1)?);
        let form = args.get::<Option<String>>(2)?.map(|form| match form.as_str() {
            "html" => ReportForm::Html,
            _ => ReportForm::Json,
        });
        let monitor = shared();
        let work = move || {
            let Some(monitor) = monitor else { return Ok(None) };
            let path = path.map(PathBuf::from);
            monitor.write_report(path.as_deref(), &PathBuf::from(directory), form).map(Some)
        };
        spawn(args.env(), work, |path: Option<PathBuf>| path.map(|path| path.to_string_lossy().into_owned()))
    })
}
