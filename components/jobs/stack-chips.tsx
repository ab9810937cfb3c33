"use client";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";
import { STACK_NAMES, STACKS, type StackName } from "@/server/domain/stacks";

const GROUPS = [
  { label: "Python", names: STACK_NAMES.filter((name) => STACKS[name] === "python") },
  {
    label: "JavaScript and TypeScript",
    names: STACK_NAMES.filter((name) => STACKS[name] === "node" && name !== "nodejs"),
  },
];

/** Technologies as chips; several may be chosen, also of both languages. */
export function StackChips({
  chosen,
  onChange,
  fault,
}: {
  chosen: readonly string[];
  onChange: (names: string[]) => void;
  fault?: string;
}) {
  const toggle = (name: StackName) =>
    onChange(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1.5 font-medium">Technology</legend>
      {GROUPS.map((group) => (
        <div key={group.label} className="flex flex-wrap items-center gap-1.5">
          <span className="sr-only">{group.label}:</span>
          {group.names.map((name) => {
            const on = chosen.includes(name);
            return (
              <label
                key={name}
                className={cx(
                  "inline-flex h-8 cursor-pointer items-center gap-1.5 rounded-full border px-3 has-focus-visible:outline-2 has-focus-visible:outline-accent",
                  on
                    ? "border-accent bg-accent/10 font-medium text-accent"
                    : "border-edge/60 text-muted hover:bg-sunken",
                )}
              >
                <input type="checkbox" className="sr-only" checked={on} onChange={() => toggle(name)} />
                {on && <Icon name="check" className="size-3.5" />}
                {name}
              </label>
            );
          })}
        </div>
      ))}
      {fault && <p className="text-xs text-bad">{fault}</p>}
    </fieldset>
  );
}
