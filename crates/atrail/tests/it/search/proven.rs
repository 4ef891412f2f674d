//! Whether what is searched is proven.

use std::fs;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{download, downloaded, expected, found, ids, sample, search};
use crate::env::TestEnv;

const FILE: [&str; 2] = ["--file", "events.json.gz"];

#[test]
fn a_download_with_its_receipt_is_proven() {
    let (env, _server) = downloaded(&sample(11, 200));
    let ran = search(&env, &[&["action:delete"][..], &FILE].concat());
    let said = ran.stderr.clone();
    ran.ok();
    assert!(said.contains("proven: events.json.gz: space "), "{said}");
    assert!(!said.contains("not proven"), "{said}");
    assert!(said.contains("200 events, complete as of"), "{said}");
    // Without the receipt, and without the key, it is not.
    fs::copy(env.path("events.json.gz"), env.path("bare.json.gz")).unwrap();
    let ran = search(&env, &["action:delete", "--file", "bare.json.gz"]);
    assert!(
        ran.stderr
            .contains("not proven: bare.json.gz has no receipt"),
        "{}",
        ran.stderr
    );
    ran.ok();
    let stranger = TestEnv::new();
    for name in ["events.json.gz", "events.json.gz.receipt"] {
        fs::copy(env.path(name), stranger.path(name)).unwrap();
    }
    let ran = search(&stranger, &[&["action:delete"][..], &FILE].concat());
    assert!(
        ran.stderr.contains("not proven: events.json.gz: UNPINNED"),
        "{}",
        ran.stderr
    );
    ran.ok();
    let ran = search(&env, &[&["--count", "--unverified"][..], &FILE].concat());
    let said = ran.stderr.clone();
    assert_eq!(ran.ok(), "200\n");
    assert!(said.contains("events.json.gz was not checked"), "{said}");
    // -q keeps the answer alone.
    assert_eq!(
        search(&env, &[&["-q", "--count"][..], &FILE].concat()).stderr,
        ""
    );
}

#[test]
fn a_file_that_was_changed_is_refused_unless_asked_for() {
    let (env, _server) = downloaded(&sample(12, 200));
    let gzip = fs::read(env.path("events.json.gz")).unwrap();
    let mut text = String::new();
    MultiGzDecoder::new(&gzip[..])
        .read_to_string(&mut text)
        .unwrap();
    let write = |text: &str| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        fs::write(env.path("events.json.gz"), packed.finish().unwrap()).unwrap();
    };
    // The control: other compression proves the same.
    write(&text);
    search(&env, &[&["--count"][..], &FILE].concat()).ok();
    for changed in [
        text.replacen("\"delete\"", "\"create\"", 1),
        text.split_once('\n').unwrap().1.to_owned(),
        format!("{text}{}\n", text.lines().next().unwrap()),
    ] {
        write(&changed);
        let ran = search(&env, &[&["action:delete"][..], &FILE].concat());
        assert_eq!(ran.stdout, "", "nothing of it is shown");
        let said = ran.fails(1);
        assert!(
            said.contains("events.json.gz does not match its receipt")
                && said.contains("--unverified"),
            "{said}"
        );
        let args = [&["--count", "--unverified"][..], &FILE].concat();
        let count = changed.lines().count();
        assert_eq!(search(&env, &args).ok(), format!("{count}\n"));
    }
    // Half of its bytes.
    fs::write(env.path("events.json.gz"), &gzip[..gzip.len() / 2]).unwrap();
    let said = search(&env, &[&["--count"][..], &FILE].concat()).fails(1);
    assert!(said.contains("does not match its receipt"), "{said}");
    // A receipt that is none.
    fs::write(env.path("events.json.gz"), &gzip).unwrap();
    fs::write(env.path("events.json.gz.receipt"), "nothing").unwrap();
    search(&env, &[&["--count"][..], &FILE].concat()).fails(1);
}

#[test]
fn an_event_in_two_proven_files_is_one_hit() {
    let lines = sample(13, 300);
    let (env, _server) = downloaded(&lines);
    download(&env, "part.json.gz", "2017-07-24", "2017-07-24");
    download(&env, "rest.json.gz", "2017-07-25", "2017-07-25");
    let all = expected(&lines, |line| line.contains("\"delete\""));
    let query = ["action:delete", "--all", "--file"];
    for files in [
        &["events.json.gz", "part.json.gz"][..],
        &["part.json.gz", "events.json.gz", "rest.json.gz"],
        &["part.json.gz", "rest.json.gz", "events.json.gz"],
    ] {
        let got = found(&env, &[&query[..], files].concat());
        let (mut got, mut all) = (ids(&got), ids(&all));
        got.sort_unstable();
        all.sort_unstable();
        assert_eq!(got, all, "{files:?}");
    }
    // The control: without receipts nobody knows that they are the same.
    fs::remove_file(env.path("part.json.gz.receipt")).unwrap();
    let args = [&query[..], &["events.json.gz", "part.json.gz"]].concat();
    let of_part = found(&env, &["action:delete", "--all", "--file", "part.json.gz"]);
    assert!(!of_part.is_empty());
    assert_eq!(found(&env, &args).len(), all.len() + of_part.len());
}
