/** Tests that run beside each other in one file. */

import { canMakeHosts } from "./hosts.ts";

/** Tests that run at once: more would make each other late. */
const AT_ONCE = 6;

/**
 * Tests that wait long for what takes a fixed time, the longest first: they begin with the first one, some at once, and
 * each is told as a test of its own.
 * @param about What is tested: begins the name of each.
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
      // The others go on meanwhile.
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

/** The same with several hosts each; where none can be made, they are told as ignored. */
export function sideBySideOnHosts(
  about: string,
  tests: Readonly<Record<string, () => Promise<void>>>,
): void {
  if (canMakeHosts()) return sideBySide(about, tests);
  for (const name of Object.keys(tests)) {
    Deno.test({ name: `${about}: ${name}`, ignore: true, fn() {} });
  }
}
