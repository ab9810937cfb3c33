// SPEC.md as a document: headings, lists, check boxes, code and paragraphs. Everything else stays as it is written.

import type { ReactNode } from "react";
import { cx } from "@/components/ui/cx";
import { keyed } from "@/components/ui/keyed";
import { TaskLine, type TaskLook } from "./task-line";

interface Block {
  kind: "heading" | "item" | "paragraph" | "code";
  text: string;
  /** Level of a heading, or depth of an item. */
  level: number;
  /** State of a check box; null when the item has none. */
  done: boolean | null;
}

/** Splits Markdown into the few blocks that a plan is made of. */
function readBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let code: string[] | null = null;
  for (const line of text.split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) {
      if (code) blocks.push({ kind: "code", text: code.join("\n"), level: 0, done: null });
      code = code ? null : [];
      continue;
    }
    if (code) {
      code.push(line);
      continue;
    }
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const item = /^(\s*)(?:[-*+]|\d+[.)])\s+(?:\[([ xX])\]\s+)?(.*)$/.exec(line);
    const last = blocks.at(-1);
    if (heading)
      blocks.push({ kind: "heading", text: heading[2] ?? "", level: heading[1]?.length ?? 1, done: null });
    else if (item) {
      const done = item[2] === undefined ? null : item[2] !== " ";
      blocks.push({ kind: "item", text: item[3] ?? "", level: Math.floor((item[1]?.length ?? 0) / 2), done });
    } else if (!line.trim()) blocks.push({ kind: "paragraph", text: "", level: 0, done: null });
    else if (last && last.kind !== "heading" && last.kind !== "code" && last.text)
      last.text += ` ${line.trim()}`;
    else blocks.push({ kind: "paragraph", text: line.trim(), level: 0, done: null });
  }
  if (code) blocks.push({ kind: "code", text: code.join("\n"), level: 0, done: null });
  return blocks.filter((block) => block.text);
}

interface Props {
  text: string;
  /** How far the task of a checklist line is; null when the line is no task. */
  lookUp: (title: string) => TaskLook | null;
}

export function SpecText({ text, lookUp }: Props) {
  return (
    <div className="flex max-w-[80ch] flex-col gap-2 leading-6 wrap-anywhere">
      {keyed(readBlocks(text)).map(({ key, item: block }) => (
        <BlockView key={key} block={block} lookUp={lookUp} />
      ))}
    </div>
  );
}

const DEPTH = ["", "pl-5", "pl-10", "pl-15"];

function BlockView({ block, lookUp }: { block: Block; lookUp: Props["lookUp"] }) {
  if (block.kind === "heading") {
    return (
      <h3 className={cx("font-semibold", block.level === 1 ? "text-base" : "mt-3")}>
        <Inline text={block.text} />
      </h3>
    );
  }
  if (block.kind === "code") {
    return (
      <pre className="overflow-x-auto rounded-md bg-sunken px-3 py-2 font-mono text-xs">{block.text}</pre>
    );
  }
  if (block.kind === "paragraph") {
    return (
      <p className="text-muted">
        <Inline text={block.text} />
      </p>
    );
  }
  return (
    <div className={DEPTH[Math.min(3, block.level)]}>
      {block.done === null ? (
        <p className="flex gap-2 text-muted">
          <span aria-hidden="true">–</span>
          <span className="min-w-0">
            <Inline text={block.text} />
          </span>
        </p>
      ) : (
        <TaskLine look={lookUp(block.text) ?? { done: block.done, current: false, fixes: 0 }}>
          <Inline text={block.text} />
        </TaskLine>
      )}
    </div>
  );
}

/** Code in backticks and bold words within a line. */
function Inline({ text }: { text: string }): ReactNode {
  return keyed(text.split(/(`[^`]+`|\*\*[^*]+\*\*)/)).map(({ key, item: part }) => {
    if (part.startsWith("`") && part.length > 2) {
      return (
        <code key={key} className="rounded bg-sunken px-1 font-mono text-xs text-ink">
          {part.slice(1, -1)}
        </code>
      );
    }
    if (part.startsWith("**") && part.length > 4)
      return (
        <strong key={key} className="font-semibold text-ink">
          {part.slice(2, -2)}
        </strong>
      );
    return part;
  });
}
