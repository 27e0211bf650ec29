//! Arguments of fetches and converters: how they are written, what they become.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use bstr::BString;
use evenkeel_base::{Diagnostic, ProxyId, ServerId, Word};
use evenkeel_http::Known;

use crate::env::{Names, Userlist, VarScope};
use crate::map::Map;
use crate::pattern::Match;
use crate::regex::Regex;
use crate::value::Kind;

/// Most arguments that any function takes.
pub const ARGS_MAX: usize = 5;

/// What one argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// A whole number.
    Int,
    /// Any text.
    Str,
    /// The name of a header field.
    Field,
    /// One of some words; becomes its index.
    Choice(&'static [&'static str]),
    /// A truth: `true`, `false`, `1`, `0`.
    Bool,
    /// Hexadecimal digits.
    Hex,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An IPv4 mask, dotted or a bit count.
    Mask4,
    /// An IPv6 mask, in groups or a bit count.
    Mask6,
    /// A backend's name; the current one by default.
    Backend,
    /// A frontend's name; the current one by default.
    Frontend,
    /// `[backend/]server`.
    Server,
    /// A userlist's name.
    Userlist,
    /// A regular expression (its flags come from the argument after the next).
    Regex,
    /// A variable's name.
    Var,
    /// A variable's name, or nothing.
    OptVar,
    /// A position: a whole number that is not 0.
    Index,
    /// Characters that separate: at least one.
    Separators,
    /// A number or a variable's name.
    IntOrVar,
    /// An environment variable's name; becomes its value.
    Environment,
    /// A map file.
    Map(Match),
    /// A map's default value, of the map's output type.
    MapDefault(Kind),
    /// An offset that may be relative (`+4`, `-2`).
    Offset,
    /// A capture slot of the request.
    CaptureReq,
    /// A capture slot of the response.
    CaptureRes,
}

impl ArgKind {
    /// True if an empty argument is one.
    const fn may_be_empty(self) -> bool {
        match self {
            ArgKind::Str | ArgKind::Field | ArgKind::OptVar | ArgKind::Separators | ArgKind::Hex => true,
            ArgKind::MapDefault(kind) => matches!(kind, Kind::Str),
            ArgKind::Int
            | ArgKind::Choice(_)
            | ArgKind::Bool
            | ArgKind::Ipv4
            | ArgKind::Ipv6
            | ArgKind::Mask4
            | ArgKind::Mask6
            | ArgKind::Backend
            | ArgKind::Frontend
            | ArgKind::Server
            | ArgKind::Userlist
            | ArgKind::Regex
            | ArgKind::Var
            | ArgKind::Index
            | ArgKind::IntOrVar
            | ArgKind::Environment
            | ArgKind::Map(_)
            | ArgKind::Offset
            | ArgKind::CaptureReq
            | ArgKind::CaptureRes => false,
        }
    }
}

/// The arguments that a function takes: the first `min` must be there.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// In order.
    pub kinds: &'static [ArgKind],
    /// How many may not be left out.
    pub min: usize,
}

/// No arguments.
pub const NONE: Params = Params { kinds: &[], min: 0 };

/// `min` of these.
pub const fn params(min: usize, kinds: &'static [ArgKind]) -> Params {
    Params { kinds, min }
}

/// A variable, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VarRef {
    /// Where it lives.
    pub scope: VarScope,
    /// Which one.
    pub slot: u32,
}

/// An argument, compiled.
#[derive(Clone, Debug)]
pub enum Arg {
    /// Left out.
    Absent,
    /// A number.
    Int(i64),
    /// Text.
    Text(BString),
    /// The name of a header field, recognized.
    Field(BString, Known),
    /// An IPv4 address or mask.
    Ipv4(Ipv4Addr),
    /// An IPv6 address or mask.
    Ipv6(Ipv6Addr),
    /// A proxy.
    Proxy(ProxyId),
    /// A server.
    Server(ServerId),
    /// A userlist.
    Userlist(Arc<Userlist>),
    /// A variable.
    Var(VarRef),
    /// A regular expression.
    Regex(Arc<Regex>),
    /// A map.
    Map(Arc<Map>),
    /// A place relative to another (`+4`).
    Relative(i64),
}

/// The arguments of one call.
#[derive(Clone, Debug, Default)]
pub struct Args(Box<[Arg]>);

impl Args {
    /// From compiled arguments.
    pub fn new(args: Vec<Arg>) -> Self {
        Self(args.into_boxed_slice())
    }

    /// The argument at a position; absent ones and those past the end are [`Arg::Absent`].
    pub fn get(&self, at: usize) -> &Arg {
        const ABSENT: &Arg = &Arg::Absent;
        self.0.get(at).unwrap_or(ABSENT)
    }

    /// A number, if given.
    pub fn int(&self, at: usize) -> Option<i64> {
        match self.get(at) {
            Arg::Int(n) => Some(*n),
            _ => None, // any other shape: not a number here
        }
    }

    /// Text, if given and not empty.
    pub fn text(&self, at: usize) -> Option<&[u8]> {
        match self.get(at) {
            Arg::Text(t) if !t.is_empty() => Some(t),
            _ => None, // any other shape: no text here
        }
    }
}

/// One argument as written: the text after quotes and escapes, and its place.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) text: BString,
    pub(crate) word: Word,
}

/// Where arguments could not be read.
pub(crate) struct Unclosed {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Reads the arguments that follow an opening parenthesis (before `at`). Returns them and the position after the
/// closing one. Quotes and escapes as in a shell (configuration manual §2.2).
pub(crate) fn split(word: &Word, at: usize) -> Result<(Vec<Raw>, usize), Unclosed> {
    let text = word.bytes();
    let mut args = Vec::new();
    let mut pos = at;
    loop {
        let start = pos;
        let (mut single, mut double) = (false, false);
        let mut out = Vec::new();
        loop {
            let Some(b) = text.get(pos).copied() else {
                let what = if single || double { "the quote is not closed" } else { "the `)` is missing" };
                return Err(Unclosed { at: start, what });
            };
            match b {
                b'\'' if !double => single = !single,
                b'"' if !single => double = !double,
                b'\\' if !single => match text.get(pos + 1).copied() {
                    // A comma or parenthesis is protected by quotes only.
                    Some(b',' | b')') | None => out.push(b'\\'),
                    Some(next) => {
                        pos += 1;
                        unescape(next, &mut out);
                    }
                },
                b',' | b')' if !single && !double => break,
                _ => out.push(b),
            }
            pos += 1;
        }
        args.push(Raw { text: out.into(), word: word.part(start, pos) });
        let last = text.get(pos) == Some(&b')');
        pos += 1;
        if last {
            return Ok((args, pos));
        }
    }
}

/// A character after a backslash.
fn unescape(next: u8, out: &mut Vec<u8>) {
    match next {
        b'\\' | b'"' | b'\'' | b' ' => out.push(next),
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        _ => out.extend([b'\\', next]),
    }
}

/// Compiles the arguments of `name` against its parameters.
pub(crate) fn compile(
    name: &str,
    params: Params,
    raw: &[Raw],
    whole: &Word,
    names: &mut dyn Names,
) -> Result<Args, Diagnostic> {
    debug_assert!(params.kinds.len() <= ARGS_MAX);
    if let Some(extra) = raw.get(params.kinds.len()) {
        let none = params.kinds.is_empty();
        // `src()` is written by some: nothing between the parentheses is no argument.
        if !(none && raw.len() == 1 && extra.text.is_empty()) {
            let text = if none {
                format!("`{name}` takes no argument")
            } else {
                format!("`{name}` takes at most {} arguments", params.kinds.len())
            };
            return Err(Diagnostic::error("bad-argument", text, extra.word.span));
        }
    }
    let mut args = Vec::with_capacity(params.kinds.len());
    for (at, kind) in params.kinds.iter().enumerate() {
        let arg = match raw.get(at) {
            // `src()` has no argument, but `str()` an empty text.
            Some(only)
                if only.text.is_empty() && !kind.may_be_empty() && raw.len() == 1 && at >= params.min =>
            {
                default(name, *kind, names)
                    .map_err(|text| Diagnostic::error("missing-argument", text, whole.span))?
            }
            Some(raw) if raw.text.is_empty() && !kind.may_be_empty() => {
                let text = format!("argument {} of `{name}` is empty", at + 1);
                return Err(Diagnostic::error("bad-argument", text, raw.word.span));
            }
            Some(raw) => one(name, *kind, raw, names)
                .map_err(|text| Diagnostic::error("bad-argument", text, raw.word.span))?,
            None if at < params.min => {
                let text = format!("`{name}` needs {}, this has {at}", plural(params.min));
                return Err(Diagnostic::error("missing-argument", text, whole.span));
            }
            None => default(name, *kind, names)
                .map_err(|text| Diagnostic::error("missing-argument", text, whole.span))?,
        };
        args.push(arg);
    }
    flags(name, params, &mut args, raw)?;
    Ok(Args::new(args))
}

fn plural(n: usize) -> String {
    if n == 1 { "an argument".into() } else { format!("{n} arguments") }
}

/// A regular expression is compiled again once its flags, which come later, are known.
fn flags(name: &str, params: Params, args: &mut [Arg], raw: &[Raw]) -> Result<(), Diagnostic> {
    let Some(at) = params.kinds.iter().position(|k| *k == ArgKind::Regex) else { return Ok(()) };
    let (Some(pattern), Some(flags)) = (raw.get(at), raw.get(at + 2)) else { return Ok(()) };
    if let Some(b) = flags.text.iter().find(|b| !matches!(b, b'g' | b'i')) {
        let text = format!("`{name}` knows the flags `g` and `i`, not `{}`", *b as char);
        return Err(Diagnostic::error("bad-argument", text, flags.word.span));
    }
    if flags.text.contains(&b'i') {
        let regex = Regex::new(&pattern.text, true)
            .map_err(|e| Diagnostic::error("bad-regex", e.to_string(), pattern.word.span))?;
        if let Some(slot) = args.get_mut(at) {
            *slot = Arg::Regex(Arc::new(regex));
        }
    }
    Ok(())
}

fn default(name: &str, kind: ArgKind, names: &mut dyn Names) -> Result<Arg, String> {
    match kind {
        ArgKind::Backend | ArgKind::Frontend => Ok(names.current().map_or(Arg::Absent, Arg::Proxy)),
        ArgKind::Userlist | ArgKind::Server | ArgKind::Map(_) | ArgKind::Regex => {
            Err(format!("`{name}` needs an argument"))
        }
        ArgKind::Int
        | ArgKind::Str
        | ArgKind::Field
        | ArgKind::Choice(_)
        | ArgKind::Bool
        | ArgKind::Hex
        | ArgKind::Ipv4
        | ArgKind::Ipv6
        | ArgKind::Mask4
        | ArgKind::Mask6
        | ArgKind::Var
        | ArgKind::IntOrVar
        | ArgKind::OptVar
        | ArgKind::Index
        | ArgKind::Separators
        | ArgKind::Environment
        | ArgKind::MapDefault(_)
        | ArgKind::Offset
        | ArgKind::CaptureReq
        | ArgKind::CaptureRes => Ok(Arg::Absent),
    }
}

fn one(name: &str, kind: ArgKind, raw: &Raw, names: &mut dyn Names) -> Result<Arg, String> {
    let text = raw.text.as_slice();
    let shown = raw.text.to_string();
    match kind {
        ArgKind::Int => int(text).map(Arg::Int).ok_or(format!("`{shown}` is no whole number")),
        ArgKind::Str => Ok(Arg::Text(raw.text.clone())),
        ArgKind::Field => Ok(Arg::Field(raw.text.clone(), Known::of(text))),
        ArgKind::Choice(words) => match words.iter().position(|w| w.as_bytes() == text) {
            Some(at) => Ok(Arg::Int(at as i64)),
            None => Err(format!("`{shown}` is none of {}", words.join(", "))),
        },
        ArgKind::Bool => match text {
            b"true" | b"1" => Ok(Arg::Int(1)),
            b"false" | b"0" => Ok(Arg::Int(0)),
            _ => Err(format!("`{shown}` is neither `true` nor `false`")),
        },
        ArgKind::Hex => {
            unhex(text).map(|b| Arg::Text(b.into())).ok_or(format!("`{shown}` is not hexadecimal"))
        }
        ArgKind::Ipv4 => ipv4(text).map(Arg::Ipv4).ok_or(format!("`{shown}` is no IPv4 address")),
        ArgKind::Ipv6 => ipv6(text).map(Arg::Ipv6).ok_or(format!("`{shown}` is no IPv6 address")),
        ArgKind::Mask4 => mask4(text).map(Arg::Ipv4).ok_or(format!("`{shown}` is no IPv4 mask")),
        ArgKind::Mask6 => mask6(text).map(Arg::Ipv6).ok_or(format!("`{shown}` is no IPv6 mask")),
        ArgKind::Backend => {
            names.backend(&shown).map(Arg::Proxy).ok_or(format!("there is no backend `{shown}`"))
        }
        ArgKind::Frontend => {
            names.frontend(&shown).map(Arg::Proxy).ok_or(format!("there is no frontend `{shown}`"))
        }
        ArgKind::Server => server(&shown, names),
        ArgKind::Userlist => {
            names.userlist(&shown).map(Arg::Userlist).ok_or(format!("there is no userlist `{shown}`"))
        }
        ArgKind::Regex => Regex::new(text, false).map(|r| Arg::Regex(Arc::new(r))).map_err(|e| e.to_string()),
        ArgKind::Var => variable(&shown, names).map(Arg::Var),
        ArgKind::OptVar if text.is_empty() => Ok(Arg::Absent),
        ArgKind::OptVar => variable(&shown, names).map(Arg::Var),
        ArgKind::Index => match int(text) {
            Some(0) | None => Err(format!("`{shown}` is no position: 1 is the first, -1 the last")),
            Some(n) => Ok(Arg::Int(n)),
        },
        ArgKind::Separators if text.is_empty() => Err("this needs at least one separator".into()),
        ArgKind::Separators => Ok(Arg::Text(raw.text.clone())),
        ArgKind::IntOrVar => match int(text) {
            Some(n) => Ok(Arg::Int(n)),
            None => variable(&shown, names)
                .map(Arg::Var)
                .map_err(|_| format!("`{shown}` is neither a whole number nor a variable")),
        },
        ArgKind::Environment => Ok(names.environment(&shown).map_or(Arg::Absent, Arg::Text)),
        ArgKind::Map(method) => {
            let file =
                names.file(&shown, raw.word.span).map_err(|e| format!("cannot read `{shown}`: {e}"))?;
            Map::read(&file, method, map_output(name))
                .map(|m| Arg::Map(Arc::new(m)))
                .map_err(|e| format!("{shown}: {e}"))
        }
        ArgKind::MapDefault(Kind::Int) => {
            int(text).map(Arg::Int).ok_or(format!("`{shown}` is no whole number"))
        }
        ArgKind::MapDefault(Kind::Addr) => match (ipv4(text), ipv6(text)) {
            (Some(ip), _) => Ok(Arg::Ipv4(ip)),
            (None, Some(ip)) => Ok(Arg::Ipv6(ip)),
            (None, None) => Err(format!("`{shown}` is no address")),
        },
        ArgKind::MapDefault(_) => Ok(Arg::Text(raw.text.clone())),
        ArgKind::Offset => {
            let n = int(text).ok_or(format!("`{shown}` is no whole number"))?;
            Ok(if matches!(text.first(), Some(b'+' | b'-')) { Arg::Relative(n) } else { Arg::Int(n) })
        }
        ArgKind::CaptureReq => slot(&shown, int(text), names.capture_slots().0),
        ArgKind::CaptureRes => slot(&shown, int(text), names.capture_slots().1),
    }
}

/// The output type that a map converter's name says.
fn map_output(name: &str) -> Kind {
    match name {
        _ if name.ends_with("_int") && name != "map_int" => Kind::Int,
        _ if name.ends_with("_ip") && name != "map_ip" => Kind::Addr,
        _ => Kind::Str,
    }
}

/// Capture slots that do not exist are no error in the original: the fetch then gives nothing.
fn slot(shown: &str, n: Option<i64>, _have: u32) -> Result<Arg, String> {
    match n {
        Some(n) if n >= 0 => Ok(Arg::Int(n)),
        Some(_) | None => Err(format!("`{shown}` is no capture slot")),
    }
}

fn server(shown: &str, names: &mut dyn Names) -> Result<Arg, String> {
    let (backend, server) = match shown.split_once('/') {
        Some((backend, server)) => {
            (names.backend(backend).ok_or(format!("there is no backend `{backend}`"))?, server)
        }
        None => (names.current().ok_or(format!("`{shown}` needs its backend: `backend/{shown}`"))?, shown),
    };
    names.server(backend, server).map(Arg::Server).ok_or(format!("there is no server `{shown}`"))
}

/// Resolves `scope.name`.
pub(crate) fn variable(text: &str, names: &mut dyn Names) -> Result<VarRef, String> {
    let Some((scope, name)) = text.split_once('.') else {
        return Err(format!(
            "`{text}` is no variable: its name starts with proc., sess., txn., req. or res."
        ));
    };
    let scope = match scope {
        "proc" => VarScope::Proc,
        "sess" => VarScope::Sess,
        "txn" => VarScope::Txn,
        "req" => VarScope::Req,
        "res" => VarScope::Res,
        "check" => {
            return Err("variables of scope `check` are not built yet: check rules with variables".into());
        }
        _ => return Err(format!("`{scope}` is no scope of variables: proc, sess, txn, req, res")),
    };
    if let Some(c) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))) {
        return Err(format!("`{c}` cannot be in a variable's name"));
    }
    if name.is_empty() {
        return Err(format!("`{text}` has no name after its scope"));
    }
    Ok(VarRef { scope, slot: names.variable(scope, name) })
}

/// A whole number with an optional sign, nothing else around it.
pub(crate) fn int(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Pairs of hexadecimal digits.
pub(crate) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| (b as char).to_digit(16);
    text.chunks_exact(2)
        .map(|pair| match pair {
            [a, b] => Some((digit(*a)? * 16 + digit(*b)?) as u8),
            _ => None, // chunks_exact gives pairs only
        })
        .collect()
}

/// An IPv4 address with its last numbers left out allowed (`10.1` is 10.0.0.1, as `inet_aton` reads it).
pub(crate) fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let text = std::str::from_utf8(text).ok()?;
    let parts: Vec<u32> = text.split('.').map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let (last, head) = parts.split_last()?;
    if head.len() > 3 || head.iter().any(|n| *n > 255) {
        return None;
    }
    let room = 32 - 8 * head.len() as u32;
    if room < 32 && *last >> room != 0 {
        return None;
    }
    let high = head.iter().enumerate().fold(0, |n, (at, octet)| n | octet << (24 - 8 * at as u32));
    Some(Ipv4Addr::from(high | *last))
}

pub(crate) fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A bit count or a dotted mask.
pub(crate) fn mask4(text: &[u8]) -> Option<Ipv4Addr> {
    match int(text) {
        Some(bits) => (0..=32).contains(&bits).then(|| Ipv4Addr::from(prefix4(bits as u32))),
        None => ipv4(text),
    }
}

pub(crate) fn mask6(text: &[u8]) -> Option<Ipv6Addr> {
    match int(text) {
        Some(bits) => (0..=128).contains(&bits).then(|| Ipv6Addr::from(prefix6(bits as u32))),
        None => ipv6(text),
    }
}

/// The mask of a prefix length, at most 32.
pub(crate) fn prefix4(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}

/// The mask of a prefix length, at most 128.
pub(crate) fn prefix6(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0)
}
