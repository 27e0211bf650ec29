//! One outgoing connection: opened, said to, listened to, closed.

use std::io;
use std::task::{Context, Poll};

use evenkeel_health::ConnectFailure;
use evenkeel_sys::{Addr, ConnectError, ConnectOpts, Connecting, Sock, connect};

use crate::header::ProxyHeader;

/// Read at once.
const READ_LEN: usize = 16 * 1024;

/// What happened.
#[derive(Debug)]
pub(crate) enum Step {
    /// It is open.
    Connected,
    /// It could not be opened; the system's words.
    Failed(String),
    /// Bytes came. Give the vector back when they are read.
    Received(Vec<u8>),
    /// No more will come.
    Closed,
    /// It broke; the system's words.
    Broken(String),
    /// Time is up.
    Deadline,
}

/// Why a connection was not even begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The way there.
    Network(String),
    /// This machine.
    Local(String),
    /// TLS.
    Tls(String),
}

impl Refused {
    pub(crate) fn as_failure(&self) -> ConnectFailure<'_> {
        match self {
            Refused::Network(words) => ConnectFailure::Network(words),
            Refused::Local(words) => ConnectFailure::Local(words),
            Refused::Tls(words) => ConnectFailure::Tls(words),
        }
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Connecting(Connecting, Option<ProxyHeader>),
    Open {
        sock: Sock,
        /// The other side has finished.
        ended: bool,
    },
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Link {
    state: State,
    /// To be said yet.
    out: Vec<u8>,
    buffer: Vec<u8>,
}

impl Link {
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Begins a connection; another one is dropped.
    pub(crate) fn open(
        &mut self,
        addr: &Addr,
        opts: &ConnectOpts,
        header: Option<ProxyHeader>,
    ) -> Result<(), Refused> {
        self.close(false);
        match connect(addr, opts) {
            Ok(connecting) => {
                self.state = State::Connecting(connecting, header);
                Ok(())
            }
            Err(error) => Err(refusal(addr, &error)),
        }
    }

    /// Says this as soon as it can.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Closes it: in order, or by a reset, so that no port stays in TIME-WAIT.
    pub(crate) fn close(&mut self, linger: bool) {
        self.out.clear();
        // Between checks nothing is held.
        self.buffer = Vec::new();
        let State::Open { sock, ended } = std::mem::take(&mut self.state) else { return };
        // A server that has closed before left us no port in TIME-WAIT.
        let ended = ended || matches!(sock.try_recv(&mut [0]), Ok(0));
        if !linger && !ended {
            // UNIX sockets have no such option, and no ports.
            let _ = sock.set_linger_zero();
        }
    }

    /// A vector of [`Step::Received`] that was read.
    pub(crate) fn give_back(&mut self, bytes: Vec<u8>) {
        self.buffer = bytes;
    }

    /// What happens next on it. Pending for ever while it is closed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let State::Connecting(connecting, header) = &self.state {
            let header = *header;
            match connecting.poll_finish(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => {
                    self.state = State::Closed;
                    return Poll::Ready(Step::Failed(error.io().map_or_else(|| error.to_string(), words)));
                }
                Poll::Ready(Ok(())) => self.opened(header),
            }
            return Poll::Ready(Step::Connected);
        }
        let State::Open { sock, ended } = &mut self.state else { return Poll::Pending };
        while !self.out.is_empty() {
            match sock.poll_send(cx, &self.out) {
                Poll::Pending => break,
                Poll::Ready(Ok(n)) => drop(self.out.drain(..n)),
                Poll::Ready(Err(error)) => {
                    self.out.clear();
                    return Poll::Ready(Step::Broken(words(&error)));
                }
            }
        }
        if *ended {
            return Poll::Pending;
        }
        self.buffer.clear();
        self.buffer.reserve(READ_LEN);
        match sock.poll_recv_vec(cx, &mut self.buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => {
                *ended = true;
                Poll::Ready(Step::Closed)
            }
            Poll::Ready(Ok(_)) => Poll::Ready(Step::Received(std::mem::take(&mut self.buffer))),
            Poll::Ready(Err(error)) => {
                *ended = true;
                Poll::Ready(Step::Broken(words(&error)))
            }
        }
    }

    fn opened(&mut self, header: Option<ProxyHeader>) {
        let State::Connecting(connecting, _) = std::mem::take(&mut self.state) else { return };
        let sock = connecting.into_sock();
        if let Some(header) = header {
            let ends = sock.local_addr().ok().zip(sock.peer_addr().ok());
            self.out = header.bytes(ends.as_ref());
        }
        self.state = State::Open { sock, ended: false };
    }
}

/// A refusal in the original's words.
fn refusal(addr: &Addr, error: &ConnectError) -> Refused {
    let said = error.io().map_or_else(|| error.to_string(), words);
    match (error, addr) {
        (ConnectError::Source(_), _) => Refused::Network(format!("Can't bind to source address ({said})")),
        (ConnectError::Remote(_), Addr::Inet(_)) => {
            Refused::Network(format!("General socket error ({said})"))
        }
        (
            ConnectError::Remote(_)
            | ConnectError::Resource(_)
            | ConnectError::Option { .. }
            | ConnectError::Unsupported,
            _,
        ) => Refused::Local(format!("General socket error ({said})")),
    }
}

/// What the system said, without the number that Rust adds.
pub(crate) fn words(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error ") {
        text.truncate(end);
    }
    text
}
