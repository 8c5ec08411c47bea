-- Of the answer to a request that may be sent again only the ids are kept. A table keeps its old text where a column is
-- renamed, so that it is made anew.
CREATE TEMP TABLE kept_answer AS SELECT * FROM main.idempotency;
DROP TABLE main.idempotency;
CREATE TABLE idempotency (
    id           INTEGER PRIMARY KEY,
    token_id     TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    request_hash BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    ids          TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
INSERT INTO idempotency (token_id, key, number, request_hash, status, ids, created_at)
    SELECT token_id, key, row_number() OVER (PARTITION BY token_id ORDER BY id), request_hash, status,
           CASE
               WHEN json_extract(body, '$.contact.contactId') IS NOT NULL THEN json_object(
                   'enterpriseId', json_extract(body, '$.contact.enterpriseId'),
                   'userId', json_extract(body, '$.contact.userId'),
                   'contactId', json_extract(body, '$.contact.contactId'))
               WHEN json_extract(body, '$.employee.employeeId') IS NOT NULL THEN json_object(
                   'enterpriseId', coalesce(
                       json_extract(body, '$.employee.enterpriseId'),
                       (SELECT e.public_id FROM employee m JOIN enterprise e ON e.id = m.enterprise_id
                         WHERE m.public_id = json_extract(body, '$.employee.employeeId'))),
                   'employeeId', json_extract(body, '$.employee.employeeId'))
               WHEN json_extract(body, '$.department.departmentId') IS NOT NULL THEN json_object(
                   'enterpriseId', json_extract(body, '$.department.enterpriseId'),
                   'departmentId', json_extract(body, '$.department.departmentId'))
               ELSE json_object('enterpriseId', json_extract(body, '$.enterprise.id'))
           END,
           created_at
      FROM kept_answer WHERE json_valid(body) ORDER BY id;
CREATE UNIQUE INDEX idempotency_by_key ON idempotency (token_id, key);
CREATE UNIQUE INDEX idempotency_by_number ON idempotency (token_id, number);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
DROP TABLE kept_answer;
