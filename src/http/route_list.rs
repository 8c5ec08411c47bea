//! Every path of the API, with the least role that may use it and how far it reaches.

use utoipa_axum::routes;

use super::guard::Within;
use super::guarded_router::GuardedRouter;
use super::routes::transfers::{export, import};
use super::routes::{
    audit, backup, cache, cache_analytics, cache_config, cache_entries, cache_events, cache_warm, cache_what_if,
    contact_details, contacts, departments, employees, enterprises, health, metrics, openapi, sessions, summaries,
    tokens,
};
use super::state::AppState;
use crate::domain::access::Role;

/// Every path of the API, with who may use it. Each is also found under `/api`.
#[rustfmt::skip]
pub(super) fn all_routes(router: GuardedRouter<AppState>) -> GuardedRouter<AppState> {
    use Role::{Admin, Contributor, Intake, Manager, Viewer};
    use Within::{Department, Enterprise, Installation, Own, Reach};
    router
        .may(Viewer, Enterprise, routes!(summaries::enterprise))
        .may(Viewer, Department, routes!(summaries::department))
        .may(Viewer, Enterprise, routes!(contact_details::enterprise))
        .may(Viewer, Department, routes!(contact_details::department))
        .may(Viewer, Reach, routes!(enterprises::list))
        .may(Admin, Installation, routes!(enterprises::create))
        .may(Viewer, Reach, routes!(enterprises::get))
        .may(Admin, Enterprise, routes!(enterprises::change))
        .may(Admin, Enterprise, routes!(enterprises::remove))
        .may(Admin, Enterprise, routes!(enterprises::restore))
        .may(Viewer, Reach, routes!(departments::list))
        .may(Manager, Enterprise, routes!(departments::create))
        .may(Viewer, Department, routes!(departments::get))
        .may(Manager, Department, routes!(departments::change))
        .may(Manager, Department, routes!(departments::remove))
        .may(Manager, Department, routes!(departments::restore))
        .may(Viewer, Reach, routes!(employees::list_all))
        .may(Viewer, Department, routes!(employees::list))
        .may(Manager, Department, routes!(employees::create))
        .may(Viewer, Own, routes!(employees::get))
        .may(Manager, Department, routes!(employees::change))
        .may(Manager, Department, routes!(employees::remove))
        .may(Manager, Department, routes!(employees::restore))
        .may(Intake, Reach, routes!(contacts::add))
        .may(Intake, Reach, routes!(contacts::save))
        .may(Viewer, Reach, routes!(contacts::list))
        .may(Viewer, Reach, routes!(contacts::get))
        .may(Contributor, Reach, routes!(contacts::change))
        .may(Contributor, Reach, routes!(contacts::remove))
        .may(Viewer, Reach, routes!(contacts::list_within))
        .may(Viewer, Reach, routes!(contacts::get_within))
        .may(Contributor, Reach, routes!(contacts::change_within))
        .may(Contributor, Reach, routes!(contacts::remove_within))
        .may_stream(Manager, Reach, routes!(import::import))
        .may_stream(Manager, Reach, routes!(export::export))
        .may(Viewer, Installation, routes!(cache_config::get))
        .may(Admin, Installation, routes!(cache_config::change))
        .may(Viewer, Installation, routes!(cache_config::history))
        .may(Admin, Installation, routes!(cache_config::revert))
        .may(Viewer, Installation, routes!(cache::stats))
        .may(Admin, Installation, routes!(cache::clear))
        .may(Admin, Installation, routes!(cache::clear_departments))
        .may(Admin, Installation, routes!(cache::clear_enterprise))
        .may(Viewer, Installation, routes!(cache_entries::list))
        .may(Admin, Installation, routes!(cache_entries::remove))
        .may(Admin, Installation, routes!(cache_warm::warm))
        .may_stream(Viewer, Installation, routes!(cache_events::watch))
        .may(Viewer, Installation, routes!(cache_analytics::get))
        .may(Viewer, Installation, routes!(cache_what_if::get))
        .may(Admin, Installation, routes!(tokens::list))
        .may(Admin, Installation, routes!(tokens::create))
        .may(Admin, Installation, routes!(tokens::revoke))
        .may(Admin, Installation, routes!(sessions::list))
        .may(Admin, Installation, routes!(sessions::revoke))
        .may(Viewer, Reach, routes!(sessions::current))
        .may(Viewer, Reach, routes!(sessions::sign_out))
        .public(routes!(sessions::sign_in))
        .may(Viewer, Installation, routes!(metrics::scrape))
        .may(Admin, Installation, routes!(audit::list))
        .may(Admin, Installation, routes!(backup::get))
        .may(Admin, Installation, routes!(backup::create))
        .public(routes!(health::health))
        .public(routes!(health::ready))
        .public(routes!(openapi::document))
}
