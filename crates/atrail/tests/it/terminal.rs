//! The output that a person sees at a terminal.

use std::fs;

use crate::env::{Server, TestEnv, events, finish, value};
use crate::proxy::{Behaviour, Proxy};
use crate::pty::at_terminal;

const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

fn with_events(count: usize, filler: usize) -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let sent = events(count, filler);
    env.run_with(&["trail", "-q"], sent.as_bytes()).ok();
    (env, server)
}

#[test]
fn tables_fit_the_terminal_and_only_there() {
    let (env, _server) = with_events(1, 0);
    env.run(&["session", "create"]).ok();
    for command in [
        &["session", "list"][..],
        &["config", "show"],
        &["status", "-s", "2017-07-24"],
    ] {
        for columns in [40, 80, 120, 250] {
            let seen = at_terminal(&mut env.command(command), columns, "");
            assert_eq!(seen.code, 0, "{}", seen.screen);
            for line in seen.screen.lines() {
                let width = line.chars().count();
                assert!(width <= usize::from(columns), "{columns}: {line}");
            }
        }
    }
    let piped = env.run(&["session", "list"]).ok();
    assert!(piped.lines().next().unwrap().len() > 200, "{piped}");
    let mut narrow = env.command(&["session", "list"]);
    narrow.env("COLUMNS", "40");
    assert_eq!(crate::env::finish(&mut narrow, b"").ok(), piped);
}

#[test]
fn errors_are_coloured_where_that_is_wanted() {
    let env = TestEnv::new();
    let coloured = "\u{1b}[1;31merror:\u{1b}[0m not logged in";
    let seen = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = env.command(args);
        command.envs(variables.iter().copied());
        at_terminal(&mut command, 80, "").screen
    };
    let screen = seen(&["status"], &[]);
    assert!(screen.contains(coloured), "{screen:?}");
    assert!(
        screen.contains("\u{1b}[1;36mhint:\u{1b}[0m `atrail login"),
        "{screen:?}"
    );
    for (args, variables) in [
        (&["status"][..], &[("NO_COLOR", "1")][..]),
        (&["status"], &[("CLICOLOR", "0")]),
        (&["status", "--color", "never"], &[]),
        (&["status", "--color=never", "--nonsense"], &[]),
    ] {
        let screen = seen(args, variables);
        assert!(
            !screen.contains('\u{1b}'),
            "{args:?} {variables:?}: {screen:?}"
        );
    }
    assert!(!env.run(&["status"]).fails(4).contains('\u{1b}'));
    let forced = env.run(&["status", "--color", "always"]).fails(4);
    assert!(forced.contains(coloured), "{forced:?}");
}

#[test]
fn long_ways_show_a_bar_with_rate_and_remaining_time() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(3_000, 1_000)).unwrap();
    let command = &mut env.command(&["trail", "-q", "-f", "in.json"]);
    let sent = at_terminal(command, 120, "");
    assert_eq!(sent.code, 0, "{}", sent.screen);
    proxy.always(Behaviour {
        rate: Some(2 << 20),
        ..Behaviour::default()
    });
    let args = [&["download", "-o", "F"][..], &DAY].concat();
    let seen = at_terminal(env.command(&args).env("TERM", "xterm"), 120, "");
    assert_eq!(seen.code, 0, "{}", seen.screen);
    for words in [
        "] 100.00% ",
        "MiB/s ",
        "[====",
        "Download completed successfully",
    ] {
        assert!(seen.screen.contains(words), "{words}: {:?}", seen.screen);
    }
    let beyond = seen.screen.split('%').filter_map(|before| {
        let number = before.rsplit(' ').next()?;
        number.parse::<f64>().ok()
    });
    let percents: Vec<f64> = beyond.collect();
    assert!(
        percents.len() > 2 && percents.iter().all(|percent| *percent <= 100.0),
        "{percents:?}"
    );
}

#[test]
fn a_deletion_asks_with_target_and_count() {
    let (env, _server) = with_events(6, 0);
    let args = [&["delete"][..], &DAY].concat();
    let seen = at_terminal(&mut env.command(&args), 120, "n\n");
    assert_eq!(seen.code, 1, "{}", seen.screen);
    assert!(
        seen.screen
            .contains("space default, 2017-07-24 to 2017-07-24"),
        "{}",
        seen.screen
    );
    assert!(seen.screen.contains('6'), "{}", seen.screen);
    let seen = at_terminal(&mut env.command(&args), 120, "yes\n");
    assert_eq!(seen.code, 0, "{}", seen.screen);
    assert!(
        seen.screen.contains("Deleted successfully"),
        "{}",
        seen.screen
    );
}

/// Text that an attacker writes into an event: CSI in its C0 and its C1 form, a title, a carriage return, bidirectional
/// overrides.
const HOSTILE: &str = "\\u001b[2J\\u009b31m\\u001b]0;owned\\u0007\\r\\u202e\\u2066\\u0085x";

/// Returns whether the screen holds nothing that a terminal obeys, besides line ends and atrail's own drawing.
fn is_safe(screen: &str) -> bool {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !screen.chars().any(obeyed)
}

#[test]
fn an_event_cannot_reach_the_terminal() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let event = events(1, 0)
        .replace("event-0", HOSTILE)
        .replace("\"i\"", &format!("\"{HOSTILE}\""));
    fs::write(env.path("in.json"), &event).unwrap();
    // Raw bytes, as a producer may send them without JSON's escapes: JSON texts allow C1 controls and overrides.
    let raw = event
        .replace("\\u009b", "\u{9b}")
        .replace("\\u202e", "\u{202e}");
    fs::write(env.path("raw.json"), &raw).unwrap();
    fs::write(env.path("bad.json"), "{\"a\u{1b}[2J\": \u{9b}\u{202e}}\n").unwrap();
    for format in ["table", "json", "jsonl", "csv"] {
        for file in ["in.json", "raw.json", "bad.json"] {
            let args = ["trail", "--color", "never", "--format", format, "-f", file];
            let seen = at_terminal(&mut env.command(&args), 120, "");
            assert!(is_safe(&seen.screen), "{format} {file}: {:?}", seen.screen);
        }
    }
    let args = [&["download", "--color", "never"][..], &DAY].concat();
    let seen = at_terminal(&mut env.command(&args), 120, "");
    assert_eq!(seen.code, 0, "{}", seen.screen);
    assert!(is_safe(&seen.screen), "{:?}", seen.screen);
    assert!(seen.screen.contains("2017-07-24"), "{}", seen.screen);
    for format in ["ndjson", "json", "csv", "es-bulk"] {
        let args = [&["download", "--color", "never", "--as", format][..], &DAY].concat();
        let seen = at_terminal(&mut env.command(&args), 120, "");
        assert!(is_safe(&seen.screen), "{format}: {:?}", seen.screen);
    }
}

#[test]
fn a_server_cannot_reach_the_terminal() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    let made = env.run(&["session", "create"]).ok();
    let id = value(&made, "id");
    let show = ["session", "show", &id];
    for (answer, commands) in [
        (
            REFUSAL,
            &[
                &["status"][..],
                &show,
                &["session", "list"],
                &["trail", "-f", "in.json"],
            ][..],
        ),
        (
            ORGANIZATIONS,
            &[&["admin", "org", "list"], &["target", "-o", "x"]],
        ),
        (
            SESSIONS,
            &[
                &["session", "list"],
                &["session", "list", "--format", "csv"],
                &["session", "list", "--format", "json"],
            ],
        ),
    ] {
        fs::write(env.path("in.json"), events(1, 0)).unwrap();
        proxy.always(Behaviour {
            answer: Some(answer),
            ..Behaviour::default()
        });
        for command in commands {
            let args = [command, &["--color", "never"][..]].concat();
            let seen = at_terminal(&mut env.command(&args), 120, "");
            assert!(is_safe(&seen.screen), "{command:?}: {:?}", seen.screen);
            assert!(!seen.screen.is_empty());
        }
    }
}

const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n\
    {\"code\":\"bad_request\",\"title\":\"t\\u001b[2J\",\"status\":400,\"detail\":\"d\\u009b31m\\u202e\\r\\nhint: \\u001b]0;x\\u0007\"}";
const ORGANIZATIONS: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
    {\"resources\":[{\"guid\":\"\\u001b[2J\",\"name\":\"x\\u202e\\u009b\",\"relationships\":{\"account\":{\"data\":{\"guid\":\"\\u001b[1m\"}}}}]}";
const SESSIONS: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
    [{\"id\":\"\\u001b[2J\",\"space\":\"\\u009b\",\"username\":\"\\u202e\",\"create-time\":\"\\u0085\",\"access-time\":\"\\r\",\
    \"date-range\":{\"End\":\"\\u001b\",\"Start\":\"\"},\"types\":{\"AtAccountLevel\":false,\"Type\":\"\\u001b\"},\"search-time\":\"\",\
    \"state\":\"open\",\"events\":0,\"size-bytes\":0,\"total-bytes\":0,\"downloaded-bytes\":0,\"expire-time\":\"\\u001b\",\"etag\":\"\"}]";

#[test]
fn what_was_typed_cannot_reach_the_terminal() {
    let env = TestEnv::new();
    let hostile = "x\u{1b}[7m\u{202e}\ny";
    for args in [
        &[hostile][..],
        &["status", "-s", hostile],
        &["session", "show", hostile],
        &["help", hostile],
        &["trail", "-t", hostile],
    ] {
        for name in ["atrail", "bx"] {
            let args = match name {
                "bx" => [&["cf", "at"][..], args].concat(),
                _ => args.to_vec(),
            };
            let link = env.path(name);
            if !link.exists() {
                std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_atrail"), &link).unwrap();
            }
            let mut command = env.command_as(&link, &args);
            let said = finish(command.env("CLICOLOR_FORCE", "1"), b"").fails(2);
            assert!(
                !said.contains("\u{1b}[7m") && !said.contains('\u{202e}'),
                "{args:?}: {said:?}"
            );
            assert!(said.contains("\\u{202e}"), "{args:?}: {said:?}");
        }
    }
}
