//! The checker finds what it is there to find: each promise, broken by hand.

use super::checker::{Promise, Violation, WHOLE, check};
use super::history::{Deed, Heard, Hearing, History, Outcome, What, Write};

const DONE: Deed = Deed {
    seen: 1,
    executed: 1,
    refused: false,
};

/// A history in which two writes were acknowledged one after the other, and both were heard.
fn good() -> History {
    let mut history = History::default();
    history.add("a", "PUT", (1, 2), Outcome::Acknowledged, DONE);
    history.add("b", "POST", (3, 4), Outcome::Acknowledged, DONE);
    history.listeners = vec![vec![Hearing {
        after: None,
        heard: vec![told("e-1", "put", "a"), told("e-2", "post", "b")],
    }]];
    history
}

impl History {
    fn add(
        &mut self,
        token: &str,
        method: &'static str,
        (sent, ended): (u64, u64),
        outcome: Outcome,
        deed: Deed,
    ) {
        self.writes.push(Write {
            token: token.to_owned(),
            method,
            collection: "c".to_owned(),
            sound: true,
            sent,
            ended: Some(ended),
            outcome,
        });
        self.journal.insert(token.to_owned(), deed);
    }

    fn heard(&mut self) -> &mut Vec<Heard> {
        &mut self.listeners[0][0].heard
    }
}

fn heard(id: &str, what: What) -> Heard {
    Heard {
        at: 10,
        id: id.to_owned(),
        raw: format!("{what:?}"),
        what,
    }
}

fn told(id: &str, event: &str, token: &str) -> Heard {
    heard(
        id,
        What::Written {
            event: event.to_owned(),
            collection: "c".to_owned(),
            id: token.to_owned(),
        },
    )
}

fn uncertain(id: &str, method: &str, token: Option<&str>) -> Heard {
    heard(
        id,
        What::Uncertain {
            method: method.to_owned(),
            collection: "c".to_owned(),
            id: token.map(str::to_owned),
        },
    )
}

fn gap(id: &str) -> Heard {
    heard(
        id,
        What::Gap {
            reason: "lost".to_owned(),
            collections: vec!["*".to_owned()],
        },
    )
}

/// What the checker says of [`good`] after it was spoilt so.
fn spoilt(spoil: impl FnOnce(&mut History)) -> Vec<Violation> {
    let mut history = good();
    spoil(&mut history);
    check(&history, WHOLE)
}

fn missing(token: &str) -> Violation {
    Violation::Missing {
        listener: 0,
        token: token.to_owned(),
    }
}

fn unjustified(token: &str) -> Violation {
    Violation::Unjustified {
        listener: 0,
        token: token.to_owned(),
    }
}

#[test]
fn a_good_history_breaks_nothing() {
    assert_eq!(check(&good(), WHOLE), []);
}

#[test]
fn an_acknowledged_write_without_its_event_is_found() {
    let found = spoilt(|history| drop(history.heard().remove(1)));
    assert_eq!(found, [missing("b")]);
    let one_of_two = spoilt(|history| {
        let mut deaf = history.listeners[0].clone();
        deaf[0].heard.clear();
        history.listeners.push(deaf);
    });
    assert_eq!(one_of_two.len(), 2, "{one_of_two:?}");
    // `uncertain` is not enough where all could be known.
    let found = spoilt(|history| history.heard()[0] = uncertain("e-1", "PUT", Some("a")));
    assert_eq!(found, [unjustified("a")]);
}

#[test]
fn a_write_that_was_told_twice_is_found() {
    let token = || "a".to_owned();
    let twice = Violation::ToldTwice {
        listener: 0,
        token: token(),
    };
    let again = |history: &mut History| history.heard().push(told("e-3", "put", "a"));
    assert!(spoilt(again).contains(&twice));
    let both = |history: &mut History| history.heard().push(uncertain("e-3", "PUT", Some("a")));
    assert!(spoilt(both).contains(&twice));
}

#[test]
fn what_was_heard_again_after_a_resume_counts_once_if_it_is_the_same() {
    let again = |frame: Heard| {
        spoilt(|history| {
            history.listeners[0].push(Hearing {
                after: Some("e-1".to_owned()),
                heard: vec![frame],
            });
        })
    };
    assert_eq!(again(told("e-2", "post", "b")), []);
    let other = Violation::OtherBytes {
        id: "e-2".to_owned(),
    };
    assert_eq!(again(told("e-2", "put", "b")), [other]);
}

#[test]
fn an_id_that_does_not_rise_is_found() {
    for id in ["e-2", "e-1", "f-3"] {
        let promise = Promise { epochs: 2, ..WHOLE };
        let mut history = good();
        let published = What::Published("X".to_owned());
        history.heard().push(heard(id, published));
        let found = check(&history, promise);
        let is = |violation: &Violation| matches!(violation, Violation::NotRising { .. });
        assert!(found.iter().any(is), "{id}: {found:?}");
    }
    let resumed = spoilt(|history| history.listeners[0][0].after = Some("e-1".to_owned()));
    assert_eq!(resumed.len(), 1, "what was resumed from comes again");
    // As numbers, not as text.
    let found = spoilt(|history| {
        history.heard()[0].id = "e-9".to_owned();
        history.heard()[1].id = "e-10".to_owned();
    });
    assert_eq!(found, []);
}

#[test]
fn another_order_than_that_of_the_acknowledgements_is_found() {
    let swap = |history: &mut History| {
        history.heard()[0] = told("e-1", "post", "b");
        history.heard()[1] = told("e-2", "put", "a");
    };
    let reordered = Violation::Reordered {
        listener: 0,
        first: "b".to_owned(),
        second: "a".to_owned(),
    };
    assert_eq!(spoilt(swap), [reordered]);
    let overlapping = spoilt(|history| {
        swap(history);
        history.writes[0].ended = Some(4);
    });
    assert_eq!(overlapping, [], "either may be first");
}

#[test]
fn an_event_of_what_never_happened_is_found() {
    for outcome in [Outcome::Refused, Outcome::Unknown, Outcome::Failed] {
        let found = spoilt(|history| {
            history.writes[0].outcome = outcome;
            history.journal.insert("a".to_owned(), Deed::default());
        });
        assert_eq!(found, [unjustified("a")], "{outcome:?}");
    }
    let refused = Deed {
        seen: 1,
        executed: 0,
        refused: true,
    };
    let found = spoilt(|history| {
        history.add("c", "PUT", (5, 6), Outcome::Refused, refused);
        history.heard().push(uncertain("e-3", "PUT", Some("c")));
    });
    assert_eq!(found, [unjustified("c")]);
}

#[test]
fn a_refusal_is_uncertain_only_if_a_kill_came_before_the_log_knew_of_it() {
    let refused = Deed {
        seen: 1,
        executed: 0,
        refused: true,
    };
    let told_so = |kills: &[u64], later: Option<(u64, u64)>| {
        spoilt(|history| {
            history.kills = kills.to_vec();
            history.add("r", "PUT", (5, 6), Outcome::Refused, refused);
            history.heard().push(uncertain("e-3", "PUT", Some("r")));
            if let Some(moments) = later {
                history.add("l", "PUT", moments, Outcome::Acknowledged, DONE);
                history.heard().push(told("e-4", "put", "l"));
            }
        })
    };
    assert_eq!(told_so(&[2, 9], None), []);
    assert_eq!(
        told_so(&[9], Some((5, 8))),
        [],
        "its event may have come first"
    );
    assert_eq!(told_so(&[9], Some((10, 11))), []);
    for (kills, later) in [(&[][..], None), (&[2], None), (&[9], Some((7, 8)))] {
        assert_eq!(told_so(kills, later), [unjustified("r")], "{kills:?}");
    }
}

#[test]
fn an_event_of_a_write_that_nobody_sent_is_found() {
    let stranger = [Violation::Stranger {
        listener: 0,
        id: "e-3".to_owned(),
    }];
    let stray = |history: &mut History| history.heard().push(told("e-3", "put", "x"));
    assert_eq!(spoilt(stray), stranger);
    let nameless = |history: &mut History| history.heard().push(uncertain("e-3", "PUT", None));
    assert!(
        spoilt(nameless).starts_with(&stranger),
        "the path has an id"
    );
    let other = |history: &mut History| history.heard()[0] = told("e-1", "delete", "a");
    assert_eq!(spoilt(other).len(), 1, "a PUT is no DELETE");
}

#[test]
fn an_unknown_outcome_of_which_nothing_is_told_is_found() {
    for (outcome, executed) in [
        (Outcome::Failed, 1),
        (Outcome::Unknown, 1),
        (Outcome::Failed, 0),
        (Outcome::Unknown, 0),
    ] {
        let seen = Deed { executed, ..DONE };
        let lost = |history: &mut History| history.add("c", "PUT", (5, 6), outcome, seen);
        assert_eq!(spoilt(lost), [missing("c")]);
        let told_so = spoilt(|history| {
            lost(history);
            history.heard().push(uncertain("e-3", "PUT", Some("c")));
        });
        assert_eq!(told_so, []);
    }
}

#[test]
fn each_uncertain_without_an_id_stands_for_one_write() {
    for (heard, violations) in [(0, 1), (1, 0), (2, 0), (3, 1)] {
        let found = spoilt(|history| {
            let unseen = Deed::default();
            history.add("c", "POST", (5, 6), Outcome::Unknown, DONE);
            // It may have been on its way when the sidecar ended.
            history.add("d", "POST", (5, 6), Outcome::Unknown, unseen);
            for n in 0..heard {
                let id = format!("e-{}", n + 3);
                history.heard().push(uncertain(&id, "POST", None));
            }
        });
        assert_eq!(found.len(), violations, "{heard} heard: {found:?}");
    }
}

#[test]
fn a_write_that_was_executed_twice_is_found() {
    let repeated = Violation::Repeated {
        token: "a".to_owned(),
    };
    for (seen, executed) in [(2, 1), (2, 2)] {
        let deed = Deed {
            seen,
            executed,
            refused: false,
        };
        let found = spoilt(|history| {
            history.journal.insert("a".to_owned(), deed);
        });
        assert_eq!(found, std::slice::from_ref(&repeated));
    }
}

#[test]
fn an_answer_that_is_a_lie_is_found() {
    let never = spoilt(|history| {
        history.journal.remove("a");
    });
    let token = "a".to_owned();
    assert_eq!(never, [Violation::NeverHappened { token }]);
    let foreign = spoilt(|history| history.writes[0].outcome = Outcome::Foreign);
    let token = "a".to_owned();
    assert_eq!(foreign, [Violation::ForeignAnswer { token }]);
}

#[test]
fn a_gap_and_another_epoch_are_found_where_nothing_was_lost() {
    let reason = "lost".to_owned();
    let told_gap = |history: &mut History| history.heard().push(gap("f-0"));
    let expected = [
        Violation::Epochs { found: 2 },
        Violation::Gap {
            listener: 0,
            reason,
        },
    ];
    let mut found = spoilt(told_gap);
    found.sort();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_gap_covers_what_was_lost_and_nothing_else() {
    let promise = Promise {
        gaps: true,
        epochs: 2,
    };
    let after = |spoil: &dyn Fn(&mut History)| {
        let mut history = good();
        history.heard().remove(1);
        history.heard().push(gap("f-0"));
        spoil(&mut history);
        check(&history, promise)
    };
    assert_eq!(after(&|_| ()), []);
    let of_others = |history: &mut History| {
        if let What::Gap { collections, .. } = &mut history.heard()[1].what {
            *collections = vec!["others".to_owned()];
        }
    };
    assert_eq!(after(&of_others), [missing("b")]);
    let told_too_early = |history: &mut History| history.heard()[1].at = 3;
    assert_eq!(after(&told_too_early), [missing("b")]);
    // What was heard before the gap shows that this was not in it.
    let heard_later = |history: &mut History| {
        history.add("c", "PUT", (5, 6), Outcome::Acknowledged, DONE);
        history.heard()[0] = told("e-2", "put", "c");
    };
    assert_eq!(after(&heard_later), [missing("a"), missing("b")]);
}
