//! Names of iproute2: tables, protocols, realms, differentiated services.

use super::context::Ctx;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// `rt_tables`.
    Tables,
    /// `rt_protos`.
    Protocols,
    /// `rt_realms`.
    Realms,
    /// `rt_dsfield`.
    DsFields,
    /// `group`: interface groups.
    Groups,
}

/// Where iproute2 keeps its lists, the administrator's first.
const FOLDERS: &[&str] = &["/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2"];

impl Names {
    const fn file(self) -> &'static str {
        match self {
            Names::Tables => "rt_tables",
            Names::Protocols => "rt_protos",
            Names::Realms => "rt_realms",
            Names::DsFields => "rt_dsfield",
            Names::Groups => "group",
        }
    }

    /// Names that are there without a file.
    const fn fixed(self) -> &'static [(&'static str, u32)] {
        match self {
            Names::Tables => &[("main", 254), ("default", 253), ("local", 255)],
            Names::Protocols => &[
                ("redirect", 1),
                ("kernel", 2),
                ("boot", 3),
                ("static", 4),
                ("ra", 9),
                ("zebra", 11),
                ("bird", 12),
                ("keepalived", 18),
            ],
            Names::Realms | Names::DsFields | Names::Groups => &[],
        }
    }
}

/// The number that a name or number stands for.
pub(crate) fn number(ctx: &Ctx<'_>, names: Names, text: &str) -> Option<u32> {
    let written = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    written
        .or_else(|| names.fixed().iter().find(|(name, _)| *name == text).map(|(_, number)| *number))
        .or_else(|| {
            FOLDERS.iter().find_map(|folder| listed(ctx, &format!("{folder}/{}", names.file()), text))
        })
}

/// Looks a name up in a file of lines `NUMBER NAME`.
fn listed(ctx: &Ctx<'_>, path: &str, wanted: &str) -> Option<u32> {
    let bytes = ctx.outside.read_file(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let number = words.next()?;
        if words.next()? != wanted {
            return None;
        }
        match number.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        }
    })
}
