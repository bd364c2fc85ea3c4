import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import { InvariantError } from "../../lib/base/invariant.ts";
import { bool, bytes, message, text, trailing, uint } from "../../lib/base/schema/schema.ts";
import { MESH_MESSAGES } from "../../lib/protocols/mesh/schema/messages.ts";
import { createCodec, type MessageCodec } from "../../lib/wire/codec.ts";
import { CHANNEL_DEFAULTS } from "../../lib/protocols/noise/config.ts";
import { FRAME_BYTES_MAX } from "../../lib/wire/frame.ts";
import { PROTOCOLS } from "./protocols.ts";
import { SLOW } from "../given.ts";

const mesh = createCodec(MESH_MESSAGES);

const ABOUT = { from: "a", to: "b", when: "always", answer: "none", lane: "control" } as const;

const greet = message(1, "greet", ABOUT, { name: text(8), times: uint(300) });
const leave = message(200, "leave", ABOUT, {});
const small = createCodec([greet, leave]);

/** What decoding came to: a value or a refusal; anything else that is thrown is our own fault. */
function outcome(codec: MessageCodec<unknown>, input: Uint8Array): "value" | "refused" {
  try {
    codec.decode(input);
    return "value";
  } catch (error) {
    if (error instanceof RemoteProtocolError) return "refused";
    throw error;
  }
}

// The format itself; the messages that there are have theirs in `frames_io_test.ts`.
Deno.test("encode() keeps the format of messages", () => {
  assertEquals(
    small.encode({ type: "greet", name: "Jörg", times: 300 }).toHex(),
    "01054ac3b67267ac02",
  );
  assertEquals(small.encode({ type: "leave" }).toHex(), "c801");
});

for (const { name: protocol, specs, codec, samples } of PROTOCOLS) {
  Deno.test(`there is a sample of every message of the ${protocol}`, () => {
    assertEquals(samples.map(({ sample }) => sample.type), specs.map(({ name }) => name));
  });

  Deno.test(`decode() gives back every message of the ${protocol}`, () => {
    for (const { sample, bytes } of samples) assertEquals(codec.decode(bytes), sample);
  });

  Deno.test(`decode() gives back a message of the ${protocol} at any offset in a larger buffer`, () => {
    for (const { sample, bytes } of samples) {
      const larger = new Uint8Array(bytes.length + 7).fill(0xff);
      larger.set(bytes, 3);

      assertEquals(codec.decode(larger.subarray(3, 3 + bytes.length)), sample);
    }
  });

  // An older program's message ends before its trailing field.
  Deno.test(`decode() refuses every message of the ${protocol} cut at any place but before a trailing field`, () => {
    for (const { sample, bytes } of samples) {
      const spec = specs.find(({ name }) => name === sample.type);
      const lengths = Array.from(bytes, (_, length) => length);
      const taken = lengths.filter((length) =>
        outcome(codec, bytes.subarray(0, length)) === "value"
      );
      const trailing = Object.values(spec!.fields).filter((field) => field.trailing === "field");
      assertEquals(taken.length, trailing.length, `${sample.type} cut after ${taken}`);
    }
  });

  Deno.test(`decode() ignores what a later version put after a message of the ${protocol}`, () => {
    for (const { sample, bytes } of samples) {
      assertEquals(codec.decode(new Uint8Array([...bytes, 0xff, 0x00])), sample);
    }
  });

  // Each byte set to what breaks most: the ends of a number's range, and a number that goes on.
  Deno.test(
    `decode() gives a value or a refusal wherever a byte of the ${protocol} is changed`,
    SLOW,
    () => {
      for (const { bytes } of samples) {
        const changed = bytes.slice();
        for (const [place, kept] of bytes.entries()) {
          for (const byte of [0x00, 0x01, 0x7f, 0x80, 0xff, kept ^ 0x10]) {
            changed[place] = byte;
            outcome(codec, changed);
          }
          changed[place] = kept;
        }
      }
    },
  );

  Deno.test(`decode() gives the ${protocol} a value or a refusal for any bytes`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        outcome(codec, bytes);
      }),
      { numRuns: 1_000 },
    );
  });
}

Deno.test("decode() says of a later version's message that its type is unknown", () => {
  assertEquals(small.decode(Uint8Array.of(2, 1, 2, 3)), { type: "unknown-message", code: 2 });
  assertEquals(small.decode(Uint8Array.of(0xff, 0x7f)), { type: "unknown-message", code: 16_383 });
});

// The answer to an unknown message is one itself; were they one type, two members would answer for ever.
Deno.test("decode() keeps the peer's `unknown` apart from a message that is unknown here", () => {
  const answer = mesh.encode({ type: "unknown", code: 126 });

  assertEquals(mesh.decode(answer), { type: "unknown", code: 126 });
  assertEquals(mesh.decode(Uint8Array.of(126)), { type: "unknown-message", code: 126 });
});

Deno.test("decode() refuses codes beyond all versions, and none at all", () => {
  assertThrows(() => small.decode(Uint8Array.of(0x80, 0x80, 1)), RemoteProtocolError, "code");
  assertThrows(() => small.decode(new Uint8Array()), RemoteProtocolError, "code");
});

Deno.test("decode() names the message and the field of what it refuses", () => {
  assertThrows(
    () => small.decode(Uint8Array.fromHex("0101 61 ad02".replaceAll(" ", ""))),
    RemoteProtocolError,
    "Cannot decode greet.times: must be at most 300, is 301",
  );
});

Deno.test("decode() takes an older program's message without its trailing fields", () => {
  const older = createCodec([message(1, "greet", ABOUT, { name: text(8) })]);
  const later = createCodec([
    message(1, "greet", ABOUT, { name: text(8), loud: trailing(bool(), false) }),
  ]);

  assertEquals(later.decode(older.encode({ type: "greet", name: "a" })), {
    type: "greet",
    name: "a",
    loud: false,
  });
  assertEquals(older.decode(later.encode({ type: "greet", name: "a", loud: true })), {
    type: "greet",
    name: "a",
  });
});

Deno.test("encode() fails its invariant for a message of another protocol", () => {
  assertThrows(() => small.encode({ type: "shout" } as never), InvariantError, "shout");
  assertThrows(
    () => small.encode({ type: "greet", name: "a", times: 301 }),
    InvariantError,
    "greet.times",
  );
});

Deno.test("createCodec() is refused for two messages with one code or one name", () => {
  assertThrows(() => createCodec([greet, message(1, "other", ABOUT, {})]), InvariantError);
  assertThrows(() => createCodec([greet, message(2, "greet", ABOUT, {})]), InvariantError);
  assertThrows(() => createCodec([message(2, "unknown-message", ABOUT, {})]), InvariantError);
});

Deno.test("message() is refused for a code out of range, and for a field named type", () => {
  assertThrows(() => message(16_384, "a", ABOUT, {}), InvariantError);
  assertThrows(() => message(-1, "a", ABOUT, {}), InvariantError);
  assertThrows(() => message(1, "a", ABOUT, { type: bool() }), InvariantError);
});

Deno.test("createCodec() is refused for a message that may not fit in a frame", () => {
  const fitting = FRAME_BYTES_MAX - 1 - 3;

  createCodec([message(1, "just", ABOUT, { body: bytes(fitting) })]);
  assertThrows(
    () => createCodec([message(1, "over", ABOUT, { body: bytes(fitting + 1) })]),
    InvariantError,
    "over can have 262145",
  );
});

Deno.test("messages leave room for others in a link's control lane, however full they are", () => {
  const most = CHANNEL_DEFAULTS.controlBytesMax / 3;
  const tooLong = PROTOCOLS.flatMap(({ specs }) => specs)
    .filter(({ about, schema }) =>
      about.lane !== "data" && about.lane !== "bulk" && schema.bytesMax > most
    )
    .map(({ name, schema }) => `${name}: ${schema.bytesMax}`);

  assertEquals(tooLong, []);
});
