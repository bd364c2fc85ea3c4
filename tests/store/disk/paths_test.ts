import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { dataFolder, regserverFolder, serveFolder } from "../../../lib/store/disk/paths.ts";

Deno.test("dataFolder() takes the first that is named", () => {
  const all = { P2PCHAT_HOME: "/p", XDG_DATA_HOME: "/x" };
  const cases:
    readonly (readonly [string | null, Record<string, string>, string | null, string])[] = [
      ["/d", all, "/a", "/d"],
      [null, all, "/a", "/p"],
      [null, { ...all, P2PCHAT_HOME: "" }, "/a", "/x/p2pchat"],
      [null, { XDG_DATA_HOME: "relative" }, "/h", "/h/.local/share/p2pchat"],
      [null, {}, "/h", "/h/.local/share/p2pchat"],
      [null, { P2PCHAT_HOME: "~/p" }, "/h/", "/h/p"],
      ["", {}, "/h/", "/h/.local/share/p2pchat"],
      ["d/e//", all, null, "d/e"],
      ["/", all, null, "/"],
    ];
  for (const [flag, variables, home, expected] of cases) {
    const variable = (name: string) => variables[name];
    assertEquals(dataFolder({ flag, variable, home: () => home }), expected);
  }
});

Deno.test("dataFolder() says what to do where there is no home", () => {
  const source = { flag: null, variable: () => undefined, home: () => null };

  const error = assertThrows(() => dataFolder(source), P2pchatError, "--data DIR");
  assertEquals(error.code, "usage");
});

Deno.test("serveFolder() and regserverFolder() are beside the users", () => {
  assertEquals([serveFolder("/d"), regserverFolder("/d")], ["/d/serve", "/d/regserver"]);
});
