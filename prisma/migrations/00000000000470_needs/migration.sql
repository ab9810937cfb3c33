-- AlterTable
ALTER TABLE "job" ADD COLUMN     "approve_plan" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "candidates" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "fallback_models" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "hold_back_tests" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN     "needs" TEXT NOT NULL DEFAULT 'runner';

-- AlterTable
ALTER TABLE "project" ADD COLUMN     "fallback_models" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "image" TEXT;

-- AlterTable
ALTER TABLE "worker" ADD COLUMN     "offers" TEXT[] DEFAULT ARRAY['runner']::TEXT[];


-- The order of claims, once for jobs that any runner can take, and by need for the others: each job is in one of them.
DROP INDEX "job_claim_order";
CREATE INDEX "job_claim_order" ON "job" ("team_id", "lane", "rank", "id") WHERE "claimable" AND "needs" = 'runner';
CREATE INDEX "job_claim_special" ON "job" ("team_id", "lane", "needs", "rank", "id") WHERE "claimable" AND "needs" <> 'runner';
