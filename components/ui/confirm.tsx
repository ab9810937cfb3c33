"use client";
import { type ReactNode, useId, useRef } from "react";
import { Button } from "./button";

/** A button that asks first. `children` says what will happen. */
export function ConfirmButton({
  label,
  icon,
  title,
  action,
  onConfirm,
  disabled,
  children,
}: {
  label: string;
  icon: "stop" | "close";
  title: string;
  action: string;
  onConfirm: () => void;
  disabled?: boolean;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const confirm = () => {
    dialog.current?.close();
    onConfirm();
  };
  return (
    <>
      <Button icon={icon} disabled={disabled} onClick={() => dialog.current?.showModal()}>
        {label}
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby={id}
        className="m-auto w-[26rem] max-w-[calc(100vw-2rem)] rounded-lg border hairline bg-raised p-5 text-ink shadow-xl"
      >
        <h2 id={id} className="text-base font-semibold">
          {title}
        </h2>
        <div className="mt-2 text-muted">{children}</div>
        <div className="mt-5 flex justify-end gap-2">
          <Button onClick={() => dialog.current?.close()}>Keep it</Button>
          <Button kind="danger" onClick={confirm}>
            {action}
          </Button>
        </div>
      </dialog>
    </>
  );
}
