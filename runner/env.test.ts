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
      dockerHost: null,
    });
  });

  it.each([
    [{}, /FABRICA_RUNNER_TOKEN/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_WORKERS: "0" }, /RUNNER_WORKERS/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_WARM_POOL: "-1" }, /RUNNER_WARM_POOL/],
    [{ FABRICA_RUNNER_TOKEN: "t", RUNNER_DRIVER: "podman" }, /RUNNER_DRIVER/],
    [{ FABRICA_RUNNER_TOKEN: "t", FABRICA_URL: "nowhere" }, /FABRICA_URL/],
  ])("are refused by name: %o", (values, name) => {
    expect(() => env(values)).toThrow(name);
  });
});
