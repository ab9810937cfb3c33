-- AlterTable
ALTER TABLE "spend" ADD COLUMN     "agent_run" TEXT,
ADD COLUMN     "turn" INTEGER;

-- AlterTable
ALTER TABLE "agent_run" ADD COLUMN     "switched_from" TEXT;

-- AlterTable
ALTER TABLE "turn" ADD COLUMN     "model" TEXT,
ADD COLUMN     "provider" TEXT;

-- CreateIndex
CREATE INDEX "spend_root_job_id_id_idx" ON "spend"("root_job_id", "id");

-- CreateIndex
CREATE INDEX "spend_job_id_run_agent_run_idx" ON "spend"("job_id", "run", "agent_run");

-- DropIndex: the one above begins with the same column.
DROP INDEX "spend_job_id_idx";

-- A call's key names job, run, agent run, turn and try; agent runs count all that was paid for them, failed tries too.
UPDATE "spend" SET "agent_run" = m[1], "turn" = m[2]::int
FROM (SELECT id, regexp_match("key", '^JOB-[^/]+/\d+/(.+)/(\d{1,9})/\d+$') AS m FROM "spend") AS named
WHERE named.id = "spend".id AND m IS NOT NULL;
UPDATE "agent_run" SET "spent_micro_usd" = paid.cost
FROM (SELECT job_id, run, agent_run, sum(cost_micro) AS cost FROM "spend" WHERE agent_run IS NOT NULL GROUP BY 1, 2, 3) AS paid
WHERE "agent_run".job_id = paid.job_id AND "agent_run".run = paid.run AND "agent_run".key = paid.agent_run;
