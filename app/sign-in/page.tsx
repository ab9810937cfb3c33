import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { AuthFrame } from "@/components/auth/auth-frame";
import { SignInForm } from "@/components/auth/sign-in-form";
import { resolveSession } from "@/server/api/resolve-actor";

export const metadata: Metadata = { title: "Sign in" };

export default async function SignInPage() {
  if (await resolveSession()) redirect("/");
  return (
    <AuthFrame title="Sign in">
      <SignInForm />
    </AuthFrame>
  );
}
