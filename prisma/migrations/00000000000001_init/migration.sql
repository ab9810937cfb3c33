-- CreateEnum
CREATE TYPE "job_state" AS ENUM ('draft', 'pending', 'running', 'validating', 'approved', 'rejected', 'correcting', 'escalated', 'paused', 'completed', 'failed', 'cancelled');

-- CreateEnum
CREATE TYPE "job_kind" AS ENUM ('build', 'change', 'epic', 'correction', 'followup', 'candidate');

-- CreateEnum
CREATE TYPE "priority" AS ENUM ('critical', 'high', 'medium', 'low');

-- CreateEnum
CREATE TYPE "team_role" AS ENUM ('admin', 'member', 'viewer');

-- CreateEnum
CREATE TYPE "worker_status" AS ENUM ('idle', 'busy', 'draining', 'error', 'dead');

-- CreateEnum
CREATE TYPE "command_state" AS ENUM ('queued', 'running', 'finished', 'lost');

-- CreateEnum
CREATE TYPE "agent_run_state" AS ENUM ('running', 'finished', 'failed');

-- CreateEnum
CREATE TYPE "spend_state" AS ENUM ('reserved', 'settled', 'estimated', 'released');

-- CreateTable
CREATE TABLE "user" (
    "id" BIGSERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "username" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "session_epoch" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "team" (
    "id" BIGSERIAL NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "budget_day_micro_usd" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "team_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "membership" (
    "user_id" BIGINT NOT NULL,
    "team_id" BIGINT NOT NULL,
    "role" "team_role" NOT NULL,

    CONSTRAINT "membership_pkey" PRIMARY KEY ("user_id","team_id")
);

-- CreateTable
CREATE TABLE "refresh_token" (
    "id" BIGSERIAL NOT NULL,
    "user_id" BIGINT NOT NULL,
    "team_id" BIGINT NOT NULL,
    "family" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "refresh_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_token" (
    "id" BIGSERIAL NOT NULL,
    "team_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "role" "team_role" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job" (
    "id" BIGSERIAL NOT NULL,
    "public_id" TEXT NOT NULL,
    "team_id" BIGINT NOT NULL,
    "created_by_id" BIGINT,
    "kind" "job_kind" NOT NULL DEFAULT 'build',
    "state" "job_state" NOT NULL,
    "resume_state" "job_state",
    "parent_id" BIGINT,
    "root_id" BIGINT,
    "pipeline_version" INTEGER NOT NULL DEFAULT 1,
    "title" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "type" TEXT,
    "features" TEXT[],
    "tech_stack" TEXT[],
    "repository_url" TEXT,
    "base_branch" TEXT,
    "declared_files" TEXT[],
    "reference_files" TEXT[],
    "required_patterns" TEXT[],
    "required_tests" TEXT[],
    "context" TEXT,
    "spec" TEXT,
    "models" JSONB NOT NULL DEFAULT '{}',
    "source" TEXT,
    "source_id" TEXT,
    "source_url" TEXT,
    "idempotency_key" TEXT,
    "idempotency_hash" TEXT,
    "priority" "priority" NOT NULL DEFAULT 'medium',
    "rank" BIGINT NOT NULL DEFAULT 0,
    "claimable" BOOLEAN NOT NULL DEFAULT false,
    "waiting_reason" TEXT,
    "budget_micro_usd" BIGINT NOT NULL,
    "spent_micro_usd" BIGINT NOT NULL DEFAULT 0,
    "reserved_micro_usd" BIGINT NOT NULL DEFAULT 0,
    "max_fixes" INTEGER NOT NULL DEFAULT 5,
    "run" INTEGER NOT NULL DEFAULT 1,
    "current_step" TEXT,
    "progress" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "iterations" INTEGER NOT NULL DEFAULT 0,
    "rounds" INTEGER NOT NULL DEFAULT 0,
    "engine_run_id" TEXT,
    "delivery_began" BOOLEAN NOT NULL DEFAULT false,
    "fence" INTEGER NOT NULL DEFAULT 0,
    "lease_worker_id" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "leased_ms" BIGINT NOT NULL DEFAULT 0,
    "leased_since" TIMESTAMPTZ(3),
    "last_worker_id" TEXT,
    "head_commit" TEXT,
    "last_seq" INTEGER NOT NULL DEFAULT 0,
    "branch" TEXT,
    "output_path" TEXT,
    "error_code" TEXT,
    "error_message" TEXT,
    "changes" JSONB,
    "test_results" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "queued_at" TIMESTAMPTZ(3),
    "started_at" TIMESTAMPTZ(3),
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "job_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job_dependency" (
    "job_id" BIGINT NOT NULL,
    "depends_on_id" BIGINT NOT NULL,

    CONSTRAINT "job_dependency_pkey" PRIMARY KEY ("job_id","depends_on_id")
);

-- CreateTable
CREATE TABLE "job_event" (
    "job_id" BIGINT NOT NULL,
    "seq" INTEGER NOT NULL,
    "run" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "job_event_pkey" PRIMARY KEY ("job_id","seq")
);

-- CreateTable
CREATE TABLE "task" (
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "n" INTEGER NOT NULL,
    "title" TEXT NOT NULL,
    "done" BOOLEAN NOT NULL DEFAULT false,
    "fixes" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "task_pkey" PRIMARY KEY ("job_id","run","n")
);

-- CreateTable
CREATE TABLE "agent_run" (
    "id" BIGSERIAL NOT NULL,
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "state" "agent_run_state" NOT NULL DEFAULT 'running',
    "prompt" JSONB NOT NULL,
    "result" JSONB,
    "turns" INTEGER NOT NULL DEFAULT 0,
    "spent_micro_usd" BIGINT NOT NULL DEFAULT 0,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "agent_run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "turn" (
    "agent_run_id" BIGINT NOT NULL,
    "n" INTEGER NOT NULL,
    "answer" JSONB NOT NULL,
    "usage" JSONB NOT NULL,
    "cost_micro_usd" BIGINT NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "fence" INTEGER NOT NULL DEFAULT 0,
    "observations" JSONB,
    "commit" TEXT,
    "tree" TEXT,
    "nudge" TEXT,
    "asked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "model_ms" INTEGER NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "turn_pkey" PRIMARY KEY ("agent_run_id","n")
);

-- CreateTable
CREATE TABLE "command" (
    "id" TEXT NOT NULL,
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "position" BIGSERIAL NOT NULL,
    "pinned" BOOLEAN NOT NULL DEFAULT false,
    "state" "command_state" NOT NULL DEFAULT 'queued',
    "spec" JSONB NOT NULL,
    "fence" INTEGER,
    "worker_id" TEXT,
    "next_chunk" INTEGER NOT NULL DEFAULT 0,
    "awaited" BOOLEAN NOT NULL DEFAULT false,
    "result" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "command_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "check_run" (
    "id" BIGSERIAL NOT NULL,
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "passed" BOOLEAN NOT NULL,
    "report" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "check_run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "spend" (
    "id" BIGSERIAL NOT NULL,
    "key" TEXT NOT NULL,
    "team_id" BIGINT NOT NULL,
    "root_job_id" BIGINT NOT NULL,
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "role" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "day" DATE NOT NULL,
    "state" "spend_state" NOT NULL DEFAULT 'reserved',
    "reserved_micro" BIGINT NOT NULL,
    "cost_micro" BIGINT NOT NULL DEFAULT 0,
    "input_tokens" INTEGER NOT NULL DEFAULT 0,
    "output_tokens" INTEGER NOT NULL DEFAULT 0,
    "cache_read_tokens" INTEGER NOT NULL DEFAULT 0,
    "cache_write_tokens" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deadline" TIMESTAMPTZ(3) NOT NULL,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "spend_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "daily_spend" (
    "team_id" BIGINT NOT NULL,
    "day" DATE NOT NULL,
    "spent_micro" BIGINT NOT NULL DEFAULT 0,
    "reserved_micro" BIGINT NOT NULL DEFAULT 0,
    "agent_runs" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "daily_spend_pkey" PRIMARY KEY ("team_id","day")
);

-- CreateTable
CREATE TABLE "runner" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" TEXT NOT NULL,
    "driver" TEXT NOT NULL,
    "probe" JSONB NOT NULL,
    "programs" JSONB NOT NULL,
    "registered_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "runner_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "worker" (
    "id" TEXT NOT NULL,
    "runner_id" TEXT NOT NULL,
    "slot" INTEGER NOT NULL,
    "token_hash" TEXT NOT NULL,
    "status" "worker_status" NOT NULL DEFAULT 'idle',
    "order" TEXT NOT NULL DEFAULT 'none',
    "current_job_id" BIGINT,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "jobs_completed" INTEGER NOT NULL DEFAULT 0,
    "jobs_failed" INTEGER NOT NULL DEFAULT 0,
    "total_job_ms" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "worker_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "delivery" (
    "id" BIGSERIAL NOT NULL,
    "job_id" BIGINT NOT NULL,
    "run" INTEGER NOT NULL,
    "target" TEXT NOT NULL,
    "commit" TEXT NOT NULL,
    "path" TEXT,
    "delivered_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "delivery_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_email_key" ON "user"("email");

-- CreateIndex
CREATE UNIQUE INDEX "user_username_key" ON "user"("username");

-- CreateIndex
CREATE UNIQUE INDEX "team_slug_key" ON "team"("slug");

-- CreateIndex
CREATE INDEX "membership_team_id_idx" ON "membership"("team_id");

-- CreateIndex
CREATE UNIQUE INDEX "refresh_token_hash_key" ON "refresh_token"("hash");

-- CreateIndex
CREATE INDEX "refresh_token_user_id_idx" ON "refresh_token"("user_id");

-- CreateIndex
CREATE INDEX "refresh_token_family_idx" ON "refresh_token"("family");

-- CreateIndex
CREATE UNIQUE INDEX "api_token_hash_key" ON "api_token"("hash");

-- CreateIndex
CREATE INDEX "api_token_team_id_idx" ON "api_token"("team_id");

-- CreateIndex
CREATE UNIQUE INDEX "job_public_id_key" ON "job"("public_id");

-- CreateIndex
CREATE INDEX "job_team_id_id_idx" ON "job"("team_id", "id");

-- CreateIndex
CREATE INDEX "job_team_id_state_id_idx" ON "job"("team_id", "state", "id");

-- CreateIndex
CREATE INDEX "job_parent_id_idx" ON "job"("parent_id");

-- CreateIndex
CREATE INDEX "job_lease_until_idx" ON "job"("lease_until");

-- CreateIndex
CREATE UNIQUE INDEX "job_team_id_source_source_id_key" ON "job"("team_id", "source", "source_id");

-- CreateIndex
CREATE UNIQUE INDEX "job_team_id_idempotency_key_key" ON "job"("team_id", "idempotency_key");

-- CreateIndex
CREATE INDEX "job_dependency_depends_on_id_idx" ON "job_dependency"("depends_on_id");

-- CreateIndex
CREATE UNIQUE INDEX "agent_run_job_id_run_key_key" ON "agent_run"("job_id", "run", "key");

-- CreateIndex
CREATE INDEX "command_job_id_state_position_idx" ON "command"("job_id", "state", "position");

-- CreateIndex
CREATE UNIQUE INDEX "command_job_id_run_key_key" ON "command"("job_id", "run", "key");

-- CreateIndex
CREATE UNIQUE INDEX "check_run_job_id_run_key_key" ON "check_run"("job_id", "run", "key");

-- CreateIndex
CREATE UNIQUE INDEX "spend_key_key" ON "spend"("key");

-- CreateIndex
CREATE INDEX "spend_job_id_idx" ON "spend"("job_id");

-- CreateIndex
CREATE INDEX "spend_team_id_day_idx" ON "spend"("team_id", "day");

-- CreateIndex
CREATE INDEX "spend_state_deadline_idx" ON "spend"("state", "deadline");

-- CreateIndex
CREATE UNIQUE INDEX "worker_token_hash_key" ON "worker"("token_hash");

-- CreateIndex
CREATE INDEX "worker_status_idx" ON "worker"("status");

-- CreateIndex
CREATE UNIQUE INDEX "worker_runner_id_slot_key" ON "worker"("runner_id", "slot");

-- CreateIndex
CREATE UNIQUE INDEX "delivery_job_id_run_target_key" ON "delivery"("job_id", "run", "target");

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "refresh_token" ADD CONSTRAINT "refresh_token_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "job"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_dependency" ADD CONSTRAINT "job_dependency_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_dependency" ADD CONSTRAINT "job_dependency_depends_on_id_fkey" FOREIGN KEY ("depends_on_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_event" ADD CONSTRAINT "job_event_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agent_run" ADD CONSTRAINT "agent_run_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "turn" ADD CONSTRAINT "turn_agent_run_id_fkey" FOREIGN KEY ("agent_run_id") REFERENCES "agent_run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "command" ADD CONSTRAINT "command_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "check_run" ADD CONSTRAINT "check_run_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "daily_spend" ADD CONSTRAINT "daily_spend_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "worker" ADD CONSTRAINT "worker_runner_id_fkey" FOREIGN KEY ("runner_id") REFERENCES "runner"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivery" ADD CONSTRAINT "delivery_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The claim is a walk along these two: waiting jobs in their order, and jobs whose lease may have run out.
CREATE INDEX "job_claim_order" ON "job" ("rank", "id") WHERE "claimable";
CREATE INDEX "job_lease_held" ON "job" ("lease_until") WHERE "lease_until" IS NOT NULL;
-- The sender and its sweep look only at what was not sent.
CREATE INDEX "outbox_unsent" ON "outbox" ("created_at") WHERE "sent_at" IS NULL;
