//! One of the lab's web servers as a program: `cargo run -p evenkeel-lab --example web -- app1 dynamic 127.0.0.1:8081`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use evenkeel_lab::web::{WebKind, WebServer, WebSpec};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let kind_of = |word: &str| {
        [WebKind::Static, WebKind::Dynamic, WebKind::Upload].into_iter().find(|k| k.name() == word)
    };
    let spec = match args.as_slice() {
        [name, kind, addr] => kind_of(kind).zip(addr.parse().ok()).map(|(k, a)| WebSpec::new(name, k, a)),
        _ => None,
    };
    let Some(spec) = spec else {
        eprintln!("usage: web NAME static|dynamic|upload ADDRESS:PORT");
        return ExitCode::FAILURE;
    };
    match WebServer::start(spec) {
        Ok(server) => {
            println!("{} listens on http://{}/", server.name(), server.addr());
            loop {
                std::thread::park();
            }
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
