//! Whole texts through the reader: the likely intents of the mistakes that people make, and what the plan says.

use std::time::Duration;

use evenkeel_vrrp::conf::{Auth, Destination, Lease, TrackKind, Version, WantedState};
use proptest::prelude::*;

use super::keyword::{self, Block};
use super::testing::{Rows, loaded, loaded_from, said};
use super::{Class, Exit};

/// An instance with these lines.
fn instance(lines: &str) -> String {
    format!(
        "vrrp_instance VI {{\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {{\n  10.0.0.5\n }}\n{lines}\n}}\n"
    )
}

#[test]
fn likely_intents_are_told() {
    for (text, exit, want) in [
        (
            "global_defs {\n vrrp_macst_group4 224.0.67.67\n}\n".to_owned(),
            Exit::Tolerated,
            "2:2 Tolerated unknown-keyword: Unknown keyword 'vrrp_macst_group4' / did you mean `vrrp_mcast_group4`?\n",
        ),
        (
            format!("{}notify_master \"/bin/true master\"\nnotify_fault x\n}}\n", instance("")),
            Exit::Tolerated,
            "8:1 Tolerated stray-block-end: this '}' ends vrrp_instance VI, so the lines below belong to nothing / move it below them [1 9 10 11]\n",
        ),
        (
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n  10.0.0.5\n }\nvrrp_instance VJ {\n interface eth0\n virtual_router_id 6\n}\n".to_owned(),
            Exit::Tolerated,
            "7:1 Tolerated missing-block-end: vrrp_instance VI is still open here: a '}' is missing before this line / `vrrp_instance` does not belong into vrrp_instance VI [1]\n",
        ),
        (
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n  10.0.0.5\n priority 100\n}\n".to_owned(),
            Exit::Tolerated,
            "6:2 Tolerated missing-block-end: virtual_ipaddress is still open here: a '}' is missing before this line / `priority` does not belong into virtual_ipaddress [4]\n",
        ),
        (
            instance("\u{a0}priority 100"),
            Exit::Tolerated,
            "7:1 Tolerated unknown-keyword: Unknown keyword '\u{a0}priority' / it has no-break spaces (U+00A0), as web pages have them: write an ordinary blank\n",
        ),
        (
            instance(" authentication {\n  auth_type PASS\n  auth_pass 123456789\n }"),
            Exit::Tolerated,
            "9:13 Tolerated password-cut: Truncating auth_pass to 8 characters / only the first eight letters count, on every node\n",
        ),
        (
            format!("global_defs {{\n vrrp_strict\n}}\n{}", instance(" authentication {\n  auth_type PASS\n  auth_pass 1\n }")),
            Exit::Tolerated,
            "10:2 Tolerated auth: (VI) Strict mode does not support authentication. Ignoring. / RFC 3768 §5.3.6 took it away\n",
        ),
        (
            instance(" state MASTER\n priority 100\n nopreempt"),
            Exit::Tolerated,
            "9:2 Tolerated nopreempt: (VI) Warning - nopreempt will not work with initial state MASTER - clearing [7]\n",
        ),
        (
            "global_defs {\n vrrp_garp_interval 0\n}\n".to_owned(),
            Exit::Tolerated,
            "2:21 Tolerated out-of-range: vrrp_garp_interval: number '0' outside range [0.000001, 4294.967295] / 0 is the default: the line can go\n",
        ),
        (
            instance(" state SLAVE"),
            Exit::Tolerated,
            "7:8 Tolerated bad-value: (VI) unknown state 'SLAVE', defaulting to BACKUP / BACKUP is the word\n",
        ),
        (
            instance(" track_script {\n  chk\n }") + "vrrp_script chk {\n script \"/bin/true\"\n user nobody\n}\n",
            Exit::Tolerated,
            "8:3 Tolerated unknown-name: (VI) track script chk not found, ignoring... / it is defined below: move it above\n",
        ),
        (
            "vrrp_script chk {\n script \"/bin/true\"\n user nobody\n}\n".to_owned() + &instance(" track_script {\n  chk weight=-5\n }"),
            Exit::Tolerated,
            "12:7 Tolerated bad-value: (VI) unknown track script option weight=-5 - ignoring / write `weight -5`, with a blank\n",
        ),
        (
            "vrrp_script chk {\n script killall -0 haproxy\n user nobody\n}\n".to_owned() + &instance(""),
            Exit::Clean,
            "2:17 Remark unquoted-command: only `killall` is run: what follows it is not part of the command / write \"killall -0 haproxy\"\n",
        ),
        (
            instance(" priority"),
            Exit::Fatal,
            "7:2 Fatal missing-parameter: `priority` is missing a parameter / keepalived ends here with exit code 2\n",
        ),
        (
            instance(" notify_master /etc/keepalived/check.sh root"),
            Exit::Security,
            "7:16 Security script-security: SECURITY VIOLATION - scripts are being executed but script_security not enabled. / runs as root\n",
        ),
        (instance(" virtual_ipaddress {\n  10.0.0.6/255.255.255.0\n }"), Exit::Tolerated,
            "8:3 Tolerated bad-prefix: Invalid address prefix len 255.255.255.0 for address 10.0.0.6/255.255.255.0 - using 32 / a length, not a mask: 10.0.0.6/24\n",
        ),
        (instance("").replace(" }\n\n}", " }\n}\n"), Exit::Clean, ""),
    ] {
        let loaded = loaded(&text);
        assert_eq!(said(&loaded), want, "{text}");
        assert_eq!(loaded.exit, exit, "{text}");
    }
}

#[test]
fn an_unknown_block_costs_the_rest_of_the_block_around_it() {
    let loaded = loaded(
        "vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n foo {\n  bar\n }\n priority 7\n virtual_ipaddress {\n  10.0.0.5\n }\n}\n",
    );
    assert_eq!(
        said(&loaded),
        "1:1 Tolerated no-address: (VI) No VIP specified; at least one is sensible\n\
         4:2 Tolerated unknown-keyword: Unknown keyword 'foo' / no keyword of vrrp_instance [5 7 8 9 10 11]\n"
    );
    assert_eq!(loaded.plan.node.instances.first().map(|i| i.priority.get()), Some(100));
}

#[test]
fn defaults_are_the_originals() {
    let plan = loaded(&instance("")).plan;
    let conf = plan.node.instances.first().expect("the text has one");
    assert_eq!((conf.vrid.get(), conf.priority.get(), conf.version), (5, 100, Version::V2));
    assert_eq!(
        (conf.state, conf.preempt, conf.accept, conf.strict),
        (WantedState::Backup, true, true, false)
    );
    assert_eq!(conf.advert_interval, Duration::from_secs(1));
    assert_eq!(conf.destination, Destination::Multicast([224, 0, 0, 18].into()));
    assert_eq!((conf.ttl, conf.auth.clone(), conf.down_timer_adverts), (255, Auth::None, 3));
    let announce = conf.announce;
    assert_eq!((announce.master_delay.as_secs(), announce.master_repeat), (5, 5));
    assert_eq!((announce.lower_prio_delay.as_secs(), announce.lower_prio_repeat), (5, 5));
    assert_eq!((announce.master_refresh.as_secs(), announce.master_refresh_repeat), (0, 1));
    let lease = Lease { lifetime: Duration::from_secs(3), refresh: Duration::from_millis(500) };
    assert_eq!(conf.lease, Some(lease));

    for (lines, want) in [
        (" state MASTER", (255, WantedState::Master, Version::V2)),
        (" state MASTER\n priority 100", (100, WantedState::Master, Version::V2)),
        (" version 3\n priority 7", (7, WantedState::Backup, Version::V3)),
    ] {
        let plan = loaded(&instance(lines)).plan;
        let conf = plan.node.instances.first().expect("the text has one");
        assert_eq!((conf.priority.get(), conf.state, conf.version), want, "{lines}");
    }
}

#[test]
fn leases_are_set_in_comments_of_the_originals() {
    let lease = |text: &str| {
        loaded(text).plan.node.instances.first().and_then(|i| i.lease).map(|l| l.lifetime.as_secs())
    };
    for (text, want) in [
        (instance(" advert_int 10"), Some(30)),
        (instance(" version 3\n advert_int 0.1"), Some(3)),
        (instance(" !evenkeel lease off"), None),
        (instance(" # evenkeel lease off"), Some(3)),
        (instance("\t#evenkeel lease 60 # a minute"), Some(60)),
        (format!("global_defs {{\n !evenkeel lease off\n}}\n{}", instance("")), None),
        (format!("global_defs {{\n !evenkeel lease off\n}}\n{}", instance(" !evenkeel lease 9")), Some(9)),
    ] {
        assert_eq!(lease(&text), want, "{text}");
    }
    let loaded =
        loaded(&instance(" !evenkeel lease 0\n !evenkeel sing\n virtual_routes {\n !evenkeel lease off\n }"));
    assert_eq!(loaded.exit, Exit::Clean, "a comment never changes the exit code");
    assert!(said(&loaded).starts_with(
        "7:18 Remark bad-value: lease: `0` is no lease / off, or whole seconds from 1 to 3600\n8:12 Remark unknown-order"
    ));
}

#[test]
fn the_plan_has_what_the_file_says() {
    let text = "global_defs {\n router_id lb1\n enable_script_security\n script_user root\n vrrp_garp_master_repeat 2\n}\n\
                vrrp_script chk {\n script \"/usr/bin/killall -0 'ha proxy'\"\n interval 2\n weight -20\n fall 3\n}\n\
                vrrp_sync_group G {\n group {\n VI\n VJ\n }\n}\n"
        .to_owned()
        + &instance(
            " authentication {\n auth_type AH\n auth_pass 1234\n }\n unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2 min_ttl 254\n }\n track_interface {\n eth1\n }\n virtual_routes {\n default via 10.0.0.9 dev eth1 metric 5\n }\n virtual_rules {\n from 10.2.0.0/24 table 5 preference 9\n }\n notify_master \"/etc/keepalived/check.sh a\" root",
        )
        + &instance(" use_vmac").replace("VI", "VJ").replace("router_id 5", "router_id 6");
    let loaded = loaded(&text);
    assert_eq!(said(&loaded), "", "{text}");
    let plan = loaded.plan;
    assert_eq!(plan.global.router_id.as_deref(), Some("lb1"));
    let script = &plan.node.tracks[0];
    assert_eq!(
        script.kind,
        TrackKind::Script {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
            rise: 1,
            fall: 3,
            init_fail: false
        }
    );
    let one = &plan.node.instances[0];
    assert_eq!(one.auth, Auth::Ah(*b"1234\0\0\0\0"));
    let Destination::Unicast(peers) = &one.destination else { panic!("{:?}", one.destination) };
    assert_eq!((peers[0].min_ttl, peers[0].max_ttl, one.check_unicast_source), (254, 255, true));
    assert_eq!(one.announce.master_repeat, 2);
    assert_eq!((one.tracks.len(), one.group.map(|g| g.0)), (1, Some(0)));
    let hands = &plan.instances[0];
    assert_eq!(hands.routes[0].metric, Some(5));
    assert_eq!(hands.rules[0].priority, Some(9));
    assert_eq!(
        hands.notify.master.as_ref().map(|s| s.args.join("|")),
        Some("/etc/keepalived/check.sh|a".to_owned())
    );
    assert_eq!(hands.places.of("unicast_src_ip").map(|span| loaded.sources.place(span).line), Some(29));
    let vmac = plan.instances[1].vmac.as_ref().expect("use_vmac");
    assert_eq!((vmac.name.as_str(), vmac.mac), ("vrrp.6", None));
    assert_eq!(plan.node.groups[0].members.len(), 2);
}

#[test]
fn signed_adverts_have_their_keys() {
    let key = "0123456789abcdef0123456789abcdef";
    let rows = Rows::with(&instance(&format!(
        " auth_hmac {{\n  key 1 {key}\n  key 7 hex:{}\n  key 9 file:/etc/keepalived/key\n  active_key 7\n  anti_replay monotonic\n }}",
        "0f".repeat(32)
    )))
    .file("/etc/keepalived/key", "fedcba9876543210fedcba9876543210\nmore\n");
    let loaded = loaded_from(&rows);
    assert_eq!(said(&loaded), "");
    let Auth::Hmac(hmac) = &loaded.plan.node.instances[0].auth else { panic!("no auth_hmac") };
    assert_eq!(hmac.active_key, 7);
    assert_eq!(
        hmac.keys.iter().map(|(id, key)| (*id, key.len())).collect::<Vec<_>>(),
        [(1, 32), (7, 32), (9, 32)]
    );
    assert_eq!(hmac.keys[1].1, vec![0x0f; 32]);
}

#[test]
fn included_files_are_named_by_their_own_names() {
    let rows = Rows::with("include conf.d/*.conf\n$N=5\ninclude conf.d/{vi,none}\n")
        .file("conf.d/a.conf", "global_defs {\n foo\n}\n")
        .file("conf.d/.hidden.conf", "bar\n")
        .file("conf.d/vi", "vrrp_instance VI {\n interface eth0\n virtual_router_id $N\n virtual_ipaddress {\n 10.0.0.5\n }\n}\ninclude a.conf\ninclude vi\n");
    let loaded = loaded_from(&rows);
    let places: Vec<String> = loaded
        .findings
        .iter()
        .filter_map(|f| {
            let place = loaded.sources.place(f.diagnostic.span?);
            Some(format!("{}:{} {}", place.file, place.line, f.diagnostic.code))
        })
        .collect();
    assert_eq!(
        places,
        [
            "k.conf:3 include-missing",
            "conf.d/a.conf:2 unknown-keyword",
            "conf.d/vi:9 endless-include",
            "conf.d/a.conf:2 unknown-keyword"
        ]
    );
    assert_eq!(loaded.plan.node.instances.first().map(|i| i.vrid.get()), Some(5));
}

#[test]
fn what_grows_without_end_is_ended() {
    for text in [
        "$A=${B}\n$B=${A}\n${A}\n",
        "$C=$C\n$C\n",
        "$A=${A}${A}\n${A}\n",
        "~SEQ(A,0,4294967295) ~SEQ(B,0,4294967295) ${A}${B}\n",
        "$A= \\\n${B} \\\n${B} \\\n${B}\n$B= \\\n${C} \\\n${C} \\\n${C}\n$C= \\\n${A} \\\n${A} \\\n${A}\n$A\n",
        "include k.conf\ninclude k.conf\n",
    ] {
        let loaded = loaded(text);
        assert!(!loaded.findings.is_empty(), "{text}");
    }
}

/// An example of a keyword where it may stand.
fn example(keyword: &keyword::Keyword) -> String {
    let own = if keyword.example.is_empty() { keyword.name } else { keyword.example };
    let others = ["other", "another"].map(|name| {
        instance("")
            .replace("VI", name)
            .replace("router_id 5", if name == "other" { "router_id 1" } else { "router_id 2" })
    });
    let tracked = "track_file f {\n file /x\n}\nvrrp_track_process p {\n process x\n}\nbfd_instance b {\n neighbor_ip 10.0.0.77\n}\nvrrp_script chk {\n script /bin/true\n user nobody\n}\n";
    let before = match keyword.block {
        Block::Top
            if ["bfd_instance", "vrrp_script", "track_file", "vrrp_track_file", "vrrp_track_process"]
                .contains(&keyword.name) =>
        {
            String::new()
        }
        _ => tracked.to_owned(),
    };
    let body = match keyword.block {
        Block::Top => own.to_owned(),
        Block::Global => format!("global_defs {{\n {own}\n}}"),
        Block::StaticGroup => format!("track_group t {{\n {own}\n}}"),
        Block::GarpGroup => format!("garp_group {{\n garp_interval 1\n {own}\n}}"),
        Block::Script => format!("vrrp_script s {{\n script /bin/true\n user nobody\n {own}\n}}"),
        Block::File => {
            format!("track_file g {{\n {own}\n {}\n}}", if keyword.name == "file" { "" } else { "file /y" })
        }
        Block::Process => format!(
            "vrrp_track_process q {{\n {own}\n {}\n}}",
            if keyword.name == "process" { "" } else { "process y" }
        ),
        Block::Bfd if keyword.name.starts_with("neigh") => format!("bfd_instance c {{\n {own}\n}}"),
        Block::Bfd => format!("bfd_instance c {{\n neighbor_ip 10.0.0.78\n {own}\n}}"),
        Block::SyncGroup if keyword.name == "group" => format!("vrrp_sync_group g {{\n {own}\n}}"),
        Block::SyncGroup => format!("vrrp_sync_group g {{\n group {{\n other\n another\n }}\n {own}\n}}"),
        Block::Instance => instance(own),
        Block::Auth => instance(&format!("authentication {{\n auth_type PASS\n auth_pass 1\n {own}\n}}")),
        Block::Hmac if keyword.name == "key" => instance(&format!("auth_hmac {{\n {own}\n}}")),
        Block::Hmac => {
            instance(&format!("auth_hmac {{\n key 1 0123456789abcdef0123456789abcdef\n {own}\n}}"))
        }
        _ => String::new(),
    };
    format!("{before}{body}\n{}{}", others[0], others[1])
}

#[test]
fn every_example_of_the_keeper_runs() {
    // Those that are told of although they are right.
    const TOLD: &[&str] = &[
        "vrrp_iptables",
        "vrrp_vmac_garp_intvl",
        "vmac_garp_intvl",
        "global_tracking",
        "linkbeat_use_polling",
        "lvs_sync_daemon_interface",
        "vrf",
        "native_ipv6",
        "unicast_src_ip",
        "unicast_ttl",
        "check_unicast_src",
        "old_unicast_checksum",
        "vmac_xmit_base",
    ];
    for keyword in keyword::ALL.iter().copied().flatten() {
        // The director's blocks have their own test.
        if keyword.block == Block::Top
            && (keyword.name.starts_with("virtual_server") || keyword.name == "SSL")
        {
            continue;
        }
        let text = example(keyword);
        if !text.contains(keyword.name) || TOLD.contains(&keyword.name) {
            continue;
        }
        let loaded = loaded(&text);
        let wrong: Vec<_> =
            loaded.findings.iter().filter(|f| matches!(f.class, Class::Tolerated | Class::Fatal)).collect();
        assert!(wrong.is_empty(), "{}: {text}\n{}", keyword.name, said(&loaded));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        loaded(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_words_panic(words in proptest::collection::vec((0_usize..100_000, 0_usize..SOUP.len(), 0_usize..SOUP.len()), 0..80)) {
        let keywords: Vec<&str> = keyword::ALL.iter().copied().flatten().map(|k| k.name).collect();
        let mut text = String::new();
        for (keyword, a, b) in words {
            text.push_str(keywords[keyword % keywords.len()]);
            text.push_str(SOUP[a]);
            text.push_str(SOUP[b]);
        }
        loaded(&text);
    }
}

/// What breaks parsers, behind keywords.
const SOUP: &[&str] = &[
    "\n",
    " {\n",
    "}\n",
    " x\n",
    " 0\n",
    " -1 ",
    " 99999999999999999999 ",
    " 1.5\n",
    " \"",
    " 'a b'\n",
    " a\\ b\n",
    " # x\n",
    " 10.0.0.5/24 ",
    " fe80::1\n",
    " dev ",
    " eth0\n",
    " weight ",
    " 10.0.0.0/0 brd +\n",
    " via 10.0.0.1 or 10.0.0.2\n",
    " nexthop via 10.0.0.1 ",
    "\n$A=5\n",
    " $A ",
    " ${A}\n",
    "\n~SEQ(A,1,9) ",
    "\n~LST({A,B},{1,2}) ",
    "\n@main ",
    "\n@^main ",
    " hex:0\n",
    " file:/x\n",
    "\n$M= \\\n a {\\\n",
    "\n$M\n",
    " all\n",
    " default ",
    "\u{a0}",
    "\0",
    "\r\n",
    " {",
    " ;",
    " é\n",
    " from 10.0.0.0/8 table 1\n",
    " reverse\n",
    " 00:11:22:33:44\n",
    " 1-2\n",
    " 0x10/0xff\n",
    " ..\n",
    "\ninclude *\n",
    " =\n",
];
