/** Lists in words, for people. */

/** `Bob`, `Bob and Carol`, `Bob, Carol or Dave`. */
export function inWords(all: readonly string[], joint: "and" | "or" = "and"): string {
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} ${joint} ${all.at(-1)}`;
}
