//! Process-wide settings (configuration manual §3).

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_base::Span;

use crate::addr::Addr;
use crate::log::LogTarget;

/// Operator's level on a stats socket (configuration manual §9.3 of management.txt).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CliLevel {
    /// Read, without what is sensitive.
    User,
    /// Read and change non-sensitive things (clear counters).
    #[default]
    Operator,
    /// Everything.
    Admin,
}

/// A `stats socket` line.
#[derive(Clone, Debug)]
pub struct StatsSocket {
    /// Where it listens.
    pub addr: Addr,
    /// What its users may do.
    pub level: CliLevel,
    /// `mode`, for UNIX sockets.
    pub mode: Option<u32>,
    /// `user`/`uid`.
    pub user: Option<Account>,
    /// `group`/`gid`.
    pub group: Option<Account>,
    /// `expose-fd listeners`.
    pub expose_fd: bool,
    /// The line.
    pub span: Span,
}

/// A user or group as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// `uid 99`.
    Number(u32),
    /// `user haproxy`.
    Name(String),
}

/// The `global` sections together.
#[derive(Clone, Debug)]
pub struct Global {
    /// `daemon`.
    pub daemon: bool,
    /// `master-worker` (read; the mode is not built yet).
    pub master_worker: bool,
    /// Shards: `nbthread`, or `nbproc` of old files; `None`: one per core.
    pub shards: Option<u32>,
    /// `maxconn`; `None`: computed from the file limit, as the original does.
    pub maxconn: Option<u32>,
    /// `ulimit-n`.
    pub ulimit_n: Option<u64>,
    /// `fd-hard-limit`: more open files are not asked for.
    pub fd_hard_limit: Option<u64>,
    /// `maxconnrate`, `maxsessrate` per second; 0: none.
    pub maxconnrate: u32,
    /// See `maxconnrate`.
    pub maxsessrate: u32,
    /// `maxpipes`; 0: automatic.
    pub maxpipes: u32,
    /// `nosplice` clears it.
    pub splice: bool,
    /// `user`/`uid`.
    pub user: Option<Account>,
    /// `group`/`gid`.
    pub group: Option<Account>,
    /// `chroot`.
    pub chroot: Option<PathBuf>,
    /// `pidfile`.
    pub pidfile: Option<PathBuf>,
    /// `node`.
    pub node: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `localpeer`.
    pub localpeer: Option<String>,
    /// `log` lines: what `log global` refers to.
    pub logs: Vec<LogTarget>,
    /// `log-tag`.
    pub log_tag: Option<String>,
    /// `log-send-hostname`: `Some(None)` = this machine's name.
    pub log_send_hostname: Option<Option<String>>,
    /// `stats socket` lines.
    pub stats_sockets: Vec<StatsSocket>,
    /// `stats timeout`, 10 s by default.
    pub stats_timeout: Duration,
    /// `stats maxconn`, 10 by default.
    pub stats_maxconn: u32,
    /// `hard-stop-after`.
    pub hard_stop_after: Option<Duration>,
    /// `grace`.
    pub grace: Duration,
    /// `spread-checks`, percent 0..=50.
    pub spread_checks: u32,
    /// `max-spread-checks`.
    pub max_spread_checks: Option<Duration>,
    /// `quiet`, `zero-warning`, `debug`…: see the command line.
    pub quiet: bool,
    /// `zero-warning`.
    pub zero_warning: bool,
    /// `tune.bufsize`, bytes.
    pub bufsize: u32,
    /// `tune.maxrewrite`, bytes.
    pub maxrewrite: u32,
    /// `tune.http.maxhdr`.
    pub maxhdr: u32,
    /// `tune.http.logurilen`.
    pub logurilen: u32,
    /// `tune.http.cookielen`.
    pub cookielen: u32,
    /// `tune.rcvbuf.client`/`.server`, `tune.sndbuf.client`/`.server`; 0: the kernel's.
    pub rcvbuf_client: u32,
    /// See `rcvbuf_client`.
    pub rcvbuf_server: u32,
    /// See `rcvbuf_client`.
    pub sndbuf_client: u32,
    /// See `rcvbuf_client`.
    pub sndbuf_server: u32,
    /// `unix-bind prefix`.
    pub unix_bind_prefix: Option<PathBuf>,
    /// `setenv` and friends have been applied while reading; kept for `show env`.
    pub env: Vec<(String, String)>,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            daemon: false,
            master_worker: false,
            shards: None,
            maxconn: None,
            ulimit_n: None,
            fd_hard_limit: None,
            maxconnrate: 0,
            maxsessrate: 0,
            maxpipes: 0,
            splice: true,
            user: None,
            group: None,
            chroot: None,
            pidfile: None,
            node: None,
            description: None,
            localpeer: None,
            logs: Vec::new(),
            log_tag: None,
            log_send_hostname: None,
            stats_sockets: Vec::new(),
            stats_timeout: Duration::from_secs(10),
            stats_maxconn: 10,
            hard_stop_after: None,
            grace: Duration::ZERO,
            spread_checks: 0,
            max_spread_checks: None,
            quiet: false,
            zero_warning: false,
            bufsize: 16_384,
            maxrewrite: 1_024,
            maxhdr: 101,
            logurilen: 1_024,
            cookielen: 64,
            rcvbuf_client: 0,
            rcvbuf_server: 0,
            sndbuf_client: 0,
            sndbuf_server: 0,
            unix_bind_prefix: None,
            env: Vec::new(),
        }
    }
}
