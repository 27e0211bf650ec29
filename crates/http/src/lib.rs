//! HTTP message model and the HTTP/1 codec.
#![forbid(unsafe_code)]

/// A request head.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {}

/// A response head.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {}
