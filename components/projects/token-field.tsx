"use client";
import { Button } from "@/components/ui/button";
import { TextField } from "@/components/ui/fields";
import type { FieldsProps } from "./project-fields";

/** A token goes in and never comes out: only whether one is stored is known here. */
export function TokenField({ draft, faults, onChange, stored }: FieldsProps & { stored: boolean }) {
  if (stored && draft.token === null) {
    return (
      <div className="flex flex-col gap-1.5">
        <span className="font-medium">Token</span>
        <div className="flex min-h-9 flex-wrap items-center gap-x-3 gap-y-1">
          <span className="text-warn">The stored token is removed when you save.</span>
          <Button onClick={() => onChange({ token: "" })}>Keep it</Button>
        </div>
      </div>
    );
  }
  return (
    <div className={stored ? "grid grid-cols-[minmax(0,1fr)_auto] gap-x-2" : undefined}>
      <TextField
        label="Token"
        name="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder={stored ? "A token is stored" : undefined}
        help={
          stored
            ? "A token is stored; type a new one to replace it."
            : "A password or access token that may read, and push branches. It is kept sealed and never shown again."
        }
        value={draft.token ?? ""}
        fault={faults.token}
        onChange={(event) => onChange({ token: event.target.value })}
      />
      {stored && (
        <Button icon="close" className="mt-[1.625rem]" onClick={() => onChange({ token: null })}>
          Remove
        </Button>
      )}
    </div>
  );
}
