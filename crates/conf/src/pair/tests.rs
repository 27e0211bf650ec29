//! Two files side by side. Each row is what is wrong with the pair: code, place on the first node, place on the other.

use super::{Node, Side, Spot, compare};
use crate::keepalived::testing::loaded;

/// The seeds' way of writing: two nodes that are well as a pair.
const A: &str = "\
vrrp_script chk {
    script \"/bin/true\"
    weight -5
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 53
    priority 102
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 2222
    }
    virtual_ipaddress {
        192.0.2.78
    }
    track_script {
        chk
    }
}
";

fn b() -> String {
    A.replace("state MASTER", "state BACKUP").replace("priority 102", "priority 99")
}

fn findings(a: &str, b: &str) -> String {
    let (first, second) = (loaded(a), loaded(b));
    let script = |path: &str| {
        (path == "/etc/keepalived/check.sh").then(|| "curl || systemctl stop keepalived\n".to_owned())
    };
    let interface = |name: &str| match name {
        "eth0" => vec![(std::net::IpAddr::from([192, 0, 2, 1]), 24)],
        _ => Vec::new(),
    };
    let side = |name, plan| Side { name, plan, script: &script, interface: &interface };
    let (one, other) = (side("lb1", &first.plan), side("lb2", &second.plan));
    let place = |spot: &Spot| {
        let (sources, letter) = match spot.node {
            Node::A => (&first.sources, 'a'),
            Node::B => (&second.sources, 'b'),
        };
        let place = sources.place(spot.span);
        format!("{letter}{}:{}", place.line, place.column)
    };
    let mut out = String::new();
    for finding in compare(&one, &other) {
        let also: Vec<String> = finding.also.iter().map(|(spot, _)| place(spot)).collect();
        out.push_str(&format!(
            "{} {} [{}] {}\n",
            place(&finding.at),
            finding.code,
            also.join(" "),
            finding.message
        ));
        assert!(finding.help.ends_with('.') && !finding.message.ends_with('.'), "{finding:?}");
    }
    out
}

#[track_caller]
fn check(a: &str, b: &str, want: &[&str]) {
    let out = findings(a, b);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), want.len(), "{out}");
    for (line, part) in lines.iter().zip(want) {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[test]
fn a_good_pair_has_no_findings() {
    check(A, &b(), &[]);
    check(&b(), A, &[]);
}

#[test]
fn adverts_that_the_other_discards() {
    for (from, to, want) in [
        (
            "virtual_router_id 53",
            "virtual_router_id 54",
            "a8:5 pair-vrid [b8:5] 192.0.2.78 is VRID 53 on lb1 and 54 on lb2",
        ),
        ("advert_int 1", "advert_int 2", "a10:5 pair-interval [b10:5]"),
        ("advert_int 1", "advert_int 1\n    version 3", "pair-version"),
        ("auth_pass 2222", "auth_pass 1111", "a11:5 pair-auth [b11:5]"),
        (
            "192.0.2.78",
            "192.0.2.78\n        192.0.2.79",
            "a16:9 pair-addresses [b17:9] VI_1: the lists of virtual addresses differ (192.0.2.79 only on lb2)",
        ),
        ("advert_int 1", "advert_int 1\n    down_timer_adverts 5", "pair-down-timer"),
        (
            "advert_int 1",
            "advert_int 1\n    unicast_src_ip 192.0.2.2\n    unicast_peer {\n        192.0.2.1\n    }",
            "pair-destination",
        ),
    ] {
        check(A, &b().replace(from, to), &[want]);
    }
}

#[test]
fn unicast_lists_that_do_not_mirror() {
    let unicast = |text: &str, own: &str, peer: &str| {
        let block =
            format!("advert_int 1\n    unicast_src_ip {own}\n    unicast_peer {{\n        {peer}\n    }}");
        text.replace("advert_int 1", &block)
    };
    check(&unicast(A, "192.0.2.1", "192.0.2.2"), &unicast(&b(), "192.0.2.2", "192.0.2.1"), &[]);
    check(
        &unicast(A, "192.0.2.1", "192.0.2.2"),
        &unicast(&b(), "192.0.2.2", "192.0.2.9"),
        &["pair-unicast [a11:5] VI_1: lb1 speaks from 192.0.2.1, which is no unicast_peer of lb2"],
    );
}

#[test]
fn failures_that_cannot_move_the_address() {
    for (a, b, want) in [
        // Seed 004: 105 - 5 = 100 is still above 99.
        (
            A.replace("102", "105"),
            b(),
            &[
                "a3:5 failure-cannot-move-vip [b9:5] if chk fails on lb1, VI_1 stays there: 105 − 5 = 100 is still above 99",
            ][..],
        ),
        (A.replace("102", "104"), b(), &["104 − 5 = 99 is not below 99"]),
        (
            A.replace("weight -5", "weight 5").replace("102", "95"),
            b().replace("weight -5", "weight 5").replace("99", "93"),
            &[],
        ),
        (
            A.replace("weight -5", "weight 5").replace("102", "99"),
            b().replace("weight -5", "weight 5").replace("99", "93"),
            &["104 − 5 = 99 is still above 98"],
        ),
        (A.replace("weight -5", "weight 0").replace("102", "200"), b(), &[]),
        (
            A.to_owned(),
            b().replace("advert_int 1", "advert_int 1\n    nopreempt"),
            &["stays there: lb2 has `nopreempt`"],
        ),
        (A.replace("102", "99"), b(), &["equal-priority"]),
        (A.replace("102", "99"), A.replace("102", "99"), &["both-master"]),
    ] {
        check(&a, &b, want);
    }
}

#[test]
fn what_one_node_lacks_or_does_to_itself() {
    let other =
        b().replace("192.0.2.78", "192.0.2.99").replace("virtual_router_id 53", "virtual_router_id 60");
    check(A, &other, &["a8:5 instance-alone", "b8:5 instance-alone"]);
    let id = "global_defs {\n    router_id same\n}\n";
    check(&format!("{id}{A}"), &format!("{id}{}", b()), &["a2:5 same-router-id [b2:5]"]);
    check(&A.replace("/bin/true", "/etc/keepalived/check.sh"), &b(), &["a2:12 check-stops-keeper"]);
    check(&A.replace("/bin/true", "/usr/bin/killall keepalived"), &b(), &["check-stops-keeper"]);
    check(
        &A.replace("192.0.2.78", "198.51.100.7"),
        &b().replace("192.0.2.78", "198.51.100.7"),
        &["a16:9 vip-outside-prefix", "b16:9 vip-outside-prefix"],
    );
    let directed = format!(
        "{A}virtual_server 192.0.2.80 80 {{\n    protocol TCP\n    lb_algo rr\n    lb_kind DR\n    real_server 192.0.2.5 80 {{\n    }}\n}}\n"
    );
    check(&directed, &b(), &["a22:1 virtual-server-without-instance", "a22:1 virtual-server-alone"]);
}
