//! Finds credentials as AWS's own tools do: what `reqsign` needs for that, which is files, variables, commands and HTTP.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Error, FileRead, HttpSend, Result, StaticEnv,
};

/// The variables that decide about credentials, regions and addresses.
pub const VARIABLES: [&str; 24] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_EXTERNAL_ID",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_SSO_ENDPOINT",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HOME",
    "USERPROFILE",
];

/// A service of credentials is near, or is not there.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_MAX_BYTES: usize = 1 << 20;

/// Returns the context of the search for credentials, with these variables in place of the environment.
///
/// # Errors
/// When HTTP cannot be set up.
pub fn context(variables: &BTreeMap<String, String>) -> reqwest::Result<Context> {
    let home = variables.get("HOME").or(variables.get("USERPROFILE"));
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(PATIENCE)
        .build()?;
    Ok(Context::new()
        .with_file_read(Files)
        .with_http_send(Http(http))
        .with_command_execute(Commands)
        .with_env(StaticEnv {
            home_dir: home.map(Into::into),
            envs: HashMap::from_iter(variables.clone()),
        }))
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>> {
        let read = tokio::fs::read(path).await;
        read.map_err(|error| Error::unexpected(format!("could not read {path}")).with_source(error))
    }
}

#[derive(Debug)]
struct Http(reqwest::Client);

impl HttpSend for Http {
    async fn http_send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
        let failed = |error: reqwest::Error| {
            Error::unexpected("the service of credentials does not answer").with_source(error)
        };
        let request = request.try_into().map_err(failed)?;
        let response = self.0.execute(request).await.map_err(failed)?;
        let mut answer = http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        let mut body = Vec::new();
        let mut response = response;
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_MAX_BYTES {
                return Err(Error::unexpected(
                    "the answer of the service of credentials is too long",
                ));
            }
        }
        *answer.body_mut() = body.into();
        Ok(answer)
    }
}

#[derive(Debug)]
struct Commands;

impl CommandExecute for Commands {
    async fn command_execute<'a>(
        &'a self,
        program: &'a str,
        args: &'a [&'a str],
    ) -> Result<CommandOutput> {
        let mut command = Command::new(program);
        command.args(args);
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let failed = || Error::unexpected(format!("could not run {program}"));
        let output = ran.map_err(|error| failed().with_source(error))?;
        let output = output.map_err(|error| failed().with_source(error))?;
        Ok(CommandOutput {
            status: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}
