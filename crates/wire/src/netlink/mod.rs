//! Netlink (RFC 3549): messages with attributes, made and read; links, addresses, routes and rules as facts.
//!
//! - [`Message`] builds one request; [`messages`] and [`attributes`] walk what the kernel said and take any bytes
//! - [`rt`]: what the routing family says
//! - [`process`]: events of the process connector

pub mod process;
pub mod rt;

/// `NLM_F_REQUEST`.
pub const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`: answer even if all went well.
pub const ACK: u16 = 0x4;
/// `NLM_F_DUMP`: all of them.
pub const DUMP: u16 = 0x300;
/// `NLM_F_REPLACE`.
pub const REPLACE: u16 = 0x100;
/// `NLM_F_EXCL`: fail if it is there.
pub const EXCL: u16 = 0x200;
/// `NLM_F_CREATE`.
pub const CREATE: u16 = 0x400;
/// `NLM_F_APPEND`.
pub const APPEND: u16 = 0x800;

/// `NLMSG_ERROR`: an error, or with 0 an acknowledgement.
pub const KIND_ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
pub const KIND_DONE: u16 = 3;
/// `NLM_F_DUMP_INTR`: something changed while it was told.
pub const DUMP_INTERRUPTED: u16 = 0x10;

const HEADER: usize = 16;
const NESTED: u16 = 0x8000;
/// The flags in an attribute's type.
const KIND_MASK: u16 = 0x3fff;

/// One request under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message of `kind` with a fixed part.
    pub fn new(kind: u16, flags: u16, fixed: &[u8]) -> Message {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend([0; 4]);
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(fixed);
        let mut message = Message { bytes };
        message.pad();
        message
    }

    /// Appends an attribute.
    pub fn attr(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let len = u16::try_from(value.len() + 4).unwrap_or(4);
        self.bytes.extend(len.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value.get(..usize::from(len) - 4).unwrap_or_default());
        self.pad();
        self
    }

    /// Appends a number.
    pub fn u8(&mut self, kind: u16, value: u8) -> &mut Self {
        self.attr(kind, &[value])
    }

    /// Appends a number.
    pub fn u16(&mut self, kind: u16, value: u16) -> &mut Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// Appends a number.
    pub fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// Appends a text with its final zero.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attr(kind, &bytes)
    }

    /// Appends an attribute made of attributes.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Message)) -> &mut Self {
        self.group(kind | NESTED, fill)
    }

    /// Likewise without the flag that says so, as the routing family's older attributes want it.
    pub fn group(&mut self, kind: u16, fill: impl FnOnce(&mut Message)) -> &mut Self {
        let at = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        fill(self);
        self.set_len_u16(at);
        self
    }

    /// Appends bytes as they are (the fixed part of a next hop).
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self.pad();
        self
    }

    /// How many bytes there are.
    pub fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the 16-bit length of everything from `at` on to `at`.
    pub fn set_len_u16(&mut self, at: usize) {
        let len = u16::try_from(self.bytes.len() - at).unwrap_or(0);
        if let Some(field) = self.bytes.get_mut(at..at + 2) {
            field.copy_from_slice(&len.to_ne_bytes());
        }
    }

    /// The whole message under this number.
    pub fn finish(mut self, sequence: u32) -> Vec<u8> {
        let len = u32::try_from(self.bytes.len()).unwrap_or(0);
        for (at, value) in [(0, len), (8, sequence)] {
            if let Some(field) = self.bytes.get_mut(at..at + 4) {
                field.copy_from_slice(&value.to_ne_bytes());
            }
        }
        self.bytes
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// A message as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// What it is.
    pub kind: u16,
    /// Flags.
    pub flags: u16,
    /// The request's number.
    pub sequence: u32,
    /// What follows the header.
    pub body: &'a [u8],
}

impl Heard<'_> {
    /// The error in a [`KIND_ERROR`]: a positive errno, or 0 for an acknowledgement.
    pub fn error(&self) -> i32 {
        get_u32(self.body, 0).map_or(0, |n| (n as i32).saturating_neg())
    }
}

/// All whole messages of a datagram.
pub fn messages(mut rest: &[u8]) -> impl Iterator<Item = Heard<'_>> {
    std::iter::from_fn(move || {
        let len = usize::try_from(get_u32(rest, 0)?).ok()?;
        let body = rest.get(HEADER..len)?;
        let heard =
            Heard { kind: get_u16(rest, 4)?, flags: get_u16(rest, 6)?, sequence: get_u32(rest, 8)?, body };
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(heard)
    })
}

/// All whole attributes: their kinds (without flags) and values.
pub fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(get_u16(rest, 0)?);
        let value = rest.get(4..len)?;
        let kind = get_u16(rest, 2)? & KIND_MASK;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number of this machine's byte order.
pub fn get_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_ne_bytes)
}

/// A number of this machine's byte order.
pub fn get_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_ne_bytes)
}

/// A text, up to its first zero.
pub fn get_text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_made_is_read_again() {
        let mut message = Message::new(20, REQUEST | ACK, &[2, 24, 0, 0, 7, 0, 0, 0]);
        message.attr(2, &[10, 0, 0, 1]).text(3, "eth0").nest(5, |m| {
            m.u32(1, 9).u8(2, 1);
        });
        let bytes = message.finish(77);
        assert_eq!(bytes.len() % 4, 0);
        let all: Vec<_> = messages(&bytes).collect();
        let [one] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((one.kind, one.flags, one.sequence), (20, REQUEST | ACK, 77));
        let attrs: Vec<_> = attributes(&one.body[8..]).collect();
        assert_eq!(attrs[0], (2, [10, 0, 0, 1].as_slice()));
        assert_eq!((attrs[1].0, get_text(attrs[1].1)), (3, "eth0".to_owned()));
        let inner: Vec<_> = attributes(attrs[2].1).collect();
        assert_eq!(inner, [(1, 9u32.to_ne_bytes().as_slice()), (2, [1].as_slice())]);
        assert_eq!(attrs.len(), 3);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            for heard in messages(&bytes) {
                let _ = (heard.error(), rt::News::read(&heard), process::read(heard.body));
                prop_assert!(attributes(heard.body).count() <= bytes.len());
            }
            let _ = process::read(&bytes);
        }

        #[test]
        fn any_body_is_taken(kind in 16u16..40, body: Vec<u8>) {
            let _ = rt::News::read(&Heard { kind, flags: 0, sequence: 0, body: &body });
        }
    }
}
