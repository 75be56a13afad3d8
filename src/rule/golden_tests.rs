//! What rules say beside what PocketBase says of the same records, as `tests/language/ask.py` asked.

use serde::Deserialize;
use serde_json::Value;

use super::tests::json;
use super::*;

const GOLDEN: &str = include_str!("../../tests/golden/language/pocketbase.json");

#[derive(Deserialize)]
struct Golden {
    now: String,
    records: Vec<Value>,
    auth: Value,
    query: Sent,
    headers: Sent,
    sections: Vec<Section>,
}

type Sent = std::collections::BTreeMap<String, String>;

#[derive(Deserialize)]
struct Section {
    title: String,
    rules: Vec<Answer>,
}

/// A rule, and the places of the records that a guest and a user were told; none where
/// PocketBase refused it.
#[derive(Deserialize)]
struct Answer(String, Option<Vec<usize>>, Option<Vec<usize>>);

/// How a rule compares, over every record and both who asked.
#[derive(Debug, Default)]
struct Compared {
    same: usize,
    differ: usize,
    undecided: usize,
}

impl Golden {
    fn compare(&self, rule: &Rule, told: [&[usize]; 2]) -> Compared {
        let records: Vec<_> = self
            .records
            .iter()
            .map(|record| json(&record.to_string()))
            .collect();
        let auth = json(&self.auth.to_string());
        let auth = Record::parse(&auth);
        let request = Request::new(pairs(&self.query), pairs(&self.headers));
        let mut compared = Compared::default();
        for (told, auth) in [(told[0], None), (told[1], Some(&auth))] {
            for (place, record) in records.iter().enumerate() {
                let said = rule.holds(&Facts {
                    record: Some(&Record::parse(record)),
                    auth,
                    request: Some(&request),
                    now: self.now.parse().unwrap(),
                });
                match said {
                    Verdict::Undecided => compared.undecided += 1,
                    said if said == Verdict::certain(told.contains(&place)) => compared.same += 1,
                    Verdict::Fails | Verdict::Holds => compared.differ += 1,
                }
            }
        }
        compared
    }
}

fn pairs(sent: &Sent) -> impl Iterator<Item = (&str, &str)> {
    sent.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

#[test]
fn rules_say_what_pocketbase_says() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for section in &golden.sections {
        for Answer(text, guest, user) in &section.rules {
            count += 1;
            let title = section.title.as_str();
            let (Ok(rule), Some(guest), Some(user)) = (Rule::parse(text), guest, user) else {
                let by_both = Rule::parse(text).is_err() && guest.is_none();
                if !title.starts_with("differs") && (title != "refused" || !by_both) {
                    wrong.push(format!("{title}: {text}: refused by one"));
                }
                continue;
            };
            let compared = golden.compare(&rule, [guest, user]);
            let is_expected = match title.split_once(':').map_or(title, |(title, _)| title) {
                "differs" => compared.differ > 0 || compared.undecided > 0,
                "not decided" => compared.same + compared.differ == 0,
                "not decided of some" => compared.differ == 0 && compared.undecided > 0,
                _ => compared.differ + compared.undecided == 0,
            };
            if !is_expected {
                wrong.push(format!("{title}: {text}: {compared:?}"));
            }
        }
    }
    assert!(count > 1000, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
