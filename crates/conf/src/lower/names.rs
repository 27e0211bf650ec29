//! The first pass: every name that lines may refer to before it is read, and the ids that they will have.

use std::collections::BTreeMap;
use std::sync::Arc;

use bstr::BString;
use evenkeel_base::{Diagnostic, ProxyId, ServerId, Span, Word};
use evenkeel_expr::env::{Names, Userlist, VarScope};
use evenkeel_plan::{ProxyKind, VarSlots};

use super::context::Outside;
use super::server::template_range;
use crate::ast::{Ast, SectionKind};

/// A frontend, backend or listen as far as its head tells.
#[derive(Debug)]
pub(crate) struct ProxyName {
    pub(crate) name: String,
    pub(crate) kind: ProxyKind,
    /// Its section line.
    pub(crate) span: Span,
    /// Its servers by name; of two with one name the last.
    pub(crate) servers: BTreeMap<String, ServerId>,
    /// Id of its first server: ids of a section's servers follow each other.
    pub(crate) first_server: u32,
}

/// All names, and the resolver that expressions use.
pub(crate) struct NameBook<'o> {
    outside: &'o dyn Outside,
    proxies: Vec<ProxyName>,
    frontends: BTreeMap<String, ProxyId>,
    backends: BTreeMap<String, ProxyId>,
    userlists: BTreeMap<String, Arc<Userlist>>,
    variables: BTreeMap<(VarScope, String), u32>,
    slots: VarSlots,
    current: Option<ProxyId>,
    captures: (u32, u32),
    /// Warnings of expressions, to be taken after each line.
    warnings: Vec<Diagnostic>,
}

/// The kind of a proxy section.
pub(crate) fn proxy_kind(kind: SectionKind) -> Option<ProxyKind> {
    match kind {
        SectionKind::Frontend => Some(ProxyKind::Frontend),
        SectionKind::Backend => Some(ProxyKind::Backend),
        SectionKind::Listen => Some(ProxyKind::Listen),
        _ => None, // all other sections, of which there are many, are no proxies
    }
}

/// True if this kind has a frontend face.
pub(crate) fn has_front(kind: ProxyKind) -> bool {
    match kind {
        ProxyKind::Frontend | ProxyKind::Listen => true,
        ProxyKind::Backend => false,
    }
}

/// True if this kind has a backend face.
pub(crate) fn has_back(kind: ProxyKind) -> bool {
    match kind {
        ProxyKind::Backend | ProxyKind::Listen => true,
        ProxyKind::Frontend => false,
    }
}

impl<'o> NameBook<'o> {
    /// Collects the names of all proxies and servers. The first of two proxies with one name keeps it.
    pub(crate) fn collect(ast: &Ast, outside: &'o dyn Outside) -> Self {
        let mut book = Self {
            outside,
            proxies: Vec::new(),
            frontends: BTreeMap::new(),
            backends: BTreeMap::new(),
            userlists: BTreeMap::new(),
            variables: BTreeMap::new(),
            slots: VarSlots::default(),
            current: None,
            captures: (0, 0),
            warnings: Vec::new(),
        };
        let mut next_server = 0u32;
        for section in &ast.sections {
            let Some(kind) = proxy_kind(section.kind) else { continue };
            let id = ProxyId(book.proxies.len() as u32);
            let name = section.name().map(|w| w.str().into_owned()).unwrap_or_default();
            let mut proxy = ProxyName {
                name,
                kind,
                span: section.head.span,
                servers: BTreeMap::new(),
                first_server: next_server,
            };
            for line in section.lines.iter().filter(|_| has_back(kind)) {
                let head = line.keyword();
                let Some(name) = line.arg(0) else { continue };
                if head.is("server") && line.arg(1).is_some() {
                    proxy.servers.insert(name.str().into_owned(), ServerId(next_server));
                    next_server = next_server.saturating_add(1);
                } else if head.is("server-template") && line.arg(2).is_some() {
                    let Some((from, to)) = line.arg(1).and_then(template_range) else { continue };
                    for number in from..=to {
                        proxy.servers.insert(format!("{}{number}", name.str()), ServerId(next_server));
                        next_server = next_server.saturating_add(1);
                    }
                }
            }
            if has_front(kind) {
                book.frontends.entry(proxy.name.clone()).or_insert(id);
            }
            if has_back(kind) {
                book.backends.entry(proxy.name.clone()).or_insert(id);
            }
            book.proxies.push(proxy);
        }
        book
    }

    /// A proxy.
    pub(crate) fn proxy(&self, id: ProxyId) -> Option<&ProxyName> {
        self.proxies.get(id.index())
    }

    /// Adds a userlist; false if the name is taken.
    pub(crate) fn add_userlist(&mut self, list: Userlist) -> bool {
        let name = list.name.clone();
        let new = !self.userlists.contains_key(&name);
        if new {
            self.userlists.insert(name, Arc::new(list));
        }
        new
    }

    /// The proxy whose lines are being read.
    pub(crate) fn enter(&mut self, proxy: Option<ProxyId>) {
        self.current = proxy;
        // Which slots there are in a backend is its frontends' business.
        let backend = proxy.and_then(|id| self.proxy(id)).is_some_and(|p| !has_front(p.kind));
        self.captures = if backend { (u32::MAX, u32::MAX) } else { (0, 0) };
    }

    /// Numbers of request and response captures that the current proxy has so far.
    pub(crate) fn set_captures(&mut self, request: u32, response: u32) {
        self.captures = (request, response);
    }

    /// How many variables were met.
    pub(crate) fn slots(&self) -> VarSlots {
        self.slots
    }

    /// Takes the warnings that expressions gave since the last call.
    #[allow(dead_code)] // its caller comes with the rules
    pub(crate) fn take_warnings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings)
    }

    /// A backend by name, with the nearest name where there is none.
    pub(crate) fn backend_or_near(&self, word: &Word) -> Result<ProxyId, Option<&str>> {
        let name = word.str();
        self.backends
            .get(name.as_ref())
            .copied()
            .ok_or_else(|| evenkeel_base::near::nearest(&name, self.backends.keys().map(String::as_str)))
    }
}

impl Names for NameBook<'_> {
    fn backend(&self, name: &str) -> Option<ProxyId> {
        self.backends.get(name).copied()
    }

    fn frontend(&self, name: &str) -> Option<ProxyId> {
        self.frontends.get(name).copied()
    }

    fn server(&self, backend: ProxyId, name: &str) -> Option<ServerId> {
        self.proxies.get(backend.index())?.servers.get(name).copied()
    }

    fn current(&self) -> Option<ProxyId> {
        self.current
    }

    fn variable(&mut self, scope: VarScope, name: &str) -> u32 {
        let next = match scope {
            VarScope::Txn | VarScope::Req | VarScope::Res => &mut self.slots.exchange,
            VarScope::Sess => &mut self.slots.session,
            VarScope::Proc => &mut self.slots.process,
        };
        *self.variables.entry((scope, name.to_owned())).or_insert_with(|| {
            let slot = *next;
            *next += 1;
            slot
        })
    }

    fn userlist(&self, name: &str) -> Option<Arc<Userlist>> {
        self.userlists.get(name).cloned()
    }

    fn file(&mut self, path: &str, _place: Span) -> Result<Vec<u8>, String> {
        self.outside.read_file(path)
    }

    fn capture_slots(&self) -> (u32, u32) {
        self.captures
    }

    fn environment(&self, name: &str) -> Option<BString> {
        self.outside.environment(name).map(BString::from)
    }

    fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }
}
