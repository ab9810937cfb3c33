// The rules of what is run by hand: scripts that a plain shell reads, and nothing in any file that reaches for the rights of
// the host or the socket of its container engine. A script is a program, and no list of words says all that it does: this
// finds what is written, a person reads it before it is run. Pure.
import { BUNDLE_SCRIPTS, MIGRATE_SCRIPT, migrationOf } from "../../domain/deploy-targets";
import { type Bundle, type BundleFile, type BundleFinding, Findings } from "./finding";

/** Which scripts are asked of a shell whether they can be read at all. */
export const isScript = ({ name }: Pick<BundleFile, "name">): boolean => name.endsWith(".sh");

/** The scripts that have to be there, and whether each can be run by a plain shell. */
export function checkScripts({ files, folder, workspace }: Bundle): BundleFinding[] {
  const migration = migrationOf(workspace);
  const wanted = [...BUNDLE_SCRIPTS, ...(migration === null ? [] : [MIGRATE_SCRIPT])];
  const missing = wanted
    .filter((name) => !files.some((file) => file.name === name))
    .map(
      (name): BundleFinding => ({
        criterion: "files of the bundle",
        file: `${folder}/${name}`,
        line: 0,
        expected:
          name === MIGRATE_SCRIPT ? `${name}, because there is ${migration}` : `${name} in the bundle`,
        observed: "missing",
      }),
    );
  return [...missing, ...files.flatMap((file) => checkScript(file, migration !== null))];
}

function checkScript(file: BundleFile, migrates: boolean): BundleFinding[] {
  const findings = new Findings(file.path, "scripts");
  if (!isScript(file)) {
    if (file.executable) findings.add(0, "only scripts with the ending .sh to be executable", "executable");
    return findings.all;
  }
  if (!file.executable) findings.add(0, `an executable file (chmod +x ${file.path})`, "not executable");
  if (file.text === null) return findings.all;
  if (!/^#!(?:\/bin\/sh|\/usr\/bin\/env sh)(?: -[eux]+)?\n/.test(file.text))
    findings.add(1, "#!/bin/sh in the first line", file.text.split("\n", 1)[0] ?? "");
  const runs = commandsOf(file.text);
  if (!/^(?!set\b)\S/m.test(runs)) findings.add(0, "a script that does something", "no command");
  if (file.name === "deploy.sh") {
    for (const script of ["health-check.sh", ...(migrates ? [MIGRATE_SCRIPT] : [])])
      if (!runs.includes(script)) findings.add(0, `deploy.sh to run ${script}`, "it is not named");
  }
  return findings.all;
}

/** The lines of a script that are no comments. */
const commandsOf = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .join("\n");

/** Characters of a line of a program: a longer one takes too long to look through, and nobody reads it either. */
export const MAX_PROGRAM_LINE = 4_000;

type Word = readonly [pattern: RegExp, expected: string];

/** Refused in every file but those that are only read. */
const EVERYWHERE: Word[] = [
  [
    /(?:docker|containerd|podman|crio|cri-dockerd|buildkitd)\.sock|\/run\/(?:docker|podman)\b/i,
    "no socket of a container engine",
  ],
  [/\bDOCKER_HOST\b|--use-api-socket/, "no address of a container engine"],
  [/\bCOMPOSE_FILE\b/, "the one compose file that was checked"],
];

const IN_PROGRAMS: Word[] = [
  [/--privileged\b/, "no privileged containers"],
  [/--cap-add\b/, "no added capabilities"],
  [/--device(?:s|-[a-z-]+)?\b|--gpus\b/, "no devices of the host"],
  [/--(?:pid|ipc|uts|userns|cgroupns)[= ]/, "no namespaces of the host"],
  [/--net(?:work)?[= ]+(?:host\b|container:|\$)/, "no network of the host or of another container"],
  [
    /(?:^|\s)(?:-v|--volume)[= ]*[/.~$][^\s:]*:|--mount\b|--volumes-from\b/,
    "no paths of the host in containers",
  ],
  [/\bvolume\s+create\b.*(?:\s-o|--opt)\b/, "no volumes with driver options"],
  [/--security-opt\b/, "no security options"],
  [
    /\bcompose(?:\s+-\S+(?:\s+[^-\s]\S*)?)*?\s+(?:-f|--file\b|--project-directory\b)/,
    "docker compose without -f, in the folder of the bundle",
  ],
  [/\bnsenter\b|\bunshare\b|\bchroot\b/, "no namespaces of the host"],
  [
    /\bchmod\s+(?:-\S+\s+)*(?:[0-7]?[2467][0-7]{3}\b|[ugoa]*\+[rwxXt]*s)|\bsetcap\b/,
    "no programs that give rights",
  ],
  [/\bdocker\s+(?:-\S+\s+)*(?:-H|--host|--context)\b/, "the engine of this host, by its own client"],
  [
    /\b(?:usermod|gpasswd|adduser|useradd)\b.*\b(?:root|sudo|wheel|docker)\b/,
    "no rights to be given for later",
  ],
  [/\b(?:curl|wget)\b[^|;]*\|\s*(?:sudo\s+)?(?:ba|da|z)?sh\b/, "nothing that is fetched and run at once"],
  [/NOPASSWD|\/etc\/sudoers/, "no rights to be given for later"],
  [/\brm\s+(?:-\S+\s+)+\/(?:\*|\s|$)/, "nothing that removes the whole host"],
];

const IN_DOCKERFILES: Word[] = [
  [/--security[= ]+insecure/, "no privileged builds"],
  [/--network[= ]+host/, "no network of the host"],
];

/** Texts of the bundle that name what nothing in it may reach for. */
export function checkWords({ files }: Bundle): BundleFinding[] {
  return files.flatMap((file) => {
    if (file.text === null || /\.md$/i.test(file.name)) return [];
    const findings = new Findings(file.path, "rights of the host");
    const dockerfile = /(?:^|\/|\.)Dockerfile(?:\.|$)/i.test(file.name);
    const settings = /\.(?:ya?ml|service)$/i.test(file.name);
    const more = dockerfile ? IN_DOCKERFILES : settings ? [] : IN_PROGRAMS;
    for (const { line, text } of wholeLines(file.text)) {
      const tooLong = more === IN_PROGRAMS && text.length > MAX_PROGRAM_LINE;
      if (tooLong)
        findings.add(line, `lines of at most ${MAX_PROGRAM_LINE} characters, put together`, text.trim());
      for (const [pattern, expected] of tooLong ? EVERYWHERE : [...EVERYWHERE, ...more])
        if (pattern.test(text)) findings.add(line, expected, text.trim());
    }
    return findings.all;
  });
}

/** Lines as a shell takes them: put together where one goes on, and without the quotes that could part a word. */
function wholeLines(text: string): { line: number; text: string }[] {
  const whole: { line: number; text: string }[] = [];
  let begun: { line: number; text: string } | null = null;
  text.split("\n").forEach((raw, index) => {
    const joined: { line: number; text: string } = begun ?? { line: index + 1, text: "" };
    const goesOn = /(?:^|[^\\])(?:\\\\)*\\$/.test(raw);
    joined.text += goesOn ? raw.slice(0, -1) : raw;
    begun = goesOn ? joined : null;
    if (!goesOn) whole.push({ ...joined, text: joined.text.replace(/["'\\]|\$\{?@\}?/g, "") });
  });
  if (begun !== null) whole.push(begun);
  return whole;
}
