"""Calls a server with the client that openapi-python-client generates. run.sh checks the types and runs this."""

import io
import os

from muster_client import AuthenticatedClient
from muster_client.api.contacts import (
    add_contact,
    change_contact,
    delete_contact,
    export_contacts,
    get_contact,
    import_contacts,
    list_contacts,
)
from muster_client.api.directory import create_department, create_employee, create_enterprise, delete_enterprise
from muster_client.api.summaries import get_enterprise_details, get_enterprise_summary
from muster_client.models import (
    ContactAddedResponse,
    ContactDeletedResponse,
    ContactInfo,
    ContactPageResponse,
    ContactResponse,
    DepartmentResponse,
    EmployeeResponse,
    EnterpriseDetailsFull,
    EnterpriseDetailsList,
    EnterpriseDetailsResponse,
    EnterpriseResponse,
    EnterpriseSummaryResponse,
    GetEnterpriseDetailsView,
    ImportedResponse,
    NewContact,
    NewContactInfo,
    NewDepartment,
    NewEmployee,
    NewEnterprise,
    Problem,
    RemovedResponse,
)
from muster_client.types import File

ENTERPRISE = "python"

client = AuthenticatedClient(base_url=os.environ["MUSTER_BASE"], token=os.environ["MUSTER_TOKEN"])

# 1 to 3: the directory.
created = create_enterprise.sync(client=client, body=NewEnterprise(id=ENTERPRISE, name="Python Ltd"))
assert isinstance(created, EnterpriseResponse) and created.enterprise.id == ENTERPRISE, created
department = create_department.sync(ENTERPRISE, client=client, body=NewDepartment(id="sales", name="Sales"))
assert isinstance(department, DepartmentResponse) and department.department.name == "Sales", department
employee = create_employee.sync(
    ENTERPRISE, "sales", client=client, body=NewEmployee(id="py1", first_name="Ada", last_name="Lovelace")
)
assert isinstance(employee, EmployeeResponse) and employee.employee.employee_id == "py1", employee

# 4 to 6: a contact.
info = NewContactInfo(name="Grace", surname="Hopper", company="Contoso", tags=["fair"])
added = add_contact.sync(client=client, body=NewContact(user_id="py1", contact_info=info))
assert isinstance(added, ContactAddedResponse) and added.contacts_count == 1, added
contact_id = added.contact.contact_id
changed = change_contact.sync("py1", contact_id, client=client, body=ContactInfo(company="Fabrikam", notes=None))
assert isinstance(changed, ContactResponse) and changed.contact.company == "Fabrikam", changed
page = list_contacts.sync("py1", client=client, limit=10)
assert isinstance(page, ContactPageResponse) and [contact.name for contact in page.contact_list] == ["Grace"], page

# 7: an import sends the file itself, here in UTF-16.
file = "name,surname,email,company\nKatherine,Johnson,katherine@contoso.example,Contoso\nnobody\n".encode("utf-16")
imported = import_contacts.sync(ENTERPRISE, client=client, body=File(payload=io.BytesIO(file)), employee="py1")
assert isinstance(imported, ImportedResponse) and imported.report.imported == 2, imported

# 8 to 10: what it amounts to, in every shape.
summary = get_enterprise_summary.sync(ENTERPRISE, client=client)
assert isinstance(summary, EnterpriseSummaryResponse) and summary.data.total_contacts == 3, summary
details = get_enterprise_details.sync(ENTERPRISE, client=client)
assert isinstance(details, EnterpriseDetailsResponse) and isinstance(details.data, EnterpriseDetailsFull), details
departments = details.data.contacts_by_department.additional_properties
assert sorted(contact.name for contact in departments["sales"].contacts) == ["Grace", "Katherine", "nobody"]
flat = get_enterprise_details.sync(ENTERPRISE, client=client, view=GetEnterpriseDetailsView.LIST)
assert isinstance(flat, EnterpriseDetailsResponse) and isinstance(flat.data, EnterpriseDetailsList), flat
assert sorted(contact.name for contact in flat.data.contacts) == ["Grace", "Katherine", "nobody"]

# 11: an export is the file itself.
exported = export_contacts.sync(ENTERPRISE, client=client)
assert isinstance(exported, str) and len(exported.splitlines()) == 4, exported

# 12 to 14: deletions, and what they leave.
deleted = delete_contact.sync("py1", contact_id, client=client)
assert isinstance(deleted, ContactDeletedResponse) and deleted.contacts_count == 2, deleted
gone = get_contact.sync("py1", contact_id, client=client)
assert isinstance(gone, Problem) and gone.status == 404, gone
removed = delete_enterprise.sync(ENTERPRISE, client=client, purge=True)
assert isinstance(removed, RemovedResponse) and removed.success, removed

print("14 calls with the Python client")
