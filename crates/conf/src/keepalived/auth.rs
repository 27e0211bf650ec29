//! Keywords: `authentication` and `auth_hmac` in `vrrp_instance`.

use evenkeel_base::time::Duration;
use evenkeel_base::{Span, Word, Words};
use evenkeel_vrrp::conf::HmacMode;

use super::context::Ctx;
use super::draft::{AuthKind, Draft, HmacDraft};
use super::finding::Finding;
use super::keyword::{Block, Keyword, Outcome, VRRP, no_end};

/// Longest password (RFC 2338 §5.3.10).
const PASSWORD_MAX: usize = 8;

/// Shortest and longest key of `auth_hmac`, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=64;

/// Most keys.
const KEYS_MAX: usize = 255;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "authentication",
        Block::Instance,
        VRRP,
        "{ … }",
        (Block::Auth, open, no_end),
        "Adverts carry a password (RFC 2338; not in later RFCs).",
    )
    .example("authentication {\n auth_type PASS\n auth_pass 1234\n}"),
    Keyword::line("auth_type", Block::Auth, VRRP, "PASS|AH", auth_type, "How.").example("auth_type PASS"),
    Keyword::line("auth_pass", Block::Auth, VRRP, "PASSWORD", auth_pass, "The password, eight letters.")
        .example("auth_pass 1234"),
    Keyword::block(
        "auth_hmac",
        Block::Instance,
        VRRP,
        "{ … }",
        (Block::Hmac, open_hmac, close_hmac),
        "Adverts are signed.",
    )
    .example("auth_hmac {\n key 1 0123456789abcdef0123456789abcdef\n}"),
    Keyword::line("key", Block::Hmac, VRRP, "ID TEXT|hex:…|file:…", key, "A key of 32 to 64 bytes.")
        .example("key 1 0123456789abcdef0123456789abcdef"),
    Keyword::line(
        "active_key",
        Block::Hmac,
        VRRP,
        "ID",
        active_key,
        "The key that signs; the first where nothing is said.",
    )
    .example("active_key 1"),
    Keyword::line(
        "anti_replay",
        Block::Hmac,
        VRRP,
        "time|monotonic",
        anti_replay,
        "How repeated adverts are told.",
    )
    .example("anti_replay time"),
    Keyword::line(
        "time_window",
        Block::Hmac,
        VRRP,
        "1…300",
        time_window,
        "How far the peers' clocks may differ.",
    )
    .example("time_window 5"),
    Keyword::line("mode", Block::Hmac, VRRP, "enforce|permissive|receive-only", mode, "Who must sign.")
        .example("mode enforce"),
];

fn open(d: &mut Draft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    d.instance.auth_span = ctx.at;
    d.instance.places.note("authentication", ctx.at);
    Ok(())
}

fn auth_type(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    d.instance.auth = Some(match &*word.str() {
        "PASS" => AuthKind::Pass,
        "AH" => AuthKind::Ah,
        _ => {
            let message = format!("({}) unknown authentication type '{word}'", d.instance.of.name);
            return Err(Finding::tolerated("bad-value", message, word.span).note("PASS or AH"));
        }
    });
    Ok(())
}

fn auth_pass(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let mut password = [0; PASSWORD_MAX];
    for (place, byte) in password.iter_mut().zip(word.bytes()) {
        *place = *byte;
    }
    d.instance.password = Some(password);
    if word.bytes().len() > PASSWORD_MAX {
        let message = format!("Truncating auth_pass to {PASSWORD_MAX} characters");
        ctx.report(
            Finding::adjusted("password-cut", message, word.span)
                .note("only the first eight letters count, on every node"),
        );
    }
    Ok(())
}

fn open_hmac(d: &mut Draft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    if d.instance.hmac.is_some() {
        let message = format!("({}) auth_hmac already specified - ignoring", d.instance.of.name);
        return Err(Finding::tolerated("twice", message, ctx.at));
    }
    d.instance.hmac = Some(HmacDraft { span: ctx.at, ..HmacDraft::default() });
    Ok(())
}

fn key_id(ctx: &mut Ctx<'_>, word: &Word) -> Result<u8, Finding> {
    Ok(u8::try_from(ctx.whole(word, 1, 255)?).unwrap_or(u8::MAX))
}

fn key(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let id = ctx.need(words)?;
    let value = ctx.need(words)?;
    let id = key_id(ctx, id)?;
    let bytes = secret(ctx, value)?;
    if !KEY_BYTES.contains(&bytes.len()) {
        let message = format!("a key of auth_hmac has 32 to 64 bytes, this one {}", bytes.len());
        return Err(Finding::tolerated("bad-key", message, value.span));
    }
    let Some(hmac) = &mut d.instance.hmac else { return Ok(()) };
    if hmac.keys.iter().any(|(known, _)| *known == id) || hmac.keys.len() >= KEYS_MAX {
        return Err(Finding::tolerated("twice", format!("key {id} is there already"), value.span));
    }
    hmac.keys.push((id, bytes));
    Ok(())
}

/// A secret: as written, `hex:…`, or the first line of `file:…`.
fn secret(ctx: &Ctx<'_>, word: &Word) -> Result<Vec<u8>, Finding> {
    let text = word.str();
    let fault = |message: String| Finding::tolerated("bad-key", message, word.span);
    if let Some(hex) = text.strip_prefix("hex:") {
        let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
        let digits = digits.filter(|d| d.len() % 2 == 0);
        let digits = digits.ok_or_else(|| fault("hex: wants pairs of hexadecimal digits".to_owned()))?;
        return Ok(digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect());
    }
    if let Some(path) = text.strip_prefix("file:") {
        let bytes =
            ctx.outside.read_file(path).map_err(|why| fault(format!("{path} cannot be read: {why}")))?;
        let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        return Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec());
    }
    Ok(word.bytes().to_vec())
}

fn active_key(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let id = key_id(ctx, word)?;
    if let Some(hmac) = &mut d.instance.hmac {
        hmac.active = Some((id, word.span));
    }
    Ok(())
}

fn anti_replay(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let monotonic = match &*word.str() {
        "time" => false,
        "monotonic" => true,
        _ => {
            let message = format!("unknown anti_replay '{word}'");
            return Err(Finding::tolerated("bad-value", message, word.span).note("time or monotonic"));
        }
    };
    if let Some(hmac) = &mut d.instance.hmac {
        hmac.monotonic = monotonic;
    }
    Ok(())
}

fn time_window(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let seconds = ctx.whole(word, 1, 300)?;
    if let Some(hmac) = &mut d.instance.hmac {
        hmac.window = Some(Duration::from_secs(seconds.unsigned_abs()));
    }
    Ok(())
}

fn mode(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let mode = match &*word.str() {
        "enforce" => HmacMode::Enforce,
        "permissive" => HmacMode::Permissive,
        "receive-only" => HmacMode::ReceiveOnly,
        _ => {
            let message = format!("unknown mode '{word}'");
            let note = "enforce, permissive or receive-only";
            return Err(Finding::tolerated("bad-value", message, word.span).note(note));
        }
    };
    if let Some(hmac) = &mut d.instance.hmac {
        hmac.mode = Some(mode);
    }
    Ok(())
}

fn close_hmac(d: &mut Draft, ctx: &mut Ctx<'_>) {
    let name = d.instance.of.name.clone();
    let Some(hmac) = &d.instance.hmac else { return };
    let fault: Option<(String, Span)> = if hmac.keys.is_empty() {
        Some((format!("({name}) auth_hmac has no key. Ignoring"), hmac.span))
    } else {
        hmac.active
            .filter(|(id, _)| !hmac.keys.iter().any(|(known, _)| known == id))
            .map(|(id, span)| (format!("({name}) auth_hmac has no key {id}. Ignoring"), span))
    };
    if let Some((message, span)) = fault {
        d.instance.hmac = None;
        ctx.report(Finding::tolerated("missing-key", message, span));
    }
}
