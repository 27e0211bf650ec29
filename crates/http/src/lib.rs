//! The HTTP message model and the HTTP/1 codec: heads, fields, framing, chunks, cookies, targets, dates, error pages.
//!
//! Bytes in, heads and verdicts out. Nothing here waits, reads a clock or touches a socket: the mux of the proxy
//! brings bytes and takes bytes.
//!
//! ```text
//! bytes ── parse_request ──▶ RequestHead ── body() ──▶ Framing ── ChunkDecoder ──▶ data, trailers
//!                              │ fields(), path(), host(), cookie::find()
//!                              └ write_to ──▶ bytes
//! ```
//!
//! A head owns one text and a list of ranges into it. Edits append to the text, so that nothing is allocated for a
//! field, and a head that is cleared and used again allocates nothing at all.
//!
//! Strictness: what the original answers with 400 is an error here. Where it lets a shape pass that RFC 9112 calls
//! unsafe (a bare LF in chunk framing, a NUL in a value), this codec refuses; `tests/verdicts.rs` lists every
//! verdict beside the original's.
#![forbid(unsafe_code)]

mod chunk;
mod codec;
mod connection;
pub mod cookie;
pub mod date;
mod error;
mod fields;
mod framing;
mod known;
mod method;
mod pages;
mod request;
mod response;
mod table;
pub mod uri;

pub use chunk::{ChunkDecoder, ChunkStep, write_chunk_head, write_last_chunk};
pub use codec::{
    Limits, Resume, head_end, parse_request, parse_request_more, parse_response, parse_response_more,
};
pub use connection::{ConnectionOptions, strip_hop_by_hop};
pub use error::{Kind, Malformed};
pub use fields::{AllValues, Fields, Lines, Name, Values, values_of};
pub use framing::Framing;
pub use known::Known;
pub use method::{Method, Version};
pub use pages::{error_page, status_response};
pub use request::RequestHead;
pub use response::{ResponseHead, counted_answer_len, reason_phrase};
