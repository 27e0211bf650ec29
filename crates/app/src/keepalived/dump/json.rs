//! `keepalived.json`: instances with their counters, keys and their order as the original's. Version 1 is a bare array,
//! version 2 an object that has the tracked processes, too.

use std::fmt::Write;
use std::time::Duration;

use evenkeel_plan::keeper::{InstancePlan, KeeperPlan, TrackPlan};
use evenkeel_vrrp::InstanceConf;
use evenkeel_vrrp::conf::{Auth, TrackKind, Version};

use super::data::{match_word, password_text};
use super::things::{self, interface};
use super::{Live, TrackLive};

/// A JSON object that is being written. As in the original, slashes are escaped and nothing is spaced.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Object<'a> {
    /// Begins one.
    pub(crate) fn open(out: &'a mut String) -> Object<'a> {
        out.push('{');
        Object { out, first: true }
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        text(self.out, key);
        self.out.push(':');
    }

    /// A string.
    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        text(self.out, value);
        self
    }

    /// A number, a boolean, `null`: written as it is.
    pub(crate) fn bare(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.key(key);
        let _ = write!(self.out, "{value}");
        self
    }

    /// A list of strings, left out where it is empty.
    pub(crate) fn list(&mut self, key: &str, values: &[String]) -> &mut Self {
        if values.is_empty() {
            return self;
        }
        self.all(key, values)
    }

    /// A list of strings, maybe empty.
    pub(crate) fn all(&mut self, key: &str, values: &[String]) -> &mut Self {
        self.key(key);
        self.out.push('[');
        for (n, value) in values.iter().enumerate() {
            if n > 0 {
                self.out.push(',');
            }
            text(self.out, value);
        }
        self.out.push(']');
        self
    }

    /// An object inside.
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        self.key(key);
        let mut inner = Object::open(self.out);
        fill(&mut inner);
        inner.close();
        self
    }

    /// A list of objects inside.
    pub(crate) fn objects<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        fill: impl Fn(&mut Object<'_>, T),
    ) -> &mut Self {
        self.key(key);
        self.out.push('[');
        for (n, item) in items.into_iter().enumerate() {
            if n > 0 {
                self.out.push(',');
            }
            let mut inner = Object::open(self.out);
            fill(&mut inner, item);
            inner.close();
        }
        self.out.push(']');
        self
    }

    /// Ends it.
    pub(crate) fn close(self) {
        self.out.push('}');
    }
}

fn text(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// One instance: `{"data":{…},"stats":{…}}`.
pub(crate) fn instance(
    out: &mut String,
    plan: &KeeperPlan,
    conf: &InstanceConf,
    hands: &InstancePlan,
    live: &Live,
) {
    let mut object = Object::open(out);
    object.object("data", |o| data(o, plan, conf, hands, live));
    object.object("stats", |o| {
        let c = &live.counters;
        o.bare("advert_rcvd", c.adverts_received)
            .bare("advert_sent", c.adverts_sent)
            .bare("become_master", c.became_master)
            .bare("release_master", c.released_master)
            .bare("packet_len_err", c.length_errors)
            .bare("advert_interval_err", c.interval_errors)
            .bare("ip_ttl_err", c.ttl_errors)
            .bare("invalid_type_rcvd", c.type_errors)
            .bare("addr_list_err", c.address_errors)
            .bare("invalid_authtype", c.auth_invalid)
            .bare("authtype_mismatch", c.auth_mismatch)
            .bare("auth_failure", c.auth_failures)
            .bare("pri_zero_rcvd", c.zero_received)
            .bare("pri_zero_sent", c.zero_sent);
    });
    object.close();
}

fn data(o: &mut Object<'_>, plan: &KeeperPlan, conf: &InstanceConf, hands: &InstancePlan, live: &Live) {
    let below = interface(plan, conf.interface);
    let vmac = hands.vmac.as_ref().map(|vmac| vmac.name.as_str());
    let a = &conf.announce;
    o.text("iname", &conf.name)
        .bare("dont_track_primary", u8::from(conf.dont_track_primary))
        .bare("skip_check_adv_addr", u8::from(conf.skip_check_addresses))
        .bare("strict_mode", u8::from(conf.strict))
        .text("vmac_ifname", vmac.unwrap_or_default())
        .text("ifp_ifname", vmac.unwrap_or(below))
        .bare("master_priority", live.master.map_or(0, |(_, priority)| priority))
        .bare(
            "last_transition",
            live.since
                .map_or_else(|| "0.0".to_string(), |at| format!("{}.{:06}", at.secs(), at.subsec_micros())),
        )
        .bare("garp_delay", a.master_delay.as_secs())
        .bare("garp_refresh", a.master_refresh.as_secs())
        .bare("garp_rep", a.master_repeat)
        .bare("garp_refresh_rep", a.master_refresh_repeat)
        .bare("garp_lower_prio_delay", a.lower_prio_delay.as_secs())
        .bare("garp_lower_prio_rep", a.lower_prio_repeat)
        .bare("lower_prio_no_advert", u8::from(conf.lower_prio_no_advert))
        .bare("higher_prio_send_advert", u8::from(conf.higher_prio_send_advert))
        .bare("vrid", conf.vrid.get())
        .bare("base_priority", conf.priority.get())
        .bare("effective_priority", live.priority)
        .bare("vipset", live.addresses_set)
        .bare("promote_secondaries", hands.promote_secondaries)
        .bare("adver_int", seconds(conf.advert_interval))
        .bare("master_adver_int", seconds(live.master_interval))
        .bare("accept", u8::from(conf.accept))
        .bare("nopreempt", !conf.preempt)
        .bare("preempt_delay", conf.preempt_delay.as_secs())
        .bare("state", live.state.number())
        .bare("wantstate", live.state.number())
        .bare(
            "version",
            match conf.version {
                Version::V2 => 2,
                Version::V3 => 3,
            },
        )
        .bare("smtp_alert", hands.notify.mail)
        .bare("notify_deleted", hands.notify.deleted.0);
    let n = &hands.notify;
    for (key, script) in [
        ("script_backup", &n.backup),
        ("script_master", &n.master),
        ("script_fault", &n.fault),
        ("script_stop", &n.stop),
        ("script_deleted", &n.deleted.1),
        ("script_master_rx_lower_pri", &n.master_rx_lower),
        ("script", &n.any),
    ] {
        if let Some(script) = script {
            o.text(key, &things::words(script));
        }
    }
    let address = |a| things::address(plan, a, vmac, live.addresses_set);
    o.list("vips", &hands.addresses.iter().map(address).collect::<Vec<_>>());
    o.list("evips", &hands.excluded.iter().map(address).collect::<Vec<_>>());
    o.list("vroutes", &hands.routes.iter().map(|r| things::route(plan, r)).collect::<Vec<_>>());
    o.list("vrules", &hands.rules.iter().map(things::rule).collect::<Vec<_>>());
    let (mut interfaces, mut scripts) = (Vec::new(), Vec::new());
    for used in &conf.tracks {
        let n = used.track.0 as usize;
        let (Some(track), how) = (plan.node.tracks.get(n), plan.tracks.get(n)) else { continue };
        match (&track.kind, how) {
            (TrackKind::Interface(_), _) => interfaces.push(track.name.clone()),
            (TrackKind::Script { .. }, Some(TrackPlan::Script(Some(script)))) => {
                scripts.push(things::words(script))
            }
            // The original lists these two kinds only.
            (TrackKind::Script { .. } | TrackKind::File | TrackKind::Process { .. } | TrackKind::Bfd, _) => {}
        }
    }
    o.list("track_ifp", &interfaces).list("track_script", &scripts);
    let (kind, password) = match &conf.auth {
        Auth::None => (0, None),
        Auth::Pass(password) => (1, Some(password)),
        Auth::Ah(password) => (2, Some(password)),
        // The original has no number for it here; its keys are told to nobody.
        Auth::Hmac(_) => (3, None),
    };
    o.bare("auth_type", kind);
    if let Some(password) = password {
        o.text("auth_data", &password_text(password));
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Puts the instances' texts together, in one of the two versions.
pub(crate) fn whole(instances: &[String], plan_processes: &str, version: u8) -> String {
    let list = format!("[{}]", instances.join(","));
    if version < 2 {
        return list;
    }
    format!("{{\"vrrp\":{list},\"track_process\":[{plan_processes}]}}")
}

/// The tracked processes of version 2; `live[n]` belongs to track n.
pub(crate) fn processes(plan: &KeeperPlan, live: &[TrackLive]) -> String {
    let mut parts = Vec::new();
    for (n, (conf, how)) in plan.node.tracks.iter().zip(&plan.tracks).enumerate() {
        let (
            TrackKind::Process { fork_delay, terminate_delay },
            TrackPlan::Process { command, params, param_match, full_command, quorum, quorum_max },
        ) = (&conf.kind, how)
        else {
            continue;
        };
        let mut out = String::new();
        let mut o = Object::open(&mut out);
        o.text("process", command);
        match params {
            Some(params) => {
                o.text("parameters", &params.join(" ")).text("param_match", match_word(*param_match))
            }
            None => o.text("param_match", "none"),
        };
        o.bare("min_processes", quorum);
        if let Some(most) = quorum_max {
            o.bare("max_processes", most);
        }
        o.bare("have_quorum", live.get(n).and_then(|live| live.up) == Some(true))
            .bare("terminate_delay", seconds(*terminate_delay))
            .bare("fork_delay", seconds(*fork_delay))
            .bare("full_command", full_command);
        o.close();
        parts.push(out);
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_the_original_does() {
        let mut out = String::new();
        Object::open(&mut out).text("a", "10.0.0.1/8 \"x\"\\\n\u{1}").list("none", &[]).close_test();
        assert_eq!(out, r#"{"a":"10.0.0.1\/8 \"x\"\\\n\u0001"}"#);
        assert_eq!(whole(&["{}".into(), "{}".into()], "", 1), "[{},{}]");
        assert_eq!(whole(&[], "{}", 2), r#"{"vrrp":[],"track_process":[{}]}"#);
    }

    impl Object<'_> {
        fn close_test(&mut self) {
            self.out.push('}');
        }
    }
}
