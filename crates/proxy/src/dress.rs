//! Dress: the last edits of a request before it leaves: addresses, unique id, connection.

use std::net::IpAddr;

use evenkeel_expr::facts::Peer;
use evenkeel_plan::Proxy;
use evenkeel_plan::proxy::ForwardFor;

use crate::conn::Conn;
use crate::exchange::Exchange;
use crate::forward;

/// The last edits of a request before it leaves: forwarding fields, connection, unique id.
pub(crate) fn prepare(conn: &Conn, exchange: &mut Exchange) {
    let plan = &conn.shard.plan;
    let front = conn.frontend();
    let back = exchange.backend.map(|b| plan.proxy(b));
    let own = |f: fn(&Proxy) -> &Option<ForwardFor>| back.and_then(|b| f(b).as_ref()).or(f(front).as_ref());
    // The exceptions of both count, whichever has the option's last word.
    let excepted = |f: fn(&Proxy) -> &Option<ForwardFor>, peer: &Peer| {
        let Peer::Inet(addr) = peer else { return true };
        let both = back.and_then(|b| f(b).as_ref()).into_iter().chain(f(front).as_ref());
        both.flat_map(|conf| &conf.except).any(|net| net.contains(addr.ip()))
    };
    if let Some(conf) = own(|p| &p.forwardfor).filter(|_| !excepted(|p| &p.forwardfor, &conn.facts.src)) {
        add_address(exchange, conf, &conn.facts.src);
    }
    if let Some(conf) = own(|p| &p.originalto).filter(|_| !excepted(|p| &p.originalto, &conn.facts.dst)) {
        add_address(exchange, conf, &conn.facts.dst);
    }
    if let Some(face) = &front.front
        && let Some(format) = &face.unique_id
    {
        // Made now even where no field carries it: rules about the answer may ask for it when the request is gone.
        let id = unique_id(conn, exchange, format);
        if let Some(header) = &face.unique_id_header {
            exchange.req.fields_mut().set(header, &id);
        }
    }
    forward::prepare_request(exchange, back.is_some_and(|b| b.options.pretend_keepalive));
}

/// The exchange's id, made once.
fn unique_id(conn: &Conn, exchange: &mut Exchange, format: &evenkeel_expr::LogFormat) -> Vec<u8> {
    if exchange.facts.unique_id.is_none() {
        let mut id = Vec::new();
        let view = conn.view(exchange);
        format.render(&crate::route::env(conn, exchange, &view), &mut id);
        exchange.facts.unique_id = Some(id.into());
    }
    exchange.facts.unique_id.as_ref().map(|id| id.to_vec()).unwrap_or_default()
}

/// `option forwardfor` and `option originalto` (configuration manual).
fn add_address(exchange: &mut Exchange, conf: &ForwardFor, peer: &Peer) {
    let Peer::Inet(addr) = peer else { return };
    let ip: IpAddr = addr.ip();
    if conf.if_none && exchange.req.fields().contains(&conf.header) {
        return;
    }
    let mut text = [0u8; 48];
    let written = {
        use std::io::Write;
        let mut rest = &mut text[..];
        // 48 bytes hold any address.
        let _ = write!(rest, "{ip}");
        48 - rest.len()
    };
    exchange.req.fields_mut().push(&conf.header, text.get(..written).unwrap_or_default());
}
