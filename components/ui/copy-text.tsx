"use client";
import { useState } from "react";
import { Icon } from "./icons";

/** A short text, such as an id or a path, that is copied by a click. */
export function CopyText({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button
      type="button"
      onClick={copy}
      title={copied ? "Copied" : "Copy"}
      className="group text-left font-mono text-xs wrap-anywhere hover:text-ink"
    >
      {text}
      <Icon
        name={copied ? "check" : "copy"}
        className="ml-1 inline size-3 align-[-0.1em] opacity-60 group-hover:opacity-100"
      />
      <span role="status" className="sr-only">
        {copied ? "Copied" : ""}
      </span>
    </button>
  );
}
