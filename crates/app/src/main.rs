//! The door: who we are called as, what the command line asks for, and the life of the process. What is wrong in a
//! configuration is data until it is rendered here.
//!
//! ```text
//! commands    our own words; the names we answer to
//!  ├ check    evenkeel check
//!  ├ demo     evenkeel demo: servers and a proxy in one process
//!  ├ keepalived   Keepalived's command line, processes, log, dumps; `evenkeel status` and `evenkeel why`
//!  └ haproxy  HAProxy's command line (argv, features), its messages (say, render) and exit codes
//!     └ lifecycle   limits → background → sockets → privileges → shards → signals
//! run         all calls into the rooms below
//! ```

mod argv;
mod check;
mod commands;
mod demo;
mod features;
mod haproxy;
mod keepalived;
mod lifecycle;
mod limits;
mod names;
pub mod render;
mod run;
mod say;
mod sockets;
mod states;
mod trace;

use std::ffi::OsString;
use std::process::ExitCode;

/// Packs the small long-lived blocks that connections are made of more tightly than the C library's, and costs less per
/// request (docs/decisions/0012-cpu-time.md).
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    say::install_panic_hook();
    let args: Vec<OsString> = std::env::args_os().collect();
    match args.split_first() {
        Some((program, rest)) => commands::dispatch(program, rest).into(),
        None => commands::dispatch("evenkeel".as_ref(), &[]).into(),
    }
}
