use expect_test::expect;

use crate::lower::testing::{plan_of, says};

#[test]
fn values_arrive() {
    let plan = plan_of(
        "defaults\n default-server inter 5s weight 10\nlisten l\n bind :8000\n server a 10.0.0.1:80 check\n default-server fall 7\n \
             server b 10.0.0.2 check port 81 backup id 9\n server c www.example.org:+10 weight 0 track a\n \
             server d /run/d.sock maxconn 5 cookie x init-addr last,none,1.2.3.4\n \
             server-template t 2-3 ipv6@h.example:443 source 127.0.0.2:5000-6000 interface lo\nbackend m\n server a 10.0.0.1:80 no-check ws h1\n",
    );
    let mut got = String::new();
    for s in &plan.servers {
        let l = &s.line;
        got.push_str(&format!(
            "{} {}/{} #{} {:?} w{} {:?} {}/{} check {} {:?} {:?} {:?} {:?} {}\n",
            s.id.0,
            s.backend.0,
            s.name,
            s.number,
            s.addr,
            l.weight.get(),
            l.check_timing.inter,
            l.check_timing.rise,
            l.check_timing.fall,
            l.check,
            l.check_timing.port,
            l.track,
            l.init_addr,
            l.source.as_ref().map(|s| (s.addr, s.ports)),
            l.maxconn,
        ));
    }
    expect![[r#"
            0 0/a #1 HostAddr { host: Addr(Inet(10.0.0.1:80)), port: Fixed(80) } w10 5s 2/3 check true None None None None 0
            1 0/b #9 HostAddr { host: Addr(Inet(10.0.0.2:0)), port: SameAsClient(0) } w10 5s 2/7 check true Some(81) None None None 0
            2 0/c #3 HostAddr { host: Name { name: "www.example.org", family: None }, port: SameAsClient(10) } w0 5s 2/7 check false None Some(ServerId(0)) None None 0
            3 0/d #4 HostAddr { host: Addr(Unix("/run/d.sock")), port: Fixed(0) } w10 5s 2/7 check false None None Some([Last, None, Ip(1.2.3.4)]) None 5
            4 0/t2 #5 HostAddr { host: Name { name: "h.example", family: Some(6) }, port: Fixed(443) } w10 5s 2/7 check false None None None Some((127.0.0.2:0, Some((5000, 6000)))) 0
            5 0/t3 #6 HostAddr { host: Name { name: "h.example", family: Some(6) }, port: Fixed(443) } w10 5s 2/7 check false None None None Some((127.0.0.2:0, Some((5000, 6000)))) 0
            6 1/a #1 HostAddr { host: Addr(Inet(10.0.0.1:80)), port: Fixed(80) } w10 5s 2/3 check false None None None None 0
        "#]].assert_eq(&got);
}

#[test]
fn faults() {
    says(
        "resolvers dns\nbackend b\n server\n server x\n server a 1.2.3.4:80 frob 3 check wieght 3\n server b 1.2.3.4 weight 257 inter 0 fall 0\n \
             server a 1.2.3.4:80 ssl verify none sni str(x) alpn h2\n server d 1.2.3.4:80-81\n server e udp@1.2.3.4:80\n server f 1.2.3.4 check\n \
             server g fd@3\n server h 1.2.3.4:80 track nosuch\n server i 1.2.3.4:80 track nosuch/x\n server j 1.2.3.4:80 track k\n \
             server k 1.2.3.4:80 track j\n server m 1.2.3.4:80 init-addr foo observe layer5 on-error die\n server n 1.2.3.4:80 id 3 proto h2\n \
             server o 1.2.3.4:80 id 3 usesrc clientip\n server p 1.2.3.4:80 resolvers dns\n server q 1.2.3.4:80 resolvers nds\n \
             server-template t x 1.2.3.4:80\n server r/s 1.2.3.4:80 track f\n server u 1.2.3.4:80 agent-check\n",
        expect![[r#"
                D 1:1 no-effect: 'resolvers' section has no effect: names are only looked up at start
                W 2:1 missing-timeouts: missing timeouts for backend 'b'.
                E 3:8 missing-argument: 'server' expects <name> and <addr>[:<port>] as arguments.
                E 4:10 missing-argument: 'server' expects <name> and <addr>[:<port>] as arguments.
                E 5:22 unknown-option: 'server b/a': unknown keyword 'frob'
                E 5:35 unknown-option: 'server b/a': unknown keyword 'wieght'; did you mean 'weight' maybe ?
                E 6:26 bad-number: 'server b/b' : weight is not within 0 and 256 (257).
                E 6:36 bad-time: 'server b/b' : invalid value 0 for argument 'inter'.
                E 6:43 bad-number: 'server b/b' : 'fall' has to be > 0.
                E 7:9 duplicate-name: backend 'b', another server named 'a' was already defined, please use distinct names.
                E 7:22 refused: 'ssl' cannot be used: not built yet: TLS
                E 8:11 bad-address: 'server' : port range not permitted here in '1.2.3.4:80-81'
                E 9:11 bad-address: 'server' : dgram-type address not acceptable in 'udp@1.2.3.4:80'
                E 10:2 no-check-port: config: backend 'b': server 'f' has neither service port nor check port.
                E 11:11 bad-address: 'server' : a file descriptor is not acceptable here in 'fd@3'
                E 12:28 unknown-server: 'server b/h' : unable to find required server 'nosuch' for tracking.
                E 13:28 unknown-backend: 'server b/i' : unable to find required proxy 'nosuch' for tracking.
                E 14:28 bad-track: 'server j' : unable to track k as it belongs to a tracking chain looping back.
                E 15:28 bad-track: 'server k' : unable to track j as it belongs to a tracking chain looping back.
                E 16:32 bad-choice: 'server b/m' : 'init-addr' : unknown init-addr method 'foo', supported methods are 'libc', 'last', 'none'.
                E 16:44 bad-choice: 'server b/m' : 'observe' only supports 'none', 'layer4' and 'layer7' (got 'layer5')
                E 16:60 bad-choice: 'server b/m' : 'on-error' only supports 'fastinter', 'fail-check', 'sudden-death' and 'mark-down' (got 'die')
                E 17:33 refused: 'proto h2' cannot be used: not built yet: HTTP/2
                E 18:25 duplicate-id: 'server b/o' : 'id' : custom id 3 already used ('server n').
                E 18:27 misplaced-option: 'server b/o' : 'usesrc' only allowed after a 'source' statement.
                W 19:32 static-names: 'server b/p' : 'resolvers' : names are only looked up at start, not yet while running
                E 20:32 unknown-resolvers: 'server b/q' : unable to find required resolvers 'nds'
                E 21:20 bad-number: 'server-template' : Wrong server number of range: 'x'.
                E 22:9 bad-name: character '/' is not permitted in server name 'r/s'.
                E 23:22 no-agent-port: 'server b/u' : server u does not have agent port. Agent check has been disabled.
            "#]],
    );
}
