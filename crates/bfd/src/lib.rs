//! Is the path to a neighbour alive? One [`Session`] per `bfd_instance` (RFC 5880 §6; single hop RFC 5881, multihop RFC 5883):
//! asynchronous mode, without authentication and echo. Pure: it is told packets and times, and says what to send.
//!
//! ```text
//!                    hears Down                 hears Init or Up
//!        ┌──────┐ ─────────────▶ ┌──────┐ ─────────────────────▶ ┌────┐
//!        │ Down │                │ Init │                        │ Up │
//!        └──────┘ ◀───────────── └──────┘                        └────┘
//!         │    ▲   silence, hears AdminDown                         │
//!         │    └────────────────────────────────────────────────────┘ silence, hears Down or AdminDown
//!         └──────────────────────────────────────────────────────────▶ Up: hears Init
//! ```
//!
//! The driver is the same 20 lines as for every brain: drain [`Session::poll`], wait for a datagram or
//! [`Session::deadline`], feed [`Session::handle`] or [`Session::on_deadline`].
//!
//! - [`conf`]: a session as configured; [`input`], [`output`], [`view`]: the contract
//! - [`state`]: the machine; [`timers`]: how often is sent, how long is waited
//! - [`select`]: whose packet is it
//!
//! A session never says what follows from it: priorities and faults are VRRP's affair.
#![forbid(unsafe_code)]

pub mod conf;
pub mod input;
pub mod output;
pub mod state;
pub mod timers;
pub mod view;

pub use conf::{BfdConf, HopCheck, Role};
pub use input::Input;
pub use output::{Change, Dropped, Output};
pub use state::{Session, select};
pub use timers::{Deadline, Timer};
pub use view::{Counters, View};
