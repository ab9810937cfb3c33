import { ButtonLink } from "@/components/ui/button";
import { Empty } from "@/components/ui/states";

export default function NotFound() {
  return (
    <main className="pt-[16vh]">
      <Empty icon="search" title="This page does not exist" text="The address may be old or mistyped.">
        <ButtonLink href="/">Go to the overview</ButtonLink>
      </Empty>
    </main>
  );
}
