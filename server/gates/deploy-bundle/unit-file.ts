// The rules of a systemd unit: one service that runs as nobody special. It is read line by line and strictly: what another
// reader could understand differently (continued lines, sections and settings that are not known) is refused. Pure.
import { type BundleFile, type BundleFinding, Findings } from "./finding";

interface Setting {
  line: number;
  section: string;
  key: string;
  value: string;
}

const SECTIONS = ["Unit", "Service", "Install"];

/** Settings of [Service] that say how it runs and what it may not do. */
const SERVICE =
  /^(?:Type|Exec(?:Start|StartPre|StartPost|Stop|StopPost|Reload|Condition)|Restart\w*|Timeout\w*|RuntimeMaxSec|User|Group|DynamicUser|SupplementaryGroups|WorkingDirectory|Environment|EnvironmentFile|PassEnvironment|UnsetEnvironment|UMask|NoNewPrivileges|Protect\w+|Private\w+|ProcSubset|Restrict\w+|LockPersonality|MemoryDenyWriteExecute|Memory(?:Max|High|Low|Min|SwapMax)|CPU(?:Quota|Weight)|Tasks(?:Max|Accounting)|IOWeight|Limit[A-Z]+|ReadOnlyPaths|ReadWritePaths|InaccessiblePaths|NoExecPaths|ExecPaths|TemporaryFileSystem|(?:State|Runtime|Cache|Logs)Directory(?:Mode|Preserve)?|SystemCall(?:Filter|ErrorNumber|Architectures|Log)|CapabilityBoundingSet|RemoveIPC|KeyringMode|Kill\w+|SendSIG\w+|FinalKillSignal|Standard(?:Output|Error)|Syslog\w+|LogLevelMax|Nice|OOM\w+|SuccessExitStatus|WatchdogSec|NotifyAccess|RemainAfterExit|IPAddress(?:Allow|Deny)|SocketBind(?:Allow|Deny)|StartLimit\w+)$/;

/** What the other sections may say: when it starts, and nothing about other units. */
const ELSEWHERE: Record<string, RegExp> = {
  Unit: /^(?:Description|Documentation|After|Before|Wants|Requires|BindsTo|PartOf|Condition\w+|Assert\w+|StartLimit\w+)$/,
  Install: /^WantedBy$/,
};

/** Groups that are as good as root on most hosts. */
const MIGHTY_GROUPS = [
  "root",
  "0",
  "wheel",
  "sudo",
  "adm",
  "docker",
  "podman",
  "lxd",
  "incus",
  "disk",
  "kmem",
];
const MIGHTY = new Set([...MIGHTY_GROUPS, "shadow", "kvm", "libvirt"]);
/** A name that is written out: no specifier, no number, nothing that is filled in later. */
const ACCOUNT = /^[a-z_][a-z0-9_-]{0,30}$/;

/** @param file a unit, which is a text */
export function checkUnitFile(file: BundleFile & { text: string }): BundleFinding[] {
  const findings = new Findings(file.path, "unit file");
  const settings = readUnit(file.text, findings);
  const unit = file.name.replace(/^.*\/|\.service$/g, "");
  const service = settings.filter(({ section }) => section === "Service");
  for (const setting of service) {
    const wrong = wrongWith(setting, unit);
    if (wrong !== null) findings.add(setting.line, wrong, `${setting.key}=${setting.value}`);
  }
  for (const { line, section, key, value } of settings)
    if (section !== "Service" && !ELSEWHERE[section]?.test(key))
      findings.add(
        line,
        `of [${section}] only when it starts, and nothing about other units`,
        `${key}=${value}`,
      );
  const has = (key: string) => service.some((setting) => setting.key === key);
  if (!has("ExecStart")) findings.add(0, "[Service] with ExecStart=", "none");
  if (!["yes", "true", "on", "1"].includes(last(service, "NoNewPrivileges")))
    findings.add(0, "NoNewPrivileges=yes", last(service, "NoNewPrivileges") || "none");
  const dynamic = ["yes", "true", "on", "1"].includes(last(service, "DynamicUser"));
  if (!dynamic && last(service, "User") === "")
    findings.add(0, "DynamicUser=yes, or User= with a name that is not root", "it would run as root");
  return findings.all;
}

/** The value that counts: the last one given. */
const last = (settings: readonly Setting[], key: string): string =>
  settings.findLast((setting) => setting.key === key)?.value ?? "";

function readUnit(text: string, findings: Findings): Setting[] {
  const settings: Setting[] = [];
  let section = "";
  for (const [index, raw] of text.split("\n").entries()) {
    const line = index + 1;
    const content = raw.trim();
    const header = /^\[([^\]]*)\]$/.exec(content)?.[1];
    const found = /^([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.*)$/.exec(content);
    if (content === "" || /^[#;]/.test(content)) continue;
    if (content.endsWith("\\"))
      findings.add(line, "each setting on one line", "a line that goes on in the next one");
    else if (header !== undefined) {
      section = header;
      if (!SECTIONS.includes(header)) findings.add(line, `only [${SECTIONS.join("], [")}]`, `[${header}]`);
    } else if (!found || section === "") findings.add(line, "Setting=value in a section", content);
    else settings.push({ line, section, key: found[1] as string, value: found[2] as string });
  }
  return settings;
}

/** Settings that are refused whatever they say but nothing, and why. */
const NEVER: Record<string, string> = {
  AmbientCapabilities: "no added capabilities",
  DeviceAllow: "no devices",
  NetworkNamespacePath: "namespaces of its own",
  IPCNamespacePath: "namespaces of its own",
  PermissionsStartOnly: "every command as the service's own user",
  RootDirectory: "the file system of the host, read-only",
  RootImage: "the file system of the host, read-only",
  BindPaths: "no paths of the host bound elsewhere",
  BindReadOnlyPaths: "no paths of the host bound elsewhere",
  PAMName: "no session",
  Delegate: "a control group of its own",
};

/**
 * What is wrong with a setting of [Service]; null when nothing is.
 * @param unit name of the unit, without its ending
 */
function wrongWith({ key, value }: Setting, unit: string): string | null {
  if (Object.hasOwn(NEVER, key)) return NEVER[key] as string;
  if (!SERVICE.test(key)) return "only settings that are known to be harmless";
  if (COMMAND.test(key))
    // Commands with + or ! run with the rights of the manager.
    return /^[@:|-]*[+!]/.test(value) ? "commands that run as the service's own user" : null;
  if (key === "User" || key === "Group")
    return isHarmless(value)
      ? null
      : `a ${key.toLowerCase()} without rights of its own, its name written out`;
  if (key === "SupplementaryGroups")
    return value.split(/\s+/).every((name) => name === "" || isHarmless(name))
      ? null
      : "groups without rights of their own";
  // Both are made by the manager, with its rights, and folders are given to the service's user.
  if (/^Standard(?:Output|Error)$/.test(key))
    return /^(?:inherit|null|journal|syslog)$/.test(value) ? null : "the journal, not a file of the host";
  if (/Directory$/.test(key) && key !== "WorkingDirectory")
    return value.split(/\s+/).every((name) => isOwnFolder(name, unit))
      ? null
      : `a folder named like the unit, ${unit}`;
  return null;
}

const COMMAND = /^Exec(?!Paths$)/;
const isHarmless = (account: string) => ACCOUNT.test(account) && !MIGHTY.has(account);
const isOwnFolder = (name: string, unit: string) =>
  !name.split("/").includes("..") && (name === unit || name.startsWith(`${unit}/`));
