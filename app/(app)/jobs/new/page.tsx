import type { Metadata } from "next";
import { Suspense } from "react";
import { NewJobForm } from "@/components/jobs/new-job-form";

export const metadata: Metadata = { title: "New job" };

export default function NewJobPage() {
  return (
    <Suspense>
      <NewJobForm />
    </Suspense>
  );
}
