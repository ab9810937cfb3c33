import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { AuthFrame } from "@/components/auth/auth-frame";
import { SetupForm } from "@/components/auth/setup-form";
import { db } from "@/server/db";
import { needsSetup } from "@/server/services/auth/setup-factory";

export const metadata: Metadata = { title: "Set up" };
export const dynamic = "force-dynamic";

export default async function SetupPage() {
  if (!(await needsSetup(db()))) redirect("/sign-in");
  return (
    <AuthFrame title="Create the first admin">
      <SetupForm />
    </AuthFrame>
  );
}
