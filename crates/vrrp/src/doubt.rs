//! Split brain, seen and explained: what looks wrong with an election, why it may be so and what to do. Each kind stands
//! at most once per instance; it is told when the evidence suffices, and settled when none came for a while.

use std::fmt;
use std::net::IpAddr;

use evenkeel_base::time::{Duration, Instant};

use crate::refusal::{Ground, Refusal};

/// Something wrong with the election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// We are master and hear another one that should have yielded.
    OtherMaster {
        /// It.
        from: IpAddr,
        /// Its priority.
        theirs: u8,
        /// Ours.
        ours: u8,
    },
    /// We are master, another MAC answers for the address, and that one's adverts are heard or were.
    OtherMac {
        /// Which address.
        address: IpAddr,
        /// Who answers.
        mac: [u8; 6],
    },
    /// We took over because the master was silent, but its MAC still answers for the address.
    SilentPeer {
        /// Which address.
        address: IpAddr,
        /// Who answers.
        mac: [u8; 6],
    },
    /// We are master, and drop the adverts of another.
    Refused {
        /// It.
        from: IpAddr,
        /// Why they are dropped.
        why: Refusal,
    },
    /// Another virtual router's id with our addresses.
    OtherVrid {
        /// Who says so.
        from: IpAddr,
        /// Its id.
        theirs: u8,
        /// Ours.
        ours: u8,
        /// The address that both have.
        address: IpAddr,
    },
}

/// The kinds of [`Doubt`], for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DoubtKind {
    /// [`Doubt::OtherMaster`]
    OtherMaster,
    /// [`Doubt::OtherMac`]
    OtherMac,
    /// [`Doubt::SilentPeer`]
    SilentPeer,
    /// [`Doubt::Refused`]
    Refused,
    /// [`Doubt::OtherVrid`]
    OtherVrid,
}

impl DoubtKind {
    /// The metric's label.
    pub const fn word(self) -> &'static str {
        match self {
            DoubtKind::OtherMaster => "other-master",
            DoubtKind::OtherMac => "other-mac",
            DoubtKind::SilentPeer => "silent-peer",
            DoubtKind::Refused => "refused-adverts",
            DoubtKind::OtherVrid => "other-vrid",
        }
    }
}

struct Mac([u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Doubt {
    /// Its kind.
    pub const fn kind(&self) -> DoubtKind {
        match self {
            Doubt::OtherMaster { .. } => DoubtKind::OtherMaster,
            Doubt::OtherMac { .. } => DoubtKind::OtherMac,
            Doubt::SilentPeer { .. } => DoubtKind::SilentPeer,
            Doubt::Refused { .. } => DoubtKind::Refused,
            Doubt::OtherVrid { .. } => DoubtKind::OtherVrid,
        }
    }

    /// In a few words.
    pub const fn title(&self) -> &'static str {
        match self {
            Doubt::OtherMaster { .. } => "two masters",
            Doubt::OtherMac { .. } | Doubt::SilentPeer { .. } => "two nodes hold the address",
            Doubt::Refused { .. } => "another master's adverts are dropped",
            Doubt::OtherVrid { .. } => "two virtual routers have the same address",
        }
    }

    /// What is seen, without the title.
    pub fn cause(&self) -> String {
        match self {
            Doubt::OtherMaster { from, theirs, ours } => format!(
                "{from} goes on as master with priority {theirs}, ours is {ours}: it does not take our adverts"
            ),
            Doubt::OtherMac { address, mac } => format!("{address} is answered by {} too", Mac(*mac)),
            Doubt::SilentPeer { address, mac } => format!(
                "no adverts come, but {address} is still answered by {}: adverts do not get through, or the keeper \
                 there was killed",
                Mac(*mac)
            ),
            Doubt::Refused { from, why } => format!("adverts from {from}: {why}"),
            Doubt::OtherVrid { from, theirs, ours, address } => {
                format!("{from} announces {address} with virtual_router_id {theirs}, ours is {ours}")
            }
        }
    }

    /// What to do.
    pub const fn advice(&self) -> &'static str {
        match self {
            Doubt::OtherMaster { .. } => {
                "let IP protocol 112 from here pass its firewall; compare authentication, version and unicast_peer on both nodes"
            }
            Doubt::OtherMac { .. } => {
                "look there for a static copy of the address, or a keeper that was killed without leases"
            }
            Doubt::SilentPeer { .. } => {
                "let IP protocol 112 (and, with auth_type AH, 51) pass the firewalls and switches between the nodes, in both directions; what a killed keeper leaves goes with its lease"
            }
            Doubt::Refused { why, .. } => why.ground().advice(),
            Doubt::OtherVrid { .. } => {
                "write the same virtual_router_id on both nodes, or give each its own addresses"
            }
        }
    }

    /// The field that both nodes have to agree on, if that is it.
    pub const fn ground(&self) -> Option<Ground> {
        match self {
            Doubt::Refused { why, .. } => Some(why.ground()),
            Doubt::OtherMaster { .. }
            | Doubt::OtherMac { .. }
            | Doubt::SilentPeer { .. }
            | Doubt::OtherVrid { .. } => None,
        }
    }

    /// Whose doing it is, where that is known.
    const fn from(&self) -> Option<IpAddr> {
        match self {
            Doubt::OtherMaster { from, .. } | Doubt::Refused { from, .. } | Doubt::OtherVrid { from, .. } => {
                Some(*from)
            }
            Doubt::OtherMac { .. } | Doubt::SilentPeer { .. } => None,
        }
    }

    /// How often it must be seen before it is told: an election in which nothing is wrong may show it once.
    const fn evidence(&self) -> u32 {
        match self {
            Doubt::OtherMaster { .. } | Doubt::Refused { .. } => 2,
            // Who is preempted answers once more before it has read the advert; it is asked again.
            Doubt::OtherMac { .. } | Doubt::SilentPeer { .. } => 2,
            Doubt::OtherVrid { .. } => 1,
        }
    }

    const fn is_by_mac(&self) -> bool {
        matches!(self, Doubt::OtherMac { .. } | Doubt::SilentPeer { .. })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SPLIT BRAIN, {}: {}; {}", self.title(), self.cause(), self.advice())
    }
}

/// A doubt that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What.
    pub doubt: Doubt,
    /// Seen first.
    pub since: Instant,
    /// Seen last.
    pub last: Instant,
    /// Seen so often.
    pub count: u32,
    /// It was told; what is not is a suspicion only.
    pub told: bool,
    /// The address was asked for since it was seen last.
    probed: bool,
}

impl Standing {
    /// When it is looked at again.
    fn due(&self, pace: Pace) -> Instant {
        let soon = !self.told && !self.probed && self.doubt.is_by_mac();
        self.last + if soon { pace.answers() } else { pace.window }
    }
}

/// How evidence adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Older evidence does not count.
    pub(crate) window: Duration,
    /// Evidence closer to the last is the same.
    pub(crate) gap: Duration,
}

impl Pace {
    /// The same for answers: however short the interval, a busy node takes a moment to let go.
    fn answers(self) -> Duration {
        self.window / 4
    }
}

/// All doubts about an instance: one of a kind at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doubts {
    standing: Vec<Standing>,
}

/// What to do after a while without evidence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    Settled(Doubt),
    Probe(IpAddr),
}

impl Doubts {
    /// What stands and was told.
    pub(crate) fn told(&self) -> impl Iterator<Item = &Standing> {
        self.standing.iter().filter(|s| s.told)
    }

    /// Evidence; the doubt to be told, if it suffices. `may_tell` is false where the state (backup, say) makes it harmless.
    pub(crate) fn note(&mut self, doubt: Doubt, now: Instant, pace: Pace, may_tell: bool) -> Option<Doubt> {
        let kind = doubt.kind();
        let at = match self.standing.iter().position(|s| s.doubt.kind() == kind) {
            Some(at) => at,
            None => {
                self.standing.push(Standing {
                    doubt: doubt.clone(),
                    since: now,
                    last: now,
                    count: 0,
                    told: false,
                    probed: false,
                });
                self.standing.len() - 1
            }
        };
        let standing = self.standing.get_mut(at)?;
        let stale = standing.last + pace.window < now || standing.doubt.from() != doubt.from();
        if !standing.told && stale {
            standing.count = 0;
            standing.since = now;
        }
        // What comes at once, after a pause say, is one piece of evidence.
        let gap = if doubt.is_by_mac() { pace.answers() } else { pace.gap };
        if standing.count == 0 || now >= standing.last + gap {
            standing.count = standing.count.saturating_add(1);
            standing.last = now;
        }
        standing.probed = false;
        let changed = standing.doubt.ground() != doubt.ground();
        standing.doubt = doubt;
        if !may_tell || (standing.told && !changed) || standing.count < standing.doubt.evidence() {
            return None;
        }
        standing.told = true;
        Some(standing.doubt.clone())
    }

    /// As master now: suspicions of the last `window` that count from now on.
    pub(crate) fn ripen(&mut self, now: Instant, window: Duration) -> Vec<Doubt> {
        let mut ripe = Vec::new();
        for standing in &mut self.standing {
            if !standing.told && standing.last + window >= now {
                standing.told = true;
                ripe.push(standing.doubt.clone());
            }
        }
        ripe
    }

    /// Lets go of what was not seen for `window`; asks again for addresses first, and soon where one answer is too little.
    pub(crate) fn sweep(&mut self, now: Instant, pace: Pace) -> Vec<Sweep> {
        let mut deeds = Vec::new();
        self.standing.retain_mut(|standing| {
            if standing.due(pace) > now {
                return true;
            }
            if !standing.probed && standing.doubt.is_by_mac() {
                if let Doubt::OtherMac { address, .. } | Doubt::SilentPeer { address, .. } = &standing.doubt {
                    deeds.push(Sweep::Probe(*address));
                }
                standing.probed = true;
                if standing.told {
                    standing.last = now;
                }
                return true;
            }
            if standing.told {
                deeds.push(Sweep::Settled(standing.doubt.clone()));
            }
            false
        });
        deeds
    }

    /// When [`Doubts::sweep`] has something to do.
    pub(crate) fn sweep_at(&self, pace: Pace) -> Option<Instant> {
        self.standing.iter().map(|s| s.due(pace)).min()
    }

    /// The instance is master no more: two holders cannot be now.
    pub(crate) fn clear(&mut self) -> Vec<Doubt> {
        self.standing.drain(..).filter(|s| s.told).map(|s| s.doubt).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(3);
    const PACE: Pace = Pace { window: WINDOW, gap: Duration::from_millis(500) };

    fn other(theirs: u8) -> Doubt {
        Doubt::OtherMaster { from: [192, 0, 2, 2].into(), theirs, ours: 100 }
    }

    #[test]
    fn tells_once_and_settles() {
        let at = Instant::from_millis;
        let mut doubts = Doubts::default();
        assert_eq!(doubts.note(other(50), at(0), PACE, true), None, "one is an election");
        assert_eq!(doubts.note(other(50), at(4_000), PACE, true), None, "the first was too long ago");
        assert_eq!(doubts.note(other(50), at(4_100), PACE, true), None, "that is one with the last");
        assert_eq!(doubts.note(other(50), at(5_000), PACE, true), Some(other(50)));
        assert_eq!(doubts.note(other(51), at(6_000), PACE, true), None, "told already");
        assert_eq!(doubts.sweep_at(PACE), Some(at(9_000)));
        assert_eq!(doubts.sweep(at(9_000), PACE), [Sweep::Settled(other(51))]);
        assert_eq!(doubts.sweep_at(PACE), None);
    }

    #[test]
    fn asks_again_before_it_tells_and_before_it_settles_an_address() {
        let at = Instant::from_millis;
        let address: IpAddr = [192, 0, 2, 100].into();
        let doubt = Doubt::SilentPeer { address, mac: [2, 0, 0, 0, 0, 1] };
        let mut doubts = Doubts::default();
        assert_eq!(doubts.note(doubt.clone(), at(0), PACE, true), None, "who is preempted may answer once");
        assert_eq!(doubts.note(doubt.clone(), at(700), PACE, true), None, "that is one with the first");
        assert_eq!(doubts.sweep_at(PACE), Some(at(750)));
        assert_eq!(doubts.sweep(at(750), PACE), [Sweep::Probe(address)]);
        assert_eq!(doubts.note(doubt.clone(), at(751), PACE, true), Some(doubt.clone()));
        assert_eq!(doubts.sweep(at(3_751), PACE), [Sweep::Probe(address)]);
        assert_eq!(doubts.note(doubt.clone(), at(4_502), PACE, true), None, "still so");
        assert_eq!(doubts.sweep(at(7_502), PACE), [Sweep::Probe(address)]);
        assert_eq!(doubts.sweep(at(10_502), PACE), [Sweep::Settled(doubt)]);
    }

    #[test]
    fn one_answer_alone_is_forgotten() {
        let at = Instant::from_millis;
        let address: IpAddr = [192, 0, 2, 100].into();
        let mut doubts = Doubts::default();
        let doubt = Doubt::OtherMac { address, mac: [2, 0, 0, 0, 0, 1] };
        assert_eq!(doubts.note(doubt, at(0), PACE, true), None);
        assert_eq!(doubts.sweep(at(750), PACE), [Sweep::Probe(address)]);
        assert_eq!(doubts.sweep_at(PACE), Some(at(3_000)));
        assert_eq!(doubts.sweep(at(3_000), PACE), []);
        assert_eq!(doubts.sweep_at(PACE), None);
    }

    #[test]
    fn suspicions_ripen_with_the_mastership() {
        let at = Instant::from_millis;
        let mut doubts = Doubts::default();
        let refused = Doubt::Refused { from: [192, 0, 2, 2].into(), why: Refusal::Password };
        for n in 0..3 {
            assert_eq!(doubts.note(refused.clone(), at(n * 1000), PACE, false), None);
        }
        assert_eq!(doubts.ripen(at(3_600), WINDOW), std::slice::from_ref(&refused));
        assert_eq!(doubts.clear(), [refused]);
    }
}
