//! Translates the server's errors into the command line's.

use atrail_api::{ErrorCode, PORT_SPEAKS_HTTPS, Problem, paths};
use reqwest::{Response, StatusCode};

use super::answer::{self, ONE_MAX_BYTES};
use super::tls::CHECK_SCHEME;
use crate::error::{CliError, Exit, LOG_IN};

/// Returns the error for an unsuccessful answer.
pub(crate) async fn explain(response: Response) -> CliError {
    let status = response.status();
    let path = response.url().path().to_owned();
    let body = answer::read(response, ONE_MAX_BYTES)
        .await
        .unwrap_or_default();
    describe(status, &path, &body)
}

fn describe(status: StatusCode, path: &str, body: &[u8]) -> CliError {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return match speaks_https(body) {
            Some(why) => CliError::new(Exit::Unavailable, "the server did not take the request")
                .because(why)
                .hint(CHECK_SCHEME),
            None => without_problem(status, path),
        };
    };
    let exit = match problem.code {
        ErrorCode::Damaged => Exit::Corrupt,
        _ => exit_code(status),
    };
    // The sentence about a hold says all that its title does.
    let mut error = match problem.code {
        ErrorCode::LegalHold => CliError::new(exit, problem.detail.clone()),
        _ => CliError::new(exit, problem.title.clone()),
    };
    if problem.detail != problem.title && problem.code != ErrorCode::LegalHold {
        error = error.because(problem.detail.clone());
    }
    error = error.refused_by(problem.code);
    let hint = match problem.code {
        ErrorCode::Unauthenticated | ErrorCode::FreshLoginRequired => {
            return error.hint(log_in_again());
        }
        // The sentence about the key says what to do.
        ErrorCode::Forbidden if problem.detail.starts_with(Problem::KEY_ALLOWS) => None,
        ErrorCode::Forbidden if problem.detail == Problem::OPERATOR_ONLY => {
            Some("ask the server's operator")
        }
        ErrorCode::Forbidden if problem.detail == Problem::OWNERS_ONLY => Some(
            "ask an owner of the account. The server's operator makes one with \
             `atrail admin role create --user USER --role owner --account ACCOUNT`",
        ),
        ErrorCode::Forbidden => {
            Some("see `atrail target`, and ask the account's owner for a role there")
        }
        ErrorCode::AccountRequired => Some(
            "choose one with `atrail target --account ACCOUNT`; `atrail admin account list` shows them",
        ),
        ErrorCode::LegalHold => {
            Some("see `atrail hold list`; an owner of the account can release the hold")
        }
        ErrorCode::SessionGone => Some("make a new session of the remaining events"),
        ErrorCode::TooMany if path == paths::SESSIONS => Some(
            "see `atrail session list`, and end one with `atrail session delete ID`; or try again later",
        ),
        ErrorCode::TooMany | ErrorCode::Unavailable | ErrorCode::RequestTimeout => {
            Some("try again later")
        }
        ErrorCode::StorageFull => Some("the server's operator must make room; then try again"),
        ErrorCode::Damaged => Some(
            "trying again does not help: the server's operator has to restore this object from a backup; other days and hours can be downloaded",
        ),
        ErrorCode::SearchTooLarge => Some("search fewer days, or add a condition"),
        ErrorCode::Internal => Some("the server's log says more"),
        ErrorCode::NotFound
        | ErrorCode::BadRequest
        | ErrorCode::RangeRequired
        | ErrorCode::QueryInvalid
        | ErrorCode::MethodNotAllowed
        | ErrorCode::Conflict
        | ErrorCode::PreconditionFailed
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::RangeNotSatisfiable => None,
    };
    if let Some(hint) = hint {
        error = error.hint(match (&problem.request_id, problem.code) {
            (Some(id), ErrorCode::Internal) => format!("{hint} (request {id})"),
            _ => hint.to_owned(),
        });
    }
    error
}

fn without_problem(status: StatusCode, path: &str) -> CliError {
    let error = CliError::new(
        exit_code(status),
        format!("the server answered {status} to {path}"),
    );
    match status.as_u16() {
        401 => error.hint(log_in_again()),
        413 => CliError::failed(
            "a proxy before the server refuses bodies of this size: it must take 64 MiB (docs/OPERATIONS.md)",
        ),
        429 | 502..=504 => error.hint("try again later"),
        _ => error.hint("is this an atrail server? See `atrail target`"),
    }
}

/// Returns what a server that speaks HTTPS answers to plain HTTP: `this port speaks HTTPS: try https://…`.
fn speaks_https(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let line = text.lines().next()?;
    line.starts_with(PORT_SPEAKS_HTTPS).then(|| line.to_owned())
}

fn log_in_again() -> String {
    format!("log in again: `{LOG_IN}`")
}

fn exit_code(status: StatusCode) -> Exit {
    match status.as_u16() {
        401 | 403 => Exit::Denied,
        408 | 429 | 502..=504 | 507 => Exit::Unavailable,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_why_and_what_next() {
        let problem = Problem {
            code: ErrorCode::Forbidden,
            column: None,
            title: "not allowed".into(),
            status: 403,
            detail: "you hold no role on space dev".into(),
            request_id: None,
        };
        let body = serde_json::to_vec(&problem).unwrap();
        let error = describe(StatusCode::FORBIDDEN, "/v3/events", &body);
        assert_eq!(error.exit, Exit::Denied);
        insta::assert_snapshot!(error.report(), @r"
        error: not allowed: you hold no role on space dev
        hint: see `atrail target`, and ask the account's owner for a role there
        ");
    }

    #[test]
    fn no_role_helps_where_a_key_is_the_reason() {
        let problem = Problem {
            code: ErrorCode::Forbidden,
            column: None,
            title: "not allowed".into(),
            status: 403,
            detail: format!("{}read. Use another key", Problem::KEY_ALLOWS),
            request_id: None,
        };
        let body = serde_json::to_vec(&problem).unwrap();
        let error = describe(StatusCode::FORBIDDEN, "/v3/events", &body);
        insta::assert_snapshot!(error.report(), @"error: not allowed: the API key allows: read. Use another key");
    }

    #[test]
    fn any_other_body_is_no_crash() {
        let error = describe(StatusCode::BAD_GATEWAY, "/v3/events", b"<html>");
        assert_eq!(error.exit, Exit::Unavailable);
        assert!(error.report().contains("502"));
        let error = describe(StatusCode::PAYLOAD_TOO_LARGE, "/v3/events", b"<html>");
        assert_eq!(error.exit, Exit::Failed);
        assert!(error.report().contains("a proxy before the server"));
    }
}
