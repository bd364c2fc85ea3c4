/** How fast the built program starts, and how large it is. */

import { LineProcess, PROGRAM } from "./line_process.ts";
import { atMost, type Row } from "./row.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 15;
const MIB = 1_048_576;

export async function measureStart(): Promise<readonly Row[]> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  const hello = `${folder}/hello.mjs`;
  await Deno.writeTextFile(hello, 'console.log("hello");\n');
  const hasNode = await ends(["node", hello]).then(() => true, () => false);
  // The first starts: the program is unpacked, its compiled code cached, its identity made.
  await ends([PROGRAM, "--version"]);
  await ready(folder);
  const [version, mesh, node]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    version.push(await elapsedMs(() => ends([PROGRAM, "--version"])));
    if (hasNode) node.push(await elapsedMs(() => ends(["node", hello])));
    mesh.push(await ready(folder));
  }
  const name = "node hello.mjs";
  const baseline = hasNode ? { name, samples: node } : { name, missing: "install node" };
  const group = "start";
  const unit = "ms";
  return [
    {
      group,
      what: "--version",
      unit,
      ours: version,
      baseline,
      target: atMost(0.8),
    },
    {
      group,
      what: "mesh until ready",
      unit,
      ours: mesh,
      baseline,
      target: atMost(1),
    },
    {
      group,
      what: "size of ./p2pchat",
      unit: "MiB",
      ours: [(await Deno.stat(PROGRAM)).size / MIB],
      baseline: null,
      target: atMost(50, "value"),
    },
  ];
}

async function ends(command: readonly string[]): Promise<void> {
  const [program, ...args] = command as [string, ...string[]];
  const { success } = await new Deno.Command(program, { args, stdout: "null" })
    .spawn().status;
  if (!success) throw new Error(`Cannot measure: ${command.join(" ")} failed`);
}

/** From the start of a member, whose room is there, until it says it is ready; then it leaves. */
async function ready(folder: string): Promise<number> {
  const listen = ["--host", "127.0.0.1", "--port", "0", "--data", folder];
  const fromMs = performance.now();
  await using member = new LineProcess([
    PROGRAM,
    "mesh",
    "Ann",
    "--json",
    ...listen,
  ]);
  await member.until("ready", (line) => line.includes('"event":"ready"') || undefined);
  const tookMs = performance.now() - fromMs;
  await member.end();
  await member.until("bye", (line) => line.includes('"event":"bye"') || undefined);
  return tookMs;
}

async function elapsedMs(work: () => Promise<void>): Promise<number> {
  const fromMs = performance.now();
  await work();
  return performance.now() - fromMs;
}
