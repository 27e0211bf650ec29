//! The registry of process information (`show info`) and its text forms.
//!
//! Positions are those of Debian's 2.6, holes included; newer entries follow.

use std::time::Duration;

use evenkeel_base::WallTime;

use crate::value::{Nature, Origin, Scope, Tags, Value, push};

/// What is told of the process. Rates and counts are over all shards.
#[derive(Clone, Debug, Default)]
pub struct Info {
    /// `HAProxy` for tools that look for it.
    pub name: String,
    /// Version.
    pub version: String,
    /// `2024/05/01`
    pub release_date: String,
    /// Shards.
    pub threads: u32,
    /// Process id.
    pub pid: u32,
    /// Time since the start.
    pub uptime: Duration,
    /// The start.
    pub started: WallTime,
    /// `-m`, in bytes; 0: none.
    pub memory_max: u64,
    /// Bytes in buffers and pools.
    pub pool_allocated: u64,
    /// Of these in use.
    pub pool_used: u64,
    /// Allocations refused.
    pub pool_failures: u32,
    /// File descriptor limit.
    pub ulimit_n: u32,
    /// Socket limit.
    pub maxsock: u32,
    /// `maxconn`
    pub maxconn: u32,
    /// Highest `maxconn` possible.
    pub hard_maxconn: u32,
    /// Connections now.
    pub connections: u32,
    /// Connections so far.
    pub connections_total: u32,
    /// Requests so far.
    pub requests_total: u32,
    /// Pipe limit.
    pub maxpipes: u32,
    /// Pipes in use.
    pub pipes_used: u32,
    /// Pipes kept.
    pub pipes_free: u32,
    /// New connections in the last second.
    pub connection_rate: u32,
    /// `maxconnrate`
    pub connection_rate_limit: u32,
    /// Highest `connection_rate`.
    pub connection_rate_max: u32,
    /// New sessions in the last second.
    pub session_rate: u32,
    /// `maxsessrate`
    pub session_rate_limit: u32,
    /// Highest `session_rate`.
    pub session_rate_max: u32,
    /// Bytes into the compressor in the last second.
    pub compress_in_rate: u32,
    /// Bytes out of it.
    pub compress_out_rate: u32,
    /// `maxcomprate`
    pub compress_rate_limit: u32,
    /// Tasks.
    pub tasks: u32,
    /// Tasks ready to run.
    pub run_queue: u32,
    /// Idle percentage.
    pub idle_percent: u32,
    /// `node`
    pub node: String,
    /// `description`
    pub description: Option<String>,
    /// True once a soft stop began.
    pub stopping: bool,
    /// Connections and listeners.
    pub jobs: u32,
    /// Connections of a master process.
    pub unstoppable_jobs: u32,
    /// Listening sockets.
    pub listeners: u32,
    /// Log lines lost.
    pub dropped_logs: u32,
    /// Names not resolved.
    pub failed_resolutions: u32,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes sent by splicing.
    pub spliced_bytes_out: u64,
    /// Bytes sent in the last second.
    pub bytes_out_rate: u64,
    /// Warnings given.
    pub warnings: u32,
    /// Times that `maxconn` was reached.
    pub maxconn_reached: u32,
    /// Duration of the start.
    pub boot_ms: u32,
    /// Streams now.
    pub streams: u32,
    /// Streams so far.
    pub streams_total: u64,
    /// Patterns added at run time.
    pub patterns_added: u64,
    /// Patterns removed at run time.
    pub patterns_freed: u64,
}

/// One entry.
pub struct Item {
    /// Its name.
    pub name: &'static str,
    /// What it tells, without a final dot.
    pub doc: &'static str,
    /// Origin, nature and scope.
    pub tags: Tags,
    value: for<'i> fn(&'i Info, bool) -> Option<Value<'i>>,
}

impl Item {
    /// The value; with fractions where the entry has them and `float` asks for them.
    pub fn value<'i>(&self, info: &'i Info, float: bool) -> Option<Value<'i>> {
        (self.value)(info, float)
    }
}

/// `show info`: a line per entry, with its meaning if `desc`.
pub fn plain(info: &Info, desc: bool, float: bool, out: &mut Vec<u8>) {
    for item in ALL {
        let Some(value) = item.value(info, float) else { continue };
        push(out, &format_args!("{}: ", item.name));
        value.plain(out);
        describe(item, desc, out);
    }
}

/// `show info typed`.
pub fn typed(info: &Info, desc: bool, float: bool, out: &mut Vec<u8>) {
    for (position, item) in ALL.iter().enumerate() {
        let Some(value) = item.value(info, float) else { continue };
        push(out, &format_args!("{position}.{}.1", item.name));
        item.tags.typed(&value, out);
        describe(item, desc, out);
    }
}

/// `show info json`, without a final line end.
pub fn json(info: &Info, float: bool, out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, item) in ALL.iter().enumerate() {
        let Some(value) = item.value(info, float) else { continue };
        if position > 0 {
            out.push(b',');
        }
        push(
            out,
            &format_args!("{{\"field\":{{\"pos\":{position},\"name\":\"{}\"}},\"processNum\":1,", item.name),
        );
        item.tags.json(&value, out);
    }
    out.push(b']');
}

fn describe(item: &Item, desc: bool, out: &mut Vec<u8>) {
    if desc {
        push(out, &format_args!(":\"{}\"", item.doc));
    }
    out.push(b'\n');
}

const PRODUCT: Tags = Tags(Origin::Product, Nature::Output, Scope::Service);
const CONFIG: Tags = Tags(Origin::Config, Nature::Gauge, Scope::Service);
const KEY: Tags = Tags(Origin::Key, Nature::Gauge, Scope::Process);
const STATUS: Tags = Tags(Origin::Status, Nature::Gauge, Scope::Process);
const DURATION: Tags = Tags(Origin::Metric, Nature::Duration, Scope::Process);
const LIMIT: Tags = Tags(Origin::Config, Nature::Limit, Scope::Process);
const GAUGE: Tags = Tags(Origin::Metric, Nature::Gauge, Scope::Process);
const COUNTER: Tags = Tags(Origin::Metric, Nature::Counter, Scope::Process);
const MAX: Tags = Tags(Origin::Metric, Nature::Max, Scope::Process);
const RATE: Tags = Tags(Origin::Metric, Nature::Rate, Scope::Process);
const AVERAGE: Tags = Tags(Origin::Metric, Nature::Average, Scope::Process);
const TEXT: Tags = Tags(Origin::Config, Nature::Output, Scope::Service);

const fn item(
    name: &'static str,
    tags: Tags,
    value: for<'i> fn(&'i Info, bool) -> Option<Value<'i>>,
    doc: &'static str,
) -> Item {
    Item { name, doc, tags, value }
}

/// All entries in order.
#[rustfmt::skip]
pub const ALL: &[Item] = &[
    item("Name", PRODUCT, |i, _| text(&i.name), "Name of the product"),
    item("Version", PRODUCT, |i, _| text(&i.version), "Version of the product"),
    item("Release_date", PRODUCT, |i, _| text(&i.release_date), "Date of the release"),
    item("Nbthread", CONFIG, |i, _| number(i.threads), "Threads, one per shard"),
    item("Nbproc", CONFIG, |_, _| number(1), "Worker processes, always 1"),
    item("Process_num", KEY, |_, _| number(1), "Number of this worker, always 1"),
    item("Pid", STATUS, |i, _| number(i.pid), "Process id"),
    item("Uptime", DURATION, |i, _| owned(uptime(i.uptime)), "Time since the start"),
    item("Uptime_sec", DURATION, |i, float| fraction_or_whole(i.uptime.as_secs_f64(), float), "Seconds since the start"),
    item("Memmax_MB", LIMIT, |i, _| number(mebibytes(i.memory_max)), "Limit of memory (-m), in MB"),
    item("PoolAlloc_MB", GAUGE, |i, _| number(mebibytes(i.pool_allocated)), "Memory in pools, in MB"),
    item("PoolUsed_MB", GAUGE, |i, _| number(mebibytes(i.pool_used)), "Memory of pools in use, in MB"),
    item("PoolFailed", COUNTER, |i, _| number(i.pool_failures), "Allocations that failed"),
    item("Ulimit-n", LIMIT, |i, _| number(i.ulimit_n), "Limit of file descriptors"),
    item("Maxsock", LIMIT, |i, _| number(i.maxsock), "Limit of sockets"),
    item("Maxconn", LIMIT, |i, _| number(i.maxconn), "Limit of connections (maxconn)"),
    item("Hard_maxconn", LIMIT, |i, _| number(i.hard_maxconn), "Limit of connections that the system imposes"),
    item("CurrConns", GAUGE, |i, _| number(i.connections), "Connections now"),
    item("CumConns", COUNTER, |i, _| number(i.connections_total), "Connections so far"),
    item("CumReq", COUNTER, |i, _| number(i.requests_total), "Requests so far"),
    item("MaxSslConns", MAX, |_, _| number(0), "Limit of TLS connections, 0 for none"),
    item("CurrSslConns", GAUGE, |_, _| number(0), "TLS connections now"),
    item("CumSslConns", COUNTER, |_, _| number(0), "TLS connections so far"),
    item("Maxpipes", LIMIT, |i, _| number(i.maxpipes), "Limit of pipes for splicing, 0 for none"),
    item("PipesUsed", GAUGE, |i, _| number(i.pipes_used), "Pipes in use"),
    item("PipesFree", GAUGE, |i, _| number(i.pipes_free), "Pipes kept for later"),
    item("ConnRate", RATE, |i, float| fraction_or_whole(f64::from(i.connection_rate), float), "New connections in the last second"),
    item("ConnRateLimit", LIMIT, |i, _| number(i.connection_rate_limit), "Limit of new connections per second, 0 for none"),
    item("MaxConnRate", MAX, |i, _| number(i.connection_rate_max), "Highest rate of new connections seen"),
    item("SessRate", RATE, |i, float| fraction_or_whole(f64::from(i.session_rate), float), "New sessions in the last second"),
    item("SessRateLimit", LIMIT, |i, _| number(i.session_rate_limit), "Limit of new sessions per second, 0 for none"),
    item("MaxSessRate", MAX, |i, _| number(i.session_rate_max), "Highest rate of new sessions seen"),
    item("SslRate", RATE, |_, _| number(0), "New TLS connections in the last second"),
    item("SslRateLimit", LIMIT, |_, _| number(0), "Limit of new TLS connections per second, 0 for none"),
    item("MaxSslRate", MAX, |_, _| number(0), "Highest rate of new TLS connections seen"),
    item("SslFrontendKeyRate", GAUGE, |_, _| number(0), "TLS keys of clients' connections made in the last second"),
    item("SslFrontendMaxKeyRate", MAX, |_, _| number(0), "Highest rate of such keys seen"),
    item("SslFrontendSessionReuse_pct", GAUGE, |_, _| number(0), "Percentage of clients' TLS connections that resumed a session"),
    item("SslBackendKeyRate", RATE, |_, _| number(0), "TLS keys of servers' connections made in the last second"),
    item("SslBackendMaxKeyRate", MAX, |_, _| number(0), "Highest rate of such keys seen"),
    item("SslCacheLookups", COUNTER, |_, _| number(0), "Lookups in the TLS session cache"),
    item("SslCacheMisses", COUNTER, |_, _| number(0), "Lookups there that found nothing"),
    item("CompressBpsIn", RATE, |i, _| number(i.compress_in_rate), "Bytes given to the compressor in the last second"),
    item("CompressBpsOut", RATE, |i, _| number(i.compress_out_rate), "Bytes that it returned in the last second"),
    item("CompressBpsRateLim", LIMIT, |i, _| number(i.compress_rate_limit), "Limit of compressed bytes per second, 0 for none"),
    item("ZlibMemUsage", GAUGE, |_, _| None, "Memory of zlib, which is not used here"),
    item("MaxZlibMemUsage", LIMIT, |_, _| None, "Limit of zlib's memory, which is not used here"),
    item("Tasks", GAUGE, |i, _| number(i.tasks), "Tasks, asleep or not"),
    item("Run_queue", GAUGE, |i, _| number(i.run_queue), "Tasks that wait to run"),
    item("Idle_pct", AVERAGE, |i, _| number(i.idle_percent), "Percentage of the last second spent waiting"),
    item("node", TEXT, |i, _| text(&i.node), "Name of the node"),
    item("description", TEXT, |i, _| i.description.as_deref().map(Value::str), "The node in the user's words"),
    item("Stopping", GAUGE, |i, _| number(u32::from(i.stopping)), "1 while the process ends"),
    item("Jobs", GAUGE, |i, _| number(i.jobs), "Connections and listeners that keep the process alive"),
    item("Unstoppable Jobs", GAUGE, |i, _| number(i.unstoppable_jobs), "Jobs that do not keep it from ending"),
    item("Listeners", GAUGE, |i, _| number(i.listeners), "Open listening sockets"),
    item("ActivePeers", GAUGE, |_, _| number(0), "Peers in contact"),
    item("ConnectedPeers", GAUGE, |_, _| number(0), "Peers connected"),
    item("DroppedLogs", GAUGE, |i, _| number(i.dropped_logs), "Log lines that could not be sent"),
    item("BusyPolling", GAUGE, |_, _| number(0), "1 if the process polls without sleeping"),
    item("FailedResolutions", GAUGE, |i, _| number(i.failed_resolutions), "Names that could not be resolved"),
    item("TotalBytesOut", GAUGE, |i, _| count(i.bytes_out), "Bytes sent"),
    item("TotalSplicedBytesOut", GAUGE, |i, _| count(i.spliced_bytes_out), "Bytes sent by splicing"),
    item("BytesOutRate", RATE, |i, _| count(i.bytes_out_rate), "Bytes sent in the last second"),
    item("DebugCommandsIssued", GAUGE, |_, _| number(0), "Debug commands given"),
    item("CumRecvLogs", COUNTER, |_, _| number(0), "Log lines received for forwarding"),
    item("Build info", PRODUCT, |i, _| text(&i.version), "Version and build"),
    item("Memmax_bytes", LIMIT, |i, _| number(bytes32(i.memory_max)), "Limit of memory (-m), in bytes"),
    item("PoolAlloc_bytes", GAUGE, |i, _| count(i.pool_allocated), "Memory in pools, in bytes"),
    item("PoolUsed_bytes", GAUGE, |i, _| count(i.pool_used), "Memory of pools in use, in bytes"),
    item("Start_time_sec", DURATION, |i, float| start(i.started, float), "Date of the start, in seconds since 1970"),
    item("Tainted", STATUS, |_, _| text("0"), "Experimental features in use"),
    item("TotalWarnings", COUNTER, |i, _| number(i.warnings), "Warnings given"),
    item("MaxconnReached", COUNTER, |i, _| number(i.maxconn_reached), "Times that maxconn was reached"),
    item("BootTime_ms", DURATION, |i, _| number(i.boot_ms), "Milliseconds that the start took"),
    item("Niced_tasks", GAUGE, |_, _| number(0), "Tasks with a nice value"),
    item("CurrStreams", GAUGE, |i, _| number(i.streams), "Streams now"),
    item("CumStreams", COUNTER, |i, _| count(i.streams_total), "Streams so far"),
    item("BlockedTrafficWarnings", COUNTER, |_, _| number(0), "Warnings about traffic that a task held up"),
    item("PatternsAdded", COUNTER, |i, _| count(i.patterns_added), "Patterns added at run time"),
    item("PatternsFreed", COUNTER, |i, _| count(i.patterns_freed), "Patterns removed at run time"),
    item("NbThreadGroups", CONFIG, |_, _| number(1), "Thread groups, always 1"),
];

fn number<'i>(n: u32) -> Option<Value<'i>> {
    Some(Value::U32(n))
}

fn count<'i>(n: u64) -> Option<Value<'i>> {
    Some(Value::U64(n))
}

fn text(s: &str) -> Option<Value<'_>> {
    Some(Value::str(s))
}

fn owned<'i>(s: String) -> Option<Value<'i>> {
    Some(Value::Str(std::borrow::Cow::Owned(s.into())))
}

fn mebibytes(n: u64) -> u32 {
    u32::try_from(n >> 20).unwrap_or(u32::MAX)
}

fn bytes32(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn fraction_or_whole<'i>(n: f64, float: bool) -> Option<Value<'i>> {
    // The cast saturates; what lies behind the point is dropped, as in the original.
    Some(if float { Value::Flt(n) } else { Value::U32(n as u32) })
}

fn start<'i>(at: WallTime, float: bool) -> Option<Value<'i>> {
    Some(if float {
        Value::Flt(at.as_micros() as f64 / 1e6)
    } else {
        Value::U32(u32::try_from(at.secs()).unwrap_or(u32::MAX))
    })
}

/// `2d 3h04m05s`
fn uptime(up: Duration) -> String {
    let s = up.as_secs();
    format!("{}d {}h{:02}m{:02}s", s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(form: impl Fn(&Info, &mut Vec<u8>), info: &Info) -> Vec<String> {
        let mut out = Vec::new();
        form(info, &mut out);
        String::from_utf8_lossy(&out).lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_of_each_form() {
        let info = Info {
            name: "HAProxy".into(),
            uptime: Duration::from_millis(2 * 86_400_000 + 3 * 3_600_000 + 4 * 60_000 + 5_250),
            started: WallTime::from_micros(1_795_255_993_742_779),
            bytes_out: 85_445,
            ..Info::default()
        };
        let plain_lines = lines(|i, out| plain(i, false, false, out), &info);
        for want in
            ["Name: HAProxy", "Uptime: 2d 3h04m05s", "Uptime_sec: 183845", "Start_time_sec: 1795255993"]
        {
            assert!(plain_lines.iter().any(|l| l == want), "{want}");
        }
        let typed_lines = lines(|i, out| typed(i, false, true, out), &info);
        for want in [
            "0.Name.1:POS:str:HAProxy",
            "8.Uptime_sec.1:MDP:flt:183845.25",
            "61.TotalBytesOut.1:MGP:u64:85445",
            "70.Start_time_sec.1:MDP:flt:1795255993.742779",
        ] {
            assert!(typed_lines.iter().any(|l| l == want), "{want}");
        }
        let json_lines = lines(|i, out| json(i, false, out), &info);
        assert!(json_lines[0].starts_with(
            "[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,\"tags\":{\"origin\":\"Product\",\
             \"nature\":\"Output\",\"scope\":\"Service\"},\"value\":{\"type\":\"str\",\"value\":\"HAProxy\"}},"
        ));
    }
}
