//! Greet: the rules about connections and sessions, before any byte of a request is read.

use evenkeel_rules::Rule;

use crate::conn::Conn;
use crate::exchange::Exchange;
use crate::judge;

/// True if the client may go on.
pub(crate) fn greet(conn: &mut Conn) -> bool {
    let plan = conn.shard.plan.clone();
    let rules = &plan.proxy(conn.facts.frontend).rules;
    if rules.tcp_connection.is_empty() && rules.tcp_session.is_empty() {
        return true;
    }
    let mut exchange = conn.shard.take_exchange();
    exchange.facts.reset(conn.start, conn.start_wall);
    let stats = conn.shard.clone();
    let stats = stats.front_stats(conn.facts.frontend);
    let admitted = if !judge::admit(conn, &mut exchange, &rules.tcp_connection) {
        stats.dcon.bump();
        // As the original does: who is not welcome shall not cost a socket that lingers.
        let _ = conn.sock.set_linger_zero();
        false
    } else if !session(conn, &mut exchange, &rules.tcp_session) {
        stats.dses.bump();
        false
    } else {
        true
    };
    conn.shard.give_exchange(exchange);
    admitted
}

/// `tcp-request session` rules, over a connection that keeps the addresses it has by now.
fn session(conn: &mut Conn, exchange: &mut Exchange, rules: &[Rule]) -> bool {
    conn.facts.own = None;
    judge::admit(conn, exchange, rules)
}
