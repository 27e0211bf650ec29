//! Judge: the rules about requests and answers, and the proxy's own answers (statistics, redirects, denials).

use evenkeel_expr::facts::{Blame, Phase};

use crate::conn::Conn;
use crate::exchange::{Exchange, Failure, Next};

/// What became of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Go on.
    Pass,
    /// The client has its answer.
    Answered(Next),
}
pub(crate) fn begin(_conn: &Conn, _exchange: &mut Exchange) {}
pub(crate) async fn frontend(_conn: &mut Conn, _exchange: &mut Exchange) -> Result<Judged, Failure> {
    Ok(Judged::Pass)
}
pub(crate) async fn backend(_conn: &mut Conn, _exchange: &mut Exchange) -> Result<Judged, Failure> {
    Ok(Judged::Pass)
}
pub(crate) async fn tcp_content(_conn: &mut Conn, _exchange: &mut Exchange) -> Result<Judged, Failure> {
    Ok(Judged::Pass)
}
pub(crate) async fn tcp_content_backend(
    _conn: &mut Conn,
    _exchange: &mut Exchange,
) -> Result<Judged, Failure> {
    Ok(Judged::Pass)
}
pub(crate) async fn response(_conn: &mut Conn, _exchange: &mut Exchange) -> Result<Judged, Failure> {
    Ok(Judged::Pass)
}
pub(crate) fn after_response(_conn: &Conn, _exchange: &mut Exchange) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn prepare(_conn: &Conn, _exchange: &mut Exchange) {}
const _: (Blame, Phase) = (Blame::None, Phase::None);
