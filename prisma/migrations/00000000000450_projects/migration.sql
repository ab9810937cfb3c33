-- AlterTable
ALTER TABLE "job" DROP COLUMN "repository_url",
ADD COLUMN     "base_commit" TEXT,
ADD COLUMN     "base_root" TEXT,
ADD COLUMN     "behaviour_unchanged" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "project_id" BIGINT;

-- CreateTable
CREATE TABLE "project" (
    "id" BIGSERIAL NOT NULL,
    "team_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "repository_url" TEXT NOT NULL,
    "default_branch" TEXT,
    "folder" TEXT NOT NULL DEFAULT '',
    "username" TEXT,
    "sealed_token" BYTEA,
    "setup_command" TEXT,
    "lint_command" TEXT,
    "test_command" TEXT,
    "budget_micro_usd" BIGINT,
    "max_fixes" INTEGER,
    "models" JSONB NOT NULL DEFAULT '{}',
    "detected" JSONB,
    "checked_at" TIMESTAMPTZ(3),
    "created_by_id" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "archived_at" TIMESTAMPTZ(3),

    CONSTRAINT "project_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "file_lock" (
    "id" BIGSERIAL NOT NULL,
    "project_id" BIGINT NOT NULL,
    "path" TEXT NOT NULL,
    "job_id" BIGINT NOT NULL,
    "declared" BOOLEAN NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "file_lock_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "project_team_id_id_idx" ON "project"("team_id", "id");

-- CreateIndex
CREATE INDEX "file_lock_job_id_idx" ON "file_lock"("job_id");

-- CreateIndex
CREATE UNIQUE INDEX "file_lock_project_id_path_key" ON "file_lock"("project_id", "path");

-- AddForeignKey
ALTER TABLE "project" ADD CONSTRAINT "project_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "file_lock" ADD CONSTRAINT "file_lock_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "file_lock" ADD CONSTRAINT "file_lock_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;


-- CreateIndex
CREATE UNIQUE INDEX "project_name" ON "project" ("team_id", "name") WHERE "archived_at" IS NULL;
CREATE INDEX "job_project" ON "job" ("project_id", "id") WHERE "project_id" IS NOT NULL;
