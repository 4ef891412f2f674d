//! The first word of what a product calls an operation, as an action of CADF (DSP0262, the Action Taxonomy).

use std::collections::HashMap;
use std::sync::LazyLock;

/// For each action, the words that mean it, in lowercase.
const ACTIONS: &[(&str, &[&str])] = &[
    (
        "read/list",
        &[
            "list",
            "watch",
            "search",
            "query",
            "scan",
            "select",
            "enumerate",
            "find",
            "batchget",
            "count",
        ],
    ),
    (
        "read",
        &[
            "get", "head", "read", "view", "show", "describe", "fetch", "download", "lookup",
            "export", "preview", "access", "open", "test", "check", "validate", "options", "exec",
            "connect", "proxy", "retrieve", "copyfrom",
        ],
    ),
    (
        "create",
        &[
            "create",
            "post",
            "run",
            "insert",
            "new",
            "register",
            "provision",
            "generate",
            "import",
            "copy",
            "clone",
            "upload",
            "allocate",
            "add",
            "invite",
            "issue",
            "launch",
            "publish",
            "fork",
            "request",
        ],
    ),
    (
        "update",
        &[
            "update",
            "put",
            "patch",
            "set",
            "modify",
            "change",
            "edit",
            "rename",
            "move",
            "write",
            "replace",
            "reset",
            "merge",
            "tag",
            "untag",
            "configure",
            "save",
            "apply",
            "transfer",
            "rotate",
            "sync",
            "alter",
            "expand",
            "push",
            "migrate",
            "associate",
            "disassociate",
            "reorder",
        ],
    ),
    (
        "delete",
        &[
            "delete",
            "terminate",
            "remove",
            "destroy",
            "purge",
            "drop",
            "deregister",
            "unregister",
            "release",
            "erase",
            "deletecollection",
            "trash",
            "wipe",
            "truncate",
            "unpublish",
            "clear",
            "kick",
        ],
    ),
    (
        "authenticate/login",
        &[
            "login",
            "logon",
            "signin",
            "consolelogin",
            "authenticate",
            "assume",
            "impersonate",
            "su",
            "sso",
            "auth",
        ],
    ),
    ("authenticate/logout", &["logout", "logoff", "signout"]),
    (
        "allow",
        &[
            "grant",
            "attach",
            "allow",
            "permit",
            "authorize",
            "approve",
            "assign",
            "share",
            "join",
            "accept",
        ],
    ),
    (
        "revoke",
        &[
            "revoke", "detach", "unassign", "unshare", "withdraw", "leave", "expire",
        ],
    ),
    (
        "deny",
        &["deny", "reject", "block", "forbid", "refuse", "ban"],
    ),
    (
        "enable",
        &[
            "enable",
            "activate",
            "unsuspend",
            "unlock",
            "unban",
            "unblock",
            "reactivate",
            "resume",
            "unarchive",
        ],
    ),
    (
        "disable",
        &[
            "disable",
            "deactivate",
            "suspend",
            "lock",
            "archive",
            "pause",
            "cancel",
        ],
    ),
    ("start", &["start", "boot", "begin"]),
    (
        "stop",
        &["stop", "shutdown", "end", "halt", "abort", "kill", "reboot"],
    ),
    ("restore", &["restore", "undelete", "recover", "rollback"]),
    ("backup", &["backup", "snapshot"]),
    ("deploy", &["deploy", "install"]),
    ("undeploy", &["undeploy", "uninstall"]),
    ("renew", &["renew", "refresh", "extend"]),
    ("send", &["send", "dispatch"]),
    ("receive", &["receive", "poll"]),
    ("notify", &["notify", "alert"]),
    ("evaluate", &["evaluate", "assess", "review", "verify"]),
    ("monitor", &["monitor", "report", "audit"]),
];

/// Returns the action that a text means by its first word, in any case: `ListBuckets`, `list_buckets`,
/// `list-buckets`, `LIST`. `None` for a word that is not known.
pub(super) fn action_of(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let is_lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
    let is_upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    // A word ends where a capital follows a small letter, or where a small letter follows the capital of the next one.
    let ends = |&at: &usize| {
        !bytes[at].is_ascii_alphabetic()
            || is_upper(at) && (is_lower(at - 1) || is_lower(at + 1) && at > 1)
    };
    let end = (1..bytes.len()).find(ends).unwrap_or(bytes.len());
    let word = text.get(..end)?.to_ascii_lowercase();
    // In the names of cloud APIs it writes whole objects; alone it is the verb of HTTP.
    if word == "put" && is_upper(end) {
        return Some("create");
    }
    let rest = text.get(end..).unwrap_or_default();
    let is_in = || {
        ["in", "_in", "-in", " in"]
            .iter()
            .any(|word| rest.eq_ignore_ascii_case(word))
    };
    if matches!(&*word, "sign" | "signed" | "log" | "logged") && is_in() {
        return Some("authenticate/login");
    }
    if let Some(action) = named(&word) {
        return Some(action);
    }
    // Before a noun it describes that: a `SharedSnapshotVolumeCreated` shares nothing.
    if is_upper(end) {
        return None;
    }
    named_by_participle(&word)
}

/// Returns the action that a word means.
fn named(word: &str) -> Option<&'static str> {
    static WORDS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let all = ACTIONS.iter();
        all.flat_map(|(action, words)| words.iter().map(|word| (*word, *action)))
            .collect()
    });
    WORDS.get(word).copied()
}

/// Returns the action that a participle means: of `deleted`, `added`, `modified` and `dropped` that of their verbs.
fn named_by_participle(word: &str) -> Option<&'static str> {
    let stem = word.strip_suffix("ed")?;
    let doubled = match stem.as_bytes() {
        [.., last, again] if last == again => stem.get(..stem.len() - 1),
        _ => None,
    };
    let verb = stem.strip_suffix('i').map(|stem| format!("{stem}y"));
    named(&word[..word.len() - 1])
        .or_else(|| named(stem))
        .or_else(|| named(doubled?))
        .or_else(|| named(&verb?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_decides() {
        for (text, action) in [
            ("ListBuckets", Some("read/list")),
            ("DescribeInstances", Some("read")),
            ("PutObject", Some("create")),
            ("put", Some("update")),
            ("PATCH", Some("update")),
            ("deletecollection", Some("delete")),
            ("ConsoleLogin", None),
            ("remove_member", Some("delete")),
            ("added", Some("create")),
            ("Deleted", Some("delete")),
            ("modified", Some("update")),
            ("dropped_table", Some("delete")),
            ("SharedSnapshotVolumeCreated", None),
            ("signed_in", Some("authenticate/login")),
            ("logged in", Some("authenticate/login")),
            ("logged", None),
            ("ed", None),
            ("ied", None),
            ("UpdateAPIKey", Some("update")),
            ("SignIn", Some("authenticate/login")),
            ("AssumeRole", Some("authenticate/login")),
            ("Ärger", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(action_of(text), action, "{text}");
        }
    }

    #[test]
    fn no_word_has_two_meanings() {
        let words: Vec<_> = ACTIONS.iter().flat_map(|(_, words)| *words).collect();
        for (index, word) in words.iter().enumerate() {
            assert!(!words[..index].contains(word), "{word}");
        }
    }
}
