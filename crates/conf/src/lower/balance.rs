//! Keywords: `balance`, `hash-type`, `hash-balance-factor`.

use evenkeel_balance::{Algorithm, HashConf, HashFunction, HashKind};
use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_plan::BalanceKey;

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("balance", Sections::BACK, balance, "How a server is chosen.")
        .example("balance leastconn"),
    Keyword::proxy(
        "hash-balance-factor",
        Sections::BACK,
        factor,
        "Most load of a server, percent of its share.",
    )
    .example("hash-balance-factor 150"),
    Keyword::proxy(
        "hash-preserve-affinity",
        Sections::BACK,
        |_, ctx, words| args::choice(ctx, words, &[("always", ()), ("maxconn", ()), ("maxqueue", ())]),
        "Whether a full server keeps its keys.",
    )
    .accepted("keys always keep their server")
    .example("hash-preserve-affinity always"),
    Keyword::proxy("hash-type", Sections::BACK, hash_type, "How hashes become servers.")
        .example("hash-type consistent sdbm avalanche"),
];

/// Servers that `balance random` draws where the line doesn't say.
const DRAWS: u32 = 2;

const ALGORITHMS: &str = "'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)'";

/// The text between the parentheses of `hdr(name)`; `None` without parentheses.
fn in_parentheses<'a>(word: &'a Word, name: &str) -> Option<Result<&'a [u8], ()>> {
    let rest = word.bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"(")?;
    Some(rest.strip_suffix(b")").ok_or(()))
}

fn wrong(message: impl Into<String>, word: &Word) -> Diagnostic {
    Diagnostic::error("bad-balance", message, word.span)
}

fn balance(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let (algorithm, key) = match words.next() {
        None => (Algorithm::RoundRobin, BalanceKey::None),
        Some(word) => method(word, ctx, words)?,
    };
    p.back.algorithm = algorithm;
    p.back.key = key;
    args::spare(ctx, words);
    Ok(())
}

fn method(
    word: &Word,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
) -> Result<(Algorithm, BalanceKey), Diagnostic> {
    let hash = Algorithm::Hash(HashConf::default()); // `hash-type` is settled at the section's end
    match word.str().as_ref() {
        "roundrobin" => return Ok((Algorithm::RoundRobin, BalanceKey::None)),
        "static-rr" => return Ok((Algorithm::StaticRr, BalanceKey::None)),
        "leastconn" => return Ok((Algorithm::LeastConn, BalanceKey::None)),
        "first" => return Ok((Algorithm::First, BalanceKey::None)),
        "random" => return Ok((random(DRAWS), BalanceKey::None)),
        "source" => return Ok((hash, BalanceKey::Source)),
        "uri" => return uri(ctx, words).map(|key| (hash, key)),
        "url_param" => return url_param(words).map(|key| (hash, key)),
        "rdp-cookie" => return Ok((hash, BalanceKey::RdpCookie(RDP_COOKIE.to_vec()))),
        "hash" => return super::log_format::hash_key(ctx, words).map(|key| (hash, key)),
        "log-hash" | "sticky" => {
            let reason = "not built yet: log backends";
            return Err(super::run::refused(&format!("balance {word}"), reason, word.span));
        }
        _ => {}
    }
    if let Some(name) = in_parentheses(word, "hdr") {
        let name = name.ok().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| wrong("balance hdr requires an http header field name.", word))?;
        let use_domain_only = words.take_if("use_domain_only");
        if let Some(extra) = words.peek() {
            let message = format!("balance {word} only accepts 'use_domain_only' modifier (got '{extra}').");
            return Err(wrong(message, extra));
        }
        return Ok((hash, BalanceKey::Header { name: name.to_vec(), use_domain_only }));
    }
    if let Some(name) = in_parentheses(word, "rdp-cookie") {
        let name = name.ok().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| wrong("balance rdp-cookie : missing cookie name.", word))?;
        return Ok((hash, BalanceKey::RdpCookie(name.to_vec())));
    }
    if let Some(draws) = in_parentheses(word, "random") {
        let draws = draws.map_err(|()| wrong("balance random : missing closing parenthesis.", word))?;
        let text = String::from_utf8_lossy(draws);
        if text.is_empty() {
            return Ok((random(DRAWS), BalanceKey::None));
        }
        let bad = text.find(|c: char| !c.is_ascii_digit()).and_then(|at| text.get(at..));
        if let Some(bad) = bad {
            let message = format!("balance random : unexpected character '{bad}' after argument.");
            return Err(wrong(message, word));
        }
        return match text.parse() {
            Ok(draws) if draws > 0 => Ok((random(draws), BalanceKey::None)),
            Ok(_) | Err(_) => Err(wrong("balance random : number of draws must be at least 1.", word)),
        };
    }
    let names = [
        "roundrobin",
        "static-rr",
        "leastconn",
        "first",
        "source",
        "uri",
        "url_param",
        "random",
        "hash",
        "rdp-cookie",
    ];
    let fault = wrong(format!("balance only supports {ALGORITHMS} options."), word);
    Err(match evenkeel_base::near::nearest(&word.str(), names) {
        Some(near) => fault.note(format!("did you mean `{near}`?")),
        None => fault.help("There are also `first`, `random(n)` and `hash <expression>`."),
    })
}

/// The cookie of the remote desktop protocol where the line doesn't name it.
const RDP_COOKIE: &[u8] = b"msts";

fn random(draws: u32) -> Algorithm {
    Algorithm::Random { draws, factor: None }
}

fn uri(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<BalanceKey, Diagnostic> {
    let (mut whole, mut len, mut depth, mut path_only) = (false, 0, 0, false);
    while let Some(word) = words.next() {
        let value = match word.str().as_ref() {
            "whole" => {
                whole = true;
                continue;
            }
            "path-only" => {
                path_only = true;
                continue;
            }
            "len" => &mut len,
            "depth" => &mut depth,
            _ => {
                let message = format!(
                    "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{word}')."
                );
                return Err(wrong(message, word));
            }
        };
        let place = words.last_span().after();
        let number = words.next();
        let text = number.map(|w| w.str().into_owned()).unwrap_or_default();
        *value = text.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
            let message = format!("balance uri : '{word}' expects a positive integer (got '{text}').");
            Diagnostic::error("bad-number", message, number.map_or(place, |w| w.span))
        })?;
    }
    debug_assert_eq!(ctx.keyword, "balance");
    Ok(BalanceKey::Uri { whole, len, depth, path_only })
}

fn url_param(words: &mut Words<'_>) -> Result<BalanceKey, Diagnostic> {
    let place = words.last_span().after();
    let name = words.next().ok_or_else(|| {
        let message = "balance url_param requires an URL parameter name.";
        Diagnostic::error("missing-argument", message, place)
    })?;
    let check_post = words.take_if("check_post");
    if check_post {
        words.next(); // old files say how many bytes to wait for; the buffer's size it is
    } else if let Some(extra) = words.peek() {
        let message = format!("balance url_param only accepts 'check_post' modifier (got '{extra}').");
        return Err(wrong(message, extra));
    }
    Ok(BalanceKey::UrlParam { name: name.bytes().to_vec(), check_post })
}

fn hash_type(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const KINDS: &str = "'hash-type' only supports 'consistent' and 'map-based'.";
    let place = words.last_span().after();
    let word = words.next().ok_or_else(|| Diagnostic::error("missing-argument", KINDS, place))?;
    let kind = match word.str().as_ref() {
        "consistent" => HashKind::Consistent,
        "map-based" => HashKind::MapBased,
        "avalanche" => {
            let today = "hash-type map-based sdbm avalanche";
            ctx.report(
                Diagnostic::warning(
                    "obsolete-keyword",
                    "'hash-type avalanche' is obsolete, and still works",
                    word.span,
                )
                .note(format!("today: {today}")),
            );
            let factor = p.hash.and_then(|hash| hash.factor);
            p.hash = Some(HashConf { avalanche: true, factor, ..HashConf::of_kind(HashKind::MapBased) });
            return Ok(());
        }
        _ => return Err(wrong(KINDS, word)),
    };
    let mut conf = HashConf::of_kind(kind);
    if let Some(word) = words.next() {
        conf.function = HashFunction::named(&word.str()).ok_or_else(|| {
            wrong("'hash-type' only supports 'sdbm', 'djb2', 'crc32', 'wt6' or 'none' hash functions.", word)
        })?;
        conf.avalanche = false;
        if let Some(word) = words.next() {
            if !word.is("avalanche") {
                let message = "'hash-type' only supports 'avalanche' as a modifier for hash functions.";
                return Err(wrong(message, word));
            }
            conf.avalanche = true;
        }
    }
    conf.factor = p.hash.and_then(|hash| hash.factor);
    p.hash = Some(conf);
    args::spare(ctx, words);
    Ok(())
}

/// Below this, a server could not even take its share.
const FACTOR_MIN: u32 = 100;

fn factor(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let factor = args::count(ctx, words)?;
    if factor != 0 && factor <= FACTOR_MIN {
        let message = "'hash-balance-factor' must be 0 or greater than 100.";
        return Err(Diagnostic::error("bad-number", message, words.last_span()));
    }
    p.hash.get_or_insert_default().factor = Some(factor).filter(|factor| *factor != 0);
    Ok(())
}

/// At a section's end: `hash-type` and `balance` come together, and both may have been inherited.
pub(crate) fn end(p: &mut ProxyDraft, _: &mut Ctx<'_>) {
    let conf = p.hash.unwrap_or_default();
    match &mut p.back.algorithm {
        Algorithm::Hash(hash) => *hash = conf,
        Algorithm::Random { factor, .. } => *factor = conf.factor,
        Algorithm::RoundRobin | Algorithm::StaticRr | Algorithm::LeastConn | Algorithm::First => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{load_text, says};

    #[test]
    fn methods_and_hashes() {
        let mut text = "defaults\n mode http\n hash-type consistent\n".to_owned();
        for (n, lines) in [
            "balance",
            "balance static-rr",
            "balance random(3)\n hash-balance-factor 150",
            "balance uri len 5 depth 2 whole\n hash-type map-based djb2 avalanche",
            "balance url_param id check_post 64",
            "balance hdr(Host) use_domain_only\n hash-balance-factor 200",
            "balance rdp-cookie",
            "balance source\n hash-type avalanche",
            "balance first extra",
        ]
        .into_iter()
        .enumerate()
        {
            text.push_str(&format!("backend b{n}\n {lines}\n"));
        }
        let (plan, said) = load_text(&text);
        let mut got = said;
        for p in plan.iter().flat_map(|plan| &plan.proxies) {
            let back = p.back.as_ref().expect("all are backends");
            got.push_str(&format!("{} {:?} {:?}\n", p.name, back.algorithm, back.key));
        }
        expect![[r#"
            W 23:12 obsolete-keyword: 'hash-type avalanche' is obsolete, and still works
            W 25:16 surplus-argument: 'balance' ignores the argument 'extra'
            b0 RoundRobin None
            b1 StaticRr None
            b2 Random { draws: 3, factor: Some(150) } None
            b3 Hash(HashConf { kind: MapBased, function: Djb2, avalanche: true, factor: None }) Uri { whole: true, len: 5, depth: 2, path_only: false }
            b4 Hash(HashConf { kind: Consistent, function: Sdbm, avalanche: true, factor: None }) UrlParam { name: [105, 100], check_post: true }
            b5 Hash(HashConf { kind: Consistent, function: Sdbm, avalanche: true, factor: Some(200) }) Header { name: [72, 111, 115, 116], use_domain_only: true }
            b6 Hash(HashConf { kind: Consistent, function: Sdbm, avalanche: true, factor: None }) RdpCookie([109, 115, 116, 115])
            b7 Hash(HashConf { kind: MapBased, function: Sdbm, avalanche: true, factor: None }) Source
            b8 First None
        "#]].assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "backend b\n balance foo\n balance uri len\n balance uri len x\n balance uri foo\n balance url_param\n \
             balance url_param a b\n balance hdr\n balance hdr()\n balance hdr(a\n balance hdr(a) b\n balance random(0)\n \
             balance random(2\n balance random(x)\n balance rdp-cookie(\n hash-type\n hash-type foo\n hash-type consistent foo\n \
             hash-type consistent sdbm foo\n hash-balance-factor 50\n balance log-hash x\n balance leastcon\n balance uri\n",
            expect![[r#"
                W 1:1 needs-http: Layer 7 hash not possible for backend 'b' (needs 'mode http'). Falling back to round robin.
                E 2:10 bad-balance: balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options.
                E 3:17 bad-number: balance uri : 'len' expects a positive integer (got '').
                E 4:18 bad-number: balance uri : 'len' expects a positive integer (got 'x').
                E 5:14 bad-balance: balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got 'foo').
                E 6:19 missing-argument: balance url_param requires an URL parameter name.
                E 7:22 bad-balance: balance url_param only accepts 'check_post' modifier (got 'b').
                E 8:10 bad-balance: balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options.
                E 9:10 bad-balance: balance hdr requires an http header field name.
                E 10:10 bad-balance: balance hdr requires an http header field name.
                E 11:17 bad-balance: balance hdr(a) only accepts 'use_domain_only' modifier (got 'b').
                E 12:10 bad-balance: balance random : number of draws must be at least 1.
                E 13:10 bad-balance: balance random : missing closing parenthesis.
                E 14:10 bad-balance: balance random : unexpected character 'x' after argument.
                E 15:10 bad-balance: balance rdp-cookie : missing cookie name.
                E 16:11 missing-argument: 'hash-type' only supports 'consistent' and 'map-based'.
                E 17:12 bad-balance: 'hash-type' only supports 'consistent' and 'map-based'.
                E 18:23 bad-balance: 'hash-type' only supports 'sdbm', 'djb2', 'crc32', 'wt6' or 'none' hash functions.
                E 19:28 bad-balance: 'hash-type' only supports 'avalanche' as a modifier for hash functions.
                E 20:22 bad-number: 'hash-balance-factor' must be 0 or greater than 100.
                E 21:10 refused: 'balance log-hash' cannot be used: not built yet: log backends
                E 22:10 bad-balance: balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options.
            "#]],
        );
    }
}
