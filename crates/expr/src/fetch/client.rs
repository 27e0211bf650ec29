//! The client's connection: addresses, listener, protocol. The server's as far as it is known.

use std::net::{IpAddr, SocketAddr};

use super::{Fetch, one, refused};
use crate::arg::NONE;
use crate::env::Env;
use crate::facts::Peer;
use crate::needs::Needs;
use crate::value::{Kind, Value};

const TCP_INFO: &str = "not built yet: the kernel's figures of a connection";
const PROXY: &str = "not built yet: extensions of the PROXY protocol";
const NEWER: &str = "not built yet: details of a connection that newer releases show";

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "src",
        NONE,
        Kind::Addr,
        Needs::CLIENT,
        "The client's address.",
        &[("src", "192.0.2.7")],
        |_, env| ip(&env.conn.src),
    ),
    one(
        "src_port",
        NONE,
        Kind::Int,
        Needs::CLIENT,
        "The client's port.",
        &[("src_port", "54321")],
        |_, env| port(&env.conn.src),
    ),
    one(
        "dst",
        NONE,
        Kind::Addr,
        Needs::CLIENT,
        "The address that the client connected to.",
        &[("dst", "198.51.100.1")],
        |_, env| ip(&env.conn.dst),
    ),
    one(
        "dst_port",
        NONE,
        Kind::Int,
        Needs::CLIENT,
        "The port that the client connected to.",
        &[("dst_port", "80")],
        |_, env| port(&env.conn.dst),
    ),
    one(
        "fc_src",
        NONE,
        Kind::Addr,
        Needs::CLIENT,
        "The client's address, whatever rules made of it.",
        &[("fc_src", "192.0.2.7")],
        |_, env| ip(env.conn.own_src()),
    ),
    one(
        "fc_src_port",
        NONE,
        Kind::Int,
        Needs::CLIENT,
        "The client's port, whatever rules made of it.",
        &[("fc_src_port", "54321")],
        |_, env| port(env.conn.own_src()),
    ),
    one(
        "fc_dst",
        NONE,
        Kind::Addr,
        Needs::CLIENT,
        "The address that the client connected to, whatever rules made of it.",
        &[("fc_dst", "198.51.100.1")],
        |_, env| ip(env.conn.own_dst()),
    ),
    one(
        "fc_dst_port",
        NONE,
        Kind::Int,
        Needs::CLIENT,
        "The port that the client connected to, whatever rules made of it.",
        &[("fc_dst_port", "80")],
        |_, env| port(env.conn.own_dst()),
    ),
    one(
        "src_is_local",
        NONE,
        Kind::Bool,
        Needs::CLIENT,
        "The client is on this machine.",
        &[("src_is_local", "0")],
        |_, env| local(env, &env.conn.src),
    ),
    one(
        "dst_is_local",
        NONE,
        Kind::Bool,
        Needs::CLIENT,
        "The client connected to an address of this machine.",
        &[("dst_is_local", "1")],
        |_, env| local(env, &env.conn.dst),
    ),
    one(
        "fc_src_is_local",
        NONE,
        Kind::Bool,
        Needs::CLIENT,
        "The same as `src_is_local`.",
        &[("fc_src_is_local", "0")],
        |_, env| local(env, env.conn.own_src()),
    ),
    one(
        "fc_dst_is_local",
        NONE,
        Kind::Bool,
        Needs::CLIENT,
        "The same as `dst_is_local`.",
        &[("fc_dst_is_local", "1")],
        |_, env| local(env, env.conn.own_dst()),
    ),
    one(
        "dst_conn",
        NONE,
        Kind::Int,
        Needs::LISTENER,
        "Connections through the same listener.",
        &[("dst_conn", "2")],
        |_, env| Some(Value::Int(i64::from(env.world.listener_connections(env.conn.listener)))),
    ),
    one("so_id", NONE, Kind::Int, Needs::LISTENER, "The listener's number.", &[("so_id", "1")], |_, env| {
        Some(Value::Int(i64::from(env.world.listener(env.conn.listener).0)))
    }),
    one(
        "so_name",
        NONE,
        Kind::Str,
        Needs::LISTENER,
        "The listener's name (`bind … name`).",
        &[("so_name", "public")],
        |_, env| {
            let name = env.world.listener(env.conn.listener).1;
            (!name.is_empty()).then(|| Value::text(name.as_bytes()))
        },
    ),
    one(
        "accept_date",
        NONE,
        Kind::Int,
        Needs::CLIENT,
        "When the connection was accepted: seconds since 1970.",
        &[("accept_date", "1699999999")],
        |_, env| Some(Value::Int(env.conn.accepted_wall.secs() as i64)),
    ),
    one(
        "fc_http_major",
        NONE,
        Kind::Int,
        Needs::CLIENT,
        "1: the client speaks HTTP/1.",
        &[("fc_http_major", "1")],
        |_, _| Some(Value::Int(1)),
    ),
    one(
        "fc_rcvd_proxy",
        NONE,
        Kind::Bool,
        Needs::CLIENT,
        "The client sent a PROXY header.",
        &[("fc_rcvd_proxy", "0")],
        |_, env| Some(Value::Bool(env.conn.proxied)),
    ),
    one(
        "fc_err",
        NONE,
        Kind::Int,
        Needs::CLIENT,
        "The number of the connection's error; 0: none.",
        &[("fc_err", "0")],
        |_, _| Some(Value::Int(0)),
    ),
    one(
        "fc_err_str",
        NONE,
        Kind::Str,
        Needs::CLIENT,
        "The connection's error in words.",
        &[("fc_err_str", "Success")],
        |_, _| Some(Value::text(b"Success")),
    ),
    one(
        "bc_src",
        NONE,
        Kind::Addr,
        Needs::SERVER_CONN,
        "Our own address towards the server.",
        &[("bc_src", "10.0.0.9")],
        |_, env| ip(&env.stream.source_addr),
    ),
    one(
        "bc_src_port",
        NONE,
        Kind::Int,
        Needs::SERVER_CONN,
        "Our own port towards the server.",
        &[("bc_src_port", "40000")],
        |_, env| port(&env.stream.source_addr),
    ),
    one(
        "bc_dst",
        NONE,
        Kind::Addr,
        Needs::SERVER_CONN,
        "The server's address.",
        &[("bc_dst", "10.0.0.1")],
        |_, env| ip(&env.stream.server_addr),
    ),
    one(
        "bc_dst_port",
        NONE,
        Kind::Int,
        Needs::SERVER_CONN,
        "The server's port.",
        &[("bc_dst_port", "8080")],
        |_, env| port(&env.stream.server_addr),
    ),
    one(
        "bc_http_major",
        NONE,
        Kind::Int,
        Needs::SERVER_CONN,
        "1: the server speaks HTTP/1.",
        &[("bc_http_major", "1")],
        |_, _| Some(Value::Int(1)),
    ),
    one(
        "bc_err",
        NONE,
        Kind::Int,
        Needs::SERVER_CONN,
        "The number of the server connection's error; 0: none.",
        &[("bc_err", "0")],
        |_, _| Some(Value::Int(0)),
    ),
    one(
        "bc_err_str",
        NONE,
        Kind::Str,
        Needs::SERVER_CONN,
        "The server connection's error in words.",
        &[("bc_err_str", "Success")],
        |_, _| Some(Value::text(b"Success")),
    ),
    refused("fc_fackets", TCP_INFO),
    refused("fc_lost", TCP_INFO),
    refused("fc_reordering", TCP_INFO),
    refused("fc_retrans", TCP_INFO),
    refused("fc_rtt", TCP_INFO),
    refused("fc_rttvar", TCP_INFO),
    refused("fc_sacked", TCP_INFO),
    refused("fc_unacked", TCP_INFO),
    refused("bc_rtt", TCP_INFO),
    refused("bc_rttvar", TCP_INFO),
    refused("fc_saved_syn", TCP_INFO),
    refused("fc_pp_authority", PROXY),
    refused("fc_pp_unique_id", PROXY),
    refused("fc_pp_tlv", PROXY),
    refused("bc_be_queue", NEWER),
    refused("bc_err_name", NEWER),
    refused("bc_glitches", NEWER),
    refused("bc_nb_streams", NEWER),
    refused("bc_reused", NEWER),
    refused("bc_settings_streams_limit", NEWER),
    refused("bc_srv_queue", NEWER),
    refused("fc_err_name", NEWER),
    refused("fc_glitches", NEWER),
    refused("fc_nb_streams", NEWER),
    refused("fc_settings_streams_limit", NEWER),
];

fn inet(peer: &Peer) -> Option<&SocketAddr> {
    match peer {
        Peer::Inet(address) => Some(address),
        Peer::Unix | Peer::Unknown => None,
    }
}

pub(super) fn ip<'a>(peer: &Peer) -> Option<Value<'a>> {
    inet(peer).map(|a| Value::ip(a.ip()))
}

fn port<'a>(peer: &Peer) -> Option<Value<'a>> {
    inet(peer).map(|a| Value::Int(i64::from(a.port())))
}

fn local<'a>(env: &Env<'a>, peer: &Peer) -> Option<Value<'a>> {
    match peer {
        Peer::Inet(address) => {
            let address: IpAddr = address.ip();
            Some(Value::Bool(env.world.is_local(address)))
        }
        // configuration manual, `src_is_local`: UNIX addresses are considered local.
        Peer::Unix => Some(Value::Bool(true)),
        Peer::Unknown => None,
    }
}
