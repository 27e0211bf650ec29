//! The machine (RFC 5880 §6.2, §6.8).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU32};

use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};
use evenkeel_wire::bfd::{Control, Diagnostic, Error, State};

use crate::conf::{BfdConf, Role};
use crate::input::Input;
use crate::output::{Change, Dropped, Output};
use crate::timers::{Agreed, Deadline, Timer, jitter, micros};
use crate::view::{Counters, View};

/// Outputs that wait to be taken: one event makes a change and two packets at most.
const OUTPUTS_TYPICAL: usize = 4;

/// What the neighbour said last.
#[derive(Clone, Copy, Debug)]
struct Remote {
    discriminator: NonZeroU32,
    state: State,
    diagnostic: Diagnostic,
    multiplier: NonZeroU8,
    min_tx: Duration,
    min_rx: Duration,
    demand: bool,
    heard: Instant,
}

/// Whether the neighbour is being asked to confirm our timers (RFC 5880 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PollSequence {
    None,
    Running,
    /// The timers changed again meanwhile: the answer under way may be to what we said before.
    RunningStale,
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    conf: BfdConf,
    rng: Rng,
    state: State,
    diagnostic: Diagnostic,
    since: Instant,
    discriminator: NonZeroU32,
    remote: Option<Remote>,
    tx: Agreed,
    rx: Agreed,
    poll: PollSequence,
    /// When the last periodic packet went out.
    sent: Instant,
    /// When the next one does.
    next: Option<Instant>,
    /// The interval that `next` was made of.
    next_interval: Option<Duration>,
    outputs: VecDeque<Output>,
    counters: Counters,
    last_dropped: Option<Dropped>,
}

impl Session {
    /// A session that is down. The seed gives the discriminator and the jitter: it must differ between sessions.
    pub fn new(conf: BfdConf, seed: u64, now: Instant) -> Self {
        let mut rng = Rng::new(seed);
        let discriminator = discriminator(&mut rng);
        let mut session = Self {
            state: State::Down,
            diagnostic: Diagnostic::None,
            since: now,
            discriminator,
            remote: None,
            tx: Agreed::new(conf.idle()),
            rx: Agreed::new(conf.rx()),
            poll: PollSequence::None,
            sent: now,
            next: None,
            next_interval: None,
            outputs: VecDeque::with_capacity(OUTPUTS_TYPICAL),
            counters: Counters::default(),
            last_dropped: None,
            conf,
            rng,
        };
        session.reschedule();
        session
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Packet { packet, ttl } => match self.judge(packet, ttl) {
                Ok(packet) => self.receive(&packet, now),
                Err(why) => {
                    self.counters.dropped += 1;
                    self.last_dropped = Some(why);
                }
            },
            Input::Configure(conf) => self.configure(conf),
            // RFC 5880 §6.8.16. Silence is not watched for any more; the neighbour is told at once, and on.
            Input::Disable => self.enter(State::AdminDown, Diagnostic::AdminDown, now),
            Input::Enable => match self.state {
                State::AdminDown => self.enter(State::Down, Diagnostic::None, now),
                State::Down | State::Init | State::Up => {}
            },
        }
        self.reschedule();
    }

    /// The deadline has come; too early does nothing.
    pub fn on_deadline(&mut self, now: Instant) {
        if self.detect_at().is_some_and(|at| at <= now) {
            // RFC 5880 §6.8.1: who is not heard has no discriminator any more; §6.8.4: and the session is down.
            self.remote = None;
            match self.state {
                State::Init | State::Up => self.enter(State::Down, Diagnostic::Expired, now),
                State::AdminDown | State::Down => {}
            }
            self.reschedule();
        }
        if self.next.is_some_and(|at| at <= now) {
            self.transmit(now);
        }
    }

    /// What is due next.
    pub fn deadline(&self) -> Option<Deadline> {
        let detect = self.detect_at().map(|at| Deadline { at, why: Timer::Detect });
        let transmit = self.next.map(|at| Deadline { at, why: Timer::Transmit });
        [detect, transmit].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// As others see it.
    pub fn view(&self) -> View {
        View {
            state: self.state,
            diagnostic: self.diagnostic,
            since: self.since,
            remote: self.remote.map(|remote| (remote.state, remote.diagnostic)),
            local_discriminator: self.discriminator.get(),
            remote_discriminator: self.remote.map_or(0, |remote| remote.discriminator.get()),
            interval: self.interval(),
            detection: self.remote.map(|remote| self.detection(&remote)),
            polling: self.poll != PollSequence::None,
            counters: self.counters,
            last_dropped: self.last_dropped,
        }
    }

    /// As configured.
    pub fn conf(&self) -> &BfdConf {
        &self.conf
    }

    /// RFC 5880 §6.8.6 up to where the packet is heeded; what the packet alone can tell, the codec has.
    fn judge(&self, packet: Result<&Control, Error>, ttl: Option<u8>) -> Result<Control, Dropped> {
        if !self.conf.hops.admits(ttl) {
            return Err(Dropped::Hops { ttl });
        }
        let packet = packet.map_err(Dropped::Malformed)?;
        if packet.your_discriminator != 0 && packet.your_discriminator != self.discriminator.get() {
            return Err(Dropped::Discriminator(packet.your_discriminator));
        }
        Ok(*packet)
    }

    /// The rest of RFC 5880 §6.8.6, in its order.
    fn receive(&mut self, packet: &Control, now: Instant) {
        self.remote = Some(Remote {
            discriminator: packet.my_discriminator,
            state: packet.state,
            diagnostic: packet.diagnostic,
            multiplier: packet.multiplier,
            min_tx: Duration::from_micros(u64::from(packet.desired_min_tx_us)),
            min_rx: Duration::from_micros(u64::from(packet.required_min_rx_us)),
            demand: packet.demand,
            heard: now,
        });
        if packet.is_final {
            self.confirmed();
        }
        if self.state == State::AdminDown {
            self.counters.dropped += 1;
            self.last_dropped = Some(Dropped::Disabled);
            return;
        }
        self.counters.received += 1;
        self.last_dropped = None;
        if let Some((to, why)) = transition(self.state, packet.state) {
            self.enter(to, why, now);
        }
        if packet.poll {
            // At once, whatever the interval; a Final asks nothing itself (RFC 5880 §6.5).
            self.say(|control| Control { poll: false, is_final: true, ..control });
        }
    }

    /// Changes the state; the neighbour is told at once (RFC 5880 §6.8.7, last paragraph).
    fn enter(&mut self, to: State, why: Diagnostic, now: Instant) {
        let from = self.state;
        if from == to {
            return;
        }
        self.state = to;
        self.since = now;
        self.diagnostic = why;
        match (from, to) {
            (_, State::Up) => {
                self.counters.ups += 1;
                if self.tx.set(self.conf.tx(), self.conf.tx() > self.tx.used) {
                    self.begin_poll();
                }
            }
            (_, State::AdminDown | State::Down | State::Init) => {
                self.counters.downs += u64::from(from == State::Up);
                // RFC 5880 §6.8.3: at least a second. Nobody has to confirm that, nor what was asked before.
                self.poll = PollSequence::None;
                self.tx.set(self.conf.idle(), false);
                self.rx.confirm();
            }
        }
        self.outputs.push_back(Output::Changed(Change { from, to, diagnostic: why }));
        if self.may_speak() {
            self.transmit(now);
        }
    }

    /// RFC 5880 §6.8.3: while up, sending less often and expecting more wait until the neighbour knows.
    fn configure(&mut self, conf: &BfdConf) {
        self.conf = conf.clone();
        let is_up = self.state == State::Up;
        let want_tx = if is_up { conf.tx() } else { conf.idle() };
        let slower = is_up && want_tx > self.tx.used;
        let stricter = is_up && conf.rx() < self.rx.used;
        let tx_changed = self.tx.set(want_tx, slower);
        let rx_changed = self.rx.set(conf.rx(), stricter);
        if is_up && (tx_changed || rx_changed) {
            self.begin_poll();
        }
    }

    fn begin_poll(&mut self) {
        self.poll = match self.poll {
            PollSequence::None => PollSequence::Running,
            PollSequence::Running | PollSequence::RunningStale => PollSequence::RunningStale,
        };
    }

    /// A Final came.
    fn confirmed(&mut self) {
        self.poll = match self.poll {
            PollSequence::None => PollSequence::None,
            PollSequence::Running => {
                self.tx.confirm();
                self.rx.confirm();
                PollSequence::None
            }
            // That was the answer to what we said first; ask again.
            PollSequence::RunningStale => PollSequence::Running,
        };
    }

    /// Whether anything is sent of our own accord (RFC 5880 §6.8.7).
    fn may_speak(&self) -> bool {
        match (&self.remote, self.conf.role) {
            (None, Role::Passive) => false,
            (None, Role::Active) => true,
            (Some(remote), _) => !remote.min_rx.is_zero(),
        }
    }

    /// Between periodic packets, before jitter (RFC 5880 §6.8.2); `None`: there are none.
    fn interval(&self) -> Option<Duration> {
        if !self.may_speak() {
            return None;
        }
        let Some(remote) = &self.remote else { return Some(self.tx.used) };
        // RFC 5880 §6.6: while both are up and the neighbour asks for it, it is not spoken to but for polls. We never ask.
        let both_up = self.state == State::Up && remote.state == State::Up;
        if remote.demand && both_up && self.poll == PollSequence::None {
            return None;
        }
        Some(self.tx.used.max(remote.min_rx))
    }

    /// How long the neighbour may be silent (RFC 5880 §6.8.4).
    fn detection(&self, remote: &Remote) -> Duration {
        self.rx.used.max(remote.min_tx).saturating_mul(u32::from(remote.multiplier.get()))
    }

    fn detect_at(&self) -> Option<Instant> {
        self.remote.as_ref().map(|remote| remote.heard + self.detection(remote))
    }

    /// Sets the next periodic packet's time anew where the interval has changed, counted from the last one.
    fn reschedule(&mut self) {
        let interval = self.interval();
        if interval == self.next_interval && interval.is_some() == self.next.is_some() {
            return;
        }
        self.next_interval = interval;
        self.next =
            interval.map(|interval| self.sent + jitter(interval, self.conf.multiplier, &mut self.rng));
    }

    /// A periodic packet, or one about a change in place of the next.
    fn transmit(&mut self, now: Instant) {
        let poll = self.poll != PollSequence::None;
        self.say(|control| Control { poll, ..control });
        self.sent = now;
        self.next = None;
        self.reschedule();
    }

    fn say(&mut self, with: impl FnOnce(Control) -> Control) {
        let control = Control {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: false,
            is_final: false,
            independent: false,
            demand: false,
            multiplier: self.conf.multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.map_or(0, |remote| remote.discriminator.get()),
            desired_min_tx_us: micros(self.tx.told),
            required_min_rx_us: micros(self.rx.told),
            required_min_echo_rx_us: 0,
        };
        self.counters.sent += 1;
        self.outputs.push_back(Output::Send(with(control)));
    }
}

/// What follows from the neighbour's state (RFC 5880 §6.2, §6.8.6): the new state and why; `None`: nothing.
pub fn transition(own: State, heard: State) -> Option<(State, Diagnostic)> {
    match (own, heard) {
        (State::AdminDown, State::AdminDown | State::Down | State::Init | State::Up) => None,
        (State::Down, State::Down) => Some((State::Init, Diagnostic::None)),
        (State::Down, State::Init) => Some((State::Up, Diagnostic::None)),
        (State::Down, State::AdminDown | State::Up) => None,
        (State::Init, State::Init | State::Up) => Some((State::Up, Diagnostic::None)),
        (State::Init, State::Down) => None,
        (State::Up, State::Down) => Some((State::Down, Diagnostic::NeighbourDown)),
        (State::Up, State::Init | State::Up) => None,
        (State::Init | State::Up, State::AdminDown) => Some((State::Down, Diagnostic::NeighbourDown)),
    }
}

/// Whose packet it is (RFC 5880 §6.8.6, RFC 5881 §3): the one neighbour's at that address. A discriminator that is not the
/// session's is told by the session itself.
pub fn select(source: IpAddr, neighbors: impl IntoIterator<Item = IpAddr>) -> Option<usize> {
    neighbors.into_iter().position(|neighbor| neighbor == source)
}

fn discriminator(rng: &mut Rng) -> NonZeroU32 {
    // A zero is drawn once in 2^32 times; then 1 does.
    NonZeroU32::new(rng.next_u64() as u32).unwrap_or(NonZeroU32::MIN)
}
