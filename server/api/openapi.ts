// The OpenAPI document, made of the procedures; the streams, which are no procedures, are added by hand.
import type { AnyProcedure } from "@trpc/server";
import { generateOpenApiDocument } from "trpc-to-openapi";
import { VERSION } from "../services/health/check-health";
import { appRouter } from "./root";

type Document = ReturnType<typeof generateOpenApiDocument>;

const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message", "request_id"],
      properties: {
        code: { type: "string", description: "Stable; programs may rely on it" },
        message: { type: "string", description: "A plain sentence" },
        request_id: { type: "string", description: "Names this request in the log" },
      },
    },
  },
} as const;

const STREAM = {
  get: {
    operationId: "jobs-stream",
    tags: ["Jobs"],
    summary: "A job's events as a live stream",
    description:
      "Server-sent events: the id is the sequence number, the event its type, the data JSON. " +
      "A reader that comes back with Last-Event-ID misses nothing and gets nothing twice. " +
      'The event "resync" says that the given id was unknown and all events follow from the first.',
    security: [{ Authorization: [] }],
    parameters: [
      { name: "id", in: "path", required: true, schema: { type: "string" } },
      { name: "after", in: "query", schema: { type: "integer", minimum: 0 } },
      { name: "Last-Event-ID", in: "header", schema: { type: "integer", minimum: 0 } },
    ],
    responses: {
      200: { description: "The stream", content: { "text/event-stream": { schema: { type: "string" } } } },
    },
  },
} as const;

const TRANSCRIPT = {
  get: {
    operationId: "jobs-transcript",
    tags: ["Jobs"],
    summary: "Everything that a job's agents were asked and answered",
    description:
      'One JSON object a line, each with "v" (1) and "type": transcript, then agent_run with its turns behind it, then end. ' +
      "An export without its end was cut off.",
    security: [{ Authorization: [] }],
    parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
    responses: {
      200: {
        description: "The lines",
        content: { "application/x-ndjson": { schema: { type: "string" } } },
      },
    },
  },
} as const;

/** Answered with 201; the library knows only 200. */
const CREATING = Object.values(appRouter._def.procedures as unknown as Record<string, AnyProcedure>).flatMap(
  ({ _def }) => {
    const { status, openapi } = _def.meta as { status?: number; openapi?: { path: string } };
    return status === 201 && openapi ? [openapi.path] : [];
  },
);

let made: Document | undefined;

/** The document of this version. */
export function openApiDocument(): Document {
  made ??= make();
  return made;
}

function make(): Document {
  const document = generateOpenApiDocument(appRouter, {
    title: "Fabrica",
    version: VERSION,
    description:
      "A self-hosted software factory. Times are ISO 8601 in UTC, money is dollars, `status` is the state.",
    baseUrl: "/api/v1",
    tags: ["Auth", "Jobs", "Projects", "Learnings", "Queue", "Workers", "Costs", "Factory", "Health"],
  });
  const paths: Record<string, unknown> = {
    ...document.paths,
    "/jobs/{id}/events": STREAM,
    "/jobs/{id}/transcript": TRANSCRIPT,
  };
  for (const path of CREATING) {
    const create = document.paths?.[path]?.post;
    if (!create?.responses) throw new Error(`There is no POST ${path}.`);
    const { 200: success, ...others } = create.responses;
    create.responses = { 201: success, ...others } as typeof create.responses;
  }
  const schemas: Record<string, unknown> = { ...document.components?.schemas };
  // The library describes errors of its own handler, which is not the one that answers.
  for (const name of Object.keys(schemas)) if (name.startsWith("error.")) schemas[name] = ERROR;
  return { ...document, paths, components: { ...document.components, schemas } } as Document;
}
