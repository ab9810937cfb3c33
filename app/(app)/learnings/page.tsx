import type { Metadata } from "next";
import { Suspense } from "react";
import { LearningsView } from "@/components/learnings/learnings-view";

export const metadata: Metadata = { title: "Learnings" };

export default function LearningsPage() {
  return (
    <Suspense>
      <LearningsView />
    </Suspense>
  );
}
