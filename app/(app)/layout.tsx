// Every page behind the sign-in. The check is here and again in every API call; no page is shown to a stranger.
import { redirect } from "next/navigation";
import type { ReactNode } from "react";
import { Shell } from "@/components/shell/shell";
import { resolveSession } from "@/server/api/resolve-actor";

export default async function AppLayout({ children }: { children: ReactNode }) {
  const actor = await resolveSession();
  if (!actor) redirect("/sign-in");
  return <Shell>{children}</Shell>;
}
