//! The formats that options name (configuration manual §8.2).

use evenkeel_base::{Diagnostic, Word};

use super::{LogFormat, Use};
use crate::env::{Env, Names};

/// A format with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// No `option …log` at all, in TCP mode: one line per connection, when it is accepted.
    ConnectTcp,
    /// The same in HTTP mode.
    ConnectHttp,
    /// `option tcplog`.
    Tcp,
    /// `option httplog`.
    Http,
    /// `option httplog clf`.
    HttpClf,
    /// `option httpslog`.
    Https,
}

impl Builtin {
    /// The format as a `log-format` string.
    pub const fn text(self) -> &'static str {
        match self {
            Builtin::ConnectTcp => "Connect from %ci:%cp to %fi:%fp (%f/TCP)",
            Builtin::ConnectHttp => "Connect from %ci:%cp to %fi:%fp (%f/HTTP)",
            Builtin::Tcp => "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq",
            Builtin::Http => {
                "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
            }
            Builtin::HttpClf => {
                "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl"
            }
            Builtin::Https => {
                "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"
            }
        }
    }

    /// Compiled.
    pub fn compile(self, names: &mut dyn Names) -> Result<LogFormat, Diagnostic> {
        LogFormat::parse(&Word::bare(self.text()), names, Use::Log)
    }
}

/// The line for a connection that failed before its first exchange (configuration manual §8.2.5), where no
/// `error-log-format` is given: `message` says how.
pub fn error_line(env: &Env<'_>, message: &str, out: &mut Vec<u8>) {
    let flags = super::Flags { mandatory: true, ..super::Flags::default() };
    super::alias::client(env, flags, out);
    out.extend_from_slice(b" [");
    super::alias::accept_date(env, flags, out);
    out.extend_from_slice(b"] ");
    out.extend_from_slice(env.world.proxy_name(env.conn.frontend).as_bytes());
    out.push(b'/');
    let (number, name) = env.world.listener(env.conn.listener);
    match name {
        "" => super::write::number(i64::from(number), out),
        name => out.extend_from_slice(name.as_bytes()),
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(message.as_bytes());
}
