//! Byte codecs of protocols between machines: bytes to facts and back. Nothing here knows a socket or a clock.
//!
//! - [`proxy`]: the PROXY protocol
//! - [`inet`]: the internet checksum, pseudo headers, the IPv4 header
//! - [`vrrp`]: adverts of versions 2 and 3, with AH and `auth_hmac`
//!
//! Parsers borrow, say exactly what is wrong, and take any bytes. Builders write into a `Vec` that the caller keeps, so that
//! they allocate nothing once it has grown.
#![forbid(unsafe_code)]

pub mod inet;
pub mod proxy;
pub mod vrrp;
