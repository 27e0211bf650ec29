//! A master's adverts: on a beat that does not drift, to each destination, and the farewell.

use std::collections::VecDeque;
use std::net::IpAddr;

use evenkeel_base::time::Duration;

use crate::codec::{self, Codec};
use crate::conf::{Destination, InstanceConf};
use crate::event::What;
use crate::instance::{Ctx, Instance};
use crate::output::{Output, Packet};
use crate::state::State;
use crate::timers::Timer;

impl Instance {
    /// The advert timer: one advert, however late it is, and the next one on the beat.
    pub(crate) fn beat(&mut self, cx: &mut Ctx<'_>) {
        let interval = self.conf.advert_interval.max(Duration::from_millis(1));
        let State::Master(master) = &mut self.state else { return };
        let due = master.beat + interval;
        let late = cx.now - due;
        master.beat = due;
        if late >= interval {
            // Adverts that were missed are not made up for: a burst would help nobody.
            master.beat = cx.now;
        }
        let next = master.beat + interval;
        if late > interval / 2 {
            self.counters.late_adverts += 1;
        }
        if late > self.interval * self.conf.down_timer_adverts.max(1) {
            self.tell(cx, What::AdvertLate { by: late });
        }
        self.send(cx, self.effective);
        cx.timers.set(Timer::Advert(self.id), next);
    }

    pub(crate) fn send_zero(&mut self, cx: &mut Ctx<'_>) {
        self.send(cx, 0);
        self.counters.zero_sent += 1;
        self.tell(cx, What::SentZero);
    }

    /// One advert to each destination.
    pub(crate) fn send(&mut self, cx: &mut Ctx<'_>, priority: u8) {
        let Some(source) = self.source else { return };
        let (id, interface) = (self.id, self.conf.interface);
        let ttl = codec::ttl(&self.conf);
        let mut sent = 0;
        let mut one =
            |destination: IpAddr, codec: &mut Codec, conf: &InstanceConf, out: &mut VecDeque<Output>| {
                if let Some(bytes) = codec.seal(conf, source, destination, priority, cx.wall_us) {
                    out.push_back(Output::Send(Packet {
                        instance: id,
                        interface,
                        source,
                        destination,
                        ttl,
                        bytes,
                    }));
                    sent += 1;
                }
            };
        match &self.conf.destination {
            Destination::Multicast(group) => one(*group, &mut self.codec, &self.conf, cx.out),
            Destination::Unicast(peers) => {
                for peer in peers {
                    one(peer.address, &mut self.codec, &self.conf, cx.out);
                }
            }
            Destination::NoPeer => {}
        }
        self.counters.adverts_sent += sent;
        if let State::Master(master) = &mut self.state {
            master.sent = cx.now;
        }
    }
}
