import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

Deno.test("make bench begins: with the packages of its baselines alone, as Deno has no others then", async () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", "--no-lock", "--node-modules-dir=manual", main],
    env: { ROWS: "none" },
    stderr: "piped",
  }).output();

  const [error] = new TextDecoder().decode(stderr).split(";");
  assertEquals([code, error], [2, "error: no rows are called none"]);
});
