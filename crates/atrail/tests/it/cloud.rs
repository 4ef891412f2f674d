//! A small S3 and SQS in one server, which fails as a test wants.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::env::{Ran, TestEnv, finish};

/// Keys of one page of a listing.
const PAGE_KEYS: usize = 3;

/// An object of a bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    /// The metadata `signature`.
    pub(crate) signature: Option<String>,
}

/// What happens to a request in place of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A status, with an error of S3.
    Status(u16),
    /// The answer, without its second half.
    Cut,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    /// Messages by their handles; those that are received stay until they are deleted.
    messages: Vec<(String, String)>,
    /// The region of the bucket; requests of others are sent there.
    region: Option<String>,
    /// Faults of the next requests for an object.
    faults: Vec<Fault>,
    /// What happens before the next answer to a request for an object.
    at_fetch: Option<Box<dyn FnOnce() + Send>>,
    /// What is refused, with which status and code: a key of an object, `?` for listings, `ReceiveMessage`.
    refused: BTreeMap<String, (u16, &'static str)>,
    /// The handles of the next answers to requests for messages.
    answers: VecDeque<Vec<String>>,
    /// Messages that cannot be deleted.
    sticky: Vec<String>,
    seen: Vec<String>,
}

/// A server that runs as long as the process. The bucket is `logs`, the queue `/1/q`.
#[derive(Clone)]
pub(crate) struct Cloud {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Cloud {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cloud = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
        };
        let state = Arc::clone(&cloud.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || while serve(&stream, &state).is_some() {});
            }
        });
        cloud
    }

    pub(crate) fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let object = Object {
            bytes: bytes.into(),
            signature: None,
        };
        self.put_object(key, object);
    }

    pub(crate) fn put_object(&self, key: &str, object: Object) {
        let mut state = self.state.lock().unwrap();
        state.objects.insert(key.to_owned(), object);
    }

    /// Adds a message; a second one with the same handle is the first one again.
    pub(crate) fn message(&self, handle: &str, body: impl ToString) {
        let mut state = self.state.lock().unwrap();
        state.messages.push((handle.to_owned(), body.to_string()));
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let handles = state.messages.iter().map(|(handle, _)| handle.clone());
        handles.collect()
    }

    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults = faults.to_vec();
    }

    /// Refuses an object by its key, all listings (`?`) or all requests for messages (`ReceiveMessage`).
    pub(crate) fn refuse(&self, what: &str, status: u16, code: &'static str) {
        let mut state = self.state.lock().unwrap();
        state.refused.insert(what.to_owned(), (status, code));
    }

    pub(crate) fn refuse_nothing(&self) {
        self.state.lock().unwrap().refused.clear();
    }

    /// Sets the messages of the next answers; later ones hold all messages.
    pub(crate) fn answer_with(&self, answers: &[&[&str]]) {
        let owned = |handles: &&[&str]| handles.iter().map(|&handle| handle.to_owned()).collect();
        self.state.lock().unwrap().answers = answers.iter().map(owned).collect();
    }

    /// Keeps a message, whoever deletes it.
    pub(crate) fn keep(&self, handle: &str) {
        self.state.lock().unwrap().sticky.push(handle.to_owned());
    }

    pub(crate) fn has_failed_all(&self) -> bool {
        self.state.lock().unwrap().faults.is_empty()
    }

    /// Does this before the next request for an object is answered.
    pub(crate) fn at_next_fetch(&self, act: impl FnOnce() + Send + 'static) {
        self.state.lock().unwrap().at_fetch = Some(Box::new(act));
    }

    pub(crate) fn move_to(&self, region: &str) {
        self.state.lock().unwrap().region = Some(region.to_owned());
    }

    /// Returns the requests since the last call: `GET /logs/KEY`, `GET /logs/?QUERY`, `ReceiveMessage`.
    pub(crate) fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Returns how many requests for objects there were since the last call.
    pub(crate) fn take_fetches(&self) -> usize {
        let seen = self.take_seen();
        let fetches = seen
            .iter()
            .filter(|line| line.starts_with("GET /logs/") && !line.contains('?'));
        fetches.count()
    }

    pub(crate) fn queue(&self) -> String {
        format!("http://{}/1/q", self.address)
    }

    /// Runs `atrail import` with this service as AWS.
    pub(crate) fn import(&self, env: &TestEnv, args: &[&str]) -> Ran {
        finish(&mut self.command(env, args), b"")
    }

    /// Returns the command `atrail import` with this service as AWS.
    pub(crate) fn command(&self, env: &TestEnv, args: &[&str]) -> Command {
        let mut command = env.command(&["import"]);
        command
            .args(args)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address));
        command
    }
}

/// Answers one request; `None` at the end of the connection.
fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|count| *count > 0)?;
    let mut head = BTreeMap::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        match field.trim().split_once(':') {
            Some((name, value)) => head.insert(name.to_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = head
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let mut state = state.lock().unwrap();
    let answer = if method == "POST" {
        sqs(&mut state, &head, &body)
    } else {
        s3(&mut state, &head, target)
    };
    drop(state);
    let mut text = format!(
        "HTTP/1.1 {} x\r\nContent-Length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.head {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).ok()?;
    let sent = match answer.is_cut {
        true => &answer.body[..answer.body.len() / 2],
        false => &answer.body,
    };
    stream.write_all(sent).ok()?;
    if answer.is_cut {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        return None;
    }
    Some(())
}

#[derive(Default)]
struct Answer {
    status: u16,
    head: Vec<(&'static str, String)>,
    body: Vec<u8>,
    is_cut: bool,
}

fn s3(state: &mut State, head: &BTreeMap<String, String>, target: &str) -> Answer {
    state.seen.push(format!("GET {target}"));
    let error = |status: u16, code: &str| {
        Answer {
        status,
        body: format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>It says so.</Message></Error>")
            .into_bytes(),
        ..Answer::default()
    }
    };
    // Every request is signed: by the key, for the region and the service, with the headers that say so.
    let signed = head.get("authorization").map_or("", String::as_str);
    let is_signed = signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        && signed.contains("/s3/aws4_request")
        && signed.contains("host;x-amz-content-sha256;x-amz-date");
    if !is_signed {
        return error(403, "AccessDenied");
    }
    if let Some(region) = state.region.clone()
        && !signed.contains(&format!("/{region}/s3/"))
    {
        let mut moved = error(301, "PermanentRedirect");
        moved.head.push(("x-amz-bucket-region", region));
        return moved;
    }
    let Some(rest) = target.strip_prefix("/logs/") else {
        return match target.starts_with("/foreign/") {
            true => error(403, "AccessDenied"),
            false => error(404, "NoSuchBucket"),
        };
    };
    let what = if rest.starts_with('?') {
        "?".to_owned()
    } else {
        decoded(rest)
    };
    if let Some((status, code)) = state.refused.get(&what) {
        return error(*status, code);
    }
    if let Some((_, query)) = rest.split_once('?') {
        return Answer {
            status: 200,
            body: listing(state, query).into_bytes(),
            ..Answer::default()
        };
    }
    if let Some(act) = state.at_fetch.take() {
        act();
    }
    let fault = (!state.faults.is_empty()).then(|| state.faults.remove(0));
    if let Some(Fault::Status(status)) = fault {
        return error(status, "SlowDown");
    }
    let Some(object) = state.objects.get(&decoded(rest)) else {
        return error(404, "NoSuchKey");
    };
    let mut head = vec![("Last-Modified", "Sun, 01 Mar 2026 10:00:00 GMT".to_owned())];
    if let Some(signature) = &object.signature {
        head.push(("x-amz-meta-signature", signature.clone()));
    }
    Answer {
        status: 200,
        head,
        body: object.bytes.clone(),
        is_cut: fault == Some(Fault::Cut),
    }
}

fn decoded(text: &str) -> String {
    let pair = format!("k={}", text.replace('+', "%2B"));
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .unwrap()
        .1
        .into_owned()
}

fn listing(state: &State, query: &str) -> String {
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let member = |name: &str| query.get(name).map_or("", String::as_str);
    assert_eq!((member("list-type"), member("encoding-type")), ("2", "url"));
    let (prefix, after) = (member("prefix"), unhex(member("continuation-token")));
    let after = after.as_str();
    let mut entries: Vec<(String, String)> = Vec::new();
    for (key, object) in &state.objects {
        let Some(below) = key.strip_prefix(prefix) else {
            continue;
        };
        let dir = below.find('/').filter(|_| member("delimiter") == "/");
        let (name, entry) = match dir {
            Some(at) => {
                let dir = format!("{prefix}{}", &below[..=at]);
                let entry = format!(
                    "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>",
                    encoded(&dir)
                );
                (dir, entry)
            }
            None => (
                key.clone(),
                format!(
                    "<Contents><Key>{}</Key><LastModified>2026-03-01T10:00:00.000Z</LastModified>\
                     <ETag>&quot;{}&quot;</ETag><Size>{}</Size></Contents>",
                    encoded(key),
                    object
                        .bytes
                        .iter()
                        .fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte)),
                    object.bytes.len()
                ),
            ),
        };
        if name.as_str() > after && !entries.iter().any(|(known, _)| *known == name) {
            entries.push((name, entry));
        }
    }
    let next = entries
        .get(PAGE_KEYS)
        .map(|_| entries[PAGE_KEYS - 1].0.clone());
    entries.truncate(PAGE_KEYS);
    // Objects before directories, as S3 writes them.
    entries.sort_by_key(|(_, entry)| entry.starts_with("<Common"));
    let token = next.map_or_else(String::new, |next| {
        format!(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{}</NextContinuationToken>",
            hex(&next)
        )
    });
    let entries: String = entries.into_iter().map(|(_, entry)| entry).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>logs</Name><EncodingType>url</EncodingType>{token}{entries}</ListBucketResult>"
    )
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace("%2F", "/")
}

/// Tokens are opaque.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> String {
    let bytes = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
    String::from_utf8(bytes.collect()).unwrap()
}

fn sqs(state: &mut State, head: &BTreeMap<String, String>, body: &[u8]) -> Answer {
    let action = head["x-amz-target"]
        .strip_prefix("AmazonSQS.")
        .unwrap()
        .to_owned();
    state.seen.push(action.clone());
    let body: Value = serde_json::from_slice(body).unwrap();
    assert!(
        body["QueueUrl"].as_str().unwrap().ends_with("/1/q"),
        "{body}"
    );
    assert!(
        head["authorization"].contains("/sqs/aws4_request"),
        "{head:?}"
    );
    if let Some((status, code)) = state.refused.get(&action) {
        return Answer {
            status: *status,
            body: json!({"__type": code, "message": "It says so."})
                .to_string()
                .into_bytes(),
            ..Answer::default()
        };
    }
    let answer = match action.as_str() {
        "ReceiveMessage" => {
            let named = state.answers.pop_front();
            let messages = state
                .messages
                .iter()
                .filter(|(handle, _)| named.as_ref().is_none_or(|named| named.contains(handle)));
            let messages = messages.map(|(handle, body)| {
                json!({"MessageId": format!("id-{handle}"), "ReceiptHandle": handle, "Body": body})
            });
            json!({"Messages": messages.collect::<Vec<_>>()})
        }
        "DeleteMessageBatch" => {
            let mut failed = Vec::new();
            for entry in body["Entries"].as_array().unwrap() {
                let handle = entry["ReceiptHandle"].as_str().unwrap();
                if state.sticky.iter().any(|sticky| sticky == handle) {
                    failed.push(json!({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"}));
                } else {
                    state.messages.retain(|(known, _)| known != handle);
                }
            }
            json!({"Successful": [], "Failed": failed})
        }
        other => panic!("{other}"),
    };
    Answer {
        status: 200,
        body: answer.to_string().into_bytes(),
        ..Answer::default()
    }
}
