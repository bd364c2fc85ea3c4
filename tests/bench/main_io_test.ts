import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { tablesIn } from "../../tools/generated_tables.ts";

/** What `make bench` says of rows that don't exist. */
async function refused(): Promise<{ readonly code: number; readonly stderr: string }> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", "--no-lock", "--node-modules-dir=manual", main],
    env: { ROWS: "none" },
    stderr: "piped",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("make bench begins: with the packages of its baselines alone, as Deno has no others then", async () => {
  const { code, stderr } = await refused();

  const [error] = stderr.split(";");
  assertEquals([code, error], [2, "error: no rows are called none"]);
});

Deno.test("each part of make bench has its place in the page, where its tables are written", async () => {
  const { stderr } = await refused();
  const page = await Deno.readTextFile(new URL("../../docs/performance.md", import.meta.url));

  const names = /there are (.*)\n/.exec(stderr)![1]!.split(", ");
  assertEquals(names.toSorted(), Object.keys(tablesIn(page)).toSorted());
});
