//! A real HTTP server on this machine that does what its script says, and what a script may say.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

/// What is done with one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Takes the message.
    Accept,
    /// Takes it, then never ends the answer.
    AcceptAndHang,
    /// 500, or 451 at the end of the mail.
    Fail,
    /// 429 with this `Retry-After`, or 421 instead of a greeting.
    Busy(&'static str),
    /// 404, or 550 for every recipient.
    Refuse,
    /// 302 to somewhere else, or 551.
    Redirect,
    /// Never says anything.
    Hang,
    /// Closes at once.
    Close,
    /// Reads the message and closes.
    CloseLate,
    /// An answer that never gets to its end, byte by byte.
    Drip,
    /// Says something that is none of the protocol.
    Garbage,
    /// An answer without end.
    Huge,
}

/// Acts of the connections to come, and what was seen.
#[derive(Clone, Default)]
pub(super) struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    down: Arc<AtomicBool>,
    /// Headers and body of what was taken.
    pub(super) taken: Arc<Mutex<Vec<(String, String)>>>,
    /// All connections.
    pub(super) tries: Arc<Mutex<u32>>,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Script {
    /// These acts, then everything is taken.
    pub(super) fn of(acts: &[Act]) -> Self {
        Self { acts: Arc::new(Mutex::new(acts.iter().copied().collect())), ..Self::default() }
    }

    /// Whether the next connection never comes to an end by itself.
    pub(super) fn is_endless(&self) -> bool {
        matches!(self.acts.lock().front(), Some(Act::Hang | Act::Drip))
    }

    /// Whether every connection is closed at once.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Serves each connection on a thread of its own, on a free port, which is returned.
    pub(super) fn serve(&self, one: fn(&Self, Act, &mut TcpStream) -> std::io::Result<()>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let script = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let script = script.clone();
                // In the order of the connections, and before whoever made the next one can have seen the end of this one.
                *script.tries.lock() += 1;
                let act = script.acts.lock().pop_front().unwrap_or(Act::Accept);
                let act = if script.down.load(Ordering::SeqCst) { Act::Close } else { act };
                thread::spawn(move || {
                    // The other side may go away: that is what is tested.
                    let _ = one(&script, act, &mut stream);
                });
            }
        });
        port
    }

    /// Keeps a connection open and silent.
    pub(super) fn hold(&self, stream: &TcpStream) {
        self.held.lock().extend(stream.try_clone());
    }
}

/// One HTTP request.
pub(super) fn http(script: &Script, act: Act, stream: &mut TcpStream) -> std::io::Result<()> {
    match act {
        Act::Close => return Ok(()),
        Act::Hang => {
            script.hold(stream);
            return Ok(());
        }
        _ => {}
    }
    let (head, body) = read_request(stream)?;
    let answer = match act {
        Act::Accept | Act::AcceptAndHang => {
            script.taken.lock().push((head, body));
            if act == Act::AcceptAndHang {
                stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\nok")?;
                script.hold(stream);
                return Ok(());
            }
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".to_owned()
        }
        // What an answer quotes must not get into reasons.
        Act::Fail => {
            format!("HTTP/1.1 500 Oops\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        }
        Act::Busy(after) => format!("HTTP/1.1 429 Slow\r\nRetry-After: {after}\r\nContent-Length: 0\r\n\r\n"),
        Act::Refuse => "HTTP/1.1 404 No\r\nContent-Length: 10\r\n\r\nno_service".to_owned(),
        Act::Redirect => {
            "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_owned()
        }
        Act::Drip => return drip(stream, b"HTTP/1.1 200 OK\r\nX-Long: "),
        Act::Garbage => "\u{1}\u{2}garbage\r\n\r\n".to_owned(),
        Act::Huge => {
            stream.write_all(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            return flood(stream, format!("1000\r\n{}\r\n", "x".repeat(4_096)).as_bytes());
        }
        Act::CloseLate | Act::Close | Act::Hang => return Ok(()),
    };
    stream.write_all(answer.as_bytes())
}

/// Byte by byte, without end.
pub(super) fn drip(stream: &mut TcpStream, begin: &[u8]) -> std::io::Result<()> {
    for byte in begin.iter().copied().chain(std::iter::repeat(b'x')) {
        stream.write_all(&[byte])?;
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The same again and again until the other side has enough.
pub(super) fn flood(stream: &mut TcpStream, piece: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(piece)?;
    }
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return Ok((head, body.to_owned()));
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
