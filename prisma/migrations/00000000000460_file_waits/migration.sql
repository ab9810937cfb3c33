-- Jobs of a project that could be held back by locks on files, and those that are.
CREATE INDEX "job_claimable_of_project" ON "job" ("project_id") WHERE "claimable" AND "project_id" IS NOT NULL;
CREATE INDEX "job_waits_for_files" ON "job" ("project_id") WHERE "waiting_code" = 'files';
