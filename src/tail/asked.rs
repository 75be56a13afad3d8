//! What is asked for, and of what comes what is wanted.

use form_urlencoded::{Serializer, byte_serialize};
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Uri};
use serde_json::{Map, Value, json};

use super::Options;
use super::told::{Kind, Told};

/// A stream and what it is asked with.
#[derive(Debug)]
pub(super) struct Asked {
    url: Uri,
    /// The credential.
    fields: HeaderMap,
    /// What is subscribed to, at PocketBase's.
    topics: Vec<String>,
    /// What each subscription has in its query.
    of_topics: Map<String, Value>,
}

/// Of what comes, what is wanted; nothing named is all.
#[derive(Debug)]
pub(super) struct Narrowed {
    /// In lower case.
    pub(super) events: Vec<String>,
    collections: Vec<String>,
}

/// Why the command line says nothing that can be sent. None repeats it: a URL and a key are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// A field of a request cannot hold it.
    #[error("{0} holds what no header field can: expected visible ASCII")]
    Field(&'static str),
    /// The URL has a user's name or password in it.
    #[error("the URL has a name or a password before its host: use --key or --token")]
    Password,
    /// It is no URL.
    #[error("no URL of a stream: write http://HOST:PORT/PATH or https://HOST/PATH")]
    Url,
}

impl Asked {
    pub(super) fn of(options: &Options) -> Result<Self, NotAsked> {
        let mut query = Vec::new();
        for (name, value) in [("filter", &options.filter), ("fields", &options.fields)] {
            query.extend(value.iter().map(|value| (name, value.as_str())));
        }
        let is_pocketbase = !options.subscribe.is_empty();
        let in_url = if is_pocketbase { &[][..] } else { &query };
        let of_topics = query.iter().filter(|_| is_pocketbase);
        let of_topics = of_topics.map(|(name, value)| ((*name).to_owned(), json!(value)));
        if let Some(since) = &options.since {
            field("--since", since)?;
        }
        Ok(Self {
            url: url(&options.url, in_url)?,
            fields: fields(options)?,
            topics: options.subscribe.clone(),
            of_topics: of_topics.collect(),
        })
    }

    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    pub(super) fn fields(&self) -> &HeaderMap {
        &self.fields
    }

    pub(super) fn topics(&self) -> &[String] {
        &self.topics
    }

    pub(super) fn is_tls(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }

    /// The address without its query, which may hold a key.
    pub(super) fn shown(&self) -> String {
        let scheme = self.url.scheme_str().unwrap_or_default();
        let authority = self
            .url
            .authority()
            .map_or("", |authority| authority.as_str());
        format!("{scheme}://{authority}{}", self.url.path())
    }

    /// What is posted so that the client of that id hears the topics, from after `last` on.
    pub(super) fn submission(&self, client_id: &str, last: Option<&str>) -> String {
        let mut query = self.of_topics.clone();
        if let Some(last) = last {
            query.insert("since".to_owned(), last.into());
        }
        let topics = self.topics.iter().map(|topic| {
            if query.is_empty() {
                return topic.clone();
            }
            let options = json!({ "query": query }).to_string();
            let options: String = byte_serialize(options.as_bytes()).collect();
            format!("{topic}?options={}", options.replace('+', "%20"))
        });
        let topics: Vec<_> = topics.collect();
        json!({ "clientId": client_id, "subscriptions": topics }).to_string()
    }
}

impl Narrowed {
    pub(super) fn new(events: &[String], collections: &[String]) -> Self {
        Self {
            events: events.iter().map(|name| name.to_lowercase()).collect(),
            collections: collections.to_vec(),
        }
    }

    /// Whether that event is to be written. A loss always is.
    pub(super) fn wants(&self, told: &Told, event: &str) -> bool {
        if matches!(told.kind, Kind::Close | Kind::Gap) {
            return true;
        }
        let of_name = self.events.is_empty()
            || told.kind == Kind::Uncertain
            || [told.kind.word(), &told.name, event]
                .iter()
                .any(|name| self.events.contains(&name.to_lowercase()));
        let of_collection = self.collections.is_empty()
            || (told.collection.as_ref()).is_some_and(|own| self.collections.contains(own));
        of_name && of_collection
    }
}

fn url(text: &str, more: &[(&str, &str)]) -> Result<Uri, NotAsked> {
    // What a shell has left of it may have spaces; a filter in it has, too.
    let text = text.trim().replace(' ', "%20");
    let (text, _fragment) = text.split_once('#').unwrap_or((&text, ""));
    let mut text = text.to_owned();
    let uri: Uri = text.parse().map_err(|_not_one| NotAsked::Url)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if !is_http || uri.host().is_none_or(str::is_empty) {
        return Err(NotAsked::Url);
    }
    if uri.authority().is_some_and(|of| of.as_str().contains('@')) {
        return Err(NotAsked::Password);
    }
    if !more.is_empty() {
        text.push(if uri.query().is_none() { '?' } else { '&' });
        let at = text.len();
        let mut query = Serializer::for_suffix(text, at);
        text = query.extend_pairs(more).finish();
    }
    text.parse().map_err(|_too_long| NotAsked::Url)
}

fn fields(options: &Options) -> Result<HeaderMap, NotAsked> {
    let mut fields = HeaderMap::new();
    if let Some(key) = &options.key {
        fields.insert(HeaderName::from_static("x-apikey"), field("the key", key)?);
    }
    if let Some(token) = &options.token {
        let bearer = format!("Bearer {token}");
        fields.insert(AUTHORIZATION, field("the token", &bearer)?);
    }
    Ok(fields)
}

fn field(what: &'static str, text: &str) -> Result<HeaderValue, NotAsked> {
    let mut value = HeaderValue::from_str(text).map_err(|_not_one| NotAsked::Field(what))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_goes_behind_what_the_url_asks_already() {
        for (written, sent) in [
            ("http://h/s", "http://h/s?filter=a+%3D+1&fields=x%2Cy"),
            ("http://h", "http://h?filter=a+%3D+1&fields=x%2Cy"),
            (
                "https://h:1/s?apikey=k#f",
                "https://h:1/s?apikey=k&filter=a+%3D+1&fields=x%2Cy",
            ),
        ] {
            let url = url(written, &[("filter", "a = 1"), ("fields", "x,y")]).unwrap();
            let sent: Uri = sent.parse().unwrap();
            assert_eq!(url, sent);
        }
    }

    #[test]
    fn a_filter_and_a_place_go_into_each_subscription() {
        let asked = |query: Value| Asked {
            url: "http://h/api/realtime".parse().unwrap(),
            fields: HeaderMap::new(),
            topics: vec!["posts/*".to_owned(), "GOAL".to_owned()],
            of_topics: query.as_object().unwrap().clone(),
        };
        let bare = r#"{"clientId":"c","subscriptions":["posts/*","GOAL"]}"#;
        assert_eq!(asked(json!({})).submission("c", None), bare);
        let submission = asked(json!({"filter": "a = 'b c'"})).submission("c", Some("e-1"));
        let submission: Value = serde_json::from_str(&submission).unwrap();
        let topic = submission["subscriptions"][0].as_str().unwrap();
        let read = crate::dialect::pocketbase::Subscription::new(topic).unwrap();
        assert_eq!(read.topic(), "posts/*");
        assert_eq!(read.query("filter"), Some("a = 'b c'"));
        assert_eq!(read.query("since"), Some("e-1"));
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for (written, why) in [
            ("", NotAsked::Url),
            ("/realtime", NotAsked::Url),
            ("localhost:8080/realtime", NotAsked::Url),
            ("ftp://h/s", NotAsked::Url),
            ("http:///s", NotAsked::Url),
            ("http://me:secret@h/s", NotAsked::Password),
        ] {
            assert_eq!(url(written, &[]), Err(why), "{written}");
        }
        assert_eq!(field("the key", "a\nb"), Err(NotAsked::Field("the key")));
    }
}
