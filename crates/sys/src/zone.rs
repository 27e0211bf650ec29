//! The local time zone.
#![allow(unsafe_code)]

use std::cell::Cell;

/// Zones change their offset at full quarters of an hour: one answer holds for one of them.
const SLOT_SECS: u64 = 900;

thread_local! {
    static LAST: Cell<Option<(u64, i32)>> = const { Cell::new(None) };
}

/// Seconds east of UTC of the local time zone at a date (seconds since 1970 UTC); 0 where the system cannot say.
/// Asks the C library, which takes a lock, once per quarter of an hour and thread.
pub fn utc_offset_secs(date: u64) -> i32 {
    let slot = date / SLOT_SECS;
    if let Some((known, offset)) = LAST.get()
        && known == slot
    {
        return offset;
    }
    let offset = ask(date);
    LAST.set(Some((slot, offset)));
    offset
}

fn ask(date: u64) -> i32 {
    let Ok(date) = libc::time_t::try_from(date) else { return 0 };
    // SAFETY: all-zero bytes are a valid `tm`: numbers and a null pointer.
    let mut out: libc::tm = unsafe { std::mem::zeroed() };
    // JUSTIFICATION: neither std nor rustix knows time zones.
    // SAFETY: both pointers are to live values of the right types; localtime_r keeps neither.
    let done = unsafe { libc::localtime_r(&raw const date, &raw mut out) };
    if done.is_null() {
        return 0;
    }
    i32::try_from(out.tm_gmtoff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn offsets_are_those_of_a_planet() {
        for date in [0, 1_700_000_000, u64::MAX] {
            let first = super::utc_offset_secs(date);
            assert!(first.abs() <= 15 * 3600, "{date}");
            assert_eq!(first, super::utc_offset_secs(date));
        }
    }
}
