//! What assets may do in a browser (Content Security Policy, level 3).

/// What an asset may do in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The document: its own scripts and styles, and calls of its own server.
    Document,
    /// The worker's script: it compiles the module that verifies evidence, and connects nowhere, so that it can send the
    /// files that it reads to nobody.
    Worker,
    /// Anything else: nothing, when somebody opens it as a document.
    Inert,
}

impl Policy {
    /// Returns the value of `Content-Security-Policy`.
    #[must_use]
    pub const fn value(self) -> &'static str {
        match self {
            Self::Document => {
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                 worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; \
                 require-trusted-types-for 'script'; trusted-types atrail"
            }
            Self::Worker => {
                "default-src 'none'; script-src 'wasm-unsafe-eval'; frame-ancestors 'none'; base-uri 'none'; \
                 require-trusted-types-for 'script'; trusted-types 'none'"
            }
            Self::Inert => "default-src 'none'; frame-ancestors 'none'; sandbox",
        }
    }
}
