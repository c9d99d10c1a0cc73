//! A system on a clock that JavaScript moves and a machine that it describes: what `createTestSystem` of `js/testing/` holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Function, Object};
use napi_derive::napi;

use super::{Slot, handle};
use crate::base::driven::DrivenClock;
use crate::base::error::{Error, ErrorKind};
use crate::base::machine::GivenMachine;
use crate::binding::cache::whole;
use crate::binding::call::{guard, method};
use crate::binding::filter::{parse, parse_or_throw};
use crate::engine::Engine;
use crate::orchestrator::Driven;
use crate::orchestrator::settings_file::SettingsRequest;

/// Opens a system that reads no file, starts no thread and stands still until it is moved. `machine_json` are the figures of its
/// machine; `readings` those of its clock, monotonic and Unix ms.
///
/// # Errors
/// `E_CONFIG_INVALID`, `E_INVALID_ARGUMENT`.
#[napi(catch_unwind)]
pub fn open_test_system<'env>(
    env: &'env Env,
    code_json: String,
    cwd: String,
    variables: HashMap<String, String>,
    machine_json: String,
    readings: Vec<f64>,
    wake: Function<'_, (), ()>,
) -> napi::Result<Object<'env>> {
    let (code, machine) = (parse_or_throw(&code_json)?, parse_or_throw(&machine_json)?);
    let request =
        SettingsRequest { code, cwd: cwd.into(), env: variables.into_iter().collect::<BTreeMap<_, _>>() };
    let engine = Arc::new(guard(|| {
        let [now_ms, wall_ms] = readings[..] else {
            return Err(Error::new(ErrorKind::InvalidArgument, "a clock has two readings"));
        };
        let clock = Arc::new(DrivenClock::new(whole(now_ms), whole(wall_ms)));
        let figures = GivenMachine::figures_of(machine)?;
        let machine = Arc::new(GivenMachine::new(Arc::clone(&clock) as _, figures));
        Engine::open_driven(&request, Driven { clock, machine })
    })?);
    let slot = Slot::of(&engine);
    let mut handle = handle(env, &slot, wake)?;
    let shared = Arc::clone(&slot);
    method(env, &mut handle, "dueMs", move |_| {
        let due_ms = shared.engine()?.due_ms()?;
        Ok(if due_ms == u64::MAX { f64::INFINITY } else { due_ms as f64 })
    })?;
    let shared = Arc::clone(&slot);
    method(env, &mut handle, "advance", move |args| {
        Ok(shared.engine()?.advance(whole(args.get(0)?))? as f64)
    })?;
    let shared = Arc::clone(&slot);
    method(env, &mut handle, "setWall", move |args| shared.engine()?.set_wall(whole(args.get(0)?)))?;
    method(env, &mut handle, "setMachine", move |args| {
        slot.engine()?.set_machine(GivenMachine::figures_of(parse(&args.get::<String>(0)?)?)?)
    })?;
    Ok(handle)
}
