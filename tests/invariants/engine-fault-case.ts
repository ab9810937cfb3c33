/**
 * One try of the engine's fault tests: programs are sent to an engine that kills itself at a fault point, it is
 * started again, and in the end the database must tell what the app saw: nothing lost, nothing twice.
 */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { bundleEngine, type EngineProcess, spawnEngine } from "@/tests/conformance/engine/child";
import { type App, EVENT_KEY, startApp, until } from "@/tests/conformance/engine/harness";
import { freePort } from "@/tests/support/listen-apart";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { Ledger, type Program, programFunctions, stepsOf } from "./engine-programs";

const PATIENCE_MS = 40_000;

/** An app, a database and an engine that may be killed again and again. */
export class FaultWorld {
  private engine: EngineProcess | undefined;

  private constructor(
    private readonly ledger: Ledger,
    readonly app: App,
    readonly url: string,
    private readonly database: TestDatabase,
    private readonly client: pg.Client,
    private readonly port: number,
    private readonly bundle: string,
  ) {}

  /** Starts everything but the engine. */
  static async open(folder: string): Promise<FaultWorld> {
    const database = await createTestDatabase();
    const client = new pg.Client(database.url);
    await client.connect();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const ledger = new Ledger();
    const app = await startApp(
      { checkpointing: true, signed: true },
      () => url,
      (inngest) => programFunctions(inngest, ledger),
    );
    return new FaultWorld(ledger, app, url, database, client, port, await bundleEngine(folder));
  }

  /**
   * Runs programs on an engine that dies at each of the points, one after the other.
   * @param faults fault points with counts, such as "steps:after:2"; one that is not reached does nothing
   * @returns how often the engine died
   */
  async run(programs: Program[], faults: string[]): Promise<number> {
    const pending = [...faults];
    let deaths = 0;
    let over = false;
    const keepAlive = (async () => {
      while (!over) {
        this.engine = await spawnEngine(this.database.url, this.app.url, this.port, {
          bundle: this.bundle,
          env: { ENGINE_FAULT_POINT: pending.shift() ?? "" },
        }).catch(() => undefined);
        if (this.engine)
          await Promise.race([this.engine.ended, until("the end", () => over, PATIENCE_MS * 2)]);
        if (!over) deaths++;
      }
    })();
    try {
      await until("the app to be synced", () => this.isSynced(), PATIENCE_MS);
      const accepted = await Promise.all(
        programs.map((program) => this.post("program", { ...program }, `program-${program.key}`)),
      );
      await until("every run to end", () => this.settle(accepted), PATIENCE_MS);
    } finally {
      over = true;
      await this.engine?.kill();
      await keepAlive;
      // The one that was just being started, should the engine have died with the very last write.
      await this.engine?.kill();
    }
    await this.check(programs);
    return deaths;
  }

  private async isSynced(): Promise<boolean> {
    const response = await fetch(`${this.url}/health`).catch(() => undefined);
    if (!response?.ok) return false;
    const { functions } = (await response.json()) as { functions: number };
    return functions > 0;
  }

  /** Posts until the event is accepted; the id makes it the same event each time. */
  private post(name: string, data: Record<string, unknown>, id: string): Promise<string> {
    return until(
      `the event ${id} to be accepted`,
      async () => {
        // An engine that died with its first registration knows no functions yet; what it accepts starts nothing.
        if (!(await this.isSynced())) return undefined;
        const body = JSON.stringify({ name, data, id });
        const response = await fetch(`${this.url}/e/${EVENT_KEY}`, { method: "POST", body }).catch(
          () => undefined,
        );
        if (response?.status !== 200) return undefined;
        const { ids } = (await response.json()) as { ids: string[] };
        return ids[0];
      },
      PATIENCE_MS,
    );
  }

  private readonly gone = new Set<string>();

  /** Answers every wait once; true when nothing is left to do. */
  private async settle(accepted: string[]): Promise<boolean> {
    const waits = await this.client.query<{ name: string }>(
      "SELECT name FROM engine.work WHERE kind = 'wait'",
    );
    for (const { name } of waits.rows) {
      if (this.gone.has(name)) continue;
      this.gone.add(name);
      await this.post("go", { id: name }, `go-${name}`);
    }
    const { rows } = await this.client.query<{ started: number; unfinished: number }>(
      `SELECT count(*) FILTER (WHERE event_id = ANY($1))::int AS started,
              count(*) FILTER (WHERE status = 'running')::int AS unfinished FROM engine.run`,
      [accepted],
    );
    return rows[0]!.started >= accepted.length && rows[0]!.unfinished === 0;
  }

  /** Throws an error that names whatever was lost or done twice. */
  private async check(programs: Program[]): Promise<void> {
    const problems = [...this.ledger.violations.splice(0)];
    for (const program of programs) problems.push(...(await this.checkProgram(program)));
    const left = await this.client.query<{ key: string }>("SELECT run_id, key, kind FROM engine.work");
    if (left.rowCount) problems.push(`work is left: ${JSON.stringify(left.rows)}`);
    if (problems.length) throw new Error(problems.join("\n"));
  }

  private async checkProgram({ key, ops }: Program): Promise<string[]> {
    const problems: string[] = [];
    const runs = await this.client.query<{ id: string; status: string; output: string }>(
      `SELECT r.id, r.status, r.output FROM engine.run r JOIN engine.event e ON e.id = r.event_id
       WHERE e.dedupe = $1`,
      [`id:program-${key}`],
    );
    if (runs.rowCount !== 1 || runs.rows[0]!.status !== "completed") {
      return [`${key}: runs ${JSON.stringify(runs.rows)}`];
    }
    const steps = await this.client.query<{ name: string; result: string }>(
      "SELECT name, result FROM engine.step WHERE name LIKE $1 ORDER BY name",
      [`${key}/%`],
    );
    const recorded = new Map(steps.rows.map(({ name, result }) => [name, result]));
    const expected = stepsOf(ops, key);
    const names = (list: string[]) => JSON.stringify([...list].sort());
    if (names(steps.rows.map(({ name }) => name)) !== names(expected.map(({ id }) => id))) {
      problems.push(`${key}: steps ${names(steps.rows.map(({ name }) => name))}`);
    }
    const output = JSON.parse(runs.rows[0]!.output) as string[];
    for (const step of expected) {
      if (step.do === "send" && this.ledger.notes.get(step.id) === undefined) {
        problems.push(`${step.id}: the event that it sent started nothing`);
      }
      if (step.do !== "run" && step.do !== "fail") continue;
      const result = JSON.parse(recorded.get(step.id) ?? "{}") as { data?: string };
      const executed = this.ledger.executions.get(step.id) ?? [];
      if (!result.data || !executed.includes(result.data))
        problems.push(`${step.id}: recorded ${result.data}`);
      // What later steps and the output were given is what is recorded: it was never replaced by another.
      if (!output.includes(result.data ?? "")) problems.push(`${step.id}: the output has another value`);
    }
    // A sending step that ran again sends a new event; each of them counts once.
    const sent = await this.client.query<{ id: string; runs: number }>(
      `SELECT e.body::json->'data'->>'id' AS id, count(r.id)::int AS runs
       FROM engine.event e LEFT JOIN engine.run r ON r.event_id = e.id
       WHERE e.name = 'note' AND e.body::json->'data'->>'id' LIKE $1 GROUP BY e.id`,
      [`${key}/%`],
    );
    for (const { id, runs } of sent.rows) if (runs !== 1) problems.push(`${id}: ${runs} runs of its event`);
    return problems;
  }

  async close(): Promise<void> {
    await this.engine?.kill();
    await this.app.close();
    await this.client.end();
    await this.database.drop();
  }
}

/** Gives programs their keys. */
export function withKeys(programs: Omit<Program, "key">[]): Program[] {
  return programs.map((program) => ({ ...program, key: randomUUID().slice(0, 8) }));
}
