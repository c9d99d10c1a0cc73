//! What a cache does beside single entries: moving many, emptying, statistics, its life.

use std::sync::Arc;

use napi::bindgen_prelude::{Function, JsValue, Object, ToNapiValue};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, sys};
use napi_derive::napi;
use parking_lot::RwLock;
use serde_json::json;

use super::cache::{CacheView, Source, handle, scope};
use super::call::{guard, method, spawn};
use super::filter::{parse, parse_or_throw};
use super::jobs::{self, Jobs};
use crate::base::clock::SystemClock;
use crate::base::config::Configure;
use crate::base::error::{Error, ErrorKind, Problem, Result};
use crate::cache::transfer::Cursor;
use crate::cache::{CacheConfig, CacheManager, Keys, Layer, OpenCache, Scope};
use crate::orchestrator::cache_advice;
use crate::orchestrator::health::cache_score;
use crate::telemetry::event::EventSink;

/// How long a process that ends waits for what is to be written.
const EXIT_DEADLINE_MS: u64 = 2000;

/// Opens a cache by itself. `wake` is called when events wait; it must not hold the cache.
///
/// # Errors
/// `E_CONFIG_INVALID` with every problem.
#[napi(catch_unwind)]
pub fn open_cache<'env>(
    env: &'env Env,
    config_json: String,
    cwd: String,
    wake: Function<'_, (), ()>,
) -> napi::Result<Object<'env>> {
    let json = parse_or_throw(&config_json)?;
    let config = guard(|| CacheConfig::default().updated("", &json))?;
    let open = OpenCache::open(config, cwd.into(), Arc::new(SystemClock::new()));
    let events = Arc::new(EventSink::new());
    open.manager().hub().attach(&events);
    // Weak: a forgotten cache must not keep the process alive.
    let wake = wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build()?;
    events.on_first_event(move || {
        wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let open = Arc::new(open);
    let slot = Arc::new(RwLock::new(Some(Arc::clone(&open))));
    let source: Source = {
        let slot = Arc::clone(&slot);
        Arc::new(move || slot.read().clone())
    };
    let mut handle = handle(env, &CacheView::of(open, Arc::clone(&source)))?;
    let (sink, listened) = (Arc::clone(&events), Arc::clone(&source));
    method(env, &mut handle, "listen", move |args| {
        let names: Vec<String> = args.get(0)?;
        match listened() {
            Some(open) => open.manager().listen(&sink, &names),
            None => sink.listen(&names),
        }
        Ok(())
    })?;
    let sink = Arc::clone(&events);
    method(env, &mut handle, "drainEvents", move |_| Ok(sink.drain()))?;
    let shared = Arc::clone(&source);
    // JSON `{ oldConfig, newConfig }`, in force at once; `settle` does what takes time.
    method(env, &mut handle, "configure", move |args| {
        let partial = args.get::<String>(0)?;
        let open = shared().ok_or_else(CacheManager::closed)?;
        let change = open.manager().configure(|old| updated(old, &partial))?;
        Ok(json!({ "oldConfig": change.old, "newConfig": change.new }).to_string())
    })?;
    let shared = source;
    method(env, &mut handle, "settle", move |args| {
        let source = Arc::clone(&shared);
        let work = move || {
            if let Some(open) = source() {
                open.manager().settle();
            }
            Ok(())
        };
        spawn(args.env(), work, |()| ())
    })?;
    method(env, &mut handle, "stop", move |args| {
        let open = slot.write().take();
        let work = move || {
            if let Some(open) = open {
                open.close();
            }
            Ok(())
        };
        spawn(args.env(), work, |()| ())
    })?;
    let sink = events;
    method(env, &mut handle, "close", move |_| {
        sink.close();
        Ok(())
    })?;
    Ok(handle)
}

/// The settings of an open cache with some of them changed.
fn updated(old: &CacheConfig, partial_json: &str) -> Result<CacheConfig> {
    let new = old.updated("", &parse(partial_json)?)?;
    if new.namespace == old.namespace {
        return Ok(new);
    }
    let message = "cannot change while the cache is open; open another one".to_owned();
    Err(Error::config(vec![Problem { path: "namespace".to_owned(), message }]))
}

/// Writes what waits in every cache and monitor of the process, which is about to end, and ends the sockets of this thread's
/// systems. Blocks, about two seconds at most for each cache.
#[napi(catch_unwind)]
pub fn flush_caches() {
    crate::engine::leave_all();
    crate::monitor::flush_all();
    crate::cache::registry::flush_all(std::time::Duration::from_millis(EXIT_DEADLINE_MS));
}

pub(super) fn add_upkeep(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    add_many(env, handle, view)?;
    add_files(env, handle, view)?;
    let shared = view.clone();
    method(env, handle, "stats", move |_| {
        Ok(shared.cache().map(|open| json!(open.manager().stats()).to_string()))
    })?;
    let shared = view.clone();
    method(env, handle, "advice", move |_| {
        let sizes = shared.cache().map(|open| open.manager().advice()).unwrap_or_default();
        Ok(json!(sizes.iter().map(cache_advice).collect::<Vec<_>>()).to_string())
    })?;
    let shared = view.clone();
    method(env, handle, "healthScore", move |_| {
        Ok(shared.cache().map_or(0.0, |open| cache_score(&open.manager().stats())))
    })?;
    let shared = view.clone();
    method(env, handle, "config", move |_| {
        Ok(shared.cache().map(|open| json!(open.manager().config()).to_string()))
    })?;
    work(env, handle, view, "flush", |cache| cache.flush(true).map(|()| 0.0))?;
    work(env, handle, view, "waitForRoom", |cache| {
        cache.wait_for_room();
        Ok(0.0)
    })?;
    work(env, handle, view, "maintain", |cache| Ok(cache.maintain() as f64))?;
    work(env, handle, view, "warmMostUsed", |cache| Ok(cache.warm_most_used().found as f64))
}

/// Adds a function that runs `what` on Node's pool and gives its number.
fn work(
    env: &Env,
    handle: &mut Object,
    view: &CacheView,
    name: &str,
    what: fn(&CacheManager) -> Result<f64>,
) -> napi::Result<()> {
    let shared = view.clone();
    method(env, handle, name, move |args| {
        let view = shared.clone();
        let run = move || view.cache().map_or(Ok(0.0), |open| what(open.manager()));
        spawn(args.env(), run, |number| number)
    })
}

fn add_many(env: &Env, handle_object: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    method(env, handle_object, "namespace", move |args| {
        let made = handle(args.env(), &shared.child(args.get(0)?));
        made.map(|made| Detached(made.raw()))
            .map_err(|error| Error::new(ErrorKind::Internal, error.reason.clone()))
    })?;
    let shared = view.clone();
    method(env, handle_object, "clear", move |args| {
        let (view, layer) = (shared.clone(), layer(args.get::<Option<String>>(0)?.as_deref())?);
        let run = move || view.open().map_or(Ok(()), |(open, name)| open.manager().clear(&name, layer));
        spawn(args.env(), run, |()| ())
    })?;
    let shared = view.clone();
    // JSON `{ total, found }` of keys in the order given, of a job that can be cancelled.
    method(env, handle_object, "warm", move |args| {
        let (view, queries, job): (_, Vec<String>, u32) = (shared.clone(), args.get(0)?, args.get(1)?);
        let run = move || {
            let job = Jobs::begin(job);
            let warmed = view.open().map(|(open, namespace)| {
                let keys = |query: &String| Keys::new(&namespace, &Scope::default(), query);
                let keys: Vec<Keys> = queries.iter().map(keys).collect();
                open.manager().warm(&keys, &|| job.is_cancelled())
            });
            let warmed = warmed.unwrap_or_default();
            Ok(json!({ "total": warmed.total, "found": warmed.found }).to_string())
        };
        spawn(args.env(), run, |warmed| warmed)
    })?;
    let shared = view.clone();
    // JSON `{ keys, cursor }`; the cursor of the last page is null.
    method(env, handle_object, "keys", move |args| {
        let (view, prefixes, cursor): (_, Vec<String>, Option<String>) =
            (shared.clone(), args.get(0)?, args.get(1)?);
        let scope = scope(&args, 2)?;
        let run = move || {
            let Some((open, namespace)) = view.open() else {
                return Ok(r#"{"keys":[],"cursor":null}"#.to_owned());
            };
            let cursor = cursor.as_deref().and_then(Cursor::parse);
            let (keys, next) = open.manager().keys(&namespace, &scope, &prefixes, cursor)?;
            Ok(json!({ "keys": keys, "cursor": next.map(|next| next.to_string()) }).to_string())
        };
        spawn(args.env(), run, |page| page)
    })
}

/// Files of entries, and jobs.
fn add_files(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    let shared = view.clone();
    method(env, handle, "dump", move |args| {
        let (view, path, job): (_, String, u32) = (shared.clone(), args.get(0)?, args.get(1)?);
        let run = move || {
            let job = Jobs::begin(job);
            let (open, namespace) = view.open().ok_or_else(CacheManager::closed)?;
            let written = open.manager().dump(&namespace, path.as_ref(), job.watch())?;
            Ok(json!({ "entries": written.entries, "bytes": written.bytes }).to_string())
        };
        spawn(args.env(), run, |written| written)
    })?;
    let shared = view.clone();
    method(env, handle, "load", move |args| {
        let (view, path, job): (_, String, u32) = (shared.clone(), args.get(0)?, args.get(1)?);
        let run = move || {
            let job = Jobs::begin(job);
            let (open, namespace) = view.open().ok_or_else(CacheManager::closed)?;
            let loaded = open.manager().load(&namespace, path.as_ref(), job.watch())?;
            Ok(json!({ "entries": loaded.entries, "skipped": loaded.skipped }).to_string())
        };
        spawn(args.env(), run, |loaded| loaded)
    })?;
    jobs::add(env, handle)
}

pub(super) fn layer(name: Option<&str>) -> Result<Option<Layer>> {
    match name {
        None => Ok(None),
        Some("L1") => Ok(Some(Layer::L1)),
        Some("L2") => Ok(Some(Layer::L2)),
        Some("L3") => Ok(Some(Layer::L3)),
        Some(_) => Err(Error::new(ErrorKind::InvalidArgument, "layer must be \"L1\", \"L2\" or \"L3\"")),
    }
}

/// An object that is handed to JavaScript in the call that made it.
pub(super) struct Detached(pub(super) sys::napi_value);

impl ToNapiValue for Detached {
    #[expect(unsafe_code, reason = "the trait's signature")]
    unsafe fn to_napi_value(_env: sys::napi_env, made: Self) -> napi::Result<sys::napi_value> {
        Ok(made.0)
    }
}
