//! Draft → Plan: names become ids, defaults are filled in, and what only the whole can tell is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_base::{SourceMap, Span};
use evenkeel_plan::keeper::script::{BfdPlan, ParamMatch, TrackPlan};
use evenkeel_plan::keeper::{GroupPlan, KeeperPlan, Notify, ScriptPlan, UserGroup};
use evenkeel_vrrp::NodeConf;
use evenkeel_vrrp::conf::{
    GroupConf, GroupId, InstanceId, InterfaceId, LinkDelays, TrackConf, TrackId, TrackKind, TrackUse,
};

use super::context::Ctx;
use super::draft::{Draft, GroupDraft, InstanceDraft, Named, NotifyDraft, Tracked, UseDraft, Weight};
use super::finding::{Class, Finding};
use super::judge_instance;
use super::script::{self, DefaultUser, Safety};
use super::track::{Kind, is_defined};

/// Built in this order: tracks, instances, groups, statics.
pub(crate) struct Judge<'c, 'o> {
    /// Findings and the machine.
    pub(crate) ctx: &'c mut Ctx<'o>,
    pub(crate) node: NodeConf,
    tracks: Vec<TrackPlan>,
    /// Tracks by kind and name, with their own weights.
    known: BTreeMap<(&'static str, String), (TrackId, Weight)>,
    default_user: DefaultUser,
    security: bool,
    /// There are instances: without them nothing runs, and the original does not look at scripts.
    looks: bool,
    /// Scripts that run as root without script security, and what others could change.
    running: Vec<(Span, Option<String>)>,
}

/// The plan of a draft.
pub(crate) fn judge(mut draft: Draft, ctx: &mut Ctx<'_>, sources: &Arc<SourceMap>) -> KeeperPlan {
    late(&draft, ctx);
    let security = draft.global.script_security;
    let default_user = script::default_user(&draft.defaults, security, ctx.outside);
    let mut judge = Judge {
        ctx,
        node: NodeConf::default(),
        tracks: Vec::new(),
        known: BTreeMap::new(),
        default_user,
        security,
        running: Vec::new(),
        looks: !draft.instances.is_empty(),
    };
    judge.process_scripts(&mut draft);
    judge.tracks(&mut draft);
    judge_instance::families(&mut draft.instances);
    let sync = sync_groups(&draft, judge.ctx);
    let instances = std::mem::take(&mut draft.instances);
    judge_instance::together(&instances, &draft, judge.ctx);
    let mut plans = Vec::new();
    let mut ids: BTreeMap<String, InstanceId> = BTreeMap::new();
    for instance in &instances {
        let group = sync.iter().find(|(_, members)| members.contains(&instance.of.name));
        let weighty = group.is_none_or(|(position, _)| {
            draft.groups.get(*position).is_some_and(|g| g.tracking_weight || g.global_tracking)
        });
        if let Some((conf, plan)) = judge_instance::instance(&mut judge, &mut draft, instance, weighty) {
            ids.insert(instance.of.name.clone(), InstanceId(judge.node.instances.len() as u32));
            judge.node.instances.push(conf);
            plans.push(plan);
        }
    }
    let groups = judge.groups(&mut draft, &sync, &ids);
    let members = |name: &Option<String>, draft: &Draft| -> Vec<InstanceId> {
        let group =
            name.as_ref().and_then(|name| draft.static_groups.iter().find(|(known, _)| known == name));
        group.into_iter().flat_map(|(_, members)| members).filter_map(|m| ids.get(&m.name).copied()).collect()
    };
    let addresses = std::mem::take(&mut draft.static_addresses);
    let routes = std::mem::take(&mut draft.static_routes);
    let rules = std::mem::take(&mut draft.static_rules);
    let static_addresses = addresses.into_iter().map(|(a, g)| (a, members(&g, &draft))).collect();
    let static_routes = routes.into_iter().map(|(r, g)| (r, members(&g, &draft))).collect();
    let static_rules = rules.into_iter().map(|(r, g)| (r, members(&g, &draft))).collect();
    let lvs = super::lvs::judge::judge(&mut judge, &mut draft, &plans, &ids);
    judge.security(&draft);
    judge.node.log_unknown_vrids = draft.defaults.log_unknown_vrids;
    let mut global = std::mem::take(&mut draft.global);
    global.json_version = global.json_version.max(1);
    judge.node.interfaces = std::mem::take(&mut draft.interfaces).into_names();
    judge.node.link_delays = link_delays(&global.interface_delays, judge.node.interfaces.len());
    KeeperPlan {
        node: judge.node,
        instances: plans,
        groups,
        tracks: judge.tracks,
        static_addresses,
        static_routes,
        static_rules,
        global,
        lvs,
        sources: Arc::clone(sources),
    }
}

fn link_delays(
    given: &[(InterfaceId, std::time::Duration, std::time::Duration)],
    count: usize,
) -> Vec<LinkDelays> {
    if given.is_empty() {
        return Vec::new();
    }
    let mut delays = vec![LinkDelays::default(); count];
    for (id, down, up) in given {
        if let Some(place) = delays.get_mut(id.0 as usize) {
            *place = LinkDelays { down: *down, up: *up };
        }
    }
    delays
}

/// Names in track lists that nothing above them defines.
fn late(draft: &Draft, ctx: &mut Ctx<'_>) {
    for late in &draft.late {
        let kind = late.kind.word();
        let message = format!("({}) track {kind} {} not found, ignoring...", late.who, late.of.name);
        let finding = Finding::tolerated("unknown-name", message, late.of.span);
        let finding = if is_defined(draft, late.kind, &late.of.name) {
            finding.note("it is defined below: move it above")
        } else {
            let names: Vec<&str> = match late.kind {
                Kind::Script => draft.scripts.iter().map(|s| s.of.name.as_str()).collect(),
                Kind::File => draft.files.iter().map(|s| s.of.name.as_str()).collect(),
                Kind::Process => draft.processes.iter().map(|s| s.of.name.as_str()).collect(),
                Kind::Bfd => draft.bfds.iter().map(|s| s.of.name.as_str()).collect(),
                Kind::Interface => Vec::new(),
            };
            match evenkeel_base::near::nearest(&late.of.name, names) {
                Some(near) => finding.note(format!("did you mean `{near}`?")),
                None => finding.note("nothing of this name is defined"),
            }
        };
        ctx.report(finding);
    }
}

/// Groups that have members, by position, with those of their members that exist and belong to no group before.
fn sync_groups(draft: &Draft, ctx: &mut Ctx<'_>) -> Vec<(usize, Vec<String>)> {
    let mut taken: Vec<String> = Vec::new();
    let mut groups = Vec::new();
    for (position, group) in draft.groups.iter().enumerate() {
        let name = &group.of.name;
        if group.members.is_empty() {
            let message = format!("Sync group {name} has no virtual router(s). removing");
            ctx.report(Finding::tolerated("empty-group", message, group.of.span));
            continue;
        }
        let mut members = Vec::new();
        for member in &group.members {
            if !draft.instances.iter().any(|i| i.of.name == member.name) {
                let message = format!(
                    "Virtual router {} specified in sync group {name} doesn't exist - ignoring",
                    member.name
                );
                let finding = Finding::tolerated("unknown-name", message, member.span);
                let near = evenkeel_base::near::nearest(
                    &member.name,
                    draft.instances.iter().map(|i| i.of.name.as_str()),
                );
                ctx.report(match near {
                    Some(near) => finding.note(format!("did you mean `{near}`?")),
                    None => finding,
                });
            } else if taken.contains(&member.name) {
                let message = format!(
                    "Virtual router {} cannot exist in more than one sync group; ignoring {name}",
                    member.name
                );
                ctx.report(Finding::tolerated("twice", message, member.span));
            } else {
                taken.push(member.name.clone());
                members.push(member.name.clone());
            }
        }
        match members.len() {
            0 => {
                let message = format!(
                    "Sync group {name}, no matching virtual router found in group declaration - removing"
                );
                ctx.report(Finding::tolerated("empty-group", message, group.of.span));
                continue;
            }
            1 => {
                let message = format!(
                    "Sync group {name} has only 1 virtual router(s) - this probably isn't what you want"
                );
                ctx.report(Finding::adjusted("lonely-group", message, group.of.span));
            }
            _ => {}
        }
        groups.push((position, members));
    }
    groups
}

impl Judge<'_, '_> {
    fn track(&mut self, kind: Kind, name: &str, weight: Weight, conf: TrackKind, plan: TrackPlan) -> TrackId {
        let id = TrackId(u32::try_from(self.node.tracks.len()).unwrap_or(u32::MAX));
        self.node.tracks.push(TrackConf { name: name.to_owned(), kind: conf });
        self.tracks.push(plan);
        self.known.entry((kind.word(), name.to_owned())).or_insert((id, weight));
        id
    }

    fn tracks(&mut self, draft: &mut Draft) {
        for script in std::mem::take(&mut draft.scripts) {
            let Some(mut command) = script.command else { continue };
            command.user = script.user;
            let Some(user) = self.user(&mut command, &script.of) else { continue };
            let plan = self.safe_script(command, user, &script.of.name);
            let kind = TrackKind::Script {
                interval: script.interval,
                timeout: script.timeout.unwrap_or(script.interval),
                rise: script.rise,
                fall: script.fall,
                init_fail: script.init_fail,
            };
            self.track(Kind::Script, &script.of.name, script.weight, kind, TrackPlan::Script(plan));
        }
        for file in std::mem::take(&mut draft.files) {
            let plan = TrackPlan::File {
                path: file.path.unwrap_or_default(),
                init: file.init,
                overwrite: file.overwrite,
            };
            self.track(Kind::File, &file.of.name, file.weight, TrackKind::File, plan);
        }
        for process in std::mem::take(&mut draft.processes) {
            let (command, params) = process.command.unwrap_or_default();
            // Parameters count where there are some, or where `param_match` says that there must be none.
            let counted = !params.is_empty() || process.param_match.is_some();
            let plan = TrackPlan::Process {
                command,
                params: counted.then_some(params),
                param_match: process.param_match.unwrap_or(ParamMatch::Exact),
                full_command: process.full_command,
                quorum: process.quorum,
                quorum_max: process.quorum_max,
            };
            let kind = TrackKind::Process {
                fork_delay: process.fork_delay,
                terminate_delay: process.terminate_delay,
            };
            self.track(Kind::Process, &process.of.name, process.weight, kind, plan);
        }
        for bfd in std::mem::take(&mut draft.bfds) {
            let Some(neighbor) = bfd.neighbor else { continue };
            // Only the director is told: nothing for the keeper to track.
            if bfd.told == (false, true) {
                continue;
            }
            let ttl = bfd.ttl.unwrap_or(if neighbor.is_ipv4() { 255 } else { 64 });
            let plan = TrackPlan::Bfd(BfdPlan {
                neighbor,
                source: bfd.source,
                min_rx: bfd.min_rx,
                min_tx: bfd.min_tx,
                idle_tx: bfd.idle_tx,
                multiplier: bfd.multiplier,
                passive: bfd.passive,
                ttl,
                max_hops: bfd.max_hops.unwrap_or(0),
                multihop: bfd.multihop,
            });
            self.track(Kind::Bfd, &bfd.of.name, bfd.weight, TrackKind::Bfd, plan);
        }
    }

    /// Whom a script runs as; `None`: the original drops it.
    fn user(&mut self, command: &mut ScriptPlan, of: &Named) -> Option<UserGroup> {
        if let Some(user) = command.user {
            return Some(user);
        }
        match self.default_user {
            DefaultUser::Is(user) => {
                command.user = Some(user);
                Some(user)
            }
            DefaultUser::Bad | DefaultUser::Lacking => {
                let message = format!("Unable to set default user for vrrp script {} - removing", of.name);
                let finding = Finding::tolerated("no-script-user", message, of.span);
                self.ctx.report(match self.default_user {
                    DefaultUser::Lacking => finding
                        .note("with enable_script_security, scripts run as keepalived_script, which is not there")
                        .help("Name a user: `script_user root` in global_defs, or `user root` here."),
                    DefaultUser::Bad | DefaultUser::Is(_) => finding.note("script_user names nobody"),
                });
                None
            }
        }
    }

    /// A tracked script as far as it may run.
    fn safe_script(&mut self, command: ScriptPlan, user: UserGroup, name: &str) -> Option<ScriptPlan> {
        if !self.looks {
            return Some(command);
        }
        let program = command.args.first().cloned().unwrap_or_default();
        match script::safety(self.ctx.outside, &program) {
            Safety::Missing => {
                let message = format!("Disabling track script {name} since not found/accessible");
                self.ctx.report(
                    Finding::tolerated("missing-script", message, command.span)
                        .note(format!("there is no {program}"))
                        .help("It counts as neither well nor failed: nothing that tracks it changes."),
                );
                None
            }
            Safety::Unknown => {
                self.relative(&command, &program);
                Some(command)
            }
            safety => self.run(command, user, safety, &format!("track script {name}")),
        }
    }

    fn relative(&mut self, command: &ScriptPlan, program: &str) {
        let message = format!("{program} is no whole path: whether it is there, and safe, cannot be told");
        self.ctx.report(Finding::remark("relative-script", message, command.span));
    }

    /// A script that exists: noted as running, or refused where it is unsafe and security is on.
    fn run(
        &mut self,
        command: ScriptPlan,
        user: UserGroup,
        safety: Safety,
        what: &str,
    ) -> Option<ScriptPlan> {
        if user.uid != 0 {
            return Some(command);
        }
        let why = match safety {
            Safety::Unsafe(why) => Some(why),
            Safety::Safe | Safety::Missing | Safety::Unknown => None,
        };
        if let (true, Some(why)) = (self.security, &why) {
            let message = format!("Disabling {what} due to insecure");
            self.ctx.report(Finding::tolerated("unsafe-script", message, command.span).note(why.clone()));
            return None;
        }
        if !self.security {
            self.running.push((command.span, why));
        }
        Some(command)
    }

    /// A notify script as far as it may run. What is not there is not told by the original.
    pub(crate) fn notify_script(&mut self, command: &ScriptPlan) -> Option<ScriptPlan> {
        let mut command = command.clone();
        let user = match (command.user, self.default_user) {
            (Some(user), _) | (None, DefaultUser::Is(user)) => user,
            (None, DefaultUser::Lacking) => {
                let message = "Unable to set default user keepalived_script for script";
                self.ctx.report(
                    Finding::tolerated("no-script-user", message, command.span)
                        .note("with enable_script_security, scripts run as keepalived_script, which is not there")
                        .help("Name a user: `script_user root` in global_defs, or after the command."),
                );
                return None;
            }
            (None, DefaultUser::Bad) => return None,
        };
        command.user = Some(user);
        let program = command.args.first().cloned().unwrap_or_default();
        match script::safety(self.ctx.outside, &program) {
            Safety::Missing => {
                let message = format!("there is no {program}: it will not be run");
                self.ctx.report(Finding::remark("missing-script", message, command.span));
                Some(command)
            }
            Safety::Unknown => {
                self.relative(&command, &program);
                Some(command)
            }
            safety => self.run(command, user, safety, "script"),
        }
    }

    /// The scripts of an instance or group, and its mails.
    pub(crate) fn notify(&mut self, notify: &NotifyDraft, draft: &Draft) -> Notify {
        let mut script = |name: &str| notify.scripts.get(name).and_then(|plan| self.notify_script(plan));
        Notify {
            master: script("notify_master"),
            backup: script("notify_backup"),
            fault: script("notify_fault"),
            stop: script("notify_stop"),
            deleted: (notify.deleted, script("notify_deleted")),
            master_rx_lower: script("notify_master_rx_lower_pri"),
            any: script("notify"),
            mail: notify.mail.or(draft.defaults.mail_vrrp).or(draft.defaults.mail).unwrap_or(false),
            priority_changes: notify.priority_changes.unwrap_or(draft.defaults.notify_priority_changes),
        }
    }

    fn process_scripts(&mut self, draft: &mut Draft) {
        let [startup, shutdown] = std::mem::take(&mut draft.defaults.process_scripts);
        let [first, last] = draft.defaults.process_timeouts;
        draft.global.startup_script = startup.and_then(|s| self.notify_script(&s)).map(|s| (s, first));
        draft.global.shutdown_script = shutdown.and_then(|s| self.notify_script(&s)).map(|s| (s, last));
        let [any, vrrp, lvs] = std::mem::take(&mut draft.defaults.fifo_scripts);
        let global = &mut draft.global;
        for (fifo, script) in
            [(&mut global.fifo, any), (&mut global.vrrp_fifo, vrrp), (&mut global.lvs_fifo, lvs)]
        {
            let Some(script) = script else { continue };
            match fifo {
                Some(fifo) => fifo.script = self.notify_script(&script),
                None => {
                    let message = "a FIFO's script without its FIFO is never run";
                    self.ctx.report(Finding::remark("missing-fifo", message, script.span));
                }
            }
        }
    }

    /// The uses of a tracked block by id. `own` is the instance's interface, which needs no tracking. Weights are
    /// `false` where they cannot be: in sync groups, and for owners of the addresses.
    pub(crate) fn uses(
        &mut self,
        tracked: &Tracked,
        who: &str,
        own: Option<(InterfaceId, &str)>,
        weights: Result<(), &'static str>,
        draft: &mut Draft,
    ) -> Vec<TrackUse> {
        let mut uses = Vec::new();
        for used in &tracked.interfaces {
            if own.is_some_and(|(_, name)| name == used.of.name) {
                let message =
                    format!("({who}) Ignoring track_interface {} since own interface", used.of.name);
                self.ctx.report(
                    Finding::adjusted("own-interface", message, used.of.span)
                        .note("it is watched anyway, unless `dont_track_primary`"),
                );
                continue;
            }
            let key = (Kind::Interface.word(), used.of.name.clone());
            if !self.known.contains_key(&key) {
                let id = draft.interfaces.id(&used.of.name);
                let kind = TrackKind::Interface(id);
                self.track(Kind::Interface, &used.of.name, Weight::default(), kind, TrackPlan::Interface);
            }
            uses.extend(self.one_use(Kind::Interface, used, who, weights));
        }
        for (kind, list) in [
            (Kind::Script, &tracked.scripts),
            (Kind::File, &tracked.files),
            (Kind::Process, &tracked.processes),
            (Kind::Bfd, &tracked.bfds),
        ] {
            for used in list {
                uses.extend(self.one_use(kind, used, who, weights));
            }
        }
        uses
    }

    fn one_use(
        &mut self,
        kind: Kind,
        used: &UseDraft,
        who: &str,
        weights: Result<(), &'static str>,
    ) -> Option<TrackUse> {
        let Some((track, own)) = self.known.get(&(kind.word(), used.of.name.clone())).copied() else {
            // It was defined, and dropped since: a script without a user, a BFD instance of the director's.
            let message = format!("({who}) track {} {} not found, ignoring...", kind.word(), used.of.name);
            self.ctx.report(Finding::tolerated("unknown-name", message, used.of.span));
            return None;
        };
        let weight = used.weight.unwrap_or(own);
        if let (Err(why), true) = (weights, weight.value != 0) {
            let message = format!(
                "({who}) ignoring tracked {} {} with weights due to {why}",
                kind.word(),
                used.of.name
            );
            self.ctx.report(
                Finding::adjusted("weight-ignored", message, used.of.span)
                    .note("it is not tracked at all: say `weight 0` for a fault"),
            );
            return None;
        }
        Some(TrackUse { track, weight: weight.value, reverse: weight.reverse })
    }

    fn groups(
        &mut self,
        draft: &mut Draft,
        sync: &[(usize, Vec<String>)],
        ids: &BTreeMap<String, InstanceId>,
    ) -> Vec<GroupPlan> {
        let groups: Vec<GroupDraft> = std::mem::take(&mut draft.groups);
        let mut plans = Vec::new();
        for (position, names) in sync {
            let Some(group) = groups.get(*position) else { continue };
            let members: Vec<InstanceId> = names.iter().filter_map(|name| ids.get(name).copied()).collect();
            let id = GroupId(u32::try_from(self.node.groups.len()).unwrap_or(u32::MAX));
            for member in &members {
                if let Some(instance) = self.node.instances.get_mut(member.0 as usize) {
                    instance.group = Some(id);
                }
            }
            let tracks = self.uses(&group.tracked, &group.of.name, None, Ok(()), draft);
            self.node.groups.push(GroupConf {
                name: group.of.name.clone(),
                members,
                tracks,
                tracking_weight: group.tracking_weight,
                global_tracking: group.global_tracking,
            });
            let notify = self.notify(&group.notify, draft);
            plans.push(GroupPlan { notify, span: group.of.span });
        }
        plans
    }

    /// Scripts run as root, and nobody asked whether others could change them. Where an interface is missing, the
    /// original ends before it looks.
    fn security(&mut self, draft: &Draft) {
        let running = std::mem::take(&mut self.running);
        let ends_before = !draft.interfaces.missing.is_empty();
        let mut insecure =
            running.iter().filter_map(|(span, why)| why.as_ref().map(|why| (*span, why))).peekable();
        let mut message =
            "SECURITY VIOLATION - scripts are being executed but script_security not enabled.".to_owned();
        let Some((first, _)) = running.first() else { return };
        if insecure.peek().is_some() {
            message.push_str(" There are insecure scripts.");
        }
        let mut finding = Finding::security("script-security", message, *first)
            .note("runs as root")
            .help("Write `enable_script_security` and `script_user root` into global_defs, or name a user without rights.");
        for (span, why) in insecure {
            finding = finding.label(span, why.clone());
        }
        if ends_before {
            finding.class = Class::Remark;
        }
        self.ctx.report(finding);
    }
}

/// True if two instances' groups of peers have none in common.
pub(crate) fn apart(a: &InstanceDraft, b: &InstanceDraft) -> bool {
    !a.peers.is_empty()
        && !b.peers.is_empty()
        && !a.peers.iter().any(|peer| b.peers.iter().any(|other| other.address == peer.address))
}
