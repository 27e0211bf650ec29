//! Commands that are known but do nothing yet, each with its reason.

use evenkeel_base::Support;

use super::command::{Call, Command, Reply, command};

const TLS: &str = "not built yet: TLS";
const TABLES: &str = "not built yet: stick tables";
const PATTERNS: &str = "not built yet: patterns that change at run time";
const DYNAMIC: &str = "not built yet: dynamic servers and backends";
const MASTER: &str = "not built yet: master-worker mode";
const VARIABLES: &str = "not built yet: variables by name at run time";
const RESOLVERS: &str = "not built yet: resolvers";
const TRACES: &str = "not built yet: traces";
const COOKIES: &str = "not built yet: dynamic cookies";
const ANON: &str = "not built yet: anonymized output";
const ACME: &str = "not built yet: ACME";
const QUIC: &str = "not built yet: QUIC";
const CACHE: &str = "not built yet: cache";
const PEERS: &str = "not built yet: peers";
const RELOAD: &str = "not built yet: handing sockets and counters to a new process";
const INSIDE: &str = "tells of insides that this program does not have";
const CRASH: &str = "would harm the process, and is not here";

/// Forms of commands that are supported otherwise. Words in brackets of any kind are left out.
pub(super) const FORMS: &[(&str, &str)] = &[
    ("clear counters server", "not built yet"),
    ("set rate-limit http-compression global", "not built yet: compression"),
    ("set rate-limit ssl-sessions global", TLS),
    ("set server agent-addr", "not built yet: agents that change at run time"),
    ("set server agent-port", "not built yet: agents that change at run time"),
    ("set server agent-send", "not built yet: agents that change at run time"),
    ("set server check-addr", "not built yet: checks that change at run time"),
    ("set server check-port", "not built yet: checks that change at run time"),
    ("set server fqdn", RESOLVERS),
    ("set server ssl", TLS),
    ("set server name", DYNAMIC),
];

const fn refused(words: &'static str, args: &'static str, doc: &'static str, why: &'static str) -> Command {
    Command { support: Support::Refused(why), ..command(words, args, doc, refuse) }
}

fn refuse(call: &mut Call<'_>) -> Reply {
    let why = match call.command.support {
        Support::Refused(why) | Support::Accepted(why) | Support::Obsolete(why) => why,
        Support::Supported => "not built yet",
    };
    Reply::error(format!("'{}': {why}.", call.command.words))
}

#[rustfmt::skip]
pub(super) const ALL: &[Command] = &[
    refused("abort ssl ca-file", "<cafile>", "give up changing a CA file", TLS).admin(),
    refused("abort ssl cert", "<certfile>", "give up changing a certificate", TLS).admin(),
    refused("abort ssl crl-file", "<crlfile>", "give up changing a list of revoked certificates", TLS).admin(),
    refused("acme challenge_ready", "<cert> domain <domain>", "tell that a challenge is in place", ACME).admin(),
    refused("acme renew", "<certfile>", "ask for a new certificate", ACME).admin(),
    refused("acme status", "", "list certificates that renew themselves", ACME).admin(),
    refused("add acl", "[@<ver>] <acl> <pattern>", "add a pattern to an ACL", PATTERNS),
    refused("add backend", "<backend>", "make a backend", DYNAMIC).admin(),
    refused("add map", "[@<ver>] <map> <key> <val>", "add an entry to a map", PATTERNS),
    refused("add server", "<bk>/<srv>", "make a server", DYNAMIC).admin(),
    refused("add ssl ca-file", "<cafile> <payload>", "add to a CA file", TLS).admin(),
    refused("add ssl crt-list", "<list> <cert> [opts]*", "add to a list of certificates", TLS).admin(),
    refused("add ssl ech", "<bind> <payload>", "add an ECH key", TLS).admin(),
    refused("add ssl jwt", "<certfile>", "let a certificate verify tokens", TLS).admin(),
    refused("clear acl", "[@<ver>] <acl>", "empty an ACL", PATTERNS),
    refused("clear map", "[@<ver>] <map>", "empty a map", PATTERNS),
    refused("clear table", "<table> [<filter>]*", "remove entries of a stick table", TABLES).admin(),
    refused("commit acl", "@<ver> <acl>", "put a prepared version of an ACL in force", PATTERNS),
    refused("commit map", "@<ver> <map>", "put a prepared version of a map in force", PATTERNS),
    refused("commit ssl ca-file", "<cafile>", "put a changed CA file in force", TLS).admin(),
    refused("commit ssl cert", "<certfile>", "put a changed certificate in force", TLS).admin(),
    refused("commit ssl crl-file", "<crlfile>", "put a changed list of revoked certificates in force", TLS).admin(),
    refused("debug counters", "[show|on|off|reset]", "count events inside", INSIDE).admin().expert(),
    refused("debug dev", "<what>", "help developers of the original", CRASH).admin().expert(),
    refused("del acl", "<acl> [<key>|#<ref>]", "remove a pattern of an ACL", PATTERNS),
    refused("del backend", "<backend>", "remove a backend", DYNAMIC).admin(),
    refused("del map", "<map> [<key>|#<ref>]", "remove an entry of a map", PATTERNS),
    refused("del server", "<bk>/<srv>", "remove a server", DYNAMIC).admin(),
    refused("del ssl ca-file", "<cafile>", "forget a CA file", TLS).admin(),
    refused("del ssl cert", "<certfile>", "forget a certificate", TLS).admin(),
    refused("del ssl crl-file", "<crlfile>", "forget a list of revoked certificates", TLS).admin(),
    refused("del ssl crt-list", "<list> <cert[:line]>", "remove a line of a list of certificates", TLS).admin(),
    refused("del ssl ech", "<bind>", "forget an ECH key", TLS).admin(),
    refused("del ssl jwt", "<certfile>", "let a certificate verify tokens no more", TLS).admin(),
    refused("disable dynamic-cookie backend", "<bk>", "make no cookies from servers' addresses", COOKIES).admin(),
    refused("dump ssl cert", "<certfile>", "print a certificate", TLS).admin(),
    refused("dump stats-file", "", "print counters for a new process", RELOAD).admin(),
    refused("enable dynamic-cookie backend", "<bk>", "make cookies from servers' addresses", COOKIES).admin(),
    refused("get acl", "<acl> <value>", "tell which pattern of an ACL matches", PATTERNS),
    refused("get map", "<map> <value>", "tell what a map makes of a key", PATTERNS),
    refused("get var", "<name>", "print a variable of the process", VARIABLES).operator(),
    refused("hard-reload", "", "start anew and end the old processes at once", MASTER).admin(),
    refused("httpclient", "<method> <URI>", "send a request", "not built yet: HTTP client").admin().expert(),
    refused("mcli-debug-mode", "[on|off]", "open the master's own commands", MASTER).admin(),
    refused("new ssl ca-file", "<cafile>", "make an empty CA file", TLS).admin(),
    refused("new ssl cert", "<certfile>", "make an empty certificate", TLS).admin(),
    refused("new ssl crl-file", "<crlfile>", "make an empty list of revoked certificates", TLS).admin(),
    refused("prepare acl", "<acl>", "begin a new version of an ACL", PATTERNS),
    refused("prepare map", "<map>", "begin a new version of a map", PATTERNS),
    refused("publish backend", "<backend>", "let a backend take traffic", DYNAMIC).admin(),
    refused("reload", "", "start anew and let the old processes finish", MASTER).admin(),
    refused("set anon", "on|off|global-key <key>", "hide names in outputs", ANON),
    refused("set dynamic-cookie-key backend", "<bk> <k>", "change the key of dynamic cookies", COOKIES).admin(),
    refused("set map", "<map> [<key>|#<ref>] <value>", "change an entry of a map", PATTERNS),
    refused("set profiling", "<what> {auto|on|off}", "measure the program itself", INSIDE).admin(),
    refused("set ssl ca-file", "<cafile> <payload>", "change a CA file", TLS).admin(),
    refused("set ssl cert", "<certfile> <payload>", "change a certificate", TLS).admin(),
    refused("set ssl crl-file", "<crlfile> <payload>", "change a list of revoked certificates", TLS).admin(),
    refused("set ssl ech", "<bind> <payload>", "change the ECH keys", TLS).admin(),
    refused("set ssl ocsp-response", "<resp|payload>", "change a stapled OCSP response", TLS).admin(),
    refused("set ssl tls-key", "[id|file] <key>", "set the next key of session tickets", TLS).admin(),
    refused("set table", "<table> key <k> [data.* <v>]*", "change an entry of a stick table", TABLES).admin(),
    refused("set var", "<name> {<fmt>|<expr>}", "set a variable of the process", VARIABLES).operator().experimental(),
    refused("show acl", "[@<ver>] [<acl>]", "list the ACLs' patterns", PATTERNS),
    refused("show anon", "", "tell whether names are hidden", ANON),
    refused("show cache", "", "tell of caches", CACHE),
    refused("show default-server", "[<backend>]", "list the backends' default servers", DYNAMIC).operator(),
    refused("show defaults", "", "list the defaults sections", "not built yet"),
    refused("show dev", "", "tell of the machine, for developers", INSIDE).operator(),
    refused("show events", "[<sink>] [-w] [-n]", "print a buffer of events", TRACES),
    refused("show fd", "[num]", "list descriptors", INSIDE).operator(),
    refused("show libs", "", "list shared objects (see also the option -dL)", "not built yet").operator(),
    refused("show map", "[@<ver>] [<map>]", "list maps, or the entries of one", PATTERNS),
    refused("show peers", "[dict|-] [section]", "tell of peers", PEERS),
    refused("show proc", "", "list the processes", MASTER),
    refused("show profiling", "[<what>]", "tell measurements of the program itself", INSIDE).admin(),
    refused("show quic", "[<format>]", "list QUIC connections", QUIC).operator(),
    refused("show resolvers", "[id]", "tell counters of resolvers", RESOLVERS),
    refused("show ssl ca-file", "[<cafile>]", "list CA files", TLS),
    refused("show ssl cert", "[<certfile>]", "list certificates", TLS),
    refused("show ssl crl-file", "[<crlfile>]", "list revoked certificates", TLS),
    refused("show ssl crt-list", "[-n] [<list>]", "list certificates' lists", TLS),
    refused("show ssl ech", "[<bind>]", "list ECH keys", TLS),
    refused("show ssl jwt", "", "list certificates that verify tokens", TLS),
    refused("show ssl ocsp-response", "[id]", "list OCSP responses", TLS),
    refused("show ssl ocsp-updates", "", "list OCSP responses that renew themselves", TLS),
    refused("show ssl providers", "", "list the TLS library's parts", TLS),
    refused("show ssl sni", "[-f <frontend>]", "list names of certificates", TLS),
    refused("show startup-logs", "", "print what was said at the start", "not built yet: keeping what was said at the start").operator(),
    refused("show table", "<table> [<filter>]*", "list stick tables, or the entries of one", TABLES),
    refused("show tasks", "", "list tasks that run", INSIDE),
    refused("show tls-keys", "[id|*]", "list keys of session tickets", TLS),
    refused("show trace", "[<module>]", "tell of traces", TRACES),
    refused("trace", "[<module>|0] [cmd [args...]]", "record what the program does", TRACES),
    refused("unpublish backend", "<backend>", "let a backend take no traffic", DYNAMIC).admin(),
    refused("update ssl ocsp-response", "<certfile>", "renew an OCSP response", TLS).admin(),
    refused("_getsocks", "", "hand the listening sockets to a new process", RELOAD).admin(),
    refused("_loadstatus", "", "tell how the start went", MASTER).admin(),
    refused("_send_status", "", "tell the master how the start went", MASTER).admin(),
];
