use super::*;

fn frame(event: &str, data: &str) -> Frame {
    Frame {
        id: "1".to_owned(),
        event: event.to_owned(),
        data: Some(data.to_owned()),
    }
}

/// What is told, in one line: kind, name, collection, ids, data.
fn told(event: &str, data: &str) -> String {
    let Some(told) = Told::of(&frame(event, data), &[]) else {
        return "nothing".to_owned();
    };
    let collection = told.collection.as_deref().unwrap_or("-");
    let (kind, name, ids) = (told.kind, &told.name, told.ids.join(","));
    let told = format!("{kind:?} {name} {collection} [{ids}] {}", told.data);
    told.trim_end().to_owned()
}

/// Rows `EVENT  DATA  =>  WHAT IS TOLD`.
fn check(table: &str) {
    for row in table.trim().lines() {
        let (frame, expected) = row.split_once("  =>  ").unwrap();
        let (event, data) = frame.split_once("  ").unwrap();
        assert_eq!(told(event, data), expected, "{frame}");
    }
}

#[test]
fn restdbs_dialect_is_read() {
    check(RESTDB);
    assert_eq!(
        told("message", r#"{"channel":"init","data":{}}"#),
        "nothing"
    );
    assert_eq!(told("ping", "2024-02-29T12:00:00Z"), "nothing");
}

const RESTDB: &str = r#"
post  {"event":"post","collection":"posts","data":{"id":7, "t":1.10}}  =>  Create post posts [7] {"id":7,"t":1.10}
post  {"event":"post","collection":"posts","data":{"_id":"7"}}  =>  Create post posts [7] {"_id":"7"}
put  {"event":"put","collection":"posts","data":"7"}  =>  Update put posts [7]
patch  {"event":"patch","collection":"posts","data":"7"}  =>  Update patch posts [7]
delete  {"event":"delete","collection":"posts","data":["7","8"]}  =>  Delete delete posts [7,8]
publish  {"event":"GOAL","data":{"v":1}}  =>  Publish GOAL - [] {"v":1}
publish  {"event":"post","collection":"x","data":1}  =>  Publish post x [] 1
gap  {"event":"gap","reason":"lost","collections":["a","b"]}  =>  Gap gap - [] lost: read again a, b
close  {"event":"close","reason":"expired"}  =>  Close close - [] expired
uncertain  {"event":"uncertain","collection":"posts","method":"PUT","data":"7"}  =>  Uncertain uncertain posts [7] PUT, read again
uncertain  {"event":"uncertain","collection":"posts","method":"POST","data":null}  =>  Uncertain uncertain posts [] POST, read again
"#;

#[test]
fn streams_of_an_operators_own_are_read() {
    check(PLAIN);
    assert_eq!(told("heartbeat", "OK"), "nothing");
    assert_eq!(told("x", ""), "Other x - []");
}

const PLAIN: &str = r#"
message  {"event":"put","collection":"posts","ids":["7"],"record":{"id":7},"time":"2024-02-29T12:00:00Z"}  =>  Update put posts [7] {"id":7}
message  {"event":"delete","collection":"posts","ids":["7"],"record":null,"time":"x"}  =>  Delete delete posts [7]
message  {"event":"GOAL","data":1,"time":"2024-02-29T12:00:00Z"}  =>  Publish GOAL - [] 1
posts.create  {"id":7}  =>  Create posts.create posts [7] {"id":7}
whatever  plain text  =>  Other whatever - [] plain text
x  [1, 2]  =>  Other x - [] [1,2]
message  {"specversion":"1.0","type":"tidings.post","subject":"posts/7","data":{"id":7}}  =>  Create tidings.post posts [7] {"id":7}
message  {"specversion":"1.0","type":"tidings.delete","subject":"posts","data":{"ids":["7","8"]}}  =>  Delete tidings.delete posts [7,8] {"ids":["7","8"]}
message  {"specversion":"1.0","type":"tidings.GOAL","subject":"GOAL","data":1}  =>  Publish GOAL - [] 1
"#;

#[test]
fn pocketbases_dialect_is_read() {
    check(POCKETBASE);
}

const POCKETBASE: &str = r#"
posts/*  {"record":{"id":"a","collectionName":"posts"},"action":"create"}  =>  Create create posts [a] {"id":"a","collectionName":"posts"}
posts/a?options=x  {"record":{"id":"a"},"action":"delete"}  =>  Delete delete posts [a] {"id":"a"}
GOAL  {"v":1}  =>  Other GOAL - [] {"v":1}
"#;

#[test]
fn a_beat_is_told_to_who_asks_for_it() {
    let ping = frame("ping", "now");
    assert!(Told::of(&ping, &["ping".to_owned()]).is_some());
    let place = Frame { data: None, ..ping };
    assert_eq!(Told::of(&place, &["ping".to_owned()]), None);
}

#[test]
fn the_time_is_that_of_the_event_where_it_says_one() {
    let of = |data: &str| Told::of(&frame("message", data), &[]).unwrap().time;
    let epoch = of(r#"{"event":"GOAL","time":"1970-01-01T00:00:00Z"}"#);
    assert_eq!(epoch, Some(Timestamp::UNIX_EPOCH));
    assert_eq!(of(r#"{"event":"GOAL"}"#), None);
}
