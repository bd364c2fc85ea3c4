/** Thrown where the program violates one of its own rules: a bug, never caused by a user, a file or the network. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Asserts that `condition` holds; the error ends the program with a report.
 * @param rule The rule that always holds, in words.
 * @throws {InvariantError} Where it doesn't.
 */
export function invariant(condition: unknown, rule: string): asserts condition {
  if (!condition) throw new InvariantError(`Broken invariant: ${rule}`);
}

/** For the default of a `switch`: makes the compiler prove that every case of a union is handled. */
export function unreachable(value: never): never {
  throw new InvariantError(`Broken invariant: no case for ${JSON.stringify(value)}`);
}
