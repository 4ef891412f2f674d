//! Decides whether messages are coloured.

use std::ffi::OsString;

use clap::ValueEnum;

/// When to use colours on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// At a terminal, unless `NO_COLOR` or `CLICOLOR=0` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The environment's choice, by the conventions of no-color.org and bixense.com/clicolors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ColorWish {
    /// No choice.
    #[default]
    None,
    /// `NO_COLOR` is set, or `CLICOLOR` is 0.
    Never,
    /// `CLICOLOR_FORCE` is set, and not 0.
    Always,
}

impl ColorWish {
    /// Reads the variables through `get`, which returns `None` for an empty one.
    pub(crate) fn read(get: impl Fn(&str) -> Option<OsString>) -> Self {
        if get("NO_COLOR").is_some() {
            Self::Never
        } else if get("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            Self::Always
        } else if get("CLICOLOR").is_some_and(|value| value == "0") {
            Self::Never
        } else {
            Self::None
        }
    }

    /// Returns the decision; the flag overrides the environment.
    pub(super) const fn decide(self, flag: Color, at_terminal: bool) -> bool {
        match (flag, self) {
            (Color::Always, _) | (Color::Auto, Self::Always) => true,
            (Color::Never, _) | (Color::Auto, Self::Never) => false,
            (Color::Auto, Self::None) => at_terminal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_stands_above_the_environment_above_the_terminal() {
        let wish = |pairs: &[(&str, &str)]| {
            ColorWish::read(|name| {
                let found = pairs.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            })
        };
        for (pairs, flag, at_terminal, colored) in [
            (&[][..], Color::Auto, true, true),
            (&[], Color::Auto, false, false),
            (&[], Color::Always, false, true),
            (&[], Color::Never, true, false),
            (&[("NO_COLOR", "1")], Color::Auto, true, false),
            (&[("NO_COLOR", "1")], Color::Always, true, true),
            (&[("CLICOLOR", "0")], Color::Auto, true, false),
            (&[("CLICOLOR", "1")], Color::Auto, true, true),
            (&[("CLICOLOR", "1")], Color::Auto, false, false),
            (&[("CLICOLOR_FORCE", "1")], Color::Auto, false, true),
            (&[("CLICOLOR_FORCE", "0")], Color::Auto, false, false),
            (
                &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
                Color::Auto,
                true,
                false,
            ),
        ] {
            let decided = wish(pairs).decide(flag, at_terminal);
            assert_eq!(decided, colored, "{pairs:?} {flag:?} {at_terminal}");
        }
    }
}
