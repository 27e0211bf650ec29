//! Byte codecs of protocols between machines: bytes to facts and back. Nothing here knows a socket or a clock.
//!
//! - [`proxy`]: the PROXY protocol
//! - [`agentx`]: SNMP subagents
//! - [`ether`]: Ethernet frames; [`arp`], [`ndisc`]: who has an address
//! - [`bfd`]: control packets
//! - [`inet`]: the internet checksum, pseudo headers, the IPv4 header
//! - [`netlink`]: links, addresses, routes, rules, process events as the kernel tells them
//! - [`vrrp`]: adverts of versions 2 and 3, with AH and `auth_hmac`
//!
//! Parsers borrow, say exactly what is wrong, and take any bytes. Builders write into a `Vec` that the caller keeps, so that
//! they allocate nothing once it has grown.
#![forbid(unsafe_code)]

pub mod agentx;
pub mod arp;
pub mod bfd;
pub mod ether;
pub mod inet;
pub mod ndisc;
pub mod netlink;
pub mod proxy;
pub mod vrrp;
