/**
 * A small client of Fabrica's REST API, the same for the command line and the demo.
 */
import { z } from "zod";
import type { ClientSettings } from "../env";
import { LauncherError } from "../launcher-error";
import { keepSession, readSession } from "./session-file";

const REQUEST_LIMIT_MS = 30_000;
const UNAUTHORIZED = 401;
const tokens = z.object({ access_token: z.string(), expires_in: z.number() });
const refusal = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });
const plainRefusal = z.object({ message: z.string() });

/** The app refused; `message` is its own sentence. */
export class ApiError extends LauncherError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message, status === UNAUTHORIZED ? "Set FABRICA_TOKEN, or FABRICA_USER and FABRICA_PASSWORD." : "");
  }
}

/** Finds the sentence in an error body, whichever of the usual shapes it has. */
function sentenceOf(status: number, body: string): string {
  try {
    const json: unknown = JSON.parse(body);
    const wrapped = refusal.safeParse(json);
    if (wrapped.success)
      return typeof wrapped.data.error === "string" ? wrapped.data.error : wrapped.data.error.message;
    const plain = plainRefusal.safeParse(json);
    if (plain.success) return plain.data.message;
  } catch {
    // Not JSON: a proxy's page, most likely.
  }
  return `The app answered ${status}.`;
}

/** A signed-in (or token-bearing) client. Access tokens are renewed by signing in again. */
export class ApiClient {
  private bearer: string | null;
  private bearerUntil = Number.POSITIVE_INFINITY;

  /** Whether a kept session may still be tried, and whether the present token comes from one. */
  private mayResume: boolean;
  private resumed = false;

  constructor(private readonly settings: ClientSettings) {
    this.bearer = settings.token;
    this.mayResume = settings.keepSession === true;
  }

  /** Address of the app, without a slash at the end. */
  get url(): string {
    return this.settings.url;
  }

  /**
   * One call.
   * @throws ApiError when the app refuses, LauncherError when it cannot be reached or is of another version
   */
  async call<T>(method: string, path: string, answer: z.ZodType<T>, body?: unknown): Promise<T> {
    const response = await this.send(method, path, body, AbortSignal.timeout(REQUEST_LIMIT_MS));
    const parsed = answer.safeParse(await response.json().catch(() => undefined));
    if (parsed.success) return parsed.data;
    throw new LauncherError(
      `What answers at ${this.settings.url} is not understood here: it is no Fabrica, or one of another version.`,
      "Use the program of the version that runs there.",
      { cause: parsed.error },
    );
  }

  /** One call whose body is read as it comes. */
  async stream(
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const response = await this.send("GET", path, undefined, signal, headers);
    if (!response.body) throw new LauncherError("The app answered without a stream.", "Look into its log.");
    return response.body;
  }

  private async send(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const bearer = await this.authorization();
    const response = await this.reach(path, {
      method,
      signal,
      headers: {
        ...(bearer && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (response.status === UNAUTHORIZED && this.resumed) {
      // The kept session was revoked, or the installation is a new one: sign in once more.
      this.resumed = false;
      this.bearer = null;
      return this.send(method, path, body, signal, headers);
    }
    if (!response.ok) throw new ApiError(response.status, sentenceOf(response.status, await response.text()));
    return response;
  }

  private async authorization(): Promise<string | null> {
    const { username, password } = this.settings;
    if (username === null || password === null) return this.bearer;
    if (this.bearer !== null && Date.now() < this.bearerUntil) return this.bearer;
    return this.resume(username) ?? this.signIn(username, password);
  }

  private resume(username: string): string | null {
    if (!this.mayResume) return null;
    this.mayResume = false;
    const session = readSession(this.url, username);
    if (!session) return null;
    this.resumed = true;
    this.bearer = session.token;
    this.bearerUntil = session.until;
    return session.token;
  }

  private async signIn(username: string, password: string): Promise<string> {
    const response = await this.reach("/api/v1/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password }),
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    });
    if (!response.ok) throw new ApiError(response.status, sentenceOf(response.status, await response.text()));
    const { access_token, expires_in } = tokens.parse(await response.json());
    this.bearer = access_token;
    // A minute early, so that a token never expires on its way.
    this.bearerUntil = Date.now() + (expires_in - 60) * 1000;
    if (this.settings.keepSession) {
      keepSession({ url: this.url, username, token: access_token, until: this.bearerUntil });
    }
    return access_token;
  }

  private async reach(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.settings.url}${path}`, init);
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new LauncherError(
        `Fabrica does not answer at ${this.settings.url}.`,
        "Start it with `npm start`, or set FABRICA_URL to where it runs.",
        { cause },
      );
    }
  }
}
