"use client";
import { signIn } from "next-auth/react";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { TextField } from "@/components/ui/fields";
import { Icon } from "@/components/ui/icons";

/** What the sign-in answered, in plain words. */
function explain(status: number): string {
  if (status === 429) return "Too many attempts. Wait a minute, then try again.";
  if (status >= 500 || status === 0) return "Fabrica could not check this. Try again in a moment.";
  return "This username and password do not match.";
}

export function SignInForm() {
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFault(null);
    const answer = await signIn("credentials", {
      username: String(form.get("username")),
      password: String(form.get("password")),
      redirect: false,
    }).catch(() => undefined);
    if (answer?.ok && !answer.error) {
      // A full load, so that nothing fetched as a stranger remains.
      window.location.assign("/");
      return;
    }
    setBusy(false);
    setFault(explain(answer?.status ?? 0));
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <TextField
        label="Username or e-mail"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
      />
      <TextField label="Password" name="password" type="password" autoComplete="current-password" required />
      <Button type="submit" kind="primary" disabled={busy} className="mt-1">
        {busy ? "Signing in …" : "Sign in"}
      </Button>
      <p role="alert" className="flex min-h-5 items-center gap-1.5 text-bad">
        {fault && <Icon name="warning" />}
        {fault}
      </p>
    </form>
  );
}
