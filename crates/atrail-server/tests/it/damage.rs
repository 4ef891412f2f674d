//! The server never hands out damaged objects, and still serves the others.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use atrail_api::paths;
use serde_json::Value;

use crate::support::{Client, Made, TestServer, event_at, gunzipped};

/// Three objects, in the hours 1, 2 and 3.
struct Fixture {
    server: TestServer,
    admin: Client,
    session: String,
    files: Vec<PathBuf>,
    whole: Vec<u8>,
}

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let admin = server.admin().await;
        for hour in 1..=3 {
            let event = event_at(hour, &format!("2017-07-25T0{hour}:00:00Z"));
            admin.send_events(event).await;
        }
        let session = admin.session().await;
        let mut files = Vec::new();
        list(&server.dir.path().join("data/archive"), &mut files);
        files.sort();
        assert_eq!(files.len(), 3);
        let whole = files
            .iter()
            .flat_map(|file| fs::read(file).unwrap())
            .collect();
        Self {
            server,
            admin,
            session,
            files,
            whole,
        }
    }

    /// Returns the status and the received part of the body.
    async fn get(&self, range: Option<&str>) -> (u16, Vec<u8>) {
        let mut request = self
            .admin
            .get(paths::DOWNLOAD)
            .header("SESSIONID", &self.session);
        if let Some(range) = range {
            request = request.header("range", format!("bytes={range}"));
        }
        let mut answer = request.send().await.unwrap();
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            bytes.extend_from_slice(&chunk);
        }
        (answer.status().as_u16(), bytes)
    }

    fn len(&self, file: usize) -> usize {
        usize::try_from(fs::metadata(&self.files[file]).unwrap().len()).unwrap()
    }

    async fn metric(&self, name: &str) -> u64 {
        let (_, page) = self.admin.get(paths::METRICS).seen().await;
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    }
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_download_ends_before_a_damaged_object_and_one_that_begins_in_it_is_refused() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.len(0), fixture.len(1));
    let third = first + second;
    // The control: the server hands out sound objects.
    assert_eq!(fixture.get(None).await, (200, fixture.whole.clone()));
    assert_eq!(fixture.metric("atrail_damaged_reads_total").await, 0);

    // The last byte but one belongs to the length in the trailer: no decoder needs to look at it.
    flip(&fixture.files[1], second - 2);
    let (status, bytes) = fixture.get(None).await;
    assert_eq!((status, &bytes[..]), (200, &fixture.whole[..first]));
    let (status, text) = fixture.get(Some(&format!("{}-", first + 1))).await;
    let problem: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((status, problem["code"].as_str()), (500, Some("damaged")));
    let detail = problem["detail"].as_str().unwrap();
    let name = fixture.files[1].file_name().unwrap().to_str().unwrap();
    let id = name.strip_suffix(".ndjson.gz").unwrap();
    for part in [id, name, "domain=space-", "2017-07-25 hour 02", "SHA-256"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert!(fixture.metric("atrail_damaged_reads_total").await >= 2);

    // The server serves the others, also for a range that ends before the damage or begins after it.
    let (status, bytes) = fixture.get(Some(&format!("0-{}", first - 1))).await;
    assert_eq!((status, &bytes[..]), (206, &fixture.whole[..first]));
    let (status, bytes) = fixture.get(Some(&format!("{third}-"))).await;
    assert_eq!((status, &bytes[..]), (206, &fixture.whole[third..]));
    assert_eq!(gunzipped(&bytes).lines().count(), 1);
    let sent = fixture.admin.get("/v3/events?SearchTime=0-9");
    let counted: Value = sent.made().await;
    assert_eq!(counted[0]["count"], 3);

    // After the repair, the server serves it again.
    flip(&fixture.files[1], second - 2);
    assert_eq!(fixture.get(None).await, (200, fixture.whole.clone()));
}

#[tokio::test]
async fn a_cut_or_missing_file_is_damage_too() {
    let fixture = Fixture::new().await;
    let kept = fs::read(&fixture.files[0]).unwrap();
    let code = async || {
        let request = fixture.admin.get(paths::DOWNLOAD);
        request
            .header("SESSIONID", &fixture.session)
            .refused()
            .await
    };
    fs::write(&fixture.files[0], &kept[..kept.len() - 1]).unwrap();
    assert_eq!(code().await, (500, "damaged".to_owned()));
    fs::remove_file(&fixture.files[0]).unwrap();
    assert_eq!(code().await, (500, "damaged".to_owned()));
    fs::write(&fixture.files[0], kept).unwrap();
    assert_eq!(fixture.get(None).await.0, 200);
    let _still_runs = fixture.server;
}

#[tokio::test]
async fn what_was_found_sound_is_read_again_by_each_session_after_a_change_and_after_a_day() {
    let fixture = Fixture::new().await;
    let total = fixture.whole.len() as u64;
    let checked = async || fixture.metric("atrail_checked_bytes_total").await;
    for _ in 0..3 {
        fixture.get(None).await;
        fixture.get(Some("5-20")).await;
    }
    assert_eq!(checked().await, total, "once for a session");

    // Somebody who changes a file can reset its modification time, but not the time of that change.
    let file = File::options().write(true).open(&fixture.files[0]).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    flip(&fixture.files[0], fixture.len(0) - 1);
    file.set_modified(modified).unwrap();
    assert_eq!(fixture.get(None).await.0, 500);
    flip(&fixture.files[0], fixture.len(0) - 1);
    assert_eq!(fixture.get(None).await, (200, fixture.whole.clone()));

    // A disk that changes bytes changes no time: each new session checks again, and a continuing one checks again after
    // a day.
    let before = checked().await;
    let download = async |admin: &Client, session: &str| {
        let request = admin.get(paths::DOWNLOAD).header("SESSIONID", session);
        assert_eq!(request.seen().await.0, 200);
    };
    let second = fixture.admin.session().await;
    download(&fixture.admin, &second).await;
    let by_second = checked().await - before;
    assert!(by_second >= total, "{by_second}");
    download(&fixture.admin, &second).await;
    assert_eq!(checked().await - before, by_second);
    fixture.server.clock.advance(Duration::from_secs(86_401));
    let admin = fixture.server.admin().await;
    download(&admin, &second).await;
    assert_eq!(checked().await - before, 2 * by_second);
}

/// When a fault keeps one hour out of the archive, or one file on the disk, the server reports it where it shows: in
/// the answer, in its record, in the metrics and in the readiness check. It serves everything else.
#[tokio::test]
async fn what_could_not_be_done_to_the_end_is_told() {
    let fixture = Fixture::new().await;
    let admin = &fixture.admin;
    let delete = async || {
        let query = [("start", "2017-07-25"), ("end", "2017-07-25")];
        admin.delete(paths::EVENTS).query(&query).seen().await
    };
    // An hour that the server cannot seal: here a file has the name of its directory.
    let date = fixture.files[0].parent().unwrap().parent().unwrap();
    fs::write(date.join("hour=07"), "no directory").unwrap();
    admin.send_events(event_at(7, "2017-07-25T07:00:00Z")).await;
    let (status, text) = delete().await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("2017-07-25 hour 7"), "{text}");
    assert!(
        fixture.files.iter().all(|file| file.exists()),
        "nothing went"
    );
    assert_eq!(fixture.metric("atrail_hours_set_apart").await, 1);
    let (status, ready) = admin.get("/readyz").seen().await;
    assert_eq!(status, 200);
    assert!(
        ready.contains("hours that the server cannot seal: 1"),
        "{ready}"
    );
    fs::remove_file(date.join("hour=07")).unwrap();

    // A file that the server cannot remove: here a directory that is not empty has its name.
    fs::remove_file(&fixture.files[1]).unwrap();
    fs::create_dir_all(fixture.files[1].join("in the way")).unwrap();
    let (status, text) = delete().await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(" logs were deleted"), "{text}");
    assert!(text.contains("still on the disk"), "{text}");
    assert!(fixture.metric("atrail_erase_failures_total").await > 0);
    let (_, ready) = admin.get("/readyz").seen().await;
    assert_eq!(ready, "ready\n", "that hour was sealed meanwhile");
    let download = admin
        .get(paths::DOWNLOAD)
        .header("SESSIONID", admin.session().await);
    let bytes = download.send().await.unwrap().bytes().await.unwrap();
    let own: Vec<Value> = gunzipped(&bytes)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["action"] == "delete.events")
        .collect();
    let erasure = own
        .iter()
        .map(|event| event.to_string().contains("goes on"));
    assert_eq!(erasure.collect::<Vec<_>>(), [true], "{own:?}");
}
