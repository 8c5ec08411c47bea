//! One-time links: a person who can run commands on the machine makes one, and it signs one browser in as an
//! administrator.

use std::io;

use super::secret::{expires_at, hash, is_same, mint_secret};
use super::tokens::Access;
use crate::domain::access::SIGN_IN_LINK_LIFE;
use crate::domain::time::Timestamp;
use crate::store::{Actor, AuditAction, AuditEntry, NewSignInLink, StoreError, WriteTx};

/// Where the dashboard takes a link's code, behind the address of the server. A fragment, so that no browser sends the
/// code anywhere before the page does, and no proxy logs it.
pub const SIGN_IN_PATH: &str = "/#/sign-in/";

/// The public id of a link whose code was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkId(pub(super) String);

impl LinkId {
    /// Who acts with it, for the audit log.
    #[must_use]
    pub fn actor(&self, address: String) -> Actor {
        Actor::named(format!("sign-in link {}", self.0), address)
    }
}

/// What the database says of a link's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStanding {
    /// It signs in, unless another is faster.
    Works(LinkId),
    /// It was used.
    Used,
    /// Its time is over.
    Expired,
    /// There is no such code.
    Unknown,
}

/// A link that has just been made.
#[must_use]
pub struct MintedLink {
    /// The code in the link.
    pub code: String,
    stored: NewSignInLink,
}

/// Makes a link. Fails only when the operating system has no random numbers.
pub fn mint_link(now: Timestamp) -> io::Result<MintedLink> {
    let (id, secret) = mint_secret(now)?;
    let code = format!("{id}.{secret}");
    let expires_at = expires_at(now, SIGN_IN_LINK_LIFE);
    Ok(MintedLink { code, stored: NewSignInLink { id, expires_at, code_hash: hash(&secret) } })
}

impl MintedLink {
    /// What to run in a write transaction so that the link no longer works.
    pub fn withdraw(&self) -> impl FnOnce(&WriteTx<'_>) -> Result<(), StoreError> + Send + 'static {
        let id = self.stored.id.clone();
        move |tx| tx.use_sign_in_link(&id).map(drop)
    }

    /// The link itself, for a server that people reach at `url`.
    #[must_use]
    pub fn at(&self, url: &str) -> String {
        format!("{url}{SIGN_IN_PATH}{}", self.code)
    }

    /// The work that stores it.
    pub fn store(&self) -> impl FnOnce(&WriteTx<'_>) -> Result<(), StoreError> + Send + 'static {
        let link = self.stored.clone();
        move |tx| {
            tx.create_sign_in_link(&link)?;
            let after = serde_json::json!({ "id": link.id, "expiresAt": link.expires_at });
            tx.audit(&Actor::command_line(), &AuditEntry::of(AuditAction::LinkCreate, &link.id).after(after))
        }
    }
}

impl Access {
    /// Judges a link's code. The caller limits how often.
    pub async fn judge_link(&self, code: &str) -> Result<LinkStanding, StoreError> {
        let Some((id, secret)) = code.split_once('.') else { return Ok(LinkStanding::Unknown) };
        let id = id.to_owned();
        let found = self.store.read(move |tx| Ok(tx.sign_in_link(&id)?.map(|link| (id, link)))).await?;
        Ok(match found {
            Some((id, link)) if is_same(&hash(secret), &link.code_hash) => match link.used_at {
                Some(_) => LinkStanding::Used,
                None if link.expires_at <= self.clock.now() => LinkStanding::Expired,
                None => LinkStanding::Works(LinkId(id)),
            },
            _ => LinkStanding::Unknown,
        })
    }
}
