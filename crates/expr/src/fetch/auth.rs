//! Credentials in the request: Basic authentication against userlists, bearer tokens.

use std::sync::Arc;

use evenkeel_http::Known;

use super::{Fetch, many, one, request};
use crate::arg::{Arg, ArgKind, Args, NONE, params};
use crate::conv::encode::base64_decode;
use crate::env::{Env, Secret, Userlist};
use crate::needs::Needs;
use crate::value::{Kind, Value};

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "http_auth",
        params(1, &[ArgKind::Userlist]),
        Kind::Bool,
        Needs::REQUEST,
        "The credentials are those of a user of that list.",
        &[("http_auth(admins)", "1")],
        |a, e| {
            request::head(e)?;
            Some(Value::Bool(user(a, e).is_some()))
        },
    ),
    many(
        "http_auth_group",
        params(1, &[ArgKind::Userlist]),
        Kind::Str,
        Needs::REQUEST,
        "The user's name if the credentials are good; ACLs look at the user's groups.",
        &[("http_auth_group(admins)", "joe")],
        |a, e| user(a, e).map(|(name, _)| Value::owned(name)),
        |a, e, f| {
            let Some((_, groups)) = user(a, e) else { return };
            groups.iter().any(|group| f(Value::text(group.as_bytes())));
        },
    ),
    one(
        "http_auth_user",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "The user's name as sent, unchecked.",
        &[("http_auth_user", "joe")],
        |_, e| basic(e).map(|(name, _)| Value::owned(name)),
    ),
    one(
        "http_auth_pass",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "The password as sent, unchecked.",
        &[("http_auth_pass", "secret")],
        |_, e| basic(e).map(|(_, password)| Value::owned(password)),
    ),
    one(
        "http_auth_type",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "The scheme of the credentials.",
        &[("http_auth_type", "Basic")],
        |_, e| credentials(e, None).map(|(scheme, _)| Value::text(scheme)),
    ),
    one(
        "http_auth_bearer",
        params(0, &[ArgKind::Str]),
        Kind::Str,
        Needs::REQUEST,
        "The bearer token, of the Authorization header or of another.",
        &[("http_auth_bearer", "-")],
        |a, e| {
            let (scheme, token) = credentials(e, a.text(0))?;
            scheme.eq_ignore_ascii_case(b"bearer").then(|| Value::text(token))
        },
    ),
];

/// Scheme and the rest of an authorization header.
fn credentials<'a>(env: &Env<'a>, header: Option<&[u8]>) -> Option<(&'a [u8], &'a [u8])> {
    let head = request::head(env)?;
    // A request in absolute form to a proxy carries its credentials in Proxy-Authorization.
    let line = match header {
        Some(name) => head.fields().first(name)?,
        None => head.fields().first(Known::Authorization)?,
    };
    let space = line.iter().position(|b| *b == b' ')?;
    let (scheme, rest) = line.split_at(space);
    let rest = rest.get(rest.iter().take_while(|b| **b == b' ').count()..)?;
    Some((scheme, rest))
}

fn basic(env: &Env<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, text) = credentials(env, None)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let plain = base64_decode(text)?;
    let colon = plain.iter().position(|b| *b == b':')?;
    Some((plain.get(..colon)?.to_vec(), plain.get(colon + 1..)?.to_vec()))
}

/// The user whose credentials these are, with the user's groups.
fn user<'a>(args: &'a Args, env: &Env<'a>) -> Option<(Vec<u8>, &'a [String])> {
    let Arg::Userlist(list) = args.get(0) else { return None };
    let list: &'a Arc<Userlist> = list;
    let (name, password) = basic(env)?;
    let user = list.users.iter().find(|u| u.name.as_bytes() == name)?;
    let good = match &user.secret {
        Secret::Plain(plain) => plain.as_slice() == password.as_slice(),
        Secret::Crypt(hash) => env.world.crypt_matches(&password, hash),
    };
    good.then_some((name, user.groups.as_slice()))
}
