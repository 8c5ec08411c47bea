//! The names of acts in the audit log.

/// An administrative act, such as `token.create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// A good backup was made.
    BackupCreate,
    /// A backup failed.
    BackupFail,
    /// The database was replaced by a backup.
    BackupRestore,
    CacheClear,
    CacheClearDepartments,
    CacheClearEnterprise,
    CacheConfigure,
    /// One entry of the cache was removed.
    CacheDrop,
    /// An earlier version of the cache's configuration was made the newest.
    CacheRevert,
    CacheWarm,
    ContactsExport,
    ContactsImport,
    /// A database that came from elsewhere was given a history of its own.
    DatabaseRenew,
    DepartmentArchive,
    DepartmentChange,
    DepartmentCreate,
    DepartmentPurge,
    DepartmentRestore,
    EmployeeArchive,
    EmployeeChange,
    EmployeeCreate,
    EmployeePurge,
    EmployeeRestore,
    EnterpriseArchive,
    EnterpriseChange,
    EnterpriseCreate,
    EnterprisePurge,
    EnterpriseRestore,
    LinkCreate,
    LinkUse,
    SessionCreate,
    /// The holder of a session signed out.
    SessionEnd,
    /// An address has tried too many unknown tokens, sessions or codes.
    SessionRefuse,
    /// An administrator ended a session.
    SessionRevoke,
    TokenCreate,
    /// What a token was limited to is destroyed in part, so that it reaches the rest.
    TokenNarrow,
    TokenRevoke,
}

impl AuditAction {
    /// The name in the log. It must not change: the log is filtered by it, and restores find revoked tokens by it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BackupCreate => "backup.create",
            Self::BackupFail => "backup.fail",
            Self::BackupRestore => "backup.restore",
            Self::CacheClear => "cache.clear",
            Self::CacheClearDepartments => "cache.clear-departments",
            Self::CacheClearEnterprise => "cache.clear-enterprise",
            Self::CacheConfigure => "cache.configure",
            Self::CacheDrop => "cache.drop",
            Self::CacheRevert => "cache.revert",
            Self::CacheWarm => "cache.warm",
            Self::ContactsExport => "contacts.export",
            Self::ContactsImport => "contacts.import",
            Self::DatabaseRenew => "database.renew",
            Self::DepartmentArchive => "department.archive",
            Self::DepartmentChange => "department.change",
            Self::DepartmentCreate => "department.create",
            Self::DepartmentPurge => "department.purge",
            Self::DepartmentRestore => "department.restore",
            Self::EmployeeArchive => "employee.archive",
            Self::EmployeeChange => "employee.change",
            Self::EmployeeCreate => "employee.create",
            Self::EmployeePurge => "employee.purge",
            Self::EmployeeRestore => "employee.restore",
            Self::EnterpriseArchive => "enterprise.archive",
            Self::EnterpriseChange => "enterprise.change",
            Self::EnterpriseCreate => "enterprise.create",
            Self::EnterprisePurge => "enterprise.purge",
            Self::EnterpriseRestore => "enterprise.restore",
            Self::LinkCreate => "link.create",
            Self::LinkUse => "link.use",
            Self::SessionCreate => "session.create",
            Self::SessionEnd => "session.end",
            Self::SessionRefuse => "session.refuse",
            Self::SessionRevoke => "session.revoke",
            Self::TokenCreate => "token.create",
            Self::TokenNarrow => "token.narrow",
            Self::TokenRevoke => "token.revoke",
        }
    }
}
