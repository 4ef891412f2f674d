//! Verifies downloads against their receipts.

use std::fs;
use std::process::Command;

use crate::env::{Server, TestEnv, events};

const DAYS: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

/// Makes a download with its receipt, and returns the server's key; the server is gone.
fn downloaded(count: usize) -> (TestEnv, String) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(count, 10)).unwrap();
    let acks = env
        .run(&["trail", "-f", "in.json", "--format", "jsonl"])
        .ok();
    fs::write(env.path("acks"), acks).unwrap();
    let args = [&["download", "-o", "out.gz"][..], &DAYS].concat();
    env.run(&args).ok();
    assert_eq!(server.stop(), Some(0));
    let config = fs::read_to_string(env.path("home/config/atrail/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let context = config["contexts"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    let key = context["verifier_key"].as_str().unwrap().to_owned();
    (env, key)
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(bytes);
    std::io::Read::read_to_end(&mut decoder, &mut text).unwrap();
    text
}

#[test]
fn a_download_is_verified_without_the_server_and_damage_is_told() {
    let (env, key) = downloaded(3000);
    let said = env.run(&["verify", "out.gz"]).ok();
    assert!(said.starts_with("OK "), "{said}");
    assert!(said.contains("3,000 events"), "{said}");
    assert!(said.contains(&key), "{said}");
    let args = [&["verify", "out.gz", "--contains", "acks"][..], &DAYS].concat();
    env.run(&args).ok();
    env.run(&["verify", "out.gz", "--since", "out.gz.receipt"])
        .ok();
    let json = env.run(&["verify", "out.gz", "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["outcome"], "proven");
    assert_eq!(json["events"], 3000);

    let text = gunzip(&fs::read(env.path("out.gz")).unwrap());
    fs::write(env.path("plain"), &text).unwrap();
    let args = ["verify", "plain", "--receipt", "out.gz.receipt"];
    let said = env.run(&args).ok();
    assert!(said.contains("recompressed, content identical"), "{said}");

    let mut changed = text.clone();
    changed[2000] ^= 1;
    fs::write(env.path("plain"), changed).unwrap();
    let ran = env.run(&args);
    assert!(ran.stdout.starts_with("MODIFIED"), "{}", ran.stdout);
    ran.fails(1);
    let args = [&["verify", "out.gz", "-a"][..], &DAYS].concat();
    env.run(&args).fails(1);
    let space = said.split_whitespace().nth(2).unwrap();
    let guid = |flag: &str, guid: &str| env.run(&["verify", "out.gz", flag, guid]);
    guid("--space", space).ok();
    guid("--space", &space.to_uppercase()).ok();
    let another = "0a0a0a0a-0000-4000-8000-00000000000a";
    for (flag, of) in [("--space", another), ("--account", space)] {
        let ran = guid(flag, of);
        assert!(ran.stdout.starts_with("OTHER SCOPE"), "{}", ran.stdout);
        ran.fails(1);
    }
    // A word that is not a GUID names nothing: the call is wrong, and not the file.
    for flag in ["--space", "--account"] {
        for of in [
            "another",
            "",
            &space[1..],
            &format!("{space} "),
            &format!("space-{space}"),
        ] {
            let ran = guid(flag, of);
            assert_eq!(ran.stdout, "", "{flag} {of:?}");
            assert!(ran.stderr.contains("not a GUID"), "{}", ran.stderr);
            ran.fails(2);
        }
    }
    let both = ["verify", "out.gz", "--space", space, "-a"];
    env.run(&both).fails(2);
    env.run(&["verify", "out.gz", "--key", "nonsense"]).fails(2);
    env.run(&["verify"]).fails(2);
    fs::rename(env.path("out.gz.receipt"), env.path("moved")).unwrap();
    env.run(&["verify", "out.gz"]).fails(3);
}

#[test]
fn without_a_key_nothing_is_concluded() {
    let (env, key) = downloaded(10);
    fs::remove_dir_all(env.path("home/config")).unwrap();
    let ran = env.run(&["verify", "out.gz"]);
    assert!(ran.stdout.starts_with("UNPINNED"), "{}", ran.stdout);
    ran.fails(3);
    env.run(&["verify", "out.gz", "--key", &key]).ok();
    let mut command = env.command(&["verify", "out.gz"]);
    command.env("ATRAIL_VKEY", &key);
    crate::env::finish(&mut command, b"").ok();
}

#[test]
fn one_event_is_proven_without_the_rest() {
    let (env, _) = downloaded(30);
    env.run(&["prove", "out.gz", "--line", "7", "-o", "proof"])
        .ok();
    let text = gunzip(&fs::read(env.path("out.gz")).unwrap());
    let line = String::from_utf8(text)
        .unwrap()
        .lines()
        .nth(6)
        .unwrap()
        .to_owned();
    let said = env.run(&["verify", "--proof", "proof"]).ok();
    assert!(said.starts_with("OK ") && said.contains(&line), "{said}");
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    let id = event["id"].as_str().unwrap();
    let by_id = env.run(&["prove", "out.gz", "--id", id]).ok();
    let proof = fs::read_to_string(env.path("proof")).unwrap();
    assert_eq!(by_id, proof);
    fs::write(env.path("proof"), proof.replacen("index ", "index 1", 1)).unwrap();
    env.run(&["verify", "--proof", "proof"]).fails(1);
    fs::write(env.path("proof"), proof.replacen("@v1", "@v2", 1)).unwrap();
    env.run(&["verify", "--proof", "proof"]).fails(3);
    env.run(&["prove", "out.gz", "--line", "31"]).fails(1);
    env.run(&["prove", "out.gz", "--line", "0"]).fails(2);
    env.run(&["prove", "out.gz", "--id", "nobody"]).fails(1);
    env.run(&["prove", "out.gz"]).fails(2);
    // The command refuses flags that it cannot check for a proof, and does not ignore them.
    for flags in [&["-s", "2017-07-25"][..], &["-T", "3"], &["-a"]] {
        let args = [&["verify", "--proof", "proof"][..], flags].concat();
        env.run(&args).fails(2);
    }
}

/// Neither another file nor an unreadable one hides a fault in a file.
#[test]
fn every_file_is_judged_and_the_worst_decides() {
    let (env, _) = downloaded(10);
    let file = fs::read(env.path("out.gz")).unwrap();
    let receipt = fs::read(env.path("out.gz.receipt")).unwrap();
    let put = |name: &str, file: &[u8], receipt: Option<&[u8]>| {
        fs::write(env.path(name), file).unwrap();
        if let Some(receipt) = receipt {
            fs::write(env.path(&format!("{name}.receipt")), receipt).unwrap();
        }
    };
    let tampered = gunzip(&file).to_ascii_uppercase();
    put("good", &file, Some(&receipt));
    put("tampered", &tampered, Some(&receipt));
    put("alone", &file, None);
    put("garbled", &file, Some(b"no receipt"));
    fs::create_dir(env.path("dir")).unwrap();
    fs::write(env.path("dir.receipt"), &receipt).unwrap();
    fs::write(env.path("gone.receipt"), &receipt).unwrap();
    let told = [
        ("good", "OK ", 0),
        ("tampered", "MODIFIED", 1),
        ("garbled", "BAD RECEIPT", 1),
        ("alone", "UNPROVEN", 3),
        ("dir", "UNPROVEN", 3),
        ("gone", "UNPROVEN", 3),
    ];
    for (one, label, code) in told {
        let ran = env.run(&["verify", one]);
        assert!(ran.stdout.starts_with(label), "{one}: {}", ran.stdout);
        assert_eq!(ran.code, code, "{one}: {}", ran.stderr);
        for (other, other_label, other_code) in told {
            let ran = env.run(&["verify", one, other]);
            let mut worse = [1, 3, 0].into_iter();
            let worst = worse.find(|worst| [code, other_code].contains(worst));
            assert_eq!(Some(ran.code), worst, "{one} {other}: {}", ran.stderr);
            for (name, label) in [(one, label), (other, other_label)] {
                let said = format!("{name}\n{label}");
                assert!(ran.stdout.contains(&said), "{said:?}: {}", ran.stdout);
            }
        }
    }
    let ran = env.run(&["verify", "alone", "tampered", "good", "--format", "json"]);
    let all: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let outcomes: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert_eq!(outcomes, ["inconclusive", "failed", "proven"]);
    assert!(
        all[0]["error"].as_str().unwrap().contains("alone.receipt"),
        "{all}"
    );
    assert!(
        ran.stderr
            .contains("not proven: tampered; nothing can be concluded about alone")
    );
    ran.fails(1);
    // The file to compare with is unreadable.
    for flag in ["--since", "--contains"] {
        for (one, code) in [("good", 3), ("tampered", 1)] {
            let ran = env.run(&["verify", one, flag, "nowhere"]);
            assert!(ran.stdout.contains("UNPROVEN"), "{}", ran.stdout);
            assert!(ran.stdout.contains("nowhere"), "{}", ran.stdout);
            ran.fails(code);
        }
    }
    fs::write(env.path("no-text"), b"\xff").unwrap();
    env.run(&["verify", "good", "--since", "no-text"]).fails(1);
}

/// A requested check that finds nothing to check proves nothing.
#[test]
fn nothing_to_check_is_not_proven() {
    let (env, _) = downloaded(10);
    let acks = fs::read_to_string(env.path("acks")).unwrap();
    let first = acks.lines().next().unwrap();
    let too_long = first.replace("\"value\":\"", "\"value\":\"AAAA");
    let other = format!("{{\"id\":\"x\",\"value\":\"{}=\"}}", "A".repeat(43));
    for (list, code) in [
        (acks.as_str(), 0),
        (first, 0),
        ("", 2),
        ("\n \n", 2),
        ("{\"id\":\"x\",\"valu\":\"y\"}", 2),
        ("{\"index\":0,\"error\":\"refused\"}", 2),
        (&format!("{first}\n{{}}"), 2),
        (&format!("\u{feff}{first}"), 2),
        (&format!("[{first}]"), 2),
        (&format!("{first}\n \t\r\n"), 0),
        (&format!("{first}\n\u{b}"), 2),
        (&format!("{first}\n\u{2028}\n"), 2),
        (&too_long, 2),
        (&other, 1),
        (&format!("{first}\n{other}"), 1),
    ] {
        fs::write(env.path("list"), list).unwrap();
        let ran = env.run(&["verify", "out.gz", "--contains", "list"]);
        assert_eq!(ran.code, code, "{list}: {}", ran.stderr);
        if code == 2 {
            assert_eq!(ran.stdout, "", "{list}");
            assert!(
                ran.stderr.contains("no list of acknowledgements"),
                "{}",
                ran.stderr
            );
        }
    }
    fs::write(env.path("empty"), "").unwrap();
    env.run(&[
        "verify",
        "out.gz",
        "--contains",
        "empty",
        "--since",
        "empty",
    ])
    .fails(2);
    env.run(&["verify", "out.gz", "--since", "empty"]).fails(1);
    env.run(&["verify", "out.gz", "--receipt", "empty"])
        .fails(1);
    env.run(&["verify", "--proof", "empty"]).fails(1);
    env.run(&["verify", "out.gz", "--key", ""]).fails(2);
    env.run(&["verify", "--", ""]).fails(2);
    env.run(&["verify", "--key", "x"]).fails(2);
    env.run(&["verify", "out.gz", "--space", ""]).fails(2);
}

/// A download without events is evidence: nothing was recorded, and the receipt shows it.
#[test]
fn nothing_is_proven_as_nothing() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(10, 10)).unwrap();
    env.run(&["trail", "-f", "in.json"]).ok();
    let download = |day: &str, name: &str| {
        env.run(&["download", "-o", name, "-s", day, "-e", day])
            .ok();
        env.run(&["verify", name, "-s", day, "-e", day]).ok()
    };
    assert!(download("2017-07-23", "nothing").contains("a proof of nothing"));
    assert!(!download("2017-07-24", "something").contains("a proof of nothing"));
    env.run(&["delete", "--yes", "-s", "2017-07-24", "-e", "2017-07-24"])
        .ok();
    let said = download("2017-07-24", "deleted");
    assert!(
        said.contains("1 deletion by request") && !said.contains("a proof of nothing"),
        "{said}"
    );
    assert_eq!(server.stop(), Some(0));
}

/// The verifier in `docs` was written from the page alone; both reach the same verdict.
#[test]
fn the_independent_verifier_agrees() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verify.py");
    let can_run = Command::new("python3")
        .args([
            "-c",
            "import cryptography.hazmat.primitives.asymmetric.ed25519",
        ])
        .output()
        .is_ok_and(|output| output.status.success());
    if !can_run {
        println!("skipped: there is no python3 with the package cryptography");
        return;
    }
    let (env, key) = downloaded(2500);
    let receipt = fs::read(env.path("out.gz.receipt")).unwrap();
    let file = fs::read(env.path("out.gz")).unwrap();
    let text = gunzip(&file);
    let half = text.len() / 2;
    let flipped = |bytes: &[u8], place: usize| {
        let mut bytes = bytes.to_vec();
        bytes[place] ^= 1;
        bytes
    };
    let later = String::from_utf8(receipt.clone()).unwrap();
    let later = later
        .replacen("\"version\":1", "\"version\":2", 1)
        .into_bytes();
    let other_key = "atrail+da2f04e6+AROY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK";
    let cases = [
        (
            "as it is",
            file.clone(),
            receipt.clone(),
            Some(key.as_str()),
            0,
        ),
        ("uncompressed", text.clone(), receipt.clone(), Some(&key), 0),
        ("no key", file.clone(), receipt.clone(), None, 3),
        (
            "another key",
            file.clone(),
            receipt.clone(),
            Some(other_key),
            1,
        ),
        (
            "a changed line",
            flipped(&text, half),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "a changed member",
            flipped(&file, file.len() / 2),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "damaged in its first byte",
            flipped(&file, 0),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "damaged at its end",
            flipped(&file, file.len() - 8),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "cut",
            file[..file.len() - 9].to_vec(),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "cut by a line",
            text[..text.len() - 1].to_vec(),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "more",
            [&text[..], b"{}\n"].concat(),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "garbage",
            [&file[..], b"{}\n"].concat(),
            receipt.clone(),
            Some(&key),
            1,
        ),
        (
            "a changed receipt",
            file.clone(),
            flipped(&receipt, 200),
            Some(&key),
            1,
        ),
        (
            "a cut receipt",
            file.clone(),
            receipt[..receipt.len() - 5].to_vec(),
            Some(&key),
            1,
        ),
        (
            "a receipt that was made one of a later version",
            file.clone(),
            later.clone(),
            Some(&key),
            1,
        ),
        ("the same without a key", file.clone(), later, None, 3),
        (
            "a receipt that is empty",
            file.clone(),
            Vec::new(),
            Some(&key),
            1,
        ),
        (
            "a receipt that is no text",
            file.clone(),
            [&receipt[..], b"\xff"].concat(),
            Some(&key),
            1,
        ),
        (
            "a key that is none",
            file.clone(),
            receipt.clone(),
            Some("nonsense"),
            2,
        ),
    ];
    for (what, file, receipt, key, code) in cases {
        fs::write(env.path("case"), file).unwrap();
        fs::write(env.path("case.receipt"), receipt).unwrap();
        let mut ours = env.command(&["verify", "case"]);
        fs::remove_dir_all(env.path("home/config")).ok();
        if let Some(key) = key {
            ours.args(["--key", key]);
        }
        let ours = ours.output().unwrap();
        let mut theirs = Command::new("python3");
        theirs.arg(script).arg(env.path("case"));
        if let Some(key) = key {
            theirs.args(["--key", key]);
        }
        let theirs = theirs.output().unwrap();
        let told = String::from_utf8_lossy(&theirs.stderr);
        assert_eq!(
            ours.status.code(),
            Some(code),
            "{what}: {}",
            String::from_utf8_lossy(&ours.stdout)
        );
        assert_eq!(theirs.status.code(), Some(code), "{what}: {told}");
        // Both tell what is cut, and only that, as cut.
        for (told, is_ours) in [(&ours.stdout, true), (&theirs.stdout, false)] {
            let told = String::from_utf8_lossy(told);
            let is_cut = told.contains("TRUNCATED");
            let may_be = what.starts_with("cut") || what == "garbage";
            assert!(is_cut <= may_be, "{what}: {told}");
            assert!(is_cut || what != "cut", "{what}: {told}");
            let damages = what.starts_with("damaged");
            // The other verifier ends at the first fault, which may be a line.
            let is_told = told.contains("DAMAGED") || !is_ours && told.contains("MODIFIED");
            assert!(!damages || is_told, "{what}: {told}");
        }
    }
}
