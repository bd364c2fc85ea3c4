/** Thrown where our own code broke its own rule; never for anything a user, file or network does. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Ends the program with a report when `condition` doesn't hold.
 * @param rule What always holds, in words.
 * @throws {InvariantError} If it doesn't.
 */
export function invariant(condition: unknown, rule: string): asserts condition {
  if (!condition) throw new InvariantError(`Broken invariant: ${rule}`);
}

/** Makes the compiler prove that a `switch` named every case of a union. */
export function unreachable(value: never): never {
  throw new InvariantError(`Broken invariant: no case for ${JSON.stringify(value)}`);
}
