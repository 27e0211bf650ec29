//! One question to an agent (`agent-check`): connect, say what `agent-send` says, read a line.

use std::future::poll_fn;
use std::time::Duration;

use evenkeel_sys::{Addr, ConnectOpts, clock};

use crate::link::{Link, Refused, Step};
use crate::timer::Timer;

/// An agent's answer is one line; what is longer is cut.
const ANSWER_MAX: usize = 1024;

/// Whom to ask, and what.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Where the agent is.
    pub addr: Addr,
    /// How to connect.
    pub opts: ConnectOpts,
    /// `agent-send`.
    pub send: Vec<u8>,
    /// How long the whole may take.
    pub timeout: Duration,
}

/// Why there is no answer. The words are the system's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No connection.
    #[error("{0}")]
    Connect(String),
    /// No connection, and the fault is on this side.
    #[error("{0}")]
    Local(String),
    /// No connection in time.
    #[error("no connection in time")]
    ConnectTimeout,
    /// No answer in time.
    #[error("no answer in time")]
    AnswerTimeout,
    /// The connection broke before there was an answer.
    #[error("{0}")]
    Broken(String),
}

/// Asks. The answer ends at its first end of line, or with the connection.
pub async fn ask(asking: &Asking) -> Result<Vec<u8>, AskError> {
    let until = clock::now() + asking.timeout;
    let mut link = Link::default();
    let mut timer = Timer::default();
    let mut connected = false;
    let mut answer: Vec<u8> = Vec::new();
    link.open(&asking.addr, &asking.opts, None).map_err(|refused| match refused {
        Refused::Network(words) => AskError::Connect(words),
        Refused::Local(words) | Refused::Tls(words) => AskError::Local(words),
    })?;
    let result = loop {
        let step = poll_fn(|cx| match link.poll(cx) {
            std::task::Poll::Ready(step) => std::task::Poll::Ready(step),
            std::task::Poll::Pending => timer.poll(until, cx).map(|()| Step::Deadline),
        })
        .await;
        match step {
            Step::Connected => {
                connected = true;
                link.say(&asking.send);
            }
            Step::Failed(words) => break Err(AskError::Connect(words)),
            Step::Received(bytes) => {
                let room = ANSWER_MAX.saturating_sub(answer.len());
                answer.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
                if answer.len() >= ANSWER_MAX || answer.iter().any(|b| matches!(b, b'\n' | b'\r')) {
                    break Ok(answer);
                }
                link.give_back(bytes);
            }
            Step::Closed => break Ok(answer),
            Step::Broken(_) if !answer.is_empty() => break Ok(answer),
            Step::Broken(words) => break Err(AskError::Broken(words)),
            Step::Deadline if connected => break Err(AskError::AnswerTimeout),
            Step::Deadline => break Err(AskError::ConnectTimeout),
        }
    };
    link.close(false);
    result
}
