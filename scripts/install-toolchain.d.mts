/** Where installed toolchains are kept. */
export function defaultCacheDir(): string;
/** Makes sure that the toolchain of this version of the source is installed; gives its absolute path. */
export function installToolchain(cacheDir?: string): Promise<string>;
