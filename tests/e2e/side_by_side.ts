/** Tests of one file that run concurrently. */

import { canMakeHosts } from "./hosts.ts";

/** How many tests run concurrently: more would delay each other. */
const AT_ONCE = 6;

/**
 * For tests that mostly wait for a fixed time: runs some of them concurrently, starting with the first. Each is
 * reported as a test of its own. List the longest first.
 * @param about The subject, a prefix of each name.
 */
export function sideBySide(
  about: string,
  tests: Readonly<Record<string, () => Promise<void>>>,
): void {
  let outcomes: Map<string, Promise<unknown>> | undefined;
  const begin = () => {
    const outcomes = new Map(
      Object.keys(tests).map((name) => [name, Promise.withResolvers<unknown>()]),
    );
    const waiting = Object.entries(tests);
    const runNext = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [name, run] = next;
        outcomes.get(name)!.resolve(await run().then(() => null, (error: unknown) => error));
      }
    };
    for (let at = 0; at < AT_ONCE; at++) void runNext();
    return new Map([...outcomes].map(([name, { promise }]) => [name, promise]));
  };
  for (const name of Object.keys(tests)) {
    Deno.test({
      name: `${about}: ${name}`,
      // Other tests are still running.
      sanitizeOps: false,
      sanitizeResources: false,
      fn: async () => {
        outcomes ??= begin();
        const error = await outcomes.get(name);
        if (error !== null) throw error;
      },
    });
  }
}

/** As `sideBySide`, for tests with several hosts each; they are ignored where no hosts can be created. */
export function sideBySideOnHosts(
  about: string,
  tests: Readonly<Record<string, () => Promise<void>>>,
): void {
  if (canMakeHosts()) return sideBySide(about, tests);
  for (const name of Object.keys(tests)) {
    Deno.test({ name: `${about}: ${name}`, ignore: true, fn() {} });
  }
}
