//! Sections of a manual page, in the language of man(7).

use clap::{Arg, ArgAction, Command};

/// What clap writes before each section: how an apostrophe is written.
pub(super) const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Returns a text with only the first of these parts.
pub(super) fn once(part: &str, text: &str) -> String {
    match text.split_once(part) {
        Some((before, behind)) => format!("{before}{part}{}", behind.replace(part, "")),
        None => text.to_owned(),
    }
}

/// Returns the section that shows how the command is called: what it needs, what it accepts, and their values. The options
/// of every command are summed up.
pub(super) fn synopsis(command: &Command, called: &str) -> String {
    let mut words = vec![bold(called)];
    let own = |arg: &&Arg| !arg.is_hide_set() && !arg.is_global_set() && !is_help(arg);
    let named = command.get_arguments().filter(|arg| !arg.is_positional());
    let mut options: Vec<_> = named.filter(own).collect();
    options.sort_by_key(|option| option.get_display_order());
    let (needed, others): (Vec<_>, Vec<_>) = options
        .into_iter()
        .partition(|option| option.is_required_set());
    words.extend(needed.into_iter().map(option));
    words.extend(
        others
            .into_iter()
            .map(|arg| format!("[{}]{}", option(arg), again(arg))),
    );
    let positionals = command.get_positionals().filter(own);
    words.extend(positionals.map(|arg| {
        let value = format!("{}{}", value(arg), again(arg));
        if arg.is_required_set() {
            value
        } else {
            format!("[{value}]")
        }
    }));
    if command.has_subcommands() {
        words.push(italic("COMMAND"));
    }
    words.push(format!("[{}]", italic("option of every command")));
    // Each word stays on one line, and the following lines stand below the first word.
    let words: Vec<_> = words.iter().map(|word| word.replace(' ', "\\ ")).collect();
    format!(".SH SYNOPSIS\n.ad l\n.HP\n{}\n.ad b\n", words.join(" "))
}

/// Returns the sections of what the help shows behind the options: examples as they are typed, and notes.
pub(super) fn examples(command: &Command) -> String {
    let Some(text) = command.get_after_help() else {
        return String::new();
    };
    let text = text.to_string();
    let (examples, notes): (Vec<_>, Vec<_>) = text
        .lines()
        .filter(|line| *line != "Example:")
        .partition(|line| line.starts_with("  "));
    let mut page = String::new();
    if !examples.is_empty() {
        page.push_str(".SH EXAMPLES\n.nf\n");
        for line in examples {
            page.push_str(&format!("{}\n", escaped(&line[2..])));
        }
        page.push_str(".fi\n");
    }
    if notes.iter().any(|line| !line.is_empty()) {
        page.push_str(".SH NOTES\n");
        let notes = notes.join("\n");
        for note in notes.split("\n\n").filter(|note| !note.trim().is_empty()) {
            page.push_str(&format!(
                ".PP\n{}\n",
                escaped(note.trim()).replace('\n', " ")
            ));
        }
    }
    page
}

/// Returns an option with its value: `-o FILE`.
fn option(arg: &Arg) -> String {
    let name = match (arg.get_short(), arg.get_long()) {
        (Some(short), _) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => String::new(),
    };
    if arg.get_action().takes_values() {
        format!("{} {}", bold(&name), value(arg))
    } else {
        bold(&name)
    }
}

fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().map(|names| names.join(" "));
    italic(&names.unwrap_or_else(|| arg.get_id().as_str().to_uppercase()))
}

/// Returns the sign of what may be given several times.
fn again(arg: &Arg) -> &'static str {
    let takes_many = arg
        .get_num_args()
        .is_some_and(|range| range.max_values() > 1);
    if takes_many || matches!(arg.get_action(), ArgAction::Append | ArgAction::Count) {
        "..."
    } else {
        ""
    }
}

fn is_help(arg: &Arg) -> bool {
    let action = arg.get_action();
    matches!(
        action,
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    )
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text))
}

fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text))
}

/// Escapes text: a hyphen of an option is a minus, and a line may begin with a full stop.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text.lines().map(|line| {
        let is_control = line.starts_with('.') || line.starts_with('\'');
        format!("{}{line}", if is_control { "\\&" } else { "" })
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synopsis_shows_values_and_what_is_needed() {
        let command = Command::new("x")
            .arg(
                Arg::new("file")
                    .long("file")
                    .short('f')
                    .value_name("FILE")
                    .required(true),
            )
            .arg(Arg::new("day").long("day").value_name("DAY"))
            .arg(Arg::new("key").long("key").action(ArgAction::Append))
            .arg(Arg::new("yes").long("yes").action(ArgAction::SetTrue))
            .arg(
                Arg::new("quiet")
                    .long("quiet")
                    .action(ArgAction::SetTrue)
                    .global(true),
            )
            .arg(Arg::new("hidden").long("hidden").hide(true))
            .arg(Arg::new("name").value_name("NAME").required(true))
            .arg(Arg::new("more").value_name("MORE").num_args(1..))
            .after_help("Note.\n\nExample:\n  x -f a b\n  .x");
        let plain = |text: &str| {
            let text = text
                .replace("\\fB", "")
                .replace("\\fI", "")
                .replace("\\fR", "");
            text.replace("\\-", "-").replace("\\ ", " ")
        };
        assert_eq!(
            plain(&synopsis(&command, "atrail x")),
            ".SH SYNOPSIS\n.ad l\n.HP\natrail x -f FILE [--day DAY] [--key KEY]... [--yes] NAME [MORE...] \
             [option of every command]\n.ad b\n"
        );
        assert_eq!(
            plain(&examples(&command)),
            ".SH EXAMPLES\n.nf\nx -f a b\n\\&.x\n.fi\n.SH NOTES\n.PP\nNote.\n"
        );
        assert_eq!(examples(&Command::new("x")), "");
    }
}
