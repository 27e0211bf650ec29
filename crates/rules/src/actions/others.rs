//! Actions that wait for rooms that are not built.

use crate::registry::Entry;
use crate::set::Sets;

const TABLES: &str = "not built yet: stick tables";
const PATTERNS: &str = "not built yet: changing ACLs and maps at run time";
const SPOE: &str = "not built yet: SPOE";
const CACHE: &str = "not built yet: the cache";
const QUIC: &str = "not built yet: QUIC";
const BINARY: &str = "not built yet: header lists in binary form";
/// Every set but `quic-initial` and, for the content-free ones, nothing less.
const COUNTING: Sets = Sets::ALL;
const TRACKING: Sets = Sets::TCP_REQUEST.and(Sets::REQUEST).and(Sets::RESPONSE);

pub(crate) const ENTRIES: &[Entry] = &[
    Entry::refused("track-sc0", TRACKING, TABLES, "Tracks a key in the first counter"),
    Entry::refused("track-sc1", TRACKING, TABLES, "Tracks a key in the second counter"),
    Entry::refused("track-sc2", TRACKING, TABLES, "Tracks a key in the third counter"),
    Entry::refused("sc-add-gpc", COUNTING, TABLES, "Adds to a general purpose counter"),
    Entry::refused("sc-inc-gpc", COUNTING, TABLES, "Adds one to a general purpose counter"),
    Entry::refused("sc-inc-gpc0", COUNTING, TABLES, "Adds one to the first general purpose counter"),
    Entry::refused("sc-inc-gpc1", COUNTING, TABLES, "Adds one to the second general purpose counter"),
    Entry::refused("sc-set-gpt", COUNTING, TABLES, "Sets a general purpose tag"),
    Entry::refused("sc-set-gpt0", COUNTING, TABLES, "Sets the first general purpose tag"),
    Entry::refused("add-acl", Sets::REQUEST.and(Sets::RESPONSE), PATTERNS, "Adds a pattern to an ACL"),
    Entry::refused("del-acl", Sets::REQUEST.and(Sets::RESPONSE), PATTERNS, "Removes a pattern from an ACL"),
    Entry::refused("set-map", Sets::HTTP, PATTERNS, "Sets an entry of a map"),
    Entry::refused("del-map", Sets::HTTP, PATTERNS, "Removes an entry of a map"),
    Entry::refused(
        "send-spoe-group",
        Sets::CONTENT.and(Sets::TCP_RESPONSE).and(Sets::REQUEST).and(Sets::RESPONSE),
        SPOE,
        "Sends a group of messages to an agent",
    ),
    Entry::refused("cache-use", Sets::REQUEST, CACHE, "Answers from the cache where it can"),
    Entry::refused("cache-store", Sets::RESPONSE, CACHE, "Keeps the response in the cache"),
    Entry::refused(
        "do-resolve",
        Sets::CONTENT.and(Sets::REQUEST),
        "not built yet: names resolved at run time",
        "Resolves a name and keeps the address in a variable",
    ),
    Entry::refused(
        "do-log",
        Sets::ALL.and(Sets::QUIC),
        "not built yet: log profiles",
        "Writes a log line at this point",
    ),
    Entry::refused(
        "pause",
        Sets::REQUEST.and(Sets::RESPONSE),
        "not built yet: pauses",
        "Holds the exchange for a while",
    ),
    Entry::refused(
        "attach-srv",
        Sets::SESSION,
        "not built yet: reverse HTTP",
        "Gives the connection to a server",
    ),
    Entry::refused(
        "expect-proxy",
        Sets::CONNECTION,
        "not built yet: the PROXY protocol by rule; `accept-proxy` on the bind line is for all connections",
        "Expects a PROXY header from this client",
    ),
    Entry::refused(
        "expect-netscaler-cip",
        Sets::CONNECTION,
        "not built yet: NetScaler's client IP protocol",
        "Expects a NetScaler header from this client",
    ),
    Entry::refused(
        "switch-mode",
        Sets::CONTENT,
        "not built yet: the change from TCP to HTTP by rule",
        "Makes a TCP connection an HTTP one",
    ),
    Entry::refused("add-headers-bin", Sets::HTTP, BINARY, "Adds the fields of a binary list"),
    Entry::refused("del-headers-bin", Sets::HTTP, BINARY, "Removes the fields of a binary list"),
    Entry::refused("set-headers-bin", Sets::HTTP, BINARY, "Sets the fields of a binary list"),
    Entry::refused("accept", Sets::QUIC, QUIC, "Accepts the connection"),
    Entry::refused("reject", Sets::QUIC, QUIC, "Refuses the connection"),
    Entry::refused("dgram-drop", Sets::QUIC, QUIC, "Drops the datagram"),
    Entry::refused("send-retry", Sets::QUIC, QUIC, "Asks the client to prove its address"),
];
