//! What the original does not do: no address stays behind when a daemon is killed or frozen, two masters are seen and
//! explained, and a new file changes nothing that it need not. Skipped, with the reason, without root or network namespaces.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use evenkeel_e2e::keeper::Step::{
    Both, Cut, Heal, Holds, Hup, Kill, Nobody, Quiet, Run, Says, Start, Stays, Unblock,
};
use evenkeel_e2e::keeper::{Cast, Keeper, Pair, Setup, Step, casts, each, instance, played, there, wanted};
use evenkeel_e2e::skip;
use evenkeel_lab::netns::{self, Way};

const VIP: &str = "10.77.0.100/24";

fn possible() -> bool {
    netns::available().map_err(skip).is_ok() && there(Keeper::Ours)
}

/// At 10 ms adverts a backup takes over after 36 ms: who tests that wants the machine for itself.
static MACHINE: RwLock<()> = RwLock::new(());

/// Held by a test whose nodes can wait.
fn with_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held by a test whose nodes cannot.
fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Two nodes on one switch, `a` stronger than `b`, both with `lines` and each with its own.
fn pair(name: &str, cast: Cast, both: &str, a: &str, b: &str) -> Pair {
    let setup = Setup::new(name, cast).net("eth0", &["10.77.0.1/24"], &["10.77.0.2/24"], &["10.77.0.9/24"]);
    let pair = setup.build(&["10.77.0.100"]);
    for (node, own) in [("a", a), ("b", b)] {
        pair.conf(node, instance(&format!("{both};{own}"), &[VIP]));
    }
    pair
}

/// How a master can go without a word.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// All its processes are killed at once.
    Whole,
    /// The process that was started is.
    First,
    /// All its processes stand still.
    Frozen,
}

#[test]
fn the_dead_leave_no_address_behind() {
    if !possible() {
        return;
    }
    let _machine = with_others();
    let paces = ["version 3;advert_int 0.01", "version 3;advert_int 0.1", "advert_int 1"];
    let deaths = [Death::Whole, Death::First, Death::Frozen];
    let rows: Vec<(&str, Death, bool)> = paces
        .into_iter()
        .flat_map(|pace| {
            deaths.into_iter().flat_map(move |death| [(pace, death, true), (pace, death, false)])
        })
        .filter(|(pace, death, _)| wanted(&format!("{pace} {death:?}")))
        .collect();
    each(&rows, |(pace, death, with_backup)| {
        let name = format!("{pace}, {death:?}, backup: {with_backup}");
        let cast = [Keeper::Ours; 2];
        let began = Instant::now();
        let mut pair = pair(&name, cast, pace, "priority 150", "priority 100");
        pair.play(&[Start("a"), Holds(0, "a")]);
        if *with_backup {
            pair.play(&[Start("b"), Says("b", "Entering BACKUP STATE"), Holds(0, "a")]);
        }
        let mut daemon = pair.take("a");
        match death {
            Death::Whole => drop(daemon.kill_tree().expect("it runs")),
            Death::First => drop(daemon.kill().expect("it runs")),
            Death::Frozen => daemon.freeze_tree(true),
        }
        // It is gone from the dead, whoever takes it.
        pair.play(if *with_backup { &[Holds(0, "b")] } else { &[Nobody(0)] });
        if matches!(death, Death::Frozen) {
            // What wakes up finds its place again.
            daemon.freeze_tree(false);
            pair.play(&[Holds(0, "a")]);
            daemon.kill_tree().expect("it runs");
        } else if *with_backup {
            pair.play(&[Start("a"), Holds(0, "a")]);
        }
        played(&name, cast, began);
    });
}

/// Two masters, or what looks like it.
struct Split {
    name: &'static str,
    both: &'static str,
    a: &'static str,
    b: &'static str,
    /// What brings it about, once `a` is master and `b` runs. Both may be started here instead.
    steps: &'static [Step],
    /// What our daemons on each node must say: a cause, and what to do.
    told: &'static [(&'static str, &'static [&'static str])],
    /// The original falls silent as master while it hears what it drops, so that there is less to be seen beside it: a word
    /// of what is told then.
    beside: Option<&'static str>,
    /// What ends it, with the address on one node.
    mended: &'static [Step],
}

const SPLITS: &[Split] = &[
    Split {
        name: "112 filtered on its way out",
        both: "version 3;advert_int 0.1",
        a: "priority 150",
        b: "priority 100",
        steps: &[Step::Block("a", Way::Out, "ip protocol 112")],
        told: &[
            ("a", &["two masters", "10.77.0.2 goes on as master with priority 100, ours is 150", "firewall"]),
            ("b", &["two nodes hold the address", "adverts do not get through", "let IP protocol 112"]),
        ],
        beside: None,
        mended: &[Unblock("a"), Holds(0, "a"), Stays(0, "a", 500)],
    },
    Split {
        name: "112 filtered between",
        both: "version 3;advert_int 0.1",
        a: "priority 150",
        b: "priority 100",
        steps: &[Cut("a", "b", "meta l4proto 112"), Cut("b", "a", "meta l4proto 112")],
        told: &[("b", &["two nodes hold the address", "adverts do not get through", "let IP protocol 112"])],
        beside: None,
        mended: &[Heal, Holds(0, "a"), Stays(0, "a", 500)],
    },
    Split {
        name: "another password",
        both: "advert_int 1",
        a: "priority 150;authentication {;auth_type PASS;auth_pass one;}",
        b: "priority 100;authentication {;auth_type PASS;auth_pass two;}",
        steps: &[],
        told: &[
            ("a", &["adverts are dropped", "adverts from 10.77.0.2", "same authentication"]),
            ("b", &["adverts are dropped", "adverts from 10.77.0.1", "same authentication"]),
        ],
        beside: Some("SPLIT BRAIN"),
        mended: &[],
    },
    Split {
        name: "another version",
        both: "advert_int 1",
        a: "version 2;priority 150",
        b: "version 3;priority 100",
        steps: &[],
        told: &[
            ("a", &["adverts are dropped", "wrong version. Received 3 and expect 2", "same `version`"]),
            ("b", &["adverts are dropped", "wrong version. Received 2 and expect 3", "same `version`"]),
        ],
        beside: Some("SPLIT BRAIN"),
        mended: &[],
    },
    Split {
        name: "another interval",
        both: "version 2",
        a: "priority 150;advert_int 1",
        b: "priority 100;advert_int 2",
        steps: &[],
        told: &[
            ("a", &["adverts are dropped", "adverts from 10.77.0.2", "same advert_int"]),
            ("b", &["adverts are dropped", "adverts from 10.77.0.1", "same advert_int"]),
        ],
        beside: Some("SPLIT BRAIN"),
        mended: &[],
    },
    Split {
        name: "another virtual router",
        both: "version 3;advert_int 0.1",
        a: "priority 150",
        b: "priority 100;virtual_router_id 52",
        steps: &[],
        told: &[
            (
                "a",
                &[
                    "two virtual routers",
                    "10.77.0.2 announces 10.77.0.100 with virtual_router_id 52, ours is 51",
                ],
            ),
            (
                "b",
                &[
                    "two virtual routers",
                    "10.77.0.1 announces 10.77.0.100 with virtual_router_id 51, ours is 52",
                ],
            ),
        ],
        beside: None,
        mended: &[],
    },
    Split {
        name: "a static copy",
        both: "version 3;advert_int 0.1",
        a: "priority 150",
        b: "priority 100",
        // As scripts that bring interfaces up do: with an announcement.
        steps: &[
            Kill("b"),
            Run("b", &["ip", "addr", "add", VIP, "dev", "eth0"]),
            Run("b", &["arping", "-q", "-U", "-c", "3", "-I", "eth0", "10.77.0.100"]),
        ],
        told: &[("a", &["two nodes hold the address", "answered by"])],
        beside: None,
        mended: &[Run("b", &["ip", "addr", "del", VIP, "dev", "eth0"]), Holds(0, "a")],
    },
];

#[test]
fn two_masters_are_seen_and_explained() {
    if !possible() {
        return;
    }
    let _machine = with_others();
    let casts: Vec<Cast> = casts().into_iter().filter(|cast| cast.contains(&Keeper::Ours)).collect();
    let plays: Vec<(&Split, Cast)> = SPLITS
        .iter()
        .filter(|row| wanted(row.name))
        .flat_map(|row| casts.iter().map(move |c| (row, *c)))
        .collect();
    each(&plays, |(row, cast)| {
        let began = Instant::now();
        let mut pair = pair(row.name, *cast, row.both, row.a, row.b);
        pair.play(&[Start("a"), Holds(0, "a"), Start("b")]);
        if row.steps.is_empty() {
            pair.play(&[Both(0)]);
        } else {
            pair.play(&[Says("b", "BACKUP STATE"), Stays(0, "a", 300)]);
            pair.play(row.steps);
            pair.play(&[Both(0)]);
        }
        for (node, keeper) in ["a", "b"].into_iter().zip(*cast) {
            let foreign = cast.contains(&Keeper::Keepalived) && keeper == Keeper::Ours;
            if let Some(word) = row.beside.filter(|_| foreign) {
                pair.play(&[Says(node, word)]);
                continue;
            }
            let told = row.told.iter().filter(|(n, _)| *n == node && keeper == Keeper::Ours);
            for text in told.flat_map(|(_, texts)| texts.iter()) {
                pair.play(&[Says(node, text)]);
            }
        }
        pair.play(row.mended);
        played(row.name, *cast, began);
    });
}

/// Nothing to be seen of split brain where all is well, transitions included.
#[test]
fn the_healthy_are_not_suspected() {
    if !possible() {
        return;
    }
    let _machine = with_others();
    let rows: Vec<Cast> = casts().into_iter().filter(|_| wanted("healthy")).collect();
    each(&rows, |cast| {
        let mut pair = pair("healthy", *cast, "version 3;advert_int 0.1", "priority 150", "priority 100");
        pair.play(&[Start("b"), Holds(0, "b"), Start("a"), Holds(0, "a"), Stays(0, "a", 1000)]);
        pair.play(&[
            Step::Term("a"),
            Holds(0, "b"),
            Start("a"),
            Holds(0, "a"),
            Step::Port("a", 0, false),
            Holds(0, "b"),
        ]);
        pair.play(&[Step::Port("a", 0, true), Holds(0, "a"), Stays(0, "a", 1500)]);
        for (node, _) in ["a", "b"].into_iter().zip(*cast).filter(|(_, k)| *k == Keeper::Ours) {
            for title in ["two masters", "two nodes hold", "two virtual routers", "adverts are dropped"] {
                pair.play(&[Quiet(node, title)]);
            }
        }
    });
}

/// The instance of [`pair`], in other words.
fn file(lines: &str) -> String {
    format!("# another file\n{}", instance(lines, &[VIP]))
}

#[test]
fn a_new_file_moves_nothing_that_it_need_not() {
    if !possible() {
        return;
    }
    let _machine = alone();
    let casts: Vec<Cast> = casts().into_iter().filter(|cast| cast[0] == Keeper::Ours).collect();
    for cast in &casts {
        // On a machine that others use too, 36 ms can pass without any fault of ours; not each time.
        let once = || std::panic::catch_unwind(|| reload_at_10_ms(*cast)).is_ok();
        assert!((0..TRIES).any(|_| once()), "{cast:?}: not once in {TRIES} times, see above");
    }
}

/// How often a test at 10 ms adverts may be disturbed.
const TRIES: u32 = 4;

fn reload_at_10_ms(cast: Cast) {
    let pace = "version 3;advert_int 0.01";
    let mut pair = pair("reload", cast, pace, "priority 150", "priority 100");
    pair.play(&[Start("b"), Holds(0, "b"), Start("a"), Holds(0, "a"), Stays(0, "a", 300)]);
    let masters = |pair: &mut Pair, node: &str| pair.said(node).matches("Entering MASTER STATE").count();
    let before = ["a", "b"].map(|node| masters(&mut pair, node));
    let since = Instant::now();
    // The same, a lower priority that is still enough, one address more that adverts don't carry, and one less.
    let more = "virtual_ipaddress_excluded {;10.77.0.101/24;}";
    for (lines, has) in [
        ("priority 150".to_owned(), false),
        ("priority 140".to_owned(), false),
        (format!("priority 140;{more}"), true),
        (format!("priority 150;{more}"), true),
        ("priority 150".to_owned(), false),
    ] {
        pair.conf("a", file(&format!("{pace};{lines}")));
        pair.play(&[Hup("a"), Stays(0, "a", 700)]);
        let out = pair.lab.node("a").run(&["ip", "-o", "addr", "show", "dev", "eth0"]).expect("starts");
        let shown = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(shown.contains("10.77.0.101/"), has, "{lines}: {shown}\n{}", pair.said("a"));
    }
    assert_eq!(
        before,
        ["a", "b"].map(|node| masters(&mut pair, node)),
        "{}\n{}",
        pair.said("a"),
        pair.said("b")
    );
    assert_eq!(pair.holders(0).map(|h| h.shared(since)), Some(Duration::ZERO));
    assert_eq!(pair.holders(0).map(|h| h.unowned(since)), Some(Duration::ZERO));
    // What must move, moves.
    pair.conf("a", file(&format!("{pace};priority 50")));
    pair.play(&[Hup("a"), Holds(0, "b")]);
}

/// What the tests above would show of the original, which is why they are here.
#[test]
fn the_original_leaves_its_address_behind() {
    if netns::available().map_err(skip).is_err() || !there(Keeper::Keepalived) {
        return;
    }
    let _machine = with_others();
    let cast = [Keeper::Keepalived; 2];
    let mut pair = pair("the original", cast, "version 3;advert_int 0.1", "priority 150", "priority 100");
    pair.play(&[Start("b"), Holds(0, "b"), Start("a"), Holds(0, "a"), Kill("a"), Both(0)]);
    std::thread::sleep(Duration::from_secs(2));
    pair.play(&[Both(0)]);
}
