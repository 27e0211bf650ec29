//! Frontends, backends, servers: names, loads, queues, weights, timeouts.

use evenkeel_base::ProxyId;

use super::{Fetch, one, refused};
use crate::arg::{Arg, ArgKind, Args, NONE, Params, params};
use crate::env::{Env, ServerView, TimeoutKind};
use crate::needs::Needs;
use crate::value::{Kind, Value};

const BACKEND: Params = params(0, &[ArgKind::Backend]);
const FRONTEND: Params = params(0, &[ArgKind::Frontend]);
const SERVER: Params = params(1, &[ArgKind::Server]);

/// What the original returns for a sum that has no bound.
const UNLIMITED: i64 = -1;

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "nbsrv",
        BACKEND,
        Kind::Int,
        Needs::RUNNING,
        "Usable servers of a backend.",
        &[("nbsrv(app)", "2")],
        |args, env| Some(Value::Int(i64::from(env.world.usable_servers(backend(args, env)?)))),
    ),
    one(
        "be_conn",
        BACKEND,
        Kind::Int,
        Needs::RUNNING,
        "Connections of a backend.",
        &[("be_conn(app)", "5")],
        |args, env| Some(Value::Int(i64::from(env.world.backend_load(backend(args, env)?).sessions))),
    ),
    one(
        "be_conn_free",
        BACKEND,
        Kind::Int,
        Needs::RUNNING,
        "Connections that the usable servers of a backend could still take; -1 where one has no limit.",
        &[("be_conn_free(app)", "15")],
        be_conn_free,
    ),
    one(
        "connslots",
        BACKEND,
        Kind::Int,
        Needs::RUNNING,
        "Connections and queue places that the usable servers of a backend could still take; -1 where one has no limit.",
        &[("connslots(app)", "-1")],
        connslots,
    ),
    one(
        "be_sess_rate",
        BACKEND,
        Kind::Int,
        Needs::RUNNING,
        "New sessions of a backend in the last second.",
        &[("be_sess_rate(app)", "3")],
        |args, env| Some(Value::Int(i64::from(env.world.backend_load(backend(args, env)?).session_rate))),
    ),
    one(
        "queue",
        BACKEND,
        Kind::Int,
        Needs::RUNNING,
        "Requests queued in a backend and its servers.",
        &[("queue(app)", "4")],
        |args, env| Some(Value::Int(queued(env, backend(args, env)?))),
    ),
    one(
        "avg_queue",
        BACKEND,
        Kind::Int,
        Needs::RUNNING,
        "Requests queued in a backend per usable server; twice their number where there is none.",
        &[("avg_queue(app)", "2")],
        avg_queue,
    ),
    one(
        "fe_conn",
        FRONTEND,
        Kind::Int,
        Needs::RUNNING,
        "Connections of a frontend.",
        &[("fe_conn(web)", "6")],
        |args, env| Some(Value::Int(i64::from(env.world.frontend_load(frontend(args, env)).sessions))),
    ),
    one(
        "fe_sess_rate",
        FRONTEND,
        Kind::Int,
        Needs::RUNNING,
        "New sessions of a frontend in the last second.",
        &[("fe_sess_rate(web)", "8")],
        |args, env| Some(Value::Int(i64::from(env.world.frontend_load(frontend(args, env)).session_rate))),
    ),
    one(
        "fe_req_rate",
        FRONTEND,
        Kind::Int,
        Needs::RUNNING,
        "Requests of a frontend in the last second.",
        &[("fe_req_rate(web)", "9")],
        |args, env| Some(Value::Int(i64::from(env.world.frontend_load(frontend(args, env)).request_rate))),
    ),
    one("fe_id", NONE, Kind::Int, Needs::LISTENER, "The frontend's number.", &[("fe_id", "2")], |_, env| {
        Some(Value::Int(i64::from(env.world.proxy_number(env.conn.frontend))))
    }),
    one(
        "fe_name",
        NONE,
        Kind::Str,
        Needs::LISTENER,
        "The frontend's name.",
        &[("fe_name", "web")],
        |_, env| Some(Value::text(env.world.proxy_name(env.conn.frontend).as_bytes())),
    ),
    one(
        "fe_defbe",
        NONE,
        Kind::Str,
        Needs::LISTENER,
        "The name of the frontend's default backend.",
        &[("fe_defbe", "app")],
        |_, env| {
            let backend = env.world.default_backend(env.conn.frontend)?;
            Some(Value::text(env.world.proxy_name(backend).as_bytes()))
        },
    ),
    one("be_id", NONE, Kind::Int, Needs::BACKEND, "The backend's number.", &[("be_id", "3")], |_, env| {
        Some(Value::Int(i64::from(env.world.proxy_number(chosen(env)))))
    }),
    one(
        "be_name",
        NONE,
        Kind::Str,
        Needs::BACKEND,
        "The backend's name.",
        &[("be_name", "app")],
        |_, env| Some(Value::text(env.world.proxy_name(chosen(env)).as_bytes())),
    ),
    one("srv_id", NONE, Kind::Int, Needs::SERVER, "The server's number.", &[("srv_id", "1")], |_, env| {
        Some(Value::Int(i64::from(env.world.server_number(env.stream.server?))))
    }),
    one(
        "srv_name",
        NONE,
        Kind::Str,
        Needs::SERVER,
        "The server's name.",
        &[("srv_name", "app1")],
        |_, env| Some(Value::text(env.world.server_name(env.stream.server?).as_bytes())),
    ),
    one(
        "srv_is_up",
        SERVER,
        Kind::Bool,
        Needs::RUNNING,
        "A server can take traffic.",
        &[("srv_is_up(app/app1)", "1")],
        |args, env| Some(Value::Bool(server(args, env)?.up)),
    ),
    one(
        "srv_conn",
        SERVER,
        Kind::Int,
        Needs::RUNNING,
        "Connections of a server.",
        &[("srv_conn(app/app1)", "3")],
        |args, env| Some(Value::Int(i64::from(server(args, env)?.load.sessions))),
    ),
    one(
        "srv_conn_free",
        SERVER,
        Kind::Int,
        Needs::RUNNING,
        "Connections that a server could still take; -1 where it has no limit.",
        &[("srv_conn_free(app/app1)", "7")],
        |args, env| {
            let load = server(args, env)?.load;
            let free = i64::from(load.maxconn) - i64::from(load.sessions);
            Some(Value::Int(if load.maxconn == 0 { UNLIMITED } else { free.max(0) }))
        },
    ),
    one(
        "srv_queue",
        SERVER,
        Kind::Int,
        Needs::RUNNING,
        "Requests queued for a server.",
        &[("srv_queue(app/app1)", "1")],
        |args, env| Some(Value::Int(i64::from(server(args, env)?.load.queued))),
    ),
    one(
        "srv_sess_rate",
        SERVER,
        Kind::Int,
        Needs::RUNNING,
        "New sessions of a server in the last second.",
        &[("srv_sess_rate(app/app1)", "2")],
        |args, env| Some(Value::Int(i64::from(server(args, env)?.load.session_rate))),
    ),
    one(
        "srv_weight",
        SERVER,
        Kind::Int,
        Needs::RUNNING,
        "The weight that a server has now, slow start included.",
        &[("srv_weight(app/app1)", "50")],
        |args, env| Some(Value::Int(i64::from(server(args, env)?.weight))),
    ),
    one(
        "srv_uweight",
        SERVER,
        Kind::Int,
        Needs::RUNNING,
        "The weight that a server has now, as users see it.",
        &[("srv_uweight(app/app1)", "50")],
        |args, env| Some(Value::Int(i64::from(server(args, env)?.weight))),
    ),
    one(
        "srv_iweight",
        SERVER,
        Kind::Int,
        Needs::RUNNING,
        "The weight that a server has in the configuration.",
        &[("srv_iweight(app/app1)", "100")],
        |args, env| Some(Value::Int(i64::from(server(args, env)?.initial_weight))),
    ),
    one(
        "fe_client_timeout",
        NONE,
        Kind::Int,
        Needs::LISTENER,
        "The frontend's `timeout client` in milliseconds.",
        &[("fe_client_timeout", "30000")],
        |_, env| millis(env, Some(env.conn.frontend), TimeoutKind::Client),
    ),
    one(
        "fe_tarpit_timeout",
        NONE,
        Kind::Int,
        Needs::LISTENER,
        "The frontend's `timeout tarpit` in milliseconds.",
        &[("fe_tarpit_timeout", "0")],
        |_, env| millis(env, Some(env.conn.frontend), TimeoutKind::Tarpit),
    ),
    one(
        "be_server_timeout",
        NONE,
        Kind::Int,
        Needs::BACKEND,
        "The backend's `timeout server` in milliseconds.",
        &[("be_server_timeout", "40000")],
        |_, env| millis(env, env.stream.backend, TimeoutKind::Server),
    ),
    one(
        "be_tunnel_timeout",
        NONE,
        Kind::Int,
        Needs::BACKEND,
        "The backend's `timeout tunnel` in milliseconds.",
        &[("be_tunnel_timeout", "0")],
        |_, env| millis(env, env.stream.backend, TimeoutKind::Tunnel),
    ),
    one(
        "be_connect_timeout",
        NONE,
        Kind::Int,
        Needs::BACKEND,
        "The backend's `timeout connect` in milliseconds.",
        &[("be_connect_timeout", "0")],
        |_, env| millis(env, env.stream.backend, TimeoutKind::Connect),
    ),
    one(
        "be_queue_timeout",
        NONE,
        Kind::Int,
        Needs::BACKEND,
        "The backend's `timeout queue` in milliseconds.",
        &[("be_queue_timeout", "0")],
        |_, env| millis(env, env.stream.backend, TimeoutKind::Queue),
    ),
    one(
        "be_tarpit_timeout",
        NONE,
        Kind::Int,
        Needs::BACKEND,
        "The backend's `timeout tarpit` in milliseconds.",
        &[("be_tarpit_timeout", "0")],
        |_, env| millis(env, env.stream.backend, TimeoutKind::Tarpit),
    ),
    one(
        "cur_server_timeout",
        NONE,
        Kind::Int,
        Needs::BACKEND,
        "The `timeout server` in force, in milliseconds.",
        &[("cur_server_timeout", "40000")],
        |_, env| match env.stream.timeout_server {
            Some(set) => Some(Value::Int(set.as_millis() as i64)),
            None => millis(env, env.stream.backend, TimeoutKind::Server),
        },
    ),
    one(
        "cur_tunnel_timeout",
        NONE,
        Kind::Int,
        Needs::BACKEND,
        "The `timeout tunnel` in force, in milliseconds.",
        &[("cur_tunnel_timeout", "0")],
        |_, env| match env.stream.timeout_tunnel {
            Some(set) => Some(Value::Int(set.as_millis() as i64)),
            None => millis(env, env.stream.backend, TimeoutKind::Tunnel),
        },
    ),
    refused("be_max_retries", LATER),
    refused("cur_client_timeout", LATER),
    refused("cur_connect_timeout", LATER),
    refused("cur_max_retries", LATER),
    refused("cur_queue_timeout", LATER),
    refused("cur_tarpit_timeout", LATER),
];

const LATER: &str = "not built yet: settings that newer releases show";

/// The backend of the exchange: the frontend itself as long as none is chosen, as in the original.
fn chosen(env: &Env<'_>) -> ProxyId {
    env.stream.backend.unwrap_or(env.conn.frontend)
}

/// The backend named, else the one of the section, else the one chosen.
fn backend(args: &Args, env: &Env<'_>) -> Option<ProxyId> {
    match args.get(0) {
        Arg::Proxy(proxy) => Some(*proxy),
        _ => env.stream.backend, // left out where no section is being read
    }
}

fn frontend(args: &Args, env: &Env<'_>) -> ProxyId {
    match args.get(0) {
        Arg::Proxy(proxy) => *proxy,
        _ => env.conn.frontend, // left out where no section is being read
    }
}

fn server(args: &Args, env: &Env<'_>) -> Option<ServerView> {
    match args.get(0) {
        Arg::Server(server) => Some(env.world.server(*server)),
        _ => None, // the parameters make it a server
    }
}

fn servers<'a>(env: &Env<'a>, backend: ProxyId) -> impl Iterator<Item = ServerView> + use<'a> {
    let world = env.world;
    world.servers_of(backend).iter().map(move |id| world.server(*id))
}

fn queued(env: &Env<'_>, backend: ProxyId) -> i64 {
    let own = i64::from(env.world.backend_load(backend).queued);
    own + servers(env, backend).map(|s| i64::from(s.load.queued)).sum::<i64>()
}

fn avg_queue<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let backend = backend(args, env)?;
    let queued = queued(env, backend);
    let usable = i64::from(env.world.usable_servers(backend));
    Some(Value::Int(if usable > 0 { (queued + usable - 1) / usable } else { queued * 2 }))
}

/// Backup servers count only where no other server is up.
fn counted<'a>(env: &Env<'a>, backend: ProxyId) -> impl Iterator<Item = ServerView> + use<'a> {
    let active = servers(env, backend).any(|s| s.up && !s.backup);
    servers(env, backend).filter(move |s| s.up && !(s.backup && active))
}

fn be_conn_free<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let mut free = 0;
    for server in counted(env, backend(args, env)?) {
        if server.load.maxconn == 0 {
            return Some(Value::Int(UNLIMITED));
        }
        free += i64::from(server.load.maxconn.saturating_sub(server.load.sessions));
    }
    Some(Value::Int(free))
}

fn connslots<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let mut slots = 0;
    for server in servers(env, backend(args, env)?).filter(|s| s.up) {
        if server.load.maxconn == 0 || server.maxqueue == 0 {
            return Some(Value::Int(UNLIMITED));
        }
        slots += i64::from(server.load.maxconn) - i64::from(server.load.sessions);
        slots += i64::from(server.maxqueue) - i64::from(server.load.queued);
    }
    Some(Value::Int(slots))
}

fn millis<'a>(env: &Env<'a>, proxy: Option<ProxyId>, kind: TimeoutKind) -> Option<Value<'a>> {
    let set = env.world.timeout(proxy?, kind);
    Some(Value::Int(set.map_or(0, |d| d.as_millis() as i64)))
}
