import { assertEquals } from "@std/assert";
import { OnlineNames } from "../../lib/cli/online_names.ts";

Deno.test("OnlineNames: who comes as Bob and goes as bob, or comes anew, is one", () => {
  const names = new OnlineNames();
  names.set(["Ann", "Bob"]);

  names.changed("bob", false);
  assertEquals(names.all, ["Ann"]);
  names.changed("BOB", true);
  names.changed("ann", true);
  assertEquals(names.all, ["ann", "BOB"]);
  names.set(["Cem"]);
  assertEquals(names.all, ["Cem"]);
});
