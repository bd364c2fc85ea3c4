import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { AppendLog } from "../../../lib/store/log/append_log.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";

const CHILD = new URL("../append_log_child.ts", import.meta.url);

Deno.test("AppendLog has all that a killed process had acknowledged, in order", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-log-" });
  try {
    const acknowledged = await runUntilKilled(`${folder}/log`, 300);

    const { log, records } = await AppendLog.open(new RealDisk(), `${folder}/log`, {
      format: "test",
      version: 1,
    });
    await log.close();

    const found = records.map(({ fields }) => Number(fields[0]));
    assertEquals(acknowledged.length >= 300, true);
    assertEquals(found, found.toSorted((a, b) => a - b));
    assertEquals(new Set(found).size, found.length);
    const isFound = new Set(found);
    assertEquals(acknowledged.filter((number) => !isFound.has(number)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Kills the child when it has acknowledged `count` records at least. @returns All that it has said. */
async function runUntilKilled(path: string, count: number): Promise<readonly number[]> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", fileURLToPath(CHILD), path],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let said = "";
  let killed = false;
  for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
    said += chunk;
    if (killed || said.split("\n").length <= count) continue;
    process.kill("SIGKILL");
    killed = true;
  }
  await process.status;
  return said.split("\n").slice(0, -1).map(Number);
}
