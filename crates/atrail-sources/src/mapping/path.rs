//! Paths into a JSON object: `objectRef.name`, `sourceIPs[-1]`, `parameters[name=doc_id].value`,
//! `annotations."authorization.k8s.io/decision"`.

use std::fmt;

use crate::members::{elements, members, string};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// The member of this name.
    Member(Box<str>),
    /// The element at this position; negative ones count from the end.
    Element(i32),
    /// The first element that is an object with this member of this text.
    Where(Box<str>, Box<str>),
}

/// A path; it has at least one segment, and the first is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) segments: Vec<Segment>,
}

/// The deepest path.
const SEGMENTS_MAX: usize = 12;

impl Path {
    /// Reads a path, or returns what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (name, after) =
                name(rest).map_err(|problem| format!("path `{text}`: {problem}"))?;
            segments.push(Segment::Member(name.into()));
            rest = after;
            while let Some(inside) = rest.strip_prefix('[') {
                let (inside, after) = inside
                    .split_once(']')
                    .ok_or_else(|| format!("path `{text}`: `[` without `]`"))?;
                segments.push(element(inside).ok_or_else(|| {
                    format!("path `{text}`: `[{inside}]` is no position such as [0] or [-1], and no choice such as [name=x]")
                })?);
                rest = after;
            }
            if segments.len() > SEGMENTS_MAX {
                return Err(format!(
                    "path `{text}`: it has more than {SEGMENTS_MAX} steps"
                ));
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(Self { segments }),
                None => {
                    return Err(format!(
                        "path `{text}`: expected `.` or `[` before `{rest}`"
                    ));
                }
            }
        }
    }

    /// Returns the name of its first member.
    pub(super) fn first(&self) -> &str {
        match &self.segments[0] {
            Segment::Member(name) => name,
            Segment::Element(_) | Segment::Where(..) => "",
        }
    }
}

/// Reads a name, quoted or not; returns it with the text after it.
fn name(text: &str) -> Result<(&str, &str), &'static str> {
    if let Some(inside) = text.strip_prefix('"') {
        let (name, after) = inside.split_once('"').ok_or("a quote is not closed")?;
        return if name.is_empty() {
            Err("a name is empty")
        } else {
            Ok((name, after))
        };
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    match text.split_at(end) {
        ("", _) => Err("a name is empty"),
        (name, _) if name.contains(['"', ']', ' ']) => {
            Err("a name with a quote, a bracket or a blank must be in quotes")
        }
        split => Ok(split),
    }
}

fn element(inside: &str) -> Option<Segment> {
    match inside.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Some(Segment::Where(name.into(), value.into()))
        }
        Some(_) => None,
        None => inside.parse().ok().map(Segment::Element),
    }
}

/// Returns the value at the end of a path within a JSON value.
pub(super) fn follow<'a>(raw: &'a str, segments: &[Segment]) -> Option<&'a str> {
    let mut raw = raw;
    for segment in segments {
        raw = match segment {
            Segment::Member(name) => {
                let [value] = members(raw.as_bytes(), [name]).ok()?;
                value?
            }
            Segment::Element(position) => {
                let elements = elements(raw)?;
                let from_end = position.unsigned_abs() as usize;
                let at = match position {
                    0.. => from_end,
                    _ => elements.len().checked_sub(from_end)?,
                };
                elements.get(at)?
            }
            Segment::Where(name, value) => elements(raw)?.into_iter().find(|element| {
                let found = members(element.as_bytes(), [name])
                    .ok()
                    .and_then(|[found]| found);
                found.is_some_and(|found| {
                    *found == **value || string(found).is_some_and(|text| text == **value)
                })
            })?,
        };
    }
    Some(raw)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Member(name) => write!(f, "{}{name}", if index == 0 { "" } else { "." })?,
                Segment::Element(position) => write!(f, "[{position}]")?,
                Segment::Where(name, value) => write!(f, "[{name}={value}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_say() {
        let raw = r#"{"a":{"b.c":[{"n":"x","v":1},{"n":"y","v":{"w":"2"}}]},"e":[]}"#;
        for (path, expected) in [
            (r#"a."b.c"[0].v"#, Some("1")),
            (r#"a."b.c"[-1].v.w"#, Some("\"2\"")),
            (r#"a."b.c"[n=y].v"#, Some(r#"{"w":"2"}"#)),
            (r#"a."b.c"[v=1].n"#, Some("\"x\"")),
            (r#"a."b.c"[n=z].v"#, None),
            (r#"a."b.c"[2]"#, None),
            (r#"a."b.c"[-3]"#, None),
            ("a.b.c", None),
            ("e[0]", None),
            ("e.x", None),
        ] {
            let parsed = Path::parse(path).unwrap();
            assert_eq!(follow(raw, &parsed.segments), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "", ".", "a.", "a..b", "a[", "a[x]", "a[=1]", "a[n=]", "a]b", "a b", "\"a", "\"\"",
            "a[0]b", "[0]",
        ] {
            let error = Path::parse(path).unwrap_err();
            assert!(error.starts_with(&format!("path `{path}`: ")), "{error}");
        }
        assert!(Path::parse(&["a"; 13].join(".")).is_err());
    }
}
