//! The server of one system. Who connects must be the same user or root, by what the system says of the other end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::sync::mpsc::channel;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{AbortHandle, spawn_blocking};

use super::Answering;
use super::socket::{SocketFile, remove_dead};
use crate::base::error::{Error, ErrorKind, Result};
use crate::monitor::export::request::{JSON, TEXT, page};
use crate::monitor::http::{Limits, Listen, serve};
use crate::monitor::net::Net;

/// A question takes milliseconds; a handful of people and programs ask.
const LIMITS: Limits = Limits {
    connections: 16,
    head: Duration::from_secs(5),
    connection: Duration::from_secs(5),
    head_bytes: 64 * 1024,
    body_bytes: 64 * 1024,
};
/// The user that may do anything.
const ROOT: u32 = 0;

/// The server. Ends when it is dropped, and its files with it.
#[derive(Debug)]
pub struct LiveServer {
    task: AbortHandle,
    file: SocketFile,
}

impl LiveServer {
    /// Listens in `directory`, which belongs to this user alone, and answers from `source`. What processes that were killed
    /// left there is removed. Blocks; not for the thread of `net`, which is to live as long as the server.
    ///
    /// # Errors
    /// `E_IO`; `E_NOT_AVAILABLE` when there can be no socket of that name on this platform, or this process has too many.
    pub fn start(net: &Net, directory: &Path, who: &Value, source: Weak<dyn Answering>) -> Result<Self> {
        let failed = |error| Error::new(ErrorKind::Io, "cannot listen on a socket").with_source(error);
        let handle = net.handle()?;
        remove_dead(net, directory);
        let (listener, file) = SocketFile::listen(directory, who)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = {
            let _inside = handle.enter();
            UnixListener::from_std(listener).map_err(failed)?
        };
        // Nobody waits for its end: without its files nobody finds it.
        let (alive, _) = channel();
        let respond = move |parts: Parts| answer(parts, Weak::clone(&source));
        let task = handle.spawn(serve(OfUser(listener), LIMITS, respond, alive)).abort_handle();
        Ok(Self { task, file })
    }

    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        self.file.path()
    }

    /// Whether others can find it: somebody may have cleaned up.
    pub fn is_there(&self) -> bool {
        self.file.is_there()
    }
}

impl Drop for LiveServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lets in who is of the same user, or root.
struct OfUser(UnixListener);

impl Listen for OfUser {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = self.0.accept().await?;
        let me = rustix::process::geteuid().as_raw();
        let is_trusted = stream.peer_cred().is_ok_and(|peer| peer.uid() == me || peer.uid() == ROOT);
        Ok(is_trusted.then_some(stream))
    }
}

async fn answer(parts: Parts, source: Weak<dyn Answering>) -> Response<Full<Bytes>> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let path = parts.uri.path().to_owned();
    // Locks of the system may be held for long: other systems of the process answer all the same.
    let asked = spawn_blocking(move || source.upgrade().map(|source| source.answer(&path)));
    match asked.await {
        Ok(Some(Some(found))) => page(StatusCode::OK, JSON, format!("{found}\n")),
        Ok(Some(None)) => page(StatusCode::NOT_FOUND, TEXT, "not found\n"),
        Ok(None) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the system was shut down\n"),
        // A panic was told when it happened.
        Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the answer could not be made\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    struct System;

    impl Answering for System {
        fn answer(&self, path: &str) -> Option<Value> {
            assert!(path != "/defect", "a defect");
            (path == "/status").then(|| json!({ "initialized": true }))
        }
    }

    fn started(directory: &Path) -> (Arc<Net>, LiveServer, Arc<dyn Answering>) {
        let net = Arc::<Net>::default();
        let source: Arc<dyn Answering> = Arc::new(System);
        let server = LiveServer::start(&net, directory, &Value::Null, Arc::downgrade(&source));
        (net, server.expect("a socket"), source)
    }

    fn ask(server: &LiveServer, request: &str) -> String {
        let mut stream = UnixStream::connect(server.path()).expect("it listens");
        // It may have read enough to refuse the rest.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        // A reset after the answer is as good as an end.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn pages_are_served_and_nothing_else() {
        let directory = tempfile::tempdir().expect("temp dir");
        let (_net, server, source) = started(directory.path());
        let status = ask(&server, "GET /status?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(status.starts_with("HTTP/1.1 200 OK\r\n"), "{status}");
        assert!(status.ends_with("{\"initialized\":true}\n"), "{status}");
        for (request, expected) in [
            ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
            ("POST /status HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", "405"),
            ("GET /defect HTTP/1.1\r\nHost: a\r\n\r\n", "500"),
            ("\0\0\r\n\r\n", "400"),
        ] {
            let answer = ask(&server, request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{request:?}: {answer}");
        }
        drop(source);
        let gone = ask(&server, "GET /status HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(gone.starts_with("HTTP/1.1 503 "), "{gone}");
    }

    #[test]
    fn end_of_a_server_ends_its_connections_and_leaves_nothing() {
        let directory = tempfile::tempdir().expect("temp dir");
        let (_net, server, _source) = started(directory.path());
        let mut open = UnixStream::connect(server.path()).expect("it listens");
        drop(server);
        assert_eq!(std::fs::read_dir(directory.path()).expect("list").count(), 0);
        assert_eq!(open.read(&mut [0; 8]).unwrap_or(0), 0, "nobody answers any more");
    }

    #[test]
    fn servers_of_a_process_share_a_thread_that_ends_with_the_last() {
        let one = super::super::net();
        assert!(Arc::ptr_eq(&one, &super::super::net()));
        let weak = Arc::downgrade(&one);
        drop(one);
        assert!(weak.upgrade().is_none() || Arc::strong_count(&super::super::net()) > 1);
    }
}
