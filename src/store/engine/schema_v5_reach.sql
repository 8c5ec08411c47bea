-- What a token reaches, the role that only adds contacts, and what an employee's token reads of colleagues.
ALTER TABLE enterprise ADD COLUMN sharing TEXT NOT NULL DEFAULT 'department' CHECK (sharing IN ('own', 'department', 'enterprise'));

DROP INDEX employee_by_public_id;
CREATE UNIQUE INDEX employee_by_public_id ON employee (public_id, enterprise_id);

-- A CHECK cannot be altered, so that the table is made anew, and the sessions that refer to it.
CREATE TEMP TABLE kept_token AS SELECT * FROM main.token;
CREATE TEMP TABLE kept_session AS SELECT * FROM main.session;
DROP TABLE main.session;
DROP TABLE main.token;
CREATE TABLE token (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('intake', 'viewer', 'contributor', 'manager', 'admin')),
    enterprise   TEXT,
    departments  TEXT,
    employees    TEXT,
    secret_hash  BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    CHECK (departments IS NULL OR employees IS NULL),
    CHECK (enterprise IS NOT NULL OR departments IS NULL AND employees IS NULL)
) STRICT;
INSERT INTO token (id, name, role, enterprise, secret_hash, created_at, expires_at, last_used_at)
    SELECT id, name, role, enterprise, secret_hash, created_at, expires_at, last_used_at FROM kept_token;
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
CREATE TABLE session (
    id           TEXT    PRIMARY KEY,
    token_id     TEXT    REFERENCES token (id) ON DELETE CASCADE,
    secret_hash  BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    address      TEXT    NOT NULL
) STRICT;
INSERT INTO session (id, token_id, secret_hash, created_at, expires_at, last_used_at, address)
    SELECT id, token_id, secret_hash, created_at, expires_at, last_used_at, address FROM kept_session;
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
DROP TABLE kept_token;
DROP TABLE kept_session;
