//! Files that the client makes: others cannot read them, and the client never makes or writes one through a link.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::env::{Ran, Server, TestEnv, events, finish};

const DAY: &str = "2017-07-24";

fn ready() -> (TestEnv, Server, String) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(50, 100)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let create = ["session", "create", "-q", "-s", DAY, "-e", DAY];
    let id = env.run(&create).ok();
    (env, server, id.trim().to_owned())
}

/// Runs the program under a umask.
fn masked(env: &TestEnv, mask: &str, args: &[&str], input: &[u8]) -> Ran {
    let line = format!("umask {mask}; exec \"$0\" \"$@\"");
    let words = [&["-c", &line, env!("CARGO_BIN_EXE_atrail")][..], args].concat();
    finish(&mut env.command_as(Path::new("/bin/sh"), &words), input)
}

/// Returns every file and directory below, with its mode.
fn modes(dir: &Path) -> Vec<(PathBuf, bool, u32)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let metadata = entry.metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        all.push((entry.path(), metadata.is_dir(), mode));
        if metadata.is_dir() {
            all.extend(modes(&entry.path()));
        }
    }
    all
}

#[test]
fn all_that_is_made_is_for_its_owner_alone_whatever_the_mask() {
    let (env, server, id) = ready();
    let address = server.address.to_string();
    // The last one removes the owner's rights, too.
    for mask in ["000", "022", "077", "0777"] {
        let dir = env.path(&format!("mask-{mask}"));
        fs::create_dir(&dir).unwrap();
        let run = |args: &[&str], input: &[u8]| {
            let line = format!("umask {mask}; exec \"$0\" \"$@\"");
            let words = [&["-c", &line, env!("CARGO_BIN_EXE_atrail")][..], args].concat();
            let mut command = env.command_as(Path::new("/bin/sh"), &words);
            command
                .current_dir(&dir)
                .env("XDG_CONFIG_HOME", dir.join("made/config"));
            finish(&mut command, input).ok()
        };
        let login = ["login", "-a", &address, "-u", "admin", "--password-stdin"];
        run(&login, server.secret("password").as_bytes());
        run(&["target", "-o", "default", "-s", "default"], b"");
        run(&["download", "-o", "F", &id], b"");
        run(&["download", "--as", "csv", "-o", "F.csv", &id], b"");
        run(
            &[
                "download",
                "-o",
                "G",
                "--receipt",
                "G.r",
                "-s",
                DAY,
                "-e",
                DAY,
            ],
            b"",
        );
        run(&["prove", "F", "--line", "1", "-o", "P"], b"");
        let made = modes(&dir);
        for name in ["F", "F.receipt", "F.csv", "G", "G.r", "P"] {
            assert!(
                made.iter().any(|(path, ..)| path.ends_with(name)),
                "{name}: {made:?}"
            );
        }
        for (path, is_dir, mode) in made {
            let wanted = if is_dir { 0o700 } else { 0o600 };
            assert_eq!(mode, wanted, "mask {mask}: {}", path.display());
        }
    }
    // The control: a file that the test itself makes follows the umask.
    let touched = env.path("touched");
    let line = format!("umask 022; : >{}", touched.display());
    let words = ["-c", &line];
    finish(&mut env.command_as(Path::new("/bin/sh"), &words), b"").ok();
    assert_eq!(
        fs::metadata(touched).unwrap().permissions().mode() & 0o777,
        0o644
    );
}

#[test]
fn a_part_that_was_open_to_others_is_closed() {
    let (env, _server, id) = ready();
    fs::write(env.path("F.part"), "").unwrap();
    fs::set_permissions(env.path("F.part"), fs::Permissions::from_mode(0o666)).unwrap();
    env.run(&["download", "-o", "F", &id]).ok();
    assert_eq!(
        fs::metadata(env.path("F")).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// Puts links at every name that a download writes, to files that must stay unchanged.
fn plant(env: &TestEnv, target: &str, names: &[&str], link: fn(&Path, &Path)) -> Vec<PathBuf> {
    let mut victims = Vec::new();
    for name in names {
        let victim = env.path(&format!("victim-{}", name.trim_start_matches('.')));
        fs::write(&victim, "precious").unwrap();
        link(&victim, &env.path(&format!("{target}{name}")));
        victims.push(victim);
    }
    victims
}

fn symbolic(victim: &Path, link: &Path) {
    symlink(victim, link).unwrap();
}

fn hard(victim: &Path, link: &Path) {
    fs::hard_link(victim, link).unwrap();
}

const NAMES: [&str; 5] = ["", ".part", ".part.json", ".part.made", ".receipt"];

#[test]
fn nothing_is_written_through_a_link() {
    for link in [symbolic, hard] {
        for args in [&[][..], &["--as", "ndjson"]] {
            let (env, _server, id) = ready();
            let victims = plant(&env, "F", &NAMES, link);
            let download = [&["download", "-o", "F"][..], args, &[&id]].concat();
            // Without --force the command ends; with it, the command removes the links and leaves their targets
            // unchanged.
            env.run(&download).fails(1);
            let are_whole = || {
                victims
                    .iter()
                    .all(|path| fs::read(path).unwrap() == b"precious")
            };
            assert!(are_whole(), "{args:?}");
            env.run(&[&download[..], &["--force"]].concat()).ok();
            assert!(are_whole(), "{args:?} --force");
            for name in ["F", "F.receipt"] {
                let made = fs::symlink_metadata(env.path(name)).unwrap();
                assert!(made.is_file() && made.len() > 8, "{name}");
                assert_eq!(made.permissions().mode() & 0o777, 0o600, "{name}");
            }
            assert!(fs::symlink_metadata(env.path("F.part")).is_err());
        }
    }
}

#[test]
fn a_link_in_the_place_of_the_part_is_named_and_left_alone() {
    let (env, _server, id) = ready();
    // An empty file, and a link that leads nowhere: neither belongs to a download.
    fs::write(env.path("empty"), "").unwrap();
    symlink(env.path("empty"), env.path("F.part")).unwrap();
    symlink(env.path("nowhere"), env.path("G.part")).unwrap();
    fs::hard_link(env.path("empty"), env.path("H.part")).unwrap();
    fs::create_dir(env.path("I.part")).unwrap();
    for (name, why) in [
        ("F", "it is a link"),
        ("G", "it is a link"),
        ("H", "another name"),
        ("I", "not a plain file"),
    ] {
        let said = env.run(&["download", "-o", name, &id]).fails(1);
        assert!(
            said.contains(&format!("{name}.part is in the way")),
            "{said}"
        );
        assert!(said.contains(why) && said.contains("--force"), "{said}");
    }
    assert_eq!(fs::read(env.path("empty")).unwrap(), b"");
    assert!(!env.path("nowhere").exists());
    // A FILE that is a link to nowhere counts as existing.
    symlink(env.path("nowhere"), env.path("J")).unwrap();
    let said = env.run(&["download", "-o", "J", &id]).fails(1);
    assert!(said.contains("leads nowhere"), "{said}");
    env.run(&["download", "--force", "-o", "J", &id]).ok();
    assert!(!env.path("nowhere").exists());
    // A pipe in the place of a file that is only read blocks no command.
    let pipe = ["-c", "mkfifo K.receipt L.part.json M.part"];
    finish(&mut env.command_as(Path::new("/bin/sh"), &pipe), b"").ok();
    for name in ["K", "L", "M"] {
        env.run(&["download", "-o", name, &id]).fails(1);
        env.run(&["download", "--force", "-o", name, &id]).ok();
    }
}

#[test]
fn the_client_s_state_is_not_written_through_a_link() {
    let (env, server, _) = ready();
    let state = env.path("home/config/atrail");
    let victim = env.path("victim");
    fs::write(&victim, "precious").unwrap();
    let credentials = fs::read_dir(state.join("credentials")).unwrap().flatten();
    let tokens = credentials
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "json"))
        .unwrap();
    for path in [&tokens, &state.join("config.json")] {
        let kept = fs::read(path).unwrap();
        fs::write(&victim, &kept).unwrap();
        fs::remove_file(path).unwrap();
        symlink(&victim, path).unwrap();
        env.log_in_only(&server);
        assert_eq!(fs::read(&victim).unwrap(), kept, "{}", path.display());
    }
    fs::write(&victim, "precious").unwrap();
    let lock = state.join("config.lock");
    fs::remove_file(&lock).unwrap();
    symlink(&victim, &lock).unwrap();
    let said = env.run(&["target", "-o", "default"]).fails(1);
    assert!(said.contains("it is a link"), "{said}");
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[test]
fn manual_pages_are_for_everybody_and_replace_a_link() {
    let env = TestEnv::new();
    fs::create_dir(env.path("man")).unwrap();
    fs::write(env.path("victim"), "precious").unwrap();
    symlink(env.path("victim"), env.path("man/atrail.1")).unwrap();
    masked(&env, "022", &["man", "man"], b"").ok();
    assert_eq!(fs::read(env.path("victim")).unwrap(), b"precious");
    let page = fs::symlink_metadata(env.path("man/atrail.1")).unwrap();
    assert_eq!(page.permissions().mode() & 0o777, 0o644);
}
