//! How servers change, and what the logs say of it. The lines are those that HAProxy 2.6 sent for the same commands.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_balance::Weight;
use evenkeel_base::{Instant, ServerId, WallTime};
use evenkeel_conf::{CondEnv, Environment, Input, Inputs, Outside};
use evenkeel_health::{Cause, Reason, Status};
use evenkeel_proxy::world::{Admin, Change, Health, Identity, Operation, World};
use evenkeel_sys::Addr;

struct Nothing;

impl Outside for Nothing {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path}: there are no files here"))
    }

    fn resolve(&self, _: &str) -> Vec<IpAddr> {
        Vec::new()
    }
}

const FILE: &str = "
defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
listen b
    bind 127.0.0.1:1
    server s1 127.0.0.1:11 check
    server t1 127.0.0.1:12 track b/s1
backend t2
    server t2 127.0.0.1:13 track b/t1
backend o
    server s1 127.0.0.1:14 check on-marked-down shutdown-sessions
    server bk 127.0.0.1:15 backup
    server n1 nosuch.invalid:80 init-addr none
backend w
    server s1 127.0.0.1:16 slowstart 10s weight 16
    server s2 127.0.0.1:17
";

fn world() -> Arc<World> {
    let inputs = vec![Input::Text { name: "t.cfg".into(), text: FILE.into() }];
    let inputs = Inputs { inputs, cond: CondEnv::default() };
    let loaded = evenkeel_conf::load(&inputs, &mut Environment::default(), &Nothing);
    let plan = loaded.plan.unwrap_or_else(|| panic!("the file is good: {:?}", loaded.diagnostics));
    let identity = Identity { pid: 1, hostname: "h".into() };
    let world = World::new(Arc::new(plan), identity, 1, 0, at(0), WallTime::default());
    world.take_changes();
    Arc::new(world)
}

fn at(secs: u64) -> Instant {
    Instant::from_millis(1000 * secs)
}

fn server(world: &World, name: &str) -> ServerId {
    let is_named = |id: &ServerId| {
        let names = world.names(*id);
        format!("{}/{}", names.backend, names.server) == name
    };
    world.plan.servers.iter().map(|s| s.id).find(is_named).expect("the file has this server")
}

/// What happens to a server.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Admin(Admin),
    Check(Health),
    Force(Health),
    Weight(u32),
    Resolved,
}
use Deed::{Check, Force};
const READY: Deed = Deed::Admin(Admin::Ready);
const DRAIN: Deed = Deed::Admin(Admin::Drain);
const MAINT: Deed = Deed::Admin(Admin::Maint);

fn act(world: &World, id: ServerId, deed: Deed) {
    let now = at(5);
    let refused = Cause::Check(Reason {
        status: Status::L4Connection,
        code: None,
        info: "Connection refused".into(),
        duration: Some(Duration::ZERO),
    });
    match deed {
        Deed::Admin(admin) => {
            world.set_admin(id, admin, now);
        }
        Check(health) => {
            world.set_health(id, health, &refused, now);
        }
        Force(health) => world.force_health(id, health, false, now),
        Deed::Weight(weight) => world.set_weight(id, Weight::new(weight).expect("in range"), now),
        Deed::Resolved => {
            let here: std::net::SocketAddr = "127.0.0.1:80".parse().expect("an address");
            world.set_resolved(id, Addr::Inet(here), now);
        }
    }
}

/// The lines that a deed leaves, with their levels.
fn lines(world: &World) -> Vec<String> {
    world
        .take_changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::Line { level, text, .. } => {
                let short = text
                    .replace(" 0 sessions active, 0 requeued, 0 remaining in queue.", " …")
                    .replace(" 0 sessions requeued, 0 total in queue.", " …")
                    .replace("reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms", "R");
                Some(format!("{level} {short}"))
            }
            Change::NoServer(backend) => Some(format!("0 {} empty", world.plan.proxy(backend).name)),
            Change::ShutSessions(id, _) => Some(format!("shut {}", world.names(id).server)),
            Change::Log { .. }
            | Change::Admin { .. }
            | Change::Force { .. }
            | Change::Checks(_)
            | Change::Revived(_)
            | Change::Faults(..) => None,
        })
        .collect()
}

#[test]
fn every_change_is_told_in_the_originals_words() {
    let world = world();
    for (name, deed, want) in [
        // Health, and who tracks.
        (
            "b/s1",
            Check(Health::Down),
            &[
                "1 Server b/s1 is DOWN, R. 1 active and 0 backup servers left. …",
                "1 Server b/t1 is DOWN via b/s1. 0 active and 0 backup servers left. …",
                "0 b empty",
                "1 Server t2/t2 is DOWN via b/t1. 0 active and 0 backup servers left. …",
                "0 t2 empty",
            ][..],
        ),
        ("b/s1", Check(Health::Down), &[]),
        (
            "b/t1",
            MAINT,
            &[
                "5 Server b/t1 was DOWN and now enters maintenance.",
                "5 Server t2/t2 was DOWN and now enters maintenance via b/t1.",
            ],
        ),
        (
            "b/t1",
            READY,
            &[
                "5 Server b/t1 is DOWN/READY (leaving forced maintenance).",
                "5 Server t2/t2 is DOWN/READY (leaving maintenance).",
            ],
        ),
        (
            "b/s1",
            Check(Health::Up),
            &[
                "5 Server b/s1 is UP, R. 1 active and 0 backup servers online. …",
                "5 Server b/t1 is UP via b/s1. 2 active and 0 backup servers online. …",
                "5 Server t2/t2 is UP via b/t1. 1 active and 0 backup servers online. …",
            ],
        ),
        // Drain, and who tracks.
        (
            "b/s1",
            DRAIN,
            &[
                "5 Server b/s1 enters drain state. 1 active and 0 backup servers online. …",
                "5 Server b/t1 enters drain state via b/s1. 0 active and 0 backup servers online. …",
                "0 b empty",
                "5 Server t2/t2 enters drain state via b/t1. 0 active and 0 backup servers online. …",
                "0 t2 empty",
            ],
        ),
        (
            "b/t1",
            MAINT,
            &[
                "5 Server b/t1 is going DOWN for maintenance. 0 active and 0 backup servers left. …",
                "5 Server t2/t2 is going DOWN for maintenance via b/t1. 0 active and 0 backup servers left. …",
            ],
        ),
        (
            "b/t1",
            DRAIN,
            &[
                "5 Server b/t1 is UP/DRAIN (leaving forced maintenance).",
                "5 Server b/t1 remains in forced drain mode.",
                "5 Server t2/t2 is UP/DRAIN (leaving maintenance).",
                "5 Server t2/t2 is leaving forced drain but remains in drain mode via b/t1.",
            ],
        ),
        ("b/t1", READY, &["5 Server b/t1 is leaving forced drain but remains in drain mode via b/s1."]),
        (
            "b/s1",
            MAINT,
            &[
                "5 Server b/s1 is going DOWN for maintenance. 0 active and 0 backup servers left. …",
                "5 Server b/t1 is going DOWN for maintenance via b/s1. 0 active and 0 backup servers left. …",
                "5 Server t2/t2 is going DOWN for maintenance via b/t1. 0 active and 0 backup servers left. …",
            ],
        ),
        ("b/t1", MAINT, &[]),
        (
            "b/s1",
            READY,
            &[
                "5 Server b/s1 is UP/READY (leaving forced maintenance).",
                "5 Server b/t1 remains in forced maintenance.",
            ],
        ),
        (
            "b/s1",
            MAINT,
            &[
                "1 Server b/s1 is going DOWN for maintenance. 0 active and 0 backup servers left. …",
                "0 b empty",
            ],
        ),
        (
            "b/t1",
            READY,
            &["5 Server b/t1 is leaving forced maintenance but remains in maintenance via b/s1."],
        ),
        (
            "b/s1",
            READY,
            &[
                "5 Server b/s1 is UP/READY (leaving forced maintenance).",
                "5 Server b/t1 is UP/READY (leaving maintenance).",
                "5 Server t2/t2 is UP/READY (leaving maintenance).",
            ],
        ),
        (
            "b/t1",
            DRAIN,
            &[
                "5 Server b/t1 enters drain state. 1 active and 0 backup servers online. …",
                "5 Server t2/t2 enters drain state via b/t1. 0 active and 0 backup servers online. …",
                "0 t2 empty",
            ],
        ),
        (
            "b/s1",
            DRAIN,
            &[
                "5 Server b/s1 enters drain state. 0 active and 0 backup servers online. …",
                "0 b empty",
                "5 Server b/t1 remains in forced drain mode.",
            ],
        ),
        (
            "b/s1",
            Check(Health::Down),
            &[
                "5 Server b/s1 is DOWN, R. 0 active and 0 backup servers left. …",
                "5 Server b/s1 remains in forced drain mode.",
                "5 Server b/t1 is DOWN via b/s1. 0 active and 0 backup servers left. …",
                "5 Server b/t1 remains in forced drain mode.",
                "5 Server t2/t2 is DOWN via b/t1. 0 active and 0 backup servers left. …",
                "5 Server t2/t2 is leaving forced drain but remains in drain mode via b/t1.",
            ],
        ),
        (
            "b/s1",
            READY,
            &["5 Server b/s1 is DOWN (leaving forced drain).", "5 Server b/t1 remains in forced drain mode."],
        ),
        // A checked server leaves maintenance up; its sessions are cut when it goes.
        (
            "o/s1",
            Check(Health::Down),
            &[
                "1 Server o/s1 is DOWN, R. 0 active and 1 backup servers left. Running on backup. …",
                "shut s1",
            ],
        ),
        ("o/s1", MAINT, &["5 Server o/s1 was DOWN and now enters maintenance.", "shut s1"]),
        ("o/s1", Check(Health::Up), &[]),
        ("o/s1", READY, &["5 Server o/s1 is UP/READY (leaving forced maintenance)."]),
        (
            "o/bk",
            MAINT,
            &["1 Backup Server o/bk is going DOWN for maintenance. 1 active and 0 backup servers left. …"],
        ),
        ("o/n1", MAINT, &[]),
        ("o/n1", READY, &[]),
        ("o/n1", Deed::Resolved, &["5 Server o/n1 ('nosuch.invalid') is UP/READY (resolves again)."]),
        ("o/n1", Deed::Resolved, &[]),
        // Without a check the operator's word counts at once; the last weight leaves nobody.
        (
            "w/s1",
            Force(Health::Down),
            &["1 Server w/s1 is DOWN, changed from CLI. 1 active and 0 backup servers left. …"],
        ),
        (
            "w/s1",
            Force(Health::Up),
            &["5 Server w/s1 is UP, changed from CLI. 2 active and 0 backup servers online. …"],
        ),
        (
            "w/s1",
            Force(Health::Stopping),
            &["5 Server w/s1 is stopping, changed from CLI. 1 active and 0 backup servers online. …"],
        ),
        (
            "w/s1",
            Force(Health::Down),
            &["5 Server w/s1 is DOWN, changed from CLI. 1 active and 0 backup servers left. …"],
        ),
        ("w/s2", Deed::Weight(0), &["0 w empty"]),
        ("w/s2", Deed::Weight(1), &[]),
    ] {
        act(&world, server(&world, name), deed);
        assert_eq!(lines(&world), want, "{name} {deed:?}");
    }
}

#[test]
fn slow_starts_begin_when_a_server_comes_back() {
    let world = world();
    let id = server(&world, "w/s1");
    let slot = world.plan.server(id).slot as usize;
    let backend = world.plan.server(id).backend;
    let weight = || world.balancer(backend).and_then(|b| b.weight(slot)).map(|w| w.get());
    assert_eq!(weight(), Some(256), "at the start a server is warm");
    world.set_health(id, Health::Down, &Cause::Cli, at(1));
    world.set_health(id, Health::Up, &Cause::Cli, at(10));
    for (secs, want, warm) in
        [(10, 16, true), (15, 144, true), (19, 240, true), (20, 256, false), (30, 256, false)]
    {
        assert_eq!((world.warm(id, at(secs)), weight()), (warm, Some(want)), "{secs}");
    }
    assert_eq!(world.operation(id), Operation::Running);
}
