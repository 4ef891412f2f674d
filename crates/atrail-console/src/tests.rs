use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// Largest sizes of scripts and styles, compressed, in bytes: of what a browser fetches before it shows anything, of what a
/// screen adds, and of all together.
const FIRST_BUDGET: usize = 60 << 10;
const SCREEN_BUDGET: usize = 40 << 10;
const WHOLE_BUDGET: usize = 180 << 10;
/// Largest size of the module that verifies evidence, compressed, in bytes.
const WASM_BUDGET: usize = 300 << 10;

fn all() -> Vec<(String, Asset)> {
    paths()
        .map(|path| (path.clone(), get(&path).unwrap()))
        .collect()
}

#[test]
fn every_asset_reads_back_as_the_file_that_it_is() {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let in_dir = files::assets_below(&ui).unwrap();
    assert!(in_dir.contains(&"app.js".to_owned()), "{in_dir:?}");
    let version = format!("v-{VERSION}/");
    let embedded: Vec<_> = paths().skip(1).collect();
    let named: Vec<_> = in_dir
        .iter()
        .map(|path| format!("{version}{path}"))
        .collect();
    assert_eq!(embedded, named);
    for (path, name) in embedded.iter().zip(&in_dir) {
        let asset = get(path).unwrap();
        assert_eq!(
            asset.bytes(),
            std::fs::read(ui.join(name)).unwrap(),
            "{path}"
        );
        assert!(asset.is_immutable);
    }
}

#[test]
fn the_document_names_what_its_script_imports_and_nothing_outside_its_version() {
    let document = get("").unwrap();
    assert!(!document.is_immutable);
    let text = String::from_utf8(document.bytes()).unwrap();
    let first = first();
    assert!(first.len() > 5, "{first:?}");
    for path in paths().skip(1).filter(|path| path.ends_with(".js")) {
        let link = format!("<link rel=\"modulepreload\" href=\"/console/{path}\">");
        let (_, name) = path.split_once('/').unwrap();
        let is_named = first.iter().any(|one| one == name);
        assert_eq!(text.contains(&link), is_named, "{path}");
    }
    for address in text
        .split(&['"'][..])
        .filter(|part| part.starts_with(['/', '.']))
    {
        let path = address.strip_prefix("/console/");
        assert!(path.is_some_and(|path| get(path).is_some()), "{address}");
    }
}

#[test]
fn a_path_leads_to_an_asset_or_nowhere() {
    let version = format!("v-{VERSION}");
    assert!(get(&format!("{version}/app.js")).is_some(), "the control");
    for path in [
        "index.html".to_owned(),
        "app.js".to_owned(),
        "v-0/app.js".to_owned(),
        version.clone(),
        format!("{version}/"),
        format!("{version}app.js"),
        format!("{version}//app.js"),
        format!("{version}/./app.js"),
        format!("{version}/index.html"),
        format!("{version}/../lib.rs"),
        format!("{version}/../../Cargo.toml"),
        format!("{version}/%2e%2e/Cargo.toml"),
        format!("{version}/..\\Cargo.toml"),
        format!("{version}/APP.JS"),
        "../Cargo.toml".to_owned(),
        "/etc/passwd".to_owned(),
        format!("{version}//etc/passwd"),
    ] {
        assert!(get(&path).is_none(), "{path}");
    }
}

#[test]
fn a_directory_serves_its_assets_and_nothing_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let ui = dir.path().join("ui");
    std::fs::create_dir_all(ui.join("screens")).unwrap();
    std::fs::write(dir.path().join("secret.js"), "secret").unwrap();
    std::fs::write(
        ui.join("index.html"),
        "<head></head><script src=\"./app.js\"></script>",
    )
    .unwrap();
    std::fs::write(ui.join("app.js"), "1").unwrap();
    std::fs::write(ui.join("note.md"), "for developers").unwrap();
    std::fs::write(ui.join(".hidden.js"), "hidden").unwrap();
    std::fs::write(ui.join("screens/one.js"), "2").unwrap();
    let served = |path: &str| from_dir(&ui, path).unwrap().map(|asset| asset.bytes());
    let document = String::from_utf8(served("").unwrap()).unwrap();
    let app = format!("/console/v-{VERSION}/app.js");
    assert!(document.contains(&format!("src=\"{app}\"")), "{document}");
    assert_eq!(served("v-any/app.js").as_deref(), Some(&b"1"[..]));
    assert_eq!(served("v-any/screens/one.js").as_deref(), Some(&b"2"[..]));
    for path in [
        "v-any/../secret.js",
        "v-any/screens/../../secret.js",
        "v-any//app.js",
        "v-any/.hidden.js",
        "v-any/note.md",
        "v-any/index.html",
        "v-any/screens",
        "v-any/none.js",
        "app.js",
    ] {
        assert_eq!(served(path), None, "{path}");
    }
    let absolute = format!("v-any/{}", dir.path().join("secret.js").display());
    assert_eq!(served(&absolute), None);
}

/// Names of namespaces and of a licence, which nothing fetches.
const ADDRESSES: [&str; 4] = [
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/1998/Math/MathML",
    "http://www.apache.org/licenses/LICENSE-2.0",
];

/// Returns the addresses of other hosts in a text, except for these.
fn foreign(text: &str) -> Vec<&str> {
    let starts = ["http://", "https://", "ws://", "wss://", "ftp://"];
    let found = starts.iter().flat_map(|start| text.match_indices(start));
    found
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(|c: char| c.is_whitespace() || "\"'`)<>".contains(c));
            &rest[..end.unwrap_or(rest.len())]
        })
        .filter(|address| !ADDRESSES.contains(address))
        .collect()
}

#[test]
fn no_asset_names_another_host() {
    assert_eq!(
        foreign("a <img src=https://cdn.example/x.png> b"),
        ["https://cdn.example/x.png"],
        "the control"
    );
    for (path, asset) in all() {
        if path.ends_with(".wasm") || path.ends_with(".png") {
            continue;
        }
        let text = String::from_utf8(asset.bytes()).unwrap();
        let found: BTreeSet<_> = foreign(&text).into_iter().collect();
        assert!(found.is_empty(), "{path} names {found:?}");
    }
}

/// Returns the modules that a browser fetches before it shows anything.
fn first() -> Vec<String> {
    page::modules_of(page::ENTRY, text_of)
}

fn text_of(path: &str) -> Option<String> {
    let asset = get(&format!("v-{VERSION}/{path}"))?;
    String::from_utf8(asset.bytes()).ok()
}

/// Returns the size of these assets, compressed.
fn size_of(names: &[String]) -> usize {
    let gz = |name: &String| get(&format!("v-{VERSION}/{name}")).unwrap().gz.len();
    names.iter().map(gz).sum()
}

#[test]
fn what_a_browser_fetches_stays_within_its_budget() {
    let named = |ending: &str| -> Vec<String> {
        let all = paths().skip(1).filter(|path| path.ends_with(ending));
        all.map(|path| path.split_once('/').unwrap().1.to_owned())
            .collect()
    };
    let (scripts, styles, wasm) = (named(".js"), named(".css"), named(".wasm"));
    let first = first();
    let at_first = size_of(&first) + size_of(&styles);
    assert!(
        at_first <= FIRST_BUDGET,
        "{at_first} bytes before anything is shown: {first:?}"
    );
    for screen in scripts.iter().filter(|path| path.starts_with("screens/")) {
        let more = page::modules_of(screen, text_of);
        let more: Vec<_> = more
            .into_iter()
            .filter(|path| !first.contains(path))
            .collect();
        let size = size_of(&more);
        assert!(size <= SCREEN_BUDGET, "{size} bytes for {screen}: {more:?}");
    }
    let whole = size_of(&scripts) + size_of(&styles);
    assert!(
        at_first < whole && whole <= WHOLE_BUDGET,
        "{whole} bytes in all"
    );
    let wasm = size_of(&wasm);
    assert!(wasm <= WASM_BUDGET, "{wasm} bytes");
}

#[test]
fn the_imports_of_a_module_are_found_whatever_their_place() {
    let text_of = |path: &str| {
        Some(match path {
            "app.js" => "import { a } from './a.js'; import './b.js';\nconst s = () => import('./screens/s.js');",
            "a.js" => "import x from \"./c/d.js\"; export { y } from './b.js';",
            "c/d.js" => "import z from '../b.js'; import w from '../../outside.js'; import 'bare';",
            "b.js" => "import './a.js';",
            _ => return None,
        }
        .to_owned())
    };
    let found = page::modules_of("app.js", text_of);
    assert_eq!(found, ["a.js", "app.js", "b.js", "c/d.js"]);
}

#[test]
fn only_the_worker_compiles_and_nobody_evaluates() {
    for (path, asset) in all() {
        let csp = asset.policy.value();
        assert!(
            !csp.replace("'wasm-unsafe-eval'", "").contains("unsafe"),
            "{path}: {csp}"
        );
        assert_eq!(
            csp.contains("'wasm-unsafe-eval'"),
            path.ends_with("/worker.js"),
            "{path}"
        );
        assert_eq!(asset.policy == Policy::Document, path.is_empty(), "{path}");
    }
    assert!(!Policy::Worker.value().contains("connect-src"));
    assert!(Policy::Worker.value().contains("default-src 'none'"));
}
