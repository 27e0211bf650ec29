//! A master's addresses: taken, leased, announced, and asked for.

use std::net::IpAddr;

use crate::doubt::{Doubt, Pace, Sweep};
use crate::event::What;
use crate::instance::{Ctx, Instance};
use crate::output::Output;
use crate::state::State;
use crate::timers::Timer;

impl Instance {
    /// Sets the addresses, and begins their lease.
    pub(crate) fn take(&mut self, cx: &mut Ctx<'_>) {
        let lease = self.conf.lease;
        cx.out.push_back(Output::Take { instance: self.id, lease: lease.map(|lease| lease.lifetime) });
        self.tell(cx, What::Setting);
        self.renewed(cx);
    }

    fn renewed(&mut self, cx: &mut Ctx<'_>) {
        if let State::Master(master) = &mut self.state {
            master.renewed = cx.now;
        }
        match self.conf.lease {
            Some(lease) => cx.timers.set(Timer::Lease(self.id), cx.now + lease.refresh),
            None => cx.timers.clear(Timer::Lease(self.id)),
        }
    }

    /// The lease's timer. Where it comes too late, the kernel has taken the addresses away: they are set and announced
    /// again, if nobody else has become master meanwhile, which the next advert will tell.
    pub(crate) fn renew(&mut self, cx: &mut Ctx<'_>) {
        let (State::Master(master), Some(lease)) = (&self.state, self.conf.lease) else { return };
        let after = cx.now - master.renewed;
        if after >= lease.lifetime {
            self.tell(cx, What::LeaseLost { after });
            self.take(cx);
            self.announce_first(cx);
            return;
        }
        cx.out.push_back(Output::Refresh { instance: self.id, lease: lease.lifetime });
        self.renewed(cx);
    }

    fn announce(&self, cx: &mut Ctx<'_>, repeat: u32) {
        if repeat > 0 {
            cx.out.push_back(Output::Announce { instance: self.id, repeat });
        }
    }

    /// On becoming master (RFC 9568 §6.4.1 (150)): now, and once more later, for who missed it.
    pub(crate) fn announce_first(&mut self, cx: &mut Ctx<'_>) {
        let conf = self.conf.announce;
        self.announce(cx, conf.master_repeat);
        if !conf.master_delay.is_zero() {
            cx.timers.set(Timer::Announce(self.id), cx.now + conf.master_delay);
        }
        if !conf.master_refresh.is_zero() {
            cx.timers.set(Timer::AnnounceAgain(self.id), cx.now + conf.master_refresh);
        }
    }

    /// After a lower advert: the other may have announced the addresses as its own.
    pub(crate) fn announce_lower(&mut self, cx: &mut Ctx<'_>) {
        let conf = self.conf.announce;
        if conf.lower_prio_repeat == 0 {
            return;
        }
        self.announce(cx, conf.lower_prio_repeat);
        if conf.lower_prio_delay.is_zero() {
            return;
        }
        cx.timers.set(Timer::AnnounceLower(self.id), cx.now + conf.lower_prio_delay);
    }

    /// The second round after becoming master.
    pub(crate) fn announce_second(&mut self, cx: &mut Ctx<'_>) {
        if self.is_master() {
            self.announce(cx, self.conf.announce.master_repeat);
        }
    }

    /// The second round after a lower advert.
    pub(crate) fn announce_lower_second(&mut self, cx: &mut Ctx<'_>) {
        if self.is_master() {
            self.announce(cx, self.conf.announce.lower_prio_repeat);
        }
    }

    /// `garp_master_refresh`.
    pub(crate) fn announce_again(&mut self, cx: &mut Ctx<'_>) {
        let conf = self.conf.announce;
        if !self.is_master() || conf.master_refresh.is_zero() {
            return;
        }
        self.announce(cx, conf.master_refresh_repeat);
        cx.timers.set(Timer::AnnounceAgain(self.id), cx.now + conf.master_refresh);
    }

    /// The operator wants it.
    pub(crate) fn announce_now(&mut self, cx: &mut Ctx<'_>) {
        if self.is_master() {
            self.announce(cx, self.conf.announce.master_repeat.max(1));
        }
    }

    /// Asks who has the first address: all are held by the same node.
    pub(crate) fn probe(&self, cx: &mut Ctx<'_>) {
        if let Some(address) = self.conf.addresses.first() {
            cx.out.push_back(Output::Probe { interface: self.conf.interface, address: *address });
        }
    }

    /// Somebody says to have one of the addresses.
    pub(crate) fn answered(&mut self, cx: &mut Ctx<'_>, address: IpAddr, mac: [u8; 6]) {
        if !self.is_master() || self.is_virtual_mac(mac) || !self.has(&address) {
            return;
        }
        let window = self.window();
        // Where adverts come, they or their refusal explain it better.
        let silent = self.peer.is_none_or(|peer| peer.at + window < cx.now || peer.priority == 0);
        let refused = self.doubts.told().any(|s| matches!(s.doubt, Doubt::Refused { .. }));
        let doubt = if silent && !refused {
            Doubt::SilentPeer { address, mac }
        } else {
            Doubt::OtherMac { address, mac }
        };
        self.suspect(cx, doubt);
    }

    /// RFC 9568 §7.3: 00-00-5E-00-01-{VRID}, for IPv6 00-00-5E-00-02-{VRID}. All nodes have it, so it tells nothing.
    fn is_virtual_mac(&self, mac: [u8; 6]) -> bool {
        matches!(mac, [0, 0, 0x5e, 0, 1 | 2, vrid] if vrid == self.conf.vrid.get())
    }

    /// Evidence that something is wrong; told where it suffices and we are master.
    pub(crate) fn suspect(&mut self, cx: &mut Ctx<'_>, doubt: Doubt) {
        let pace = self.pace();
        if let Some(doubt) = self.doubts.note(doubt, cx.now, pace, self.is_master()) {
            self.counters.doubts += 1;
            self.tell(cx, What::Doubted(doubt));
        }
        self.watch(cx);
    }

    fn pace(&self) -> Pace {
        Pace { window: self.window(), gap: self.interval / 2 }
    }

    fn watch(&mut self, cx: &mut Ctx<'_>) {
        let timer = Timer::Doubt(self.id);
        match self.doubts.sweep_at(self.pace()) {
            Some(at) => cx.timers.set(timer, at.max(cx.now)),
            None => cx.timers.clear(timer),
        }
    }

    /// As master: suspicions from before are doubts now.
    pub(crate) fn ripen_doubts(&mut self, cx: &mut Ctx<'_>) {
        // An election lasts as long as the down timer; what was refused within is why it was held.
        let window = self.window().max(self.down());
        for doubt in self.doubts.ripen(cx.now, window) {
            self.counters.doubts += 1;
            self.tell(cx, What::Doubted(doubt));
        }
        self.watch(cx);
    }

    /// Looks again at what looked wrong.
    pub(crate) fn sweep_doubts(&mut self, cx: &mut Ctx<'_>) {
        for deed in self.doubts.sweep(cx.now, self.pace()) {
            match deed {
                Sweep::Settled(doubt) => self.tell(cx, What::Settled(doubt)),
                Sweep::Probe(address) => {
                    cx.out.push_back(Output::Probe { interface: self.conf.interface, address });
                }
            }
        }
        self.watch(cx);
    }

    /// No master any more: nothing can be held twice.
    pub(crate) fn clear_doubts(&mut self, cx: &mut Ctx<'_>) {
        for doubt in self.doubts.clear() {
            self.tell(cx, What::Settled(doubt));
        }
        cx.timers.clear(Timer::Doubt(self.id));
    }
}
