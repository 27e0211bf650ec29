//! One end of a connection, byte for byte. Reads as HTTP where a test asks it to; sends whatever it is told.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::SockRef;

use crate::PATIENCE;

/// How the other side's bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order.
    Fin,
    /// By a reset.
    Reset,
    /// Not before the test lost patience.
    Never,
}

/// A TCP or UNIX stream.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// UNIX.
    Unix(UnixStream),
}

/// One end.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    /// All that came, ever.
    pub got: Vec<u8>,
    /// So much of it was consumed by [`Wire::message`] and the like.
    at: usize,
}

/// A message read from a wire.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// First line and fields, as they came, with the blank line.
    pub head: String,
    /// Body, without its chunks.
    pub body: Vec<u8>,
    /// Fields after the last chunk.
    pub trailers: String,
    /// Statuses of the 1xx answers before it.
    pub interim: Vec<u16>,
}

impl Message {
    /// The first line.
    pub fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }

    /// An answer's status, 0 for a request's.
    pub fn status(&self) -> u16 {
        self.line().split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
    }

    /// The values of all fields of this name, in order.
    pub fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|l| l.split_once(':'));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).collect()
    }

    /// The first value of a field of this name, else empty.
    pub fn field(&self, name: &str) -> &str {
        self.fields(name).first().copied().unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Wire {
    /// Around a stream that is connected.
    pub fn new(stream: Stream) -> Wire {
        let wire = Wire { stream, got: Vec::new(), at: 0 };
        wire.patience(PATIENCE);
        wire
    }

    /// To a TCP address.
    ///
    /// # Panics
    /// If nobody listens there.
    #[track_caller]
    pub fn connect(to: SocketAddr) -> Wire {
        match Wire::try_connect(to) {
            Ok(wire) => wire,
            Err(e) => panic!("{to}: {e}"),
        }
    }

    /// To a TCP address where perhaps nobody listens.
    pub fn try_connect(to: SocketAddr) -> io::Result<Wire> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        Ok(Wire::new(Stream::Tcp(stream)))
    }

    /// To a UNIX socket.
    ///
    /// # Panics
    /// If nobody listens there.
    #[track_caller]
    pub fn connect_unix(to: &Path) -> Wire {
        match UnixStream::connect(to) {
            Ok(stream) => Wire::new(Stream::Unix(stream)),
            Err(e) => panic!("{}: {e}", to.display()),
        }
    }

    /// Reading longer than this counts as [`End::Never`].
    pub fn patience(&self, patience: Duration) {
        // Fails only for a zero duration.
        let _ = match &self.stream {
            Stream::Tcp(s) => s.set_read_timeout(Some(patience)),
            Stream::Unix(s) => s.set_read_timeout(Some(patience)),
        };
    }

    /// Our address.
    ///
    /// # Panics
    /// If it is no TCP stream.
    pub fn local(&self) -> SocketAddr {
        match &self.stream {
            Stream::Tcp(s) => s.local_addr().expect("it is connected"),
            Stream::Unix(_) => panic!("no TCP stream"),
        }
    }

    /// Sends all of it. An error means that the other side has gone, which reading will show as well.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        match &mut self.stream {
            Stream::Tcp(s) => s.write_all(bytes.as_ref()).is_ok(),
            Stream::Unix(s) => s.write_all(bytes.as_ref()).is_ok(),
        }
    }

    /// Sends our end of stream.
    pub fn half_close(&self) {
        // Fails if the other side has reset it: reading will show.
        let _ = match &self.stream {
            Stream::Tcp(s) => s.shutdown(Shutdown::Write),
            Stream::Unix(s) => s.shutdown(Shutdown::Write),
        };
    }

    /// A second handle of the same end, to send from another thread.
    ///
    /// # Panics
    /// If descriptors have run out.
    pub fn split(&self) -> Wire {
        let stream = match &self.stream {
            Stream::Tcp(s) => s.try_clone().map(Stream::Tcp),
            Stream::Unix(s) => s.try_clone().map(Stream::Unix),
        };
        Wire { stream: stream.expect("descriptors are left"), got: Vec::new(), at: 0 }
    }

    /// Closes by a reset.
    pub fn reset(self) {
        if let Stream::Tcp(s) = &self.stream {
            // Without it the end would be an orderly one, and the test would say so.
            let _ = SockRef::from(s).set_linger(Some(Duration::ZERO));
        }
    }

    /// Holds only so much in the kernel on our side, so that the other side has to wait for us.
    pub fn shrink(&self) {
        if let Stream::Tcp(s) = &self.stream {
            // Best effort: without it a test needs larger bodies.
            let _ = SockRef::from(s).set_recv_buffer_size(4096);
        }
    }

    /// What came and was not consumed yet.
    pub fn rest(&self) -> &[u8] {
        self.got.get(self.at..).unwrap_or_default()
    }

    /// Reads once more.
    pub fn more(&mut self) -> Result<(), End> {
        let mut buf = vec![0u8; 1 << 16];
        loop {
            let read = match &mut self.stream {
                Stream::Tcp(s) => s.read(&mut buf),
                Stream::Unix(s) => s.read(&mut buf),
            };
            match read {
                Ok(0) => return Err(End::Fin),
                Ok(n) => {
                    self.got.extend_from_slice(&buf[..n]);
                    return Ok(());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Err(End::Never);
                }
                Err(_) => return Err(End::Reset),
            }
        }
    }

    /// Reads until these bytes are among what was not consumed yet, and consumes up to their end.
    pub fn until(&mut self, text: &[u8]) -> Result<Vec<u8>, End> {
        let mut looked = self.at;
        loop {
            let found =
                self.got.get(looked..).unwrap_or_default().windows(text.len()).position(|w| w == text);
            if let Some(n) = found {
                return Ok(self.take(looked + n + text.len() - self.at));
            }
            looked = self.got.len().saturating_sub(text.len()).max(self.at);
            self.more()?;
        }
    }

    /// Reads so many bytes.
    pub fn exactly(&mut self, n: usize) -> Result<Vec<u8>, End> {
        while self.got.len() - self.at < n {
            self.more()?;
        }
        Ok(self.take(n))
    }

    /// Reads to the end; all that was not consumed before, and how it ended.
    #[allow(clippy::wrong_self_convention)] // reads to the end; converts nothing
    pub fn to_end(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Err(end) = self.more() {
                let n = self.got.len() - self.at;
                return (self.take(n), end);
            }
        }
    }

    /// Reads a request, with its body.
    pub fn request(&mut self) -> Result<Message, End> {
        let mut message = self.head()?;
        self.body(&mut message, true)?;
        Ok(message)
    }

    /// Reads the final answer to a request of any method but HEAD and CONNECT, with its body.
    pub fn reply(&mut self) -> Result<Message, End> {
        let mut message = self.reply_head()?;
        let empty = matches!(message.status(), 101 | 204 | 304);
        if !empty {
            self.body(&mut message, false)?;
        }
        Ok(message)
    }

    /// Reads the final answer's head, as for HEAD and CONNECT.
    pub fn reply_head(&mut self) -> Result<Message, End> {
        let mut interim = Vec::new();
        loop {
            let message = self.head()?;
            if !matches!(message.status(), 100 | 102..=199) {
                return Ok(Message { interim, ..message });
            }
            interim.push(message.status());
        }
    }

    /// Reads to a blank line.
    pub fn head(&mut self) -> Result<Message, End> {
        let head = self.until(b"\r\n\r\n")?;
        Ok(Message { head: String::from_utf8_lossy(&head).into_owned(), ..Message::default() })
    }

    fn body(&mut self, message: &mut Message, request: bool) -> Result<(), End> {
        if message.field("transfer-encoding").to_ascii_lowercase().contains("chunked") {
            return self.chunks(message);
        }
        match message.field("content-length").parse::<usize>() {
            Ok(n) => message.body = self.exactly(n)?,
            Err(_) if request => {}
            Err(_) => match self.to_end() {
                (body, End::Fin) => message.body = body,
                (_, end) => return Err(end),
            },
        }
        Ok(())
    }

    fn chunks(&mut self, message: &mut Message) -> Result<(), End> {
        loop {
            let line = self.until(b"\r\n")?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let digits = text.trim_end().split(';').next().unwrap_or_default().trim();
            // Not a size: what follows cannot be framed.
            let Ok(n) = usize::from_str_radix(digits, 16) else { return Err(End::Reset) };
            if n == 0 {
                break;
            }
            let chunk = self.exactly(n + 2)?;
            message.body.extend_from_slice(&chunk[..n]);
        }
        loop {
            let line = self.until(b"\r\n")?;
            if line == b"\r\n" {
                return Ok(());
            }
            message.trailers.push_str(&String::from_utf8_lossy(&line));
        }
    }

    fn take(&mut self, n: usize) -> Vec<u8> {
        let taken = self.rest().get(..n).unwrap_or_default().to_vec();
        self.at += taken.len();
        taken
    }
}
