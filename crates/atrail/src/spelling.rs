//! The original's command lines, understood word for word.
//!
//! The Activity Tracker of 2017 was a plugin: people typed `bx cf at status`. When the program is called by the name of
//! one of the tools that it was plugged into, those lines are rewritten to atrail's own; what differs besides (an output,
//! a default) is asked of [`Spelling`] by the command it concerns.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Whose command line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// atrail's own.
    Own,
    /// The original's.
    Original,
}

/// A command line that clap understands, with the name to show in usage texts first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// Whose it was.
    pub(crate) spelling: Spelling,
    /// The program's name, then its arguments.
    pub(crate) words: Vec<OsString>,
}

/// Reads the arguments of the process; pure.
pub(crate) fn interpret(argv: &[OsString]) -> CommandLine {
    let (name, rest) = match argv {
        [] => ("atrail".to_owned(), &[][..]),
        [first, rest @ ..] => (tool_name(first), rest),
    };
    let prefixes: &[&[&str]] = match name.as_str() {
        "bx" | "ibmcloud" => &[&["cf", "at"], &["at"]],
        "cf" => &[&["at"]],
        _ => return own(rest),
    };
    for prefix in prefixes {
        if let Some(words) = strip(rest, prefix) {
            return original(&format!("{name} {}", prefix.join(" ")), plugin(words));
        }
    }
    if name != "cf" && strip(rest, &["iam", "oauth-tokens"]).is_some() {
        let words = [OsString::from("token")]
            .into_iter()
            .chain(rest[2..].iter().cloned());
        return original(&name, words.collect());
    }
    original(&name, plugin(rest))
}

/// The words after the plugin's name: nothing and `-h` ask for help, `session help create` is `help session create`.
fn plugin(words: &[OsString]) -> Vec<OsString> {
    match words {
        [] => vec!["-h".into()],
        [group, help, rest @ ..] if help == "help" && group != "help" => {
            let mut turned: Vec<OsString> = vec!["help".into(), group.clone()];
            turned.extend(rest.iter().cloned());
            turned
        }
        _ => words.to_vec(),
    }
}

fn own(rest: &[OsString]) -> CommandLine {
    let mut words = vec![OsString::from("atrail")];
    words.extend(rest.iter().cloned());
    CommandLine {
        spelling: Spelling::Own,
        words,
    }
}

fn original(name: &str, rest: Vec<OsString>) -> CommandLine {
    let mut words = vec![OsString::from(name)];
    words.extend(rest);
    CommandLine {
        spelling: Spelling::Original,
        words,
    }
}

fn strip<'a>(words: &'a [OsString], prefix: &[&str]) -> Option<&'a [OsString]> {
    let fits = words.len() >= prefix.len()
        && prefix
            .iter()
            .zip(words)
            .all(|(want, word)| OsStr::new(want) == word);
    fits.then(|| &words[prefix.len()..])
}

fn tool_name(argv0: &OsStr) -> String {
    Path::new(argv0)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> (Spelling, String) {
        let argv: Vec<OsString> = text.split_whitespace().map(OsString::from).collect();
        let read = interpret(&argv);
        let words: Vec<_> = read.words[1..]
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        (read.spelling, words.join(" "))
    }

    #[test]
    fn the_originals_lines_become_our_own() {
        for (typed, ours) in [
            ("bx login -a HOST", "login -a HOST"),
            ("/usr/bin/bx target -o O -s S", "target -o O -s S"),
            ("ibmcloud login -a HOST", "login -a HOST"),
            ("cf login -a HOST", "login -a HOST"),
            ("cf target -o O -s S", "target -o O -s S"),
            ("bx cf at", "-h"),
            ("bx cf at -h", "-h"),
            ("bx cf at -v", "-v"),
            ("bx cf at help status", "help status"),
            ("bx cf at session help create", "help session create"),
            (
                "bx cf at session create -s 2017-07-24",
                "session create -s 2017-07-24",
            ),
            ("bx cf at download -o F ID", "download -o F ID"),
            ("bx cf at status", "status"),
            ("bx cf at option -r -1", "option -r -1"),
            ("cf at status", "status"),
            ("ibmcloud at trail -t cadf -f F", "trail -t cadf -f F"),
            ("ibmcloud.exe at status", "status"),
            ("ibmcloud iam oauth-tokens", "token"),
            ("cf", "-h"),
        ] {
            assert_eq!(
                line(typed),
                (Spelling::Original, ours.to_owned()),
                "{typed}"
            );
        }
    }

    #[test]
    fn our_own_lines_stay_as_they_are() {
        for name in ["atrail", "./target/debug/atrail", "anything"] {
            let (spelling, words) = line(&format!("{name} cf at status"));
            assert_eq!((spelling, words.as_str()), (Spelling::Own, "cf at status"));
        }
    }

    #[test]
    fn usage_texts_name_what_was_typed() {
        let argv = ["bx", "cf", "at", "status"].map(OsString::from);
        assert_eq!(interpret(&argv).words[0], "bx cf at");
        let argv = ["bx", "target"].map(OsString::from);
        assert_eq!(interpret(&argv).words[0], "bx");
    }
}
