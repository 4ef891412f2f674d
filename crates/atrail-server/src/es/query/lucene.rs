//! `query_string`: Lucene's grammar, as far as it is that of our query language.
//!
//! The text is read by the one parser of the language. What only Lucene has is refused there or here; what means another
//! thing there is listed in `docs/GRAFANA.md`: most of all, words side by side must all be there.

use atrail_search::Query;
use atrail_search::query::Expr;

use crate::es::refusal::Refusal;

/// Reads the text of a `query_string`.
pub(super) fn read(text: &str) -> Result<Expr, Refusal> {
    // Clients without a query send these.
    if matches!(text.trim(), "" | "*" | "*:*") {
        return Ok(Expr::All);
    }
    match Query::parse(text) {
        Ok(query) => Ok(query.expr),
        Err(error) => Err(Refusal {
            status: 400,
            kind: "query_shard_exception",
            reason: format!("cannot read the query [{text}]: {error}"),
        }),
    }
}
