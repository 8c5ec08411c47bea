//! One contact as it is answered.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::access::Reach;
use crate::domain::contacts::ContactView;
use crate::domain::ids::{ContactId, EnterpriseId};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{PathId, PathIds, UserId};

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

/// The same with the employee's enterprise.
pub(super) type ContactWithinPath = PathIds<(EnterpriseId, UserId, ContactId)>;

/// The enterprise of an employee, where a path names the employee alone.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub struct UserParams {
    /// The employee's enterprise. Employee ids are unique within their enterprise; it must be given where several
    /// enterprises within reach have an employee with the id (409).
    #[param(example = "acme")]
    pub(super) enterprise_id: Option<String>,
}

/// The caller's reach for an employee of the enterprise that is given, if one is. Beyond reach there is no such employee.
pub(super) fn reach_of_user(caller: &Caller, enterprise: Option<&str>) -> Result<Reach, ApiError> {
    let Some(enterprise) = enterprise else { return Ok(caller.reach().clone()) };
    let unknown = || ApiError::not_found(UserId::WHAT);
    let enterprise = EnterpriseId::parse(enterprise).map_err(|_| unknown())?;
    caller.reach().narrowed_to(&enterprise).ok_or_else(unknown)
}
