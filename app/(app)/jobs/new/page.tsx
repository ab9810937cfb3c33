import type { Metadata } from "next";
import { NewJobForm } from "@/components/jobs/new-job-form";

export const metadata: Metadata = { title: "New job" };

export default function NewJobPage() {
  return <NewJobForm />;
}
