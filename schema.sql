-- The complete current schema. A fresh database runs this file; an older one is migrated to the same schema
-- (src/store/engine/migrate.rs), and a test holds the two together. Times are Unix milliseconds, days are days since 1970-01-01.
--
-- Facts are the stored data: enterprise, department, employee, company, contact.
-- Rollups are aggregates of the facts per scope: the totals in scope and employee, and the rollup_ tables. They change
--   in the transaction of the fact that changes them: by the triggers below for single rows, set-wise by
--   src/store/rollups/merge.rs for archive, restore, move and import. `muster check` recomputes and compares them.
-- The revision of a scope grows whenever its summary may have changed.

-- The installation itself: one row.
CREATE TABLE installation (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    -- Distinguishes two histories of one installation: random, replaced by a restore.
    epoch            TEXT    NOT NULL,
    -- The counter that revisions are drawn from. It only grows.
    revision         INTEGER NOT NULL DEFAULT 0,
    -- Grows with every change of tokens or sessions, so that other processes notice.
    access_version   INTEGER NOT NULL DEFAULT 0,
    -- New contacts get only higher ids: this one and lower ones may have been used, also after the clock was set back.
    contact_id_floor INTEGER NOT NULL DEFAULT 0
) STRICT;

-- How this file recognises its data directory and its write-ahead log (src/store/engine/home.rs, log_generation.rs): one
-- row.
CREATE TABLE home (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    -- New at each start; the file `home` beside the database holds the same.
    mark            TEXT    NOT NULL,
    -- Random, from the making of this file.
    lineage         TEXT    NOT NULL,
    -- Grows with the first commit after each checkpoint.
    generation      INTEGER NOT NULL,
    -- The generation of the last checkpoint that moved the whole log: the file without its log has this one or a later.
    base_generation INTEGER NOT NULL,
    -- Random and secret: entity tags are sealed with it, so that only a tag that was handed out can show that this
    -- database is an older state of itself.
    tag_key         TEXT    NOT NULL
) STRICT;

-- The subject of a summary: an enterprise or one of its departments. Rows are never deleted: the row of a purged scope
-- stays as a tombstone, so that its revision never decreases. A rowid table, since SQLite's update hook reports no others.
CREATE TABLE scope (
    id               INTEGER PRIMARY KEY,
    enterprise       TEXT    NOT NULL,             -- the enterprise's public id
    department       TEXT    NOT NULL DEFAULT '',  -- the department's, or '' for the enterprise itself
    revision         INTEGER NOT NULL DEFAULT 0,   -- the last one drawn
    contacts         INTEGER NOT NULL DEFAULT 0,
    people           INTEGER NOT NULL DEFAULT 0,
    employees        INTEGER NOT NULL DEFAULT 0,
    active_employees INTEGER NOT NULL DEFAULT 0,
    -- How often it has drawn one: all that is shown of revisions.
    draws            INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX scope_by_public_ids ON scope (enterprise, department);
CREATE INDEX scope_by_revision ON scope (revision);

-- ---------------------------------------------------------------------------------------------------------------------
-- Facts
-- ---------------------------------------------------------------------------------------------------------------------

-- Visible means: not archived, and nothing above it is.
CREATE TABLE enterprise (
    id          INTEGER PRIMARY KEY REFERENCES scope (id),
    public_id   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    name_folded TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    archived_at INTEGER,
    -- What the token of an employee reads of colleagues.
    sharing     TEXT    NOT NULL DEFAULT 'department' CHECK (sharing IN ('own', 'department', 'enterprise'))
) STRICT;
CREATE UNIQUE INDEX enterprise_by_public_id ON enterprise (public_id);
CREATE INDEX enterprise_by_name ON enterprise (name_folded, name, public_id) WHERE archived_at IS NULL;
CREATE INDEX enterprise_archived ON enterprise (name_folded, name, public_id) WHERE archived_at IS NOT NULL;

CREATE TABLE department (
    id            INTEGER PRIMARY KEY REFERENCES scope (id),
    enterprise_id INTEGER NOT NULL REFERENCES enterprise (id),
    public_id     TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    name_folded   TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    archived_at   INTEGER
) STRICT;
CREATE UNIQUE INDEX department_by_public_id ON department (enterprise_id, public_id);
CREATE INDEX department_by_name ON department (enterprise_id, name_folded, name, public_id) WHERE archived_at IS NULL;
CREATE INDEX department_archived ON department (enterprise_id, name_folded, name, public_id)
    WHERE archived_at IS NOT NULL;

CREATE TABLE employee (
    id                  INTEGER PRIMARY KEY,
    public_id           TEXT    NOT NULL,
    enterprise_id       INTEGER NOT NULL REFERENCES enterprise (id),
    department_id       INTEGER NOT NULL REFERENCES department (id),
    first_name          TEXT    NOT NULL,
    last_name           TEXT    NOT NULL,
    name                TEXT    NOT NULL,  -- first and last as one
    name_folded         TEXT    NOT NULL,
    email               TEXT    NOT NULL,
    email_normalised    TEXT,
    phone               TEXT    NOT NULL,
    position            TEXT    NOT NULL,
    role                TEXT    NOT NULL CHECK (role IN ('employee', 'manager', 'director', 'admin')),
    is_active           INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    archived_at         INTEGER,
    -- A copy from the department, so that the enterprise's lists need one index.
    department_archived INTEGER NOT NULL DEFAULT 0 CHECK (department_archived IN (0, 1)),
    -- Rollup: every contact of the employee, archived or not.
    contacts            INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Ids are unique within their enterprise; routes that name only a user look the id up in all that their caller reaches.
CREATE UNIQUE INDEX employee_by_public_id ON employee (public_id, enterprise_id);
CREATE INDEX employee_by_enterprise ON employee (enterprise_id, department_id);
CREATE INDEX employee_by_department ON employee (department_id);
CREATE INDEX employee_by_email ON employee (enterprise_id, email_normalised) WHERE email_normalised IS NOT NULL;
CREATE INDEX employee_by_name_in_enterprise ON employee (enterprise_id, name_folded, name, public_id)
    WHERE archived_at IS NULL AND department_archived = 0;
CREATE INDEX employee_by_name_in_department ON employee (department_id, name_folded, name, public_id)
    WHERE archived_at IS NULL;
CREATE INDEX employee_archived_in_enterprise ON employee (enterprise_id, name_folded, name, public_id)
    WHERE archived_at IS NOT NULL AND department_archived = 0;
CREATE INDEX employee_archived_in_department ON employee (department_id, name_folded, name, public_id)
    WHERE archived_at IS NOT NULL;
-- The employees with the most contacts, with the tie-break.
CREATE INDEX employee_by_contacts ON employee (enterprise_id, contacts DESC, name_folded, name, public_id)
    WHERE archived_at IS NULL AND department_archived = 0;

-- The companies that contacts work for, distinguished by folded name and shown in the first spelling seen.
CREATE TABLE company (
    id            INTEGER PRIMARY KEY,
    enterprise_id INTEGER NOT NULL REFERENCES enterprise (id),
    name_folded   TEXT    NOT NULL,
    name          TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX company_by_name ON company (enterprise_id, name_folded);

CREATE TABLE contact (
    id               INTEGER PRIMARY KEY,  -- time-ordered; what the API calls contactId, in base 32
    employee_id      INTEGER NOT NULL REFERENCES employee (id),
    -- Copies from the employee, changed by moves, so that triggers need only OLD and NEW and lists need one index.
    department_id    INTEGER NOT NULL,
    enterprise_id    INTEGER NOT NULL,
    -- The rollups that count the contact: 2, the department's and the enterprise's; 1, only the department's, which is
    -- archived; 0, none, since the employee is archived.
    counted          INTEGER NOT NULL CHECK (counted IN (0, 1, 2)),
    -- The fields as entered.
    name             TEXT    NOT NULL,
    surname          TEXT    NOT NULL,
    email            TEXT    NOT NULL,
    phone            TEXT    NOT NULL,
    company          TEXT    NOT NULL,
    position         TEXT    NOT NULL,
    website          TEXT    NOT NULL,
    how_we_met       TEXT    NOT NULL,
    notes            TEXT    NOT NULL,
    tags             TEXT    NOT NULL,     -- a JSON array of texts, or '' for none
    latitude         REAL,
    longitude        REAL,
    city             TEXT    NOT NULL,
    country          TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    created_at       INTEGER NOT NULL CHECK (created_at >= 0),
    updated_at       INTEGER NOT NULL,
    -- Derived from the fields (src/domain/contacts/contact.rs).
    email_normalised TEXT,
    phone_normalised TEXT,
    company_id       INTEGER REFERENCES company (id),
    person_key       INTEGER NOT NULL,
    content_key      INTEGER NOT NULL
) STRICT;
CREATE INDEX contact_newest_in_enterprise ON contact (enterprise_id, created_at) WHERE counted = 2;
CREATE INDEX contact_newest_in_department ON contact (department_id, created_at) WHERE counted >= 1;
CREATE INDEX contact_newest_of_employee ON contact (employee_id, created_at);
CREATE INDEX contact_by_content ON contact (employee_id, person_key, content_key);
CREATE INDEX contact_by_company ON contact (company_id);

-- Running purges. The subject is archived already; its rows are deleted in small transactions, and its rollups are no
-- longer maintained.
CREATE TABLE purge (
    id           INTEGER PRIMARY KEY,
    kind         TEXT    NOT NULL CHECK (kind IN ('enterprise', 'department', 'employee')),
    subject_id   INTEGER NOT NULL,
    requested_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX purge_by_subject ON purge (kind, subject_id);

-- ---------------------------------------------------------------------------------------------------------------------
-- Rollups
-- ---------------------------------------------------------------------------------------------------------------------

-- Contacts per company. Has a copy of the company's name, so that one index has the top companies with the tie-break.
CREATE TABLE rollup_company (
    scope_id    INTEGER NOT NULL,
    company_id  INTEGER NOT NULL,
    contacts    INTEGER NOT NULL,
    name_folded TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    PRIMARY KEY (scope_id, company_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollup_company_by_contacts ON rollup_company (scope_id, contacts DESC, name_folded, name, company_id);

-- Contacts per UTC day of their creation.
CREATE TABLE rollup_day (
    scope_id INTEGER NOT NULL,
    day      INTEGER NOT NULL,
    contacts INTEGER NOT NULL,
    PRIMARY KEY (scope_id, day)
) STRICT, WITHOUT ROWID;

-- Contacts per distinct person; scope.people counts these rows.
CREATE TABLE rollup_person (
    scope_id   INTEGER NOT NULL,
    person_key INTEGER NOT NULL,
    contacts   INTEGER NOT NULL,
    PRIMARY KEY (scope_id, person_key)
) STRICT, WITHOUT ROWID;

-- Inserting into this view draws a revision for a scope.
CREATE VIEW draw (scope_id) AS SELECT NULL WHERE 0;
CREATE TRIGGER draw_revision INSTEAD OF INSERT ON draw BEGIN
    UPDATE installation SET revision = revision + 1;
    UPDATE scope SET revision = (SELECT revision FROM installation), draws = draws + 1 WHERE id = NEW.scope_id;
END;

-- Inserting into this view counts one contact in (step 1) or out of (step -1) one scope.
CREATE VIEW rollup_step (scope_id, company_id, day, person_key, step) AS SELECT NULL, NULL, NULL, NULL, NULL WHERE 0;
CREATE TRIGGER rollup_step_taken INSTEAD OF INSERT ON rollup_step BEGIN
    INSERT INTO rollup_company (scope_id, company_id, contacts, name_folded, name)
        SELECT NEW.scope_id, id, NEW.step, name_folded, name FROM company WHERE id = NEW.company_id
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts;
    DELETE FROM rollup_company WHERE scope_id = NEW.scope_id AND company_id = NEW.company_id AND contacts = 0;

    INSERT INTO rollup_day (scope_id, day, contacts) VALUES (NEW.scope_id, NEW.day, NEW.step)
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts;
    DELETE FROM rollup_day WHERE scope_id = NEW.scope_id AND day = NEW.day AND contacts = 0;

    INSERT INTO rollup_person (scope_id, person_key, contacts) VALUES (NEW.scope_id, NEW.person_key, NEW.step)
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts;
    -- A step up to a count of 1 adds a person; a step down to a count of 0 removes one.
    UPDATE scope
       SET contacts = contacts + NEW.step,
           people = people + (SELECT (NEW.step = 1 AND contacts = 1) - (contacts = 0) FROM rollup_person
                               WHERE scope_id = NEW.scope_id AND person_key = NEW.person_key)
     WHERE id = NEW.scope_id;
    DELETE FROM rollup_person WHERE scope_id = NEW.scope_id AND person_key = NEW.person_key AND contacts = 0;
END;

-- ---------------------------------------------------------------------------------------------------------------------
-- Contacts into rollups and revisions
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TRIGGER contact_inserted AFTER INSERT ON contact BEGIN
    UPDATE employee SET contacts = contacts + 1 WHERE id = NEW.employee_id;
    INSERT INTO rollup_step
        SELECT NEW.department_id, NEW.company_id, NEW.created_at / 86400000, NEW.person_key, 1 WHERE NEW.counted >= 1
        UNION ALL
        SELECT NEW.enterprise_id, NEW.company_id, NEW.created_at / 86400000, NEW.person_key, 1 WHERE NEW.counted = 2;
    INSERT INTO draw VALUES (NEW.department_id), (NEW.enterprise_id);
END;

CREATE TRIGGER contact_deleted AFTER DELETE ON contact BEGIN
    UPDATE installation SET contact_id_floor = OLD.id WHERE contact_id_floor < OLD.id;
    UPDATE employee SET contacts = contacts - 1 WHERE id = OLD.employee_id;
    INSERT INTO rollup_step
        SELECT OLD.department_id, OLD.company_id, OLD.created_at / 86400000, OLD.person_key, -1 WHERE OLD.counted >= 1
        UNION ALL
        SELECT OLD.enterprise_id, OLD.company_id, OLD.created_at / 86400000, OLD.person_key, -1 WHERE OLD.counted = 2;
    INSERT INTO draw VALUES (OLD.department_id), (OLD.enterprise_id);
END;

-- A move changes the employee's department and a contact's counted and copied columns set-wise and fires none of these.
CREATE TRIGGER contact_recounted AFTER UPDATE OF company_id, created_at, person_key ON contact
WHEN OLD.company_id IS NOT NEW.company_id
  OR OLD.created_at / 86400000 <> NEW.created_at / 86400000
  OR OLD.person_key <> NEW.person_key
BEGIN
    INSERT INTO rollup_step
        SELECT OLD.department_id, OLD.company_id, OLD.created_at / 86400000, OLD.person_key, -1 WHERE OLD.counted >= 1
        UNION ALL
        SELECT OLD.enterprise_id, OLD.company_id, OLD.created_at / 86400000, OLD.person_key, -1 WHERE OLD.counted = 2
        UNION ALL
        SELECT NEW.department_id, NEW.company_id, NEW.created_at / 86400000, NEW.person_key, 1 WHERE NEW.counted >= 1
        UNION ALL
        SELECT NEW.enterprise_id, NEW.company_id, NEW.created_at / 86400000, NEW.person_key, 1 WHERE NEW.counted = 2;
END;

CREATE TRIGGER contact_changed AFTER UPDATE OF
    name, surname, email, phone, company, position, website, how_we_met, notes, tags, latitude, longitude, city, country,
    source, created_at, updated_at, company_id, person_key, content_key ON contact
BEGIN
    INSERT INTO draw VALUES (NEW.department_id), (NEW.enterprise_id);
END;

-- ---------------------------------------------------------------------------------------------------------------------
-- The directory into rollups and revisions
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TRIGGER employee_inserted AFTER INSERT ON employee BEGIN
    UPDATE scope SET employees = employees + 1, active_employees = active_employees + NEW.is_active
     WHERE NEW.archived_at IS NULL
       AND id IN (NEW.department_id, iif(NEW.department_archived, NULL, NEW.enterprise_id));
    INSERT INTO draw VALUES (NEW.department_id), (NEW.enterprise_id);
END;

CREATE TRIGGER employee_deleted AFTER DELETE ON employee BEGIN
    UPDATE scope SET employees = employees - 1, active_employees = active_employees - OLD.is_active
     WHERE OLD.archived_at IS NULL
       AND id IN (OLD.department_id, iif(OLD.department_archived, NULL, OLD.enterprise_id));
    INSERT INTO draw VALUES (OLD.department_id), (OLD.enterprise_id);
END;

CREATE TRIGGER employee_changed AFTER UPDATE OF
    department_id, first_name, last_name, email, phone, position, role, is_active, updated_at, archived_at ON employee
BEGIN
    UPDATE scope SET employees = employees - 1, active_employees = active_employees - OLD.is_active
     WHERE OLD.archived_at IS NULL
       AND id IN (OLD.department_id, iif(OLD.department_archived, NULL, OLD.enterprise_id));
    UPDATE scope SET employees = employees + 1, active_employees = active_employees + NEW.is_active
     WHERE NEW.archived_at IS NULL
       AND id IN (NEW.department_id, iif(NEW.department_archived, NULL, NEW.enterprise_id));
    INSERT INTO draw
        SELECT OLD.department_id UNION SELECT NEW.department_id UNION SELECT NEW.enterprise_id;
END;

CREATE TRIGGER department_inserted AFTER INSERT ON department BEGIN
    INSERT INTO draw VALUES (NEW.id), (NEW.enterprise_id);
END;

CREATE TRIGGER department_changed AFTER UPDATE OF name, updated_at, archived_at ON department BEGIN
    INSERT INTO draw VALUES (NEW.id), (NEW.enterprise_id);
END;

CREATE TRIGGER department_deleted AFTER DELETE ON department BEGIN
    INSERT INTO draw VALUES (OLD.id), (OLD.enterprise_id);
END;

CREATE TRIGGER enterprise_inserted AFTER INSERT ON enterprise BEGIN
    INSERT INTO draw VALUES (NEW.id);
END;

-- The summary of a department has the enterprise's name, so a change of the enterprise may change it.
CREATE TRIGGER enterprise_changed AFTER UPDATE OF name, updated_at, archived_at ON enterprise BEGIN
    INSERT INTO draw VALUES (NEW.id);
    INSERT INTO draw SELECT id FROM department WHERE enterprise_id = NEW.id;
END;

CREATE TRIGGER enterprise_deleted AFTER DELETE ON enterprise BEGIN
    INSERT INTO draw VALUES (OLD.id);
END;

-- ---------------------------------------------------------------------------------------------------------------------
-- Access and housekeeping
-- ---------------------------------------------------------------------------------------------------------------------

-- API tokens. The secret is 256 random bits, so it cannot be found from its plain SHA-256 by trying values.
CREATE TABLE token (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('intake', 'viewer', 'contributor', 'manager', 'admin')),
    enterprise   TEXT,              -- the public id of the one enterprise it is limited to
    departments  TEXT,              -- a JSON array of the public ids of that enterprise's departments it is limited to
    employees    TEXT,              -- likewise of the employees whose contacts it is limited to
    secret_hash  BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    CHECK (departments IS NULL OR employees IS NULL),
    CHECK (enterprise IS NOT NULL OR departments IS NULL AND employees IS NULL)
) STRICT;
CREATE INDEX token_by_creation ON token (created_at, id);
CREATE INDEX token_by_enterprise ON token (enterprise) WHERE enterprise IS NOT NULL;

CREATE TRIGGER token_inserted AFTER INSERT ON token BEGIN
    UPDATE installation SET access_version = access_version + 1;
END;
CREATE TRIGGER token_changed AFTER UPDATE OF name, role, enterprise, departments, employees, secret_hash, expires_at ON token BEGIN
    UPDATE installation SET access_version = access_version + 1;
END;
CREATE TRIGGER token_deleted AFTER DELETE ON token BEGIN
    UPDATE installation SET access_version = access_version + 1;
END;

-- Signed-in browsers. A session acts as its token, and is deleted with it.
CREATE TABLE session (
    id           TEXT    PRIMARY KEY,
    token_id     TEXT    REFERENCES token (id) ON DELETE CASCADE,  -- NULL: a one-time link opened it; an administrator
    secret_hash  BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    address      TEXT    NOT NULL
) STRICT;
CREATE INDEX session_by_token ON session (token_id, created_at);
CREATE INDEX session_by_creation ON session (created_at);
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TRIGGER session_inserted AFTER INSERT ON session BEGIN
    UPDATE installation SET access_version = access_version + 1;
END;
CREATE TRIGGER session_changed AFTER UPDATE OF token_id, secret_hash, expires_at ON session BEGIN
    UPDATE installation SET access_version = access_version + 1;
END;
CREATE TRIGGER session_deleted AFTER DELETE ON session BEGIN
    UPDATE installation SET access_version = access_version + 1;
END;

-- One-time links that open a session. Each is checked in the transaction that uses it, so they are not cached.
CREATE TABLE sign_in_link (
    id         TEXT    PRIMARY KEY,
    code_hash  BLOB    NOT NULL CHECK (length(code_hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX sign_in_link_by_expiry ON sign_in_link (expires_at);

-- Administrative acts: who did what, from where, with the state before and after (JSON; never a secret).
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    address TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    before  TEXT,
    after   TEXT
) STRICT;
CREATE INDEX audit_by_time ON audit (at);

-- Answers to requests with an Idempotency-Key, kept for 24 hours.
CREATE TABLE idempotency (
    id           INTEGER PRIMARY KEY,
    token_id     TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    number       INTEGER NOT NULL,  -- counts a token's rows, so that the oldest are found by a seek
    request_hash BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    ids          TEXT    NOT NULL,  -- of what was made, as JSON
    created_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idempotency_by_key ON idempotency (token_id, key);
CREATE UNIQUE INDEX idempotency_by_number ON idempotency (token_id, number);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- ---------------------------------------------------------------------------------------------------------------------
-- The cache's settings and history
-- ---------------------------------------------------------------------------------------------------------------------

-- The versions of the cache configuration; the newest is in force. Version 1 is the first change: before it the defaults
-- are in force.
CREATE TABLE cache_configuration (
    version       INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    configuration TEXT    NOT NULL  -- complete, as JSON
) STRICT;

-- What the cache counted in each minute, kept for 31 days. Minutes without activity have no row.
CREATE TABLE cache_sample (
    minute         INTEGER PRIMARY KEY,  -- Unix minutes
    counters       TEXT    NOT NULL,     -- JSON, by the names of the API
    hit_durations  BLOB    NOT NULL,     -- histogram buckets (src/domain/cache/duration_buckets.rs)
    load_durations BLOB    NOT NULL
) STRICT;
