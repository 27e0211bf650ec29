//! What SIGHUP and the end of a soft stop say of proxies and servers, in the original's words.

/// A server now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerState {
    /// `backend/server`.
    pub(crate) name: String,
    /// Up for its checks.
    pub(crate) up: bool,
    /// Sessions on it, in its queue, so far.
    pub(crate) sessions: (u32, u32, u64),
}

/// A proxy now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyState {
    /// Its name.
    pub(crate) name: String,
    /// Its servers.
    pub(crate) servers: Vec<ServerState>,
    /// Usable servers: ordinary and backup.
    pub(crate) usable: (u32, u32),
    /// Sessions as frontend and as backend.
    pub(crate) sessions: (u32, u32),
    /// Waiting in all its queues, and in its own.
    pub(crate) queued: (u32, u32),
    /// Connections as frontend and sessions as backend so far.
    pub(crate) total: (u64, u64),
}

/// The lines that SIGHUP prints for one proxy.
pub(crate) fn dump(proxy: &ProxyState) -> Vec<String> {
    let mut lines: Vec<String> = proxy
        .servers
        .iter()
        .map(|server| {
            let state = if server.up { "UP" } else { "DOWN" };
            let (now, queued, total) = server.sessions;
            format!("SIGHUP: Server {} is {state}. Conn: {now} act, {queued} pend, {total} tot.", server.name)
        })
        .collect();
    let having = match (proxy.servers.is_empty(), proxy.usable) {
        (true, _) => "has no servers.".to_string(),
        (false, (0, 0)) => "has no server available !".to_string(),
        (false, (0, _)) => "is running on backup servers !".to_string(),
        (false, (active, backup)) => {
            format!("has {active} active servers and {backup} backup servers available.")
        }
    };
    lines.push(format!(
        "SIGHUP: Proxy {} {having} Conn: act(FE+BE): {}+{}, {} pend ({} unass), tot(FE+BE): {}+{}.",
        proxy.name,
        proxy.sessions.0,
        proxy.sessions.1,
        proxy.queued.0,
        proxy.queued.1,
        proxy.total.0,
        proxy.total.1
    ));
    lines
}

/// The line that a soft stop prints for one proxy.
pub(crate) fn stopped(proxy: &ProxyState) -> String {
    format!("Proxy {} stopped (cumulated conns: FE: {}, BE: {}).", proxy.name, proxy.total.0, proxy.total.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_as_the_originals() {
        let server = |name: &str, up| ServerState { name: name.to_string(), up, sessions: (1, 0, 7) };
        let proxy =
            ProxyState { name: "bk".to_string(), queued: (3, 2), total: (4, 5), ..ProxyState::default() };
        let tail = "Conn: act(FE+BE): 0+0, 3 pend (2 unass), tot(FE+BE): 4+5.";
        let s = |up| vec![server("bk/s", up)];
        for (servers, usable, want) in [
            (vec![], (0, 0), vec![format!("SIGHUP: Proxy bk has no servers. {tail}")]),
            (
                s(false),
                (0, 0),
                vec![
                    "SIGHUP: Server bk/s is DOWN. Conn: 1 act, 0 pend, 7 tot.".to_string(),
                    format!("SIGHUP: Proxy bk has no server available ! {tail}"),
                ],
            ),
            (
                s(false),
                (0, 1),
                vec![
                    "SIGHUP: Server bk/s is DOWN. Conn: 1 act, 0 pend, 7 tot.".to_string(),
                    format!("SIGHUP: Proxy bk is running on backup servers ! {tail}"),
                ],
            ),
            (
                s(true),
                (1, 0),
                vec![
                    "SIGHUP: Server bk/s is UP. Conn: 1 act, 0 pend, 7 tot.".to_string(),
                    format!("SIGHUP: Proxy bk has 1 active servers and 0 backup servers available. {tail}"),
                ],
            ),
        ] {
            assert_eq!(dump(&ProxyState { servers, usable, ..proxy.clone() }), want);
        }
        assert_eq!(stopped(&proxy), "Proxy bk stopped (cumulated conns: FE: 4, BE: 5).");
    }
}
