import { assertEquals } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { OwnPort, portError } from "../../../lib/cli/friends/table_follower.ts";
import type { FriendsTable } from "../../../lib/cli/friends/table_follower.ts";
import { userInfoRows } from "../../../lib/store/users/user_info.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";

/** What somebody who listens at that port is told. */
function told(listening: number, isFixed: boolean, ...tables: readonly string[]) {
  const told: string[] = [];
  const links = { local: { host: "", port: listening } };
  const port = new OwnPort({
    links,
    file: "users.txt",
    isFixed,
    notice: (text) => told.push(text),
  });
  for (const table of tables) {
    const rows = userInfoRows("users.txt", utf8(table.replaceAll(", ", "\n")));
    port.follow({ rows, own: rows[0]! } satisfies FriendsTable);
  }
  return told;
}

Deno.test("OwnPort tells once where friends dial another port than the one listened at", () => {
  assertEquals(told(1, false, "alice a 1", "alice a 2", "alice a 2, bob b 1", "alice a 1"), [
    "You listen at port 1 and friends dial 2, the port of your row in users.txt: start again to listen there",
  ]);
  assertEquals(told(5, true, "alice a 2", "alice a 2, bob b 1", "alice a 5"), [
    "You listen at port 5, as --port says, and friends dial 2, the port of your row in users.txt: " +
    "leave out --port or change the row, unless calls to 2 are passed on to you",
  ]);
});

Deno.test("portError() leaves what isn't about a taken port", () => {
  const error = new P2pchatError("unreachable", "not allowed");
  assertEquals(portError(error, 1, "users.txt"), error);
});
