//! One virtual router: acts on what [`crate::state::judge`] decides. It knows nothing of the others; groups, tracks and
//! interfaces are the node's, which tells it its faults and its priority.

use std::collections::VecDeque;
use std::net::IpAddr;

use evenkeel_base::time::{Duration, Instant};

use crate::codec::{Codec, Heard};
use crate::conf::{Destination, InstanceConf, InstanceId, Version};
use crate::counters::Counters;
use crate::doubt::{Doubt, Doubts};
use crate::event::{Because, Entered, Event, Fault, Name, What, Whom};
use crate::input::Received;
use crate::output::{Became, Notice, Output, Subject};
use crate::quiet::Quiet;
use crate::recorder::{Entry, Recorder};
use crate::refusal::Refusal;
use crate::state::{Backup, Master, PreemptDelay, Preempting, State, StateKind, Verdict, Waits, judge};
use crate::timers::{Timer, Timers};

/// What an instance works with.
pub(crate) struct Ctx<'a> {
    pub(crate) now: Instant,
    pub(crate) out: &'a mut VecDeque<Output>,
    pub(crate) timers: &'a mut Timers,
    /// The date in microseconds, for signatures.
    pub(crate) wall_us: u64,
}

/// What the group has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Stay,
    /// It goes on as backup of a master that speaks.
    Followed,
    /// It became backup, because somebody better spoke.
    Yielded,
    /// It is master and announced its addresses again.
    Asserted,
}

/// Who was heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Its priority.
    pub priority: u8,
    /// Its interval.
    pub interval: Duration,
    /// When.
    pub at: Instant,
}

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) conf: InstanceConf,
    pub(crate) name: Name,
    pub(crate) state: State,
    pub(crate) since: Instant,
    /// Before then nothing is judged.
    pub(crate) starts: Instant,
    /// Its own faults; the group's others' are not among them.
    pub(crate) faults: Vec<Fault>,
    /// A script that decides about its start has not answered.
    pub(crate) pending: bool,
    /// It has waited for that, so its start is no first one.
    pub(crate) waited: bool,
    /// Where its adverts come from.
    pub(crate) source: Option<IpAddr>,
    /// Sum of the weights.
    pub(crate) weights: i32,
    /// The priority adverts carry.
    pub(crate) effective: u8,
    /// The operator's.
    pub(crate) operator: Option<u8>,
    /// Another owner was there first.
    pub(crate) demoted: bool,
    /// The interval that is counted with: in version 3 the master's.
    pub(crate) interval: Duration,
    pub(crate) peer: Option<Peer>,
    pub(crate) codec: Codec,
    pub(crate) counters: Counters,
    pub(crate) recorder: Recorder,
    pub(crate) doubts: Doubts,
    pub(crate) quiet: Quiet,
}

/// Lower adverts within this part of an interval after our own advert need no answer: ours is on its way.
const ANSWERED_PART: u32 = 8;

impl Instance {
    pub(crate) fn new(id: InstanceId, conf: InstanceConf, now: Instant) -> Self {
        Self {
            id,
            name: conf.name.as_str().into(),
            state: State::Init,
            since: now,
            starts: now,
            faults: Vec::new(),
            pending: false,
            waited: false,
            source: None,
            weights: 0,
            effective: conf.priority.get(),
            operator: None,
            demoted: false,
            interval: conf.advert_interval,
            peer: None,
            codec: Codec::new(&conf),
            counters: Counters::default(),
            recorder: Recorder::default(),
            doubts: Doubts::default(),
            quiet: Quiet::default(),
            conf,
        }
    }

    pub(crate) fn kind(&self) -> StateKind {
        self.state.kind()
    }

    pub(crate) fn is_master(&self) -> bool {
        matches!(self.state, State::Master(_))
    }

    /// The priority before weights: the operator's, or the file's.
    pub(crate) fn base(&self) -> u8 {
        match self.operator {
            // The owner is so by its addresses, not by decree.
            Some(priority) if !self.conf.priority.is_owner() => priority.clamp(1, u8::MAX - 1),
            Some(priority) => priority.max(1),
            None if self.demoted => u8::MAX - 1,
            None => self.conf.priority.get(),
        }
    }

    /// RFC 9568 §6.1 Skew_Time, RFC 3768 §6.1: version 2 counts in seconds, whatever the interval.
    pub(crate) fn skew(&self) -> Duration {
        let part = 256 - u32::from(self.effective);
        match self.conf.version {
            Version::V2 => Duration::from_secs(1) * part / 256,
            Version::V3 => self.interval * part / 256,
        }
    }

    /// RFC 9568 §6.1 Active_Down_Interval.
    pub(crate) fn down(&self) -> Duration {
        self.interval * self.conf.down_timer_adverts.max(1) + self.skew()
    }

    /// Evidence of a split brain is good for so long.
    pub(crate) fn window(&self) -> Duration {
        (self.interval * 3).max(Duration::from_secs(1))
    }

    /// Tells what happened: to the recorder, and to the log.
    pub(crate) fn tell(&mut self, cx: &mut Ctx<'_>, what: What) {
        let event = Event { whom: Whom::Instance(self.id, self.name.clone()), what };
        self.recorder.keep(Entry {
            at: cx.now,
            state: self.kind(),
            priority: self.effective,
            what: event.what.clone(),
        });
        if event.is_logged() {
            cx.out.push_back(Output::Log(event));
        }
    }

    pub(crate) fn notify(&self, cx: &mut Ctx<'_>, became: Became) {
        let subject = Subject::Instance(self.id);
        cx.out.push_back(Output::Notify(Notice { subject, became, priority: self.effective }));
    }

    /// Begins to listen, from whatever state; a master has given up before.
    pub(crate) fn listen(&mut self, cx: &mut Ctx<'_>, because: Because) {
        let from_init = self.kind() == StateKind::Init;
        let start = cx.now.max(self.starts);
        self.interval = self.conf.advert_interval;
        self.state =
            State::Backup(Backup { armed: start, waits: Waits::Advert, preempt: PreemptDelay::Idle });
        self.since = cx.now;
        // RFC 9568 §6.4.1: the owner becomes master at once, where the file says so.
        if from_init && self.is_eager() {
            cx.timers.set(Timer::Down(self.id), start);
            return;
        }
        let what = match (from_init, &because) {
            (true, Because::Start) => What::Listening(because),
            _ => What::Entered(Entered::Backup, because),
        };
        self.tell(cx, what);
        self.arm(cx, start);
        self.notify(cx, Became::Backup);
    }

    fn is_eager(&self) -> bool {
        self.conf.state == crate::conf::WantedState::Master && self.base() == u8::MAX
    }

    /// Starts the down timer anew.
    fn arm(&mut self, cx: &mut Ctx<'_>, from: Instant) {
        if let State::Backup(backup) = &mut self.state {
            backup.armed = from;
            backup.waits = Waits::Advert;
        }
        cx.timers.set(Timer::Down(self.id), from + self.down());
    }

    /// After the interval or the priority changed: the down timer as if it had been so from its start on.
    pub(crate) fn rearm(&mut self, cx: &mut Ctx<'_>) {
        let State::Backup(backup) = &self.state else { return };
        let wait = match backup.waits {
            Waits::Advert => self.down(),
            Waits::Others { .. } => self.skew(),
            Waits::Group => return,
        };
        let eager = cx.timers.get(Timer::Down(self.id)) == Some(backup.armed);
        if !eager {
            let at = (backup.armed + wait).max(cx.now);
            cx.timers.set(Timer::Down(self.id), at);
        }
    }

    /// A packet of its vrid.
    pub(crate) fn packet(&mut self, cx: &mut Ctx<'_>, received: &Received<'_>, version: u8) -> Turn {
        match self.kind() {
            StateKind::Init | StateKind::Fault => return Turn::Stay,
            StateKind::Backup | StateKind::Master if cx.now < self.starts => return Turn::Stay,
            StateKind::Backup | StateKind::Master => {}
        }
        // Ourselves: a multicast that was looped back, or sent to us by a switch.
        if Some(received.source) == self.source {
            self.counters.own_adverts += 1;
            return Turn::Stay;
        }
        let last = self.peer.map(|peer| peer.address);
        match self.codec.open(&self.conf, received, version, last) {
            Ok(heard) => self.advert(cx, heard),
            Err(why) => {
                self.refuse(cx, received.source, why);
                Turn::Stay
            }
        }
    }

    fn refuse(&mut self, cx: &mut Ctx<'_>, from: IpAddr, why: Refusal) {
        self.counters.refused(why);
        if matches!(why, Refusal::Interval { .. }) {
            self.counters.adverts_received += 1;
        }
        if self.quiet.may_say(crate::quiet::Subject::Refused(why.ground()), cx.now) {
            self.tell(cx, What::Refused { from, why });
        }
        self.suspect(cx, Doubt::Refused { from, why });
    }

    fn advert(&mut self, cx: &mut Ctx<'_>, heard: Heard) -> Turn {
        self.counters.adverts_received += 1;
        if heard.priority == 0 {
            self.counters.zero_received += 1;
        }
        self.remember(cx, heard);
        let Some(ours) = self.source else { return Turn::Stay };
        if self.conf.owner_ignore_adverts && self.is_master() && self.effective == u8::MAX {
            return Turn::Stay;
        }
        let order = heard.from.cmp(&ours);
        let verdict = judge(self.kind(), heard.priority, self.effective, order, self.preempting(cx.now));
        match verdict {
            Verdict::Ignore => Turn::Stay,
            Verdict::Follow => self.follow(cx, heard),
            Verdict::FollowForAWhile => {
                self.tell(cx, What::PreemptWait(self.conf.preempt_delay));
                self.set_preempt(PreemptDelay::Until(cx.now + self.conf.preempt_delay));
                self.follow(cx, heard)
            }
            Verdict::FollowForGood => {
                self.tell(cx, What::PreemptStop);
                self.set_preempt(PreemptDelay::Idle);
                self.follow(cx, heard)
            }
            Verdict::Hurry => self.hurry(cx, heard.from),
            Verdict::Discard => {
                if self.quiet.may_say(crate::quiet::Subject::Lower, cx.now) {
                    self.tell(cx, What::LowerDiscarded { from: heard.from, theirs: heard.priority });
                }
                Turn::Stay
            }
            Verdict::Answer => self.answer(cx),
            Verdict::Assert => self.assert(cx, heard),
            Verdict::Yield => self.give_way(cx, heard),
            Verdict::YieldOwner => {
                self.tell(cx, What::OwnerClash);
                self.demoted = true;
                self.set_priority(cx);
                self.give_way(cx, heard)
            }
        }
    }

    /// Keeps who spoke; the recorder wants to know of news only.
    fn remember(&mut self, cx: &mut Ctx<'_>, heard: Heard) {
        let news = match self.peer {
            None => true,
            Some(peer) => {
                peer.address != heard.from
                    || peer.priority != heard.priority
                    || peer.interval != heard.interval
                    || peer.at + self.down() < cx.now
            }
        };
        let Heard { from, priority, interval } = heard;
        self.peer = Some(Peer { address: from, priority, interval, at: cx.now });
        if news && self.quiet.may_say(crate::quiet::Subject::Heard, cx.now) {
            self.tell(cx, What::Heard { from, priority, interval });
        }
    }

    fn preempting(&self, now: Instant) -> Preempting {
        if !self.conf.preempt {
            return Preempting::Never;
        }
        if self.conf.preempt_delay.is_zero() {
            return Preempting::Now;
        }
        match &self.state {
            State::Backup(Backup { preempt: PreemptDelay::Until(end), .. }) if now < *end => {
                Preempting::Waiting
            }
            State::Backup(Backup { preempt: PreemptDelay::Until(_), .. }) => Preempting::Now,
            State::Backup(_) | State::Master(_) | State::Init | State::Fault => Preempting::Later,
        }
    }

    fn set_preempt(&mut self, to: PreemptDelay) {
        if let State::Backup(backup) = &mut self.state {
            backup.preempt = to;
        }
    }

    /// The master is there.
    fn follow(&mut self, cx: &mut Ctx<'_>, heard: Heard) -> Turn {
        // An advert that is at least ours ends a delay that ran out, too: the next worse master gets a new one.
        if heard.priority >= self.effective {
            self.set_preempt(PreemptDelay::Idle);
        }
        self.adopt(cx, heard.interval);
        self.arm(cx, cx.now);
        Turn::Followed
    }

    /// RFC 9568 §6.4.2 (455): the master's interval is the one to count with.
    fn adopt(&mut self, cx: &mut Ctx<'_>, interval: Duration) {
        if self.conf.version == Version::V3 && interval != self.interval {
            let from = std::mem::replace(&mut self.interval, interval);
            if self.quiet.may_say(crate::quiet::Subject::Interval, cx.now) {
                self.tell(cx, What::IntervalAdopted { from, to: interval });
            }
        }
    }

    fn hurry(&mut self, cx: &mut Ctx<'_>, from: IpAddr) -> Turn {
        if self.quiet.may_say(crate::quiet::Subject::Zero, cx.now) {
            self.tell(cx, What::ZeroAsBackup);
        }
        let skew = self.skew();
        if let State::Backup(backup) = &mut self.state {
            // Said twice, it does not wait twice: the earlier end counts.
            if !matches!(backup.waits, Waits::Others { .. }) {
                backup.armed = cx.now;
                backup.waits = Waits::Others { from };
                cx.timers.set(Timer::Down(self.id), cx.now + skew);
            }
        }
        Turn::Stay
    }

    fn answer(&mut self, cx: &mut Ctx<'_>) -> Turn {
        if self.quiet.may_say(crate::quiet::Subject::Zero, cx.now) {
            self.tell(cx, What::ZeroAsMaster);
        }
        let part = self.conf.advert_interval / ANSWERED_PART;
        let State::Master(master) = &mut self.state else { return Turn::Stay };
        if cx.now < master.sent + part {
            return Turn::Stay;
        }
        // RFC 9568 §6.4.3 (720): send, and begin the interval anew.
        master.beat = cx.now;
        self.send(cx, self.effective);
        cx.timers.set(Timer::Advert(self.id), cx.now + self.conf.advert_interval);
        Turn::Stay
    }

    fn assert(&mut self, cx: &mut Ctx<'_>, heard: Heard) -> Turn {
        let (from, theirs, ours) = (heard.from, heard.priority, self.effective);
        self.suspect(cx, Doubt::OtherMaster { from, theirs, ours });
        let part = self.conf.advert_interval / ANSWERED_PART;
        let State::Master(master) = &mut self.state else { return Turn::Stay };
        if master.asserted.is_some_and(|last| cx.now < last + part) {
            return Turn::Stay;
        }
        master.asserted = Some(cx.now);
        let just_sent = cx.now < master.sent + part;
        let answered = !self.conf.lower_prio_no_advert;
        if self.quiet.may_say(crate::quiet::Subject::Lower, cx.now) {
            self.tell(cx, What::LowerAdvert { from, theirs, ours, answered });
        }
        if answered && !just_sent {
            self.send(cx, self.effective);
        }
        self.announce_lower(cx);
        self.notify(cx, Became::MasterRxLower);
        Turn::Asserted
    }

    fn give_way(&mut self, cx: &mut Ctx<'_>, heard: Heard) -> Turn {
        let (from, theirs, ours) = (heard.from, heard.priority, self.effective);
        if theirs == ours {
            self.tell(cx, What::EqualAdvert { from, priority: theirs });
        } else {
            self.tell(cx, What::HigherAdvert { from, theirs, ours });
        }
        if self.conf.higher_prio_send_advert {
            self.send(cx, self.effective);
        }
        self.stop_being_master(cx);
        self.interval = self.conf.advert_interval;
        self.adopt(cx, heard.interval);
        self.become_backup(cx, Because::Advert { from, theirs, ours }, false);
        Turn::Yielded
    }

    /// From master, with its interval kept.
    fn become_backup(&mut self, cx: &mut Ctx<'_>, because: Because, say_zero: bool) {
        self.state =
            State::Backup(Backup { armed: cx.now, waits: Waits::Advert, preempt: PreemptDelay::Idle });
        self.since = cx.now;
        self.tell(cx, What::Entered(Entered::Backup, because));
        if say_zero {
            self.send_zero(cx);
        }
        self.release(cx);
        self.arm(cx, cx.now);
        self.notify(cx, Became::Backup);
    }

    /// The group's other yielded, or addresses were lost: back to listening.
    pub(crate) fn step_down(&mut self, cx: &mut Ctx<'_>, because: Because, say_zero: bool) {
        if self.is_master() {
            self.stop_being_master(cx);
            self.become_backup(cx, because, say_zero);
        }
    }

    /// Its addresses are gone: others first, and if there is none, again after the skew.
    pub(crate) fn lost(&mut self, cx: &mut Ctx<'_>) {
        if !self.is_master() {
            return;
        }
        self.tell(cx, What::AddressLost);
        self.step_down(cx, Because::Lost, true);
        let skew = self.skew();
        if let (State::Backup(backup), Some(from)) = (&mut self.state, self.source) {
            backup.waits = Waits::Others { from };
            cx.timers.set(Timer::Down(self.id), cx.now + skew);
        }
    }

    /// Timers of a master; the state is set by the caller.
    fn stop_being_master(&mut self, cx: &mut Ctx<'_>) {
        self.counters.released_master += 1;
        for timer in [
            Timer::Advert(self.id),
            Timer::Lease(self.id),
            Timer::Announce(self.id),
            Timer::AnnounceLower(self.id),
            Timer::AnnounceAgain(self.id),
        ] {
            cx.timers.clear(timer);
        }
        self.clear_doubts(cx);
    }

    pub(crate) fn release(&mut self, cx: &mut Ctx<'_>) {
        cx.out.push_back(Output::Release(self.id));
        self.tell(cx, What::Removing);
    }

    /// The down timer ran out: says so, and why it could become master.
    pub(crate) fn expired(&mut self, cx: &mut Ctx<'_>) -> Option<Because> {
        let (interval, skew) = (self.interval, self.skew());
        let eager = self.is_eager();
        let State::Backup(backup) = &mut self.state else { return None };
        let because = match backup.waits {
            Waits::Advert if eager && backup.armed == cx.now => Because::Owner,
            Waits::Advert | Waits::Group => {
                Because::Timeout { silence: cx.now - backup.armed, interval, skew }
            }
            Waits::Others { from } if Some(from) == self.source => Because::Lost,
            Waits::Others { from } => Because::GaveUp { from },
        };
        backup.waits = Waits::Group;
        self.tell(cx, What::AdvertTimeout);
        Some(because)
    }

    /// Its down timer ran out, and only the group kept it.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Backup(Backup { waits: Waits::Group, .. }) | State::Master(_))
    }

    /// Takes the addresses. The advert goes first: it costs nothing and keeps the others quiet.
    pub(crate) fn become_master(&mut self, cx: &mut Ctx<'_>, because: Because) {
        if self.source.is_none() {
            return;
        }
        cx.timers.clear(Timer::Down(self.id));
        let now = cx.now;
        let was = std::mem::replace(&mut self.interval, self.conf.advert_interval);
        self.state = State::Master(Master { beat: now, sent: now, renewed: now, asserted: None });
        self.since = now;
        self.counters.became_master += 1;
        self.send(cx, self.effective);
        if matches!(because, Because::Timeout { .. }) {
            // Did the silent one let go? Who said farewell does so now.
            self.probe(cx);
        }
        self.tell(cx, What::Entered(Entered::Master, because));
        if was != self.interval {
            self.tell(cx, What::IntervalOwn { from: was, to: self.interval });
        }
        self.take(cx);
        self.announce_first(cx);
        cx.timers.set(Timer::Advert(self.id), now + self.conf.advert_interval);
        self.notify(cx, Became::Master);
        self.ripen_doubts(cx);
    }

    /// Cannot work any more.
    pub(crate) fn enter_fault(&mut self, cx: &mut Ctx<'_>, fault: Fault) {
        let before = self.kind();
        match before {
            StateKind::Fault => return,
            // All of them are worth knowing at the start.
            StateKind::Init if !self.faults.is_empty() => {
                for fault in self.faults.clone() {
                    self.tell(cx, What::StartFault(fault));
                }
            }
            StateKind::Init => self.tell(cx, What::StartFault(fault.clone())),
            StateKind::Backup | StateKind::Master => {}
        }
        let master = self.is_master();
        if master {
            self.stop_being_master(cx);
        }
        cx.timers.clear(Timer::Down(self.id));
        self.state = State::Fault;
        self.since = cx.now;
        self.tell(cx, What::Entered(Entered::Fault, Because::Fault(fault)));
        if master {
            self.send_zero(cx);
            self.release(cx);
        }
        self.clear_doubts(cx);
        self.notify(cx, Became::Fault);
    }

    /// Ends: gives the addresses back, and says so.
    pub(crate) fn stop(&mut self, cx: &mut Ctx<'_>, became: Became) {
        let master = self.is_master();
        if master {
            self.send_zero(cx);
            self.stop_being_master(cx);
        }
        cx.timers.clear(Timer::Down(self.id));
        cx.timers.clear(Timer::Doubt(self.id));
        self.state = State::Init;
        self.since = cx.now;
        if master {
            self.release(cx);
        }
        self.notify(cx, became);
    }

    /// Computes the effective priority; true where it changed.
    pub(crate) fn set_priority(&mut self, cx: &mut Ctx<'_>) -> bool {
        let base = self.base();
        let to = match base {
            // The owner's cannot be changed, and nobody else can become one (keepalived.conf(5), priority).
            u8::MAX => u8::MAX,
            _ => (i32::from(base) + self.weights).clamp(1, 254) as u8,
        };
        let from = std::mem::replace(&mut self.effective, to);
        if from == to {
            return false;
        }
        if self.kind() != StateKind::Init {
            self.tell(cx, What::Priority { from, to });
            if self.conf.notify_priority_changes && self.kind() != StateKind::Fault {
                self.notify(cx, Became::Priority);
            }
        }
        self.rearm(cx);
        true
    }

    /// True for addresses that this instance floats.
    pub(crate) fn has(&self, address: &IpAddr) -> bool {
        self.conf.addresses.contains(address)
    }

    /// Whether the adverts' destination could be the packet's.
    pub(crate) fn listens_to(&self, received: &Received<'_>) -> bool {
        match &self.conf.destination {
            Destination::Multicast(group) => *group == received.destination,
            Destination::Unicast(_) => !received.destination.is_multicast(),
            Destination::NoPeer => false,
        }
    }
}
