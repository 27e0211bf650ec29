//! The pages. Style, script and pictures come from the static servers, so that one page shows several servers at work.

use super::picture::hue;
use super::routes::Upload;
use super::text::html;
use super::wire::Request;

pub(super) const STYLE: &str = include_str!("assets/style.css");
pub(super) const SCRIPT: &str = include_str!("assets/site.js");

/// A dynamic server's page: who answered, the request as it arrived, things to try.
pub(super) fn app_page(name: &str, request: &Request) -> String {
    let mut rows = String::new();
    let forwarded = request.header("x-forwarded-for").unwrap_or("not told");
    for (key, value) in [
        ("Request", format!("{} {}", request.method, request.target)),
        ("Came from", request.peer.ip().to_string()),
        ("On behalf of", forwarded.to_owned()),
    ]
    .iter()
    .map(|(k, v)| (*k, v.clone()))
    .chain(request.headers.iter().map(|(k, v)| (k.as_str(), v.clone())))
    {
        rows.push_str(&format!("<tr><th>{}</th><td>{}</td></tr>\n", html(key), html(&value)));
    }
    let tiles: String = (1..=4).map(|n| format!("<li data-src=\"/images/tile-{n}.png\"></li>\n")).collect();
    let body = format!(
        r#"<div class="grid">
<section class="card who"><h2>This page came from</h2><strong>{name}</strong>
<small>Reload: the next one may come from another application server.</small></section>
<section class="card"><h2>These pictures came from</h2><ul class="tiles">
{tiles}</ul></section>
</div>
<div class="grid" style="margin-top:1rem">
<section class="card"><h2>Who answers twenty times?</h2>
<button id="ask">Ask</button><ul class="bars" id="bars" aria-live="polite"></ul></section>
<section class="card"><h2>Send something</h2>
<p><textarea id="note" aria-label="Text to send">A message in a bottle.</textarea></p>
<button id="send">POST it</button><output id="sent"></output></section>
</div>
<section class="card" style="margin-top:1rem"><h2>The request as {name} saw it</h2>
<table>
{rows}</table></section>
<section class="card" style="margin-top:1rem"><h2>Try</h2><ul class="plain">
<li><a href="/status?code=503">an answer of 503</a>, <a href="/slow?ms=2000">one that takes two seconds</a>, <a href="/bytes?n=10485760">ten mebibytes</a></li>
<li><a href="/api/echo">the same request as JSON</a>, <a href="/static/index.html">the static servers' own page</a></li>
</ul></section>
"#,
        name = html(name),
    );
    page(
        name,
        "Served on an even keel",
        "One address, several servers behind it. Each part of this page says who sent it.",
        &body,
    )
}

/// A static server's own page.
pub(super) fn static_page(name: &str) -> String {
    let body = format!(
        r#"<section class="card who"><h2>This file came from</h2><strong>{name}</strong>
<small>A static server: files only, no POST.</small></section>
<section class="card" style="margin-top:1rem"><h2>Also here</h2><ul class="plain">
<li><a href="/static/style.css">style.css</a>, <a href="/static/site.js">site.js</a></li>
<li><a href="/images/boat.svg">boat.svg</a>, <a href="/images/tile-1.png">tile-1.png</a></li>
</ul></section>
"#,
        name = html(name),
    );
    page(name, "The static side", "What rarely changes is served from here.", &body)
}

/// The upload server's list.
pub(super) fn upload_page<'a>(name: &str, uploads: impl Iterator<Item = &'a Upload>) -> String {
    let mut rows = String::new();
    for Upload { path, bytes, crc } in uploads {
        rows.push_str(&format!("<tr><th>{}</th><td>{bytes} bytes</td><td>{crc:08x}</td></tr>\n", html(path)));
    }
    if rows.is_empty() {
        rows.push_str("<tr><td>nothing yet: POST or PUT to any path</td></tr>\n");
    }
    let body = format!(
        "<section class=\"card who\"><h2>Uploads taken by</h2><strong>{}</strong><table>\n{rows}</table></section>\n",
        html(name),
    );
    page(name, "The upload side", "Every POST ends up here.", &body)
}

fn page(name: &str, title: &str, lead: &str, body: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en" style="--hue:{hue}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · {name}</title>
<link rel="stylesheet" href="/static/style.css"><link rel="icon" href="/images/icon.png">
<script src="/static/site.js" defer></script></head>
<body>
<header><img src="/images/boat.svg" alt=""><div><h1>{title}</h1><p class="lead">{lead}</p></div></header>
<main>
{body}</main>
<footer>Sent by {name}.</footer>
</body>
</html>
"#,
        hue = hue(name),
        name = html(name),
    )
}
