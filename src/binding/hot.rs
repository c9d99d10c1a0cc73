//! What is called for every read and most writes: a look into memory, a use of a value that JavaScript still has, and storing
//! on the configured terms.
//!
//! Made without napi-rs, whose closures cost several times what these functions do. They refuse nothing: what they cannot do
//! at once, `cache` does.

use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::Object;
use napi::{Env, JsValue, Status, sys};

use super::cache::{CacheView, whole};
use super::text::{ask_disk, read, string};
use crate::cache::{Key, Kind, SlotId, Terms};

/// Longest key that is looked up here, in bytes of UTF-8.
const KEY_BYTES: usize = 1024;

thread_local! {
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Adds `get(key)`: a value, or `null` where `getScoped` is to be asked; `touch(slot, seq)`: whether the value is current;
/// and `put(key, text, isText, ttlMs)`: whether more should wait for room, or `null` where `set` is to be called.
pub(super) fn add_hot(env: &Env, handle: &mut Object, view: &CacheView) -> napi::Result<()> {
    add(env, handle, c"get", view, get)?;
    add(env, handle, c"touch", view, touch)?;
    add(env, handle, c"put", view, put)
}

#[expect(unsafe_code, reason = "functions of Node-API itself")]
fn add(
    env: &Env,
    handle: &mut Object,
    name: &std::ffi::CStr,
    view: &CacheView,
    function: unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value,
) -> napi::Result<()> {
    let data = Box::into_raw(Box::new(view.clone())).cast::<c_void>();
    let mut made = ptr::null_mut();
    let (raw, length) = (env.raw(), isize::try_from(name.count_bytes()).unwrap_or_default());
    // SAFETY: all pointers are valid for the calls; `data` is freed by the finalizer, when the function is gone.
    let status =
        unsafe { sys::napi_create_function(raw, name.as_ptr(), length, Some(function), data, &raw mut made) };
    check(status)?;
    // SAFETY: as above.
    let status =
        unsafe { sys::napi_add_finalizer(raw, made, data, Some(free), ptr::null_mut(), ptr::null_mut()) };
    check(status)?;
    // SAFETY: as above.
    check(unsafe { sys::napi_set_named_property(raw, handle.raw(), name.as_ptr(), made) })
}

#[expect(unsafe_code, reason = "a callback of Node-API")]
unsafe extern "C" fn free(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: made by `Box::into_raw` in `add`, and given back once.
    drop(unsafe { Box::from_raw(data.cast::<CacheView>()) });
}

/// Arguments and view of a call.
#[expect(unsafe_code, reason = "a function of Node-API itself")]
unsafe fn call<'a, const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> Option<([sys::napi_value; N], &'a CacheView)> {
    let (mut count, mut args, mut data) = (N, [ptr::null_mut(); N], ptr::null_mut());
    // SAFETY: `args` has room for `count` values; missing ones become `undefined`.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, args.as_mut_ptr(), ptr::null_mut(), &raw mut data)
    };
    // SAFETY: the data of the function, which lives as long as the function that is being called.
    let view = unsafe { data.cast::<CacheView>().as_ref() }?;
    (status == sys::Status::napi_ok).then_some((args, view))
}

#[expect(unsafe_code, reason = "a callback of Node-API")]
unsafe extern "C" fn get(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let work = || {
        // SAFETY: called by Node-API with its own arguments.
        let ([key], view) = unsafe { call::<1>(env, info) }?;
        let record = KEY.with(|buffer| {
            let mut buffer = buffer.try_borrow_mut().ok()?;
            buffer.clear();
            buffer.extend_from_slice(view.key_start());
            let start = buffer.len();
            buffer.resize(start + KEY_BYTES, 0);
            let mut length = 0;
            // SAFETY: the buffer has room for `KEY_BYTES` from `start` on.
            let status = unsafe {
                let room = buffer.as_mut_ptr().add(start).cast();
                sys::napi_get_value_string_utf8(env, key, room, KEY_BYTES, &raw mut length)
            };
            // A longer key is cut; one of nearly that length may have been.
            if status != sys::Status::napi_ok || length > KEY_BYTES - 8 {
                return None;
            }
            buffer.truncate(start + length);
            view.ask(|cache| cache.quick(&buffer, Key::hash_of(&buffer)))
        })?;
        // SAFETY: `env` is that of the call.
        unsafe { string(env, &record) }.ok()
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Some(value)) => value,
        // SAFETY: `env` is that of the call.
        _ => unsafe { ask_disk(env) },
    }
}

#[expect(unsafe_code, reason = "a callback of Node-API")]
unsafe extern "C" fn touch(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let work = || {
        // SAFETY: called by Node-API with its own arguments.
        let ([slot, seq], view) = unsafe { call::<2>(env, info) }?;
        let (mut number, mut count) = (0_u32, 0_i64);
        // SAFETY: both are pointers to values of this frame.
        let is_read = unsafe {
            sys::napi_get_value_uint32(env, slot, &raw mut number) == sys::Status::napi_ok
                && sys::napi_get_value_int64(env, seq, &raw mut count) == sys::Status::napi_ok
        };
        let id = SlotId { slot: number, seq: u64::try_from(count).ok()? };
        view.ask(|cache| (is_read && cache.touch(id)).then_some(()))
    };
    let is_current = matches!(catch_unwind(AssertUnwindSafe(work)), Ok(Some(())));
    let mut value = ptr::null_mut();
    // SAFETY: `env` is that of the call.
    unsafe { sys::napi_get_boolean(env, is_current, &raw mut value) };
    value
}

#[expect(unsafe_code, reason = "a callback of Node-API")]
unsafe extern "C" fn put(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let work = || {
        // SAFETY: called by Node-API with its own arguments.
        let ([key, text, is_text, ttl], view) = unsafe { call::<4>(env, info) }?;
        let (mut is_plain, mut ttl_ms) = (false, 0.0);
        // SAFETY: `env` and values are those of the call.
        let (key, text) = unsafe {
            if sys::napi_get_value_bool(env, is_text, &raw mut is_plain) != sys::Status::napi_ok {
                return None;
            }
            (read(env, key)?, read(env, text)?)
        };
        // SAFETY: as above; `undefined` is no number, and then the configured life holds.
        let has_ttl =
            unsafe { sys::napi_get_value_double(env, ttl, &raw mut ttl_ms) } == sys::Status::napi_ok;
        let terms = Terms { ttl_ms: has_ttl.then(|| whole(ttl_ms)), ..Terms::default() };
        let mut bytes = Vec::with_capacity(view.key_start().len() + key.len());
        bytes.extend_from_slice(view.key_start());
        bytes.extend_from_slice(key.as_bytes());
        let kind = if is_plain { Kind::Text } else { Kind::Json };
        view.ask(|cache| {
            let key = Key::from_bytes(bytes.into_boxed_slice());
            cache.set(&key, text.into_boxed_str(), kind, terms).ok()
        })
    };
    let stored = catch_unwind(AssertUnwindSafe(work));
    let mut value = ptr::null_mut();
    match stored {
        // SAFETY: `env` is that of the call.
        Ok(Some(stored)) => unsafe { sys::napi_get_boolean(env, stored.is_crowded, &raw mut value) },
        // SAFETY: as above.
        _ => return unsafe { ask_disk(env) },
    };
    value
}

fn check(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok { Ok(()) } else { Err(napi::Error::from_status(Status::from(status))) }
}
