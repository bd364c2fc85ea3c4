/** Lists in words, and numbers of things, for people. */

/** `Bob`, `Bob and Carol`, `Bob, Carol or Dave`. */
export function inWords(all: readonly string[], joint: "and" | "or" = "and"): string {
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} ${joint} ${all.at(-1)}`;
}

/** Thousands separated by commas: `12,400`. */
export function numberText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 message`, `12,400 messages`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

/** `1 entry`, `12,400 entries`. */
export function entriesText(count: number): string {
  return countText(count, "entry", "entries");
}
