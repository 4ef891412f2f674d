//! Elasticsearch's query language in JSON, as conditions on events.
//!
//! Values of fields are whole (Elasticsearch's `keyword`): `match` and `match_phrase` compare them as `term` does.
//! Clauses that only rank events require nothing where something else decides.

mod lucene;
mod should;
mod times;

use atrail_model::Timestamp;
use atrail_search::query::{Bound, Expr, Field, Pattern, Piece, Test};
use atrail_search::text::fold;
use atrail_search::{Query, QueryError, TimeRange};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::context::Context;
use super::dates::{self, Format};
use super::fields::{Named, named};
use super::json::{any_object, object, one_or_more, only, string, text, truth};
use super::refusal::Refusal;

pub(crate) use times::split;

use should::{at_least, minimum};

/// How deep clauses may be nested.
const DEPTH_MAX: usize = 32;
/// How many clauses a query may become.
const CLAUSES_MAX: usize = 1000;

/// Reads a query: an object with one clause.
pub(crate) fn read(value: &Value, context: &Context) -> Result<Expr, Refusal> {
    let mut reader = Reader {
        context,
        clauses: 0,
    };
    reader.clause(value, 1)
}

/// Returns the query with these conditions. Its text is an equal query of the language: what records show, and what
/// people can repeat.
pub(crate) fn query_of(expr: Expr) -> Result<Query, Refusal> {
    let unreadable =
        |error: QueryError| Refusal::illegal(format!("the query cannot be used: {error}"));
    Query::of(expr).map_err(unreadable)
}

struct Reader<'a> {
    context: &'a Context,
    clauses: usize,
}

impl Reader<'_> {
    fn clause(&mut self, value: &Value, depth: usize) -> Result<Expr, Refusal> {
        self.clauses += 1;
        if depth > DEPTH_MAX || self.clauses > CLAUSES_MAX {
            return Err(Refusal::illegal(format!(
                "the query has more than {CLAUSES_MAX} clauses, or they are nested more than {DEPTH_MAX} deep"
            )));
        }
        let (word, settings) = only(value, "query")?;
        match word {
            "bool" => self.bool(settings, depth),
            "match_all" => object(settings, word, &["boost"]).map(|_| Expr::All),
            "match_none" => object(settings, word, &[]).map(|_| Expr::nothing()),
            "query_string" => self.query_string(settings),
            "range" => self.range(settings),
            "exists" => {
                let members = object(settings, word, &["field", "boost"])?;
                let name = string(members.get("field").unwrap_or(&Value::Null), "field")?;
                Ok(match named(name)? {
                    Named::Time => Expr::All,
                    Named::Field(field) => Expr::Exists(field),
                })
            }
            "term" => self.equal(word, settings, &["value"]),
            "match" => self.equal(word, settings, &["query"]),
            "match_phrase" => self.equal(word, settings, &["query"]),
            "terms" => self.terms(settings),
            "wildcard" => {
                let (field, value) = pattern_of(word, settings, &["value", "wildcard"])?;
                Ok(Expr::Is(field, like(&value)))
            }
            "prefix" => {
                let (field, value) = pattern_of(word, settings, &["value"])?;
                let pattern = Pattern::of([Piece::Text(fold(&value).into_owned()), Piece::Any]);
                Ok(Expr::Is(field, Test::Like(pattern)))
            }
            "constant_score" => {
                let members = object(settings, word, &["filter", "boost"])?;
                let filter = members.get("filter");
                let filter =
                    filter.ok_or_else(|| Refusal::parsing("[constant_score] has no [filter]"))?;
                self.clause(filter, depth + 1)
            }
            other => Err(Refusal::illegal(format!(
                "the query [{other}] is not supported: use bool, range, query_string, term, terms, match, match_phrase, match_all, match_none, wildcard, prefix, exists or constant_score"
            ))),
        }
    }

    /// Reads the clauses of one kind: an object is one clause, a list are several.
    fn clauses(&mut self, value: Option<&Value>, depth: usize) -> Result<Vec<Expr>, Refusal> {
        let all = value
            .filter(|value| !value.is_null())
            .map_or(&[][..], one_or_more);
        all.iter().map(|one| self.clause(one, depth + 1)).collect()
    }

    fn bool(&mut self, settings: &Value, depth: usize) -> Result<Expr, Refusal> {
        let known = [
            "must",
            "filter",
            "must_not",
            "should",
            "minimum_should_match",
            "boost",
            "adjust_pure_negative",
        ];
        let members = object(settings, "bool", &known)?;
        let mut required = self.clauses(members.get("must"), depth)?;
        required.extend(self.clauses(members.get("filter"), depth)?);
        let forbidden = self.clauses(members.get("must_not"), depth)?;
        let should = self.clauses(members.get("should"), depth)?;
        let needed = match members
            .get("minimum_should_match")
            .filter(|value| !value.is_null())
        {
            Some(value) => minimum(value, should.len())?,
            // Where something else decides, the clauses only rank.
            None => usize::from(required.is_empty() && !should.is_empty()),
        };
        required.extend(forbidden.into_iter().map(Expr::negated));
        required.push(at_least(needed, &should)?);
        Ok(Expr::all_of(required))
    }

    fn query_string(&self, settings: &Value) -> Result<Expr, Refusal> {
        const WHAT: &str = "query_string";
        // The last two change nothing: values are compared whole and folded, and patterns always.
        let known = [
            "query",
            "default_operator",
            "boost",
            "lenient",
            "analyze_wildcard",
            "allow_leading_wildcard",
        ];
        let members = object(settings, WHAT, &known)?;
        if let Some(operator) = members.get("default_operator")
            && !string(operator, "default_operator")?.eq_ignore_ascii_case("and")
        {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] [default_operator] is only supported as AND: words side by side must all be there; write OR between them"
            )));
        }
        let query = members.get("query").unwrap_or(&Value::Null);
        lucene::read(string(query, "query")?)
    }

    fn range(&self, settings: &Value) -> Result<Expr, Refusal> {
        let (name, value) = only(settings, "range")?;
        let known = [
            "gte",
            "gt",
            "lte",
            "lt",
            "format",
            "time_zone",
            "boost",
            "relation",
        ];
        let members = object(value, "range", &known)?;
        let ends = |one: &str, other: &str| {
            let given = |name: &str| members.get(name).filter(|value| !value.is_null()).cloned();
            match (given(one), given(other)) {
                (Some(_), Some(_)) => Err(Refusal::parsing(format!(
                    "[range] has both [{one}] and [{other}]"
                ))),
                (Some(value), None) => Ok(Some((value, true))),
                (None, other) => Ok(other.map(|value| (value, false))),
            }
        };
        let (low, high) = (ends("gte", "gt")?, ends("lte", "lt")?);
        match named(name)? {
            Named::Time => self.times(members, low, high),
            Named::Field(field) => {
                let bound = |end: Option<(Value, bool)>| {
                    Ok(match end {
                        None => Bound::None,
                        Some((value, inclusive)) => {
                            let text = text(&value, "range")?;
                            if inclusive {
                                Bound::Including(text)
                            } else {
                                Bound::Excluding(text)
                            }
                        }
                    })
                };
                Ok(match (bound(low)?, bound(high)?) {
                    (Bound::None, Bound::None) => Expr::Exists(field),
                    (low, high) => Expr::Is(field, Test::Within(low, high)),
                })
            }
        }
    }

    fn times(
        &self,
        members: &Map<String, Value>,
        low: Option<(Value, bool)>,
        high: Option<(Value, bool)>,
    ) -> Result<Expr, Refusal> {
        let format = members.get("format").map(|value| string(value, "format"));
        let format = format.transpose()?.map_or(Ok(Format::Iso), Format::named)?;
        let zone = members
            .get("time_zone")
            .map(|value| string(value, "time_zone"));
        let zone = zone.transpose()?.map_or(Ok(TimeZone::UTC), dates::zone)?;
        let read = |end: Option<(Value, bool)>| {
            let read = |(value, inclusive): (Value, bool)| {
                let date = dates::read(&value, format, &zone, self.context.now)?;
                Ok::<_, Refusal>((date, inclusive))
            };
            end.map(read).transpose()
        };
        let from = read(low)?.map_or(Timestamp::MIN, |(date, inclusive)| {
            if inclusive { date.first } else { date.after }
        });
        let to = read(high)?.map_or(Timestamp::MAX, |(date, inclusive)| {
            if inclusive { date.after } else { date.first }
        });
        Ok(if from == Timestamp::MIN && to == Timestamp::MAX {
            Expr::All
        } else if from >= to {
            Expr::nothing()
        } else {
            Expr::Time(TimeRange { from, to })
        })
    }

    /// Reads a clause that compares a field with one value.
    fn equal(&self, word: &str, settings: &Value, value_names: &[&str]) -> Result<Expr, Refusal> {
        let (name, value) = only(settings, word)?;
        let value = value_in(word, value, value_names)?;
        self.is(name, value)
    }

    fn is(&self, name: &str, value: &Value) -> Result<Expr, Refusal> {
        match named(name)? {
            Named::Time => {
                let date = dates::read(value, Format::Iso, &TimeZone::UTC, self.context.now)?;
                Ok(Expr::Time(TimeRange {
                    from: date.first,
                    to: date.after,
                }))
            }
            Named::Field(field) => {
                let text = text(value, name)?;
                Ok(Expr::Is(field, Test::Equals(fold(&text).into_owned())))
            }
        }
    }

    fn terms(&mut self, settings: &Value) -> Result<Expr, Refusal> {
        const WHAT: &str = "terms";
        let mut fields = any_object(settings, WHAT)?
            .iter()
            .filter(|(name, _)| *name != "boost");
        let (Some((name, Value::Array(values))), None) = (fields.next(), fields.next()) else {
            return Err(Refusal::parsing(
                "[terms] must have one field with a list of values",
            ));
        };
        self.clauses += values.len();
        if self.clauses > CLAUSES_MAX {
            return Err(Refusal::illegal(format!(
                "the query has more than {CLAUSES_MAX} clauses"
            )));
        }
        let all: Result<Vec<_>, _> = values.iter().map(|value| self.is(name, value)).collect();
        Ok(Expr::any_of(all?))
    }
}

/// Returns the value of a clause, which stands alone or in an object under one of these names.
fn value_in<'a>(word: &str, value: &'a Value, names: &[&str]) -> Result<&'a Value, Refusal> {
    if !value.is_object() {
        return Ok(value);
    }
    // Values are whole and compared folded, so that the operators and analyzers of texts change nothing.
    let known = [
        "boost",
        "case_insensitive",
        "operator",
        "lenient",
        "slop",
        "zero_terms_query",
    ];
    let members = object(value, word, &[names, &known[..]].concat())?;
    if let Some(insensitive) = members.get("case_insensitive") {
        truth(insensitive, "case_insensitive")?;
    }
    let mut found = names.iter().filter_map(|name| members.get(*name));
    found
        .next()
        .ok_or_else(|| Refusal::parsing(format!("[{word}] has no [{}]", names[0])))
}

fn pattern_of(word: &str, settings: &Value, names: &[&str]) -> Result<(Field, String), Refusal> {
    let (name, value) = only(settings, word)?;
    let value = text(value_in(word, value, names)?, word)?;
    match named(name)? {
        Named::Field(field) => Ok((field, value)),
        Named::Time => Err(Refusal::illegal(format!(
            "[{word}] cannot compare times: use range"
        ))),
    }
}

/// Returns the test of a pattern with `*` and `?`; a backslash takes the next character as it is.
fn like(text: &str) -> Test {
    let folded = fold(text);
    let mut pieces = Vec::new();
    let mut chars = folded.chars();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => Piece::Text(chars.next().unwrap_or('\\').into()),
            other => Piece::Text(other.into()),
        });
    }
    let pattern = Pattern::of(pieces);
    match pattern.as_text() {
        Some(text) => Test::Equals(text.to_owned()),
        None => Test::Like(pattern),
    }
}

#[cfg(test)]
mod tests;
