//! Excerpts: files that tutorials print without the `defaults` that their readers had above. Nothing in them says `mode`,
//! so everything would be TCP and what they are about would never happen.
//!
//! What such a file was meant to do is done only where no release in use could do something else with it: today's refuse
//! addresses on the line of a frontend. docs/decisions/0013-excerpts.md

use evenkeel_base::{Diagnostic, Span};

use crate::ast::{Ast, Section, SectionKind};

/// How the names of criteria begin that only HTTP has.
const HTTP_CRITERIA: &[&str] =
    &["cook", "hdr", "http_", "method", "path", "query", "req.cook", "req.hdr", "req_", "url"];

/// The place of the first line that only HTTP can obey, if this is such a file.
pub(crate) fn needs_http(ast: &Ast) -> Option<Span> {
    let proxies = || ast.sections.iter().filter(|s| is_proxy(s));
    let says_mode = proxies().flat_map(|s| &s.lines).any(|line| line.keyword().is("mode"));
    if says_mode || !proxies().any(has_old_address) {
        return None;
    }
    let lines = proxies().flat_map(|s| &s.lines);
    let mut http = lines.filter(|line| match line.keyword().str().as_ref() {
        "acl" => line.arg(1).is_some_and(|c| HTTP_CRITERIA.iter().any(|name| c.str().starts_with(name))),
        "cookie" => true,
        _ => false,
    });
    http.next().map(|line| line.span)
}

/// What the user is told of it.
pub(crate) fn warning(line: Span) -> Diagnostic {
    let message = "no section says 'mode', and this needs HTTP: all sections run in 'mode http'.";
    Diagnostic::warning("assumed-mode", message, line)
        .help("Write `mode http` into a `defaults` section above them; without it TCP is the rule.")
}

fn is_proxy(section: &Section) -> bool {
    matches!(
        section.kind,
        SectionKind::Defaults | SectionKind::Frontend | SectionKind::Backend | SectionKind::Listen
    )
}

/// `frontend name address`.
fn has_old_address(section: &Section) -> bool {
    let front = matches!(section.kind, SectionKind::Frontend | SectionKind::Listen);
    front && section.head.arg(1).is_some_and(|word| !word.is("from"))
}

#[cfg(test)]
mod tests {
    use evenkeel_plan::Mode;

    use crate::lower::testing::plan_of;

    #[test]
    fn only_files_that_nobody_else_takes_are_guessed_at() {
        const ROUTES: &str =
            " acl post method POST\n use_backend b if post\nbackend b\n server s 1.2.3.4:80\n";
        for (file, mode) in [
            (format!("frontend f *:80\n{ROUTES}"), Mode::Http),
            ("frontend f *:80\n default_backend b\nbackend b\n cookie c insert\n".to_owned(), Mode::Http),
            // Today's form: today's rule.
            (format!("frontend f\n bind *:80\n{ROUTES}"), Mode::Tcp),
            // It was thought of.
            (format!("defaults\n mode tcp\nfrontend f *:80\n{ROUTES}"), Mode::Tcp),
            (format!("frontend f *:80\n{ROUTES}listen l *:81\n mode http\n"), Mode::Tcp),
            // Nothing needs HTTP.
            ("frontend f *:80\n default_backend b\nbackend b\n".to_owned(), Mode::Tcp),
        ] {
            let plan = plan_of(&file);
            assert!(plan.proxies.iter().filter(|p| p.name != "l").all(|p| p.mode == mode), "{file}");
        }
    }
}
