import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { LearningPage } from "@/components/learnings/learning-page";
import { learningRef } from "@/server/domain/learning";

export const metadata: Metadata = { title: "Learning" };

export default async function OneLearningPage({ params }: { params: Promise<{ id: string }> }) {
  const ref = learningRef.safeParse(await params);
  if (!ref.success) notFound();
  return <LearningPage key={ref.data.id} id={ref.data.id} />;
}
