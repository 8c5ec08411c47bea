//! One contact as it is answered.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::contacts::ContactView;
use crate::domain::ids::ContactId;
use crate::http::extract::{PathIds, UserId};

/// One contact.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactAnswer {
    /// What happened, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Contact updated successfully")]
    pub(super) message: Option<&'static str>,
    /// The contact as it is now.
    pub(super) contact: ContactView,
}

/// A contact's place: the employee who collected it and its id.
pub(super) type ContactPath = PathIds<(UserId, ContactId)>;
