//! Control messages of received datagrams, as C lays them out, read without trust in their lengths.

use std::mem::size_of;

use libc::{c_int, cmsghdr};

const HEADER: usize = size_of::<cmsghdr>();
const WORD: usize = size_of::<usize>();

/// All whole messages: level, type, data.
pub(crate) fn controls(mut rest: &[u8]) -> impl Iterator<Item = (c_int, c_int, &[u8])> {
    std::iter::from_fn(move || {
        let header = rest.get(..HEADER)?;
        let len = usize::from_ne_bytes(header.get(..WORD)?.try_into().ok()?);
        let data = rest.get(HEADER..len)?;
        let one = (int(header, WORD)?, int(header, WORD + 4)?, data);
        rest = rest.get(len.next_multiple_of(WORD)..).unwrap_or_default();
        Some(one)
    })
}

/// A C int at a place.
pub(crate) fn int(bytes: &[u8], at: usize) -> Option<c_int> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(c_int::from_ne_bytes)
}
