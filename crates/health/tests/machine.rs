//! The check machine on virtual time: when it looks, what it does of its own accord, what it makes of traffic and orders.

use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};
use evenkeel_health::log::{self, AdminChange, Circumstances, Farm, MaintReason, Names, Severity};
use evenkeel_health::timers::{self, stagger};
use evenkeel_health::{
    Cause, Change, Check, CheckConf, Connect, ConnectFailure, Forced, Health, HttpRequest, Input, Observe,
    OnError, Output, Reason, Script, StateFacts, Status, Timer, TrafficFault,
};

const START: Instant = Instant::from_millis(10_000);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn tcp_conf() -> CheckConf {
    CheckConf {
        inter: ms(1000),
        fastinter: Some(ms(100)),
        downinter: Some(ms(5000)),
        ..CheckConf::new(Script::connect(Connect::default()))
    }
}

/// A check, its clock, and what it has put out.
struct Bench {
    check: Check,
    now: Instant,
}

impl Bench {
    fn new(conf: CheckConf) -> Self {
        Self { check: Check::new(conf, START), now: START }
    }

    /// Goes to the next deadline: what it was for, how long it took.
    fn tick(&mut self) -> (Timer, u64) {
        let deadline = self.check.deadline().expect("something is due");
        let waited = deadline.at - self.now;
        self.now = self.now.max(deadline.at);
        self.check.on_deadline(self.now);
        (deadline.why, waited.as_millis() as u64)
    }

    fn tell(&mut self, input: Input<'_>) {
        self.check.handle(input, self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.check.poll()).collect()
    }

    /// Waits for the next check and answers it; how long the wait was.
    fn check_with(&mut self, good: bool) -> u64 {
        let (why, waited) = self.tick();
        assert_eq!(why, Timer::Start);
        self.tell(if good {
            Input::Connected(None)
        } else {
            Input::ConnectFailed(ConnectFailure::Network("Connection refused"))
        });
        waited
    }

    fn state(&self) -> String {
        let view = self.check.view();
        let (n, of) = view.counter.count();
        format!("{:?} {n}/{of}", view.health)
    }
}

#[test]
fn intervals_follow_the_state() {
    let mut bench = Bench::new(tcp_conf());
    let mut waits = Vec::new();
    for answer in "++---+-+++-+".bytes() {
        let waited = bench.check_with(answer == b'+');
        waits.push((waited, bench.state()));
    }
    let want = [
        (0, "Up 3/3"),
        (1000, "Up 3/3"),
        (1000, "Up 2/3"),
        (100, "Up 1/3"),
        (100, "Down 0/2"),
        (5000, "Down 1/2"),
        (100, "Down 0/2"),
        (5000, "Down 1/2"),
        (100, "Up 3/3"),
        (1000, "Up 3/3"),
        (1000, "Up 2/3"),
        (100, "Up 3/3"),
    ];
    assert_eq!(waits, want.map(|(n, s)| (n, s.to_owned())));
}

#[test]
fn timeouts_cover_what_the_manual_says() {
    let silent = Input::Connected(None);
    let http = || Script::http(Connect::default(), HttpRequest::default());
    // timeout connect, timeout check, inter → time to give up connecting; to give up on the answer after 50 ms.
    for (connect, check, inter, want_connect, want_answer) in [
        (None, None, 900, 900, 850),
        (Some(100), None, 900, 900, 850),
        (Some(100), Some(300), 900, 100, 300),
        (Some(2000), Some(300), 900, 900, 300),
        (None, Some(3000), 900, 900, 3000),
    ] {
        let conf = CheckConf {
            inter: ms(inter),
            connect_timeout: connect.map(ms),
            check_timeout: check.map(ms),
            ..CheckConf::new(http())
        };
        let mut bench = Bench::new(conf.clone());
        assert_eq!(bench.tick(), (Timer::Start, 0));
        assert_eq!(bench.tick(), (Timer::Connect, want_connect));
        assert_eq!(bench.check.view().status, Status::L4Timeout);
        let mut bench = Bench::new(conf);
        bench.tick();
        bench.now = bench.now + ms(50);
        bench.tell(silent);
        assert_eq!(bench.tick(), (Timer::Answer, want_answer));
        assert_eq!(bench.check.view().status, Status::L7Timeout);
    }
}

#[test]
fn a_handshake_has_its_own_faults() {
    let conf = || CheckConf::new(Script::connect(Connect { tls: true, ..Connect::default() }));
    let run = |end: &dyn Fn(&mut Bench)| {
        let mut bench = Bench::new(conf());
        bench.tick();
        bench.tell(Input::Handshaking);
        end(&mut bench);
        bench.check.view().status
    };
    assert_eq!(run(&|bench| bench.tell(Input::Connected(None))), Status::L6Ok);
    assert_eq!(run(&|bench| _ = bench.tick()), Status::L6Timeout);
    assert_eq!(run(&|bench| bench.tell(Input::Broken("Connection reset by peer"))), Status::L6Response);
    assert_eq!(
        run(&|bench| bench.tell(Input::ConnectFailed(ConnectFailure::Local("no port")))),
        Status::SocketError
    );
}

#[test]
fn events_of_no_check_mean_nothing() {
    let mut bench = Bench::new(CheckConf { start_after: ms(700), ..tcp_conf() });
    for input in [
        Input::Connected(None),
        Input::Closed,
        Input::Received(b"x"),
        Input::Broken("x"),
        Input::ConnectFailed(ConnectFailure::Network("x")),
        Input::Resume,
    ] {
        bench.tell(input);
    }
    bench.check.on_deadline(START + ms(699));
    assert_eq!(bench.outputs(), []);
    assert_eq!(bench.tick(), (Timer::Start, 700));
    assert_eq!(bench.outputs(), [Output::Connect(Connect::default())]);
}

/// Bad traffic, then the state and the wait for the next check. Seen in the same way on HAProxy 2.6.
#[test]
fn traffic_counts_as_configured() {
    use TrafficFault::{Connect, HttpStatus};
    let (l4, l7) = (Observe::Layer4, Observe::Layer7);
    for (observe, on_error, limit, faults, state, wait, status) in [
        (Observe::Off, OnError::MarkDown, 1, &[Connect; 9][..], "Up 3/3", 1000, Status::L4Ok),
        (l4, OnError::MarkDown, 2, &[HttpStatus; 9][..], "Up 3/3", 1000, Status::L4Ok),
        (l4, OnError::MarkDown, 2, &[Connect; 2][..], "Down 0/2", 100, Status::Observed),
        (l7, OnError::FailCheck, 4, &[HttpStatus; 3][..], "Up 3/3", 1000, Status::L4Ok),
        (l7, OnError::FailCheck, 4, &[HttpStatus; 4][..], "Up 2/3", 100, Status::Observed),
        (l7, OnError::FailCheck, 4, &[HttpStatus; 8][..], "Up 1/3", 100, Status::Observed),
        (l7, OnError::SuddenDeath, 4, &[HttpStatus; 4][..], "Up 1/3", 100, Status::Observed),
        (l7, OnError::SuddenDeath, 4, &[HttpStatus; 8][..], "Down 0/2", 100, Status::Observed),
        (l7, OnError::FastInter, 4, &[HttpStatus; 9][..], "Up 3/3", 100, Status::L4Ok),
    ] {
        let mut bench = Bench::new(CheckConf { observe, on_error, error_limit: limit, ..tcp_conf() });
        bench.check_with(true);
        for fault in faults {
            bench.tell(Input::TrafficBad(*fault));
        }
        let context = format!("{observe:?} {on_error:?} {limit} {faults:?}");
        assert_eq!((bench.state().as_str(), bench.check.view().status), (state, status), "{context}");
        assert_eq!(bench.tick().1, wait, "{context}");
    }
    let mut bench = Bench::new(CheckConf { observe: l7, error_limit: 3, ..tcp_conf() });
    bench.check_with(true);
    for input in [Input::TrafficBad(HttpStatus), Input::TrafficBad(HttpStatus), Input::TrafficGood].repeat(5)
    {
        bench.tell(input);
    }
    assert_eq!(bench.state(), "Up 3/3", "only errors in a row count");
}

#[test]
fn status_codes_that_are_faults() {
    for (code, fault) in [
        (99, true),
        (100, false),
        (404, false),
        (499, false),
        (500, true),
        (501, false),
        (503, true),
        (505, false),
        (600, true),
    ] {
        assert_eq!(TrafficFault::of_status(code).is_some(), fault, "{code}");
    }
}

#[test]
fn a_pause_keeps_the_beat() {
    let mut bench = Bench::new(tcp_conf());
    bench.check_with(true);
    bench.now = bench.now + ms(300);
    bench.tell(Input::Pause);
    assert!(bench.check.view().paused);
    assert_eq!(bench.check.deadline(), None);
    bench.now = bench.now + ms(2500);
    bench.tell(Input::Resume);
    assert_eq!(bench.tick(), (Timer::Start, 200), "2.8 s after the last check, the beat is at 3 s");
    bench.outputs();
    bench.tell(Input::Pause);
    assert_eq!(bench.outputs(), [Output::Close { linger: false }], "a check under way is dropped");
}

#[test]
fn leaving_maintenance_is_up_until_the_first_failure() {
    let mut bench = Bench::new(tcp_conf());
    bench.check_with(false);
    assert_eq!(bench.state(), "Down 0/2");
    bench.tell(Input::Pause);
    bench.outputs();
    bench.tell(Input::Revive);
    assert_eq!(
        (bench.state().as_str(), bench.outputs().len()),
        ("Up 1/3", 0),
        "the operator's log line says it"
    );
    bench.check_with(false);
    assert_eq!(bench.state(), "Down 0/2");
}

#[test]
fn orders_are_obeyed_and_reported() {
    let mut bench = Bench::new(tcp_conf());
    bench.check_with(true);
    bench.outputs();
    for (forced, state, changes) in [
        (Forced::Up, "Up 3/3", None),
        (Forced::Down, "Down 0/2", Some((Health::Up, Health::Down))),
        (Forced::Stopping, "Stopping 3/3", Some((Health::Down, Health::Stopping))),
        (Forced::Up, "Up 3/3", Some((Health::Stopping, Health::Up))),
    ] {
        bench.tell(Input::Force(forced));
        let want = changes.map(|(from, to)| Output::Changed(Change { from, to, cause: Cause::Cli }));
        assert_eq!((bench.state().as_str(), bench.outputs()), (state, want.into_iter().collect()));
    }
}

#[test]
fn first_checks_are_spread_over_the_interval() {
    for (intervals, spread_max, want) in [
        (vec![300, 300], None, vec![0, 150]),
        (vec![2000, 2000, 2000, 2000], None, vec![0, 500, 1000, 1500]),
        (vec![2000, 10_000], None, vec![0, 5000]),
        (vec![300, 2000, 300], None, vec![0, 666, 1333]),
        (vec![10_000, 10_000], Some(100), vec![0, 50]),
        (vec![], None, vec![]),
    ] {
        let all: Vec<Duration> = intervals.iter().copied().map(ms).collect();
        let got: Vec<u128> =
            (0..all.len()).map(|n| stagger(&all, n, spread_max.map(ms)).as_millis()).collect();
        assert_eq!(got, want, "{intervals:?} {spread_max:?}");
    }
    assert_eq!(stagger(&[], 3, None), Duration::ZERO);
}

#[test]
fn spread_stays_within_its_share_and_reaches_both_ends() {
    let mut rng = Rng::new(1);
    let drawn: Vec<u64> =
        (0..2000).map(|_| timers::spread(ms(100), 5, &mut rng).as_millis() as u64).collect();
    assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&95), Some(&105)));
    assert_eq!(timers::spread(ms(100), 0, &mut rng), ms(100));
}

#[test]
fn the_state_header_says_how_the_server_is_seen() {
    let script = Script::http(Connect::default(), HttpRequest::default());
    let conf = CheckConf { send_state: true, ..CheckConf::new(script) };
    let facts = StateFacts {
        address: "127.0.0.1",
        port: "80",
        backend: "b",
        server: "s",
        node: "me",
        weight: 1,
        weight_total: 2,
        sessions: 13,
        sessions_total: 22,
        queue: 0,
    };
    let mut bench = Bench::new(CheckConf { disable_on_404: true, ..conf });
    let tail = "; address=127.0.0.1; port=80; name=b/s; node=me; weight=1/2; scur=13/22; qcur=0\r\n\r\n";
    let mut answer = |code: &str| {
        bench.tick();
        bench.outputs();
        bench.tell(Input::Connected(Some(&facts)));
        let Some(Output::Send(bytes)) = bench.outputs().pop() else { panic!("it asks") };
        bench.tell(Input::Received(format!("HTTP/1.0 {code}\r\n\r\n").as_bytes()));
        let text = String::from_utf8(bytes).expect("ASCII");
        let state = text
            .strip_prefix("OPTIONS / HTTP/1.0\r\nx-haproxy-server-state: ")
            .and_then(|t| t.strip_suffix(tail));
        state.unwrap_or(&text).to_owned()
    };
    let codes = ["200", "500", "404", "200", "500", "500", "500", "200", "200", "404", "500", "200", "200"];
    let seen = codes.map(&mut answer);
    let want = [
        "UP 1/3", "UP", "UP 2/3", "NOLB", "UP", "UP 2/3", "UP 1/3", "DOWN", "DOWN 1/2", "UP", "NOLB",
        "NOLB 2/3", "UP",
    ];
    assert_eq!(seen, want, "as HAProxy 2.6 sends them for the same answers");
}

/// Lines as HAProxy 2.6 wrote them; those of checks are compared live in `twin.rs`.
#[test]
fn lines_about_operators_and_backups() {
    let server = Names { backend: "b", server: "s1", is_backup: false };
    let backup = Names { backend: "b", server: "s2", is_backup: true };
    let farm = |active, backup| Farm { active, backup, ..Farm::default() };
    let change = |from, to, cause| Change { from, to, cause };
    let observed = Cause::Check(Reason {
        status: Status::Observed,
        code: None,
        info: "Detected 1 consecutive errors, last one was: Wrong http response".into(),
        duration: None,
    });
    let (alert, notice) = (Severity::Alert, Severity::Notice);
    let via = Some("b/t");
    let around = |farm| Circumstances { farm, ..Circumstances::default() };
    let leave = |up, drained, reason| AdminChange::LeaveMaint { up, drained, reason };
    let by_other = Circumstances { via, drained: true, ..Circumstances::default() };
    for (got, severity, want) in [
        (
            log::admin(
                server,
                AdminChange::EnterMaint { from: Health::Up, drained: false },
                None,
                farm(0, 0),
            ),
            alert,
            "Server b/s1 is going DOWN for maintenance. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        (
            log::admin(server, AdminChange::EnterMaint { from: Health::Up, drained: true }, via, farm(0, 0)),
            notice,
            "Server b/s1 is going DOWN for maintenance via b/t. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        (
            log::admin(
                server,
                AdminChange::EnterMaint { from: Health::Down, drained: false },
                None,
                farm(0, 0),
            ),
            notice,
            "Server b/s1 was DOWN and now enters maintenance.",
        ),
        (
            log::admin(server, AdminChange::StayMaint { forced: true }, None, farm(0, 0)),
            notice,
            "Server b/s1 remains in forced maintenance.",
        ),
        (
            log::admin(server, AdminChange::StayMaint { forced: false }, via, farm(0, 0)),
            notice,
            "Server b/s1 is leaving forced maintenance but remains in maintenance via b/t.",
        ),
        (
            log::admin(server, leave(true, false, MaintReason::Forced), None, farm(1, 0)),
            notice,
            "Server b/s1 is UP/READY (leaving forced maintenance).",
        ),
        (
            log::admin(server, leave(false, false, MaintReason::Forced), None, farm(1, 0)),
            notice,
            "Server b/s1 is DOWN/READY (leaving forced maintenance).",
        ),
        (
            log::admin(server, leave(true, true, MaintReason::Inherited), via, farm(1, 0)),
            notice,
            "Server b/s1 is UP/DRAIN (leaving maintenance).",
        ),
        (
            log::admin(server, leave(true, false, MaintReason::Unresolved("web.test")), None, farm(1, 0)),
            notice,
            "Server b/s1 ('web.test') is UP/READY (resolves again).",
        ),
        (
            log::admin(server, AdminChange::EnterDrain { up: true }, via, farm(0, 0)),
            notice,
            "Server b/s1 enters drain state via b/t. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
        ),
        (
            log::admin(server, AdminChange::EnterDrain { up: false }, None, farm(1, 0)),
            notice,
            "Server b/s1 enters drain state. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        (
            log::admin(server, AdminChange::StayDrain { forced: true }, None, farm(1, 0)),
            notice,
            "Server b/s1 remains in forced drain mode.",
        ),
        (
            log::admin(server, AdminChange::StayDrain { forced: false }, via, farm(1, 0)),
            notice,
            "Server b/s1 is leaving forced drain but remains in drain mode via b/t.",
        ),
        (
            log::admin(server, AdminChange::LeaveDrain { up: true }, None, farm(1, 0)),
            notice,
            "Server b/s1 is UP (leaving forced drain).",
        ),
        (
            log::admin(server, AdminChange::LeaveDrain { up: false }, None, farm(1, 0)),
            notice,
            "Server b/s1 is DOWN (leaving forced drain).",
        ),
        (
            log::changed(server, &change(Health::Up, Health::Down, Cause::Cli), &around(farm(0, 1))),
            alert,
            "Server b/s1 is DOWN, changed from CLI. 0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        (
            log::changed(backup, &change(Health::Up, Health::Down, Cause::Cli), &around(farm(0, 0))),
            alert,
            "Backup Server b/s2 is DOWN, changed from CLI. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        (
            log::changed(server, &change(Health::Down, Health::Up, Cause::Cli), &around(farm(1, 0))),
            notice,
            "Server b/s1 is UP, changed from CLI. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
        ),
        (
            log::changed(server, &change(Health::Up, Health::Stopping, Cause::Cli), &around(farm(0, 0))),
            notice,
            "Server b/s1 is stopping, changed from CLI. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
        ),
        (
            log::changed(server, &change(Health::Up, Health::Down, observed), &around(farm(0, 0))),
            alert,
            "Server b/s1 is DOWN, reason: Health analyze, info: \"Detected 1 consecutive errors, last one was: Wrong http response\". 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        (
            log::changed(server, &change(Health::Up, Health::Down, Cause::Cli), &by_other),
            notice,
            "Server b/s1 is DOWN via b/t. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        (log::no_server("b", true), Severity::Emergency, "proxy b has no server available!"),
        (log::no_server("b", false), Severity::Emergency, "backend b has no server available!"),
    ] {
        assert_eq!(got, (severity, want.to_owned()));
    }
}
