//! Syslog, by TCP, TLS and UDP.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atrail_api::paths;
use atrail_model::Clock;
use atrail_server::{Settings, SyslogSettings, SyslogTransport};
use serde_json::{Value, json};
use sha2::Digest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::receivers::{count, stored};
use crate::searches::search;
use crate::support::{Client, Made, TestServer};

/// Longer than anything here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a server whose listeners have these transports, and the key of which is written to a file after the start.
async fn server(transports: &[SyslogTransport], change: impl Fn(&mut Settings)) -> TestServer {
    let dir = Arc::new(TempDir::new().unwrap());
    let key_file = dir.path().join("syslog.key");
    // The key exists only when the server does: until then the file holds another text.
    std::fs::write(&key_file, "atk_not_yet").unwrap();
    let server = TestServer::in_dir(dir, crate::support::clock(), |settings| {
        settings.syslog = transports
            .iter()
            .map(|transport| listener(*transport, key_file.clone()))
            .collect();
        change(settings);
    })
    .await;
    let admin = server.admin().await;
    let key = key(&server, &admin, "syslog").await;
    std::fs::write(key_file, format!("{key}\n")).unwrap();
    server
}

fn listener(transport: SyslogTransport, key_file: PathBuf) -> SyslogSettings {
    SyslogSettings::new("127.0.0.1:0".parse().unwrap(), transport, key_file)
}

async fn key(server: &TestServer, admin: &Client, name: &str) -> String {
    let new = json!({"name": name, "scopes": ["send"], "space": server.initial.space});
    let made: Value = admin.post(paths::API_KEYS).json(&new).made().await;
    made["key"].as_str().unwrap().to_owned()
}

/// Waits until this many events are stored.
async fn until(client: &Client, expected: usize) -> Vec<Value> {
    let begun = std::time::Instant::now();
    loop {
        let events = stored(client).await;
        if events.len() >= expected {
            assert_eq!(events.len(), expected, "{events:#?}");
            return events;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {expected}", events.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connected(server: &TestServer, number: usize) -> TcpStream {
    TcpStream::connect(server.running.syslog[number])
        .await
        .unwrap()
}

fn message(number: usize) -> String {
    format!(
        "<86>1 2017-07-25T10:00:{number:02}.250Z host sshd 42 - - Accepted publickey for ann {number}"
    )
}

/// Waits until the server closes a connection.
async fn closed(mut stream: TcpStream) {
    let mut byte = [0];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut byte)).await;
    assert!(
        !matches!(read.unwrap(), Ok(1..)),
        "the server writes nothing"
    );
}

#[tokio::test]
async fn both_framings_and_both_forms_are_received_by_tcp() {
    let server = server(&[SyslogTransport::Tcp], |_| ()).await;
    let admin = server.admin().await;
    let mut lines = connected(&server, 0).await;
    let text = format!(
        "{}\n<86>Jul 25 10:00:01 host sshd[42]: Failed password for bob\n",
        message(0)
    );
    lines.write_all(text.as_bytes()).await.unwrap();
    let mut counted = connected(&server, 0).await;
    let two = message(2);
    for part in [
        format!("{} {}", two.len(), &two[..20]),
        two[20..].to_owned(),
    ] {
        counted.write_all(part.as_bytes()).await.unwrap();
        counted.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let events = until(&admin, 3).await;
    let times = events
        .iter()
        .map(|event| event["eventTime"].as_str().unwrap());
    let times: Vec<_> = times.collect();
    assert_eq!(
        times,
        [
            "2017-07-25T10:00:00.250000000Z",
            "2017-07-25T10:00:01.000000000Z",
            "2017-07-25T10:00:02.250000000Z"
        ]
    );
    // What is left when a connection ends is a message, too.
    lines.write_all(message(3).as_bytes()).await.unwrap();
    drop(lines);
    until(&admin, 4).await;
}

#[tokio::test]
async fn a_message_of_a_known_format_is_that_event() {
    let server = server(&[SyslogTransport::Tcp], |_| ()).await;
    let admin = server.admin().await;
    let event = crate::support::event(7);
    let audit = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","verb":"get","user":{"username":"ann"},"stageTimestamp":"2017-07-25T10:00:00Z","responseStatus":{"code":200}}"#;
    let mut stream = connected(&server, 0).await;
    let text = format!(
        "<13>Jul 25 10:00:00 h app: @cee: {event}\n<13>1 2017-07-25T10:00:00Z h app - - - \u{feff}{audit}\n"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let events = until(&admin, 2).await;
    let original: Value = serde_json::from_str(&event).unwrap();
    assert!(events.contains(&original), "{events:#?}");
    assert!(
        events
            .iter()
            .any(|event| event["id"] == "a-1/ResponseComplete")
    );
}

/// A time without a fraction may be that of two equal messages; with one, the same message came twice.
#[tokio::test]
async fn equal_messages_are_one_only_when_their_time_is_exact() {
    let server = server(&[SyslogTransport::Tcp], |_| ()).await;
    let admin = server.admin().await;
    for _ in 0..2 {
        let mut stream = connected(&server, 0).await;
        let text = format!(
            "<86>Jul 25 10:00:01 h sshd[1]: Failed password\n{}\n",
            message(2)
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        closed(stream).await;
    }
    until(&admin, 3).await;
}

#[tokio::test]
async fn bytes_without_framing_end_a_connection_after_what_came_before() {
    let server = server(&[SyslogTransport::Tcp], |_| ()).await;
    let admin = server.admin().await;
    let mut stream = connected(&server, 0).await;
    let one = message(1);
    let text = format!("{} {one}this is no length", one.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    closed(stream).await;
    // Anything at all is a message where lines are.
    let mut stream = connected(&server, 0).await;
    stream
        .write_all(b"\xff\x00GET / HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    until(&admin, 3).await;
    let metrics = server.nobody().get(paths::METRICS).seen().await.1;
    assert!(
        metrics.contains("atrail_syslog_refused_total{reason=\"framing\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("atrail_syslog_connections 1"), "{metrics}");
}

#[tokio::test]
async fn a_message_without_an_end_is_kept_in_part() {
    let server = server(&[SyslogTransport::Tcp], |_| ()).await;
    let admin = server.admin().await;
    let mut stream = connected(&server, 0).await;
    let long = format!("{}{}\n{}\n", message(1), "x".repeat(3 << 20), message(2));
    stream.write_all(long.as_bytes()).await.unwrap();
    let events = until(&admin, 2).await;
    assert!(events[0].to_string().contains("is_cut"));
    assert!(!events[1].to_string().contains("is_cut"));
}

#[tokio::test]
async fn datagrams_are_messages() {
    let server = server(&[SyslogTransport::Udp], |_| ()).await;
    let admin = server.admin().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for number in 0..20 {
        let sent = socket
            .send_to(message(number).as_bytes(), server.running.syslog[0])
            .await;
        sent.unwrap();
    }
    socket.send_to(b"", server.running.syslog[0]).await.unwrap();
    until(&admin, 20).await;
}

/// While the server has no room, it does not read; nothing is lost in between.
#[tokio::test]
async fn a_sender_waits_while_the_server_has_no_room() {
    let server = server(&[SyslogTransport::Tcp], |settings| {
        settings.ingest_bytes_in_flight = 8 << 20;
        settings.body_idle_timeout = PATIENCE;
    })
    .await;
    let admin = server.admin().await;
    let held = without_room(&server, &admin).await;
    let mut stream = connected(&server, 0).await;
    let mut text = String::new();
    for number in 0..50 {
        text.push_str(&message(number));
        text.push('\n');
    }
    stream.write_all(text.as_bytes()).await.unwrap();
    waiting(&server).await;
    drop(held);
    until(&admin, 50).await;
}

/// Returns a slow request that holds all memory that the space may have.
async fn without_room(server: &TestServer, admin: &Client) -> TcpStream {
    let key = key(server, admin, "slow").await;
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    let head = format!(
        "POST /v3/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\nContent-Length: 8000000\r\n\r\n["
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server begins to read it in its own time. Nothing of the questions is stored.
    let slow = server.client(&key);
    let begun = std::time::Instant::now();
    while slow.post(paths::EVENTS).body("no event").seen().await.0 == 400 {
        assert!(begun.elapsed() < PATIENCE, "the memory is not exhausted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stream
}

/// Waits until the server has messages that it cannot store yet.
async fn waiting(server: &TestServer) {
    let begun = std::time::Instant::now();
    loop {
        let page = server.nobody().get(paths::METRICS).seen().await.1;
        let line = page
            .lines()
            .find(|line| line.starts_with("atrail_syslog_waiting "));
        if line.unwrap() != "atrail_syslog_waiting 0" {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A message that states no time has that of its arrival, however long the store refuses it after that. One that names no
/// year has the year that is nearest to its arrival.
#[tokio::test]
async fn a_message_without_a_time_is_from_when_it_arrived() {
    let server = server(&[SyslogTransport::Tcp, SyslogTransport::Udp], |settings| {
        settings.ingest_bytes_in_flight = 8 << 20;
        settings.body_idle_timeout = PATIENCE;
    })
    .await;
    let admin = server.admin().await;
    let held = without_room(&server, &admin).await;
    let arrived = server.clock.now();
    let mut stream = connected(&server, 0).await;
    let text = "<86>no time at all\n<86>Jul 25 09:00:00 host sshd: no year\n";
    stream.write_all(text.as_bytes()).await.unwrap();
    waiting(&server).await;
    // Messages that arrive later have later times.
    server.clock.advance(Duration::from_secs(60));
    drop(held);
    let syslog = async || {
        let events = stored(&admin).await;
        let of_syslog = |event: &Value| event.to_string().contains("3164");
        events.into_iter().filter(of_syslog).collect::<Vec<_>>()
    };
    let begun = std::time::Instant::now();
    while syslog().await.len() < 2 {
        assert!(begun.elapsed() < PATIENCE, "{:#?}", stored(&admin).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stream.write_all(b"<86>another, later\n").await.unwrap();
    while syslog().await.len() < 3 {
        assert!(begun.elapsed() < 2 * PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let times: Vec<_> = (syslog().await.iter())
        .map(|event| event["eventTime"].as_str().unwrap().to_owned())
        .collect();
    let later = arrived + Duration::from_secs(60);
    let expected = [
        "2017-07-25T09:00:00.000000000Z".to_owned(),
        atrail_model::format_timestamp(arrived),
        atrail_model::format_timestamp(later),
    ];
    assert_eq!(times, expected);
}

#[tokio::test]
async fn a_server_that_stops_keeps_what_it_has_read() {
    let server = server(&[SyslogTransport::Tcp, SyslogTransport::Udp], |_| ()).await;
    let admin = server.admin().await;
    let mut stream = connected(&server, 0).await;
    stream
        .write_all(format!("{}\n", message(1)).as_bytes())
        .await
        .unwrap();
    until(&admin, 1).await;
    let addr = server.running.syslog[0];
    let server = server
        .restart_with(|settings| settings.syslog.clear())
        .await;
    closed(stream).await;
    let admin = server.admin().await;
    assert_eq!(count(&admin).await, 1);
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn a_key_that_ended_closes_connections_and_a_new_one_in_the_file_works() {
    let server = server(&[SyslogTransport::Tcp], |_| ()).await;
    let admin = server.admin().await;
    let mut stream = connected(&server, 0).await;
    stream
        .write_all(format!("{}\n", message(1)).as_bytes())
        .await
        .unwrap();
    until(&admin, 1).await;
    let keys: Value = admin.get(paths::API_KEYS).made().await;
    let keys = keys["resources"]
        .as_array()
        .or_else(|| keys.as_array())
        .unwrap()
        .clone();
    let id = keys.iter().find(|key| key["name"] == "syslog").unwrap()["id"].clone();
    let _: Value = admin
        .delete(paths::API_KEYS)
        .json(&json!({"id": id}))
        .made()
        .await;
    stream
        .write_all(format!("{}\n", message(2)).as_bytes())
        .await
        .unwrap();
    closed(stream).await;
    closed(connected(&server, 0).await).await;
    let fresh = key(&server, &admin, "fresh").await;
    std::fs::write(server.dir.path().join("syslog.key"), fresh).unwrap();
    let mut stream = connected(&server, 0).await;
    stream
        .write_all(format!("{}\n", message(3)).as_bytes())
        .await
        .unwrap();
    until(&admin, 2).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_replace_silent_ones() {
    let server = server(&[SyslogTransport::Tcp], |settings| {
        settings.syslog[0].max_connections = 4
    })
    .await;
    let admin = server.admin().await;
    // One address has half.
    let mut streams = Vec::new();
    for number in 0..3 {
        let mut stream = connected(&server, 0).await;
        stream
            .write_all(format!("{}\n", message(number)).as_bytes())
            .await
            .unwrap();
        until(&admin, number + 1).await;
        streams.push(stream);
    }
    closed(streams.remove(0)).await;
    // What a displaced connection had sent is kept, also a message that had not ended. It is the one that is silent for longest.
    let mut partial = streams.remove(0);
    partial.write_all(message(4).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    streams[0]
        .write_all(format!("{}\n", message(3)).as_bytes())
        .await
        .unwrap();
    until(&admin, 4).await;
    let newcomer = connected(&server, 0).await;
    closed(partial).await;
    let events = until(&admin, 5).await;
    let cut = events
        .iter()
        .filter(|event| event.to_string().contains("is_cut"));
    assert_eq!(cut.count(), 1);
    let metrics = server.nobody().get(paths::METRICS).seen().await.1;
    let line = "atrail_syslog_refused_total{reason=\"displaced\"} 2";
    assert!(metrics.contains(line), "{metrics}");
    drop(newcomer);
}

#[tokio::test]
async fn a_listener_may_be_secured() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = TempDir::new().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = server(&[SyslogTransport::Tls], |settings| {
        settings.syslog[0].tls_cert = Some(cert.clone());
        settings.syslog[0].tls_key = Some(key.clone());
    })
    .await;
    let admin = server.admin().await;
    // Bytes that are no handshake.
    let mut plain = connected(&server, 0).await;
    plain
        .write_all(format!("{}\n", message(1)).as_bytes())
        .await
        .unwrap();
    let mut alert = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut alert))
        .await
        .unwrap();

    let connector = connector(made.cert.der(), None);
    let stream = connected(&server, 0).await;
    let mut stream = connector
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .unwrap();
    let two = message(2);
    stream
        .write_all(format!("{} {two}", two.len()).as_bytes())
        .await
        .unwrap();
    stream.flush().await.unwrap();
    let events = until(&admin, 1).await;
    assert_eq!(events[0]["eventTime"], "2017-07-25T10:00:02.250000000Z");
}

/// Returns what connects to a server with this certificate, and shows this one of its own.
fn connector(
    server: &rustls::pki_types::CertificateDer<'static>,
    own: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>,
) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(server.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der());
            let chain = vec![own.cert.der().clone()];
            config.with_client_auth_cert(chain, key.unwrap()).unwrap()
        }
    };
    tokio_rustls::TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn a_client_certificate_stands_for_its_key() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = TempDir::new().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = server(&[SyslogTransport::Tls], |settings| {
        settings.syslog[0].tls_cert = Some(cert.clone());
        settings.syslog[0].tls_key = Some(key.clone());
        settings.syslog[0].client_certificates = true;
    })
    .await;
    let admin = server.admin().await;
    let [known, unknown] =
        [(); 2].map(|()| rcgen::generate_simple_self_signed(["router".to_owned()]).unwrap());
    let fingerprint = sha2::Sha256::digest(known.cert.der());
    let digits: String = fingerprint
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let account = &server.initial.account;
    let new = json!({"name": "router", "account": account, "certificate": digits});
    let _: Value = admin.post(paths::INGEST_KEYS).json(&new).made().await;
    // An owner who is not the operator may not bind one.
    let owner = server.user("owner", false, &[server.owner()]).await;
    let refused = owner.post(paths::INGEST_KEYS).json(&new).refused().await;
    assert_eq!(refused.0, 403);

    let send = async |own, number| {
        let stream = connected(&server, 0).await;
        let stream =
            connector(made.cert.der(), own).connect("localhost".try_into().unwrap(), stream);
        let mut stream = stream.await.unwrap();
        let text = message(number);
        let _ = stream
            .write_all(format!("{} {text}", text.len()).as_bytes())
            .await;
        let _ = stream.flush().await;
        stream
    };
    let mut closed = send(Some(&unknown), 1).await;
    let _ = tokio::time::timeout(PATIENCE, closed.read_to_end(&mut Vec::new()))
        .await
        .expect("a certificate that stands for no key is refused");
    let _kept = send(Some(&known), 2).await;
    let _control = send(None, 3).await;
    // The key of the file sends to the space, and that of the certificate to the account.
    let events = until(&admin, 1).await;
    assert_eq!(events[0]["eventTime"], "2017-07-25T10:00:03.250000000Z");
    let begun = std::time::Instant::now();
    loop {
        let query = json!({"AtAccountLevel": true, "start": "2017-07-25", "end": "2017-07-25"});
        let found = search(&admin, query).await;
        // The others are the server's own.
        let lines = found.hits.iter().map(|(_, line)| line);
        let times: Vec<_> = lines
            .filter(|line| line.contains(r#""eventTime":"2017-07-25T10:00:0"#))
            .map(|line| line.contains("10:00:02.25"))
            .collect();
        if times.len() == 2 {
            assert_eq!(times.iter().filter(|is_two| **is_two).count(), 1);
            break;
        }
        assert!(begun.elapsed() < PATIENCE && times.len() < 2, "{times:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_file_without_a_key_prevents_the_start() {
    let dir = TempDir::new().unwrap();
    for text in [None, Some(" \n")] {
        let file = dir.path().join("key");
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let mut settings = crate::support::settings(&dir);
        settings.syslog = vec![listener(SyslogTransport::Tcp, file)];
        let failed = atrail_server::Server::start(settings, crate::support::clock()).await;
        assert!(
            matches!(failed, Err(atrail_server::StartError::SyslogKey(_))),
            "{text:?}"
        );
    }
}
