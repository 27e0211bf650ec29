//! Judge: the rules about requests and answers, and the answers that the proxy gives itself: the statistics page,
//! redirects, denials.

use std::task::Poll;
use std::time::Duration;

use evenkeel_base::ProxyId;
use evenkeel_expr::Cond;
use evenkeel_expr::facts::{Blame, Peer, Phase};
use evenkeel_http::{ConnectionOptions, Framing, Known, Version};
use evenkeel_plan::{HttpMode, Mode, Plan, Proxy, StatsPage};
use evenkeel_rules::{Outcome, Pages, Rule, Verdict, engine};
use evenkeel_sys::{Sock, clock};
use std::sync::atomic::Ordering::Relaxed;

use crate::books;
use crate::conn::{Conn, Woke};
use crate::exchange::{Exchange, Failure, Next};
use crate::held::Held;
use crate::inbound::{self, Source};
use crate::pump::Pump;
use crate::services::StatsRequest;
use crate::shard::View;
use crate::{capture, finish, forward};

/// What became of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Go on.
    Pass,
    /// The client has its answer.
    Answered(Next),
}

/// Which head a list of rules is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Request,
    Response,
    /// The proxy's own answer, in the rules' scratch.
    Answer,
    /// Bytes that a TCP session's client sent.
    Stream,
    /// Bytes that its server sent.
    Reply,
}

/// Pages of a backend, else of its frontend, else the built-in ones.
struct SitePages<'a> {
    own: &'a Proxy,
    front: &'a Proxy,
    plan: &'a Plan,
}

impl Pages for SitePages<'_> {
    fn page(&self, status: u16) -> Option<&[u8]> {
        [self.own, self.front]
            .iter()
            .find_map(|p| p.errors.iter().find(|e| e.status == status))
            .map(|e| &*e.bytes)
    }

    fn section_page(&self, section: &str, status: u16) -> Option<&[u8]> {
        let pages = self.plan.http_errors.get(section)?;
        pages.iter().find(|e| e.status == status).map(|e| &*e.bytes)
    }
}

/// Notes what the log and the counters want of a request as it came, before any rule.
pub(crate) fn begin(conn: &Conn, exchange: &mut Exchange) {
    let frontend = conn.frontend();
    exchange.http_mode = frontend.http_mode;
    if let Some(front) = &frontend.front {
        // Every slot stands in the log line, filled or not.
        exchange.facts.request_captures.resize(front.request_captures.len(), None);
        exchange.facts.response_captures.resize(front.response_captures.len(), None);
    }
    let world = &conn.shard.world;
    exchange.facts.number = world.request_number.fetch_add(1, Relaxed);
    world.requests_total.fetch_add(1, Relaxed);
    if frontend.mode == Mode::Tcp {
        return;
    }
    let version = exchange.req.version();
    exchange.client_is_old = version == Version::Http10;
    let wants = ConnectionOptions::of(exchange.req.fields()).wants_keep_alive(version);
    exchange.client_keeps = wants
        && !exchange.last
        && exchange.http_mode != HttpMode::Close
        && !conn.shard.world.stopping.load(Relaxed);
    finish::keep_request_line(conn, exchange);
    capture::of_request(conn, exchange);
}

/// True for a proxy that has no word to say on any request, as most have none: then nothing need be asked, nor awaited.
pub(crate) fn is_silent(proxy: &Proxy) -> bool {
    let options = &proxy.options;
    proxy.rules.http_request.is_empty()
        && proxy.rules.tcp_content.is_empty()
        && proxy.front.as_ref().is_none_or(|f| f.monitor_uri.is_none() && f.monitor_net.is_none())
        && proxy.stats.as_ref().is_none_or(|page| !page.enabled)
        && !options.buffer_request
        && options.restrict_header_names == 0
        && !wants_posts_key(proxy)
}

/// The same for answers, but for `http-after-response`.
pub(crate) fn is_silent_on_answers(proxy: &Proxy) -> bool {
    proxy.rules.tcp_response.is_empty() && proxy.rules.http_response.is_empty()
}

/// The balancer looks into the bodies of POST requests.
fn wants_posts_key(proxy: &Proxy) -> bool {
    matches!(
        proxy.back.as_ref().map(|b| &b.key),
        Some(evenkeel_plan::BalanceKey::UrlParam { check_post: true, .. })
    )
}

/// The frontend's word on a request.
pub(crate) async fn frontend(conn: &mut Conn, exchange: &mut Exchange) -> Result<Judged, Failure> {
    let shard = conn.shard.clone();
    let plan = &*shard.plan;
    let id = conn.facts.frontend;
    let proxy = plan.proxy(id);
    if !proxy.rules.tcp_content.is_empty() {
        stream_rules(conn, exchange, id).await?;
    }
    books::request(conn);
    if let Judged::Answered(next) = monitor(conn, exchange, plan).await? {
        return Ok(Judged::Answered(next));
    }
    if proxy.options.buffer_request {
        let patience = proxy.timeouts.http_request.or(proxy.timeouts.client);
        // The original's request is complete with its body.
        exchange.facts.timers.request_head = None;
        buffer_body(conn, exchange, 0, patience).await?;
        exchange.facts.timers.request_head = Some(clock::coarse());
    }
    if let Judged::Answered(next) = http_request(conn, exchange, id).await? {
        return Ok(Judged::Answered(next));
    }
    Ok(Judged::Pass)
}

/// The backend's word on a request. A `listen` has spoken already.
pub(crate) async fn backend(conn: &mut Conn, exchange: &mut Exchange) -> Result<Judged, Failure> {
    let Some(id) = exchange.backend.filter(|id| *id != conn.facts.frontend) else { return Ok(Judged::Pass) };
    let shard = conn.shard.clone();
    let plan = &*shard.plan;
    let proxy = plan.proxy(id);
    if !proxy.rules.tcp_content.is_empty() {
        stream_rules(conn, exchange, id).await?;
    }
    if proxy.options.buffer_request || (wants_posts_key(proxy) && exchange.req.method() == b"POST") {
        let patience = proxy.timeouts.http_request.or(conn.frontend().timeouts.client);
        buffer_body(conn, exchange, 0, patience).await?;
    }
    http_request(conn, exchange, id).await
}

/// `http-request` rules, then the statistics page, as the original orders them.
async fn http_request(conn: &mut Conn, exchange: &mut Exchange, id: ProxyId) -> Result<Judged, Failure> {
    let shard = conn.shard.clone();
    let plan = &*shard.plan;
    restrict_names(conn, exchange, plan.proxy(id).options.restrict_header_names)?;
    let rules = &plan.proxy(id).rules.http_request;
    if let Judged::Answered(next) = rules_about(conn, exchange, id, rules, About::Request).await? {
        return Ok(Judged::Answered(next));
    }
    match &plan.proxy(id).stats {
        Some(page) if page.enabled && asks_for(exchange, page) => stats_page(conn, exchange, id, page).await,
        Some(_) | None => Ok(Judged::Pass),
    }
}

/// `option http-restrict-req-hdr-names`: what else than letters, digits and `-` becomes `_` on its way to an
/// application's environment, where two names would be one.
fn restrict_names(conn: &Conn, exchange: &mut Exchange, how: u8) -> Result<(), Failure> {
    const DELETE: u8 = 1;
    let strange = |name: &[u8]| name.iter().any(|b| !b.is_ascii_alphanumeric() && *b != b'-');
    if how == 0 || !exchange.req.fields().iter().any(|(name, _)| strange(name)) {
        return Ok(());
    }
    if how != DELETE {
        books::denied_request(conn, exchange);
        return Err(Failure::page(403, Blame::Proxy, Phase::Request));
    }
    exchange.req.fields_mut().remove_where(|name, _| strange(name));
    Ok(())
}

/// The statistics page is read and posted to; requests with other methods go where others go.
fn asks_for(exchange: &Exchange, page: &StatsPage) -> bool {
    matches!(exchange.req.method(), b"GET" | b"HEAD" | b"POST")
        && exchange.req.target().starts_with(&page.uri)
}

/// Rules about a server's answer: the backend's, then the frontend's.
pub(crate) async fn response(
    conn: &mut Conn,
    exchange: &mut Exchange,
    source: Source<'_>,
) -> Result<Judged, Failure> {
    let shard = conn.shard.clone();
    let plan = &*shard.plan;
    let front = conn.facts.frontend;
    if let Some(id) = exchange.backend {
        let rules = &plan.proxy(id).rules.tcp_response;
        if !rules.is_empty() {
            let outcome = walk(conn, exchange, plan, id, rules, 0, About::Response, true);
            reply_verdict(conn, exchange, outcome.verdict)?;
        }
    }
    for id in both(exchange.backend, front) {
        let rules = &plan.proxy(id).rules.http_response;
        if rules.is_empty() {
            continue;
        }
        if let Judged::Answered(next) =
            rules_with(conn, exchange, id, rules, About::Response, Some(source)).await?
        {
            return Ok(Judged::Answered(next));
        }
    }
    Ok(Judged::Pass)
}

fn both(backend: Option<ProxyId>, front: ProxyId) -> impl Iterator<Item = ProxyId> {
    backend.into_iter().chain((backend != Some(front)).then_some(front))
}

/// `http-after-response` over a server's answer.
pub(crate) fn after_response(conn: &mut Conn, exchange: &mut Exchange) -> Result<(), Failure> {
    after(conn, exchange, About::Response)
}

fn after(conn: &mut Conn, exchange: &mut Exchange, about: About) -> Result<(), Failure> {
    let shard = conn.shard.clone();
    let plan = &*shard.plan;
    for id in both(exchange.backend, conn.facts.frontend) {
        let rules = &plan.proxy(id).rules.http_after_response;
        if rules.is_empty() {
            continue;
        }
        let outcome = walk(conn, exchange, plan, id, rules, 0, about, true);
        if outcome.verdict == Verdict::Failed {
            return Err(Failure::page(500, Blame::Internal, Phase::Headers));
        }
    }
    Ok(())
}

/// `tcp-request connection` or `session` rules: true if the client may go on.
pub(crate) fn admit(conn: &mut Conn, exchange: &mut Exchange, rules: &[Rule]) -> bool {
    let plan = conn.shard.plan.clone();
    let id = conn.facts.frontend;
    let outcome = walk(conn, exchange, &plan, id, rules, 0, About::Stream, true);
    match outcome.verdict {
        Verdict::Reject | Verdict::Deny | Verdict::Close => false,
        Verdict::SilentDrop => {
            conn.sock.forget_peer();
            false
        }
        Verdict::Continue
        | Verdict::Accept
        | Verdict::Tarpit
        | Verdict::Return
        | Verdict::Redirect
        | Verdict::Auth
        | Verdict::WaitForBody { .. }
        | Verdict::WaitForData
        | Verdict::Failed => true,
    }
}

/// `tcp-request content` of a TCP session's frontend.
pub(crate) async fn tcp_content(conn: &mut Conn, exchange: &mut Exchange) -> Result<Judged, Failure> {
    let id = conn.facts.frontend;
    stream_rules(conn, exchange, id).await
}

/// The same of its backend.
pub(crate) async fn tcp_content_backend(conn: &mut Conn, exchange: &mut Exchange) -> Result<Judged, Failure> {
    match exchange.backend.filter(|id| *id != conn.facts.frontend) {
        Some(id) => stream_rules(conn, exchange, id).await,
        None => Ok(Judged::Pass),
    }
}

/// Content rules: waits for bytes until all can be decided or `tcp-request inspect-delay` is over.
async fn stream_rules(conn: &mut Conn, exchange: &mut Exchange, id: ProxyId) -> Result<Judged, Failure> {
    let plan = conn.shard.plan.clone();
    let proxy = plan.proxy(id);
    let rules = &proxy.rules.tcp_content;
    if rules.is_empty() {
        return Ok(Judged::Pass);
    }
    let http = conn.frontend().mode == Mode::Http;
    let end = proxy.rules.inspect_delay.map(|d| clock::coarse() + d);
    let full = plan.global.bufsize as usize;
    let mut settled = http || end.is_none();
    loop {
        let about = if http { About::Request } else { About::Stream };
        let outcome = walk(conn, exchange, &plan, id, rules, 0, about, settled);
        match outcome.verdict {
            Verdict::WaitForData if !settled => {
                conn.until(end);
                settled = read_more(conn).await? || conn.pending.len() >= full;
            }
            Verdict::Reject | Verdict::Deny | Verdict::Tarpit | Verdict::Failed => {
                books::denied_request(conn, exchange);
                forget_request(exchange);
                return Err(Failure::silent(Blame::Proxy, Phase::Request));
            }
            Verdict::SilentDrop => {
                conn.sock.forget_peer();
                books::denied_request(conn, exchange);
                forget_request(exchange);
                return Err(Failure::silent(Blame::Proxy, Phase::Request));
            }
            Verdict::Continue
            | Verdict::Accept
            | Verdict::Close
            | Verdict::Return
            | Verdict::Redirect
            | Verdict::Auth
            | Verdict::WaitForBody { .. }
            | Verdict::WaitForData => return Ok(Judged::Pass),
        }
    }
}

/// For the log the request was never read: the original judges content before it does.
fn forget_request(exchange: &mut Exchange) {
    exchange.facts.timers.request_head = None;
    exchange.facts.request_line.clear();
    exchange.req.clear();
}

/// `tcp-response content` of a TCP session: waits for the server's bytes until all can be decided or `tcp-response
/// inspect-delay` is over. What was read meanwhile stands in the exchange; what the client sends goes through.
pub(crate) async fn tcp_reply(
    conn: &mut Conn,
    exchange: &mut Exchange,
    sock: &Sock,
    up: &mut Pump,
) -> Result<(), Failure> {
    let Some(id) = exchange.backend else { return Ok(()) };
    let plan = conn.shard.plan.clone();
    let proxy = plan.proxy(id);
    if proxy.rules.tcp_response.is_empty() {
        return Ok(());
    }
    let end = proxy.rules.response_inspect_delay.map(|d| clock::coarse() + d);
    let full = plan.global.bufsize as usize;
    let mut settled = end.is_none();
    exchange.inbound.begin(Vec::new(), Framing::Tunnel);
    loop {
        exchange.inbound.complete = settled;
        let rules = &proxy.rules.tcp_response;
        let outcome = walk(conn, exchange, &plan, id, rules, 0, About::Reply, settled);
        if outcome.verdict == Verdict::WaitForData && !settled {
            conn.until(end);
            settled = inbound::read(conn, exchange, sock, Some(&mut *up)).await? != inbound::Read::Bytes
                || exchange.inbound.raw.len() >= full;
            continue;
        }
        if outcome.verdict == Verdict::Close {
            // The server is left; what it had said is the client's.
            let said = std::mem::take(&mut exchange.inbound.raw);
            conn.until_after(conn.frontend().timeouts.client);
            let sent = forward::send_all(conn, &said).await;
            sent.map_err(|blame| Failure::silent(blame, Phase::Data))?;
            exchange.facts.bytes_out += said.len() as u64;
        }
        return reply_verdict(conn, exchange, outcome.verdict);
    }
}

/// What `tcp-response content` decided.
fn reply_verdict(conn: &Conn, exchange: &Exchange, verdict: Verdict) -> Result<(), Failure> {
    match verdict {
        Verdict::Reject | Verdict::Deny | Verdict::Tarpit | Verdict::Failed => {
            books::denied_reply(conn, exchange);
            Err(Failure::silent(Blame::Proxy, Phase::Data))
        }
        Verdict::SilentDrop => {
            conn.sock.forget_peer();
            Err(Failure::silent(Blame::Proxy, Phase::Data))
        }
        Verdict::Close => Err(Failure::silent(Blame::Server, Phase::Data)),
        Verdict::Continue
        | Verdict::Accept
        | Verdict::Return
        | Verdict::Redirect
        | Verdict::Auth
        | Verdict::WaitForBody { .. }
        | Verdict::WaitForData => Ok(()),
    }
}

/// Reads once into the pending bytes. True if no more will come before the deadline or at all.
async fn read_more(conn: &mut Conn) -> Result<bool, Failure> {
    let got = conn
        .wait(|conn, cx| {
            let shard = conn.shard.clone();
            let mut scratch = shard.scratch();
            match std::task::ready!(conn.sock.poll_recv(cx, &mut scratch)) {
                Ok(0) => Poll::Ready(Ok(0)),
                Ok(n) => {
                    conn.pending.extend_from_slice(scratch.get(..n).unwrap_or_default());
                    Poll::Ready(Ok(n))
                }
                Err(e) => Poll::Ready(Err(e)),
            }
        })
        .await;
    match got {
        Ok(Ok(0)) => {
            conn.ended = true;
            Ok(true)
        }
        Ok(Ok(_)) => Ok(false),
        Ok(Err(_)) => Err(Failure::page(400, Blame::Client, Phase::Request)),
        Err(Woke::Timeout) => Ok(true),
        Err(Woke::Killed) => Err(Failure::silent(Blame::Killed, Phase::Request)),
    }
}

/// Walks one list of rules and does what it says.
async fn rules_about(
    conn: &mut Conn,
    exchange: &mut Exchange,
    id: ProxyId,
    rules: &[Rule],
    about: About,
) -> Result<Judged, Failure> {
    rules_with(conn, exchange, id, rules, about, None).await
}

/// The same; rules about an answer may wait for its body.
async fn rules_with(
    conn: &mut Conn,
    exchange: &mut Exchange,
    id: ProxyId,
    rules: &[Rule],
    about: About,
    source: Option<Source<'_>>,
) -> Result<Judged, Failure> {
    if rules.is_empty() {
        return Ok(Judged::Pass);
    }
    let plan = conn.shard.plan.clone();
    let phase = if about == About::Response { Phase::Headers } else { Phase::Request };
    let mut from = 0;
    loop {
        let outcome = walk(conn, exchange, &plan, id, rules, from, about, true);
        let rewrites = std::mem::take(&mut exchange.effects.failed_rewrites);
        if rewrites > 0 {
            conn.shard.front_stats(conn.facts.frontend).wrew.add(u64::from(rewrites));
        }
        match outcome.verdict {
            Verdict::Continue | Verdict::Accept | Verdict::Close | Verdict::WaitForData => {
                early_hints(conn, exchange).await?;
                return Ok(Judged::Pass);
            }
            Verdict::WaitForBody { time, at_least } => {
                match source {
                    Some(source) => inbound::hold(conn, exchange, source, at_least, time).await?,
                    None => buffer_body(conn, exchange, at_least, Some(time)).await?,
                }
                from = outcome.at;
            }
            Verdict::Deny => {
                count_denial(conn, exchange, about);
                return answer(conn, exchange, Blame::Proxy, phase).await;
            }
            Verdict::Auth => {
                books::intercepted(conn, exchange);
                return answer(conn, exchange, Blame::Local, phase).await;
            }
            Verdict::Failed => return answer(conn, exchange, Blame::Internal, phase).await,
            Verdict::Return | Verdict::Redirect => {
                books::intercepted(conn, exchange);
                return answer(conn, exchange, Blame::Local, phase).await;
            }
            Verdict::Tarpit => {
                count_denial(conn, exchange, about);
                tarpit(conn, exchange).await?;
                // The time in the tarpit stands where others have their time in a queue.
                exchange.facts.timers.request_head = None;
                exchange.facts.timers.queued = Some(clock::coarse());
                return answer(conn, exchange, Blame::Proxy, Phase::Tarpit).await;
            }
            Verdict::Reject => {
                count_denial(conn, exchange, about);
                if about == About::Request {
                    exchange.facts.timers.request_head = None;
                }
                return Err(Failure::silent(Blame::Proxy, phase));
            }
            Verdict::SilentDrop => {
                conn.sock.forget_peer();
                count_denial(conn, exchange, about);
                exchange.facts.timers.request_head = None;
                return Err(Failure::silent(Blame::Proxy, phase));
            }
        }
    }
}

fn count_denial(conn: &Conn, exchange: &Exchange, about: About) {
    if about == About::Response {
        return books::denied_reply(conn, exchange);
    }
    books::denied_request(conn, exchange);
}

/// Holds the client for `timeout tarpit`, or until it leaves.
async fn tarpit(conn: &mut Conn, exchange: &Exchange) -> Result<(), Failure> {
    let own = exchange.backend.and_then(|b| conn.shard.plan.proxy(b).timeouts.tarpit);
    let t = &conn.frontend().timeouts;
    let patience = own.or(t.tarpit).or(t.connect).unwrap_or(Duration::ZERO);
    conn.until_after(Some(patience));
    let woken =
        conn.wait(|conn, cx| if conn.client_left(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    match woken {
        Ok(()) => Err(Failure::silent(Blame::Client, Phase::Tarpit)),
        Err(Woke::Killed) => Err(Failure::silent(Blame::Killed, Phase::Tarpit)),
        Err(Woke::Timeout) => Ok(()),
    }
}

/// `103 Early Hints` that rules have gathered.
async fn early_hints(conn: &mut Conn, exchange: &mut Exchange) -> Result<(), Failure> {
    if exchange.effects.early_hints.is_empty() {
        return Ok(());
    }
    let mut head = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
    head.append(&mut exchange.effects.early_hints);
    head.extend_from_slice(b"\r\n");
    if exchange.client_is_old {
        return Ok(());
    }
    conn.until_after(conn.frontend().timeouts.client);
    forward::send_all(conn, &head).await.map_err(|blame| Failure::silent(blame, Phase::Request))
}

/// One walk of the engine over what the connection and the exchange hold.
#[allow(clippy::too_many_arguments)] // the one border between the path and the engine
fn walk(
    conn: &mut Conn,
    exchange: &mut Exchange,
    plan: &Plan,
    id: ProxyId,
    rules: &[Rule],
    from: usize,
    about: About,
    settled: bool,
) -> Outcome {
    let own = plan.proxy(id);
    let pages = SitePages { own, front: plan.proxy(conn.facts.frontend), plan };
    let view = View { shard: &conn.shard, session_vars: &conn.vars, writes: &exchange.writes };
    let mut local = std::mem::take(&mut exchange.local_head);
    if about == About::Answer {
        std::mem::swap(&mut local, &mut exchange.rules.answer.head);
    }
    let res = match about {
        About::Request | About::Stream | About::Reply => None,
        About::Response => Some(&mut exchange.res),
        About::Answer => Some(&mut local),
    };
    let (payload, payload_complete) = match about {
        About::Response | About::Reply => (exchange.inbound.payload(), exchange.inbound.complete),
        About::Request | About::Stream | About::Answer => {
            (exchange.body.as_deref().unwrap_or(&conn.pending), conn.ended || exchange.body_complete)
        }
    };
    let mut x = engine::Exchange {
        conn: &mut conn.facts,
        stream: &mut exchange.facts,
        req: (!matches!(about, About::Stream | About::Reply)).then_some(&mut exchange.req),
        res,
        payload,
        payload_complete,
        settled,
        to_proxy: own.options.use_proxy_header,
        world: &view,
        writes: &exchange.writes,
        pages: &pages,
        effects: &mut exchange.effects,
    };
    let outcome = engine::run(rules, from, &mut x, &mut exchange.rules);
    if about == About::Answer {
        std::mem::swap(&mut local, &mut exchange.rules.answer.head);
    }
    exchange.local_head = local;
    outcome
}

/// `server … redir prefix`: GET and HEAD are sent there instead of being passed on.
pub(crate) async fn redir(
    conn: &mut Conn,
    exchange: &mut Exchange,
    server: Option<evenkeel_base::ServerId>,
) -> Result<Option<Next>, Failure> {
    let plan = conn.shard.plan.clone();
    let Some(prefix) = server.and_then(|id| plan.server(id).line.redir.as_ref()) else { return Ok(None) };
    if !matches!(exchange.req.method(), b"GET" | b"HEAD") {
        return Ok(None);
    }
    let mut head =
        b"HTTP/1.1 302 Found\r\nCache-Control: no-cache\r\nContent-Length: 0\r\nLocation: ".to_vec();
    head.extend_from_slice(prefix);
    head.extend_from_slice(exchange.req.path_and_query());
    head.extend_from_slice(b"\r\n\r\n");
    exchange.rules.answer.whole(&head, 302);
    // As in the original this answer is the connection's last, and the field that says so counts.
    exchange.client_keeps = false;
    exchange.facts.bytes_out += b"connectionclose".len() as u64;
    match answer(conn, exchange, Blame::Local, Phase::Connect).await? {
        Judged::Answered(next) => Ok(Some(next)),
        Judged::Pass => Ok(None),
    }
}

/// True if any of the conditions holds for the request.
pub(crate) fn any_holds<'c>(
    conn: &Conn,
    exchange: &Exchange,
    conds: impl Iterator<Item = Option<&'c Cond>>,
) -> bool {
    let mut conds = conds.peekable();
    if conds.peek().is_none() {
        return false;
    }
    let view = conn.view(exchange);
    let env = crate::route::env(conn, exchange, &view);
    conds.any(|c| c.is_none_or(|c| c.holds(&env)))
}

/// Sends the page of a status, the proxy's own or the built-in one: what the client gets of an exchange that broke off.
pub(crate) async fn page(conn: &mut Conn, exchange: &mut Exchange, status: u16) -> Next {
    let plan = conn.shard.plan.clone();
    let own = plan.proxy(exchange.backend.unwrap_or(conn.facts.frontend));
    let pages = SitePages { own, front: conn.frontend(), plan: &plan };
    exchange.rules.answer.page(status, &pages);
    // A request that was read whole and understood leaves the connection usable.
    exchange.client_keeps &= exchange.req_body == Framing::None && !matches!(status, 400 | 408 | 413);
    let (timers, ending) = (exchange.facts.timers.clone(), exchange.facts.termination);
    let answered = answer(conn, exchange, ending.blame, ending.phase).await;
    // No server's head has come: the log says so.
    exchange.facts.timers = timers;
    match answered {
        Ok(Judged::Answered(next)) => next,
        Ok(Judged::Pass) | Err(_) => Next::Close,
    }
}

/// A client without `timeout client` that does not read its answer is given up after this.
const PAGE_PATIENCE: Duration = Duration::from_secs(30);

/// Sends the answer that stands in the rules' scratch.
async fn answer(
    conn: &mut Conn,
    exchange: &mut Exchange,
    blame: Blame,
    phase: Phase,
) -> Result<Judged, Failure> {
    exchange.facts.termination.blame = blame;
    exchange.facts.termination.phase = phase;
    if exchange.rules.answer.silent {
        exchange.facts.status = exchange.rules.answer.head.status();
        exchange.answered = true;
        return Ok(Judged::Answered(Next::Close));
    }
    early_hints(conn, exchange).await?;
    let understood = !exchange.req.method().is_empty();
    if understood {
        after(conn, exchange, About::Answer)?;
    }
    skip_body(conn, exchange);
    let head = &exchange.rules.answer.head;
    // A page of the user's may lack its length: it ends with the connection.
    let bounded = head.fields().contains(Known::ContentLength) || matches!(head.status(), 204 | 304);
    exchange.client_keeps &= bounded;
    let status = exchange.rules.answer.head.status();
    exchange.facts.status = status;
    let close = !exchange.client_keeps;
    let old = exchange.client_is_old;
    let says_close = close && exchange.rules.answer.head.version() == Version::Http11;
    let fields = exchange.rules.answer.head.fields_mut();
    fields.remove(Known::Connection);
    if says_close {
        fields.push(Known::Connection, b"close");
    } else if old {
        fields.push(Known::Connection, b"keep-alive");
    }
    let mut bytes = std::mem::take(&mut exchange.scratch);
    bytes.clear();
    exchange.rules.answer.write_to(exchange.req.method() == b"HEAD", &mut bytes);
    let sent = send_own(conn, exchange, &bytes).await;
    exchange.scratch = bytes;
    sent?;
    Ok(Judged::Answered(if close { Next::Close } else { Next::KeepAlive }))
}

async fn send_own(conn: &mut Conn, exchange: &mut Exchange, bytes: &[u8]) -> Result<(), Failure> {
    exchange.answered = true;
    // The original counts no page that answers what was never a request.
    if !exchange.req.method().is_empty() {
        exchange.facts.bytes_out += evenkeel_http::counted_answer_len(bytes);
    }
    exchange.facts.timers.response_head = Some(clock::coarse());
    conn.until_after(conn.frontend().timeouts.client.or(Some(PAGE_PATIENCE)));
    forward::send_all(conn, bytes).await.map_err(|blame| Failure::silent(blame, Phase::Data))
}

/// A request's body that nobody wants: dropped if it is in hand, else the connection ends after the answer.
fn skip_body(conn: &mut Conn, exchange: &mut Exchange) {
    if exchange.req_body == Framing::None {
        return;
    }
    let mut pump = Pump::new(exchange.req_body, crate::pump::Outgoing::Plain, false);
    let pending = std::mem::take(&mut conn.pending);
    let mut dropped = Vec::new();
    if pump.feed_into(&pending, &mut dropped).is_ok() && pump.read_done() {
        conn.pending = std::mem::take(&mut pump.surplus);
    } else {
        exchange.client_keeps = false;
    }
    // The original counts what of it was in hand.
    let framing = pump.take_framing();
    books::received(conn, exchange, (dropped.len() as u64).saturating_sub(framing));
}

/// Reads the request's body into the pending bytes: all of it, or `at_least` bytes, or as much as a buffer holds.
async fn buffer_body(
    conn: &mut Conn,
    exchange: &mut Exchange,
    at_least: u64,
    patience: Option<Duration>,
) -> Result<(), Failure> {
    if exchange.req_body == Framing::None {
        exchange.body_complete = true;
        return Ok(());
    }
    let full = conn.shard.plan.global.bufsize as usize;
    if exchange.req.fields().first("expect").is_some_and(|v| v.eq_ignore_ascii_case(b"100-continue")) {
        // Who waits for our word before sending would wait for ever: the body is wanted here.
        exchange.req.fields_mut().remove("expect");
        conn.until_after(conn.frontend().timeouts.client);
        let go_on = forward::send_all(conn, b"HTTP/1.1 100 Continue\r\n\r\n").await;
        go_on.map_err(|blame| Failure::silent(blame, Phase::Request))?;
    }
    conn.until_after(patience);
    let mut held = Held::new(exchange.req_body);
    loop {
        held.look(&conn.pending)?;
        let complete = held.complete;
        let enough =
            complete || (at_least > 0 && held.body.len() as u64 >= at_least) || conn.pending.len() >= full;
        if enough || conn.ended {
            exchange.body = Some(held.body);
            exchange.body_complete = complete;
            // As in the original, rules still see what came of a client that has left; then the exchange ends.
            exchange.aborted |= !enough;
            return Ok(());
        }
        let last = conn.pending.len();
        let over = read_more(conn).await?;
        if over && !conn.ended && conn.pending.len() == last {
            return Err(Failure::page(408, Blame::ClientTimeout, Phase::Request));
        }
    }
}

/// `monitor-uri`, `monitor fail`, `monitor-net`.
async fn monitor(conn: &mut Conn, exchange: &mut Exchange, plan: &Plan) -> Result<Judged, Failure> {
    let Some(front) = &plan.proxy(conn.facts.frontend).front else { return Ok(Judged::Pass) };
    let from_net = match (front.monitor_net, &conn.facts.src) {
        (Some(net), Peer::Inet(a)) => net.contains(a.ip()),
        (Some(_) | None, _) => false,
    };
    let asked = front.monitor_uri.as_ref().is_some_and(|uri| {
        // A proxy's client asks with an absolute target: its path counts too.
        exchange.req.target() == uri.as_slice() || exchange.req.path_and_query() == uri.as_slice()
    });
    if !from_net && !asked {
        return Ok(Judged::Pass);
    }
    let fails = any_holds(conn, exchange, front.monitor_fail.iter().map(|w| w.cond.as_ref()));
    let proxy = plan.proxy(conn.facts.frontend);
    let pages = SitePages { own: proxy, front: proxy, plan };
    exchange.rules.answer.page(if fails { 503 } else { 200 }, &pages);
    exchange.facts.log_level = Some(None);
    books::intercepted(conn, exchange);
    answer(conn, exchange, Blame::Local, Phase::Request).await
}

/// The statistics page: its own rules, its password, then the page.
async fn stats_page(
    conn: &mut Conn,
    exchange: &mut Exchange,
    id: ProxyId,
    page: &StatsPage,
) -> Result<Judged, Failure> {
    if let Judged::Answered(next) = rules_about(conn, exchange, id, &page.rules, About::Request).await? {
        return Ok(Judged::Answered(next));
    }
    let user = credentials(exchange);
    let plan = conn.shard.plan.clone();
    if !page.auth.is_empty() {
        let known = user
            .as_ref()
            .is_some_and(|(name, word)| page.auth.iter().any(|(n, w)| same(n, name) & same(w, word)));
        if !known {
            let proxy = plan.proxy(id);
            exchange.rules.answer.page(401, &SitePages { own: proxy, front: conn.frontend(), plan: &plan });
            let challenge = format!("Basic realm=\"{}\"", page.realm.replace('"', "'"));
            exchange.rules.answer.head.fields_mut().set("www-authenticate", challenge.as_bytes());
            exchange.facts.applet = Some("<STATS>");
            books::intercepted(conn, exchange);
            return answer(conn, exchange, Blame::Local, Phase::Request).await;
        }
    }
    let admin = any_holds(conn, exchange, page.admin.iter().map(Option::as_ref));
    if exchange.req.method() == b"POST" {
        let patience = conn.frontend().timeouts.http_request.or(conn.frontend().timeouts.client);
        buffer_body(conn, exchange, 0, patience).await?;
        if !exchange.body_complete {
            return Err(Failure::page(413, Blame::Local, Phase::Request));
        }
    }
    books::intercepted(conn, exchange);
    let body = exchange.body.take().unwrap_or_default();
    let request = StatsRequest {
        proxy: id,
        page,
        head: &exchange.req,
        body: &body,
        world: &conn.shard.world,
        admin,
        user: user.as_ref().map(|(name, _)| name.as_slice()),
    };
    let made = (conn.shard.services.stats)(&request);
    exchange.facts.applet = Some("<STATS>");
    // The page is a server of its own: it was reached at once.
    exchange.facts.timers.queued = Some(clock::coarse());
    exchange.facts.timers.connected = Some(clock::coarse());
    let mut bytes = made.head;
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&made.body);
    exchange.rules.answer.whole(&bytes, made.status);
    answer(conn, exchange, Blame::Local, Phase::Request).await
}

/// Compares in a time that doesn't tell how far the texts agree.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

/// User and password of a Basic Authorization field (RFC 7617 §2).
fn credentials(exchange: &Exchange) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = exchange.req.fields().last("authorization")?;
    let (scheme, text) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let plain = evenkeel_expr::conv::encode::base64_decode(text.trim_ascii())?;
    let colon = plain.iter().position(|b| *b == b':')?;
    Some((plain.get(..colon)?.to_vec(), plain.get(colon + 1..)?.to_vec()))
}
