// Form fields: label above, help below, the fault in its place and tied to the field for screen readers.
import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "./cx";

const BOX =
  "w-full rounded-md border border-edge bg-raised px-3 text-ink disabled:opacity-60 aria-invalid:border-bad";

interface FieldProps {
  label: string;
  help?: ReactNode;
  fault?: string | null;
}

function Around({ id, label, help, fault, children }: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      {children}
      <p
        id={`${id}-help`}
        className={cx("text-xs", fault ? "text-bad" : "text-faint", !fault && !help && "hidden")}
      >
        {fault ?? help}
      </p>
    </div>
  );
}

export function TextField({ label, help, fault, className, ...rest }: FieldProps & ComponentProps<"input">) {
  const id = useId();
  return (
    <Around id={id} label={label} help={help} fault={fault}>
      <input
        {...rest}
        id={id}
        aria-invalid={fault ? true : undefined}
        aria-describedby={`${id}-help`}
        className={cx(BOX, "h-9", className)}
      />
    </Around>
  );
}

export function TextArea({
  label,
  help,
  fault,
  className,
  ...rest
}: FieldProps & ComponentProps<"textarea">) {
  const id = useId();
  return (
    <Around id={id} label={label} help={help} fault={fault}>
      <textarea
        {...rest}
        id={id}
        aria-invalid={fault ? true : undefined}
        aria-describedby={`${id}-help`}
        className={cx(BOX, "py-2 leading-5", className)}
      />
    </Around>
  );
}

export function SelectField({
  label,
  help,
  fault,
  className,
  children,
  ...rest
}: FieldProps & ComponentProps<"select">) {
  const id = useId();
  return (
    <Around id={id} label={label} help={help} fault={fault}>
      <select {...rest} id={id} aria-describedby={`${id}-help`} className={cx(BOX, "h-9 pr-8", className)}>
        {children}
      </select>
    </Around>
  );
}
