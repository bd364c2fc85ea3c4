import { assertEquals } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { endingOf } from "../../../lib/cli/session/answers.ts";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import { NOON_MS } from "../memory_streams.ts";

Deno.test("endingOf() is one line on stderr, with the code's exit status", () => {
  const error = new P2pchatError("name-taken", "Bob is here\nalready\x1b[2J");
  assertEquals(endingOf(error, false, NOON_MS), {
    status: 4,
    channel: "stderr",
    text: "error: Bob is here␊already␛[2J\n",
  });
});

Deno.test("endingOf() breaks its line at words on a terminal", () => {
  const error = new P2pchatError("name-taken", "The name Bob is taken; choose another one");
  const terminal = { ...ROW_CELLS, columns: () => 24 };
  assertEquals(
    endingOf(error, false, NOON_MS, terminal).text,
    "error: The name Bob is\n  taken; choose another\n  one\n",
  );
});

Deno.test("endingOf() is a fatal event on stdout for scripts", () => {
  const { status, channel, text } = endingOf(new P2pchatError("usage", "wrong"), true, NOON_MS);
  assertEquals([status, channel], [2, "stdout"]);
  assertEquals(JSON.parse(text), {
    event: "fatal",
    at: new Date(NOON_MS).toISOString(),
    code: "usage",
    text: "wrong",
  });
});

Deno.test("endingOf() calls everything else a fault of our own, without its stack", () => {
  for (const error of [new TypeError("x is not a function"), "a string", undefined]) {
    const { status, text } = endingOf(error, false, NOON_MS);
    assertEquals(status, 1);
    assertEquals(text.split("\n").length, 2);
    assertEquals(text.startsWith("error: Internal fault ("), true);
  }
});
