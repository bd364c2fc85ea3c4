/** In every mode, a program that is told to leave while it is still opening its profile does leave. */

import { assertEquals } from "@std/assert";
import { takeProfileTurn } from "../../lib/store/disk/held_lock.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";
import { SYSTEM_LINK_CLOCK } from "../../lib/transport/system_clock.ts";
import { Node } from "./node.ts";

const NOBODY = "127.0.0.1:9";
/** For each mode: its arguments, and the folder of its profile. */
const MODES: readonly (readonly [mode: string, folder: string, options: readonly string[]])[] = [
  ["mesh Ann", "users/Ann", ["--port", "0"]],
  ["serve", "serve", ["--port", "0"]],
  ["regserver", "regserver", ["--port", "0"]],
  ["peer Ann --server", "users/Ann", [NOBODY]],
  ["peer Ann --registry", "users/Ann", [NOBODY, "--guest", "--stay"]],
];

/** Whether the program has locked its profile, and so handles signals. */
async function isOpening(folder: string): Promise<boolean> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return names.some((name) => name.endsWith(".lock") && name !== "profile.lock");
}

for (const [mode, path, options] of MODES) {
  Deno.test(`${mode}: SIGTERM while the profile is being opened ends it`, async () => {
    const data = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
    const folder = `${data}/${path}`;
    // What programs in several modes share is in use for so long.
    const turn = await takeProfileTurn(new RealDisk(), folder, "1", SYSTEM_LINK_CLOCK);
    {
      await using node = Node.start([...mode.split(" "), ...options], { data });
      while (!await isOpening(folder)) await new Promise((wait) => setTimeout(wait, 20));
      node.signal("SIGTERM");
      turn.release();
      const { code, last } = await node.ended();

      assertEquals([code, last?.event], [0, "bye"]);
    }
    await Deno.remove(data, { recursive: true });
  });
}
