//! Files of every form give the same answers.

use std::fs;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{downloaded, expected, found, ids, sample, search};
use crate::env::TestEnv;

const FILE: [&str; 2] = ["--file", "events.json.gz"];

#[test]
fn hits_come_in_the_servers_order_and_as_they_are_stored() {
    let lines = sample(1, 500);
    let (env, _server) = downloaded(&lines);
    let is_ann = |line: &str| line.contains("\"Ann\"") && line.contains("\"delete\"");
    let newest = expected(&lines, is_ann);
    assert!(newest.len() > 10, "{}", newest.len());
    let query = ["ACTOR:ann", "action:delete"];
    assert_eq!(found(&env, &[&query[..], &FILE].concat()), newest);
    // Those of one time keep the order of their arrival in either order.
    let mut oldest = newest.clone();
    oldest.sort_by_key(|line| line.split('"').nth(7).unwrap().to_owned());
    let order = ["--order", "oldest"];
    let mut by_time = newest.clone();
    by_time.sort_by_key(|line| line.split('"').nth(7).unwrap().to_owned());
    let got = found(&env, &[&query[..], &order, &FILE].concat());
    assert_eq!(got.len(), by_time.len());
    let all: Vec<&str> = lines.lines().filter(|line| is_ann(line)).collect();
    let place = |line: &String| all.iter().position(|one| one == line).unwrap();
    let sorted = got.windows(2).all(|pair| {
        let times = [&pair[0], &pair[1]].map(|line| line.split('"').nth(7).unwrap());
        times[0] < times[1] || times[0] == times[1] && place(&pair[0]) < place(&pair[1])
    });
    assert!(sorted, "{got:#?}");
    // A limit gives the first of them, and says that there are more.
    let ran = search(&env, &[&query[..], &["--limit", "3"], &FILE].concat());
    let said = ran.stderr.clone();
    let three: Vec<_> = ran.ok().lines().map(str::to_owned).collect();
    assert_eq!(three, newest[..3]);
    let note = format!("3 of {} events that match are shown", newest.len());
    assert!(said.contains(&note), "{said}");
}

#[test]
fn every_form_of_a_file_gives_the_same() {
    let lines = sample(2, 300);
    let (env, _server) = downloaded(&lines);
    let query = ["outcome:failure -action:create from:10.1.0.0/16"];
    let wanted = found(&env, &[&query[..], &FILE].concat());
    let is_wanted = |line: &str| {
        line.contains("\"failure\"") && !line.contains("\"create\"") && line.contains("\"10.1.0.")
    };
    assert_eq!(wanted, expected(&lines, is_wanted));
    assert!(wanted.len() > 5, "{wanted:?}");
    let gzip = fs::read(env.path("events.json.gz")).unwrap();
    let mut text = String::new();
    MultiGzDecoder::new(&gzip[..])
        .read_to_string(&mut text)
        .unwrap();
    let list: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let crlf = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    for (name, bytes) in [
        ("copy.json.gz", gzip.clone()),
        ("packed.gz", packed.finish().unwrap()),
        ("lines.ndjson", text.clone().into_bytes()),
        ("dos.ndjson", crlf.into_bytes()),
        ("unended.ndjson", text.trim_end().as_bytes().to_vec()),
        ("list.json", serde_json::to_vec(&list).unwrap()),
        ("pretty.json", serde_json::to_vec_pretty(&list).unwrap()),
        (
            "log.json",
            serde_json::to_vec(&serde_json::json!({ "events": list })).unwrap(),
        ),
    ] {
        fs::write(env.path(name), &bytes).unwrap();
        let got = found(&env, &[&query[..], &["--file", name]].concat());
        assert_eq!(ids(&got), ids(&wanted), "{name}");
        let is_list = name.ends_with(".json");
        assert!(is_list || got == wanted, "{name}: not the same bytes");
        let args = [&["search"][..], &query, &["--file", "-"]].concat();
        let from_stdin = env.run_with(&args, &bytes).ok();
        assert_eq!(from_stdin.lines().collect::<Vec<_>>(), got, "{name}");
    }
    // The control: another query finds others.
    let others = found(&env, &["outcome:success", "--file", "list.json"]);
    assert!(!others.is_empty() && others.iter().all(|line| !wanted.contains(line)));
}

#[test]
fn days_and_times_limit_what_is_searched() {
    let lines = sample(3, 200);
    let (env, _server) = downloaded(&lines);
    let count = |args: &[&str]| {
        let args = [&["--count"][..], args, &FILE].concat();
        found(&env, &args)[0].parse::<usize>().unwrap()
    };
    let of = |is_wanted: &dyn Fn(&str) -> bool| {
        let times = lines.lines().map(|line| line.split('"').nth(7).unwrap());
        times.filter(|time| is_wanted(time)).count()
    };
    assert_eq!(count(&[]), 200);
    let day = of(&|time| time.starts_with("2017-07-24"));
    assert_eq!(count(&["--day", "2017-07-24"]), day);
    assert_eq!(count(&["-s", "2017-07-24", "-e", "2017-07-24"]), day);
    let from = of(&|time| time >= "2017-07-24T12:00:01.5Z");
    assert_eq!(count(&["-s", "2017-07-24T12:00:01.5Z"]), from);
    let before = of(&|time| ("2017-07-24".."2017-07-24T12:00:01.5Z").contains(&time));
    let end = ["-s", "2017-07-24", "-e", "2017-07-24T12:00:01.5Z"];
    assert_eq!(count(&end), before);
    assert!(from > 0 && before > 0 && day > 0);
}

#[test]
fn a_place_that_is_no_event_is_named() {
    let env = TestEnv::new();
    let lines = sample(4, 3);
    let mut parts: Vec<&str> = lines.lines().collect();
    parts.insert(1, "");
    parts.insert(2, "{\"action\":\"no time\"}");
    parts.insert(4, "half a line");
    fs::write(env.path("mixed.ndjson"), parts.join("\n")).unwrap();
    let ran = search(&env, &["action:*", "--file", "mixed.ndjson"]);
    assert_eq!(ran.stdout.lines().count(), 3, "{ran:?}");
    let said = ran.fails(1);
    assert!(
        said.contains("2 places that are no events were not searched")
            && said.contains("mixed.ndjson, line 3: no eventTime"),
        "{said}"
    );
    // The control.
    fs::write(env.path("sound.ndjson"), &lines).unwrap();
    search(&env, &["action:*", "--file", "sound.ndjson"]).ok();
}

#[test]
fn a_file_that_is_cut_or_missing_is_an_error() {
    let env = TestEnv::new();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(sample(5, 400).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(env.path("whole.gz"), &packed).unwrap();
    fs::write(env.path("cut.gz"), &packed[..packed.len() / 2]).unwrap();
    let said = search(&env, &["--count", "--file", "whole.gz", "cut.gz"]).fails(6);
    assert!(
        said.contains("cut.gz is damaged, or not complete"),
        "{said}"
    );
    search(&env, &["--count", "--file", "nothing.gz"]).fails(1);
    search(&env, &["--count", "--file", "whole.gz"]).ok();
}
