//! Keywords: `vrrp_instance`: who it is, how it speaks, what it tracks. Scripts and mail are in `notify`.

use std::net::IpAddr;

use evenkeel_base::Words;
use evenkeel_vrrp::conf::{UnicastPeer, Version};

use super::address::{self, Place};
use super::context::Ctx;
use super::draft::{Draft, Named, VmacDraft};
use super::finding::Finding;
use super::global::on;
use super::group::plain_list;
use super::keyword::{Block, EndFn, Keyword, LineFn, Outcome, VRRP, no_end};
use super::track::{self, INTERFACE_NAME_MAX, Kind};
use super::{route, rule};

const I: Block = Block::Instance;

pub(crate) const fn line(
    name: &'static str,
    args: &'static str,
    apply: LineFn,
    doc: &'static str,
) -> Keyword {
    Keyword::line(name, I, VRRP, args, apply, doc)
}

const fn list(name: &'static str, args: &'static str, item: LineFn, doc: &'static str) -> Keyword {
    Keyword::list(name, I, VRRP, args, (plain_list, item, no_end as EndFn), doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block("vrrp_instance", Block::Top, VRRP, "NAME", (I, open, close), "A virtual router.")
        .example("vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 10.0.0.5\n }\n}"),
    line("state", "MASTER|BACKUP", state, "What it tries first.").example("state BACKUP"),
    line("interface", "NAME", interface, "Where it speaks and listens.").example("interface eth0"),
    line("vrf", "NAME", vrf, "The VRF where no interface is named.").example("vrf blue").unbuilt("not built yet: instances without an interface"),
    line("virtual_router_id", "1…255", vrid, "Its number on the link.").example("virtual_router_id 51"),
    line("priority", "1…255", priority, "Who speaks first; 255 owns the addresses.").example("priority 150"),
    line("advert_int", "SECONDS", advert, "Between adverts; 1.").example("advert_int 1"),
    line("version", "2|3", version, "The protocol's version.").example("version 3"),
    line("native_ipv6", "", native_v6, "Adverts by IPv6."),
    list("virtual_ipaddress", "{ ADDRESS[/LENGTH] [dev NAME] … }", virtual_address, "The addresses.")
        .example("virtual_ipaddress {\n 10.0.0.5/24 dev eth0 label eth0:1\n}"),
    line(
        "no_virtual_ipaddress",
        "",
        |d, _, _| on(&mut d.instance.no_addresses),
        "That it has no addresses is meant.",
    ),
    list("virtual_ipaddress_excluded", "{ ADDRESS[/LENGTH] [dev NAME] … }", excluded, "Addresses that adverts don't carry.")
        .example("virtual_ipaddress_excluded {\n 10.0.0.6\n}"),
    list("virtual_routes", "{ ROUTE … }", |d, ctx, w| {
        let interface = d.instance.interface;
        if let Some((route, _)) = route::line(d, ctx, w, Place::Instance(interface))? {
            d.instance.routes.push(route);
        }
        Ok(())
    }, "Routes that go with the addresses.").example("virtual_routes {\n 10.1.0.0/24 via 10.0.0.9 dev eth0\n}"),
    list("virtual_rules", "{ RULE … }", |d, ctx, w| {
        let interface = d.instance.interface;
        if let Some((rule, _)) = rule::line(d, ctx, w, Place::Instance(interface))? {
            d.instance.rules.push(rule);
        }
        Ok(())
    }, "Rules that go with the addresses.").example("virtual_rules {\n from 10.2.0.0/24 table 5 preference 100\n}"),
    line("promote_secondaries", "", |d, _, _| on(&mut d.instance.promote_secondaries), "Addresses outlive the first one of their network."),
    line("mcast_src_ip", "ADDRESS", source, "The adverts' sender.").example("mcast_src_ip 10.0.0.1"),
    line("unicast_src_ip", "ADDRESS", |d, ctx, w| {
        d.instance.unicast = Some(ctx.at);
        source(d, ctx, w)
    }, "The adverts' sender.").example("unicast_src_ip 10.0.0.1"),
    line("track_src_ip", "", |d, _, _| on(&mut d.instance.track_source), "A fault while that address is not there."),
    line("mcast_dst_ip", "ADDRESS", group, "The group that adverts go to.").example("mcast_dst_ip 224.0.0.20"),
    Keyword::list(
        "unicast_peer",
        I,
        VRRP,
        "{ ADDRESS [min_ttl N] [max_ttl N] … }",
        (peers, peer, no_end),
        "Adverts go to these.",
    )
    .example("unicast_peer {\n 10.0.0.2\n}"),
    line("unicast_fault_no_peer", "", |d, _, _| on(&mut d.instance.fault_no_peer), "A fault without peers, instead of multicast."),
    line("unicast_ttl", "0…255", ttl, "Of unicast adverts.").example("unicast_ttl 64"),
    line("check_unicast_src", "", |d, ctx, _| {
        d.instance.unicast.get_or_insert(ctx.at);
        on(&mut d.instance.check_unicast_source)
    }, "Adverts must come from a peer."),
    line("old_unicast_checksum", "[never]", old_checksum, "Checksums as up to 1.3.6.").example("old_unicast_checksum never"),
    line("v3_checksum_as_v2", "", |d, _, _| on(&mut d.instance.checksum_as_v2), "Checksums without pseudo header."),
    line("dont_track_primary", "", |d, _, _| on(&mut d.instance.dont_track_primary), "The interface's carrier does not matter."),
    list("track_interface", "{ NAME [weight N [reverse]] … }", |d, ctx, w| track::track_instance(d, ctx, w, Kind::Interface), "Other interfaces that count.").example("track_interface {\n eth1 weight -10\n}"),
    list("track_script", "{ NAME [weight N [reverse]] … }", |d, ctx, w| track::track_instance(d, ctx, w, Kind::Script), "Scripts that count.").example("track_script {\n chk weight -20\n}"),
    list("track_file", "{ NAME [weight N [reverse]] … }", |d, ctx, w| track::track_instance(d, ctx, w, Kind::File), "Files that count.").example("track_file {\n f\n}"),
    list("track_process", "{ NAME [weight N [reverse]] … }", |d, ctx, w| track::track_instance(d, ctx, w, Kind::Process), "Processes that count.").example("track_process {\n p\n}"),
    list("track_bfd", "{ NAME [weight N [reverse]] … }", |d, ctx, w| track::track_instance(d, ctx, w, Kind::Bfd), "Neighbours that count.").example("track_bfd {\n b\n}"),
    line("use_vmac", "[NAME] [MAC]", use_vmac, "A macvlan with the virtual router's MAC.").example("use_vmac vrrp.51"),
    line("use_ipvlan", "[NAME] [ADDRESS] [bridge|private|vepa]", use_ipvlan, "An ipvlan for the addresses.").example("use_ipvlan ipv.51 10.0.0.8/24"),
    line("use_vmac_addr", "", |d, _, _| on(&mut d.instance.vmac_addresses), "Macvlans for addresses on other interfaces too."),
    line("vmac_xmit_base", "", |d, ctx, _| {
        d.instance.xmit_base = Some(ctx.at);
        Ok(())
    }, "Adverts leave by the interface below."),
    line("linkbeat_use_polling", "", |d, ctx, _| {
        d.instance.linkbeat = true;
        let message = format!("({}) 'linkbeat_use_polling' in vrrp instance deprecated - use linkbeat_interfaces block", d.instance.of.name);
        Err(Finding::adjusted("obsolete-keyword", message, ctx.at))
    }, "The interface is polled for its carrier."),
    line("kernel_rx_buf_size", "BYTES", |d, ctx, w| {
        let name = d.instance.of.name.clone();
        let fault = |span| Finding::tolerated("bad-number", format!("({name}) invalid kernel_rx_buf_size specified"), span);
        let word = w.next().ok_or_else(|| fault(ctx.at))?;
        d.instance.rx_buffer = Some(word.str().parse().map_err(|_| fault(word.span))?);
        Ok(())
    }, "Receive buffer for adverts.").example("kernel_rx_buf_size 65536"),
    line("debug", "0…4", |_, ctx, w| {
        let word = ctx.need(w)?;
        ctx.whole(word, 0, 4).map(|_| ())
    }, "How much is told.").example("debug 1").accepted("the level of the log is the process's"),
    line("lvs_sync_daemon_interface", "NAME", |d, ctx, w| {
        let name = d.instance.of.name.clone();
        ctx.need(w)?;
        let message = format!("({name}) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.");
        Err(Finding::adjusted("obsolete-keyword", message, ctx.at).note("today: global lvs_sync_daemon"))
    }, "Connections of the director go to the other node."),
];

/// Notes where a keyword stands.
pub(crate) fn note(d: &mut Draft, ctx: &Ctx<'_>) {
    d.instance.places.note(ctx.keyword, ctx.line);
}

fn open(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.instance = Default::default();
    if words.rest().len() != 1 {
        let count = words.take_rest().len();
        let finding = Finding::tolerated("missing-name", "vrrp_instance must have a name", ctx.line);
        return Err(if count > 1 { finding.note("a name with blanks needs quotes") } else { finding });
    }
    d.instance.of = track::name(ctx, words)?;
    if let Some(known) = d.instances.iter().find(|known| known.of.name == d.instance.of.name) {
        let message = format!("vrrp instance {} already defined", known.of.name);
        return Err(Finding::tolerated("twice", message, d.instance.of.span)
            .label(known.of.span, "here")
            .note("this block is not read"));
    }
    Ok(())
}

fn close(d: &mut Draft, _: &mut Ctx<'_>) {
    let instance = std::mem::take(&mut d.instance);
    if let Some(name) = instance.vmac.as_ref().and_then(|vmac| vmac.name.as_ref()) {
        d.vmacs.push((name.name.clone(), instance.of.name.clone()));
    }
    d.instances.push(instance);
}

fn state(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    d.instance.master = Some(word.is("MASTER"));
    if !word.is("MASTER") && !word.is("BACKUP") {
        let message = format!("({}) unknown state '{word}', defaulting to BACKUP", d.instance.of.name);
        let finding = Finding::adjusted("bad-value", message, word.span);
        let upper = word.str().to_ascii_uppercase();
        return Err(match upper.as_str() {
            "MASTER" | "BACKUP" => finding.note(format!("in capitals: {upper}")),
            "SLAVE" | "STANDBY" | "PEER" => finding.note("BACKUP is the word"),
            _ => finding.note("MASTER or BACKUP"),
        });
    }
    Ok(())
}

fn interface(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    let (name, who) = (word.str(), d.instance.of.name.clone());
    if name.len() > INTERFACE_NAME_MAX {
        let message = format!("Interface name '{name}' too long - ignoring");
        return Err(Finding::tolerated("name-too-long", message, word.span).note("15 letters at most"));
    }
    if name == "lo" {
        let message = format!("({who}) cannot use a loopback interface ({name}) for vrrp - ignoring");
        return Err(Finding::tolerated("loopback", message, word.span));
    }
    let message = format!("WARNING - interface {name} for vrrp_instance {who} doesn't exist");
    d.instance.interface = Some(track::interface(d, ctx, word, message));
    Ok(())
}

fn vrf(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    if d.instance.interface.is_some() {
        let message =
            format!("({}) Cannot specify VRF interface and interface - ignoring", d.instance.of.name);
        return Err(Finding::tolerated("twice", message, word.span));
    }
    d.instance.vrf = Some(Named { name: word.str().into_owned(), span: word.span });
    Ok(())
}

fn vrid(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    let Ok(number) = ctx.whole(word, 1, 255) else {
        let message = format!("({}): VRID '{word}' not valid - must be between 1 & 255", d.instance.of.name);
        return Err(Finding::tolerated("bad-vrid", message, word.span));
    };
    d.instance.vrid = u8::try_from(number).ok();
    Ok(())
}

fn priority(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    match ctx.whole(word, 1, 255) {
        Ok(number) => d.instance.priority = u8::try_from(number).ok(),
        Err(_) => {
            d.instance.priority = Some(100);
            let message = format!(
                "({}) Priority not valid! must be between 1 & 255. Using default 100",
                d.instance.of.name
            );
            return Err(Finding::adjusted("bad-priority", message, word.span));
        }
    }
    Ok(())
}

fn advert(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    match ctx.seconds(word, 10_000, 255_000_000) {
        Ok(interval) => {
            d.instance.advert = Some((interval, word.span));
            Ok(())
        }
        Err(_) => {
            let message = format!(
                "({}) Advert interval ({word}) not valid! Must be > 0 - ignoring",
                d.instance.of.name
            );
            Err(Finding::tolerated("bad-interval", message, word.span).note("seconds from 0.01 to 255"))
        }
    }
}

fn version(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    let who = d.instance.of.name.clone();
    let Ok(number) = ctx.whole(word, 2, 3) else {
        return Err(Finding::tolerated(
            "bad-version",
            format!("({who}): Version must be either 2 or 3"),
            word.span,
        ));
    };
    let version = if number == 3 { Version::V3 } else { Version::V2 };
    if version == Version::V2 && d.instance.v6 == Some(true) {
        let message = format!("({who}) vrrp_version 2 conflicts with IPv6; ignoring.");
        return Err(
            Finding::tolerated("mixed-families", message, word.span).note("IPv6 is version 3 (RFC 9568)")
        );
    }
    d.instance.version = Some((version, word.span));
    Ok(())
}

fn native_v6(d: &mut Draft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    if d.instance.v6 == Some(false) {
        let message = format!("({}) Cannot specify native_ipv6 with IPv4 addresses", d.instance.of.name);
        return Err(Finding::tolerated("mixed-families", message, ctx.at));
    }
    d.instance.v6 = Some(true);
    Ok(())
}

/// True if an address is of the instance's family, which the first one decides.
fn fits(d: &mut Draft, ip: IpAddr) -> bool {
    *d.instance.v6.get_or_insert(ip.is_ipv6()) == ip.is_ipv6()
}

fn virtual_address(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let place = Place::Instance(d.instance.interface);
    let Some((address, _)) = address::line(d, ctx, words, place) else {
        words.take_rest();
        return Ok(());
    };
    if !fits(d, address.ip) {
        let message = format!(
            "({}): address family must match VRRP instance [{}] - ignoring",
            d.instance.of.name, address.ip
        );
        return Err(Finding::tolerated("mixed-families", message, ctx.at)
            .help("Addresses of the other family belong into virtual_ipaddress_excluded."));
    }
    d.instance.places.note(format!("virtual_ipaddress/{}", address.ip), ctx.line);
    d.instance.addresses.push(address);
    Ok(())
}

fn excluded(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let place = Place::Instance(d.instance.interface);
    if let Some((address, _)) = address::line(d, ctx, words, place) {
        d.instance.excluded.push(address);
    }
    words.take_rest();
    Ok(())
}

fn source(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    let who = &d.instance.of.name;
    let Ok(address) = word.str().parse::<IpAddr>() else {
        let message =
            format!("Configuration error: VRRP instance[{who}] malformed src address[{word}]. Skipping...");
        return Err(Finding::tolerated("bad-address", message, word.span));
    };
    if d.instance.v6.is_some_and(|v6| v6 != address.is_ipv6()) {
        let message = format!(
            "Configuration error: VRRP instance[{who}] and src address[{word}] MUST be of the same family !!! Skipping..."
        );
        return Err(Finding::tolerated("mixed-families", message, word.span));
    }
    d.instance.v6 = Some(address.is_ipv6());
    d.instance.source = Some((address, word.span));
    Ok(())
}

fn group(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let word = ctx.need(words)?;
    let who = &d.instance.of.name;
    let fault = |code, message: String| Err(Finding::tolerated(code, message, word.span));
    let Ok(address) = word.str().parse::<IpAddr>() else {
        return fault("bad-address", format!("({who}) malformed mcast dest address {word}. Skipping..."));
    };
    if d.instance.v6.is_some_and(|v6| v6 != address.is_ipv6()) {
        return fault(
            "mixed-families",
            format!("({who}) mcast dest address {word} MUST match VRRP instance family. Skipping..."),
        );
    }
    if !address.is_multicast() {
        return fault("bad-address", format!("({who}) mcast_dst_ip {word} not multicast. Skipping..."));
    }
    d.instance.v6 = Some(address.is_ipv6());
    d.instance.group = Some((address, word.span));
    Ok(())
}

fn peers(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.instance.unicast.get_or_insert(ctx.at);
    plain_list(d, ctx, words)
}

fn peer(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let who = d.instance.of.name.clone();
    let Ok(address) = word.str().parse::<IpAddr>() else {
        words.take_rest();
        let message = format!(
            "Configuration error: VRRP instance[{who}] malformed unicast peer address[{word}]. Skipping..."
        );
        return Err(Finding::tolerated("bad-address", message, word.span));
    };
    if d.instance.v6.is_some_and(|v6| v6 != address.is_ipv6()) {
        let message = format!(
            "Configuration error: VRRP instance[{who}] and unicast peer address[{word}] MUST be of the same family !!! Skipping..."
        );
        words.take_rest();
        return Err(Finding::tolerated("mixed-families", message, word.span));
    }
    d.instance.v6 = Some(address.is_ipv6());
    let mut peer = UnicastPeer { address, min_ttl: 0, max_ttl: 255 };
    while let Some(option) = words.next() {
        let Some(value) = words.next() else {
            let message = format!("({who}) {option} is missing a value");
            ctx.report(Finding::tolerated("missing-value", message, option.span));
            break;
        };
        let place = match &*option.str() {
            "min_ttl" => &mut peer.min_ttl,
            "max_ttl" => &mut peer.max_ttl,
            _ => {
                let message = format!("({who}) unknown unicast_peer option {option}");
                ctx.report(Finding::tolerated("unknown-option", message, option.span));
                continue;
            }
        };
        match ctx.whole(value, 0, 255) {
            Ok(number) => {
                *place = u8::try_from(number).unwrap_or(*place);
                d.instance.check_unicast_source = true;
            }
            Err(fault) => ctx.report(fault),
        }
    }
    if peer.min_ttl > peer.max_ttl {
        let message = format!(
            "({who}) min_ttl {} > max_ttl {} - all packets will be discarded",
            peer.min_ttl, peer.max_ttl
        );
        ctx.report(Finding::adjusted("out-of-range", message, ctx.at));
    }
    d.instance.places.note(format!("unicast_peer/{address}"), ctx.line);
    d.instance.peers.push(peer);
    Ok(())
}

fn ttl(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let Ok(number) = ctx.whole(word, 0, 255) else {
        let message = format!("({}): TTL '{word}' not valid - must be between 0 & 255", d.instance.of.name);
        return Err(Finding::tolerated("out-of-range", message, word.span));
    };
    d.instance.ttl = u8::try_from(number).ok().map(|ttl| (ttl, ctx.at));
    Ok(())
}

fn old_checksum(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.instance.unicast.get_or_insert(ctx.at);
    let never = match words.next() {
        None => false,
        Some(word) if word.is("never") => true,
        Some(word) => {
            let message =
                format!("({}) Unknown old_unicast_chksum mode {word} - ignoring", d.instance.of.name);
            return Err(Finding::tolerated("bad-value", message, word.span).note("never, or nothing"));
        }
    };
    d.instance.old_checksum = Some(never);
    Ok(())
}

/// A name that an interface may have.
fn interface_name(word: &evenkeel_base::Word) -> Result<Named, Finding> {
    let name = word.str();
    if name.len() > INTERFACE_NAME_MAX || name.contains('/') {
        let message = format!("VMAC interface name '{name}' too long or invalid characters - ignoring");
        return Err(Finding::tolerated("name-too-long", message, word.span));
    }
    Ok(Named { name: name.into_owned(), span: word.span })
}

fn use_vmac(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let vmac = d.instance.vmac.insert(VmacDraft::default());
    for word in words {
        if !word.str().contains(':') {
            match interface_name(word) {
                Ok(name) => vmac.name = Some(name),
                Err(fault) => ctx.report(fault),
            }
            continue;
        }
        let bytes: Option<Vec<u8>> =
            word.str().split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
        match bytes.filter(|bytes| (5..=6).contains(&bytes.len())) {
            Some(bytes) => vmac.mac = Some(bytes),
            None => {
                let message = format!("VMAC invalid MAC address {word} - ignored");
                ctx.report(Finding::tolerated("bad-address", message, word.span));
            }
        }
    }
    Ok(())
}

fn use_ipvlan(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    let vmac = d.instance.vmac.insert(VmacDraft { ipvlan: true, ..VmacDraft::default() });
    for word in words {
        let text = word.str();
        if matches!(&*text, "bridge" | "private" | "vepa") {
            continue;
        }
        let address = text.split('/').next().unwrap_or("");
        if let Ok(address) = address.parse() {
            vmac.address = Some(address);
            continue;
        }
        match interface_name(word) {
            Ok(name) => vmac.name = Some(name),
            Err(fault) => ctx.report(fault),
        }
    }
    Ok(())
}
