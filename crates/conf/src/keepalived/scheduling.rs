//! Keywords of `global_defs`: how the daemons are scheduled, and buffers.

use evenkeel_base::Words;
use evenkeel_plan::keeper::{Daemon, Scheduling};

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::global::{global_switch, on};
use super::global_vrrp::unsigned;
use super::keyword::{Block, Keyword, LineFn, MAIN, Outcome};

const G: Block = Block::Global;

const fn set(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, G, MAIN, args, apply, doc)
}

const SELF_SIZED: &str = "buffers are sized by what they hold here";
const NO_NUMBERS: &str = "the director does not need it";

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    // Scheduling.
    set(
        "vrrp_priority",
        "-20…19",
        |d, ctx, w| nice(&mut d.global.vrrp, Daemon::Vrrp, ctx, w),
        "The keeper's nice value.",
    )
    .example("vrrp_priority -5"),
    set(
        "checker_priority",
        "-20…19",
        |d, ctx, w| nice(&mut d.global.checker, Daemon::Checker, ctx, w),
        "The director's nice value.",
    )
    .example("checker_priority -5"),
    set(
        "bfd_priority",
        "-20…19",
        |d, ctx, w| nice(&mut d.global.bfd, Daemon::Bfd, ctx, w),
        "BFD's nice value.",
    )
    .example("bfd_priority -5"),
    set(
        "vrrp_rt_priority",
        "1…99",
        |d, ctx, w| realtime(&mut d.global.vrrp, Daemon::Vrrp, ctx, w),
        "The keeper's realtime priority.",
    )
    .example("vrrp_rt_priority 50"),
    set(
        "checker_rt_priority",
        "1…99",
        |d, ctx, w| realtime(&mut d.global.checker, Daemon::Checker, ctx, w),
        "The director's realtime priority.",
    )
    .example("checker_rt_priority 50"),
    set(
        "bfd_rt_priority",
        "1…99",
        |d, ctx, w| realtime(&mut d.global.bfd, Daemon::Bfd, ctx, w),
        "BFD's realtime priority.",
    )
    .example("bfd_rt_priority 50"),
    set(
        "vrrp_rlimit_rttime",
        "MICROSECONDS",
        |d, ctx, w| rttime(&mut d.global.vrrp, ctx, w),
        "Longest run without a pause.",
    )
    .example("vrrp_rlimit_rttime 10000"),
    set("vrrp_rlimit_rtime", "MICROSECONDS", |d, ctx, w| rttime(&mut d.global.vrrp, ctx, w), "Old spelling.")
        .example("vrrp_rlimit_rtime 10000")
        .obsolete("vrrp_rlimit_rttime"),
    set(
        "checker_rlimit_rttime",
        "MICROSECONDS",
        |d, ctx, w| rttime(&mut d.global.checker, ctx, w),
        "Likewise, of the director.",
    )
    .example("checker_rlimit_rttime 10000"),
    set(
        "checker_rlimit_rtime",
        "MICROSECONDS",
        |d, ctx, w| rttime(&mut d.global.checker, ctx, w),
        "Old spelling.",
    )
    .example("checker_rlimit_rtime 10000")
    .obsolete("checker_rlimit_rttime"),
    set(
        "bfd_rlimit_rttime",
        "MICROSECONDS",
        |d, ctx, w| rttime(&mut d.global.bfd, ctx, w),
        "Likewise, of BFD.",
    )
    .example("bfd_rlimit_rttime 10000"),
    set("bfd_rlimit_rtime", "MICROSECONDS", |d, ctx, w| rttime(&mut d.global.bfd, ctx, w), "Old spelling.")
        .example("bfd_rlimit_rtime 10000")
        .obsolete("bfd_rlimit_rttime"),
    set("vrrp_no_swap", "", |d, _, _| on(&mut d.global.vrrp.no_swap), "The keeper stays in memory."),
    set("checker_no_swap", "", |d, _, _| on(&mut d.global.checker.no_swap), "The director stays in memory."),
    set("bfd_no_swap", "", |d, _, _| on(&mut d.global.bfd.no_swap), "BFD stays in memory."),
    set(
        "vrrp_cpu_affinity",
        "CPU …",
        |d, ctx, w| cpus(&mut d.global.vrrp, Daemon::Vrrp, ctx, w),
        "Processors of the keeper.",
    )
    .example("vrrp_cpu_affinity 0"),
    set(
        "checker_cpu_affinity",
        "CPU …",
        |d, ctx, w| cpus(&mut d.global.checker, Daemon::Checker, ctx, w),
        "Processors of the director.",
    )
    .example("checker_cpu_affinity 0"),
    set(
        "bfd_cpu_affinity",
        "CPU …",
        |d, ctx, w| cpus(&mut d.global.bfd, Daemon::Bfd, ctx, w),
        "Processors of BFD.",
    )
    .example("bfd_cpu_affinity 0"),
    set(
        "max_auto_priority",
        "[-1…99]",
        |_, ctx, w| match w.next() {
            Some(word) => ctx.whole(word, -1, 99).map(|_| ()),
            None => Ok(()),
        },
        "How far the priority rises by itself when timers are late.",
    )
    .example("max_auto_priority 0")
    .accepted("priorities are what the file says"),
    set(
        "min_auto_priority_delay",
        "MICROSECONDS",
        |_, ctx, w| match w.next() {
            Some(word) => ctx.whole(word, 1, 10_000_000).map(|_| ()),
            None => Err(Finding::tolerated(
                "missing-value",
                "min_auto_priority_delay requires delay time",
                ctx.at,
            )),
        },
        "How late that is.",
    )
    .example("min_auto_priority_delay 1000000")
    .accepted("priorities are what the file says"),
    // Buffers.
    set("vrrp_netlink_cmd_rcv_bufs", "BYTES", buffer, "Receive buffer for requests to the kernel.")
        .example("vrrp_netlink_cmd_rcv_bufs 65536")
        .accepted(SELF_SIZED),
    set("vrrp_netlink_cmd_rcv_bufs_force", "[BOOL]", buffer_force, "Beyond the system's bound.")
        .example("vrrp_netlink_cmd_rcv_bufs_force on")
        .accepted(SELF_SIZED),
    set("vrrp_netlink_monitor_rcv_bufs", "BYTES", buffer, "Receive buffer for the kernel's news.")
        .example("vrrp_netlink_monitor_rcv_bufs 65536")
        .accepted(SELF_SIZED),
    set("vrrp_netlink_monitor_rcv_bufs_force", "[BOOL]", buffer_force, "Beyond the system's bound.")
        .example("vrrp_netlink_monitor_rcv_bufs_force on")
        .accepted(SELF_SIZED),
    set("lvs_netlink_cmd_rcv_bufs", "BYTES", buffer, "Likewise, of the director.")
        .example("lvs_netlink_cmd_rcv_bufs 65536")
        .accepted(SELF_SIZED),
    set("lvs_netlink_cmd_rcv_bufs_force", "[BOOL]", buffer_force, "Beyond the system's bound.")
        .example("lvs_netlink_cmd_rcv_bufs_force on")
        .accepted(SELF_SIZED),
    set("lvs_netlink_monitor_rcv_bufs", "BYTES", buffer, "Likewise, of the director.")
        .example("lvs_netlink_monitor_rcv_bufs 65536")
        .accepted(SELF_SIZED),
    set("lvs_netlink_monitor_rcv_bufs_force", "[BOOL]", buffer_force, "Beyond the system's bound.")
        .example("lvs_netlink_monitor_rcv_bufs_force on")
        .accepted(SELF_SIZED),
    set("process_monitor_rcv_bufs", "BYTES", buffer, "Receive buffer for news of processes.")
        .example("process_monitor_rcv_bufs 65536")
        .accepted(SELF_SIZED),
    set("process_monitor_rcv_bufs_force", "[BOOL]", buffer_force, "Beyond the system's bound.")
        .example("process_monitor_rcv_bufs_force on")
        .accepted(SELF_SIZED),
    set("vrrp_rx_bufs_policy", "MTU|ADVERT|BYTES", rx_policy, "Receive buffers for adverts.")
        .example("vrrp_rx_bufs_policy MTU")
        .accepted(SELF_SIZED),
    set(
        "vrrp_rx_bufs_multiplier",
        "NUMBER",
        |_, ctx, w| match w.next() {
            Some(word) => ctx.whole(word, 1, i64::from(u32::MAX)).map(|_| ()),
            None => Err(Finding::tolerated("missing-value", "Invalid vrrp_rx_bufs_multiplier", ctx.at)),
        },
        "How many adverts they hold.",
    )
    .example("vrrp_rx_bufs_multiplier 3")
    .accepted(SELF_SIZED),
    Keyword::ignored("thread_timer_expired", G, MAIN, "…", NO_NUMBERS, "Told of late timers.")
        .example("thread_timer_expired 1"),
    Keyword::ignored(
        "timer_expired_backup",
        G,
        MAIN,
        "…",
        "a late timer is told, the state stays",
        "Late timers make a master a backup.",
    )
    .example("timer_expired_backup 1"),
];

fn daemon_name(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Vrrp => "vrrp",
        Daemon::Checker => "checker",
        Daemon::Bfd => "bfd",
    }
}

fn nice(s: &mut Scheduling, daemon: Daemon, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(word) = words.next() else {
        let message = format!("No {} process priority specified", daemon_name(daemon));
        return Err(Finding::tolerated("missing-value", message, ctx.at));
    };
    s.nice = i8::try_from(ctx.whole(word, -20, 19)?).ok();
    Ok(())
}

fn realtime(s: &mut Scheduling, daemon: Daemon, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let who = daemon_name(daemon);
    let Some(word) = words.next() else {
        let message = format!("No {who} process real-time priority specified");
        return Err(Finding::tolerated("missing-value", message, ctx.at));
    };
    let value = ctx.whole(word, i64::from(i32::MIN), i64::from(i32::MAX))?;
    let bounded = value.clamp(1, 99);
    if bounded != value {
        let (how, what) = if value < 1 {
            ("less than minimum 1", "minimum")
        } else {
            ("greater than maximum 99", "maximum")
        };
        let message = format!("{who} process real-time priority {value} {how} - setting to {what}");
        ctx.report(Finding::adjusted("out-of-range", message, word.span));
    }
    s.realtime = u8::try_from(bounded).ok();
    Ok(())
}

fn rttime(s: &mut Scheduling, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    s.rlimit_rttime_us = Some(u64::from(unsigned(ctx, word, 1)?));
    Ok(())
}

fn cpus(s: &mut Scheduling, daemon: Daemon, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    /// The kernel's own bound on processors.
    const CPU_MAX: i64 = 8_191;
    if words.is_empty() {
        let message = format!("No {} cpu_id set specified", daemon_name(daemon));
        return Err(Finding::tolerated("missing-value", message, ctx.at));
    }
    for word in words {
        let cpu = ctx.whole(word, 0, CPU_MAX)?;
        s.cpus.extend(u32::try_from(cpu).ok());
    }
    Ok(())
}

fn buffer(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(word) = words.next() else {
        return Err(Finding::tolerated("missing-value", format!("{} size missing", ctx.keyword), ctx.at));
    };
    unsigned(ctx, word, 0).map(|_| ())
}

fn buffer_force(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    global_switch(ctx, words).map(|_| ())
}

fn rx_policy(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    match words.next() {
        None => Err(Finding::tolerated("missing-value", "vrrp_rx_bufs_policy missing", ctx.at)),
        Some(word) if word.is("MTU") || word.is("ADVERT") => Ok(()),
        Some(word) => unsigned(ctx, word, 0).map(|_| ()),
    }
}
