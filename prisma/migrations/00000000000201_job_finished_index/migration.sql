-- Statistics look only at what a team finished lately.
CREATE INDEX "job_finished" ON "job" ("team_id", "completed_at") WHERE "completed_at" IS NOT NULL;
