//! Whether retention deletes, or waits because the machine's clock jumped; for the operator.

use std::sync::Arc;

use atrail_api::{ClockState, RetentionState, headers};
use atrail_model::{Domain, format_timestamp};
use atrail_store::{Disagreement, TimeStatus};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::principal::{Operator, Principal};
use crate::error::ApiError;

/// Shows how the clock compares with the time that passed.
pub(super) async fn show(State(app): State<Arc<App>>, _: Operator) -> Json<RetentionState> {
    Json(wire(app.store.time()))
}

/// Trusts the clock from now on.
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    principal: Principal,
    _: Operator,
) -> Result<Json<RetentionState>, ApiError> {
    let before = app.store.resume_time().await?;
    tracing::warn!(
        user = %principal.id(),
        clock = format_timestamp(before.date),
        passed = format_timestamp(before.passed),
        "an operator confirmed that the machine's clock is right"
    );
    for account in app.store.accounts_with_retention().await? {
        let domain = Domain::Account(account);
        let act = Act::new(Action::ResumeRetention, principal.actor(), domain);
        let act = act
            .with("clock", format_timestamp(before.date))
            .with("passed", format_timestamp(before.passed));
        app.audit.record(act).await;
    }
    Ok(Json(wire(app.store.time())))
}

/// Returns a header that reports a jump of the clock, for answers that concern retention; no header while there is
/// nothing to report.
pub(super) fn note(app: &App) -> HeaderMap {
    let mut note = HeaderMap::new();
    if let Some(value) = told(&app.store.time()).and_then(|told| HeaderValue::try_from(told).ok()) {
        note.insert(HeaderName::from_static(headers::NOTE), value);
    }
    note
}

/// Returns the report about a jump of the clock, in visible ASCII.
fn told(time: &TimeStatus) -> Option<String> {
    let (date, passed) = (format_timestamp(time.date), format_timestamp(time.passed));
    match time.disagreement? {
        Disagreement::Ahead(_) => Some(format!(
            "the server's clock shows {date}, but the server knows only that time has passed up to {passed}: retention \
             deletes nothing that is due later, until time has passed or the server's operator runs `atrail admin \
             retention resume`"
        )),
        Disagreement::Behind(_) => Some(format!(
            "the server's clock shows {date}, but the server knows that time has passed up to {passed}: events and \
             sessions get a date that is too early until the clock catches up"
        )),
    }
}

fn wire(time: TimeStatus) -> RetentionState {
    let TimeStatus {
        date,
        passed,
        disagreement,
        jumps: _,
    } = time;
    let (state, seconds) = match disagreement {
        None => (ClockState::Agrees, 0),
        Some(Disagreement::Ahead(by)) => (ClockState::Ahead, by.as_secs()),
        Some(Disagreement::Behind(by)) => (ClockState::Behind, by.as_secs()),
    };
    RetentionState {
        clock: format_timestamp(date),
        passed: format_timestamp(passed),
        state,
        seconds,
        note: told(&time),
    }
}
