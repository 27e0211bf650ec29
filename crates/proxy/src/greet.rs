//! Greet: the rules about connections, the PROXY header, the rules about sessions, before any byte of a request is read.

use std::task::Poll;

use evenkeel_expr::Env;
use evenkeel_expr::facts::Peer;
use evenkeel_expr::logformat::error_line;
use evenkeel_rules::Rule;
use evenkeel_wire::proxy::{self, Ends};

use crate::books;
use crate::conn::Conn;
use crate::exchange::Exchange;
use crate::judge;

/// The syslog level of a connection that ended before its first exchange.
const LEVEL_INFO: u8 = 6;

/// True if the client may go on.
pub(crate) async fn greet(conn: &mut Conn) -> bool {
    let plan = conn.shard.plan.clone();
    let rules = &plan.proxy(conn.facts.frontend).rules;
    if !rules.tcp_connection.is_empty() && !with_exchange(conn, &rules.tcp_connection) {
        conn.shard.front_stats(conn.facts.frontend).dcon.bump();
        conn.shard.listener_stats(conn.facts.listener).dcon.bump();
        // As the original does: who is not welcome shall not cost a socket that lingers.
        let _ = conn.sock.set_linger_zero();
        return false;
    }
    // What later rules make of the addresses is the session's; the connection keeps those that it has now.
    conn.facts.own = None;
    if plan.listener(conn.facts.listener).accept_proxy
        && let Err(why) = Box::pin(header(conn)).await
    {
        refuse(conn, why);
        return false;
    }
    if !rules.tcp_session.is_empty() && !with_exchange(conn, &rules.tcp_session) {
        conn.shard.front_stats(conn.facts.frontend).dses.bump();
        conn.shard.listener_stats(conn.facts.listener).dses.bump();
        return false;
    }
    books::session(conn);
    true
}

fn with_exchange(conn: &mut Conn, rules: &[Rule]) -> bool {
    let mut exchange = conn.shard.take_exchange();
    exchange.facts.reset(conn.start, conn.start_wall);
    let admitted = judge::admit(conn, &mut exchange, rules);
    conn.shard.give_exchange(exchange);
    admitted
}

/// Reads the PROXY header that `accept-proxy` demands. The words of an error are the original's.
async fn header(conn: &mut Conn) -> Result<(), &'static str> {
    conn.until_after(conn.frontend().timeouts.client);
    loop {
        match proxy::parse(&conn.pending) {
            Ok(Some((ends, used))) => {
                conn.pending.drain(..used);
                adopt(conn, ends);
                return Ok(());
            }
            Ok(None) => {}
            Err(proxy::NoHeader) => {
                return Err("Received something which does not look like a PROXY protocol header");
            }
        }
        let got = conn
            .wait(|conn, cx| {
                let shard = conn.shard.clone();
                let mut scratch = shard.scratch();
                match std::task::ready!(conn.sock.poll_recv(cx, &mut scratch)) {
                    Ok(n) => {
                        conn.pending.extend_from_slice(scratch.get(..n).unwrap_or_default());
                        Poll::Ready(n)
                    }
                    Err(_) => Poll::Ready(0),
                }
            })
            .await;
        match got {
            Ok(1..) => {}
            Ok(0) if conn.pending.is_empty() => {
                return Err("Connection closed while waiting for PROXY protocol header");
            }
            Ok(0) => return Err("Truncated PROXY protocol header received"),
            Err(_) => return Err("Timeout while waiting for PROXY protocol header"),
        }
    }
}

/// The session's addresses are what the header says.
fn adopt(conn: &mut Conn, ends: Ends) {
    conn.facts.proxied = true;
    let (src, dst) = match ends {
        Ends::Unsaid => return,
        Ends::Inet(from, to) => (Peer::Inet(from), Peer::Inet(to)),
        Ends::Unix => (Peer::Unix, Peer::Unix),
    };
    let own = (std::mem::replace(&mut conn.facts.src, src), std::mem::replace(&mut conn.facts.dst, dst));
    conn.facts.own = Some(Box::new(own));
    *conn.session().src.borrow_mut() = conn.facts.src.clone();
}

/// Logs a connection that gave no header, unless nothing was heard and `option dontlognull` says so.
fn refuse(conn: &Conn, why: &str) {
    let shard = conn.shard.clone();
    let frontend = conn.frontend();
    shard.front_stats(frontend.id).ereq.bump();
    if frontend.log.targets.is_empty() || (frontend.log.dontlognull && conn.pending.is_empty()) {
        return;
    }
    let mut exchange = shard.take_exchange();
    exchange.facts.reset(conn.start, conn.start_wall);
    let mut line = shard.out();
    write_line(conn, &exchange, why, &mut line);
    shard.logs.send(frontend.id, LEVEL_INFO, &line, &[]);
    drop(line);
    shard.give_exchange(exchange);
}

fn write_line(conn: &Conn, exchange: &Exchange, why: &str, line: &mut Vec<u8>) {
    let view = conn.view(exchange);
    let env = Env {
        conn: &conn.facts,
        stream: &exchange.facts,
        req: None,
        res: None,
        payload: &[],
        payload_complete: true,
        settled: true,
        world: &view,
    };
    error_line(&env, why, line);
}
