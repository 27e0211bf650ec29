//! The subagent on a thread of its own: its socket, the rows that it keeps for a moment, the keeper's transitions as traps.
//! Whatever the master does, the keeper waits for nobody here.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_base::time::Instant;
use evenkeel_wire::agentx::SOCKET_PATH;

use super::{Facts, Input, Output, ROWS_AGE_MAX, Rows, Session, Trouble, answer, rows, subtrees, traps};
use crate::{Handle, HandleError, LogLevel, Logger, Told};

/// Between looks at transitions and at the end.
const TURN: Duration = Duration::from_millis(200);
/// Connecting and writing take so long at most.
const SOCKET_WAIT: Duration = Duration::from_secs(5);
/// Bytes read at once.
const READ_LEN: usize = 16 * 1024;

/// Where the master listens (`snmp_socket`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// `unix:PATH` or `PATH`.
    Unix(PathBuf),
    /// `tcp:HOST:PORT` or `HOST:PORT`.
    Tcp(String),
}

/// An address that AgentX is not spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSocket(String);

impl fmt::Display for NoSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snmp_socket '{}' is neither unix:PATH nor tcp:HOST:PORT", self.0)
    }
}

impl Default for Socket {
    fn default() -> Self {
        Socket::Unix(SOCKET_PATH.into())
    }
}

impl FromStr for Socket {
    type Err = NoSocket;

    fn from_str(text: &str) -> Result<Self, NoSocket> {
        if let Some(path) = text.strip_prefix("unix:").or(text.starts_with('/').then_some(text)) {
            return if path.is_empty() {
                Err(NoSocket(text.to_owned()))
            } else {
                Ok(Socket::Unix(path.into()))
            };
        }
        let tcp = text.strip_prefix("tcp:").unwrap_or(text);
        match tcp.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0) => {
                Ok(Socket::Tcp(tcp.to_owned()))
            }
            Some(_) | None => Err(NoSocket(text.to_owned())),
        }
    }
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn connect(socket: &Socket) -> io::Result<Stream> {
        match socket {
            Socket::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(TURN))?;
                stream.set_write_timeout(Some(SOCKET_WAIT))?;
                Ok(Stream::Unix(stream))
            }
            Socket::Tcp(address) => {
                let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
                let stream = TcpStream::connect_timeout(&address, SOCKET_WAIT)?;
                stream.set_read_timeout(Some(TURN))?;
                stream.set_write_timeout(Some(SOCKET_WAIT))?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(buffer),
            Stream::Tcp(stream) => stream.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.write_all(bytes),
            Stream::Tcp(stream) => stream.write_all(bytes),
        }
    }
}

/// A running subagent; it ends, and tells the master so, when it is dropped. After a reload that switches MIBs on or off a
/// new one is started.
#[derive(Debug)]
pub struct Agent {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Starts one for the MIBs that the keeper's plan switches on; `None`: there are none. It runs in the network namespace
    /// of the calling thread.
    pub fn start(handle: Handle, socket: Socket, log: Logger) -> io::Result<Option<Agent>> {
        let gone = |why: HandleError| io::Error::other(why.to_string());
        let subtrees = handle.look(|look| subtrees(&look.plan.global.snmp)).map_err(gone)?;
        if subtrees.is_empty() {
            return Ok(None);
        }
        let told = handle.subscribe().map_err(gone)?;
        let end = Arc::new(AtomicBool::new(false));
        let ending = end.clone();
        let clock = std::time::Instant::now();
        let driver = Driver {
            session: Session::new(subtrees, "Evenkeel", Instant::from_nanos(0)),
            clock,
            handle,
            socket,
            log,
            stream: None,
            told,
            kept: None,
            started: None,
        };
        let thread =
            std::thread::Builder::new().name("keeper-snmp".into()).spawn(move || driver.run(&ending))?;
        Ok(Some(Agent { end, thread: Some(thread) }))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been told by its own message.
            let _ = thread.join();
        }
    }
}

struct Driver {
    session: Session,
    clock: std::time::Instant,
    handle: Handle,
    socket: Socket,
    log: Logger,
    stream: Option<Stream>,
    told: Receiver<Told>,
    kept: Option<(Instant, Rows)>,
    /// The keeper's clock when this began.
    started: Option<Instant>,
}

impl Driver {
    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn run(mut self, end: &AtomicBool) {
        let mut buffer = vec![0; READ_LEN];
        (self.log)(LogLevel::Info, "Starting SNMP subagent");
        while !end.load(Ordering::Relaxed) {
            self.session.on_deadline(self.now());
            if self.pass_traps().is_err() || self.carry_out().is_err() {
                // The keeper is gone, and with it what could be told.
                break;
            }
            let read = self.stream.as_mut().map(|stream| stream.read(&mut buffer));
            let now = self.now();
            match read {
                None => std::thread::sleep(TURN),
                Some(Ok(0)) => self.session.handle(Input::Closed, now),
                Some(Ok(n)) => self.session.handle(Input::Received(buffer.get(..n).unwrap_or_default()), now),
                Some(Err(why)) if is_patience(&why) => {}
                Some(Err(_)) => self.session.handle(Input::Closed, now),
            }
        }
        self.session.handle(Input::Stop, self.now());
        let _ = self.carry_out();
    }

    fn pass_traps(&mut self) -> Result<(), HandleError> {
        while let Ok(told) = self.told.try_recv() {
            let started = self.started;
            let of_it =
                move |look: &crate::Look<'_>| traps(&told, &Facts::of(look, started.unwrap_or(look.now)));
            for trap in self.handle.look(of_it)? {
                self.session.handle(Input::Notify(trap), self.now());
            }
        }
        Ok(())
    }

    fn carry_out(&mut self) -> Result<(), HandleError> {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Connect => {
                    self.stream = Stream::connect(&self.socket).ok();
                    let what = if self.stream.is_some() { Input::Connected } else { Input::Closed };
                    self.session.handle(what, self.now());
                }
                Output::Send(bytes) => {
                    let failed = self.stream.as_mut().is_some_and(|stream| stream.write_all(&bytes).is_err());
                    if failed {
                        self.session.handle(Input::Closed, self.now());
                    }
                }
                Output::Request(request) => {
                    self.refresh()?;
                    let answer = self.kept.as_ref().and_then(|(_, rows)| answer(&request, rows));
                    if let Some(answer) = answer {
                        self.session.handle(Input::Answer(answer), self.now());
                    }
                }
                Output::Close => self.stream = None,
                Output::Serving => (self.log)(LogLevel::Info, "SNMP: AgentX subagent connected"),
                Output::Trouble(why) => (self.log)(LogLevel::Warning, &format!("SNMP: {}", words(&why))),
            }
        }
        Ok(())
    }

    /// Makes the rows anew where they are too old.
    fn refresh(&mut self) -> Result<(), HandleError> {
        let now = self.now();
        if self.kept.as_ref().is_some_and(|(at, _)| now.since(*at) < ROWS_AGE_MAX) {
            return Ok(());
        }
        let started = self.started;
        let (began, rows) = self.handle.look(move |look| {
            let began = started.unwrap_or(look.now);
            (began, rows(&Facts::of(look, began)))
        })?;
        self.started = Some(began);
        self.kept = Some((now, rows));
        Ok(())
    }
}

fn is_patience(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn words(why: &Trouble) -> String {
    match why {
        Trouble::Unreachable => "the AgentX master agent cannot be reached; trying again".to_owned(),
        Trouble::Silent => "the AgentX master agent does not answer; trying again".to_owned(),
        Trouble::Refused(number) => {
            format!("the AgentX master agent refuses us (error {number}); trying again")
        }
        Trouble::Taken(subtree) => {
            format!("another subagent has {subtree} (is another keepalived running?); trying again")
        }
        Trouble::Garbled(why) => format!("{why} from the AgentX master agent; trying again"),
        Trouble::Closed(reason) => {
            format!("the AgentX master agent closed the session ({reason:?}); trying again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_written_as_net_snmp_has_them() {
        let tcp = |text: &str| Some(Socket::Tcp(text.to_owned()));
        for (text, want) in [
            ("unix:/var/agentx/master", Some(Socket::default())),
            ("/var/agentx/master", Some(Socket::default())),
            ("tcp:127.0.0.1:705", tcp("127.0.0.1:705")),
            ("localhost:705", tcp("localhost:705")),
            ("tcp:[::1]:705", tcp("[::1]:705")),
            ("udp:127.0.0.1", None),
            ("tcp:127.0.0.1", None),
            ("tcp:705", None),
            ("unix:", None),
            ("localhost:0", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), want, "{text}");
        }
    }
}
