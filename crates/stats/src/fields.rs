//! The registry of statistics fields: every column of `show stat`, its place, meaning, kind and source.
//!
//! Order: the columns of Debian's 2.6 first, up to its last added one, so that readers who count columns find what
//! they know; the columns of newer releases after them.

use std::borrow::Cow;

use bstr::BStr;

use crate::row::{CheckView, Kind, Mode, Row};
use crate::value::{Nature, Origin, Scope, Tags, Value};

/// One field.
pub struct Field {
    /// The column's name.
    pub name: &'static str,
    /// What it tells, one sentence without a final dot.
    pub doc: &'static str,
    /// Kinds of objects that have it, as bits of [`Kind::bit`].
    kinds: u8,
    tags: Tags,
    backend_tags: Option<Tags>,
    value: for<'r> fn(&'r Row<'_>) -> Option<Value<'r>>,
    /// Name among the metrics after `haproxy_<kind>_`, if it is one.
    metric: Option<&'static str>,
    server_metric: Option<&'static str>,
}

impl Field {
    /// The value to show for this object, if it has one.
    pub fn value<'r>(&self, row: &'r Row<'_>) -> Option<Value<'r>> {
        if self.kinds & row.kind.bit() == 0 { None } else { (self.value)(row) }
    }

    /// True if objects of this kind have the field.
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds & kind.bit() != 0
    }

    /// Origin, nature and scope.
    pub fn tags(&self, kind: Kind) -> Tags {
        match kind {
            Kind::Backend => self.backend_tags.unwrap_or(self.tags),
            Kind::Frontend | Kind::Server | Kind::Listener => self.tags,
        }
    }

    /// Name of the metric after `haproxy_<kind>_`. Times are in milliseconds here and in seconds there.
    pub fn metric(&self, kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::Server => self.server_metric.or(self.metric),
            Kind::Frontend | Kind::Backend | Kind::Listener => self.metric,
        }
    }

    /// True for the column named `-` that stands between the fixed fields and the added ones: CSV has it, the other
    /// forms don't count it.
    pub fn is_separator(&self) -> bool {
        self.kinds == 0
    }
}

/// The field of this name.
pub fn find(name: &str) -> Option<&'static Field> {
    ALL.iter().find(|f| f.name == name)
}

const F: u8 = Kind::Frontend.bit();
const B: u8 = Kind::Backend.bit();
const S: u8 = Kind::Server.bit();
const L: u8 = Kind::Listener.bit();

const AGE: Tags = Tags(Origin::Metric, Nature::Age, Scope::Process);
const AVERAGE: Tags = Tags(Origin::Metric, Nature::Average, Scope::Process);
const CONFIG: Tags = Tags(Origin::Config, Nature::Gauge, Scope::Service);
const CONFIG_NAME: Tags = Tags(Origin::Config, Nature::Name, Scope::Service);
const COUNTER: Tags = Tags(Origin::Metric, Nature::Counter, Scope::Process);
const DURATION: Tags = Tags(Origin::Metric, Nature::Duration, Scope::Process);
const GAUGE: Tags = Tags(Origin::Metric, Nature::Gauge, Scope::Process);
const LIMIT: Tags = Tags(Origin::Config, Nature::Limit, Scope::Process);
const MAX: Tags = Tags(Origin::Metric, Nature::Max, Scope::Process);
const NAME_KEY: Tags = Tags(Origin::Key, Nature::Name, Scope::Service);
const OUTPUT: Tags = Tags(Origin::Metric, Nature::Output, Scope::Process);
const PROCESS_KEY: Tags = Tags(Origin::Key, Nature::Gauge, Scope::Process);
const RATE: Tags = Tags(Origin::Metric, Nature::Rate, Scope::Process);
const SERVICE_KEY: Tags = Tags(Origin::Key, Nature::Gauge, Scope::Service);
const STATUS: Tags = Tags(Origin::Status, Nature::Gauge, Scope::Process);

const fn field(
    name: &'static str,
    tags: Tags,
    kinds: u8,
    value: for<'r> fn(&'r Row<'_>) -> Option<Value<'r>>,
    doc: &'static str,
) -> Field {
    Field { name, doc, kinds, tags, backend_tags: None, value, metric: None, server_metric: None }
}

impl Field {
    const fn metric_named(mut self, name: &'static str) -> Self {
        self.metric = Some(name);
        self
    }

    const fn on_servers(mut self, name: &'static str) -> Self {
        self.server_metric = Some(name);
        self
    }

    const fn on_backends(mut self, tags: Tags) -> Self {
        self.backend_tags = Some(tags);
        self
    }
}

/// All fields in the order of the columns.
#[rustfmt::skip]
pub const ALL: &[Field] = &[
    field("pxname", NAME_KEY, L | F | B | S, |r| text(r.proxy), "Name of the proxy"),
    field("svname", NAME_KEY, L | F | B | S, |r| text(r.name()), "FRONTEND, BACKEND, or the name of the server or listener"),
    field("qcur", GAUGE, B | S, |r| number(r.qcur), "Requests waiting for a server now").metric_named("current_queue"),
    field("qmax", MAX, B | S, |r| number(r.qmax), "Most requests that waited at one time").metric_named("max_queue"),
    field("scur", GAUGE, L | F | B | S, |r| number(r.scur), "Sessions now").metric_named("current_sessions"),
    field("smax", MAX, L | F | B | S, |r| number(r.smax), "Most sessions at one time").metric_named("max_sessions"),
    field("slim", LIMIT, L | F | B | S, |r| r.slim.map(Value::U32), "Limit of sessions: maxconn, or fullconn of a backend").metric_named("limit_sessions"),
    field("stot", COUNTER, L | F | B | S, |r| count(r.totals.stot), "Sessions so far").metric_named("sessions_total"),
    field("bin", COUNTER, L | F | B | S, |r| count(r.totals.bin), "Bytes of requests").metric_named("bytes_in_total"),
    field("bout", COUNTER, L | F | B | S, |r| count(r.totals.bout), "Bytes of responses").metric_named("bytes_out_total"),
    field("dreq", COUNTER, L | F | B, |r| count(r.totals.dreq), "Requests denied by a rule").metric_named("requests_denied_total"),
    field("dresp", COUNTER, L | F | B | S, |r| count(r.totals.dresp), "Responses denied by a rule").metric_named("responses_denied_total"),
    field("ereq", COUNTER, L | F, |r| count(r.totals.ereq), "Requests in error or never completed").metric_named("request_errors_total"),
    field("econ", COUNTER, B | S, |r| count(r.totals.econ), "Connections to servers that failed").metric_named("connection_errors_total"),
    field("eresp", COUNTER, B | S, |r| count(r.totals.eresp), "Responses in error").metric_named("response_errors_total"),
    field("wretr", COUNTER, B | S, |r| count(r.totals.wretr), "Connections tried again").metric_named("retry_warnings_total"),
    field("wredis", COUNTER, B | S, |r| count(r.totals.wredis), "Requests moved to another server").metric_named("redispatch_warnings_total"),
    field("status", STATUS, L | F | B | S, |r| borrowed(r.status.as_bytes()), "State: OPEN and FULL of frontends, UP, DOWN, MAINT and others of servers").metric_named("status"),
    field("weight", AVERAGE, B | S, |r| number(r.weight), "Effective weight, or the active servers' sum of it").metric_named("weight"),
    field("act", STATUS, B | S, |r| number(r.active), "Active servers that are up; 1 on a server's own row if it is no backup").metric_named("active_servers").on_servers("active").on_backends(GAUGE),
    field("bck", STATUS, B | S, |r| number(r.backup), "Backup servers that are up; 1 on a server's own row if it is one").metric_named("backup_servers").on_servers("backup").on_backends(GAUGE),
    field("chkfail", COUNTER, S, |r| r.check.as_ref().and(count(r.totals.chkfail)), "Checks that failed").metric_named("check_failures_total"),
    field("chkdown", COUNTER, B | S, |r| checked(r).then_some(Value::U64(r.totals.chkdown)), "Times that it went down").metric_named("check_up_down_total"),
    field("lastchg", AGE, B | S, |r| number(r.lastchg_s), "Seconds since the state changed").metric_named("check_last_change_seconds"),
    field("downtime", COUNTER, B | S, |r| r.downtime_s.map(Value::U32), "Seconds spent down").metric_named("downtime_seconds_total"),
    field("qlimit", CONFIG, S, |r| r.qlimit.map(Value::U32), "Limit of the server's queue (maxqueue)").metric_named("queue_limit"),
    field("pid", PROCESS_KEY, L | F | B | S, |_| number(1), "Number of the process, always 1"),
    field("iid", SERVICE_KEY, L | F | B | S, |r| number(r.iid), "Number of the proxy"),
    field("sid", SERVICE_KEY, L | F | B | S, |r| number(r.sid), "Number of the server or listener in its proxy, 0 for others"),
    field("throttle", AVERAGE, S, |r| r.throttle.map(Value::U32), "Percentage of its weight that a starting server gets").metric_named("current_throttle"),
    field("lbtot", COUNTER, B | S, |r| count(r.totals.lbtot), "Requests that balancing sent here").metric_named("loadbalanced_total"),
    field("tracked", CONFIG_NAME, S, |r| r.tracked.as_deref().map(Value::str), "The server whose state this one follows"),
    field("type", CONFIG, L | F | B | S, |r| number(r.kind.number()), "0 frontend, 1 backend, 2 server, 3 listener"),
    field("rate", RATE, F | B | S, |r| number(r.rate), "Sessions, or requests of a backend or server, in the last second").metric_named("current_session_rate").on_backends(GAUGE),
    field("rate_lim", LIMIT, F, |r| number(r.rate_lim), "Limit of new sessions per second").metric_named("limit_session_rate"),
    field("rate_max", MAX, F | B | S, |r| number(r.rate_max), "Highest rate seen").metric_named("max_session_rate").on_backends(GAUGE),
    field("check_status", OUTPUT, S, |r| shown(&r.check).map(check_status), "Result of the last check, with a star while one runs").metric_named("check_status"),
    field("check_code", OUTPUT, S, |r| shown(&r.check).and_then(|c| c.code).map(|n| Value::U32(u32::from(n))), "Status code that the last check received").metric_named("check_code"),
    field("check_duration", DURATION, S, |r| shown(&r.check).and_then(|c| c.duration_ms).map(Value::U64), "Milliseconds that the last check took").metric_named("check_duration_seconds"),
    field("hrsp_1xx", COUNTER, F | B | S, |r| http(r, r.totals.hrsp_1xx), "Responses with status 100 to 199").metric_named("http_responses_total"),
    field("hrsp_2xx", COUNTER, F | B | S, |r| http(r, r.totals.hrsp_2xx), "Responses with status 200 to 299").metric_named("http_responses_total"),
    field("hrsp_3xx", COUNTER, F | B | S, |r| http(r, r.totals.hrsp_3xx), "Responses with status 300 to 399").metric_named("http_responses_total"),
    field("hrsp_4xx", COUNTER, F | B | S, |r| http(r, r.totals.hrsp_4xx), "Responses with status 400 to 499").metric_named("http_responses_total"),
    field("hrsp_5xx", COUNTER, F | B | S, |r| http(r, r.totals.hrsp_5xx), "Responses with status 500 to 599").metric_named("http_responses_total"),
    field("hrsp_other", COUNTER, F | B | S, |r| http(r, r.totals.hrsp_other), "Responses with any other status, or in error").metric_named("http_responses_total"),
    field("hanafail", COUNTER, S, |r| r.observe.then_some(Value::U64(r.totals.hanafail)), "Errors that observe counted as failed checks"),
    field("req_rate", RATE, F, |r| number(r.req_rate), "Requests in the last second"),
    field("req_rate_max", MAX, F, |r| number(r.req_rate_max), "Highest rate of requests seen").metric_named("http_requests_rate_max"),
    field("req_tot", COUNTER, F | B | S, |r| requests(r), "Requests so far").metric_named("http_requests_total"),
    field("cli_abrt", COUNTER, B | S, |r| count(r.totals.cli_abrt), "Transfers that the client broke off").metric_named("client_aborts_total"),
    field("srv_abrt", COUNTER, B | S, |r| count(r.totals.srv_abrt), "Transfers that the server broke off").metric_named("server_aborts_total"),
    field("comp_in", COUNTER, F | B, |r| count(r.totals.comp_in), "Bytes given to the compressor").metric_named("http_comp_bytes_in_total"),
    field("comp_out", COUNTER, F | B, |r| count(r.totals.comp_out), "Bytes that the compressor returned").metric_named("http_comp_bytes_out_total"),
    field("comp_byp", COUNTER, F | B, |r| count(r.totals.comp_byp), "Bytes that a limit kept from the compressor").metric_named("http_comp_bytes_bypassed_total"),
    field("comp_rsp", COUNTER, F | B, |r| count(r.totals.comp_rsp), "Responses compressed").metric_named("http_comp_responses_total"),
    field("lastsess", AGE, B | S, |r| Some(Value::S32(seconds_or_never(r.lastsess_s))), "Seconds since the last session, -1 before the first").metric_named("last_session_seconds"),
    field("last_chk", OUTPUT, S, |r| shown(&r.check).and_then(|c| borrowed(&c.last)), "What the last check said"),
    field("last_agt", OUTPUT, S, |r| shown(&r.agent).and_then(|c| borrowed(&c.last)), "What the last agent check said"),
    field("qtime", AVERAGE, B | S, |r| number(r.times.queue.average_ms), "Milliseconds waiting in the queue, average of the last 1024 requests").metric_named("queue_time_average_seconds"),
    field("ctime", AVERAGE, B | S, |r| number(r.times.connect.average_ms), "Milliseconds connecting, average of the last 1024 requests").metric_named("connect_time_average_seconds"),
    field("rtime", AVERAGE, B | S, |r| number(r.times.response.average_ms), "Milliseconds waiting for the response head, average of the last 1024 requests").metric_named("response_time_average_seconds"),
    field("ttime", AVERAGE, B | S, |r| number(r.times.total.average_ms), "Milliseconds for the whole request, average of the last 1024 requests").metric_named("total_time_average_seconds"),
    field("agent_status", OUTPUT, S, |r| shown(&r.agent).map(check_status), "Result of the last agent check, with a star while one runs").metric_named("agent_status"),
    field("agent_code", OUTPUT, S, |r| shown(&r.agent).and_then(|c| c.code).map(|n| Value::U32(u32::from(n))), "Code of the last agent check").metric_named("agent_code"),
    field("agent_duration", DURATION, S, |r| shown(&r.agent).and_then(|c| c.duration_ms).map(Value::U64), "Milliseconds that the last agent check took"),
    field("check_desc", OUTPUT, S, |r| shown(&r.check).map(|c| Value::str(c.desc)), "Result of the last check in words"),
    field("agent_desc", OUTPUT, S, |r| shown(&r.agent).map(|c| Value::str(c.desc)), "Result of the last agent check in words"),
    field("check_rise", CONFIG, S, |r| shown(&r.check).map(|c| Value::U32(c.rise)), "Successes that bring the server up"),
    field("check_fall", CONFIG, S, |r| shown(&r.check).map(|c| Value::U32(c.fall)), "Failures that take the server down"),
    field("check_health", CONFIG, S, |r| shown(&r.check).map(|c| Value::U32(c.health)), "Position between 0 and rise + fall - 1"),
    field("agent_rise", CONFIG, S, |r| shown(&r.agent).map(|c| Value::U32(c.rise)), "Successes that bring the server up (agent)"),
    field("agent_fall", CONFIG, S, |r| shown(&r.agent).map(|c| Value::U32(c.fall)), "Failures that take the server down (agent)"),
    field("agent_health", CONFIG, S, |r| shown(&r.agent).map(|c| Value::U32(c.health)), "Position between 0 and rise + fall - 1 (agent)"),
    field("addr", CONFIG, L | S, |r| r.addr.as_deref().map(Value::str), "Address and port, for operators"),
    field("cookie", CONFIG_NAME, B | S, |r| r.cookie.as_ref().and_then(|c| borrowed(c)), "Cookie's name (backend) or value (server), for operators"),
    field("mode", CONFIG, L | F | B | S, |r| text(r.mode.word()), "The proxy's mode"),
    field("algo", CONFIG, B, |r| r.algo.map(Value::str), "Balance algorithm, for operators"),
    field("conn_rate", RATE, F, |r| number(r.conn_rate), "Connections in the last second"),
    field("conn_rate_max", MAX, F, |r| number(r.conn_rate_max), "Highest rate of connections seen").metric_named("connections_rate_max"),
    field("conn_tot", COUNTER, F, |r| count(r.totals.conn_tot), "Connections so far").metric_named("connections_total"),
    field("intercepted", COUNTER, F, |r| http(r, r.totals.intercepted), "Requests that the proxy answered itself").metric_named("intercepted_requests_total"),
    field("dcon", COUNTER, L | F, |r| count(r.totals.dcon), "Connections refused by tcp-request connection").metric_named("denied_connections_total"),
    field("dses", COUNTER, L | F, |r| count(r.totals.dses), "Sessions refused by tcp-request session").metric_named("denied_sessions_total"),
    field("wrew", COUNTER, L | F | B | S, |r| count(r.totals.wrew), "Header rewrites that failed").metric_named("failed_header_rewriting_total"),
    field("connect", COUNTER, B | S, |r| count(r.totals.connect), "Connections to servers tried").metric_named("connection_attempts_total"),
    field("reuse", COUNTER, B | S, |r| count(r.totals.reuse), "Requests sent over an idle connection").metric_named("connection_reuses_total"),
    field("cache_lookups", COUNTER, F | B, |r| http(r, r.totals.cache_lookups), "Requests looked up in the cache").metric_named("http_cache_lookups_total"),
    field("cache_hits", COUNTER, F | B, |r| http(r, r.totals.cache_hits), "Requests answered from the cache").metric_named("http_cache_hits_total"),
    field("srv_icur", GAUGE, S, |r| number(r.idle), "Idle connections to the server").metric_named("idle_connections_current"),
    field("src_ilim", LIMIT, S, |r| r.idle_limit.map(Value::U32), "Limit of idle connections").metric_named("idle_connections_limit"),
    field("qtime_max", MAX, B | S, |r| number(r.times.queue.max_ms), "Most milliseconds waiting in the queue").metric_named("max_queue_time_seconds"),
    field("ctime_max", MAX, B | S, |r| number(r.times.connect.max_ms), "Most milliseconds connecting").metric_named("max_connect_time_seconds"),
    field("rtime_max", MAX, B | S, |r| number(r.times.response.max_ms), "Most milliseconds waiting for the response head").metric_named("max_response_time_seconds"),
    field("ttime_max", MAX, B | S, |r| number(r.times.total.max_ms), "Most milliseconds for the whole request").metric_named("max_total_time_seconds"),
    field("eint", COUNTER, L | F | B | S, |r| count(r.totals.internal_errors), "Internal errors").metric_named("internal_errors_total"),
    field("idle_conn_cur", GAUGE, S, |r| number(r.idle_unsafe), "Idle connections that may be stale").metric_named("unsafe_idle_connections_current"),
    field("safe_conn_cur", GAUGE, S, |r| number(r.idle_safe), "Idle connections known to be good").metric_named("safe_idle_connections_current"),
    field("used_conn_cur", GAUGE, S, |r| number(r.used), "Connections in use").metric_named("used_connections_current"),
    field("need_conn_est", GAUGE, S, |r| number(r.need), "Connections that are likely to be needed").metric_named("need_connections_current"),
    field("uweight", AVERAGE, B | S, |r| number(r.uweight), "Weight as configured or set, or the active servers' sum of it").metric_named("uweight"),
    field("agg_server_status", GAUGE, B, |_| number(0), "Servers per state; told by metrics only, 0 here").metric_named("agg_server_status"),
    field("agg_server_check_status", GAUGE, B, |_| number(0), "Servers per state; told by metrics only, 0 here").metric_named("agg_server_check_status"),
    field("agg_check_status", GAUGE, B, |_| number(0), "Servers per state; told by metrics only, 0 here").metric_named("agg_check_status"),
    field("-", GAUGE, 0, |_| None, "Fields before this one have fixed places"),
    field("ssl_sess", COUNTER, L | F | B | S, |_| count(0), "TLS sessions").metric_named("ssl_sess"),
    field("ssl_reused_sess", COUNTER, L | F | B | S, |_| count(0), "TLS sessions resumed").metric_named("ssl_reused_sess"),
    field("ssl_failed_handshake", COUNTER, L | F | B | S, |_| count(0), "TLS handshakes that failed").metric_named("ssl_failed_handshake"),
    field("h2_headers_rcvd", COUNTER, F | B, |_| count(0), "HEADERS frames received, HTTP/2").metric_named("h2_headers_rcvd"),
    field("h2_data_rcvd", COUNTER, F | B, |_| count(0), "DATA frames received, HTTP/2").metric_named("h2_data_rcvd"),
    field("h2_settings_rcvd", COUNTER, F | B, |_| count(0), "SETTINGS frames received, HTTP/2").metric_named("h2_settings_rcvd"),
    field("h2_rst_stream_rcvd", COUNTER, F | B, |_| count(0), "RST_STREAM frames received, HTTP/2").metric_named("h2_rst_stream_rcvd"),
    field("h2_goaway_rcvd", COUNTER, F | B, |_| count(0), "GOAWAY frames received, HTTP/2").metric_named("h2_goaway_rcvd"),
    field("h2_detected_conn_protocol_errors", COUNTER, F | B, |_| count(0), "Protocol errors of connections, HTTP/2").metric_named("h2_detected_conn_protocol_errors"),
    field("h2_detected_strm_protocol_errors", COUNTER, F | B, |_| count(0), "Protocol errors of streams, HTTP/2").metric_named("h2_detected_strm_protocol_errors"),
    field("h2_rst_stream_resp", COUNTER, F | B, |_| count(0), "RST_STREAM frames sent on errors, HTTP/2").metric_named("h2_rst_stream_resp"),
    field("h2_goaway_resp", COUNTER, F | B, |_| count(0), "GOAWAY frames sent on errors, HTTP/2").metric_named("h2_goaway_resp"),
    field("h2_open_connections", GAUGE, F | B, |_| count(0), "Open connections, HTTP/2").metric_named("h2_open_connections"),
    field("h2_backend_open_streams", GAUGE, F | B, |_| count(0), "Open streams, HTTP/2").metric_named("h2_backend_open_streams"),
    field("h2_total_connections", COUNTER, F | B, |_| count(0), "Connections, HTTP/2").metric_named("h2_total_connections"),
    field("h2_backend_total_streams", COUNTER, F | B, |_| count(0), "Streams, HTTP/2").metric_named("h2_backend_total_streams"),
    field("h1_open_connections", GAUGE, F | B, |r| count(u64::from(r.h1_connections)), "Open connections, HTTP/1").metric_named("h1_open_connections"),
    field("h1_open_streams", GAUGE, F | B, |r| count(u64::from(r.h1_streams)), "Open streams, HTTP/1").metric_named("h1_open_streams"),
    field("h1_total_connections", COUNTER, F | B, |r| count(r.totals.h1_total_connections), "Connections, HTTP/1").metric_named("h1_total_connections"),
    field("h1_total_streams", COUNTER, F | B, |r| count(r.totals.h1_total_streams), "Streams, HTTP/1").metric_named("h1_total_streams"),
    field("h1_bytes_in", COUNTER, F | B, |r| count(r.totals.h1_bytes_in), "Bytes received, HTTP/1").metric_named("h1_bytes_in"),
    field("h1_bytes_out", COUNTER, F | B, |r| count(r.totals.h1_bytes_out), "Bytes sent, HTTP/1").metric_named("h1_bytes_out"),
    field("h1_spliced_bytes_in", COUNTER, F | B, |r| count(r.totals.h1_spliced_bytes_in), "Bytes received by splicing, HTTP/1").metric_named("h1_spliced_bytes_in"),
    field("h1_spliced_bytes_out", COUNTER, F | B, |r| count(r.totals.h1_spliced_bytes_out), "Bytes sent by splicing, HTTP/1").metric_named("h1_spliced_bytes_out"),
    field("srid", SERVICE_KEY, S, |r| number(r.revision), "How often a server was created anew under its number"),
    field("sess_other", COUNTER, F, |r| count(r.totals.sess_other), "Sessions of other protocols").metric_named("sessions_total"),
    field("h1sess", COUNTER, F, |r| count(r.totals.h1sess), "HTTP/1 sessions").metric_named("sessions_total"),
    field("h2sess", COUNTER, F, |r| count(r.totals.h2sess), "HTTP/2 sessions").metric_named("sessions_total"),
    field("h3sess", COUNTER, F, |r| count(r.totals.h3sess), "HTTP/3 sessions").metric_named("sessions_total"),
    field("req_other", COUNTER, F, |r| count(r.totals.req_other), "Requests of other protocols").metric_named("http_requests_total"),
    field("h1req", COUNTER, F, |r| count(r.totals.h1req), "HTTP/1 requests").metric_named("http_requests_total"),
    field("h2req", COUNTER, F, |r| count(r.totals.h2req), "HTTP/2 requests").metric_named("http_requests_total"),
    field("h3req", COUNTER, F, |r| count(r.totals.h3req), "HTTP/3 requests").metric_named("http_requests_total"),
    field("proto", CONFIG, L | S, |r| r.proto.map(Value::str), "Protocol of the listener or server"),
    field("priv_idle_cur", GAUGE, S, |r| number(r.idle_private), "Idle connections that belong to one client").metric_named("private_idle_connections_current"),
    field("reqbin", COUNTER, L | F | B | S, |r| count(r.totals.reqbin), "Request bytes received from clients").metric_named("req_bytes_in_total"),
    field("reqbout", COUNTER, L | F | B | S, |r| count(r.totals.reqbout), "Request bytes sent to servers").metric_named("req_bytes_out_total"),
    field("resbin", COUNTER, L | F | B | S, |r| count(r.totals.resbin), "Response bytes received from servers").metric_named("res_bytes_in_total"),
    field("resbout", COUNTER, L | F | B | S, |r| count(r.totals.resbout), "Response bytes sent to clients").metric_named("res_bytes_out_total"),
    field("cache_hint_hits", COUNTER, F | B, |r| http(r, r.totals.cache_hint_hits), "Requests answered from the cache after a hint").metric_named("http_cache_hint_hits_total"),
    field("ssl_ocsp_staple", COUNTER, L | F | B | S, |_| count(0), "OCSP responses stapled").metric_named("ssl_ocsp_staple"),
    field("ssl_failed_ocsp_staple", COUNTER, L | F | B | S, |_| count(0), "OCSP responses that could not be stapled").metric_named("ssl_failed_ocsp_staple"),
];

fn count<'r>(n: u64) -> Option<Value<'r>> {
    Some(Value::U64(n))
}

fn number<'r>(n: u32) -> Option<Value<'r>> {
    Some(Value::U32(n))
}

fn text(s: &str) -> Option<Value<'_>> {
    Some(Value::str(s))
}

fn borrowed(s: &[u8]) -> Option<Value<'_>> {
    Some(Value::Str(Cow::Borrowed(BStr::new(s))))
}

/// A number that only proxies in HTTP mode have.
fn http<'r>(row: &Row<'_>, n: u64) -> Option<Value<'r>> {
    (row.mode == Mode::Http).then_some(Value::U64(n))
}

/// Frontends show their requests in every mode, backends and servers in HTTP mode.
fn requests<'r>(row: &Row<'_>) -> Option<Value<'r>> {
    match row.kind {
        Kind::Frontend => count(row.totals.req_tot),
        Kind::Backend | Kind::Server | Kind::Listener => http(row, row.totals.req_tot),
    }
}

/// True for backends, and for servers with a check of their own.
fn checked(row: &Row<'_>) -> bool {
    row.kind == Kind::Backend || row.check.is_some()
}

/// A check that is not paused: in maintenance the original shows none of its results.
fn shown<'r, 'a>(check: &'r Option<CheckView<'a>>) -> Option<&'r CheckView<'a>> {
    check.as_ref().filter(|c| !c.paused)
}

fn check_status<'r>(check: &'r CheckView<'_>) -> Value<'r> {
    if !check.running {
        return Value::str(check.status);
    }
    Value::Str(Cow::Owned(format!("* {}", check.status).into()))
}

fn seconds_or_never(seconds: Option<u32>) -> i32 {
    seconds.map_or(-1, |s| i32::try_from(s).unwrap_or(i32::MAX))
}
