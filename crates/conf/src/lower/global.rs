//! Keywords of the `global` section (configuration manual §3) that do something.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::Global;
use evenkeel_plan::StatsSocket;
use evenkeel_plan::global::Account;
use evenkeel_plan::log::LogShape;

use super::address;
use super::args;
use super::bind::{self, BindDraft, BindOption};
use super::context::{Ctx, Prefix};
use super::keyword::{Keyword, Outcome, run_options};
use super::log_target;

/// Most shards: the original's most threads.
const SHARDS_MAX: u32 = 64;
/// Smallest buffer: a head of one line must fit.
const BUFSIZE_MIN: u64 = 1_024;
/// Largest buffer: one per connection in use.
const BUFSIZE_MAX: u64 = 256 << 20;
/// Most headers of a message that may be asked for.
const MAXHDR_MAX: u64 = 32_767;
/// `spread-checks` in percent.
const SPREAD_MAX: u64 = 50;
/// Longest `tune.http.logurilen` and `cookielen`: what fits into the longest log line.
const LOGGED_MAX: u64 = 65_535;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::global("maxconn", maxconn, "Most connections of the whole process.").example("maxconn 4000"),
    Keyword::global("nbproc", nbproc, "Number of processes: shards here.")
        .obsolete("`nbthread`, or nothing: one thread per core")
        .example("nbproc 2"),
    Keyword::global("nbthread", nbthread, "Number of threads, one shard each.").example("nbthread 2"),
    Keyword::global("daemon", daemon, "Runs in the background."),
    Keyword::global("master-worker", master_worker, "Runs under a master process.")
        .accepted("not built yet: one process does it all, and no signal makes it read its files again")
        .accepted("the process watches over itself; the master's mode is not built yet"),
    Keyword::global("user", user, "Runs as this user.").example("user haproxy"),
    Keyword::global("group", group, "Runs as this group.").example("group haproxy"),
    Keyword::global("uid", uid, "Runs as this user, by number.").example("uid 99"),
    Keyword::global("gid", gid, "Runs as this group, by number.").example("gid 99"),
    Keyword::global("chroot", chroot, "Changes the root folder.").example("chroot /var/lib/haproxy"),
    Keyword::global("pidfile", pidfile, "Where the process id is written.")
        .example("pidfile /run/haproxy.pid"),
    Keyword::global("default-path", default_path, "Where relative paths start.")
        .example("default-path current"),
    Keyword::global("node", node, "This machine's name in stats.").example("node lb1"),
    Keyword::global("description", description, "A text for the stats page.").example("description the shop"),
    Keyword::global("localpeer", localpeer, "This machine's name among its peers.").example("localpeer lb1"),
    Keyword::global("log", log, "Where `log global` leads.").no().example("log /dev/log local0"),
    Keyword::global("log-tag", log_tag, "The program's name in log lines.").example("log-tag lb"),
    Keyword::global("log-send-hostname", log_send_hostname, "Names the host in log lines."),
    Keyword::global("ulimit-n", ulimit_n, "Most open files.").example("ulimit-n 65535"),
    Keyword::global("fd-hard-limit", fd_hard_limit, "Most open files that are asked for.")
        .example("fd-hard-limit 50000"),
    Keyword::global(
        "maxconnrate",
        |g, ctx, w| set(&mut g.maxconnrate, ctx, w),
        "Most new connections per second.",
    )
    .example("maxconnrate 100"),
    Keyword::global(
        "maxsessrate",
        |g, ctx, w| set(&mut g.maxsessrate, ctx, w),
        "Most new sessions per second.",
    )
    .example("maxsessrate 100"),
    Keyword::global("maxpipes", |g, ctx, w| set(&mut g.maxpipes, ctx, w), "Most pipes for splicing.")
        .example("maxpipes 100"),
    Keyword::global("nosplice", |g, _, _| no_splice(g), "Never splices."),
    Keyword::global("quiet", |g, _, _| quiet(g), "Says nothing at start."),
    Keyword::global("zero-warning", |g, _, _| zero_warning(g), "Doesn't start with warnings."),
    Keyword::global("grace", grace, "Delay between a stop signal and the stop.").example("grace 1s"),
    Keyword::global("hard-stop-after", hard_stop_after, "Longest soft stop.").example("hard-stop-after 30s"),
    Keyword::global("spread-checks", spread_checks, "Spreads checks by some percent.")
        .example("spread-checks 5"),
    Keyword::global("max-spread-checks", max_spread_checks, "Spreads checks at most so long.")
        .example("max-spread-checks 10s"),
    Keyword::global("stats socket", stats_socket, "A socket for commands.")
        .example("stats socket /run/haproxy/admin.sock mode 660 level admin"),
    Keyword::global("stats timeout", stats_timeout, "Longest silence on a command socket.")
        .example("stats timeout 30s"),
    Keyword::global("stats maxconn", stats_maxconn, "Most users of command sockets.")
        .example("stats maxconn 10"),
    Keyword::global("stats bind-process", |_, _, w| take_rest(w), "Which processes answer commands.")
        .obsolete("nothing: there is one process"),
    Keyword::global("tune.bufsize", bufsize, "Size of a buffer: a message's head must fit.")
        .example("tune.bufsize 32768"),
    Keyword::global("tune.maxrewrite", maxrewrite, "Room for rewritten headers.")
        .example("tune.maxrewrite 1024"),
    Keyword::global("tune.http.maxhdr", maxhdr, "Most headers of a message.").example("tune.http.maxhdr 128"),
    Keyword::global("tune.http.logurilen", logurilen, "Longest request line in logs.")
        .example("tune.http.logurilen 4096"),
    Keyword::global("tune.http.cookielen", cookielen, "Longest captured cookie.")
        .example("tune.http.cookielen 63"),
    Keyword::global("tune.rcvbuf.client", |g, c, w| set_size(&mut g.rcvbuf_client, c, w), "Kernel buffer.")
        .example("tune.rcvbuf.client 16384"),
    Keyword::global("tune.rcvbuf.server", |g, c, w| set_size(&mut g.rcvbuf_server, c, w), "Kernel buffer.")
        .example("tune.rcvbuf.server 16384"),
    Keyword::global("tune.sndbuf.client", |g, c, w| set_size(&mut g.sndbuf_client, c, w), "Kernel buffer.")
        .example("tune.sndbuf.client 16384"),
    Keyword::global("tune.sndbuf.server", |g, c, w| set_size(&mut g.sndbuf_server, c, w), "Kernel buffer.")
        .example("tune.sndbuf.server 16384"),
    Keyword::global("server-state-base", state_base, "Folder of server states.")
        .accepted(super::reach::NO_STATES)
        .example("server-state-base /var/lib/haproxy"),
    Keyword::global("server-state-file", state_file, "File of server states.")
        .accepted(super::reach::NO_STATES)
        .example("server-state-file state"),
    Keyword::global("unix-bind", unix_bind, "What all UNIX sockets start with.")
        .example("unix-bind mode 660"),
    Keyword::global("setenv", |_, _, w| take_rest(w), "Sets a variable (done while reading).")
        .example("setenv NAME value"),
    Keyword::global(
        "presetenv",
        |_, _, w| take_rest(w),
        "Sets a variable that is not set (done while reading).",
    )
    .example("presetenv NAME value"),
    Keyword::global("unsetenv", |_, _, w| take_rest(w), "Drops variables (done while reading).")
        .example("unsetenv NAME"),
    Keyword::global("resetenv", |_, _, w| take_rest(w), "Drops all other variables (done while reading).")
        .example("resetenv NAME"),
];

fn set(field: &mut u32, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    *field = args::count(ctx, words)?;
    Ok(())
}

fn set_size(field: &mut u32, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    *field = args::size(ctx, words, 0..=i32::MAX as u64)? as u32;
    Ok(())
}

fn take_rest(words: &mut Words<'_>) -> Outcome {
    words.take_rest();
    Ok(())
}

fn no_splice(g: &mut Global) -> Outcome {
    g.splice = false;
    Ok(())
}

fn quiet(g: &mut Global) -> Outcome {
    g.quiet = true;
    Ok(())
}

fn zero_warning(g: &mut Global) -> Outcome {
    g.zero_warning = true;
    Ok(())
}

fn maxconn(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    // As in the original, 0 stands for the computed one.
    g.maxconn = Some(args::count(ctx, words)?).filter(|n| *n > 0);
    Ok(())
}

/// Old files that say `nbproc 4` wanted four cores; with `nbthread 2` they wanted eight.
fn nbproc(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    ctx.processes = args::number(ctx, words, 1..=u64::from(SHARDS_MAX))? as u32;
    g.shards = Some((ctx.processes * ctx.threads.unwrap_or(1)).min(SHARDS_MAX));
    Ok(())
}

fn nbthread(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let threads = args::number(ctx, words, 1..=u64::from(SHARDS_MAX))? as u32;
    ctx.threads = Some(threads);
    g.shards = Some((ctx.processes * threads).min(SHARDS_MAX));
    Ok(())
}

fn daemon(g: &mut Global, _: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    g.daemon = true;
    Ok(())
}

fn master_worker(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if !words.is_empty() {
        args::choice(ctx, words, &[("no-exit-on-failure", ())])?;
    }
    g.master_worker = true;
    Ok(())
}

fn user(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.user = Some(Account::Name(args::text(ctx, words, "a user name")?));
    Ok(())
}

fn group(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.group = Some(Account::Name(args::text(ctx, words, "a group name")?));
    Ok(())
}

fn uid(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let number = args::number(ctx, words, 0..=u64::from(u32::MAX))
        .map_err(|e| e.help("Use `user` for a user's name."))?;
    g.user = Some(Account::Number(number as u32));
    Ok(())
}

fn gid(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let number = args::number(ctx, words, 0..=u64::from(u32::MAX))
        .map_err(|e| e.help("Use `group` for a group's name."))?;
    g.group = Some(Account::Number(number as u32));
    Ok(())
}

fn chroot(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.chroot = Some(PathBuf::from(args::text(ctx, words, "a directory")?));
    Ok(())
}

fn pidfile(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.pidfile = Some(PathBuf::from(args::text(ctx, words, "a file name")?));
    Ok(())
}

fn default_path(_: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const MODES: &[(&str, bool)] =
        &[("current", true), ("config", false), ("parent", false), ("origin", false)];
    let word = words.peek().map(|w| w.span);
    if !args::choice(ctx, words, MODES)? {
        words.take_rest();
        return Err(super::run::refused(
            "default-path",
            "not built yet: paths that don't start in the current folder",
            word.unwrap_or(ctx.at),
        ));
    }
    Ok(())
}

fn node(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = args::word(ctx, words, "a name")?;
    if let Some(bad) = super::proxy::bad_character(&name.str()) {
        let message = format!(
            "'node' valid characters in node name are letters, digits, '-', '_', '.' and ':' (got '{bad}')"
        );
        return Err(Diagnostic::error("bad-name", message, name.span));
    }
    g.node = Some(name.str().into_owned());
    Ok(())
}

fn description(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let mut text = args::text(ctx, words, "a text")?;
    for word in words.take_rest() {
        text.push(' ');
        text.push_str(&word.str());
    }
    g.description = Some(text);
    Ok(())
}

fn localpeer(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.localpeer = Some(args::text(ctx, words, "a name")?);
    Ok(())
}

fn log(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if ctx.prefix != Prefix::Plain {
        g.logs.clear();
        ctx.unshaped_logs.clear();
        return Ok(());
    }
    let written = match log_target::parse(ctx, words) {
        Err(fault) if fault.code == "unknown-host" => return log_target::without(fault, ctx, words),
        parsed => parsed?,
    };
    if written.shape_by_default {
        ctx.unshaped_logs.push(g.logs.len());
    }
    g.logs.push(written.target);
    Ok(())
}

/// Once all `global` sections are read: `log-send-hostname` may stand behind the `log` lines that it changes.
pub(crate) fn end(g: &mut Global, ctx: &mut Ctx<'_>) {
    ctx.logs_hostname = g.log_send_hostname.is_some();
    for index in std::mem::take(&mut ctx.unshaped_logs) {
        if let Some(target) = g.logs.get_mut(index)
            && ctx.logs_hostname
        {
            target.shape = LogShape::Rfc3164;
        }
    }
}

fn log_tag(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.log_tag = Some(args::text(ctx, words, "a tag for use in syslog")?);
    Ok(())
}

fn log_send_hostname(g: &mut Global, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.log_send_hostname = Some(words.next().map(|w| w.str().into_owned()));
    Ok(())
}

fn ulimit_n(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.ulimit_n = Some(args::number(ctx, words, 0..=i32::MAX as u64)?).filter(|n| *n > 0);
    Ok(())
}

fn fd_hard_limit(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.fd_hard_limit = Some(args::number(ctx, words, 0..=i32::MAX as u64)?).filter(|n| *n > 0);
    Ok(())
}

fn grace(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.grace = args::time(ctx, words)?;
    Ok(())
}

fn hard_stop_after(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.hard_stop_after = Some(args::time(ctx, words)?).filter(|t| *t > Duration::ZERO);
    Ok(())
}

fn spread_checks(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.spread_checks = args::number(ctx, words, 0..=SPREAD_MAX)? as u32;
    Ok(())
}

fn max_spread_checks(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.max_spread_checks = Some(args::time(ctx, words)?);
    Ok(())
}

fn stats_socket(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    ctx.global_stats = true;
    let Some(word) = words.next() else {
        return Err(Diagnostic::error(
            "missing-argument",
            "'stats socket' in global section expects an address or a path to a UNIX socket",
            words.last_span().after(),
        ));
    };
    let prefix = ctx.unix_bind_prefix.clone();
    let addrs = address::listening(ctx, word, prefix.as_ref());
    let mut draft = ctx.unix_bind.clone();
    run_options(bind::OPTIONS, &mut draft, ctx, words, "'stats socket'");
    let span = word.span.to(words.last_span());
    for addr in addrs? {
        g.stats_sockets.push(StatsSocket {
            addr,
            level: draft.level,
            mode: draft.mode,
            user: draft.user.clone(),
            group: draft.group.clone(),
            expose_fd: draft.expose_fd,
            span,
        });
    }
    Ok(())
}

fn stats_timeout(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    ctx.global_stats = true;
    let timeout = args::time(ctx, words)?;
    if timeout.is_zero() {
        let message = "'stats timeout' : a positive value is expected";
        return Err(Diagnostic::error("bad-time", message, words.last_span()));
    }
    g.stats_timeout = timeout;
    Ok(())
}

fn stats_maxconn(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    ctx.global_stats = true;
    g.stats_maxconn = args::number(ctx, words, 1..=i32::MAX as u64)? as u32;
    Ok(())
}

fn bufsize(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.bufsize = args::size(ctx, words, BUFSIZE_MIN..=BUFSIZE_MAX)? as u32;
    Ok(())
}

fn maxrewrite(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.maxrewrite = args::size(ctx, words, 0..=BUFSIZE_MAX)? as u32;
    Ok(())
}

fn maxhdr(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.maxhdr = args::number(ctx, words, 1..=MAXHDR_MAX)? as u32;
    Ok(())
}

fn logurilen(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.logurilen = args::number(ctx, words, 1..=LOGGED_MAX)? as u32;
    Ok(())
}

fn cookielen(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.cookielen = args::number(ctx, words, 1..=LOGGED_MAX)? as u32 + 1;
    Ok(())
}

fn state_base(_: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    args::text(ctx, words, "a directory").map(|_| ())
}

fn state_file(_: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    args::text(ctx, words, "a file name").map(|_| ())
}

/// Options of `bind` that `unix-bind` takes.
const UNIX_BIND: &[&str] = &["mode", "user", "uid", "group", "gid"];

fn unix_bind(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if words.is_empty() {
        let message =
            "'unix-bind' only supports the 'prefix', 'mode', 'user', 'uid', 'group' and 'gid' options.";
        return Err(Diagnostic::error("missing-argument", message, words.last_span().after()));
    }
    while let Some(word) = words.next() {
        if word.is("prefix") {
            let prefix = PathBuf::from(args::text(ctx, words, "a path")?);
            ctx.unix_bind_prefix = Some(prefix.clone());
            g.unix_bind_prefix = Some(prefix);
            continue;
        }
        let known: Option<&BindOption> =
            bind::OPTIONS.iter().filter(|o| UNIX_BIND.contains(&o.name)).find(|o| word.is(o.name));
        let Some(apply) = known.and_then(|option| option.apply) else {
            let message = format!(
                "'unix-bind' only supports the 'prefix', 'mode', 'user', 'uid', 'group' and 'gid' options (got '{word}')."
            );
            return Err(Diagnostic::error("bad-choice", message, word.span));
        };
        let mut draft: BindDraft = ctx.unix_bind.clone();
        apply(&mut draft, ctx, words)?;
        ctx.unix_bind = draft;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn values_arrive() {
        let plan = plan_of(
            "global\n uid 99\n group web\n nbproc 4\n nbthread 2\n maxconn 4096\n daemon\n stats socket /run/s mode 660 level admin user root\n \
             stats socket ipv4@127.0.0.1:9999 level user expose-fd listeners\n stats timeout 2m\n spread-checks 5\n tune.bufsize 32k\n \
             log-send-hostname\n unix-bind prefix /run mode 600\n description a b\nglobal\n log /dev/log local0\n log /dev/log local1 notice\n \
             hard-stop-after 10s\nlisten l\n bind /x mode 644\n bind /y\n",
        );
        let g = &plan.global;
        expect![[r#"
            Some(Number(99)) Some(Name("web")) Some(8) Some(4096) true
            [
                (
                    "/run/s",
                    Admin,
                    Some(
                        432,
                    ),
                    Some(
                        Name(
                            "root",
                        ),
                    ),
                    false,
                ),
                (
                    "127.0.0.1:9999",
                    User,
                    None,
                    None,
                    true,
                ),
            ]
            120s 5 32768 Some("a b")
            [(16, 7, Rfc3164), (17, 5, Rfc3164)]
            [("/run/x", Some(420)), ("/run/y", Some(384))]"#]]
        .assert_eq(&format!(
            "{:?} {:?} {:?} {:?} {}\n{:#?}\n{:?} {} {} {:?}\n{:?}\n{:?}",
            g.user,
            g.group,
            g.shards,
            g.maxconn,
            g.daemon,
            g.stats_sockets
                .iter()
                .map(|s| (s.addr.to_string(), s.level, s.mode, &s.user, s.expose_fd))
                .collect::<Vec<_>>(),
            g.stats_timeout,
            g.spread_checks,
            g.bufsize,
            g.description,
            g.logs.iter().map(|l| (l.facility, l.level_max, l.shape)).collect::<Vec<_>>(),
            plan.listeners.iter().map(|l| (l.addr.to_string(), l.unix_mode)).collect::<Vec<_>>(),
        ));
    }

    #[test]
    fn faults() {
        says(
            "global\n maxconn\n maxconn x\n nbthread 0\n nbthread 65\n uid root\n stats\n stats sokket /x\n stats socket\n stats timeout\n \
             stats timeout 0\n stats socket /x level boss\n stats socket /x ssl crt y alpn h2\n stats socket /x frob 1 mode 600\n spread-checks 51\n \
             tune.bufsize 3\n master-worker please\n lua-load x.lua\n lua-load y.lua\n set-var proc.x int(1)\n unix-bind foo\n no daemon\n \
             no busy-polling\n no log\n node a/b\n ssl-default-bind-ciphers X Y\n chroot\n nosuch\n",
            expect![[r#"
                E 2:9 missing-argument: 'maxconn' expects an integer as argument
                E 3:10 bad-number: 'maxconn' expects a positive integer argument, not 'x'
                E 4:11 bad-number: 'nbthread' expects a number between 1 and 64, not 0
                E 5:11 bad-number: 'nbthread' expects a number between 1 and 64, not 65
                E 6:6 bad-number: 'uid' expects a positive integer argument, not 'root'
                E 7:7 unknown-keyword: 'stats' expects one of 'bind-process', 'calculate-max-counters', 'maxconn', 'socket', 'timeout' as argument
                E 8:8 unknown-keyword: 'stats' only supports 'bind-process', 'calculate-max-counters', 'maxconn', 'socket', 'timeout' (got 'sokket')
                E 9:14 missing-argument: 'stats socket' in global section expects an address or a path to a UNIX socket
                E 10:15 missing-argument: 'stats timeout' expects a time as argument
                E 11:16 bad-time: 'stats timeout' : a positive value is expected
                E 12:24 bad-choice: 'stats socket' : 'level' only supports 'user', 'operator' and 'admin' (got 'boss')
                E 13:18 refused: 'ssl' cannot be used: not built yet: TLS
                E 14:18 unknown-option: 'stats socket': unknown keyword 'frob'
                E 15:16 bad-number: 'spread-checks' expects a number between 0 and 50, not 51
                E 16:15 bad-size: 'tune.bufsize' expects a size between 1024 and 268435456 bytes, not '3'
                E 17:16 bad-choice: 'master-worker' only supports 'no-exit-on-failure' (got 'please')
                E 18:2 refused: 'lua-load' cannot be used: not built yet: Lua
                E 20:2 refused: 'set-var' cannot be used: not built yet: variables set at start
                E 21:12 bad-choice: 'unix-bind' only supports the 'prefix', 'mode', 'user', 'uid', 'group' and 'gid' options (got 'foo').
                E 22:2 no-negation: negation/default currently not supported for 'daemon'
                D 23:5 no-effect: 'busy-polling' has no effect: the process neither forks nor changes its rights on its own
                E 25:7 bad-name: 'node' valid characters in node name are letters, digits, '-', '_', '.' and ':' (got '/')
                D 26:2 no-effect: 'ssl-default-bind-ciphers' has no effect: it waits until TLS is built
                E 27:8 missing-argument: 'chroot' expects a directory as argument
                E 28:2 unknown-keyword: unknown keyword 'nosuch' in 'global' section
            "#]],
        );
    }
}
