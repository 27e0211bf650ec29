//! Whole texts through the reader.

use super::Exit;
use super::testing::{loaded, said};

#[test]
fn seeds_stray_end_is_one_finding() {
    let text = "global_defs {\n router_id x\n}\nvrrp_instance http {\n state MASTER\n}\nnotify_master \"/bin/true master\"\nnotify_fault x\n}\n";
    let loaded = loaded(text);
    assert_eq!(loaded.exit, Exit::Tolerated);
    println!("{}", said(&loaded));
}
