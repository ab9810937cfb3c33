-- AlterTable
ALTER TABLE "job" ADD COLUMN     "awaited" BOOLEAN NOT NULL DEFAULT false;

UPDATE "job" SET "awaited" = true WHERE "id" IN (SELECT "depends_on_id" FROM "job_dependency");
-- DropIndex
DROP INDEX "worker_status_idx";
