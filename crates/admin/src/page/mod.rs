//! The statistics page.

use evenkeel_proxy::services::{LocalAnswer, StatsRequest};

/// Answers a request for the page.
pub fn answer(_: &StatsRequest<'_>) -> LocalAnswer {
    let body = b"The statistics page is not built yet.\n".to_vec();
    let length = body.len();
    let head =
        format!("HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n");
    LocalAnswer { status: 501, head: head.into_bytes(), body }
}
