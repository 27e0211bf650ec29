//! Between adverts and packets: which packets an instance takes, and how its own look. Keys are made ready once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use evenkeel_base::time::Duration;
use evenkeel_wire::inet::{Ends, Ipv4, PROTOCOL_AH, PROTOCOL_VRRP};
use evenkeel_wire::vrrp as wire;
use evenkeel_wire::vrrp::ah::{Ah, AhKey};
use evenkeel_wire::vrrp::hmac::{HmacKey, Sequence};

use crate::conf::{
    AntiReplay, Auth, Checksum, Destination, Family, HmacConf, HmacMode, InstanceConf, Version,
};
use crate::input::Received;
use crate::refusal::Refusal;

/// Senders whose sequences are kept: the nodes of one virtual router are two or three.
const SENDERS_MAX: usize = 16;

/// Keepalived up to 1.3.6 summed the group's address, which hardly anybody changed then.
const OLD_UNICAST: wire::Checksum = wire::Checksum::OldUnicast { group: wire::GROUP_V4 };

/// What an instance wants to know of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) from: IpAddr,
    pub(crate) priority: u8,
    pub(crate) interval: Duration,
}

/// Version and virtual router id of a packet, before anything is checked.
pub(crate) fn peek(received: &Received<'_>, family: Family) -> Option<(u8, u8)> {
    match family {
        Family::V6 => wire::peek(received.bytes),
        Family::V4 => {
            let ip = Ipv4::parse(received.bytes).ok()?;
            match ip.protocol {
                PROTOCOL_VRRP => wire::peek(ip.payload),
                PROTOCOL_AH => wire::peek(Ah::parse(ip.payload).ok()?.1),
                _ => None,
            }
        }
    }
}

/// The addresses of a packet, whatever else is wrong with it; none where it cannot be read.
pub(crate) fn addresses(received: &Received<'_>, family: Family) -> Vec<IpAddr> {
    parse(received, family).map(|packet| packet.advert.addresses.iter().collect()).unwrap_or_default()
}

fn parse<'a>(received: &Received<'a>, family: Family) -> Result<wire::Packet<'a>, wire::Error> {
    match (family, received.source, received.destination) {
        (Family::V6, IpAddr::V6(source), IpAddr::V6(destination)) => {
            wire::Packet::parse_v6(received.bytes, source, destination)
        }
        _ => wire::Packet::parse_v4(received.bytes),
    }
}

/// Keys and sequences of an instance.
#[derive(Debug)]
pub(crate) struct Codec {
    ah: Option<AhKey>,
    keys: Vec<HmacKey>,
    /// The last AH packet's, sent or heard.
    ah_sequence: u32,
    /// Of the last signed packet.
    signed: u64,
    /// The IPv4 header's identification.
    packet_id: u16,
    /// A peer uses the old unicast checksum.
    old_checksum: bool,
    senders: BTreeMap<IpAddr, Sequence>,
}

impl Codec {
    pub(crate) fn new(conf: &InstanceConf) -> Self {
        let (ah, keys) = keys(&conf.auth);
        Self {
            ah,
            keys,
            ah_sequence: 0,
            signed: 0,
            packet_id: 0,
            old_checksum: false,
            senders: BTreeMap::new(),
        }
    }

    /// After a reload: new keys, old sequences.
    pub(crate) fn reload(&mut self, conf: &InstanceConf) {
        (self.ah, self.keys) = keys(&conf.auth);
        self.old_checksum &= conf.checksum == Checksum::Auto;
    }

    /// Takes a packet of this instance's vrid, or says why not. `version` is the packet's, `last` who was master so far.
    pub(crate) fn open(
        &mut self,
        conf: &InstanceConf,
        received: &Received<'_>,
        version: u8,
        last: Option<IpAddr>,
    ) -> Result<Heard, Refusal> {
        check_way(conf, received)?;
        let want = number(conf.version);
        if version != want {
            return Err(Refusal::Version { got: version, want });
        }
        let packet = parse(received, conf.family).map_err(|error| refusal(error, conf, received))?;
        let advert = &packet.advert;
        if !takes(conf, &packet) {
            return Err(Refusal::Checksum(conf.version));
        }
        self.check_auth(conf, &packet)?;
        if matches!(packet.checksum, wire::Checksum::OldUnicast { .. }) && conf.checksum == Checksum::Auto {
            self.old_checksum = true;
        }
        let interval = advert.interval();
        let heard = Heard { from: received.source, priority: advert.priority, interval };
        match conf.version {
            // RFC 3768 §7.1: the receiver must check that its own interval is the same.
            Version::V2 if interval != conf.advert_interval => {
                return Err(Refusal::Interval { got: interval, want: conf.advert_interval });
            }
            // An interval of nothing would make every backup's down timer run out at once.
            Version::V3 if interval.is_zero() => {
                return Err(Refusal::Interval { got: interval, want: conf.advert_interval });
            }
            Version::V2 | Version::V3 => {}
        }
        if !(conf.skip_check_addresses && last == Some(received.source)) {
            check_addresses(conf, advert)?;
        }
        self.check_replay(conf, &packet, received)?;
        if let Some(ah) = &packet.ah {
            // All nodes count in one sequence: the original drops what is not above the last one that it heard or sent, so
            // that a node which starts anew must go on from what it hears.
            self.ah_sequence = self.ah_sequence.max(ah.sequence);
        }
        Ok(heard)
    }

    fn check_auth(&mut self, conf: &InstanceConf, packet: &wire::Packet<'_>) -> Result<(), Refusal> {
        let field = packet.advert.auth;
        let kind = |want: u8| match field {
            Some(field) if field.kind != want => Err(Refusal::AuthType { got: field.kind, want }),
            Some(_) | None => Ok(()),
        };
        match &conf.auth {
            Auth::None => {
                kind(wire::AuthField::NONE)?;
                if packet.ah.is_some() {
                    return Err(Refusal::AuthType { got: wire::AuthField::AH, want: wire::AuthField::NONE });
                }
                if packet.trailer.is_some() {
                    return Err(Refusal::HmacUnexpected);
                }
                Ok(())
            }
            Auth::Pass(password) => {
                kind(wire::AuthField::PASS)?;
                match field {
                    Some(field) if field.data != *password => Err(Refusal::Password),
                    Some(_) | None => Ok(()),
                }
            }
            Auth::Ah(_) => {
                kind(wire::AuthField::AH)?;
                let key = self.ah.as_ref().ok_or(Refusal::Ah)?;
                packet.verify_ah(key).map_err(|_| Refusal::Ah)
            }
            Auth::Hmac(hmac) => {
                kind(wire::AuthField::NONE)?;
                let Some(trailer) = &packet.trailer else {
                    return match hmac.mode {
                        HmacMode::Permissive => Ok(()),
                        HmacMode::Enforce | HmacMode::ReceiveOnly => Err(Refusal::HmacMissing),
                    };
                };
                let key = self
                    .keys
                    .iter()
                    .find(|key| key.id() == trailer.key_id)
                    .ok_or(Refusal::HmacKey(trailer.key_id))?;
                packet.verify_hmac(key).map_err(|_| Refusal::HmacMismatch)
            }
        }
    }

    /// Last of all: a packet that is dropped for another reason does not use up its sequence.
    fn check_replay(
        &mut self,
        conf: &InstanceConf,
        packet: &wire::Packet<'_>,
        received: &Received<'_>,
    ) -> Result<(), Refusal> {
        let (Auth::Hmac(hmac), Some(trailer)) = (&conf.auth, &packet.trailer) else { return Ok(()) };
        if let AntiReplay::Time { window } = hmac.anti_replay {
            let off = Duration::from_micros(trailer.sequence.wall_us().abs_diff(received.wall_us));
            if off > window {
                return Err(Refusal::Untimely { off, window });
            }
        }
        let from = received.source;
        let last = self.senders.get(&from).filter(|last| match hmac.anti_replay {
            // Kept while a clock was wrong: what lies so far ahead could not be replayed now.
            AntiReplay::Time { window } => {
                let most =
                    received.wall_us.saturating_add(u64::try_from(window.as_micros()).unwrap_or(u64::MAX));
                last.wall_us() <= most
            }
            AntiReplay::Monotonic => true,
        });
        match last {
            Some(last) if !trailer.sequence.is_after(*last) => return Err(Refusal::Replayed),
            Some(_) => {}
            // Only who has the key comes here, so this many senders are this many nodes.
            None if self.senders.len() >= SENDERS_MAX => {
                self.senders.pop_first();
            }
            None => {}
        }
        self.senders.insert(from, trailer.sequence);
        Ok(())
    }

    /// A packet to one destination; `None` where the configuration cannot be said in one.
    pub(crate) fn seal(
        &mut self,
        conf: &InstanceConf,
        source: IpAddr,
        destination: IpAddr,
        priority: u8,
        wall_us: u64,
    ) -> Option<Vec<u8>> {
        let ends = Ends::new(source, destination)?;
        self.packet_id = self.packet_id.wrapping_add(1).max(1);
        let mut auth = wire::V2Auth::None;
        let proof = match &conf.auth {
            Auth::None => wire::Proof::None,
            Auth::Pass(password) => {
                auth = wire::V2Auth::Pass(*password);
                wire::Proof::None
            }
            Auth::Ah(_) => {
                self.ah_sequence = self.ah_sequence.wrapping_add(1).max(1);
                wire::Proof::Ah { key: self.ah.as_ref()?, sequence: self.ah_sequence }
            }
            Auth::Hmac(hmac) if hmac.mode == HmacMode::ReceiveOnly => wire::Proof::None,
            Auth::Hmac(hmac) => {
                let key = self.keys.iter().find(|key| key.id() == hmac.active_key)?;
                self.signed = next_signed(self.signed, wall_us, hmac.anti_replay);
                wire::Proof::Hmac { key, sequence: Sequence(self.signed) }
            }
        };
        let build = wire::Build {
            version: match conf.version {
                Version::V2 => wire::Version::V2,
                Version::V3 => wire::Version::V3,
            },
            ends,
            ttl: ttl(conf),
            id: self.packet_id,
            vrid: conf.vrid.get(),
            priority,
            interval: conf.advert_interval,
            addresses: &conf.addresses,
            auth,
            checksum: self.form(conf),
            proof,
        };
        let mut bytes = Vec::new();
        build.write(&mut bytes).ok()?;
        Some(bytes)
    }

    fn form(&self, conf: &InstanceConf) -> wire::Checksum {
        let unicast = matches!(conf.destination, Destination::Unicast(_));
        match conf.checksum {
            Checksum::OldUnicast if unicast => OLD_UNICAST,
            Checksum::Auto if unicast && self.old_checksum => OLD_UNICAST,
            Checksum::AsV2 => wire::Checksum::AsV2,
            Checksum::Auto | Checksum::OldUnicast | Checksum::Never => wire::Checksum::Rfc,
        }
    }
}

/// The next packet's sequence: grows with every packet, also where the clock stands or is set back a little. Where peers
/// look at the time and the clock is set back further than their window, the new time counts: they would drop the old one.
fn next_signed(last: u64, wall_us: u64, anti_replay: AntiReplay) -> u64 {
    let now = Sequence::at(wall_us, 0);
    let ahead = Duration::from_micros(Sequence(last).wall_us().saturating_sub(now.wall_us()));
    match anti_replay {
        AntiReplay::Time { window } if ahead > window => now.0,
        AntiReplay::Time { .. } | AntiReplay::Monotonic => now.0.max(last.saturating_add(1)),
    }
}

/// TTL or hop limit of what an instance sends.
pub(crate) fn ttl(conf: &InstanceConf) -> u8 {
    match conf.destination {
        Destination::Unicast(_) => conf.ttl,
        Destination::Multicast(_) | Destination::NoPeer => wire::TTL,
    }
}

/// Bytes of a whole packet on the wire, for the MTU.
pub(crate) fn packet_len(conf: &InstanceConf) -> u32 {
    let (ip, address) = match conf.family {
        Family::V4 => (20, 4),
        Family::V6 => (40, 16),
    };
    let proof = match (&conf.auth, conf.version) {
        (Auth::Hmac(_), _) => 28,
        (Auth::Ah(_), _) => 24,
        (Auth::None | Auth::Pass(_), _) => 0,
    };
    let field = match conf.version {
        Version::V2 => 8,
        Version::V3 => 0,
    };
    let addresses = u32::try_from(conf.addresses.len()).unwrap_or(u32::MAX).min(255);
    ip + 8 + addresses * address + field + proof
}

const fn number(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

fn keys(auth: &Auth) -> (Option<AhKey>, Vec<HmacKey>) {
    match auth {
        Auth::None | Auth::Pass(_) => (None, Vec::new()),
        Auth::Ah(password) => (Some(AhKey::new(password)), Vec::new()),
        Auth::Hmac(HmacConf { keys, .. }) => {
            (None, keys.iter().filter_map(|(id, key)| HmacKey::new(*id, key)).collect())
        }
    }
}

/// Where the packet comes from and how far.
fn check_way(conf: &InstanceConf, received: &Received<'_>) -> Result<(), Refusal> {
    match &conf.destination {
        // RFC 9568 §7.1, RFC 3768 §7.1: the TTL must be 255.
        Destination::Multicast(_) => match received.ttl {
            Some(got) if got != wire::TTL => Err(Refusal::Ttl { got }),
            Some(_) | None => Ok(()),
        },
        Destination::Unicast(peers) => {
            let peer = peers.iter().find(|peer| peer.address == received.source);
            match (peer, received.ttl) {
                (None, _) if conf.check_unicast_source => Err(Refusal::NotPeer(received.source)),
                (Some(peer), Some(got)) if !(peer.min_ttl..=peer.max_ttl).contains(&got) => {
                    Err(Refusal::TtlRange { got, min: peer.min_ttl, max: peer.max_ttl })
                }
                (None, _) | (Some(_), _) => Ok(()),
            }
        }
        Destination::NoPeer => Err(Refusal::NotPeer(received.source)),
    }
}

fn takes(conf: &InstanceConf, packet: &wire::Packet<'_>) -> bool {
    match (packet.checksum, conf.version) {
        (_, Version::V2) => true,
        (wire::Checksum::Rfc, Version::V3) => true,
        (wire::Checksum::AsV2, Version::V3) => conf.checksum == Checksum::AsV2,
        (wire::Checksum::OldUnicast { .. }, Version::V3) => {
            matches!(conf.checksum, Checksum::Auto | Checksum::OldUnicast)
        }
    }
}

fn check_addresses(conf: &InstanceConf, advert: &wire::Advert<'_>) -> Result<(), Refusal> {
    let (got, want) = (advert.addresses.len(), conf.addresses.len());
    if got != want {
        return Err(Refusal::AddressCount { got, want });
    }
    // Nearly always both lists are the same, in the same order.
    if advert.addresses.iter().eq(conf.addresses.iter().copied()) {
        return Ok(());
    }
    for address in &conf.addresses {
        if !advert.addresses.iter().any(|theirs| theirs == *address) {
            return Err(Refusal::AddressMissing { vrid: conf.vrid.get(), address: *address });
        }
    }
    Ok(())
}

fn refusal(error: wire::Error, conf: &InstanceConf, received: &Received<'_>) -> Refusal {
    let ip = match conf.family {
        Family::V4 => 20,
        Family::V6 => 0,
    };
    let short = Refusal::Short {
        got: received.bytes.len(),
        want: packet_len(conf) as usize - if ip == 0 { 40 } else { 0 },
    };
    match error {
        wire::Error::Ipv4(_) | wire::Error::Protocol(_) | wire::Error::Short { .. } => short,
        wire::Error::Vrid | wire::Error::AhFormat => short,
        wire::Error::Length { got, want, .. } if got > want => {
            Refusal::Long { got: got + ip, want: want + ip }
        }
        wire::Error::Length { got, want, .. } => Refusal::Short { got: got + ip, want: want + ip },
        wire::Error::Version(got) => Refusal::Version { got, want: number(conf.version) },
        wire::Error::Type(got) => Refusal::Kind(got),
        wire::Error::Checksum { .. } => Refusal::Checksum(conf.version),
        wire::Error::AhMismatch => Refusal::Ah,
        wire::Error::HmacType(_) | wire::Error::HmacMismatch => Refusal::HmacMismatch,
    }
}
