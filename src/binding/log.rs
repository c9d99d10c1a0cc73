//! Log output: to standard error, only when asked for.

use napi_derive::napi;
use tracing::level_filters::LevelFilter;

/// Writes log lines of this package to standard error from now on. The facade calls it when `DEBUG` names the package.
/// Only the first call in a process counts. Lines have constant messages and figures, never content, queries or secrets.
#[napi(catch_unwind)]
pub fn log_to_stderr() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .finish();
    // An application that embeds the crate may have its own subscriber; it then stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
