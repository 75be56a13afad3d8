//! Tokens, one in each row: who signs, the header, the claims, and what is wrong with it.

use super::*;

/// The token of a row, whose columns are two spaces apart: a name of [`With`]; a header, or
/// `rs`, `es` or `ed` for a good one; the claims, where `good` are good ones, `good+A` have A
/// besides, `exp=A` another `exp`, and `A->B` has B for A in good ones.
fn made(row: &str) -> String {
    let [with, header, claims] = *row.split("  ").collect::<Vec<_>>() else {
        panic!("not three columns: {row}");
    };
    let with = match with.trim() {
        "ed" => With::Ed,
        "es384" => With::Es384,
        "nobody" => With::Nothing,
        "oct" => With::Hs(SECRET),
        "p256" => With::P256,
        "pem" => With::Hs(key("rsa.pub.pem")),
        "pss" => With::RsaPss,
        "rsa" => With::Rsa,
        "rsa-other" => With::RsaOther,
        "rsa-short" => With::RsaShort,
        other => panic!("nobody signs as {other}"),
    };
    let header = match header {
        "rs" => RS,
        "es" => ES,
        "ed" => ED,
        header => header,
    };
    let claims = match (claims.split_once("->"), claims) {
        (_, "good") => good(""),
        (Some((from, to)), _) => {
            assert!(good("").contains(from), "{row}");
            good("").replace(from, to)
        }
        _ => match (claims.strip_prefix("exp="), claims.strip_prefix("good+")) {
            (Some(at), _) => exp(at),
            (_, Some(more)) => good(more),
            _ => claims.to_owned(),
        },
    };
    token(header, &claims, with)
}

fn check_table(table: &str, expected: Option<Fault>) {
    let access = all_keys();
    for row in table.trim().lines() {
        check(&access, &[(row, made(row), expected)]);
    }
}

#[test]
fn tokens_that_are_good_get_in() {
    check_table(GOOD, None);
}

#[test]
fn an_algorithm_that_is_not_named_does_not_get_in() {
    check_table(ALGORITHM, Some(Fault::Algorithm));
}

#[test]
fn a_header_that_asks_for_more_does_not_get_in() {
    check_table(HEADER, Some(Fault::Header));
}

#[test]
fn a_key_that_is_not_known_lets_nobody_in() {
    check_table(UNKNOWN_KEY, Some(Fault::UnknownKey));
}

#[test]
fn a_signature_of_another_key_lets_nobody_in() {
    check_table(SIGNATURE, Some(Fault::Signature));
}

#[test]
fn what_can_be_read_in_two_ways_does_not_get_in() {
    check_table(MALFORMED, Some(Fault::Malformed));
    let long = format!(r#""x":"{}""#, "x".repeat(8192));
    let deep = format!(r#""x":{}{}"#, "[".repeat(16), "]".repeat(16));
    for claims in [good(&long), good(&deep)] {
        let token = token(RS, &claims, With::Rsa);
        check(&all_keys(), &[("large", token, Some(Fault::Malformed))]);
    }
}

#[test]
fn claims_that_do_not_count_let_nobody_in() {
    check_table(CLAIM, Some(Fault::Claim));
    check_table(EXPIRED, Some(Fault::Expired));
    check_table(NOT_YET, Some(Fault::NotYet));
    check_table(ISSUER, Some(Fault::Issuer));
    check_table(AUDIENCE, Some(Fault::Audience));
}

#[test]
fn a_text_of_another_form_does_not_get_in() {
    let sound = token(RS, &good(""), With::Rsa);
    let [head, claims, signature] = *sound.split('.').collect::<Vec<_>>() else {
        panic!("{sound}");
    };
    let forged = part(&good(r#""x":1"#));
    let signed = |message: String| {
        let by = sign(&message, With::Rsa);
        format!("{message}.{by}")
    };
    let malformed = [
        String::new(),
        "token".to_owned(),
        "..".to_owned(),
        format!("{head}.{claims}"),
        format!("{sound}.x"),
        format!("{head}..{claims}.{signature}.x"),
        format!(".{sound}"),
        format!("{sound}."),
        format!(" {sound}"),
        signed(format!("{head}=.{claims}")),
        signed(format!("{head}.{claims}=")),
        signed(format!("{head}.{claims}\n")),
        signed(format!(".{claims}")),
        signed(format!("{head}.")),
        signed(format!("{head}.+/+/")),
    ];
    let not_signed = [
        format!("{sound} "),
        format!("{sound}=="),
        format!("{head}.{claims}."),
        format!("{head}.{claims}.{}", &signature[..99]),
        format!("{head}.{claims}.{signature}AA"),
        format!("{head}.{claims}.+/{}", &signature[2..]),
        format!("{head}.{forged}.{signature}"),
    ];
    let access = all_keys();
    check(&access, &[("sound", sound.clone(), None)]);
    for (tokens, fault) in [
        (&malformed[..], Fault::Malformed),
        (&not_signed[..], Fault::Signature),
    ] {
        for token in tokens {
            check(&access, &[(token, token.clone(), Some(fault))]);
        }
    }
}

const GOOD: &str = r#"
rsa  rs  good
p256  es  good
ed  ed  good
p256  {"alg":"ES256"}  good
rsa  {"alg":"RS256","kid":"rsa","typ":"application/AT+JWT"}  good
rsa  {"alg":"RS256","kid":"rsa","x5t":"a","own":{"jku":1}}  good
rsa  rs  exp=1767225601.5
rsa  rs  exp=1.8e9
rsa  rs  exp=1767225596
rsa  rs  exp=1e300
rsa  rs  exp=18446744073709551615
rsa  rs  good+"nbf":1767225604
rsa  rs  good+"nbf":-1e300
rsa  rs  good+"iat":1767229999
rsa  rs  good+ "x" : null 
rsa  rs  "api"->["x","other-api"]
"#;

const ALGORITHM: &str = r#"
nobody  {"alg":"none"}  good
nobody  {"alg":"none","kid":"rsa"}  good
nobody  {"alg":"None","kid":"rsa"}  good
nobody  {"alg":"nOnE","kid":"rsa"}  good
nobody  {"alg":"","kid":"rsa"}  good
nobody  {}  good
rsa  {"alg":"none","kid":"rsa"}  good
pem  {"alg":"HS256","kid":"rsa"}  good
oct  {"alg":"HS256","kid":"oct"}  good
rsa  {"kid":"rsa"}  good
rsa  {"alg":1,"kid":"rsa"}  good
rsa  {"alg":["RS256"],"kid":"rsa"}  good
rsa  {"alg":"rs256","kid":"rsa"}  good
rsa  {"alg":"RS256 ","kid":"rsa"}  good
rsa  {"alg":"RS512","kid":"rsa"}  good
pss  {"alg":"PS256","kid":"rsa"}  good
es384  {"alg":"ES384","kid":"p384"}  good
"#;

const HEADER: &str = r#"
rsa  {"alg":"RS256","kid":"rsa","crit":["exp"]}  good
rsa  {"alg":"RS256","kid":"rsa","crit":[]}  good
rsa  {"alg":"RS256","kid":"rsa","b64":false}  good
rsa  {"alg":"RS256","kid":"rsa","jku":"https://evil.example/keys"}  good
rsa  {"alg":"RS256","kid":"rsa","x5u":"https://evil.example/cert"}  good
rsa  {"alg":"RS256","kid":"rsa","x5c":["MIIB"]}  good
rsa-other  {"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}  good
rsa  {"alg":"RS256","kid":"rsa","zip":"DEF"}  good
rsa  {"alg":"RS256","kid":1}  good
rsa  {"alg":"RS256","kid":null}  good
rsa  {"alg":"RS256","kid":"rsa","typ":"logout+jwt"}  good
rsa  {"alg":"RS256","kid":"rsa","typ":["JWT"]}  good
"#;

const UNKNOWN_KEY: &str = r#"
rsa  {"alg":"RS256"}  good
rsa  {"alg":"RS256","kid":""}  good
rsa  {"alg":"RS256","kid":"RSA"}  good
rsa  {"alg":"RS256","kid":"../rsa"}  good
rsa  {"alg":"ES256","kid":"rsa"}  good
p256  {"alg":"RS256","kid":"p256"}  good
es384  {"alg":"ES256","kid":"p384"}  good
ed  {"alg":"EdDSA","kid":"p256"}  good
rsa-short  {"alg":"RS256","kid":"rsa-short"}  good
rsa  {"alg":"RS256","kid":"rsa-enc"}  good
rsa  {"alg":"RS256","kid":"rsa-512"}  good
rsa  {"alg":"RS256","kid":"rsa-empty"}  good
"#;

const SIGNATURE: &str = r#"
rsa-other  rs  good
rsa-short  rs  good
pss  rs  good
pem  rs  good
oct  rs  good
p256  rs  good
nobody  rs  good
es384  es  good
rsa  es  good
p256  ed  good
"#;

const MALFORMED: &str = r#"
rsa  ["RS256"]  good
rsa  "RS256"  good
rsa  {alg:RS256}  good
rsa  {"alg":"RS256","kid":"rsa"}x  good
rsa  {"alg":"RS256","alg":"RS256","kid":"rsa"}  good
rsa  {"alg":"RS256","kid":"rsa","kid":"rsa-other"}  good
rsa  rs  []
rsa  rs  {
rsa  rs  null
rsa  rs  good+"exp":9999999999
rsa  rs  good+"x":{"a":1,"a":1}
rsa  rs  good+"\u0065xp":9999999999
rsa  rs  exp=1e999
rsa  rs  exp=NaN
rsa  rs  exp=0x7fffffff
rsa  rs  exp=+1e300
"#;

const CLAIM: &str = r#"
rsa  rs  {}
rsa  rs  {"iss":"issuer","aud":"api"}
rsa  rs  exp="9999999999"
rsa  rs  exp=true
rsa  rs  exp=null
rsa  rs  exp=[9999999999]
rsa  rs  exp={"a":9999999999}
rsa  rs  good+"nbf":"0"
rsa  rs  good+"nbf":null
rsa  rs  good+"iat":"0"
rsa  rs  good+"iat":[0]
"#;

const EXPIRED: &str = r#"
rsa  rs  exp=1767222000
rsa  rs  exp=1767225595
rsa  rs  exp=1767225594.999
rsa  rs  exp=0
rsa  rs  exp=-0.0
rsa  rs  exp=-9999999999
rsa  rs  exp=-1e300
"#;

const NOT_YET: &str = r#"
rsa  rs  good+"nbf":1767225606
rsa  rs  good+"nbf":1767225605.001
rsa  rs  good+"nbf":1e300
"#;

const ISSUER: &str = r#"
rsa  rs  issuer->Issuer
rsa  rs  issuer->issuer/
rsa  rs  "iss"->"isss"
rsa  rs  "issuer"->["issuer"]
"#;

const AUDIENCE: &str = r#"
rsa  rs  "api"->"api2"
rsa  rs  "api"->"API"
rsa  rs  "aud"->"audd"
rsa  rs  "api"->[]
rsa  rs  "api"->["api",1]
rsa  rs  "api"->[["api"]]
rsa  rs  "api"->{"api":1}
"#;
