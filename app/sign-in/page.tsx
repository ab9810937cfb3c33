import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { AuthFrame } from "@/components/auth/auth-frame";
import { SignInForm } from "@/components/auth/sign-in-form";
import { resolveSession } from "@/server/api/resolve-actor";
import { db } from "@/server/db";
import { needsSetup } from "@/server/services/auth/setup-factory";

export const metadata: Metadata = { title: "Sign in" };
export const dynamic = "force-dynamic";

export default async function SignInPage() {
  if (await resolveSession()) redirect("/");
  if (await needsSetup(db())) redirect("/setup");
  return (
    <AuthFrame title="Sign in">
      <SignInForm />
    </AuthFrame>
  );
}
