//! How far a keyword is supported. Every registry's entries carry one; nothing is silently ignored.

/// The support level of one keyword, fetch, converter, action, option or command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Does what the manual says.
    Supported,
    /// Read and checked, but has no effect here; the reason is shown on request.
    Accepted(&'static str),
    /// Accepted with a warning, does what the old release did; the text is today's form.
    Obsolete(&'static str),
    /// An error that names the keyword; the reason (such as `not built yet: TLS`).
    Refused(&'static str),
}
