/** The other process of `profile_lock_io_test.ts`: locks the folder, says so and stays until it is killed. */

import { P2pchatError } from "../../lib/base/errors.ts";
import { lockProfile } from "../../lib/store/profile_lock.ts";
import { RealDisk } from "../../lib/store/real_disk.ts";

const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
try {
  await lockProfile(new RealDisk(), Deno.args[0] ?? "", "mesh", Deno.pid);
  say("locked");
} catch (error) {
  if (!(error instanceof P2pchatError)) throw error;
  say(error.code);
}
await new Promise(() => setInterval(() => {}, 1 << 30));
