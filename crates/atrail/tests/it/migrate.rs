//! A data directory that is moved to a cluster and back, with the program as people run it. The tests start a PostgreSQL of
//! their own, and print that they are skipped where there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use atrail_torture::S3;

use crate::env::{Ran, Server, TestEnv, events, value};
use crate::postgres::{DAY, Postgres, downloaded, session, stored};

/// A home, a database and a bucket.
struct World {
    env: TestEnv,
    postgres: Postgres,
    s3: S3,
}

impl World {
    fn new() -> Option<Self> {
        let postgres = Postgres::start()?;
        let (env, s3) = (TestEnv::new(), S3::start());
        let credentials = "[default]\naws_access_key_id = any\naws_secret_access_key = any\n";
        fs::create_dir_all(env.path("home/.aws")).unwrap();
        fs::write(env.path("home/.aws/credentials"), credentials).unwrap();
        let world = Self { env, postgres, s3 };
        for key in ["cluster.key", "other.key"] {
            fs::write(world.env.path(key), format!("{key:>32}")).unwrap();
            let private = fs::Permissions::from_mode(0o600);
            fs::set_permissions(world.env.path(key), private).unwrap();
        }
        for node in ["one", "two"] {
            world.configure(node, "cluster.key", "s3://logs/a");
        }
        Some(world)
    }

    /// Writes the configuration of a node.
    fn configure(&self, node: &str, key: &str, bucket: &str) {
        let (url, endpoint) = (self.postgres.url(), self.s3.endpoint());
        let key = self.env.path(key);
        let text = format!(
            "[store]\ncatalog = \"{url}\"\narchive = \"{bucket}\"\narchive_endpoint = \"{endpoint}\"\ncache = \"cache-{node}\"\n\
             seal_after = \"1s\"\n[cluster]\nkey_file = \"{}\"\nname = \"{node}\"\nnode_lease = \"2s\"\n[log]\nlevel = \"warn\"\n",
            key.display()
        );
        fs::write(self.env.path(&format!("{node}.toml")), text).unwrap();
    }

    fn node(&self, node: &str) -> Server {
        Server::start_node(&self.env, &format!("{node}.toml"))
    }

    /// Returns why a node does not start.
    fn node_refused(&self, node: &str) -> String {
        let config = format!("{node}.toml");
        let serve = ["serve", "--listen", "127.0.0.1:0", "--config", &config];
        self.env.run(&serve).fails(1)
    }

    fn migrate(&self, way: &[&str]) -> Ran {
        let config = ["admin", "migrate", "--config", "one.toml"];
        self.env.run(&[&config[..], way].concat())
    }

    /// Returns the number of logs that began anew, in the database.
    fn epochs(&self) -> String {
        self.postgres
            .sql("SELECT COUNT(*) FROM logs WHERE epoch <> ''")
    }

    /// Returns the number of objects in the bucket.
    fn objects(&self) -> usize {
        let keys = self.s3.keys();
        keys.iter().filter(|key| key.contains("/archive/")).count()
    }
}

const THERE: [&str; 2] = ["--data", "data"];

/// Starts a server on `data`, and gives it something of everything. Returns a session, and its bytes.
fn fill(env: &TestEnv) -> (Server, String, Vec<u8>) {
    let server = Server::start(env);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(240, 300).as_bytes())
        .ok();
    for (space, name) in [("dev", "dev-"), ("gone", "gone-")] {
        env.run(&["admin", "space", "create", space]).ok();
        env.run(&["target", "-s", space]).ok();
        let text = events(30, 10).replace("\"event-", &format!("\"{name}"));
        env.run_with(&["trail", "-q"], text.as_bytes()).ok();
    }
    let deleted = env.run(&[&["delete", "--yes"][..], &DAY].concat()).ok();
    assert!(deleted.contains("30 logs were deleted"), "{deleted}");
    env.run(&["target", "-s", "dev"]).ok();
    env.run(&["hold", "set", "--reason", "case 7"]).ok();
    env.run(&["target", "-s", "default"]).ok();
    env.run(&["option", "-r", "40000", "--yes"]).ok();
    env.run(&["admin", "account", "create", "second"]).ok();
    let user = ["admin", "user", "create", "ann", "--password-stdin"];
    env.run_with(&user, b"correct horse battery staple\n").ok();
    let role = ["--user", "ann", "--role", "owner", "--account", "second"];
    env.run(&[&["admin", "role", "create"][..], &role].concat())
        .ok();
    let made = session(env);
    let bytes = downloaded(env, &made, "first.gz");
    (server, made, bytes)
}

/// Returns everything that a client sees of the state, but how much of it the search index has: that grows by itself.
fn seen(env: &TestEnv) -> Vec<String> {
    let status = [&["status", "-a", "--format", "csv"][..], &DAY].concat();
    let shown: [&[&str]; 6] = [
        &status,
        &["option", "-a"],
        &["hold", "list", "-a"],
        &["admin", "account", "list"],
        &["admin", "api-key", "list"],
        &["admin", "user", "list"],
    ];
    let mut shown: Vec<_> = shown.iter().map(|args| env.run(args).ok()).collect();
    let lines = shown[0]
        .lines()
        .map(|line| line.rsplit_once(',').unwrap().0);
    shown[0] = lines.collect::<Vec<_>>().join("\n");
    shown
}

/// Downloads, and checks that the history continues that of the first session.
fn goes_on(env: &TestEnv, file: &str) {
    let since = ["download", "--since", "first.gz.receipt", "-o", file];
    env.run(&[&since[..], &DAY].concat()).ok();
    let verify = ["verify", file, "--since", "first.gz.receipt"];
    let report = env.run(&[&verify[..], &["--format", "json"]].concat()).ok();
    assert!(!report.contains("\"epoch\""), "{report}");
}

#[test]
fn everything_goes_there_and_back_and_the_history_goes_on() {
    let Some(world) = World::new() else {
        return;
    };
    let env = &world.env;
    let (server, made, bytes) = fill(env);
    let key = env
        .run(&["admin", "api-key", "create", "nightly", "--format", "json"])
        .ok();
    let busy = world.migrate(&THERE).fails(1);
    assert!(busy.contains("another atrail server uses"), "{busy}");
    let busy = world.migrate(&["--data", "data", "--dry-run"]).fails(1);
    assert!(busy.contains("stop it first"), "{busy}");
    let before = seen(env);
    let status = [&["status", "-a", "--format", "csv"][..], &DAY].concat();
    while !env.run(&status).ok().contains(",All") {
        sleep(Duration::from_millis(100));
    }
    assert_eq!(server.stop(), Some(0));

    let planned = world.migrate(&["--data", "data", "--dry-run"]).ok();
    assert_ne!(value(&planned, "objects"), "0", "{planned}");
    assert!(world.s3.keys().is_empty(), "a dry run changes nothing");
    let tables = "SELECT COUNT(*) FROM pg_class WHERE relname = 'accounts'";
    assert_eq!(world.postgres.sql(tables), "0");
    let moved = world.migrate(&THERE).ok();
    assert_eq!(value(&moved, "objects"), world.objects().to_string());
    assert_ne!(value(&moved, "logs"), "0", "{moved}");
    assert_ne!(value(&moved, "index-files"), "0", "{moved}");
    assert_eq!(world.postgres.sql("SELECT COUNT(*) FROM watermarks"), "0");

    // The directory is used no more.
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];
    for care in [
        &serve[..],
        &["admin", "backup", "--data", "data", "copy"],
        &["admin", "scrub", "--data", "data"],
        &["admin", "recover", "--data", "data", "--force"],
    ] {
        let refused = env.run(care).fails(1);
        assert!(refused.contains("was moved to postgres://"), "{refused}");
    }
    let again = world.migrate(&THERE).ok();
    assert_eq!(value(&again, "was-done"), "true");

    let (one, two) = (world.node("one"), world.node("two"));
    for (node, file, next) in [(&one, "a.gz", "b.gz"), (&two, "c.gz", "d.gz")] {
        env.log_in(node);
        assert_eq!(seen(env), before);
        assert_eq!(downloaded(env, &made, file), bytes);
        goes_on(env, next);
    }
    let more = events(240, 300).replace("\"event-", "\"more-");
    env.run_with(&["trail", "-q"], more.as_bytes()).ok();
    // What was sent before is known.
    env.run_with(&["trail", "-q"], events(240, 300).as_bytes())
        .ok();
    env.log_in(&one);
    assert_eq!(stored(env), 480);
    env.run(&["target", "-s", "dev"]).ok();
    let held = env.run(&[&["delete", "--yes"][..], &DAY].concat()).fails(1);
    assert!(held.contains("case 7"), "{held}");
    env.run(&["target", "-s", "default"]).ok();
    goes_on(env, "more.gz");
    assert_eq!(world.epochs(), "0");

    let back = ["--into", "back"];
    let refused = world.migrate(&back).fails(1);
    assert!(refused.contains("stop one and two first"), "{refused}");
    let refused = world.migrate(&["--into", "back", "--dry-run"]).fails(1);
    assert!(refused.contains("nodes run: stop one and two"), "{refused}");
    let last = "{\"id\":\"last\",\"eventTime\":\"2017-07-24T01:00:00Z\",\"action\":\"read\",\"outcome\":\"success\",\
                \"initiatorId\":\"i\",\"targetId\":\"t\"}";
    let before = seen(env);
    env.run_with(&["trail", "-q"], last.as_bytes()).ok();
    assert_eq!(one.stop(), Some(0));
    assert_eq!(two.stop(), Some(0));
    let refused = world.migrate(&["--into", "home"]).fails(1);
    assert!(refused.contains("home is not empty"), "{refused}");
    world.migrate(&["--into", "new", "--dry-run"]).ok();
    assert!(!env.path("new").exists());
    let moved = world.migrate(&["--into", "new"]).ok();
    assert_ne!(value(&moved, "objects"), "0");
    let refused = world.node_refused("one");
    assert!(refused.contains("was moved to /"), "{refused}");
    let refused = world.migrate(&["--into", "newer"]).fails(1);
    assert!(refused.contains("was moved to /"), "{refused}");

    fs::rename(env.path("data"), env.path("old")).unwrap();
    fs::rename(env.path("new"), env.path("data")).unwrap();
    let first = "initial-credentials.json";
    fs::copy(env.path("old").join(first), env.path("data").join(first)).unwrap();
    env.run(&["admin", "scrub", "--data", "data"]).ok();
    let server = Server::start(env);
    env.log_in(&server);
    assert_eq!(stored(env), 481);
    assert_eq!(seen(env)[1..], before[1..]);
    assert_eq!(downloaded(env, &made, "back.gz"), bytes);
    goes_on(env, "at-home.gz");
    // New events are not taken for sealed ones, whatever the logs before had counted.
    let more = events(48, 300).replace("\"event-", "\"home-");
    env.run_with(&["trail", "-q"], more.as_bytes()).ok();
    assert_eq!(stored(env), 529);
    env.run_with(&["trail", "-q"], events(240, 300).as_bytes())
        .ok();
    assert_eq!(stored(env), 529);
    goes_on(env, "more-at-home.gz");
    let key: serde_json::Value = serde_json::from_str(&key).unwrap();
    let address = server.address.to_string();
    fs::write(env.path("key.txt"), key["key"].as_str().unwrap()).unwrap();
    env.run(&["login", "-a", &address, "--api-key-file", "key.txt"])
        .ok();
    assert_eq!(server.stop(), Some(0));
}

/// Kills the migration as soon as this holds; returns whether it was in time.
fn killed_when(world: &World, is_due: impl Fn() -> bool) -> bool {
    let config = ["admin", "migrate", "--config", "one.toml"];
    let mut child = world
        .env
        .command(&[&config[..], &THERE].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_due() {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_interrupted_migration_goes_on_and_the_source_stays_in_use_until_the_last_step() {
    let Some(world) = World::new() else {
        return;
    };
    let env = &world.env;
    let (server, made, bytes) = fill(env);
    let before = seen(env);
    assert_eq!(server.stop(), Some(0));
    let is_marked = || env.path("data/moving-to").exists();
    assert!(killed_when(&world, is_marked));
    for objects in [1, 9] {
        let there = || world.objects();
        assert!(killed_when(&world, || there() >= objects));
        assert!(!env.path("data/moved-to").exists());
        let refused = world.node_refused("one");
        assert!(refused.contains("has not ended"), "{refused}");
        let server = Server::start(env);
        env.log_in(&server);
        assert_eq!(seen(env), before);
        if objects == 9 {
            // The source changes meanwhile.
            let more = events(24, 300).replace("\"event-", "\"late-");
            env.run_with(&["trail", "-q"], more.as_bytes()).ok();
            env.run(&["target", "-s", "gone"]).ok();
            env.run_with(&["trail", "-q"], more.as_bytes()).ok();
            env.run(&["target", "-s", "default"]).ok();
        }
        assert_eq!(server.stop(), Some(0));
    }
    // A stranger's object of an earlier attempt does not stay.
    let some = world
        .s3
        .keys()
        .into_iter()
        .find(|key| key.contains("/archive/"));
    let some = some.unwrap();
    world.s3.put(&format!("{some}-stray"), b"x");
    world.s3.put(&some, b"torn");
    let moved = world.migrate(&THERE).ok();
    assert_eq!(value(&moved, "was-done"), "false");
    let (copied, all) = (value(&moved, "copied-bytes"), value(&moved, "object-bytes"));
    let number = |text: &str| text.parse::<u64>().unwrap();
    assert!(number(&copied) < number(&all), "{moved}");
    assert_eq!(value(&moved, "objects"), world.objects().to_string());
    assert_ne!(world.s3.get(&some).unwrap(), b"torn");

    // A crash between the end of the old place's use and the begin of the new one's.
    let mark = fs::read_to_string(env.path("data/moved-to")).unwrap();
    let migration = mark.lines().next().unwrap();
    let set_back = format!("UPDATE catalog_home SET mark = 'filling {migration}'");
    world.postgres.sql(&set_back);
    let refused = world.node_refused("one");
    assert!(refused.contains("has not ended"), "{refused}");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];
    let refused = env.run(&serve).fails(1);
    assert!(refused.contains("was moved to"), "{refused}");
    let ended = world.migrate(&THERE).ok();
    assert_eq!(value(&ended, "was-done"), "true");
    let node = world.node("two");
    env.log_in(&node);
    assert_eq!(stored(env), 264);
    assert_eq!(downloaded(env, &made, "there.gz"), bytes);
    goes_on(env, "after.gz");
    assert_eq!(world.epochs(), "0");
    assert_eq!(node.stop(), Some(0));

    // The same on the way back.
    world.migrate(&["--into", "back"]).ok();
    let mark = world.postgres.sql("SELECT mark FROM catalog_home");
    let migration = mark.split(' ').nth(1).unwrap();
    fs::write(
        env.path("back/moving-in"),
        format!("{migration}\nelsewhere\n"),
    )
    .unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", "back"];
    let refused = env.run(&serve).fails(1);
    assert!(refused.contains("has not ended"), "{refused}");
    let ended = world.migrate(&["--into", "back"]).ok();
    assert_eq!(value(&ended, "was-done"), "true");
    env.run(&["admin", "scrub", "--data", "back"]).ok();
}

#[test]
fn targets_that_are_not_fit_are_refused_and_damaged_objects_stop_a_migration() {
    let Some(world) = World::new() else {
        return;
    };
    let env = &world.env;
    let (server, ..) = fill(env);
    assert_eq!(server.stop(), Some(0));
    let refused = |words: &str| {
        for dry in [&THERE[..], &["--data", "data", "--dry-run"]] {
            let refused = world.migrate(dry).fails(1);
            assert!(refused.contains(words), "{dry:?}: {refused}");
        }
    };
    world.s3.put("logs/a/stranger", b"x");
    refused("stranger");
    world.s3.remove("logs/a/stranger");
    // The database has the mark of the attempt that found the object, which is ours.
    world.configure("one", "absent.key", "s3://logs/a");
    refused("there is no such file");
    world.configure("one", "cluster.key", "s3://logs/a");
    let archive = env.path("data/archive");
    let object = find_object(&archive);
    let sound = fs::read(&object).unwrap();
    let mut broken = sound.clone();
    *broken.last_mut().unwrap() ^= 1;
    fs::write(&object, &broken).unwrap();
    let damaged = world.migrate(&THERE).fails(1);
    assert!(damaged.contains("do not match their SHA-256"), "{damaged}");
    assert!(!env.path("data/moved-to").exists());
    fs::write(&object, &sound).unwrap();
    // The secrets are not sealed yet; the name of the prefix is.
    world.configure("one", "other.key", "s3://logs/a");
    let wrong = world.migrate(&THERE).fails(1);
    assert!(wrong.contains("sealed under another key"), "{wrong}");
    world.configure("one", "cluster.key", "s3://logs/a");
    // Another directory is not mixed in.
    let other = TestEnv::new();
    drop(Server::start(&other));
    let own = other.path("data").display().to_string();
    let foreign = world.migrate(&["--data", &own]).fails(1);
    assert!(foreign.contains("has not ended"), "{foreign}");
    // The control.
    world.migrate(&THERE).ok();
    let foreign = world.migrate(&["--data", &own]).fails(1);
    assert!(foreign.contains("the database is not empty"), "{foreign}");
    let node = world.node("one");
    env.log_in(&node);
    assert_eq!(stored(env), 240);
    assert_eq!(node.stop(), Some(0));
}

fn find_object(dir: &std::path::Path) -> std::path::PathBuf {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            return path;
        }
        if path.is_dir() && fs::read_dir(&path).unwrap().next().is_some() {
            return find_object(&path);
        }
    }
    panic!("no object in {}", dir.display());
}
