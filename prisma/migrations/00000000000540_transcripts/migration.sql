-- How far each sweep of old texts has come, in the order in which jobs ended.
CREATE TABLE "retention_mark" (
    "kind" TEXT NOT NULL,
    "completed_at" TIMESTAMPTZ(3) NOT NULL,
    "job_id" BIGINT NOT NULL,

    CONSTRAINT "retention_mark_pkey" PRIMARY KEY ("kind")
);
INSERT INTO "retention_mark" ("kind", "completed_at", "job_id") VALUES ('output', 'epoch', 0), ('transcript', 'epoch', 0);

-- Those sweeps go through the jobs in this order.
CREATE INDEX "job_ended" ON "job" ("completed_at", "id") WHERE "completed_at" IS NOT NULL;
