//! Signals as values. SIGPIPE stays ignored, as Rust's runtime sets it.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::signal::unix::{self, SignalKind};

/// The signals that mean something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: stop now.
    Term,
    /// SIGINT: stop now.
    Int,
    /// SIGUSR1: stop when the last connection has ended.
    Usr1,
    /// SIGUSR2: reload (master).
    Usr2,
    /// SIGHUP: dump state.
    Hup,
    /// SIGQUIT: dump pools.
    Quit,
    /// SIGTTOU: pause listeners.
    Ttou,
    /// SIGTTIN: resume listeners.
    Ttin,
    /// SIGCHLD: a child ended.
    Chld,
}

impl Signal {
    /// All of them.
    pub const ALL: [Signal; 9] = [
        Signal::Term,
        Signal::Int,
        Signal::Usr1,
        Signal::Usr2,
        Signal::Hup,
        Signal::Quit,
        Signal::Ttou,
        Signal::Ttin,
        Signal::Chld,
    ];

    fn kind(self) -> SignalKind {
        match self {
            Signal::Term => SignalKind::terminate(),
            Signal::Int => SignalKind::interrupt(),
            Signal::Usr1 => SignalKind::user_defined1(),
            Signal::Usr2 => SignalKind::user_defined2(),
            Signal::Hup => SignalKind::hangup(),
            Signal::Quit => SignalKind::quit(),
            Signal::Ttou => SignalKind::from_raw(libc::SIGTTOU),
            Signal::Ttin => SignalKind::from_raw(libc::SIGTTIN),
            Signal::Chld => SignalKind::child(),
        }
    }
}

/// A stream of the chosen signals; from its making on they no longer act by default.
#[derive(Debug)]
pub struct Signals {
    streams: Vec<(Signal, unix::Signal)>,
}

impl Signals {
    /// Catches `which`, inside a runtime.
    pub fn new(which: &[Signal]) -> io::Result<Signals> {
        let streams =
            which.iter().map(|&s| Ok((s, unix::signal(s.kind())?))).collect::<io::Result<Vec<_>>>()?;
        Ok(Signals { streams })
    }

    /// The next one, earlier-listed first when several came.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        for (signal, stream) in &mut self.streams {
            if let Poll::Ready(Some(())) = stream.poll_recv(cx) {
                return Poll::Ready(*signal);
            }
        }
        Poll::Pending
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll_next(cx)).await
    }
}
