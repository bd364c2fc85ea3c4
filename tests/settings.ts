// deno-lint-ignore-file no-console -- part of programs of their own
/** What the environment sets for programs that `make` runs. */

export function setting(name: string, otherwise: string): string {
  return Deno.env.get(name) ?? otherwise;
}

/** `MODE=mesh,group`: some of `all`, which it is otherwise. Ends the program where there is no such mode. */
export function chosenModes(all: readonly string[]): readonly string[] {
  const modes = setting("MODE", all.join()).split(",");
  const unknown = modes.find((mode) => !all.includes(mode));
  if (unknown === undefined) return modes;
  console.error(`error: no such mode: ${unknown}; there are ${all.join(", ")}`);
  Deno.exit(2);
}
