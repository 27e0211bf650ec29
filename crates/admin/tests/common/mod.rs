//! A world made of a configuration's text, for the tests of this room.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::net::IpAddr;
use std::sync::Arc;

use evenkeel_admin::Desk;
use evenkeel_admin::cli::command::{Reply, Session};
use evenkeel_admin::cli::dispatch;
use evenkeel_admin::cli::line::{Item, Reader};
use evenkeel_base::{Instant, WallTime};
use evenkeel_conf::{CondEnv, Environment, Input, Inputs, Outside};
use evenkeel_plan::Plan;
use evenkeel_plan::global::CliLevel;
use evenkeel_proxy::runtime::Orders;
use evenkeel_proxy::world::{Identity, World};

/// The configuration that most tests use.
pub(crate) const CONFIG: &str = r#"
global
    maxconn 1000
    node lb1
    description "the first"
    stats socket FOLDER/admin.sock mode 600 level admin
    stats socket FOLDER/operator.sock level operator
    stats socket FOLDER/user.sock level user
    stats timeout 20s
    stats maxconn 3
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
frontend fe
    bind unix@FOLDER/fe1.sock name l1
    bind unix@FOLDER/fe2.sock
    option socket-stats
    stats enable
    stats uri /st
    stats refresh 5s
    stats show-node
    stats show-desc
    stats show-legends
    stats admin if TRUE
    default_backend be
frontend fe2
    mode tcp
    bind unix@FOLDER/fe3.sock
    maxconn 50
    rate-limit sessions 10
    default_backend bt
backend be
    balance roundrobin
    cookie SRV insert
    server s1 127.0.0.1:19911 cookie c1 weight 10 check inter 1h
    server s2 127.0.0.1:19912 cookie c2 weight 20 maxconn 5 maxqueue 7
    server s3 127.0.0.1:19913 backup
    server s4 127.0.0.1:19914 disabled
    server s5 127.0.0.1:19911 track s1
    server s7 127.0.0.1
backend bt
    mode tcp
    balance source
    server t1 127.0.0.1:19911
    server t2 [::1]:19912 weight 3
backend empty
"#;

/// When the tests' worlds start, and how much later it is now.
pub(crate) const START: Instant = Instant::from_millis(5_000_000);
/// See [`START`].
pub(crate) const NOW: Instant = Instant::from_millis(5_042_000);
/// The date of [`NOW`].
pub(crate) const DATE: WallTime = WallTime::from_micros(1_795_258_124_892_000);

struct Nowhere;

impl Outside for Nowhere {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path}: none here"))
    }
    fn resolve(&self, _: &str) -> Vec<IpAddr> {
        Vec::new()
    }
}

/// The Plan of a configuration.
pub(crate) fn plan(text: &str) -> Plan {
    let inputs = Inputs {
        inputs: vec![Input::Text {
            name: "test.cfg".into(),
            text: text.replace("FOLDER", "/tmp/evenkeel").into_bytes(),
        }],
        cond: CondEnv::default(),
    };
    let loaded = evenkeel_conf::load(&inputs, &mut Environment::default(), &Nowhere);
    loaded.plan.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics))
}

/// A process that nothing runs in: its world, its desk, one connection.
pub(crate) struct Bench {
    pub(crate) world: Arc<World>,
    pub(crate) desk: Desk,
    pub(crate) orders: Orders,
    pub(crate) session: Session,
    pub(crate) now: Instant,
}

impl Bench {
    /// Two shards, started 42 seconds ago.
    pub(crate) fn new(text: &str) -> Self {
        let plan = Arc::new(plan(text));
        let identity = Identity { pid: 77, hostname: "host".into() };
        let sockets = plan.global.stats_sockets.clone();
        let maxconn = plan.global.maxconn.unwrap_or(100);
        let world = Arc::new(World::new(plan, identity, 2, maxconn, START, DATE));
        let desk = Desk::new(sockets, &world);
        let session = Session::new(CliLevel::Admin, std::time::Duration::from_secs(10));
        Self { world, desk, orders: Orders::default(), session, now: NOW }
    }

    /// What a line is answered.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        let mut reader = Reader::new(16_384);
        reader.push(line.as_bytes());
        reader.push(b"\n");
        let mut out = Vec::new();
        while let Some(item) = reader.next_item() {
            let Item::Command(line) = item else { continue };
            let reply = dispatch::run(
                &self.world,
                &self.orders,
                &self.desk,
                &mut self.session,
                &line,
                self.now,
                DATE,
            );
            if matches!(reply, Reply::Quit) {
                out.extend_from_slice(b"(quit)");
                break;
            }
            out.extend(dispatch::render(&self.session, reply));
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}
