//! D-Bus messages as bytes (D-Bus specification, "Message Protocol"): as much as a small service needs. Bounded, and
//! nothing from the bus can panic it.

/// Largest message that is taken; calls to us are far smaller.
pub(super) const MESSAGE_MAX: usize = 64 * 1024;

/// Bytes of the fixed head, with the length of the field array.
pub(super) const HEAD: usize = 16;

/// The kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Asks for something.
    Call,
    /// Answers.
    Return,
    /// Answers that it cannot be.
    Error,
    /// Tells whoever listens.
    Signal,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Kind::Call => 1,
            Kind::Return => 2,
            Kind::Error => 3,
            Kind::Signal => 4,
        }
    }

    fn from_number(n: u8) -> Option<Kind> {
        [Kind::Call, Kind::Return, Kind::Error, Kind::Signal].into_iter().find(|kind| kind.number() == n)
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// What it is.
    pub(super) kind: Kind,
    /// Its number, never 0.
    pub(super) serial: u32,
    /// The sender of a call wants no answer.
    pub(super) no_reply: bool,
    /// Of calls and signals.
    pub(super) path: Option<String>,
    /// Of calls and signals.
    pub(super) interface: Option<String>,
    /// Of calls and signals.
    pub(super) member: Option<String>,
    /// Of errors.
    pub(super) error: Option<String>,
    /// Of answers: what they answer.
    pub(super) reply_serial: Option<u32>,
    /// To whom.
    pub(super) destination: Option<String>,
    /// From whom; the bus sets it.
    pub(super) sender: Option<String>,
    /// The body's types.
    pub(super) signature: String,
    /// The body.
    pub(super) body: Vec<u8>,
    /// The body's byte order.
    pub(super) big_endian: bool,
}

impl Message {
    /// A message without anything but its kind.
    pub(super) fn new(kind: Kind) -> Message {
        Message {
            kind,
            serial: 0,
            no_reply: false,
            path: None,
            interface: None,
            member: None,
            error: None,
            reply_serial: None,
            destination: None,
            sender: None,
            signature: String::new(),
            body: Vec::new(),
            big_endian: false,
        }
    }

    /// The answer to a call.
    pub(super) fn reply_to(call: &Message) -> Message {
        Message {
            reply_serial: Some(call.serial),
            destination: call.sender.clone(),
            ..Message::new(Kind::Return)
        }
    }

    /// The answer that it cannot be.
    pub(super) fn error_to(call: &Message, error: &str, text: &str) -> Message {
        let mut writer = Writer::default();
        writer.string(text);
        Message { kind: Kind::Error, error: Some(error.to_string()), ..Message::reply_to(call) }
            .with("s", writer)
    }

    /// The same with a body.
    pub(super) fn with(self, signature: &str, body: Writer) -> Message {
        Message { signature: signature.to_string(), body: body.bytes, ..self }
    }

    /// As bytes, little endian.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes.extend([b'l', self.kind.number(), u8::from(self.no_reply), 1]);
        w.u32(self.body.len() as u32);
        w.u32(self.serial);
        let mut fields = Writer::default();
        let texts = [
            (1, "o", &self.path),
            (2, "s", &self.interface),
            (3, "s", &self.member),
            (4, "s", &self.error),
            (6, "s", &self.destination),
            (7, "s", &self.sender),
        ];
        for (code, signature, text) in texts {
            if let Some(text) = text {
                fields.align(8);
                fields.bytes.push(code);
                fields.signature(signature);
                fields.string(text);
            }
        }
        if let Some(serial) = self.reply_serial {
            fields.align(8);
            fields.bytes.push(5);
            fields.signature("u");
            fields.u32(serial);
        }
        if !self.signature.is_empty() {
            fields.align(8);
            fields.bytes.push(8);
            fields.signature("g");
            fields.signature(&self.signature);
        }
        w.u32(fields.bytes.len() as u32);
        // The fields begin at byte 16, which is aligned for everything.
        w.bytes.extend(fields.bytes);
        w.align(8);
        w.bytes.extend(&self.body);
        w.bytes
    }

    /// How long the message is whose head this is; `None`: no message that is taken.
    pub(super) fn length(head: &[u8; HEAD]) -> Option<usize> {
        let big = match head[0] {
            b'l' => false,
            b'B' => true,
            _ => return None,
        };
        let mut reader = Reader::new(head, big);
        reader.at = 4;
        let body = reader.u32()? as usize;
        reader.u32()?;
        let fields = reader.u32()? as usize;
        let length = HEAD.checked_add(fields)?.checked_next_multiple_of(8)?.checked_add(body)?;
        (length <= MESSAGE_MAX).then_some(length)
    }

    /// Out of all its bytes.
    pub(super) fn decode(bytes: &[u8]) -> Option<Message> {
        let head: &[u8; HEAD] = bytes.first_chunk()?;
        if Message::length(head)? != bytes.len() || head[3] != 1 {
            return None;
        }
        let mut message = Message::new(Kind::from_number(head[1])?);
        message.big_endian = head[0] == b'B';
        message.no_reply = head[2] & 1 != 0;
        let mut reader = Reader::new(bytes, message.big_endian);
        reader.at = 8;
        message.serial = reader.u32()?;
        let end = HEAD + reader.u32()? as usize;
        while reader.at < end {
            reader.align(8)?;
            let code = reader.byte()?;
            let signature = reader.signature()?;
            match (code, signature.as_str()) {
                (1, "o") => message.path = Some(reader.string()?),
                (2, "s") => message.interface = Some(reader.string()?),
                (3, "s") => message.member = Some(reader.string()?),
                (4, "s") => message.error = Some(reader.string()?),
                (5, "u") => message.reply_serial = Some(reader.u32()?),
                (6, "s") => message.destination = Some(reader.string()?),
                (7, "s") => message.sender = Some(reader.string()?),
                (8, "g") => message.signature = reader.signature()?,
                (9, "u") => drop(reader.u32()?),
                // Fields that are not known are to be passed over: those of simple types can be.
                (_, "s" | "o") => drop(reader.string()?),
                (_, "u") => drop(reader.u32()?),
                _ => return None,
            }
        }
        if reader.at != end {
            return None;
        }
        reader.align(8)?;
        message.body = bytes.get(reader.at..)?.to_vec();
        (message.serial != 0).then_some(message)
    }

    /// Reads the body's strings; `None` where it has others.
    pub(super) fn strings(&self) -> Option<Vec<String>> {
        let mut reader = Reader::new(&self.body, self.big_endian);
        self.signature.bytes().map(|kind| if kind == b's' { reader.string() } else { None }).collect()
    }

    /// Reads a body that is one number.
    pub(super) fn number(&self) -> Option<u32> {
        if self.signature == "u" { Reader::new(&self.body, self.big_endian).u32() } else { None }
    }
}

/// Writes values, each aligned as the specification says.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Zeros up to a multiple.
    pub(super) fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    /// `u`.
    pub(super) fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes.extend(value.to_le_bytes());
    }

    /// `s` or `o`.
    pub(super) fn string(&mut self, text: &str) {
        // A zero would end it early for readers in C.
        let text = text.replace('\0', "");
        self.u32(text.len() as u32);
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
    }

    /// `g`.
    pub(super) fn signature(&mut self, text: &str) {
        debug_assert!(text.len() < 256, "our own signatures are short");
        self.bytes.push(text.len() as u8);
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
    }

    /// An array: its length is known when it is filled. `align`: of its elements.
    pub(super) fn array(&mut self, align: usize, fill: impl FnOnce(&mut Writer)) {
        self.u32(0);
        let at = self.bytes.len() - 4;
        self.align(align);
        let start = self.bytes.len();
        fill(self);
        let length = (self.bytes.len() - start) as u32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    big: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], big: bool) -> Reader<'a> {
        Reader { bytes, at: 0, big }
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(n)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn align(&mut self, to: usize) -> Option<()> {
        let next = self.at.checked_next_multiple_of(to)?;
        self.take(next - self.at).map(|_| ())
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.align(4)?;
        let bytes: [u8; 4] = self.take(4)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn string(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        let text = self.take(length)?;
        (self.byte()? == 0).then(|| String::from_utf8(text.to_vec()).ok())?
    }

    fn signature(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        let text = self.take(length)?;
        (self.byte()? == 0).then(|| String::from_utf8(text.to_vec()).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Hello` as libdbus writes it.
    const HELLO: &[u8] = b"l\x01\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x6e\x00\x00\x00\
        \x01\x01o\x00\x15\x00\x00\x00/org/freedesktop/DBus\x00\x00\x00\
        \x06\x01s\x00\x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00\
        \x02\x01s\x00\x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00\
        \x03\x01s\x00\x05\x00\x00\x00Hello\x00\x00\x00";

    #[test]
    fn others_messages_are_read() {
        let hello = Message::decode(HELLO).expect("it is one");
        assert_eq!(hello.member.as_deref(), Some("Hello"));
        assert_eq!(hello.path.as_deref(), Some("/org/freedesktop/DBus"));
        assert_eq!(hello.destination, hello.interface);
        assert_eq!((hello.serial, hello.kind), (1, Kind::Call));
    }

    #[test]
    fn ours_survive_the_wire() {
        let mut body = Writer::default();
        body.string("a");
        body.string("bcd");
        let call = Message {
            serial: 7,
            no_reply: true,
            path: Some("/a/b".into()),
            interface: Some("i.f".into()),
            member: Some("M".into()),
            sender: Some(":1.5".into()),
            ..Message::new(Kind::Call)
        }
        .with("ss", body);
        let read = Message::decode(&call.encode()).expect("it is one");
        assert_eq!(read, call);
        assert_eq!(read.strings(), Some(vec!["a".to_string(), "bcd".to_string()]));
        let mut error = Message::error_to(&call, "e.f", "why");
        error.serial = 8;
        let read = Message::decode(&error.encode()).expect("it is one");
        assert_eq!((read.reply_serial, read.destination.as_deref()), (Some(7), Some(":1.5")));
        assert_eq!(read.strings(), Some(vec!["why".to_string()]));
    }

    #[test]
    fn cut_and_bent_messages_are_no_messages() {
        for n in 0..HELLO.len() {
            assert_eq!(Message::decode(&HELLO[..n]), None, "{n}");
        }
        for at in 0..HELLO.len() {
            for bit in 0..8 {
                let mut bent = HELLO.to_vec();
                bent[at] ^= 1 << bit;
                // It may be another message, but it must be read without harm.
                let _ = Message::decode(&bent);
            }
        }
        let mut huge = *HELLO.first_chunk::<HEAD>().expect("long enough");
        huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Message::length(&huge), None);
    }
}
