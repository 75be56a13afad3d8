//! Subscribers who hear the same and see it the same way.
//!
//! All streams of one key or token, and of one origin, are one audience. An event is matched and its frames
//! are joined once for an audience, however many streams are in it.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use jiff::Timestamp;
use slab::Slab;

use super::Terms;
use super::index::Index;
use crate::access::{Denied, Grant, Leaving};
use crate::dialect::{Form, View};

/// Every audience, and the index that finds them.
#[derive(Debug, Default)]
pub(super) struct Audiences {
    audiences: Slab<Audience>,
    /// Which audience a newcomer belongs to, by a hash of its grant without its end and of its view.
    /// Of two that share a hash the newer is in it, and the members of the other stay by themselves.
    by_grant: HashMap<u64, usize>,
    hasher: RandomState,
    index: Index,
    /// When the audiences whose grants end by themselves do, the first one first.
    ends: BTreeSet<(Timestamp, usize)>,
    /// How many there were and are no more.
    removed: u64,
}

/// One audience.
#[derive(Debug)]
pub(super) struct Audience {
    /// What its members may hear.
    pub(super) grant: Grant,
    /// How they asked to see it.
    view: View,
    /// How they see it as the configuration stands.
    pub(super) form: Form,
    /// Its members, by their key in the engine; in no order.
    members: Vec<u32>,
}

impl Audiences {
    /// Nobody yet; whoever comes is filed by the rules of these terms.
    pub(super) fn new(terms: &Terms) -> Self {
        Self {
            index: Index::new(Arc::clone(&terms.access)),
            ..Self::default()
        }
    }

    /// Takes a stream in; the answer is its audience and its place among the members.
    pub(super) fn join(
        &mut self,
        grant: Grant,
        view: View,
        form: Form,
        stream: u32,
    ) -> (usize, usize) {
        // One that ends later is the same: the audience is looked at when it ends itself.
        let key = self.key(&grant, &view);
        let known = self.by_grant.get(&key).copied();
        let same = |id: &usize| self.audiences.get(*id).is_some_and(|a| a.is(&grant, &view));
        let id = match known.filter(same) {
            Some(id) => id,
            None => {
                let id = self.audiences.vacant_key();
                self.index.insert(id, &grant, &form.interests(&grant));
                self.ends.extend(grant.until().map(|until| (until, id)));
                self.by_grant.insert(key, id);
                self.audiences.insert(Audience {
                    grant,
                    view,
                    form,
                    members: Vec::new(),
                })
            }
        };
        let members = self.audiences.get_mut(id).map(|a| &mut a.members);
        let members = members.expect("an audience is filed until its last member left");
        members.push(stream);
        (id, members.len() - 1)
    }

    /// Lets the member at `place` go. Another member may have moved to that place: it is the answer.
    pub(super) fn leave(&mut self, id: usize, place: usize) -> Option<u32> {
        let audience = self.audiences.get_mut(id)?;
        audience.members.swap_remove(place);
        let moved = audience.members.get(place).copied();
        if audience.members.is_empty() {
            self.remove(id);
        }
        moved
    }

    /// How many there were and are no more: as long as that is the same, so is who an id names.
    pub(super) fn removed(&self) -> u64 {
        self.removed
    }

    /// The audience `id`.
    pub(super) fn audience(&self, id: usize) -> Option<&Audience> {
        self.audiences.get(id)
    }

    /// Replaces `found` by the audiences that may hear the event, each once: no other may, and
    /// whether these do is still to be asked.
    pub(super) fn find(&self, leaving: &Leaving<'_>, found: &mut Vec<usize>) {
        self.index.find(leaving, found);
    }

    /// Lets another configuration count for everybody; the answer are those whom it denies:
    /// they hear nothing any more, and their members are for the caller to end.
    pub(super) fn renew(&mut self, terms: &Terms, now: Timestamp) -> Vec<(usize, Denied)> {
        let mut denied = Vec::new();
        self.index = Index::new(Arc::clone(&terms.access));
        self.by_grant.clear();
        self.ends.clear();
        for (id, audience) in &mut self.audiences {
            match terms.renew(&audience.grant, &audience.view, now) {
                Ok((grant, form)) => {
                    self.index.insert(id, &grant, &form.interests(&grant));
                    self.ends.extend(grant.until().map(|until| (until, id)));
                    let key = key(&self.hasher, &grant, &audience.view);
                    self.by_grant.insert(key, id);
                    audience.grant = grant;
                    audience.form = form;
                }
                Err(reason) => denied.push((id, reason)),
            }
        }
        denied
    }

    /// Decides anew what the audience `id` alone may hear.
    ///
    /// # Errors
    /// [`Denied`]: it hears nothing any more, and its members are for the caller to end.
    pub(super) fn renew_one(
        &mut self,
        id: usize,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let Some(audience) = self.audiences.get_mut(id) else {
            return Ok(());
        };
        let interests = audience.form.interests(&audience.grant);
        self.index.remove(id, &audience.grant, &interests);
        let old = key(&self.hasher, &audience.grant, &audience.view);
        if self.by_grant.get(&old) == Some(&id) {
            self.by_grant.remove(&old);
        }
        if let Some(until) = audience.grant.until() {
            self.ends.remove(&(until, id));
        }
        let (grant, form) = terms.renew(&audience.grant, &audience.view, now)?;
        self.index.insert(id, &grant, &form.interests(&grant));
        self.ends.extend(grant.until().map(|until| (until, id)));
        let new = key(&self.hasher, &grant, &audience.view);
        self.by_grant.insert(new, id);
        audience.grant = grant;
        audience.form = form;
        Ok(())
    }

    /// An audience whose grant is over by `now`, each once.
    pub(super) fn take_ended(&mut self, now: Timestamp) -> Option<usize> {
        let first = self.ends.first().filter(|(until, _)| *until <= now)?;
        let first = *first;
        self.ends.remove(&first);
        Some(first.1)
    }

    fn key(&self, grant: &Grant, view: &View) -> u64 {
        key(&self.hasher, grant, view)
    }

    fn remove(&mut self, id: usize) {
        self.removed += 1;
        let audience = self.audiences.remove(id);
        if let Some(until) = audience.grant.until() {
            self.ends.remove(&(until, id));
        }
        let interests = audience.form.interests(&audience.grant);
        self.index.remove(id, &audience.grant, &interests);
        let key = self.key(&audience.grant, &audience.view);
        if self.by_grant.get(&key) == Some(&id) {
            self.by_grant.remove(&key);
        }
    }
}

/// By what an audience is found of that grant and that view.
fn key(hasher: &RandomState, grant: &Grant, view: &View) -> u64 {
    hasher.hash_one((grant.without_end(), view))
}

impl Audience {
    /// Whether who has that grant, whenever it ends, and that view is one of its members.
    fn is(&self, grant: &Grant, view: &View) -> bool {
        self.view == *view && self.grant.without_end() == grant.without_end()
    }

    /// The members' keys.
    pub(super) fn members(&self) -> &[u32] {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{
        Access, Algorithm, ClaimGrants, Credential, Jwt, Key, KeySet, KeySource, Keyring, Origins,
        Secret, Wanted,
    };
    use crate::dialect::{Fields, Realtime, restdb};
    use crate::event::{Cursor, Epoch, Event, Kind, Method};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn access(hear: &str) -> Access {
        Access {
            global: false,
            origins: Origins::default(),
            keys: vec![Arc::new(Key {
                name: "web".into(),
                secret: Secret::new("k"),
                hear: Arc::new([hear.parse().unwrap()]),
                publish: Box::new([]),
                superuser: false,
                origins: None,
            })],
            ..Access::default()
        }
    }

    /// Terms under which that access counts.
    fn terms(access: &Access) -> Terms {
        let realtime = Realtime {
            pocketbase: None,
            restdb: Some(restdb::Options::default()),
            streams: Vec::new(),
        };
        Terms {
            access: Arc::new(access.clone()),
            realtime: Arc::new(realtime),
            seats_max: crate::hub::SeatsMax {
                all: 1,
                of_each: None,
                from_each: None,
            },
            subscription_bytes_max: 0,
        }
    }

    /// Lets a stream in that sees a PATCH as that.
    fn join(
        audiences: &mut Audiences,
        grant: Grant,
        patch: restdb::Patch,
        stream: u32,
    ) -> (usize, usize) {
        let view = restdb::View {
            patch,
            fields: Fields::default(),
        };
        let form = Form::Restdb(view.form(&restdb::Options::default()));
        audiences.join(grant, View::Restdb(view), form, stream)
    }

    fn grant(access: &Access) -> Grant {
        let credential = Credential {
            key: Some(Secret::new("k")),
            ..Credential::default()
        };
        access.grant(&credential, NOW).unwrap()
    }

    fn who_hears(audiences: &Audiences, collection: &str) -> Vec<u32> {
        let mut found = Vec::new();
        let event = Event {
            cursor: Cursor {
                epoch: Epoch::new(1),
                seq: 1,
            },
            at: NOW,
            kind: Kind::Write {
                method: Method::Post,
                collection: collection.into(),
                ids: Vec::new(),
                record: None,
            },
        };
        audiences.find(&Leaving::new(&event, NOW), &mut found);
        found
            .iter()
            .flat_map(|id| audiences.audience(*id).unwrap().members().to_vec())
            .collect()
    }

    #[test]
    fn streams_of_one_grant_are_one_audience_until_the_last_one_left() {
        let access = access("*:a");
        let mut audiences = Audiences::default();
        let (id, first) = join(&mut audiences, grant(&access), restdb::Patch::Configured, 1);
        assert_eq!(
            join(&mut audiences, grant(&access), restdb::Patch::Configured, 2),
            (id, 1)
        );
        let (other, _) = join(&mut audiences, grant(&access), restdb::Patch::Patch, 3);
        assert_ne!(other, id);
        assert_eq!(audiences.leave(id, first), Some(2));
        assert_eq!(who_hears(&audiences, "a"), [2, 3]);
        assert_eq!(audiences.leave(id, 0), None);
        assert_eq!(audiences.leave(other, 0), None);
        assert!(audiences.by_grant.is_empty() && audiences.audiences.is_empty());
    }

    #[test]
    fn a_changed_configuration_counts_for_those_who_are_there() {
        let mut audiences = Audiences::default();
        let (id, _) = join(
            &mut audiences,
            grant(&access("*:a")),
            restdb::Patch::Configured,
            1,
        );
        assert!(audiences.renew(&terms(&access("*:b")), NOW).is_empty());
        assert!(who_hears(&audiences, "a").is_empty());
        assert_eq!(who_hears(&audiences, "b"), [1]);
        let none = Access::default();
        assert_eq!(audiences.renew(&terms(&none), NOW), [(id, Denied::Unknown)]);
        assert!(who_hears(&audiences, "b").is_empty());
        assert_eq!(audiences.leave(id, 0), None);
        assert!(audiences.audiences.is_empty());
    }

    /// The grant of a token that is good for so many seconds.
    fn grant_until(access: &Access, seconds: i64) -> Grant {
        let claims = format!(r#"{{"exp":{seconds},"realtime":{{"sub":["*:a"]}}}}"#);
        let claims: serde_json::Value = serde_json::from_str(&claims).unwrap();
        let key = jsonwebtoken::EncodingKey::from_secret(b"k");
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key);
        let credential = Credential {
            token: Some(Secret::new(&token.unwrap())),
            ..Credential::default()
        };
        access.grant(&credential, NOW).unwrap()
    }

    #[test]
    fn an_audience_that_is_renewed_is_filed_by_what_it_hears_now() {
        let mut audiences = Audiences::default();
        let before = grant(&access("*:a"));
        let (id, _) = join(&mut audiences, before, restdb::Patch::Configured, 1);
        let other = access("*:b");
        assert_eq!(audiences.renew_one(id, &terms(&other), NOW), Ok(()));
        assert!(who_hears(&audiences, "a").is_empty());
        assert_eq!(who_hears(&audiences, "b"), [1]);
        // Whoever comes by the new grant belongs to it.
        let (same, _) = join(&mut audiences, grant(&other), restdb::Patch::Configured, 2);
        assert_eq!(same, id);
        let none = terms(&Access::default());
        assert_eq!(audiences.renew_one(id, &none, NOW), Err(Denied::Unknown));
        assert!(who_hears(&audiences, "b").is_empty());
        audiences.leave(id, 0);
        audiences.leave(id, 0);
        assert!(audiences.by_grant.is_empty() && audiences.audiences.is_empty());
    }

    #[test]
    fn a_grant_that_is_over_is_told_once_and_in_its_time() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut access = access("*:a");
        access.jwt = Some(Jwt {
            algorithms: Box::new([Algorithm::Hs256]),
            keys: Keyring::new(KeySource::Secret, KeySet::secret("k")),
            wanted: Wanted::default(),
            grants: ClaimGrants::default(),
            cookie: None,
        });
        let mut audiences = Audiences::default();
        join(&mut audiences, grant(&access), restdb::Patch::Configured, 1);
        let [late, left, soon] = [30, 15, 10].map(|seconds| grant_until(&access, seconds));
        let (late, _) = join(&mut audiences, late, restdb::Patch::Configured, 2);
        let (left, place) = join(&mut audiences, left, restdb::Patch::Configured, 3);
        let (soon, _) = join(&mut audiences, soon.clone(), restdb::Patch::Configured, 4);
        audiences.leave(left, place);
        assert_eq!(audiences.take_ended(at(9)), None);
        assert_eq!(audiences.take_ended(at(20)), Some(soon));
        assert_eq!(audiences.take_ended(at(20)), None);
        // The clocks may be further apart by now.
        access.jwt.as_mut().unwrap().wanted.leeway = std::time::Duration::from_secs(5);
        assert_eq!(
            audiences.renew(&terms(&access), at(20)).len(),
            1,
            "one was over"
        );
        assert_eq!(audiences.take_ended(at(34)), None);
        assert_eq!(audiences.take_ended(at(35)), Some(late));
        assert_eq!(audiences.take_ended(at(99)), None);
    }
}
