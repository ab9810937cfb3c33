import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { Suspense } from "react";
import { ProjectPage } from "@/components/projects/project-page";
import { projectName } from "@/server/domain/fields";

interface Props {
  params: Promise<{ name: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { name } = await params;
  return { title: name };
}

export default async function OneProjectPage({ params }: Props) {
  const name = projectName.safeParse((await params).name);
  if (!name.success) notFound();
  return (
    <Suspense>
      <ProjectPage key={name.data} name={name.data} />
    </Suspense>
  );
}
