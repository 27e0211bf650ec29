//! The statistics page: its forms, its options, what its form does. Outcomes are HAProxy 2.6's for the same requests.

mod common;

use common::{Bench, CONFIG};
use evenkeel_admin::page;
use evenkeel_http::{Limits, RequestHead, parse_request};
use evenkeel_proxy::services::StatsRequest;
use evenkeel_proxy::world::{Admin, World};

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn request(world: &World, line: &str, body: &str, admin: bool) -> Answer {
    try_request(world, line, body, admin).expect("well formed")
}

/// `None` where the codec lets the request not pass.
fn try_request(world: &World, line: &str, body: &str, admin: bool) -> Option<Answer> {
    let text = format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut head = RequestHead::new();
    parse_request(text.as_bytes(), &mut head, &Limits::default()).ok()?;
    let proxy = &world.plan.proxies[0];
    let stats = proxy.stats.as_ref().expect("the section has a page");
    let request = StatsRequest {
        proxy: proxy.id,
        page: stats,
        head: &head,
        body: body.as_bytes(),
        world,
        admin,
        user: None,
    };
    let answer = page::answer(&request);
    let text = |b: &[u8]| String::from_utf8(b.to_vec()).expect("text");
    Some(Answer { status: answer.status, head: text(&answer.head), body: text(&answer.body) })
}

#[test]
fn every_form_of_the_page() {
    let bench = Bench::new(CONFIG);
    for (target, kind, refresh, start) in [
        ("/st", "text/html; charset=utf-8", Some("5"), "<!DOCTYPE html>"),
        ("/st;norefresh", "text/html; charset=utf-8", None, "<!DOCTYPE html>"),
        ("/st;csv", "text/plain; charset=utf-8", Some("5"), "# pxname,svname,"),
        ("/st;csv;norefresh", "text/plain; charset=utf-8", None, "# pxname,svname,"),
        ("/st;typed", "text/plain; charset=utf-8", Some("5"), "F.2.0.0.pxname.1:KNS:str:fe\n"),
        ("/st;json", "application/json", Some("5"), "[[{\"objType\":\"Frontend\""),
        ("/st;json-schema", "application/json", Some("5"), "{\"$schema\":"),
    ] {
        let got = request(&bench.world, &format!("GET {target}"), "", true);
        assert_eq!((got.status, got.field("content-type")), (200, Some(kind)), "{target}");
        assert_eq!(got.field("refresh"), refresh, "{target}");
        assert_eq!(got.field("content-length"), Some(got.body.len().to_string().as_str()), "{target}");
        assert!(got.body.starts_with(start), "{target}: {}", &got.body[..60]);
    }
}

#[test]
fn the_page_shows_every_row_and_the_form() {
    let bench = Bench::new(CONFIG);
    let page = request(&bench.world, "GET /st", "", true).body;
    for want in [
        "<title>Statistics of lb1</title>",
        "the first",
        "<b>7 of 8</b> servers up, 1 drained",
        "<section id=\"fe\">",
        "name=\"s\" value=\"s1\"",
        "name=\"b\" value=\"#4\"",
        "<option value=\"drain\">Set state to DRAIN</option>",
        "address 127.0.0.1:19911&#10;cookie c1",
        "<td class=\"name\" title=\"address unix&#10;id 2\"><u>sock-2</u></td>",
        "href=\"/st;csv;norefresh\"",
        "MAINT",
    ] {
        assert!(page.contains(want), "{want} in\n{page}");
    }
    let reader = request(&bench.world, "GET /st", "", false).body;
    assert!(!reader.contains("<form method=\"post\">") && !reader.contains("type=\"checkbox\""));
    let one = request(&bench.world, "GET /st?scope=BT", "", true).body;
    assert!(one.contains("<section id=\"bt\">") && !one.contains("<section id=\"be\">"));
    assert!(one.contains("href=\"/st;csv;norefresh?scope=BT\""), "links keep what is looked for");
}

#[test]
fn nothing_of_the_address_becomes_markup() {
    let bench = Bench::new(CONFIG);
    for target in ["/st?scope=%22%3E%3Cscript%3E", "/st;st=%3Cscript%3E"] {
        let page = request(&bench.world, &format!("GET {target}"), "", true).body;
        assert!(!page.contains("<script"), "{target}");
    }
}

#[test]
fn the_form_acts_and_says_how_it_went() {
    for (target, body, want) in [
        ("/st", "s=s2&action=ready&b=%234", "/st;st=DONE"),
        ("/st", "s=s2&action=drain&b=be", "/st;st=DONE"),
        ("/st", "s=nope&action=drain&b=be", "/st;st=ERRP"),
        ("/st", "s=s2&s=nope&action=ready&b=be", "/st;st=PART"),
        ("/st", "s=s2&action=foo&b=be", "/st;st=ERRP"),
        ("/st", "s=s2&action=drain&b=nope", "/st;st=ERRP"),
        ("/st", "action=drain&b=be", "/st;st=NONE"),
        ("/st", "", "/st;st=NONE"),
        ("/st;up;norefresh", "s=s2&action=drain&b=be", "/st;st=DONE;up;norefresh"),
        ("/st?scope=be", "s=s2&action=ready&b=be", "/st;st=DONE?scope=be"),
        ("/st;st=DONE", "s=s2&action=stop&b=be", "/st;st=DONE"),
        ("/st", "s=s2&action=shutdown&b=be", "/st;st=DONE"),
        ("/st", "s=s1&action=hdown&b=be", "/st;st=DONE"),
        ("/st", "s=s2&action=dhlth&b=be", "/st;st=NONE"),
        ("/st", "s=s1&action=dhlth&b=be", "/st;st=DONE"),
        ("/st", "s=s2&action=dagent&b=be", "/st;st=NONE"),
        ("/st", "s=s5&action=hdown&b=be", "/st;st=NONE"),
        ("/st", "s=s2&action=ready&b=be&junk", "/st;st=DONE"),
        ("/st", "s=%zz&action=ready&b=be", "/st;st=NONE"),
        ("/st", "&&==&=&s", "/st;st=NONE"),
    ] {
        let bench = Bench::new(CONFIG);
        let got = request(&bench.world, &format!("POST {target}"), body, true);
        assert_eq!((got.status, got.field("location")), (303, Some(want)), "{target} {body}");
        let denied = request(&bench.world, &format!("POST {target}"), body, false);
        assert!(denied.field("location").is_some_and(|l| l.contains("st=DENY")), "{target} {body}");
    }
    let bench = Bench::new(CONFIG);
    request(&bench.world, "POST /st", "s=s2&s=s3&action=drain&b=be", true);
    let drained = |slot: usize| bench.world.servers[slot].admin() == Admin::Drain;
    assert!(drained(1) && drained(2) && !drained(0));
}

proptest::proptest! {
    #[test]
    fn nothing_panics(target in "/st[!-;=?-~]{0,40}", body in "[ -~]{0,60}") {
        let bench = Bench::new(CONFIG);
        try_request(&bench.world, &format!("GET {target}"), "", true);
        try_request(&bench.world, &format!("POST {target}"), &body, true);
    }
}
