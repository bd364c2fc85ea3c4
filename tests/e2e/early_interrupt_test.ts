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
async function isLocked(folder: string): Promise<boolean> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return names.some((name) => name.endsWith(".lock") && name !== "profile.lock");
}

const SIGTERM = 15;

/**
 * Whether the process handles SIGTERM itself, as a program does before it opens its profile, and waits for something:
 * the runtime catches all signals as soon as the first of them is listened to. False where the system has no `/proc`.
 */
async function catchesSigterm(pid: number): Promise<boolean> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const caught = BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(status)?.[1] ?? "0"}`);
    return (caught >> BigInt(SIGTERM - 1) & 1n) === 1n && /^State:\s*S/m.test(status);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

for (const [mode, path, options] of MODES) {
  Deno.test(`${mode}: SIGTERM while the profile is being opened ends it`, async () => {
    const data = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
    const folder = `${data}/${path}`;
    // What programs in several modes share is in use for so long.
    const turn = await takeProfileTurn(new RealDisk(), folder, "1", SYSTEM_LINK_CLOCK);
    {
      await using node = Node.start([...mode.split(" "), ...options], { data });
      // What a room has is locked later than what programs share.
      const isOpening = () => mode === "mesh Ann" ? catchesSigterm(node.pid) : isLocked(folder);
      for (let seen = 0; seen < 3;) {
        seen = await isOpening() ? seen + 1 : 0;
        await new Promise((wait) => setTimeout(wait, 20));
      }
      node.signal("SIGTERM");
      turn.release();
      const { code, last } = await node.ended();

      assertEquals([code, last?.event], [0, "bye"]);
    }
    await Deno.remove(data, { recursive: true });
  });
}
