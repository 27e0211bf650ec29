//! Stand-ins for types of rooms that have not landed yet; each goes as its room lands.
#![allow(missing_docs)]

#[derive(Clone, Debug, Default)]
pub struct Expr;
#[derive(Clone, Debug, Default)]
pub struct Cond;
#[derive(Clone, Debug, Default)]
pub struct LogFormat;
#[derive(Clone, Debug, Default)]
pub struct Rule;
#[derive(Clone, Debug, Default)]
pub struct UseBackend {
    pub target: UseBackendTarget,
    pub cond: Option<Cond>,
}
#[derive(Clone, Debug)]
pub enum UseBackendTarget {
    Static(evenkeel_base::ProxyId),
    Dynamic(LogFormat),
}
impl Default for UseBackendTarget {
    fn default() -> Self {
        UseBackendTarget::Dynamic(LogFormat)
    }
}
impl Cond {
    pub fn holds(&self, _: &evenkeel_expr::Env<'_>) -> bool {
        true
    }
}
impl LogFormat {
    pub fn render(&self, _: &evenkeel_expr::Env<'_>, _: &mut Vec<u8>) {}
}
impl Expr {
    pub fn eval<'a>(&self, _: &evenkeel_expr::Env<'a>) -> Option<Vec<u8>> {
        None
    }
}
