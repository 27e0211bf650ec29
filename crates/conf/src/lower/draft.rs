//! A proxy section being built: the Plan's own types where a line settles the value, and what can only be settled at the
//! section's end or once all sections are read.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_balance::HashConf;
use evenkeel_base::{ProxyId, ServerId, Span, Word};
use evenkeel_expr::AclTable;
use evenkeel_plan::{Back, Front, Listener, LogTarget, Proxy, ProxyKind, Server};

use super::checks::ChecksDraft;
use super::context::Ctx;
use super::log_format::TrafficDraft;
use super::names::{has_back, has_front};
use super::server::ServerDraft;

/// What a proxy's `log` lines say, in order.
#[derive(Clone, Debug)]
pub(crate) enum LogLine {
    /// `log global`.
    Global,
    /// An address of its own.
    Target(Box<LogTarget>),
}

/// A `defaults`, `frontend`, `backend` or `listen` section being read. Both faces are there until the end.
pub(crate) struct ProxyDraft {
    /// What all have, `front` and `back` still empty.
    pub(crate) proxy: Proxy,
    /// The clients' face.
    pub(crate) front: Front,
    /// The servers' face.
    pub(crate) back: Back,
    /// `acl` lines so far. Those of `defaults` go when its lines have been replayed (configuration manual §4).
    pub(crate) acls: AclTable,
    /// Names of ACLs whose line was faulty: a rule that uses one says nothing more.
    pub(crate) broken_acls: BTreeSet<String>,
    /// True in a `defaults` section itself.
    pub(crate) is_defaults: bool,
    /// True while the lines of `defaults` are replayed for a proxy.
    pub(crate) inherits: bool,
    /// `mode`, where it stands: for messages.
    pub(crate) mode_at: Option<Span>,
    /// `hash-type`, which `balance` of a hashing kind takes up at the end.
    pub(crate) hash: Option<HashConf>,
    /// `log` lines.
    pub(crate) logs: Vec<LogLine>,
    /// `default_backend`'s word.
    pub(crate) default_backend: Option<Word>,
    /// `default-server` so far.
    pub(crate) default_server: ServerDraft,
    /// Servers in order.
    pub(crate) servers: Vec<(Server, ServerDraft)>,
    /// Their names, and where they stand.
    pub(crate) server_names: BTreeMap<String, Span>,
    /// Listening addresses in order.
    pub(crate) listeners: Vec<Listener>,
    /// `id`.
    pub(crate) number: Option<u32>,
    /// `dynamic-cookie-key`.
    pub(crate) cookie_key: Vec<u8>,
    /// True once the section has a `stats` line of its own.
    pub(crate) own_stats: bool,
    /// Log lines.
    pub(crate) traffic: TrafficDraft,
    /// Checks.
    pub(crate) checks: ChecksDraft,
    /// Kinds of rules met so far, a bit each.
    pub(crate) ranks_seen: u32,
    /// Where switches without effect go.
    pub(crate) ignored: bool,
}

impl ProxyDraft {
    /// An empty section. `kind` is `Listen` for `defaults`.
    pub(crate) fn new(id: ProxyId, name: &str, kind: ProxyKind, span: Span) -> Self {
        Self {
            proxy: Proxy::new(id, name, kind, span),
            front: Front::default(),
            back: Back::default(),
            acls: AclTable::new(),
            broken_acls: BTreeSet::new(),
            is_defaults: false,
            inherits: false,
            mode_at: None,
            hash: None,
            logs: Vec::new(),
            default_backend: None,
            default_server: ServerDraft::default(),
            servers: Vec::new(),
            server_names: BTreeMap::new(),
            listeners: Vec::new(),
            number: None,
            cookie_key: Vec::new(),
            own_stats: false,
            traffic: TrafficDraft::default(),
            checks: ChecksDraft::default(),
            ranks_seen: 0,
            ignored: false,
        }
    }

    /// How messages name the section: `frontend 'web'`.
    pub(crate) fn title(&self) -> String {
        let kind = match self.proxy.kind {
            _ if self.is_defaults => "defaults",
            ProxyKind::Frontend => "frontend",
            ProxyKind::Backend => "backend",
            ProxyKind::Listen => "proxy",
        };
        format!("{kind} '{}'", self.proxy.name)
    }

    /// The word that starts the section.
    pub(crate) fn section_word(&self) -> &'static str {
        match self.proxy.kind {
            _ if self.is_defaults => "defaults",
            ProxyKind::Frontend => "frontend",
            ProxyKind::Backend => "backend",
            ProxyKind::Listen => "listen",
        }
    }

    /// True if clients can arrive here.
    pub(crate) fn is_front(&self) -> bool {
        has_front(self.proxy.kind)
    }

    /// True if servers can stand here.
    pub(crate) fn is_back(&self) -> bool {
        has_back(self.proxy.kind)
    }

    /// The id that the next `server` line gets.
    pub(crate) fn next_server(&self, ctx: &Ctx<'_>) -> ServerId {
        let first = ctx.names.proxy(self.proxy.id).map_or(0, |p| p.first_server);
        ServerId(first + self.servers.len() as u32)
    }
}

/// The original's numbers: what `id` gives; the others count on from `first`, over those that give their own too, and
/// pass over numbers that are taken.
pub(crate) fn numbers(given: &[Option<u32>], first: u32) -> Vec<u32> {
    let taken: BTreeSet<u32> = given.iter().copied().flatten().collect();
    let mut last = first - 1;
    let mut count = |number: &Option<u32>| {
        last += 1;
        number.unwrap_or_else(|| {
            while taken.contains(&last) {
                last += 1;
            }
            last
        })
    };
    given.iter().map(&mut count).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn numbers_as_the_original_gives_them() {
        for (given, first, want) in [
            (vec![None, Some(7), None], 1, vec![1, 7, 3]),
            (vec![None, Some(1), None], 1, vec![2, 1, 4]),
            (vec![None, Some(4), None, None, None], 2, vec![2, 4, 5, 6, 7]),
        ] {
            assert_eq!(numbers(&given, first), want);
        }
    }
}
