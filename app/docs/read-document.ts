// The OpenAPI document taken apart into what the page shows.
import { openApiDocument } from "@/server/api/openapi";
import { exampleOf, type Schema } from "./schema-text";

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  schema: Schema;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  open: boolean;
  stream: boolean;
  parameters: Parameter[];
  body: Schema | null;
  exampleBody: string | null;
  success: { status: string; schema: Schema | null };
}

interface RawContent {
  content?: Record<string, { schema?: Schema }>;
}
interface RawOperation {
  operationId: string;
  tags?: string[];
  summary?: string;
  description?: string;
  security?: unknown[];
  parameters?: {
    name: string;
    in: Parameter["in"];
    required?: boolean;
    schema?: Schema;
    description?: string;
  }[];
  requestBody?: RawContent;
  responses: Record<string, RawContent>;
}

const JSON_TYPE = "application/json";

function toOperation(method: string, path: string, raw: RawOperation): Operation {
  const status = Object.keys(raw.responses).find((code) => code.startsWith("2")) ?? "200";
  const answer = raw.responses[status]?.content ?? {};
  const body = raw.requestBody?.content?.[JSON_TYPE]?.schema ?? null;
  return {
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    summary: raw.summary ?? "",
    description: raw.description ?? "",
    open: !raw.security?.length,
    stream: "text/event-stream" in answer,
    parameters: (raw.parameters ?? []).map(({ name, in: where, required = false, schema = {} }) => ({
      name,
      in: where,
      required,
      schema,
    })),
    body,
    exampleBody: body && JSON.stringify(exampleOf(body), null, 2),
    success: { status, schema: answer[JSON_TYPE]?.schema ?? null },
  };
}

/** Operations by tag, in the order of the document. */
export function readOperations(): { tag: string; operations: Operation[] }[] {
  const { tags = [], paths = {} } = openApiDocument();
  const all = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, raw]) => ({
      tag: (raw as RawOperation).tags?.[0] ?? "",
      operation: toOperation(method, path, raw as RawOperation),
    })),
  );
  return tags.map(({ name }) => ({
    tag: name,
    operations: all.filter(({ tag }) => tag === name).map(({ operation }) => operation),
  }));
}
