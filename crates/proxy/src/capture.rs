//! `capture request header`, `capture response header` and `capture cookie`: what the log keeps of heads.

use evenkeel_http::{Known, cookie};

use crate::conn::Conn;
use crate::exchange::Exchange;

/// What a frontend captures of a request.
pub(crate) fn of_request(conn: &Conn, exchange: &mut Exchange) {
    let Some(front) = conn.front() else { return };
    for (slot, capture) in front.request_captures.iter().enumerate().filter(|(_, c)| !c.name.is_empty()) {
        if let Some(value) = exchange.req.fields().last(&capture.name) {
            let kept = value.get(..capture.len as usize).unwrap_or(value);
            keep_capture(&mut exchange.facts.request_captures, slot, kept);
        }
    }
    if let Some(capture) = &front.cookie_capture {
        let fields = exchange.req.fields();
        let hit = fields.lines(Known::Cookie).find_map(|line| {
            cookie::pairs(line).find(|p| capture_matches(capture, p.name)).map(|p| line.get(p.range.clone()))
        });
        if let Some(Some(text)) = hit {
            let kept = text.get(..capture.len as usize).unwrap_or(text);
            exchange.facts.cookie_captures[0] = Some(kept.into());
        }
    }
}

/// What it captures of an answer.
pub(crate) fn of_response(conn: &Conn, exchange: &mut Exchange) {
    let Some(front) = conn.front() else { return };
    for (slot, capture) in front.response_captures.iter().enumerate().filter(|(_, c)| !c.name.is_empty()) {
        if let Some(value) = exchange.res.fields().last(&capture.name) {
            let kept = value.get(..capture.len as usize).unwrap_or(value);
            keep_capture(&mut exchange.facts.response_captures, slot, kept);
        }
    }
    if let Some(capture) = &front.cookie_capture {
        let hit =
            exchange.res.fields().lines(Known::SetCookie).find(|line| {
                cookie::parse_set_cookie(line).is_some_and(|c| capture_matches(capture, c.name))
            });
        if let Some(line) = hit {
            let text = line.split(|b| *b == b';').next().unwrap_or_default();
            let kept = text.get(..capture.len as usize).unwrap_or(text);
            exchange.facts.cookie_captures[1] = Some(kept.into());
        }
    }
}

fn capture_matches(capture: &evenkeel_plan::front::CookieCapture, name: &[u8]) -> bool {
    if capture.exact { name == capture.name } else { name.starts_with(&capture.name) }
}

fn keep_capture(list: &mut Vec<Option<bstr::BString>>, slot: usize, value: &[u8]) {
    if list.len() <= slot {
        list.resize(slot + 1, None);
    }
    if let Some(place) = list.get_mut(slot) {
        *place = Some(value.into());
    }
}
