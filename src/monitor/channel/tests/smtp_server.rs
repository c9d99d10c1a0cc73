//! A real SMTP server on this machine that does what its script says.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::server::{Act, Script, drip, flood};

/// One connection.
pub(super) fn smtp(script: &Script, act: Act, stream: &mut TcpStream) -> std::io::Result<()> {
    match act {
        Act::Close => return Ok(()),
        Act::Hang => {
            script.hold(stream);
            return Ok(());
        }
        Act::Busy(_) => return stream.write_all(b"421 too many connections, hunter2\r\n"),
        Act::Drip => return drip(stream, b"220 "),
        Act::Garbage => return stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n"),
        // Of long lines: the client parses its answer from the start with each, and keeps its thread from all else meanwhile.
        Act::Huge => return flood(stream, format!("220-{}\r\n", "welcome".repeat(100)).as_bytes()),
        _ => {}
    }
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let (mut head, mut body) = (String::new(), String::new());
    stream.write_all(b"220 test\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        head.push_str(&line);
        head.push('\n');
        let answer: &[u8] = match &*verb {
            "EHLO" => b"250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => b"235 fine\r\n",
            "RCPT" if act == Act::Refuse || line.contains("gone@") => b"550 no such user hunter2\r\n",
            "RCPT" if act == Act::Redirect => b"551 try elsewhere\r\n",
            "MAIL" | "RCPT" => b"250 fine\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    body.push_str(&line);
                    body.push('\n');
                }
                match act {
                    Act::CloseLate => return Ok(()),
                    Act::Fail => b"451 later, hunter2\r\n",
                    _ => {
                        script.taken.lock().push((head.clone(), std::mem::take(&mut body)));
                        b"250 taken\r\n"
                    }
                }
            }
            "QUIT" if act == Act::AcceptAndHang => {
                script.hold(stream);
                return Ok(());
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => b"502 what?\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
