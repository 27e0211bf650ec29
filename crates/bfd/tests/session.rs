//! One session, told packets: every transition, every rule of reception, the negotiation of timers.

use std::num::{NonZeroU8, NonZeroU32};

use evenkeel_base::time::{Duration, Instant};
use evenkeel_bfd::{
    BfdConf, Change, Dropped, HopCheck, Input, Output, Role, Session, Timer, select, state::transition,
};
use evenkeel_wire::bfd::{Control, Diagnostic, Error, State};

const NOW: Instant = Instant::from_millis(10_000);
const STATES: [State; 4] = [State::AdminDown, State::Down, State::Init, State::Up];

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn conf() -> BfdConf {
    BfdConf {
        neighbor: [192, 0, 2, 2].into(),
        min_tx: ms(50),
        min_rx: ms(40),
        idle_tx: ms(1000),
        multiplier: NonZeroU8::new(5).expect("not zero"),
        role: Role::Active,
        hops: HopCheck { ttl: 255, max_hops: 0 },
    }
}

/// A neighbour's packet for `session`.
fn packet(session: &Session, state: State) -> Control {
    let knows_us = matches!(state, State::Init | State::Up);
    Control {
        diagnostic: Diagnostic::None,
        state,
        poll: false,
        is_final: false,
        independent: false,
        demand: false,
        multiplier: NonZeroU8::new(3).expect("not zero"),
        my_discriminator: NonZeroU32::new(77).expect("not zero"),
        your_discriminator: if knows_us { session.view().local_discriminator } else { 0 },
        desired_min_tx_us: 100_000,
        required_min_rx_us: 200_000,
        required_min_echo_rx_us: 0,
    }
}

fn hear(session: &mut Session, packet: &Control, now: Instant) -> Vec<Output> {
    session.handle(Input::Packet { packet: Ok(packet), ttl: Some(255) }, now);
    drain(session)
}

fn hear_state(session: &mut Session, state: State, now: Instant) -> Vec<Output> {
    let packet = packet(session, state);
    hear(session, &packet, now)
}

fn drain(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn sent(outputs: &[Output]) -> Vec<Control> {
    let one = |output: &Output| match output {
        Output::Send(control) => Some(*control),
        Output::Changed(_) => None,
    };
    outputs.iter().filter_map(one).collect()
}

fn changes(outputs: &[Output]) -> Vec<Change> {
    let one = |output: &Output| match output {
        Output::Changed(change) => Some(*change),
        Output::Send(_) => None,
    };
    outputs.iter().filter_map(one).collect()
}

/// A session brought to a state by what a neighbour would say.
fn session_in(state: State) -> Session {
    session_with(conf(), state)
}

fn session_with(conf: BfdConf, state: State) -> Session {
    let mut session = Session::new(conf, 1, NOW);
    match state {
        State::AdminDown => session.handle(Input::Disable, NOW),
        State::Down => {}
        State::Init => drop(hear_state(&mut session, State::Down, NOW)),
        State::Up => drop(hear_state(&mut session, State::Init, NOW)),
    }
    drain(&mut session);
    assert_eq!(session.view().state, state);
    session
}

#[test]
fn every_transition_is_the_rfcs() {
    use Diagnostic::{NeighbourDown, None as Fine};
    use State::{AdminDown, Down, Init, Up};
    let rows = [
        // §6.8.6: "If bfd.SessionState is AdminDown, discard the packet".
        (AdminDown, AdminDown, None),
        (AdminDown, Down, None),
        (AdminDown, Init, None),
        (AdminDown, Up, None),
        // §6.8.6: AdminDown heard changes what is not Down; §6.2: Up heard in Down is stale.
        (Down, AdminDown, None),
        (Down, Down, Some((Init, Fine))),
        (Down, Init, Some((Up, Fine))),
        (Down, Up, None),
        // §6.2: in Init the neighbour's Down means that it has not heard us yet.
        (Init, AdminDown, Some((Down, NeighbourDown))),
        (Init, Down, None),
        (Init, Init, Some((Up, Fine))),
        (Init, Up, Some((Up, Fine))),
        // §6.8.6, last case: only Down (and AdminDown) ends Up; Init is a neighbour that is slower.
        (Up, AdminDown, Some((Down, NeighbourDown))),
        (Up, Down, Some((Down, NeighbourDown))),
        (Up, Init, None),
        (Up, Up, None),
    ];
    assert_eq!(rows.len(), STATES.len() * STATES.len());
    for (own, heard, want) in rows {
        assert_eq!(transition(own, heard), want, "{own:?} hears {heard:?}");
        // The session obeys its table.
        let mut session = session_in(own);
        let outputs = hear_state(&mut session, heard, NOW);
        let change = want.map(|(to, diagnostic)| Change { from: own, to, diagnostic });
        assert_eq!(changes(&outputs), change.into_iter().collect::<Vec<_>>(), "{own:?} hears {heard:?}");
        let told: Vec<State> = sent(&outputs).iter().map(|control| control.state).collect();
        assert_eq!(told, want.map(|(to, _)| to).into_iter().collect::<Vec<_>>(), "and says so at once");
    }
}

#[test]
fn silence_ends_what_is_heard() {
    for (own, want) in [
        (State::AdminDown, None),
        (State::Down, None),
        // §6.8.4: Init and Up.
        (State::Init, Some(Diagnostic::Expired)),
        (State::Up, Some(Diagnostic::Expired)),
    ] {
        let mut session = session_in(own);
        // Something is heard that changes nothing, so that there is something to miss.
        let same = if own == State::Up { State::Up } else { State::AdminDown };
        if !matches!(own, State::Init) {
            assert_eq!(changes(&hear_state(&mut session, same, NOW)), []);
        }
        // §6.8.4: 3 × max(40, 100) ms.
        let detect_at = NOW + ms(300);
        assert_eq!(session.view().detection, Some(ms(300)), "{own:?}");
        let mut outputs = Vec::new();
        let mut guard = 0;
        while let Some(deadline) = session.deadline().filter(|deadline| deadline.at <= detect_at) {
            guard += 1;
            assert!(guard < 100, "{own:?} stays busy");
            assert!(deadline.why == Timer::Transmit || deadline.at == detect_at);
            session.on_deadline(deadline.at);
            outputs.extend(drain(&mut session));
        }
        let change = want.map(|diagnostic| Change { from: own, to: State::Down, diagnostic });
        assert_eq!(changes(&outputs), change.into_iter().collect::<Vec<_>>(), "{own:?}");
        // §6.8.1: the neighbour's discriminator is forgotten.
        assert_eq!((session.view().remote, session.view().remote_discriminator), (None, 0), "{own:?}");
        if want.is_some() {
            let last = sent(&outputs).last().copied().expect("it is said at once");
            assert_eq!((last.state, last.diagnostic), (State::Down, Diagnostic::Expired));
            assert_eq!((last.your_discriminator, last.desired_min_tx_us), (0, 1_000_000));
        }
    }
}

#[test]
fn what_may_not_be_heeded_changes_nothing() {
    let reference = session_in(State::Init);
    let good = packet(&reference, State::Init);
    let far = HopCheck { ttl: 255, max_hops: 4 };
    let any = HopCheck { ttl: 64, max_hops: 255 };
    let low = HopCheck { ttl: 64, max_hops: 0 };
    let near = conf().hops;
    for (hops, packet, ttl, want) in [
        (near, Ok(good), Some(255), None),
        // RFC 5881 §5.
        (near, Ok(good), Some(254), Some(Dropped::Hops { ttl: Some(254) })),
        (near, Ok(good), None, Some(Dropped::Hops { ttl: None })),
        (far, Ok(good), Some(251), None),
        (far, Ok(good), Some(250), Some(Dropped::Hops { ttl: Some(250) })),
        (any, Ok(good), Some(1), None),
        (any, Ok(good), None, None),
        // Keepalived 2.2.7 judges by its own hop limit: 64 of 64 has lost none.
        (low, Ok(good), Some(64), None),
        (low, Ok(good), Some(63), Some(Dropped::Hops { ttl: Some(63) })),
        (near, Ok(Control { your_discriminator: 5, ..good }), Some(255), Some(Dropped::Discriminator(5))),
        (near, Err(Error::Authentication), Some(255), Some(Dropped::Malformed(Error::Authentication))),
    ] {
        let mut session = session_with(BfdConf { hops, ..conf() }, State::Down);
        session.handle(
            Input::Packet { packet: Ok(&self::packet(&reference, State::Down)), ttl: Some(255) },
            NOW,
        );
        drain(&mut session);
        let (before, deadline) = (session.view(), session.deadline());
        session.handle(Input::Packet { packet: packet.as_ref().map_err(|e| *e), ttl }, NOW + ms(1));
        let outputs = drain(&mut session);
        let after = session.view();
        assert_eq!(after.last_dropped, want, "{hops:?} {ttl:?}");
        if want.is_some() {
            assert_eq!(outputs, [], "{hops:?} {ttl:?}");
            assert_eq!((after.state, session.deadline()), (before.state, deadline));
            assert_eq!(after.counters.dropped, before.counters.dropped + 1);
        } else {
            assert_eq!(after.counters.received, before.counters.received + 1);
        }
    }
}

#[test]
fn timers_are_negotiated() {
    let mut session = Session::new(conf(), 1, NOW);
    assert_eq!(session.view().interval, Some(ms(1000)), "§6.8.3: not up, so no faster than a second");
    let outputs = hear_state(&mut session, State::Init, NOW);
    // §6.8.3: the interval changes with Up, so the neighbour is asked to confirm.
    let first = sent(&outputs)[0];
    assert_eq!((first.state, first.poll, first.desired_min_tx_us), (State::Up, true, 50_000));
    assert_eq!(first.your_discriminator, 77);
    // §6.8.2: max(50, 200) ms; §6.8.4: 3 × max(40, 100) ms.
    assert_eq!((session.view().interval, session.view().detection), (Some(ms(200)), Some(ms(300))));
    // §6.5: scheduled packets poll until the answer is there, none is sent beside them.
    let at = session.deadline().expect("something is due");
    assert_eq!(at.why, Timer::Transmit);
    assert!((NOW + ms(150)..=NOW + ms(200)).contains(&at.at), "§6.8.7: jitter");
    session.on_deadline(at.at);
    assert!(sent(&drain(&mut session))[0].poll);
    let answer = Control { is_final: true, ..packet(&session, State::Up) };
    assert_eq!(sent(&hear(&mut session, &answer, at.at)), [], "a Final asks nothing");
    assert!(!session.view().polling);
    let at = session.deadline().expect("something is due").at;
    session.on_deadline(at);
    assert!(!sent(&drain(&mut session))[0].poll);
    // §6.8.6: a Poll is answered at once, and the next packet keeps its time.
    hear_state(&mut session, State::Up, at);
    let next = session.deadline().expect("something is due");
    assert_eq!(next.why, Timer::Transmit);
    let poll = Control { poll: true, required_min_rx_us: 200_000, ..packet(&session, State::Up) };
    let answers = sent(&hear(&mut session, &poll, at));
    assert_eq!(answers.iter().map(|a| (a.poll, a.is_final)).collect::<Vec<_>>(), [(false, true)]);
    assert_eq!(session.deadline(), Some(next));
    // The neighbour takes more now: the next packet comes earlier.
    let faster = Control { required_min_rx_us: 10_000, ..packet(&session, State::Up) };
    hear(&mut session, &faster, at);
    assert_eq!(session.view().interval, Some(ms(50)));
    assert!(session.deadline().expect("something is due").at <= at + ms(50));
    // §6.8.1: who wants none gets none, and is still watched.
    let none = Control { required_min_rx_us: 0, ..packet(&session, State::Up) };
    hear(&mut session, &none, at);
    assert_eq!(session.view().interval, None);
    assert_eq!(session.deadline().map(|d| d.why), Some(Timer::Detect));
}

#[test]
fn new_timers_wait_for_the_neighbour() {
    let up = || {
        let mut session = session_in(State::Up);
        let quick = Control { required_min_rx_us: 1_000, is_final: true, ..packet(&session, State::Up) };
        hear(&mut session, &Control { desired_min_tx_us: 1_000, ..quick }, NOW);
        assert_eq!((session.view().interval, session.view().detection), (Some(ms(50)), Some(ms(120))));
        session
    };
    let answer = |session: &mut Session| {
        let quick = Control { required_min_rx_us: 1_000, is_final: true, ..packet(session, State::Up) };
        hear(session, &Control { desired_min_tx_us: 1_000, ..quick }, NOW);
    };
    for (tx, rx, before, after) in [
        // §6.8.3: slower sending and stricter watching only once the neighbour knows.
        (80, 40, (50, 120), (80, 120)),
        (50, 20, (50, 120), (50, 60)),
        // Faster sending and more patience at once.
        (30, 40, (30, 120), (30, 120)),
        (50, 60, (50, 180), (50, 180)),
    ] {
        let mut session = up();
        session.handle(Input::Configure(&BfdConf { min_tx: ms(tx), min_rx: ms(rx), ..conf() }), NOW);
        let seen = |session: &Session| (session.view().interval, session.view().detection);
        assert!(session.view().polling);
        assert_eq!(seen(&session), (Some(ms(before.0)), Some(ms(before.1))), "{tx} {rx}");
        answer(&mut session);
        assert_eq!(seen(&session), (Some(ms(after.0)), Some(ms(after.1))), "{tx} {rx}");
        assert_eq!(session.view().state, State::Up);
        assert!(!session.view().polling);
    }
    // The same again asks nothing; a change during a poll asks twice.
    let mut session = up();
    session.handle(Input::Configure(&conf()), NOW);
    assert!(!session.view().polling);
    session.handle(Input::Configure(&BfdConf { min_tx: ms(80), ..conf() }), NOW);
    session.handle(Input::Configure(&BfdConf { min_tx: ms(90), ..conf() }), NOW);
    answer(&mut session);
    assert!(session.view().polling, "that answer may be to the first question");
    assert_eq!(session.view().interval, Some(ms(50)));
    answer(&mut session);
    assert_eq!((session.view().polling, session.view().interval), (false, Some(ms(90))));
    // Going down ends all that.
    session.handle(Input::Configure(&BfdConf { min_tx: ms(100), ..conf() }), NOW);
    hear_state(&mut session, State::Down, NOW);
    assert_eq!((session.view().polling, session.view().interval), (false, Some(ms(1000))));
    // A configuration while down needs nobody's consent.
    session.handle(Input::Configure(&BfdConf { min_rx: ms(70), idle_tx: ms(3000), ..conf() }), NOW);
    assert_eq!((session.view().polling, session.view().interval), (false, Some(ms(3000))));
}

#[test]
fn roles_demand_and_operators() {
    // §6.1: the passive side is silent until it hears, and again once it does not.
    let mut session = Session::new(BfdConf { role: Role::Passive, ..conf() }, 1, NOW);
    assert_eq!(session.deadline(), None);
    let outputs = hear_state(&mut session, State::Down, NOW);
    assert_eq!(sent(&outputs).len(), 1);
    session.on_deadline(NOW + ms(300));
    let outputs = drain(&mut session);
    assert_eq!(changes(&outputs).len(), 1);
    assert_eq!(sent(&outputs), [], "nobody is there to be told");
    assert_eq!(session.deadline(), None);

    // §6.6: the neighbour asks for silence; polls go on, and we never ask.
    let mut session = session_in(State::Up);
    assert!(session.view().polling);
    let demand = Control { demand: true, ..packet(&session, State::Up) };
    hear(&mut session, &demand, NOW);
    assert!(session.view().interval.is_some(), "the poll is not answered yet");
    hear(&mut session, &Control { is_final: true, ..demand }, NOW);
    assert_eq!(session.view().interval, None);
    let poll = Control { poll: true, ..demand };
    let answers = sent(&hear(&mut session, &poll, NOW));
    assert_eq!((answers.len(), answers[0].is_final, answers[0].demand), (1, true, false));
    hear(&mut session, &Control { demand: false, ..demand }, NOW);
    assert!(session.view().interval.is_some());

    // §6.8.16: held down by the operator; the neighbour is told, and told on.
    let mut session = session_in(State::Up);
    session.handle(Input::Disable, NOW);
    let outputs = drain(&mut session);
    let want = Change { from: State::Up, to: State::AdminDown, diagnostic: Diagnostic::AdminDown };
    assert_eq!(changes(&outputs), [want]);
    assert_eq!(sent(&outputs)[0].state, State::AdminDown);
    assert_eq!(session.view().interval, Some(ms(1000)));
    hear_state(&mut session, State::Down, NOW);
    assert_eq!(session.view().last_dropped, Some(Dropped::Disabled));
    session.handle(Input::Disable, NOW);
    assert_eq!(drain(&mut session), [], "once is enough");
    session.handle(Input::Enable, NOW);
    assert_eq!(session.view().state, State::Down);
    drain(&mut session);
    session.handle(Input::Enable, NOW);
    assert_eq!(drain(&mut session), []);
    assert_eq!(session.view().counters.downs, 1);
}

#[test]
fn a_restarted_neighbour_is_met_anew() {
    let mut session = session_in(State::Up);
    // It has a new number and knows none of ours.
    let fresh =
        Control { my_discriminator: NonZeroU32::new(78).expect("not zero"), ..packet(&session, State::Down) };
    let outputs = hear(&mut session, &fresh, NOW);
    assert_eq!(changes(&outputs).len(), 1);
    let outputs = hear(&mut session, &fresh, NOW);
    assert_eq!(sent(&outputs)[0].your_discriminator, 78);
    assert_eq!(session.view().state, State::Init);
    let neighbors = [[192, 0, 2, 1].into(), conf().neighbor];
    assert_eq!(select(conf().neighbor, neighbors), Some(1));
    assert_eq!(select([192, 0, 2, 9].into(), neighbors), None);
}
