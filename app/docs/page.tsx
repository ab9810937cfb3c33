// The reference of the REST API, made of the same document that programs read. Everything on it comes from here.
import type { Metadata } from "next";
import { connection } from "next/server";
import { PageHead } from "@/components/ui/page-head";
import { OperationView } from "./operation-view";
import { readOperations } from "./read-document";

export const metadata: Metadata = { title: "API reference" };

const SIGN_IN = `curl -s http://localhost:9000/api/v1/auth/login \\
  -H 'Content-Type: application/json' \\
  -d '{"username":"…","password":"…"}'`;

export default async function DocsPage() {
  // The page's scripts carry a nonce of the request, so it cannot be made beforehand.
  await connection();
  const groups = readOperations();
  return (
    <main className="mx-auto max-w-4xl px-4 py-8 sm:px-6">
      <PageHead
        title="API reference"
        note={
          <>
            All addresses begin with <code className="font-mono">/api/v1</code>. As a document for programs:{" "}
            <a className="text-accent underline underline-offset-2" href="/api/v1/openapi.json">
              openapi.json
            </a>
            .
          </>
        }
      />
      <section aria-labelledby="begin" className="mb-8 flex max-w-prose flex-col gap-3">
        <h2 id="begin" className="text-base font-semibold">
          To begin
        </h2>
        <p>
          Sign in to get an access token for 15 minutes and a refresh token for 30 days, then send{" "}
          <code className="font-mono">Authorization: Bearer …</code> with every request. A browser that is
          signed in may try the calls below without one.
        </p>
        <pre className="overflow-x-auto rounded-md bg-sunken p-3 font-mono text-xs leading-5">{SIGN_IN}</pre>
        <p>
          A refusal has a status from 400 on and says why:{" "}
          <code className="font-mono">{'{"error":{"code","message","request_id"}}'}</code>. The headers{" "}
          <code className="font-mono">RateLimit-Limit</code>, <code className="font-mono">-Remaining</code>{" "}
          and <code className="font-mono">-Reset</code> tell how many more requests are accepted.
        </p>
      </section>
      {groups.map(({ tag, operations }) => (
        <section key={tag} aria-labelledby={`tag-${tag}`} className="mb-8">
          <h2 id={`tag-${tag}`} className="mb-2 text-base font-semibold">
            {tag}
          </h2>
          <div className="divide-y divide-line border-y hairline">
            {operations.map((operation) => (
              <OperationView key={operation.id} operation={operation} />
            ))}
          </div>
        </section>
      ))}
    </main>
  );
}
