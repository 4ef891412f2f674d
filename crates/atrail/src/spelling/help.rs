//! The word orders in which the original accepted a request for help.

use std::ffi::{OsStr, OsString};

/// Returns the words in the order that clap parses: `at --help status` and `at status help` become `at help status`.
///
/// It changes only a line of nothing but commands and one word for help: in any other, `help` may be a name.
pub(super) fn in_order(tool: &clap::Command, words: Vec<OsString>) -> Vec<OsString> {
    let Some((program, rest)) = words.split_first() else {
        return words;
    };
    let is_question = |word: &OsString| ["help", "--help", "-h"].iter().any(|help| word == help);
    let mut questions = rest
        .iter()
        .enumerate()
        .filter(|(_, word)| is_question(word));
    let (Some((at, _)), None) = (questions.next(), questions.next()) else {
        return words;
    };
    let (before, after) = (&rest[..at], &rest[at + 1..]);
    let Some(asked_in) = find(tool, before) else {
        return words;
    };
    if after.is_empty() {
        if asked_in.has_subcommands() {
            // Each of these words already means its own help.
            return words;
        }
        let flag = OsString::from("--help");
        return [std::slice::from_ref(program), before, &[flag]].concat();
    }
    if find(asked_in, after).is_none() {
        return words;
    }
    let word = OsString::from("help");
    [std::slice::from_ref(program), before, &[word], after].concat()
}

/// Returns the command that the words lead to, if each of them names one.
fn find<'a>(from: &'a clap::Command, words: &[OsString]) -> Option<&'a clap::Command> {
    words.iter().try_fold(from, |command, word| {
        command.find_subcommand(OsStr::new(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool() -> clap::Command {
        let status = clap::Command::new("status").arg(clap::Arg::new("word"));
        let create = clap::Command::new("create");
        let session = clap::Command::new("session").subcommand(create);
        let plugin = clap::Command::new("at").subcommands([status, session]);
        clap::Command::new("bx").subcommand(plugin)
    }

    fn ordered(line: &str) -> String {
        let words = line.split(' ').map(OsString::from).collect();
        let words = in_order(&tool(), words);
        words.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn every_order_asks_the_same() {
        for (typed, understood) in [
            ("bx at --help status", "bx at help status"),
            ("bx at -h status", "bx at help status"),
            ("bx at help status", "bx at help status"),
            ("bx at status help", "bx at status --help"),
            ("bx at session create help", "bx at session create --help"),
            ("bx at --help session create", "bx at help session create"),
            ("bx --help at status", "bx help at status"),
        ] {
            assert_eq!(ordered(typed), understood);
        }
    }

    #[test]
    fn everything_else_stays() {
        for line in [
            "bx",
            "bx at",
            "bx at --help",
            "bx at session help",
            "bx at session help create",
            "bx at status --help",
            "bx at status x help",
            "bx at status -s help",
            "bx at stauts help",
            "bx at --help stauts",
            "bx at help --help status",
        ] {
            assert_eq!(ordered(line), line);
        }
    }
}
