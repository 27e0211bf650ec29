//! The pieces through the registry, once per daemon.
//!
//! The original's grammar, as observed: a keyword that it doesn't know is passed over to the line's end, and a `{` that no
//! keyword asked for is passed over too, so that the lines of an unknown block are read as lines of the block around it
//! and its `}` ends that one. Another daemon's block is passed over as a whole, brace for brace. What follows from one
//! misplaced brace is told as one finding, with the lines that it costs as labels.

use evenkeel_base::{Span, Word, Words};

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::hints;
use super::keyword::{Apply, Block, Index, Keyword, LineFn, Readers};
use super::lex::Piece;
use super::load::FINDINGS_MAX;

/// Most lines that one misplaced brace is shown with.
const LABELS_MAX: usize = 40;

/// Reads all pieces for each daemon in turn. `end` is the end of the first file.
pub(crate) fn run(pieces: &[Piece], end: Span, draft: &mut Draft, ctx: &mut Ctx<'_>) {
    let index = Index::default();
    let opens = pieces.iter().filter(|p| matches!(p, Piece::Open(_))).count();
    let closes = pieces.iter().filter(|p| matches!(p, Piece::Close(_))).count();
    let (mut explained, mut open) = (false, None);
    for reader in Readers::ALL {
        ctx.reader = reader;
        let run = Run {
            pieces,
            at: 0,
            index: &index,
            draft: &mut *draft,
            ctx: &mut *ctx,
            unclosed: opens > closes,
            words_end: Span::default(),
            raw: Vec::new(),
            stack: Vec::new(),
            explained: false,
            astray: None,
            startless: false,
            orphans: Vec::new(),
            last: None,
        };
        match run.all(end) {
            Ending::Even => {}
            Ending::Explained => explained = true,
            Ending::Open(finding) => open = Some(finding),
        }
    }
    // One daemon passes over the block in which another finds the place.
    if let Some(finding) = open.filter(|_| !explained) {
        ctx.report(finding);
    }
}

/// How braces stand at the end of a reading.
enum Ending {
    /// As many `}` as `{`.
    Even,
    /// Not so, and where it began has been told.
    Explained,
    /// A brace is open.
    Open(Finding),
}

/// A block that has been entered.
#[derive(Clone, Debug)]
struct Entered {
    /// Which keywords stand in it; `None` for a list of items.
    block: Option<Block>,
    /// Its line: `vrrp_instance VI_1`.
    title: String,
    /// Where its line stands.
    span: Span,
}

/// A brace that stands where none belongs, or is not where one belongs, and what it costs.
struct Astray {
    finding: Finding,
    /// Lines that it costs beyond those shown.
    more: usize,
}

struct Run<'r, 'o> {
    pieces: &'r [Piece],
    at: usize,
    index: &'r Index,
    draft: &'r mut Draft,
    ctx: &'r mut Ctx<'o>,
    /// More `{` than `}` in all.
    unclosed: bool,
    /// The last word read.
    words_end: Span,
    /// Braces that are open.
    raw: Vec<Span>,
    /// Blocks that have been entered.
    stack: Vec<Entered>,
    /// The place of a missing `}` has been told.
    explained: bool,
    /// Since a brace that no keyword asked for.
    astray: Option<Astray>,
    /// A block without `{` was entered: a surplus `}` has been explained.
    startless: bool,
    /// Unknown lines outside all blocks since the last block ended.
    orphans: Vec<Word>,
    /// The last block that ended at the top: what it was, and its `}`.
    last: Option<(Entered, Span)>,
}

/// A piece, and for a `}` whether a brace was open.
enum Next<'r> {
    Words(&'r Word, &'r [Word]),
    Own(&'r [Word]),
    Open(Span),
    Close(Span, bool),
}

impl<'r> Run<'r, '_> {
    fn all(mut self, end: Span) -> Ending {
        self.level(Block::Top);
        self.flush_orphans();
        if self.settle() || self.explained {
            return Ending::Explained;
        }
        let Some(open) = self.raw.last().copied() else { return Ending::Even };
        let count = self.raw.len();
        let message = format!("There are {count} missing '}}'s or extra '{{'s");
        let finding = Finding::tolerated("missing-block-end", message, end)
            .note("a `}` is missing here at the latest")
            .label(open, "this brace is never closed");
        Ending::Open(finding)
    }

    fn next(&mut self) -> Option<Next<'r>> {
        let piece = self.pieces.get(self.at)?;
        self.at += 1;
        Some(match piece {
            Piece::Words(words, raw) => {
                self.ctx.raw.clone_from(raw);
                self.words_end = words.last()?.span;
                let (first, rest) = words.split_first()?;
                Next::Words(first, rest)
            }
            Piece::Own(words) => Next::Own(words),
            Piece::Open(span) => {
                self.raw.push(*span);
                Next::Open(*span)
            }
            Piece::Close(span) => Next::Close(*span, self.raw.pop().is_some()),
        })
    }

    /// Takes the `{` of a block, if it is there.
    fn take_open(&mut self) -> bool {
        let open = matches!(self.pieces.get(self.at), Some(Piece::Open(_)));
        if open {
            self.next();
        }
        open
    }

    /// The keywords of a block up to its end; gives the place of its `}`.
    fn level(&mut self, block: Block) -> Option<Span> {
        while let Some(next) = self.next() {
            match next {
                Next::Words(word, rest) => self.words(block, word, rest),
                Next::Own(words) => self.own(block, words),
                Next::Open(span) => self.unexpected(span),
                Next::Close(span, true) if block == Block::Top => {
                    self.cost(span, "ends nothing");
                    self.maybe_settle();
                }
                Next::Close(span, false) if block == Block::Top => self.surplus(span),
                Next::Close(span, _) => return Some(span),
            }
        }
        None
    }

    fn words(&mut self, block: Block, word: &'r Word, rest: &'r [Word]) {
        let Some(keyword) = self.index.find(&word.str(), block) else {
            return self.unknown(block, word);
        };
        if block == Block::Top {
            self.flush_orphans();
        }
        let entered = Entered { block: inner(keyword), title: title(word, rest), span: word.span };
        if !keyword.readers.meets(self.ctx.reader) {
            if keyword.opens() {
                self.pass_over(entered);
            }
            return;
        }
        match keyword.apply {
            Apply::Line(apply) => {
                self.line(keyword, apply, word, rest);
            }
            Apply::Nothing => self.ctx.report_support(keyword.name, keyword.support, word.span),
            Apply::Block { inner, open, close } => {
                if !self.line(keyword, open, word, rest) {
                    return self.pass_over(entered);
                }
                if !self.take_open() {
                    self.startless(&entered);
                }
                self.stack.push(entered);
                let end = self.level(inner);
                self.leave(end);
                self.ctx.keyword = keyword.name;
                self.ctx.at = word.span;
                close(self.draft, self.ctx);
            }
            Apply::List { open, item, close } => {
                if !self.line(keyword, open, word, rest) {
                    return self.pass_over(entered);
                }
                self.take_open();
                self.stack.push(entered);
                let end = self.items(keyword, block, item);
                self.leave(end);
                self.ctx.keyword = keyword.name;
                self.ctx.at = word.span;
                close(self.draft, self.ctx);
            }
        }
    }

    /// Runs a keyword's function; false if it failed.
    fn line(&mut self, keyword: &'static Keyword, apply: LineFn, word: &Word, rest: &[Word]) -> bool {
        self.ctx.keyword = keyword.name;
        self.ctx.at = word.span;
        self.ctx.line = word.span.to(rest.last().map_or(word.span, |w| w.span));
        let mut words = Words::new(rest, word.span);
        match apply(self.draft, self.ctx, &mut words) {
            Ok(()) => {
                self.ctx.report_support(keyword.name, keyword.support, word.span);
                if let Some(surplus) = words.peek() {
                    let message =
                        format!("`{surplus}` is one word too many for {}, and passed over", keyword.name);
                    self.ctx.report(Finding::remark("surplus-word", message, surplus.span));
                }
                true
            }
            Err(fault) => {
                self.ctx.report(fault);
                false
            }
        }
    }

    /// The items of a list up to its end.
    fn items(&mut self, keyword: &'static Keyword, outer: Block, item: LineFn) -> Option<Span> {
        while let Some(next) = self.next() {
            match next {
                Next::Words(word, rest) => {
                    self.ctx.keyword = keyword.name;
                    self.ctx.at = word.span;
                    self.ctx.line = word.span.to(rest.last().map_or(word.span, |w| w.span));
                    // An item has no keyword: its words start with itself.
                    let all: Vec<Word> = std::iter::once(word).chain(rest).cloned().collect();
                    let mut words = Words::new(&all, Span { end: word.span.start, ..word.span });
                    // Anything may be a mail address.
                    if keyword.name != "notification_email" && self.is_outer_keyword(word, outer) {
                        self.unclosed_before(word);
                        continue;
                    }
                    if let Err(fault) = item(self.draft, self.ctx, &mut words) {
                        self.ctx.report(fault);
                    }
                }
                Next::Own(words) => self.own(outer, words),
                Next::Open(span) => self.unexpected(span),
                Next::Close(span, _) => return Some(span),
            }
        }
        None
    }

    /// `!evenkeel …` and `#evenkeel …`: what only we know, in a comment of the original's.
    fn own(&mut self, block: Block, words: &'r [Word]) {
        let Some((word, rest)) = words.split_first() else { return };
        self.ctx.at = word.span;
        self.ctx.line = word.span.to(rest.last().map_or(word.span, |w| w.span));
        let mut words = Words::new(rest, word.span);
        if !word.is("lease") {
            let message = format!("`{word}` is nothing that can be asked for here");
            return self
                .ctx
                .report(Finding::remark("unknown-order", message, word.span).note("known: lease"));
        }
        let place = match block {
            Block::Global => &mut self.draft.defaults.lease,
            Block::Instance => &mut self.draft.instance.lease,
            _ => {
                let message = "`lease` belongs into global_defs or a vrrp_instance";
                return self.ctx.report(Finding::remark("unknown-order", message, word.span));
            }
        };
        match super::election::lease(self.ctx, &mut words) {
            Ok(lease) => *place = Some(lease),
            Err(fault) => self.ctx.report(fault),
        }
    }

    /// True for a keyword of the block around a list, or of the file.
    fn is_outer_keyword(&self, word: &Word, outer: Block) -> bool {
        let name = word.str();
        self.unclosed && [outer, Block::Top].into_iter().any(|block| self.index.find(&name, block).is_some())
    }

    /// Passes over a block that is not read, brace for brace.
    fn pass_over(&mut self, entered: Entered) {
        if !self.take_open() {
            return;
        }
        let floor = self.raw.len();
        while let Some(next) = self.next() {
            if let Next::Close(span, _) = next
                && self.raw.len() < floor
            {
                if self.stack.is_empty() {
                    self.last = Some((entered, span));
                }
                return;
            }
        }
    }

    fn leave(&mut self, end: Option<Span>) {
        if let Some(entered) = self.stack.pop()
            && self.stack.is_empty()
            && let Some(end) = end
        {
            self.last = Some((entered, end));
        }
        self.maybe_settle();
    }

    fn unknown(&mut self, block: Block, word: &'r Word) {
        let opens = matches!(self.pieces.get(self.at), Some(Piece::Open(_)));
        if self.astray.is_some() {
            return self.cost(word.span, "is not read");
        }
        let ancestor = self.ancestor_with(word, opens);
        if ancestor.is_some() && self.unclosed {
            return self.unclosed_before(word);
        }
        if self.ctx.is_full() {
            return;
        }
        if block == Block::Top && !opens {
            if self.orphans.len() < FINDINGS_MAX {
                self.orphans.push(word.clone());
            }
            return;
        }
        let finding = hints::unknown(self.index, block, word);
        if !opens {
            return self.ctx.report(finding);
        }
        let finding = match self.stack.last() {
            Some(around) => finding.help(format!(
                "keepalived reads the lines of this block as lines of {}, and its `}}` as that block's end.",
                around.title
            )),
            None => {
                finding.help("keepalived reads the lines of this block one by one, and knows none of them.")
            }
        };
        self.astray = Some(Astray { finding, more: 0 });
    }

    /// The block around the innermost one where `word` is a keyword; with `opens`, one that opens a block.
    fn ancestor_with(&self, word: &Word, opens: bool) -> Option<&Entered> {
        let name = word.str();
        let known = |block: Block| self.index.find(&name, block).is_some_and(|k| k.opens() == opens);
        let mut around = None;
        for n in 0..self.stack.len() {
            let outer = if n == 0 { Some(Block::Top) } else { self.stack[n - 1].block };
            if outer.is_some_and(known) {
                around = Some(&self.stack[n]);
            }
        }
        around
    }

    /// A keyword that belongs to a block further out: the `}` is missing before it.
    fn unclosed_before(&mut self, word: &Word) {
        if self.astray.is_some() {
            return self.cost(word.span, "is not read");
        }
        let Some(open) = self.stack.last().cloned() else { return };
        let finding = Finding::tolerated(
            "missing-block-end",
            format!("{} is still open here: a '}}' is missing before this line", open.title),
            word.span,
        )
        .note(format!("`{word}` does not belong into {}", open.title))
        .label(open.span, "opened here")
        .help("keepalived goes on reading it as part of this block.");
        self.astray = Some(Astray { finding, more: 0 });
    }

    fn unexpected(&mut self, span: Span) {
        if self.astray.is_some() {
            // A brace right behind its words needs no label of its own.
            if self.words_end.file != span.file || span.start > self.words_end.end + 1 {
                self.cost(span, "is passed over");
            }
            return;
        }
        let finding = Finding::tolerated("unexpected-brace", "Unexpected '{' - ignoring", span)
            .note("nothing before it opens a block")
            .help("The '}' that belongs to it ends the block around it.");
        self.astray = Some(Astray { finding, more: 0 });
    }

    /// One more line that the misplaced brace costs.
    fn cost(&mut self, span: Span, text: &str) {
        let Some(astray) = &mut self.astray else { return };
        let labels = &mut astray.finding.diagnostic.labels;
        if labels.len() < LABELS_MAX {
            labels.push(evenkeel_base::diag::Label { span, text: text.to_owned() });
        } else {
            astray.more += 1;
        }
    }

    /// Ends the search for what a misplaced brace costs once braces and blocks agree again.
    fn maybe_settle(&mut self) {
        if self.raw.len() <= self.stack.len() {
            self.settle();
        }
    }

    /// Tells of a misplaced brace; true if there was one.
    fn settle(&mut self) -> bool {
        let Some(Astray { mut finding, more }) = self.astray.take() else { return false };
        self.explained |= finding.diagnostic.code == "missing-block-end";
        if more > 0 {
            finding = finding.help(format!("{more} more lines are not read."));
        }
        self.ctx.report(finding);
        true
    }

    /// A block without its `{`: it is read all the same, as the original does.
    fn startless(&mut self, entered: &Entered) {
        let place = match self.pieces.get(self.at) {
            Some(Piece::Words(words, _)) => words.first().map_or(entered.span, |w| w.span),
            Some(Piece::Open(span) | Piece::Close(span)) => *span,
            Some(Piece::Own(_)) | None => entered.span.after(),
        };
        self.startless = true;
        self.ctx.report(
            Finding::tolerated(
                "missing-block-start",
                "Missing '{' at beginning of configuration block",
                place,
            )
            .label(entered.span, format!("{} needs a '{{'", entered.title)),
        );
    }

    /// A `}` where no brace is open.
    fn surplus(&mut self, span: Span) {
        let orphans = std::mem::take(&mut self.orphans);
        if self.startless {
            orphans.iter().for_each(|word| self.orphan(word));
            return;
        }
        let Some((block, close)) = self.last.take() else {
            orphans.iter().for_each(|word| self.orphan(word));
            return self.ctx.report(extra(span).note("no block is open here"));
        };
        let inside = |word: &Word| block.block.is_some_and(|b| self.index.find(&word.str(), b).is_some());
        if !orphans.iter().any(inside) {
            orphans.iter().for_each(|word| self.orphan(word));
            return self.ctx.report(
                extra(span).note("no block is open here").label(close, format!("{} ended here", block.title)),
            );
        }
        let mut finding = Finding::tolerated(
            "stray-block-end",
            format!("this '}}' ends {}, so the lines below belong to nothing", block.title),
            close,
        )
        .note("move it below them")
        .label(block.span, "opened here");
        for word in orphans.iter().take(LABELS_MAX) {
            finding = finding.label(word.span, format!("Unknown keyword '{word}'"));
        }
        let finding = finding.label(span, "Extra '}' found").help(format!(
            "keepalived ignores these lines, and so do we: {} is run without them.",
            block.title
        ));
        self.ctx.report(finding);
    }

    fn orphan(&mut self, word: &Word) {
        if self.ctx.is_full() {
            return;
        }
        self.ctx.report(hints::unknown(self.index, Block::Top, word));
    }

    fn flush_orphans(&mut self) {
        for word in std::mem::take(&mut self.orphans) {
            self.orphan(&word);
        }
    }
}

fn extra(span: Span) -> Finding {
    Finding::tolerated("surplus-brace", "Extra '}' found", span)
}

fn inner(keyword: &Keyword) -> Option<Block> {
    match keyword.apply {
        Apply::Block { inner, .. } => Some(inner),
        Apply::Line(_) | Apply::List { .. } | Apply::Nothing => None,
    }
}

/// A block's line for messages.
fn title(word: &Word, rest: &[Word]) -> String {
    const WORDS: usize = 3;
    let mut title = word.str().into_owned();
    for word in rest.iter().take(WORDS) {
        title.push(' ');
        title.push_str(&word.str());
    }
    title
}
