//! `quickstart --cluster`. It needs PostgreSQL, and `weed` on the path.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::env::TestEnv;
use crate::postgres::Postgres;

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| Path::new(&dir).join(program).is_file())
}

#[test]
fn three_nodes_of_which_one_is_killed_end_in_a_proof() {
    if !is_on_path("weed") || Postgres::start().is_none() {
        println!("skipped: weed or PostgreSQL is not installed");
        return;
    }
    let env = TestEnv::new();
    // As root it runs PostgreSQL as another user, who must reach its files.
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let mut command = env.command(&["quickstart", "--cluster", "--exit"]);
    command.env("TMPDIR", place.path());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let shown = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(shown.stdout), text(shown.stderr));
    assert_eq!(shown.status.code(), Some(0), "{stdout}{stderr}");
    let after = stdout.split("$ kill -9").nth(1).unwrap();
    assert!(after.contains("\nOK "), "{after}");
    let again = "3,000 events sent to space default, 3,000 of them stored already";
    assert!(stderr.contains(again), "{stderr}");
    // Nothing is left.
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

/// The control: a server that is missing is named, and nothing was started.
#[test]
fn quickstart_names_what_a_cluster_lacks() {
    if !cfg!(feature = "cluster") {
        println!("skipped: the program was built without the feature cluster");
        return;
    }
    let env = TestEnv::new();
    let mut command = env.command(&["quickstart", "--cluster", "--exit"]);
    let shown = command.env("PATH", "").output().unwrap();
    assert_eq!(shown.status.code(), Some(1));
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(said.contains("is not installed"), "{said}");
}
