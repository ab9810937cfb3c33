// The same procedures as REST. Routes come from the procedures' OpenAPI notes; the document is made of the same.
// Written here and not taken from the library that makes the document, because that one coerces bodies ("5" becomes
// 5 in a JSON body), knows no 405 and shapes errors in its own way.
import type { AnyProcedure } from "@trpc/server";
import { type Db, db as processDb } from "../../db";
import { AppError } from "../../domain/errors";
import { decodePart } from "../decode-part";
import { errorResponse, toAppError } from "../errors";
import { limitRequest, RateLimited } from "../rate-limit";
import { readJsonObject } from "../read-body";
import { requestContext, requestIdOf } from "../request-context";
import { appRouter } from "../root";
import { createCallerFactory } from "../trpc";

const PREFIX = "/api/v1";

interface Route {
  method: string;
  /** Path split at slashes; `{name}` stands for any one part. */
  parts: string[];
  /** "jobs.get" */
  procedure: string;
  status: number;
  unlimited: boolean;
}

const routes: Route[] = Object.entries(
  appRouter._def.procedures as unknown as Record<string, AnyProcedure>,
).flatMap(([procedure, { _def }]) => {
  const meta = _def.meta as {
    openapi?: { method: string; path: string };
    status?: number;
    unlimited?: boolean;
  };
  if (!meta.openapi) return [];
  const { method, path } = meta.openapi;
  const parts = path.split("/").filter(Boolean);
  return [{ method, parts, procedure, status: meta.status ?? 200, unlimited: meta.unlimited ?? false }];
});

const createCaller = createCallerFactory(appRouter);

/** Answers any request below /api/v1 that is not a stream. Never throws. */
export async function handleRest(request: Request, db: Db = processDb()): Promise<Response> {
  const requestId = requestIdOf(request.headers);
  let headers: Record<string, string> = {};
  try {
    const url = new URL(request.url);
    const { route, params } = findRoute(request.method, url.pathname);
    const ctx = await requestContext(db, request, requestId);
    if (!route.unlimited) headers = await limitRequest(db, ctx.identity, ctx.address);
    const input = await readInput(request, url, params);
    const data = await call(createCaller(ctx), route.procedure, input);
    return Response.json(data, {
      status: route.status,
      headers: { ...headers, "Cache-Control": "no-store", "X-Request-Id": requestId },
    });
  } catch (error) {
    if (error instanceof MethodNotAllowed) headers = { Allow: error.allowed.join(", ") };
    if (error instanceof RateLimited) headers = error.headers;
    return errorResponse(toAppError(error, requestId), requestId, headers);
  }
}

class MethodNotAllowed extends AppError {
  constructor(readonly allowed: string[]) {
    super("method_not_allowed", `This address accepts ${allowed.join(", ")} only.`);
  }
}

function findRoute(method: string, pathname: string): { route: Route; params: Record<string, string> } {
  const parts = pathname.slice(PREFIX.length).split("/").filter(Boolean).map(decodePart);
  const fitting = routes.filter((route) => fits(route.parts, parts));
  const wanted = method === "HEAD" ? "GET" : method;
  const route = fitting.find((candidate) => candidate.method === wanted);
  if (!route) {
    if (fitting.length === 0) throw new AppError("not_found", "There is nothing at this address.");
    throw new MethodNotAllowed(fitting.map((candidate) => candidate.method).sort());
  }
  const params: Record<string, string> = {};
  route.parts.forEach((part, index) => {
    if (part.startsWith("{")) params[part.slice(1, -1)] = parts[index] ?? "";
  });
  return { route, params };
}

function fits(pattern: string[], parts: string[]): boolean {
  if (pattern.length !== parts.length) return false;
  return pattern.every((part, index) => part.startsWith("{") || part === parts[index]);
}

async function readInput(request: Request, url: URL, params: Record<string, string>) {
  const given = request.method === "POST" ? await readJsonObject(request) : readQuery(url);
  for (const name of Object.keys(params)) {
    if (Object.hasOwn(given, name)) {
      throw new AppError("bad_request", `The field ${name} belongs into the address only.`);
    }
  }
  return { ...given, ...params };
}

function readQuery(url: URL): Record<string, unknown> {
  const query: Record<string, unknown> = Object.create(null);
  for (const [name, value] of url.searchParams) {
    if (name in query)
      throw new AppError("bad_request", `The parameter ${name.slice(0, 80)} is given twice.`);
    query[name] = value;
  }
  return query;
}

async function call(caller: unknown, procedure: string, input: unknown): Promise<unknown> {
  let target = caller as Record<string, unknown>;
  for (const part of procedure.split(".")) target = target[part] as Record<string, unknown>;
  return (target as unknown as (input: unknown) => Promise<unknown>)(input);
}
