import { defineConfig } from "prisma/config";

// Only the WebAssembly parts of Prisma are used. Without this `prisma generate` would download its native
// engine; /bin/false lets every command that would need it fail loudly instead of doing nothing.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= "/bin/false";

export default defineConfig({
  schema: "prisma/schema.prisma",
  migrations: { path: "prisma/migrations" },
  datasource: { url: process.env.DATABASE_URL ?? "" },
});
