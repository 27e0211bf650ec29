//! Byte codecs of protocols between proxies: bytes to facts and back. Nothing here knows a socket or a clock.
#![forbid(unsafe_code)]

pub mod proxy;
