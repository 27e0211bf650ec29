//! What this program calls itself: one place for `-v`, `.if version_atleast()`, the stats page and `show info`.

/// The release of HAProxy whose files, commands and outputs this program follows.
pub const COMPAT: &str = "3.0.0";

/// This program's own version.
pub const OWN: &str = env!("CARGO_PKG_VERSION");

/// The version that tools read: the release followed, then who it is.
pub const FULL: &str = concat!("3.0.0-evenkeel-", env!("CARGO_PKG_VERSION"));

/// Day of the release, as the original writes it.
pub const DATE: &str = "2026/11/21";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_version_is_made_of_both() {
        assert_eq!(FULL, format!("{COMPAT}-evenkeel-{OWN}"));
    }
}
