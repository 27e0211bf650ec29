//! The same expressions, conditions and formats through HAProxy itself and through us. Skipped, and said so, where
//! there is no `haproxy`.
#![allow(clippy::print_stderr)] // a skipped test says why

mod common;

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bstr::ByteSlice;
use common::{Book, Stage, word, words};
use evenkeel_base::{ProxyId, Span, Support, Words};
use evenkeel_expr::facts::Peer;
use evenkeel_expr::{AclTable, Cond, LogFormat, Place, Use};

/// How often a new process is asked whether it listens, and how long it is given.
const STARTING: (u32, Duration) = (200, Duration::from_millis(50));

/// Requests that the tables below refer to by position.
const REQUESTS: [&str; 6] = [
    // 0: a browser's
    "GET /a/b.html?x=1&y=two;x=3&&=e&noval&z= HTTP/1.1\r\nHost: www.Ex.com:8080\r\n\
     X-F: 10.0.0.1, 10.0.0.2:80 ,, [::1], bad , \"q,r\"\r\nx-f: last\r\nX-Empty:\r\nX-N: 5, 7x, y, -3\r\n\
     Cookie: SID=abc; n=7; $Path=/; SID=\"q;1\"; e=; noeq; a=1, b=2\r\nCookie: SID=second\r\n\
     Authorization: Basic am9lOnNlYzpyZXQ=\r\nX-A: Bearer  tok en\r\n\
     Accept-Language: de;q=0.5,en-us,fr;q=0.9\r\n\r\n",
    // 1: a form
    "POST /f HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 21\r\n\r\n",
    // 2: to a proxy, by address
    "GET http://u:p@127.0.0.9:81/p;c=1.q?k=v HTTP/1.0\r\nHost: 127.0.0.9:81\r\n\r\n",
    // 3: almost nothing
    "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    // 4: another method, other spellings
    "BREW /Images/PNG/x.PNG HTTP/1.1\r\nhost: IMG.example.com\r\nx-ip: 192.168.3.4\r\nx-ip: 2001:db8::5\r\n\r\n",
    // 5: to a proxy, by address, without a user
    "GET http://127.0.0.9:81/p?k=v HTTP/1.1\r\nHost: 127.0.0.9:81\r\n\r\n",
];

const BODIES: [&[u8]; 6] = [b"", b"p1=v1&p2=&SID=z&p1=v2", b"", b"", b"", b""];

/// Format strings and the request each is tried on.
const FORMATS: &[(usize, &str)] = &[
    (0, "%[method] %[path] %[pathq] %[url] %[query] %[base] %[baseq] %[req.ver]"),
    (1, "%[method] %[path] %[pathq] %[url] %[query]x %[base] %[baseq] %[req.ver]"),
    (2, "%[method] %[path] %[pathq] %[url] %[query] %[base] %[baseq] %[req.ver]"),
    (3, "%[method] %[path]x %[pathq]x %[url] %[query]x %[base] %[baseq] %[req.ver]"),
    (0, "%[base32] %[url32] %[base32+src,hex] %[url32+src,hex]"),
    (2, "%[base32] %[url32] %[base32+src,hex]"),
    (3, "%[base32] %[url32]"),
    (0, "%[url_ip]x %[url_port]x"),
    (2, "%[url_ip]x%[url_port]x"),
    (5, "%[url_ip]x%[url_port]x%[url32]"),
    (
        0,
        "%[hdr(x-f)]|%[hdr(x-f,1)]|%[hdr(x-f,2)]|%[hdr(x-f,3)]|%[hdr(x-f,4)]|%[hdr(x-f,6)]|%[hdr(x-f,7)]|%[hdr(x-f,8)]",
    ),
    (0, "%[hdr(x-f,-1)]|%[hdr(x-f,-2)]|%[hdr(x-f,-7)]|%[hdr(x-f,-8)]|%[hdr(x-f,0)]"),
    (0, "%[req.fhdr(x-f)]|%[req.fhdr(x-f,1)]|%[req.fhdr(x-f,-2)]|%[req.fhdr(x-f,-3)]"),
    (0, "%[hdr]|%[hdr()]|%[req.fhdr()]|%[hdr(x-empty)]|%[hdr(none)]"),
    (
        0,
        "%[hdr_cnt(x-f)]|%[hdr_cnt]|%[req.fhdr_cnt(x-f)]|%[req.fhdr_cnt]|%[hdr_cnt(x-empty)]|%[hdr_cnt(nope)]",
    ),
    (
        0,
        "%[hdr_ip(x-f,1)]|%[hdr_ip(x-f,2)]|%[hdr_ip(x-f,3)]|%[hdr_ip(x-f,4)]|%[hdr_ip(x-f,5)]|%[hdr_ip(x-f)]",
    ),
    (4, "%[hdr_ip(x-ip)] %[hdr_ip(x-ip,1)] %[hdr_ip(x-ip),ipmask(24,32)]"),
    (
        0,
        "%[hdr_val(x-n,1)]|%[hdr_val(x-n,2)]|%[hdr_val(x-n,3)]|%[hdr_val(x-n)]|%[hdr_val(x-empty)]|%[hdr_val(nope)]",
    ),
    (0, "%[req.hdr_names]|%[req.hdr_names(;)]|%[req.hdr_names()]"),
    (0, "%[req.hdrs]"),
    (1, "%[req.hdrs_bin,hex]"),
    (
        0,
        "%[cook(SID)]|%[cook(sid)]|%[cook]|%[cook()]|%[cook(n)]|%[cook(e)]x|%[cook(noeq)]x|%[cook($Path)]|%[cook(a)]|%[cook(b)]",
    ),
    (
        0,
        "%[cook_cnt(SID)]|%[cook_cnt]|%[cook_cnt(nope)]|%[cook_val(n)]|%[cook_val(SID)]|%[cook_val(nope)]|%[cookie(SID)]",
    ),
    (
        0,
        "%[urlp(x)]|%[urlp(y)]|%[urlp(z)]x|%[urlp(noval)]x|%[urlp]|%[urlp()]|%[urlp(X)]|%[url_param(x)]|%[urlp_val(x)]|%[urlp_val(y)]",
    ),
    (2, "%[urlp(c,;)]|%[urlp(k)]|%[urlp(k,;)]x"),
    (0, "%[http_auth_user]|%[http_auth_pass]|%[http_auth_type]|%[http_auth_bearer]|%[http_auth_bearer(X-A)]"),
    (1, "%[http_auth_user]x"),
    (
        1,
        "%[req.body]|%[req.body_len]|%[req.body_size]|%[req.body_param(p1)]|%[req.body_param(p2)]x|%[req.body_param]|%[req.body_param(SID)]",
    ),
    (0, "%[capture.req.method] %[capture.req.uri] %[capture.req.ver] %[capture.res.ver]x"),
    (2, "%[capture.req.method] %[capture.req.uri] %[capture.req.ver]"),
    (
        0,
        "%[src] %[src_port] %[dst] %[dst_port] %[src,ipmask(8)] %[src_is_local] %[dst_is_local] %[fc_src] %[fc_dst_port]",
    ),
    (
        0,
        "%[be_name] %[fe_name] %[nbsrv] %[so_id] %[so_name]x %[be_conn_free] %[queue] %[avg_queue] %[connslots]",
    ),
    (
        0,
        "%[nbproc] %[proc] %[stopping] %[http_first_req] %[req.proto_http] %[wait_end] %[always_true] %[always_false]",
    ),
    (
        0,
        "%[ssl_fc]|%[ssl_fc_sni]|%[ssl_c_used]|%[ssl_fc_is_resumed]|%[ssl_fc_has_sni]|%[ssl_c_verify]|%[ssl_fc_protocol]",
    ),
    (0, "%[fc_err] %[fc_err_str] %[fc_rcvd_proxy] %[fc_http_major] %[prio_class] %[prio_offset] %[hostname]"),
    (
        0,
        "%[str(12abc),add(1)] %[str(-12),add(1)] %[str( 12),add(1)] %[str(abc),add(1)] %[str(1.5),add(1)] %[str(),add(1)]x",
    ),
    (
        0,
        "%[str(99999999999999999999),add(1)] %[src,add(1)] %[src,lower] %[int(5),lower] %[int(16909060),ipmask(24)]",
    ),
    (
        0,
        "%[ipv6(::ffff:1.2.3.4),ipmask(24,64)] %[ipv4(1.2.3.4),hex] %[ipv6(::1),hex] %[int(5),hex] %[bool(1),hex] %[str(abc),hex]",
    ),
    (
        0,
        "%[bin(616263)] %[bin(616263),lower] %[bin(610063)] %[meth(get)] %[meth(FOO),lower] %[str(1.2.3.4:80),ipmask(8)]",
    ),
    (
        0,
        "%[str(true),bool] %[str(0),bool] %[str(abc),bool] %[ipv6(2001:db8::1)] %[ipv6(::1.2.3.4)] %[ipv6(::ffff:1.2.3.4)]",
    ),
    (
        0,
        r"%[str(a\db)] %[str(a\ b)] %[str(a\nb)] %[str(a b)] %[str(a]b)] %[str(A),,lower] %[str(A),lower()] %[src()] %[str]x",
    ),
    (0, r#"%[str("a,b)c]d")] %[str("a\"b")] %[str("a\,b")] %[str("a\nb")] %[str("a\db")] %[str(a\\b)]"#),
    (0, "%[var(txn.none)]x %[var(txn.none,def)] %[env(NOPE_NOT_SET)]x %[rand(1)] %[capture.req.hdr(0)]x"),
    (
        0,
        "%[str(f1_f2_f3__f5),field(5,_)] %[str(f1_f2_f3__f5),field(2,_,0)] %[str(f1_f2_f3__f5),field(2,_,2)] %[str(f1_f2_f3__f5),field(-2,_,3)] %[str(f1_f2_f3__f5),field(-3,_,0)]",
    ),
    (
        0,
        "%[str(f1_f2_f3__f5),field(9,_)]x%[str(f1_f2_f3__f5),field(9,_),concat(y)]x%[str(f1_f2_f3__f5),field(-9,_),concat(y)]x%[str(f1_f2_f3__f5),field(4,_)]x%[str(f1_f2_f3__f5),field(5,_,3)]",
    ),
    (
        0,
        "%[str(f1_f2_f3__f5),word(4,_)] %[str(f1_f2_f3__f5),word(2,_,0)] %[str(f1_f2_f3__f5),word(3,_,2)] %[str(f1_f2_f3__f5),word(-2,_,3)] %[str(f1_f2_f3__f5),word(-3,_,0)] %[str(/f1/f2/f3/f4),word(1,/)]",
    ),
    (
        0,
        "%[str(a),word(2,_),concat(y)]x%[str(a),word(-2,_),concat(y)]x%[str(__a__b__),word(1,_,0)]x%[str(__a__b__),word(-1,_,0)]x%[str(__a__b__),word(2,_,5)]x%[str(__a__b__),word(-2,_,9)]x",
    ),
    (
        0,
        "%[str(__a__b__),field(1,_,0)]x%[str(__a__b__),field(-1,_,0)]x%[str(a.b:c),word(2,.:)]x%[str(),word(1,_),concat(y)]x%[str(),field(1,_),concat(y)]",
    ),
    (
        0,
        "%[str(__a__b__),word(1,_)]x%[str(__a__b__),word(-1,_)]x%[str(__a__b__),word(1,_,2)]x%[str(__a__b__),word(1,_,3)]x%[str(__a__b__),field(-9,_,0)]x",
    ),
    (
        0,
        "%[int(9223372036854775807),add(1)] %[int(-9223372036854775808),sub(1)] %[int(9223372036854775807),mul(2)] %[int(5),div(0)] %[int(5),mod(0)] %[int(-7),mod(3)] %[int(-7),div(2)]",
    ),
    (
        0,
        "%[int(-9223372036854775808),div(-1)] %[int(-9223372036854775808),mod(-1)] %[int(-9223372036854775808),neg] %[int(-9223372036854775808),mul(-1)]",
    ),
    (
        0,
        "%[int(5),and(4)]/%[int(5),or(2)]/%[int(5),xor(1)]/%[int(5),cpl]/%[int(5),neg]/%[int(5),not]/%[int(5),odd]/%[int(5),even]/%[int(0),bool]/%[int(5),add(txn.x)]x",
    ),
    (0, "%[str(ff),hex2i]/%[str(zz),hex2i]/%[str(FFFFFFFFFFFFFFFFFF),hex2i]/%[str(f),hex2i]/%[str(),hex2i]x"),
    (0, "%[str(a b&c/d?e=f+g%),url_enc] %[str('~-_.!*()'),url_enc(query)]"),
    (
        0,
        "%[str(a%20b+c?d+e%2),url_dec]x%[str(a%20b+c?d+e),url_dec]x%[str(a%20b+c?d+e),url_dec(1)]x%[str(a%zz),url_dec]x",
    ),
    (
        0,
        "%[str(abc),base64]/%[str(YWJj),b64dec]/%[str(YWI=),b64dec]/%[str(YWI),b64dec]/%[str(Y!),b64dec]/%[str(ab?>),ub64enc]/%[str(YWI_Pg),ub64dec]/%[str(),base64]x",
    ),
    (
        0,
        "%[bin(01020304050607),be2hex]/%[bin(01020304050607),be2hex(:,2)]/%[bin(01020304050607),be2hex(--,2,1)]/%[bin(0102030405060708),be2hex(,3,1)]",
    ),
    (
        0,
        "%[bin(01020304050607),be2dec(:,2)]/%[bin(01020304050607),be2dec(-,2,1)]/%[bin(01020304050607),be2dec(,2,1)]/%[bin(7f000001),be2dec(.,1)]",
    ),
    (
        0,
        "%[str(abc),crc32]/%[str(abc),crc32(1)]/%[str(abc),djb2]/%[str(abc),sdbm]/%[str(abc),wt6]/%[str(abc),crc32c]/%[str(abc),djb2(1)]/%[str(abc),sdbm(1)]/%[str(abc),wt6(1)]/%[str(abc),crc32c(1)]",
    ),
    (
        0,
        "%[str(abc),xxh32]/%[str(abc),xxh64]/%[str(abc),xxh32(5)]/%[str(abc),xxh64(5)]/%[url,xxh32]/%[url,xxh64]/%[req.hdrs,xxh32]/%[req.hdrs,xxh64]",
    ),
    (
        0,
        "%[str(abc),sha1,hex] %[str(abc),sha2,hex] %[str(abc),sha2(224),hex] %[str(abc),sha2(384),hex] %[str(abc),sha2(512),hex] %[req.hdrs,sha1,hex] %[req.hdrs,sha2(512),hex]",
    ),
    (
        0,
        "%[int(1),htonl,hex] %[str(abc),concat(1,txn.x,2)] %[str(abc),add_item(:,,s)]/%[str(),add_item(:,,s)]/%[str(abc),add_item(:,txn.x)]",
    ),
    (
        0,
        r#"%[str(aabc),ltrim(a)]/%[str(abcc),rtrim(c)]/%[str("a\nb"),cut_crlf]/%[bool(1),iif(yes,no)]/%[int(0),iif(yes,no)]/%[str(abc),iif(y,n)]"#,
    ),
    (
        0,
        "%[str(Www.Ex.com:80),host_only]/%[str(Www.Ex.com:80),port_only]/%[str([::1]:8),host_only]/%[str([::1]),port_only]/%[str(abc),port_only]",
    ),
    (
        0,
        "%[int(0),http_date]/%[int(1500000),http_date(1,ms)]/%[int(1500012),http_date(0,ms)]/%[int(5),http_date(5)]/%[int(1500000000000123),http_date(0,us)]",
    ),
    (
        0,
        r#"%[int(1700000000),utime(%Y%m%d%H%M%S)]/%[int(1700000000),utime("%a %A %b %B %d %e %j %y %p %I %z %s %F %T %D %R %u %w %U %W %V %G %g %C %h %% %c %x %X %k %l %r")]"#,
    ),
    (
        0,
        "%[int(1700000000),utime(%H,3600)] %[ipv4(1.2.3.4),ipmask(255.255.0.0)]/%[ipv6(2001:db8::1),ipmask(24)]x/%[ipv6(2001:db8::1),ipmask(24,32)]/%[ipv6(2001:db8::1),ipmask(24,ffff::)]",
    ),
    (
        0,
        "%[req.fhdr(accept-language),language(fr;en)]/%[str(de),language(fr;en,xx)]/%[str(de),language(fr;en)]x/%[str('en;q=0.2,fr'),language(en;fr)]",
    ),
    (
        0,
        r#"%[str("a\"b\\c/d\te"),json(ascii)]/%[str(é),json(utf8)]/%[str(é),json(ascii)]/%[bin(c3),json(utf8)]x/%[bin(61c362),json(utf8s)]x/%[bin(c1a1),json(utf8p)]x/%[bin(c1a1),json(utf8ps)]x"#,
    ),
    (
        0,
        "%[str(abc),debug] %[str(abc),length] %[str(AbC),lower] %[str(AbC),upper] %[str(abc),bytes(0)]/%[str(abc),bytes(3)]/%[str(abc),bytes(0,0)]/%[str(abc),bytes(1,9)]",
    ),
    (0, "%[str(abc),set-var(txn.z)]/%[var(txn.z)]/%[str(x),unset-var(txn.z)]/%[var(txn.z)]x"),
    (
        0,
        r#"%[str(abc),regsub(b,X)]/%[str(abcb),regsub(b,X,g)]/%[str(abc),regsub(B,X,i)]/%[str(abc),regsub("(b)(c)","\2\1")]/%[str(abc),regsub(zz,X)]/%[path,regsub('/+','-',g)]"#,
    ),
    (
        0,
        r#"%[str(aaa),regsub(a*,X)]/%[str(aaa),regsub(^a,X,g)]/%[str(baac),regsub(a*,X,g)]/%[str(abc),regsub(c$,X)]"#,
    ),
    (
        0,
        "%[str(a),strcmp(txn.none)]x %[str(a),set-var(txn.q),strcmp(txn.q)] %[str(b),strcmp(txn.q)] %[str(aa),strcmp(txn.q)] %[str(),strcmp(txn.q)]x %[str(Z),strcmp(txn.q)]",
    ),
    (0, "%{+Q}[str(a)] %{+E}[str('a\"b]')] %{+X}[int(255)] %{+Q}[var(txn.none)]x %{+Q,+E}[str('a\"b')] %%"),
    (0, "a  b   c   %[str( x )]  d "),
    (
        0,
        "%HM|%HP|%HPO|%HQ|%HU|%HV|%r|%f|%ft|%b|%s|%ST|%tsc|%ts|%hr|%hs|%hrl|%hsl|%CC|%CS|%ID|%sslv|%sslc|%lc",
    ),
    (2, "%HM|%HP|%HPO|%HQ|%HU|%HV|%r"),
    (3, "%HM|%HP|%HPO|%HQ|%HU|%HV|%r"),
    (
        0,
        "%{+Q}HM|%{+Q}HU|%{+Q}b|%{+Q}CC|%{+Q}hr|%{+Q}hrl|%{+Q}r|%{+Q}ID|%{+Q}s|%{+Q}f|%{+Q}ST|%{+Q}ci|%{+Q}tsc|%{+Q}HQ|%{+Q}HV|%{+Q}ft|%{+Q}sslv",
    ),
    (0, "%ci:%cp %fi:%fp %{+X}ci:%{+X}cp %{+X}fi:%{+X}fp %{+Q,+X}ci %si%sp%bi%bp"),
    (0, "%{+Q}o%HM %b %{-Q}HM %[str(a)] %ci %{+M}CC %{+M}[var(txn.none)]x"),
];

/// Conditions and the request each is tried on.
const CONDITIONS: &[(usize, &str)] = &[
    (0, "{ path /a/b.html }"),
    (0, "{ path_beg /A }"),
    (0, "{ path_beg -i /A }"),
    (0, "{ path_end .html .htm }"),
    (0, "{ path_end -i .HTML }"),
    (0, "{ path_dir a }"),
    (0, "{ path_dir /a }"),
    (0, "{ path_dir a/ }"),
    (0, "{ path_dir a/b.html }"),
    (0, "{ path_dir b }"),
    (0, "{ path_sub b.h }"),
    (0, "{ path_len 9 }"),
    (0, "{ path_len gt 9 }"),
    (0, "{ path_len 5:10 }"),
    (0, "{ path_reg ^/[a-z]/.*\\.html$ }"),
    (0, "{ path_reg -i ^/A }"),
    (0, "{ path_dom html }"),
    (0, "{ url_beg /a }"),
    (0, "{ url_sub y=two }"),
    (0, "{ hdr(host) www.ex.com:8080 }"),
    (0, "{ hdr(host) -i www.ex.com:8080 }"),
    (0, "{ hdr_dom(host) -i ex.com }"),
    (0, "{ hdr_dom(host) -i ex }"),
    (0, "{ hdr_dom(host) -i x.com }"),
    (0, "{ hdr_beg(host) -i WWW. }"),
    (0, "{ hdr_end(host) 8080 }"),
    (0, "{ hdr(x-f) bad }"),
    (0, "{ hdr(x-f,1) bad }"),
    (0, "{ hdr(x-f) -m len 0 }"),
    (0, "{ hdr(x-f) -m found }"),
    (0, "{ hdr(none) -m found }"),
    (0, "{ hdr(x-empty) -m found }"),
    (0, "{ hdr_cnt(x-f) 7 }"),
    (0, "{ hdr_cnt(x-f) ge 7 }"),
    (0, "{ hdr_cnt(none) eq 0 }"),
    (0, "{ hdr_val(x-n) 7 }"),
    (0, "{ hdr_val(x-n) lt 0 }"),
    (0, "{ hdr_val(none) lt 5 }"),
    (0, "{ hdr_ip(x-f) 10.0.0.2 }"),
    (0, "{ hdr_ip(x-f) 10.0.0.0/31 }"),
    (0, "{ hdr_ip(x-f,2) 10.0.0.1 }"),
    (4, "{ hdr_ip(x-ip) 192.168.0.0/16 }"),
    (4, "{ hdr_ip(x-ip) 2001:db8::/32 }"),
    (4, "{ hdr_ip(x-ip) 192.168/16 }"),
    (4, "{ req.hdr(x-ip) -m ip 192.168.3.0/24 }"),
    (0, "{ cook(SID) second }"),
    (0, "{ cook(SID) abc }"),
    (0, "{ cook_beg(SID) \"q }"),
    (0, "{ cook(n) -m int 7 }"),
    (0, "{ cook(none) -m found }"),
    (0, "{ cook(e) -m found }"),
    (0, "{ urlp(x) 3 }"),
    (0, "{ urlp(x) 1 }"),
    (0, "{ urlp_val(x) gt 2 }"),
    (0, "{ url_param(noval) -m found }"),
    (0, "{ url_param(z) -m found }"),
    (0, "{ query -m found }"),
    (3, "{ query -m found }"),
    (3, "{ path -m found }"),
    (0, "{ method GET }"),
    (0, "{ method get }"),
    (0, "{ method -i get }"),
    (0, "{ method -i GET }"),
    (1, "{ method -i PUT POST }"),
    (4, "{ method -i GET brew }"),
    (0, "{ method -m str -i get }"),
    (0, "{ method -m sub -i et }"),
    (0, "{ ipv4(0.0.0.1) -m bool }"),
    (0, "{ int(16909060) -m ip 1.2.3.4 }"),
    (0, "{ src -m str 127.0.0.1 }"),
    (0, "{ src -m beg 127. }"),
    (0, "{ src -m len 9 }"),
    (0, "{ bool(1) -m str 1 }"),
    (0, "{ bin(00) -m len 1 }"),
    (0, "{ bin(610062) -m str a }"),
    (0, "{ bin(610062) -m beg a }"),
    (0, "{ bin(610062) -m len 3 }"),
    (0, "{ bin(610062) -m sub b }"),
    (0, "{ path }"),
    (0, "{ int(5) }"),
    (0, "{ str(a) -m str }"),
    (0, "{ hdr(x-f),word(2,:) -m found }"),
    (0, "{ hdr(x-f),field(2,:) 80 }"),
    (0, "{ hdr(x-f),field(2,:) -m found }"),
    (0, "{ hdr(x-n),map(/dev/null) -m found }"),
    (0, "{ hdr_ip(x-f),ipmask(8) 10.0.0.0 }"),
    (0, "{ src ::1 } or { src 127.0.0.1 } { path_beg / }"),
    (0, "{ path_beg / } !{ path_end .php } { hdr(host) -m found }"),
    (0, "{ method POST GET }"),
    (4, "{ method BREW }"),
    (4, "{ method brew }"),
    (4, "{ method -i brew }"),
    (4, "{ method -m reg ^BR }"),
    (0, "{ method -m beg G }"),
    (0, "{ method -m found }"),
    (4, "{ method,lower brew }"),
    (4, "METH_GET"),
    (0, "METH_GET"),
    (0, "METH_HEAD"),
    (1, "METH_POST"),
    (3, "METH_OPTIONS HTTP_URL_STAR"),
    (0, "HTTP_URL_SLASH"),
    (2, "HTTP_URL_ABS"),
    (2, "HTTP_1.0"),
    (0, "HTTP_1.1"),
    (0, "HTTP"),
    (1, "HTTP_CONTENT"),
    (0, "HTTP_CONTENT"),
    (0, "LOCALHOST"),
    (0, "TRUE"),
    (0, "FALSE"),
    (0, "WAIT_END"),
    (0, "!FALSE"),
    (0, "! FALSE"),
    (0, "!!FALSE"),
    (0, "!{ path /a }"),
    (0, "FALSE || TRUE"),
    (0, "FALSE or TRUE"),
    (0, "FALSE OR TRUE"),
    (0, "TRUE FALSE || TRUE"),
    (0, "TRUE FALSE or FALSE"),
    (0, "{ src 127.0.0.0/8 }"),
    (0, "{ src 10.0.0.0/8 127.1 }"),
    (0, "{ src ::ffff:127.0.0.0/104 }"),
    (0, "{ src 127.0.0.1/255.0.0.0 }"),
    (0, "{ dst_port ge 1024 }"),
    (0, "{ dst_port :1023 }"),
    (0, "{ always_true }"),
    (0, "{ always_true 0 }"),
    (0, "{ bool(1) -m int 1 }"),
    (0, "{ int(5) -m bool }"),
    (0, "{ int(0) -m bool }"),
    (0, "{ int(5) -m str 5 }"),
    (0, "{ int(-5) -- -5 }"),
    (0, "{ int(5) gt 3 lt 2 }"),
    (0, "{ int(5) eq 1 5 9 }"),
    (0, "{ str(abc) -m str abc }"),
    (0, "{ str(abc) abc }"),
    (0, "{ str(abc) -m sub B }"),
    (0, "{ str(abc) -m sub -i B }"),
    (0, "{ str(abc) -i ABC }"),
    (0, "{ str(abc) -m bin 616263 }"),
    (0, "{ bin(616263) -m str abc }"),
    (0, "{ bin(616263) -m bin 616263 }"),
    (0, "{ str(-i) -- -i }"),
    (0, "{ str(1.2.3.4) -m ip 1.2.3.0/24 }"),
    (0, "{ str(yes) -m bool }"),
    (0, "{ str(1) -m bool }"),
    (0, "{ str(a/b/c) -m dir b/ }"),
    (0, "{ str(a/b?c) -m dir b }"),
    (0, "{ str(a.b:c) -m dom b }"),
    (0, "{ str(a.b:c) -m dom .b: }"),
    (0, "{ str(a.b:c) -m dom b:c }"),
    (0, "{ str(abc) -m beg ab a x }"),
    (0, "{ str(abc) -m end bc -i }"),
    (0, "{ path,lower,length 9 }"),
    (0, "{ hdr(x-n),add(0) 7 }"),
    (0, "{ hdr(x-n),add(1) gt 7 }"),
    (0, "{ hdr_beg(host),lower www.ex.com:8080 }"),
    (0, "{ http_first_req }"),
    (0, "{ ssl_fc }"),
    (0, "{ nbsrv 0 }"),
    (0, "{ req.body_len 0 }"),
    (1, "{ req.body_param(p1) -m str v2 }"),
    (0, "{ http_auth(ul) }"),
    (0, "{ http_auth_group(ul) g1 }"),
    (0, "{ http_auth_group(ul) g2 }"),
    (0, "{ http_auth_group(ul) g3 }"),
    (0, "{ var(txn.none) -m found }"),
    (0, "{ var(txn.none,x) -m str x }"),
    (0, "{ req.ver 1.1 1.0 }"),
    (0, "{ str(b),field(2,_) -m found }"),
    (0, "{ str(b),word(2,_) -m found }"),
    (0, "{ str(),length 0 }"),
    (0, "{ str(abc),bytes(0,0) -m found }"),
];

/// Format strings tried on a response.
const RESPONSES: &[&str] = &[
    "%[status] %[res.ver] %[resp_ver]",
    "%[res.hdr(x-r)]|%[res.hdr(x-r,1)]|%[res.hdr(x-r,3)]|%[res.hdr(x-r,-2)]|%[shdr(x-r)]|%[hdr(x-r,2)]|%[res.hdr(none)]",
    "%[res.fhdr(x-r)]|%[res.fhdr(x-r,1)]|%[res.fhdr_cnt(x-r)]|%[res.hdr_cnt(x-r)]|%[res.hdr_val(x-n)]|%[res.hdr_ip(x-ip)]",
    "%[res.cook(SID)]|%[res.cook]|%[res.cook()]|%[res.cook(T)]|%[scook(None)]|%[res.cook_cnt(SID)]|%[res.cook_val(N)]|%[cookie(T)]",
    "%[res.comp]|%[res.cache_hit]|%[capture.req.method]|%[capture.req.uri]|%[src]|%[be_name]|%[fe_name]|%[http_first_req]",
    "%[res.hdrs]",
    "%[res.body_size]|%ST|%b|%s|%HM",
];

/// The fields that the answers to those carry, and their text for us.
const ANSWER: &[(&str, &str)] = &[
    ("X-R", "r1, r2"),
    ("X-R", "r3"),
    ("X-N", "12"),
    ("X-IP", "192.0.2.9"),
    ("Set-Cookie", "SID=one; path=/; expires=Wed, 09 Jun 2021 10:18:14 GMT"),
    ("Set-Cookie", "T=\"q;r\"; Secure"),
    ("Set-Cookie", "SID=two"),
    ("Set-Cookie", "N=5"),
];

/// Log formats, compared for a request that is forwarded, answered and logged.
const LOGS: &[&str] = &[
    "a  b   c ",
    "  lead",
    "a\tb",
    "%[str( a  b )]x",
    "x%CC y",
    "%CC|%CS|%hr|%hs|%hrl|%hsl|%ID|%sslv|%sslc",
    "%{+Q}CC|%{+Q}CS|%{+Q}hr|%{+Q}hs|%{+Q}hrl|%{+Q}hsl|%{+Q}ID|%{+Q}sslv",
    "%[capture.req.hdr(0)]|%{+Q}[capture.req.hdr(0)]|%{+E}[capture.req.hdr(0)]|%{+Q,+E}[capture.req.hdr(0)]",
    "%{+Q}[int(4)]|%{+X}[int(255)]|%{+Q}[bool(1)]|%{+Q}[var(txn.none)]|%[var(txn.none)]|%{-M}[var(txn.none)]x",
    "%r|%{+Q}r|%{+E}r|%{+Q,+E}r",
    "%{+E}hr|%{+E}CC",
    "%HM|%HU|%HP|%HPO|%HQ|%HV",
    "%{+Q}HM|%{+Q}HU|%{+Q}HP|%{+Q}HPO|%{+Q}HQ|%{+Q}HV|%{+Q,+E}HU",
    "%{+Q}o %HM %CC %[src] %ST %b %tsc %{-Q}HM %[str(a)] %s",
    "%{+Q}o%HM",
    "%ci:%cp %si %fi:%fp %{+X}ci:%{+X}cp %{+Q,+X}ci %{+Q}cp %{+Q}B %B",
    "%{+Q}ts|%{+Q}tsc|%{+Q}rc|%{+Q}f|%{+Q}ft|%{+Q}b|%{+Q}s|%ST|%{+X}ST|%ts|%tsc|%rc",
    r#"%[str('a"b\tc')]|%[str('a#b')]|%{+Q}[str('a"b')]|%{+E}[str('a"b')]|%[str(é)]"#,
    "%[capture.res.hdr(0)]|%{+Q}[capture.res.hdr(0)]|%[capture.res.hdr(1)]|%[capture.req.hdr(1)]|%[capture.req.hdr(2)]",
    "%[bin(000102)]x",
    "%{}ci|%{xyz}ci|%ci%%%ci",
    "%hr%hs",
    "%{+Q}[str()]|%[str()]|%[str()]%[str(x)] %[var(txn.none)] %{-M}[var(txn.none)] %{-M}[str()] z",
    "%[capture.req.method] %[capture.req.uri] %[capture.req.ver] %[capture.res.ver] %[status]",
    "%H %[fe_name] %[be_name] %[srv_name] %sq/%bq %U",
];

const LOGGED: &[u8] =
    b"GET /a\"b?x=1&y={2|3} HTTP/1.1\r\nHost: www\r\nX-C: a\"b]c\\d#{e|f}\tg\x80h%i~\x7f\r\nX-E:\r\n\
    Cookie: CK=v\"1\r\nConnection: close\r\n\r\n";

/// What the original counts for that exchange: both heads without their Connection field, which belongs to the hop.
const COUNTED: (u64, u64) = (94, 84);

/// One original at a time: it shares ports with whoever asks, so that a port found free must not be found again.
static ALONE: Mutex<()> = Mutex::new(());

/// A running original; ends with its owner.
struct Original {
    child: Child,
    dir: PathBuf,
}

impl Drop for Original {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn is_installed() -> bool {
    let there =
        Command::new("haproxy").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("skipped: haproxy is not installed");
    }
    there
}

fn scratch(name: &str, config: &str) -> (PathBuf, PathBuf) {
    let dir = std::env::temp_dir().join(format!("evenkeel-expr-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a scratch folder");
    let file = dir.join("haproxy.cfg");
    std::fs::write(&file, config).expect("a scratch file");
    (dir, file)
}

fn start(name: &str, config: &str, ports: &[u16]) -> Original {
    let (dir, file) = scratch(name, config);
    let checked = Command::new("haproxy").arg("-c").arg("-f").arg(&file).output().expect("haproxy runs");
    assert!(checked.status.success(), "{}", checked.stderr.to_str_lossy());
    let child = Command::new("haproxy")
        .arg("-db")
        .arg("-f")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("haproxy starts");
    let original = Original { child, dir };
    for port in ports {
        let up = (0..STARTING.0).any(|_| {
            let up = TcpStream::connect(("127.0.0.1", *port)).is_ok();
            if !up {
                std::thread::sleep(STARTING.1);
            }
            up
        });
        assert!(up, "haproxy does not listen on port {port}");
    }
    original
}

/// Ports that were free a moment ago.
fn free_ports(n: usize) -> Vec<u16> {
    let held: Vec<TcpListener> =
        (0..n).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    held.iter().map(|l| l.local_addr().expect("a bound socket").port()).collect()
}

/// A word for the original's lexer.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}

/// Sends a request and returns the answer's body with our own address.
fn ask(port: u16, request: &[u8]) -> (Vec<u8>, SocketAddr) {
    let (answer, end, here) = exchange(port, request);
    (answer.get(end..).unwrap_or_default().to_vec(), here)
}

/// Sends a request; returns the answer, where its head ends, and our own address.
fn exchange(port: u16, request: &[u8]) -> (Vec<u8>, usize, SocketAddr) {
    let mut sock = TcpStream::connect(("127.0.0.1", port)).expect("haproxy listens");
    let here = sock.local_addr().expect("a connected socket");
    sock.write_all(request).expect("haproxy reads");
    let mut answer = Vec::new();
    let mut block = [0; 4096];
    loop {
        let n = sock.read(&mut block).expect("haproxy answers");
        answer.extend_from_slice(&block[..n]);
        let Some(end) = answer.find("\r\n\r\n") else {
            assert!(n > 0, "cut short: {}", answer.as_bstr());
            continue;
        };
        let head = answer[..end].to_str_lossy().to_lowercase();
        let len: usize = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length: "))
            .and_then(|n| n.trim().parse().ok())
            .expect("a length");
        if answer.len() >= end + 4 + len {
            answer.truncate(end + 4 + len);
            return (answer, end + 4, here);
        }
        assert!(n > 0, "cut short: {}", answer.as_bstr());
    }
}

const DEFAULTS: &str = "userlist ul\n group g1 users joe\n group g2 users joe,ann\n group g3 users ann\n \
    user joe insecure-password sec:ret\n user ann insecure-password x\n\
    defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n option http-buffer-request\n";

/// The exchange as the original sees it inside a `listen` of that name.
fn stage(name: &str, request: usize, here: SocketAddr, port: u16) -> Stage {
    let mut stage = Stage::of(REQUESTS[request], BODIES[request]);
    stage.world.frontend = name.to_owned();
    stage.world.backend = name.to_owned();
    stage.world.hostname =
        std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    stage.conn.src = Peer::Inet(here);
    stage.conn.dst = Peer::Inet(SocketAddr::from(([127, 0, 0, 1], port)));
    stage.stream.backend = Some(ProxyId(0));
    stage.stream.server = None;
    stage.stream.server_addr = Peer::Unknown;
    stage.stream.source_addr = Peer::Unknown;
    stage.stream.vars = vec![None; 8];
    stage.stream.status = 200;
    stage.world.empty();
    stage
}

#[test]
fn formats_are_rendered_the_same() {
    if !is_installed() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ports = free_ports(FORMATS.len());
    let mut config = DEFAULTS.to_owned();
    for (at, ((_, format), port)) in FORMATS.iter().zip(&ports).enumerate() {
        let text = quoted(format);
        let _ = writeln!(config, "listen l{at}\n bind 127.0.0.1:{port}");
        let _ = writeln!(config, " http-request return status 200 content-type text/plain lf-string {text}");
    }
    let _original = start("formats", &config, &ports);
    let mut wrong = String::new();
    for (at, ((request, format), port)) in FORMATS.iter().zip(&ports).enumerate() {
        let (theirs, here) = ask(*port, &[REQUESTS[*request].as_bytes(), BODIES[*request]].concat());
        let name = format!("l{at}");
        let stage = stage(&name, *request, here, *port);
        let mut book = Book::new();
        book.current = Some(ProxyId(0));
        let mut ours = Vec::new();
        match LogFormat::parse(&word(format), &mut book, Use::Http) {
            Ok(compiled) => compiled.render(&stage.env(), &mut ours),
            Err(fault) => ours.extend_from_slice(fault.message.as_bytes()),
        }
        if ours != theirs {
            let _ = writeln!(wrong, "{format}\n  theirs: {}\n  ours:   {}", theirs.as_bstr(), ours.as_bstr());
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn conditions_hold_the_same() {
    if !is_installed() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ports = free_ports(CONDITIONS.len());
    let mut config = DEFAULTS.to_owned();
    for (at, ((_, condition), port)) in CONDITIONS.iter().zip(&ports).enumerate() {
        let _ = writeln!(config, "listen l{at}\n bind 127.0.0.1:{port}");
        let escaped = condition.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(
            config,
            " http-request return status 200 content-type text/plain string yes if {escaped}"
        );
        let _ = writeln!(config, " http-request return status 200 content-type text/plain string no");
    }
    let _original = start("conditions", &config, &ports);
    let mut wrong = String::new();
    for (at, ((request, condition), port)) in CONDITIONS.iter().zip(&ports).enumerate() {
        let (theirs, here) = ask(*port, &[REQUESTS[*request].as_bytes(), BODIES[*request]].concat());
        let stage = stage(&format!("l{at}"), *request, here, *port);
        let mut book = Book::original();
        let line = words(&format!("if {condition}"));
        let ours = match Cond::parse(&mut Words::new(&line, Span::default()), &AclTable::new(), &mut book) {
            Ok(compiled) => (if compiled.holds(&stage.env()) { "yes" } else { "no" }).to_owned(),
            Err(faults) => faults.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join("; "),
        };
        if ours.as_bytes() != theirs {
            let _ = writeln!(wrong, "{condition} on {request}: theirs {}, ours {ours}", theirs.as_bstr());
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn responses_are_seen_the_same() {
    if !is_installed() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ports = free_ports(RESPONSES.len());
    let mut config = DEFAULTS.to_owned();
    for (at, (format, port)) in RESPONSES.iter().zip(&ports).enumerate() {
        let _ = write!(config, "listen l{at}\n bind 127.0.0.1:{port}\n http-request return status 200");
        for (name, value) in ANSWER {
            let _ = write!(config, " hdr {name} {}", quoted(value));
        }
        let _ = writeln!(config, "\n http-after-response set-header X-Out {}", quoted(format));
    }
    let _original = start("responses", &config, &ports);
    let mut fields = "HTTP/1.1 200 OK\r\n".to_owned();
    for (name, value) in ANSWER {
        let _ = write!(fields, "{name}: {value}\r\n");
    }
    fields.push_str("content-length: 0\r\n\r\n");
    let mut wrong = String::new();
    for (at, (format, port)) in RESPONSES.iter().zip(&ports).enumerate() {
        let (answer, end, here) = exchange(*port, REQUESTS[0].as_bytes());
        let head = answer[..end].to_str_lossy();
        let theirs = head
            .lines()
            .find_map(|l| l.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("x-out")))
            .map_or("(no field)", |(_, value)| value);
        let stage = stage(&format!("l{at}"), 0, here, *port).answered(&fields);
        let mut ours = Vec::new();
        match LogFormat::parse(&word(format), &mut Book::original(), Use::Http) {
            Ok(compiled) => compiled.render(&stage.env(), &mut ours),
            Err(fault) => ours.extend_from_slice(fault.message.as_bytes()),
        }
        if ours != theirs.as_bytes() {
            let _ = writeln!(wrong, "{format}\n  theirs: {theirs}\n  ours:   {}", ours.as_bstr());
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The places of our own that stand for the columns of the original's list of fetches.
const COLUMNS: [(usize, Place); 8] = [
    (0, Place::TcpConnection),
    (1, Place::TcpSession),
    (3, Place::FrontendRequest),
    (7, Place::BackendRequest),
    (12, Place::Response),
    (18, Place::Log),
    (19, Place::Check),
    (20, Place::Config),
];

#[test]
fn fetches_may_stand_where_the_original_lets_them() {
    if !is_installed() {
        return;
    }
    let config = format!("{DEFAULTS}backend b\n");
    let (dir, file) = scratch("places", &config);
    let listed =
        Command::new("haproxy").args(["-dKsmp", "-c", "-f"]).arg(&file).output().expect("haproxy runs");
    let _ = std::fs::remove_dir_all(dir);
    let mut wrong = String::new();
    let mut compared = 0;
    for line in listed.stdout.to_str_lossy().lines() {
        // `[ Y Y . … ] name(arguments): type`
        let Some((marks, rest)) = line.strip_prefix("[ ").and_then(|l| l.split_once(" ] ")) else { continue };
        let name = rest.split(['(', ':']).next().unwrap_or_default();
        let marks: Vec<bool> = marks.split(' ').map(|m| m == "Y").collect();
        let Some(fetch) = evenkeel_expr::fetch::find(name).filter(|f| f.support == Support::Supported) else {
            continue;
        };
        for (column, place) in COLUMNS {
            let ours = place.provides().covers(fetch.needs);
            if marks.get(column) != Some(&ours) {
                let _ = writeln!(
                    wrong,
                    "{name}: {} {}",
                    place.name(),
                    if ours { "ours only" } else { "theirs only" }
                );
            }
        }
        compared += 1;
    }
    assert!(compared > 100, "the list of fetches was not understood");
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn log_lines_are_the_same() {
    if !is_installed() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let sink = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    sink.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket has timeouts");
    let sink_port = sink.local_addr().expect("a bound socket").port();
    let ports = free_ports(LOGS.len() + 1);
    let (server_port, ports) = ports.split_last().expect("one at least");
    let mut config =
        format!("global\n log 127.0.0.1:{sink_port} len 65535 format raw local0\n{DEFAULTS} log global\n");
    for (at, (format, port)) in LOGS.iter().zip(ports).enumerate() {
        let _ = writeln!(config, "frontend l{at}\n bind 127.0.0.1:{port}\n log-format {}", quoted(format));
        let _ = writeln!(config, " option dontlognull\n default_backend b\n capture cookie CK len 20");
        for header in ["X-C", "X-E", "X-None"] {
            let _ = writeln!(config, " capture request header {header} len 100");
        }
        let _ = writeln!(config, " capture response header X-R len 20");
    }
    let _ = writeln!(config, "backend b\n server s1 127.0.0.1:{server_port}");
    let _ = writeln!(config, "listen srv\n no log\n bind 127.0.0.1:{server_port}");
    let _ = writeln!(
        config,
        " http-request return status 200 content-type text/plain string body hdr X-R \"r1, r2\""
    );
    let _original = start("logs", &config, ports);
    let mut wrong = String::new();
    let mut line = vec![0; 65535];
    for (at, (format, port)) in LOGS.iter().zip(ports).enumerate() {
        let (_, here) = ask(*port, LOGGED);
        let n = sink.recv(&mut line).expect("a log line");
        let theirs = line[..n].strip_suffix(b"\n").unwrap_or(&line[..n]);
        let mut stage =
            stage(&format!("l{at}"), 3, here, *port).answered("HTTP/1.1 200 OK\r\nX-R: r1, r2\r\n\r\n");
        let target = "/a\"b?x=1&y={2|3}";
        stage.stream.request_line = format!("GET {target} HTTP/1.1").into();
        stage.stream.backend = Some(ProxyId(1));
        stage.world.backend = "b".into();
        stage.stream.server = Some(evenkeel_base::ServerId(0));
        stage.world.servers = ["s1", "s2"];
        stage.stream.server_addr = common::inet(&format!("127.0.0.1:{server_port}"));
        stage.stream.request_captures =
            vec![Some(b"a\"b]c\\d#{e|f}\tg\x80h%i~\x7f".as_slice().into()), Some("".into()), None];
        stage.stream.response_captures = vec![Some("r1, r2".into())];
        stage.stream.cookie_captures = [Some("CK=v\"1".into()), None];
        (stage.stream.bytes_in, stage.stream.bytes_out) = COUNTED;
        let mut book = Book::new();
        let mut ours = Vec::new();
        match LogFormat::parse(&word(format), &mut book, Use::Log) {
            Ok(compiled) => compiled.render(&stage.env(), &mut ours),
            Err(fault) => ours.extend_from_slice(fault.message.as_bytes()),
        }
        if ours != theirs {
            let _ =
                writeln!(wrong, "{format}\n  theirs: {:?}\n  ours:   {:?}", theirs.as_bstr(), ours.as_bstr());
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
