//! How exports are made and how they fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{
    FromNapiValue, FunctionCallContext, JsObjectValue, Object, PromiseRaw, ToNapiValue, TypeName,
};
use napi::{Env, Status, Task};
use serde_json::json;

use crate::base::error::{Error, ErrorKind, Result};

/// Starts the message of every error of this package; `js/errors.js` knows it. An asynchronous napi error keeps only its
/// message, so code and problems travel in it.
const MARK: &str = "\u{1}agentwise:";

/// The napi form of an error.
pub(crate) fn encode(error: &Error) -> napi::Error {
    let body =
        json!({ "code": error.kind().code(), "message": error.to_string(), "problems": error.problems() });
    napi::Error::new(Status::GenericFailure, format!("{MARK}{body}"))
}

/// Runs `work`; a panic becomes an error with code `E_INTERNAL`, never an abort.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T>) -> napi::Result<T> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::new(ErrorKind::Internal, format!("internal error, please report it: {text}")))
    });
    result.map_err(|error| encode(&error))
}

/// The arguments of a call.
pub(crate) struct Args<'a> {
    context: &'a FunctionCallContext<'a>,
}

impl Args<'_> {
    /// Argument `index`, converted.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT`: the facade checks what users pass, so this is a defect of ours or a very odd value.
    pub(crate) fn get<T: FromNapiValue>(&self, index: usize) -> Result<T> {
        self.context.get(index).map_err(|error| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("argument {index} has the wrong type: {}", error.reason),
            )
        })
    }

    /// The environment of the call.
    pub(crate) fn env(&self) -> &Env {
        self.context.env
    }
}

/// Adds a function to a handle.
pub(crate) fn method<R, F>(env: &Env, handle: &mut Object, name: &str, work: F) -> napi::Result<()>
where
    R: ToNapiValue,
    F: Fn(Args) -> Result<R> + 'static,
{
    let function = env.create_function_from_closure::<(), R, _>(name, move |context| {
        guard(|| work(Args { context: &context }))
    })?;
    handle.set_named_property(name, function)
}

/// Runs `work` on Node's thread pool and gives the promise of what `finish` makes of its result on the JavaScript
/// thread. Node waits for work that is under way before it ends an environment, so a terminated worker is safe.
pub(crate) fn spawn<T, R>(
    env: &Env,
    work: impl FnOnce() -> Result<T> + Send + 'static,
    finish: fn(T) -> R,
) -> Result<PromiseRaw<'static, R>>
where
    T: Send + 'static,
    R: ToNapiValue + TypeName + 'static,
{
    let job = Job { work: Some(Box::new(work)), finish };
    let promise = env.spawn(job).map_err(|error| Error::new(ErrorKind::Internal, error.reason.clone()))?;
    Ok(promise.promise_object())
}

type Work<T> = Box<dyn FnOnce() -> Result<T> + Send>;

struct Job<T, R> {
    work: Option<Work<T>>,
    finish: fn(T) -> R,
}

impl<T: Send + 'static, R: ToNapiValue + TypeName> Task for Job<T, R> {
    type Output = T;
    type JsValue = R;

    fn compute(&mut self) -> napi::Result<T> {
        let work = self.work.take().expect("invariant: a job runs once");
        guard(work)
    }

    fn resolve(&mut self, _env: Env, output: T) -> napi::Result<R> {
        guard(|| Ok((self.finish)(output)))
    }
}
