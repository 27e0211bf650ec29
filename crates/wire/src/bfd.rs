//! BFD control packets (RFC 5880 §4.1), without authentication: packets with an authentication section are refused.
//!
//! ```text
//!   version, diagnostic │ state, P F C A D M │ multiplier │ length │ my discriminator │ your discriminator
//!   desired min TX │ required min RX │ required min echo RX
//! ```

use std::num::{NonZeroU8, NonZeroU32};

/// A packet without authentication.
pub const LEN: usize = 24;
/// Single hop (RFC 5881 §4).
pub const PORT: u16 = 3784;
/// Multihop (RFC 5883 §5).
pub const PORT_MULTIHOP: u16 = 4784;
/// Source ports are taken from here on (RFC 5881 §4).
pub const SOURCE_PORT_MIN: u16 = 49_152;

const VERSION: u8 = 1;
/// With an authentication section that says its type and length only.
const LEN_WITH_AUTH_MIN: usize = 26;
const FLAG_POLL: u8 = 0x20;
const FLAG_FINAL: u8 = 0x10;
const FLAG_INDEPENDENT: u8 = 0x08;
const FLAG_AUTH: u8 = 0x04;
const FLAG_DEMAND: u8 = 0x02;
const FLAG_MULTIPOINT: u8 = 0x01;

/// What a system thinks of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Held down by its operator.
    AdminDown,
    /// The other is not heard, or has just been.
    Down,
    /// The other is heard, and does not hear us yet.
    Init,
    /// Both hear each other.
    Up,
}

/// Why a session went down last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Diagnostic {
    /// It has not.
    None,
    /// Nothing was heard for the detection time.
    Expired,
    /// The echo function failed.
    EchoFailed,
    /// The other side said so.
    NeighbourDown,
    /// The forwarding plane was reset.
    ForwardingReset,
    /// The path is down.
    PathDown,
    /// Another part of the path is down.
    ConcatenatedDown,
    /// The operator.
    AdminDown,
    /// The other part of the path, the other way.
    ReverseConcatenatedDown,
    /// Numbers that the RFC keeps: 9 to 31.
    Other(u8),
}

impl Diagnostic {
    /// The number on the wire: five bits.
    pub const fn number(self) -> u8 {
        match self {
            Diagnostic::None => 0,
            Diagnostic::Expired => 1,
            Diagnostic::EchoFailed => 2,
            Diagnostic::NeighbourDown => 3,
            Diagnostic::ForwardingReset => 4,
            Diagnostic::PathDown => 5,
            Diagnostic::ConcatenatedDown => 6,
            Diagnostic::AdminDown => 7,
            Diagnostic::ReverseConcatenatedDown => 8,
            Diagnostic::Other(n) => n & 0x1f,
        }
    }

    const fn from_number(n: u8) -> Self {
        match n & 0x1f {
            0 => Diagnostic::None,
            1 => Diagnostic::Expired,
            2 => Diagnostic::EchoFailed,
            3 => Diagnostic::NeighbourDown,
            4 => Diagnostic::ForwardingReset,
            5 => Diagnostic::PathDown,
            6 => Diagnostic::ConcatenatedDown,
            7 => Diagnostic::AdminDown,
            8 => Diagnostic::ReverseConcatenatedDown,
            other => Diagnostic::Other(other),
        }
    }
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Control {
    /// Why the sender went down last.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// The sender wants an answer: its timers have changed.
    pub poll: bool,
    /// The answer to that.
    pub is_final: bool,
    /// The sender's forwarding lives without its control.
    pub independent: bool,
    /// The sender wants no periodic packets.
    pub demand: bool,
    /// How many missed packets the receiver bears.
    pub multiplier: NonZeroU8,
    /// The sender's number for the session.
    pub my_discriminator: NonZeroU32,
    /// The receiver's number for it; 0: not known yet.
    pub your_discriminator: u32,
    /// Microseconds between packets that the sender would like to send.
    pub desired_min_tx_us: u32,
    /// Microseconds between packets that the sender can take; 0: it wants none.
    pub required_min_rx_us: u32,
    /// Microseconds between echoes that the sender can return; 0: it returns none.
    pub required_min_echo_rx_us: u32,
}

/// Why bytes are no packet that may be heeded, in the order of RFC 5880 §6.8.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Error {
    /// Fewer bytes than a packet has, or than it says.
    #[error("{got} bytes of {want}")]
    Short {
        /// There are.
        got: usize,
        /// There must be.
        want: usize,
    },
    /// Not version 1.
    #[error("version {0} instead of 1")]
    Version(u8),
    /// It says to be shorter than any packet.
    #[error("length {0}")]
    Length(u8),
    /// No missed packet is borne.
    #[error("multiplier 0")]
    Multiplier,
    /// The flag that must not be.
    #[error("multipoint flag")]
    Multipoint,
    /// The sender has no number.
    #[error("my discriminator 0")]
    MyDiscriminator,
    /// The sender is about to be up with nobody.
    #[error("your discriminator 0 in state Init or Up")]
    YourDiscriminator,
    /// It is authenticated, and nothing here is.
    #[error("authentication, which is not configured")]
    Authentication,
    /// Poll and final at once (RFC 5880 §6.5 forbids it).
    #[error("poll and final at once")]
    PollAndFinal,
}

impl Control {
    /// Reads a datagram's payload.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let short = Error::Short { got: bytes.len(), want: LEN };
        let head: &[u8; LEN] = bytes.first_chunk().ok_or(short)?;
        let [first, second, multiplier, length, numbers @ ..] = *head;
        if first >> 5 != VERSION {
            return Err(Error::Version(first >> 5));
        }
        let has_auth = second & FLAG_AUTH != 0;
        let min = if has_auth { LEN_WITH_AUTH_MIN } else { LEN };
        if usize::from(length) < min {
            return Err(Error::Length(length));
        }
        if usize::from(length) > bytes.len() {
            return Err(Error::Short { got: bytes.len(), want: usize::from(length) });
        }
        let multiplier = NonZeroU8::new(multiplier).ok_or(Error::Multiplier)?;
        if second & FLAG_MULTIPOINT != 0 {
            return Err(Error::Multipoint);
        }
        let [a, b, c, d, e] = words(numbers);
        let my_discriminator = NonZeroU32::new(a).ok_or(Error::MyDiscriminator)?;
        let state = match second >> 6 {
            0 => State::AdminDown,
            1 => State::Down,
            2 => State::Init,
            _ => State::Up,
        };
        if b == 0 && matches!(state, State::Init | State::Up) {
            return Err(Error::YourDiscriminator);
        }
        if has_auth {
            return Err(Error::Authentication);
        }
        let (poll, is_final) = (second & FLAG_POLL != 0, second & FLAG_FINAL != 0);
        if poll && is_final {
            return Err(Error::PollAndFinal);
        }
        Ok(Self {
            diagnostic: Diagnostic::from_number(first),
            state,
            poll,
            is_final,
            independent: second & FLAG_INDEPENDENT != 0,
            demand: second & FLAG_DEMAND != 0,
            multiplier,
            my_discriminator,
            your_discriminator: b,
            desired_min_tx_us: c,
            required_min_rx_us: d,
            required_min_echo_rx_us: e,
        })
    }

    /// The packet's bytes.
    pub fn to_bytes(self) -> [u8; LEN] {
        let state: u8 = match self.state {
            State::AdminDown => 0,
            State::Down => 1,
            State::Init => 2,
            State::Up => 3,
        };
        let flag = |set: bool, flag| if set { flag } else { 0 };
        let flags = flag(self.poll, FLAG_POLL)
            | flag(self.is_final, FLAG_FINAL)
            | flag(self.independent, FLAG_INDEPENDENT)
            | flag(self.demand, FLAG_DEMAND);
        let [a, b, c, d] = self.my_discriminator.get().to_be_bytes();
        let [e, f, g, h] = self.your_discriminator.to_be_bytes();
        let [i, j, k, l] = self.desired_min_tx_us.to_be_bytes();
        let [m, n, o, p] = self.required_min_rx_us.to_be_bytes();
        let [q, r, s, t] = self.required_min_echo_rx_us.to_be_bytes();
        let first = VERSION << 5 | self.diagnostic.number();
        [
            first,
            state << 6 | flags,
            self.multiplier.get(),
            LEN as u8,
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
            i,
            j,
            k,
            l,
            m,
            n,
            o,
            p,
            q,
            r,
            s,
            t,
        ]
    }
}

fn words(bytes: [u8; 20]) -> [u32; 5] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = bytes;
    [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p], [q, r, s, t]].map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn control() -> Control {
        Control {
            diagnostic: Diagnostic::None,
            state: State::Down,
            poll: false,
            is_final: false,
            independent: false,
            demand: false,
            multiplier: NonZeroU8::new(4).expect("not zero"),
            my_discriminator: NonZeroU32::new(0x183a_c602).expect("not zero"),
            your_discriminator: 0,
            desired_min_tx_us: 1_000_000,
            required_min_rx_us: 50_000,
            required_min_echo_rx_us: 0,
        }
    }

    #[test]
    fn packets_are_those_of_keepalived() {
        // Keepalived 2.2.7: down; up and polling.
        let down = [
            0x20, 0x40, 0x04, 0x18, 0x18, 0x3a, 0xc6, 0x02, 0, 0, 0, 0, 0x00, 0x0f, 0x42, 0x40, 0, 0, 0xc3,
            0x50, 0, 0, 0, 0,
        ];
        assert_eq!(control().to_bytes(), down);
        assert_eq!(Control::parse(&down), Ok(control()));
        let up = Control { state: State::Up, poll: true, your_discriminator: 7, ..control() };
        assert_eq!(up.to_bytes()[..4], [0x20, 0xe0, 4, 24]);
        let expired = Control { diagnostic: Diagnostic::Expired, ..control() };
        assert_eq!(expired.to_bytes()[0], 0x21);
    }

    #[test]
    fn faults_have_names_in_the_rfcs_order() {
        let good = control().to_bytes();
        let with = |changes: &[(usize, u8)]| {
            let mut bytes = good.to_vec();
            for (at, value) in changes {
                bytes[*at] = *value;
            }
            bytes
        };
        let longer = |changes: &[(usize, u8)], len| {
            let mut bytes = with(changes);
            bytes.resize(len, 0);
            bytes
        };
        for (what, bytes, want) in [
            ("nothing", vec![], Error::Short { got: 0, want: 24 }),
            ("cut", good[..23].to_vec(), Error::Short { got: 23, want: 24 }),
            ("version 0", with(&[(0, 0)]), Error::Version(0)),
            ("version 2", with(&[(0, 0x40), (3, 0)]), Error::Version(2)),
            ("length 23", with(&[(3, 23)]), Error::Length(23)),
            ("length 25 with authentication", longer(&[(1, 0x44), (3, 25)], 25), Error::Length(25)),
            ("length 25 of 24", with(&[(3, 25)]), Error::Short { got: 24, want: 25 }),
            ("multiplier 0", with(&[(2, 0), (1, 0x41)]), Error::Multiplier),
            ("multipoint", with(&[(1, 0x41), (4, 0), (5, 0), (6, 0), (7, 0)]), Error::Multipoint),
            ("no number", with(&[(4, 0), (5, 0), (6, 0), (7, 0)]), Error::MyDiscriminator),
            ("Init with nobody", with(&[(1, 0x80)]), Error::YourDiscriminator),
            ("Up with nobody", with(&[(1, 0xc0)]), Error::YourDiscriminator),
            ("authenticated", longer(&[(1, 0x44), (3, 26)], 26), Error::Authentication),
            ("poll and final", with(&[(1, 0x70)]), Error::PollAndFinal),
        ] {
            assert_eq!(Control::parse(&bytes), Err(want), "{what}");
            assert!(!want.to_string().is_empty());
        }
        assert_eq!(Control::parse(&longer(&[], 40)), Ok(control()), "what follows is not looked at");
        assert!(Control::parse(&with(&[(1, 0)])).is_ok(), "AdminDown with nobody is fine");
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_and_read_back(bytes in prop::collection::vec(any::<u8>(), 0..40), tame in any::<bool>()) {
            let mut bytes = bytes;
            for (at, value) in [(0, 0x20 | bytes.first().map_or(0, |b| b & 0x1f)), (3, 24)] {
                if let (true, Some(byte)) = (tame, bytes.get_mut(at)) {
                    *byte = value;
                }
            }
            if let Ok(control) = Control::parse(&bytes) {
                let written = control.to_bytes();
                prop_assert_eq!(Control::parse(&written), Ok(control));
                // The length may have been larger; all else is the same.
                prop_assert_eq!(&written[..3], &bytes[..3]);
                prop_assert_eq!(&written[4..], &bytes[4..LEN]);
            }
        }
    }
}
