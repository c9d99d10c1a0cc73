//! Reports and figures of a system.

use std::path::PathBuf;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Object;
use serde_json::json;

use super::Slot;
use crate::base::error::{Error, ErrorKind};
use crate::binding::call::{method, spawn};
use crate::binding::memory::heap;
use crate::engine::ReportRequest;
use crate::orchestrator::report::ReportForm;

/// Adds them to the handle of a system.
pub(super) fn add(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    let shared = Arc::clone(slot);
    // path, form (`json`, `html` or nothing), whether a file may be replaced, then the heap.
    method(env, handle, "writeReport", move |args| {
        let form = match args.get::<Option<String>>(1)?.as_deref() {
            None => None,
            Some("json") => Some(ReportForm::Json),
            Some("html") => Some(ReportForm::Html),
            Some(_) => {
                let message = "the format of a report must be 'json' or 'html'";
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
        };
        let request = ReportRequest {
            path: args.get::<Option<String>>(0)?.map(PathBuf::from),
            form,
            may_replace: args.get(2)?,
        };
        let (engine, heap) = (shared.engine()?, heap(&args, 3)?);
        let work = move || engine.write_report(&request, Some(heap));
        spawn(args.env(), work, |path| path.to_string_lossy().into_owned())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "statistics", move |_| Ok(json!(shared.engine()?.statistics()).to_string()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "recommendations", move |_| {
        Ok(json!(shared.engine()?.orchestrator().recommendations()).to_string())
    })
}
