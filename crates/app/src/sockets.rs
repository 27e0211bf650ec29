//! Opening every listening socket of a Plan while the process still may, and telling what could not be opened.

use std::io;
use std::sync::Arc;

use evenkeel_admin::socket::BoundCli;
use evenkeel_base::{Diagnostic, Level, SourceMap, Span};
use evenkeel_plan::{self as plan, Plan, ProxyKind};
use evenkeel_proxy::runtime::Sockets as Listening;
use evenkeel_sys::listen::{BindError, BindStep};
use rustix::io::Errno;

use crate::run;
use crate::say;

/// Below this, ports are the system's.
const PORT_PRIVILEGED_END: u16 = 1024;

/// Everything that is open now.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// The listeners of the frontends, for each shard.
    pub(crate) listening: Listening,
    /// The stats sockets.
    pub(crate) stats: Vec<BoundCli>,
}

/// An address that could not be opened.
#[derive(Debug)]
pub(crate) struct BindFault {
    /// `frontend web`, `stats socket`.
    who: String,
    /// The original's word for the proxy.
    proxy: String,
    place: Span,
    addr: String,
    unix: bool,
    port: Option<u16>,
    step: BindStep,
    error: io::Error,
}

/// Opens everything, or tells everything that cannot be opened.
pub(crate) fn open(plan: &Plan, shards: usize) -> Result<Sockets, Vec<BindFault>> {
    let mut faults = Vec::new();
    let listening = match Listening::open(plan, shards) {
        Ok(listening) => Some(listening),
        Err(errors) => {
            faults.extend(errors.into_iter().map(|fault| {
                let listener = plan.listener(fault.listener);
                let proxy = plan.proxy(listener.frontend);
                let kind = match proxy.kind {
                    ProxyKind::Frontend => "frontend",
                    ProxyKind::Backend => "backend",
                    ProxyKind::Listen => "listen",
                };
                let who = format!("{kind} {}", proxy.name);
                BindFault::new(who, &proxy.name, listener.span, &listener.addr, fault.error)
            }));
            None
        }
    };
    let stats = match evenkeel_admin::socket::bind(plan) {
        Ok(stats) => stats,
        Err(errors) => {
            faults.extend(errors.into_iter().filter_map(|fault| {
                let socket = plan.global.stats_sockets.get(fault.index)?;
                let who = "stats socket".to_string();
                Some(BindFault::new(who, "GLOBAL", socket.span, &socket.addr, fault.error))
            }));
            Vec::new()
        }
    };
    match listening {
        Some(listening) if faults.is_empty() => Ok(Sockets { listening, stats }),
        Some(_) | None => Err(faults),
    }
}

impl BindFault {
    fn new(who: String, proxy: &str, place: Span, addr: &plan::Addr, error: BindError) -> Self {
        let (unix, port) = match addr {
            plan::Addr::Inet(a) => (false, Some(a.port())),
            plan::Addr::Unix(_) | plan::Addr::Abstract { .. } => (true, None),
            plan::Addr::Fd(_) => (false, None),
        };
        let addr = match addr {
            // The original's form: no brackets.
            plan::Addr::Inet(a) => format!("{}:{}", a.ip(), a.port()),
            plan::Addr::Unix(_) | plan::Addr::Abstract { .. } | plan::Addr::Fd(_) => addr.to_string(),
        };
        Self { who, proxy: proxy.to_string(), place, addr, unix, port, step: error.step, error: error.source }
    }

    /// Somebody else has the address.
    pub(crate) fn in_use(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }

    /// What was tried, in the original's words.
    fn tried(&self) -> String {
        match self.step {
            BindStep::Socket => "cannot create listening socket".to_string(),
            BindStep::Option(name) => format!("cannot set {name}"),
            BindStep::Bind | BindStep::Rename if self.unix => "cannot bind UNIX socket".to_string(),
            BindStep::Bind | BindStep::Rename => "cannot bind socket".to_string(),
            BindStep::Permissions => "cannot set owner and mode of UNIX socket".to_string(),
            BindStep::Listen => "cannot listen to socket".to_string(),
            BindStep::Adopt => "cannot use the inherited descriptor".to_string(),
        }
    }

    /// One line, as the original writes it.
    pub(crate) fn classic(&self, sources: &SourceMap) -> String {
        let place = sources.place(self.place);
        let words = say::system_words(&self.error);
        let gap = if self.unix { "" } else { "for " };
        let help = self.help().map(|help| format!("\n{help}")).unwrap_or_default();
        format!(
            "Binding [{}:{}] for proxy {}: {} ({words}) {gap}[{}]{help}",
            place.file,
            place.line,
            self.proxy,
            self.tried(),
            self.addr
        )
    }

    /// The same for people.
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let words = say::system_words(&self.error);
        let message = format!("{} {} for {}: {words}", self.tried(), self.addr, self.who);
        let diagnostic = Diagnostic::error("cannot-bind", message, self.place);
        match self.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// What to do about it.
    fn help(&self) -> Option<String> {
        match Errno::from_io_error(&self.error)? {
            Errno::ACCESS if self.port.is_some_and(|port| port < PORT_PRIVILEGED_END) => Some(
                "Ports below 1024 need root or CAP_NET_BIND_SERVICE: start as root (and let `user` give it up), or \
                 write AmbientCapabilities=CAP_NET_BIND_SERVICE into the service's unit."
                    .to_string(),
            ),
            Errno::ACCESS | Errno::PERM if self.unix => {
                Some("This user may not write into the socket's folder.".to_string())
            }
            Errno::ADDRINUSE => Some(match self.port {
                Some(port) => format!("Another process has it: `ss -ltnp sport = :{port}` shows which."),
                None => "Another process has it: `ss -lxp` shows which.".to_string(),
            }),
            Errno::ADDRNOTAVAIL => Some(
                "This machine does not have the address: `ip address` lists what it has. `transparent` on the bind line \
                 allows one that comes later."
                    .to_string(),
            ),
            Errno::NOENT if self.unix => Some("The socket's folder does not exist.".to_string()),
            Errno::BADF => Some("Whoever starts this process has to pass it that descriptor.".to_string()),
            _ => None,
        }
    }
}

/// All faults as text: with the user's lines for people, else in the original's form.
pub(crate) fn complain(faults: &[BindFault], plan: &Plan, voice: &mut say::Voice) {
    if voice.on_terminal() {
        let diagnostics: Vec<Diagnostic> = faults.iter().map(BindFault::diagnostic).collect();
        voice.report(&run::Loaded { plan: None, diagnostics, sources: Arc::clone(&plan.sources) }, false);
    } else {
        for fault in faults {
            voice.say(Level::Error, fault.classic(&plan.sources));
        }
    }
    voice.say(Level::Error, "[haproxy.main()] Some protocols failed to start their listeners! Exiting.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_proxy::world::sys_addr;

    #[test]
    fn faults_read_as_the_originals_and_say_what_to_do() {
        let mut sources = SourceMap::new();
        let file = sources.add("p80.cfg", b"listen web\n bind :80\n".to_vec());
        let span = Span::new(file, 17, 20);
        let inet = |text: &str| plan::Addr::Inet(text.parse().expect("an address"));
        for (addr, step, code, want, help) in [
            (
                inet("0.0.0.0:80"),
                BindStep::Bind,
                13,
                "Binding [p80.cfg:2] for proxy web: cannot bind socket (Permission denied) for [0.0.0.0:80]",
                "CAP_NET_BIND_SERVICE",
            ),
            (
                inet("127.0.0.1:8080"),
                BindStep::Bind,
                98,
                "Binding [p80.cfg:2] for proxy web: cannot bind socket (Address already in use) for [127.0.0.1:8080]",
                "sport = :8080",
            ),
            (
                inet("[::]:81"),
                BindStep::Bind,
                13,
                "Binding [p80.cfg:2] for proxy web: cannot bind socket (Permission denied) for [:::81]",
                "below 1024",
            ),
            (
                plan::Addr::Unix("/nosuch/sock".into()),
                BindStep::Bind,
                2,
                "Binding [p80.cfg:2] for proxy web: cannot bind UNIX socket (No such file or directory) [/nosuch/sock]",
                "folder does not exist",
            ),
        ] {
            let error = BindError { addr: sys_addr(&addr), step, source: io::Error::from_raw_os_error(code) };
            let fault = BindFault::new("listen web".to_string(), "web", span, &addr, error);
            let text = fault.classic(&sources);
            assert_eq!(text.lines().next(), Some(want));
            assert!(text.contains(help), "{text}");
            assert_eq!(fault.diagnostic().span, Some(span));
        }
    }
}
