/** What a checker ends a run with. */

export class Violation extends Error {
  override readonly name = "Violation";
}
