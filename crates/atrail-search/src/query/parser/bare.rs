//! Words without a field: text, or the name of a field that follows.

use std::net::IpAddr;

use super::cursor::{Char, Word};
use crate::query::field::is_known;
use crate::query::limits::WILDCARDS_MAX;
use crate::query::{Expr, Pattern, Piece};
use crate::text::{ANY, ONE, fold, fold_char, words, words_with_wildcards};

/// What is wrong, and where in the query, in bytes.
type Wrong = (usize, String);

/// Returns the condition that the event's text has the words of a phrase.
pub(super) fn phrase(text: &str) -> Result<Expr, String> {
    let folded = fold(text);
    let patterns: Vec<Pattern> = words(&folded)
        .map(|word| Pattern::exactly(word.text))
        .collect();
    if patterns.is_empty() {
        return Err(
            "there is no letter and no digit in this text, and only words are searched in the whole event; name a field, as in field:\"…\""
                .to_owned(),
        );
    }
    Ok(Expr::Text(patterns))
}

/// Returns the condition that the event's text has this word, which may have wildcards and consist of several words.
pub(super) fn text(word: &Word) -> Result<Expr, Wrong> {
    let start = word.offset(0);
    if !word.has_wildcard() {
        return phrase(&word.text()).map_err(|message| (start, message));
    }
    if word.chars.iter().all(|c| c.is('*')) {
        return Ok(Expr::All);
    }
    check_wildcards(word)?;
    let in_place = |c: &Char| match piece(*c) {
        Piece::Any => ANY,
        Piece::One => ONE,
        // Neither is part of a word.
        Piece::Text(_) if matches!(c.c, ANY | ONE) => ' ',
        Piece::Text(_) => fold_char(c.c),
    };
    let marked: String = word.chars.iter().map(in_place).collect();
    let apart: Vec<Pattern> = words_with_wildcards(&marked)
        .map(|word| pattern(word.text))
        .collect();
    if matches!(&*apart, [Pattern(only)] if *only == [Piece::Any]) {
        // Every event has words.
        return Ok(Expr::All);
    }
    let apart = Expr::Text(apart);
    if !may_be_one_word(word) {
        return Ok(apart);
    }
    let whole = Pattern::of(word.chars.iter().copied().map(piece));
    Ok(Expr::any_of([Expr::Text(vec![whole]), apart]))
}

/// Returns how many of the words need a regular expression.
pub(super) fn regexes(text: &Expr) -> usize {
    match text {
        Expr::Text(words) => words
            .iter()
            .filter(|word| word.0.contains(&Piece::One))
            .count(),
        Expr::Or(parts) => parts.iter().map(regexes).sum(),
        _ => 0,
    }
}

/// Returns the pattern of a word in which wildcards are marked.
fn pattern(marked: &str) -> Pattern {
    Pattern::of(marked.chars().map(|c| match c {
        ANY => Piece::Any,
        ONE => Piece::One,
        c => Piece::Text(c.to_string()),
    }))
}

/// Returns a character's piece of a pattern.
pub(super) fn piece(c: Char) -> Piece {
    match c.c {
        '*' if !c.is_escaped => Piece::Any,
        '?' if !c.is_escaped => Piece::One,
        c => Piece::Text(fold_char(c).to_string()),
    }
}

/// Refuses too many wildcards.
pub(super) fn check_wildcards(word: &Word) -> Result<(), Wrong> {
    let wildcards = word.chars.iter().filter(|c| c.is_wildcard()).count();
    if wildcards > WILDCARDS_MAX {
        return Err((
            word.offset(0),
            format!(
                "there are {wildcards} wildcards in one word; at most {WILDCARDS_MAX} are possible"
            ),
        ));
    }
    Ok(())
}

/// Reports whether a pattern may match an address or a UUID, which are one word each.
fn may_be_one_word(word: &Word) -> bool {
    let joins = |c: &Char| matches!(c.c, '.' | ':' | '-');
    let fits = |c: &Char| c.is_wildcard() || c.c.is_ascii_hexdigit() || joins(c);
    word.chars.iter().all(fits) && word.chars.iter().any(joins)
}

/// Reports whether the colons of a word belong to it: it is an address, a URL, a name of a resource (CRN, ARN, URN) or
/// the address of a network card.
pub(super) fn is_whole(word: &Word) -> bool {
    let raw = word.raw;
    let colons = word.chars.iter().filter(|c| c.is(':')).count();
    let starts = |prefix: &str| {
        raw.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let is_ipv6_pattern = || {
        let fits = |c: &Char| c.is_wildcard() || c.c.is_ascii_hexdigit() || c.is(':');
        word.has_wildcard() && word.chars.iter().all(fits)
    };
    is_address(raw)
        || is_url(raw)
        || colons >= 4 && (starts("crn:") || starts("arn:"))
        || colons >= 2 && (starts("urn:") || is_ipv6_pattern())
        || is_mac(raw)
}

/// Reports whether a text is an IP address, with or without brackets, a port or the length of a prefix.
fn is_address(text: &str) -> bool {
    let (address, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':').unwrap_or(rest)),
        None => match text.split_once('/') {
            Some((address, length)) => (address, length),
            None => text
                .rsplit_once(':')
                .filter(|(address, _)| address.parse::<std::net::Ipv4Addr>().is_ok())
                .unwrap_or((text, "")),
        },
    };
    address.parse::<IpAddr>().is_ok() && rest.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let mut chars = scheme.bytes();
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        !rest.is_empty()
            && chars.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && chars.all(is_scheme)
    })
}

fn is_mac(text: &str) -> bool {
    let is_byte = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    text.split(':').count() == 6 && text.split(':').all(is_byte)
}

/// Returns the name of a field, which ends before this colon.
pub(super) fn field_name(word: &Word, colon: usize) -> Result<String, Wrong> {
    let name = &word.chars[..colon];
    let start = word.offset(0);
    if name.is_empty() {
        return Err((start, "the name of a field is missing before the colon; to search for the colon, quote the text".to_owned()));
    }
    if let Some(wildcard) = name.iter().find(|c| c.is_wildcard()) {
        return Err((
            wildcard.offset,
            "the name of a field has no wildcards; write the whole name, or quote the text"
                .to_owned(),
        ));
    }
    if name[0].c.is_ascii_digit() && !name[0].is_escaped {
        return Err((
            word.offset(colon),
            format!(
                "does this colon belong to the text? then quote it: \"{raw}\"; a time is written time:{raw}, and a field whose name begins with a digit .{raw}",
                raw = word.raw.replace(['"', '\\'], "")
            ),
        ));
    }
    Ok(name.iter().map(|c| c.c).collect())
}

/// Refuses what means something in other languages of this kind, and nothing here.
pub(super) fn refuse_other_syntax(word: &Word) -> Result<(), Wrong> {
    let start = word.offset(0);
    let refuse = |at: usize, message: &str| Err((at, message.to_owned()));
    for operator in ["and", "or", "not"] {
        if word.raw.eq_ignore_ascii_case(operator) {
            let upper = operator.to_ascii_uppercase();
            return Err((
                start,
                format!(
                    "operators are upper case: {upper}; to search for the word, quote it: \"{}\"",
                    word.raw
                ),
            ));
        }
    }
    match word.raw.chars().next() {
        Some('&') if word.raw.starts_with("&&") => {
            return refuse(start, "write AND, or only a blank");
        }
        Some('|') if word.raw.starts_with("||") => return refuse(start, "write OR"),
        Some('!') => {
            return refuse(
                start,
                "write -x or NOT x; to search for the sign, quote the text",
            );
        }
        Some('+') => {
            return refuse(
                start,
                "leave the plus out, because all conditions must hold; to search for the sign, quote the text",
            );
        }
        Some('[' | '{') if !is_whole(word) => {
            return refuse(
                start,
                "a range needs a field: field:[a TO b]; to search for the bracket, quote the text",
            );
        }
        Some('<' | '>') => {
            return refuse(
                start,
                "a comparison needs a field: field:>v; to search for the sign, quote the text",
            );
        }
        Some('/') if word.raw.len() > 1 && word.raw.ends_with('/') => {
            return refuse(
                start,
                "a regular expression needs a field: field:/…/; to search for a path, quote it",
            );
        }
        _ => {}
    }
    refuse_comparison(word)?;
    refuse_suffix(word)
}

/// Refuses `field=value` and the like.
fn refuse_comparison(word: &Word) -> Result<(), Wrong> {
    let signs = |c: &Char| !c.is_escaped && matches!(c.c, '=' | '!' | '<' | '>' | '~');
    let Some(sign) = word.chars.iter().position(signs) else {
        return Ok(());
    };
    let name: String = word.chars[..sign].iter().map(|c| c.c).collect();
    if name.contains(':') || !is_known(&name) {
        return Ok(());
    }
    Err((
        word.offset(sign),
        format!(
            "a field and its value have a colon between them: {name}:value, -{name}:value, {name}:>value; to search for the text, quote it"
        ),
    ))
}

/// Refuses `word~2` and `word^2`.
fn refuse_suffix(word: &Word) -> Result<(), Wrong> {
    let value = word.colon().and_then(|colon| word.chars.get(colon + 1));
    if value.is_some_and(|first| first.is('/')) {
        // In a regular expression, the signs have a meaning; the word may end within it.
        return Ok(());
    }
    let Some(sign) = word.chars.iter().rposition(|c| c.is('~') || c.is('^')) else {
        return Ok(());
    };
    let number = |c: &Char| c.c.is_ascii_digit() || c.c == '.';
    if sign == 0 || !word.chars[sign + 1..].iter().all(number) {
        return Ok(());
    }
    Err((
        word.offset(sign),
        format!(
            "{} has no meaning here; leave it out, or quote the text",
            word.chars[sign].c
        ),
    ))
}
