//! The things that are on record: their names, in the style of the original's six.

/// Something that is done with the archive or with who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Counts were asked for.
    ReadEvents,
    /// A session was made.
    CreateSessions,
    /// Sessions were looked at, or what goes with one.
    ReadSessions,
    /// A session was ended.
    DeleteSession,
    /// A download began, or its last byte was handed out.
    DownloadEvents,
    /// Events were deleted.
    DeleteEvents,
    /// It was set how long events are kept.
    WriteOptions,
    /// The machine's clock jumped ahead, so that retention waits.
    SuspendRetention,
    /// An operator said that the machine's clock is right.
    ResumeRetention,
    /// A legal hold was set.
    SetHold,
    /// A legal hold was released.
    ReleaseHold,
    /// The key that evidence is signed with was changed.
    RotateKey,
    /// Somebody logged in, or tried to.
    Login,
    /// A login was ended by its user.
    Logout,
    /// A user changed the own password.
    ChangePassword,
    /// A role was given.
    GrantRole,
    /// A role was taken.
    RevokeRole,
    /// A role was offered to a name that belongs to nobody in the account.
    InviteUser,
    /// Such an offer was taken back.
    WithdrawInvitation,
    /// A user accepted an offered role, or the operator did for the user.
    AcceptInvitation,
    /// A user declined an offered role.
    DeclineInvitation,
    /// An API key was made.
    CreateKey,
    /// An API key was ended.
    DeleteKey,
    /// A user was ended.
    DeleteUser,
    /// An organization was made.
    CreateOrganization,
    /// An organization was ended.
    DeleteOrganization,
    /// A space was made.
    CreateSpace,
    /// A space was ended.
    DeleteSpace,
}

impl Action {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 28] = [
        Self::ReadEvents,
        Self::CreateSessions,
        Self::ReadSessions,
        Self::DeleteSession,
        Self::DownloadEvents,
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
        Self::DeleteUser,
        Self::CreateOrganization,
        Self::DeleteOrganization,
        Self::CreateSpace,
        Self::DeleteSpace,
    ];

    /// The `action` of its events.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ReadEvents => "read.events",
            Self::CreateSessions => "create.sessions",
            Self::ReadSessions => "read.sessions",
            Self::DeleteSession => "delete.session",
            Self::DownloadEvents => "download.events",
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
            Self::DeleteUser => "delete.user",
            Self::CreateOrganization => "create.organization",
            Self::DeleteOrganization => "delete.organization",
            Self::CreateSpace => "create.space",
            Self::DeleteSpace => "delete.space",
        }
    }

    /// The status of the answer when it succeeds (RFC 9110 §15.3).
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::CreateSessions
            | Self::RotateKey
            | Self::GrantRole
            | Self::AcceptInvitation
            | Self::CreateKey
            | Self::CreateOrganization
            | Self::CreateSpace => 201,
            Self::InviteUser => 202,
            _ => 200,
        }
    }

    /// How grave it is when it succeeds.
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::DeleteSession
            | Self::DeleteEvents
            | Self::DeleteKey
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
            | Self::CreateKey => Severity::Warning,
            Self::ReadEvents
            | Self::CreateSessions
            | Self::ReadSessions
            | Self::DownloadEvents
            | Self::Login
            | Self::Logout
            | Self::CreateOrganization
            | Self::CreateSpace => Severity::Normal,
        }
    }
}

/// How an act went (CADF, DSP0262, the outcome taxonomy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

impl Outcome {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Success, Self::Failure];

    /// The `outcome` of its events.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// How grave an act is (the original's `severity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Routine.
    Normal,
    /// It changes who may do what, or how long evidence is kept; or it was refused.
    Warning,
    /// It deletes.
    Critical,
}

impl Severity {
    /// The value of the field.
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
