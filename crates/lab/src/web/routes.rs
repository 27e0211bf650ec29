//! What each path answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::html;
use super::picture::{boat_svg, tile_png};
use super::server::WebKind;
use super::text::{crc32, json, query};
use super::wire::{Answer, Payload, Request};

/// Largest body that may be asked for.
const BYTES_MAX: u64 = 4 << 30;
/// Longest delay that may be asked for.
const DELAY_MAX_MS: u64 = 120_000;
/// Uploads that are remembered.
const UPLOADS_MAX: usize = 32;
const CHUNK_DEFAULT: usize = 1024;
/// Largest chunk: it is built in memory.
const CHUNK_MAX: usize = 1 << 20;

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// One stored upload.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

/// A server's identity and what it keeps between requests.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: String,
    pub(super) kind: WebKind,
    /// 0 for none: the status that every answer has instead.
    failing: AtomicU16,
    uploads: Mutex<VecDeque<Upload>>,
}

impl Site {
    pub(super) fn new(name: String, kind: WebKind) -> Site {
        Site { name, kind, failing: AtomicU16::new(0), uploads: Mutex::new(VecDeque::new()) }
    }

    pub(super) fn fail_with(&self, status: Option<u16>) {
        self.failing.store(status.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        let failing = self.failing.load(Ordering::Relaxed);
        if failing != 0 {
            return Answer::new(failing, PLAIN, format!("{} is told to fail with {failing}\n", self.name));
        }
        if request.method == "CONNECT" {
            return echo_tunnel(200);
        }
        if request.method == "OPTIONS" && request.target == "*" {
            return Answer::new(200, PLAIN, "");
        }
        match self.common(request) {
            Some(answer) => answer,
            None => match self.kind {
                WebKind::Static => self.static_site(request),
                WebKind::Dynamic => Answer::new(200, HTML, html::app_page(&self.name, request)),
                WebKind::Upload => self.upload(request),
            },
        }
    }

    fn common(&self, request: &Request) -> Option<Answer> {
        let text = |name: &str| query(request.query(), name);
        let number = |name: &str, unset: u64| text(name).and_then(|v| v.parse::<u64>().ok()).unwrap_or(unset);
        let size = || number("n", 1024).min(BYTES_MAX);
        Some(match request.path() {
            "/api/echo" => Answer::new(200, JSON, self.echo(request)),
            "/health" => Answer::new(200, PLAIN, "ok\n"),
            "/slow" => {
                let ms = number("ms", 1000).min(DELAY_MAX_MS);
                let mut answer = Answer::new(200, PLAIN, format!("{} after {ms} ms\n", self.name));
                answer.delay = Duration::from_millis(ms);
                answer
            }
            "/status" => {
                // A status below 200 would not end the exchange.
                let code = number("code", 200).clamp(200, 599) as u16;
                let mut answer = Answer::new(code, PLAIN, format!("{code} from {}\n", self.name));
                if matches!(code, 301..=303 | 307 | 308) {
                    answer.headers.push(("Location", text("to").unwrap_or_else(|| "/".to_owned())));
                }
                answer
            }
            "/bytes" => Answer::with(200, BINARY, Payload::Pattern(size())),
            "/chunked" => {
                let piece = number("piece", CHUNK_DEFAULT as u64).clamp(1, CHUNK_MAX as u64) as usize;
                Answer::with(200, BINARY, Payload::Chunked { total: size(), piece })
            }
            "/toend" => Answer::with(200, BINARY, Payload::ToEnd(size())),
            "/short" => Answer::with(200, BINARY, Payload::Short(size())),
            "/reset" => Answer::with(200, BINARY, Payload::Reset),
            "/close" => {
                let mut answer = Answer::new(200, PLAIN, format!("{} closes\n", self.name));
                answer.close = true;
                answer
            }
            "/cookie" => {
                let pair = |name, unset: &str| text(name).unwrap_or_else(|| unset.to_owned());
                let cookie =
                    format!("{}={}; path=/", token(&pair("name", "lab")), token(&pair("value", &self.name)));
                let mut answer = Answer::new(200, PLAIN, format!("{} sets {cookie}\n", self.name));
                answer.headers.push(("Set-Cookie", cookie));
                answer
            }
            "/early" => {
                let mut answer = Answer::new(200, PLAIN, format!("{} after a hint\n", self.name));
                answer.early_hint = true;
                answer
            }
            "/upgrade" => echo_tunnel(101),
            _ => return None,
        })
    }

    fn echo(&self, request: &Request) -> String {
        let headers: Vec<String> =
            request.headers.iter().map(|(n, v)| format!("[{},{}]", json(n), json(v))).collect();
        let forwarded = request.header("x-forwarded-for").map_or("null".to_owned(), json);
        format!(
            concat!(
                "{{\"server\":{},\"kind\":{},\"client\":{},\"forwarded_for\":{},\"method\":{},\"target\":{},\"version\":\"1.{}\",",
                "\"headers\":[{}],\"body\":{{\"bytes\":{},\"crc32\":\"{:08x}\",\"start\":{}}}}}\n"
            ),
            json(&self.name),
            json(self.kind.name()),
            json(&request.peer.ip().to_string()),
            forwarded,
            json(&request.method),
            json(&request.target),
            request.minor,
            headers.join(","),
            request.body_len,
            request.body_crc,
            json(&String::from_utf8_lossy(request.body_start.get(..256).unwrap_or(&request.body_start))),
        )
    }

    fn static_site(&self, request: &Request) -> Answer {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            let mut answer = Answer::new(405, PLAIN, format!("{} has files only\n", self.name));
            answer.headers.push(("Allow", "GET, HEAD".to_owned()));
            return answer;
        }
        let path = request.path();
        let extension = path.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        let (mime, body) = match (path, extension.as_deref()) {
            ("/" | "/index.html", _) => (HTML, html::static_page(&self.name).into_bytes()),
            (_, Some("css")) => ("text/css; charset=utf-8", html::STYLE.as_bytes().to_vec()),
            (_, Some("js")) => ("text/javascript; charset=utf-8", html::SCRIPT.as_bytes().to_vec()),
            (_, Some("svg")) => ("image/svg+xml", boat_svg(&self.name)),
            // One picture under each of the names that old configurations split on.
            (_, Some("png" | "jpg" | "jpeg" | "gif" | "ico")) => ("image/png", tile_png(&self.name, path)),
            (_, Some("html" | "htm")) => (HTML, html::static_page(&self.name).into_bytes()),
            (_, Some("txt")) => (PLAIN, format!("{path}, a text of {}\n", self.name).into_bytes()),
            _ => return Answer::new(404, PLAIN, format!("{} has no {path}\n", self.name)),
        };
        let tag = format!("\"{:08x}\"", crc32(&body));
        let fresh = request.header("if-none-match").is_some_and(|t| t.split(',').any(|t| t.trim() == tag));
        let mut answer = if fresh { Answer::new(304, mime, "") } else { Answer::new(200, mime, body) };
        answer.headers.push(("ETag", tag));
        answer.headers.push(("Cache-Control", "no-cache".to_owned()));
        answer
    }

    fn upload(&self, request: &Request) -> Answer {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(request.method.as_str(), "POST" | "PUT") {
            return Answer::new(200, HTML, html::upload_page(&self.name, uploads.iter()));
        }
        if uploads.len() == UPLOADS_MAX {
            uploads.pop_front();
        }
        let path = request.path().to_owned();
        let stored = Upload { path, bytes: request.body_len, crc: request.body_crc };
        let body = format!(
            "{{\"server\":{},\"stored\":{},\"bytes\":{},\"crc32\":\"{:08x}\"}}\n",
            json(&self.name),
            json(&stored.path),
            stored.bytes,
            stored.crc
        );
        uploads.push_back(stored);
        Answer::new(201, JSON, body)
    }
}

fn echo_tunnel(status: u16) -> Answer {
    let mut answer = Answer::with(status, PLAIN, Payload::Echo);
    answer.headers.clear();
    answer
}

/// Keeps a name or value from breaking out of its header.
fn token(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, ';' | ',' | '"')).collect()
}
