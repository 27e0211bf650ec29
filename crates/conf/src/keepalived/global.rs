//! Keywords: `global_defs` and the process-wide lines beside it: names, mail, scripts, FIFOs.

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
pub(crate) fn named(
    place: &mut Option<String>,
    ctx: &Ctx<'_>,
    words: &mut Words<'_>,
    missing: &str,
) -> Outcome {
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
