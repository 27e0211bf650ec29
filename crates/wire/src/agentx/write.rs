//! Messages, written: in network byte order.

use super::{
    Body, FLAG_CONTEXT, FLAG_INSTANCE, FLAG_NETWORK_ORDER, HEADER_LEN, Oid, Pdu, Registration, SearchRange,
    VERSION, Value, VarBind, kind,
};

impl Pdu {
    /// Appends the message. Its payload must stay below [`super::PAYLOAD_LEN_MAX`]: who answers bulks counts along.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let (kind, is_instance) = match &self.body {
            Body::Open { .. } => (kind::OPEN, false),
            Body::Close(_) => (kind::CLOSE, false),
            Body::Register(registration) => (kind::REGISTER, registration.is_instance),
            Body::Unregister(registration) => (kind::UNREGISTER, registration.is_instance),
            Body::Get(_) => (kind::GET, false),
            Body::GetNext(_) => (kind::GET_NEXT, false),
            Body::GetBulk { .. } => (kind::GET_BULK, false),
            Body::TestSet(_) => (kind::TEST_SET, false),
            Body::CommitSet => (kind::COMMIT_SET, false),
            Body::UndoSet => (kind::UNDO_SET, false),
            Body::CleanupSet => (kind::CLEANUP_SET, false),
            Body::Notify(_) => (kind::NOTIFY, false),
            Body::Ping => (kind::PING, false),
            Body::Response { .. } => (kind::RESPONSE, false),
        };
        let instance = if is_instance { FLAG_INSTANCE } else { 0 };
        let context = if self.context.is_some() { FLAG_CONTEXT } else { 0 };
        out.extend([VERSION, kind, FLAG_NETWORK_ORDER | instance | context, 0]);
        for number in [self.session, self.transaction, self.packet, 0] {
            out.extend(number.to_be_bytes());
        }
        if let Some(context) = &self.context {
            octets(out, context);
        }
        self.body.write(out);
        let len = (out.len() - start - HEADER_LEN) as u32;
        if let Some(field) = out.get_mut(start + 16..start + HEADER_LEN) {
            field.copy_from_slice(&len.to_be_bytes());
        }
    }
}

impl Body {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Body::Open { timeout, id, description } => {
                out.extend([*timeout, 0, 0, 0]);
                oid(out, id, false);
                octets(out, description);
            }
            Body::Close(reason) => out.extend([reason.number(), 0, 0, 0]),
            Body::Register(registration) | Body::Unregister(registration) => registration.write(out),
            Body::Get(ranges) | Body::GetNext(ranges) => ranges.iter().for_each(|range| range.write(out)),
            Body::GetBulk { non_repeaters, max_repetitions, ranges } => {
                out.extend(non_repeaters.to_be_bytes());
                out.extend(max_repetitions.to_be_bytes());
                ranges.iter().for_each(|range| range.write(out));
            }
            Body::TestSet(binds) | Body::Notify(binds) => binds.iter().for_each(|bind| bind.write(out)),
            Body::CommitSet | Body::UndoSet | Body::CleanupSet | Body::Ping => {}
            Body::Response { uptime, error, index, binds } => {
                out.extend(uptime.to_be_bytes());
                out.extend(error.to_be_bytes());
                out.extend(index.to_be_bytes());
                binds.iter().for_each(|bind| bind.write(out));
            }
        }
    }
}

impl Registration {
    fn write(&self, out: &mut Vec<u8>) {
        let position = self.range.map_or(0, |(position, _)| position);
        out.extend([self.timeout, self.priority, position, 0]);
        oid(out, &self.subtree, false);
        if let Some((_, last)) = self.range {
            out.extend(last.to_be_bytes());
        }
    }
}

impl SearchRange {
    fn write(&self, out: &mut Vec<u8>) {
        oid(out, &self.start, self.include);
        oid(out, &self.end, false);
    }
}

impl VarBind {
    /// So many bytes it takes in a message.
    pub fn wire_len(&self) -> usize {
        let string = |len: usize| 4 + len.next_multiple_of(4);
        let value = match &self.value {
            Value::Integer(_) | Value::Counter32(_) | Value::Gauge32(_) | Value::TimeTicks(_) => 4,
            Value::Counter64(_) | Value::IpAddress(_) => 8,
            Value::Octets(bytes) | Value::Opaque(bytes) => string(bytes.len()),
            Value::Oid(oid) => oid_len(oid),
            Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => 0,
        };
        4 + oid_len(&self.name) + value
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.value.kind().to_be_bytes());
        out.extend([0, 0]);
        oid(out, &self.name, false);
        match &self.value {
            Value::Integer(n) => out.extend(n.to_be_bytes()),
            Value::Counter32(n) | Value::Gauge32(n) | Value::TimeTicks(n) => out.extend(n.to_be_bytes()),
            Value::Counter64(n) => out.extend(n.to_be_bytes()),
            Value::Octets(bytes) | Value::Opaque(bytes) => octets(out, bytes),
            Value::IpAddress(address) => octets(out, address),
            Value::Oid(value) => oid(out, value, false),
            Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => {}
        }
    }
}

/// Length, bytes, zeros up to a multiple of 4.
fn octets(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
    out.extend(std::iter::repeat_n(0, bytes.len().next_multiple_of(4) - bytes.len()));
}

/// What of an identifier is written: the prefix that stands for 1.3.6.1.x, and the other parts (RFC 2741 §5.1).
fn shortened(oid: &Oid) -> (u8, &[u32]) {
    match oid.parts() {
        [1, 3, 6, 1, fifth @ 1..=255, rest @ ..] => (*fifth as u8, rest),
        parts => (0, parts),
    }
}

fn oid_len(oid: &Oid) -> usize {
    4 + 4 * shortened(oid).1.len()
}

fn oid(out: &mut Vec<u8>, oid: &Oid, include: bool) {
    let (prefix, parts) = shortened(oid);
    // An identifier has 128 parts at most.
    out.extend([parts.len() as u8, prefix, u8::from(include), 0]);
    for part in parts {
        out.extend(part.to_be_bytes());
    }
}
