/** The packages of `make bench-deps`, which neither program nor tests need. */

/**
 * The module at `path` in them.
 * @throws {TypeError} Where it isn't installed.
 */
// deno-lint-ignore no-explicit-any -- a package without our types
export function dependency(path: string): Promise<any> {
  return import(
    new URL(`../../../build/bench-deps/node_modules/${path}`, import.meta.url)
      .href
  );
}
