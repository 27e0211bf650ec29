//! What is set in the kernel, and what the kernel tells: addresses, routes, rules, links.

pub(crate) mod address;
pub(crate) mod link;
pub(crate) mod links;
pub(crate) mod route;
pub(crate) mod rtnl;
pub(crate) mod rule;
pub(crate) mod sysctl;
