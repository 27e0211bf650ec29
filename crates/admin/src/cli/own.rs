//! Commands about the connection itself.

use std::time::Duration;

use bstr::ByteSlice;
use evenkeel_base::time::{Unit, parse_time};
use evenkeel_plan::Addr;
use evenkeel_plan::global::CliLevel;

use super::command::{Call, Command, Question, Reply, SeverityOutput, command};
use super::dispatch;

/// Longest `wait`.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

pub(super) const ALL: &[Command] = &[
    command("help", "[<command>]", "list the commands, or those that match", dispatch::help),
    command("prompt", "", "switch the interactive mode on or off", prompt),
    command("quit", "", "hang up", |_| Reply::Quit),
    command("operator", "", "give up the admin level on this connection", operator),
    command("user", "", "give up the admin and operator levels on this connection", user),
    command("expert-mode", "[on|off]", "show or switch access to commands for experts", expert_mode).admin(),
    command(
        "experimental-mode",
        "[on|off]",
        "show or switch access to commands that are still experiments",
        experimental_mode,
    )
    .admin(),
    command("show cli level", "", "tell the level of this connection", show_level),
    command("show cli sockets", "", "list the stats sockets", show_sockets),
    command(
        "set severity-output",
        "[none|number|string]",
        "put the severity in front of messages",
        set_severity,
    ),
    command("set timeout", "cli <delay>", "change how long this connection may be idle", set_timeout),
    command("echo", "<text>", "print the text", echo),
    command("wait", "<delay>", "wait before the next command", wait),
];

fn prompt(call: &mut Call<'_>) -> Reply {
    call.session.interactive = !call.session.interactive;
    Reply::Done
}

fn operator(call: &mut Call<'_>) -> Reply {
    lower(call, CliLevel::Operator)
}

fn user(call: &mut Call<'_>) -> Reply {
    lower(call, CliLevel::User)
}

fn lower(call: &mut Call<'_>, to: CliLevel) -> Reply {
    if call.session.level < to {
        return Reply::error("Permission denied");
    }
    call.session.level = to;
    call.session.expert = false;
    call.session.experimental = false;
    Reply::Done
}

fn expert_mode(call: &mut Call<'_>) -> Reply {
    let arg = call.arg(0);
    mode("expert-mode", arg.to_str_lossy().as_ref(), &mut call.session.expert)
}

fn experimental_mode(call: &mut Call<'_>) -> Reply {
    let arg = call.arg(0);
    mode("experimental-mode", arg.to_str_lossy().as_ref(), &mut call.session.experimental)
}

fn mode(name: &str, arg: &str, on: &mut bool) -> Reply {
    match arg {
        "" => return Reply::info(format!("{name} is {}", if *on { "ON" } else { "OFF" })),
        "on" => *on = true,
        "off" => *on = false,
        // As the original: other words change nothing.
        _ => {}
    }
    Reply::Done
}

/// A level's name.
pub(crate) fn level_name(level: CliLevel) -> &'static str {
    match level {
        CliLevel::User => "user",
        CliLevel::Operator => "operator",
        CliLevel::Admin => "admin",
    }
}

fn show_level(call: &mut Call<'_>) -> Reply {
    Reply::info(level_name(call.session.level))
}

fn show_sockets(call: &mut Call<'_>) -> Reply {
    let mut text = String::from("# socket lvl processes\n");
    for socket in &call.desk.sockets {
        let addr = match &socket.addr {
            Addr::Inet(a @ std::net::SocketAddr::V4(_)) => format!("ipv4@{a}"),
            Addr::Inet(a @ std::net::SocketAddr::V6(_)) => format!("ipv6@{a}"),
            Addr::Unix(path) => format!("unix@{}", path.display()),
            Addr::Abstract { .. } | Addr::Fd(_) => socket.addr.to_string(),
        };
        text.push_str(&format!("{addr} {} all\n", level_name(socket.level)));
    }
    Reply::Data(text.into_bytes())
}

fn set_severity(call: &mut Call<'_>) -> Reply {
    call.session.severity = match call.arg(0).as_bytes() {
        b"none" => SeverityOutput::None,
        b"number" => SeverityOutput::Number,
        b"string" => SeverityOutput::Word,
        _ => return Reply::error("one of 'none', 'number', 'string' is a required argument"),
    };
    Reply::Done
}

fn set_timeout(call: &mut Call<'_>) -> Reply {
    if call.arg(0) != "cli" {
        return Reply::error("'set timeout' only supports 'cli'.");
    }
    if call.arg(1).is_empty() {
        return Reply::error("Expects an integer value.");
    }
    match parse_time(&call.arg(1).to_str_lossy(), Unit::Seconds) {
        Ok(time) if !time.is_zero() => {
            call.session.timeout = time;
            Reply::Done
        }
        Ok(_) | Err(_) => Reply::error("Invalid timeout value."),
    }
}

fn echo(call: &mut Call<'_>) -> Reply {
    let mut out = bstr::join(" ", call.args);
    out.push(b'\n');
    Reply::Data(out)
}

fn wait(call: &mut Call<'_>) -> Reply {
    if call.args.len() > 1 {
        return Reply::error(format!("'{}' is no condition that can be waited for here.", call.arg(1)));
    }
    match parse_time(&call.arg(0).to_str_lossy(), Unit::Millis) {
        Ok(time) if time <= WAIT_MAX => Reply::Ask(Question::Wait(time)),
        Ok(_) => Reply::error(format!("The longest wait is {} s.", WAIT_MAX.as_secs())),
        Err(why) => Reply::error(format!("A delay is expected: {why}.")),
    }
}
