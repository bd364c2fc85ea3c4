/** What closing a terminal does to a program that runs on without it. */

import { assertEquals } from "@std/assert";
import { Node, PROGRAM } from "./node.ts";

/** Whether the program can know that SIGHUP is ignored: only the launcher can find out, and only on Linux. */
async function isTold(): Promise<boolean> {
  using file = await Deno.open(PROGRAM);
  const head = new Uint8Array(2);
  await file.read(head);
  return Deno.build.os === "linux" && new TextDecoder().decode(head) === "#!";
}

const ignoresNone = !(await isTold());

for (
  const [how, shell] of [
    ["leaves at a hang-up", ""],
    ["goes on after a hang-up that nohup shuts out", "trap '' HUP; "],
    ["goes on after a hang-up that its unit shuts out", "export P2PCHAT_HANGUP=ignored; "],
  ] as const
) {
  Deno.test({
    name: `serve ${how}`,
    ignore: shell !== "" && ignoresNone,
    async fn() {
      const within = ["sh", "-c", `${shell}exec "$0" "$@"`];
      await using server = Node.start(["serve", "--port", "0", "--stay"], { within });
      await server.until(({ event }) => event === "ready");
      server.signal("SIGHUP");
      const ended = server.status.then(() => "left");
      const isThere = Promise.withResolvers<string>();
      const timer = setTimeout(() => isThere.resolve("there"), shell === "" ? 60_000 : 2_000);
      const outcome = await Promise.race([ended, isThere.promise]);
      clearTimeout(timer);
      if (outcome === "there") server.signal("SIGTERM");
      const { code } = await server.status;

      assertEquals([outcome, code], [shell === "" ? "left" : "there", 0]);
    },
  });
}
