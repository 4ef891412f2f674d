//! Finding the values at some paths, all in one reading of a line.

use super::reader::{Raw, Reader, Scalar, Token};
use crate::query::Path;
use crate::text::fold;

/// The paths that are looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths(Vec<Box<str>>);

/// Receives what stands at the paths, in the order of the line.
pub(crate) trait Visit<'a> {
    /// Whether [`Self::text`] is called.
    fn wants_text(&self) -> bool {
        false
    }

    /// A value stands at the path with this number. It is not null.
    fn value(&mut self, path: usize, value: Raw<'a>);

    /// An object stands there.
    fn object(&mut self, _path: usize) {}

    /// A string, a member's name, a number, `true` or `false`, wherever it stands.
    fn text(&mut self, _text: Raw<'a>) {}

    /// A member `eventTime` of the event; `None` when it is no string.
    fn event_time(&mut self, _time: Option<Raw<'a>>) {}

    /// Whether nothing more is needed.
    fn is_done(&self) -> bool {
        false
    }
}

impl Paths {
    /// Returns the number of a path, which is added when it is new.
    pub(crate) fn add(&mut self, path: &Path) -> usize {
        let folded = path.folded();
        let known = self.0.iter().position(|known| **known == *folded);
        known.unwrap_or_else(|| {
            self.0.push(folded.into());
            self.0.len() - 1
        })
    }

    /// Returns how many paths there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A path that may lead on from here.
#[derive(Debug, Clone, Copy)]
struct Step {
    path: u32,
    /// The part of the path that was gone, with the dot behind it.
    gone: u32,
}

/// An open object or list, and where in `Walk::steps` the paths are that lead to it.
#[derive(Debug, Clone, Copy)]
struct Level {
    start: usize,
    end: usize,
    is_list: bool,
}

struct Walk<'p> {
    paths: &'p Paths,
    /// The steps of each level, one after the other, and those of the last member's name.
    steps: Vec<Step>,
    levels: Vec<Level>,
}

/// Reads a line once.
pub(crate) fn walk<'a>(line: &'a [u8], paths: &Paths, visit: &mut impl Visit<'a>) {
    let mut reader = Reader::new(line);
    let mut walk = Walk {
        paths,
        steps: Vec::with_capacity(paths.len() * 3),
        levels: Vec::with_capacity(8),
    };
    let wants_text = visit.wants_text();
    let mut is_event_time = false;
    while let Some(token) = reader.next() {
        if is_event_time {
            visit.event_time(match token {
                Token::Value(Scalar::Text(raw)) => Some(raw),
                _ => None,
            });
        }
        is_event_time = false;
        match token {
            Token::Key(name) => {
                is_event_time = walk.levels.len() == 1 && is_exactly(name, "eventTime");
                walk.follow(name);
                if wants_text {
                    visit.text(name);
                }
            }
            Token::Value(value) => {
                if let Some(raw) = value.raw() {
                    for at in walk.here() {
                        let step = walk.steps[at];
                        if walk.is_complete(step) {
                            visit.value(step.path as usize, raw);
                        }
                    }
                    if wants_text {
                        visit.text(raw);
                    }
                }
                if visit.is_done() {
                    return;
                }
            }
            Token::OpenObject => {
                for at in walk.here() {
                    let step = walk.steps[at];
                    if walk.is_complete(step) {
                        visit.object(step.path as usize);
                    }
                }
                if !walk.open(false) && !wants_text {
                    walk.close();
                    reader.skip_rest();
                }
            }
            Token::OpenList => {
                if !walk.open(true) && !wants_text {
                    walk.close();
                    reader.skip_rest();
                }
            }
            Token::Close => walk.close(),
        }
    }
}

impl Walk<'_> {
    /// Returns which steps lead to the value that is read.
    fn here(&self) -> std::ops::Range<usize> {
        match self.levels.last() {
            Some(level) if level.is_list => level.start..level.end,
            Some(level) => level.end..self.steps.len(),
            None => 0..0,
        }
    }

    fn is_complete(&self, step: Step) -> bool {
        self.paths.0[step.path as usize].len() < step.gone as usize
    }

    /// Opens an object or a list. Reports whether any path leads inside, or it is the event itself.
    fn open(&mut self, is_list: bool) -> bool {
        let start = self.steps.len();
        if self.levels.is_empty() {
            let count = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
            self.steps
                .extend((0..count).map(|path| Step { path, gone: 0 }));
        } else {
            for at in self.here() {
                let step = self.steps[at];
                if is_list || !self.is_complete(step) {
                    self.steps.push(step);
                }
            }
        }
        let end = self.steps.len();
        self.levels.push(Level {
            start,
            end,
            is_list,
        });
        start < end || self.levels.len() == 1
    }

    fn close(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.steps.truncate(level.start);
        }
    }

    /// Goes the step with this name.
    fn follow(&mut self, name: Raw<'_>) {
        let Some(&Level { start, end, .. }) = self.levels.last() else {
            return;
        };
        self.steps.truncate(end);
        if start == end {
            return;
        }
        let decoded;
        let name = if name.is_plain_ascii() {
            name.bytes
        } else {
            let text = name.text();
            decoded = fold(&text).into_owned();
            decoded.as_bytes()
        };
        for at in start..end {
            let step = self.steps[at];
            let path = self.paths.0[step.path as usize].as_bytes();
            let rest = path.get(step.gone as usize..).unwrap_or_default();
            let Some((head, tail)) = rest.split_at_checked(name.len()) else {
                continue;
            };
            if matches!(tail.first(), None | Some(b'.')) && head.eq_ignore_ascii_case(name) {
                let gone = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
                self.steps.push(Step {
                    path: step.path,
                    gone: step.gone.saturating_add(gone),
                });
            }
        }
    }
}

/// Reports whether a member has this name.
fn is_exactly(name: Raw<'_>, wanted: &str) -> bool {
    name.bytes == wanted.as_bytes() || name.is_escaped && name.text() == wanted
}
