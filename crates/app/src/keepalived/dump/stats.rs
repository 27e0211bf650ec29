//! `keepalived.stats`: the counters of each instance, byte for byte as the original lays them out.

use std::fmt::Write;

use super::Counters;

/// One instance's part.
pub(crate) fn instance(out: &mut String, name: &str, c: &Counters) {
    let rows: &[(&str, &[(&str, u64)])] = &[
        ("Advertisements", &[("Received", c.adverts_received), ("Sent", c.adverts_sent)]),
        ("", &[("Became master", c.became_master), ("Released master", c.released_master)]),
        (
            "Packet Errors",
            &[
                ("Length", c.length_errors),
                ("TTL", c.ttl_errors),
                ("Invalid Type", c.type_errors),
                ("Advertisement Interval", c.interval_errors),
                ("Address List", c.address_errors),
            ],
        ),
        (
            "Authentication Errors",
            &[
                ("Invalid Type", c.auth_invalid),
                ("Type Mismatch", c.auth_mismatch),
                ("Failure", c.auth_failures),
            ],
        ),
        ("Priority Zero", &[("Received", c.zero_received), ("Sent", c.zero_sent)]),
    ];
    // Writing to a String cannot fail, here and in all dumps.
    let _ = writeln!(out, "VRRP Instance: {name}");
    for (head, lines) in rows {
        if !head.is_empty() {
            let _ = writeln!(out, "  {head}:");
        }
        let indent = if head.is_empty() { "  " } else { "    " };
        for (label, value) in *lines {
            let _ = writeln!(out, "{indent}{label}: {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_originals() {
        let counters = Counters {
            adverts_received: 1,
            adverts_sent: 3,
            became_master: 4,
            released_master: 5,
            length_errors: 6,
            ttl_errors: 7,
            type_errors: 8,
            interval_errors: 9,
            address_errors: 10,
            auth_invalid: 11,
            auth_mismatch: 12,
            auth_failures: 13,
            zero_received: 14,
            zero_sent: 15,
        };
        let mut out = String::new();
        instance(&mut out, "VI_U", &counters);
        // Keepalived 2.2.7's own lines, with other numbers.
        let want = "\
VRRP Instance: VI_U
  Advertisements:
    Received: 1
    Sent: 3
  Became master: 4
  Released master: 5
  Packet Errors:
    Length: 6
    TTL: 7
    Invalid Type: 8
    Advertisement Interval: 9
    Address List: 10
  Authentication Errors:
    Invalid Type: 11
    Type Mismatch: 12
    Failure: 13
  Priority Zero:
    Received: 14
    Sent: 15
";
        assert_eq!(out, want);
    }
}
