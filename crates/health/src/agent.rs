//! What an agent says (configuration manual, `agent-check`): one line of words.

/// An agent's word on a server. What it did not mention stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AgentReport {
    /// `NN%`: this share of the configured weight. Above 100 is possible.
    pub weight_percent: Option<u32>,
    /// `maxconn:N`.
    pub maxconn: Option<u32>,
    /// `ready`, `drain`, `maint`.
    pub admin: Option<AgentAdmin>,
    /// `up`, `down`, `fail`, `stopped`.
    pub state: Option<AgentState>,
    /// What follows a `#`.
    pub description: Option<String>,
}

/// The administrative state that an agent asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentAdmin {
    /// `ready`.
    Ready,
    /// `drain`.
    Drain,
    /// `maint`.
    Maint,
}

/// The operating state that an agent reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// `up`.
    Up,
    /// `down`.
    Down,
    /// `fail`.
    Fail,
    /// `stopped`.
    Stopped,
}

impl AgentState {
    /// True where the server may take traffic.
    pub const fn is_up(self) -> bool {
        match self {
            AgentState::Up => true,
            AgentState::Down | AgentState::Fail | AgentState::Stopped => false,
        }
    }
}

/// An answer that is not an agent's: the first word that isn't known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {word:?} from the agent")]
pub struct UnknownWord {
    /// The word, shortened to 64 bytes.
    pub word: String,
}

/// Bytes of an unknown word that are kept.
const WORD_SHOWN_MAX: usize = 64;

/// Reads an agent's line, to the first CR or LF. Words are separated by blanks, tabs and commas, in any order; the last
/// of a kind counts. Case does not.
pub fn parse(answer: &[u8]) -> Result<AgentReport, UnknownWord> {
    let line = answer.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or(&[]);
    let text = String::from_utf8_lossy(line);
    let (words, description) = match text.split_once('#') {
        Some((words, rest)) => (words, Some(rest.trim())),
        None => (text.as_ref(), None),
    };
    let mut report = AgentReport { description: description.map(str::to_owned), ..AgentReport::default() };
    for word in words.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        if !read_word(&mut report, &word.to_ascii_lowercase()) {
            return Err(UnknownWord { word: word.chars().take(WORD_SHOWN_MAX).collect() });
        }
    }
    Ok(report)
}

fn read_word(report: &mut AgentReport, word: &str) -> bool {
    match word {
        "up" => report.state = Some(AgentState::Up),
        "down" => report.state = Some(AgentState::Down),
        "fail" => report.state = Some(AgentState::Fail),
        "stopped" => report.state = Some(AgentState::Stopped),
        "ready" => report.admin = Some(AgentAdmin::Ready),
        "drain" => report.admin = Some(AgentAdmin::Drain),
        "maint" => report.admin = Some(AgentAdmin::Maint),
        _ => return read_number(report, word),
    }
    true
}

fn read_number(report: &mut AgentReport, word: &str) -> bool {
    if let Some(percent) = word.strip_suffix('%').and_then(|n| n.parse().ok()) {
        report.weight_percent = Some(percent);
        return true;
    }
    let maxconn = word.strip_prefix("maxconn:").and_then(|n| n.parse().ok());
    report.maxconn = maxconn.or(report.maxconn);
    maxconn.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let base = AgentReport::default;
        let up = || AgentReport { state: Some(AgentState::Up), ..base() };
        for (line, want) in [
            ("up\n", Ok(up())),
            ("75%\r\nignored", Ok(AgentReport { weight_percent: Some(75), ..base() })),
            ("Up, 50% maxconn:30", Ok(AgentReport { weight_percent: Some(50), maxconn: Some(30), ..up() })),
            ("ready\tup", Ok(AgentReport { admin: Some(AgentAdmin::Ready), ..up() })),
            (
                "down # disk full\n",
                Ok(AgentReport {
                    state: Some(AgentState::Down),
                    description: Some("disk full".into()),
                    ..base()
                }),
            ),
            ("", Ok(base())),
            (
                "drain,stopped",
                Ok(AgentReport {
                    admin: Some(AgentAdmin::Drain),
                    state: Some(AgentState::Stopped),
                    ..base()
                }),
            ),
            ("bogus up", Err(UnknownWord { word: "bogus".into() })),
            ("-5%", Err(UnknownWord { word: "-5%".into() })),
        ] {
            assert_eq!(parse(line.as_bytes()), want, "{line:?}");
        }
    }
}
