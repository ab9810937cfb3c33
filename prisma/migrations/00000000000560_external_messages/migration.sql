-- AlterTable
ALTER TABLE "job" ADD COLUMN     "prepares" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "job_message" ADD COLUMN     "external_ask" INTEGER,
ADD COLUMN     "external_fence" INTEGER,
ADD COLUMN     "external_kept" BOOLEAN NOT NULL DEFAULT false;
