// Whether a deploy bundle is what it has to be, by its files alone: nobody's word counts and nothing of it is run. Pure.
import type { DeployTarget } from "../../domain/deploy-targets";
import { checkComposeFile } from "./compose-file";
import { type Bundle, type BundleFile, type BundleFinding, Findings } from "./finding";
import { checkScripts, checkWords } from "./scripts";
import { checkUnitFile } from "./unit-file";

/** Files of a bundle, and bytes of one of them. */
export const MAX_BUNDLE_FILES = 60;
export const MAX_BUNDLE_FILE_BYTES = 128 * 1024;

/** What is not visible, and what turns the order of signs round: a person reads these files before they are run. */
const UNSEEN = /(?![\n\t])\p{Cc}|\p{Cf}|(?! )\p{Z}/u;

/** Everything that is wrong with the bundle of a target; nothing when it may be handed on. */
export function checkBundle(target: DeployTarget, bundle: Bundle): BundleFinding[] {
  return [
    ...checkTexts(bundle),
    ...checkScripts(bundle),
    ...checkWords(bundle),
    ...OF_TARGET[target](bundle),
  ];
}

function checkTexts({ files, folder }: Bundle): BundleFinding[] {
  const many = new Findings(folder, "files of the bundle");
  if (files.length > MAX_BUNDLE_FILES) many.add(0, `at most ${MAX_BUNDLE_FILES} files`, String(files.length));
  const found = files.flatMap(({ path, name, size, text }) => {
    const findings = new Findings(path, "files of the bundle");
    if (/(?:^|\/)\.env$/.test(name))
      findings.add(0, "no .env file: an operator writes it", "it is delivered");
    if (text === null)
      findings.add(0, `a text of at most ${MAX_BUNDLE_FILE_BYTES} bytes`, `${size} bytes, or no text`);
    else {
      const at = text.split("\n").findIndex((line) => UNSEEN.test(line));
      if (at >= 0)
        findings.add(at + 1, "only signs that can be seen", "control characters, or CR at the end of lines");
    }
    return findings.all;
  });
  return [...many.all, ...found];
}

type WithText = BundleFile & { text: string };
const isText = (file: BundleFile | undefined): file is WithText => typeof file?.text === "string";

const OF_TARGET: Record<DeployTarget, (bundle: Bundle) => BundleFinding[]> = {
  "docker-compose": checkCompose,
  systemd: checkSystemd,
};

const COMPOSE_FILE = "docker-compose.yml";

/** One YAML file: Compose reads others beside it by itself, and they would not have been looked at. */
function checkCompose(bundle: Bundle): BundleFinding[] {
  const { files, folder } = bundle;
  const findings = new Findings(`${folder}/${COMPOSE_FILE}`, "files of the bundle");
  const compose = files.find(({ name }) => name === COMPOSE_FILE);
  if (!compose) findings.add(0, `${COMPOSE_FILE} in the bundle`, "missing");
  const others = files.filter(({ name }) => /\.ya?ml$/i.test(name) && name !== COMPOSE_FILE);
  return [
    ...findings.all,
    ...others.map(({ path }) => another(path, `${COMPOSE_FILE} as the only YAML file`)),
    ...(isText(compose) ? checkComposeFile(compose, bundle) : []),
  ];
}

/** What systemd or its generators would read as something else than a service. */
const OTHER_UNITS =
  /\.(?:socket|device|mount|automount|swap|target|path|timer|slice|scope|link|netdev|network|nspawn|container|volume|kube|pod|build|image)$|\.d\//;

function checkSystemd({ files, folder }: Bundle): BundleFinding[] {
  const findings = new Findings(folder, "files of the bundle");
  const units = files.filter(({ name }) => name.endsWith(".service"));
  if (units.length === 0) findings.add(0, "a unit file <name>.service", "none");
  const strange = files.filter(({ name }) => OTHER_UNITS.test(name));
  return [
    ...findings.all,
    ...strange.map(({ path }) => another(path, "no other units and no drop-ins")),
    ...units.filter(isText).flatMap(checkUnitFile),
  ];
}

const another = (file: string, expected: string): BundleFinding => ({
  criterion: "files of the bundle",
  file,
  line: 0,
  expected,
  observed: "it is there",
});
