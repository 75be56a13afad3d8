use super::*;

/// A page with one of each kind of metric.
fn page(format: Format) -> String {
    let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
    metrics.requests.answered(
        Class::Upstream,
        Status::Success,
        Some(Duration::from_millis(30)),
    );
    metrics
        .requests
        .answered(Class::Realtime, Status::Success, None);
    metrics.streams.open.inc(Dialect::Restdb);
    metrics.streams.bytes.add(500);
    metrics.jwks.inc(Success::Failure);
    write(
        format,
        move |page| {
            page.histograms("took_seconds", "How long.", &metrics.requests.took)?;
            page.gauges("streams", "Open.", &metrics.streams.open)?;
            page.counter("sent_bytes", "Taken.", metrics.streams.bytes.get())?;
            page.counters("fetches", "Fetches.", &metrics.jwks)
        },
        |page| page.seconds("process_cpu_seconds", "Used.", 1.5),
    )
}

#[test]
fn openmetrics_is_what_its_standard_says() {
    let page = page(Format::OpenMetrics);
    let (took, rest) = page.split_at(page.find("# HELP tidings_streams").unwrap());
    assert!(took.starts_with(
        "# HELP tidings_took_seconds How long.\n# TYPE tidings_took_seconds histogram\n"
    ));
    assert!(
        took.ends_with(
            "\
tidings_took_seconds_sum{class=\"upstream\"} 0.03
tidings_took_seconds_count{class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"0.001\",class=\"upstream\"} 0
tidings_took_seconds_bucket{le=\"0.0025\",class=\"upstream\"} 0
tidings_took_seconds_bucket{le=\"0.005\",class=\"upstream\"} 0
tidings_took_seconds_bucket{le=\"0.01\",class=\"upstream\"} 0
tidings_took_seconds_bucket{le=\"0.025\",class=\"upstream\"} 0
tidings_took_seconds_bucket{le=\"0.05\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"0.1\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"0.25\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"0.5\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"1.0\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"2.5\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"5.0\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"10.0\",class=\"upstream\"} 1
tidings_took_seconds_bucket{le=\"+Inf\",class=\"upstream\"} 1
"
        ),
        "{took}"
    );
    let expected = "\
# HELP tidings_streams Open.
# TYPE tidings_streams gauge
tidings_streams{dialect=\"plain\"} 0
tidings_streams{dialect=\"pocketbase\"} 0
tidings_streams{dialect=\"restdb\"} 1
# HELP tidings_sent_bytes Taken.
# TYPE tidings_sent_bytes counter
tidings_sent_bytes_total 500
# HELP tidings_fetches Fetches.
# TYPE tidings_fetches counter
tidings_fetches_total{result=\"failure\"} 1
tidings_fetches_total{result=\"success\"} 0
# HELP process_cpu_seconds Used.
# TYPE process_cpu_seconds counter
process_cpu_seconds_total 1.5
# EOF
";
    assert_eq!(rest, expected);
}

#[test]
fn the_text_of_before_describes_counters_by_their_whole_names() {
    let page = page(Format::Text);
    let expected = "\
# HELP tidings_sent_bytes_total Taken.
# TYPE tidings_sent_bytes_total counter
tidings_sent_bytes_total 500
# HELP tidings_fetches_total Fetches.
# TYPE tidings_fetches_total counter
tidings_fetches_total{result=\"failure\"} 1
tidings_fetches_total{result=\"success\"} 0
# HELP process_cpu_seconds_total Used.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
";
    assert!(page.ends_with(expected), "{page}");
    assert!(page.contains("# TYPE tidings_streams gauge\n"), "{page}");
    assert!(!page.contains("# EOF"), "{page}");
}

#[test]
fn who_asks_for_openmetrics_gets_it_and_nobody_else() {
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2,*/*;q=0.1";
    assert_eq!(Format::wanted(prometheus), Format::OpenMetrics);
    for accept in ["", "*/*", "text/plain;version=0.0.4"] {
        assert_eq!(Format::wanted(accept), Format::Text);
    }
}

#[test]
fn a_value_of_a_label_has_the_place_at_which_it_stands() {
    fn check<L: Label + PartialEq + std::fmt::Debug>() {
        for (place, of) in L::ALL.iter().enumerate() {
            assert_eq!(of.place(), place, "{of:?}");
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit();
            assert!(of.as_str().bytes().all(plain), "{of:?}");
        }
    }
    check::<Gap>();
    check::<Disconnect>();
    check::<Status>();
    let counters = Counters::<Gap>::default();
    counters.inc(Gap::TooOld);
    assert_eq!(counters.get(Gap::TooOld), 1);
    assert_eq!(counters.get(Gap::Foreign), 0);
}

#[test]
fn a_refused_configuration_counts_until_another_is_in_force() {
    let metrics = Metrics::new(Timestamp::from_second(7).unwrap());
    assert!(!metrics.reloads.is_refused());
    assert_eq!(metrics.reloads.since.get(), 7);
    metrics.reloads.fail();
    assert!(metrics.reloads.is_refused());
    assert_eq!(
        metrics.reloads.since.get(),
        7,
        "the one of before is in force"
    );
    metrics.reloads.succeed(Timestamp::from_second(9).unwrap());
    assert!(!metrics.reloads.is_refused());
    assert_eq!(metrics.reloads.since.get(), 9);
}
