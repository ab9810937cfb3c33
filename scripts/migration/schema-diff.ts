/**
 * Computes the SQL that leads from the migrations to prisma/schema.prisma, without Prisma's native engine.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import { type Migration, readMigrations } from "../../prisma/migrate";
import { shadowAdapter } from "./shadow-adapter";

const NOTHING_EXTERNAL = { externalTables: [], externalEnums: [] };

/** The part of the generated glue code that starting the module needs. */
interface EngineGlue {
  SchemaEngine: typeof SchemaEngine;
  __wbg_set_wasm(exports: WebAssembly.Exports): void;
}

/** The engine reports a panic to this global before it stops answering; without it the reason is lost. */
function watchForPanic(): Promise<never> {
  return new Promise((_, reject) => {
    Object.assign(globalThis, {
      PRISMA_WASM_PANIC_REGISTRY: {
        set_message: (text: string) => reject(new Error(`Schema engine: ${text}`)),
      },
    });
  });
}

/** Once per process: the glue code keeps views on the memory of the module it was given first. */
let loaded: Promise<EngineGlue> | undefined;

async function loadEngine(): Promise<EngineGlue> {
  const glueFile = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const glue = (await import(pathToFileURL(glueFile).href)) as EngineGlue;
  const bytes = readFileSync(glueFile.replace(/\.js$/, ".wasm"));
  const { instance } = await WebAssembly.instantiate(bytes, { "./schema_engine_bg.js": { ...glue } });
  glue.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
  return glue;
}

function migrationList(baseDir: string, migrations: Migration[]): MigrationList {
  return {
    baseDir,
    lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    shadowDbInitScript: "",
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: "migration.sql", content: { tag: "ok", value: sql } },
    })),
  };
}

/** What to compare, and two databases to do it in. */
export interface DiffRequest {
  schemaFile: string;
  migrationsDir: string;
  databaseUrl: string;
  /** Empty; the engine replays the migrations in it. */
  shadowUrl: string;
}

/** @returns the SQL of the next migration; empty when schema and migrations agree */
export async function diffSchema(request: DiffRequest): Promise<string> {
  const panic = watchForPanic();
  loaded ??= loadEngine();
  const { SchemaEngine } = await loaded;
  const content = readFileSync(request.schemaFile, "utf8");
  const adapter = bindMigrationAwareSqlAdapterFactory(shadowAdapter(request.databaseUrl, request.shadowUrl));
  const engine = await SchemaEngine.new(
    { datamodels: [[request.schemaFile, content]] },
    () => undefined,
    adapter,
  );
  try {
    const migrations = migrationList(request.migrationsDir, readMigrations(request.migrationsDir));
    const answer = engine.diff({
      from: { tag: "migrations", ...migrations },
      to: { tag: "schemaDatamodel", files: [{ path: request.schemaFile, content }] },
      script: true,
      exitCode: null,
      filters: NOTHING_EXTERNAL,
    });
    const { stdout } = await Promise.race([answer, panic]);
    const sql = stdout?.trim() ?? "";
    return /^-- This is an empty migration\.?$/.test(sql) ? "" : sql;
  } finally {
    engine.free();
  }
}
