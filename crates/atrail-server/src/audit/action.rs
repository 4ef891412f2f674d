//! The actions that the server records: their names, in the style of the original's six.

/// An action on the archive, or on the rights to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// A caller requested counts.
    ReadEvents,
    /// A caller created a session.
    CreateSessions,
    /// A caller listed sessions, or read one, its manifest or its receipt.
    ReadSessions,
    /// A caller deleted a session.
    DeleteSession,
    /// A download began, or its last byte was handed out.
    DownloadEvents,
    /// A caller read one event by its place.
    ReadEvent,
    /// A caller requested the proof of one event.
    ProveEvent,
    /// A caller listed entries of the signed logs.
    ReadLog,
    /// A caller followed events as they became durable.
    TailEvents,
    /// A caller searched or counted events by a query.
    SearchEvents,
    /// An export began, or its last event was handed out.
    ExportEvents,
    /// A caller, or retention, deleted events.
    DeleteEvents,
    /// A caller changed retention.
    WriteOptions,
    /// The machine's clock jumped ahead, and retention waits.
    SuspendRetention,
    /// An operator confirmed that the machine's clock is right.
    ResumeRetention,
    /// A caller set a legal hold.
    SetHold,
    /// A caller released a legal hold.
    ReleaseHold,
    /// The operator changed the key that signs evidence.
    RotateKey,
    /// A user logged in, or somebody tried to as that user.
    Login,
    /// A user ended a login.
    Logout,
    /// A user changed their password.
    ChangePassword,
    /// A caller granted a role.
    GrantRole,
    /// A caller revoked a role.
    RevokeRole,
    /// A caller offered a role to a name that nobody in the account has.
    InviteUser,
    /// A caller withdrew such an offer.
    WithdrawInvitation,
    /// A user accepted an offered role, or the operator accepted it for the user.
    AcceptInvitation,
    /// A user declined an offered role.
    DeclineInvitation,
    /// A user created an API key.
    CreateKey,
    /// A caller deleted an API key.
    DeleteKey,
    /// A caller created an ingest key.
    CreateIngestKey,
    /// A caller gave an ingest key another secret.
    RotateIngestKey,
    /// A caller deleted an ingest key.
    DeleteIngestKey,
    /// No event came with an ingest key for as long as its maker allows.
    SourceSilent,
    /// Events come again with an ingest key after such a silence.
    SourceBack,
    /// The operator deleted a user.
    DeleteUser,
    /// A caller created an organization.
    CreateOrganization,
    /// A caller deleted an organization.
    DeleteOrganization,
    /// A caller created a space.
    CreateSpace,
    /// A caller deleted a space.
    DeleteSpace,
}

impl Action {
    /// Every action, in the order of declaration.
    pub(crate) const ALL: [Self; 39] = [
        Self::ReadEvents,
        Self::CreateSessions,
        Self::ReadSessions,
        Self::DeleteSession,
        Self::DownloadEvents,
        Self::ReadEvent,
        Self::ProveEvent,
        Self::ReadLog,
        Self::TailEvents,
        Self::SearchEvents,
        Self::ExportEvents,
        Self::DeleteEvents,
        Self::WriteOptions,
        Self::SuspendRetention,
        Self::ResumeRetention,
        Self::SetHold,
        Self::ReleaseHold,
        Self::RotateKey,
        Self::Login,
        Self::Logout,
        Self::ChangePassword,
        Self::GrantRole,
        Self::RevokeRole,
        Self::InviteUser,
        Self::WithdrawInvitation,
        Self::AcceptInvitation,
        Self::DeclineInvitation,
        Self::CreateKey,
        Self::DeleteKey,
        Self::CreateIngestKey,
        Self::RotateIngestKey,
        Self::DeleteIngestKey,
        Self::SourceSilent,
        Self::SourceBack,
        Self::DeleteUser,
        Self::CreateOrganization,
        Self::DeleteOrganization,
        Self::CreateSpace,
        Self::DeleteSpace,
    ];

    /// Returns the `action` of its events.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ReadEvents => "read.events",
            Self::CreateSessions => "create.sessions",
            Self::ReadSessions => "read.sessions",
            Self::DeleteSession => "delete.session",
            Self::DownloadEvents => "download.events",
            Self::ReadEvent => "read.event",
            Self::ProveEvent => "prove.event",
            Self::ReadLog => "read.log",
            Self::TailEvents => "tail.events",
            Self::SearchEvents => "search.events",
            Self::ExportEvents => "export.events",
            Self::DeleteEvents => "delete.events",
            Self::WriteOptions => "write.options",
            Self::SuspendRetention => "suspend.retention",
            Self::ResumeRetention => "resume.retention",
            Self::SetHold => "set.hold",
            Self::ReleaseHold => "release.hold",
            Self::RotateKey => "rotate.key",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::ChangePassword => "change.password",
            Self::GrantRole => "grant.role",
            Self::RevokeRole => "revoke.role",
            Self::InviteUser => "invite.user",
            Self::WithdrawInvitation => "withdraw.invitation",
            Self::AcceptInvitation => "accept.invitation",
            Self::DeclineInvitation => "decline.invitation",
            Self::CreateKey => "create.key",
            Self::DeleteKey => "delete.key",
            Self::CreateIngestKey => "create.ingest_key",
            Self::RotateIngestKey => "rotate.ingest_key",
            Self::DeleteIngestKey => "delete.ingest_key",
            Self::SourceSilent => "source.silent",
            Self::SourceBack => "source.back",
            Self::DeleteUser => "delete.user",
            Self::CreateOrganization => "create.organization",
            Self::DeleteOrganization => "delete.organization",
            Self::CreateSpace => "create.space",
            Self::DeleteSpace => "delete.space",
        }
    }

    /// Returns the status of a successful answer (RFC 9110 §15.3).
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::CreateSessions
            | Self::RotateKey
            | Self::GrantRole
            | Self::AcceptInvitation
            | Self::CreateKey
            | Self::CreateIngestKey
            | Self::RotateIngestKey
            | Self::CreateOrganization
            | Self::CreateSpace => 201,
            Self::InviteUser => 202,
            _ => 200,
        }
    }

    /// Returns the severity of a successful act.
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::DeleteSession
            | Self::DeleteEvents
            | Self::DeleteKey
            | Self::DeleteIngestKey
            | Self::DeleteUser
            | Self::DeleteOrganization
            | Self::DeleteSpace => Severity::Critical,
            Self::WriteOptions
            | Self::SuspendRetention
            | Self::ResumeRetention
            | Self::SetHold
            | Self::ReleaseHold
            | Self::RotateKey
            | Self::ChangePassword
            | Self::GrantRole
            | Self::InviteUser
            | Self::WithdrawInvitation
            | Self::AcceptInvitation
            | Self::DeclineInvitation
            | Self::RevokeRole
            | Self::CreateKey
            | Self::CreateIngestKey
            | Self::RotateIngestKey
            | Self::SourceSilent => Severity::Warning,
            Self::ReadEvents
            | Self::CreateSessions
            | Self::ReadSessions
            | Self::DownloadEvents
            | Self::ReadEvent
            | Self::ProveEvent
            | Self::ReadLog
            | Self::TailEvents
            | Self::SearchEvents
            | Self::ExportEvents
            | Self::Login
            | Self::Logout
            | Self::SourceBack
            | Self::CreateOrganization
            | Self::CreateSpace => Severity::Normal,
        }
    }
}

/// The outcome of an act (CADF, DSP0262, the outcome taxonomy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server carried out the act.
    Success,
    /// The server refused the act.
    Failure,
}

impl Outcome {
    /// Both outcomes.
    pub(crate) const ALL: [Self; 2] = [Self::Success, Self::Failure];

    /// Returns the `outcome` of its events.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// The severity of an act (the original's `severity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Routine.
    Normal,
    /// The act changes rights, or how long evidence is kept; or the server refused it.
    Warning,
    /// The act deletes something.
    Critical,
}

impl Severity {
    /// Returns the value of the field.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_in_their_order() {
        for (index, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action as usize, index, "{action:?}");
        }
    }
}
