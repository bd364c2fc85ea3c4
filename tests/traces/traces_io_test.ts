/** Golden traces: `UPDATE=1` (`make traces`) writes them anew; only a diff that is understood goes in. */

import { assertEquals } from "@std/assert";
import { runTrace } from "./interpreter.ts";

const folder = new URL("./", import.meta.url);
const update = Deno.env.get("UPDATE") === "1";
const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
  name.endsWith(".txt")
);

for (const name of names.toSorted()) {
  Deno.test(`Mesh does in ${name} what it did`, async () => {
    const path = new URL(name, folder);
    const trace = await Deno.readTextFile(path);
    const now = runTrace(trace);
    if (update) await Deno.writeTextFile(path, now);
    else assertEquals(now, trace, `tests/traces/${name} differs: if rightly so, run make traces`);
  });
}
