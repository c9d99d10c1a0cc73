//! The one error type of the crate and its stable codes.
//!
//! Owns what callers match on (`err.code`). It does not format causes for people beyond one sentence and never
//! carries a user's content, query or secret.

use std::fmt;

use serde::Serialize;

/// What went wrong, as callers see it in `err.code`. A code never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A configuration has wrong types, values out of range or unknown keys. All problems are in the details.
    ConfigInvalid,
    /// A configuration that was asked for by name is not there.
    ConfigMissing,
    /// A configuration file is there but cannot be read or parsed.
    ConfigUnreadable,
    /// A configuration file is not any more what was read of it, so that it is not written over.
    ConfigChanged,
    /// No configuration was given where the first caller has to give one.
    ConfigRequired,
    /// An argument has the wrong type or is out of range.
    InvalidArgument,
    /// A context holds something that JSON cannot, or is nested too deeply. The message names the path.
    ContextInvalid,
    /// The system was used before `initialize()`.
    NotInitialized,
    /// The system was used after `shutdown()`.
    ShutDown,
    /// The feature belongs to a part that this version does not have.
    NotAvailable,
    /// A value is larger than the cache takes.
    CacheEntryTooLarge,
    /// The disk tiers of the cache could not do what was asked of them.
    CacheDisk,
    /// A file is not a sound dump of a cache.
    CacheFileInvalid,
    /// The caller asked for the work to end.
    Cancelled,
    /// A reference is not known, or not any more.
    ReferenceUnknown,
    /// It was not done in the time it had.
    Timeout,
    /// A file is there already and may not be replaced.
    Exists,
    /// A file could not be read or written.
    Io,
    /// A defect in this package: a Rust panic was caught. The process goes on.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 19] = [
        Self::ConfigInvalid,
        Self::ConfigMissing,
        Self::ConfigUnreadable,
        Self::ConfigChanged,
        Self::ConfigRequired,
        Self::InvalidArgument,
        Self::ContextInvalid,
        Self::NotInitialized,
        Self::ShutDown,
        Self::NotAvailable,
        Self::CacheEntryTooLarge,
        Self::CacheDisk,
        Self::CacheFileInvalid,
        Self::Cancelled,
        Self::ReferenceUnknown,
        Self::Timeout,
        Self::Exists,
        Self::Io,
        Self::Internal,
    ];

    /// The stable code that reaches JavaScript as `err.code`.
    ///
    /// ```
    /// use agentwise_optimization::base::error::ErrorKind;
    /// assert_eq!(ErrorKind::ConfigInvalid.code(), "E_CONFIG_INVALID");
    /// ```
    pub const fn code(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "E_CONFIG_INVALID",
            Self::ConfigMissing => "E_CONFIG_MISSING",
            Self::ConfigUnreadable => "E_CONFIG_UNREADABLE",
            Self::ConfigChanged => "E_CONFIG_CHANGED",
            Self::ConfigRequired => "E_CONFIG_REQUIRED",
            Self::InvalidArgument => "E_INVALID_ARGUMENT",
            Self::ContextInvalid => "E_CONTEXT_INVALID",
            Self::NotInitialized => "E_NOT_INITIALIZED",
            Self::ShutDown => "E_SHUT_DOWN",
            Self::NotAvailable => "E_NOT_AVAILABLE",
            Self::CacheEntryTooLarge => "E_CACHE_ENTRY_TOO_LARGE",
            Self::CacheDisk => "E_CACHE_DISK",
            Self::CacheFileInvalid => "E_CACHE_FILE_INVALID",
            Self::Cancelled => "E_CANCELLED",
            Self::ReferenceUnknown => "E_REFERENCE_UNKNOWN",
            Self::Timeout => "E_TIMEOUT",
            Self::Exists => "E_EXISTS",
            Self::Io => "E_IO",
            Self::Internal => "E_INTERNAL",
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Dotted path of the setting, for example `cache.ttlSeconds`.
    pub path: String,
    /// What is wrong, with the value and what is allowed.
    pub message: String,
}

/// An error with a stable kind, a sentence for people and, for configurations, every problem found.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    context: String,
    problems: Vec<Problem>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind`; `context` says what failed, the value, the limit and what to do.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), problems: Vec::new(), source: None }
    }

    /// A refused configuration; the message lists every problem.
    pub fn config(problems: Vec<Problem>) -> Self {
        Self::refused(ErrorKind::ConfigInvalid, "configuration", problems)
    }

    /// Something that was refused for `problems`; the message lists them all.
    pub fn refused(kind: ErrorKind, what: &str, problems: Vec<Problem>) -> Self {
        let list: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.path, p.message)).collect();
        let noun = if problems.len() == 1 { "problem" } else { "problems" };
        let context = format!("{what} refused, {} {noun}: {}", problems.len(), list.join("; "));
        Self { problems, ..Self::new(kind, context) }
    }

    /// Keeps what caused the error; its text follows the context.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The kind, for matching.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Every problem of what was refused; empty for errors of another nature.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_prefixed() {
        let mut codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert!(codes.iter().all(|code| code.starts_with("E_")));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn config_error_lists_every_problem() {
        let problem = |path: &str| Problem { path: path.into(), message: "must be a number".into() };
        let error = Error::config(vec![problem("cache.ttlSeconds"), problem("memory.gcInterval")]);
        let text = error.to_string();
        assert!(
            text.contains("2 problems")
                && text.contains("cache.ttlSeconds")
                && text.contains("memory.gcInterval")
        );
        assert_eq!(error.problems().len(), 2);
    }

    #[test]
    fn source_follows_the_context() {
        let source = std::io::Error::other("disk on fire");
        let error = Error::new(ErrorKind::Io, "cannot write the report").with_source(source);
        assert_eq!(error.to_string(), "cannot write the report: disk on fire");
    }
}
