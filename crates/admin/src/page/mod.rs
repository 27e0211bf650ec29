//! The statistics page: HTML for people, CSV, JSON and the typed form for tools, and the administrators' form.
//!
//! Who may see it and who may change things was decided before; this room answers what it is asked.

mod cells;
mod form;
mod html;
mod query;

use evenkeel_base::Instant;
use evenkeel_plan::Proxy;
use evenkeel_proxy::services::{LocalAnswer, StatsRequest};
use evenkeel_stats::{Filter, text};
use evenkeel_sys::clock;

use crate::cli::schema;
use crate::cli::show::stat_json;
use crate::rows;
use query::{Format, Query};

/// Answers a request for the page.
pub fn answer(request: &StatsRequest<'_>) -> LocalAnswer {
    let query = Query::read(request.head.path_and_query(), &request.page.uri);
    if request.head.method() == b"POST" {
        let outcome = match request.admin {
            true => form::act(request.world, request.body, clock::now()),
            false => form::Outcome::Denied,
        };
        return see_other(request, &query, outcome);
    }
    let now = clock::now();
    let (kind, body) = match query.format {
        Format::Html => ("text/html; charset=utf-8", html::page(request, &query, now)),
        Format::Csv => ("text/plain; charset=utf-8", csv(request, &query, now)),
        Format::Typed => ("text/plain; charset=utf-8", typed(request, &query, now)),
        Format::Json => ("application/json", json(request, &query, now)),
        Format::Schema => ("application/json", schema::schema().into_bytes()),
    };
    let mut head = format!(
        "HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n",
        body.len()
    );
    if let (false, Some(every)) = (query.norefresh, request.page.refresh) {
        head.push_str(&format!("refresh: {}\r\n", every.as_secs().max(1)));
    }
    LocalAnswer { status: 200, head: head.into_bytes(), body }
}

/// After the form: back to the page, with the outcome in its address, so that a reload does not act again.
fn see_other(request: &StatsRequest<'_>, query: &Query, outcome: form::Outcome) -> LocalAnswer {
    let mut head = b"HTTP/1.1 303 See Other\r\ncache-control: no-cache\r\ncontent-type: text/plain\r\n\
                     content-length: 0\r\nlocation: "
        .to_vec();
    head.extend_from_slice(&request.page.uri);
    head.extend_from_slice(format!(";st={}{}", outcome.code(), query.options()).as_bytes());
    head.extend_from_slice(b"\r\n");
    LocalAnswer { status: 303, head, body: Vec::new() }
}

/// The proxies that the page shows: those of `stats scope`, and of them those that the user looks for.
fn shown<'r>(request: &StatsRequest<'r>, query: &Query) -> Vec<&'r Proxy> {
    let own = request.proxy;
    let in_scope = |p: &Proxy| {
        let scope = &request.page.scope;
        scope.is_empty() || scope.iter().any(|s| if s == "." { p.id == own } else { *s == p.name })
    };
    request.world.plan.proxies.iter().filter(|p| !p.disabled && in_scope(p) && query.wants(&p.name)).collect()
}

fn filter(query: &Query) -> Filter {
    Filter { up: query.up, no_maint: query.no_maint, ..Filter::default() }
}

fn csv(request: &StatsRequest<'_>, query: &Query, now: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    text::csv_head(&mut out);
    each(request, query, now, &mut |row| text::csv_row(row, &mut out));
    out
}

fn typed(request: &StatsRequest<'_>, query: &Query, now: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    each(request, query, now, &mut |row| text::typed_row(row, false, &mut out));
    out
}

fn json(request: &StatsRequest<'_>, query: &Query, now: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    stat_json(&mut |give| each(request, query, now, give), &mut out);
    out
}

fn each(
    request: &StatsRequest<'_>,
    query: &Query,
    now: Instant,
    give: &mut dyn FnMut(&evenkeel_stats::Row<'_>),
) {
    for proxy in shown(request, query) {
        rows::each_of(request.world, proxy, &filter(query), request.page.show_legends, now, give);
    }
}
