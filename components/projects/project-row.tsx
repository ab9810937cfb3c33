"use client";
import Link from "next/link";
import { formatCount } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { Ago } from "@/components/ui/time";
import type { ProjectView } from "@/server/domain/project";
import { shortAddress } from "./short-address";

/** One line of the list of projects: what it is, what was found there, how busy it is. */
export function ProjectRow({ project }: { project: ProjectView }) {
  const { detected, checked_at } = project;
  return (
    <li className="lazy-row border-b hairline">
      <Link
        href={`/projects/${project.name}`}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 rounded-md px-1 py-2 hover:bg-sunken sm:px-2 md:grid-cols-[minmax(0,1fr)_minmax(0,11rem)_6.5rem_6.5rem_9rem]"
      >
        <span className="min-w-0">
          <span className="block truncate font-medium">{project.name}</span>
          <span className="block truncate text-xs text-faint" title={project.repository_url}>
            {shortAddress(project)}
          </span>
        </span>
        <span className="order-3 min-w-0 truncate text-xs text-muted md:order-none">
          {detected?.tech_stack.join(", ")}
        </span>
        <span className="justify-self-end text-xs tabular-nums md:justify-self-start">
          {project.open_jobs > 0 ? (
            formatCount(project.open_jobs, "open job")
          ) : (
            <span className="text-faint">no open job</span>
          )}
        </span>
        <span className="order-5 col-span-2 inline-flex items-center gap-1.5 text-xs md:order-none md:col-span-1">
          <Icon
            name={project.has_token ? "check" : "ringMinus"}
            className={`size-3.5 ${project.has_token ? "text-good" : "text-faint"}`}
          />
          <span className={project.has_token ? "text-muted" : "text-faint"}>
            {project.has_token ? "Token stored" : "No token"}
          </span>
        </span>
        <span className="order-4 justify-self-end text-xs text-faint md:order-none">
          {checked_at ? (
            <>
              looked at <Ago at={checked_at} />
            </>
          ) : (
            "not looked at yet"
          )}
        </span>
      </Link>
    </li>
  );
}
