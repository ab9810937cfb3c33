-- AlterTable
ALTER TABLE "job" ADD COLUMN     "approach" TEXT,
ADD COLUMN     "candidate_n" INTEGER,
ADD COLUMN     "parent_run" INTEGER;

-- CreateTable
CREATE TABLE "candidate_choice" (
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "chosen_id" BIGINT,
    "why" TEXT NOT NULL,
    "figures" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "candidate_choice_pkey" PRIMARY KEY ("job_id","run")
);

-- AddForeignKey
ALTER TABLE "candidate_choice" ADD CONSTRAINT "candidate_choice_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- A run of a job has each of its candidates once, however often the step that makes them is carried out.
CREATE UNIQUE INDEX "job_candidate" ON "job" ("parent_id", "parent_run", "candidate_n") WHERE "candidate_n" IS NOT NULL;

-- Jobs that rest until their children are over: what the sweep looks at.
CREATE INDEX "job_waits_for_children" ON "job" ("id") WHERE "state" = 'paused' AND "waiting_code" = 'children';
