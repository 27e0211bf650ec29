//! What the kernel says over netlink: links, addresses, routes, rules, process events. The kernel is trusted, but no message may
//! panic, and no walk may be longer than its bytes.
#![no_main]

use evenkeel_wire::netlink::rt::News;
use evenkeel_wire::netlink::{attributes, messages, process};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut count = 0;
    for heard in messages(data) {
        count += 1;
        let _ = (heard.error(), News::read(&heard), process::read(heard.body));
        assert!(attributes(heard.body).count() <= heard.body.len());
    }
    assert!(count <= data.len());
    let _ = (process::read(data), process::events(data).count());
});
