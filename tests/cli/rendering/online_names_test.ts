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

  names.listed({ event: "users", users });
  names.listed({ event: "users", users: users.slice(1), isAnswer: true });
  assertEquals(names.all, ["ann", "bob"]);
});
