//! The registry: one entry says name, block, arguments, support, function, one sentence, example.
//!
//! ```ignore
//! Keyword::line("priority", Block::Instance, VRRP, "<1-255>", priority, "Who speaks first.").example("priority 150"),
//! ```
//!
//! A function takes what it needs from the words after the keyword. Words that it leaves are passed over by the original
//! without a word; here they get a remark. It says one fault with `Err`, more of them with `ctx.report`.

use std::collections::BTreeMap;

use evenkeel_base::{Support, Words};

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;

/// What a keyword's function says.
pub(crate) type Outcome = Result<(), Finding>;

/// A keyword's function.
pub(crate) type LineFn = fn(&mut Draft, &mut Ctx<'_>, &mut Words<'_>) -> Outcome;

/// What is done at the end of a block.
pub(crate) type EndFn = fn(&mut Draft, &mut Ctx<'_>);

/// Where a keyword may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// Outside all blocks.
    Top,
    /// `global_defs`.
    Global,
    /// `track_group`.
    StaticGroup,
    /// `garp_group`.
    GarpGroup,
    /// `vrrp_script`.
    Script,
    /// `track_file`.
    File,
    /// `vrrp_track_process`.
    Process,
    /// `bfd_instance`.
    Bfd,
    /// `vrrp_sync_group`.
    SyncGroup,
    /// `vrrp_instance`.
    Instance,
    /// `authentication` in `vrrp_instance`.
    Auth,
    /// `auth_hmac` in `vrrp_instance`.
    Hmac,
    /// `virtual_server`.
    VirtualServer,
    /// `real_server` in `virtual_server`.
    RealServer,
    /// `TCP_CHECK` in `real_server`.
    TcpCheck,
    /// `HTTP_GET` and `SSL_GET`.
    HttpGet,
    /// `url` in `HTTP_GET`.
    Url,
    /// `SMTP_CHECK`.
    SmtpCheck,
    /// `host` in `SMTP_CHECK`.
    SmtpHost,
    /// `DNS_CHECK`.
    DnsCheck,
    /// `MISC_CHECK`.
    MiscCheck,
    /// `BFD_CHECK`.
    BfdCheck,
    /// `UDP_CHECK`.
    UdpCheck,
    /// `PING_CHECK`.
    PingCheck,
    /// `FILE_CHECK`.
    FileCheck,
    /// `SSL`.
    Ssl,
}

impl Block {
    /// Every block, in the order of the manual.
    pub const ALL: &[Block] = &[
        Block::Top,
        Block::Global,
        Block::StaticGroup,
        Block::GarpGroup,
        Block::Script,
        Block::File,
        Block::Process,
        Block::Bfd,
        Block::SyncGroup,
        Block::Instance,
        Block::Auth,
        Block::Hmac,
        Block::VirtualServer,
        Block::RealServer,
        Block::TcpCheck,
        Block::HttpGet,
        Block::Url,
        Block::SmtpCheck,
        Block::SmtpHost,
        Block::DnsCheck,
        Block::MiscCheck,
        Block::BfdCheck,
        Block::UdpCheck,
        Block::PingCheck,
        Block::FileCheck,
        Block::Ssl,
    ];

    /// The word that opens it; `the file` for [`Block::Top`].
    pub const fn word(self) -> &'static str {
        match self {
            Block::Top => "the file",
            Block::Global => "global_defs",
            Block::StaticGroup => "track_group",
            Block::GarpGroup => "garp_group",
            Block::Script => "vrrp_script",
            Block::File => "track_file",
            Block::Process => "vrrp_track_process",
            Block::Bfd => "bfd_instance",
            Block::SyncGroup => "vrrp_sync_group",
            Block::Instance => "vrrp_instance",
            Block::Auth => "authentication",
            Block::Hmac => "auth_hmac",
            Block::VirtualServer => "virtual_server",
            Block::RealServer => "real_server",
            Block::TcpCheck => "TCP_CHECK",
            Block::HttpGet => "HTTP_GET",
            Block::Url => "url",
            Block::SmtpCheck => "SMTP_CHECK",
            Block::SmtpHost => "host",
            Block::DnsCheck => "DNS_CHECK",
            Block::MiscCheck => "MISC_CHECK",
            Block::BfdCheck => "BFD_CHECK",
            Block::UdpCheck => "UDP_CHECK",
            Block::PingCheck => "PING_CHECK",
            Block::FileCheck => "FILE_CHECK",
            Block::Ssl => "SSL",
        }
    }
}

/// One of the original's processes, each of which reads the file for itself: what is a keyword for one may not be for
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readers(u8);

/// The first process: process-wide settings.
pub(crate) const MAIN: Readers = Readers(1);
/// The director.
pub(crate) const CHECKER: Readers = Readers(1 << 1);
/// The keeper of addresses.
pub(crate) const VRRP: Readers = Readers(1 << 2);
/// BFD.
pub(crate) const BFD: Readers = Readers(1 << 3);

impl Readers {
    /// All, in the order in which they read.
    pub(crate) const ALL: [Readers; 4] = [MAIN, CHECKER, VRRP, BFD];

    /// Both.
    pub(crate) const fn with(self, other: Readers) -> Readers {
        Readers(self.0 | other.0)
    }

    /// True if they have one in common.
    pub(crate) const fn meets(self, other: Readers) -> bool {
        self.0 & other.0 != 0
    }
}

/// What is run for a keyword.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Apply {
    /// Its line.
    Line(LineFn),
    /// It opens a block of keywords. Where `open` fails, the block is passed over.
    Block {
        /// Which keywords stand in it.
        inner: Block,
        /// Its own line.
        open: LineFn,
        /// Its end.
        close: EndFn,
    },
    /// It opens a block of items, one a line.
    List {
        /// Its own line. Where it fails, the block is passed over.
        open: LineFn,
        /// One item.
        item: LineFn,
        /// Its end.
        close: EndFn,
    },
    /// Nothing: the words are not looked at (without effect, or refused).
    Nothing,
}

/// One keyword.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// Its name.
    pub name: &'static str,
    /// Where it may stand.
    pub block: Block,
    /// Who reads it.
    pub(crate) readers: Readers,
    /// What follows it, as the manual writes it.
    pub args: &'static str,
    /// How far it is supported.
    pub support: Support,
    /// What it does, one sentence.
    pub doc: &'static str,
    /// A line (or block) that uses it; `""` where the name alone is one.
    pub example: &'static str,
    /// Its function.
    pub(crate) apply: Apply,
}

/// A block that needs nothing at its end.
pub(crate) fn no_end(_: &mut Draft, _: &mut Ctx<'_>) {}

/// A block whose line has nothing to read.
pub(crate) fn no_words(_: &mut Draft, _: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    Ok(())
}

impl Keyword {
    const fn new(
        name: &'static str,
        block: Block,
        readers: Readers,
        args: &'static str,
        apply: Apply,
        doc: &'static str,
    ) -> Self {
        Keyword { name, block, readers, args, support: Support::Supported, doc, example: "", apply }
    }

    /// A keyword with a line of its own.
    pub(crate) const fn line(
        name: &'static str,
        block: Block,
        readers: Readers,
        args: &'static str,
        apply: LineFn,
        doc: &'static str,
    ) -> Self {
        Self::new(name, block, readers, args, Apply::Line(apply), doc)
    }

    /// A keyword that opens a block of keywords.
    pub(crate) const fn block(
        name: &'static str,
        block: Block,
        readers: Readers,
        args: &'static str,
        (inner, open, close): (Block, LineFn, EndFn),
        doc: &'static str,
    ) -> Self {
        Self::new(name, block, readers, args, Apply::Block { inner, open, close }, doc)
    }

    /// A keyword that opens a block of items.
    pub(crate) const fn list(
        name: &'static str,
        block: Block,
        readers: Readers,
        args: &'static str,
        (open, item, close): (LineFn, LineFn, EndFn),
        doc: &'static str,
    ) -> Self {
        Self::new(name, block, readers, args, Apply::List { open, item, close }, doc)
    }

    /// A keyword without effect here; its words are not looked at.
    pub(crate) const fn ignored(
        name: &'static str,
        block: Block,
        readers: Readers,
        args: &'static str,
        reason: &'static str,
        doc: &'static str,
    ) -> Self {
        Self::new(name, block, readers, args, Apply::Nothing, doc).accepted(reason)
    }

    /// A keyword that cannot be used here; `reason` such as `not built yet: SNMP`.
    pub(crate) const fn refused(
        name: &'static str,
        block: Block,
        readers: Readers,
        args: &'static str,
        reason: &'static str,
        doc: &'static str,
    ) -> Self {
        let mut keyword = Self::new(name, block, readers, args, Apply::Nothing, doc);
        keyword.support = Support::Refused(reason);
        keyword
    }

    /// A line that uses it.
    pub(crate) const fn example(mut self, line: &'static str) -> Self {
        self.example = line;
        self
    }

    /// Its words are read and checked, but it has no effect here.
    pub(crate) const fn accepted(mut self, reason: &'static str) -> Self {
        self.support = Support::Accepted(reason);
        self
    }

    /// Old: works, and today's form is told.
    pub(crate) const fn obsolete(mut self, today: &'static str) -> Self {
        self.support = Support::Obsolete(today);
        self
    }

    /// Its words are read and checked, but what it asks for cannot be done here.
    pub(crate) const fn unbuilt(mut self, reason: &'static str) -> Self {
        self.support = Support::Refused(reason);
        self
    }

    /// True if it opens a block.
    pub(crate) const fn opens(&self) -> bool {
        matches!(self.apply, Apply::Block { .. } | Apply::List { .. })
    }
}

/// All topics.
pub const ALL: &[&[Keyword]] = &[
    super::global::KEYWORDS,
    super::global_files::KEYWORDS,
    super::global_vrrp::KEYWORDS,
    super::scheduling::KEYWORDS,
    super::statics::KEYWORDS,
    super::tracked::KEYWORDS,
    super::bfd::KEYWORDS,
    super::group::KEYWORDS,
    super::instance::KEYWORDS,
    super::election::KEYWORDS,
    super::auth::KEYWORDS,
    super::lvs::service::KEYWORDS,
    &super::lvs::service::PACE,
    super::lvs::real::KEYWORDS,
    &super::lvs::real::PACE,
    super::lvs::checker::KEYWORDS,
    &super::lvs::checker::TCP_PACE,
    &super::lvs::checker::TCP_TARGET,
    &super::lvs::checker::SMTP_PACE,
    &super::lvs::checker::SMTP_TARGET,
    &super::lvs::checker::HOST_TARGET,
    &super::lvs::checker::DNS_PACE,
    &super::lvs::checker::DNS_TARGET,
    &super::lvs::checker::PING_PACE,
    &super::lvs::checker::PING_TARGET,
    &super::lvs::checker::UDP_PACE,
    &super::lvs::checker::UDP_TARGET,
    &super::lvs::checker::MISC_PACE,
    super::lvs::http::KEYWORDS,
    &super::lvs::checker::HTTP_PACE,
    &super::lvs::checker::HTTP_TARGET,
    super::lvs::global::KEYWORDS,
];

/// How far a name is supported, the best of the blocks where it is one; `None`: it is not known.
pub fn support(name: &str) -> Option<Support> {
    let rank = |support: &Support| match support {
        Support::Supported => 0,
        Support::Accepted(_) => 1,
        Support::Obsolete(_) => 2,
        Support::Refused(_) => 3,
    };
    ALL.iter().copied().flatten().filter(|k| k.name == name).map(|k| k.support).min_by_key(rank)
}

/// The registry by name.
#[derive(Debug)]
pub(crate) struct Index {
    by_name: BTreeMap<&'static str, Vec<&'static Keyword>>,
}

impl Default for Index {
    fn default() -> Self {
        let mut by_name: BTreeMap<&'static str, Vec<&'static Keyword>> = BTreeMap::new();
        for keyword in ALL.iter().copied().flatten() {
            by_name.entry(keyword.name).or_default().push(keyword);
        }
        Self { by_name }
    }
}

impl Index {
    /// The entry of `name` in `block`.
    pub(crate) fn find(&self, name: &str, block: Block) -> Option<&'static Keyword> {
        self.by_name.get(name)?.iter().copied().find(|k| k.block == block)
    }

    /// The blocks where `name` is a keyword.
    pub(crate) fn blocks(&self, name: &str) -> Vec<Block> {
        self.by_name.get(name).into_iter().flatten().map(|k| k.block).collect()
    }

    /// All names in `block`.
    pub(crate) fn names(&self, block: Block) -> impl Iterator<Item = &'static str> + '_ {
        self.by_name.values().flatten().filter(move |k| k.block == block).map(|k| k.name)
    }
}
