// Structured JSON logs on standard error. Values that look like keys are never written.
import pino from "pino";

export const log = pino(
  {
    level: process.env.LOG_LEVEL ?? "info",
    base: undefined,
    redact: ["authorization", "token", "password", "*.authorization", "*.token", "*.password"],
  },
  pino.destination(2),
);
