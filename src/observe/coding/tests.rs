use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::limits::MIB;

const ALL: [Coding; 4] = [Coding::Brotli, Coding::Deflate, Coding::Gzip, Coding::Zstd];

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bare(text: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn brotli_of(text: &[u8], window: u32) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, window);
    encoder.write_all(text).unwrap();
    encoder.into_inner()
}

fn coded(coding: Coding, text: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Brotli => brotli_of(text, 22),
        Coding::Deflate => zlib(text),
        Coding::Gzip => gzip(text),
        Coding::Zstd => zstd::encode_all(text, 3).unwrap(),
    }
}

fn decoded(codings: &[Coding], body: &[u8]) -> Option<Vec<u8>> {
    let body = Bytes::copy_from_slice(body);
    let text = Codings::Known(codings.to_vec()).decoded(&body, MIB)?;
    Some(text.to_vec())
}

fn named(values: &[&'static [u8]]) -> Codings {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(CONTENT_ENCODING, HeaderValue::from_bytes(value).unwrap());
    }
    Codings::of(&headers)
}

#[test]
fn what_a_head_says_is_understood_or_unknown() {
    use Coding::{Brotli, Deflate, Gzip, Zstd};
    let none = HeaderMap::new();
    assert_eq!(Codings::of(&none), Codings::Known(Vec::new()));
    for (values, codings) in [
        (&[&b"gzip"[..]][..], Some(&[Gzip][..])),
        (&[b"X-GZip"], Some(&[Gzip])),
        (&[b"BR"], Some(&[Brotli])),
        (&[b"deflate , zstd"], Some(&[Deflate, Zstd])),
        (&[b"gzip", b"br"], Some(&[Gzip, Brotli])),
        (&[b"identity"], Some(&[])),
        (&[b""], Some(&[])),
        (&[b" ,identity,, gzip,"], Some(&[Gzip])),
        (&[b"gzip, gzip, gzip"], None),
        (&[b"compress"], None),
        (&[b"aws-chunked"], None),
        (&[b"gzip;q=1"], None),
        (&[b"gzip", b"\xff"], None),
    ] {
        let expected = codings.map_or(Codings::Unknown, |known| Codings::Known(known.to_vec()));
        assert_eq!(named(values), expected);
    }
}

#[test]
fn a_body_that_is_not_coded_is_not_copied() {
    let body = Bytes::from_static(b"{}");
    let plain = Codings::Known(Vec::new()).decoded(&body, 1);
    assert!(plain.is_some_and(|text| text.as_ptr() == body.as_ptr()));
    // What has no body has none, whatever its head says.
    let nothing = Bytes::new();
    for codings in [Codings::Unknown, Codings::Known(vec![Coding::Gzip])] {
        assert_eq!(codings.decoded(&nothing, 1), Some(Bytes::new()));
    }
    assert_eq!(Codings::Unknown.decoded(&body, MIB), None);
}

#[test]
fn deflate_is_read_with_and_without_the_header_of_zlib() {
    let text = br#"{"id":7,"title":"ab"}"#.repeat(20);
    let levels = [
        Compression::none(),
        Compression::fast(),
        Compression::best(),
    ];
    for level in levels {
        assert_eq!(
            decoded(&[Coding::Deflate], &bare(&text, level)),
            Some(text.clone())
        );
    }
    assert_eq!(decoded(&[Coding::Deflate], &zlib(&text)), Some(text));
}

#[test]
fn members_and_frames_one_behind_the_other_are_one_body() {
    let skippable = [&0x184D_2A5A_u32.to_le_bytes()[..], &[3, 0, 0, 0], b"abc"].concat();
    for (coding, pieces) in [
        (Coding::Gzip, vec![gzip(b"[1"), gzip(b""), gzip(b",2]")]),
        (
            Coding::Zstd,
            vec![
                skippable.clone(),
                coded(Coding::Zstd, b"[1"),
                skippable,
                coded(Coding::Zstd, b",2]"),
            ],
        ),
    ] {
        assert_eq!(
            decoded(&[coding], &pieces.concat()),
            Some(b"[1,2]".to_vec())
        );
    }
    for coding in [Coding::Gzip, Coding::Zstd] {
        let most = coded(coding, b"").repeat(CODED_MEMBERS_MAX);
        assert_eq!(decoded(&[coding], &most), Some(Vec::new()));
        let more = [most, coded(coding, b"")].concat();
        assert_eq!(decoded(&[coding], &more), None);
    }
}

#[test]
fn what_is_cut_or_has_something_behind_it_is_not_read() {
    let text = br#"{"id":7,"title":"a title of some length"}"#;
    for coding in ALL {
        let whole = coded(coding, text);
        for length in 1..whole.len() {
            let cut = &whole[..length];
            assert_eq!(decoded(&[coding], cut), None, "{coding:?} {length}");
        }
        for behind in [&b"\0"[..], b"x", b"{}", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"] {
            let more = [&whole, behind].concat();
            assert_eq!(decoded(&[coding], &more), None, "{coding:?} {behind:?}");
        }
        assert_eq!(decoded(&[coding], text), None, "{coding:?}");
    }
}

#[test]
fn what_is_damaged_is_not_read() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        let mut damaged = coded(coding, b"a text, and its checksum");
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert_eq!(decoded(&[coding], &damaged), None, "{coding:?}");
    }
}

#[test]
fn codings_are_undone_in_the_order_that_is_the_reverse_of_theirs() {
    for (first, second) in [
        (Coding::Gzip, Coding::Brotli),
        (Coding::Zstd, Coding::Gzip),
        (Coding::Gzip, Coding::Gzip),
    ] {
        let body = coded(second, &coded(first, b"[1]"));
        assert_eq!(decoded(&[first, second], &body), Some(b"[1]".to_vec()));
        if first != second {
            assert_eq!(decoded(&[second, first], &body), None);
        }
    }
}

#[test]
fn what_becomes_too_long_is_not_read() {
    // Some bytes of chance, so that the proportion is no matter.
    let noise: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    for coding in ALL {
        let body = coded(coding, &noise).into();
        let codings = Codings::Known(vec![coding]);
        let read = |max| codings.decoded(&body, max).map(|text| text.len());
        assert_eq!(read(100_000), Some(100_000), "{coding:?}");
        assert_eq!(read(99_999), None, "{coding:?}");
    }
}

#[test]
fn what_is_out_of_all_proportion_is_not_read() {
    for coding in ALL {
        let small = coded(coding, &vec![b'x'; CODED_RATIO_FROM]);
        assert!(decoded(&[coding], &small).is_some(), "{coding:?}");
        let bomb = coded(coding, &vec![b'x'; MIB]);
        assert!(bomb.len() < MIB / CODED_RATIO_MAX);
        assert_eq!(decoded(&[coding], &bomb), None, "{coding:?}");
        // Nor is what is small only because it is coded twice.
        let twice = coded(Coding::Gzip, &bomb);
        assert_eq!(decoded(&[coding, Coding::Gzip], &twice), None);
    }
}

#[test]
fn a_window_beyond_that_of_the_standard_is_not_read() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(b"[1]").unwrap();
    assert_eq!(decoded(&[Coding::Zstd], &encoder.finish().unwrap()), None);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(23).unwrap();
    encoder.write_all(b"[1]").unwrap();
    let body = encoder.finish().unwrap();
    assert_eq!(decoded(&[Coding::Zstd], &body), Some(b"[1]".to_vec()));
    assert_eq!(
        decoded(&[Coding::Brotli], &brotli_of(b"[1]", 24)),
        Some(b"[1]".to_vec())
    );
    // The first byte of a window that RFC 7932 does not know, and its size.
    assert_eq!(decoded(&[Coding::Brotli], &[0x11, 0x1e, 0x3b, 0, 0]), None);
}

#[test]
fn frames_of_older_formats_are_not_read() {
    for version in 0x22..=0x27 {
        let magic = [version, 0xb5, 0x2f, 0xfd];
        let frame = [&magic[..], &[0; 64]].concat();
        assert_eq!(decoded(&[Coding::Zstd], &frame), None);
    }
}

fn any_coding() -> impl Strategy<Value = Coding> {
    prop::sample::select(&ALL[..])
}

proptest! {
    #[test]
    fn what_is_coded_and_decoded_is_itself(
        text in prop::collection::vec(any::<u8>(), 1..20_000),
        codings in prop::collection::vec(any_coding(), 0..=CODINGS_MAX),
    ) {
        let body = codings.iter().fold(text.clone(), |body, coding| coded(*coding, &body));
        prop_assert_eq!(decoded(&codings, &body), Some(text));
    }

    #[test]
    fn whatever_bytes_come_no_more_is_decoded_than_may_be(
        garbage in prop::collection::vec(any::<u8>(), 0..4096),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 0..8),
        coding in any_coding(),
        bytes_max in 0..100_000_usize,
    ) {
        let codings = Codings::Known(vec![coding]);
        let read = codings.decoded(&Bytes::copy_from_slice(&garbage), bytes_max);
        prop_assert!(read.is_none_or(|text| text.len() <= bytes_max));
        let mut damaged = coded(coding, &garbage);
        for (at, flip) in flips {
            let at = at.index(damaged.len());
            damaged[at] ^= flip;
        }
        let read = codings.decoded(&damaged.into(), bytes_max);
        prop_assert!(read.is_none_or(|text| text.len() <= bytes_max));
    }
}
