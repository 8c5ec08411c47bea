"""Rules of valid requests that JSON Schema cannot express, for schemathesis.

The OpenAPI document states each rule in a description: a cursor is one that a page returned, an id in a body equals the one
in the path, a time is in the future. Here each rule is a function that changes a generated, valid case so that it follows the
rule; cases that are meant to be invalid stay unchanged. Nothing here affects the checks of answers.
"""

import base64
import itertools
import json
import os
import re
import urllib.request
import zlib
from datetime import datetime, timedelta, timezone

import schemathesis

# --- Values that no pattern generates ---


def cursor(key):
    """Encodes the sort key of a row as a cursor: JSON in base64url."""
    text = json.dumps(key, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def by_name(number):
    return {"f": f"acme {number}", "n": f"Acme {number} \u00df", "i": f"acme-{number}"}


def by_time(number):
    return {"t": number * 1_000_000, "r": number - 2**31}


def by_row(number):
    return {"o": number}


def by_key(number):
    return f"enterprise:acme-{number}:contacts"


# The lists that are not ordered by name.
SORT_KEYS = {
    "/audit": by_row,
    "/cache/config/history": by_row,
    "/cache/entries": by_key,
    "/sessions": by_time,
    "/Contacts/{userId}": by_time,
    "/enterprise/{enterpriseId}/employees/{userId}/contacts": by_time,
    "/enterprise/{enterpriseId}/contacts/details": by_time,
    "/enterprise/{enterpriseId}/departments/{departmentId}/contacts/details": by_time,
}


# Durations within the bounds of all fields of durations: from one minute to thirty days.
SPANS = ["1m", "90min", "1.5h", " 2 hours 30s ", "2h 30m", "1d", "2w", "29days 23h", "30d", "60000ms"]


@schemathesis.serializer("text/csv")
def serialize_csv(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


# --- Rules between fields, and between a request and the stored data ---


def set_cursor(case, query):
    """A cursor belongs to one kind of list, excludes a page number, and exists only in lists in ascending order of the key."""
    if "cursor" not in query:
        return
    query.pop("page", None)
    query.pop("sort", None)
    query.pop("order", None)
    query["cursor"] = cursor(SORT_KEYS.get(case.operation.path, by_name)(number_of(query["cursor"])))


def number_of(text):
    """A number that is derived from a text."""
    return zlib.crc32(str(text).encode("utf-8", "surrogatepass"))


def set_equal(body, *names):
    """Fields that are names for the same thing have the same value."""
    given = [name for name in names if body.get(name) is not None]
    for name in given[1:]:
        body[name] = body[given[0]]


def fix_employee(case, body):
    set_equal(body, "employeeId", "userId", "id")
    set_equal(body, "firstName", "name")
    set_equal(body, "lastName", "surname")


def fix_employee_change(case, body):
    fix_employee(case, body)
    keep_id(body, case.path_parameters["employeeId"], "employeeId", "userId", "id")
    # The employees of the dictionary stay in their department, in which other cases look for them.
    if str(case.path_parameters["employeeId"]) in KEPT["employeeId"]:
        keep_id(body, case.path_parameters["departmentId"], "departmentId")
    # The changed name may be the employee's only one, so it must not be blank.
    for name in ("firstName", "name", "lastName", "surname"):
        if name in body and not body[name].strip():
            del body[name]


def keep_id(body, value, *names):
    """An id cannot be changed."""
    for name in names:
        if name in body:
            body[name] = value


def fix_patch(case, body):
    """A contact must keep a name, an e-mail address or a phone number, and a schema cannot state which it has."""
    body["name"] = body.get("name") if (body.get("name") or "").strip() else "Grace"


def fix_token(case, body):
    """A token expires in the future, and only one field says when; it is limited in one way, within an enterprise."""
    for name, other in (("departmentIds", "employeeIds"), ("employeeIds", "departmentIds")):
        if body.get(name):
            body[other] = None
            body["enterpriseId"] = "acme"
        else:
            body[name] = None
    set_spans(body, "expiresIn")
    if body.get("expiresIn") is not None:
        body["expiresAt"] = None
    if body.get("expiresAt") is not None:
        ahead = timedelta(minutes=2 + number_of(body["expiresAt"]) % 5_000_000)
        body["expiresAt"] = (datetime.now(timezone.utc) + ahead).isoformat()


def fix_configuration(case, body):
    """Durations are within their bounds, and two names of one duration have the same value."""
    set_spans(body, "defaultTTL", "staleIfError")
    set_spans(body.get("ttlSettings", {}), "enterprise", "department", "default", "highActivity", "lowActivity")
    if "defaultTTL" in body and "default" in body.get("ttlSettings", {}):
        body["ttlSettings"]["default"] = body["defaultTTL"]


def fix_import(case, body):
    """A file of contacts has a header line and no NUL; without a column of owners, a parameter names the owner."""
    if not isinstance(case.query, dict):
        case.query = {}
    case.query.setdefault("employee", "u1")
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    if isinstance(text, str) and not text.startswith("name,"):
        cell = text.replace("\0", "").replace('"', '""')
        file = f'name,notes\r\nGrace,"{cell}"\r\n{cell}\r\n'
        case.body = file.encode() if case.media_type == "application/octet-stream" else file


def fix_sign_in(case, body):
    """Most sign-ins use a valid token."""
    if body.get("token") is not None and number_of(body["token"]) % 3 != 0:
        body["token"] = os.environ["MUSTER_TOKEN"]


def set_spans(holder, *names):
    for name in names:
        if isinstance(holder.get(name), str):
            holder[name] = SPANS[number_of(holder[name]) % len(SPANS)]


RULES = {
    "POST /enterprise/{enterpriseId}/departments/{departmentId}/employees": fix_employee,
    "PUT /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}": fix_employee_change,
    "PUT /enterprise/{enterpriseId}": lambda case, body: keep_id(body, case.path_parameters["enterpriseId"], "id"),
    "PUT /enterprise/{enterpriseId}/departments/{departmentId}": lambda case, body: keep_id(
        body, case.path_parameters["departmentId"], "id"
    ),
    "PATCH /Contacts/{userId}/contact/{contactId}": fix_patch,
    "PATCH /enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}": fix_patch,
    "POST /tokens": fix_token,
    "PUT /cache/config": fix_configuration,
    "POST /enterprise/{enterpriseId}/contacts/import": fix_import,
    "POST /session": fix_sign_in,
}


# --- Data that the run needs until its end ---

# Other cases need these rows, so deletions are redirected to the spare ones that run.sh creates.
KEPT = {"enterpriseId": {"acme", "globex"}, "departmentId": {"sales", "marketing"}, "employeeId": {"u1", "u2", "u3"}}
DELETED_BY = {
    "DELETE /enterprise/{enterpriseId}": "enterpriseId",
    "DELETE /enterprise/{enterpriseId}/departments/{departmentId}": "departmentId",
    "DELETE /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}": "employeeId",
}
spares = itertools.cycle(f"spare-{number}" for number in range(1, 21))


def redirect_deletion(case):
    """Deletes a spare row instead of one that the run needs."""
    ids = case.path_parameters or {}
    # Warming echoes invalid ids, which schemathesis then uses through links.
    if case.meta is not None and case.meta.generation.mode.is_positive:
        for name in KEPT.keys() & ids.keys():
            if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", str(ids[name])):
                ids[name] = next(spares)
    name = DELETED_BY.get(case.operation.label)
    if name is not None and str(ids.get(name)) in KEPT[name]:
        ids[name] = next(spares)
    # A token contains its id. Revoking the token of the run would make all later requests fail.
    own = os.environ["MUSTER_TOKEN"].split("_")[1]
    if ids.get("tokenId") == own:
        ids["tokenId"] = "another"


def fill_cache(case):
    """Loads the entries of the dictionary before one is deleted."""
    if case.operation.label == "DELETE /cache/entries/{key}":
        for path in ("enterprise/acme/contacts/summary", "enterprise/acme/departments/sales/contacts/summary"):
            read = urllib.request.Request(os.environ["MUSTER_BASE"] + path)
            read.add_header("Authorization", f"Bearer {os.environ['MUSTER_TOKEN']}")
            urllib.request.urlopen(read).read()


@schemathesis.hook
def before_call(context, case, kwargs):
    redirect_deletion(case)
    fill_cache(case)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if isinstance(case.query, dict):
        set_cursor(case, case.query)
    rule = RULES.get(case.operation.label)
    if rule is not None:
        rule(case, case.body)
