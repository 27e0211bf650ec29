//! Keywords: what is tracked: `vrrp_script`, `track_file`, `vrrp_track_process`.

use evenkeel_base::Words;
use evenkeel_base::time::Duration;
use evenkeel_plan::keeper::script::ParamMatch;

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::global::on;
use super::keyword::{Block, CHECKER, Keyword, Outcome, Readers, VRRP};
use super::script;
use super::track::{name, weight};

/// The director tracks files too.
const BOTH: Readers = VRRP.with(CHECKER);

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "vrrp_script",
        Block::Top,
        VRRP,
        "NAME",
        (Block::Script, open_script, close_script),
        "A program whose exit code is tracked.",
    )
    .example("vrrp_script chk {\n script \"/bin/true\"\n}"),
    Keyword::line("script", Block::Script, VRRP, "COMMAND", script_command, "What is run.")
        .example("script \"killall -0 haproxy\""),
    Keyword::line(
        "interval",
        Block::Script,
        VRRP,
        "SECONDS",
        |d, ctx, w| {
            d.script.interval = script_seconds(ctx, w, &d.script.of.name)?;
            Ok(())
        },
        "Between runs; 1.",
    )
    .example("interval 2"),
    Keyword::line(
        "timeout",
        Block::Script,
        VRRP,
        "SECONDS",
        |d, ctx, w| {
            d.script.timeout = Some(script_seconds(ctx, w, &d.script.of.name)?);
            Ok(())
        },
        "Longest run; the interval where nothing is said.",
    )
    .example("timeout 2"),
    Keyword::line(
        "weight",
        Block::Script,
        VRRP,
        "-253…253 [reverse]",
        |d, ctx, w| {
            d.script.weight = weight(ctx, w, 253)?;
            Ok(())
        },
        "What it does to priorities; 0: its failure is a fault.",
    )
    .example("weight -20"),
    Keyword::line(
        "rise",
        Block::Script,
        VRRP,
        "NUMBER",
        |d, ctx, w| {
            d.script.rise = count(ctx, w)?;
            Ok(())
        },
        "Successes in a row that count; 1.",
    )
    .example("rise 2"),
    Keyword::line(
        "fall",
        Block::Script,
        VRRP,
        "NUMBER",
        |d, ctx, w| {
            d.script.fall = count(ctx, w)?;
            Ok(())
        },
        "Failures in a row that count; 1.",
    )
    .example("fall 2"),
    Keyword::line("user", Block::Script, VRRP, "USER [GROUP]", script_user, "Whom it runs as.")
        .example("user root"),
    Keyword::line(
        "init_fail",
        Block::Script,
        VRRP,
        "",
        |d, _, _| on(&mut d.script.init_fail),
        "Failed until proven well.",
    ),
    Keyword::block(
        "track_file",
        Block::Top,
        BOTH,
        "NAME",
        (Block::File, open_file, close_file),
        "A file whose number is tracked.",
    )
    .example("track_file f {\n file /run/weight\n}"),
    Keyword::block(
        "vrrp_track_file",
        Block::Top,
        BOTH,
        "NAME",
        (Block::File, open_file, close_file),
        "Old name of `track_file`.",
    )
    .example("vrrp_track_file f {\n file /run/weight\n}")
    .obsolete("track_file"),
    Keyword::line("file", Block::File, BOTH, "PATH", file_path, "Its path.").example("file /run/weight"),
    Keyword::line(
        "weight",
        Block::File,
        BOTH,
        "-254…254 [reverse]",
        |d, ctx, w| {
            let Some(word) = w.peek() else {
                let message = format!("No weight specified for track file {} - ignoring", d.file.of.name);
                return Err(Finding::tolerated("missing-value", message, ctx.at));
            };
            let _ = word;
            d.file.weight = weight(ctx, w, 254)?;
            Ok(())
        },
        "What its number is multiplied with; 1.",
    )
    .example("weight 1"),
    Keyword::line(
        "init_file",
        Block::File,
        BOTH,
        "[VALUE] [overwrite]",
        init_file,
        "Write a number to it at the start.",
    )
    .example("init_file 0 overwrite"),
    Keyword::block(
        "vrrp_track_process",
        Block::Top,
        VRRP,
        "NAME",
        (Block::Process, open_process, close_process),
        "Processes whose number is tracked.",
    )
    .example("vrrp_track_process p {\n process haproxy\n}"),
    Keyword::line("process", Block::Process, VRRP, "COMMAND [PARAMETER …]", process, "Which.")
        .example("process haproxy"),
    Keyword::line(
        "param_match",
        Block::Process,
        VRRP,
        "[initial|partial]",
        param_match,
        "How parameters are compared.",
    )
    .example("param_match initial"),
    Keyword::line(
        "weight",
        Block::Process,
        VRRP,
        "-254…254 [reverse]",
        |d, ctx, w| {
            if w.is_empty() {
                let message =
                    format!("No weight specified for track process {} - ignoring", d.process.of.name);
                return Err(Finding::tolerated("missing-value", message, ctx.at));
            }
            d.process.weight = weight(ctx, w, 254)?;
            Ok(())
        },
        "What they do to priorities; 1.",
    )
    .example("weight 10"),
    Keyword::line(
        "quorum",
        Block::Process,
        VRRP,
        "NUMBER",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.process.quorum = u32::try_from(ctx.whole(word, 1, 65_535)?).unwrap_or(1);
            Ok(())
        },
        "How many must run; 1.",
    )
    .example("quorum 2"),
    Keyword::line(
        "quorum_max",
        Block::Process,
        VRRP,
        "NUMBER",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.process.quorum_max = u32::try_from(ctx.whole(word, 0, 65_535)?).ok();
            Ok(())
        },
        "How many may run.",
    )
    .example("quorum_max 3"),
    Keyword::line(
        "fork_delay",
        Block::Process,
        VRRP,
        "SECONDS",
        |d, ctx, w| {
            d.process.fork_delay = hour(ctx, w)?;
            Ok(())
        },
        "Wait after gaining the quorum.",
    )
    .example("fork_delay 0.5"),
    Keyword::line(
        "terminate_delay",
        Block::Process,
        VRRP,
        "SECONDS",
        |d, ctx, w| {
            d.process.terminate_delay = hour(ctx, w)?;
            Ok(())
        },
        "Wait after losing it.",
    )
    .example("terminate_delay 0.5"),
    Keyword::line(
        "delay",
        Block::Process,
        VRRP,
        "SECONDS",
        |d, ctx, w| {
            let delay = hour(ctx, w)?;
            d.process.fork_delay = delay;
            d.process.terminate_delay = delay;
            Ok(())
        },
        "Both.",
    )
    .example("delay 0.5"),
    Keyword::line(
        "full_command",
        Block::Process,
        VRRP,
        "",
        |d, _, _| on(&mut d.process.full_command),
        "The whole command line is compared.",
    ),
];

fn count(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<u32, Finding> {
    let word = ctx.need(words)?;
    let value = ctx.whole(word, 1, i64::from(i32::MAX))?;
    Ok(u32::try_from(value).unwrap_or(1))
}

fn script_seconds(ctx: &mut Ctx<'_>, words: &mut Words<'_>, name: &str) -> Result<Duration, Finding> {
    let word = ctx.need(words)?;
    let mut value = ctx.whole(word, 0, 4_294)?;
    if value == 0 {
        value = 1;
        let message = format!("({name}): vrrp script {} must be greater than 0, setting to 1", ctx.keyword);
        ctx.report(Finding::adjusted("out-of-range", message, word.span));
    }
    Ok(Duration::from_secs(value.unsigned_abs()))
}

fn hour(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Duration, Finding> {
    let word = ctx.need(words)?;
    ctx.seconds(word, 1, 3_600_000_000)
}

fn open_script(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.script = Default::default();
    d.script.of = name(ctx, words)?;
    Ok(())
}

fn script_command(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let command = script::command(ctx, words)?;
    if let (Some(plan), Some(extra)) = (&command, words.peek()) {
        let message = format!("only `{}` is run: what follows it is not part of the command", plan.text);
        let whole: Vec<String> = std::iter::once(plan.text.clone())
            .chain(words.rest().iter().map(|w| w.str().into_owned()))
            .collect();
        ctx.report(
            Finding::remark("unquoted-command", message, extra.span)
                .note(format!("write \"{}\"", whole.join(" "))),
        );
        words.take_rest();
    }
    d.script.command = command;
    Ok(())
}

fn script_user(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let user = ctx.need(words)?;
    match script::user_group(ctx, user, words.next()) {
        Ok(found) => d.script.user = Some(found),
        Err(wrong) => {
            d.script.bad_user = true;
            let text = d.script.command.as_ref().map_or("", |c| c.text.as_str());
            let message = format!("Unable to set uid/gid for script '{text}'");
            ctx.report(
                Finding::tolerated("unknown-user", message, wrong.span(user))
                    .note(wrong.text())
                    .help("keepalived drops this vrrp_script, and so do we."),
            );
        }
    }
    Ok(())
}

fn close_script(d: &mut Draft, ctx: &mut Ctx<'_>) {
    let script = std::mem::take(&mut d.script);
    if script.command.is_none() {
        let message = format!("No script set for vrrp_script {} - removing", script.of.name);
        ctx.report(Finding::tolerated("missing-script", message, script.of.span));
        return;
    }
    if script.bad_user {
        return;
    }
    d.scripts.push(script);
}

fn open_file(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.file = Default::default();
    d.file.of = name(ctx, words)?;
    Ok(())
}

fn file_path(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(word) = words.next() else {
        return Err(Finding::tolerated("missing-value", "track file file name missing", ctx.at));
    };
    if d.file.path.is_some() {
        let message = format!("File already set for track file {} - ignoring {word}", d.file.of.name);
        return Err(Finding::tolerated("twice", message, word.span));
    }
    d.file.path = Some(word.str().into_owned());
    Ok(())
}

fn init_file(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const SENSIBLE: i64 = 254;
    d.file.init = Some(0);
    for word in words {
        let text = word.str();
        if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            let value = ctx.whole(word, i64::from(i32::MIN), i64::from(i32::MAX))?;
            if value.abs() > SENSIBLE {
                let message = format!(
                    "Track file {} init value {value} is outside sensible range [-{SENSIBLE}, {SENSIBLE}]",
                    d.file.of.name
                );
                ctx.report(Finding::adjusted("out-of-range", message, word.span));
            }
            d.file.init = Some(value);
        } else if text == "overwrite" {
            d.file.overwrite = true;
        } else {
            let message = format!("Unknown track file init option {text}");
            return Err(Finding::tolerated("bad-value", message, word.span));
        }
    }
    Ok(())
}

fn close_file(d: &mut Draft, ctx: &mut Ctx<'_>) {
    let file = std::mem::take(&mut d.file);
    if file.path.is_none() {
        let message = format!("No file set for track_file {} - ignoring", file.of.name);
        ctx.report(Finding::tolerated("missing-file", message, file.of.span));
    } else if ctx.reader == VRRP {
        d.files.push(file);
    }
}

fn open_process(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.process = Default::default();
    d.process.of = name(ctx, words)?;
    Ok(())
}

fn process(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    if d.process.command.is_some() {
        words.take_rest();
        let message =
            format!("Process already set for track process {} - ignoring {word}", d.process.of.name);
        return Err(Finding::tolerated("twice", message, word.span));
    }
    let parameters = words.map(|word| word.str().into_owned()).collect();
    d.process.command = Some((word.str().into_owned(), parameters));
    Ok(())
}

fn param_match(d: &mut Draft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.process.param_match = Some(match words.next() {
        None => ParamMatch::Exact,
        Some(word) if word.is("initial") => ParamMatch::Initial,
        Some(word) if word.is("partial") => ParamMatch::Partial,
        Some(word) => {
            let message = format!("Invalid param_match type {word} - ignoring");
            return Err(Finding::tolerated("bad-value", message, word.span).note("initial or partial"));
        }
    });
    Ok(())
}

fn close_process(d: &mut Draft, ctx: &mut Ctx<'_>) {
    let mut process = std::mem::take(&mut d.process);
    if process.command.is_none() {
        let message = format!("track process '{}' process name not specified", process.of.name);
        ctx.report(Finding::tolerated("missing-process", message, process.of.span));
        return;
    }
    if process.quorum_max.is_some_and(|most| most > 0 && most < process.quorum) {
        let message = "quorum_max is less than quorum - ignoring";
        ctx.report(Finding::adjusted("out-of-range", message, process.of.span));
        process.quorum_max = None;
    }
    d.processes.push(process);
}
