//! One `vrrp_instance` → its configuration and plan, with the original's verdicts on what does not go together.

use std::net::IpAddr;

use evenkeel_base::Span;
use evenkeel_base::time::Duration;
use evenkeel_plan::keeper::{InstancePlan, Vmac};
use evenkeel_vrrp::conf::{
    Announce, AntiReplay, Auth, Checksum, Destination, Family, HmacConf, HmacMode, InstanceConf, Lease,
    Priority, Version, Vrid, WantedState,
};

use super::context::Ctx;
use super::draft::{AuthKind, Draft, InstanceDraft};
use super::finding::Finding;
use super::judge::{Judge, apart};
use super::track::INTERFACE_NAME_MAX;

/// Most addresses that an advert carries (RFC 9568 §5.2.5: the count is one byte).
const ADDRESSES_MAX: usize = 255;

/// Priority of a BACKUP that names none (RFC 9568 §6.1).
const PRIORITY: u8 = 100;

/// Shortest lease: kernels count whole seconds, and a loaded machine may be late.
const LEASE_MIN: Duration = Duration::from_secs(3);

/// Adverts that a lease lasts.
const LEASE_ADVERTS: u32 = 3;

/// How often a lease is renewed in its time.
const LEASE_RENEWALS: u32 = 6;

/// Instances without an address of their own are IPv4.
pub(crate) fn families(instances: &mut [InstanceDraft]) {
    for instance in instances {
        instance.v6.get_or_insert(false);
    }
}

/// Virtual router ids that two instances share on one interface.
pub(crate) fn together(instances: &[InstanceDraft], draft: &Draft, ctx: &mut Ctx<'_>) {
    for (n, one) in instances.iter().enumerate() {
        let (Some(vrid), Some(interface)) = (one.vrid, one.interface) else { continue };
        for other in instances.iter().skip(n + 1) {
            let same = other.vrid == Some(vrid) && other.interface == Some(interface) && other.v6 == one.v6;
            let groups = one.group.map(|(g, _)| g) != other.group.map(|(g, _)| g);
            if !same || apart(one, other) || groups {
                continue;
            }
            let family = if one.v6 == Some(true) { "IPv6" } else { "IPv4" };
            let message = format!(
                "{} and {} both use VRID {vrid} with {family} on interface {}",
                one.of.name,
                other.of.name,
                draft.interfaces.name(interface)
            );
            let place = other.places.of("virtual_router_id").unwrap_or(other.of.span);
            let first = one.places.of("virtual_router_id").unwrap_or(one.of.span);
            ctx.report(Finding::adjusted("same-vrid", message, place).label(first, "here too"));
        }
    }
}

/// What an instance is made of while it is judged.
struct Case<'d> {
    d: &'d InstanceDraft,
    strict: bool,
    priority: u8,
    version: Version,
    v6: bool,
}

impl Case<'_> {
    fn name(&self) -> &str {
        &self.d.of.name
    }

    fn reset(&self, ctx: &mut Ctx<'_>, code: &'static str, what: &str, span: Span) {
        ctx.report(Finding::adjusted(code, format!("({}) {what}", self.name()), span));
    }

    /// The place of a keyword, or the block's.
    fn at(&self, keyword: &str) -> Span {
        self.d.places.of(keyword).unwrap_or(self.d.of.span)
    }
}

/// The instance; `None`: the original drops it, and why has been told. `weighty`: its tracks may have weights.
pub(crate) fn instance(
    judge: &mut Judge<'_, '_>,
    draft: &mut Draft,
    d: &InstanceDraft,
    weighty: bool,
) -> Option<(InstanceConf, InstancePlan)> {
    let name = d.of.name.clone();
    let Some(vrid) = d.vrid.and_then(|n| Vrid::new(u32::from(n))) else {
        let message = format!("({name}) the virtual router id must be set");
        judge
            .ctx
            .report(Finding::tolerated("missing-vrid", message, d.of.span).note("say `virtual_router_id N`"));
        return None;
    };
    let Some(interface) = d.interface else {
        let message = format!("({name}) Unknown interface!");
        judge
            .ctx
            .report(Finding::tolerated("missing-interface", message, d.of.span).note("say `interface NAME`"));
        return None;
    };
    let v6 = d.v6 == Some(true);
    let mut case = Case {
        d,
        strict: d.strict.unwrap_or(draft.defaults.strict),
        priority: d.priority.unwrap_or(if d.master == Some(true) { Priority::OWNER.get() } else { PRIORITY }),
        version: if v6 { Version::V3 } else { d.version.map_or(draft.defaults.version, |(v, _)| v) },
        v6,
    };
    if d.addresses.is_empty() && case.strict {
        case.reset(judge.ctx, "no-address", "No VIP specified; at least one is required", d.of.span);
        return None;
    }
    if d.addresses.is_empty() && !d.no_addresses {
        case.reset(judge.ctx, "no-address", "No VIP specified; at least one is sensible", d.of.span);
    }
    strict(&mut case, judge.ctx);
    let owner = case.priority == Priority::OWNER.get();
    let (preempt, preempt_delay) = preempt(&case, judge.ctx);
    let advert = advert(&case, judge.ctx);
    let auth = auth(&case, advert, judge.ctx);
    let announce = announce(&case, draft, judge.ctx);
    let destination = destination(&case, draft, judge.ctx);
    let unicast = !matches!(destination, Destination::Multicast(_));
    let interface_name = draft.interfaces.name(interface).to_owned();
    let weights = match (weighty, owner) {
        (_, true) => Err("address_owner"),
        (false, false) => Err("SYNC group"),
        (true, false) => Ok(()),
    };
    let tracks = judge.uses(&d.tracked, &name, Some((interface, &interface_name)), weights, draft);
    let vmac = vmac(&case, draft, vrid, unicast, judge.ctx);
    let mut addresses = d.addresses.clone();
    let mut excluded = d.excluded.clone();
    if addresses.len() > ADDRESSES_MAX {
        let count = addresses.len();
        let what = format!(
            "Number of VIPs ({count}) exceeds maximum/space available in packet (max {ADDRESSES_MAX} addresses) - excess moved to eVIPs"
        );
        case.reset(judge.ctx, "too-many-addresses", &what, d.of.span);
        let mut more = addresses.split_off(ADDRESSES_MAX);
        more.append(&mut excluded);
        excluded = more;
    }
    let accept = accept(&case, owner, judge.ctx);
    let defaults = &draft.defaults;
    let conf = InstanceConf {
        vrid,
        priority: Priority::new(u32::from(case.priority)).unwrap_or(Priority::OWNER),
        version: case.version,
        family: if v6 { Family::V6 } else { Family::V4 },
        state: if d.master.unwrap_or(case.strict && owner) {
            WantedState::Master
        } else {
            WantedState::Backup
        },
        interface,
        advert_interval: advert,
        addresses: addresses.iter().map(|a| a.ip).collect(),
        source: d.source.map(|(ip, _)| ip).or(d.vmac.as_ref().and_then(|v| v.address)),
        track_source: d.track_source,
        destination,
        ttl: d.ttl.filter(|_| unicast).map_or(255, |(ttl, _)| ttl),
        check_unicast_source: unicast && (d.check_unicast_source || defaults.check_unicast_source),
        auth,
        checksum: match (d.checksum_as_v2, d.old_checksum) {
            (true, _) => Checksum::AsV2,
            (false, Some(true)) => Checksum::Never,
            (false, Some(false)) => Checksum::OldUnicast,
            (false, None) => Checksum::Auto,
        },
        preempt,
        preempt_delay,
        down_timer_adverts: down_timer(&case, defaults.down_timer_adverts, judge.ctx),
        lower_prio_no_advert: lower_no_advert(&case, defaults.lower_prio_no_advert, judge.ctx),
        higher_prio_send_advert: higher_send(&case, defaults.higher_prio_send_advert, judge.ctx),
        skip_check_addresses: d.skip_check_addresses.unwrap_or(defaults.skip_check_addresses),
        strict: case.strict,
        accept,
        owner_ignore_adverts: d.owner_ignore_adverts.unwrap_or(defaults.owner_ignore_adverts),
        dont_track_primary: d.dont_track_primary,
        tracks,
        group: None,
        announce,
        lease: lease(d.lease.or(defaults.lease), advert),
        startup_delay: defaults.startup_delay,
        notify_priority_changes: d.notify.priority_changes.unwrap_or(defaults.notify_priority_changes),
        name,
    };
    let garp_extra = d.garp_extra.or(draft.defaults.garp_extra).filter(|(every, _)| !every.is_zero());
    let notify = judge.notify(&d.notify, draft);
    let plan = InstancePlan {
        addresses,
        excluded,
        routes: d.routes.clone(),
        rules: d.rules.clone(),
        promote_secondaries: d.promote_secondaries,
        vmac,
        garp_extra,
        notify,
        linkbeat_polling: d.linkbeat,
        rx_buffer: d.rx_buffer,
        places: d.places.clone(),
        span: d.of.span,
    };
    Some((conf, plan))
}

/// `vrrp_strict`: what of the rest it forbids is told where that is decided.
fn strict(case: &mut Case<'_>, ctx: &mut Ctx<'_>) {
    if !case.strict {
        return;
    }
    let owner = case.priority == Priority::OWNER.get();
    if case.d.master.is_some_and(|master| master != owner) {
        ctx.report(
            Finding::adjusted(
                "strict",
                format!("({}) State MASTER must match being address owner", case.name()),
                case.at("state"),
            )
            .note("strict: state MASTER and priority 255 go together (RFC 9568 §6.1)"),
        );
    }
    if case.v6
        && let Some(IpAddr::V6(first)) = case.d.addresses.first().map(|a| a.ip)
        && first.segments()[0] & 0xffc0 != 0xfe80
    {
        let span = case.d.addresses.first().map_or(case.d.of.span, |a| a.span);
        case.reset(ctx, "strict", "the first IPv6 VIP address must be link local", span);
    }
}

fn preempt(case: &Case<'_>, ctx: &mut Ctx<'_>) -> (bool, Duration) {
    let owner = case.priority == Priority::OWNER.get();
    let mut preempt = case.d.nopreempt.is_none();
    let mut delay = case.d.preempt_delay.map_or(Duration::ZERO, |(delay, _)| delay);
    if let Some(span) = case.d.nopreempt {
        if owner {
            preempt = true;
            case.reset(
                ctx,
                "nopreempt",
                "nopreempt is incompatible with priority 255. resetting nopreempt",
                span,
            );
        } else if case.d.master == Some(true) && !case.strict {
            preempt = true;
            ctx.report(
                Finding::adjusted(
                    "nopreempt",
                    format!(
                        "({}) Warning - nopreempt will not work with initial state MASTER - clearing",
                        case.name()
                    ),
                    span,
                )
                .label(case.at("state"), "write `state BACKUP` on both nodes"),
            );
        }
    }
    let Some((_, span)) = case.d.preempt_delay.filter(|(delay, _)| !delay.is_zero()) else {
        return (preempt, delay);
    };
    if case.strict {
        delay = Duration::ZERO;
        case.reset(ctx, "strict", "preempt_delay is incompatible with strict mode - resetting", span);
    } else if !preempt {
        delay = Duration::ZERO;
        case.reset(
            ctx,
            "preempt-delay",
            "preempt_delay is incompatible with nopreempt mode - resetting",
            span,
        );
    } else if case.d.master == Some(true) {
        delay = Duration::ZERO;
        ctx.report(
            Finding::adjusted(
                "preempt-delay",
                format!(
                    "({}) Warning - preempt delay will not work with initial state MASTER - clearing",
                    case.name()
                ),
                span,
            )
            .label(case.at("state"), "write `state BACKUP`"),
        );
    }
    (preempt, delay)
}

/// Version 2: whole seconds (RFC 3768 §5.3.7). Version 3: centiseconds in 12 bits (RFC 9568 §5.2.7).
fn advert(case: &Case<'_>, ctx: &mut Ctx<'_>) -> Duration {
    const CENTI_US: u128 = 10_000;
    const MOST: Duration = Duration::from_millis(40_950);
    let Some((wanted, span)) = case.d.advert else { return Duration::from_secs(1) };
    let seconds = wanted.as_secs_f64();
    match case.version {
        Version::V2 if wanted.subsec_nanos() != 0 => {
            let what = format!("VRRPv2 advertisement interval {seconds:.6}s must be an integer. rounding");
            case.reset(ctx, "advert-interval", &what, span);
            let up = u64::from(wanted.subsec_millis() >= 500);
            Duration::from_secs((wanted.as_secs() + up).max(1))
        }
        Version::V2 => wanted,
        Version::V3 if wanted > MOST => {
            let what = format!(
                "VRRPv3 advertisement interval {seconds:.2}s is out of range. Must be less than 40.96s. Setting to 40.95s"
            );
            case.reset(ctx, "advert-interval", &what, span);
            MOST
        }
        Version::V3 if wanted.as_micros() % CENTI_US != 0 => {
            let what =
                format!("VRRPv3 advertisement interval {seconds:.6}s must be in units of 10ms - rounding");
            case.reset(ctx, "advert-interval", &what, span);
            let centis = (wanted.as_micros() + CENTI_US / 2) / CENTI_US;
            Duration::from_millis(u64::try_from(centis).unwrap_or(1).max(1) * 10)
        }
        Version::V3 => wanted,
    }
}

fn auth(case: &Case<'_>, advert: Duration, ctx: &mut Ctx<'_>) -> Auth {
    let password = match (case.d.auth, case.d.password) {
        (Some(kind), Some(password)) => Some((kind, password)),
        (Some(_) | None, _) => None,
    };
    if let Some(hmac) = &case.d.hmac {
        if password.is_some() {
            case.reset(
                ctx,
                "auth",
                "authentication cannot be used with auth_hmac. Ignoring",
                case.d.auth_span,
            );
        }
        let mode = hmac.mode.unwrap_or(HmacMode::Enforce);
        if case.strict && mode != HmacMode::Enforce {
            case.reset(
                ctx,
                "strict",
                "strict mode demands `mode enforce` of auth_hmac. Setting it",
                hmac.span,
            );
        }
        let window = hmac.window.unwrap_or_else(|| (advert * 3).max(Duration::from_secs(5)));
        return Auth::Hmac(HmacConf {
            keys: hmac.keys.clone(),
            active_key: hmac.active.map(|(id, _)| id).or(hmac.keys.first().map(|(id, _)| *id)).unwrap_or(1),
            anti_replay: if hmac.monotonic { AntiReplay::Monotonic } else { AntiReplay::Time { window } },
            mode: if case.strict { HmacMode::Enforce } else { mode },
        });
    }
    if case.d.auth.is_none() {
        return Auth::None;
    }
    if case.strict {
        ctx.report(
            Finding::adjusted(
                "auth",
                format!("({}) Strict mode does not support authentication. Ignoring.", case.name()),
                case.d.auth_span,
            )
            .note("RFC 3768 §5.3.6 took it away")
            .help("Take `vrrp_strict` out, or `authentication`, on every node: they must agree."),
        );
        return Auth::None;
    }
    let Some((kind, password)) = password else {
        let what = "Authentication specified but no password given. Ignoring";
        case.reset(ctx, "missing-password", what, case.d.auth_span);
        return Auth::None;
    };
    if case.version == Version::V3 {
        let what = "VRRP version 3 does not support authentication. Ignoring.";
        case.reset(ctx, "auth", what, case.d.auth_span);
        return Auth::None;
    }
    match kind {
        AuthKind::Pass => Auth::Pass(password),
        AuthKind::Ah => Auth::Ah(password),
    }
}

fn announce(case: &Case<'_>, draft: &Draft, ctx: &mut Ctx<'_>) -> Announce {
    let (own, all) = (&case.d.announce, &draft.defaults.announce);
    let min = draft.defaults.min_garp;
    let master_delay = all.master_delay.unwrap_or(if min { Duration::ZERO } else { Duration::from_secs(5) });
    let master_repeat = all.master_repeat.unwrap_or(if min { 1 } else { 5 });
    let mut lower_delay = own.lower_prio_delay.or(all.lower_prio_delay).unwrap_or(master_delay);
    let mut lower_repeat = own.lower_prio_repeat.or(all.lower_prio_repeat).unwrap_or(master_repeat);
    if case.strict {
        // RFC 9568 §6.4.3: a lower advert is passed over.
        if own.lower_prio_repeat.is_some_and(|n| n > 0) {
            let what = "Strict mode requires no repeat garps. resetting";
            case.reset(ctx, "strict", what, case.d.lower_prio_spans.1);
        }
        if own.lower_prio_delay.is_some_and(|delay| !delay.is_zero()) {
            let what = "Strict mode requires no repeat garp delay. resetting";
            case.reset(ctx, "strict", what, case.d.lower_prio_spans.0);
        }
        (lower_delay, lower_repeat) = (Duration::ZERO, 0);
    }
    Announce {
        master_delay: own.master_delay.unwrap_or(master_delay),
        master_repeat: own.master_repeat.unwrap_or(master_repeat),
        lower_prio_delay: lower_delay,
        lower_prio_repeat: lower_repeat,
        master_refresh: own.master_refresh.or(all.master_refresh).unwrap_or(Duration::ZERO),
        master_refresh_repeat: own.master_refresh_repeat.or(all.master_refresh_repeat).unwrap_or(1),
    }
}

fn destination(case: &Case<'_>, draft: &Draft, ctx: &mut Ctx<'_>) -> Destination {
    let d = case.d;
    if !d.peers.is_empty() {
        if let Some((_, span)) = d.group {
            let what = "multicast destination specified with unicast - ignoring";
            case.reset(ctx, "unicast", what, span);
        }
        return Destination::Unicast(d.peers.clone());
    }
    if let Some((_, span)) = d.ttl {
        let message = format!("({}): Cannot use unicast_ttl without unicast peers - resetting", case.name());
        ctx.report(Finding::adjusted("unicast", message, span));
    }
    if d.fault_no_peer && d.unicast.is_some() {
        return Destination::NoPeer;
    }
    if let Some(span) = d.unicast {
        let what = "A unicast keyword has been specified without any unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration.";
        case.reset(ctx, "unicast", what, span);
    }
    let group = if case.v6 { draft.defaults.group6 } else { draft.defaults.group4 };
    Destination::Multicast(d.group.map_or(group, |(group, _)| group))
}

fn down_timer(case: &Case<'_>, default: u32, ctx: &mut Ctx<'_>) -> u32 {
    const RFC: u32 = 3;
    match case.d.down_timer_adverts {
        Some((number, span)) if case.strict && number != RFC => {
            case.reset(
                ctx,
                "strict",
                "down_timer_adverts is incompatible with strict mode - resetting",
                span,
            );
            RFC
        }
        Some((number, _)) => number,
        None if case.strict => RFC,
        None => default,
    }
}

fn lower_no_advert(case: &Case<'_>, default: Option<bool>, ctx: &mut Ctx<'_>) -> bool {
    match case.d.lower_prio_no_advert {
        Some((false, span)) if case.strict => {
            case.reset(ctx, "strict", "Strict mode requires no lower priority advert. resetting", span);
            true
        }
        Some((on, _)) => on,
        None => case.strict || default.unwrap_or(false),
    }
}

fn higher_send(case: &Case<'_>, default: bool, ctx: &mut Ctx<'_>) -> bool {
    match case.d.higher_prio_send_advert {
        Some((true, span)) if case.strict => {
            let what = "strict mode requires higher_prio_send_advert to be clear. resetting";
            case.reset(ctx, "strict", what, span);
            false
        }
        Some((on, _)) => on,
        None => default && !case.strict,
    }
}

fn accept(case: &Case<'_>, owner: bool, ctx: &mut Ctx<'_>) -> bool {
    match case.d.accept {
        Some((true, span)) if case.strict && case.version == Version::V2 => {
            let what = "warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting";
            case.reset(ctx, "strict", what, span);
            false
        }
        Some((on, _)) => on,
        None => !case.strict || owner,
    }
}

/// `use_vmac`, `use_ipvlan` (RFC 9568 §7.3: the virtual router's MAC).
fn vmac(case: &Case<'_>, draft: &Draft, vrid: Vrid, unicast: bool, ctx: &mut Ctx<'_>) -> Option<Vmac> {
    let mut xmit_base = case.d.xmit_base.is_some();
    let Some(vmac) = &case.d.vmac else {
        if let Some(span) = case.d.xmit_base {
            case.reset(ctx, "vmac", "vmac_xmit_base is only valid with a vmac", span);
        }
        return None;
    };
    let at = case.at(if vmac.ipvlan { "use_ipvlan" } else { "use_vmac" });
    if vmac.ipvlan && !case.v6 && vmac.address.is_none() && case.d.source.is_none() {
        let what =
            "IPv4 ipvlan requires a source ip address to be configured. setting instance to fault state";
        case.reset(ctx, "vmac", what, at);
    }
    if let Some(span) = case.d.xmit_base
        && case.strict
    {
        xmit_base = false;
        case.reset(ctx, "strict", "xmit_base is incompatible with strict mode - resetting", span);
    }
    if unicast && !xmit_base {
        xmit_base = true;
        case.reset(ctx, "vmac", "unicast with use_vmac requires vmac_xmit_base - setting", at);
    }
    let own = format!("{}.{}", draft.defaults.vmac_prefix, vrid.get());
    let mut name = own.chars().take(INTERFACE_NAME_MAX).collect::<String>();
    if case.v6 && vmac.name.is_none() {
        name = format!("{}6.{}", draft.defaults.vmac_prefix, vrid.get())
            .chars()
            .take(INTERFACE_NAME_MAX)
            .collect();
    }
    if let Some(given) = &vmac.name {
        if ctx.outside.has_interface(&given.name) {
            let what = format!(
                "interface {} already exists and is not a private macvlan; ignoring vmac if_name",
                given.name
            );
            case.reset(ctx, "vmac", &what, given.span);
        } else if let Some(other) = earlier_vmac(case, draft, &given.name) {
            let what = format!("VRRP instance {other} is already using {} - ignoring name", given.name);
            case.reset(ctx, "vmac", &what, given.span);
        } else {
            name = given.name.clone();
        }
    }
    if vmac.mac.is_some() && case.strict {
        let message = format!("({}): cannot specify MAC address with strict mode - clearing", case.name());
        ctx.report(Finding::adjusted("strict", message, at));
    }
    let mac = vmac.mac.as_ref().filter(|_| !case.strict).map(|bytes| {
        let mut mac = [0, 0, 0, 0, 0, vrid.get()];
        for (place, byte) in mac.iter_mut().zip(bytes) {
            *place = *byte;
        }
        mac
    });
    Some(Vmac { name, mac, ipvlan: vmac.ipvlan, xmit_base, addresses_too: case.d.vmac_addresses })
}

/// The instance before this one that has a macvlan of this name.
fn earlier_vmac<'d>(case: &Case<'_>, draft: &'d Draft, name: &str) -> Option<&'d str> {
    let used = draft.vmacs.iter().take_while(|(_, who)| who != case.name());
    used.filter(|(known, _)| known == name).map(|(_, who)| who.as_str()).next()
}

fn lease(given: Option<Option<Duration>>, advert: Duration) -> Option<Lease> {
    let lifetime = match given {
        Some(None) => return None,
        Some(Some(lifetime)) => lifetime,
        None => {
            let adverts = advert * LEASE_ADVERTS;
            let whole = adverts.as_secs() + u64::from(adverts.subsec_nanos() > 0);
            Duration::from_secs(whole).max(LEASE_MIN)
        }
    };
    Some(Lease { lifetime, refresh: lifetime / LEASE_RENEWALS })
}
