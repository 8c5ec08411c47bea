//! Who acts, as the audit log records it.

use std::fmt;

/// Who acts, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What the token is called, or the program, such as `command line`; may be empty where there is a token.
    pub name: String,
    /// The token that the act is done with.
    pub token_id: Option<String>,
    /// The session that the act is done with.
    pub session_id: Option<String>,
    /// The address that the request came from, or `local`.
    pub address: String,
}

impl Actor {
    /// An actor without a token or a session.
    #[must_use]
    pub fn named(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { name: name.into(), token_id: None, session_id: None, address: address.into() }
    }

    /// A person who can run commands on the machine itself.
    #[must_use]
    pub fn command_line() -> Self {
        Self::of_program("command line")
    }

    /// Something that Muster does by itself, such as a `schedule`.
    #[must_use]
    pub fn of_program(name: &str) -> Self {
        Self::named(name, "local")
    }

    /// By what acts are counted: those of all sessions of a token count as the token's.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.token_id.as_deref().or(self.session_id.as_deref()).unwrap_or(&self.name)
    }
}

/// The text of the audit log: the name, with the ids of token and session in parentheses. The log is filtered by it,
/// and nothing takes it apart.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token_id.as_ref().map(|id| format!("token {id}"));
        let session = self.session_id.as_ref().map(|id| format!("session {id}"));
        let ids: Vec<String> = token.into_iter().chain(session).collect();
        match (self.name.as_str(), ids.join(", ").as_str()) {
            (name, "") => f.write_str(name),
            ("", ids) => f.write_str(ids),
            (name, ids) => write!(f, "{name} ({ids})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_written_with_its_ids_and_counts_as_its_token() {
        let check = |name: &str, token_id: Option<&str>, session_id: Option<&str>, text: &str, holder: &str| {
            let [token_id, session_id] = [token_id, session_id].map(|id| id.map(str::to_owned));
            let actor = Actor { name: name.to_owned(), token_id, session_id, address: "192.0.2.1".to_owned() };
            assert_eq!((actor.to_string().as_str(), actor.holder()), (text, holder));
        };
        check("command line", None, None, "command line", "command line");
        check("reports", Some("t1"), None, "reports (token t1)", "t1");
        check("reports", Some("t1"), Some("s1"), "reports (token t1, session s1)", "t1");
        check("a, session b", Some("t1"), Some("s1"), "a, session b (token t1, session s1)", "t1");
        check("", Some("t1"), Some("s1"), "token t1, session s1", "t1");
        check("sign-in link", None, Some("s1"), "sign-in link (session s1)", "s1");
    }
}
