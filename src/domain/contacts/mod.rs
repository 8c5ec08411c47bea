//! Contacts: what people typed, its limits, and how clients read it.
//!
//! - `contact`: a business contact, its limits, and what is derived from it;
//! - `contact_view`: a contact as clients read it, the same in every answer;
//! - `details_page`: a page of the contacts of an enterprise or a department, with whole counts around them.

mod contact;
mod contact_view;
mod details_page;

pub use contact::{
    CONTACT_NOTES_LEN_MAX, CONTACT_TAG_LEN_MAX, CONTACT_TAGS_MAX, CONTACT_TEXT_LEN_MAX, Contact, ContactFields,
    ContactInfo, Identity, Location,
};
pub use contact_view::{ContactData, ContactView, LocationView};
pub use details_page::{
    ContactList, ContactsByDepartment, ContactsOfDepartment, ContactsWithBreakdown, DETAILS_LIMIT, DETAILS_LIMIT_MAX,
    DETAILS_TEXT_BYTES_MAX, DepartmentContacts, DepartmentDetails, DepartmentStats, DetailedContact, DetailsPage,
    DetailsRequest, DetailsView, EmployeeStats, EnterpriseContacts, EnterpriseDetails, ListedContact, OwnerInfo,
    SplitTime,
};
