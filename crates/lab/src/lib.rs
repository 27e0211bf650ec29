//! The laboratory: web servers that are easy to recognize, and networks that are easy to break.
//!
//! - [`web`]: small HTTP/1.1 servers in threads of this process, for the demo and the end-to-end tests
//! - [`netns`]: machines made of network namespaces, with addresses of their own and processes inside

pub mod netns;
pub mod web;
