import { assertEquals } from "@std/assert";
import { commandToType } from "../../../lib/base/text/command_to_type.ts";

Deno.test("a command to type has the folder that this program was given, as a shell takes it", () => {
  const typed = (data?: string) => commandToType("mesh Al", data);
  assertEquals(typed(), "p2pchat mesh Al");
  assertEquals(typed("../a_b-c.d/e"), "p2pchat mesh Al --data ../a_b-c.d/e");
  for (const data of ["my data", "$HOME", "~x", "a;b", "zoë", "a\\b"]) {
    assertEquals(typed(data), `p2pchat mesh Al --data '${data}'`);
  }
  assertEquals(typed("Al's"), "p2pchat mesh Al --data 'Al'\\''s'");
});
