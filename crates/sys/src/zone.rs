//! The local time zone.
#![allow(unsafe_code)]

/// Seconds east of UTC of the local time zone at a date (seconds since 1970 UTC); 0 where the system cannot say.
pub fn utc_offset_secs(date: u64) -> i32 {
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
            assert!(super::utc_offset_secs(date).abs() <= 15 * 3600, "{date}");
        }
    }
}
