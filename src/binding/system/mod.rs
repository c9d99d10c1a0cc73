//! A whole system: what `ProductionOptimizationSystem` of `js/` holds.

mod configuration;
mod driven;
mod optimize;
mod reports;
mod tuning;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Function, JsObjectValue, Object};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::RwLock;
use serde_json::json;

use crate::base::error::{Error, ErrorKind, Result};
use crate::binding::cache::{self, CacheView, whole};
use crate::binding::call::{guard, method, spawn};
use crate::binding::filter::{filter_call, parse_or_throw};
use crate::binding::jobs;
use crate::binding::memory::{self, heap};
use crate::binding::monitor;
use crate::binding::token_optimizer::{self, Holder};
use crate::engine::Engine;
use crate::orchestrator::settings_file::SettingsRequest;

/// The engine of a handle, until the handle is closed. V8 may collect a handle late, and does not know what an engine
/// weighs: closing frees it at once.
pub(crate) struct Slot(RwLock<Option<Arc<Engine>>>);

impl Slot {
    fn of(engine: &Arc<Engine>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Some(Arc::clone(engine)))))
    }

    pub(crate) fn engine(&self) -> Result<Arc<Engine>> {
        self.0
            .read()
            .clone()
            .ok_or_else(|| Error::new(ErrorKind::ShutDown, "the system was shut down; create a new one"))
    }
}

/// Opens a system. `wake` is called when events wait; it must not hold the system.
///
/// # Errors
/// Those of loading a configuration.
#[napi(catch_unwind)]
pub fn open_system<'env>(
    env: &'env Env,
    code_json: String,
    cwd: String,
    variables: HashMap<String, String>,
    wake: Function<'_, (), ()>,
) -> napi::Result<Object<'env>> {
    let code = parse_or_throw(&code_json)?;
    let request =
        SettingsRequest { code, cwd: cwd.into(), env: variables.into_iter().collect::<BTreeMap<_, _>>() };
    let engine = Arc::new(guard(|| Engine::open(&request))?);
    let opened = handle(env, &Slot::of(&engine), wake)?;
    engine.go_live();
    Ok(opened)
}

/// What a system can be asked for.
fn handle<'env>(env: &'env Env, slot: &Arc<Slot>, wake: Function<'_, (), ()>) -> napi::Result<Object<'env>> {
    // Weak: a forgotten system must not keep the process alive. Calls while one is queued are merged by the sink.
    let wake = wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build()?;
    guard(|| slot.engine())?.events().on_first_event(move || {
        wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let mut handle = Object::new(env)?;
    optimize::add(env, &mut handle, slot)?;
    add_questions(env, &mut handle, slot)?;
    add_lifecycle(env, &mut handle, slot)?;
    configuration::add(env, &mut handle, slot)?;
    reports::add(env, &mut handle, slot)?;
    tuning::add(env, &mut handle, slot)?;
    let shared = Arc::clone(slot);
    token_optimizer::add(env, &mut handle, &(Arc::new(move || Ok(Holder::Engine(shared.engine()?))) as _))?;
    let (shared, board) = (Arc::clone(slot), guard(|| Ok(Arc::clone(slot.engine()?.board())))?);
    let source: memory::Source = Arc::new(move || shared.engine().ok()?.memory());
    handle.set_named_property("memory", memory::handle(env, &source, &board)?)?;
    let shared = Arc::clone(slot);
    let source: monitor::Source = Arc::new(move || shared.engine().ok()?.monitor());
    handle.set_named_property("monitor", monitor::handle(env, &source)?)?;
    let shared = Arc::clone(slot);
    let source = move || shared.engine().ok()?.cache();
    let cache = cache::handle(env, &CacheView::root(Arc::new(source)))?;
    handle.set_named_property("cache", cache)?;
    Ok(handle)
}

fn add_questions(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    jobs::add(env, handle)?;
    let shared = Arc::clone(slot);
    method(env, handle, "refreshAgents", move |args| {
        let engine = shared.engine()?;
        let work = move || {
            engine.orchestrator().refresh_agents();
            Ok(())
        };
        spawn(args.env(), work, |()| ())
    })?;
    let (shared, untold) = (Arc::clone(slot), Arc::default());
    method(env, handle, "filter", move |args| {
        let filter = shared.engine()?.orchestrator().components().filter;
        let off = || Error::new(ErrorKind::NotAvailable, "context filtering is off");
        filter_call(&args, &filter.ok_or_else(off)?, &untold)
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "resolve", move |args| {
        Ok(shared.engine()?.resolve_reference(&args.get::<String>(0)?)?.to_string())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "sharedContext", move |_| Ok(shared.engine()?.shared_context().to_string()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "watch", move |_| {
        shared.engine()?.watch();
        Ok(())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "hasMemory", move |_| Ok(shared.engine()?.memory().is_some()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "hasCache", move |_| Ok(shared.engine()?.cache().is_some()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "hasFilter", move |_| {
        Ok(shared.engine()?.orchestrator().components().filter.is_some())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "hasMonitor", move |_| Ok(shared.engine()?.monitor().is_some()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "status", move |args| {
        Ok(shared.engine()?.status(Some(heap(&args, 0)?)).to_string())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "health", move |args| {
        Ok(shared.engine()?.health(Some(heap(&args, 0)?)).to_string())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "isProductionReady", move |_| Ok(shared.engine()?.is_production_ready()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "warnings", move |_| Ok(json!(shared.engine()?.warnings()).to_string()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "listen", move |args| {
        shared.engine()?.listen(&args.get::<Vec<String>>(0)?);
        Ok(())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "drainEvents", move |_| Ok(shared.engine()?.events().drain()))
}

fn add_lifecycle(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    let shared = Arc::clone(slot);
    method(env, handle, "maintain", move |args| {
        let engine = shared.engine()?;
        spawn(args.env(), move || engine.maintain(), |removed| removed as f64)
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "keepUp", move |args| {
        let engine = shared.engine()?;
        spawn(args.env(), move || engine.keep_up(), |()| ())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "shutDown", move |args| {
        let (engine, heap) = (shared.engine()?, heap(&args, 0)?);
        let (deadline, with_report) = (Duration::from_millis(whole(args.get(4)?)), args.get(5)?);
        spawn(
            args.env(),
            move || Ok(engine.shut_down(Some(heap), deadline, with_report)),
            |ended| json!({ "report": ended.report, "late": ended.late }).to_string(),
        )
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "close", move |_| {
        let engine = shared.0.write().take();
        if let Some(engine) = engine {
            engine.events().close();
        }
        Ok(())
    })
}
