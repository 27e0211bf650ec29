//! Virtual servers through the whole reader. The verdicts are the real program's (2.2.7), asked with the same texts.

use evenkeel_plan::keeper::lvs::{CheckerKind, Forwarding, Scheduler, Service};

use crate::keepalived::testing::{loaded, said};
use crate::keepalived::{Exit, Loaded};

const HEAD: &str = "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n";

/// Lines inside a virtual server that has all it needs.
fn inside(body: &str) -> Loaded {
    loaded(&format!("{HEAD}{body}\nreal_server 10.0.0.2 80 {{\n}}\n}}\n"))
}

/// Lines inside a real server of one.
fn in_server(body: &str) -> Loaded {
    loaded(&format!("{HEAD}real_server 10.0.0.2 80 {{\n{body}\n}}\n}}\n"))
}

#[track_caller]
fn check(loaded: &Loaded, body: &str, want: &[&str]) {
    let said = said(loaded);
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains("not-in-effect")).collect();
    assert_eq!(lines.len(), want.len(), "{body}:\n{said}");
    for (line, part) in lines.iter().zip(want) {
        assert!(line.contains(part), "{body}: {part} is not in {line}");
    }
    let exit =
        if lines.iter().any(|line| line.contains("Tolerated")) { Exit::Tolerated } else { Exit::Clean };
    assert_eq!(loaded.exit, exit, "{body}:\n{said}");
}

#[test]
fn lines_of_virtual_servers() {
    for (body, want) in [
        ("lb_algo wrr", &[][..]),
        ("lb_algo foo", &["5:9 Tolerated unknown-scheduler: Invalid lvs_scheduler 'foo' - ignoring"]),
        ("lb_kind TUN", &[]),
        ("lb_kind FOO", &["unknown [FOO] routing method"]),
        ("lvs_method TUN type gue port 5", &[]),
        ("lvs_method TUN type gue", &["gue tunnels require port"]),
        ("lvs_method TUN type foo", &["Unknown tunnel type foo"]),
        ("lvs_method TUN type gre csum", &[]),
        ("lvs_method TUN type gre remcsum", &["gre tunnels do not support remote checksum option."]),
        ("lvs_method DR xx", &["Invalid tunnel option xx"]),
        ("nat_mask 255.255.255.0", &["Unknown keyword 'nat_mask'"]),
        (
            "persistence_timeout 0",
            &["number '0' outside range [1, 2678400] / without persistence: leave the line out"],
        ),
        ("persistence_timeout", &[]),
        ("persistence_timeout 50", &[]),
        ("persistence_timeout x", &["invalid number 'x'"]),
        ("persistence_granularity 255.255.255.0", &[]),
        ("persistence_granularity 24", &[]),
        ("persistence_granularity foo", &["Invalid IPv4 persistence_granularity specified - foo"]),
        ("persistence_engine sip", &[]),
        ("protocol udp", &[]),
        ("protocol FOO", &["Unknown protocol FOO - ignoring"]),
        ("ops", &["one packet scheduling requires UDP - resetting"]),
        ("protocol UDP\nops", &[]),
        (
            "quorum 2",
            &["quorum 2 for [10.0.0.1]:tcp:80 exceeds total weight of real servers 1, reducing quorum to 1"],
        ),
        ("quorum 0", &["number '0' outside range [1, 4294967295]"]),
        ("hysteresis 1", &["hysteresis 1 >= quorum 1; setting hysteresis to 0"]),
        ("ip_family inet6", &["Virtual server specified family inet6 conflicts with server family"]),
        ("sorry_server 10.0.0.9 80\nsorry_server_inhibit\nsorry_server_lvs_method DR", &[]),
        ("sorry_server foo 80", &["Invalid sorry server IP address foo/80 - skipping"]),
        ("sorry_server ::1 80", &["Address family of virtual server and sorry server ::1 don't match"]),
        ("sorry_server_inhibit", &["Ignoring sorry_server inhibit used before or without sorry_server"]),
        ("sorry_server_lvs_method DR", &["sorry_server forwarding used without sorry_server"]),
        ("connect_timeout 0", &["number '0' outside range [0.000001, 4294.967295]"]),
        ("delay_loop 0.5\nretry 3\nwarmup 0\ndelay_before_retry 2", &[]),
        ("mh-port", &["mh-port only applies to sh scheduler - ignoring"]),
        ("lb_algo mh\nmh-port\nmh-fallback", &[]),
        ("hashed", &["hashed only applies to sh scheduler - ignoring"]),
        ("lb_algo sh\nhashed", &["Remark no-effect"]),
        ("alpha\nomega\nha_suspend\nsmtp_alert\ninhibit_on_failure\nflag-1", &[]),
        ("foo 1", &["Unknown keyword 'foo'"]),
    ] {
        check(&inside(body), body, want);
    }
}

#[test]
fn lines_of_real_servers_and_checks() {
    for (body, want) in [
        ("weight 3", &[][..]),
        ("weight -1", &["number '-1' outside range"]),
        ("lb_kind NAT", &["Unknown keyword 'lb_kind'"]),
        ("uthreshold 5\nlthreshold 9", &["Remark thresholds: lthreshold 9 is above uthreshold 5"]),
        ("inhibit_on_failure foo", &["foo"]),
        ("TCP_CHECK {\n}", &[]),
        (
            "TCP_CHECK{\nconnect_timeout 3\nnb_get_retry 3\n}",
            &["8:1 Tolerated misplaced-keyword: Unknown keyword 'nb_get_retry' / write `retry`"],
        ),
        ("TCP_CHECK {\nconnect_port 99999\n}", &["number '99999' outside range [1, 65535]"]),
        ("TCP_CHECK {\nconnect_ip foo\n}", &["Invalid connect_ip address foo - ignoring"]),
        (
            "TCP_CHECK {\nconnect_ip 10.0.0.5\nbindto 10.0.0.6\nbind_port 5\nbind_if eth1\nfwmark 5\nwarmup 3\n}",
            &[],
        ),
        ("TCP_CHECK {\nlog_all_failures\nalpha\n}", &[]),
        ("HTTP_GET {\n}", &["HTTP/SSL_GET checker has no urls specified - ignoring"]),
        ("HTTP_GET {\nurl {\npath /\n}\n}", &[]),
        (
            "HTTP_GET {\nurl {\nstatus_code 200\n}\nurl {\npath /\n}\n}",
            &["HTTP/SSL_GET checker url has no path - ignoring"],
        ),
        ("HTTP_GET {\nurl {\npath /\nstatus_code 200-299 400-499 503\n}\n}", &[]),
        ("HTTP_GET {\nurl {\npath /\nstatus_code 99\n}\n}", &["Invalid HTTP_GET status code '99'"]),
        ("HTTP_GET {\nurl {\npath /\nstatus_code 600-100\n}\n}", &["Invalid HTTP_GET status code '600-100'"]),
        ("HTTP_GET {\nurl {\npath /\ndigest 9b3a0c85a887a256d6939da88aabd8cd\n}\n}", &[]),
        (
            "HTTP_GET {\nurl {\npath /\ndigest foo\n}\n}",
            &["digest 'foo' character length should be 32 rather than 3"],
        ),
        ("HTTP_GET {\nurl {\npath foo\n}\n}", &["Remark relative-path"]),
        ("HTTP_GET {\nurl {\npath /\nregex a(b\n}\n}", &["Remark bad-regex"]),
        ("HTTP_GET {\nurl {\npath /\nregex ab\nregex_options caseles\n}\n}", &["did you mean `caseless`?"]),
        ("HTTP_GET {\nhttp_protocol 2\nurl {\npath /\n}\n}", &["Invalid http_protocol version 2"]),
        (
            "HTTP_GET {\nnb_get_retry 3\nurl {\npath /\n}\n}",
            &["nb_get_retry is deprecated - please use 'retry'"],
        ),
        ("SSL_GET {\nenable_sni\nfast_recovery\nvirtualhost a\nurl {\npath /\n}\n}", &[]),
        ("SMTP_CHECK {\nhelo_name a\nhost {\nconnect_ip 10.0.0.5\nconnect_port 25\n}\n}", &[]),
        ("DNS_CHECK {\ntype A\nname a.b.\n}", &[]),
        (
            "DNS_CHECK {\nname a.b\n}",
            &["DNS_CHECK name 'a.b' has empty label - ignoring / keepalived wants the final dot"],
        ),
        ("DNS_CHECK {\ntype FOO\n}", &["Unknown DNS check type FOO - ignoring"]),
        (
            "MISC_CHECK {\nmisc_timeout 5\n}",
            &["No script path has been specified for MISC_CHECKER - skipping"],
        ),
        ("BFD_CHECK {\nname b\n}", &["BFD_CHECK - BFD b not configured"]),
        ("BFD_CHECK {\n}", &["No name has been specified for BFD_CHECKER - skipping"]),
        ("PING_CHECK {\nconnect_port 5\nretry 3\n}", &[]),
        ("UDP_CHECK {\npayload 0102\nrequire_reply 01XX\nmin_reply_length 3\nmax_reply_length 9\n}", &[]),
        ("UDP_CHECK {\npayload zz\n}", &["Invalid hex string for UDP_CHECK payload"]),
        (
            "UDP_CHECK {\nmin_reply_length 30\nmax_reply_length 9\n}",
            &["min_reply length 30 > max_reply_length 9"],
        ),
        ("FILE_CHECK {\n}", &["FILE_CHECK has no track_file specified - ignoring"]),
    ] {
        check(&in_server(body), body, want);
    }
}

#[test]
fn whole_services() {
    for (text, want) in [
        ("virtual_server 10.0.0.1 80 {\n}\n", &["1:1 Tolerated no-real-servers"][..]),
        (
            "virtual_server 10.0.0.1 {\nreal_server 10.0.0.2 80 {\n}\n}\n",
            &[
                "no protocol set - defaulting to UDP",
                "zero port only valid for persistent services",
                "no scheduler set",
                "no forwarding method set",
            ],
        ),
        (
            "virtual_server foo 80 {\nreal_server 10.0.0.2 80 {\n}\n}\n",
            &["Invalid virtual server IP address/port foo/80 - skipping"],
        ),
        (
            "virtual_server 10.0.0.1:80 {\nreal_server 10.0.0.2:80 {\n}\n}\n",
            &["the port is a word of its own"],
        ),
        ("virtual_server fwmark x {\n}\n", &["invalid number 'x'"]),
        (
            "virtual_server fwmark 3 {\nreal_server 10.0.0.2 80 {\n}\n}\n",
            &["no scheduler set", "no forwarding method set"],
        ),
        ("virtual_server group g {\nreal_server 10.0.0.2 80 {\n}\n}\n", &["Remark unknown-group"]),
        (
            "virtual_server_group g {\nfoo\n10.0.0.9-3 80\n10.0.0.1 x\nfwmark x\n10.0.0.1-5 80\n10.0.1.0/28 80\nfwmark 5\n}\n",
            &[
                "IP address foo",
                "Address range end is not greater",
                "IP address 10.0.0.1",
                "invalid number 'x'",
            ],
        ),
        (
            "virtual_server ::1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.2 80 {\n}\n}\n",
            &["no real servers", "Address family of virtual server and real server 10.0.0.2 don't match"],
        ),
        (
            "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind DR\nreal_server 10.0.0.2 81 {\n}\n}\n",
            &["ports don't match - resetting"],
        ),
        (
            "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.2 80 {\n}\nreal_server 10.0.0.2 80 {\n}\n}\n",
            &["is duplicated - removing second rs"],
        ),
        ("SSL {\npassword a\nca b\ncertificate c\nkey d\n}\n", &[]),
        ("SSL {\nfoo\n}\n", &["Unknown keyword 'foo'"]),
    ] {
        check(&loaded(text), text, want);
    }
}

#[test]
fn times_and_hosts_are_inherited() {
    let text = "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo wlc\nlb_kind DR\ndelay_loop 6\nretry 4\nvirtualhost vs\n\
        real_server 10.0.0.2 80 {\nweight 2\nretry 5\nHTTP_GET {\nurl {\npath /a\n}\nurl {\npath /b\nvirtualhost own\n}\n}\n\
        TCP_CHECK {\nretry 6\nwarmup 0\n}\nDNS_CHECK {\n}\n}\nreal_server 10.0.0.3 80 {\nlvs_method NAT\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n}\n";
    let loaded = loaded(text);
    let service = &loaded.plan.lvs.virtual_servers[0];
    assert_eq!(service.service, Service::Address("10.0.0.1:80".parse().expect("a literal")));
    assert_eq!((service.scheduler, service.forwarding), (Scheduler::Wlc, Forwarding::Dr));
    let [first, second] = &service.real_servers[..] else { panic!("two servers") };
    let times: Vec<(u32, u64, u64)> = first
        .checkers
        .iter()
        .map(|c| (c.pace.retry, c.pace.delay_before_retry.as_secs(), c.pace.warmup.as_secs()))
        .collect();
    assert_eq!(times, [(5, 3, 6), (6, 1, 0), (5, 6, 6)]);
    let CheckerKind::Http { urls, .. } = &first.checkers[0].kind else { panic!("HTTP_GET") };
    let hosts: Vec<_> = urls.iter().map(|url| url.virtualhost.as_deref()).collect();
    assert_eq!(hosts, [Some("vs"), Some("own")]);
    assert_eq!((first.forwarding, first.weight), (Forwarding::Dr, 2));
    assert_eq!((second.forwarding, second.checkers[0].pace.retry), (Forwarding::Nat, 4));
}
