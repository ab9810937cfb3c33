"use client";
// Creates the first admin, then signs them in. Only whoever can read the installation's secrets may do this.
import { signIn } from "next-auth/react";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { TextField } from "@/components/ui/fields";
import { Icon } from "@/components/ui/icons";

/** @returns null when the admin was created, else why not */
async function createAdmin(fields: Record<string, string>): Promise<string | null> {
  const { token, ...admin } = fields;
  const answer = await fetch("/api/setup", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(admin),
  });
  if (answer.ok) return null;
  const told = (await answer.json().catch(() => null)) as {
    message?: string;
    error?: { message?: string };
  } | null;
  return told?.error?.message ?? told?.message ?? `The set-up answered ${answer.status}.`;
}

export function SetupForm() {
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>;
    setBusy(true);
    setFault(null);
    const refused = await createAdmin(fields).catch(() => "Fabrica could not be reached.");
    if (refused) {
      setBusy(false);
      setFault(refused);
      return;
    }
    await signIn("credentials", { username: fields.username, password: fields.password, redirect: false });
    window.location.assign("/");
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <TextField label="E-mail" name="email" type="email" autoComplete="email" required />
      <TextField
        label="Username"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
      />
      <TextField
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={10}
        required
        help="At least 10 characters."
      />
      <TextField label="Team" name="team" defaultValue="Main" required />
      <TextField
        label="Setup token"
        name="token"
        type="password"
        autoComplete="off"
        required
        help="FABRICA_SETUP_TOKEN, or the value of “setup” in secrets.json of the data directory."
      />
      <Button type="submit" kind="primary" disabled={busy} className="mt-1">
        {busy ? "Creating …" : "Create and sign in"}
      </Button>
      <p role="alert" className="flex min-h-5 items-center gap-1.5 text-bad">
        {fault && <Icon name="warning" />}
        {fault}
      </p>
    </form>
  );
}
