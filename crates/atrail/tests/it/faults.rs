//! Makes each operation on the disk fail in each way. The server acknowledges no event that it lost, continues to
//! answer reads, and recovers at a restart.
//!
//! `ATRAIL_FAULTS=all` tries every operation of the workload in every way; a number N tries every Nth; the default is a
//! short run.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use atrail_torture::{
    Client, Control, Disk, Fault, How, Ledger, Op, Shim, nanos, read_trace, send_one,
    short_workload, workload,
};
use flate2::read::MultiGzDecoder;
use rustix::io::Errno;
use tempfile::TempDir;

use crate::power_loss::{program, say, skipped};

const WAYS: [(Errno, How); 7] = [
    (Errno::IO, How::Failed),
    (Errno::IO, How::FailedButDone),
    (Errno::NOSPC, How::Failed),
    (Errno::NOSPC, How::FailedButDone),
    (Errno::ROFS, How::Failed),
    (Errno::ROFS, How::FailedButDone),
    (Errno::ROFS, How::FailsFromThere),
];

/// Number of faults in the default run.
const SHORT: u64 = 10;

/// A data directory with sealed and unsealed events, as a killed server left it.
struct Template {
    disk: Disk,
    ledger: Ledger,
    session: String,
    download: Vec<u8>,
}

impl Template {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let server = program("1MiB")
            .start(dir.path(), scratch.path(), None)
            .unwrap();
        let client = server.client().unwrap();
        let ledger = Ledger::default();
        assert_eq!(workload(&client, &ledger, 4, 3), 0);
        let session = client.session().unwrap();
        let download = client.download(&session).unwrap();
        assert_eq!(send_one(&client, &ledger, "unsealed"), 200);
        server.kill();
        Self {
            disk: Disk::holding(dir.path()),
            ledger,
            session,
            download,
        }
    }

    fn run(&self) -> Run<'_> {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        self.disk.write_live(dir.path());
        Run {
            template: self,
            before: Disk::holding(dir.path()),
            shim: Shim::new(dir.path(), scratch.path()),
            ledger: self.ledger.copy(),
            dir,
            scratch,
            wrong: Vec::new(),
        }
    }
}

/// One run of a server with faults, from its start to its end, and its disk.
struct Run<'a> {
    template: &'a Template,
    before: Disk,
    shim: Shim,
    ledger: Ledger,
    dir: TempDir,
    scratch: TempDir,
    wrong: Vec<String>,
}

impl Run<'_> {
    fn control(&self) -> &Control {
        &self.shim.control
    }

    fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(otherwise());
        }
    }

    /// Returns the server's log.
    fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.path().join("server.log")).unwrap_or_default()
    }

    fn start(&self) -> Result<atrail_torture::Server, String> {
        program("1MiB").start(self.dir.path(), self.scratch.path(), Some(&self.shim))
    }

    /// Checks reads while nothing can be written. The server answers a read only if it has already recorded it. It cuts
    /// a download short if it can no longer record its end.
    fn reads_are_refused_at_most(&mut self, client: &Client) {
        let counts = client.counts();
        self.expect(matches!(counts.status, 200 | 503), || {
            format!("counts: {}", counts.text())
        });
        let download = client.download(&self.template.session);
        let fits = match &download {
            Ok(bytes) => *bytes == self.template.download,
            Err(why) => why.contains("\"status\":503") || why == "download: no whole answer",
        };
        self.expect(fits, || {
            format!("an older session: {:?}", download.map(|d| d.len()))
        });
    }

    fn reads_go_on(&mut self, client: &Client) {
        let counts = client.counts();
        self.expect(counts.status == 200, || {
            format!("counts: {}", counts.text())
        });
        let download = client.download(&self.template.session);
        let same = download
            .as_ref()
            .is_ok_and(|d| *d == self.template.download);
        self.expect(same, || {
            format!("an older session: {:?}", download.map(|d| d.len()))
        });
    }

    /// Frees space, and checks that the server recovers without help.
    fn heals(&mut self, client: &Client) {
        let is_back = (0..100).any(|_| {
            let status = send_one(client, &self.ledger, "back");
            thread::sleep(Duration::from_millis(if status == 200 { 0 } else { 200 }));
            status == 200 && client.is_ready()
        });
        self.expect(is_back, || "no events although there is space".to_owned());
        // Interrupted work is complete, and the repeated requests have taken effect.
        let found = match client.everything() {
            Ok(found) => self.ledger.check(&found, nanos()),
            Err(why) => vec![format!("{why} {}", self.log())],
        };
        self.wrong.extend(found);
    }

    /// Runs the workload with a fault, and checks that the server answers truthfully.
    fn with_fault(&mut self, fault: Fault) {
        self.control().fail(fault);
        // A server that does not start has promised nothing.
        let Ok(server) = self.start() else { return };
        let started_by = self.control().fired();
        // A login writes; a refused client tries again.
        if let Ok(client) = server.client().or_else(|_| server.client()) {
            let statuses = short_workload(&client, &self.ledger, "fault");
            let known = |status: &u16| matches!(status, 200 | 500 | 503 | 507);
            self.expect(statuses.iter().all(known), || {
                format!("statuses: {statuses:?}")
            });
            match fault.how {
                How::FailsFromThere => self.reads_are_refused_at_most(&client),
                How::Failed | How::FailedButDone => self.reads_go_on(&client),
            }
            let log_sync = self.control().fired().is_some_and(|(op, path)| {
                op == Op::SyncBegin && path.ends_with(".wal") && started_by.is_none()
            });
            let is_full = fault.error == Errno::NOSPC.raw_os_error();
            if log_sync && !is_full {
                let again = send_one(&client, &self.ledger, "after");
                self.expect(again == 503, || {
                    format!("after a failed sync of the log: {again}")
                });
                let is_ready = client.is_ready();
                self.expect(!is_ready, || "ready after a failed sync".to_owned());
            }
            if !client.is_ready() {
                let again = send_one(&client, &self.ledger, "not ready");
                self.expect(again != 200, || "not ready, and takes events".to_owned());
            }
        }
        server.stop();
    }

    /// Checks that, once there is space, the archive records an action from the time when the disk was full.
    fn is_on_record(&mut self, client: &Client, action: &str) {
        let wanted = format!("\"action\":\"{action}\"");
        let is_there = (0..100).any(|_| {
            let found = own_events(client);
            let is_there = found.iter().any(|line| line.contains(&wanted));
            thread::sleep(Duration::from_millis(if is_there { 0 } else { 200 }));
            is_there
        });
        self.expect(is_there, || format!("{action} is not on record"));
        let found = own_events(client);
        let distinct: HashSet<_> = found.iter().collect();
        self.expect(distinct.len() == found.len(), || {
            "an event of the server is there twice".to_owned()
        });
    }

    /// Starts a server without faults on the directory, and on the state that a power loss would have left.
    fn recovers(&mut self, seed: u64) {
        let mut disk = self.before.clone();
        if self.shim.trace().exists() {
            for record in read_trace(self.shim.trace()) {
                disk.apply(&record);
            }
        }
        let image = tempfile::tempdir().unwrap();
        disk.lose_power(seed, image.path());
        for (what, dir) in [("restart", self.dir.path()), ("power loss", image.path())] {
            let wrong = self.holds_everything(dir);
            let wrong = wrong.unwrap_or_else(|why| vec![why]);
            self.wrong
                .extend(wrong.into_iter().map(|text| format!("{what}: {text}")));
        }
    }

    fn holds_everything(&self, dir: &Path) -> Result<Vec<String>, String> {
        let scratch = tempfile::tempdir().unwrap();
        let server = program("1MiB").start(dir, scratch.path(), None)?;
        let client = server.client()?;
        let ledger = self.ledger.copy();
        let mut wrong = ledger.check(&client.everything()?, nanos());
        let status = send_one(&client, &ledger, "restarted");
        if status != 200 {
            wrong.push(format!("sent after the restart: {status}"));
        }
        if ledger.send_all_again(&client, u64::MAX) != 200 {
            wrong.push("sending again".to_owned());
        }
        wrong.extend(ledger.check(&client.everything()?, nanos()));
        Ok(wrong)
    }
}

/// Runs the numbered tasks, two at a time; returns their faults.
fn each(tasks: &[u64], work: impl Fn(u64) -> Option<String> + Sync) -> Vec<String> {
    const TOLD_EVERY: usize = 500;
    let next = Mutex::new(tasks.iter().enumerate());
    let wrong = Mutex::new(Vec::new());
    let worker = || loop {
        let task = next.lock().unwrap().next();
        let Some((done, task)) = task else { return };
        if done > 0 && done % TOLD_EVERY == 0 {
            say(&format!("{done} of {}", tasks.len()));
        }
        if let Some(text) = work(*task) {
            say(&text);
            wrong.lock().unwrap().push(text);
        }
    };
    thread::scope(|scope| {
        scope.spawn(worker);
        worker();
    });
    wrong.into_inner().unwrap()
}

/// Selects the tasks to run from this many.
fn chosen(all: u64, short: u64) -> Vec<u64> {
    let set = std::env::var("ATRAIL_FAULTS").unwrap_or_default();
    let step = match set.as_str() {
        "all" => 1,
        text => text.parse().unwrap_or((all / short).max(1)),
    };
    (0..all).step_by(usize::try_from(step).unwrap()).collect()
}

#[test]
fn every_failing_operation_leaves_what_was_acknowledged() {
    if skipped() {
        return;
    }
    let template = Template::make();
    let mut undisturbed = template.run();
    undisturbed.with_fault(Fault {
        at: u64::MAX,
        error: 0,
        how: How::Failed,
    });
    let operations = undisturbed.control().count();
    undisturbed.recovers(0);
    assert_eq!(undisturbed.wrong, Vec::<String>::new(), "without a fault");
    let ways = WAYS.len() as u64;
    let fired = Mutex::new(0);
    let tasks = chosen(operations * ways, SHORT);
    let wrong = each(&tasks, |task| {
        let (error, how) = WAYS[usize::try_from(task % ways).unwrap()];
        let at = 1 + task / ways;
        let mut run = template.run();
        run.with_fault(Fault {
            at,
            error: error.raw_os_error(),
            how,
        });
        let what = run.control().fired();
        *fired.lock().unwrap() += u64::from(what.is_some());
        run.recovers(task);
        (!run.wrong.is_empty()).then(|| {
            let first = run.wrong[..run.wrong.len().min(3)].join("; ");
            format!("{error:?} {how:?} at {at} of {operations}, {what:?}: {first}")
        })
    });
    assert!(
        wrong.is_empty(),
        "{} of {} faults",
        wrong.len(),
        tasks.len()
    );
    let fired = fired.into_inner().unwrap();
    assert!(
        fired > tasks.len() as u64 * 9 / 10,
        "only {fired} of {} came to pass",
        tasks.len()
    );
}

#[test]
fn a_full_disk_refuses_and_space_that_comes_back_is_used() {
    if skipped() {
        return;
    }
    let template = Template::make();
    let refused = AtomicU64::new(0);
    let tasks = chosen(96, 3);
    let wrong = each(&tasks, |blocks| {
        let mut run = template.run();
        let server = run.start().unwrap();
        let client = server.client().unwrap();
        run.control().limit_to(blocks * 4096);
        let statuses = short_workload(&client, &run.ledger, "full");
        let known = |status: &u16| matches!(status, 200 | 507);
        run.expect(statuses.iter().all(known), || format!("{statuses:?}"));
        // The control: some limits take effect.
        let felt = !run.log().is_empty() || statuses.contains(&507);
        refused.fetch_add(u64::from(felt), Ordering::Relaxed);
        run.reads_go_on(&client);
        server.kill();
        let server = run.start().unwrap();
        let client = server.client().unwrap();
        run.reads_go_on(&client);
        run.control().lift();
        run.heals(&client);
        server.kill();
        run.recovers(blocks);
        (!run.wrong.is_empty()).then(|| {
            let first = run.wrong[..run.wrong.len().min(3)].join("; ");
            format!("with {blocks} blocks: {first}")
        })
    });
    assert!(
        wrong.is_empty(),
        "{} of {} limits",
        wrong.len(),
        tasks.len()
    );
}

/// Returns the server's own events of these days, from all domains.
fn own_events(client: &Client) -> Vec<String> {
    let days = br#"{"start":"yesterday","end":"today","AtAccountLevel":true}"#;
    let made = client.ask("POST", "/v3/sessions", "", days);
    let id = made.json()["id"].as_str().unwrap_or_default().to_owned();
    let bytes = client.download(&id).unwrap_or_default();
    let mut text = String::new();
    // An answer that is not gzip holds no events.
    let _ = MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text);
    let _ = client.ask("DELETE", &format!("/v3/sessions/{id}"), "", b"");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_read_that_cannot_be_put_on_record_is_not_answered() {
    if skipped() {
        return;
    }
    let template = Template::make();
    let run = template.run();
    let server = run.start().unwrap();
    let client = server.client().unwrap();
    // The control: the server answers a download that it can record.
    assert_eq!(
        client.download(&template.session),
        Ok(template.download.clone())
    );
    let made = client.ask("POST", "/v3/exports", "", b"{}").json();
    let export = format!("/v3/exports/{}", made["id"].as_str().unwrap());
    assert_eq!(client.ask("POST", "/v3/search", "", b"{}").status, 200);
    run.control().fail(Fault {
        at: run.control().count() + 1,
        error: Errno::ROFS.raw_os_error(),
        how: How::FailsFromThere,
    });
    // Another query than the one that is on record for this hour.
    let query = br#"{"query":"action:read"}"#;
    for path in ["/v3/search", "/v3/aggregate"] {
        let found = client.ask("POST", path, "", query);
        assert_eq!(found.status, 503, "{}", found.text());
        assert!(found.text().contains("could not record this read"));
    }
    assert_eq!(client.ask("GET", &export, "", b"").status, 503);
    let counts = client.counts();
    assert_eq!(counts.status, 503, "{}", counts.text());
    let again = client.download(&template.session).unwrap_err();
    assert!(again.contains("could not record this read"), "{again}");
    let receipt = format!("/v3/sessions/{}/receipt", template.session);
    assert_eq!(client.ask("GET", &receipt, "", b"").status, 503);
    server.kill();
    run.control().mend();
    let server = run.start().unwrap();
    let client = server.client().unwrap();
    assert_eq!(client.counts().status, 200);
    assert_eq!(
        client.download(&template.session),
        Ok(template.download.clone())
    );
    server.stop();
}

/// Another process filled the disk while no server ran, but left the server's reserved space.
#[test]
fn a_server_starts_on_a_full_disk_reads_deletes_and_heals() {
    if skipped() {
        return;
    }
    let template = Template::make();
    let tasks = chosen(96, 3);
    let wrong = each(&tasks, |blocks| {
        let mut run = template.run();
        run.control().limit_to(blocks * 4096);
        let server = match run.start() {
            Ok(server) => server,
            Err(why) => return Some(format!("with {blocks} blocks: {why}")),
        };
        let client = server.client().unwrap();
        let sent = send_one(&client, &run.ledger, "full");
        run.expect(sent == 507, || format!("sent to a full disk: {sent}"));
        run.reads_go_on(&client);
        let all = client.everything();
        run.expect(all.is_ok(), || format!("a session: {all:?}"));
        let deleted = run.ledger.delete(&client, "2017-08-31");
        run.expect(deleted == 200, || format!("a deletion: {deleted}"));
        let sent = send_one(&client, &run.ledger, "still full");
        run.expect(sent == 507, || format!("sent after a deletion: {sent}"));
        run.control().lift();
        run.heals(&client);
        run.is_on_record(&client, "delete.events");
        server.kill();
        run.recovers(blocks);
        (!run.wrong.is_empty()).then(|| {
            let first = run.wrong[..run.wrong.len().min(3)].join("; ");
            format!("with {blocks} blocks: {first} {}", run.log())
        })
    });
    assert_eq!(wrong, Vec::<String>::new());
}
