-- An event is written only by the statement that has its job locked, so a foreign key proves nothing and was the
-- dearest part of each claim and each move. Its other half, that events go with their job, stays.
ALTER TABLE "job_event" DROP CONSTRAINT "job_event_job_id_fkey";

CREATE FUNCTION "remove_job_events"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "job_event" WHERE "job_id" = OLD."id";
  RETURN NULL;
END $$;
CREATE TRIGGER "job_events_go" AFTER DELETE ON "job" FOR EACH ROW EXECUTE FUNCTION "remove_job_events"();
