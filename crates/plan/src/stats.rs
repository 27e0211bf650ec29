//! The statistics page of a proxy (configuration manual, `stats …`).

use std::time::Duration;

use bstr::BString;

use evenkeel_expr::Cond;

/// What `stats` lines say.
#[derive(Debug)]
pub struct StatsPage {
    /// `stats uri`, `/haproxy?stats` by default: a prefix of the request's URI.
    pub uri: BString,
    /// `stats realm`.
    pub realm: String,
    /// `stats auth user:password`, each; empty: no authentication.
    pub auth: Vec<(BString, BString)>,
    /// `stats refresh`.
    pub refresh: Option<Duration>,
    /// `stats hide-version` clears it.
    pub show_version: bool,
    /// `stats show-node [name]`.
    pub show_node: Option<Option<String>>,
    /// `stats show-desc [text]`.
    pub show_desc: Option<Option<String>>,
    /// `stats show-legends`.
    pub show_legends: bool,
    /// `stats show-modules`.
    pub show_modules: bool,
    /// `stats scope`: names of proxies shown; `.` is the proxy asked. Empty: all.
    pub scope: Vec<String>,
    /// `stats admin if …`: true for any → the form is there.
    pub admin: Vec<Option<Cond>>,
    /// `stats http-request allow|deny|auth`, in order.
    pub rules: Vec<evenkeel_rules::Rule>,
    /// `stats maxconn` has no effect; kept for completeness of `show`.
    pub enabled: bool,
}
