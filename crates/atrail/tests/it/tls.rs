//! HTTPS, from both sides.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::env::{Server, TestEnv, finish, value};

/// An authority that issues certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Writes a certificate for this machine, its key, and the authority's own certificate.
    fn install(&self, env: &TestEnv) {
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).unwrap();
        let signed = params.signed_by(&key, &self.0).unwrap();
        fs::write(env.path("cert.pem"), signed.pem()).unwrap();
        fs::write(env.path("key.pem"), key.serialize_pem()).unwrap();
        self.write(env, "ca.pem");
    }

    fn write(&self, env: &TestEnv, name: &str) {
        fs::write(env.path(name), self.0.pem()).unwrap();
    }
}

const TLS: [&str; 4] = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];

fn login(env: &TestEnv, server: &Server, more: &[&str]) -> crate::env::Ran {
    let endpoint = format!("https://{}", server.address);
    let args = ["login", "-a", &endpoint, "-u", "admin", "--password-stdin"];
    env.run_with(
        &[&args[..], more].concat(),
        server.secret("password").as_bytes(),
    )
}

#[test]
fn a_client_trusts_its_own_authority_and_no_other() {
    let env = TestEnv::new();
    let authority = Authority::new();
    authority.install(&env);
    Authority::new().write(&env, "other.pem");
    let server = Server::start_with(&env, &TLS);
    assert_eq!(
        server.secret("endpoint"),
        format!("https://{}", server.address)
    );

    for more in [&[][..], &["--ca-file", "other.pem"]] {
        let error = login(&env, &server, more).fails(5);
        assert!(error.contains("certificate"), "{error}");
    }
    login(&env, &server, &["--ca-file", "nowhere.pem"]).fails(1);
    login(&env, &server, &["--ca-file", "key.pem"]).fails(2);
    login(&env, &server, &["--ca-file", "ca.pem"]).ok();
    // The context remembers the file, in whichever directory the next command runs.
    let mut elsewhere = env.command(&["target", "-o", "default", "-s", "default"]);
    elsewhere.current_dir(env.path("home"));
    finish(&mut elsewhere, b"").ok();
    let quiet = env.run(&["status"]);
    assert_eq!(quiet.stderr, "");
    quiet.ok();

    // A script names it in a variable.
    fs::write(env.path("key.txt"), server.secret("api_key")).unwrap();
    let script = |ca: Option<&str>| {
        let mut command = env.command(&["session", "list"]);
        command
            .env("XDG_CONFIG_HOME", env.path("home/none"))
            .env("ATRAIL_ENDPOINT", format!("https://{}", server.address))
            .env("ATRAIL_API_KEY_FILE", env.path("key.txt"))
            .env("ATRAIL_ORG", "default")
            .env("ATRAIL_SPACE", "default");
        if let Some(ca) = ca {
            command.env("ATRAIL_CA_FILE", env.path(ca));
        }
        finish(&mut command, b"")
    };
    script(None).fails(5);
    script(Some("ca.pem")).ok();
}

#[test]
fn going_without_a_check_is_said_each_time() {
    let env = TestEnv::new();
    Authority::new().install(&env);
    let server = Server::start_with(&env, &TLS);
    let ran = login(&env, &server, &["--skip-ssl-validation"]);
    assert!(
        ran.stderr
            .contains("the server's certificate is not checked"),
        "{}",
        ran.stderr
    );
    ran.ok();
    let later = env.run(&["target", "-o", "default", "-s", "default", "-q"]);
    assert!(later.stderr.contains("not checked"), "{}", later.stderr);
    later.ok();
    let shown = env
        .run(&["config", "show", "--origin", "--format", "csv"])
        .ok();
    assert!(
        shown.contains("skip-ssl-validation,true,context"),
        "{shown}"
    );
}

#[test]
fn a_new_certificate_is_served_without_a_restart_and_a_broken_one_never() {
    let env = TestEnv::new();
    let first = Authority::new();
    first.install(&env);
    let server = Server::start_with(&env, &TLS);
    login(&env, &server, &["--ca-file", "ca.pem"]).ok();
    env.run(&["token"]).ok();

    let second = Authority::new();
    second.install(&env);
    first.write(&env, "first.pem");
    login(&env, &server, &["--ca-file", "first.pem"]).fails(5);
    login(&env, &server, &["--ca-file", "ca.pem"]).ok();

    // A key that does not match, and a file that is not a certificate: the server keeps the last good pair.
    fs::write(
        env.path("key.pem"),
        KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    login(&env, &server, &["--ca-file", "ca.pem"]).ok();
    fs::write(env.path("cert.pem"), "junk").unwrap();
    login(&env, &server, &["--ca-file", "ca.pem"]).ok();
    let log = fs::read_to_string(env.path("server.log")).unwrap();
    assert!(log.contains("its predecessor stays in use"), "{log}");
    first.install(&env);
    login(&env, &server, &["--ca-file", "first.pem"]).ok();
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn other_machines_are_served_with_a_certificate_or_not_at_all() {
    let env = TestEnv::new();
    let refused = |args: &[&str], code| {
        let args = [&["serve", "--data", "d", "--listen", "0.0.0.0:0"], args].concat();
        env.run(&args).fails(code)
    };
    let error = refused(&[], 2);
    assert!(
        error.contains("--tls-cert") && error.contains("--insecure-http"),
        "{error}"
    );
    refused(&["--tls-cert", "cert.pem"], 2);
    let error = refused(&TLS, 2);
    assert!(error.contains("cert.pem"), "{error}");
    Authority::new().install(&env);
    fs::write(
        env.path("key.pem"),
        KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    let error = refused(&TLS, 2);
    assert!(
        error.contains("key.pem does not belong to the certificate cert.pem"),
        "{error}"
    );
    Authority::new().install(&env);
    let server = Server::start_at(&env, "0.0.0.0:0", &TLS);
    assert!(server.address.ip().is_unspecified());
    let endpoint = server.secret("endpoint");
    assert!(endpoint.starts_with("https://127.0.0.1:"), "{endpoint}");
    let args = [
        "login",
        "-a",
        &endpoint,
        "-u",
        "admin",
        "--password-stdin",
        "--ca-file",
        "ca.pem",
    ];
    env.run_with(&args, server.secret("password").as_bytes())
        .ok();
    let shown = env.run(&["target"]).ok();
    assert_eq!(value(&shown, "endpoint"), endpoint);
    // The server does not answer a client that speaks plain HTTP, and continues to run.
    let plain = endpoint.replace("https", "http");
    env.run_with(
        &["login", "-a", &plain, "-u", "admin", "--password-stdin"],
        b"x",
    )
    .fails(5);
    env.run(&["target", "-o", "default"]).ok();
}

/// Makes a self-signed certificate with these properties, and its key.
fn self_signed(env: &TestEnv, change: impl FnOnce(&mut CertificateParams)) {
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    fs::write(env.path("cert.pem"), certificate.pem()).unwrap();
    fs::write(env.path("key.pem"), key.serialize_pem()).unwrap();
}

#[test]
fn a_certificate_that_signed_itself_is_trusted_where_it_is_named() {
    let env = TestEnv::new();
    for is_ca in [
        IsCa::Ca(BasicConstraints::Unconstrained),
        IsCa::ExplicitNoCa,
        IsCa::NoCa,
    ] {
        self_signed(&env, |params| params.is_ca = is_ca);
        fs::copy(env.path("cert.pem"), env.path("named.pem")).unwrap();
        let server = Server::start_with(&env, &TLS);
        login(&env, &server, &["--ca-file", "named.pem"]).ok();
        env.run(&["token"]).ok();
        // The control: the client trusts the certificate because the user named it, now or at an earlier login.
        let endpoint = format!("https://{}", server.address);
        let args = ["login", "-a", &endpoint, "-u", "admin", "--password-stdin"];
        let mut elsewhere = env.command(&args);
        elsewhere.env("XDG_CONFIG_HOME", env.path("home/elsewhere"));
        let password = server.secret("password");
        let said = finish(&mut elsewhere, password.as_bytes()).fails(5);
        assert!(said.contains("certificate"), "{said}");
        env.run(&["logout"]).ok();
        login(&env, &server, &[]).ok();
        env.run_with(
            &["login", "-u", "admin", "--password-stdin"],
            password.as_bytes(),
        )
        .ok();
        let endpoint = format!("https://{}", server.address);
        drop(server);
        // Another certificate for the same name is not the named one.
        self_signed(&env, |_| {});
        let another = Server::start_at(&env, endpoint.trim_start_matches("https://"), &TLS);
        env.run(&["token"]).fails(5);
        drop(another);
        fs::remove_dir_all(env.path("data")).unwrap();
        fs::remove_dir_all(env.path("home/config")).unwrap();
    }
    // A user may also name a certificate from an authority itself, without the authority.
    Authority::new().install(&env);
    let server = Server::start_with(&env, &TLS);
    login(&env, &server, &["--ca-file", "cert.pem"]).ok();
}

#[test]
fn why_a_certificate_is_not_trusted_is_said_in_words() {
    let long_ago = rcgen::date_time_ymd(2001, 1, 1);
    let far_ahead = rcgen::date_time_ymd(2200, 1, 1);
    let named = &["--ca-file", "cert.pem"][..];
    let other = &["--ca-file", "other.pem"][..];
    type Change = Box<dyn FnOnce(&mut CertificateParams)>;
    let cases: [(Change, &[&str], &str); 6] = [
        (Box::new(|_| {}), &[], "says that it is an authority"),
        (Box::new(|_| {}), other, "says that it is an authority"),
        (
            Box::new(|params| params.is_ca = IsCa::NoCa),
            other,
            "nobody this computer trusts signed the certificate of 127.0.0.1:",
        ),
        (
            Box::new(move |params| params.not_after = long_ago),
            named,
            "has expired",
        ),
        (
            Box::new(move |params| params.not_before = far_ahead),
            named,
            "is not valid yet",
        ),
        (
            Box::new(|params| {
                let name = "other.example.com".try_into().unwrap();
                params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
            }),
            named,
            "is for another name: other.example.com, not 127.0.0.1",
        ),
    ];
    for (change, more, words) in cases {
        let env = TestEnv::new();
        self_signed(&env, change);
        Authority::new().write(&env, "other.pem");
        let server = Server::start_with(&env, &TLS);
        let said = login(&env, &server, more).fails(5);
        assert!(said.contains(words), "{words}: {said}");
        is_in_words(&said);
    }
}

/// Asserts that the message contains no names of a library's own types.
#[track_caller]
fn is_in_words(said: &str) {
    for debug in [
        "Error(", "Other", "Unknown", "NotValid", "Invalid", "Ca", "{", "::",
    ] {
        assert!(!said.contains(debug), "{debug}: {said}");
    }
}

#[test]
fn a_wrong_scheme_is_said_in_words() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let said = login(&env, &server, &[]).fails(5);
    let address = server.address;
    let words = format!("the server at {address} does not speak HTTPS: try http://{address}");
    assert!(said.contains(&words), "{said}");
    is_in_words(&said);
    drop(server);
    fs::remove_dir_all(env.path("data")).unwrap();
    self_signed(&env, |_| {});
    let server = Server::start_with(&env, &TLS);
    let address = server.address;
    let said = env.run_with(
        &[
            "login",
            "-a",
            &format!("http://{address}"),
            "-u",
            "admin",
            "--password-stdin",
        ],
        b"x",
    );
    let said = said.fails(5);
    let words = format!("this port speaks HTTPS: try https://{address}");
    assert!(said.contains(&words), "{said}");
    is_in_words(&said);
    // Other clients read an answer, too; a body that is on its way does not cost it.
    for body in ["", "0123456789abcdef"] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let length = body.len();
        let request = format!(
            "POST /v3/events HTTP/1.1\r\nHost: a.example:9\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
        assert!(answer.contains("Content-Type: text/plain"), "{answer}");
        assert!(
            answer.ends_with("\r\n\r\nthis port speaks HTTPS: try https://a.example:9\n"),
            "{answer}"
        );
    }
    for text in [
        "",
        "junk",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        fs::write(env.path("ca.pem"), text).unwrap();
        let said = login(&env, &server, &["--ca-file", "ca.pem"]).fails(2);
        assert!(said.contains("holds no usable certificate"), "{said}");
        is_in_words(&said);
    }
}
