import { assertEquals } from "@std/assert";
import { OnlineNames } from "../../../lib/cli/rendering/online_names.ts";

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

Deno.test("OnlineNames: a part of the list that somebody asked for doesn't stand for all", () => {
  const names = new OnlineNames();
  const users = ["ann", "bob"].map((name) =>
    ({ name, key: name, state: "free", host: "", port: 0, guest: false }) as const
  );

  names.listed({ users });
  names.listed({ users: users.slice(1), isAnswer: true });
  assertEquals(names.all, ["ann", "bob"]);
});

Deno.test("OnlineNames: who isn't the one expected is completed with the start of the key, by which commands mean them", () => {
  const names = new OnlineNames();
  const bob = { name: "bob", key: "k", state: "free", host: "", port: 0, guest: false } as const;

  names.listed({ users: [{ ...bob, shown: "bob~k7f3" }] });
  assertEquals([names.all, names.has("bob")], [["bob~k7f3"], true]);
  names.changed("bob", true);
  assertEquals(names.all, ["bob"]);
  names.changed("bob", true, "bob~x2y4");
  assertEquals(names.all, ["bob~x2y4"]);
  names.changed("bob", false, "bob~x2y4");
  assertEquals(names.all, []);
});
