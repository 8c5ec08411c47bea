-- How often a scope has drawn a revision: all that is shown of revisions. Their counter is the whole installation's, and
-- would tell those who reach a part of it how much is written elsewhere.
ALTER TABLE scope ADD COLUMN draws INTEGER NOT NULL DEFAULT 0;
UPDATE scope SET draws = 1 WHERE revision > 0;
DROP TRIGGER draw_revision;
CREATE TRIGGER draw_revision INSTEAD OF INSERT ON draw BEGIN
    UPDATE installation SET revision = revision + 1;
    UPDATE scope SET revision = (SELECT revision FROM installation), draws = draws + 1 WHERE id = NEW.scope_id;
END;
