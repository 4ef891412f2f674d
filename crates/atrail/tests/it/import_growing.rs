//! `atrail import`: files that grow, are rotated, written and replaced while they are imported.
//!
//! Most events here state no time and get that of their file. So an event that is sent once more, after its file has
//! changed, is another event to the server: a count shows what was sent.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::env::{Server, TestEnv};
use crate::import::{COUNTS, import, stored, sum, write};
use crate::import_digests::{KEYS, Trail, check};

fn scene() -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    (env, server)
}

fn line(user: &str) -> String {
    format!("{{\"user\":\"{user}\",\"action\":\"left\"}}\n")
}

fn lines(users: &[&str]) -> String {
    users.iter().map(|user| line(user)).collect()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_log_that_grows_and_is_rotated_is_sent_once() {
    let (env, _server) = scene();
    let log = env.path("logs/app.log");
    write(&log, lines(&["ann", "ann", "bob"]));
    assert_eq!(sum(&import(&env, &["logs"]).ok(), COUNTS), [1, 0, 3, 3, 0]);
    // A line that came before is an event of its own.
    append(&log, &lines(&["ann", "eve"]));
    assert_eq!(sum(&import(&env, &["logs"]).ok(), COUNTS), [1, 0, 5, 2, 3]);
    assert_eq!(stored(&env), (5, 5));
    assert_eq!(sum(&import(&env, &["logs"]).ok(), COUNTS), [1, 1, 5, 0, 5]);
    // Rotated after it has grown, and begun anew.
    append(&log, &line("zoe"));
    fs::rename(&log, env.path("logs/app.log.1")).unwrap();
    write(&log, line("max"));
    assert_eq!(sum(&import(&env, &["logs"]).ok(), COUNTS), [2, 0, 7, 2, 5]);
    assert_eq!(stored(&env), (7, 7));
    // The controls: a file whose beginning was changed, and one that is to be read all the same.
    fs::write(&log, lines(&["MAX", "tom"])).unwrap();
    assert_eq!(
        sum(&import(&env, &["logs/app.log"]).ok(), COUNTS),
        [1, 0, 2, 2, 0]
    );
    append(&log, &line("kim"));
    let again = import(&env, &["logs/app.log", "--again"]).ok();
    assert_eq!(sum(&again, COUNTS), [1, 0, 3, 3, 0]);
}

#[test]
fn a_last_line_without_an_end_is_continued_or_ended_later() {
    let (env, _server) = scene();
    let log = env.path("app.log");
    let text = lines(&["ann", "bob"]);
    write(&log, text.trim_end());
    assert_eq!(
        sum(&import(&env, &["app.log"]).ok(), COUNTS),
        [1, 0, 2, 2, 0]
    );
    append(&log, &format!("\n{}", line("eve")));
    assert_eq!(
        sum(&import(&env, &["app.log"]).ok(), COUNTS),
        [1, 0, 3, 1, 2]
    );
    // Half a line that nobody continues is kept as it is; once it is whole, it is an event of its own.
    append(&log, "{\"user\":\"zoe\",");
    let half = import(&env, &["app.log"]).ok();
    assert_eq!(sum(&half, ["events", "stored", "refused"]), [4, 1, 0]);
    append(&log, "\"action\":\"left\"}\n");
    assert_eq!(
        sum(&import(&env, &["app.log"]).ok(), COUNTS),
        [1, 0, 4, 1, 3]
    );
    assert_eq!(stored(&env), (5, 5));
}

#[test]
fn a_log_that_is_being_written_is_imported_up_to_its_last_whole_line() {
    let (env, _server) = scene();
    let log = env.path("app.log");
    let text: String = (0..6_000)
        .map(|number| line(&format!("user-{number}")))
        .collect();
    write(&log, format!("{text}{{\"action\":\"left\",\"user\":\"z"));
    let is_done = AtomicBool::new(false);
    let first = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::SeqCst) {
                append(&log, "o");
                thread::sleep(Duration::from_micros(20));
            }
        });
        let first = import(&env, &["app.log"]);
        is_done.store(true, Ordering::SeqCst);
        first
    });
    assert!(
        first
            .stderr
            .contains("app.log: its last line is being written"),
        "{}",
        first.stderr
    );
    assert_eq!(sum(&first.ok(), COUNTS), [1, 0, 6_000, 6_000, 0]);
    append(&log, "e\"}\n");
    assert_eq!(
        sum(&import(&env, &["app.log"]).ok(), COUNTS),
        [1, 0, 6_001, 1, 6_000]
    );
    assert_eq!(stored(&env), (6_001, 6_001));
}

#[test]
fn an_event_of_several_lines_at_the_end_of_a_log_is_sent_once() {
    let (env, _server) = scene();
    let log = env.path("audit.log");
    let event = |number: usize| {
        let id = format!("msg=audit(17000000{number}0.123:{number})");
        format!(
            "type=SYSCALL {id}: arch=c000003e syscall=59 success=yes exit=0 pid=7 auid=0 uid=0 comm=\"ls\" exe=\"/bin/ls\" key=\"k\"\n\
             type=EXECVE {id}: argc=1 a0=\"ls\"\n"
        )
    };
    write(&log, event(1));
    assert_eq!(
        sum(&import(&env, &["auditd", "audit.log"]).ok(), COUNTS),
        [1, 0, 1, 1, 0]
    );
    append(&log, &event(2));
    // A third answer would be that of the first event, which was sent when the log ended behind it.
    assert_eq!(
        sum(&import(&env, &["auditd", "audit.log"]).ok(), COUNTS),
        [1, 0, 2, 1, 1]
    );
}

#[test]
fn an_import_that_ended_within_a_large_file_goes_on_there() {
    let (env, _server) = scene();
    let log = env.path("app.log");
    let filler = "x".repeat(200);
    let users = (0..6_000).map(|number| format!("user-{number}-{filler}"));
    let text: String = users.map(|user| line(&user)).collect();
    write(&log, &text);
    assert_eq!(
        sum(&import(&env, &["app.log"]).ok(), COUNTS),
        [1, 0, 6_000, 6_000, 0]
    );
    let ledger = fs::read_dir(env.path("home/config/atrail/imports")).unwrap();
    let ledger = ledger.map(|entry| entry.unwrap().path()).next().unwrap();
    let records = fs::read(&ledger).unwrap();
    // As if it had been killed after the first request, and, as the control, before it.
    for (kept, is_sent_again) in [(2 * 32, false), (32, true)] {
        fs::write(&ledger, &records[..kept]).unwrap();
        fs::write(&log, &text).unwrap();
        let [events, now] = sum(&import(&env, &["app.log"]).ok(), ["events", "stored"]);
        assert_eq!(events, 6_000);
        assert_eq!(now == 6_000, is_sent_again, "{now}");
        assert!(now > 0, "{now}");
    }
}

#[test]
fn what_is_checked_is_what_is_sent() {
    let (env, _server) = scene();
    let trail = Trail::of(2);
    trail.copy_to(&env);
    let (key, text) = &trail.logs[0];
    let path = env.path(&format!("copy/{key}"));
    fs::write(&path, text).unwrap();
    let places: Vec<u64> = text
        .match_indices("\"ann\"")
        .map(|(at, _)| at as u64 + 1)
        .collect();
    let file = File::options().write(true).open(&path).unwrap();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::SeqCst) {
                for name in [b"eve", b"ann"] {
                    places
                        .iter()
                        .for_each(|at| file.write_all_at(name, *at).unwrap());
                    thread::sleep(Duration::from_micros(100));
                }
            }
        });
        for _ in 0..12 {
            let ran = check(&env, &KEYS);
            assert!(
                !ran.stderr.contains("it changed while it was read"),
                "{}",
                ran.stderr
            );
        }
        is_done.store(true, Ordering::SeqCst);
    });
    let count = |query: &str| {
        let args = [
            "search",
            "-s",
            "2026-03-01",
            "-e",
            "2026-03-01",
            "--count",
            query,
        ];
        env.run(&args).ok().trim().to_owned()
    };
    assert_eq!(count("actor:eve"), "0");
    // The control: the file as it ended is imported, and what was changed would be found.
    assert_eq!(
        sum(&check(&env, &KEYS).ok(), ["files", "files_failed"]),
        [2, 0]
    );
    fs::write(&path, text.replace("\"ann\"", "\"eve\"")).unwrap();
    check(&env, &[&KEYS[..], &["--unverified"]].concat()).fails(1);
    assert_eq!(count("actor:eve"), "5");
}
