import { assertEquals } from "@std/assert";
import { reflows } from "../../../lib/cli/streams/terminal_mode.ts";

Deno.test("reflows() knows the few terminals that cut rows instead", () => {
  const at = (variables: Readonly<Record<string, string>>) => reflows((name) => variables[name]);
  assertEquals(at({ TERM: "xterm-256color" }), true);
  assertEquals(at({ TERM: "xterm-256color", XTERM_VERSION: "XTerm(379)" }), false);
  assertEquals(at({ TERM: "screen-256color", STY: "1.pts" }), false);
  assertEquals(at({ TERM: "screen-256color", TMUX: "/tmp/x", XTERM_VERSION: "XTerm(379)" }), true);
  assertEquals(at({ TERM: "rxvt-unicode-256color" }), false);
  assertEquals(at({}), true);
});
