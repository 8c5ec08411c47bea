"""What JSON Schema cannot say of a valid request, for schemathesis.

Each rule is one that the description in the document tells in words: a cursor is what a page gave out, an id in a body is the
one in the path, a time lies ahead. Here it is a function that makes a generated, valid case keep the rule; cases that are meant
to be wrong stay as they are. Nothing here concerns what the server answers.
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

# --- Values that a text with a pattern does not give ---


def cursor(key):
    """A cursor is the sort key of a row, as JSON in base 64."""
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
    "/enterprise/{enterpriseId}/contacts/details": by_time,
    "/enterprise/{enterpriseId}/departments/{departmentId}/contacts/details": by_time,
}


# Spans of time within the bounds of all that take one: from one minute to thirty days.
SPANS = ["1m", "90min", "1.5h", " 2 hours 30s ", "2h 30m", "1d", "2w", "29days 23h", "30d", "60000ms"]


@schemathesis.serializer("text/csv")
def as_it_is(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


# --- Rules between fields, and between a request and what is there ---


def set_cursor(case, query):
    """A cursor belongs to its kind of list, excludes a page number, and exists in lists by rising key alone."""
    if "cursor" not in query:
        return
    query.pop("page", None)
    query.pop("sort", None)
    query.pop("order", None)
    query["cursor"] = cursor(SORT_KEYS.get(case.operation.path, by_name)(number_of(query["cursor"])))


def number_of(text):
    """A number that follows from a text."""
    return zlib.crc32(str(text).encode("utf-8", "surrogatepass"))


def agree(body, *names):
    """Fields that are two names for one thing say the same."""
    given = [name for name in names if body.get(name) is not None]
    for name in given[1:]:
        body[name] = body[given[0]]


def fix_employee(case, body):
    agree(body, "employeeId", "userId", "id")
    agree(body, "firstName", "name")
    agree(body, "lastName", "surname")


def fix_employee_change(case, body):
    fix_employee(case, body)
    keep_id(body, case.path_parameters["employeeId"], "employeeId", "userId", "id")
    # Who is known stays where everybody looks.
    if str(case.path_parameters["employeeId"]) in KEPT["employeeId"]:
        keep_id(body, case.path_parameters["departmentId"], "departmentId")
    # The employee may have no other name than the one that is changed.
    for name in ("firstName", "name", "lastName", "surname"):
        if name in body and not body[name].strip():
            del body[name]


def keep_id(body, value, *names):
    """An id cannot be changed."""
    for name in names:
        if name in body:
            body[name] = value


def fix_patch(case, body):
    """A contact keeps a name, an address or a number, and the schema does not know which it has."""
    body["name"] = body.get("name") if (body.get("name") or "").strip() else "Grace"


def fix_token(case, body):
    """A token ends ahead of now, and is told so in one way."""
    set_spans(body, "expiresIn")
    if body.get("expiresIn") is not None:
        body["expiresAt"] = None
    if body.get("expiresAt") is not None:
        ahead = timedelta(minutes=2 + number_of(body["expiresAt"]) % 5_000_000)
        body["expiresAt"] = (datetime.now(timezone.utc) + ahead).isoformat()


def fix_configuration(case, body):
    """Durations keep their bounds, and two names of one say the same."""
    set_spans(body, "defaultTTL", "staleIfError")
    set_spans(body.get("ttlSettings", {}), "enterprise", "department", "default", "highActivity", "lowActivity")
    if "defaultTTL" in body and "default" in body.get("ttlSettings", {}):
        body["ttlSettings"]["default"] = body["defaultTTL"]


def fix_import(case, body):
    """A file of contacts has a line of column names, and no NUL; where no column names the owner, a parameter does."""
    if not isinstance(case.query, dict):
        case.query = {}
    case.query.setdefault("employee", "u1")
    if isinstance(body, str) and not body.startswith("name,"):
        cell = body.replace("\0", "").replace('"', '""')
        case.body = f'name,notes\r\nGrace,"{cell}"\r\n{cell}\r\n'


def fix_sign_in(case, body):
    """A token that is known, most of the time."""
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
    "POST /tokens": fix_token,
    "PUT /cache/config": fix_configuration,
    "POST /enterprise/{enterpriseId}/contacts/import": fix_import,
    "POST /session": fix_sign_in,
}


# --- What the run needs to the end ---

# A run that deletes what it stands on asks the rest in vain. run.sh makes enough of what may go in their place.
KEPT = {"enterpriseId": {"acme", "globex"}, "departmentId": {"sales", "marketing"}, "employeeId": {"u1", "u2", "u3"}}
DELETED_BY = {
    "DELETE /enterprise/{enterpriseId}": "enterpriseId",
    "DELETE /enterprise/{enterpriseId}/departments/{departmentId}": "departmentId",
    "DELETE /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}": "employeeId",
}
spares = itertools.cycle(f"spare-{number}" for number in range(1, 21))


def spare(case):
    """Deletes something else than what must stay."""
    ids = case.path_parameters or {}
    # What warming echoes of nonsense is no id, though links take it for one.
    if case.meta is not None and case.meta.generation.mode.is_positive:
        for name in KEPT.keys() & ids.keys():
            if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", str(ids[name])):
                ids[name] = next(spares)
    name = DELETED_BY.get(case.operation.label)
    if name is not None and str(ids.get(name)) in KEPT[name]:
        ids[name] = next(spares)
    # The id of a token is a part of it. Revoking this one would end the run.
    own = os.environ["MUSTER_TOKEN"].split("_")[1]
    if ids.get("tokenId") == own:
        ids["tokenId"] = "another"


def fill_cache(case):
    """An entry that can be taken out is there: what the dictionary names is read first."""
    if case.operation.label == "DELETE /cache/entries/{key}":
        for path in ("enterprise/acme/contacts/summary", "enterprise/acme/departments/sales/contacts/summary"):
            read = urllib.request.Request(os.environ["MUSTER_BASE"] + path)
            read.add_header("Authorization", f"Bearer {os.environ['MUSTER_TOKEN']}")
            urllib.request.urlopen(read).read()


@schemathesis.hook
def before_call(context, case, kwargs):
    spare(case)
    fill_cache(case)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if isinstance(case.query, dict):
        set_cursor(case, case.query)
    rule = RULES.get(case.operation.label)
    if rule is not None:
        rule(case, case.body)
