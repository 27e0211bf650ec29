//! Actions on variables and captures.

use evenkeel_base::{Diagnostic, Word, Words, near};
use evenkeel_expr::Use;
use evenkeel_expr::env::VarScope;

use crate::action::{Action, Capture, SetVar, VarCond, VarValue, Variable};
use crate::registry::{Context, Entry};
use crate::set::Sets;

/// Longest capture, in bytes: what a log line can hold.
const CAPTURE_LEN_MAX: u32 = 65_535;

pub(crate) const ENTRIES: &[Entry] = &[
    Entry::new(
        "set-var",
        Sets::ALL,
        |words, cx| set_var(words, cx, false),
        "set-var(txn.host) src",
        "Keeps the result of an expression in a variable",
    ),
    Entry::new(
        "set-var-fmt",
        Sets::ALL,
        |words, cx| set_var(words, cx, true),
        "set-var-fmt(txn.from) %[src]:%[src_port]",
        "Keeps text in a variable",
    ),
    Entry::new("unset-var", Sets::ALL, unset_var, "unset-var(txn.host)", "Forgets a variable"),
    Entry::new(
        "capture",
        Sets::REQUEST.and(Sets::CONTENT),
        capture,
        "capture src len 15",
        "Keeps the result of an expression for the log line",
    ),
    Entry::new(
        "capture",
        Sets::RESPONSE.and(Sets::AFTER),
        capture,
        "capture src id 0",
        "Keeps the result of an expression for the log line",
    ),
];

/// A variable by its full name.
pub(crate) fn variable(word: &Word, cx: &mut Context<'_>) -> Result<Variable, Diagnostic> {
    let text = word.str();
    let (scope, name) = text.split_once('.').unwrap_or(("", &text));
    let scope = match scope {
        "proc" => VarScope::Proc,
        "sess" => VarScope::Sess,
        "txn" => VarScope::Txn,
        "req" => VarScope::Req,
        "res" => VarScope::Res,
        _ => {
            let message = format!("`{text}` needs a scope in front: proc., sess., txn., req. or res.");
            return Err(Diagnostic::error("unknown-scope", message, word.span));
        }
    };
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')) {
        let message = format!("`{name}` is no name of a variable: letters, digits, `_` and `.` make one");
        return Err(Diagnostic::error("invalid-variable", message, word.span));
    }
    Ok(Variable { scope, slot: cx.names.variable(scope, name) })
}

const CONDS: [(&str, VarCond); 8] = [
    ("ifexists", VarCond::Exists),
    ("ifnotexists", VarCond::NotExists),
    ("ifempty", VarCond::Empty),
    ("ifnotempty", VarCond::NotEmpty),
    ("ifset", VarCond::Set),
    ("ifnotset", VarCond::NotSet),
    ("ifgt", VarCond::Greater),
    ("iflt", VarCond::Lower),
];

fn set_var(words: &mut Words<'_>, cx: &mut Context<'_>, format: bool) -> Result<Action, Diagnostic> {
    let argument = cx.argument("the name of a variable")?;
    let text = argument.bytes();
    let mut parts = text.split(|b| *b == b',');
    let name_len = parts.next().map_or(0, <[u8]>::len);
    let variable = variable(&argument.part(0, name_len), cx)?;
    let mut conds = Vec::new();
    let mut at = name_len + 1;
    for part in parts {
        let word = argument.part(at, at + part.len());
        at += part.len() + 1;
        let shown = word.str();
        let Some((_, cond)) = CONDS.iter().find(|(name, _)| *name == shown) else {
            let error =
                Diagnostic::error("unknown-condition", format!("`{shown}` is no condition"), word.span);
            return Err(match near::nearest(&shown, CONDS.iter().map(|(name, _)| *name)) {
                Some(near) => error.help(format!("Did you mean `{near}`?")),
                None => error,
            });
        };
        conds.push(*cond);
    }
    let value = match format {
        true => VarValue::Format(cx.format_for(words.expect("the value")?, Use::Plain)?),
        false => VarValue::Expr(cx.expr(words)?),
    };
    Ok(Action::SetVar(Box::new(SetVar { variable, value, conds })))
}

fn unset_var(_: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let argument = cx.argument("the name of a variable")?;
    Ok(Action::UnsetVar(variable(&argument, cx)?))
}

fn capture(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let value = cx.expr(words)?;
    let response = cx.set.is_response();
    let kind = words.expect("`len` or `id`")?;
    let number = words.expect("a number")?;
    let n: u32 = number
        .str()
        .parse()
        .map_err(|_| Diagnostic::error("invalid-number", format!("`{number}` is no number"), number.span))?;
    let capture = match kind.bytes() {
        b"id" => Capture { value, slot: n, len: CAPTURE_LEN_MAX, declares: false, response },
        b"len" if response => {
            let message = "a response is captured into a declared slot: `id`, not `len`";
            return Err(Diagnostic::error("unknown-argument", message, kind.span)
                .help("`declare capture response len <length>` in the frontend makes a slot."));
        }
        b"len" if (1..=CAPTURE_LEN_MAX).contains(&n) => {
            Capture { value, slot: cx.names.capture_slots().0, len: n, declares: true, response }
        }
        b"len" => {
            let message = format!("a capture's length is between 1 and {CAPTURE_LEN_MAX}");
            return Err(Diagnostic::error("invalid-number", message, number.span));
        }
        _ => {
            let message = format!("`{kind}` is not known here: `len` or `id`");
            return Err(Diagnostic::error("unknown-argument", message, kind.span));
        }
    };
    Ok(Action::Capture(Box::new(capture)))
}
