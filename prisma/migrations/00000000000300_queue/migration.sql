-- CreateEnum
CREATE TYPE "lane" AS ENUM ('owners', 'validation', 'debugging', 'test');

-- DropIndex
DROP INDEX "job_lease_until_idx";

-- DropIndex
DROP INDEX "job_parent_id_idx";

-- DropIndex
DROP INDEX "job_team_id_idempotency_key_key";

-- DropIndex
DROP INDEX "job_team_id_source_source_id_key";

-- AlterTable
ALTER TABLE "job" ADD COLUMN     "lane" "lane" NOT NULL DEFAULT 'owners',
ADD COLUMN     "waiting_code" TEXT,
ADD COLUMN     "wake_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "queue_clock" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "first_claim_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "queue_clock_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "queue_tally" (
    "team_id" BIGINT NOT NULL,
    "lane" "lane" NOT NULL,
    "hour" TIMESTAMPTZ(3) NOT NULL,
    "shard" SMALLINT NOT NULL,
    "claims" INTEGER NOT NULL DEFAULT 0,
    "begun" INTEGER NOT NULL DEFAULT 0,
    "wait_ms" BIGINT NOT NULL DEFAULT 0,
    "wait_max_ms" BIGINT NOT NULL DEFAULT 0,
    "completed" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "duration_ms" BIGINT NOT NULL DEFAULT 0,
    "duration_max_ms" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "queue_tally_pkey" PRIMARY KEY ("team_id","hour","lane","shard")
);

-- Jobs that exist already go where the domain would put them (server/domain/lane.ts).
UPDATE "job" SET "lane" = CASE WHEN "kind" = 'correction' THEN 'debugging'::"lane"
  WHEN "kind" = 'candidate' AND "state" = 'validating' THEN 'test'::"lane"
  WHEN "state" IN ('validating', 'approved') THEN 'validation'::"lane" ELSE 'owners'::"lane" END;

-- Unique among those that have one; the others cost nothing.
CREATE UNIQUE INDEX "job_source" ON "job" ("team_id", "source", "source_id") WHERE "source_id" IS NOT NULL;
CREATE UNIQUE INDEX "job_idempotency" ON "job" ("team_id", "idempotency_key") WHERE "idempotency_key" IS NOT NULL;
CREATE INDEX "job_children" ON "job" ("parent_id") WHERE "parent_id" IS NOT NULL;
-- The claim walks the first entry of each team's lane that is open: exactly its ORDER BY within one.
DROP INDEX "job_claim_order";
CREATE INDEX "job_claim_order" ON "job" ("team_id", "lane", "rank", "id") WHERE "claimable";
-- What holds a lease, for the limits and for a worker that asks again.
CREATE INDEX "job_leased" ON "job" ("lease_worker_id") WHERE "lease_worker_id" IS NOT NULL;
CREATE INDEX "job_wakes" ON "job" ("wake_at") WHERE "wake_at" IS NOT NULL;
-- Statistics read kept counters now.
DROP INDEX "job_finished";
