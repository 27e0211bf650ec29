//! Keywords of the `global` section that are known and have no effect here, or cannot be used yet. Each group says why.

use super::keyword::{Keyword, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    tls("acme.scheduler"),
    tls("ca-base"),
    tls("crt-base"),
    tls("issuers-chain-path"),
    tls("jwt.decrypt_alg_list"),
    tls("jwt.decrypt_enc_list"),
    tls("key-base"),
    tls("maxsslconn"),
    tls("maxsslrate"),
    tls("noktls"),
    tls("ocsp-update.disable"),
    tls("ocsp-update.httpproxy"),
    tls("ocsp-update.maxdelay"),
    tls("ocsp-update.mindelay"),
    tls("ocsp-update.mode"),
    tls("ssl-default-bind-ciphers"),
    tls("ssl-default-bind-ciphersuites"),
    tls("ssl-default-bind-client-sigalgs"),
    tls("ssl-default-bind-curves"),
    tls("ssl-default-bind-options"),
    tls("ssl-default-bind-sigalgs"),
    tls("ssl-default-server-ciphers"),
    tls("ssl-default-server-ciphersuites"),
    tls("ssl-default-server-client-sigalgs"),
    tls("ssl-default-server-curves"),
    tls("ssl-default-server-options"),
    tls("ssl-default-server-sigalgs"),
    tls("ssl-dh-param-file"),
    tls("ssl-engine"),
    tls("ssl-load-extra-del-ext"),
    tls("ssl-load-extra-files"),
    tls("ssl-mode-async"),
    tls("ssl-passphrase-cmd"),
    tls("ssl-propquery"),
    tls("ssl-provider"),
    tls("ssl-provider-path"),
    tls("ssl-security-level"),
    tls("ssl-server-verify"),
    tls("ssl-skip-self-issued-ca"),
    tls("tune.ssl.cachesize"),
    tls("tune.ssl.capture-buffer-size"),
    tls("tune.ssl.capture-cipherlist-size"),
    tls("tune.ssl.certificate-compression"),
    tls("tune.ssl.default-dh-param"),
    tls("tune.ssl.force-private-cache"),
    tls("tune.ssl.hard-maxrecord"),
    tls("tune.ssl.keylog"),
    tls("tune.ssl.keyupdate-rate-limit"),
    tls("tune.ssl.lifetime"),
    tls("tune.ssl.maxrecord"),
    tls("tune.ssl.ocsp-update.maxdelay"),
    tls("tune.ssl.ocsp-update.mindelay"),
    tls("tune.ssl.ssl-ctx-cache-size"),
    quic("cluster-secret"),
    quic("harden.reject-privileged-ports.quic"),
    quic("limited-quic"),
    quic("tune.quic.backend.max-idle-timeout"),
    quic("tune.quic.be.cc.cubic-min-losses"),
    quic("tune.quic.be.cc.hystart"),
    quic("tune.quic.be.cc.max-frame-loss"),
    quic("tune.quic.be.cc.max-win-size"),
    quic("tune.quic.be.cc.reorder-ratio"),
    quic("tune.quic.be.max-idle-timeout"),
    quic("tune.quic.be.sec.glitches-threshold"),
    quic("tune.quic.be.stream.data-ratio"),
    quic("tune.quic.be.stream.max-concurrent"),
    quic("tune.quic.be.stream.rxbuf"),
    quic("tune.quic.be.tx.pacing"),
    quic("tune.quic.be.tx.udp-gso"),
    quic("tune.quic.conn-buf-limit"),
    quic("tune.quic.fe.cc.cubic-min-losses"),
    quic("tune.quic.fe.cc.hystart"),
    quic("tune.quic.fe.cc.max-frame-loss"),
    quic("tune.quic.fe.cc.max-win-size"),
    quic("tune.quic.fe.cc.reorder-ratio"),
    quic("tune.quic.fe.max-idle-timeout"),
    quic("tune.quic.fe.sec.glitches-threshold"),
    quic("tune.quic.fe.sec.retry-threshold"),
    quic("tune.quic.fe.sock-per-conn"),
    quic("tune.quic.fe.stream.data-ratio"),
    quic("tune.quic.fe.stream.max-concurrent"),
    quic("tune.quic.fe.stream.max-total"),
    quic("tune.quic.fe.stream.rxbuf"),
    quic("tune.quic.fe.tx.pacing"),
    quic("tune.quic.fe.tx.udp-gso"),
    quic("tune.quic.frontend.conn-tx-buffers.limit"),
    quic("tune.quic.frontend.max-idle-timeout"),
    quic("tune.quic.frontend.max-streams-bidi"),
    quic("tune.quic.listen"),
    quic("tune.quic.max-frame-loss"),
    quic("tune.quic.mem.tx-max"),
    quic("tune.quic.retry-threshold"),
    quic("tune.quic.socket-owner"),
    quic("tune.quic.zero-copy-fwd-send"),
    http2("h2-workaround-bogus-websocket-clients"),
    http2("tune.h2.be.glitches-threshold"),
    http2("tune.h2.be.initial-window-size"),
    http2("tune.h2.be.max-concurrent-streams"),
    http2("tune.h2.be.max-frames-at-once"),
    http2("tune.h2.be.rxbuf"),
    http2("tune.h2.fe.glitches-threshold"),
    http2("tune.h2.fe.initial-window-size"),
    http2("tune.h2.fe.max-concurrent-streams"),
    http2("tune.h2.fe.max-frames-at-once"),
    http2("tune.h2.fe.max-rst-at-once"),
    http2("tune.h2.fe.max-total-streams"),
    http2("tune.h2.fe.rxbuf"),
    http2("tune.h2.header-table-size"),
    http2("tune.h2.initial-window-size"),
    http2("tune.h2.log-errors"),
    http2("tune.h2.max-concurrent-streams"),
    http2("tune.h2.max-frame-size"),
    http2("tune.h2.zero-copy-fwd-send"),
    devices("51degrees-allow-unmatched"),
    devices("51degrees-cache-size"),
    devices("51degrees-difference"),
    devices("51degrees-drift"),
    devices("51degrees-property-name-list"),
    devices("51degrees-property-separator"),
    devices("51degrees-use-performance-graph"),
    devices("51degrees-use-predictive-graph"),
    devices("deviceatlas-log-level"),
    devices("deviceatlas-properties-cookie"),
    devices("deviceatlas-separator"),
    devices("wurfl-cache-size"),
    devices("wurfl-engine-mode"),
    devices("wurfl-information-list"),
    devices("wurfl-information-list-separator"),
    devices("wurfl-patch-file"),
    devices("wurfl-useragent-priority"),
    lua("lua-prepend-path"),
    lua("tune.lua.bool-sample-conversion"),
    lua("tune.lua.burst-timeout"),
    lua("tune.lua.forced-yield"),
    lua("tune.lua.log.loggers"),
    lua("tune.lua.log.stderr"),
    lua("tune.lua.maxmem"),
    lua("tune.lua.openlibs"),
    lua("tune.lua.service-timeout"),
    lua("tune.lua.session-timeout"),
    lua("tune.lua.task-timeout"),
    client("httpclient.resolvers.disabled"),
    client("httpclient.resolvers.id"),
    client("httpclient.resolvers.prefer"),
    client("httpclient.retries"),
    client("httpclient.ssl.ca-file"),
    client("httpclient.ssl.verify"),
    client("httpclient.timeout.connect"),
    compression("maxcompcpuusage"),
    compression("maxcomprate"),
    compression("maxzlibmem"),
    compression("tune.comp.maxlevel"),
    compression("tune.zlib.memlevel"),
    compression("tune.zlib.windowsize"),
    tables("http-err-codes"),
    tables("http-fail-codes"),
    tables("tune.peers.max-updates-at-once"),
    tables("tune.stick-counters"),
    threads("cpu-affinity"),
    threads("cpu-map"),
    threads("cpu-policy"),
    threads("cpu-set"),
    threads("max-threads-per-group"),
    threads("noreuseport"),
    threads("thread-group"),
    threads("thread-groups"),
    threads("thread-hard-limit"),
    threads("tune.listener.default-shards"),
    threads("tune.listener.multi-queue"),
    threads("tune.takeover-other-tg-connections"),
    events("noepoll"),
    events("noevports"),
    events("nokqueue"),
    events("nopoll"),
    events("nosepoll"),
    events("tune.epoll.mask-events"),
    events("tune.events.max-events-at-once"),
    events("tune.fd.edge-triggered"),
    events("tune.fd.tables"),
    events("tune.glitches.kill.cpu-usage"),
    events("tune.h1.be.glitches-threshold"),
    events("tune.h1.fe.glitches-threshold"),
    events("tune.max-checks-per-thread"),
    events("tune.max-rules-at-once"),
    events("tune.maxaccept"),
    events("tune.maxpollevents"),
    events("tune.recv_enough"),
    events("tune.ring.queues"),
    events("tune.runqueue-depth"),
    events("tune.sched.low-latency"),
    events("warn-blocked-traffic-after"),
    memory("no-memory-trimming"),
    memory("prealloc-fd"),
    memory("profiling.memory"),
    memory("profiling.tasks"),
    memory("tune.buffers.limit"),
    memory("tune.buffers.reserve"),
    memory("tune.bufsize.large"),
    memory("tune.bufsize.small"),
    memory("tune.chksize"),
    memory("tune.cli.max-payload-size"),
    memory("tune.defaults.purge"),
    memory("tune.fail-alloc"),
    memory("tune.idletimer"),
    memory("tune.memory.hot-size"),
    memory("tune.notsent-lowat.client"),
    memory("tune.notsent-lowat.server"),
    memory("tune.pattern.cache-size"),
    memory("tune.pipesize"),
    memory("tune.pool-high-fd-ratio"),
    memory("tune.pool-low-fd-ratio"),
    memory("tune.rcvbuf.backend"),
    memory("tune.rcvbuf.frontend"),
    memory("tune.sndbuf.backend"),
    memory("tune.sndbuf.frontend"),
    memory("tune.streams-elasticity"),
    memory("tune.vars.check-max-size"),
    memory("tune.vars.global-max-size"),
    memory("tune.vars.proc-max-size"),
    memory("tune.vars.reqres-max-size"),
    memory("tune.vars.sess-max-size"),
    memory("tune.vars.txn-max-size"),
    copy("tune.applet.zero-copy-forwarding"),
    copy("tune.disable-fast-forward"),
    copy("tune.disable-zero-copy-forwarding"),
    copy("tune.h1.zero-copy-fwd-recv"),
    copy("tune.h1.zero-copy-fwd-send"),
    copy("tune.pt.zero-copy-forwarding"),
    case("h1-case-adjust"),
    case("h1-case-adjust-file"),
    process("busy-polling").no(),
    process("close-spread-time"),
    process("external-check"),
    process("insecure-fork-wanted").no(),
    process("insecure-setuid-wanted"),
    process("mworker-max-reloads"),
    process("numa-cpu-mapping").no(),
    process("pp2-never-send-local"),
    process("quick-exit"),
    process("set-dumpable").no(),
    process("strict-limits").no(),
    process("tune.renice.runtime"),
    process("tune.renice.startup"),
    tools("anonkey"),
    tools("debug"),
    tools("debug.counters"),
    tools("expose-deprecated-directives"),
    tools("expose-experimental-directives"),
    tools("force-cfg-parser-pause"),
    tools("stats calculate-max-counters"),
    tools("stress-level"),
    names("dns-accept-family"),
    names("nogetaddrinfo"),
    pool("tune.idle-pool.shared"),
    Keyword::refused("51degrees-data-file", Sections::GLOBAL, "not built yet: device detection", ""),
    Keyword::refused("deviceatlas-json-file", Sections::GLOBAL, "not built yet: device detection", ""),
    Keyword::refused("wurfl-data-file", Sections::GLOBAL, "not built yet: device detection", ""),
    Keyword::refused("lua-load", Sections::GLOBAL, "not built yet: Lua", ""),
    Keyword::refused("lua-load-per-thread", Sections::GLOBAL, "not built yet: Lua", ""),
    Keyword::refused("set-var", Sections::GLOBAL, "not built yet: variables set at start", ""),
    Keyword::refused("set-var-fmt", Sections::GLOBAL, "not built yet: variables set at start", ""),
    Keyword::refused("setcap", Sections::GLOBAL, "not built yet: capabilities", ""),
    Keyword::refused("shm-stats-file", Sections::GLOBAL, "not built yet: statistics in files", ""),
    Keyword::refused(
        "shm-stats-file-max-objects",
        Sections::GLOBAL,
        "not built yet: statistics in files",
        "",
    ),
    Keyword::refused("stats-file", Sections::GLOBAL, "not built yet: statistics in files", ""),
    Keyword::refused(
        "harden.reject-privileged-ports.tcp",
        Sections::GLOBAL,
        "not built yet: refusing clients by port",
        "",
    ),
    Keyword::refused(
        "h1-accept-payload-with-any-method",
        Sections::GLOBAL,
        "not built yet: bodies of HTTP/1.0's GET, HEAD and DELETE",
        "",
    ),
    Keyword::refused(
        "h1-do-not-close-on-insecure-transfer-encoding",
        Sections::GLOBAL,
        "not built yet: lax framing",
        "",
    ),
];

/// Why these have no effect.
const TLS: &str = "it waits until TLS is built";
const fn tls(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, TLS, "A setting of TLS.")
}

/// Why these have no effect.
const QUIC: &str = "it waits until QUIC is built";
const fn quic(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, QUIC, "A setting of QUIC.")
}

/// Why these have no effect.
const HTTP2: &str = "it waits until HTTP/2 is built";
const fn http2(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, HTTP2, "A setting of HTTP/2.")
}

/// Why these have no effect.
const DEVICES: &str = "it goes with a data file, and device detection is not built yet";
const fn devices(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, DEVICES, "A setting of device detection.")
}

/// Why these have no effect.
const LUA: &str = "it goes with scripts, and Lua is not built yet";
const fn lua(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, LUA, "A setting of Lua.")
}

/// Why these have no effect.
const CLIENT: &str = "there is no HTTP client of its own";
const fn client(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, CLIENT, "A setting of the built-in HTTP client.")
}

/// Why these have no effect.
const COMPRESSION: &str = "it waits until compression is built";
const fn compression(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, COMPRESSION, "A setting of compression.")
}

/// Why these have no effect.
const TABLES: &str = "it waits until stick tables are built";
const fn tables(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, TABLES, "A setting of stick tables and peers.")
}

/// Why these have no effect.
const THREADS: &str = "one thread per shard, which the kernel places";
const fn threads(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, THREADS, "Where threads run.")
}

/// Why these have no effect.
const EVENTS: &str = "shards wait for events in one way only";
const fn events(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, EVENTS, "How events are waited for.")
}

/// Why these have no effect.
const MEMORY: &str = "memory is used as it is needed";
const fn memory(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, MEMORY, "How memory is kept.")
}

/// Why these have no effect.
const COPY: &str = "splicing is used where it pays";
const fn copy(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, COPY, "How bytes are forwarded.")
}

/// Why these have no effect.
const CASE: &str = "the case of header names is kept as it came";
const fn case(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, CASE, "Spelling of header names.")
}

/// Why these have no effect.
const PROCESS: &str = "the process neither forks nor changes its rights on its own";
const fn process(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, PROCESS, "Rights of the process.")
}

/// Why these have no effect.
const TOOLS: &str = "it is for HAProxy's developers";
const fn tools(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, TOOLS, "For developers.")
}

/// Why these have no effect.
const NAMES: &str = "names are resolved by the system";
const fn names(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, NAMES, "How names are resolved.")
}

/// Why these have no effect.
const POOL: &str = "each thread keeps its own idle connections";
const fn pool(name: &'static str) -> Keyword {
    Keyword::ignored(name, Sections::GLOBAL, POOL, "How idle connections are shared.")
}
