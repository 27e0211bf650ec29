//! `show servers`, `get weight`, `set weight`, `set server`.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use bstr::{BStr, ByteSlice};
use evenkeel_base::ServerId;
use evenkeel_plan::Host;
use evenkeel_plan::addr::PortRule;
use evenkeel_proxy::world::{Admin, Health, Operation};
use evenkeel_sys::Addr;

use super::command::{Call, Command, Reply, Severity, command};
use crate::deeds::{self, BadWeight};
use crate::rows;

pub(super) const ALL: &[Command] = &[
    command(
        "show servers state",
        "[<backend>]",
        "tell the servers' state, as `load-server-state-from-file` reads it",
        show_state,
    ),
    command("show servers conn", "[<backend>]", "tell the servers' connections", show_conn),
    command("get weight", "<bk>/<srv>", "tell a server's weight", get_weight),
    command(
        "set weight",
        "<bk>/<srv> <weight>",
        "change a server's weight (see also `set server`)",
        set_weight,
    )
    .admin(),
    command(
        "set server",
        "<bk>/<srv> [opts]",
        "change a server's state, health, weight or address",
        set_server,
    )
    .admin(),
];

/// The servers of the backend named, or of all.
fn chosen(call: &Call<'_>) -> Result<Vec<ServerId>, Reply> {
    let name = call.arg(0);
    let wanted = match name.is_empty() {
        true => None,
        false => match call.plan().proxies.iter().find(|p| p.back.is_some() && name == p.name.as_str()) {
            Some(proxy) => Some(proxy.id),
            None => return Err(Reply::error("Can't find backend.")),
        },
    };
    let proxies = call.plan().proxies.iter().filter(|p| wanted.is_none_or(|w| w == p.id) && !p.disabled);
    Ok(proxies.filter_map(|p| p.back.as_ref()).flat_map(|b| b.servers.iter().copied()).collect())
}

/// An address without its port, as the state file writes it.
fn bare(addr: Option<&Addr>) -> String {
    match addr {
        Some(Addr::Inet(a)) => a.ip().to_string(),
        Some(Addr::Unix(_) | Addr::Abstract(_) | Addr::Fd(_)) | None => "-".to_string(),
    }
}

fn show_state(call: &mut Call<'_>) -> Reply {
    let servers = match chosen(call) {
        Ok(servers) => servers,
        Err(reply) => return reply,
    };
    let mut out = String::from(
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
         srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
         srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port \
         srv_check_addr srv_agent_addr srv_agent_port\n",
    );
    for id in servers {
        state_line(call, id, &mut out);
    }
    Reply::Data(out.into_bytes())
}

fn state_line(call: &Call<'_>, id: ServerId, out: &mut String) {
    let (world, plan) = (call.world, call.plan().server(id));
    let live = world.server(id);
    let proxy = call.plan().proxy(plan.backend);
    let addr = live.addr();
    let timing = &plan.line.check_timing;
    let check = live.check.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let operation = world.operation(id);
    let starting = operation == Operation::Running
        && plan.line.slowstart.is_some()
        && rows::server(world, proxy, id, false, call.now).throttle.is_some();
    let op_state = match operation {
        Operation::Stopped => 0,
        Operation::Running if starting => 1,
        Operation::Running => 2,
        Operation::Stopping => 3,
    };
    let (status, result) = check_numbers(check.status);
    let health = if !plan.line.check {
        if operation == Operation::Stopped { 0 } else { timing.rise }
    } else if world.effective_admin(id).admin == Admin::Maint {
        0
    } else if check.status.is_empty() {
        timing.rise
    } else {
        check.health
    };
    let paused = if world.effective_admin(id).admin == Admin::Maint { 8 } else { 0 };
    let flags = |configured: bool, enabled: bool, running: bool| match configured {
        false => 0,
        true => u32::from(running) | 2 | u32::from(enabled) << 2 | paused,
    };
    let check_state = match (plan.line.check, plan.line.disabled) {
        // As the original: a server that starts in maintenance has its check paused, even if it has none.
        (false, true) => paused,
        (configured, _) => flags(configured, live.check_enabled.load(Relaxed), check.running),
    };
    let agent_running = live.agent.lock().unwrap_or_else(PoisonError::into_inner).running;
    let agent_state = flags(plan.line.agent.is_some(), live.agent_enabled.load(Relaxed), agent_running);
    let agent_state = if agent_state > 0 { agent_state | 16 } else { 0 };
    let name = match &plan.addr.host {
        Host::Name { name, .. } => name.as_str(),
        Host::Addr(_) => "-",
    };
    let port = addr.as_ref().and_then(Addr::port).unwrap_or(match plan.addr.port {
        PortRule::Fixed(port) => port,
        PortRule::SameAsClient(_) => 0,
    });
    let check_port = timing.port.unwrap_or(0);
    let agent_port = plan.line.agent.as_ref().map_or(check_port, |a| a.port);
    let plain =
        |a: &Option<evenkeel_plan::Addr>| bare(a.as_ref().map(evenkeel_proxy::world::sys_addr).as_ref());
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{} {} {} {} {} {op_state} {} {} {} {} {status} {result} {health} {check_state} {agent_state} 0 0 {name} \
         {port} - 0 {check_port} {} {} {agent_port}",
        proxy.number,
        proxy.name,
        plan.number,
        plan.name,
        bare(addr.as_ref()),
        admin_flags(call, id),
        live.user_weight(),
        plan.line.weight.get(),
        rows::seconds(call.now.since(live.changed())),
        plain(&timing.addr),
        plain(&plan.line.agent.as_ref().and_then(|a| a.addr.clone())),
    );
}

/// `srv_admin_state`, bit by bit as the manual has them for server state files.
fn admin_flags(call: &Call<'_>, id: ServerId) -> u32 {
    let live = call.world.server(id);
    let plan = call.plan().server(id);
    let own = match live.admin() {
        Admin::Ready => 0,
        Admin::Maint => 1,
        Admin::Drain => 8,
    };
    let effective = call.world.effective_admin(id);
    let inherited = match (effective.via, effective.admin) {
        (None, _) | (Some(_), Admin::Ready) => 0,
        (Some(_), Admin::Maint) => 2,
        (Some(_), Admin::Drain) => 16,
    };
    let from_file = if plan.line.disabled { 4 } else { 0 };
    let unresolved = if live.resolved() { 0 } else { 32 };
    own | inherited | from_file | unresolved
}

/// `srv_check_status` and `srv_check_result` for a status.
fn check_numbers(status: &str) -> (u32, u32) {
    const FAILED: u32 = 2;
    const PASSED: u32 = 3;
    const CONDITIONAL: u32 = 4;
    match status {
        "SOCKERR" => (5, FAILED),
        "L4OK" => (6, PASSED),
        "L4TOUT" => (7, FAILED),
        "L4CON" => (8, FAILED),
        "L6OK" => (9, PASSED),
        "L6TOUT" => (10, FAILED),
        "L6RSP" => (11, FAILED),
        "L7TOUT" => (12, FAILED),
        "L7RSP" => (13, FAILED),
        "L7OK" => (15, PASSED),
        "L7OKC" => (16, CONDITIONAL),
        "L7STS" => (17, FAILED),
        "PROCERR" => (18, FAILED),
        "PROCTOUT" => (19, FAILED),
        "PROCOK" => (20, PASSED),
        "HANA" => (4, FAILED),
        "UNK" => (0, 0),
        // Before the first check.
        _ => (1, 0),
    }
}

fn show_conn(call: &mut Call<'_>) -> Reply {
    let servers = match chosen(call) {
        Ok(servers) => servers,
        Err(reply) => return reply,
    };
    let mut out = format!(
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim \
         idle_cur idle_per_thr[{}]\n",
        call.world.shards.len()
    );
    for id in servers {
        let (plan, live) = (call.plan().server(id), call.world.server(id));
        let proxy = call.plan().proxy(plan.backend);
        let (addr, idle, used) = (live.addr(), live.idle.load(Relaxed), live.sessions.now());
        // How many of them each shard keeps is known to the shards only: the first is told to have them.
        let mut per_shard = vec![0; call.world.shards.len().max(1)];
        if let Some(first) = per_shard.first_mut() {
            *first = idle;
        }
        let per_shard: Vec<String> = per_shard.iter().map(u32::to_string).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{}/{} {}/{} {} {} - {} {used} {} {used} {idle} 0 {} {idle} {}",
            proxy.name,
            plan.name,
            proxy.number,
            plan.number,
            bare(addr.as_ref()),
            addr.as_ref().and_then(Addr::port).unwrap_or(0),
            plan.line.pool_purge_delay.as_millis(),
            live.sessions.max(),
            plan.line.pool_max.map_or(-1, i64::from),
            per_shard.join(" "),
        );
    }
    Reply::Data(out.into_bytes())
}

fn get_weight(call: &mut Call<'_>) -> Reply {
    match call.server(call.arg(0)) {
        Ok(id) => {
            let initial = call.plan().server(id).line.weight.get();
            Reply::info(format!("{} (initial {initial})", call.world.server(id).user_weight()))
        }
        Err(reply) => reply,
    }
}

fn set_weight(call: &mut Call<'_>) -> Reply {
    match call.server(call.arg(0)) {
        Ok(id) => change_weight(call, id, call.arg(1)),
        Err(reply) => reply,
    }
}

fn change_weight(call: &Call<'_>, id: ServerId, weight: &BStr) -> Reply {
    if weight.is_empty() {
        return Reply::error("Require <weight> or <weight%>.");
    }
    match deeds::set_weight(call.world, id, &weight.to_str_lossy(), call.now) {
        Ok(()) => Reply::Done,
        Err(why) => bad_weight(why),
    }
}

fn bad_weight(why: BadWeight) -> Reply {
    if why.ends_line() { Reply::error(why.to_string()) } else { Reply::Say(Severity::Error, why.to_string()) }
}

fn set_server(call: &mut Call<'_>) -> Reply {
    let id = match call.server(call.arg(0)) {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    let value = call.arg(2);
    let (world, now) = (call.world, call.now);
    match call.arg(1).as_bytes() {
        b"weight" => change_weight(call, id, value),
        b"state" => {
            let admin = match value.as_bytes() {
                b"ready" => Admin::Ready,
                b"drain" => Admin::Drain,
                b"maint" => Admin::Maint,
                _ => return Reply::error("'set server <srv> state' expects 'ready', 'drain' and 'maint'."),
            };
            world.set_admin(id, admin, now);
            Reply::Done
        }
        b"health" => {
            let health = match value.as_bytes() {
                b"up" => Health::Up,
                b"stopping" => Health::Stopping,
                b"down" => Health::Down,
                _ => {
                    return Reply::error("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
                }
            };
            match deeds::force_health(world, id, health, now) {
                Ok(_) => Reply::Done,
                Err(why) => Reply::error(why.to_string()),
            }
        }
        b"agent" => {
            let up = match value.as_bytes() {
                b"up" => true,
                b"down" => false,
                _ if call.plan().server(id).line.agent.is_none() => {
                    return Reply::error(deeds::Undone::NoAgent.to_string());
                }
                _ => return Reply::error("'set server <srv> agent' expects 'up' or 'down'."),
            };
            match deeds::force_agent(world, id, up, now) {
                Ok(()) => Reply::Done,
                Err(why) => Reply::error(why.to_string()),
            }
        }
        b"addr" => change_addr(call, id),
        b"check-addr" => {
            check_target(call, id, "set server <b>/<s> check-addr requires an address and optionally a port.")
        }
        b"check-port" => check_target(call, id, "set server <b>/<s> check-port requires a port."),
        b"agent-addr" => {
            agent_target(call, id, "set server <b>/<s> agent-addr requires an address and optionally a port.")
        }
        b"agent-port" => agent_target(call, id, "set server <b>/<s> agent-port requires a port."),
        b"agent-send" if call.plan().server(id).line.agent.is_none() => {
            Reply::error(deeds::Undone::NoAgent.to_string())
        }
        b"agent-send" => agent_target(call, id, "'set server <srv> agent-send' expects a string."),
        b"fqdn" if value.is_empty() => Reply::error("set server <b>/<s> fqdn requires a FQDN."),
        b"fqdn" => Reply::error("set server <b>/<s> fqdn failed because no resolution is configured."),
        b"ssl" => Reply::error("'set server <srv> ssl' cannot be set: not built yet: TLS."),
        b"name" => Reply::error("'set server <srv> name' cannot be set: not built yet: dynamic servers."),
        _ => Reply::error(
            "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | \
             check-port | fqdn | health | ssl | state | weight",
        ),
    }
}

/// Where checks go is part of the Plan for now.
fn check_target(call: &Call<'_>, id: ServerId, usage: &str) -> Reply {
    if call.arg(2).is_empty() {
        return Reply::error(usage);
    }
    if !call.plan().server(id).line.check {
        return Reply::Say(Severity::Error, deeds::Undone::NoCheckToChange.to_string());
    }
    Reply::error("Where a server is checked cannot be changed: not built yet.")
}

fn agent_target(call: &Call<'_>, id: ServerId, usage: &str) -> Reply {
    if call.arg(2).is_empty() {
        return Reply::error(usage);
    }
    if call.plan().server(id).line.agent.is_none() {
        return Reply::Say(Severity::Error, "agent checks are not enabled on this server".to_string());
    }
    Reply::error("An agent check cannot be changed: not built yet.")
}

/// `addr <ip> [port <port>]`. The answer, and the log, say what changed and what did not need to.
fn change_addr(call: &Call<'_>, id: ServerId) -> Reply {
    let text = call.arg(2);
    if text.is_empty() {
        return Reply::error("set server <b>/<s> addr requires an address and optionally a port.");
    }
    let by = "by 'stats socket command'";
    let Ok(ip) = text.to_str_lossy().parse::<IpAddr>() else {
        return Reply::warning(format!("Invalid addr '{text}' {by}"));
    };
    let (plan, live) = (call.plan().server(id), call.world.server(id));
    let Some(old) = live.addr().and_then(|a| a.inet()).or_else(|| unresolved(plan)) else {
        return Reply::error(format!("can't change the address of a server at a UNIX socket {by}"));
    };
    let mut said = match old.ip() == ip {
        true => "no need to change the addr".to_string(),
        false => format!("IP changed from '{}' to '{ip}'", old.ip()),
    };
    let mut port = old.port();
    if call.arg(3) == "port" {
        let wanted = call.arg(4);
        let number: Option<u16> = wanted.to_str().ok().and_then(|t| t.parse().ok());
        let relative = wanted.starts_with(b"+") || wanted.starts_with(b"-");
        match (number, plan.addr.port) {
            (_, _) if relative => {
                said.push_str(
                    ", can't change <port> to port map because it is incompatible with current health check port \
                     configuration (use 'port' statement from the 'server' directive.",
                );
            }
            (None, _) => said.push_str(&format!(", problem converting port '{wanted}' to an int")),
            (Some(_), PortRule::SameAsClient(_)) => {
                said.push_str(", can't change the port: it is the one that the client used");
            }
            (Some(new), PortRule::Fixed(_)) if new == port => {
                said.push_str(", no need to change the port");
            }
            (Some(new), PortRule::Fixed(_)) => {
                said.push_str(&format!(", port changed from '{port}' to '{new}'"));
                port = new;
            }
        }
    }
    let new = SocketAddr::new(ip, port);
    if new != old || !live.resolved() {
        call.world.set_addr(id, Some(Addr::Inet(new)), call.now);
        let line = format!("{} {by}", log_of_move(&rows::full_name(call.plan(), id), old, new));
        call.world.note(evenkeel_proxy::world::Change::Line { backend: plan.backend, level: 5, text: line });
    }
    Reply::warning(format!("{said} {by}"))
}

/// Where a server without an address would be: nowhere, at its port.
fn unresolved(plan: &evenkeel_plan::Server) -> Option<SocketAddr> {
    match (&plan.addr.host, plan.addr.port) {
        (Host::Name { .. }, PortRule::Fixed(port)) => Some(SocketAddr::from(([0, 0, 0, 0], port))),
        (Host::Name { .. }, PortRule::SameAsClient(_)) => Some(SocketAddr::from(([0, 0, 0, 0], 0))),
        (Host::Addr(_), _) => None,
    }
}

fn log_of_move(server: &str, old: SocketAddr, new: SocketAddr) -> String {
    let mut parts = Vec::new();
    if old.ip() != new.ip() {
        parts.push(format!("IP changed from '{}' to '{}'", old.ip(), new.ip()));
    }
    if old.port() != new.port() {
        parts.push(format!("port changed from '{}' to '{}'", old.port(), new.port()));
    }
    format!("{server} {}", parts.join(", "))
}
