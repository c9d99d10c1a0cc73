//! Reports of a system.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Object;

use super::Slot;
use crate::binding::call::{method, spawn};
use crate::binding::memory::heap;

/// Adds them to the handle of a system.
pub(super) fn add(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    let shared = Arc::clone(slot);
    method(env, handle, "writeReport", move |args| {
        let (engine, heap) = (shared.engine()?, heap(&args, 0)?);
        spawn(args.env(), move || engine.write_report(Some(heap)), |path| path.to_string_lossy().into_owned())
    })
}
