//! The configuration as it is written: what YAML can hold, with nothing decided yet.
//!
//! Every value is a [`Text`] that knows its place, so that [`super::lower`] can refuse it
//! there; a number or a switch too, since it may be `${NAME}`. A key that is not known is an
//! error. What a key means, its default and its range stand with the types in [`super`] and
//! in `config/reference.yaml`; by these types and those words [`mod@super::schema`] makes the JSON Schema.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use super::outline::Place;

/// A whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) listen: Text,
    #[schemars(with = "Either<Upstream>")]
    pub(super) upstream: Spanned<Either<Upstream>>,
    #[schemars(with = "Option<Either<Admin>>")]
    pub(super) admin: Option<Spanned<Either<Admin>>>,
    pub(super) trusted_proxies: Option<Vec<Text>>,
    #[serde(default)]
    pub(super) observe: Observe,
    #[serde(default)]
    pub(super) realtime: Realtime,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) logging: Logging,
    #[serde(default)]
    pub(super) limits: Limits,
    pub(super) drain: Option<Text>,
    #[schemars(with = "Option<Either<Access>>")]
    pub(super) access: Option<Spanned<Either<Access>>>,
}

/// Of a file only whether it names an access file: what there is to read, whatever else may be
/// wrong with it.
#[derive(Debug, Deserialize)]
pub(super) struct NamesAccess {
    pub(super) access: Option<Either<IgnoredAny>>,
}

/// Of a file only `admin`, in either of its forms.
#[derive(Debug, Deserialize)]
pub(super) struct NamesAdmin {
    pub(super) admin: Option<Spanned<Either<NamesListen>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamesListen {
    pub(super) listen: Text,
}

/// A single value: text, a number, a switch.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) value: String,
    pub(super) place: Place,
}

/// A single value that stands for a table, or the table.
#[derive(Debug)]
pub(super) enum Either<T> {
    Table(T),
    Text(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    pub(super) listen: Text,
    pub(super) ready_when_degraded: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    pub(super) url: Text,
    pub(super) connect_timeout: Option<Text>,
    pub(super) read_timeout: Option<Text>,
    pub(super) write_timeout: Option<Text>,
    pub(super) host: Option<Text>,
    pub(super) ca_file: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Observe {
    pub(super) preset: Option<Text>,
    pub(super) prefix: Option<Text>,
    pub(super) ignore: Option<Vec<Text>>,
    pub(super) collections: Option<Vec<Text>>,
    pub(super) redact: Option<Vec<Text>>,
    pub(super) remember: Option<Text>,
    pub(super) read_before_delete: Option<Text>,
    pub(super) gaps: Option<Vec<Gap>>,
    pub(super) method_override: Option<MethodOverride>,
    pub(super) batches: Option<Vec<Batch>>,
    pub(super) rules: Option<Vec<Rule>>,
}

/// A preset's own file: a part of a configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preset {
    pub(super) observe: Observe,
    pub(super) access: Option<PresetAccess>,
}

/// Of who may hear only how somebody is known to a preset's upstream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetAccess {
    pub(super) identity: PresetIdentity,
}

/// How somebody is known to a preset's upstream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetIdentity {
    pub(super) ask: Text,
    pub(super) claims: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) path: Text,
    pub(super) id: Option<Vec<Text>>,
    pub(super) record: Option<Text>,
    #[schemars(with = "Option<Vec<Text>>")]
    pub(super) methods: Option<Spanned<Vec<Text>>>,
    #[schemars(with = "Option<Vec<Text>>")]
    pub(super) success: Option<Spanned<Vec<Text>>>,
    pub(super) case: Option<Text>,
    pub(super) collection: Option<Text>,
    pub(super) alias: Option<Text>,
    pub(super) partial: Option<Vec<Text>>,
    pub(super) conceal: Option<Vec<Conceal>>,
    pub(super) read: Option<Read>,
    pub(super) complete: Option<Text>,
    pub(super) tombstone: Option<Text>,
    pub(super) uncertain: Option<Text>,
}

/// A request that changes records of collections that it does not name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gap {
    pub(super) path: Text,
    #[schemars(with = "Option<Vec<Text>>")]
    pub(super) methods: Option<Spanned<Vec<Text>>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Conceal {
    pub(super) part: Text,
    pub(super) unless: Text,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    pub(super) record: Text,
    pub(super) list: Option<Text>,
    pub(super) items: Option<Text>,
    pub(super) expand: Option<Text>,
}

/// Where a request may say that it is another method.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MethodOverride {
    pub(super) headers: Option<Vec<Text>>,
    pub(super) query: Option<Text>,
    pub(super) body: Option<Text>,
}

/// A request that holds several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    pub(super) path: Text,
    pub(super) requests: Option<Text>,
    pub(super) form: Option<Text>,
    pub(super) method: Option<Text>,
    pub(super) url: Option<Text>,
    pub(super) base: Option<Text>,
    pub(super) body: Option<Text>,
    pub(super) defaults: Option<Text>,
    pub(super) answers: Option<Text>,
    pub(super) status: Option<Text>,
    pub(super) answer: Option<Text>,
    pub(super) undone_by: Option<Vec<Text>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Realtime {
    /// Named without a value it is on, with every default.
    #[serde(default, deserialize_with = "named")]
    pub(super) restdb: Option<Restdb>,
    #[serde(default, deserialize_with = "named")]
    pub(super) pocketbase: Option<Pocketbase>,
    pub(super) streams: Option<Vec<Stream>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pocketbase {
    pub(super) path: Option<Text>,
    pub(super) answered_by: Option<Text>,
    pub(super) idle: Option<Text>,
    pub(super) life: Option<Text>,
    pub(super) missed: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restdb {
    pub(super) path: Option<Text>,
    pub(super) client: Option<Text>,
    pub(super) jsapi: Option<Text>,
    pub(super) ping_interval: Option<Text>,
    pub(super) patch: Option<Text>,
    pub(super) publish_body: Option<Text>,
    pub(super) publish_rate: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stream {
    pub(super) path: Text,
    pub(super) access: Option<Text>,
    pub(super) events: Option<Vec<Text>>,
    pub(super) name: Option<Text>,
    pub(super) data: Option<Text>,
    pub(super) source: Option<Text>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    /// Named without a value it is there, with every default.
    #[serde(default, deserialize_with = "named")]
    pub(super) heartbeat: Option<Heartbeat>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    pub(super) name: Option<Text>,
    pub(super) data: Option<Text>,
    pub(super) every: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Option<Text>,
    pub(super) dir: Option<Text>,
    pub(super) wait: Option<Text>,
    pub(super) on_failure: Option<Text>,
    #[serde(default)]
    pub(super) keep: Keep,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keep {
    pub(super) events: Option<Text>,
    pub(super) bytes: Option<Text>,
    pub(super) age: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Logging {
    pub(super) level: Option<Text>,
    pub(super) format: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) streams: Option<Text>,
    pub(super) streams_per_key: Option<Text>,
    pub(super) streams_per_address: Option<Text>,
    pub(super) connections: Option<Text>,
    pub(super) connections_per_address: Option<Text>,
    pub(super) idle_timeout: Option<Text>,
    pub(super) head: Option<Text>,
    pub(super) head_timeout: Option<Text>,
    pub(super) observed_body: Option<Text>,
    pub(super) observed_bodies: Option<Text>,
    pub(super) subscriptions: Option<Text>,
}

/// The `access` section, or a file of its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Access {
    pub(super) global: Option<Text>,
    pub(super) origins: Option<Vec<Text>>,
    pub(super) keys: Option<Vec<Key>>,
    #[schemars(with = "Option<Jwt>")]
    pub(super) jwt: Option<Spanned<Jwt>>,
    #[schemars(with = "Option<Identity>")]
    pub(super) identity: Option<Spanned<Identity>>,
    /// By collection; an entry without a value is one without a rule.
    #[schemars(with = "Option<BTreeMap<String, Option<CollectionRules>>>")]
    pub(super) rules: Option<Spanned<BTreeMap<String, Option<CollectionRules>>>>,
    pub(super) rule_cache: Option<Text>,
    pub(super) superusers: Option<Text>,
}

/// Of which records of a collection who may do what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectionRules {
    pub(super) rule: Option<Text>,
    pub(super) leaving: Option<Text>,
    pub(super) hear: Option<Text>,
    pub(super) list: Option<Text>,
    pub(super) view: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Jwt {
    #[schemars(with = "Vec<Text>")]
    pub(super) algorithms: Spanned<Vec<Text>>,
    pub(super) jwks: Option<Text>,
    pub(super) secret: Option<Text>,
    pub(super) key_file: Option<Text>,
    pub(super) issuer: Option<Text>,
    #[schemars(with = "Option<OneOrMany>")]
    pub(super) audience: Option<Spanned<OneOrMany>>,
    pub(super) leeway: Option<Text>,
    pub(super) cookie: Option<Text>,
    pub(super) grants: Option<Text>,
    pub(super) roles: Option<Roles>,
    pub(super) hear: Option<Vec<Text>>,
    pub(super) publish: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) preset: Option<Text>,
    pub(super) ask: Option<Text>,
    pub(super) claims: Option<Text>,
    pub(super) cache: Option<Text>,
    pub(super) cookies: Option<Vec<Text>>,
    pub(super) grants: Option<Text>,
    pub(super) roles: Option<Roles>,
    pub(super) hear: Option<Vec<Text>>,
    pub(super) publish: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Roles {
    pub(super) claim: Text,
    pub(super) grants: BTreeMap<String, RoleGrants>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleGrants {
    pub(super) hear: Option<Vec<Text>>,
    pub(super) publish: Option<Vec<Text>>,
}

/// A text, or a list of texts.
#[derive(Debug)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<Text>),
}

/// Of an access section, or of a file that has one, only the key file that it names.
#[derive(Debug, Deserialize)]
pub(super) struct NamesKeyFile {
    pub(super) access: Option<Either<AccessNamesKeyFile>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AccessNamesKeyFile {
    pub(super) jwt: Option<JwtNamesKeyFile>,
}

#[derive(Debug, Deserialize)]
pub(super) struct JwtNamesKeyFile {
    pub(super) key_file: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) name: Text,
    pub(super) key: Text,
    pub(super) hear: Option<Vec<Text>>,
    pub(super) publish: Option<Vec<Text>>,
    pub(super) superuser: Option<Text>,
    pub(super) origins: Option<Vec<Text>>,
}

// === impl Text ===

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self {
            place: place(spanned.referenced),
            value: spanned.value,
        })
    }
}

/// The place of what `location` locates; of an alias, where it is used.
pub(super) fn place(location: Location) -> Place {
    // A number of lines that `usize` cannot hold has no line in any text.
    Place {
        line: usize::try_from(location.line()).unwrap_or(0),
        column: usize::try_from(location.column()).unwrap_or(0),
    }
}

// === impl Either ===

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Either<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherVisitor(PhantomData))
    }
}

struct EitherVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EitherVisitor<T> {
    type Value = Either<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a table of keys")
    }

    fn visit_str<E>(self, text: &str) -> Result<Either<T>, E> {
        Ok(Either::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Either::Table)
    }
}

// === impl OneOrMany ===

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
        Ok(OneOrMany::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<OneOrMany, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
    }
}

/// A section that is there although it may be empty.
fn named<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let section = Option::<T>::deserialize(deserializer)?;
    Ok(Some(section.unwrap_or_default()))
}
