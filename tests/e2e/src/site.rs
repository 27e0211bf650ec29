//! Asking a site as a browser would: from a node of a lab or from here, one connection for each request.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_lab::netns::Node;

use crate::wire::{Message, Wire};

/// How long a node's answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of one site.
#[derive(Clone, Debug)]
pub struct Browser {
    node: Option<Node>,
    site: SocketAddr,
    fields: String,
}

impl Browser {
    /// Here.
    pub fn new(site: SocketAddr) -> Browser {
        Browser { node: None, site, fields: String::new() }
    }

    /// In a node.
    pub fn inside(node: &Node, site: SocketAddr) -> Browser {
        Browser { node: Some(node.clone()), site, fields: String::new() }
    }

    /// The same with a header field in every request.
    #[must_use]
    pub fn with(&self, field: &str) -> Browser {
        Browser { fields: format!("{}{field}\r\n", self.fields), ..self.clone() }
    }

    /// Connects; `None` if nobody listens.
    pub fn connect(&self) -> Option<Wire> {
        let connect = || Wire::try_connect(self.site).ok();
        let wire = match &self.node {
            Some(node) => node.within(connect).ok().flatten(),
            None => connect(),
        }?;
        wire.patience(PATIENCE);
        Some(wire)
    }

    /// GET.
    ///
    /// # Panics
    /// If there is no answer.
    #[track_caller]
    pub fn get(&self, target: &str) -> Message {
        self.ask("GET", target, "")
    }

    /// Any method; a body unless it is empty.
    ///
    /// # Panics
    /// If there is no answer.
    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, body: &str) -> Message {
        match self.try_ask(method, target, body) {
            Some(answer) => answer,
            None => panic!("{method} {target}: no answer from {}", self.site),
        }
    }

    /// The same, `None` without an answer.
    pub fn try_ask(&self, method: &str, target: &str, body: &str) -> Option<Message> {
        let mut wire = self.connect()?;
        let length = match body {
            "" => String::new(),
            _ => format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            ),
        };
        wire.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: site\r\n{}{length}Connection: close\r\n\r\n{body}",
            self.fields
        ));
        wire.reply().ok()
    }

    /// Who answered each of `n` requests, by `X-Served-By`.
    ///
    /// # Panics
    /// If one has no answer.
    #[track_caller]
    pub fn servers(&self, target: &str, n: usize) -> Vec<String> {
        (0..n).map(|_| self.get(target).field("x-served-by").to_owned()).collect()
    }
}

/// How often each of `names` stands in `list`, and that nothing else does.
///
/// # Panics
/// If something else does.
#[track_caller]
pub fn tally<const N: usize>(list: &[String], names: [&str; N]) -> [usize; N] {
    let odd = list.iter().find(|l| !names.contains(&l.as_str()));
    assert!(odd.is_none(), "{odd:?} among {list:?}");
    names.map(|n| list.iter().filter(|l| *l == n).count())
}

/// A field of a server's row in the statistics' CSV.
pub fn csv_field(csv: &str, proxy: &str, server: &str, field: &str) -> Option<String> {
    let mut lines = csv.lines();
    let column = lines.next()?.trim_start_matches("# ").split(',').position(|n| n == field)?;
    let row = lines.map(|l| l.split(',').collect::<Vec<_>>()).find(|r| r.starts_with(&[proxy, server]))?;
    row.get(column).map(|v| (*v).to_owned())
}

/// What a browser would post to put `server` into another state, from the form of a statistics page.
pub fn stats_form(page: &str, server: &str, action: &str) -> Option<String> {
    let form = page.split("<form").skip(1).find(|f| f.contains(&format!("value=\"{server}\"")))?;
    let form = form.split("</form>").next()?;
    let field = form.find("name=\"b\"").or_else(|| form.find("name=b"))?;
    let value = form.get(field..)?.split_once("value=\"")?.1.split('"').next()?;
    let value: String = value
        .bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b == b'_' || b == b'-' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    form.contains(&format!("value=\"{action}\"")).then(|| format!("s={server}&action={action}&b={value}"))
}
