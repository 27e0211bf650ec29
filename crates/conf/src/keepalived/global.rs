//! Keywords: `global_defs` and the process-wide lines beside it: names, mail, files, notification.

use std::net::IpAddr;

use evenkeel_base::time::Duration;
use evenkeel_base::{Word, Words};
use evenkeel_plan::keeper::SmtpServer;
use evenkeel_plan::keeper::global::Fifo;

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::keyword::{Block, Keyword, LineFn, MAIN, Outcome, no_end, no_words};
use super::script;

const G: Block = Block::Global;

/// A setting of `global_defs`.
const fn set(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, G, MAIN, args, apply, doc)
}

/// A process-wide line outside `global_defs`.
const fn top(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, Block::Top, MAIN, args, apply, doc)
}

const ONE_PROCESS: &str = "there are two processes here, which process_name and vrrp_process_name name";
const ONE_READING: &str = "the file is read once, into memory";
const NO_SNMP_COUNTERS: &str = "the statistics are always up to date here";

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block("global_defs", Block::Top, MAIN, "", (G, no_words, no_end), "Process-wide settings.")
        .example("global_defs {\n router_id lb1\n}"),
    // Beside global_defs.
    top(
        "net_namespace",
        "NAME",
        |d, ctx, w| text(&mut d.global.net_namespace, ctx, w),
        "The network namespace to run in.",
    )
    .example("net_namespace blue"),
    Keyword::ignored(
        "net_namespace_ipvs",
        Block::Top,
        MAIN,
        "[NAME]",
        "the director works in the namespace that it runs in",
        "The namespace of the director.",
    )
    .example("net_namespace_ipvs blue"),
    Keyword::ignored(
        "namespace_with_ipsets",
        Block::Top,
        MAIN,
        "",
        "for kernels before 3.13",
        "IP sets in a namespace.",
    ),
    top(
        "instance",
        "NAME",
        |d, ctx, w| text(&mut d.global.instance, ctx, w),
        "A name for pid files and dumps.",
    )
    .example("instance blue"),
    top("use_pid_dir", "", |d, _, _| on(&mut d.global.use_pid_dir), "Pid files in /run/keepalived."),
    top(
        "linkbeat_use_polling",
        "",
        |d, _, _| on(&mut d.global.linkbeat_all),
        "All interfaces are polled for their carrier.",
    ),
    top("child_wait_time", "SECONDS", child_wait, "Longest wait for programs that end.")
        .example("child_wait_time 5"),
    // Names.
    set(
        "router_id",
        "STRING",
        |d, ctx, w| {
            d.global.router_id_span = ctx.line;
            named(&mut d.global.router_id, ctx, w, "routerid name missing - ignoring")
        },
        "What this machine is called in mails.",
    )
    .example("router_id lb1"),
    Keyword::ignored("process_names", G, MAIN, "", ONE_PROCESS, "Default names of the processes."),
    Keyword::line(
        "process_name",
        G,
        MAIN,
        "NAME",
        |d, ctx, w| text(&mut d.global.process_name, ctx, w),
        "The name of the first process, and of the keeper's where that has none.",
    )
    .example("process_name keeper"),
    Keyword::line(
        "vrrp_process_name",
        G,
        MAIN,
        "NAME",
        |d, ctx, w| text(&mut d.global.vrrp.process_name, ctx, w),
        "The name of the keeper's process.",
    )
    .example("vrrp_process_name keeper"),
    Keyword::line(
        "checker_process_name",
        G,
        MAIN,
        "NAME",
        |d, ctx, w| text(&mut d.global.checker.process_name, ctx, w),
        "The director's name.",
    )
    .example("checker_process_name director")
    .accepted(ONE_PROCESS),
    Keyword::line(
        "lvs_process_name",
        G,
        MAIN,
        "NAME",
        |d, ctx, w| text(&mut d.global.checker.process_name, ctx, w),
        "The director's name.",
    )
    .example("lvs_process_name director")
    .accepted(ONE_PROCESS),
    Keyword::line(
        "bfd_process_name",
        G,
        MAIN,
        "NAME",
        |d, ctx, w| text(&mut d.global.bfd.process_name, ctx, w),
        "BFD's name.",
    )
    .example("bfd_process_name bfd")
    .accepted(ONE_PROCESS),
    // Mail.
    Keyword::list(
        "notification_email",
        G,
        MAIN,
        "{ ADDRESS … }",
        (mail_list, mail_to, mail_end),
        "Whom transitions are mailed to.",
    )
    .example("notification_email {\n root@localhost\n}"),
    set(
        "notification_email_from",
        "ADDRESS",
        |d, ctx, w| named(&mut d.global.mail.from, ctx, w, "emailfrom missing - ignoring"),
        "The mails' sender; keepalived@<host> where nothing is said.",
    )
    .example("notification_email_from lb1@localhost"),
    set("smtp_server", "HOST [PORT]", smtp_server, "The server that takes the mails.")
        .example("smtp_server 127.0.0.1 25"),
    set(
        "smtp_helo_name",
        "STRING",
        |d, _, w| {
            d.global.mail.helo = w.next().map(|word| word.str().into_owned());
            Ok(())
        },
        "The name in HELO; the host's where nothing is said.",
    )
    .example("smtp_helo_name lb1"),
    set("smtp_connect_timeout", "SECONDS", smtp_timeout, "Longest wait for the mail server.")
        .example("smtp_connect_timeout 30"),
    set(
        "smtp_alert",
        "[BOOL]",
        |d, ctx, w| {
            d.defaults.mail = Some(global_switch(ctx, w)?);
            Ok(())
        },
        "Mails of everything, unless a block says otherwise.",
    )
    .example("smtp_alert on"),
    set(
        "smtp_alert_vrrp",
        "[BOOL]",
        |d, ctx, w| {
            d.defaults.mail_vrrp = Some(global_switch(ctx, w)?);
            Ok(())
        },
        "Mails of instances and groups, unless a block says otherwise.",
    )
    .example("smtp_alert_vrrp on"),
    set("no_email_faults", "", |d, _, _| on(&mut d.global.mail.no_faults), "No mails of the FAULT state."),
    // Scripts and FIFOs.
    set(
        "startup_script",
        "COMMAND [USER [GROUP]]",
        |d, ctx, w| process_script(d, ctx, w, 0, "startup script missing"),
        "Run once before everything else.",
    )
    .example("startup_script /bin/true"),
    set("startup_script_timeout", "SECONDS", |d, ctx, w| process_timeout(d, ctx, w, 0), "Its longest run.")
        .example("startup_script_timeout 10"),
    set(
        "shutdown_script",
        "COMMAND [USER [GROUP]]",
        |d, ctx, w| process_script(d, ctx, w, 1, "shutdown script missing"),
        "Run once after everything else.",
    )
    .example("shutdown_script /bin/true"),
    set("shutdown_script_timeout", "SECONDS", |d, ctx, w| process_timeout(d, ctx, w, 1), "Its longest run.")
        .example("shutdown_script_timeout 10"),
    set("script_user", "USER [GROUP]", script_user, "Whom scripts run as, where they don't say it.")
        .example("script_user root"),
    set(
        "enable_script_security",
        "",
        |d, _, _| on(&mut d.global.script_security),
        "Nothing runs as root that others could change.",
    ),
    Keyword::ignored(
        "set_supplementary_groups",
        G,
        MAIN,
        "",
        "scripts get their user's and group's numbers only",
        "Scripts get all groups of their user.",
    ),
    Keyword::ignored(
        "use_symlink_paths",
        G,
        MAIN,
        "",
        "scripts are run by the path as written",
        "Scripts are run by the path as written.",
    ),
    set(
        "notify_fifo",
        "PATH [USER [GROUP]]",
        |d, ctx, w| fifo(d, ctx, w, 0),
        "A pipe that tells of every transition.",
    )
    .example("notify_fifo /run/k.fifo"),
    set(
        "notify_fifo_script",
        "COMMAND [USER [GROUP]]",
        |d, ctx, w| fifo_script(d, ctx, w, 0),
        "What reads it.",
    )
    .example("notify_fifo_script /bin/true"),
    set(
        "vrrp_notify_fifo",
        "PATH [USER [GROUP]]",
        |d, ctx, w| fifo(d, ctx, w, 1),
        "Likewise, of instances and groups.",
    )
    .example("vrrp_notify_fifo /run/v.fifo"),
    set(
        "vrrp_notify_fifo_script",
        "COMMAND [USER [GROUP]]",
        |d, ctx, w| fifo_script(d, ctx, w, 1),
        "What reads it.",
    )
    .example("vrrp_notify_fifo_script /bin/true"),
    set(
        "lvs_notify_fifo",
        "PATH [USER [GROUP]]",
        |d, ctx, w| fifo(d, ctx, w, 2),
        "Likewise, of virtual and real servers.",
    )
    .example("lvs_notify_fifo /run/l.fifo"),
    set(
        "lvs_notify_fifo_script",
        "COMMAND [USER [GROUP]]",
        |d, ctx, w| fifo_script(d, ctx, w, 2),
        "What reads it.",
    )
    .example("lvs_notify_fifo_script /bin/true"),
    set(
        "fifo_write_vrrp_states_on_reload",
        "",
        |d, _, _| on(&mut d.global.fifo_states_on_reload),
        "A reload writes all states to the pipes.",
    ),
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

/// Sets a flag.
pub(crate) fn on(flag: &mut bool) -> Outcome {
    *flag = true;
    Ok(())
}

/// A text that must be there.
pub(crate) fn text(place: &mut Option<String>, ctx: &Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    *place = Some(ctx.need(words)?.str().into_owned());
    Ok(())
}

/// A text whose absence the original tolerates, with its words.
fn named(place: &mut Option<String>, ctx: &Ctx<'_>, words: &mut Words<'_>, missing: &str) -> Outcome {
    let Some(word) = words.next() else {
        return Err(Finding::tolerated("missing-value", missing, ctx.at));
    };
    *place = Some(word.str().into_owned());
    Ok(())
}

/// A switch of `global_defs`, with the original's words.
pub(crate) fn global_switch(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<bool, Finding> {
    let keyword = ctx.keyword;
    ctx.worded_switch(words, true, |value| format!("Invalid value '{value}' for global {keyword} specified"))
}

fn child_wait(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let seconds = ctx.whole(word, 0, i64::from(u32::MAX))?;
    d.global.child_wait = Some(Duration::from_secs(seconds.unsigned_abs()));
    Ok(())
}

fn mail_list(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.items = 0;
    ctx.no_block_words(words);
    Ok(())
}

fn mail_to(d: &mut Draft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    for word in words {
        d.items += 1;
        d.global.mail.to.push(word.str().into_owned());
    }
    Ok(())
}

fn mail_end(d: &mut Draft, ctx: &mut Ctx<'_>) {
    if d.items == 0 {
        ctx.report(Finding::tolerated("empty-block", "Warning - empty notification_email block", ctx.at));
    }
}

fn smtp_server(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const SMTP: u16 = 25;
    let host = ctx.need(words)?;
    let port = match words.next() {
        Some(word) => u16::try_from(ctx.whole(word, 1, 65_535)?).unwrap_or(SMTP),
        None => SMTP,
    };
    let name = host.str().into_owned();
    if !ctx.outside.resolves(&name) {
        ctx.report(
            Finding::tolerated("unknown-host", format!("Invalid smtp server {name} {port}"), host.span)
                .note("this name has no address: no mails will be sent"),
        );
    }
    d.global.mail.server = Some(SmtpServer { host: name, port });
    Ok(())
}

fn smtp_timeout(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let mut seconds = ctx.whole(word, 0, 4_294)?;
    if seconds == 0 {
        seconds = 1;
        let message = "smtp_connect_timeout must be greater than 0, setting to 1";
        ctx.report(Finding::adjusted("out-of-range", message, word.span));
    }
    d.global.mail.connect_timeout = Some(Duration::from_secs(seconds.unsigned_abs()));
    Ok(())
}

fn process_script(
    d: &mut Draft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    which: usize,
    missing: &str,
) -> Outcome {
    if words.is_empty() {
        return Err(Finding::tolerated("missing-value", missing, ctx.at));
    }
    if let Some(place) = d.defaults.process_scripts.get_mut(which) {
        *place = script::command_with_user(ctx, words)?;
    }
    Ok(())
}

fn process_timeout(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, which: usize) -> Outcome {
    let Some(word) = words.next() else {
        return Err(Finding::tolerated("missing-value", format!("{} requires value", ctx.keyword), ctx.at));
    };
    let seconds = ctx.whole(word, 1, 1_000)?;
    if let Some(place) = d.defaults.process_timeouts.get_mut(which) {
        *place = Duration::from_secs(seconds.unsigned_abs());
    }
    Ok(())
}

fn script_user(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(user) = words.next() else {
        return Err(Finding::tolerated("missing-value", "No script username specified", ctx.at));
    };
    let found = script::user_group(ctx, user, words.next());
    d.defaults.script_user = Some(found.as_ref().ok().copied());
    match found {
        Ok(_) => Ok(()),
        Err(wrong) => {
            Err(Finding::tolerated("unknown-user", "Error setting global script uid/gid", wrong.span(user))
                .note(wrong.text())
                .help("Scripts without a user of their own are not run."))
        }
    }
}

/// Which of the three FIFOs.
fn fifo_of(d: &mut Draft, which: usize) -> &mut Option<Fifo> {
    match which {
        0 => &mut d.global.fifo,
        1 => &mut d.global.vrrp_fifo,
        _ => &mut d.global.lvs_fifo,
    }
}

fn fifo(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, which: usize) -> Outcome {
    let Some(path) = words.next() else {
        let message = format!("No {} name specified", ctx.keyword);
        return Err(Finding::tolerated("missing-value", message, ctx.at));
    };
    *fifo_of(d, which) = Some(Fifo { path: path.str().into_owned(), script: None });
    if let Some(user) = words.next()
        && let Err(wrong) = script::user_group(ctx, user, words.next())
    {
        ctx.report(Finding::remark("unknown-user", wrong.text(), wrong.span(user)));
    }
    Ok(())
}

fn fifo_script(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, which: usize) -> Outcome {
    if words.is_empty() {
        let message = format!("No {} specified", ctx.keyword);
        return Err(Finding::tolerated("missing-value", message, ctx.at));
    }
    if let Some(place) = d.defaults.fifo_scripts.get_mut(which) {
        *place = script::command_with_user(ctx, words)?;
    }
    Ok(())
}

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

/// An address of a family for a multicast group.
pub(crate) fn multicast(ctx: &Ctx<'_>, word: &Word, v6: bool) -> Result<IpAddr, Finding> {
    let (keyword, text) = (ctx.keyword, word.str());
    let fault = |what: String| Finding::tolerated("bad-address", what, word.span);
    let Ok(address) = text.parse::<IpAddr>() else {
        return Err(fault(format!("Can't parse {keyword} [{text}]. Skipping")));
    };
    if address.is_ipv6() != v6 {
        let family = if v6 { "IPv6" } else { "IPv4" };
        return Err(fault(format!("{keyword} [{text}] is not {family}. Skipping")));
    }
    if !address.is_multicast() {
        return Err(fault(format!("{keyword} [{text}] is not multicast. Skipping")));
    }
    Ok(address)
}
