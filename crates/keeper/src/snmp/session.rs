//! The subagent's side of a session (RFC 2741 §7.1): open, register, answer, come back when it breaks.
//!
//! ```text
//!   Away ──Connect──▶ Dialling ──Connected──▶ Opening ──Response──▶ Registering (one subtree after the other) ──▶ Serving
//!     ▲                  │                       │                       │                                        │
//!     └── after 15 s ────┴────── Closed, an error, no answer in time ────┴────────────────────────────────────────┘
//! ```

use std::collections::VecDeque;

use evenkeel_base::time::{Duration, Instant};
use evenkeel_wire::agentx::{
    Body, CloseReason, Error, HEADER_LEN, Oid, PAYLOAD_LEN_MAX, Pdu, Registration, VarBind, error,
};

/// Between attempts to reach the master.
const RETRY: Duration = Duration::from_secs(15);
/// So long an answer to Open, Register and Ping may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A silent master is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(15);
/// Traps that wait for a session; older ones go first.
const TRAPS_MAX: usize = 100;
/// Bytes of one message.
const MESSAGE_LEN_MAX: usize = HEADER_LEN + PAYLOAD_LEN_MAX;

/// What it is told.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The connection that was asked for is there.
    Connected,
    /// Bytes came.
    Received(&'a [u8]),
    /// The connection could not be made, or is gone.
    Closed,
    /// The answer to an [`Output::Request`].
    Answer(Pdu),
    /// A trap.
    Notify(Vec<VarBind>),
    /// The daemon ends.
    Stop,
}

/// What it wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Connect to the master; drop any other connection first.
    Connect,
    /// Say this.
    Send(Vec<u8>),
    /// Answer this ([`super::answer`]) and give the answer back.
    Request(Pdu),
    /// Drop the connection.
    Close,
    /// All subtrees are registered.
    Serving,
    /// Why there is no session; said once until there is one again.
    Trouble(Trouble),
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens, or the connection broke.
    Unreachable,
    /// The master did not answer in time.
    Silent,
    /// The master said no, by number.
    Refused(u16),
    /// Another subagent has this subtree.
    Taken(Oid),
    /// The master's message makes no sense.
    Garbled(Error),
    /// The master closed the session.
    Closed(CloseReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Away { until: Instant },
    Dialling { until: Instant },
    Opening { packet: u32, until: Instant },
    Registering { position: usize, packet: u32, until: Instant },
    Serving { ping_at: Instant },
    Pinging { packet: u32, until: Instant },
    Stopped,
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    subtrees: Vec<Oid>,
    description: String,
    state: State,
    id: u32,
    packet: u32,
    received: Vec<u8>,
    traps: VecDeque<Vec<VarBind>>,
    outputs: VecDeque<Output>,
    complained: bool,
}

impl Session {
    /// A session that is to be made; `description` says to the master who we are.
    pub fn new(subtrees: Vec<Oid>, description: &str, now: Instant) -> Self {
        Self {
            subtrees,
            description: description.to_owned(),
            state: State::Away { until: now },
            id: 0,
            packet: 0,
            received: Vec::new(),
            traps: VecDeque::new(),
            outputs: VecDeque::new(),
            complained: false,
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Session::on_deadline`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Away { until }
            | State::Dialling { until }
            | State::Opening { until, .. }
            | State::Registering { until, .. }
            | State::Pinging { until, .. } => Some(until),
            State::Serving { ping_at } => Some(ping_at),
            State::Stopped => None,
        }
    }

    /// The deadline has come; too early does nothing.
    pub fn on_deadline(&mut self, now: Instant) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        match self.state {
            State::Away { .. } => {
                self.outputs.push_back(Output::Connect);
                self.state = State::Dialling { until: now + ANSWER_MAX };
            }
            State::Dialling { .. } => self.fail(Trouble::Unreachable, now),
            State::Opening { .. } | State::Registering { .. } | State::Pinging { .. } => {
                self.fail(Trouble::Silent, now);
            }
            State::Serving { .. } => {
                let packet = self.send(Body::Ping);
                self.state = State::Pinging { packet, until: now + ANSWER_MAX };
            }
            State::Stopped => {}
        }
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Connected => {
                if let State::Dialling { .. } = self.state {
                    self.received.clear();
                    self.id = 0;
                    let description = self.description.as_bytes().to_vec();
                    let packet = self.send(Body::Open { timeout: 0, id: Oid::default(), description });
                    self.state = State::Opening { packet, until: now + ANSWER_MAX };
                }
            }
            Input::Received(bytes) => self.receive(bytes, now),
            Input::Closed => match self.state {
                State::Away { .. } | State::Stopped => {}
                State::Dialling { .. }
                | State::Opening { .. }
                | State::Registering { .. }
                | State::Serving { .. }
                | State::Pinging { .. } => self.fail(Trouble::Unreachable, now),
            },
            Input::Answer(answer) => {
                // One to a session that is gone has no one to read it.
                if self.id != 0 && answer.session == self.id {
                    self.write(&answer);
                }
            }
            Input::Notify(binds) => {
                if self.is_serving() {
                    self.send(Body::Notify(binds));
                } else if self.state != State::Stopped {
                    if self.traps.len() == TRAPS_MAX {
                        self.traps.pop_front();
                    }
                    self.traps.push_back(binds);
                }
            }
            Input::Stop => {
                if self.id != 0 {
                    self.send(Body::Close(CloseReason::Shutdown));
                    self.outputs.push_back(Output::Close);
                }
                self.state = State::Stopped;
            }
        }
    }

    fn is_serving(&self) -> bool {
        matches!(self.state, State::Serving { .. } | State::Pinging { .. })
    }

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        let mut bytes = bytes;
        while !bytes.is_empty() && !matches!(self.state, State::Away { .. } | State::Stopped) {
            // Never more than one whole message is kept.
            let room = MESSAGE_LEN_MAX.saturating_sub(self.received.len()).min(bytes.len());
            let (taken, rest) = bytes.split_at(room);
            self.received.extend_from_slice(taken);
            bytes = rest;
            let mut start = 0;
            loop {
                match Pdu::parse(self.received.get(start..).unwrap_or_default()) {
                    Ok(Some((pdu, len))) => {
                        start += len;
                        self.hear(pdu, now);
                    }
                    Ok(None) => break,
                    Err(why) => return self.fail(Trouble::Garbled(why), now),
                }
            }
            self.received.drain(..start.min(self.received.len()));
        }
    }

    fn hear(&mut self, pdu: Pdu, now: Instant) {
        match (self.state, &pdu.body) {
            (State::Opening { packet, .. }, Body::Response { error, .. }) if pdu.packet == packet => {
                match *error {
                    error::NONE => {
                        self.id = pdu.session;
                        self.register(0, now);
                    }
                    other => self.fail(Trouble::Refused(other), now),
                }
            }
            (State::Registering { position, packet, .. }, Body::Response { error, .. })
                if pdu.packet == packet =>
            {
                match (*error, self.subtrees.get(position)) {
                    (error::NONE, _) => self.register(position + 1, now),
                    (error::DUPLICATE_REGISTRATION, Some(subtree)) => {
                        let subtree = subtree.clone();
                        self.fail(Trouble::Taken(subtree), now);
                    }
                    (other, _) => self.fail(Trouble::Refused(other), now),
                }
            }
            (State::Pinging { packet, .. }, Body::Response { error, .. }) if pdu.packet == packet => {
                match *error {
                    error::NONE => self.state = State::Serving { ping_at: now + PING_EVERY },
                    other => self.fail(Trouble::Refused(other), now),
                }
            }
            (State::Away { .. } | State::Dialling { .. } | State::Stopped, _) => {}
            (_, Body::Close(reason)) => self.fail(Trouble::Closed(*reason), now),
            // Also while others of our subtrees are still being registered.
            (
                _,
                Body::Get(_)
                | Body::GetNext(_)
                | Body::GetBulk { .. }
                | Body::TestSet(_)
                | Body::CommitSet
                | Body::UndoSet
                | Body::CleanupSet,
            ) => {
                if let State::Serving { ping_at } = &mut self.state {
                    // Who asks is there.
                    *ping_at = now + PING_EVERY;
                }
                self.outputs.push_back(Output::Request(pdu));
            }
            // Answers to traps, and what masters do not send.
            (
                _,
                Body::Response { .. }
                | Body::Open { .. }
                | Body::Register(_)
                | Body::Unregister(_)
                | Body::Notify(_)
                | Body::Ping,
            ) => {}
        }
    }

    fn register(&mut self, position: usize, now: Instant) {
        let Some(subtree) = self.subtrees.get(position) else {
            self.state = State::Serving { ping_at: now + PING_EVERY };
            self.complained = false;
            self.outputs.push_back(Output::Serving);
            while let Some(binds) = self.traps.pop_front() {
                self.send(Body::Notify(binds));
            }
            return;
        };
        let packet = self.send(Body::Register(Registration::of(subtree.clone())));
        self.state = State::Registering { position, packet, until: now + ANSWER_MAX };
    }

    fn fail(&mut self, why: Trouble, now: Instant) {
        self.state = State::Away { until: now + RETRY };
        self.id = 0;
        self.received.clear();
        self.outputs.push_back(Output::Close);
        if !self.complained {
            self.complained = true;
            self.outputs.push_back(Output::Trouble(why));
        }
    }

    fn send(&mut self, body: Body) -> u32 {
        self.packet = self.packet.wrapping_add(1);
        let pdu = Pdu { session: self.id, transaction: 0, packet: self.packet, context: None, body };
        self.write(&pdu);
        self.packet
    }

    fn write(&mut self, pdu: &Pdu) {
        let mut bytes = Vec::new();
        pdu.write(&mut bytes);
        self.outputs.push_back(Output::Send(bytes));
    }
}
