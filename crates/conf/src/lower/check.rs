//! Checks that need the whole: targets, modes, missing timeouts. Wording starts as the original's, for greps. What a
//! mode makes void is taken out of the Plan here, so that the data path need not ask again.

use evenkeel_balance::Algorithm;
use evenkeel_base::{Diagnostic, ProxyId};
use evenkeel_plan::addr::PortRule;
use evenkeel_plan::{Addr, BalanceKey, Host, Mode, Plan, Proxy, ProxyKind};

use evenkeel_rules::route::BackendTarget;

use super::context::Ctx;

/// Looks over the finished Plan.
pub(crate) fn check(plan: &mut Plan, ctx: &mut Ctx<'_>) {
    for index in 0..plan.proxies.len() {
        let id = ProxyId(index as u32);
        if plan.proxies[index].disabled {
            continue; // the original doesn't look at it either
        }
        has_addresses(&plan.proxies[index], ctx);
        timeouts(&plan.proxies[index], ctx);
        modes_agree(plan, id, ctx);
        if plan.proxies[index].mode == Mode::Tcp {
            void_in_tcp_mode(plan, id, ctx);
        }
        logs(&plan.proxies[index], ctx);
    }
    destinations(plan, ctx);
}

/// Frontends whose clients' destination somebody may ask for: one system call per connection, so not for nothing.
fn destinations(plan: &mut Plan, ctx: &Ctx<'_>) {
    let servers_ask = plan.servers.iter().any(|server| {
        matches!(server.addr.port, PortRule::SameAsClient(_))
            || matches!(&server.addr.host, Host::Addr(Addr::Inet(addr)) if addr.ip().is_unspecified())
            || server.line.send_proxy > 0
    });
    let options_ask = plan.proxies.iter().any(|proxy| {
        proxy.options.transparent
            || proxy.originalto.is_some()
            || proxy.back.as_ref().is_some_and(|b| b.transparent)
    });
    for proxy in &mut plan.proxies {
        // The original's line for frontends without a log format says where the client went.
        let log_asks = !proxy.log.targets.is_empty() && proxy.log.format.is_none();
        if let Some(front) = &mut proxy.front {
            front.needs_dst |= servers_ask || options_ask || log_asks || ctx.uses_destination;
        }
    }
}

/// How messages name a proxy.
pub(crate) fn title(proxy: &Proxy) -> String {
    let kind = match proxy.kind {
        ProxyKind::Frontend => "frontend",
        ProxyKind::Backend => "backend",
        ProxyKind::Listen => "proxy",
    };
    format!("{kind} '{}'", proxy.name)
}

fn has_addresses(proxy: &Proxy, ctx: &mut Ctx<'_>) {
    if proxy.front.as_ref().is_some_and(|front| front.listeners.is_empty()) {
        let message = format!(
            "{} has no 'bind' directive. Please declare it as a backend if this was intended.",
            title(proxy)
        );
        ctx.warn("no-bind", message, proxy.span);
    }
}

fn timeouts(proxy: &Proxy, ctx: &mut Ctx<'_>) {
    let t = &proxy.timeouts;
    let client = proxy.front.is_some() && t.client.is_none();
    let has_servers = proxy.back.as_ref().is_some_and(|back| !back.servers.is_empty());
    let server = has_servers && (t.connect.is_none() || t.server.is_none());
    if client || server {
        ctx.report(
            Diagnostic::warning("missing-timeouts", format!("missing timeouts for {}.", title(proxy)), proxy.span).help(
                "While not properly invalid, you will certainly encounter various problems with such a configuration. \
                 To fix this, please ensure that all following timeouts are set to a non-zero value: 'client', \
                 'connect', 'server'.",
            ),
        );
    }
}

fn modes_agree(plan: &Plan, id: ProxyId, ctx: &mut Ctx<'_>) {
    let proxy = plan.proxy(id);
    let Some(front) = proxy.front.as_ref() else { return };
    let is_tcp = |target: &ProxyId| plan.proxies.get(target.index()).filter(|t| t.mode == Mode::Tcp);
    let http = proxy.mode == Mode::Http;
    if let Some(target) =
        front.default_backend.filter(|target| http && *target != id).and_then(|id| is_tcp(&id))
    {
        let message = format!(
            "http {} tries to use incompatible tcp {} as its default backend (see 'mode').",
            title(proxy),
            title(target)
        );
        ctx.report(Diagnostic::error("mode-mismatch", message, proxy.span).label(target.span, "this one"));
    }
    for rule in &front.use_backend {
        let BackendTarget::Static(target) = &rule.target else { continue };
        if *target == id {
            let message = format!("Proxy '{0}': loop detected for use_backend: '{0}'.", proxy.name);
            ctx.error("backend-loop", message, rule.span);
        } else if let Some(target) = is_tcp(target).filter(|_| http) {
            let message = format!(
                "http {} tries to use incompatible tcp {} in a 'use_backend' rule (see 'mode').",
                title(proxy),
                title(target)
            );
            ctx.report(Diagnostic::error("mode-mismatch", message, rule.span).label(target.span, "this one"));
        }
    }
}

/// What needs HTTP is said to be ignored, and is.
fn void_in_tcp_mode(plan: &mut Plan, id: ProxyId, ctx: &mut Ctx<'_>) {
    let Plan { proxies, servers, .. } = plan;
    let Some(proxy) = proxies.get_mut(id.index()) else { return };
    let name = title(proxy);
    let span = proxy.span;
    let mut said = Vec::new();
    let ignored = |message: &str| Diagnostic::warning("needs-http", message, span);
    if let Some(back) = &mut proxy.back {
        if back.cookie.take().is_some() {
            said.push(ignored(&format!("cookie will be ignored for {name} (needs 'mode http').")));
        }
        match back.key {
            BalanceKey::Uri { .. } | BalanceKey::UrlParam { .. } | BalanceKey::Header { .. } => {
                said.push(ignored(&format!(
                    "Layer 7 hash not possible for {name} (needs 'mode http'). Falling back to round robin."
                )));
                back.key = BalanceKey::None;
                back.algorithm = Algorithm::RoundRobin;
            }
            BalanceKey::None | BalanceKey::Source | BalanceKey::RdpCookie(_) | BalanceKey::Expr(_) => {}
        }
        for server in &back.servers {
            let Some(server) = servers.get_mut(server.index()) else { continue };
            if server.line.cookie.take().is_some() {
                said.push(ignored(&format!(
                    "{name} : ignoring cookie for server '{}' as HTTP mode is disabled.",
                    server.name
                )));
            }
            if server.line.redir.is_some() {
                let message =
                    format!("{name} : server cannot have cookie or redirect prefix in non-HTTP mode.");
                said.push(Diagnostic::error("needs-http", message, server.span));
                server.line.redir = None;
            }
        }
    }
    if let Some(front) = &mut proxy.front
        && front.monitor_uri.take().is_some()
    {
        said.push(ignored(&format!("monitor-uri will be ignored for {name} (needs 'mode http').")));
    }
    if proxy.stats.take().is_some() {
        said.push(ignored(&format!("'stats' statement ignored for {name} as it requires HTTP mode.")));
    }
    let rules = &mut proxy.rules;
    for (list, what) in [
        (&mut rules.http_request, "http-request"),
        (&mut rules.http_response, "http-response"),
        (&mut rules.http_after_response, "http-after-response"),
    ] {
        if !list.is_empty() {
            list.clear();
            said.push(ignored(&format!("'{what}' rules ignored for {name} as they require HTTP mode.")));
        }
    }
    for (option, what) in [(&mut proxy.forwardfor, "forwardfor"), (&mut proxy.originalto, "originalto")] {
        if option.take().is_some() {
            said.push(ignored(&format!("'option {what}' ignored for {name} as it requires HTTP mode.")));
        }
    }
    said.into_iter().for_each(|fault| ctx.report(fault));
}

/// Variables of log formats that only HTTP has (configuration manual §8.2.4, the ones marked `H`).
const HTTP_VARIABLES: &[&str] =
    &["CC", "CS", "HM", "HP", "HPO", "HQ", "HU", "HV", "Ta", "Ti", "Tq", "TR", "Tr", "r", "tr", "trg", "trl"];

fn logs(proxy: &Proxy, ctx: &mut Ctx<'_>) {
    if proxy.mode == Mode::Tcp && proxy.front.is_some() {
        let formats = [&proxy.log.format, &proxy.log.error_format, &proxy.log.sd_format];
        for format in formats.into_iter().flatten() {
            if let Some(name) = HTTP_VARIABLES.iter().find(|name| format.uses_alias(name)) {
                let message = format!(
                    "failed to parse log-format : format variable '{name}' is reserved for HTTP mode."
                );
                ctx.error("needs-http", message, proxy.span);
            }
        }
    }
    if proxy.front.is_some() && proxy.log.format.is_some() && proxy.log.targets.is_empty() {
        let message = format!("log format ignored for {} since it has no log address.", title(proxy));
        ctx.warn("no-log-address", message, proxy.span);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::says;

    #[test]
    fn what_the_whole_tells() {
        says(
            "frontend f\n mode http\n default_backend b\nbackend b\n server a 1.2.3.4 cookie x redir /y\nbackend c\nlisten l\n timeout client 3s\n bind :80\n\
             frontend d\n disabled\nbackend e\n timeout connect 3s\n timeout server 3s\n server a 1.2.3.4:80\n",
            expect![[r#"
                W 1:1 no-bind: frontend 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 1:1 missing-timeouts: missing timeouts for frontend 'f'.
                E 1:1 mode-mismatch: http frontend 'f' tries to use incompatible tcp backend 'b' as its default backend (see 'mode').
                W 4:1 missing-timeouts: missing timeouts for backend 'b'.
                W 4:1 needs-http: backend 'b' : ignoring cookie for server 'a' as HTTP mode is disabled.
                E 5:2 needs-http: backend 'b' : server cannot have cookie or redirect prefix in non-HTTP mode.
            "#]],
        );
    }
}
