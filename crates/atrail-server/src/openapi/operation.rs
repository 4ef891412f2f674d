//! Describes one operation of the document.

use std::collections::{BTreeMap, BTreeSet};

use atrail_api::{ErrorCode, Problem};
use serde_json::{Map, Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams, ToSchema};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// One method of one path.
pub(super) struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    token: bool,
    cookie: bool,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Answer>,
    errors: BTreeSet<(u16, &'static str)>,
}

#[derive(Default)]
struct Answer {
    description: &'static str,
    content: Map<String, Value>,
    headers: Map<String, Value>,
}

/// Returns a reference to a wire type.
pub(super) fn schema<T: ToSchema>() -> Value {
    json!({"$ref": format!("#/components/schemas/{}", T::name())})
}

/// Returns the schema of an array of a wire type.
pub(super) fn array<T: ToSchema>() -> Value {
    json!({"type": "array", "items": schema::<T>()})
}

/// Returns the schema of a list of a wire type, in the shape of Cloud Foundry v3.
pub(super) fn list<T: ToSchema>() -> Value {
    json!({
        "type": "object",
        "required": ["resources"],
        "properties": {"resources": array::<T>()},
    })
}

/// Returns the schema of text that JSON Schema cannot describe further.
pub(super) fn string() -> Value {
    json!({"type": "string"})
}

/// Returns the schema of bytes.
pub(super) fn bytes() -> Value {
    json!({"type": "string", "format": "binary"})
}

impl Operation {
    /// Creates an operation that needs no token.
    pub(super) fn open(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        let operation = Self {
            method,
            path,
            id,
            tag,
            summary,
            description: None,
            token: false,
            cookie: false,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            errors: BTreeSet::new(),
        };
        operation.errors(&[ErrorCode::Internal, ErrorCode::Unavailable])
    }

    /// Creates an operation that needs an access token.
    pub(super) fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        let mut operation = Self::open(method, path, id, tag, summary);
        operation.token = true;
        operation.errors(&[ErrorCode::Unauthenticated])
    }

    /// Creates an operation that needs the cookie of a browser's login.
    pub(super) fn by_cookie(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        let mut operation = Self::open(method, path, id, tag, summary);
        operation.cookie = true;
        operation.errors(&[ErrorCode::Unauthenticated, ErrorCode::Forbidden])
    }

    /// Adds what the summary has no room for.
    pub(super) const fn about(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// Adds the headers that name the space and the account.
    pub(super) fn in_space(self) -> Self {
        let space = "GUID of the targeted space. Optional at account level, and for an API key that is bound to a space.";
        let account = "GUID of the account that a request at account level addresses. Optional for a caller who may do this in \
                       one account only, and for an API key that is bound to an account.";
        let named = self.header("X-Auth-Project-Id", space);
        named.header("X-Auth-Account-Id", account).errors(&[
            ErrorCode::BadRequest,
            ErrorCode::AccountRequired,
            ErrorCode::Forbidden,
            ErrorCode::NotFound,
        ])
    }

    /// Adds an optional header field.
    pub(super) fn header(mut self, name: &str, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": description, "schema": string(),
        }));
        self
    }

    /// Adds the parameter of the path.
    pub(super) fn id_in_path(mut self, description: &str) -> Self {
        self.parameters.push(json!({
            "name": "id", "in": "path", "required": true, "description": description, "schema": string(),
        }));
        self.errors(&[ErrorCode::NotFound])
    }

    /// Adds a query of this type.
    pub(super) fn query<T: IntoParams>(mut self) -> Self {
        let parameters = T::into_params(|| Some(ParameterIn::Query));
        self.parameters.extend(
            parameters
                .into_iter()
                .map(|parameter| serde_json::to_value(parameter).expect("a parameter is JSON"))
                .map(without_null),
        );
        self.errors(&[ErrorCode::BadRequest])
    }

    /// Marks these parameters of the query as required.
    pub(super) fn needs(mut self, names: &[&str]) -> Self {
        for parameter in &mut self.parameters {
            let is_needed = names.iter().any(|name| parameter["name"] == *name);
            if is_needed {
                parameter["required"] = true.into();
            }
        }
        self
    }

    /// Restricts this parameter of the query to these values.
    pub(super) fn values(mut self, name: &str, values: &[&str]) -> Self {
        for parameter in &mut self.parameters {
            if parameter["name"] == *name {
                parameter["schema"] = json!({"type": "string", "enum": values});
            }
        }
        self
    }

    /// Adds one parameter of the query.
    pub(super) fn query_text(mut self, name: &str, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "required": false, "description": description, "schema": string(),
        }));
        self
    }

    /// Adds a JSON body of this type.
    pub(super) fn json<T: ToSchema>(self, required: bool) -> Self {
        self.body(required, &[(JSON, schema::<T>())])
    }

    /// Adds a body of one of these types.
    pub(super) fn body(mut self, required: bool, kinds: &[(&str, Value)]) -> Self {
        self.body = Some(json!({"required": required, "content": content(kinds)}));
        self.errors(&[
            ErrorCode::BadRequest,
            ErrorCode::RequestTimeout,
            ErrorCode::TooLarge,
        ])
    }

    /// Adds an answer with JSON.
    pub(super) fn gives(self, status: u16, description: &'static str, schema: Value) -> Self {
        self.gives_as(status, description, &[(JSON, schema)])
    }

    /// Adds an answer with one of these types, or without a body.
    pub(super) fn gives_as(
        mut self,
        status: u16,
        description: &'static str,
        kinds: &[(&str, Value)],
    ) -> Self {
        let answer = self.answers.entry(status).or_default();
        answer.description = description;
        answer.content = content(kinds);
        self
    }

    /// Adds header fields to the answer with this status.
    pub(super) fn with_headers(mut self, status: u16, names: &[&str]) -> Self {
        let headers = &mut self.answers.entry(status).or_default().headers;
        for name in names {
            headers.insert((*name).to_owned(), json!({"schema": string()}));
        }
        self
    }

    /// Adds errors.
    pub(super) fn errors(mut self, codes: &[ErrorCode]) -> Self {
        self.errors
            .extend(codes.iter().map(|code| (code.status(), code.title())));
        self
    }

    pub(super) const fn method(&self) -> &'static str {
        self.method
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    #[cfg(test)]
    pub(super) const fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the operation in the form of the document.
    pub(super) fn describe(self) -> Value {
        let mut answers = self.answers;
        for (status, title) in self.errors {
            let answer = answers.entry(status).or_default();
            if answer.description.is_empty() {
                answer.description = title;
            }
            answer
                .content
                .extend(content(&[(PROBLEM, schema::<Problem>())]));
        }
        let is_head = self.method == "HEAD";
        let responses: BTreeMap<_, _> = answers
            .into_iter()
            .map(|(status, answer)| (status.to_string(), answer.describe(is_head)))
            .collect();
        let mut described = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "parameters": self.parameters,
            "responses": responses,
            "security": match (self.token, self.cookie) {
                (true, _) => json!([{"authToken": []}, {"bearer": []}, {"basic": []}]),
                (false, true) => json!([{"cookie": []}]),
                (false, false) => json!([]),
            },
        });
        if let Some(description) = self.description {
            described["description"] = description.into();
        }
        if let Some(body) = self.body {
            described["requestBody"] = body;
        }
        described
    }
}

impl Answer {
    fn describe(self, is_head: bool) -> Value {
        let mut described = json!({"description": self.description});
        if !self.content.is_empty() && !is_head {
            described["content"] = self.content.into();
        }
        if !self.headers.is_empty() {
            described["headers"] = self.headers.into();
        }
        described
    }
}

/// Removes `null` from the types of a parameter: a query either has the parameter or does not.
fn without_null(mut parameter: Value) -> Value {
    if let Some([kind, null]) = parameter["schema"]["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        parameter["schema"]["type"] = kind.clone();
    }
    parameter
}

fn content(kinds: &[(&str, Value)]) -> Map<String, Value> {
    kinds
        .iter()
        .map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema})))
        .collect()
}
