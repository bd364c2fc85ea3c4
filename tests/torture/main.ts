// deno-lint-ignore-file no-console -- a program of its own
/**
 * `make torture MINUTES=20 MODE=mesh SEED=1`: real programs, real trouble; exits with 1 where a promise is broken.
 * `TRACE=1` says what happens when.
 */

import { canMakeHosts } from "../e2e/hosts.ts";
import { chosenModes, setting } from "../settings.ts";
import { TorturedDirectory } from "./directory.ts";
import { TorturedFriends } from "./friends.ts";
import { TorturedGroup } from "./group.ts";
import { TorturedMesh } from "./mesh.ts";
import { torture, type Tortured } from "./torture.ts";

const WORLDS: Readonly<Record<string, () => Promise<Tortured>>> = {
  mesh: () => TorturedMesh.open(),
  group: () => TorturedGroup.open(),
  friends: () => TorturedFriends.open(),
  directory: () => TorturedDirectory.open(),
};

const modes = chosenModes(Object.keys(WORLDS));
const seed = Number(setting("SEED", "1"));
const minutes = Number(setting("MINUTES", "1"));
if (!canMakeHosts()) {
  console.error("error: this needs Linux and root, for network namespaces");
  Deno.exit(2);
}
let failed = false;
for (const mode of modes) {
  const startMs = performance.now();
  const trace = (text: string) => {
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    if (Deno.env.has("TRACE")) console.error(`${seconds.padStart(7)} ${text}`);
  };
  await using world = await WORLDS[mode]!();
  const report = await torture(world, { seed, untilMs: startMs + minutes * 60_000, trace });
  console.log(JSON.stringify({ mode, seed, minutes, ...report }));
  failed ||= report.broken.length > 0;
}
if (failed) Deno.exit(1);
