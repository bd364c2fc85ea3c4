import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  bool,
  bytes,
  decode,
  embedded,
  encode,
  fixedBytes,
  hexId,
  list,
  makeEmbedded,
  nullable,
  oneOf,
  record,
  type Schema,
  text,
  trailing,
  uint,
} from "../../../lib/base/schema/schema.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import type { Hash } from "../../../lib/base/ids.ts";

/** A form, and values of it. */
interface Sample {
  readonly schema: Schema<unknown>;
  readonly value: unknown;
}

const bytesOf = (lengthMax: number) => fc.uint8Array({ maxLength: lengthMax });
const numbers = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.nat(53).map((bits) => Math.min(2 ** bits, Number.MAX_SAFE_INTEGER)),
);

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  fc.tuple(numbers, numbers).map(([one, other]) => ({
    schema: uint(Math.max(one, other)),
    value: Math.min(one, other),
  })),
  fc.boolean().map((value) => ({ schema: bool(), value })),
  fc.string({ unit: "binary", maxLength: 300 }).map((value) => ({ schema: text(1_200), value })),
  bytesOf(300).map((value) => ({ schema: bytes(300), value })),
  bytesOf(70).map((value) => ({ schema: fixedBytes(value.length), value })),
  fc.uint8Array({ minLength: 32, maxLength: 32 })
    .map((value) => ({ schema: hexId<Hash>(), value: value.toHex() })),
  fc.constantFrom("a", "b", "c").map((value) => ({ schema: oneOf(["a", "b", "c"]), value })),
);

const FIELD_NAMES = ["a", "b", "c", "d", "e"] as const;

function recordOf(samples: readonly Sample[]): Sample {
  const named = samples.map((sample, index) => [FIELD_NAMES[index]!, sample] as const);
  return {
    schema: record(Object.fromEntries(named.map(([name, { schema }]) => [name, schema]))),
    value: Object.fromEntries(named.map(([name, { value }]) => [name, value])),
  };
}

/** Forms of any kind, three levels deep. */
const { sample: anySample } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie("sample"), { maxLength: FIELD_NAMES.length }).map(recordOf),
    tie("sample").filter(({ schema }) => schema.bytesMin > 0).chain(({ schema, value }) =>
      fc.nat(4).map((count) => ({ schema: list(schema, 4), value: Array(count).fill(value) }))
    ),
    fc.tuple(tie("sample").filter(({ schema }) => schema.nullable !== true), fc.boolean())
      .map(([{ schema, value }, some]) => ({
        schema: nullable(schema),
        value: some ? value : null,
      })),
    tie("sample").map(({ schema, value }) => ({
      schema: embedded(schema, 1_000_000),
      value: makeEmbedded(schema, value),
    })),
    tie("sample").filter(({ schema }) => schema.bytesMin > 0)
      .map(({ schema, value }) => ({
        schema: embedded(record({ last: trailing(schema, value) }), 1_000_000),
        value: makeEmbedded(record({ last: trailing(schema, value) }), { last: value }),
      })),
  ),
}));

/** What decoding came to: a value or a refusal; anything else that is thrown is our own fault. */
function outcome(schema: Schema<unknown>, input: Uint8Array): "value" | "refused" {
  try {
    decode(schema, input);
    return "value";
  } catch (error) {
    if (error instanceof RemoteProtocolError) return "refused";
    throw error;
  }
}

Deno.test("decode() gives back every value that encode() took, of every form", () => {
  fc.assert(
    fc.property(anySample, ({ schema, value }) => {
      const encoded = encode(schema, value);

      assertEquals(decode(schema, encoded), value);
      assert(encoded.length >= schema.bytesMin && encoded.length <= schema.bytesMax);
    }),
    { numRuns: 200 },
  );
});

Deno.test("decode() refuses a value cut off at any place", () => {
  fc.assert(
    fc.property(anySample, ({ schema, value }) => {
      const encoded = encode(schema, value);
      for (let length = 0; length < Math.min(encoded.length, 400); length++) {
        assertEquals(outcome(schema, encoded.subarray(0, length)), "refused");
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("decode() ignores what follows a value", () => {
  fc.assert(
    fc.property(anySample, bytesOf(40), ({ schema, value }, more) => {
      const encoded = encode(schema, value);
      const longer = new Uint8Array([...encoded, ...more]);

      assertEquals(decode(schema, longer), value);
    }),
    { numRuns: 200 },
  );
});

Deno.test("decode() gives a value or a refusal for any bytes", () => {
  fc.assert(
    fc.property(anySample, bytesOf(300), ({ schema }, input) => {
      outcome(schema, input);
    }),
    { numRuns: 200 },
  );
});

// What is accepted has one form: else two ids could stand for one structure.
Deno.test("decode() accepts nothing that encode() would have written otherwise", () => {
  const accepted = { count: 0 };
  fc.assert(
    fc.property(anySample, fc.nat(), fc.nat(7), ({ schema, value }, place, bit) => {
      const changed = encode(schema, value).slice();
      if (changed.length > 0) changed[place % changed.length]! ^= 1 << bit;
      if (outcome(schema, changed) === "refused") return;

      const again = encode(schema, decode(schema, changed));

      accepted.count++;
      assertEquals(again, changed.subarray(0, again.length));
    }),
    { numRuns: 200 },
  );
  assert(accepted.count > 50, "the test must see values that are accepted");
});

Deno.test("decode() takes exactly the texts that are valid UTF-8", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const pieces = fc.constantFrom(
    "61",
    "c3a9",
    "efbfbd",
    "f09f9880",
    "80",
    "c0",
    "eda080",
    "efbbbf",
  );
  const inputs = fc.oneof(
    bytesOf(100),
    fc.array(pieces, { maxLength: 20 }).map((digits) => Uint8Array.fromHex(digits.join(""))),
  );
  fc.assert(
    fc.property(inputs, (input) => {
      let expected: string | null = null;
      try {
        expected = strict.decode(input);
      } catch {
        // Not UTF-8.
      }
      const framed = encode(bytes(100), input);

      if (expected === null) assertEquals(outcome(text(100), framed), "refused");
      else assertEquals(decode(text(100), framed), expected);
    }),
    { numRuns: 1_000 },
  );
});
