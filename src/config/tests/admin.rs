//! `admin`, an address or a table.

use super::*;

fn admin(text: &str) -> Result<Snapshot, String> {
    load_text(&format!(
        "listen: 1.2.3.4:5\nupstream: http://h\nadmin: {text}\n"
    ))
}

#[test]
fn an_address_alone_is_the_same_as_a_table_with_it() {
    let address = Some("1.2.3.4:6".parse().unwrap());
    for (text, ready) in [
        ("1.2.3.4:6", true),
        ("{ listen: \"1.2.3.4:6\" }", true),
        ("{ listen: \"1.2.3.4:6\", ready_when_degraded: true }", true),
        (
            "{ listen: \"1.2.3.4:6\", ready_when_degraded: false }",
            false,
        ),
    ] {
        let snapshot = admin(text).unwrap();
        let found = (snapshot.admin, snapshot.ready_when_degraded);
        assert_eq!(found, (address, ready), "{text}");
        let told = describe(&snapshot).contains("1.2.3.4:6, not ready while degraded");
        assert_eq!(told, !ready, "{text}");
    }
}

#[test]
fn what_is_no_admin_is_refused_where_it_stands() {
    for (text, refusal) in [
        ("[a]", "expected a text or a table of keys"),
        (
            "{ listen: \"1.2.3.4:5\" }",
            "admin.listen is that of listen already",
        ),
        ("{ listen: here }", "admin.listen is no address"),
        ("{ ready_when_degraded: true }", "admin.listen is missing"),
        (
            "{ listen: \"1.2.3.4:6\", ready_when_degraded: maybe }",
            "admin.ready_when_degraded must be true or false",
        ),
        (
            "{ listen: \"1.2.3.4:6\", raedy: true }",
            "unknown key \"raedy\"",
        ),
    ] {
        let refused = admin(text).unwrap_err();
        let told = refused.replace(": ", " ");
        assert!(told.contains(refusal), "{text}: {refused}");
    }
}
