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
    let mut text = [0u8; ADDRESS_LEN];
    let len = write_address(ip, &mut text);
    exchange.req.fields_mut().push(&conf.header, text.get(..len).unwrap_or_default());
}

/// Bytes that hold any address.
const ADDRESS_LEN: usize = 48;

/// Writes an address and says how long it is. IPv4 by hand: formatting would cost a tenth of what a request does.
fn write_address(ip: IpAddr, text: &mut [u8; ADDRESS_LEN]) -> usize {
    let mut rest = &mut text[..];
    let mut put = |bytes: &[u8]| {
        use std::io::Write;
        // The text has room for any address.
        let _ = rest.write_all(bytes);
    };
    match ip {
        IpAddr::V4(v4) => {
            for (i, octet) in v4.octets().into_iter().enumerate() {
                if i > 0 {
                    put(b".");
                }
                let digits = [octet / 100, octet / 10 % 10, octet % 10].map(|d| b'0' + d);
                let zeros = usize::from(octet < 100) + usize::from(octet < 10);
                put(digits.get(zeros..).unwrap_or_default());
            }
        }
        IpAddr::V6(v6) => put(v6.to_string().as_bytes()),
    }
    ADDRESS_LEN - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_library_does() {
        let every_octet = (0..=255u8).map(|n| IpAddr::from([n, 0, n, 255 - n]));
        let others = ["::", "::1", "2001:db8::a", "::ffff:1.2.3.4", "fe80:1:2:3:4:5:6:7"];
        let others = others.map(|text| text.parse().expect("an address"));
        for ip in every_octet.chain(others) {
            let mut text = [0; ADDRESS_LEN];
            let len = write_address(ip, &mut text);
            assert_eq!(text.get(..len), Some(ip.to_string().as_bytes()));
        }
    }
}
