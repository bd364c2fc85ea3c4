// deno-lint-ignore-file no-console -- a program of its own
/**
 * `make torture MINUTES=20 MODE=mesh SEED=1`: real programs, real trouble; exits with 1 where a promise is broken.
 * `TRACE=1` says what happens when; `DUMP=FOLDER` keeps what each process has shown. With `CLOCKS=1` clocks are moved, too: not those of the built program, but of
 * the same sources in another bundle.
 */

import { fileURLToPath } from "node:url";
import { canMakeHosts } from "../e2e/hosts.ts";
import { chosenModes, setting } from "../settings.ts";
import { TorturedDirectory } from "./directory.ts";
import { TorturedFriends } from "./friends.ts";
import { TorturedGroup } from "./group.ts";
import { TorturedMesh } from "./mesh.ts";
import { TorturedPrivateRoom } from "./private.ts";
import { torture, type Tortured } from "./torture.ts";

const WORLDS: Readonly<Record<string, (module?: string) => Promise<Tortured>>> = {
  mesh: (module) => TorturedMesh.open(module),
  meeting: (module) => TorturedMesh.open(module, true),
  private: (module) => TorturedPrivateRoom.open(module),
  group: (module) => TorturedGroup.open(module),
  "engine-group": (module) => TorturedGroup.open(module, true),
  "engine-directory": (module) => TorturedDirectory.open(module, true),
  friends: (module) => TorturedFriends.open(module),
  directory: (module) => TorturedDirectory.open(module),
};

const modes = chosenModes(Object.keys(WORLDS));
const seed = Number(setting("SEED", "1"));
const minutes = Number(setting("MINUTES", "1"));
if (!canMakeHosts()) {
  console.error("error: this needs Linux and root, for network namespaces");
  Deno.exit(2);
}
const module = setting("CLOCKS", "0") === "1" ? await bundle() : undefined;
let failed = false;
for (const mode of modes) {
  const startMs = performance.now();
  const trace = (text: string) => {
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    if (Deno.env.has("TRACE")) console.error(`${seconds.padStart(7)} ${text}`);
  };
  await using world = await WORLDS[mode]!(module);
  const report = await torture(world, { seed, untilMs: startMs + minutes * 60_000, trace });
  console.log(JSON.stringify({ mode, seed, minutes, clocks: module !== undefined, ...report }));
  failed ||= report.broken.length > 0;
}
if (failed) Deno.exit(1);

/** The program by a clock that can be moved, in one file: it starts as fast as the built one. */
async function bundle(): Promise<string> {
  const file = new URL("../../build/torture.js", import.meta.url);
  const from = new URL("program.ts", import.meta.url);
  const args = ["bundle", "--quiet", "--platform", "deno", "-o", fileURLToPath(file), from.href];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`Cannot bundle ${from.href}: ${new TextDecoder().decode(stderr)}`);
  return file.href;
}
