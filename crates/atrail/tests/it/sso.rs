//! `atrail login --sso`: the device flow, with a small provider of the test's own and with a real one where it is
//! installed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use atrail_model::{Clock, SystemClock};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::env::{Server, TestEnv, value};

/// The provider's answer to a poll for the user's approval.
type Agreement = fn(asked: u32) -> Result<(), &'static str>;

struct Provider {
    url: String,
    key: EncodingKey,
    asked: AtomicU32,
    agreement: Agreement,
}

impl Provider {
    fn start(agreement: Agreement) -> Arc<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let pair = rcgen::KeyPair::generate().unwrap();
        let provider = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            key: EncodingKey::from_ec_der(&pair.serialize_der()),
            asked: AtomicU32::new(0),
            agreement,
        });
        let served = Arc::clone(&provider);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let provider = Arc::clone(&served);
                thread::spawn(move || provider.serve(stream));
            }
        });
        provider
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(&stream);
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut field = String::new();
            if reader.read_line(&mut field).is_err() || field.trim().is_empty() {
                break;
            }
            if let Some(text) = field.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (status, answer) = self.answer(&path, &String::from_utf8_lossy(&body));
        let text = answer.to_string();
        let _ = write!(
            &stream,
            "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
    }

    fn answer(&self, path: &str, form: &str) -> (u16, Value) {
        let url = &self.url;
        match path {
            "/.well-known/openid-configuration" => (
                200,
                json!({
                    "issuer": url, "jwks_uri": format!("{url}/keys"), "token_endpoint": format!("{url}/token/"),
                    "device_authorization_endpoint": format!("{url}/device"),
                }),
            ),
            "/keys" => {
                let mut key = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
                key.common.key_id = Some("k".to_owned());
                (200, json!({"keys": [key]}))
            }
            "/device" => {
                assert!(
                    form.contains("client_id=atrail-test") && form.contains("scope=openid"),
                    "{form}"
                );
                (
                    200,
                    json!({
                        "device_code": "device-code", "user_code": "ABCD\u{1b}[2J", "expires_in": 60, "interval": 1,
                        "verification_uri": format!("{url}/go"),
                    }),
                )
            }
            "/token/" => {
                assert!(form.contains("device_code=device-code"), "{form}");
                match (self.agreement)(self.asked.fetch_add(1, Ordering::Relaxed)) {
                    Ok(()) => (200, json!({"id_token": self.token(), "access_token": "x"})),
                    Err(why) => (400, json!({ "error": why })),
                }
            }
            _ => (404, json!({})),
        }
    }

    fn token(&self) -> String {
        let now = SystemClock.now().as_second();
        let claims = json!({
            "iss": self.url, "sub": "17", "aud": "atrail-test", "exp": now + 300, "iat": now,
            "email": "ann@example.com", "roles": ["auditors"],
        });
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k".to_owned());
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

/// Starts a server that trusts this issuer.
fn believer(env: &TestEnv, issuer: &str, user_claim: &str) -> Server {
    let config = format!(
        "[auth.oidc]\nissuer = \"{issuer}\"\nclient_id = \"atrail-test\"\nuser_claim = \"{user_claim}\"\n\
         roles = [{{ claim = \"roles\", value = \"auditors\", role = \"auditor\", account = \"default\" }}]\n"
    );
    fs::write(env.path("atrail.toml"), config).unwrap();
    Server::start_with(env, &["--config", "atrail.toml"])
}

/// Asserts that the user may read and may not change.
fn is_auditor(env: &TestEnv, name: &str) {
    let shown = env.run(&["target", "-o", "default", "-s", "default"]).ok();
    assert_eq!(value(&shown, "user"), name);
    env.run(&["status", "-a"]).ok();
    env.run(&["delete", "-s", "today", "-e", "today", "--yes"])
        .fails(4);
}

#[test]
fn a_user_of_the_provider_logs_in_on_another_device() {
    let provider = Provider::start(|asked| {
        if asked == 0 {
            Err("authorization_pending")
        } else {
            Ok(())
        }
    });
    let env = TestEnv::new();
    let server = believer(&env, &provider.url, "email");
    let address = server.address.to_string();
    let ran = env.run(&["login", "-a", &address, "--sso", "-q"]);
    assert!(
        ran.stderr.contains(&format!("Open {}/go", provider.url)),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("ABCD") && !ran.stderr.contains('\u{1b}'),
        "{}",
        ran.stderr
    );
    ran.ok();
    assert_eq!(provider.asked.load(Ordering::Relaxed), 2);
    is_auditor(&env, "ann@example.com");
    env.run(&["logout"]).ok();
    env.run(&["status"]).fails(4);
}

#[test]
fn a_login_that_the_provider_refuses_is_none() {
    for (agreement, why) in [
        ((|_| Err("access_denied")) as Agreement, "access_denied"),
        (|_| Err("expired_token"), "in time"),
    ] {
        let provider = Provider::start(agreement);
        let env = TestEnv::new();
        let server = believer(&env, &provider.url, "email");
        let address = server.address.to_string();
        let error = env.run(&["login", "-a", &address, "--sso"]).fails(4);
        assert!(error.contains(why), "{error}");
        env.run(&["status"]).fails(4);
    }
    let env = TestEnv::new();
    let server = Server::start(&env);
    let error = env
        .run(&["login", "-a", &server.address.to_string(), "--sso"])
        .fails(1);
    assert!(error.contains("no OpenID provider"), "{error}");
}

/// `oidc-provider` of the npm registry, and a browser that approves everything.
struct RealProvider {
    child: Child,
    url: String,
}

impl RealProvider {
    /// Starts the provider; returns `None` where it is not installed.
    fn start() -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oidc_provider.cjs");
        let modules = std::env::var_os("ATRAIL_NODE_MODULES").unwrap_or_default();
        let mut child = Command::new("node")
            .arg(script)
            .env("NODE_PATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut()?)
            .read_line(&mut line)
            .ok()?;
        let Some(url) = line.trim().strip_prefix("issuer ") else {
            let _ = child.wait();
            return None;
        };
        let url = url.to_owned();
        Some(Self { child, url })
    }
}

impl Drop for RealProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_user_of_a_real_provider_logs_in() {
    let Some(mut provider) = RealProvider::start() else {
        println!(
            "skipped: `oidc-provider` is not installed; `npm install --prefix DIR oidc-provider`, then \
             ATRAIL_NODE_MODULES=DIR/node_modules"
        );
        return;
    };
    let env = TestEnv::new();
    let server = believer(&env, &provider.url, "preferred_username");
    let address = server.address.to_string();
    let mut login = env
        .command(&["login", "-a", &address, "--sso"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(login.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("or open ") {
        line.clear();
        assert_ne!(
            said.read_line(&mut line).unwrap(),
            0,
            "the login ended early"
        );
    }
    let browser = provider.child.stdin.as_mut().unwrap();
    writeln!(browser, "{}", line.trim().trim_start_matches("or open ")).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(login.wait().unwrap().success(), "{rest}");
    is_auditor(&env, "ann");
}
