//! For tests of all topics: a text in, the Plan and the diagnostics as rows out.

use std::net::IpAddr;

use evenkeel_base::Level;
use evenkeel_plan::Plan;

use super::Outside;
use crate::{Environment, Input, Inputs, load};

/// A machine with one host name and one file.
pub(crate) struct Machine;

impl Outside for Machine {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            _ if path.starts_with("/etc/") => Ok(b"HTTP/1.0 503 Sorry\r\n\r\nsorry\n".to_vec()),
            _ => Err("No such file or directory".to_owned()),
        }
    }

    fn resolve(&self, host: &str) -> Vec<IpAddr> {
        if host == "localhost" { vec![IpAddr::from([127, 0, 0, 1])] } else { Vec::new() }
    }
}

/// Loads a text; the diagnostics are one per line: `E 3:7 code: message`, with `= note` and `? help` lines if `full`.
pub(crate) fn load_text(text: &str) -> (Option<Plan>, String) {
    let inputs = Inputs {
        inputs: vec![Input::Text { name: "t.cfg".to_owned(), text: text.as_bytes().to_vec() }],
        ..Inputs::default()
    };
    let mut env = Environment::new();
    let loaded = load(&inputs, &mut env, &Machine);
    let mut said = String::new();
    for d in &loaded.diagnostics {
        let letter = match d.level {
            Level::Error => 'E',
            Level::Warning => 'W',
            Level::Notice => 'N',
            Level::Diag => 'D',
        };
        let place = d.span.map_or("-".to_owned(), |span| {
            let place = loaded.sources.place(span);
            format!("{}:{}", place.line, place.column)
        });
        said.push_str(&format!("{letter} {place} {}: {}\n", d.code, d.message));
    }
    (loaded.plan, said)
}

/// What is said of a text.
#[track_caller]
pub(crate) fn says(text: &str, want: expect_test::Expect) {
    want.assert_eq(&load_text(text).1);
}

/// The Plan of a text that has no errors.
#[track_caller]
pub(crate) fn plan_of(text: &str) -> Plan {
    let (plan, said) = load_text(text);
    plan.unwrap_or_else(|| panic!("{said}"))
}
