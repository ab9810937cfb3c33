"use client";
// Sends a call from the page, with a given token or else with the browser's own session.
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { TextArea, TextField } from "@/components/ui/fields";
import type { Operation } from "./read-document";

interface Result {
  status: string;
  text: string;
}

const TOKEN = "token";
const BODY = "body";
/** A stream has no end; so much of it is shown. */
const STREAM_MS = 5_000;

export function TryIt({ operation }: { operation: Operation }) {
  const [result, setResult] = useState<Result | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setResult(await send(operation, (name) => String(fields.get(name) ?? "")));
    setBusy(false);
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-3 rounded-md border hairline p-3">
      <h3 className="font-medium">Try it</h3>
      {operation.parameters.map(({ name, in: where, required }) => (
        <TextField key={`${where} ${name}`} label={name} name={`${where} ${name}`} required={required} />
      ))}
      {operation.exampleBody && (
        <TextArea
          label="Body"
          name={BODY}
          rows={6}
          defaultValue={operation.exampleBody}
          className="font-mono"
        />
      )}
      {!operation.open && (
        <TextField
          label="Access token"
          name={TOKEN}
          type="password"
          autoComplete="off"
          help="Empty: as you are signed in here."
        />
      )}
      <div>
        <Button type="submit" disabled={busy}>
          {busy ? "Sending …" : `Send ${operation.method}`}
        </Button>
      </div>
      <div role="status">
        {result && (
          <>
            <p className="mb-1 font-medium tabular-nums">{result.status}</p>
            <pre
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
              tabIndex={0}
              className="max-h-96 overflow-auto rounded-md bg-sunken p-3 font-mono text-xs leading-5"
            >
              {result.text}
            </pre>
          </>
        )}
      </div>
    </form>
  );
}

async function send(operation: Operation, field: (name: string) => string): Promise<Result> {
  const began = performance.now();
  try {
    const response = await fetch(addressOf(operation, field), requestOf(operation, field));
    const text =
      operation.stream && response.ok ? await beginningOf(response) : pretty(await response.text());
    return { status: `${response.status} in ${Math.round(performance.now() - began)} ms`, text };
  } catch (error) {
    return { status: "No answer", text: error instanceof Error ? error.message : String(error) };
  }
}

function addressOf({ path, parameters }: Operation, field: (name: string) => string): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(field(`path ${name}`)));
  const query = new URLSearchParams();
  for (const { name, in: where } of parameters) {
    const value = field(`${where} ${name}`);
    if (where === "query" && value) query.set(name, value);
  }
  return `/api/v1${filled}${query.size > 0 ? `?${query}` : ""}`;
}

function requestOf({ method, parameters, body }: Operation, field: (name: string) => string): RequestInit {
  const headers: Record<string, string> = {};
  for (const { name, in: where } of parameters) {
    const value = field(`${where} ${name}`);
    if (where === "header" && value) headers[name] = value;
  }
  const token = field(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (!body) return { method, headers };
  return { method, headers: { ...headers, "Content-Type": "application/json" }, body: field(BODY) };
}

/** What a stream says within some seconds. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => void reader?.cancel(), STREAM_MS);
  let text = "";
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) text += next.value;
  clearTimeout(timer);
  return text;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
