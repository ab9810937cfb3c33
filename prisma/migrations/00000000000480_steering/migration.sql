-- CreateTable
CREATE TABLE "job_message" (
    "id" BIGSERIAL NOT NULL,
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "author" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "idempotency_key" TEXT,
    "idempotency_hash" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "agent_run_id" BIGINT,
    "turn" INTEGER,
    "delivered_at" TIMESTAMPTZ(3),

    CONSTRAINT "job_message_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan_review" (
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    "spec" TEXT NOT NULL,
    "written_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "decision" TEXT,
    "decided_by" TEXT,
    "decided_at" TIMESTAMPTZ(3),
    "remarks" TEXT,
    "edited_spec" TEXT,

    CONSTRAINT "plan_review_pkey" PRIMARY KEY ("job_id","run","version")
);

-- CreateIndex
CREATE INDEX "job_message_job_id_id_idx" ON "job_message"("job_id", "id");

-- CreateIndex
CREATE INDEX "job_message_agent_run_id_turn_idx" ON "job_message"("agent_run_id", "turn");

-- CreateIndex
CREATE UNIQUE INDEX "job_message_job_id_idempotency_key_key" ON "job_message"("job_id", "idempotency_key");

-- AddForeignKey
ALTER TABLE "job_message" ADD CONSTRAINT "job_message_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_message" ADD CONSTRAINT "job_message_agent_run_id_fkey" FOREIGN KEY ("agent_run_id") REFERENCES "agent_run"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan_review" ADD CONSTRAINT "plan_review_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- Messages that no model has read yet.
CREATE INDEX "job_message_waiting" ON "job_message" ("job_id", "id") WHERE "delivered_at" IS NULL;
