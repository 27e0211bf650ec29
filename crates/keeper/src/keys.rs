//! What the poller calls its descriptors: a kind and a number.

/// Others ring for commands and for ends of scripts.
pub(crate) const BELL: u64 = 1 << 32;
/// The kernel's news.
pub(crate) const MONITOR: u64 = 2 << 32;
/// Watched folders.
pub(crate) const FILES: u64 = 3 << 32;
/// Process events.
pub(crate) const PROCESSES: u64 = 4 << 32;
/// BFD over IPv4.
pub(crate) const BFD: u64 = 8 << 32;
/// BFD over IPv6.
pub(crate) const BFD6: u64 = 9 << 32;
const RAW: u64 = 5 << 32;
const ARP: u64 = 6 << 32;
const NEIGHBOURS: u64 = 7 << 32;

pub(crate) fn raw(number: u32) -> u64 {
    RAW | u64::from(number)
}

pub(crate) fn arp(index: u32) -> u64 {
    ARP | u64::from(index)
}

pub(crate) fn neighbours(index: u32) -> u64 {
    NEIGHBOURS | u64::from(index)
}

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Bell,
    Monitor,
    Files,
    Processes,
    Bfd { v6: bool },
    Raw(u32),
    Arp(u32),
    Neighbours(u32),
    Unknown,
}

impl Key {
    pub(crate) fn of(key: u64) -> Key {
        let number = (key & 0xffff_ffff) as u32;
        match key & !0xffff_ffff {
            BELL => Key::Bell,
            MONITOR => Key::Monitor,
            FILES => Key::Files,
            PROCESSES => Key::Processes,
            BFD => Key::Bfd { v6: false },
            BFD6 => Key::Bfd { v6: true },
            RAW => Key::Raw(number),
            ARP => Key::Arp(number),
            NEIGHBOURS => Key::Neighbours(number),
            _ => Key::Unknown,
        }
    }
}
