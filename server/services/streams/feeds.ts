// The feeds of this process, one set for each database client (tests have several).
import type { Db } from "../../db";
import { JobFeeds } from "../../events/job-feed";
import { type Listener, listener } from "../../events/listen";
import { processWide } from "../../process-wide";
import { TeamFeeds } from "./team-feeds";

interface Feeds {
  jobs: JobFeeds;
  teams: TeamFeeds;
}

const feeds = processWide("feeds", () => new WeakMap<Db, Feeds>());

export function feedsOf(db: Db, source: Listener = listener()): Feeds {
  const present = feeds.get(db);
  if (present) return present;
  const made = { jobs: new JobFeeds(db, source), teams: new TeamFeeds(db, source) };
  feeds.set(db, made);
  return made;
}
