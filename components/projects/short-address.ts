import type { ProjectView } from "@/server/domain/project";

/** Where a project lies in as few words as say it: "git.example.org/shop/cart · release · packages/api". */
export function shortAddress({
  repository_url,
  default_branch,
  folder,
}: Pick<ProjectView, "repository_url" | "default_branch" | "folder">): string {
  const place = repository_url.replace(/^\w+:\/\//, "").replace(/\.git$/, "");
  return [place, default_branch, folder].filter(Boolean).join(" · ");
}
