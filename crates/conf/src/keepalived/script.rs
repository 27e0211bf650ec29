//! Command lines of scripts: their words, whom they run as, and whether others could change what runs.

use bstr::ByteSlice;
use evenkeel_base::{Span, Word, Words};
use evenkeel_plan::keeper::{ScriptPlan, UserGroup};

use super::context::Ctx;
use super::draft::Defaults;
use super::finding::Finding;
use super::outside::{FileKind, Outside, Owner};

/// Most words of a command.
const WORDS_MAX: usize = 256;

/// The user that scripts run as where the file names none, if the system has it.
const DEFAULT_USER: &str = "keepalived_script";

/// Who is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// No such user.
    User(String),
    /// No such group.
    Group(String, Span),
}

impl Unknown {
    /// In words.
    pub(crate) fn text(&self) -> String {
        match self {
            Unknown::User(name) => format!("the system has no user {name}"),
            Unknown::Group(name, _) => format!("the system has no group {name}"),
        }
    }

    /// Where.
    pub(crate) fn span(&self, user: &Word) -> Span {
        match self {
            Unknown::User(_) => user.span,
            Unknown::Group(_, span) => *span,
        }
    }
}

/// The numbers of `USER [GROUP]`; the group is the user's own where none is named.
pub(crate) fn user_group(ctx: &Ctx<'_>, user: &Word, group: Option<&Word>) -> Result<UserGroup, Unknown> {
    let name = user.str();
    let Some(Owner { uid, gid }) = ctx.outside.user(&name) else {
        return Err(Unknown::User(name.into_owned()));
    };
    match group {
        None => Ok(UserGroup { uid, gid }),
        Some(word) => match ctx.outside.group(&word.str()) {
            Some(gid) => Ok(UserGroup { uid, gid }),
            None => Err(Unknown::Group(word.str().into_owned(), word.span)),
        },
    }
}

/// `COMMAND [USER [GROUP]]`. Nothing where the command is empty, or the user is unknown: the original drops it silently.
pub(crate) fn command_with_user(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
) -> Result<Option<ScriptPlan>, Finding> {
    let Some(mut plan) = command(ctx, words)? else { return Ok(None) };
    if let Some(user) = words.next() {
        let group = words.next();
        match user_group(ctx, user, group) {
            Ok(found) => plan.user = Some(found),
            Err(wrong) => {
                let finding = Finding::remark("unknown-user", wrong.text(), wrong.span(user))
                    .help(format!("{} is not run.", plan.text));
                ctx.report(match words.peek().is_some() || plan.text.contains(' ') {
                    true => finding,
                    false => finding.help(
                        "A command with parameters needs quotes around it: \"/path/script parameter\".",
                    ),
                });
                return Ok(None);
            }
        }
        if let Some(surplus) = words.next() {
            words.take_rest();
            ctx.report(
                Finding::remark(
                    "surplus-word",
                    format!("`{surplus}` is no part of this command"),
                    surplus.span,
                )
                .note("a command with parameters needs quotes around it"),
            );
        }
    }
    Ok(Some(plan))
}

/// The command, without a user. `None` where it is empty.
///
/// The original reads such a line twice: quotes and escapes make its words, and then those of the first word make the
/// program's parameters.
pub(crate) fn command(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Option<ScriptPlan>, Finding> {
    let word = ctx.need(words)?;
    let mut span = word.span;
    let mut text = word.str().into_owned();
    if let Some(raw) = &ctx.raw {
        let line = raw.to_str_lossy().into_owned();
        let mut tokens =
            split(&line).map_err(|quote| unterminated(&line, quote, ctx.line))?.into_iter().skip(1);
        text = tokens.next().unwrap_or_default();
        // The words after the command are those at the end.
        let rest = tokens.count();
        while words.rest().len() > rest {
            words.next();
        }
        span = span.to(words.last_span());
    }
    let args = split(&text).map_err(|quote| unterminated(&text, quote, span))?;
    if args.is_empty() {
        ctx.report(Finding::remark("empty-command", "this command is empty: nothing is run", span));
        return Ok(None);
    }
    Ok(Some(ScriptPlan { args, text, user: None, span }))
}

fn unterminated(text: &str, quote: char, span: Span) -> Finding {
    Finding::tolerated("unmatched-quote", format!("String '{text}': missing terminating {quote}"), span)
}

/// Splits a command as a shell would: blanks part, quotes of both kinds keep together, a backslash takes the next letter
/// as it is or makes a control character. The error is the quote that has no end.
pub(crate) fn split(text: &str) -> Result<Vec<String>, char> {
    let mut args = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(char::is_ascii_whitespace).is_some() {}
        if letters.peek().is_none() || args.len() >= WORDS_MAX {
            return Ok(args);
        }
        let mut arg = String::new();
        let mut quote = None;
        while let Some(letter) = letters.next_if(|c| quote.is_some() || !c.is_ascii_whitespace()) {
            match letter {
                '\\' => escape(&mut letters, &mut arg),
                '"' | '\'' if quote.is_none() => quote = Some(letter),
                _ if Some(letter) == quote => quote = None,
                _ => arg.push(letter),
            }
        }
        if let Some(quote) = quote {
            return Err(quote);
        }
        args.push(arg);
    }
}

/// What a backslash makes of the letters after it (manual, *Quoted strings*).
fn escape(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, arg: &mut String) {
    let Some(letter) = letters.next() else { return };
    let made = match letter {
        'a' => '\x07',
        'b' => '\x08',
        'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => number(letters, 16, 2, 0),
        '0'..='7' => number(letters, 8, 2, letter.to_digit(8).unwrap_or(0)),
        'c' => match letters.next() {
            Some(control) => char::from((control as u32 & 0x1f) as u8),
            None => return,
        },
        other => other,
    };
    arg.push(made);
}

fn number(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    most: usize,
    first: u32,
) -> char {
    let mut value = first;
    for _ in 0..most {
        let Some(digit) = letters.peek().and_then(|c| c.to_digit(radix)) else { break };
        letters.next();
        value = value * radix + digit;
    }
    char::from((value & 0xff) as u8)
}

/// What becomes of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// Nobody but root can change it, or it does not run as root.
    Safe,
    /// Others can change it: what, and how.
    Unsafe(String),
    /// It is not there, or no file.
    Missing,
    /// A path from wherever the daemon stands: the original does not look.
    Unknown,
}

/// The file that a command's first word names: as it stands, or found in the folders of `PATH`.
pub(crate) fn program(outside: &dyn Outside, name: &str) -> Option<String> {
    /// Where programs are looked for without `PATH`.
    const FOLDERS: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
    if name.starts_with('/') {
        return outside.look(name).is_ok().then(|| name.to_owned());
    }
    let path = outside.environment("PATH").and_then(|p| String::from_utf8(p).ok());
    let path = path.filter(|p| !p.is_empty()).unwrap_or_else(|| FOLDERS.to_owned());
    path.split(':')
        .map(|folder| format!("{folder}/{name}"))
        .find(|path| outside.look(path).is_ok_and(|facts| facts.kind == FileKind::File))
}

/// Judges every part of the path to a program that runs as root: owned by root, and writable for nobody else, but for
/// folders with the sticky bit.
pub(crate) fn safety(outside: &dyn Outside, name: &str) -> Safety {
    if name.contains('/') && !name.starts_with('/') {
        return Safety::Unknown;
    }
    let Some(path) = program(outside, name) else { return Safety::Missing };
    let real = outside.real_path(&path).unwrap_or(path);
    let mut ends: Vec<usize> =
        real.char_indices().filter(|(n, c)| *c == '/' && *n > 0).map(|(n, _)| n).collect();
    ends.push(real.len());
    for end in ends {
        let part = &real[..end];
        let Ok(facts) = outside.look(part) else { return Safety::Missing };
        let last = end == real.len();
        if last && facts.kind != FileKind::File {
            return Safety::Unsafe(format!("{part} is no file"));
        }
        let sticky = facts.kind == FileKind::Folder && facts.mode & 0o1000 != 0;
        if facts.uid != 0 {
            return Safety::Unsafe(format!("{part} belongs to user {}: `chown root {part}`", facts.uid));
        }
        if facts.mode & 0o002 != 0 && !sticky {
            return Safety::Unsafe(format!("everybody can write to {part}: `chmod o-w {part}`"));
        }
        if facts.mode & 0o020 != 0 && facts.gid != 0 && !sticky {
            return Safety::Unsafe(format!("group {} can write to {part}: `chmod g-w {part}`", facts.gid));
        }
    }
    Safety::Safe
}

/// Whom scripts run as that name nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultUser {
    /// This one.
    Is(UserGroup),
    /// `script_user` names somebody who is not there: nothing runs.
    Bad,
    /// Script security is on, nobody is named, and the system lacks `keepalived_script`: nothing runs.
    Lacking,
}

/// Whom scripts run as that name nobody.
pub(crate) fn default_user(defaults: &Defaults, security: bool, outside: &dyn Outside) -> DefaultUser {
    match defaults.script_user {
        Some(Some(user)) => DefaultUser::Is(user),
        Some(None) => DefaultUser::Bad,
        None => match outside.user(DEFAULT_USER) {
            Some(Owner { uid, gid }) => DefaultUser::Is(UserGroup { uid, gid }),
            None if security => DefaultUser::Lacking,
            None => DefaultUser::Is(UserGroup { uid: 0, gid: 0 }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::outside::FileFacts;
    use super::super::testing::Rows;
    use super::*;

    #[test]
    fn commands_split_as_in_a_shell() {
        for (text, want) in [
            ("killall -0 haproxy", Ok(vec!["killall", "-0", "haproxy"])),
            (
                "/bin/sh -c 'exit 0; echo \"x y\"' b\\ c",
                Ok(vec!["/bin/sh", "-c", "exit 0; echo \"x y\"", "b c"]),
            ),
            ("a \\x41\\102\\t\\cA", Ok(vec!["a", "AB\t\x01"])),
            ("  ", Ok(vec![])),
            ("a ''", Ok(vec!["a", ""])),
            ("a 'b", Err('\'')),
            ("a \"b", Err('"')),
        ] {
            let want = want.map(|args| args.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(split(text), want, "{text}");
        }
    }

    #[test]
    fn every_part_of_the_path_is_judged() {
        let facts = |kind, uid, gid, mode| FileFacts { kind, uid, gid, mode };
        let folder = |uid, gid, mode| facts(FileKind::Folder, uid, gid, mode);
        let file = |uid, gid, mode| facts(FileKind::File, uid, gid, mode);
        for (part, with, want) in [
            ("/etc/keepalived", folder(0, 0, 0o755), ""),
            (
                "/etc/keepalived",
                folder(0, 0, 0o777),
                "everybody can write to /etc/keepalived: `chmod o-w /etc/keepalived`",
            ),
            ("/etc/keepalived", folder(0, 0, 0o1777), ""),
            (
                "/etc/keepalived",
                folder(0, 7, 0o775),
                "group 7 can write to /etc/keepalived: `chmod g-w /etc/keepalived`",
            ),
            ("/etc/keepalived", folder(0, 0, 0o775), ""),
            (
                "/etc/keepalived/check.sh",
                file(7, 0, 0o755),
                "/etc/keepalived/check.sh belongs to user 7: `chown root /etc/keepalived/check.sh`",
            ),
            ("/etc/keepalived/check.sh", file(0, 0, 0o644), ""),
            ("/etc/keepalived/check.sh", folder(0, 0, 0o755), "/etc/keepalived/check.sh is no file"),
        ] {
            let mut rows = Rows::default();
            rows.facts.insert(part.to_owned(), with);
            let found = safety(&rows, "/etc/keepalived/check.sh");
            match want {
                "" => assert_eq!(found, Safety::Safe, "{part} {with:?}"),
                _ => assert_eq!(found, Safety::Unsafe(want.to_owned()), "{part} {with:?}"),
            }
        }
        let rows = Rows::default();
        assert_eq!(safety(&rows, "/etc/keepalived/none.sh"), Safety::Missing);
        assert_eq!(safety(&rows, "killall"), Safety::Safe, "found by PATH");
        assert_eq!(safety(&rows, "nosuch"), Safety::Missing);
    }
}
