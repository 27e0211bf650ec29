//! Kernel settings that are changed while the keeper runs, and put back at its end.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Longest value that is kept.
const VALUE_MAX: usize = 64;

/// Settings with the values that they had.
#[derive(Debug, Default)]
pub(crate) struct Sysctls {
    before: BTreeMap<String, String>,
}

impl Sysctls {
    /// Sets `net/ipv4/conf/eth0/arp_ignore` and the like. What it was is kept the first time.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> io::Result<()> {
        let before = self.get(key)?;
        if before == value {
            return Ok(());
        }
        fs::write(path(key), value)?;
        self.before.entry(key.to_owned()).or_insert(before);
        Ok(())
    }

    /// A setting's value.
    pub(crate) fn get(&self, key: &str) -> io::Result<String> {
        let mut value = fs::read_to_string(path(key))?.trim().to_owned();
        value.truncate(VALUE_MAX);
        Ok(value)
    }

    /// Puts everything back. What is gone meanwhile (an interface) needs nothing.
    pub(crate) fn restore(&mut self) {
        for (key, value) in std::mem::take(&mut self.before) {
            let _ = fs::write(path(&key), value);
        }
    }
}

fn path(key: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(key)
}
