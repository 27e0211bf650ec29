//! What stands on the bus: paths, interfaces, properties and their introspection, as the original has them. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::codec::{Message, Writer};
use crate::keepalived::dump::State;

/// The root of all our objects.
pub(super) const ROOT: &str = "/org/keepalived/Vrrp1";
/// The object of the whole process.
pub(super) const VRRP: &str = "/org/keepalived/Vrrp1/Vrrp";
/// Its interface.
pub(super) const VRRP_FACE: &str = "org.keepalived.Vrrp1.Vrrp";
/// The interface of instances.
pub(super) const INSTANCE_FACE: &str = "org.keepalived.Vrrp1.Instance";

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
const PEER: &str = "org.freedesktop.DBus.Peer";

const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
const UNKNOWN_OBJECT: &str = "org.freedesktop.DBus.Error.UnknownObject";
const UNKNOWN_PROPERTY: &str = "org.freedesktop.DBus.Error.UnknownProperty";
const READ_ONLY: &str = "org.freedesktop.DBus.Error.PropertyReadOnly";
const INVALID: &str = "org.freedesktop.DBus.Error.InvalidArgs";

/// An instance, as the bus shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its name.
    pub(super) name: String,
    /// Its interface.
    pub(super) interface: String,
    /// Its virtual router id.
    pub(super) vrid: u8,
    /// True for IPv6.
    pub(super) v6: bool,
    /// Its state.
    pub(super) state: State,
}

impl Shown {
    /// Its path: `/org/keepalived/Vrrp1/Instance/eth0/51/IPv4`. What a path may not have becomes `_`.
    pub(super) fn path(&self) -> String {
        let good = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let interface: String = self.interface.chars().map(good).collect();
        format!("{ROOT}/Instance/{interface}/{}/{}", self.vrid, if self.v6 { "IPv6" } else { "IPv4" })
    }
}

/// What is to be done for a call that changes something or costs something: for root only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// `keepalived.data`.
    PrintData,
    /// `keepalived.stats`.
    PrintStats,
    /// The same, and begin counting anew.
    PrintStatsClear,
    /// SIGHUP.
    Reload,
    /// Announce an instance's addresses.
    SendGarp(String),
}

/// What comes of a call.
#[derive(Debug)]
pub(super) enum Answer {
    /// This message.
    Now(Message),
    /// An empty answer once it is done.
    After(Deed),
}

/// Answers a call.
pub(super) fn answer(call: &Message, instances: &[Shown], machine_id: &str) -> Answer {
    let path = call.path.as_deref().unwrap_or_default();
    let member = call.member.as_deref().unwrap_or_default();
    let face = call.interface.as_deref();
    let is = |name: &str| face.is_none_or(|face| face == name);
    let instance = instances.iter().find(|i| i.path() == path);
    let error = |name: &str, text: String| Answer::Now(Message::error_to(call, name, &text));
    if member == "Introspect" && is(INTROSPECTABLE) {
        let mut body = Writer::default();
        body.string(&introspect(path, instances));
        return Answer::Now(Message::reply_to(call).with("s", body));
    }
    if is(PEER) && member == "Ping" {
        return Answer::Now(Message::reply_to(call));
    }
    if is(PEER) && member == "GetMachineId" {
        let mut body = Writer::default();
        body.string(machine_id);
        return Answer::Now(Message::reply_to(call).with("s", body));
    }
    if path != VRRP && instance.is_none() {
        return error(UNKNOWN_OBJECT, format!("there is no object {path}"));
    }
    if is(PROPERTIES) && matches!(member, "Get" | "GetAll" | "Set") {
        return properties(call, member, instance);
    }
    match (instance, member) {
        (Some(instance), "SendGarp") if is(INSTANCE_FACE) => {
            Answer::After(Deed::SendGarp(instance.name.clone()))
        }
        (None, "PrintData") if is(VRRP_FACE) => Answer::After(Deed::PrintData),
        (None, "PrintStats") if is(VRRP_FACE) => Answer::After(Deed::PrintStats),
        (None, "PrintStatsClear") if is(VRRP_FACE) => Answer::After(Deed::PrintStatsClear),
        (None, "ReloadConfig") if is(VRRP_FACE) => Answer::After(Deed::Reload),
        _ => error(UNKNOWN_METHOD, format!("{path} has no method {member}")),
    }
}

fn properties(call: &Message, member: &str, instance: Option<&Shown>) -> Answer {
    let error = |name: &str, text: &str| Answer::Now(Message::error_to(call, name, text));
    if member == "Set" {
        return error(READ_ONLY, "all properties can only be read");
    }
    let Some(words) = call.strings() else { return error(INVALID, "strings are asked for") };
    match (member, words.as_slice()) {
        ("GetAll", [face]) => {
            let mut body = Writer::default();
            body.array(8, |body| {
                if let Some(instance) = instance.filter(|_| face == INSTANCE_FACE) {
                    for name in ["Name", "State"] {
                        body.align(8);
                        body.string(name);
                        property(body, instance, name);
                    }
                }
            });
            Answer::Now(Message::reply_to(call).with("a{sv}", body))
        }
        ("Get", [face, name]) => {
            let known = instance.filter(|_| face == INSTANCE_FACE && (name == "Name" || name == "State"));
            let Some(instance) = known else { return error(UNKNOWN_PROPERTY, "there is no such property") };
            let mut body = Writer::default();
            property(&mut body, instance, name);
            Answer::Now(Message::reply_to(call).with("v", body))
        }
        _ => error(INVALID, "another number of arguments is asked for"),
    }
}

/// A property as a variant. The original's introspection says `s` for the name; what it sends is a structure.
fn property(body: &mut Writer, instance: &Shown, name: &str) {
    if name == "Name" {
        body.signature("(s)");
        body.align(8);
        body.string(&instance.name);
        return;
    }
    let word = match instance.state {
        State::Init => "Init",
        State::Backup => "Backup",
        State::Master => "Master",
        State::Fault => "Fault",
    };
    body.signature("(us)");
    body.align(8);
    body.u32(u32::from(instance.state.number()));
    body.string(word);
}

const STANDARD: &str = "\
  <interface name=\"org.freedesktop.DBus.Properties\">
    <method name=\"Get\">
      <arg type=\"s\" name=\"interface_name\" direction=\"in\"/>
      <arg type=\"s\" name=\"property_name\" direction=\"in\"/>
      <arg type=\"v\" name=\"value\" direction=\"out\"/>
    </method>
    <method name=\"GetAll\">
      <arg type=\"s\" name=\"interface_name\" direction=\"in\"/>
      <arg type=\"a{sv}\" name=\"properties\" direction=\"out\"/>
    </method>
  </interface>
  <interface name=\"org.freedesktop.DBus.Introspectable\">
    <method name=\"Introspect\">
      <arg type=\"s\" name=\"xml_data\" direction=\"out\"/>
    </method>
  </interface>
  <interface name=\"org.freedesktop.DBus.Peer\">
    <method name=\"Ping\"/>
    <method name=\"GetMachineId\">
      <arg type=\"s\" name=\"machine_uuid\" direction=\"out\"/>
    </method>
  </interface>
";

const VRRP_XML: &str = "\
  <interface name=\"org.keepalived.Vrrp1.Vrrp\">
    <method name=\"PrintData\"/>
    <method name=\"PrintStats\"/>
    <method name=\"PrintStatsClear\"/>
    <method name=\"ReloadConfig\"/>
    <signal name=\"VrrpStarted\"/>
    <signal name=\"VrrpReloaded\"/>
    <signal name=\"VrrpStopped\"/>
  </interface>
";

const INSTANCE_XML: &str = "\
  <interface name=\"org.keepalived.Vrrp1.Instance\">
    <method name=\"SendGarp\"/>
    <signal name=\"VrrpStatusChange\">
      <arg type=\"u\" name=\"status\"/>
    </signal>
    <property type=\"s\" name=\"Name\" access=\"read\"/>
    <property type=\"(us)\" name=\"State\" access=\"read\"/>
  </interface>
";

/// A node's interfaces and children.
fn introspect(path: &str, instances: &[Shown]) -> String {
    let mut out = String::from(
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n\
         \x20\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n",
    );
    let is_instance = instances.iter().any(|i| i.path() == path);
    if path == VRRP || is_instance {
        out.push_str(STANDARD);
        out.push_str(if is_instance { INSTANCE_XML } else { VRRP_XML });
    }
    let base = if path == "/" { "/".to_string() } else { format!("{path}/") };
    let all = instances.iter().map(Shown::path).chain([VRRP.to_string(), format!("{ROOT}/Instance")]);
    let children: BTreeSet<String> = all
        .filter_map(|object| Some(object.strip_prefix(&base)?.split('/').next()?.to_string()))
        .filter(|child| !child.is_empty())
        .collect();
    for child in children {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  <node name=\"{child}\"/>");
    }
    out.push_str("</node>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::super::codec::Kind;
    use super::*;

    fn shown() -> Vec<Shown> {
        let one = Shown {
            name: "VB".into(),
            interface: "br-lan.7".into(),
            vrid: 51,
            v6: false,
            state: State::Master,
        };
        vec![one.clone(), Shown { name: "V6".into(), v6: true, state: State::Fault, ..one }]
    }

    fn call(path: &str, face: &str, member: &str, words: &[&str]) -> Message {
        let mut body = Writer::default();
        words.iter().for_each(|word| body.string(word));
        Message {
            serial: 3,
            path: Some(path.into()),
            interface: (!face.is_empty()).then(|| face.to_string()),
            member: Some(member.into()),
            ..Message::new(Kind::Call)
        }
        .with(&"s".repeat(words.len()), body)
    }

    const ONE: &str = "/org/keepalived/Vrrp1/Instance/br_lan_7/51/IPv4";

    #[test]
    fn calls_and_their_answers() {
        let now = |path, face, member, words: &[&str]| match answer(
            &call(path, face, member, words),
            &shown(),
            "id",
        ) {
            Answer::Now(message) => (message.error.unwrap_or_default(), message.signature),
            Answer::After(deed) => (format!("{deed:?}"), String::new()),
        };
        let ok = |signature: &str| (String::new(), signature.to_string());
        let deed = |text: &str| (text.to_string(), String::new());
        let error = |name: &str| (name.to_string(), "s".to_string());
        assert_eq!(now(ONE, PROPERTIES, "Get", &[INSTANCE_FACE, "State"]), ok("v"));
        assert_eq!(now(ONE, PROPERTIES, "GetAll", &[INSTANCE_FACE]), ok("a{sv}"));
        assert_eq!(now(ONE, PROPERTIES, "Get", &[INSTANCE_FACE, "Frob"]), error(UNKNOWN_PROPERTY));
        assert_eq!(now(ONE, PROPERTIES, "Get", &[]), error(INVALID));
        assert_eq!(now(ONE, PROPERTIES, "Set", &["a", "b"]), error(READ_ONLY));
        assert_eq!(now(ONE, INSTANCE_FACE, "SendGarp", &[]), deed("SendGarp(\"VB\")"));
        assert_eq!(now(ONE, "", "SendGarp", &[]), deed("SendGarp(\"VB\")"));
        assert_eq!(now(VRRP, VRRP_FACE, "PrintStatsClear", &[]), deed("PrintStatsClear"));
        assert_eq!(now(VRRP, INSTANCE_FACE, "SendGarp", &[]), error(UNKNOWN_METHOD));
        assert_eq!(now("/nowhere", VRRP_FACE, "PrintData", &[]), error(UNKNOWN_OBJECT));
        assert_eq!(now("/", PEER, "Ping", &[]), ok(""));
        assert_eq!(now("/", PEER, "GetMachineId", &[]), ok("s"));
    }

    #[test]
    fn every_node_names_its_children() {
        for (path, child) in [
            ("/", "org"),
            ("/org/keepalived", "Vrrp1"),
            (ROOT, "Instance"),
            ("/org/keepalived/Vrrp1/Instance", "br_lan_7"),
            ("/org/keepalived/Vrrp1/Instance/br_lan_7/51", "IPv6"),
        ] {
            let xml = introspect(path, &shown());
            assert!(xml.contains(&format!("<node name=\"{child}\"/>")), "{path}\n{xml}");
        }
        assert!(introspect(ONE, &shown()).contains("VrrpStatusChange"));
        assert!(introspect(VRRP, &shown()).contains("ReloadConfig"));
    }
}
