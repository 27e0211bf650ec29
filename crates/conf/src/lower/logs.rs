//! Keywords: `log`, `log-tag`, `log-format`, `error-log-format`, `log-format-sd`, `unique-id-*`.

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::log::LogShape;

use super::args;
use super::context::{Ctx, Prefix};
use super::draft::{LogLine, ProxyDraft};
use super::keyword::{Keyword, Outcome, Sections};
use super::log_target;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("log", Sections::ANY, log, "Where log lines go.").no().example("log global"),
    Keyword::proxy("log-tag", Sections::ANY, tag, "The program's name in log lines.").example("log-tag shop"),
];

fn log(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if ctx.prefix != Prefix::Plain {
        p.logs.clear(); // arguments are surplus then, which the caller says
        return Ok(());
    }
    if words.rest().len() == 1 && words.take_if("global") {
        if !p.logs.iter().any(|line| matches!(line, LogLine::Global)) {
            p.logs.push(LogLine::Global);
        }
        return Ok(());
    }
    let written = match log_target::parse(ctx, words) {
        Err(fault) if fault.code == "unknown-host" => return log_target::without(fault, ctx, words),
        parsed => parsed?,
    };
    let mut target = written.target;
    if written.shape_by_default && ctx.logs_hostname {
        target.shape = LogShape::Rfc3164;
    }
    p.logs.push(LogLine::Target(Box::new(target)));
    Ok(())
}

fn tag(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let tag = args::text(ctx, words, "a tag for use in syslog")?;
    if tag.is_empty() {
        return Err(Diagnostic::error(
            "bad-name",
            "'log-tag' expects a tag for use in syslog.",
            words.last_span(),
        ));
    }
    args::spare(ctx, words);
    p.proxy.log.tag = Some(tag);
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn targets() {
        let plan = plan_of(
            "global\n log /dev/log local0 info\n log 127.0.0.1 local1\nlisten l\n bind :80\n log global\n log [::1]:5140 len 2000 \
             format rfc5424 daemon notice err\n log stdout format raw daemon\n log fd@5 sample 1,3-4:10 local7\n\
             listen m\n bind :81\n log global\n no log\n log localhost user\n",
        );
        let mut got = String::new();
        for proxy in &plan.proxies {
            for t in &proxy.log.targets {
                got.push_str(&format!(
                    "{} {:?} {:?} {} {}..{} {} {:?}\n",
                    proxy.name, t.transport, t.shape, t.facility, t.level_min, t.level_max, t.len, t.sample
                ));
            }
        }
        expect![[r#"
            l Unix("/dev/log") Local 16 0..6 1024 None
            l Udp(127.0.0.1:514) Local 17 0..7 1024 None
            l Udp([::1]:5140) Rfc5424 3 3..5 2000 None
            l Fd(1) Raw 3 0..7 1024 None
            l Fd(5) Local 23 0..7 1024 Some(Sample { ranges: [(1, 1), (3, 4)], size: 10 })
            m Udp(127.0.0.1:514) Local 1 0..7 1024 None
        "#]]
        .assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "global\n log foo\n log\n log 127.0.0.1 localx\n log 127.0.0.1 local0 foo\n log 127.0.0.1 len 3 local0\n \
             log nowhere.invalid local0\n log 127.0.0.1 format foo local0\n log ring@x local0\n log 127.0.0.1 sample 3-1:4 local0\n \
             log 127.0.0.1 local0 info err more\n log 127.0.0.1 local0 notic\n",
            expect![[r#"
                E 2:9 missing-argument: log : expects <address> and <facility>  as arguments
                E 3:5 missing-argument: log : expects <address> and <facility>  as arguments
                E 4:16 bad-choice: log : unknown log facility 'localx'
                E 5:23 bad-choice: log : unknown optional log level 'foo'
                E 6:20 bad-number: log : invalid log length '3', must be between 80 and 65535
                W 7:6 unknown-host: 'log' : invalid address: 'nowhere.invalid' in 'nowhere.invalid'
                E 8:23 bad-choice: log : unknown log format 'foo'
                E 9:6 refused: 'ring@' cannot be used: not built yet: rings
                E 10:23 bad-sample: log : a range must rise, and end within the sample's size in '3-1:4'
                E 11:32 surplus-argument: 'log' cannot handle unexpected argument 'more'
                E 12:23 bad-choice: log : unknown optional log level 'notic'
            "#]],
        );
    }
}
