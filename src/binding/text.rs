//! Stored values on their way to JavaScript.

use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::{ToNapiValue, TypeName, ValueType};
use napi::{Status, sys};

use crate::cache::{Kind, Peek, Record, Seek};

/// A buffer that grew beyond this for one large value is given back after it.
const KEPT_BYTES: usize = 1 << 20;

thread_local! {
    static MARKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a lookup says: a value, `undefined` for none, `null` where the disk has to be asked. JSON comes as it is, a plain
/// string behind an `s`, which no JSON begins with.
pub enum Reply {
    Found(Arc<Record>),
    Miss,
    AskDisk,
}

impl From<Peek> for Reply {
    fn from(peek: Peek) -> Self {
        match peek {
            Peek::Hit(hit) => Self::Found(hit.record),
            Peek::Miss => Self::Miss,
            Peek::AskDisk => Self::AskDisk,
        }
    }
}

impl From<Seek> for Reply {
    fn from(seek: Seek) -> Self {
        match seek {
            Seek::Answer(answer) => Self::Found(answer.hit.record),
            Seek::Miss => Self::Miss,
            Seek::AskDisk => Self::AskDisk,
        }
    }
}

impl TypeName for Reply {
    fn type_name() -> &'static str {
        "string | null | undefined"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for Reply {
    #[expect(unsafe_code, reason = "the trait's signature")]
    unsafe fn to_napi_value(env: sys::napi_env, reply: Self) -> napi::Result<sys::napi_value> {
        match reply {
            // SAFETY: `env` is the environment of the call, as the caller guarantees.
            Self::Found(record) => unsafe { string(env, &record) },
            // SAFETY: as above.
            Self::Miss => unsafe { <()>::to_napi_value(env, ()) },
            // SAFETY: as above.
            Self::AskDisk => Ok(unsafe { ask_disk(env) }),
        }
    }
}

/// A string of V8. Text in ASCII, as most JSON is, is copied without being decoded.
#[expect(unsafe_code, reason = "napi-rs copies and decodes where neither is needed")]
pub(super) unsafe fn string(env: sys::napi_env, record: &Record) -> napi::Result<sys::napi_value> {
    match record.kind {
        // SAFETY: `env` is the caller's.
        Kind::Json => unsafe { string_of(env, record.text.as_bytes()) },
        Kind::Text => MARKED.with_borrow_mut(|buffer| {
            buffer.clear();
            buffer.push(b's');
            buffer.extend_from_slice(record.text.as_bytes());
            // SAFETY: `env` is the caller's.
            let value = unsafe { string_of(env, buffer) };
            if buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
            value
        }),
    }
}

#[expect(unsafe_code, reason = "functions of Node-API itself")]
unsafe fn string_of(env: sys::napi_env, text: &[u8]) -> napi::Result<sys::napi_value> {
    let length = isize::try_from(text.len()).map_err(|_| napi::Error::from_status(Status::InvalidArg))?;
    let mut value = ptr::null_mut();
    // SAFETY: pointer and length are those of a text that outlives the call; `env` is the caller's.
    let status = unsafe {
        if text.is_ascii() {
            sys::napi_create_string_latin1(env, text.as_ptr().cast(), length, &raw mut value)
        } else {
            sys::napi_create_string_utf8(env, text.as_ptr().cast(), length, &raw mut value)
        }
    };
    if status == sys::Status::napi_ok {
        Ok(value)
    } else {
        Err(napi::Error::from_status(Status::from(status)))
    }
}

/// The text of a string. One in ASCII, as most JSON is, is copied without being encoded.
#[expect(unsafe_code, reason = "functions of Node-API itself")]
pub(super) unsafe fn read(env: sys::napi_env, value: sys::napi_value) -> Option<String> {
    let (mut units, mut bytes, mut copied) = (0, 0, 0);
    // SAFETY: without a buffer only the lengths are asked for.
    let is_string = unsafe {
        sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &raw mut units)
            == sys::Status::napi_ok
            && sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut bytes)
                == sys::Status::napi_ok
    };
    if !is_string {
        return None;
    }
    // One more than the text: Node-API ends it with a zero.
    let mut text = vec![0_u8; bytes + 1];
    let room = text.as_mut_ptr().cast();
    // SAFETY: the buffer has room for `bytes + 1`. As many units as bytes means ASCII, which Latin-1 is too.
    let status = unsafe {
        if units == bytes {
            sys::napi_get_value_string_latin1(env, value, room, bytes + 1, &raw mut copied)
        } else {
            sys::napi_get_value_string_utf8(env, value, room, bytes + 1, &raw mut copied)
        }
    };
    text.truncate(copied);
    if status == sys::Status::napi_ok { String::from_utf8(text).ok() } else { None }
}

/// `null`: the disk has to be asked.
#[expect(unsafe_code, reason = "a function of Node-API itself")]
pub(super) unsafe fn ask_disk(env: sys::napi_env) -> sys::napi_value {
    let mut value = ptr::null_mut();
    // SAFETY: `env` is the caller's.
    unsafe { sys::napi_get_null(env, &raw mut value) };
    value
}

/// The text that JavaScript makes a value of; see [`Reply`].
pub(super) fn marked(record: &Record) -> String {
    match record.kind {
        Kind::Json => record.text.to_string(),
        Kind::Text => ["s", &record.text].concat(),
    }
}
