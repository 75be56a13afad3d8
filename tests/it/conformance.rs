//! What passes through the sidecar is what passes without it.
//!
//! Each case is run twice against one upstream: directly and through the sidecar. What the
//! client sees, what reaches the upstream and what is there before the next word is said have to
//! be the same, but for the differences that the README lists. `Difference` has them by name;
//! a case that allows one fails once it does not differ any more.
//!
//! | file | what it is |
//! | --- | --- |
//! | `case` | what a client and an upstream do, as data |
//! | `exact` | the upstream of exact bytes, for what no server can be made to do |
//! | `real` | the upstream that is a real server, `tests/conformance/upstream.mjs` |
//! | `compare` | what may differ, and what does |
//! | the others | the cases |

mod asking;
mod bodies;
mod case;
mod compare;
mod connections;
mod exact;
mod fields;
mod large;
mod node;
mod real;
mod run;
mod timing;
mod wire;

use std::collections::BTreeSet;

use case::Case;
use compare::Difference;
use exact::Exact;
use real::Real;
use run::{Upstream, run_all};

/// How many cases there are at least, as the README says.
const CASES_MIN: usize = 500;

async fn exact(cases: Vec<Case>) {
    run_all(Upstream::Exact(Exact::start().await), cases).await;
}

async fn real(cases: Vec<Case>) {
    run_all(Upstream::Real(Real::start().await), cases).await;
}

#[tokio::test]
async fn methods_pass() {
    exact(asking::methods()).await;
}

#[tokio::test]
async fn targets_pass() {
    exact(asking::targets()).await;
}

#[tokio::test]
async fn fields_of_requests_pass() {
    exact(fields::of_requests()).await;
}

#[tokio::test]
async fn fields_of_answers_pass() {
    exact(fields::of_answers()).await;
}

#[tokio::test]
async fn statuses_pass() {
    exact(fields::statuses()).await;
}

#[tokio::test]
async fn bodies_of_requests_pass() {
    exact(bodies::of_requests()).await;
}

#[tokio::test]
async fn bodies_of_answers_pass() {
    exact(bodies::of_answers()).await;
}

#[tokio::test]
async fn answers_that_drip_pass_as_they_drip() {
    exact(timing::of_answers()).await;
}

#[tokio::test]
async fn requests_that_drip_pass_as_they_drip() {
    exact(timing::of_requests()).await;
}

#[tokio::test]
async fn who_asks_before_the_body_is_sent_is_answered_by_the_upstream() {
    exact(timing::expecting()).await;
}

#[tokio::test]
async fn what_is_said_on_the_way_to_an_answer_passes() {
    exact(timing::on_the_way()).await;
}

#[tokio::test]
async fn a_cut_answer_is_cut_for_the_client() {
    exact(timing::cuts()).await;
}

#[tokio::test]
async fn requests_on_one_connection_pass() {
    exact(connections::kept()).await;
}

#[tokio::test]
async fn tunnels_pass() {
    exact(connections::tunnels()).await;
}

#[tokio::test]
async fn answers_of_a_real_server_pass() {
    real(node::answers()).await;
}

#[tokio::test]
async fn parts_and_conditions_of_a_real_server_pass() {
    real(node::parts()).await;
}

#[tokio::test]
async fn flows_of_a_real_server_pass() {
    real(node::flows()).await;
}

#[tokio::test]
async fn uploads_to_a_real_server_pass() {
    real(node::uploads()).await;
}

#[tokio::test]
async fn websockets_of_a_real_server_pass() {
    real(node::websockets()).await;
}

#[test]
fn there_are_enough_cases_and_each_has_a_name_of_its_own() {
    let groups = [
        asking::methods(),
        asking::targets(),
        fields::of_requests(),
        fields::of_answers(),
        fields::statuses(),
        bodies::of_requests(),
        bodies::of_answers(),
        timing::of_answers(),
        timing::of_requests(),
        timing::expecting(),
        timing::on_the_way(),
        timing::cuts(),
        connections::kept(),
        connections::tunnels(),
        node::answers(),
        node::parts(),
        node::flows(),
        node::uploads(),
        node::websockets(),
    ];
    let mut count = 0;
    for group in groups {
        let names: BTreeSet<_> = group.iter().map(|case| case.name.clone()).collect();
        assert_eq!(names.len(), group.len(), "{names:#?}");
        count += group.len();
    }
    println!("{count} cases");
    assert!(count >= CASES_MIN, "{count} cases");
}

#[test]
fn every_difference_is_in_the_readme() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let readme = readme.unwrap();
    let (_, differs) = readme.split_once("### What passes differently").unwrap();
    let differs = differs.split("\n#").next().unwrap();
    for (difference, words) in Difference::ALL {
        assert!(differs.contains(words), "{difference:?}: {words}");
    }
    let listed = differs
        .lines()
        .filter(|line| line.starts_with("- **"))
        .count();
    assert_eq!(listed, Difference::ALL.len(), "{differs}");
}
