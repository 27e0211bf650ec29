//! Keepalived's command line as data: the table of its switches, and the one pass that reads them as `getopt_long(3)` does
//! (short ones may be glued, long ones cut short, operands may stand between). Prints nothing, touches nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use evenkeel_base::Support;

/// What a switch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// The rest of the word, or the next word.
    Value(&'static str),
    /// What is glued to it, if anything.
    Glued(&'static str),
}

/// What a switch sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sets {
    File,
    OnlyVrrp,
    OnlyCheckers,
    NoBfd,
    Console,
    Detail,
    Facility,
    LogFile,
    NoSyslog,
    KeepAddresses,
    NoRespawn,
    Foreground,
    Dump,
    ParentPid,
    VrrpPid,
    Namespace,
    Strict,
    ConfigId,
    Umask,
    Core,
    CorePattern,
    Signum,
    IgnoreInt,
    Snmp,
    SnmpSocket,
    Test,
    Version,
    Help,
    Nothing,
}

/// One switch.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Its letter, if it has one.
    pub(crate) short: Option<u8>,
    /// Its long name, without dashes.
    pub(crate) long: &'static str,
    /// What follows it.
    pub(crate) takes: Takes,
    sets: Sets,
    /// One line of help.
    pub(crate) doc: &'static str,
    /// How far it is built.
    pub(crate) support: Support,
}

const fn flag(short: u8, long: &'static str, takes: Takes, sets: Sets, doc: &'static str) -> Flag {
    Flag { short: Some(short), long, takes, sets, doc, support: Support::Supported }
}

impl Flag {
    const fn long_only(self) -> Flag {
        Flag { short: None, ..self }
    }

    const fn accepted(self, why: &'static str) -> Flag {
        Flag { support: Support::Accepted(why), ..self }
    }

    const fn refused(self, why: &'static str) -> Flag {
        Flag { support: Support::Refused(why), ..self }
    }

    /// As people write it: `-f, --use-file`.
    pub(crate) fn form(&self) -> String {
        match self.short {
            Some(letter) => format!("-{}, --{}", char::from(letter), self.long),
            None => format!("--{}", self.long),
        }
    }
}

const FILE: Takes = Takes::Value("FILE");
const NO_DIRECTOR: &str = "there is no director yet, so nothing of it is left behind";

/// All switches (keepalived(8)), in the order of the help.
pub(crate) const FLAGS: &[Flag] = &[
    flag(b'f', "use-file", FILE, Sets::File, "the configuration (/etc/keepalived/keepalived.conf)"),
    flag(b'P', "vrrp", Takes::Nothing, Sets::OnlyVrrp, "run the VRRP process only"),
    flag(b'C', "check", Takes::Nothing, Sets::OnlyCheckers, "run the checkers' process only")
        .refused("not built yet: virtual_server and its checkers"),
    flag(b'B', "no_bfd", Takes::Nothing, Sets::NoBfd, "do without BFD"),
    flag(b'\0', "all", Takes::Nothing, Sets::Nothing, "run all processes, even without configuration")
        .long_only()
        .accepted("a process without configuration would do nothing"),
    flag(b'l', "log-console", Takes::Nothing, Sets::Console, "log to standard error, too"),
    flag(b'D', "log-detail", Takes::Nothing, Sets::Detail, "log more"),
    flag(
        b'S',
        "log-facility",
        Takes::Value("0-7|local0-7|user|daemon"),
        Sets::Facility,
        "syslog's facility (daemon)",
    ),
    flag(
        b'g',
        "log-file",
        FILE,
        Sets::LogFile,
        "log to a file, too; the VRRP process's has _vrrp before its last dot",
    ),
    flag(b'\0', "flush-log-file", Takes::Nothing, Sets::Nothing, "flush the log file after each line")
        .long_only()
        .accepted("each line is written at once"),
    flag(b'G', "no-syslog", Takes::Nothing, Sets::NoSyslog, "do not log to syslog"),
    flag(b'u', "umask", Takes::Value("MASK"), Sets::Umask, "the umask, such as 022"),
    flag(b'X', "release-vips", Takes::Nothing, Sets::Nothing, "give addresses back on transitions by signal")
        .accepted("they always are"),
    flag(
        b'V',
        "dont-release-vrrp",
        Takes::Nothing,
        Sets::KeepAddresses,
        "leave addresses and routes when the daemon stops; they are not leased then",
    ),
    flag(b'I', "dont-release-ipvs", Takes::Nothing, Sets::Nothing, "leave virtual servers at the end")
        .accepted(NO_DIRECTOR),
    flag(b'R', "dont-respawn", Takes::Nothing, Sets::NoRespawn, "end when the VRRP process dies"),
    flag(b'n', "dont-fork", Takes::Nothing, Sets::Foreground, "stay in the foreground"),
    flag(b'd', "dump-conf", Takes::Nothing, Sets::Dump, "log the configuration as understood"),
    flag(b'p', "pid", FILE, Sets::ParentPid, "the daemon's pid file (/run/keepalived.pid)"),
    flag(b'r', "vrrp_pid", FILE, Sets::VrrpPid, "the VRRP process's pid file (/run/vrrp.pid)"),
    flag(b'T', "genhash", Takes::Nothing, Sets::Nothing, "genhash").refused("not built yet: genhash"),
    flag(b'c', "checkers_pid", FILE, Sets::Nothing, "the checkers' pid file")
        .accepted("there is no such process"),
    flag(b'a', "address-monitoring", Takes::Nothing, Sets::Nothing, "log all changes of addresses")
        .accepted("not built yet: only our own addresses are told of"),
    flag(b'b', "bfd_pid", FILE, Sets::Nothing, "the BFD process's pid file")
        .accepted("there is no such process"),
    flag(b'x', "snmp", Takes::Nothing, Sets::Snmp, "answer SNMP (AgentX): all MIBs"),
    flag(b'A', "snmp-agent-socket", FILE, Sets::SnmpSocket, "SNMP's master: unix:PATH or tcp:HOST:PORT"),
    flag(b's', "namespace", Takes::Value("NAME"), Sets::Namespace, "run in this network namespace"),
    flag(b'm', "core-dump", Takes::Nothing, Sets::Core, "allow core dumps"),
    flag(
        b'M',
        "core-dump-pattern",
        Takes::Glued("PATTERN"),
        Sets::CorePattern,
        "the same, and set the system's core_pattern ('core') until the end",
    ),
    flag(b'e', "all-config", Takes::Nothing, Sets::Strict, "a missing configuration file is an error"),
    flag(b'i', "config-id", Takes::Value("ID"), Sets::ConfigId, "the id that lines with @ are compared with"),
    flag(
        b'\0',
        "signum",
        Takes::Value("STOP|RELOAD|DATA|STATS|STATS_CLEAR|JSON"),
        Sets::Signum,
        "print a signal's number",
    )
    .long_only(),
    flag(
        b't',
        "config-test",
        Takes::Glued("LOG_FILE"),
        Sets::Test,
        "check the configuration: 0 right, 2, 5 or 6 not",
    ),
    flag(b'\0', "perf", Takes::Glued("all|run|end"), Sets::Nothing, "record performance data")
        .long_only()
        .refused("use perf(1) itself"),
    flag(b'\0', "no-mem-check", Takes::Nothing, Sets::Nothing, "no checks of memory")
        .long_only()
        .accepted("the compiler has checked it"),
    flag(b'\0', "debug", Takes::Glued("OPTIONS"), Sets::Nothing, "debugging of the original's parts")
        .long_only()
        .accepted("there are no such parts; `evenkeel why` tells what happened"),
    flag(b'\0', "ignore-sigint", Takes::Nothing, Sets::IgnoreInt, "do not stop on SIGINT").long_only(),
    flag(b'v', "version", Takes::Nothing, Sets::Version, "the version"),
    flag(b'h', "help", Takes::Nothing, Sets::Help, "this help"),
];

/// Syslog's facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Facility {
    /// `LOG_USER`.
    User,
    /// `LOG_DAEMON`.
    Daemon,
    /// `LOG_LOCAL0` to `LOG_LOCAL7`.
    Local(u8),
}

impl Facility {
    /// The number that is shifted by three bits.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Facility::User => 1,
            Facility::Daemon => 3,
            Facility::Local(n) => 16 + n,
        }
    }

    fn parse(text: &str) -> Option<Facility> {
        match text {
            "user" => return Some(Facility::User),
            "daemon" => return Some(Facility::Daemon),
            _ => {}
        }
        match text.strip_prefix("local").unwrap_or(text).as_bytes() {
            [digit @ b'0'..=b'7'] => Some(Facility::Local(digit - b'0')),
            _ => None,
        }
    }
}

/// The signals that `--signum` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signum {
    /// End.
    Stop,
    /// Read the configuration again.
    Reload,
    /// Write `/tmp/keepalived.data`.
    Data,
    /// Write `/tmp/keepalived.stats`.
    Stats,
    /// The same, and begin counting anew.
    StatsClear,
    /// Write `/tmp/keepalived.json`.
    Json,
}

impl Signum {
    const NAMES: [(&'static str, Signum); 6] = [
        ("STOP", Signum::Stop),
        ("RELOAD", Signum::Reload),
        ("DATA", Signum::Data),
        ("STATS", Signum::Stats),
        ("STATS_CLEAR", Signum::StatsClear),
        ("JSON", Signum::Json),
    ];
}

/// A command line, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    /// `-f`.
    pub(crate) file: Option<PathBuf>,
    /// `-l`.
    pub(crate) console: bool,
    /// `-D`.
    pub(crate) detail: bool,
    /// `-S`.
    pub(crate) facility: Option<Facility>,
    /// `-g`.
    pub(crate) log_file: Option<PathBuf>,
    /// `-G`.
    pub(crate) no_syslog: bool,
    /// `-V`.
    pub(crate) keep_addresses: bool,
    /// `-R`.
    pub(crate) no_respawn: bool,
    /// `-n`.
    pub(crate) foreground: bool,
    /// `-d`.
    pub(crate) dump: bool,
    /// `-p`.
    pub(crate) parent_pid: Option<PathBuf>,
    /// `-r`.
    pub(crate) vrrp_pid: Option<PathBuf>,
    /// `-s`.
    pub(crate) namespace: Option<String>,
    /// `-e`.
    pub(crate) strict: bool,
    /// `-i`.
    pub(crate) config_id: Option<String>,
    /// `-u`.
    pub(crate) umask: Option<u32>,
    /// `-m`, `-M`.
    pub(crate) core: bool,
    /// `-M`.
    pub(crate) core_pattern: Option<String>,
    /// `-x`.
    pub(crate) snmp: bool,
    /// `-A`.
    pub(crate) snmp_socket: Option<String>,
    /// `--ignore-sigint`.
    pub(crate) ignore_int: bool,
    /// `-t`, and its file.
    pub(crate) test: Option<Option<PathBuf>>,
    /// Switches that were read and do nothing: said in the log.
    pub(crate) notes: Vec<String>,
    /// Values that were not taken, as the original says: it goes on.
    pub(crate) complaints: Vec<String>,
    /// One of them makes `-t` exit with 5.
    pub(crate) doubtful: bool,
    /// What is no switch: the original names it and goes on.
    pub(crate) operands: Vec<String>,
    /// Switches that are not built.
    pub(crate) refused: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The usual.
    Run(Box<Command>),
    /// `-v`.
    Version,
    /// `-h`.
    Help,
    /// `--signum`.
    Signum(Result<Signum, String>),
}

/// A command line, and what is wrong with it: the original goes on reading after a fault, and fails at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// What is asked for.
    pub(crate) asked: Asked,
    /// Unknown switches and missing values, as the original says.
    pub(crate) faults: Vec<String>,
}

/// Reads the arguments behind the program's name. `-v`, `-h` and `--signum` answer at once, whatever follows.
pub(crate) fn parse(args: &[OsString]) -> Read {
    let mut reader = Reader { rest: args, command: Command::default(), faults: Vec::new() };
    while let Some((word, after)) = reader.rest.split_first() {
        reader.rest = after;
        let bytes = word.as_bytes();
        let question = match bytes {
            b"--" => {
                let operands = reader.rest.iter().map(|w| w.to_string_lossy().into_owned());
                reader.command.operands.extend(operands);
                reader.rest = &[];
                None
            }
            [b'-', b'-', long @ ..] => reader.long(long),
            [b'-', letters @ ..] if !letters.is_empty() => reader.short(letters),
            _ => {
                reader.command.operands.push(word.to_string_lossy().into_owned());
                None
            }
        };
        if let Some(asked) = question {
            return Read { asked, faults: reader.faults };
        }
    }
    Read { asked: Asked::Run(Box::new(reader.command)), faults: reader.faults }
}

struct Reader<'a> {
    rest: &'a [OsString],
    command: Command,
    faults: Vec<String>,
}

impl Reader<'_> {
    /// One `--name` or `--name=value`.
    fn long(&mut self, text: &[u8]) -> Option<Asked> {
        let (name, value) = match text.iter().position(|b| *b == b'=') {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let flag = find_long(name);
        let Some(flag) = flag.filter(|flag| value.is_none() || flag.takes != Takes::Nothing) else {
            self.faults.push(format!("Unknown option --{}", String::from_utf8_lossy(text)));
            return None;
        };
        let value = match flag.takes {
            Takes::Nothing | Takes::Glued(_) => value.map(<[u8]>::to_vec),
            Takes::Value(_) => match value.map(<[u8]>::to_vec).or_else(|| self.next_word()) {
                Some(value) => Some(value),
                None => {
                    self.faults.push(format!("Missing parameter for option --{}", flag.long));
                    return None;
                }
            },
        };
        self.obey(flag, value)
    }

    /// One word of letters: `-nl`, `-ffile`.
    fn short(&mut self, letters: &[u8]) -> Option<Asked> {
        for (at, letter) in letters.iter().enumerate() {
            let Some(flag) = FLAGS.iter().find(|flag| flag.short == Some(*letter)) else {
                self.faults.push(format!("Unknown option -{}", char::from(*letter)));
                continue;
            };
            let glued = Some(&letters[at + 1..]).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec);
            let value = match flag.takes {
                Takes::Nothing => {
                    if let Some(asked) = self.obey(flag, None) {
                        return Some(asked);
                    }
                    continue;
                }
                Takes::Glued(_) => glued,
                Takes::Value(_) => match glued.or_else(|| self.next_word()) {
                    Some(value) => Some(value),
                    None => {
                        self.faults.push(format!("Missing parameter for option -{}", char::from(*letter)));
                        return None;
                    }
                },
            };
            return self.obey(flag, value);
        }
        None
    }

    fn next_word(&mut self) -> Option<Vec<u8>> {
        let (word, after) = self.rest.split_first()?;
        self.rest = after;
        Some(word.as_bytes().to_vec())
    }

    fn obey(&mut self, flag: &'static Flag, value: Option<Vec<u8>>) -> Option<Asked> {
        let command = &mut self.command;
        match flag.support {
            Support::Supported => {}
            Support::Accepted(why) | Support::Obsolete(why) => {
                command.notes.push(format!("{} has no effect: {why}", flag.form()));
            }
            Support::Refused(why) => command.refused.push(format!("{}: {why}", flag.form())),
        }
        let path = || value.as_ref().map(|v| PathBuf::from(OsString::from_vec(v.clone())));
        let text = || value.as_ref().map(|v| OsStr::from_bytes(v).to_string_lossy().into_owned());
        match flag.sets {
            Sets::File => command.file = path(),
            Sets::Console => command.console = true,
            Sets::Detail => command.detail = true,
            Sets::Facility => {
                let text = text().unwrap_or_default();
                match Facility::parse(&text) {
                    Some(facility) => command.facility = Some(facility),
                    None => {
                        command.complaints.push(format!("Invalid log facility '{text}'"));
                        command.doubtful = true;
                    }
                }
            }
            Sets::LogFile => command.log_file = path(),
            Sets::NoSyslog => command.no_syslog = true,
            Sets::KeepAddresses => command.keep_addresses = true,
            Sets::NoRespawn => command.no_respawn = true,
            Sets::Foreground => command.foreground = true,
            Sets::Dump => command.dump = true,
            Sets::ParentPid => command.parent_pid = path(),
            Sets::VrrpPid => command.vrrp_pid = path(),
            Sets::Namespace => command.namespace = text(),
            Sets::Strict => command.strict = true,
            Sets::ConfigId => command.config_id = text(),
            Sets::Umask => {
                let text = text().unwrap_or_default();
                match parse_umask(&text) {
                    Some(mask) => command.umask = Some(mask),
                    None => command.complaints.push(format!("Invalid --umask option {text}")),
                }
            }
            Sets::Core => command.core = true,
            Sets::CorePattern => {
                command.core = true;
                command.core_pattern = Some(text().unwrap_or_else(|| "core".to_string()));
            }
            Sets::Test => command.test = Some(path()),
            Sets::Signum => {
                let text = text().unwrap_or_default();
                let found = Signum::NAMES.iter().find(|(name, _)| *name == text).map(|(_, signal)| *signal);
                return Some(Asked::Signum(found.ok_or(text)));
            }
            Sets::Snmp => command.snmp = true,
            Sets::SnmpSocket => command.snmp_socket = text(),
            Sets::IgnoreInt => command.ignore_int = true,
            Sets::Version => return Some(Asked::Version),
            Sets::Help => return Some(Asked::Help),
            // VRRP without BFD and checkers is what there is; the refused one was noted above.
            Sets::OnlyVrrp | Sets::NoBfd | Sets::OnlyCheckers | Sets::Nothing => {}
        }
        None
    }
}

/// The long switch of this name, or the only one that begins so.
fn find_long(name: &[u8]) -> Option<&'static Flag> {
    if let Some(flag) = FLAGS.iter().find(|flag| flag.long.as_bytes() == name) {
        return Some(flag);
    }
    let mut found = FLAGS.iter().filter(|flag| flag.long.as_bytes().starts_with(name));
    match (found.next(), found.next()) {
        (Some(flag), None) if !name.is_empty() => Some(flag),
        _ => None,
    }
}

/// A number as C reads it: `022` octal, `0x12` hexadecimal, else decimal; at most 0777.
fn parse_umask(text: &str) -> Option<u32> {
    let mask = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(hex), _) => u32::from_str_radix(hex, 16).ok()?,
        (None, Some("")) => 0,
        (None, Some(octal)) => u32::from_str_radix(octal, 8).ok()?,
        (None, None) => text.parse().ok()?,
    };
    (mask <= 0o777).then_some(mask)
}

/// The help: every switch in a line, with what is not built.
pub(crate) fn usage(program: &str) -> String {
    let left = |flag: &Flag| {
        let short =
            flag.short.map_or_else(|| "    ".to_string(), |letter| format!("-{}, ", char::from(letter)));
        match flag.takes {
            Takes::Nothing => format!("{short}--{}", flag.long),
            Takes::Value(what) => format!("{short}--{}={what}", flag.long),
            Takes::Glued(what) => format!("{short}--{}[={what}]", flag.long),
        }
    };
    const WIDTH: usize = 30;
    let mut out = format!("Usage: {program} [OPTION...]\n");
    for flag in FLAGS {
        let state = match flag.support {
            Support::Supported => String::new(),
            Support::Accepted(why) | Support::Obsolete(why) => format!(" (no effect: {why})"),
            Support::Refused(why) => format!(" ({why})"),
        };
        let left = left(flag);
        let gap = if left.len() > WIDTH { format!("\n  {:WIDTH$}", "") } else { String::new() };
        out.push_str(&format!("  {left:WIDTH$}{gap} {}{state}\n", flag.doc));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Read {
        parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    fn command(line: &str) -> Command {
        match read(line) {
            Read { asked: Asked::Run(command), faults } if faults.is_empty() => *command,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn names_stand_once_and_docs_are_short() {
        for (n, flag) in FLAGS.iter().enumerate() {
            assert!(FLAGS[..n].iter().all(|f| f.long != flag.long), "--{} twice", flag.long);
            assert!(
                flag.short.is_none() || FLAGS[..n].iter().all(|f| f.short != flag.short),
                "{} twice",
                flag.form()
            );
            assert!(flag.doc.len() < 80 && !flag.doc.ends_with('.'), "{}", flag.form());
        }
    }

    #[test]
    fn switches_are_read_as_getopt_does() {
        let file = |name: &str| Some(PathBuf::from(name));
        for line in ["-f a -nlD", "-nlDfa", "--use-file=a -n -l -D", "--use a --dont-f --log-c --log-d"] {
            let command = command(line);
            assert_eq!(command.file, file("a"), "{line}");
            assert!(command.foreground && command.console && command.detail, "{line}");
        }
        assert_eq!(command("-t -f a").test, Some(None));
        assert_eq!(command("-tf a").test, Some(file("f")), "what is glued is the log file");
        assert_eq!(command("-tf a").operands, ["a"]);
        assert_eq!(command("-t=x").test, Some(file("=x")));
        assert_eq!(command("--config-test=x").test, Some(file("x")));
        assert_eq!(command("one -n -- -f two").operands, ["one", "-f", "two"]);
        assert_eq!(command("-M").core_pattern.as_deref(), Some("core"));
        assert_eq!(command("-Mc.%p").core_pattern.as_deref(), Some("c.%p"));
        assert_eq!(command("-S 3").facility.map(Facility::number), Some(19));
        assert_eq!(command("-S local9").complaints, ["Invalid log facility 'local9'"]);
        assert_eq!(command("-u 022").umask, Some(0o22));
        assert_eq!(command("-u 18").umask, Some(0o22));
        for bad in ["999999", "abc", "099", "-1"] {
            assert_eq!(
                command(&format!("--umask={bad}")).complaints,
                [format!("Invalid --umask option {bad}")]
            );
        }
        assert_eq!(command("-I -a").notes.len(), 2);
        assert_eq!(command("-T").refused.len(), 1);
        assert_eq!(command("-x -A /s").snmp_socket.as_deref(), Some("/s"));
    }

    #[test]
    fn faults_are_told_and_reading_goes_on() {
        for (line, fault) in [
            ("--frob", "Unknown option --frob"),
            ("-Z", "Unknown option -Z"),
            ("-nZ", "Unknown option -Z"),
            ("--al", "Unknown option --al"),
            ("--log", "Unknown option --log"),
            ("--vrrp=3", "Unknown option --vrrp=3"),
            ("-f", "Missing parameter for option -f"),
            ("--config-id", "Missing parameter for option --config-id"),
        ] {
            assert_eq!(read(line).faults, [fault], "{line}");
        }
        assert_eq!(
            read("--frob -h"),
            Read { asked: Asked::Help, faults: vec!["Unknown option --frob".into()] }
        );
        assert_eq!(read("-h --frob"), Read { asked: Asked::Help, faults: vec![] });
    }

    #[test]
    fn questions_are_answered_at_once() {
        assert_eq!(read("-v -h").asked, Asked::Version);
        assert_eq!(read("-h -v").asked, Asked::Help);
        assert_eq!(read("--signu=STOP").asked, Asked::Signum(Ok(Signum::Stop)));
        assert_eq!(read("--signum JSON -h").asked, Asked::Signum(Ok(Signum::Json)));
        assert_eq!(read("--signum=TDATA").asked, Asked::Signum(Err("TDATA".to_string())));
        assert_eq!(read("--signum=stop").asked, Asked::Signum(Err("stop".to_string())));
    }
}
