/** The other process of `profile_lock_io_test.ts`: locks folders, says of each how that went, and stays until it is killed. */

import { P2pchatError } from "../../lib/base/errors.ts";
import { lockProfile } from "../../lib/store/profile/profile_folder.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";

const disk = new RealDisk();
const said: string[] = [];
for (const folder of Deno.args) {
  try {
    await lockProfile(disk, folder, "friends", Deno.pid);
    said.push("locked");
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    said.push(error.code);
  }
}
Deno.stdout.writeSync(new TextEncoder().encode(`${said.join(" ")}\n`));
await new Promise(() => setInterval(() => {}, 1 << 30));
