//! Messages, read: in either byte order, as their flags say.

use super::{
    Body, CloseReason, Error, FLAG_CONTEXT, FLAG_INSTANCE, FLAG_NETWORK_ORDER, HEADER_LEN, OID_LEN_MAX, Oid,
    PAYLOAD_LEN_MAX, Pdu, Registration, SearchRange, VERSION, Value, VarBind, kind,
};

/// Identifiers of the internet are often cut down to one part of four (RFC 2741 §5.1).
const INTERNET: [u32; 4] = [1, 3, 6, 1];

impl Pdu {
    /// How long the message at the start of `bytes` is; `None` while its header is not whole.
    pub fn len(bytes: &[u8]) -> Result<Option<usize>, Error> {
        let Some(header) = bytes.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        if header[0] != VERSION {
            return Err(Error::Version(header[0]));
        }
        let length =
            Reader { bytes: &header[16..], is_network: header[2] & FLAG_NETWORK_ORDER != 0 }.u32()?;
        match usize::try_from(length) {
            Ok(len) if len <= PAYLOAD_LEN_MAX => {}
            Ok(_) | Err(_) => return Err(Error::TooLong(length)),
        }
        if !length.is_multiple_of(4) {
            return Err(Error::Unaligned(length));
        }
        Ok(Some(HEADER_LEN + length as usize))
    }

    /// Reads the message at the start of `bytes` and says how long it is; `None` while it is not whole.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some(len) = Self::len(bytes)? else { return Ok(None) };
        let Some(whole) = bytes.get(..len) else { return Ok(None) };
        let (header, payload) = whole.split_at_checked(HEADER_LEN).ok_or(Error::Cut)?;
        let [_, kind, flags, _, numbers @ ..] = header else { return Err(Error::Cut) };
        let is_network = flags & FLAG_NETWORK_ORDER != 0;
        let mut numbers = Reader { bytes: numbers, is_network };
        let (session, transaction, packet) = (numbers.u32()?, numbers.u32()?, numbers.u32()?);
        let mut payload = Reader { bytes: payload, is_network };
        let context = if flags & FLAG_CONTEXT != 0 { Some(payload.octets()?) } else { None };
        let body = payload.body(*kind, flags & FLAG_INSTANCE != 0)?;
        if !payload.bytes.is_empty() {
            return Err(Error::Surplus(payload.bytes.len()));
        }
        Ok(Some((Self { session, transaction, packet, context, body }, len)))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    is_network: bool,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(Error::Cut)?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(Error::Cut)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        let bytes = self.take()?;
        Ok(if self.is_network { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&mut self) -> Result<u32, Error> {
        let bytes = self.take()?;
        Ok(if self.is_network { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn u64(&mut self) -> Result<u64, Error> {
        let bytes = self.take()?;
        Ok(if self.is_network { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    fn octets(&mut self) -> Result<Vec<u8>, Error> {
        let len = usize::try_from(self.u32()?).map_err(|_| Error::Cut)?;
        let octets = self.slice(len)?.to_vec();
        self.slice(len.next_multiple_of(4) - len)?;
        Ok(octets)
    }

    /// An identifier and its flag `include`.
    fn oid(&mut self) -> Result<(Oid, bool), Error> {
        let [count, prefix, include, _] = self.take()?;
        let mut parts = Vec::new();
        if prefix != 0 {
            parts.extend(INTERNET);
            parts.push(u32::from(prefix));
        }
        let len = parts.len() + usize::from(count);
        if len > OID_LEN_MAX {
            return Err(Error::OidLength(len));
        }
        for _ in 0..count {
            parts.push(self.u32()?);
        }
        let oid = Oid::new(&parts).ok_or(Error::OidLength(len))?;
        Ok((oid, include != 0))
    }

    fn body(&mut self, kind: u8, is_instance: bool) -> Result<Body, Error> {
        Ok(match kind {
            kind::OPEN => {
                let [timeout, ..] = self.take::<4>()?;
                Body::Open { timeout, id: self.oid()?.0, description: self.octets()? }
            }
            kind::CLOSE => {
                let [reason, ..] = self.take::<4>()?;
                let known = CloseReason::ALL.into_iter().find(|known| known.number() == reason);
                Body::Close(known.ok_or(Error::CloseReason(reason))?)
            }
            kind::REGISTER => Body::Register(self.registration(is_instance)?),
            kind::UNREGISTER => Body::Unregister(self.registration(is_instance)?),
            kind::GET => Body::Get(self.ranges()?),
            kind::GET_NEXT => Body::GetNext(self.ranges()?),
            kind::GET_BULK => {
                let (non_repeaters, max_repetitions) = (self.u16()?, self.u16()?);
                Body::GetBulk { non_repeaters, max_repetitions, ranges: self.ranges()? }
            }
            kind::TEST_SET => Body::TestSet(self.binds()?),
            kind::COMMIT_SET => Body::CommitSet,
            kind::UNDO_SET => Body::UndoSet,
            kind::CLEANUP_SET => Body::CleanupSet,
            kind::NOTIFY => Body::Notify(self.binds()?),
            kind::PING => Body::Ping,
            kind::RESPONSE => {
                let (uptime, error, index) = (self.u32()?, self.u16()?, self.u16()?);
                Body::Response { uptime, error, index, binds: self.binds()? }
            }
            other => return Err(Error::Type(other)),
        })
    }

    fn registration(&mut self, is_instance: bool) -> Result<Registration, Error> {
        let [timeout, priority, position, _] = self.take()?;
        let subtree = self.oid()?.0;
        let range = if position == 0 { None } else { Some((position, self.u32()?)) };
        Ok(Registration { timeout, priority, is_instance, subtree, range })
    }

    fn ranges(&mut self) -> Result<Vec<SearchRange>, Error> {
        let mut ranges = Vec::new();
        while !self.bytes.is_empty() {
            let ((start, include), (end, _)) = (self.oid()?, self.oid()?);
            ranges.push(SearchRange { start, include, end });
        }
        Ok(ranges)
    }

    fn binds(&mut self) -> Result<Vec<VarBind>, Error> {
        let mut binds = Vec::new();
        while !self.bytes.is_empty() {
            let kind = self.u16()?;
            self.take::<2>()?;
            let name = self.oid()?.0;
            binds.push(VarBind { name, value: self.value(kind)? });
        }
        Ok(binds)
    }

    fn value(&mut self, kind: u16) -> Result<Value, Error> {
        Ok(match kind {
            2 => Value::Integer(self.u32()?.cast_signed()),
            4 => Value::Octets(self.octets()?),
            5 => Value::Null,
            6 => Value::Oid(self.oid()?.0),
            64 => {
                let octets = self.octets()?;
                Value::IpAddress(octets.as_slice().try_into().map_err(|_| Error::IpAddress(octets.len()))?)
            }
            65 => Value::Counter32(self.u32()?),
            66 => Value::Gauge32(self.u32()?),
            67 => Value::TimeTicks(self.u32()?),
            68 => Value::Opaque(self.octets()?),
            70 => Value::Counter64(self.u64()?),
            128 => Value::NoSuchObject,
            129 => Value::NoSuchInstance,
            130 => Value::EndOfMibView,
            other => return Err(Error::Value(other)),
        })
    }
}
