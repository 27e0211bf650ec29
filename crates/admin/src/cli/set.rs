//! Limits that commands change.

use std::sync::atomic::Ordering::Relaxed;

use bstr::ByteSlice;

use super::command::{Call, Command, Reply, Severity, command, loose_number};

pub(super) const ALL: &[Command] = &[
    command(
        "set maxconn frontend",
        "<frontend> <value>",
        "change a frontend's limit of connections",
        frontend,
    )
    .admin(),
    command("set maxconn server", "<bk>/<srv> <value>", "change a server's limit of sessions", server)
        .admin(),
    command("set maxconn global", "<value>", "change the process's limit of connections", global).admin(),
    command("set rate-limit", "<setting> <value>", "change a limit of the process's rates", rate_limit)
        .admin(),
];

fn frontend(call: &mut Call<'_>) -> Reply {
    let id = match call.frontend(call.arg(0)) {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    if call.arg(1).is_empty() {
        return Reply::error("Integer value expected.");
    }
    match u32::try_from(loose_number(call.arg(1))) {
        Ok(n) => {
            call.world.proxy(id).maxconn.store(n, Relaxed);
            Reply::Done
        }
        Err(_) => Reply::error("Value out of range."),
    }
}

fn server(call: &mut Call<'_>) -> Reply {
    let id = match call.server(call.arg(0)) {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    let text = call.arg(1);
    if text.is_empty() {
        return Reply::error("Require <maxconn>.");
    }
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let bad = |why: &str| Reply::Say(Severity::Error, why.to_string());
    if digits == 0 {
        return bad("maxconn string empty or preceded by garbage");
    }
    if digits < text.len() {
        return bad("Trailing garbage in maxconn string");
    }
    let Ok(n) = u32::try_from(loose_number(text)) else {
        return Reply::error("Value out of range.");
    };
    call.world.server(id).maxconn.store(n, Relaxed);
    // More room may let somebody in who waits.
    let backend = call.plan().server(id).backend;
    if call.world.proxy(backend).queued.now() > 0 {
        call.world.serve_queue(backend);
    }
    Reply::Done
}

fn global(call: &mut Call<'_>) -> Reply {
    let text = call.arg(0);
    if text.is_empty() {
        return Reply::error("Expects an integer value.");
    }
    let hard = call.desk.maxconn_hard;
    match u32::try_from(loose_number(text)) {
        Ok(n) if n <= hard => {
            // Zero is back to the limit at start.
            call.world.maxconn.store(if n == 0 { hard } else { n }, Relaxed);
            Reply::Done
        }
        Ok(_) | Err(_) => Reply::error("Value out of range."),
    }
}

fn rate_limit(call: &mut Call<'_>) -> Reply {
    let usage = "'set rate-limit' only supports :\n   \
                 - 'connections global' to set the per-process maximum connection rate\n   \
                 - 'sessions global' to set the per-process maximum session rate\n   \
                 - 'ssl-sessions global' to set the per-process maximum SSL session rate\n   \
                 - 'http-compression global' to set the per-process maximum compression speed in kB/s";
    let limit = match call.arg(0).as_bytes() {
        b"connections" => Some(&call.world.maxconnrate),
        b"sessions" => Some(&call.world.maxsessrate),
        b"ssl-sessions" | b"http-compression" => None,
        _ => return Reply::error(usage),
    };
    if call.arg(1) != "global" {
        return Reply::error(usage);
    }
    if call.arg(2).is_empty() {
        return Reply::error("Expects an integer value.");
    }
    let Some(limit) = limit else {
        let what = if call.arg(0) == "ssl-sessions" { "TLS" } else { "compression" };
        return Reply::error(format!("There is nothing to limit: not built yet: {what}."));
    };
    match u32::try_from(loose_number(call.arg(2))) {
        Ok(n) => {
            limit.store(n, Relaxed);
            Reply::Done
        }
        Err(_) => Reply::error("Value out of range."),
    }
}
