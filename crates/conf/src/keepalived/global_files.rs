//! Keywords of `global_defs`: files, and interfaces of other programs (SNMP, D-Bus).

use evenkeel_base::{Word, Words};

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::global::{global_switch, named, on, text};
use super::keyword::{Block, Keyword, LineFn, MAIN, Outcome};

const G: Block = Block::Global;

/// A setting of `global_defs`.
const fn set(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, G, MAIN, args, apply, doc)
}

const ONE_READING: &str = "the file is read once, into memory";
const NO_SNMP_COUNTERS: &str = "the statistics are always up to date here";

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    // Files.
    set(
        "tmp_config_directory",
        "FOLDER",
        |_, ctx, w| named(&mut None, ctx, w, "tmp_config_directory missing directory name"),
        "Where the file is kept while it is read.",
    )
    .accepted(ONE_READING)
    .example("tmp_config_directory /tmp"),
    set("config_save_dir", "FOLDER", |_, ctx, w| text(&mut None, ctx, w), "Where files are kept at reloads.")
        .accepted("nothing is kept for debugging")
        .example("config_save_dir /tmp"),
    set("umask", "NUMBER|BITS", umask, "Permissions that new files don't get.").example("umask 0177"),
    set("random_seed", "NUMBER", random_seed, "Seed of `${_RANDOM}`.").example("random_seed 7"),
    set(
        "include_check",
        "[+|-] [readable] [match] [wildcard_match] [brace_match]",
        include_check,
        "What `include` insists on.",
    )
    .example("include_check match"),
    set(
        "reload_check_config",
        "[LOG_FILE]",
        |d, _, w| {
            d.global.reload_check = Some(w.next().map(|word| word.str().into_owned()).unwrap_or_default());
            Ok(())
        },
        "A reload checks the file first.",
    )
    .example("reload_check_config /tmp/check.log"),
    set(
        "reload_time_file",
        "PATH",
        |d, ctx, w| {
            let mut path = None;
            named(&mut path, ctx, w, "reload_time_file invalid")?;
            let repeat = d.global.reload_time.take().is_some_and(|(_, repeat)| repeat);
            d.global.reload_time = path.map(|path| (path, repeat));
            Ok(())
        },
        "A file that says when to reload.",
    )
    .example("reload_time_file /etc/keepalived/reload"),
    set(
        "reload_repeat",
        "",
        |d, _, _| {
            let path = d.global.reload_time.take().map(|(path, _)| path).unwrap_or_default();
            d.global.reload_time = Some((path, true));
            Ok(())
        },
        "That file counts every day.",
    ),
    set(
        "reload_file",
        "[PATH]",
        |d, _, w| {
            d.global.reload_file = Some(w.next().map(|word| word.str().into_owned()).unwrap_or_default());
            Ok(())
        },
        "A file that is there while the configuration is read.",
    )
    .example("reload_file /run/k.reload"),
    set(
        "data_use_instance",
        "[BOOL]",
        |d, ctx, w| {
            d.global.data_use_instance = global_switch(ctx, w)?;
            Ok(())
        },
        "Dumps have the instance's name.",
    )
    .example("data_use_instance on"),
    set(
        "json_version",
        "1|2",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.global.json_version = u8::try_from(ctx.whole(word, 1, 2)?).unwrap_or(1);
            Ok(())
        },
        "The shape of the JSON dump.",
    )
    .example("json_version 2"),
    set(
        "state_dump_file",
        "PATH",
        |d, ctx, w| text(&mut d.global.dump_files[0], ctx, w),
        "Where USR1 writes.",
    )
    .example("state_dump_file /tmp/k.data"),
    set(
        "stats_dump_file",
        "PATH",
        |d, ctx, w| text(&mut d.global.dump_files[1], ctx, w),
        "Where USR2 writes.",
    )
    .example("stats_dump_file /tmp/k.stats"),
    set(
        "json_dump_file",
        "PATH",
        |d, ctx, w| text(&mut d.global.dump_files[2], ctx, w),
        "Where the JSON dump goes.",
    )
    .example("json_dump_file /tmp/k.json"),
    Keyword::ignored(
        "iproute_usr_dir",
        G,
        MAIN,
        "FOLDER",
        "names of tables and protocols are read where iproute2 has them",
        "Where iproute2's names are.",
    )
    .example("iproute_usr_dir /usr/share/iproute2"),
    Keyword::ignored(
        "iproute_etc_dir",
        G,
        MAIN,
        "FOLDER",
        "names of tables and protocols are read where iproute2 has them",
        "Where iproute2's own names are.",
    )
    .example("iproute_etc_dir /etc/iproute2"),
    // Interfaces of other programs.
    set(
        "snmp_socket",
        "SOCKET",
        |d, ctx, w| named(&mut d.global.snmp.socket, ctx, w, "SNMP error : snmp socket name missing"),
        "Where the SNMP master agent listens.",
    )
    .example("snmp_socket unix:/var/agentx/master"),
    set("enable_snmp_vrrp", "", |d, _, _| on(&mut d.global.snmp.vrrp), "KEEPALIVED-MIB, the keeper's part."),
    Keyword::refused(
        "enable_snmp_checker",
        G,
        MAIN,
        "",
        "not built yet: SNMP of virtual servers",
        "KEEPALIVED-MIB, the director's part.",
    ),
    set(
        "enable_snmp_keepalived",
        "",
        |d, _, _| on(&mut d.global.snmp.vrrp),
        "Old name of `enable_snmp_vrrp`.",
    )
    .obsolete("enable_snmp_vrrp"),
    set(
        "enable_snmp_rfc",
        "",
        |d, _, _| {
            d.global.snmp.rfc_v2 = true;
            on(&mut d.global.snmp.rfc_v3)
        },
        "VRRP-MIB and VRRPV3-MIB.",
    ),
    set("enable_snmp_rfcv2", "", |d, _, _| on(&mut d.global.snmp.rfc_v2), "VRRP-MIB (RFC 2787)."),
    set("enable_snmp_rfcv3", "", |d, _, _| on(&mut d.global.snmp.rfc_v3), "VRRPV3-MIB (RFC 6527)."),
    set("enable_traps", "", |d, _, _| on(&mut d.global.snmp.traps), "SNMP traps."),
    Keyword::ignored(
        "snmp_vs_stats_update_interval",
        G,
        MAIN,
        "SECONDS",
        NO_SNMP_COUNTERS,
        "How old SNMP's counters of virtual servers may be.",
    )
    .example("snmp_vs_stats_update_interval 5"),
    Keyword::ignored(
        "snmp_rs_stats_update_interval",
        G,
        MAIN,
        "SECONDS",
        NO_SNMP_COUNTERS,
        "How old SNMP's counters of real servers may be.",
    )
    .example("snmp_rs_stats_update_interval 5"),
    set(
        "enable_dbus",
        "",
        |d, _, _| {
            d.global.dbus.get_or_insert_default();
            Ok(())
        },
        "org.keepalived.Vrrp1 on D-Bus.",
    ),
    set(
        "dbus_service_name",
        "NAME",
        |d, ctx, w| {
            let mut name = None;
            named(&mut name, ctx, w, "dbus_service_name missing - ignoring")?;
            d.global.dbus.get_or_insert_default().0 = name;
            Ok(())
        },
        "Its name on the bus.",
    )
    .example("dbus_service_name org.keepalived.blue"),
    set(
        "dbus_no_interface_name",
        "",
        |d, _, _| {
            d.global.dbus.get_or_insert_default().1 = true;
            Ok(())
        },
        "Instances' paths without their interface.",
    ),
];

fn random_seed(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    // It has been used already: `define` takes it while the lines are read.
    ctx.whole(word, 0, i64::from(u32::MAX)).map(|_| ())
}

fn include_check(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    for word in words {
        let name = word.str();
        let name = name.strip_prefix(['+', '-']).unwrap_or(&name);
        if !["", "readable", "match", "wildcard_match", "brace_match"].contains(&name) {
            let message = format!("Unknown include_check type '{name}' - ignoring");
            ctx.report(Finding::tolerated("bad-value", message, word.span));
        }
    }
    Ok(())
}

/// `umask`: a number as C writes them, or `IRGRP|IWOTH`.
fn umask(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let first = ctx.need(words)?;
    let all: Vec<&Word> = std::iter::once(first).chain(words).collect();
    let joined: String = all.iter().map(|word| word.str().into_owned()).collect();
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        let value = c_number(&joined).filter(|bits| *bits <= 0o777);
        let Some(bits) = value else {
            return Err(Finding::tolerated("bad-value", format!("invalid umask value {joined}"), first.span));
        };
        d.global.umask = Some(bits);
        return Ok(());
    }
    let mut bits = 0;
    for name in joined.split('|') {
        let who = match name.get(2..) {
            Some("USR") => 6,
            Some("GRP") => 3,
            Some("OTH") => 0,
            _ => 99,
        };
        let what = match name.get(..2) {
            Some("IR") => 4,
            Some("IW") => 2,
            Some("IX") => 1,
            _ => 0,
        };
        if who == 99 || what == 0 {
            return Err(Finding::tolerated("bad-value", format!("Unknown umask bit {name}"), first.span));
        }
        bits |= what << who;
    }
    d.global.umask = Some(bits);
    Ok(())
}

/// A number as C writes them: `0x…`, `0…`, decimal.
pub(crate) fn c_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(&text[1..], 8).ok(),
        None => text.parse().ok(),
    }
}
