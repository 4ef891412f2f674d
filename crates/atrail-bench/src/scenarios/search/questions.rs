//! The questions: what is asked of the server, what of PostgreSQL, and the right answer.

use atrail_model::Day;
use serde_json::{Value, json};

use super::archive::{Archive, MEASURED};
use super::asked::{Question, Row, Wanted};
use super::expected::{Counts, Expected, Hit, PAGE, TOP, TOP_FIELDS};
use super::words::{ABSENT_WORD, COMMON, RARE, RARE_PART, RARE_WORD};
use crate::events::Who;

/// Whose events are asked for, and of which days.
#[derive(Clone)]
pub(crate) struct Scope {
    space: String,
    is_account: bool,
    days: (Day, Day),
}

impl Scope {
    pub(crate) fn of_space(space: &str, days: (Day, Day)) -> Self {
        Self {
            space: space.to_owned(),
            is_account: false,
            days,
        }
    }

    pub(crate) fn of_account(space: &str, days: (Day, Day)) -> Self {
        Self {
            is_account: true,
            ..Self::of_space(space, days)
        }
    }

    fn body(&self, query: &str) -> Value {
        json!({
            "query": query, "AtAccountLevel": self.is_account,
            "start": self.days.0.to_string(), "end": self.days.1.to_string(),
        })
    }

    /// Returns the condition for rows of the table of PostgreSQL.
    fn sql(&self) -> String {
        let (first, last) = self.days;
        let days = format!("at >= '{first}' AND at < date '{last}' + 1");
        if self.is_account {
            days
        } else {
            format!("space = {MEASURED} AND {days}")
        }
    }

    /// Asks for the newest page.
    pub(crate) fn newest(&self, query: &str, condition: Option<&str>, hits: Vec<Hit>) -> Question {
        let mut body = self.body(query);
        body["order"] = "newest".into();
        body["limit"] = PAGE.into();
        let and = condition.map_or_else(String::new, |condition| format!(" AND {condition}"));
        let scope = self.sql();
        Question {
            line: "POST /v3/search",
            space: self.space.clone(),
            body,
            wanted: Wanted::Hits(hits),
            sql: vec![format!(
                "SELECT doc FROM events WHERE {scope}{and} ORDER BY at DESC LIMIT {PAGE};"
            )],
        }
    }

    pub(crate) fn id(&self, (id, hit): &(String, Hit)) -> Question {
        let condition = format!("doc @> '{{\"id\": \"{id}\"}}'");
        self.newest(&format!("id:{id}"), Some(&condition), vec![*hit])
    }

    fn actor(&self, who: Who, hits: Vec<Hit>) -> Question {
        let (user, (verb, kind)) = (who.user, who.action.unwrap_or_default());
        let query = format!("initiator.id:user-{user:05} action:\"{verb}/{kind}\"");
        let condition = format!(
            "doc->'initiator'->>'id' = 'user-{user:05}' AND doc->>'action' = '{verb}/{kind}'"
        );
        self.newest(&query, Some(&condition), hits)
    }

    fn word(&self, word: &str, hits: Vec<Hit>) -> Question {
        let condition = format!("to_tsvector('simple', doc) @@ to_tsquery('simple', '{word}')");
        self.newest(word, Some(&condition), hits)
    }

    /// Asks for a histogram and the top values of four fields.
    pub(crate) fn dashboard(&self, counts: &Counts) -> Question {
        let mut body = self.body("");
        body["histogram"] = json!({"interval": "1h"});
        let facets = TOP_FIELDS.map(|field| json!({"field": field, "size": TOP}));
        body["facets"] = facets.to_vec().into();
        let scope = self.sql();
        let hour = r#"to_char(date_trunc('hour', at), 'YYYY-MM-DD"T"HH24')"#;
        let mut sql = vec![format!(
            "SELECT {hour}, count(*) FROM events WHERE {scope} GROUP BY 1 ORDER BY 1;"
        )];
        sql.extend(TOP_FIELDS.map(|field| {
            let path = field.replace('.', ",");
            format!(
                "SELECT v, n FROM (SELECT doc #>> '{{{path}}}' AS v, count(*) AS n FROM events WHERE {scope} GROUP BY 1) t \
                 ORDER BY n DESC, v COLLATE \"C\" LIMIT {TOP};"
            )
        }));
        Question {
            line: "POST /v3/aggregate",
            space: self.space.clone(),
            body,
            wanted: Wanted::Counts(counts.total, counts.lines()),
            sql,
        }
    }
}

fn row(name: impl Into<String>, questions: Vec<Question>) -> Row {
    Row {
        name: name.into(),
        questions,
        is_asked_cold: true,
    }
}

/// Returns the rows of an archive.
pub(super) fn rows(archive: &Archive, spaces: &[String], expected: &Expected) -> Vec<Row> {
    let space = &spaces[MEASURED];
    let all = archive.days();
    let day = archive.middle_day();
    let days = archive.days;
    let of_space = Scope::of_space(space, all);
    let of_account = Scope::of_account(space, all);
    let of_day = Scope::of_account(space, (day, day));
    let ids = expected.ids_of_space.spread();
    let everywhere = expected.ids.spread();
    let page = |name: &str| format!("newest {PAGE} of {name}");
    let dashboard = |of: &str, counts: &Counts| {
        format!(
            "dashboard of {of}, {} events (histogram and {} tops)",
            counts.total,
            TOP_FIELDS.len()
        )
    };
    vec![
        row(
            format!("id in a space, {days} days"),
            ids.map(|one| of_space.id(one)).collect(),
        ),
        row(
            format!("id in the account, {days} days"),
            everywhere.map(|one| of_account.id(one)).collect(),
        ),
        row(
            page("a rare actor and action"),
            vec![of_space.actor(RARE, expected.rare_of_space.page())],
        ),
        row(
            page("a common actor and action"),
            vec![of_space.actor(COMMON, expected.common_of_space.page())],
        ),
        row(
            page("a space"),
            vec![of_space.newest("", None, expected.newest_of_space.page())],
        ),
        row(
            dashboard("the account's day", &expected.account_on_middle_day),
            vec![of_day.dashboard(&expected.account_on_middle_day)],
        ),
        row(
            dashboard(&format!("{days} days of a space"), &expected.space),
            vec![of_space.dashboard(&expected.space)],
        ),
        row(
            dashboard(&format!("{days} days of the account"), &expected.account),
            vec![of_account.dashboard(&expected.account)],
        ),
        row(
            "rare word of the account",
            vec![of_account.word(RARE_WORD, expected.with_rare_word.page())],
        ),
        row(
            "absent word of the account",
            vec![of_account.word(ABSENT_WORD, Vec::new())],
        ),
    ]
}

/// Returns the questions that every line must be read for.
pub(super) fn scan(archive: &Archive, spaces: &[String], expected: &Expected) -> Row {
    let scope = Scope::of_account(&spaces[MEASURED], archive.days());
    let count = expected.rare_words;
    let mut in_sql = scope.sql();
    in_sql.push_str(&format!(" AND doc::text LIKE '%{RARE_PART}%'"));
    Row {
        name: "substring in a field without a column, every line read".to_owned(),
        questions: vec![Question {
            line: "POST /v3/aggregate",
            space: spaces[MEASURED].clone(),
            body: scope.body(&format!("tags:*{RARE_PART}*")),
            wanted: Wanted::Counts(count, Vec::new()),
            sql: vec![format!("SELECT count(*) FROM events WHERE {in_sql};")],
        }],
        is_asked_cold: false,
    }
}
