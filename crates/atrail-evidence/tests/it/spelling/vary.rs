//! Generates spellings of a JSON text: at each place, the values that could be there.

use std::collections::BTreeSet;
use std::ops::Range;

/// A text with one place changed.
pub(crate) struct Variant {
    pub(crate) what: String,
    pub(crate) text: String,
}

/// A value and its place.
struct Place {
    /// Names of members, and `*` for items; only the first place of each path is varied.
    path: String,
    span: Range<usize>,
    /// For an object, its members: name and value.
    members: Vec<(Range<usize>, Range<usize>)>,
    /// For a list, its items.
    items: Vec<Range<usize>>,
}

/// Values to put in the place of any value.
const ANYTHING: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e0",
    "1e400",
    "255",
    "256",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "NaN",
    "Infinity",
    "01",
    "+1",
    "\"\"",
    "\"\\ud800\"",
    "\"x\\u0000\"",
    "[]",
    "{}",
    "\"snapshot\"",
    "",
];

/// Values for an unknown member.
const UNKNOWN: &[&str] = &[
    "1",
    "-1",
    "1.5",
    "-0",
    "1e400",
    "NaN",
    "18446744073709551616",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\x41\"",
    "{\"a\":1,\"a\":1}",
    "[null,true,{}]",
    "[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]",
    "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
];

/// Returns every variant of a JSON text.
pub(crate) fn variants(text: &str) -> Vec<Variant> {
    let mut places = Vec::new();
    let end = Reader {
        text,
        places: &mut places,
    }
    .value(0, String::new());
    assert_eq!(end, text.len(), "{text}");
    let mut all = around(text);
    let mut seen = BTreeSet::new();
    for place in places {
        if seen.insert(place.path.clone()) {
            vary(text, &place, &mut all);
        }
    }
    all
}

/// Returns the variants with text before and after.
fn around(text: &str) -> Vec<Variant> {
    let white = [" ", "\n", "\t", "\r", "\u{b}", "\u{a0}", "\u{feff}", "\0"];
    let behind = ["{}", ",", "]", "//", "1"];
    let before = white.iter().map(|white| format!("{white}{text}"));
    let all = white
        .iter()
        .chain(&behind)
        .map(|rest| format!("{text}{rest}"));
    before
        .chain(all)
        .map(|text| Variant {
            what: format!("{:?} … {:?}", text.chars().next(), text.chars().last()),
            text,
        })
        .collect()
}

fn vary(text: &str, place: &Place, all: &mut Vec<Variant>) {
    let value = &text[place.span.clone()];
    let mut put = |span: &Range<usize>, is: &str| {
        let shown: String = is.chars().take(40).collect();
        all.push(Variant {
            what: format!("{} = {shown}", place.path),
            text: format!("{}{is}{}", &text[..span.start], &text[span.end..]),
        });
    };
    let whole = &place.span;
    ANYTHING.iter().for_each(|is| put(whole, is));
    for is in [
        format!("[{value}]"),
        format!("{{\"0\":{value}}}"),
        format!("{{{value}:null}}"),
        format!(" {value}\n"),
        format!("\u{a0}{value}"),
        format!("\"{value}\""),
        format!("{value}.0"),
        format!("{value}e0"),
        format!("-{value}"),
        format!("0{value}"),
        format!("{value},{value}"),
    ] {
        put(whole, &is);
    }
    if let Some(inner) = value.strip_prefix('"') {
        if let Some(first) = inner.chars().next().filter(char::is_ascii_alphanumeric) {
            let escaped = format!("\"\\u{:04x}{}", u32::from(first), &inner[1..]);
            put(whole, &escaped);
            put(whole, &escaped.replace("\\u00", "\\U00"));
        }
        put(whole, &value.replace('/', "\\/"));
        put(whole, &format!("\" {inner}"));
        put(whole, &format!("\"\u{7f}{inner}"));
        put(whole, &format!("\"\\t{inner}"));
        put(whole, &format!("\"\\ud800{inner}"));
        put(whole, &value.to_uppercase());
        put(whole, &value.replace('=', ""));
    }
    for item in &place.items {
        put(item, &format!("{0},{0}", &text[item.clone()]));
    }
    if !place.items.is_empty() {
        put(whole, &value.replacen('[', "[,", 1));
        put(whole, &format!("{},]", &value[..value.len() - 1]));
    }
    if !value.starts_with('{') {
        return;
    }
    let values = place.members.iter().map(|(_, value)| &text[value.clone()]);
    put(
        whole,
        &format!("[{}]", values.collect::<Vec<_>>().join(",")),
    );
    let members = &value[1..value.len() - 1];
    put(whole, &format!("{{{members},}}"));
    put(whole, &format!("{{{members},x:1}}"));
    let comma = if members.is_empty() { "" } else { "," };
    for is in UNKNOWN {
        put(whole, &format!("{{\"x\":{is}{comma}{members}}}"));
        put(whole, &format!("{{{members}{comma}\"x\":{is}}}"));
    }
    put(whole, &format!("{{\"\\ud800\":1{comma}{members}}}"));
    let pairs = || {
        let all = place.members.iter();
        all.map(|(name, value)| (&text[name.clone()], &text[value.clone()]))
    };
    let written = |pairs: &[(&str, &str)]| {
        let members = pairs.iter().map(|(name, value)| format!("{name}:{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    for (number, (name, value)) in pairs().enumerate() {
        let mut without: Vec<_> = pairs().collect();
        without.remove(number);
        put(whole, &written(&without));
        let escaped = format!("\"\\u{:04x}{}", name.as_bytes()[1], &name[2..]);
        let mut again = without.clone();
        again.push((&escaped, value));
        put(whole, &written(&again));
        again.push((name, value));
        put(whole, &written(&again));
    }
    put(whole, &written(&pairs().rev().collect::<Vec<_>>()));
}

/// Finds the places of a valid text.
struct Reader<'a> {
    text: &'a str,
    places: &'a mut Vec<Place>,
}

impl Reader<'_> {
    fn at(&self, at: usize) -> u8 {
        self.text.as_bytes()[at]
    }

    /// Returns where the value that begins here ends.
    fn value(&mut self, start: usize, path: String) -> usize {
        let (mut members, mut items) = (Vec::new(), Vec::new());
        let number = self.places.len();
        self.places.push(Place {
            path: path.clone(),
            span: start..start,
            members: Vec::new(),
            items: Vec::new(),
        });
        let end = match self.at(start) {
            b'"' => self.string(start),
            b'{' | b'[' => {
                let mut at = start + 1;
                while !matches!(self.at(at), b'}' | b']') {
                    at += usize::from(self.at(at) == b',');
                    if self.at(start) == b'[' {
                        let end = self.value(at, format!("{path}/*"));
                        items.push(at..end);
                        at = end;
                        continue;
                    }
                    let colon = self.string(at);
                    let name = &self.text[at + 1..colon - 1];
                    // The names of segments count as items.
                    let name = if path.ends_with("subtrees") {
                        "*"
                    } else {
                        name
                    };
                    let end = self.value(colon + 1, format!("{path}/{name}"));
                    members.push((at..colon, colon + 1..end));
                    at = end;
                }
                at + 1
            }
            _ => {
                let rest = &self.text[start..];
                start + rest.find([',', '}', ']']).unwrap_or(rest.len())
            }
        };
        let place = &mut self.places[number];
        (place.span, place.members, place.items) = (start..end, members, items);
        end
    }

    fn string(&self, start: usize) -> usize {
        let mut at = start + 1;
        while self.at(at) != b'"' {
            at += 1 + usize::from(self.at(at) == b'\\');
        }
        at + 1
    }
}
