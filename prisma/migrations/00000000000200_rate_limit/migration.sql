-- Counts of requests within a window, in a schema of their own that Prisma does not know. Unlogged: losing
-- them in a crash only forgives some requests, and counting one then costs no flush to disk.
CREATE SCHEMA limits;

CREATE UNLOGGED TABLE limits.rate_limit (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
