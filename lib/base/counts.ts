/** How many, for people. */

/** `12,400`. */
export function numberText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 entry`, `12,400 entries`. */
export function entriesText(count: number): string {
  return count === 1 ? "1 entry" : `${numberText(count)} entries`;
}
