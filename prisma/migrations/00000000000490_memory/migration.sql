-- CreateTable
CREATE TABLE "learning" (
    "id" BIGSERIAL NOT NULL,
    "team_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "origin" TEXT NOT NULL,
    "job_id" BIGINT,
    "run" INTEGER,
    "project_id" BIGINT,
    "stack" TEXT[],
    "files" TEXT[],
    "pinned" BOOLEAN NOT NULL DEFAULT false,
    "score" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "uses" INTEGER NOT NULL DEFAULT 0,
    "found" INTEGER NOT NULL DEFAULT 1,
    "hash" TEXT NOT NULL,
    "created_by_id" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "edited_at" TIMESTAMPTZ(3),
    "found_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),
    "search" tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english'::regconfig, title), 'A') ||
        setweight(to_tsvector('english'::regconfig, text), 'B')
    ) STORED,

    CONSTRAINT "learning_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "learning_vector" (
    "learning_id" BIGINT NOT NULL,
    "team_id" BIGINT NOT NULL,
    "embedder" TEXT NOT NULL,
    "signature" BIT(768) NOT NULL,
    "embedding" REAL[],

    CONSTRAINT "learning_vector_pkey" PRIMARY KEY ("learning_id")
);

-- CreateTable
CREATE TABLE "learning_use" (
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "agent_run" TEXT NOT NULL,
    "learning_id" BIGINT NOT NULL,
    "rank" INTEGER NOT NULL,
    "outcome" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "learning_use_pkey" PRIMARY KEY ("job_id","run","agent_run","learning_id")
);

-- CreateTable
CREATE TABLE "learning_pass" (
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,
    "taken" INTEGER NOT NULL,
    "refreshed" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "learning_pass_pkey" PRIMARY KEY ("job_id","run")
);

-- CreateIndex
CREATE INDEX "learning_job_id_idx" ON "learning"("job_id");

-- CreateIndex
CREATE INDEX "learning_search_idx" ON "learning" USING GIN ("search");

-- CreateIndex
CREATE UNIQUE INDEX "learning_team_id_hash_key" ON "learning"("team_id", "hash");

-- CreateIndex
CREATE INDEX "learning_vector_team_id_idx" ON "learning_vector"("team_id");

-- CreateIndex
CREATE INDEX "learning_use_learning_id_idx" ON "learning_use"("learning_id");

-- AddForeignKey
ALTER TABLE "learning" ADD CONSTRAINT "learning_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "learning" ADD CONSTRAINT "learning_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "learning" ADD CONSTRAINT "learning_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "learning_vector" ADD CONSTRAINT "learning_vector_learning_id_fkey" FOREIGN KEY ("learning_id") REFERENCES "learning"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "learning_use" ADD CONSTRAINT "learning_use_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "learning_use" ADD CONSTRAINT "learning_use_learning_id_fkey" FOREIGN KEY ("learning_id") REFERENCES "learning"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "learning_pass" ADD CONSTRAINT "learning_pass_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- A vector of another length would break the index that is made where the database has one for vectors.
ALTER TABLE "learning_vector" ADD CONSTRAINT "learning_vector_length" CHECK (array_length("embedding", 1) = 768);
-- It is compared in full only after its signature was; packing numbers that look random gains nothing.
ALTER TABLE "learning_vector" ALTER COLUMN "embedding" SET STORAGE EXTERNAL;
-- Learnings are read far more often than written; entries that wait for the index would be gone through by every search.
ALTER INDEX "learning_search_idx" SET (fastupdate = off);
CREATE INDEX "learning_list" ON "learning" ("team_id", "id") WHERE "deleted_at" IS NULL;
CREATE INDEX "learning_pinned" ON "learning" ("team_id", "id") WHERE "pinned" AND "deleted_at" IS NULL;
CREATE INDEX "learning_project" ON "learning" ("project_id", "id") WHERE "project_id" IS NOT NULL AND "deleted_at" IS NULL;
