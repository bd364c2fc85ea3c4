import { assertEquals } from "@std/assert";
import { JsonFormat } from "../../../lib/cli/rendering/json_format.ts";
import type { ShownEvent } from "../../../lib/cli/rendering/user_interface.ts";

const AT_MS = Date.parse("2026-01-31T12:00:00.000Z");
const AT = '"at":"2026-01-31T12:00:00.000Z"';

function line(event: ShownEvent, ref?: string, room?: string): string {
  return new JsonFormat().format(event, ref, AT_MS, room);
}

Deno.test("JsonFormat writes event and time first, room and ref last, whatever else there is", () => {
  const said = { event: "message", text: 'a "b" \u2028\x9b', seq: undefined, own: null };
  const fields = '"text":"a \\"b\\" \\u2028\\u009b","own":null';
  assertEquals(line(said), `{"event":"message",${AT},${fields}}\n`);
  assertEquals(line(said, "r"), `{"event":"message",${AT},${fields},"ref":"r"}\n`);
  assertEquals(
    line(said, "r", "#1"),
    `{"event":"message",${AT},${fields},"room":"#1","ref":"r"}\n`,
  );
  assertEquals(line({ event: "bye" }), `{"event":"bye",${AT}}\n`);
});

Deno.test("JsonFormat writes an event that has its name, or a time of its own, elsewhere in the same order", () => {
  const late = { text: "x", event: "message" } as ShownEvent;
  assertEquals(line(late), `{"event":"message",${AT},"text":"x"}\n`);
  const missed = { event: "call", from: "Bob", at: "12:00" } as ShownEvent;
  assertEquals(line(missed), '{"event":"call","at":"12:00","from":"Bob"}\n');
});

Deno.test("JsonFormat writes the same line in parts", () => {
  const event = { event: "history", messages: [{ text: "a" }, { text: "\x7f" }] } as ShownEvent;
  const parts = [...new JsonFormat().parts(event, undefined, AT_MS)];
  assertEquals(parts.join(""), line(event));
});
