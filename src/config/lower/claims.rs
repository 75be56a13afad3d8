//! What claims come to, for `access.jwt` and `access.identity` alike.

use std::collections::BTreeMap;

use super::Lower;
use super::access::{publish, texts};
use crate::access::{ClaimGrants, ClaimPath, Rights, Roles};
use crate::config::fault::Problem;
use crate::config::file::{self, Text};
use crate::topic::TopicPattern;

/// The keys by which a section says what claims grant, as they are written.
pub(super) struct GrantKeys<'a> {
    pub(super) grants: Option<&'a Text>,
    pub(super) roles: Option<&'a file::Roles>,
    pub(super) hear: &'a Option<Vec<Text>>,
    pub(super) publish: &'a Option<Vec<Text>>,
}

/// The rights that claims give; none if the path to them was refused.
pub(super) fn claim_grants(file: &GrantKeys<'_>, lower: &mut Lower<'_>) -> Option<ClaimGrants> {
    let path = |text: &Text, lower: &mut Lower<'_>| {
        lower.read(text, |text| ClaimPath::new(text).ok_or(Problem::ClaimPath))
    };
    let grants = match file.grants {
        Some(text) => path(text, lower),
        None => Some(ClaimGrants::default().path),
    };
    let roles = file.roles.and_then(|roles| {
        let grants = role_grants(&roles.grants, lower);
        let claim = path(&roles.claim, lower)?;
        Some(Roles { claim, grants })
    });
    let all = rights(file.hear, file.publish, lower);
    Some(ClaimGrants {
        path: grants?,
        roles,
        all,
    })
}

fn role_grants(
    file: &BTreeMap<String, file::RoleGrants>,
    lower: &mut Lower<'_>,
) -> BTreeMap<Box<str>, Rights> {
    let roles = file.iter().map(|(name, grants)| {
        let rights = rights(&grants.hear, &grants.publish, lower);
        (name.as_str().into(), rights)
    });
    roles.collect()
}

fn rights(hear: &Option<Vec<Text>>, may: &Option<Vec<Text>>, lower: &mut Lower<'_>) -> Rights {
    Rights {
        hear: lower.all(texts(hear), str::parse::<TopicPattern>),
        publish: lower.all(texts(may), publish),
    }
}
