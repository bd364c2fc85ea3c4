import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { dataFolder, profileFolder, regserverFolder, serveFolder } from "../../lib/store/paths.ts";

Deno.test("dataFolder() takes the first that is named", () => {
  const all = { P2PCHAT_HOME: "/p", XDG_DATA_HOME: "/x", HOME: "/h" };
  const cases:
    readonly (readonly [string | null, Record<string, string>, string | null, string])[] = [
      ["/d", all, "/a", "/d"],
      [null, all, "/a", "/p"],
      [null, { ...all, P2PCHAT_HOME: "" }, "/a", "/x/p2pchat"],
      [null, { XDG_DATA_HOME: "relative", HOME: "/h" }, "/a", "/h/.local/share/p2pchat"],
      [null, { HOME: "/h" }, "/a", "/h/.local/share/p2pchat"],
      [null, { HOME: "" }, "/a", "/a/.local/share/p2pchat"],
      [null, {}, "/a", "/a/.local/share/p2pchat"],
      ["", { HOME: "/h/" }, null, "/h/.local/share/p2pchat"],
      ["d/e//", all, null, "d/e"],
      ["/", all, null, "/"],
    ];
  for (const [flag, variables, account, expected] of cases) {
    const variable = (name: string) => variables[name];
    assertEquals(dataFolder({ flag, variable, accountHome: () => account }), expected);
  }
});

Deno.test("dataFolder() says what to do where there is no home", () => {
  const source = { flag: null, variable: () => undefined, accountHome: () => null };

  const error = assertThrows(() => dataFolder(source), P2pchatError, "--data DIR");
  assertEquals(error.code, "usage");
});

Deno.test("profileFolder() is one folder for one name", () => {
  assertEquals(profileFolder("/d", "Ann"), "/d/users/ann");
  const same = [["Ann", "ANN"], ["Ä", "A\u0308"], ["ﬁ", "FI"], ["straße", "STRASSE"], ["Ⅳ", "iv"]];
  for (const [one, other] of same) {
    assertEquals(profileFolder("/d", one!), profileFolder("/d", other!));
  }
  assertNotEquals(profileFolder("/d", "ann"), profileFolder("/d", "anna"));
});

Deno.test("profileFolder() is a name that every file system takes, whatever the user's", () => {
  const cases = [
    ["..", "%2e%2e"],
    [".", "%2e"],
    [".ann", "%2eann"],
    ["ann.", "ann%2e"],
    ["a.b", "a.b"],
    ["a/b", "a%2fb"],
    ["a%b", "a%25b"],
    ["a b", "a%20b"],
    ["CON", "%63on"],
    ["nul.txt", "%6eul.txt"],
    ["com1", "%63om1"],
    ["console", "console"],
    ["Ünï", "ünï"],
  ];
  for (const [name, expected] of cases) {
    assertEquals(profileFolder("/d", name!), `/d/users/${expected}`);
  }
  const long = profileFolder("/d", "ﷺ".repeat(32));
  assertEquals(long.length < 100, true, long);
  assertNotEquals(long, profileFolder("/d", "ﷺ".repeat(31)));
});

Deno.test("serveFolder() and regserverFolder() are beside the users", () => {
  assertEquals([serveFolder("/d"), regserverFolder("/d")], ["/d/serve", "/d/regserver"]);
});
