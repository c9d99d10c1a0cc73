//! The local server for `/metrics`, `/healthz` and `/readyz`. It runs on the network thread, so that it answers while
//! JavaScript is busy, and reads nothing but heads of requests. A connection is for one request and lives for 10 s at most;
//! there are 64 at most, and who comes later waits in the system's queue.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::http::request::Parts;
use tokio::task::AbortHandle;

use crate::base::error::{Error, ErrorKind, Result};
use crate::monitor::export::Exported;
pub use crate::monitor::export::request::Token;
use crate::monitor::export::request::{Access, answer};
use crate::monitor::http::{Limits, serve};
use crate::monitor::net::Net;

/// Connections at a time; a scraper and two probes need three.
const MOST_CONNECTIONS: usize = 64;
/// Bytes of a head.
const HEAD_BYTES: usize = 16 * 1024;
/// A head comes at once or not at all, and Prometheus gives up after 10 s too.
const LIMITS: Limits = Limits {
    connections: MOST_CONNECTIONS,
    head: Duration::from_secs(5),
    connection: Duration::from_secs(10),
    head_bytes: HEAD_BYTES,
    body_bytes: 64 * 1024,
};
/// How long the end of the server is waited for.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The server. Ends when it is closed or dropped.
pub struct MetricsServer {
    address: SocketAddr,
    task: AbortHandle,
    /// Says that the task is gone, and the port with it, by its sender's end.
    ended: parking_lot::Mutex<Receiver<()>>,
}

impl MetricsServer {
    /// Listens on `host` and `port`, 0 for any free one, and answers from `source`.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` for a host that others can reach when there is no token; `E_IO` when the host is not known or the
    /// port is taken.
    pub fn start(
        net: &Net,
        host: &str,
        port: u16,
        token: Option<Token>,
        source: Weak<dyn Exported>,
    ) -> Result<Self> {
        let failed = |error| {
            let message =
                format!("cannot listen on port {port} of {host:?}: give another metricsPort or metricsHost");
            Error::new(ErrorKind::Io, message).with_source(error)
        };
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = (name, port).to_socket_addrs().map_err(failed)?.collect();
        let is_local = addresses.iter().all(|address| address.ip().is_loopback());
        if !is_local && token.is_none() {
            let message = format!(
                "metricsHost {host:?} can be reached from other machines: set METRICS_TOKEN, or use 127.0.0.1"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let handle = net.handle()?;
        let listener = {
            let _inside = handle.enter();
            tokio::net::TcpListener::from_std(listener).map_err(failed)?
        };
        let access = Arc::new(Access { token, local_host: is_local.then(|| host.to_owned()) });
        let (alive, ended) = channel();
        let respond = move |parts: Parts| {
            let (access, source) = (Arc::clone(&access), Weak::clone(&source));
            async move { answer(&parts, &access, source.upgrade().as_deref()) }
        };
        let task = handle.spawn(serve(listener, LIMITS, respond, alive)).abort_handle();
        Ok(Self { address, task, ended: parking_lot::Mutex::new(ended) })
    }

    /// Where it is: `http://127.0.0.1:9464`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it, with its connections; the port is free afterwards.
    pub fn close(&self) {
        self.task.abort();
        // Nothing is ever sent: an error is the sender's end. Late is as good, nobody comes in any more.
        let _ = self.ended.lock().recv_timeout(CLOSE_LIMIT);
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for MetricsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricsServer").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use serde_json::json;

    use super::*;
    use crate::monitor::export::test_support::busy;
    use crate::monitor::export::{Healthz, Scrape};

    struct Well;

    impl Exported for Well {
        fn scrape(&self) -> Scrape {
            busy()
        }

        fn health(&self) -> Healthz {
            Healthz { is_live: true, is_ready: true, body: json!({ "status": "healthy" }) }
        }
    }

    fn started(token: Option<&str>) -> (Arc<Net>, MetricsServer, Arc<dyn Exported>) {
        let net = Arc::new(Net::default());
        let source: Arc<dyn Exported> = Arc::new(Well);
        let token = token.map(|token| Token::new(token).expect("a token"));
        let server =
            MetricsServer::start(&net, "127.0.0.1", 0, token, Arc::downgrade(&source)).expect("a free port");
        (net, server, source)
    }

    fn ask(server: &MetricsServer, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        // It may have read enough to refuse the rest.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        // A reset after the answer is as good as an end.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn figures_and_health_are_served() {
        let (_net, server, _source) = started(None);
        let figures = ask(&server, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(
            figures.starts_with("HTTP/1.1 200 OK\r\n") && figures.contains("\nagentwise_cpu_cores "),
            "{figures}"
        );
        assert!(figures.contains("connection: close"), "{figures}");
        let health = ask(&server, "GET /healthz HTTP/1.0\r\n\r\n");
        assert!(health.ends_with("{\"status\":\"healthy\"}\n"), "{health}");
        let head = ask(&server, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(head.contains("content-length: ") && head.ends_with("\r\n\r\n"), "{head}");
        let posted =
            ask(&server, "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
        assert!(posted.starts_with("HTTP/1.1 405 "), "{posted}");
    }

    #[test]
    fn bad_requests_end_and_do_no_harm() {
        let (_net, server, _source) = started(Some("hunter2"));
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(2 * HEAD_BYTES));
        for request in [
            "\0\0\0\0\r\n\r\n",
            "GET\r\n\r\n",
            long.as_str(),
            "GET /metrics HTTP/1.1\r\nHost: a\nb: c\r\n\r\n",
        ] {
            let answer = ask(&server, request);
            assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let answer =
            ask(&server, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer hunter2\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    #[test]
    fn silent_connections_do_not_keep_others_out() {
        let (_net, server, _source) = started(None);
        let silent: Vec<_> =
            (0..MOST_CONNECTIONS - 1).map(|_| TcpStream::connect(server.address).expect("room")).collect();
        let answer = ask(&server, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        drop(silent);
    }

    #[test]
    fn port_is_free_once_it_is_closed() {
        // Another program may get the port in between, and a busy machine take the time that an end is waited for; not each time.
        assert!((0..5).any(|_| is_free_once_closed()));
    }

    fn is_free_once_closed() -> bool {
        let (net, server, source) = started(None);
        let port = server.address.port();
        let taken =
            MetricsServer::start(&net, "127.0.0.1", port, None, Arc::downgrade(&source)).expect_err("taken");
        assert_eq!(taken.kind(), ErrorKind::Io);
        let open = TcpStream::connect(server.address).expect("it listens");
        server.close();
        server.close();
        let is_refused = TcpStream::connect(server.address).is_err();
        drop(open);
        let again = MetricsServer::start(&net, "127.0.0.1", port, None, Arc::downgrade(&source));
        let is_free = again.is_ok_and(|again| again.url() == format!("http://127.0.0.1:{port}"));
        is_refused && is_free
    }

    #[test]
    fn host_that_others_reach_needs_a_token() {
        let net = Net::default();
        let source: Arc<dyn Exported> = Arc::new(Well);
        for host in ["0.0.0.0", "::", "[::]"] {
            let refused = MetricsServer::start(&net, host, 0, None, Arc::downgrade(&source)).expect_err(host);
            assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        }
        let token = Token::new("hunter2").expect("a token");
        let server =
            MetricsServer::start(&net, "0.0.0.0", 0, Some(token), Arc::downgrade(&source)).expect("allowed");
        assert!(!format!("{server:?}").contains("hunter2"));
        let unknown = MetricsServer::start(&net, "no such host", 0, None, Arc::downgrade(&source))
            .expect_err("unknown");
        assert_eq!(unknown.kind(), ErrorKind::Io);
    }

    #[test]
    fn monitor_that_is_gone_is_said_so() {
        let (_net, server, source) = started(None);
        drop(source);
        let answer = ask(&server, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
}
