/**
 * Lets Prisma's WebAssembly schema engine talk to PostgreSQL through adapter-pg, mended where the engine
 * needs more than a client does: the type "char", scripts with function bodies, a true shadow database.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import type {
  ColumnType,
  SqlDriverAdapter,
  SqlMigrationAwareDriverAdapterFactory,
  SqlQuery,
  SqlResultSet,
} from "@prisma/driver-adapter-utils";
import { ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import pg from "pg";

/** The types that reading PostgreSQL's catalogues brings up; everything else is read as text. */
const COLUMN_TYPES: Record<number, ColumnType> = {
  16: ColumnTypeEnum.Boolean,
  18: ColumnTypeEnum.Character,
  20: ColumnTypeEnum.Int64,
  21: ColumnTypeEnum.Int32,
  23: ColumnTypeEnum.Int32,
  26: ColumnTypeEnum.Int64,
  1000: ColumnTypeEnum.BooleanArray,
  1002: ColumnTypeEnum.CharacterArray,
  1003: ColumnTypeEnum.TextArray,
  1005: ColumnTypeEnum.Int32Array,
  1007: ColumnTypeEnum.Int32Array,
  1009: ColumnTypeEnum.TextArray,
  1016: ColumnTypeEnum.Int64Array,
};
const NAME_ARRAY = 1003;

async function readRows(pool: pg.Pool, { sql, args }: SqlQuery): Promise<SqlResultSet> {
  const result = await pool.query<unknown[]>({
    text: sql,
    values: args,
    rowMode: "array",
    types: {
      // pg knows no parser for name[], which is written like text[].
      getTypeParser: (oid: number) => pg.types.getTypeParser(oid === NAME_ARRAY ? 1009 : oid),
    },
  });
  return {
    columnNames: result.fields.map(({ name }) => name),
    columnTypes: result.fields.map(({ dataTypeID }) => COLUMN_TYPES[dataTypeID] ?? ColumnTypeEnum.Text),
    rows: result.rows,
  };
}

async function connectMended(url: string): Promise<SqlDriverAdapter> {
  // One connection: the engine sets the session's search path and expects to find it again.
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const plain = await new PrismaPg(pool, { disposeExternalPool: true }).connect();
  return Object.assign(plain, {
    queryRaw: (query: SqlQuery) => readRows(pool, query),
    executeScript: async (script: string) => {
      await pool.query(script);
    },
  });
}

/**
 * @param databaseUrl the database that is compared
 * @param shadowUrl an empty database of its own in which the engine replays the migrations
 */
export function shadowAdapter(databaseUrl: string, shadowUrl: string): SqlMigrationAwareDriverAdapterFactory {
  return {
    provider: "postgres",
    adapterName: "@prisma/adapter-pg",
    connect: () => connectMended(databaseUrl),
    connectToShadowDb: () => connectMended(shadowUrl),
  };
}
