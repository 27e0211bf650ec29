//! The `haproxy` personality: its command line, its messages, its exit codes (management manual §3).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use evenkeel_base::{Level, version};
use evenkeel_conf::{Input, cond, lex};

use crate::argv::{self, ArgvError, Asked, Command};
use crate::run::{self, Prepared};
use crate::say::{self, Exit, Voice};
use crate::{features, lifecycle};

/// Runs one command line; `program` is what the help calls it.
pub(crate) fn run(program: &str, args: &[OsString]) -> Exit {
    match argv::parse(args) {
        Ok(Asked::Run(command)) => obey(program, &command),
        Ok(Asked::Version) => {
            say::print(&features::version_text(&run::kernel()));
            Exit::Ok
        }
        Ok(Asked::BuildOptions) => {
            say::print(&features::build_text(&run::kernel(), run::cores()));
            Exit::Ok
        }
        Ok(Asked::MemoryDebugHelp) => {
            say::print(features::MEMORY_DEBUG_HELP);
            Exit::Ok
        }
        Err(error) => complain(program, &error),
    }
}

/// A command line that cannot be read: the version on standard output and the help on standard error, as the original
/// does, but the reason last, where people see it.
fn complain(program: &str, error: &ArgvError) -> Exit {
    let help = match error {
        ArgvError::Usage { .. } | ArgvError::Stuck { .. } => true,
        ArgvError::Missing { form, .. } => *form == "-cc",
        ArgvError::Pid { .. } | ArgvError::PidsTooMany { .. } => false,
    };
    let mut voice = Voice::new(false);
    if !help {
        voice.say(Level::Error, error);
        return Exit::Failed;
    }
    say::print(&features::version_text(&run::kernel()));
    voice.write(&argv::usage(program));
    if !matches!(error, ArgvError::Usage { word: None }) {
        voice.write(&format!("\n{program}: {error}\n"));
    }
    Exit::Failed
}

fn obey(program: &str, command: &Command) -> Exit {
    let mut voice = Voice::new(command.quiet && !command.verbose);
    if let Some(folder) = &command.folder
        && let Err(error) = std::env::set_current_dir(folder)
    {
        let what = "Could not change to directory";
        voice.say(Level::Error, format_args!("{what} {} : {}", folder.display(), say::system_words(&error)));
        return Exit::Failed;
    }
    for refusal in &command.refused {
        if !command.check && command.condition.is_none() || refusal.even_checking {
            voice.say(Level::Error, format_args!("{} : {}", refusal.form, refusal.why));
            return Exit::Failed;
        }
    }
    if let Some(condition) = &command.condition {
        return answer(condition, command, &mut voice);
    }
    let prepared = run::prepare(command.files.iter().cloned().map(Input::Path).collect(), command);
    if run::nothing_given(&prepared.loaded) {
        return complain(program, &ArgvError::Usage { word: None });
    }
    if let Some(plan) = &prepared.loaded.plan {
        voice = Voice::new((command.quiet || plan.global.quiet) && !command.verbose);
    }
    judge(prepared, command, &mut voice)
}

/// `-cc`.
fn answer(condition: &OsStr, command: &Command, voice: &mut Voice) -> Exit {
    let env = run::environment(command);
    let built = features::built();
    let enabled = features::enabled(&command.disabled);
    let fail = |voice: &mut Voice, why: &dyn std::fmt::Display| {
        voice.say(Level::Error, format_args!("config : Failed to evaluate condition: {why}"));
        Exit::Unclear
    };
    let text = match lex::unquote(condition.as_bytes(), &env) {
        Ok(text) => text,
        Err(fault) => return fail(voice, &fault.message),
    };
    match cond::eval(&text, &run::cond_env(&built, &enabled), &env) {
        Ok(true) => Exit::Ok,
        Ok(false) => Exit::Failed,
        Err(error) => fail(voice, &error),
    }
}

/// What the configuration is worth; goes on to run it unless `-c` asked for no more.
fn judge(prepared: Prepared, command: &Command, voice: &mut Voice) -> Exit {
    let Prepared { mut loaded, addresses } = prepared;
    for note in &command.notes {
        voice.say(Level::Warning, note);
    }
    let mut warned = !command.notes.is_empty();
    if command.master_socket && !command.worker {
        let what = "a master CLI socket was defined, but master-worker mode (-W) is not enabled.";
        voice.say(Level::Warning, format_args!("config : {what}"));
        warned = true;
    }
    voice.report(&loaded, command.diagnostics);
    warned |= loaded.diagnostics.iter().any(|d| d.level == Level::Warning);
    let Some(plan) = loaded.plan.take() else { return Exit::Failed };
    if warned && (command.zero_warning || plan.global.zero_warning) {
        voice.say(Level::Error, "config : Some warnings were found and 'zero-warning' is set. Aborting.");
        return Exit::Failed;
    }
    if command.libraries {
        say::print(&run::loaded_files());
    }
    let listens = run::listens(&plan);
    if command.check {
        if !voice.is_quiet() {
            let first = if warned { "Warnings were found.\n" } else { "" };
            let second = if listens {
                "Configuration file is valid"
            } else {
                "Configuration file has no error but will not start (no listener) => exit(2)."
            };
            say::print(&format!("{first}{second}\n"));
        }
        return if listens { Exit::Ok } else { Exit::Unclear };
    }
    if !listens {
        let what = "No enabled listener found (check for 'bind' directives) ! Exiting.";
        voice.say(Level::Error, what);
        return Exit::Failed;
    }
    lifecycle::live(plan, &addresses, command, voice)
}

/// What `-V` and `-d` say before the start.
pub(crate) fn verbose_text(maxconn: u32, computed: bool) -> String {
    let note = if computed { format!("Note: setting global.maxconn to {maxconn}.\n") } else { String::new() };
    format!("{note}This is Evenkeel {} on epoll.\n", version::OWN)
}
