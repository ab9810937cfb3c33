// What API tests share: a fresh database, two teams with people of each role, and requests as a client would send them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TeamRole } from "@/server/context";
import { connect, type Db } from "@/server/db";
import { signAccessToken } from "@/server/services/auth/access-token";
import { openSession } from "@/server/services/auth/open-session";
import { hashPassword } from "@/server/services/auth/password";
import { createTestDatabase } from "../support/postgres";

export const ORIGIN = "http://fabrica.test";
export const PASSWORD = "a long enough password";

export interface Person {
  id: bigint;
  teamId: bigint;
  username: string;
  family: string;
  /** A good access token. */
  token: string;
  refreshToken: string;
}

export interface Factory {
  db: Db;
  url: string;
  dataDir: string;
  close(): Promise<void>;
}

/** A migrated database and settings that point to it. Call it before anything reads the settings. */
export async function startFactory(settings: Record<string, string> = {}): Promise<Factory> {
  const database = await createTestDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), "fabrica-api-"));
  Object.assign(process.env, {
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
    RATE_LIMIT_REQUESTS: "100000",
    LOG_LEVEL: "error",
    ...settings,
  });
  const db = connect(database.url, 10);
  return {
    db,
    url: database.url,
    dataDir,
    async close() {
      await db.$disconnect();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

let password: Promise<string> | undefined;

/** A user of a (new or known) team, signed in. */
export async function addPerson(db: Db, username: string, team: string, role: TeamRole): Promise<Person> {
  password ??= hashPassword(PASSWORD);
  const { id: teamId } = await db.team.upsert({
    where: { slug: team },
    create: { slug: team, name: team },
    update: {},
  });
  const user = await db.user.create({
    data: { username, email: `${username}@example.test`, passwordHash: await password },
  });
  await db.membership.create({ data: { userId: user.id, teamId, role } });
  const known = { id: user.id, username, email: user.email, epoch: 0, teamId };
  const { family, refreshToken } = await openSession(db, known);
  const token = await signAccessToken({ userId: user.id, teamId, epoch: 0, family });
  return { id: user.id, teamId, username, family, token, refreshToken };
}

export interface Call {
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: string | Uint8Array;
  token?: string;
  headers?: Record<string, string>;
}

/** A request as it reaches a route handler. */
export function makeRequest(method: string, path: string, { body, raw, token, headers }: Call = {}): Request {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return new Request(ORIGIN + path, {
    method,
    headers: {
      host: "fabrica.test",
      "x-fabrica-peer": "192.0.2.1",
      ...(payload === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(payload === undefined ? {} : { body: payload as BodyInit }),
  });
}

export interface Answer {
  status: number;
  headers: Headers;
  // The tests look into answers of every kind.
  // biome-ignore lint/suspicious/noExplicitAny: answers differ from call to call
  json: any;
}

/** The answer with its JSON read. */
export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text ? JSON.parse(text) : null };
}
