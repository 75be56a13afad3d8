//! `access`: keys, what they may hear and publish, and from which pages.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::Ipv6Addr;
use std::sync::Arc;

use super::jwt::{self, KeyFile};
use super::{Lower, boolean, identity, rules};
use crate::access::{Access, Key, Origins, Secret};
use crate::config::fault::Problem;
use crate::config::file::{self, Text};
use crate::topic::{TopicPattern, is_reserved};

/// The compiled section.
pub(in crate::config) fn access(
    file: &file::Access,
    key_file: Option<&KeyFile<'_>>,
    lower: &mut Lower<'_>,
) -> Access {
    let global = lower.or(file.global.as_ref(), false, boolean);
    let origins = file.origins.as_deref().unwrap_or_default();
    let origins = Origins::new(lower.all(origins, origin));
    let mut seen = Seen::default();
    let keys = file.keys.as_deref().unwrap_or_default();
    let keys = keys.iter().enumerate().filter_map(|(at, file)| {
        let key = key(file, at, &mut seen, lower)?;
        Some(Arc::new(key))
    });
    let keys = keys.collect();
    let jwt = file.jwt.as_ref();
    let jwt = jwt.and_then(|file| jwt::jwt(file, key_file, lower));
    let identity = file.identity.as_ref();
    let identity = identity.and_then(|file| identity::identity(file, lower));
    Access {
        global,
        origins,
        keys,
        jwt,
        identity,
        rules: rules::rules(file, lower),
        reads: Arc::default(),
        aliases: Arc::default(),
    }
}

/// The names and secrets so far, each with the place of its key in the list.
#[derive(Default)]
struct Seen {
    names: HashMap<String, usize>,
    secrets: HashMap<String, usize>,
}

/// A key, unless its name or its secret was refused. It stands `at` that place in the list.
fn key(file: &file::Key, at: usize, seen: &mut Seen, lower: &mut Lower<'_>) -> Option<Key> {
    let unique = |of: &mut HashMap<String, usize>, text: &str| match of.entry(text.to_owned()) {
        Entry::Occupied(other) => {
            let of = format!("keys[{}]", other.get());
            Err(Problem::Taken { of })
        }
        Entry::Vacant(free) => {
            free.insert(at);
            Ok(())
        }
    };
    let name = lower.read(&file.name, |text| {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(Problem::Name);
        }
        unique(&mut seen.names, text)?;
        Ok(text.into())
    });
    let secret = lower.read(&file.key, |text| {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::Secret);
        }
        unique(&mut seen.secrets, text)?;
        Ok(Secret::new(text))
    });
    let hear = lower.all(texts(&file.hear), str::parse::<TopicPattern>);
    let publish = lower.all(texts(&file.publish), publish);
    let superuser = lower.or(file.superuser.as_ref(), false, boolean);
    let origins = file.origins.as_deref();
    let origins = origins.map(|origins| Origins::new(lower.all(origins, origin)));
    Some(Key {
        name: name?,
        secret: secret?,
        hear: hear.into(),
        publish: publish.into(),
        superuser,
        origins,
    })
}

pub(super) fn texts(list: &Option<Vec<Text>>) -> &[Text] {
    list.as_deref().unwrap_or_default()
}

/// A pattern of events that somebody may publish. A write comes from the upstream alone, and
/// so do the names under which it is told.
pub(super) fn publish(text: &str) -> Result<TopicPattern, Problem> {
    match text.parse()? {
        TopicPattern::Write(..) => Err(Problem::PublishWrite),
        TopicPattern::Custom(Some(name)) if is_reserved(&name) => Err(Problem::PublishReserved),
        custom @ TopicPattern::Custom(_) => Ok(custom),
    }
}

/// An origin as browsers serialise it (HTML, "Ascii serialisation of an origin"), or `*`.
/// Anything else would never be equal to what a browser sends.
fn origin(text: &str) -> Result<Box<str>, Problem> {
    let browser_sends = || {
        let (scheme, authority) = text.split_once("://")?;
        let (host, rest) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, rest) = bracketed.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (None, rest)
            }
            None => {
                let end = authority.find(':').unwrap_or(authority.len());
                let (host, rest) = authority.split_at_checked(end)?;
                (Some(host), rest)
            }
        };
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':')?),
        };
        let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let scheme_is_sound = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| lower(b) || b"+-.".contains(&b));
        let host_is_sound = host.is_none_or(|host| {
            !host.is_empty() && host.bytes().all(|b| lower(b) || b"-._".contains(&b))
        });
        let port_is_sound = port.is_none_or(|port| {
            let default = matches!((scheme, port), ("http", "80") | ("https", "443"));
            !default && !port.starts_with(['+', '0']) && port.parse::<u16>().is_ok()
        });
        (scheme_is_sound && host_is_sound && port_is_sound).then_some(())
    };
    if text != "*" && browser_sends().is_none() {
        return Err(Problem::Origin);
    }
    Ok(text.into())
}
