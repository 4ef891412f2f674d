//! A server that loses its connection to PostgreSQL at a commit: no event is lost, and none is there twice.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use atrail_torture::{Cut, PostgresProxy};

use crate::env::{Server, TestEnv, events};
use crate::postgres::{DAY, Postgres, SERVE, downloaded, session, stored};

/// PostgreSQL takes a while to commit what adds or removes objects.
const SLOW: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$; \
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT OR DELETE ON objects DEFERRABLE INITIALLY DEFERRED \
    FOR EACH ROW EXECUTE FUNCTION slow()";
/// Of the day whose events the tests send: the server's own events are of today.
const OBJECTS: &str = "SELECT COUNT(*) FROM objects WHERE day = 17371";
/// A compaction changes the number of objects alone.
const SEGMENTS: &str =
    "SELECT COUNT(*) FROM segments JOIN objects USING (object) WHERE day = 17371";

/// A server whose catalog is in PostgreSQL, with a proxy between them.
struct Scene {
    postgres: Postgres,
    proxy: PostgresProxy,
    env: TestEnv,
    server: Server,
}

impl Scene {
    fn start() -> Option<Self> {
        let postgres = Postgres::start()?;
        let proxy = PostgresProxy::start(postgres.socket());
        let env = TestEnv::new();
        let address = proxy.address();
        let text = format!(
            "[store]\ncatalog = \"postgres://atrail@{address}/postgres?sslmode=disable\"\nseal_after = \"1s\"\n\
             [log]\nlevel = \"warn\"\n"
        );
        fs::write(env.path("atrail.toml"), text).unwrap();
        let server = Server::start_with(&env, &SERVE);
        env.log_in(&server);
        postgres.sql(SLOW);
        Some(Self {
            postgres,
            proxy,
            env,
            server,
        })
    }

    /// Sends one event of the day's first hour.
    fn send(&self, name: &str) {
        let event = events(1, 300).replace("event-0", name);
        self.env.run_with(&["trail", "-q"], event.as_bytes()).ok();
    }

    /// Waits until a statement has this result.
    fn wait(&self, statement: &str, expected: &str) {
        let mut result = String::new();
        for _ in 0..600 {
            result = self.postgres.sql(statement);
            if result == expected {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("{statement}: {result}");
    }

    /// Waits until a connection is cut.
    fn wait_for_cut(&self) {
        for _ in 0..3000 {
            if self.proxy.cuts() == 1 {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("no transaction was cut");
    }

    /// Checks that these events are there, once each, and that their download verifies.
    fn check(&mut self, names: &[&str]) {
        for _ in 0..2 {
            assert_eq!(stored(&self.env), names.len());
            let made = session(&self.env);
            let file = format!("{made}.gz");
            let gzip = downloaded(&self.env, &made, &file);
            let mut text = String::new();
            let read = MultiGzDecoder::new(&gzip[..]).read_to_string(&mut text);
            read.unwrap();
            assert_eq!(text.lines().count(), names.len(), "{text}");
            for name in names {
                assert_eq!(text.matches(&format!("\"{name}\"")).count(), 1, "{text}");
            }
            // Again once everything is sealed, and with what a start finds.
            self.server.kill();
            self.server.start_again(&self.env, &SERVE);
        }
    }

    /// Returns the number of files that the day's events are in.
    fn files(&self) -> usize {
        fn count(dir: &Path) -> usize {
            let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
            entries
                .map(|entry| match entry.file_type().unwrap().is_dir() {
                    true => count(&entry.path()),
                    false => {
                        let path = entry.path();
                        let path = path.to_string_lossy();
                        usize::from(path.contains("date=2017-07-24") && path.ends_with(".gz"))
                    }
                })
                .sum()
        }
        count(&self.env.path("data/archive"))
    }
}

/// PostgreSQL still commits when the server already knows that the answer is lost.
#[test]
fn a_seal_that_is_committed_after_its_connection_was_cut_keeps_its_objects() {
    let Some(mut scene) = Scene::start() else {
        return;
    };
    scene.proxy.cut(Cut::AfterCommit, "INSERT INTO watermarks");
    scene.send("first");
    scene.wait_for_cut();
    assert_eq!(
        scene.postgres.sql(OBJECTS),
        "0",
        "the control: it is not committed yet"
    );
    scene.wait(OBJECTS, "1");
    scene.check(&["first"]);
    assert_eq!(scene.files(), 1);
    scene.send("second");
    scene.wait(SEGMENTS, "2");
    scene.check(&["first", "second"]);
    assert_eq!(scene.proxy.cuts(), 1);
}

#[test]
fn a_seal_whose_commit_never_arrived_is_done_again() {
    let Some(mut scene) = Scene::start() else {
        return;
    };
    scene.proxy.cut(Cut::BeforeCommit, "INSERT INTO watermarks");
    scene.send("first");
    scene.wait_for_cut();
    scene.wait(OBJECTS, "1");
    scene.check(&["first"]);
    assert_eq!((scene.files(), scene.proxy.cuts()), (1, 1));
}

#[test]
fn a_deletion_that_is_committed_after_its_connection_was_cut_is_done_once() {
    let Some(scene) = Scene::start() else {
        return;
    };
    scene.send("first");
    scene.wait(OBJECTS, "1");
    assert_eq!(scene.files(), 1, "the control");
    scene.proxy.cut(Cut::AfterCommit, "DELETE FROM objects");
    let deleted = scene
        .env
        .run(&[&["delete", "--yes"][..], &DAY].concat())
        .ok();
    assert!(deleted.contains("1 logs were deleted"), "{deleted}");
    assert_eq!(scene.proxy.cuts(), 1);
    assert_eq!(
        (scene.postgres.sql(OBJECTS), scene.files()),
        ("0".to_owned(), 0)
    );
    assert_eq!(stored(&scene.env), 0);
}
