-- AlterTable
ALTER TABLE "job" ADD COLUMN     "agent" TEXT NOT NULL DEFAULT 'factory';
UPDATE "job" SET "agent" = 'external' WHERE "needs" = 'agent';

-- CreateTable
CREATE TABLE "external_lease" (
    "job_id" BIGINT NOT NULL,
    "fence" INTEGER NOT NULL,
    "next_event" INTEGER NOT NULL DEFAULT 0,
    "kept" INTEGER NOT NULL DEFAULT 0,
    "capped_at" TIMESTAMPTZ(3),
    "cap_reason" TEXT,

    CONSTRAINT "external_lease_pkey" PRIMARY KEY ("job_id","fence")
);

-- AddForeignKey
ALTER TABLE "external_lease" ADD CONSTRAINT "external_lease_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Those that wait for their last commit before the pause.
CREATE INDEX "external_lease_capped" ON "external_lease" ("capped_at") WHERE "capped_at" IS NOT NULL;
