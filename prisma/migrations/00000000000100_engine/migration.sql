-- The embedded engine's own schema. Only inngest/embedded reads or writes it; Prisma does not know it.
-- JSON is kept as canonical text: the engine signs and sends it as it lies here, and never queries inside it.
CREATE SCHEMA engine;

CREATE TABLE engine.function (
  id text PRIMARY KEY,
  app text NOT NULL,
  url text NOT NULL,
  config text NOT NULL
);

-- Every accepted event. "dedupe" is the sender's id; the same one within 24 h is the same event.
CREATE TABLE engine.event (
  id text PRIMARY KEY,
  dedupe text,
  name text NOT NULL,
  body text NOT NULL,
  received_at bigint NOT NULL
);
CREATE INDEX event_dedupe ON engine.event (dedupe, received_at) WHERE dedupe IS NOT NULL;

CREATE TABLE engine.run (
  id text PRIMARY KEY,
  function_id text NOT NULL,
  event_id text NOT NULL,
  status text NOT NULL,
  output text,
  parent_run text,
  parent_step text,
  created_at bigint NOT NULL,
  ended_at bigint
);
CREATE INDEX run_event ON engine.run (event_id);
CREATE INDEX run_unfinished ON engine.run (id) WHERE status = 'running';

-- Settled steps in the order in which they settled; "result" is what the SDK is sent for the step.
CREATE TABLE engine.step (
  run_id text NOT NULL,
  id text NOT NULL,
  seq integer NOT NULL,
  name text,
  result text NOT NULL,
  recorded_at bigint NOT NULL,
  PRIMARY KEY (run_id, id)
);

-- Everything an unfinished run still waits for: calls, sleeps, waits, invokes, cancel rules, deadlines.
-- Rows live only while they are outstanding, so the table stays small however many runs have finished.
CREATE TABLE engine.work (
  run_id text NOT NULL,
  key text NOT NULL,
  kind text NOT NULL,
  due_at bigint,
  attempt integer NOT NULL DEFAULT 0,
  race boolean NOT NULL DEFAULT false,
  name text,
  event_name text,
  condition text,
  PRIMARY KEY (run_id, key)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE engine.cron (
  function_id text NOT NULL,
  expression text NOT NULL,
  next_at bigint NOT NULL,
  PRIMARY KEY (function_id, expression)
);
