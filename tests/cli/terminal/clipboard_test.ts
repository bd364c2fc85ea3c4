import { assertEquals } from "@std/assert";
import { copying } from "../../../lib/cli/terminal/clipboard.ts";

Deno.test("copying() writes OSC 52, through tmux, too", () => {
  const at = (name?: string) => copying("hé", (asked) => asked === name ? "1" : undefined);
  assertEquals(at(), "\x1b]52;c;aMOp\x07");
  assertEquals(at("TMUX"), "\x1b]52;c;aMOp\x07\x1bPtmux;\x1b\x1b]52;c;aMOp\x07\x1b\\");
});
