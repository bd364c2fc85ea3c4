/** The error with which a checker ends a run. */

export class Violation extends Error {
  override readonly name = "Violation";
}
