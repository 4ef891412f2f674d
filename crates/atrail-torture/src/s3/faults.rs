//! The faults of the server.

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum S3Fault {
    /// Nothing is done; the answer is an internal error.
    Error500,
    /// Nothing is done; the answer is 503 SlowDown.
    SlowDown,
    /// Nothing is done; the connection breaks.
    ResetBefore,
    /// The request is done; the connection breaks before the answer.
    AnswerLost,
    /// A PUT is done without an answer, and once more later.
    LateReplay {
        /// How much later.
        after_millis: u64,
    },
    /// The answer to a GET breaks off half-way.
    CutGet,
    /// The last byte of the answer to a GET is another one.
    WrongBytes,
    /// A listing shows the objects of when the faults began.
    StaleList,
}

impl S3Fault {
    /// Reports whether the fault can meet this kind of request.
    pub(super) fn meets(self, kind: &str) -> bool {
        match self {
            Self::Error500 | Self::SlowDown | Self::ResetBefore | Self::AnswerLost => true,
            Self::LateReplay { .. } => kind == "PUT",
            Self::CutGet | Self::WrongBytes => kind == "GET",
            Self::StaleList => kind == "LIST",
        }
    }
}
