import type { Metadata } from "next";
import { NewProjectForm } from "@/components/projects/new-project-form";

export const metadata: Metadata = { title: "Add project" };

export default function NewProjectPage() {
  return <NewProjectForm />;
}
