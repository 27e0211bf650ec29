//! Sections that are neither `global` nor proxies. What a section only defines waits for its use, which says what is
//! not built; a section that would do something by itself is refused once, at its head.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bstr::BString;
use evenkeel_base::{Diagnostic, Level, Support, Word, Words};
use evenkeel_expr::env::{Secret, User, Userlist};
use evenkeel_plan::proxy::ErrorPage;

use super::context::Ctx;
use super::proxy::bad_character;
use super::run::refused;
use crate::ast::{Line, Section, SectionKind};

/// How far a section is supported; `None`: it is read elsewhere.
pub(crate) fn support(kind: SectionKind) -> Option<Support> {
    const DEFINES: &str = "it only defines what other lines use";
    match kind {
        SectionKind::Global
        | SectionKind::Defaults
        | SectionKind::Frontend
        | SectionKind::Backend
        | SectionKind::Listen
        | SectionKind::Userlist
        | SectionKind::HttpErrors => Some(Support::Supported),
        SectionKind::Resolvers => Some(Support::Accepted("names are only looked up at start")),
        SectionKind::Mailers
        | SectionKind::Cache
        | SectionKind::FcgiApp
        | SectionKind::CrtStore
        | SectionKind::LogProfile
        | SectionKind::Healthcheck
        | SectionKind::NamespaceList => Some(Support::Accepted(DEFINES)),
        SectionKind::Peers => Some(Support::Refused("not built yet: stick tables and peers")),
        SectionKind::Program => Some(Support::Refused("not built yet: the master process and its programs")),
        SectionKind::Ring => Some(Support::Refused("not built yet: rings")),
        SectionKind::LogForward => Some(Support::Refused("not built yet: syslog listeners")),
        SectionKind::Traces => Some(Support::Refused("not built yet: traces")),
        SectionKind::Acme => Some(Support::Refused("not built yet: TLS")),
        SectionKind::Unknown => None,
    }
}

/// Keywords of `resolvers` sections.
const RESOLVERS: &[&str] =
    &["nameserver", "parse-resolv-conf", "hold", "resolve_retries", "timeout", "accepted_payload_size"];

/// Any other section: one message at its head, its lines are passed over.
pub(crate) fn section(section: &Section, ctx: &mut Ctx<'_>) {
    let word = section.kind.word();
    let span = section.head.keyword().span;
    match support(section.kind) {
        Some(Support::Refused(reason)) => ctx.report(refused(word, reason, span)),
        Some(Support::Accepted(reason)) => {
            let message = format!("'{word}' section has no effect: {reason}");
            ctx.report(Diagnostic::new(Level::Diag, "no-effect", message, span));
            if section.kind == SectionKind::Resolvers {
                for line in &section.lines {
                    if !RESOLVERS.iter().any(|known| line.keyword().is(known)) {
                        unknown(line, section, RESOLVERS, ctx);
                    }
                }
            }
        }
        Some(Support::Supported | Support::Obsolete(_)) | None => {} // read before, or the reader has said it
    }
}

fn unknown(line: &Line, section: &Section, known: &[&'static str], ctx: &mut Ctx<'_>) {
    let word = line.keyword();
    let fault = Diagnostic::error(
        "unknown-keyword",
        format!("unknown keyword '{word}' in '{}' section", section.kind.word()),
        word.span,
    );
    ctx.report(match evenkeel_base::near::nearest(&word.str(), known.iter().copied()) {
        Some(near) => fault.note(format!("did you mean `{near}`?")),
        None => fault,
    });
}

fn name<'a>(section: &'a Section, ctx: &mut Ctx<'_>) -> Option<&'a Word> {
    let word = section.kind.word();
    let Some(name) = section.name() else {
        let place = section.head.span.after();
        ctx.error("missing-argument", format!("'{word}' expects <name> as arguments."), place);
        return None;
    };
    if let Some(bad) = bad_character(&name.str()) {
        let message = format!("character '{bad}' is not permitted in '{word}' name '{name}'.");
        ctx.error("bad-name", message, name.span);
    }
    Some(name)
}

/// A `userlist` (read before all others, so that any rule may name it).
pub(crate) fn userlist(section: &Section, ctx: &mut Ctx<'_>) {
    let Some(name) = name(section, ctx) else { return };
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut groups: BTreeMap<String, Vec<Word>> = BTreeMap::new();
    let mut memberships: Vec<(String, Word)> = Vec::new();
    for line in &section.lines {
        let mut words = Words::new(line.args(), line.keyword().span);
        let outcome = match line.keyword().str().as_ref() {
            "user" => user(&mut words, name, &mut users, &mut order, &mut memberships, ctx),
            "group" => group(&mut words, name, &mut groups, ctx),
            _ => {
                unknown(line, section, &["user", "group"], ctx);
                Ok(())
            }
        };
        if let Err(fault) = outcome {
            ctx.report(fault);
        }
    }
    for (user, group) in memberships {
        if !groups.contains_key(group.str().as_ref()) {
            let message = format!("userlist '{name}': no such group '{group}' specified in user '{user}'");
            ctx.error("unknown-group", message, group.span);
        } else if let Some(user) = users.get_mut(&user) {
            user.groups.push(group.str().into_owned());
        }
    }
    for (group, members) in groups {
        for member in members {
            match users.get_mut(member.str().as_ref()) {
                Some(user) => user.groups.push(group.clone()),
                None => {
                    let message =
                        format!("userlist '{name}': no such user '{member}' specified in group '{group}'");
                    ctx.error("unknown-user", message, member.span);
                }
            }
        }
    }
    let users = order.into_iter().filter_map(|name| users.remove(&name)).map(|mut user| {
        user.groups.sort();
        user.groups.dedup();
        user
    });
    let list = Userlist { name: name.str().into_owned(), users: users.collect() };
    if !ctx.names.add_userlist(list) {
        ctx.warn("duplicate-name", format!("ignoring duplicated userlist '{name}'."), name.span);
    }
}

/// `user <name> [password|insecure-password <secret>] [groups <group>,…]`.
fn user(
    words: &mut Words<'_>,
    list: &Word,
    users: &mut BTreeMap<String, User>,
    order: &mut Vec<String>,
    memberships: &mut Vec<(String, Word)>,
    ctx: &mut Ctx<'_>,
) -> Result<(), Diagnostic> {
    let usage = |words: &Words<'_>| {
        Diagnostic::error(
            "missing-argument",
            "'user' expects <name> as arguments.",
            words.last_span().after(),
        )
    };
    let name = words.next().ok_or_else(|| usage(words))?;
    let text = name.str().into_owned();
    if users.contains_key(&text) {
        ctx.warn(
            "duplicate-name",
            format!("ignoring duplicated user '{name}' in userlist '{list}'."),
            name.span,
        );
        return Ok(());
    }
    let mut user = User { name: text.clone(), ..User::default() };
    while let Some(word) = words.next() {
        let value = |words: &mut Words<'_>| {
            let place = words.last_span().after();
            words.next().cloned().ok_or_else(|| {
                Diagnostic::error("missing-argument", format!("'{word}' expects a value"), place)
            })
        };
        match word.str().as_ref() {
            "password" => user.secret = Secret::Crypt(value(words)?.str().into_owned()),
            "insecure-password" => user.secret = Secret::Plain(BString::from(value(words)?.bytes())),
            "groups" => {
                memberships.extend(parts(&value(words)?).into_iter().map(|group| (text.clone(), group)))
            }
            _ => {
                let message = "'user' only supports 'password', 'insecure-password' and 'groups' options.";
                return Err(Diagnostic::error("bad-choice", message, word.span));
            }
        }
    }
    order.push(text.clone());
    users.insert(text, user);
    Ok(())
}

/// `group <name> [users <user>,…]`.
fn group(
    words: &mut Words<'_>,
    list: &Word,
    groups: &mut BTreeMap<String, Vec<Word>>,
    ctx: &mut Ctx<'_>,
) -> Result<(), Diagnostic> {
    let place = words.last_span().after();
    let name = words.next().ok_or_else(|| {
        Diagnostic::error("missing-argument", "'group' expects <name> as arguments.", place)
    })?;
    let members = match words.next() {
        None => Vec::new(),
        Some(word) if word.is("users") => words.next().map(parts).unwrap_or_default(),
        Some(word) => {
            return Err(Diagnostic::error("bad-choice", "'group' only supports 'users' option.", word.span));
        }
    };
    words.finish()?;
    match groups.entry(name.str().into_owned()) {
        Entry::Vacant(place) => {
            place.insert(members);
        }
        Entry::Occupied(_) => {
            let message = format!("ignoring duplicated group '{name}' in userlist '{list}'.");
            ctx.warn("duplicate-name", message, name.span);
        }
    }
    Ok(())
}

/// The parts between commas.
fn parts(word: &Word) -> Vec<Word> {
    let mut parts = Vec::new();
    let mut start = 0;
    for part in word.bytes().split(|b| *b == b',') {
        parts.push(word.part(start, start + part.len()));
        start += part.len() + 1;
    }
    parts
}

/// An `http-errors` section (read before the proxies that name it).
pub(crate) fn http_errors(section: &Section, ctx: &mut Ctx<'_>) {
    ctx.enter_section(section);
    let Some(name) = name(section, ctx) else { return };
    let mut pages: Vec<ErrorPage> = Vec::new();
    for line in &section.lines {
        if !line.keyword().is("errorfile") {
            unknown(line, section, &["errorfile"], ctx);
            continue;
        }
        let mut words = Words::new(line.args(), line.keyword().span);
        match super::errors::section_page(ctx, &mut words).and_then(|page| words.finish().map(|()| page)) {
            Ok(page) => {
                pages.retain(|p| p.status != page.status);
                pages.push(page);
            }
            Err(fault) => ctx.report(fault),
        }
    }
    match ctx.http_errors.entry(name.str().into_owned()) {
        Entry::Vacant(place) => {
            place.insert(pages);
        }
        Entry::Occupied(_) => {
            let message = format!("http-errors section '{name}' already exists.");
            ctx.error("duplicate-name", message, name.span);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::says;

    #[test]
    fn faults() {
        says(
            "userlist a\nuserlist a\n user x\nuserlist b\n user x insecure-password y\n user x password z\n group g users x,q\n group g\n \
             user y password k groups nog,g\n user\n user z foo bar\n uesr k\n\
             http-errors e\n errorfile 503 /etc/page.http\n errorfile 503 /nonexistent\n errorfile 999 /x\n errorfile 503\n foo\nhttp-errors e\n\
             peers p\n peer x 1.2.3.4:5\n anything goes\nresolvers r\n nameserver n 1.2.3.4:53\n namserver m 1.2.3.4:53\nmailers m\n mailer x 1.2.3.4:25\n\
             peers q\n",
            expect![[r#"
                W 2:10 duplicate-name: ignoring duplicated userlist 'a'.
                W 6:7 duplicate-name: ignoring duplicated user 'x' in userlist 'b'.
                E 7:18 unknown-user: userlist 'b': no such user 'q' specified in group 'g'
                W 8:8 duplicate-name: ignoring duplicated group 'g' in userlist 'b'.
                E 9:27 unknown-group: userlist 'b': no such group 'nog' specified in user 'y'
                E 10:6 missing-argument: 'user' expects <name> as arguments.
                E 11:9 bad-choice: 'user' only supports 'password', 'insecure-password' and 'groups' options.
                E 12:2 unknown-keyword: unknown keyword 'uesr' in 'userlist' section
                E 15:16 missing-file: errorfile : error opening file '/nonexistent'.
                E 16:12 bad-status: errorfile : status code '999' not handled.
                E 17:11 missing-argument: errorfile : expects <status_code> and <file> as arguments.
                E 18:2 unknown-keyword: unknown keyword 'foo' in 'http-errors' section
                E 19:13 duplicate-name: http-errors section 'e' already exists.
                E 20:1 refused: 'peers' cannot be used: not built yet: stick tables and peers
                D 23:1 no-effect: 'resolvers' section has no effect: names are only looked up at start
                E 25:2 unknown-keyword: unknown keyword 'namserver' in 'resolvers' section
                D 26:1 no-effect: 'mailers' section has no effect: it only defines what other lines use
            "#]],
        );
    }
}
