//! The memory manager: what `MemoryManager` of `js/` holds, and the part of a system's handle that is the same.

use std::path::PathBuf;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Float64Array, Function, JsObjectValue, Object};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use serde_json::json;

use super::cache::whole;
use super::call::{Args, guard, method, spawn};
use super::filter::{parse, parse_or_throw};
use crate::base::config::Configure;
use crate::base::error::{Error, ErrorKind, Result};
use crate::engine::check_agent_id;
use crate::memory::board::{Board, CELLS};
use crate::memory::{MemoryConfig, MemoryManager, V8Heap};
use crate::orchestrator::new_memory_manager;
use crate::telemetry::event::EventSink;

/// Gives the manager, as long as there is one.
pub(super) type Source = Arc<dyn Fn() -> Option<Arc<MemoryManager>>>;

/// JavaScript is to collect garbage.
const COLLECT: u32 = 1;
/// JavaScript is to let go of decoded values.
const DROP_DECODED: u32 = 2;

/// Opens a memory manager. `wake` is called with every sample and when events wait; it must not hold the manager.
///
/// # Errors
/// `E_CONFIG_INVALID` with every problem.
#[napi(catch_unwind)]
pub fn open_memory<'env>(
    env: &'env Env,
    config_json: String,
    wake: Function<'_, (), ()>,
) -> napi::Result<Object<'env>> {
    let json = parse_or_throw(&config_json)?;
    let config = guard(|| MemoryConfig::default().updated("", &json))?;
    let events = Arc::new(EventSink::new());
    // Weak: a forgotten manager must not keep the process alive.
    let wake = wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build()?;
    events.on_first_event(move || {
        wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let board = Arc::new(Board::default());
    let manager = new_memory_manager(config, Arc::clone(&events), Arc::clone(&board));
    let source: Source = {
        let manager = Arc::clone(&manager);
        Arc::new(move || Some(Arc::clone(&manager)))
    };
    let mut handle = handle(env, &source, &board)?;
    let sink = Arc::clone(&events);
    method(env, &mut handle, "listen", move |args| {
        sink.listen(&args.get::<Vec<String>>(0)?);
        Ok(())
    })?;
    let sink = Arc::clone(&events);
    method(env, &mut handle, "drainEvents", move |_| Ok(sink.drain()))?;
    let shared = Arc::clone(&manager);
    method(env, &mut handle, "updateConfig", move |args| {
        let old = shared.config();
        let new = old.updated("", &parse(&args.get::<String>(0)?)?)?;
        let change = json!({ "oldConfig": old, "newConfig": new }).to_string();
        shared.set_config(new);
        Ok(change)
    })?;
    let shared = Arc::clone(&manager);
    method(env, &mut handle, "watch", move |_| {
        shared.watch();
        Ok(())
    })?;
    method(env, &mut handle, "stop", move |_| {
        manager.stop();
        Ok(())
    })?;
    method(env, &mut handle, "close", move |_| {
        events.close();
        Ok(())
    })?;
    Ok(handle)
}

/// What a manager can be asked.
pub(super) fn handle<'env>(
    env: &'env Env,
    source: &Source,
    board: &Arc<Board>,
) -> napi::Result<Object<'env>> {
    let mut handle = Object::new(env)?;
    handle.set_named_property("board", shared_board(board))?;
    add_agents(env, &mut handle, source)?;
    add_waits(env, &mut handle, source)?;
    add_contexts(env, &mut handle, source)?;
    add_heap(env, &mut handle, source)?;
    add_figures(env, &mut handle, source)?;
    Ok(handle)
}

/// The board as a typed array over its own memory.
#[expect(unsafe_code, reason = "memory that both sides read without a call")]
fn shared_board(board: &Arc<Board>) -> Float64Array {
    let held = Arc::clone(board);
    let cells = held.cells().cast::<f64>().cast_mut();
    // SAFETY: the cells are as many doubles, aligned for them, and live until the finalizer drops `held`. They are written
    // whole; JavaScript only reads.
    unsafe { Float64Array::with_external_data(cells, CELLS, move |_, _| drop(held)) }
}

fn add_agents(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "register", move |args| {
        let agent_id: String = args.get(0)?;
        check_agent_id(&agent_id)?;
        let (context, cache) = (whole(args.get(1)?), whole(args.get(2)?));
        if let Some(manager) = shared() {
            manager.register_agent(&agent_id, context, cache);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "forget", move |args| {
        let agent_id: String = args.get(0)?;
        Ok(shared().is_some_and(|manager| manager.forget(&agent_id)))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "useAgents", move |args| {
        let ids: Vec<String> = args.get(0)?;
        if let Some(manager) = shared() {
            manager.use_agents(&ids);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "isThrottled", move |args| {
        let agent_id: String = args.get(0)?;
        Ok(shared().is_some_and(|manager| manager.should_throttle(&agent_id)))
    })?;
    let shared = Arc::clone(source);
    // JSON `{ isAllBut, ids }`; `null` when these are more than the argument.
    method(env, handle, "throttledList", move |args| {
        let most: u32 = args.get(0)?;
        let list =
            shared().map_or(Some((false, Vec::new())), |manager| manager.throttled_list(most as usize));
        let json = |(is_all_but, ids): (bool, Vec<Arc<str>>)| {
            let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
            json!({ "isAllBut": is_all_but, "ids": ids }).to_string()
        };
        Ok(list.map(json))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "reason", move |args| {
        let agent_id: String = args.get(0)?;
        let reason = shared().and_then(|manager| manager.throttle_reason(&agent_id));
        Ok(reason.map(|reason| {
            json!({ "code": reason.code, "message": reason.message, "since": reason.since_ms }).to_string()
        }))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "unthrottle", move |args| {
        let agent_id: String = args.get(0)?;
        Ok(shared().is_some_and(|manager| manager.unthrottle(&agent_id)))
    })
}

fn add_waits(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    // The number of the wait; 0 when there is nothing to wait for.
    method(env, handle, "wait", move |args| {
        let agent_id: String = args.get(0)?;
        Ok(shared().and_then(|manager| manager.wait(&agent_id)).unwrap_or(0) as f64)
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "cancelWait", move |args| {
        let number = whole(args.get(0)?);
        if let Some(manager) = shared() {
            manager.cancel_wait(number);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "takeReleased", move |_| {
        let released = shared().map(|manager| manager.take_released()).unwrap_or_default();
        Ok(released.into_iter().map(|number| number as f64).collect::<Vec<_>>())
    })
}

fn add_contexts(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "touchContext", move |args| {
        let key: String = args.get(0)?;
        check_key(&key)?;
        if let Some(manager) = shared() {
            manager.touch_context(&key);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "holdContext", move |args| {
        let (key, agent_id): (String, String) = (args.get(0)?, args.get(1)?);
        check_key(&key)?;
        check_agent_id(&agent_id)?;
        let (bytes, importance) = (whole(args.get(2)?), args.get(3)?);
        if let Some(manager) = shared() {
            manager.hold_context(&key, &agent_id, bytes, importance);
        }
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "releaseContext", move |args| {
        let key: String = args.get(0)?;
        Ok(shared().is_some_and(|manager| manager.release_context(&key)))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "contextsToDrop", move |args| {
        let agent_id: Option<String> = args.get(0)?;
        let marked =
            shared().map(|manager| manager.contexts_to_drop(agent_id.as_deref())).unwrap_or_default();
        Ok(json!(marked).to_string())
    })
}

fn add_heap(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    // What JavaScript is to do, as bits.
    method(env, handle, "takeHeap", move |args| {
        let Some(manager) = shared() else { return Ok(0) };
        let is_due = manager.take_heap(heap(&args, 0)?);
        let is_short = manager.is_dropping();
        Ok(u32::from(is_due) * COLLECT + u32::from(is_short) * DROP_DECODED)
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "collected", move |args| {
        let (before, after, ms) = (heap(&args, 0)?, heap(&args, 4)?, args.get(8)?);
        Ok(shared().map_or(0, |manager| manager.collected(before, after, ms)) as f64)
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "releaseMemory", move |args| {
        let manager = shared();
        let work = move || Ok(manager.map_or(0, |manager| manager.release_memory("asked for")));
        spawn(args.env(), work, |freed| freed as f64)
    })
}

fn add_figures(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "stats", move |args| {
        let heap = heap(&args, 0)?;
        Ok(shared().map(|manager| json!(manager.stats(Some(heap))).to_string()))
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "history", move |_| {
        Ok(json!(shared().map(|manager| manager.history()).unwrap_or_default()).to_string())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "health", move |_| Ok(shared().map(|manager| json!(manager.health()).to_string())))?;
    let shared = Arc::clone(source);
    method(env, handle, "healthScore", move |_| Ok(shared().map(|manager| manager.health_score())))?;
    let shared = Arc::clone(source);
    // Path, or none for a name of its own in the directory; the directory; V8's figures.
    method(env, handle, "writeReport", move |args| {
        let (path, directory): (Option<String>, String) = (args.get(0)?, args.get(1)?);
        let (heap, manager) = (heap(&args, 2)?, shared());
        let work = move || {
            let Some(manager) = manager else { return Ok(None) };
            manager.write_report(path.map(PathBuf::from), &PathBuf::from(directory), heap).map(Some)
        };
        spawn(args.env(), work, |path: Option<PathBuf>| path.map(|path| path.to_string_lossy().into_owned()))
    })
}

/// Keys are kept, up to a hundred thousand of them: nobody's is longer.
const MAX_KEY_BYTES: usize = 1024;

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        let message = format!("key must have 1 to {MAX_KEY_BYTES} bytes, got {}", key.len());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

/// Figures of V8 from argument `first` on: total, used, external, limit, in bytes.
pub(super) fn heap(args: &Args, first: usize) -> Result<V8Heap> {
    let figure = |at: usize| Ok(whole(args.get::<f64>(first + at)?));
    Ok(V8Heap { heap_total: figure(0)?, heap_used: figure(1)?, external: figure(2)?, heap_limit: figure(3)? })
}
