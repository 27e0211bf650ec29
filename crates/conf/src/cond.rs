//! Conditions: what follows `.if`, `.elif` and `-cc` (configuration manual §2.4).
//!
//! ```text
//! or    = and  { "||" and }        operand = "!" operand | "(" or ")" | integer | predicate
//! and   = operand { "&&" operand } predicate = name [ "(" [ argument { "," argument } ] ")" ]
//! ```
//! Every operand is checked, even where the result is known already. Arguments have quotes and escapes of their own,
//! after those of the line.

use crate::env::Environment;
use crate::lex::is_blank;
use bstr::{BString, ByteSlice};
use evenkeel_base::near::nearest;

/// Deepest nesting of `(` and `!`: every level is a call.
const DEPTH_MAX: usize = 100;

/// What conditions ask about the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct CondEnv<'a> {
    /// The release of HAProxy whose configuration language this is, such as `3.2.0` or `3.5-dev4`.
    pub version: &'a str,
    /// What `feature()` finds: the names after a `+` in the list of `-vv`.
    pub features: &'a [&'a str],
    /// What `enabled()` finds: the options that were not turned off on the command line.
    pub enabled: &'a [&'a str],
    /// The TLS library's name, for `ssllib_name_startswith()`; empty without one.
    pub ssllib_name: &'a str,
    /// The version of OpenSSL; without OpenSSL neither `openssl_version_atleast()` nor `_before()` is true.
    pub openssl_version: Option<&'a str>,
    /// The API version of AWS-LC; without it neither `awslc_api_atleast()` nor `_before()` is true.
    pub awslc_api: Option<u32>,
    /// What `fips_mode()` says.
    pub fips_mode: bool,
}

/// Why a condition has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CondError {
    /// What is wrong.
    pub message: String,
    /// Offset of the first wrong byte.
    pub at: usize,
    /// The predicate that may have been meant.
    pub meant: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Predicate {
    AwslcApiAtleast,
    AwslcApiBefore,
    Defined,
    Enabled,
    Feature,
    FipsMode,
    OpensslVersionAtleast,
    OpensslVersionBefore,
    SsllibNameStartswith,
    Streq,
    Strneq,
    Strstr,
    VersionAtleast,
    VersionBefore,
}

/// Names and how many arguments they take.
const PREDICATES: &[(&str, Predicate, usize)] = &[
    ("awslc_api_atleast", Predicate::AwslcApiAtleast, 1),
    ("awslc_api_before", Predicate::AwslcApiBefore, 1),
    ("defined", Predicate::Defined, 1),
    ("enabled", Predicate::Enabled, 1),
    ("feature", Predicate::Feature, 1),
    ("fips_mode", Predicate::FipsMode, 0),
    ("openssl_version_atleast", Predicate::OpensslVersionAtleast, 1),
    ("openssl_version_before", Predicate::OpensslVersionBefore, 1),
    ("ssllib_name_startswith", Predicate::SsllibNameStartswith, 1),
    ("streq", Predicate::Streq, 2),
    ("strneq", Predicate::Strneq, 2),
    ("strstr", Predicate::Strstr, 2),
    ("version_atleast", Predicate::VersionAtleast, 1),
    ("version_before", Predicate::VersionBefore, 1),
];

/// The answer to a condition whose line-level quotes and variables are already resolved ([`crate::lex::unquote`] does
/// so for `-cc`). An empty one is false.
pub fn eval(text: &[u8], world: &CondEnv<'_>, env: &Environment) -> Result<bool, CondError> {
    if text.is_empty() {
        return Ok(false);
    }
    let mut parser = Parser { text, at: 0, depth: 0, world, env };
    let answer = parser.or()?;
    match parser.peek() {
        None => Ok(answer),
        Some(_) => Err(parser.unexpected_end_character()),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    world: &'a CondEnv<'a>,
    env: &'a Environment,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<bool, CondError> {
        let mut answer = self.and()?;
        while let Some(operator_at) = self.operator(b"||") {
            self.require_operand(operator_at)?;
            answer |= self.and()?;
        }
        Ok(answer)
    }

    fn and(&mut self) -> Result<bool, CondError> {
        let mut answer = self.operand()?;
        while let Some(operator_at) = self.operator(b"&&") {
            self.require_operand(operator_at)?;
            answer &= self.operand()?;
        }
        Ok(answer)
    }

    fn operand(&mut self) -> Result<bool, CondError> {
        let from = self.at;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(from, format!("conditions may be nested {DEPTH_MAX} levels deep")));
        }
        let answer = match self.peek() {
            Some(b'!') => {
                let bang = self.at;
                self.at += 1;
                self.require_operand(bang)?;
                !self.operand()?
            }
            Some(b'(') => self.group()?,
            Some(b'0'..=b'9' | b'+' | b'-') => self.integer()?,
            Some(_) | None => self.predicate()?,
        };
        self.depth -= 1;
        Ok(answer)
    }

    fn group(&mut self) -> Result<bool, CondError> {
        let opened = self.at;
        self.at += 1;
        let answer = self.or()?;
        match self.peek() {
            Some(b')') => {
                self.at += 1;
                Ok(answer)
            }
            Some(_) => Err(self.unexpected_end_character()),
            None => {
                let shown = self.shown(opened);
                Err(self.error(opened, format!("expected ')' after conditional expression '{shown}'")))
            }
        }
    }

    /// Decimal, `0x` hexadecimal or `0` octal, with a sign: true unless zero.
    fn integer(&mut self) -> Result<bool, CondError> {
        let start = self.at;
        let rest = &self.text[start..];
        let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
        let digits = &rest[sign..];
        let hex = matches!(digits, [b'0', b'x' | b'X', d, ..] if d.is_ascii_hexdigit());
        let number: &[u8] = if hex {
            let len = digits[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
            &digits[..len + 2]
        } else {
            let top = if digits.first() == Some(&b'0') { b'7' } else { b'9' };
            let len = digits.iter().take_while(|b| (b'0'..=top).contains(b)).count();
            &digits[..len]
        };
        if number.is_empty() {
            return Err(self.unparsable(start));
        }
        self.at = start + sign + number.len();
        Ok(number.iter().any(|b| !matches!(b, b'0' | b'x' | b'X')))
    }

    fn predicate(&mut self) -> Result<bool, CondError> {
        let start = self.at;
        let len = self.text[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let name = self.text[start..start + len].to_str_lossy();
        let Some((name, predicate, wanted)) = PREDICATES.iter().find(|(known, _, _)| *known == name) else {
            let meant = nearest(&name, PREDICATES.iter().map(|(known, _, _)| *known));
            return Err(CondError { meant, ..self.unparsable(start) });
        };
        self.at += len;
        let args = self.arguments()?;
        // A predicate of one argument takes an absent one as empty, as in the original.
        if args.len() < *wanted && *wanted > 1 {
            let at =
                self.at.saturating_sub(usize::from(self.text.get(self.at.wrapping_sub(1)) == Some(&b')')));
            let message = format!("predicate '{name}' expects {wanted} arguments, got {}", args.len());
            return Err(self.error(at, message));
        }
        if let Some((_, at)) = args.get(*wanted) {
            let message = format!("expected ')' in predicate '{name}', which takes {wanted} arguments");
            return Err(self.error(at.saturating_sub(1), message));
        }
        let arg = |n: usize| args.get(n).map(|(text, _)| text.as_slice()).unwrap_or_default();
        self.answer(*predicate, arg(0), arg(1), start)
    }

    /// `(a,b)` after a name; nothing at all is no arguments. Each with the offset where it starts.
    fn arguments(&mut self) -> Result<Vec<(BString, usize)>, CondError> {
        let mut args = Vec::new();
        if self.text.get(self.at) != Some(&b'(') {
            return Ok(args);
        }
        let opened = self.at;
        self.at += 1;
        if self.text.get(self.at) == Some(&b')') {
            self.at += 1;
            return Ok(args);
        }
        loop {
            let from = self.at;
            let arg = self.argument()?;
            args.push((arg, from));
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(_) => {
                    self.at += 1;
                    return Ok(args);
                }
                None => {
                    let shown = self.shown(opened);
                    return Err(self.error(self.at, format!("expected ')' after '{shown}'")));
                }
            }
        }
    }

    /// Up to an unquoted `,` or `)`, or the end. Blanks count.
    fn argument(&mut self) -> Result<BString, CondError> {
        let mut out = BString::default();
        let mut quote: Option<(u8, usize)> = None;
        while let Some(&byte) = self.text.get(self.at) {
            match (quote, byte) {
                (None, b',' | b')') => return Ok(out),
                (None, b'"' | b'\'') => quote = Some((byte, self.at)),
                (Some((open, _)), byte) if byte == open => quote = None,
                (None | Some((b'"', _)), b'\\') => {
                    let plain = match self.text.get(self.at + 1) {
                        Some(c @ (b' ' | b'\\' | b'\'' | b'"')) => Some(*c),
                        Some(b'n') => Some(b'\n'),
                        Some(b'r') => Some(b'\r'),
                        Some(b't') => Some(b'\t'),
                        Some(_) | None => None,
                    };
                    out.push(plain.unwrap_or(byte));
                    self.at += usize::from(plain.is_some());
                }
                (_, byte) => out.push(byte),
            }
            self.at += 1;
        }
        match quote {
            Some((_, opened)) => Err(self.error(opened, "unmatched quote in an argument".to_string())),
            None => Ok(out),
        }
    }

    fn answer(&self, predicate: Predicate, a: &[u8], b: &[u8], start: usize) -> Result<bool, CondError> {
        let listed = |list: &[&str]| list.iter().any(|name| name.as_bytes() == a);
        let openssl = |text: Option<&str>| text.map(|ours| openssl_version(ours.as_bytes()));
        let api = || match a.to_str().ok().and_then(|text| text.parse::<u32>().ok()) {
            Some(number) => Ok(number),
            None => Err(self.error(start, "an AWS-LC API version is a number".to_string())),
        };
        Ok(match predicate {
            Predicate::AwslcApiAtleast => {
                api().map(|n| self.world.awslc_api.is_some_and(|ours| ours >= n))?
            }
            Predicate::AwslcApiBefore => api().map(|n| self.world.awslc_api.is_some_and(|ours| ours < n))?,
            Predicate::Defined => self.env.get(a).is_some(),
            Predicate::Enabled => listed(self.world.enabled),
            Predicate::Feature => listed(self.world.features),
            Predicate::FipsMode => self.world.fips_mode,
            Predicate::OpensslVersionAtleast => {
                openssl(self.world.openssl_version).is_some_and(|ours| ours >= openssl_version(a))
            }
            Predicate::OpensslVersionBefore => {
                openssl(self.world.openssl_version).is_some_and(|ours| ours < openssl_version(a))
            }
            Predicate::SsllibNameStartswith => self.world.ssllib_name.as_bytes().starts_with(a),
            Predicate::Streq => a == b,
            Predicate::Strneq => a != b,
            Predicate::Strstr => a.contains_str(b),
            Predicate::VersionAtleast => version(self.world.version.as_bytes()) >= version(a),
            Predicate::VersionBefore => version(self.world.version.as_bytes()) < version(a),
        })
    }

    fn peek(&mut self) -> Option<u8> {
        let blanks = self.text.get(self.at..)?.iter().take_while(|b| is_blank(**b)).count();
        self.at += blanks;
        self.text.get(self.at).copied()
    }

    /// Eats an operator; its offset.
    fn operator(&mut self, operator: &[u8]) -> Option<usize> {
        self.peek()?;
        let at = self.at;
        self.text[at..].starts_with(operator).then(|| self.at += operator.len())?;
        Some(at)
    }

    /// An error at the operator if nothing follows it.
    fn require_operand(&mut self, operator_at: usize) -> Result<(), CondError> {
        match self.peek() {
            Some(_) => Ok(()),
            None => Err(self.unparsable(operator_at)),
        }
    }

    fn unexpected_end_character(&self) -> CondError {
        let byte = self.text[self.at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
        let shown = self.shown(0);
        self.error(
            self.at,
            format!("unexpected character '{byte}' at the end of conditional expression '{shown}'"),
        )
    }

    fn unparsable(&self, at: usize) -> CondError {
        self.error(at, format!("unparsable conditional expression '{}'", self.shown(at)))
    }

    fn shown(&self, from: usize) -> String {
        self.text.get(from..).unwrap_or_default().to_str_lossy().into_owned()
    }

    fn error(&self, at: usize, message: String) -> CondError {
        CondError { message, at: at.min(self.text.len()), meant: None }
    }
}

/// How finished a release is. The order matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Dev(u32),
    Candidate(u32),
    Release,
}

/// `major.minor.patch`, the stage, and the commits since. What cannot be read counts as zero, as in the original.
fn version(text: &[u8]) -> ([u32; 3], Stage, u32) {
    let mut rest = text.strip_prefix(b"v").unwrap_or(text);
    let numbers = dotted(&mut rest);
    let mut stage = Stage::Release;
    for (word, make) in
        [("-dev", Stage::Dev as fn(u32) -> Stage), ("-rc", Stage::Candidate), ("-pre", Stage::Candidate)]
    {
        if let Some(tail) = rest.strip_prefix(word.as_bytes()) {
            rest = tail;
            stage = make(number(&mut rest));
        }
    }
    let commits = rest.strip_prefix(b"-").map(|mut tail| number(&mut tail)).unwrap_or(0);
    (numbers, stage, commits)
}

/// `major.minor.patch`, the letters after it (`1.1.1w`, `1.0.2zf`) and the stage.
fn openssl_version(text: &[u8]) -> ([u32; 3], (usize, Vec<u8>), Stage) {
    let mut rest = text;
    let numbers = dotted(&mut rest);
    let letters = rest.iter().take_while(|b| b.is_ascii_lowercase()).count();
    let (letters, mut tail) = rest.split_at(letters);
    let stage = if let Some(beta) = tail.strip_prefix(b"-beta") {
        tail = beta;
        Stage::Candidate(number(&mut tail))
    } else if let Some(alpha) = tail.strip_prefix(b"-alpha") {
        tail = alpha;
        Stage::Dev(number(&mut tail))
    } else if tail.starts_with(b"-dev") || tail.starts_with(b"-pre") {
        Stage::Dev(0)
    } else {
        Stage::Release
    };
    (numbers, (letters.len(), letters.to_vec()), stage)
}

fn dotted(rest: &mut &[u8]) -> [u32; 3] {
    let mut numbers = [0; 3];
    for slot in &mut numbers {
        *slot = number(rest);
        match rest.strip_prefix(b".") {
            Some(tail) => *rest = tail,
            None => break,
        }
    }
    numbers
}

/// The digits at the start, as a number; too long a one is the largest.
fn number(rest: &mut &[u8]) -> u32 {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, tail) = rest.split_at(digits);
    *rest = tail;
    number.iter().fold(0u32, |n, digit| n.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: CondEnv<'_> = CondEnv {
        version: "2.6.12",
        features: &["OPENSSL", "THREAD"],
        enabled: &["SPLICE"],
        ssllib_name: "OpenSSL 3.0.11",
        openssl_version: Some("3.0.11"),
        awslc_api: Some(20),
        fips_mode: false,
    };

    fn answer(text: &str) -> Result<bool, CondError> {
        let env: Environment = [("A", "one two"), ("E", "")].into_iter().collect();
        eval(text.as_bytes(), &WORLD, &env)
    }

    #[test]
    fn answers() {
        for (text, want) in [
            ("1", true),
            ("0", false),
            ("-1", true),
            ("+1", true),
            ("00", false),
            ("0x1", true),
            ("0x0", false),
            ("99999999999999999999999", true),
            ("", false),
            (" 1", true),
            ("1 ", true),
            ("streq(a,a)", true),
            ("streq(a, a)", false),
            ("streq( a,a)", false),
            ("streq(a b,a b)", true),
            (r#"streq("a,b",'a,b')"#, true),
            (r#"streq("a)",'a)')"#, true),
            (r#"streq(\",'"')"#, true),
            ("streq(,)", true),
            ("strneq(a,b)", true),
            ("strstr(abc,b)", true),
            ("strstr(abc,x)", false),
            ("defined(A)", true),
            ("defined(E)", true),
            ("defined( A)", false),
            ("defined(ZZ)", false),
            ("defined()", false),
            ("defined", false),
            ("feature(OPENSSL)", true),
            ("feature(openssl)", false),
            ("feature(QUIC)", false),
            ("enabled(SPLICE)", true),
            ("enabled(FAST-FORWARD)", false),
            ("ssllib_name_startswith(OpenSSL)", true),
            ("ssllib_name_startswith(AWS)", false),
            ("openssl_version_atleast(3.0.0)", true),
            ("openssl_version_atleast(1.1.1z)", true),
            ("openssl_version_before(3.0.0)", false),
            ("openssl_version_before(4.0.0)", true),
            ("awslc_api_atleast(20)", true),
            ("awslc_api_before(20)", false),
            ("fips_mode()", false),
            ("!defined(A)", false),
            ("! ! 1", true),
            ("1&&1", true),
            ("1 && 0 || 1", true),
            ("1 || 0 && 0", true),
            ("(1 || 0) && 0", false),
            ("( ( 1 ) )", true),
            ("!(1)", false),
            ("0||0||1", true),
        ] {
            assert_eq!(answer(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn versions_compare_as_releases_do() {
        for (asked, atleast) in [
            ("2.6", true),
            ("2.6.12", true),
            ("2.6.13", false),
            ("2.6-dev5", true),
            ("2.6.12-1", false),
            ("2.6.12-dev1", true),
            ("2.7-dev0", false),
            ("v2.4-dev18", true),
            ("v2.7", false),
            ("2", true),
            ("3", false),
            ("3.5-dev4", false),
            ("foo", true),
            ("", true),
            ("99999999999999", false),
        ] {
            assert_eq!(answer(&format!("version_atleast({asked})")), Ok(atleast), "{asked}");
            assert_eq!(answer(&format!("version_before({asked})")), Ok(!atleast), "{asked}");
        }
        assert!(version(b"3.5-dev4") < version(b"3.5-rc1"));
        assert!(version(b"3.5-rc1") < version(b"3.5"));
        assert!(openssl_version(b"1.0.2z") < openssl_version(b"1.0.2zf"));
        assert!(openssl_version(b"3.0.0-alpha2") < openssl_version(b"3.0.0-beta1"));
    }

    /// Offsets as the original reports them (it counts from 1).
    #[test]
    fn errors_say_where() {
        for (text, position) in [
            ("foo", 1),
            ("foo(", 1),
            ("true", 1),
            ("STREQ(a,a)", 1),
            ("streq", 6),
            ("streq()", 7),
            ("streq(a)", 8),
            ("streq(a,b", 10),
            ("defined(a,b)", 10),
            ("streq(a,b) x", 12),
            ("streq(a,b) && ", 12),
            ("streq(a,a) || ", 12),
            ("1 1", 3),
            ("12x", 3),
            ("1 & 1", 3),
            ("1 | 0", 3),
            ("(1", 1),
            ("1)", 2),
            ("()", 2),
            ("!", 1),
            ("defined (A)", 9),
            ("0 && foo", 6),
            ("1 || foo", 6),
            ("1 || foo(", 6),
            ("streq('a,b)", 7),
            ("awslc_api_atleast(x)", 1),
        ] {
            assert_eq!(answer(text).map_err(|e| e.at + 1), Err(position), "{text}: {:?}", answer(text));
        }
        assert_eq!(answer("featur(X)").map_err(|e| e.meant), Err(Some("feature")));
        assert!(answer(&"(".repeat(100_000)).is_err());
        assert!(answer(&"!".repeat(100_000)).is_err());
    }
}
