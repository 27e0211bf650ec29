//! HAProxy's command line as data: the table of its switches, and the one pass that reads them. Prints nothing, touches
//! nothing: what is doubtful comes back in [`Command::notes`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use evenkeel_base::Support;

/// Most processes that `-sf`/`-st` may name: far above any real list, below what makes signalling them slow.
const OLD_PIDS_MAX: usize = 4096;

/// What a switch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// Text directly behind it, or nothing: `-dM`, `-dM0x55`.
    Glued(&'static str),
    /// The next argument, whatever it looks like.
    Next(&'static str),
    /// All following arguments that don't begin with `-`.
    Pids,
    /// All following arguments.
    Files,
}

/// What a switch sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sets {
    File,
    Files,
    Folder,
    Check,
    Condition,
    Version,
    BuildOptions,
    Verbose,
    Quiet,
    Debug,
    Foreground,
    Daemon,
    Worker,
    PidFile,
    Connections,
    ProxyConnections,
    Memory,
    Peer,
    ZeroWarning,
    Diagnostics,
    Unresolved,
    NoSplice,
    Libraries,
    MemoryDebug,
    MasterSocket,
    Finish,
    Terminate,
    Adopt,
    /// Read and without effect here; `enabled()` no longer finds the named facility.
    Nothing {
        disables: Option<&'static str>,
    },
}

/// One switch.
#[derive(Debug)]
pub(crate) struct Flag {
    /// As written, dash included.
    pub(crate) form: &'static str,
    /// What follows it.
    pub(crate) takes: Takes,
    sets: Sets,
    /// One line of help.
    pub(crate) doc: &'static str,
    /// How far it is built.
    pub(crate) support: Support,
}

const fn flag(form: &'static str, takes: Takes, sets: Sets, doc: &'static str) -> Flag {
    Flag { form, takes, sets, doc, support: Support::Supported }
}

const fn inert(
    form: &'static str,
    takes: Takes,
    disables: Option<&'static str>,
    doc: &'static str,
    why: &'static str,
) -> Flag {
    Flag { form, takes, sets: Sets::Nothing { disables }, doc, support: Support::Accepted(why) }
}

const fn refused(form: &'static str, takes: Takes, sets: Sets, doc: &'static str, why: &'static str) -> Flag {
    Flag { form, takes, sets, doc, support: Support::Refused(why) }
}

const POLLER: &str = "epoll is the only poller";

/// All switches (management manual §3), in the order of the help.
pub(crate) const FLAGS: &[Flag] = &[
    flag(
        "-f",
        Takes::Next("<file|folder>"),
        Sets::File,
        "a configuration, or a folder of *.cfg; may be repeated",
    ),
    flag("--", Takes::Files, Sets::Files, "everything after it is a configuration, as with -f"),
    flag("-C", Takes::Next("<folder>"), Sets::Folder, "go to this folder before anything is read"),
    flag(
        "-c",
        Takes::Nothing,
        Sets::Check,
        "check the configuration and exit: 0 valid, 1 not, 2 nothing to listen on",
    ),
    flag(
        "-cc",
        Takes::Next("<condition>"),
        Sets::Condition,
        "answer an .if condition: exit 0 true, 1 false, 2 unreadable",
    ),
    flag("-v", Takes::Nothing, Sets::Version, "the version"),
    flag("-vv", Takes::Nothing, Sets::BuildOptions, "the version and what is built in"),
    flag("-V", Takes::Nothing, Sets::Verbose, "say more; stronger than -q"),
    flag("-q", Takes::Nothing, Sets::Quiet, "say nothing"),
    flag("-d", Takes::Nothing, Sets::Debug, "stay in the foreground and say more"),
    flag("-db", Takes::Nothing, Sets::Foreground, "stay in the foreground"),
    flag("-D", Takes::Nothing, Sets::Daemon, "go into the background"),
    refused(
        "-W",
        Takes::Nothing,
        Sets::Worker,
        "master and workers",
        "not built yet: the master-worker mode",
    ),
    refused(
        "-Ws",
        Takes::Nothing,
        Sets::Worker,
        "the same, telling systemd",
        "not built yet: the master-worker mode",
    ),
    refused(
        "-S",
        Takes::Next("<bind>"),
        Sets::MasterSocket,
        "the master's socket",
        "not built yet: the master-worker mode",
    ),
    flag("-p", Takes::Next("<file>"), Sets::PidFile, "write the daemon's process number there"),
    flag(
        "-n",
        Takes::Next("<number>"),
        Sets::Connections,
        "most connections of the process, over the file's maxconn",
    ),
    flag(
        "-N",
        Takes::Next("<number>"),
        Sets::ProxyConnections,
        "most connections of a frontend that has no maxconn",
    ),
    flag("-m", Takes::Next("<megabytes>"), Sets::Memory, "memory to fit in: lowers the computed maxconn"),
    flag("-L", Takes::Next("<name>"), Sets::Peer, "this node's name among peers; the host's by default"),
    flag("-sf", Takes::Pids, Sets::Finish, "once running, ask these processes to finish (SIGUSR1)"),
    flag("-st", Takes::Pids, Sets::Terminate, "once running, stop these processes (SIGTERM)"),
    refused(
        "-x",
        Takes::Next("<socket>"),
        Sets::Adopt,
        "take the listening sockets of a running process",
        "not built yet: asking another process for its sockets",
    ),
    flag("-dW", Takes::Nothing, Sets::ZeroWarning, "a warning is an error"),
    flag("-dD", Takes::Nothing, Sets::Diagnostics, "warn of what is suspicious, too"),
    flag("-dr", Takes::Nothing, Sets::Unresolved, "names of servers that cannot be resolved are no matter"),
    flag("-dS", Takes::Nothing, Sets::NoSplice, "never splice"),
    flag("-dL", Takes::Nothing, Sets::Libraries, "after the check, list the files that are loaded"),
    Flag {
        form: "-dM",
        takes: Takes::Glued("[byte][,option…]"),
        sets: Sets::MemoryDebug,
        doc: "memory debugging; -dMhelp explains",
        support: Support::Accepted("there are no memory pools to poison"),
    },
    inert("-dI", Takes::Nothing, None, "insecure fork", "nothing is forked after the start"),
    inert("-de", Takes::Nothing, Some("EPOLL"), "no epoll", POLLER),
    inert("-dp", Takes::Nothing, Some("POLL"), "no poll", POLLER),
    inert("-dk", Takes::Nothing, None, "no kqueue", POLLER),
    inert("-dv", Takes::Nothing, None, "no event ports", POLLER),
    inert(
        "-dG",
        Takes::Nothing,
        Some("GETADDRINFO"),
        "no getaddrinfo()",
        "names are resolved in one way only",
    ),
    inert(
        "-dR",
        Takes::Nothing,
        Some("REUSEPORT"),
        "no SO_REUSEPORT",
        "each shard has a listening socket of its own",
    ),
    inert("-dF", Takes::Nothing, Some("FAST-FORWARD"), "no fast-forward", "there is one way to forward"),
    inert("-dZ", Takes::Nothing, None, "no zero-copy forwarding", "-dS turns splicing off"),
    inert("-dV", Takes::Nothing, None, "no TLS verification of servers", "there is no TLS yet"),
    inert("-dT", Takes::Nothing, None, "no glibc trimming", "memory is not glibc's"),
    refused(
        "-dC",
        Takes::Glued("[key]"),
        Sets::Nothing { disables: None },
        "print the configuration",
        "not built yet",
    ),
    refused(
        "-dK",
        Takes::Glued("[class,…]"),
        Sets::Nothing { disables: None },
        "print the keywords",
        "not built yet",
    ),
    refused("-dt", Takes::Glued("[trace,…]"), Sets::Nothing { disables: None }, "traces", "not built yet"),
];

/// How old processes are to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldStop {
    /// `-sf`: SIGUSR1.
    Finish,
    /// `-st`: SIGTERM.
    Terminate,
}

/// A switch that is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The switch.
    pub(crate) form: &'static str,
    /// Why.
    pub(crate) why: &'static str,
    /// It would print something, so that a check cannot do without it either.
    pub(crate) even_checking: bool,
}

/// A command line, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    /// `-f` and `--`, in order.
    pub(crate) files: Vec<PathBuf>,
    /// `-C`; the last one counts, as in the original.
    pub(crate) folder: Option<PathBuf>,
    /// `-c`.
    pub(crate) check: bool,
    /// `-cc`; the last one counts.
    pub(crate) condition: Option<OsString>,
    /// `-V` or `-d`.
    pub(crate) verbose: bool,
    /// `-q`.
    pub(crate) quiet: bool,
    /// `-d` or `-db`: over `daemon` of the file, under `-D`.
    pub(crate) foreground: bool,
    /// `-D`.
    pub(crate) daemon: bool,
    /// `-W`, `-Ws`.
    pub(crate) worker: bool,
    /// `-S`.
    pub(crate) master_socket: bool,
    /// `-p`.
    pub(crate) pidfile: Option<PathBuf>,
    /// `-n`.
    pub(crate) maxconn: Option<u32>,
    /// `-N`.
    pub(crate) proxy_maxconn: Option<u32>,
    /// `-m`.
    pub(crate) memory_mb: Option<u32>,
    /// `-L`.
    pub(crate) peer: Option<OsString>,
    /// `-dW`.
    pub(crate) zero_warning: bool,
    /// `-dD`.
    pub(crate) diagnostics: bool,
    /// `-dr`.
    pub(crate) unresolved: bool,
    /// `-dS`.
    pub(crate) no_splice: bool,
    /// `-dL`.
    pub(crate) libraries: bool,
    /// `-sf`/`-st`.
    pub(crate) old_pids: Vec<u32>,
    /// Which of the two; the last one counts.
    pub(crate) old_stop: Option<OldStop>,
    /// Facilities that `enabled()` no longer finds.
    pub(crate) disabled: Vec<&'static str>,
    /// Refused switches.
    pub(crate) refused: Vec<Refusal>,
    /// Warnings.
    pub(crate) notes: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The usual.
    Run(Box<Command>),
    /// `-v`.
    Version,
    /// `-vv`.
    BuildOptions,
    /// `-dMhelp`.
    MemoryDebugHelp,
}

/// Why a command line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgvError {
    /// No switch at all, or one that is not known.
    #[error("{}", match word { Some(word) => format!("unknown argument '{word}'"), None => "nothing to do".to_string() })]
    Usage {
        /// The argument, if there was one.
        word: Option<String>,
    },
    /// The last argument wants another.
    #[error("{form} needs {what} after it")]
    Missing {
        /// The switch.
        form: &'static str,
        /// What it takes.
        what: &'static str,
    },
    /// A switch with something stuck to it that must stand apart.
    #[error("'{word}' : write '{form} {glued}'")]
    Stuck {
        /// As written.
        word: String,
        /// The switch.
        form: &'static str,
        /// What is stuck to it.
        glued: String,
    },
    /// No process number.
    #[error("{form} option: '{word}' is not a process number")]
    Pid {
        /// The switch.
        form: &'static str,
        /// As written.
        word: String,
    },
    /// Too many process numbers.
    #[error("{form} option: more than {OLD_PIDS_MAX} process numbers")]
    PidsTooMany {
        /// The switch.
        form: &'static str,
    },
}

/// Reads the arguments behind the program's name. `-v` answers at once, whatever follows it, as in the original.
pub(crate) fn parse(args: &[OsString]) -> Result<Asked, ArgvError> {
    let mut command = Command::default();
    let mut rest = args;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let (flag, glued) = find(word)?;
        note_support(flag, &mut command);
        match flag.takes {
            Takes::Nothing | Takes::Glued(_) => {
                if let Some(question) = question(flag, glued) {
                    return Ok(question);
                }
                set(&mut command, flag, OsStr::new(""));
            }
            Takes::Next(what) => {
                let Some((value, after)) = rest.split_first() else {
                    return Err(ArgvError::Missing { form: flag.form, what });
                };
                rest = after;
                set(&mut command, flag, value);
            }
            Takes::Pids => rest = take_pids(&mut command, flag, rest)?,
            Takes::Files => {
                command.files.extend(rest.iter().map(PathBuf::from));
                rest = &[];
            }
        }
        if matches!(flag.takes, Takes::Nothing) && !glued.is_empty() {
            command.notes.push(format!("'{}' was read as '{}'", word.to_string_lossy(), flag.form));
        }
    }
    if command.files.is_empty() && command.condition.is_none() {
        return Err(ArgvError::Usage { word: None });
    }
    Ok(Asked::Run(Box::new(command)))
}

/// What is answered without looking at the rest.
fn question(flag: &Flag, glued: &[u8]) -> Option<Asked> {
    if flag.sets == Sets::MemoryDebug && glued.starts_with(b"help") {
        return Some(Asked::MemoryDebugHelp);
    }
    match flag.form {
        "-v" => Some(Asked::Version),
        "-vv" => Some(Asked::BuildOptions),
        _ => None,
    }
}

/// The switch that a word is, and what is stuck to it. As in the original, what follows a switch without value is not
/// looked at (`-Vx` is `-V`); the longest switch wins.
fn find(word: &OsStr) -> Result<(&'static Flag, &[u8]), ArgvError> {
    let bytes = word.as_bytes();
    let text = || word.to_string_lossy().into_owned();
    if let Some(flag) = FLAGS.iter().find(|flag| flag.form.as_bytes() == bytes) {
        return Ok((flag, b""));
    }
    let longest = FLAGS
        .iter()
        .filter(|flag| flag.takes != Takes::Files && bytes.starts_with(flag.form.as_bytes()))
        .max_by_key(|flag| flag.form.len());
    let Some(flag) = longest else { return Err(ArgvError::Usage { word: Some(text()) }) };
    let glued = &bytes[flag.form.len()..];
    match flag.takes {
        Takes::Nothing | Takes::Glued(_) => Ok((flag, glued)),
        Takes::Next(_) => Err(ArgvError::Stuck {
            word: text(),
            form: flag.form,
            glued: String::from_utf8_lossy(glued).into_owned(),
        }),
        Takes::Pids | Takes::Files => Err(ArgvError::Usage { word: Some(text()) }),
    }
}

fn note_support(flag: &'static Flag, command: &mut Command) {
    match flag.support {
        Support::Supported | Support::Accepted(_) => {}
        Support::Obsolete(today) => command.notes.push(format!("{} is obsolete: {today}", flag.form)),
        Support::Refused(why) => {
            let even_checking = matches!(flag.sets, Sets::Nothing { .. });
            command.refused.push(Refusal { form: flag.form, why, even_checking });
        }
    }
}

fn set(command: &mut Command, flag: &Flag, value: &OsStr) {
    match flag.sets {
        Sets::File => command.files.push(PathBuf::from(value)),
        Sets::Folder => command.folder = Some(PathBuf::from(value)),
        Sets::Check => command.check = true,
        Sets::Condition => command.condition = Some(value.to_owned()),
        Sets::Verbose => command.verbose = true,
        Sets::Quiet => command.quiet = true,
        Sets::Debug => {
            command.verbose = true;
            command.foreground = true;
        }
        Sets::Foreground => command.foreground = true,
        Sets::Daemon => command.daemon = true,
        Sets::Worker => command.worker = true,
        Sets::PidFile => command.pidfile = Some(PathBuf::from(value)),
        Sets::Connections => command.maxconn = number(flag, value, &mut command.notes),
        Sets::ProxyConnections => command.proxy_maxconn = number(flag, value, &mut command.notes),
        Sets::Memory => command.memory_mb = number(flag, value, &mut command.notes),
        Sets::Peer => command.peer = Some(value.to_owned()),
        Sets::ZeroWarning => command.zero_warning = true,
        Sets::Diagnostics => command.diagnostics = true,
        Sets::Unresolved => command.unresolved = true,
        Sets::NoSplice => {
            command.no_splice = true;
            command.disabled.push("SPLICE");
        }
        Sets::Libraries => command.libraries = true,
        Sets::MasterSocket => command.master_socket = true,
        Sets::Nothing { disables } => command.disabled.extend(disables),
        // Read where they stand: they end the reading, or take more than one argument, or are refused with a reason.
        Sets::Version
        | Sets::BuildOptions
        | Sets::MemoryDebug
        | Sets::Files
        | Sets::Finish
        | Sets::Terminate
        | Sets::Adopt => {}
    }
}

/// A limit. The original takes anything that is no number for 0, which means no limit; so do we, but say so.
fn number(flag: &Flag, value: &OsStr, notes: &mut Vec<String>) -> Option<u32> {
    let parsed = value.to_str().and_then(|text| text.parse::<u32>().ok());
    if parsed.is_none() {
        notes.push(format!(
            "{} : '{}' is not a number, so it has no effect",
            flag.form,
            value.to_string_lossy()
        ));
    }
    parsed.filter(|n| *n > 0)
}

fn take_pids<'a>(
    command: &mut Command,
    flag: &Flag,
    mut rest: &'a [OsString],
) -> Result<&'a [OsString], ArgvError> {
    command.old_stop = Some(if flag.sets == Sets::Finish { OldStop::Finish } else { OldStop::Terminate });
    while let Some((word, after)) = rest.split_first() {
        if word.as_bytes().starts_with(b"-") {
            break;
        }
        rest = after;
        // `-sf "$(cat a b)"` gives several in one argument.
        for text in word.as_bytes().split(u8::is_ascii_whitespace).filter(|text| !text.is_empty()) {
            let pid =
                std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).filter(|pid| *pid > 0);
            let Some(pid) = pid else {
                let word = OsString::from_vec(text.to_vec()).to_string_lossy().into_owned();
                return Err(ArgvError::Pid { form: flag.form, word });
            };
            if command.old_pids.len() >= OLD_PIDS_MAX {
                return Err(ArgvError::PidsTooMany { form: flag.form });
            }
            command.old_pids.push(pid);
        }
    }
    Ok(rest)
}

/// Width of the switches in the help.
const USAGE_COLUMN: usize = 22;

/// The help, as the original lays it out.
pub(crate) fn usage(program: &str) -> String {
    let mut out = format!("Usage : {program} [-f <file|folder>]* [<switch>]* [-- <file>*]\n");
    for flag in FLAGS {
        let left = match flag.takes {
            Takes::Nothing => flag.form.to_string(),
            Takes::Glued(what) => format!("{}{what}", flag.form),
            Takes::Next(what) => format!("{} {what}", flag.form),
            Takes::Pids => format!("{} [<pid>…]", flag.form),
            Takes::Files => format!("{} <file>…", flag.form),
        };
        let state = match flag.support {
            Support::Supported => String::new(),
            Support::Accepted(why) => format!(" (no effect: {why})"),
            Support::Obsolete(today) => format!(" (obsolete: {today})"),
            Support::Refused(why) => format!(" ({why})"),
        };
        out.push_str(&format!("        {left:USAGE_COLUMN$} {}{state}\n", flag.doc));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[track_caller]
    fn run(line: &str) -> Command {
        match parse(&args(line)) {
            Ok(Asked::Run(command)) => *command,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_form_is_found_and_stands_once() {
        for (i, flag) in FLAGS.iter().enumerate() {
            let (found, glued) = find(OsStr::new(flag.form)).expect("in the table");
            assert_eq!((found.form, glued), (flag.form, &b""[..]));
            assert!(FLAGS[..i].iter().all(|other| other.form != flag.form), "{} twice", flag.form);
            assert!(usage("haproxy").contains(flag.doc));
        }
    }

    #[test]
    fn files_keep_their_order() {
        for (line, want) in [
            ("-f a -f b", "a b"),
            ("-f a -- b -c", "a b -c"),
            ("-c -- a", "a"),
            ("-f --", "--"),
            ("-f -c", "-c"),
        ] {
            let files: Vec<_> = run(line).files.iter().map(|f| f.display().to_string()).collect();
            assert_eq!(files.join(" "), want, "{line}");
        }
    }

    #[test]
    fn switches_set_what_they_say() {
        type Test = fn(&Command) -> bool;
        let rows: &[(&str, Test)] = &[
            ("-c -f a", |c| c.check && !c.verbose),
            ("-d -f a", |c| c.foreground && c.verbose && !c.daemon),
            ("-db -f a", |c| c.foreground && !c.verbose),
            ("-D -f a", |c| c.daemon && !c.foreground),
            ("-q -V -f a", |c| c.quiet && c.verbose),
            ("-n 100 -N 7 -m 64 -f a", |c| {
                (c.maxconn, c.proxy_maxconn, c.memory_mb) == (Some(100), Some(7), Some(64))
            }),
            ("-n 0 -f a", |c| c.maxconn.is_none() && c.notes.is_empty()),
            ("-n abc -f a", |c| c.maxconn.is_none() && c.notes.len() == 1),
            ("-n -5 -f a", |c| c.maxconn.is_none() && c.notes.len() == 1),
            ("-L me -p /p -C /d -f a", |c| {
                c.peer.as_deref() == Some(OsStr::new("me")) && c.pidfile.is_some() && c.folder.is_some()
            }),
            ("-dM -dI -dW -f a", |c| c.zero_warning && c.notes.is_empty() && c.refused.is_empty()),
            ("-dM0x55,no-merge -f a", |c| c.notes.is_empty()),
            ("-de -dS -f a", |c| c.disabled == ["EPOLL", "SPLICE"] && c.no_splice),
            ("-Ws -c -f a", |c| c.worker && c.refused.len() == 1),
            ("-x /s -f a", |c| c.refused.len() == 1),
            ("-f a -sf", |c| c.old_pids.is_empty() && c.old_stop == Some(OldStop::Finish)),
            ("-f a -sf 1 2 -V", |c| c.old_pids == [1, 2] && c.verbose),
            ("-f a -st 7", |c| c.old_pids == [7] && c.old_stop == Some(OldStop::Terminate)),
            ("-cc 1", |c| c.condition.is_some() && c.files.is_empty()),
            ("-Vx -f a", |c| c.verbose && c.notes.len() == 1),
            ("-dbx -f a", |c| c.foreground && c.notes.len() == 1),
        ];
        for (line, test) in rows {
            let command = run(line);
            assert!(test(&command), "{line}: {command:?}");
        }
    }

    #[test]
    fn questions_are_answered_where_they_stand() {
        for (line, want) in [
            ("-v", Asked::Version),
            ("-vv", Asked::BuildOptions),
            ("-vvv", Asked::BuildOptions),
            ("-vx", Asked::Version),
            ("-c -f bad -v -nonsense", Asked::Version),
            ("-cc 0 -v", Asked::Version),
            ("-dMhelp -cc 1", Asked::MemoryDebugHelp),
        ] {
            assert_eq!(parse(&args(line)), Ok(want), "{line}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, want) in [
            ("", "nothing to do"),
            ("-V", "nothing to do"),
            ("foo", "unknown argument 'foo'"),
            ("-", "unknown argument '-'"),
            ("-z -f a", "unknown argument '-z'"),
            ("--help", "unknown argument '--help'"),
            ("-f a b", "unknown argument 'b'"),
            ("-f a -sx", "unknown argument '-sx'"),
            ("-f", "-f needs <file|folder> after it"),
            ("-f a -n", "-n needs <number> after it"),
            ("-cc", "-cc needs <condition> after it"),
            ("-n100 -f a", "'-n100' : write '-n 100'"),
            ("-fa", "'-fa' : write '-f a'"),
            ("-f a -sf x", "-sf option: 'x' is not a process number"),
            ("-f a -st 1 0", "-st option: '0' is not a process number"),
        ] {
            let error = parse(&args(line)).expect_err(line);
            assert_eq!(error.to_string(), want, "{line}");
        }
    }
}
