//! How the document refers to the assets. `build.rs` contains this file, too.

/// The file that becomes the document.
pub(crate) const DOCUMENT: &str = "index.html";

/// The script that the document begins with.
pub(crate) const ENTRY: &str = "app.js";

/// Returns whether a text may be the path of an asset: names of plain characters, none of which begins with a dot.
pub(crate) fn is_path(path: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    path.split('/').all(is_name)
}

/// Returns the document: its addresses `./NAME` become addresses of this version, and its head names the modules, so that
/// a browser fetches them at once and not one after the other.
///
/// # Errors
/// When the source has no `</head>`.
pub(crate) fn document(source: &str, version: &str, modules: &[String]) -> Result<String, String> {
    let Some((before, after)) = source.split_once("</head>") else {
        return Err(format!("{DOCUMENT} has no </head>"));
    };
    let base = format!("/console/v-{version}/");
    let preloads: String = modules
        .iter()
        .map(|path| format!("<link rel=\"modulepreload\" href=\"./{path}\">\n"))
        .collect();
    let whole = format!("{before}{preloads}</head>{after}");
    Ok(whole
        .replace("href=\"./", &format!("href=\"{base}"))
        .replace("src=\"./", &format!("src=\"{base}")))
}

/// Returns a module and all that it imports statically, in order. A screen is imported when it is opened, so it is not
/// among what the entry needs.
pub(crate) fn modules_of(entry: &str, text_of: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![entry.to_owned()];
    while let Some(path) = left.pop() {
        let Some(text) = text_of(&path).filter(|_| !found.contains(&path)) else {
            continue;
        };
        left.extend(imports_of(&text).filter_map(|import| beside(&path, import)));
        found.push(path);
    }
    found.sort();
    found
}

/// Returns the relative addresses that a module's text imports statically.
fn imports_of(text: &str) -> impl Iterator<Item = &str> {
    let starts = ["from '", "from \"", "import '", "import \""];
    let found = starts.into_iter().flat_map(move |start| {
        let quote = &start[start.len() - 1..];
        text.match_indices(start)
            .filter_map(move |(at, _)| text[at + start.len()..].split(quote).next())
    });
    found.filter(|address| address.starts_with('.'))
}

/// Returns the path that a relative address means in the module of this path.
fn beside(module: &str, address: &str) -> Option<String> {
    let mut names: Vec<&str> = module.split('/').collect();
    names.pop();
    for name in address.split('/') {
        match name {
            "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// Returns bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
