import { describe, expect, it } from "vitest";
import { readRunnerEnv } from "./env";

const env = (values: Record<string, string>) => readRunnerEnv(values as unknown as NodeJS.ProcessEnv);

describe("the runner's settings", () => {
  it("have defaults for all but the token, and take empty values for unset ones", () => {
    expect(env({ FABRICA_RUNNER_TOKEN: "t", RUNNER_WORKERS: "", DOCKER_HOST: "" })).toMatchObject({
      url: "http://127.0.0.1:9000",
      registrationToken: "t",
      workers: 2,
      driver: "auto",
      image: "fabrica-sandbox",
      toolchainDir: null,
      warmPool: 1,
      registries: { hosts: expect.arrayContaining(["pypi.org"]), mirrors: [], maxBytes: 2 ** 30 },
      dockerHost: null,
      layerBytes: 2 ** 32,
      npmRegistry: null,
      registryCa: null,
    });
  });

  it("name the registries, or none", () => {
    const own = { RUNNER_ALLOWED_HOSTS: "none", RUNNER_MIRRORS: "10.0.0.1:4873", RUNNER_NETWORK_MB: "5" };
    expect(env({ FABRICA_RUNNER_TOKEN: "t", ...own }).registries).toMatchObject({
      hosts: [],
      mirrors: ["10.0.0.1:4873"],
      maxBytes: 5 * 2 ** 20,
    });
  });

  it.each([
    [{}, /FABRICA_RUNNER_TOKEN/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_WORKERS: "0" }, /RUNNER_WORKERS/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_WARM_POOL: "-1" }, /RUNNER_WARM_POOL/],
    [
      { FABRICA_RUNNER_TOKEN: "t", RUNNER_ALLOWED_HOSTS: "a.example,*" },
      /RUNNER_ALLOWED_HOSTS: "\*" is not a host/,
    ],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_MIRRORS: "http://a" }, /RUNNER_MIRRORS.*host:port/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_NPM_REGISTRY: "http://a.example" }, /RUNNER_NPM_REGISTRY.*https/],
    [
      { FABRICA_RUNNER_TOKEN: "t", RUNNER_PYTHON_INDEX: "https://u:p@a.example" },
      /RUNNER_PYTHON_INDEX.*password/,
    ],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_LAYERS_MB: "-1" }, /RUNNER_LAYERS_MB/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_IMAGES: "a:1,,b:2" }, /RUNNER_IMAGES: "" is not the name/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_IMAGES: "a b" }, /RUNNER_IMAGES: "a b" is not the name/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_DRIVER: "podman" }, /RUNNER_DRIVER/],
    [{ FABRICA_RUNNER_TOKEN: "t", FABRICA_URL: "nowhere" }, /FABRICA_URL/],
  ])("are refused by name: %o", (values, name) => {
    expect(() => env(values)).toThrow(name);
  });
});
