//! Serves HTTP/1 to whoever a listener lets in, within bounds of number, bytes and time. A connection is for one request.
//! What is listened on, who gets in and what is answered is the caller's matter.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// After the system had no descriptor for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time; who comes later waits in the system's queue.
    pub(super) connections: usize,
    /// From the first byte of a head to its last.
    pub(super) head: Duration,
    /// All of a connection.
    pub(super) connection: Duration,
    /// Bytes of a head.
    pub(super) head_bytes: usize,
    /// Bytes of a body that are read and thrown away, so that the answer arrives before the connection ends.
    pub(super) body_bytes: usize,
}

/// Something that connections come from.
pub(super) trait Listen: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one; `None` for one that is not let in.
    fn next(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;
}

impl Listen for tokio::net::TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<Option<Self::Stream>> {
        self.accept().await.map(|(stream, _)| Some(stream))
    }
}

/// Serves until it is dropped, and `alive` with it: its end says that the listener is gone.
pub(super) async fn serve<L, F, R>(listener: L, limits: Limits, respond: F, _alive: Sender<()>)
where
    L: Listen,
    F: Fn(Parts) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(limits.connections));
    // Dropped with this task: connections end with the server.
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match listener.next().await {
            Ok(Some(stream)) => stream,
            Ok(None) => continue,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let respond = respond.clone();
        connections.spawn(async move {
            let _place = place;
            // Whoever is too slow is cut off; there is nobody to tell.
            let _ = tokio::time::timeout(limits.connection, connection(stream, limits, respond)).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<S, F, R>(stream: S, limits: Limits, respond: F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Parts) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let respond = respond.clone();
        async move {
            let (parts, body) = request.into_parts();
            // What is longer is not worth an answer that arrives.
            let _ = Limited::new(body, limits.body_bytes).collect().await;
            Ok::<_, std::convert::Infallible>(respond(parts).await)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .keep_alive(false)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
