-- The order of a domain's objects within an hour: "place" is a number that the catalog gives, greater than all that it gave in the
-- domain before; "places" counts them. What came before had the order of its GUIDs, which are of one clock.
ALTER TABLE domains ADD COLUMN places BIGINT NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
UPDATE objects SET place = numbered.place FROM (
    SELECT object, ROW_NUMBER() OVER (PARTITION BY domain ORDER BY day, hour, object) AS place FROM objects
) AS numbered WHERE numbered.object = objects.object;
UPDATE domains SET places = (SELECT COUNT(*) FROM objects o WHERE o.domain = domains.domain);
DROP INDEX objects_by_hour;
CREATE UNIQUE INDEX objects_by_place ON objects (domain, day, hour, place);
