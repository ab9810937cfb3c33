import { cx } from "@/components/ui/cx";
import type { Operation, Parameter } from "./read-document";
import { limitsText, type Schema, shapeText } from "./schema-text";
import { TryIt } from "./try-it";

const METHOD_COLOUR: Record<string, string> = { GET: "text-run", POST: "text-good", DELETE: "text-bad" };

/** One call of the API as a row that opens. */
export function OperationView({ operation }: { operation: Operation }) {
  const { id, method, path, summary, description, open, parameters, body, success } = operation;
  return (
    <details id={id} className="group scroll-mt-4">
      <summary className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5 py-2 hover:bg-sunken">
        <span className={cx("w-14 font-mono text-xs font-semibold", METHOD_COLOUR[method])}>{method}</span>
        <span className="font-mono break-all">{path}</span>
        <span className="text-muted">{summary}</span>
      </summary>
      <div className="flex flex-col gap-4 pt-1 pb-5 sm:pl-17">
        {description && <p className="max-w-prose">{description}</p>}
        {open && <p className="text-muted">Needs no sign-in.</p>}
        {parameters.length > 0 && <Parameters parameters={parameters} />}
        {body && <Shape title="Body" schema={body} />}
        {success.schema && <Shape title={`Answer ${success.status}`} schema={success.schema} />}
        <TryIt operation={operation} />
      </div>
    </details>
  );
}

function Parameters({ parameters }: { parameters: Parameter[] }) {
  return (
    <div>
      <h3 className="mb-1 font-medium">Parameters</h3>
      <ul className="flex flex-col gap-1">
        {parameters.map(({ name, in: where, required, schema }) => (
          <li key={`${where} ${name}`} className="flex flex-wrap gap-x-2">
            <code className="font-mono">{name}</code>
            <span className="text-muted">
              {where}
              {required ? ", required" : ""}:{" "}
              {[shapeText(schema), limitsText(schema)].filter(Boolean).join(", ")}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Shape({ title, schema }: { title: string; schema: Schema }) {
  return (
    <div>
      <h3 className="mb-1 font-medium">{title}</h3>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        className="max-h-96 overflow-auto rounded-md bg-sunken p-3 font-mono text-xs leading-5"
      >
        {shapeText(schema)}
      </pre>
    </div>
  );
}
