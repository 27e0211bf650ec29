//! Greet: the rules about connections and sessions, before any byte of a request is read.

use crate::conn::Conn;

/// True if the client may go on.
pub(crate) async fn greet(conn: &mut Conn) -> bool {
    let shard = conn.shard.clone();
    let rules = &conn.frontend().rules;
    if rules.tcp_connection.is_empty() && rules.tcp_session.is_empty() {
        return true;
    }
    drop(shard);
    true
}
