//! A browser, as far as the server sees it: a cookie, and the header fields that state where a request comes from.

use atrail_api::{ConsoleMe, headers, paths};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::TestServer;

/// A browser with the console's page open.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    /// The origin of the page.
    pub(crate) origin: String,
    /// The values of the cookies that the server set, by their names.
    pub(crate) cookies: Vec<(String, String)>,
}

impl Browser {
    /// Opens the console.
    pub(crate) fn new(server: &TestServer) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        Self {
            http: http.build().unwrap(),
            origin: server.url(""),
            cookies: Vec::new(),
        }
    }

    /// Opens the console and logs in.
    pub(crate) async fn logged_in(server: &TestServer, user: &str, password: &str) -> Self {
        let mut browser = Self::new(server);
        let answer = browser
            .log_in(&json!({"username": user, "password": password}))
            .await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        browser
    }

    /// Logs in with this body, and keeps the cookies of the answer.
    pub(crate) async fn log_in(&mut self, body: &Value) -> Response {
        let answer = self.post(paths::CONSOLE_LOGIN).json(body).send();
        let answer = answer.await.unwrap();
        self.keep_cookies(&answer);
        answer
    }

    /// Logs out, and drops the cookies as the answer wants.
    pub(crate) async fn log_out(&mut self) -> Response {
        let answer = self.post(paths::CONSOLE_LOGOUT).send().await.unwrap();
        self.keep_cookies(&answer);
        answer
    }

    pub(crate) fn keep_cookies(&mut self, answer: &Response) {
        for line in answer.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(one, _)| one != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Returns the value of `Cookie`.
    pub(crate) fn cookie(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Returns a request with the cookie alone.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.origin));
        if self.cookies.is_empty() {
            return request;
        }
        request.header("cookie", self.cookie())
    }

    /// Returns a request as the console's script makes it.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let is_safe = method.is_safe();
        let request = self
            .bare(method, path)
            .header("sec-fetch-site", "same-origin");
        if is_safe {
            return request;
        }
        request
            .header("origin", &self.origin)
            .header("content-type", "application/json")
            .header(headers::CONSOLE, "1")
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// Returns the status of a request of the console's script.
    pub(crate) async fn status(&self, method: Method, path: &str) -> u16 {
        let answer = self.request(method, path).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Returns who is logged in; `None` when nobody is.
    pub(crate) async fn me(&self) -> Option<ConsoleMe> {
        let answer = self.get(paths::CONSOLE_ME).send().await.unwrap();
        match answer.status().as_u16() {
            200 => Some(answer.json().await.unwrap()),
            401 => None,
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }
}
