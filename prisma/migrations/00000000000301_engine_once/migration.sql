-- Idempotency keys of the embedded engine: hashed with their function, and until when they hold.
CREATE TABLE engine.once (
  key text PRIMARY KEY,
  expires_at bigint NOT NULL
);
