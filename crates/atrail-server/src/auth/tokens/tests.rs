use std::path::Path;

use atrail_model::UserId;
use atrail_store::LocalSecrets;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

fn date(second: u64) -> Timestamp {
    Timestamp::from_second(i64::try_from(second).unwrap()).unwrap()
}

fn elapsed(second: u64) -> Elapsed {
    Elapsed::new(Duration::from_secs(second))
}

fn at(second: u64) -> Moment {
    Moment {
        date: date(second),
        elapsed: elapsed(second),
    }
}

fn tokens(dir: &Path) -> Tokens {
    let secrets = Arc::new(LocalSecrets::new(dir));
    Tokens::open(secrets, Duration::from_secs(600)).unwrap()
}

fn user() -> User {
    User {
        id: UserId::generate(),
        name: "ann".to_owned(),
        operator: false,
    }
}

#[test]
fn a_token_is_good_until_it_expires_also_when_it_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let login = LoginId::generate();
    let issued = tokens
        .issue(&user(), login, ClientKind::Password, date(1000))
        .unwrap();
    assert_eq!(tokens.verify(&issued.token, at(1000)), Some(login));
    assert_eq!(tokens.verify(&issued.token, at(1599)), Some(login));
    assert_eq!(tokens.verify(&issued.token, at(1600)), None);
    let restarted = self::tokens(dir.path());
    assert_eq!(restarted.verify(&issued.token, at(1599)), Some(login));
    assert_eq!(restarted.verify(&issued.token, at(1600)), None);
}

#[test]
fn every_changed_byte_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let issued = tokens
        .issue(&user(), LoginId::generate(), ClientKind::ApiKey, date(0))
        .unwrap();
    for at_byte in 0..issued.token.len() - 1 {
        let mut changed = issued.token.clone().into_bytes();
        changed[at_byte] = if changed[at_byte] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(tokens.verify(&changed, at(1)), None, "byte {at_byte}");
    }
}

#[test]
fn other_algorithms_and_keys_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let issued = tokens
        .issue(&user(), LoginId::generate(), ClientKind::Password, date(0))
        .unwrap();
    let body = issued.token.split('.').nth(1).unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    for token in [format!("{none}.{body}."), format!("{none}.{body}.AAAA")] {
        assert_eq!(tokens.verify(&token, at(1)), None);
    }
    // The public key used as an HMAC secret.
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    let secret = EncodingKey::from_secret(tokens.jwks(elapsed(0)).as_bytes());
    let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret);
    assert_eq!(tokens.verify(&forged.unwrap(), at(1)), None);
    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = self::tokens(elsewhere.path())
        .issue(&user(), LoginId::generate(), ClientKind::Password, date(0))
        .unwrap();
    assert_eq!(tokens.verify(&foreign.token, at(1)), None);
    for garbage in ["", ".", "..", "a.b.c", &"x".repeat(100_000)] {
        assert_eq!(tokens.verify(garbage, at(1)), None);
    }
}

#[test]
fn a_rotated_key_is_good_for_what_it_signed_and_for_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let first = issue_with(&tokens, 0);
    let published = |now| tokens.jwks(elapsed(now)).matches("\"kid\"").count();
    assert_eq!(published(0), 1);
    tokens.rotate(elapsed(100)).unwrap();
    let second = issue_with(&tokens, 100);
    assert_eq!(published(100), 2);
    assert!(tokens.verify(&first, at(599)).is_some());
    assert!(tokens.verify(&second, at(599)).is_some());
    assert_eq!(tokens.verify(&first, at(600)), None);
    assert_eq!(published(700), 1);
    // A second rotation drops the first key at once.
    let tokens = self::tokens(dir.path());
    let by_the_second = issue_with(&tokens, 200);
    assert!(tokens.verify(&second, at(201)).is_some(), "the file has it");
    tokens.rotate(elapsed(201)).unwrap();
    tokens.rotate(elapsed(202)).unwrap();
    assert_eq!(tokens.verify(&by_the_second, at(203)), None);
}

#[test]
fn what_was_issued_while_the_clock_was_ahead_does_not_live_for_as_long() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let (ahead, a_little) = (issue_with(&tokens, 1_000_000), issue_with(&tokens, 1599));
    // The control: while the clock is ahead, the token is valid.
    assert!(tokens.verify(&ahead, at(1_000_000)).is_some());
    assert_eq!(
        tokens.verify(&ahead, at(1000)),
        None,
        "also when it is remembered"
    );
    assert_eq!(self::tokens(dir.path()).verify(&ahead, at(1000)), None);
    assert!(
        tokens.verify(&a_little, at(1000)).is_some(),
        "a small correction ends nothing"
    );
}

#[test]
fn a_key_that_was_rotated_away_is_not_kept_by_a_clock_that_is_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let first = issue_with(&tokens, 1000);
    tokens.rotate(elapsed(100)).unwrap();
    let set_back = |elapsed| Moment {
        date: date(1000),
        elapsed,
    };
    assert!(tokens.verify(&first, set_back(elapsed(699))).is_some());
    *tokens.verified.lock() = Recent::new(REMEMBERED);
    assert_eq!(tokens.verify(&first, set_back(elapsed(700))), None);
}

fn issue_with(tokens: &Tokens, now: u64) -> String {
    let issued = tokens.issue(
        &user(),
        LoginId::generate(),
        ClientKind::Password,
        date(now),
    );
    issued.unwrap().token
}

/// Returns a token with these claims, signed by the current key.
fn signed(tokens: &Tokens, change: impl FnOnce(&mut Header, &mut serde_json::Value)) -> String {
    let mut claims = serde_json::json!({
        "iss": ISSUER, "sub": UserId::generate().to_string(), "aud": AUDIENCE, "exp": 1600, "iat": 1000, "jti": "j",
        "sid": LoginId::generate().to_string(), "client": "password", "user_name": "ann",
    });
    let keys = tokens.keys.read();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(keys.current.id.clone());
    change(&mut header, &mut claims);
    jsonwebtoken::encode(&header, &claims, &keys.current.encoding).unwrap()
}

#[test]
fn a_token_of_our_key_must_be_ours_and_say_by_which_key() {
    type Change = fn(&mut Header, &mut serde_json::Value);
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let is_good = |change: Change| tokens.verify(&signed(&tokens, change), at(1000)).is_some();
    assert!(is_good(|_, _| ()), "the control");
    let changes: [Change; 8] = [
        |_, claims| claims["iss"] = "another".into(),
        |_, claims| claims["aud"] = "another".into(),
        |_, claims| drop(claims.as_object_mut().unwrap().remove("iss")),
        |_, claims| drop(claims.as_object_mut().unwrap().remove("aud")),
        |_, claims| drop(claims.as_object_mut().unwrap().remove("exp")),
        |_, claims| claims["sid"] = "no login".into(),
        |header, _| header.kid = None,
        |header, _| header.kid = Some("another".to_owned()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert!(!is_good(change), "{number}");
    }
    // The server does not parse a longer token.
    let padded = |bytes: usize| {
        let token = signed(&tokens, |_, claims| {
            claims["user_name"] = "n".repeat(bytes).into()
        });
        (
            token.len() <= MAX_BYTES,
            tokens.verify(&token, at(1000)).is_some(),
        )
    };
    assert_eq!(padded(2500), (true, true));
    assert_eq!(padded(4000), (false, false));
}

#[test]
fn a_token_made_a_lifetime_ahead_is_none_and_a_second_less_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    assert!(
        tokens
            .verify(&issue_with(&tokens, 1599), at(1000))
            .is_some()
    );
    assert_eq!(tokens.verify(&issue_with(&tokens, 1600), at(1000)), None);
}

#[test]
fn a_token_says_how_long_it_lives() {
    let dir = tempfile::tempdir().unwrap();
    for (ttl, lifetime) in [(600_900, 600), (1, 1), (0, 1)] {
        let ttl = Duration::from_millis(ttl);
        let secrets = Arc::new(LocalSecrets::new(dir.path()));
        let tokens = Tokens::open(secrets, ttl).unwrap();
        let issued = tokens.issue(&user(), LoginId::generate(), ClientKind::Sso, date(1000));
        let issued = issued.unwrap();
        assert_eq!(issued.expires_in_secs, lifetime);
        assert!(
            tokens
                .verify(&issued.token, at(1000 + lifetime - 1))
                .is_some()
        );
        assert_eq!(tokens.verify(&issued.token, at(1000 + lifetime)), None);
    }
}

/// Each token costs one verification of its signature; memory is bounded, and the least recently used tokens go first.
#[test]
fn as_many_tokens_are_remembered_as_there_is_room_for() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let remembered = || tokens.verified.lock().len();
    let is_remembered = |token: &str| {
        let mut verified = tokens.verified.lock();
        verified.get(&sha256(token.as_bytes())).is_some()
    };
    let [one, two] = [1000, 1001].map(|now| issue_with(&tokens, now));
    assert!(tokens.verify(&one, at(1001)).is_some());
    assert_eq!(remembered(), 1);
    assert!(tokens.verify(&one, at(1001)).is_some());
    assert_eq!(remembered(), 1);
    // An invalid token is not cached.
    assert_eq!(tokens.verify(&issue_with(&tokens, 0), at(1001)), None);
    assert_eq!(remembered(), 1);
    assert!(tokens.verify(&two, at(1001)).is_some());
    for number in 2..REMEMBERED {
        let known = Known {
            login: LoginId::generate(),
            issued: 1000,
            expires: 9000,
        };
        let key = sha256(&number.to_be_bytes());
        tokens.verified.lock().insert(key, known, 1);
    }
    assert!(tokens.verify(&one, at(1001)).is_some(), "it is used");
    let three = issue_with(&tokens, 1002);
    assert!(tokens.verify(&three, at(1002)).is_some());
    assert_eq!(remembered(), REMEMBERED);
    assert!(is_remembered(&one) && is_remembered(&three) && !is_remembered(&two));
    assert!(tokens.verify(&two, at(1002)).is_some(), "which ends none");
}
