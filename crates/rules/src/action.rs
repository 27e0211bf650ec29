//! What a rule does, compiled.

use std::time::Duration;

use evenkeel_expr::env::VarScope;
use evenkeel_expr::regex::Regex;
use evenkeel_expr::{Expr, LogFormat};

use crate::line::LineRule;
use crate::redirect::Redirect;
use crate::reply::Reply;

/// One action. Large ones are boxed: most rules of a file are small, and lists are walked per request.
#[derive(Clone, Debug)]
pub enum Action {
    /// `accept`, `allow`: no more rules of this list.
    Accept,
    /// `deny`.
    Deny(Box<Reply>),
    /// `tarpit`: the answer is sent after `timeout tarpit`.
    Tarpit(Box<Reply>),
    /// `return`.
    Return(Box<Reply>),
    /// `redirect`.
    Redirect(Box<Redirect>),
    /// `auth`.
    Auth {
        /// The realm, unquoted.
        realm: Box<[u8]>,
    },
    /// `reject`: close without an answer.
    Reject,
    /// `close` of `tcp-response content`: close towards the server.
    Close,
    /// `silent-drop`.
    SilentDrop,
    /// `add-header`, `set-header`.
    Header {
        /// The field's name as written.
        name: Box<[u8]>,
        /// Its value.
        value: LogFormat,
        /// True for `set-header`: the others of this name go.
        replace: bool,
    },
    /// `del-header`.
    DelHeader(NameMatch),
    /// `replace-header`, `replace-value`.
    ReplaceHeader(Box<ReplaceHeader>),
    /// `set-method`, `set-path`, `set-pathq`, `set-query`, `set-uri`.
    SetTarget {
        /// Which part.
        part: TargetPart,
        /// What it becomes.
        value: LogFormat,
    },
    /// `replace-path`, `replace-pathq`, `replace-uri`.
    ReplaceTarget(Box<ReplaceTarget>),
    /// `normalize-uri`.
    NormalizeUri(Normalizer),
    /// `set-status`.
    SetStatus {
        /// 100 to 999.
        status: u16,
        /// A reason of the user's own.
        reason: Option<Box<[u8]>>,
    },
    /// `set-var`, `set-var-fmt`.
    SetVar(Box<SetVar>),
    /// `unset-var`.
    UnsetVar(Variable),
    /// `set-log-level`; `None` is `silent`.
    LogLevel(Option<u8>),
    /// `capture`.
    Capture(Box<Capture>),
    /// `early-hint`.
    EarlyHint {
        /// The field's name.
        name: Box<[u8]>,
        /// Its value.
        value: LogFormat,
    },
    /// `set-src`, `set-src-port`, `set-dst`, `set-dst-port`.
    SetAddress {
        /// Client's or destination.
        side: Side,
        /// The port alone, or the address.
        port: bool,
        /// What it becomes.
        value: Box<Expr>,
    },
    /// `set-timeout`.
    SetTimeout {
        /// Which.
        which: TimeoutName,
        /// How long.
        value: TimeoutValue,
    },
    /// `wait-for-body`.
    WaitForBody {
        /// For so long at most.
        time: Duration,
        /// Until so many bytes are there; 0: all of them.
        at_least: u64,
    },
    /// `strict-mode`.
    Strict(bool),
    /// `disable-l7-retry`.
    DisableL7Retry,
    /// `reqrep`, `reqdel`, `rspdeny` … of 1.x.
    Line(Box<LineRule>),
    /// Read and checked, without effect here: `set-nice`, `wait-for-handshake`.
    Nothing,
}

/// Which names `del-header` means; case never matters, but in a regular expression.
#[derive(Clone, Debug)]
pub enum NameMatch {
    /// `-m str` and the default.
    Exact(Box<[u8]>),
    /// `-m beg`
    Begins(Box<[u8]>),
    /// `-m end`
    Ends(Box<[u8]>),
    /// `-m sub`
    Contains(Box<[u8]>),
    /// `-m reg`
    Matches(Box<Regex>),
}

/// `replace-header`, `replace-value`.
#[derive(Clone, Debug)]
pub struct ReplaceHeader {
    /// The field's name.
    pub name: Box<[u8]>,
    /// What must match.
    pub regex: Regex,
    /// What a matching value becomes; `\1` is the first group.
    pub template: LogFormat,
    /// True for `replace-value`: each value between commas by itself.
    pub each_value: bool,
}

/// A part of the request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetPart {
    /// The method.
    Method,
    /// The path without the query.
    Path,
    /// Path and query.
    PathAndQuery,
    /// What follows the `?`.
    Query,
    /// Everything, scheme and authority included.
    Uri,
}

/// `replace-path`, `replace-pathq`, `replace-uri`.
#[derive(Clone, Debug)]
pub struct ReplaceTarget {
    /// Which part.
    pub part: TargetPart,
    /// What must match.
    pub regex: Regex,
    /// What the part becomes.
    pub template: LogFormat,
}

/// A normalizer of `normalize-uri`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalizer {
    /// `fragment-encode`
    FragmentEncode,
    /// `fragment-strip`
    FragmentStrip,
    /// `path-merge-slashes`
    MergeSlashes,
    /// `path-strip-dot`
    StripDot,
    /// `path-strip-dotdot`; `full` removes those at the start as well.
    StripDotdot {
        /// `full`
        full: bool,
    },
    /// `percent-decode-unreserved`
    DecodeUnreserved {
        /// A broken sequence is a bad request.
        strict: bool,
    },
    /// `percent-to-uppercase`
    Uppercase {
        /// A broken sequence is a bad request.
        strict: bool,
    },
    /// `query-sort-by-name`
    SortQuery,
}

/// A variable, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Where it lives.
    pub scope: VarScope,
    /// Its slot there.
    pub slot: u32,
}

/// `set-var(name[,cond…])`.
#[derive(Clone, Debug)]
pub struct SetVar {
    /// Which.
    pub variable: Variable,
    /// What it becomes.
    pub value: VarValue,
    /// All must hold.
    pub conds: Vec<VarCond>,
}

/// What a variable is set to.
#[derive(Clone, Debug)]
pub enum VarValue {
    /// `set-var`: a sample with its type.
    Expr(Expr),
    /// `set-var-fmt`: text.
    Format(LogFormat),
}

/// A condition on setting a variable (configuration manual: converter `set-var`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarCond {
    /// `ifexists`
    Exists,
    /// `ifnotexists`
    NotExists,
    /// `ifempty`: the new value is empty.
    Empty,
    /// `ifnotempty`
    NotEmpty,
    /// `ifset`: the variable has a value.
    Set,
    /// `ifnotset`
    NotSet,
    /// `ifgt`: its number is greater than the new one's.
    Greater,
    /// `iflt`: its number is lower.
    Lower,
}

/// `capture <sample> { len <length> | id <slot> }`.
#[derive(Clone, Debug)]
pub struct Capture {
    /// What is kept.
    pub value: Expr,
    /// Where.
    pub slot: u32,
    /// At most so many bytes of it. With `id` the declared slot's length belongs here: whoever knows the slots puts
    /// it in.
    pub len: u32,
    /// True for `len`: the rule brings its own request slot, which the frontend must have.
    pub declares: bool,
    /// True in response rules: a response slot.
    pub response: bool,
}

/// The end of the client's connection that an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Source,
    /// Where it connected to.
    Destination,
}

/// A timeout of `set-timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutName {
    /// `server`
    Server,
    /// `tunnel`
    Tunnel,
}

/// How long.
#[derive(Clone, Debug)]
pub enum TimeoutValue {
    /// Written in the file.
    Fixed(Duration),
    /// A number of milliseconds found per request.
    Millis(Box<Expr>),
}
