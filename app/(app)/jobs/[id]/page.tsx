import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { Suspense } from "react";
import { JobPage } from "@/components/job/job-page";
import { jobId } from "@/server/domain/ids";

interface Props {
  params: Promise<{ id: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { id } = await params;
  return { title: id };
}

export default async function OneJobPage({ params }: Props) {
  const id = jobId.safeParse((await params).id);
  if (!id.success) notFound();
  return (
    <Suspense>
      <JobPage key={id.data} id={id.data} />
    </Suspense>
  );
}
