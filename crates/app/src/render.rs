//! Diagnostics as text, in two forms: *classic*, the original's lines, which scripts grep; and *snippet*, the source
//! line with carets, for people. Pure functions: who calls them prints.

use evenkeel_base::{Diagnostic, FileId, Level, SourceMap, Span};
use evenkeel_conf::{POINTED_CODES, READER_CODES};
use std::cmp::Reverse;
use std::fmt::Write;

/// Columns of a terminal that does not say how wide it is.
pub const WIDTH_DEFAULT: usize = 120;

/// Fewest columns left to a source line, however narrow the terminal.
const SOURCE_COLUMNS_MIN: usize = 40;

/// Columns of a source line in the classic form.
const CLASSIC_COLUMNS: usize = 76;

/// Blanks between tab stops.
const TAB: usize = 4;

/// Bytes of a line looked at on each side of a place: lines may have megabytes.
const AROUND_MAX: usize = 2_048;

/// The code of a file that could not be opened: the original stops there, without its last line.
const UNREADABLE: &str = "unreadable-file";

/// How to write the classic form.
#[derive(Clone, Copy, Debug, Default)]
pub struct Classic<'a> {
    /// The process that speaks.
    pub pid: u32,
    /// Notices that go before the first warning or alert: the version and the path of the program.
    pub preamble: &'a [String],
    /// `-dD`: show what is only shown on request.
    pub show_diag: bool,
}

/// How to write snippets.
#[derive(Clone, Copy, Debug)]
pub struct Snippet {
    /// Colours: only for a terminal.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// `-dD`: show what is only shown on request.
    pub show_diag: bool,
}

/// One line in the original's shape: `[ALERT]    (1234) : text`.
pub fn classic_line(level: Level, pid: u32, text: &str) -> String {
    let tag = match level {
        Level::Error => "[ALERT]",
        Level::Warning => "[WARNING]",
        Level::Notice => "[NOTICE]",
        Level::Diag => "[DIAG]",
    };
    let mut lines = text.split('\n').map(clean);
    let mut out = format!("{tag:<11}({pid}) : {}\n", lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(out, "   | {line}");
    }
    out
}

/// All diagnostics as the original writes them, with what it says after each file and at the end.
pub fn classic(diags: &[Diagnostic], map: &SourceMap, style: &Classic<'_>) -> String {
    let sorted = in_order(diags, style.show_diag);
    let mut out = String::new();
    let mut preamble = style.preamble;
    for (n, what) in sorted.iter().enumerate() {
        if what.level >= Level::Warning {
            for line in std::mem::take(&mut preamble) {
                out += &classic_line(Level::Notice, style.pid, line);
            }
        }
        out += &classic_one(what, map, style.pid);
        let file = what.span.map(|span| span.file);
        let ends = sorted.get(n + 1).is_none_or(|next| next.span.map(|span| span.file) != file);
        if let (Some(file), true) = (file, ends)
            && sorted.iter().any(|d| d.level == Level::Error && d.span.is_some_and(|span| span.file == file))
        {
            let text = format!("config : Error(s) found in configuration file : {}", map.name(file));
            out += &classic_line(Level::Error, style.pid, &text);
        }
    }
    if sorted.iter().any(|what| what.level == Level::Error && what.code != UNREADABLE) {
        out += &classic_line(Level::Error, style.pid, "config : Fatal errors found in configuration.");
    }
    out
}

fn classic_one(what: &Diagnostic, map: &SourceMap, pid: u32) -> String {
    let Some(span) = what.span else {
        return classic_line(what.level, pid, &format!("config : {}", with_help(what, map)));
    };
    let place = map.place(span);
    let gap = if READER_CODES.contains(&what.code) { "" } else { " " };
    if !POINTED_CODES.contains(&what.code) {
        let text = format!("config : parsing [{}:{}]{gap}: {}", place.file, place.line, with_help(what, map));
        return classic_line(what.level, pid, &text);
    }
    let text = format!("config : parsing [{}:{}]{gap}: {}:", place.file, place.line, what.message);
    let source = Source::new(map, span.file, place.line, span, CLASSIC_COLUMNS, true);
    let column = source.columns(span).0;
    classic_line(what.level, pid, &text) + &format!("  {}\n  {}^\n", source.text, " ".repeat(column))
}

/// The message and, on lines of their own, the other places and the help.
fn with_help(what: &Diagnostic, map: &SourceMap) -> String {
    let mut text = what.message.clone();
    for label in &what.labels {
        let place = map.place(label.span);
        let _ = write!(text, "\n{}:{}: {}", place.file, place.line, label.text);
    }
    for help in what.note.iter().chain(&what.help) {
        let _ = write!(text, "\n{help}");
    }
    text
}

/// All diagnostics with their source lines.
pub fn snippets(diags: &[Diagnostic], map: &SourceMap, style: &Snippet) -> String {
    let blocks: Vec<String> =
        in_order(diags, style.show_diag).into_iter().map(|what| snippet(what, map, style)).collect();
    blocks.join("\n")
}

/// How many of each: `1 warning, 2 errors`; `None` if there is neither.
pub fn summary(diags: &[Diagnostic]) -> Option<String> {
    let count = |level: Level, one: &str| {
        let n = diags.iter().filter(|d| d.level == level).count();
        (n > 0).then(|| format!("{n} {one}{}", if n == 1 { "" } else { "s" }))
    };
    let parts: Vec<String> =
        [count(Level::Warning, "warning"), count(Level::Error, "error")].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What concerns no file and came first stays first; then by place; then the rest.
fn in_order(diags: &[Diagnostic], show_diag: bool) -> Vec<&Diagnostic> {
    let first_placed = diags.iter().position(|d| d.span.is_some()).unwrap_or(0);
    let mut sorted: Vec<(usize, &Diagnostic)> =
        diags.iter().enumerate().filter(|(_, d)| show_diag || d.level > Level::Diag).collect();
    sorted.sort_by_key(|(n, d)| match d.span {
        None if *n < first_placed => (0, FileId(0), 0),
        Some(span) => (1, span.file, span.start),
        None => (2, FileId(0), 0),
    });
    sorted.into_iter().map(|(_, d)| d).collect()
}

/// Where something is marked.
struct Mark<'a> {
    span: Span,
    line: u32,
    text: &'a str,
    primary: bool,
}

/// One diagnostic with its source lines:
/// ```text
/// error[code]: message
///   --> file:line:column
///    |
/// 12 | the line
///    |     ^^^^ note
///    = help
/// ```
fn snippet(what: &Diagnostic, map: &SourceMap, style: &Snippet) -> String {
    let paint = Paint { on: style.color };
    let (name, color) = match what.level {
        Level::Error => ("error", RED),
        Level::Warning => ("warning", YELLOW),
        Level::Notice => ("notice", CYAN),
        Level::Diag => ("diag", CYAN),
    };
    let mut lines = what.message.split('\n').map(clean);
    let head = paint.with(color, &format!("{name}[{}]", what.code));
    let mut out = format!("{head}{}\n", paint.with(BOLD, &format!(": {}", lines.next().unwrap_or_default())));
    for line in lines {
        let _ = writeln!(out, "   {line}");
    }
    let mut marks: Vec<Mark<'_>> = Vec::new();
    let note = what.note.as_deref().unwrap_or_default();
    if let Some(span) = what.span {
        marks.push(Mark { span, line: map.line(span.file, span.start), text: note, primary: true });
        marks.extend(what.labels.iter().map(|label| Mark {
            span: label.span,
            line: map.line(label.span.file, label.span.start),
            text: &label.text,
            primary: false,
        }));
    }
    let digits = marks.iter().map(|mark| mark.line.to_string().len()).max().unwrap_or(1);
    let gutter = paint.with(BLUE, &format!("{:digits$} |", ""));
    let primary_file = what.span.map(|span| span.file);
    let mut files: Vec<FileId> = marks.iter().map(|mark| mark.span.file).collect();
    files.sort_by_key(|file| (Some(*file) != primary_file, *file));
    files.dedup();
    for file in files {
        let mut here: Vec<&Mark<'_>> = marks.iter().filter(|mark| mark.span.file == file).collect();
        // The header names the primary mark's place, or the file's first mark.
        here.sort_by_key(|mark| (!mark.primary, mark.span.start));
        let Some(first) = here.first() else { continue };
        let place = map.place(first.span);
        let arrow = if Some(file) == primary_file { "-->" } else { ":::" };
        let arrow = paint.with(BLUE, &format!("{:digits$}{arrow}", ""));
        let _ = writeln!(out, "{arrow} {}:{}:{}\n{gutter}", clean(place.file), place.line, place.column);
        here.sort_by_key(|mark| (mark.line, !mark.primary, Reverse(mark.span.start)));
        let mut shown: Option<u32> = None;
        for mark in here {
            if shown != Some(mark.line) {
                if shown.is_some_and(|line| line + 1 < mark.line) {
                    out += "...\n";
                }
                shown = Some(mark.line);
                let number = paint.with(BLUE, &format!("{:>digits$} |", mark.line));
                let _ = writeln!(out, "{number} {}", source_of(mark, map, style, digits).text);
            }
            let (start, end) = source_of(mark, map, style, digits).columns(mark.span);
            let sign = if mark.primary { "^" } else { "-" };
            let carets = sign.repeat(end.saturating_sub(start).max(1));
            let text = if mark.text.is_empty() { carets } else { format!("{carets} {}", clean(mark.text)) };
            let text = paint.with(if mark.primary { color } else { BLUE }, &text);
            let _ = writeln!(out, "{gutter} {}{text}", " ".repeat(start));
        }
    }
    for help in &what.help {
        let sign = paint.with(BLUE, &format!("{:digits$} =", ""));
        let mut lines = help.split('\n').map(clean);
        let _ = writeln!(out, "{sign} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(out, "{:digits$}   {line}", "");
        }
    }
    out
}

fn source_of(mark: &Mark<'_>, map: &SourceMap, style: &Snippet, digits: usize) -> Source {
    let columns = style.width.saturating_sub(digits + 3).max(SOURCE_COLUMNS_MIN);
    Source::new(map, mark.span.file, mark.line, mark.span, columns, false)
}

/// A source line as it is shown: tabs spread, odd characters replaced, long ones cut around a place.
struct Source {
    text: String,
    /// For each shown character: the offset of its byte in the file, and the column where it starts.
    cells: Vec<(usize, usize)>,
    /// The column after the last character.
    end: usize,
    /// The offset after the last shown byte.
    end_offset: usize,
}

impl Source {
    fn new(map: &SourceMap, file: FileId, line: u32, around: Span, columns: usize, trim: bool) -> Source {
        let text = map.line_text(file, line);
        let base = map.line_start(file, line) as usize;
        let skipped = if trim { text.iter().take_while(|b| b.is_ascii_whitespace()).count() } else { 0 };
        let at = (around.start as usize).saturating_sub(base).min(text.len());
        let from = skipped.max(at.saturating_sub(AROUND_MAX)).min(at);
        let to = text.len().min(at + AROUND_MAX);
        let shown = text.get(from..to).unwrap_or_default();
        let glyphs = glyphs(shown, base + from);
        let caret = glyphs.partition_point(|glyph| glyph.offset < base + at);
        let (first, last) = window(&glyphs, caret, columns, from > skipped, to < text.len());
        let mut source = Source { text: String::new(), cells: Vec::new(), end: 0, end_offset: 0 };
        if first > 0 || from > skipped {
            source.text.push_str("...");
            source.end = 3;
        }
        for glyph in glyphs.get(first..last).unwrap_or_default() {
            source.cells.push((glyph.offset, source.end));
            source.text.push_str(&glyph.shown);
            source.end += glyph.width;
        }
        source.end_offset = glyphs.get(last).map_or(base + to, |glyph| glyph.offset);
        if last < glyphs.len() || to < text.len() {
            source.text.push_str("...");
        }
        source
    }

    /// The columns that a span covers, as far as it is shown.
    fn columns(&self, span: Span) -> (usize, usize) {
        let column = |offset: u32| {
            let n = self.cells.partition_point(|(at, _)| *at < offset as usize);
            self.cells.get(n).map_or(self.end, |(_, column)| *column)
        };
        let end = column(span.end.min(u32::try_from(self.end_offset).unwrap_or(u32::MAX)));
        let start = column(span.start);
        (start, end.max(start))
    }
}

/// One shown character.
struct Glyph {
    shown: String,
    width: usize,
    offset: usize,
}

fn glyphs(text: &[u8], base: usize) -> Vec<Glyph> {
    let mut out: Vec<Glyph> = Vec::with_capacity(text.len());
    let (mut offset, mut column) = (base, 0);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let (shown, width) = if c == '\t' {
                let width = TAB - column % TAB;
                (" ".repeat(width), width)
            } else {
                let c = harmless(c);
                (c.to_string(), width(c))
            };
            out.push(Glyph { shown, width, offset });
            offset += c.len_utf8();
            column += width;
        }
        for _ in chunk.invalid() {
            out.push(Glyph { shown: char::REPLACEMENT_CHARACTER.to_string(), width: 1, offset });
            offset += 1;
            column += 1;
        }
    }
    out
}

/// Which glyphs fit into `columns`, with the one at `caret` in the first third if something must go.
fn window(
    glyphs: &[Glyph],
    caret: usize,
    columns: usize,
    cut_before: bool,
    cut_after: bool,
) -> (usize, usize) {
    let total: usize = glyphs.iter().map(|glyph| glyph.width).sum();
    if total <= columns && !cut_before && !cut_after {
        return (0, glyphs.len());
    }
    let room = columns.saturating_sub(6); // the dots on both sides
    let mut first = caret.min(glyphs.len());
    let mut before = 0;
    while let Some(glyph) = first.checked_sub(1).and_then(|n| glyphs.get(n)) {
        // What lies before gets a third, or more if little follows.
        if before + glyph.width > room / 3 {
            break;
        }
        before += glyph.width;
        first -= 1;
    }
    let mut last = caret.min(glyphs.len());
    let mut used = before;
    while let Some(glyph) = glyphs.get(last).filter(|glyph| used + glyph.width <= room) {
        used += glyph.width;
        last += 1;
    }
    while let Some(glyph) =
        first.checked_sub(1).and_then(|n| glyphs.get(n)).filter(|g| used + g.width <= room)
    {
        used += glyph.width;
        first -= 1;
    }
    (first, last)
}

/// Text that cannot move a terminal's cursor, nor turn its text around.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { harmless(c) }).collect()
}

fn harmless(c: char) -> char {
    match c {
        // The Unicode pictures of the control characters.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => {
            char::REPLACEMENT_CHARACTER
        }
        // A no-break space is a place where people need to see something.
        '\u{a0}' => '\u{2423}',
        c => c,
    }
}

/// Columns that a terminal gives a character (Unicode East Asian Width, in ranges).
fn width(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f | 0xfeff => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const CYAN: &str = "1;36";
const BLUE: &str = "1;34";
const BOLD: &str = "1";

/// Colours, if there are any.
struct Paint {
    on: bool,
}

impl Paint {
    fn with(&self, color: &str, text: &str) -> String {
        if self.on { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn source(text: &[u8]) -> SourceMap {
        let mut map = SourceMap::new();
        map.add("web.cfg", text.to_vec());
        map
    }

    fn at(start: usize, end: usize) -> Span {
        Span::new(FileId(0), start as u32, end as u32)
    }

    /// The place of the first `needle`.
    fn find(map: &SourceMap, needle: &str) -> Span {
        let text = map.text(FileId(0));
        let start = text
            .windows(needle.len())
            .position(|w| w == needle.as_bytes())
            .expect("the needle is in the text");
        at(start, start + needle.len())
    }

    const PLAIN: Snippet = Snippet { color: false, width: 60, show_diag: true };

    fn classic_of(diags: &[Diagnostic], map: &SourceMap) -> String {
        let preamble = ["haproxy version is 3.2.0".to_string()];
        classic(diags, map, &Classic { pid: 1234, preamble: &preamble, show_diag: true })
    }

    #[test]
    fn classic_lines_have_the_original_shape() {
        let map = source(b"global\n  foo\n\t\tlog \"abc d\n.notice x\n");
        let diags = [
            Diagnostic::new(Level::Notice, "message", "'x'", find(&map, ".notice x")),
            Diagnostic::error("unmatched-quote", "unmatched quote at position 7", find(&map, "\"abc")),
            Diagnostic::error(
                "unknown-keyword",
                "unknown keyword 'foo' in 'global' section",
                find(&map, "foo"),
            )
            .label(at(0, 6), "the section")
            .help("Remove it."),
            Diagnostic::nowhere(Level::Warning, "timeouts", "missing timeouts for frontend 'a'."),
            Diagnostic::new(Level::Diag, "message", "'d'", at(0, 1)),
        ];
        expect![[r#"
            [DIAG]     (1234) : config : parsing [web.cfg:1]: 'd'
            [NOTICE]   (1234) : haproxy version is 3.2.0
            [ALERT]    (1234) : config : parsing [web.cfg:2] : unknown keyword 'foo' in 'global' section
               | web.cfg:1: the section
               | Remove it.
            [ALERT]    (1234) : config : parsing [web.cfg:3]: unmatched quote at position 7:
              log "abc d
                  ^
            [NOTICE]   (1234) : config : parsing [web.cfg:4]: 'x'
            [ALERT]    (1234) : config : Error(s) found in configuration file : web.cfg
            [WARNING]  (1234) : config : missing timeouts for frontend 'a'.
            [ALERT]    (1234) : config : Fatal errors found in configuration.
        "#]]
        .assert_eq(&classic_of(&diags, &map));
    }

    #[test]
    fn classic_ends_say_what_failed() {
        let map = source(b"global\n");
        let open = Diagnostic::nowhere(
            Level::Error,
            "unreadable-file",
            "Cannot open configuration file/directory x : No",
        );
        let warning = Diagnostic::warning("w", "odd", at(0, 6));
        for (diags, want) in [
            (vec![], expect![[r#""#]]),
            (
                vec![open],
                expect![[r#"
                [NOTICE]   (1234) : haproxy version is 3.2.0
                [ALERT]    (1234) : config : Cannot open configuration file/directory x : No
            "#]],
            ),
            (
                vec![warning.clone()],
                expect![[r#"
                [NOTICE]   (1234) : haproxy version is 3.2.0
                [WARNING]  (1234) : config : parsing [web.cfg:1] : odd
            "#]],
            ),
            (
                vec![warning, Diagnostic::nowhere(Level::Error, "e", "two\nlines\x1b[31m")],
                expect![[r#"
                [NOTICE]   (1234) : haproxy version is 3.2.0
                [WARNING]  (1234) : config : parsing [web.cfg:1] : odd
                [ALERT]    (1234) : config : two
                   | lines␛[31m
                [ALERT]    (1234) : config : Fatal errors found in configuration.
            "#]],
            ),
        ] {
            want.assert_eq(&classic_of(&diags, &map));
        }
    }

    #[track_caller]
    fn check(text: &[u8], make: impl Fn(&SourceMap) -> Diagnostic, want: Expect) {
        let map = source(text);
        want.assert_eq(&snippets(&[make(&map)], &map, &PLAIN));
    }

    #[test]
    fn snippets_point() {
        check(
            b"global\nfrontend  web *:80\n",
            |map| {
                Diagnostic::warning(
                    "obsolete-bind",
                    "the address on a `frontend` line is 1.x",
                    find(map, "*:80"),
                )
                .note("still works; today: a `bind *:80` line of its own")
                .help("evenkeel fix rewrites it")
            },
            expect![[r#"
                warning[obsolete-bind]: the address on a `frontend` line is 1.x
                 --> web.cfg:2:15
                  |
                2 | frontend  web *:80
                  |               ^^^^ still works; today: a `bind *:80` line of its own
                  = evenkeel fix rewrites it
            "#]],
        );
    }

    #[test]
    fn snippets_show_other_places() {
        check(
            b"a\nvrrp_instance http {\nb\nc\nd {\n}\ne\nf\ng\nh }",
            |map| {
                Diagnostic::error("stray", "this `}` ends it\nand more", find(map, "}\ne"))
                    .note("move it")
                    .label(find(map, "{\nb"), "opened here")
                    .label(find(map, "{\n}"), "and here")
                    .label(find(map, "}\ne"), "same line")
                    .label(find(map, "h }"), "far away")
            },
            expect![[r#"
                error[stray]: this `}` ends it
                   and more
                  --> web.cfg:6:1
                   |
                 2 | vrrp_instance http {
                   |                    - opened here
                ...
                 5 | d {
                   |   - and here
                 6 | }
                   | ^ move it
                   | - same line
                ...
                10 | h }
                   | --- far away
            "#]],
        );
    }

    #[test]
    fn snippets_of_odd_lines() {
        let long = "x".repeat(100) + " \"abc" + &"d".repeat(100) + "\n";
        for (name, text, needle, want) in [
            (
                "tabs",
                "\tbind\t:80\n",
                ":80",
                expect![[r#"
                error[e]: tabs
                 --> web.cfg:1:7
                  |
                1 |     bind    :80
                  |             ^^^
            "#]],
            ),
            (
                "wide",
                "acl 網站 path /a\n",
                "path",
                expect![[r#"
                error[e]: wide
                 --> web.cfg:1:8
                  |
                1 | acl 網站 path /a
                  |          ^^^^
            "#]],
            ),
            (
                "control",
                "log \x1b[31m x\n",
                " x",
                expect![[r#"
                error[e]: control
                 --> web.cfg:1:10
                  |
                1 | log ␛[31m x
                  |          ^^
            "#]],
            ),
            (
                "long",
                &long,
                "\"abc",
                expect![[r#"
                error[e]: long
                 --> web.cfg:1:102
                  |
                1 | ...xxxxxxxxxxxxxxx "abcdddddddddddddddddddddddddddddd...
                  |                    ^^^^
            "#]],
            ),
            (
                "end of line",
                "log\r\nx",
                "\r",
                expect![[r#"
                error[e]: end of line
                 --> web.cfg:1:4
                  |
                1 | log
                  |    ^
            "#]],
            ),
            (
                "long end",
                &("y ".repeat(5_000) + "end"),
                "end",
                expect![[r#"
                error[e]: long end
                 --> web.cfg:1:10001
                  |
                1 | ... y y y y y y y y y y y y y y y y y y y y y y y end
                  |                                                   ^^^
            "#]],
            ),
        ] {
            let map = source(text.as_bytes());
            let what = Diagnostic::error("e", name, find(&map, needle));
            want.assert_eq(&snippets(&[what], &map, &PLAIN));
        }
    }

    #[test]
    fn snippets_without_sense_do_not_panic() {
        let map = source(b"\xff\xfe\n\xe7\xb6 \n");
        for span in [at(0, 0), at(0, 9), at(1, 2), at(3, 5), at(90, 99), Span::new(FileId(4), 1, 2)] {
            for style in [PLAIN, Snippet { width: 0, color: true, ..PLAIN }] {
                let what = Diagnostic::error("unmatched-quote", "m", span).label(span, "l");
                assert!(snippets(std::slice::from_ref(&what), &map, &style).contains("-->"));
                assert!(classic_of(&[what], &map).contains("[ALERT]"));
            }
        }
    }

    #[test]
    fn summaries_count() {
        let warning = Diagnostic::nowhere(Level::Warning, "w", "w");
        let error = Diagnostic::nowhere(Level::Error, "e", "e");
        let notice = Diagnostic::nowhere(Level::Notice, "n", "n");
        for (diags, want) in [
            (vec![], None),
            (vec![notice], None),
            (vec![warning.clone()], Some("1 warning")),
            (vec![warning, error.clone(), error], Some("1 warning, 2 errors")),
        ] {
            assert_eq!(summary(&diags).as_deref(), want);
        }
    }
}
