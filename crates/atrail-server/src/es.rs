//! Elasticsearch's search interface, as far as Grafana's data source and the official clients use it: what their
//! requests mean, and the answers in their shapes.
//!
//! Everything here is pure: no I/O, no async. `routes/es.rs` finds the events. What is not understood is refused by its
//! name: nothing of a request is ignored, except for hints on how to search that change no answer.

mod aggs;
mod answer;
mod collect;
mod context;
mod dates;
mod fast;
mod fields;
mod highlight;
mod hits;
mod json;
mod position;
mod query;
mod refusal;
mod rounding;
mod search;

pub(crate) use collect::Collector;
pub(crate) use fast::{Fast, Series};
pub(crate) use fields::{caps, mapping, matches};
pub(crate) use highlight::Marker;
pub(crate) use hits::{Shows, answer as write_answer, append, write as write_hit};
pub(crate) use position::{Position, Positions};
pub(crate) use query::query_of;
pub(crate) use refusal::Refusal;
pub(crate) use search::{Search, field_names, names_in, read, read_count, read_header};
