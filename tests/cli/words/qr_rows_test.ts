import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode } from "uqr";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { qrRows } from "../../../lib/cli/words/qr_rows.ts";

Deno.test("qrRows() draws the modules of the invite's capitals, two in a character, in 80 columns at most", () => {
  for (const length of [20, 113, 138, 300, 600]) {
    const invite = "abcdefghijklmnop234567".repeat(30).slice(0, length);
    const rows = qrRows(invite, 80);

    const light = rows.flatMap((row) => {
      const halves = Array.from(row).map((half) => " \u2584\u2580\u2588".indexOf(half));
      return [halves.map((half) => half < 2), halves.map((half) => half % 2 === 0)];
    });
    const { data } = encode(invite.toUpperCase(), { ecc: "L", boostEcc: true, border: 2 });
    assertEquals(light.slice(0, data.length), data);
    assert(rows.every((row) => Array.from(row).length <= 80), `${length}: ${rows[0]!.length}`);
  }
});

Deno.test("qrRows() says so where 80 columns don't hold the invite", () => {
  const error = assertThrows(() => qrRows("a".repeat(700), 200), P2pchatError);
  assertEquals(error.code, "too-long");
});

Deno.test("qrRows() says so where the window doesn't hold the code, and draws it where it just does", () => {
  const invite = "a".repeat(100);
  const width = qrRows(invite, 80)[0]!.length;

  const error = assertThrows(() => qrRows(invite, width), P2pchatError);
  assertEquals([error.code, error.message.includes("widen the window")], ["too-long", true]);
  assertEquals(qrRows(invite, width + 1)[0]!.length, width);
});
