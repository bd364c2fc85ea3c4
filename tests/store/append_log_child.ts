/** The other process of `append_log_io_test.ts`: appends, and says what is acknowledged, until it is killed. */

import { AppendLog } from "../../lib/store/log/append_log.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";

const { log } = await AppendLog.open(new RealDisk(), Deno.args[0] ?? "", {
  format: "test",
  version: 1,
});
let next = 1;
const appendAll = async () => {
  while (true) {
    const number = next++;
    await log.append([{ kind: "n", fields: [`${number}`] }], { sync: number % 3 !== 0 });
    Deno.stdout.writeSync(new TextEncoder().encode(`${number}\n`));
    if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
};
await Promise.all([appendAll(), appendAll(), appendAll()]);
