//! Our own words: `evenkeel <command>`. One table; help, dispatch and *did you mean* come from it.

use std::ffi::{OsStr, OsString};

use evenkeel_base::near;

use crate::keepalived::tell::client;
use crate::say::{self, Exit, Voice};
use crate::{check, demo, haproxy, keepalived, run};

/// What a command does.
enum Does {
    /// Runs with the arguments behind it.
    Run(fn(&[OsString]) -> Exit),
    /// Nothing yet.
    NotBuilt,
}

/// One command.
struct Subcommand {
    name: &'static str,
    args: &'static str,
    doc: &'static str,
    /// More help, for `evenkeel help <name>`; may be empty.
    more: &'static str,
    does: Does,
}

const fn built(
    name: &'static str,
    args: &'static str,
    doc: &'static str,
    more: &'static str,
    does: fn(&[OsString]) -> Exit,
) -> Subcommand {
    Subcommand { name, args, doc, more, does: Does::Run(does) }
}

const fn later(name: &'static str, args: &'static str, doc: &'static str) -> Subcommand {
    Subcommand { name, args, doc, more: "", does: Does::NotBuilt }
}

/// Every command, in the order of the help.
const COMMANDS: &[Subcommand] = &[
    built(
        "demo",
        "[--for 10s]",
        "web servers and a proxy in front of them, on this machine, nothing to set up",
        demo::MORE,
        demo::run,
    ),
    built(
        "check",
        "<file|folder>…",
        "is this configuration right? Says what is wrong, where, and what to write",
        check::MORE,
        check::run,
    ),
    built(
        "haproxy",
        "<switches>",
        "be haproxy, with its command line (`evenkeel haproxy -f haproxy.cfg`)",
        HAPROXY_MORE,
        |args| haproxy::run("evenkeel haproxy", args),
    ),
    built(
        "keepalived",
        "<switches>",
        "be keepalived, with its command line (`evenkeel keepalived -f keepalived.conf`)",
        KEEPALIVED_MORE,
        |args| keepalived::run("evenkeel keepalived", args),
    ),
    later("ipvsadm", "<switches>", "be ipvsadm; so do ipvsadm-save and ipvsadm-restore"),
    later("ipvsadm-save", "<switches>", "print the virtual services as commands"),
    later("ipvsadm-restore", "<switches>", "read them back"),
    later("run", "<file>…", "run the proxy and the keeper together, supervised"),
    built(
        "status",
        "[--json]",
        "what the keeper here holds, and what needs you",
        client::STATUS_MORE,
        client::status,
    ),
    built("why", "[<instance>]", "why is it in this state?", client::WHY_MORE, client::why),
    later("top", "", "live traffic per server"),
    later("fix", "<file>", "rewrite old forms into today's"),
    later("lab", "<scenario>", "networks of namespaces to try things in"),
    later("drill", "<scenario>", "break things in a lab and see whether traffic survives"),
    built("version", "", "the version; `evenkeel haproxy -vv` says more", "", |_| {
        say::print(&version_line());
        Exit::Ok
    }),
    built("help", "[<command>]", "this help", "", help),
];

const HAPROXY_MORE: &str = "\
All of HAProxy's switches; `evenkeel haproxy` alone lists them. The same program does this when it is called `haproxy`:
a symbolic link is enough. Exit codes are HAProxy's: 0 well, 1 not, and with -c: 2 nothing to listen on.
";

const KEEPALIVED_MORE: &str = "\
All of Keepalived's switches; `evenkeel keepalived -h` lists them. The same program does this when it is called
`keepalived`: a symbolic link is enough. Exit codes are Keepalived's: with -t 0 right, 5 not all of it, 2 not usable,
6 unsafe scripts.
";

/// The programs that we stand in for, by the name we are called with.
const PERSONALITIES: &[&str] = &["haproxy", "keepalived", "ipvsadm", "ipvsadm-save", "ipvsadm-restore"];

/// Runs what the program's name or the first argument says.
pub(crate) fn dispatch(program: &OsStr, args: &[OsString]) -> Exit {
    let called = say::base_name(program);
    if let Some(name) = PERSONALITIES.iter().find(|name| **name == called) {
        return match *name {
            "haproxy" => haproxy::run(name, args),
            "keepalived" => keepalived::run(name, args),
            _ => not_built(name),
        };
    }
    let Some((word, rest)) = args.split_first() else { return help(&[]) };
    let word = word.to_string_lossy();
    let name = match &*word {
        "-h" | "-help" | "--help" => "help",
        "-V" | "-v" | "--version" => "version",
        other => other,
    };
    let Some(command) = find(name) else { return unknown(name) };
    match command.does {
        Does::Run(_) if rest.iter().any(|a| a == "--help") && !PERSONALITIES.contains(&command.name) => {
            help(&[OsString::from(command.name)])
        }
        Does::Run(run) => run(rest),
        Does::NotBuilt => not_built(command.name),
    }
}

fn find(name: &str) -> Option<&'static Subcommand> {
    COMMANDS.iter().find(|command| command.name == name)
}

fn not_built(name: &str) -> Exit {
    Voice::new(false).write(&format!("evenkeel {name}: not built yet. `evenkeel help` says what is.\n"));
    Exit::Failed
}

fn unknown(name: &str) -> Exit {
    let meant = near::nearest(name, COMMANDS.iter().map(|command| command.name));
    let meant = meant.map(|m| format!(" Did you mean `evenkeel {m}`?")).unwrap_or_default();
    Voice::new(false).write(&format!("evenkeel: no command `{name}`.{meant} `evenkeel help` lists them.\n"));
    Exit::Failed
}

fn version_line() -> String {
    use evenkeel_base::version;
    format!(
        "evenkeel {} ({}), follows HAProxy {}, on {}\n",
        version::OWN,
        version::DATE,
        version::COMPAT,
        run::kernel()
    )
}

fn help(args: &[OsString]) -> Exit {
    let Some(name) = args.first() else {
        say::print(&overview());
        return Exit::Ok;
    };
    let name = name.to_string_lossy();
    let Some(command) = find(&name) else { return unknown(&name) };
    let state = match command.does {
        Does::Run(_) => "",
        Does::NotBuilt => "\nNot built yet.\n",
    };
    let gap = if command.more.is_empty() { "" } else { "\n" };
    say::print(&format!(
        "evenkeel {} {}\n{}.\n{gap}{}{state}",
        command.name, command.args, command.doc, command.more
    ));
    Exit::Ok
}

fn overview() -> String {
    let mut out = format!("{}High availability load balancing in one program.\n\n", version_line());
    let wide = |c: &Subcommand| c.name.len() + c.args.len() + 1;
    let width = COMMANDS.iter().filter(|c| matches!(c.does, Does::Run(_))).map(wide).max().unwrap_or(0);
    let mut missing = Vec::new();
    for command in COMMANDS {
        match command.does {
            Does::Run(_) => {
                let left = format!("{} {}", command.name, command.args);
                out.push_str(&format!("  evenkeel {left:width$}  {}\n", command.doc));
            }
            Does::NotBuilt => missing.push(command.name),
        }
    }
    if !missing.is_empty() {
        out.push_str(&format!("\nNot built yet: {}.\n", missing.join(", ")));
    }
    out.push_str("\nCalled `haproxy` or `keepalived` (a symbolic link), it takes that one's command line.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_once_and_personalities_are_commands() {
        for (i, command) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[..i].iter().all(|other| other.name != command.name), "{} twice", command.name);
            assert!(!command.doc.ends_with('.'));
        }
        for name in PERSONALITIES {
            assert!(find(name).is_some(), "{name}");
        }
    }
}
