//! Why a connection failed, in words of our own: those of libraries and servers may quote addresses and keys.

use std::error::Error;
use std::io;

/// The most telling of the errors that led to `error`.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> Option<String> {
    let mut kind = None;
    let mut next = Some(error);
    while let Some(one) = next {
        let text = one.to_string();
        if text.contains("certificate") {
            return Some("the certificate is not trusted".into());
        }
        if text.contains("dns error") || text.contains("lookup address") {
            return Some("the name of the server is not known".into());
        }
        kind = one.downcast_ref::<io::Error>().map(io::Error::kind).or(kind);
        next = one.source();
    }
    match kind? {
        io::ErrorKind::Other | io::ErrorKind::InvalidData => Some("TLS failed".into()),
        kind => Some(kind.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_without_quotes() {
        for (error, words) in [
            (io::Error::from(io::ErrorKind::ConnectionRefused), "connection refused"),
            (io::Error::other("invalid peer certificate: hunter2"), "the certificate is not trusted"),
            (
                io::Error::other("failed to lookup address information: hunter2"),
                "the name of the server is not known",
            ),
            (io::Error::other("hunter2"), "TLS failed"),
        ] {
            assert_eq!(cause(&error).as_deref(), Some(words));
        }
        assert_eq!(cause(&std::fmt::Error), None);
    }
}
