import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MalformedError, P2pchatError } from "../../../lib/base/errors.ts";
import { record, text, uint } from "../../../lib/base/schema/schema.ts";
import { packed, parseLine, unpacked } from "../../../lib/runtime/records/log_fields.ts";

const LINE = { kind: "said", fields: ["hello"] };
const schema = record({ name: text(8), count: uint(9) });

Deno.test("parseLine() calls a record corrupt that nobody wrote, and keeps the reason", () => {
  const cause = new MalformedError("no count is hello");
  const parse = () => {
    throw cause;
  };

  const error = assertThrows(() => parseLine(LINE, parse), P2pchatError, "no count is hello");

  assertEquals(error.code, "store-corrupt");
  assertStrictEquals(error.cause, cause);
});

Deno.test("parseLine() calls a record corrupt that lacks a field", () => {
  assertThrows(() => parseLine(LINE, (_, field) => field(1)), P2pchatError, "field 1 is missing");
});

for (const bug of [new TypeError("of ours"), new RangeError("of ours"), new SyntaxError("ours")]) {
  Deno.test(`parseLine() doesn't call a file damaged for a ${bug.name} of our own`, () => {
    const parse = () => {
      throw bug;
    };

    assertStrictEquals(assertThrows(() => parseLine(LINE, parse)), bug);
  });
}

Deno.test("unpacked() gives back what packed() wrote", () => {
  const value = { name: "bob", count: 7 };

  assertEquals(unpacked(schema, packed(schema, value)), value);
});

for (const wrong of ["", "?", "YQ", "A2JvYv8="]) {
  Deno.test(`unpacked() refuses ${JSON.stringify(wrong)} as malformed`, () => {
    assertThrows(() => unpacked(schema, wrong), MalformedError);
  });
}
