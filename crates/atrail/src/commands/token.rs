//! `atrail token`: prints the access token, for other programs.

use atrail_api::paths;
use serde_json::json;

use crate::client::{Call, connect};
use crate::error::Result;
use crate::printer::Format;
use crate::settings::Settings;
use crate::tool::Spelling;

/// Print the access token
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  curl -H \"Authorization: Bearer $(atrail token)\" http://127.0.0.1:8181/v3/sessions"
)]
pub(crate) struct Args {}

/// Prints a token that the server accepts now.
pub(crate) async fn run(settings: &Settings, _: Args) -> Result<()> {
    let client = connect(settings, false).await?;
    // A small request renews the token if it has expired.
    client.bytes(Call::get(paths::ORGANIZATIONS)).await?;
    let token = client.token().await?;
    match (settings.spelling, settings.printer.format) {
        (Spelling::Original, Format::Table) => settings.printer.data(&format!(
            "IAM token:  Bearer {token}\nUAA token:  Bearer {token}\n"
        )),
        (Spelling::Own, Format::Table) => settings.printer.data(&format!("{token}\n")),
        _ => settings.printer.properties(
            &[("access_token", token.clone())],
            &json!({ "access_token": token }),
        ),
    }
}
