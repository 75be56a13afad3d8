//! `access`: keys, what they may hear and publish, and from which pages.

use std::net::Ipv6Addr;
use std::sync::Arc;

use super::{Lower, boolean};
use crate::access::{Access, Key, Origins, Secret};
use crate::config::fault::Problem;
use crate::config::file::{self, Text};
use crate::topic::{TopicPattern, is_reserved};

/// The compiled section.
pub(in crate::config) fn access(file: &file::Access, lower: &mut Lower<'_>) -> Access {
    let global = lower.or(file.global.as_ref(), false, boolean);
    let origins = file.origins.as_deref().unwrap_or_default();
    let origins = Origins::new(lower.all(origins, origin));
    let mut keys: Vec<Arc<Key>> = Vec::new();
    for file in file.keys.as_deref().unwrap_or_default() {
        // One that was refused is left out: nothing can be the same as it.
        if let Some(key) = key(file, &keys, lower) {
            keys.push(Arc::new(key));
        }
    }
    Access {
        global,
        origins,
        keys,
    }
}

/// A key, unless its name or its secret was refused.
fn key(file: &file::Key, others: &[Arc<Key>], lower: &mut Lower<'_>) -> Option<Key> {
    let taken = |is_same: &dyn Fn(&Key) -> bool| {
        let of = others.iter().position(|other| is_same(other));
        of.map_or(Ok(()), |at| {
            let of = format!("keys[{at}]");
            Err(Problem::Taken { of })
        })
    };
    let name = lower.read(&file.name, |text| {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(Problem::Name);
        }
        taken(&|other| *other.name == *text)?;
        Ok(text.into())
    });
    let secret = lower.read(&file.key, |text| {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::Secret);
        }
        let secret = Secret::new(text);
        taken(&|other| other.secret == secret)?;
        Ok(secret)
    });
    let hear = lower.all(texts(&file.hear), str::parse::<TopicPattern>);
    let publish = lower.all(texts(&file.publish), publish);
    let origins = file.origins.as_deref();
    let origins = origins.map(|origins| Origins::new(lower.all(origins, origin)));
    Some(Key {
        name: name?,
        secret: secret?,
        hear: hear.into(),
        publish: publish.into(),
        origins,
    })
}

fn texts(list: &Option<Vec<Text>>) -> &[Text] {
    list.as_deref().unwrap_or_default()
}

/// A pattern of events that somebody may publish. A write comes from the upstream alone, and
/// so do the names under which it is told.
fn publish(text: &str) -> Result<TopicPattern, Problem> {
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
