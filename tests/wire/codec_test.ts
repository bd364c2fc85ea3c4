import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { nodeCrypto } from "../../lib/base/crypto.ts";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import type { Hash } from "../../lib/base/ids.ts";
import { InvariantError } from "../../lib/base/invariant.ts";
import { bool, bytes, message, text, trailing, uint } from "../../lib/base/schema.ts";
import { DIRECTORY_MESSAGES } from "../../lib/protocols/directory/messages.ts";
import { FRIENDS_MESSAGES } from "../../lib/protocols/friends/messages.ts";
import { MESH_MESSAGES } from "../../lib/protocols/mesh/messages.ts";
import { createCodec, type MessageCodec } from "../../lib/wire/codec.ts";
import { CHANNEL_DEFAULTS } from "../../lib/protocols/noise/config.ts";
import { FRAME_BYTES_MAX } from "../../lib/wire/frame.ts";
import { DIRECTORY_SAMPLES } from "./directory_samples.ts";
import { FRIENDS_SAMPLES } from "./friends_samples.ts";
import {
  beacon,
  bundleWith,
  claim,
  genesis,
  MESH_SAMPLES,
  rotation,
  statement,
} from "./mesh_samples.ts";

const mesh = createCodec(MESH_MESSAGES);
const friends = createCodec(FRIENDS_MESSAGES);
const directory = createCodec(DIRECTORY_MESSAGES);

/** Every protocol, with its messages bound to its codec. */
const PROTOCOLS = [
  {
    protocol: "the mesh",
    specs: MESH_MESSAGES,
    codec: mesh,
    samples: MESH_SAMPLES.map((sample) => ({ sample, bytes: mesh.encode(sample).slice() })),
  },
  {
    protocol: "the friends",
    specs: FRIENDS_MESSAGES,
    codec: friends,
    samples: FRIENDS_SAMPLES.map((sample) => ({ sample, bytes: friends.encode(sample).slice() })),
  },
  {
    protocol: "the directory",
    specs: DIRECTORY_MESSAGES,
    codec: directory,
    samples: DIRECTORY_SAMPLES.map((sample) => ({
      sample,
      bytes: directory.encode(sample).slice(),
    })),
  },
] as const;

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

// The format itself: a change of any of these is a new version of the protocol.
Deno.test("encode() keeps the format of messages", () => {
  assertEquals(
    small.encode({ type: "greet", name: "Jörg", times: 300 }).toHex(),
    "01054ac3b67267ac02",
  );
  assertEquals(small.encode({ type: "leave" }).toHex(), "c801");
  assertEquals(mesh.encode({ type: "prune", source: null }).toHex(), "3400");
  assertEquals(
    mesh.encode({ type: "refuse", code: "name-taken", text: "no", room: null }).toHex(),
    "0600026e6f00",
  );
  assertEquals(
    mesh.encode({
      type: "ihave",
      entries: [{ author: "a1".repeat(32), incarnation: 5, counter: 300, id: "d1".repeat(32) }],
      hop: 2,
    } as never).toHex(),
    `3201${"a1".repeat(32)}05ac02${"d1".repeat(32)}02`,
  );
});

Deno.test("encode() keeps the format of a bundle", () => {
  const bytes = mesh.encode({
    type: "bundle",
    bundle: bundleWith("ship it"),
    claim: null,
    hop: 3,
    reason: "push",
  }).toHex();

  const start = "80d8c1a28c34"; // 1,790,000,000,000
  const head = (byte: string, time: string, id: string) =>
    byte.repeat(32) + start + "d209" + time + id.repeat(32);
  const header = "01" + "10".repeat(32) + "a1".repeat(32) + start + "00" + "8906" + "01" +
    "c2".repeat(32) + "01" + "d2".repeat(32) +
    "03" + head("21", "a1d8c1a28c34", "22") + head("31", "b1d8c1a28c34", "32") +
    head("41", "c1d8c1a28c34", "42") +
    "acdac1a28c34" + "abdac1a28c34" + "e1".repeat(32);
  const texts = "01" + "07" + "73686970206974";
  assertEquals(
    bytes,
    "30" + "a303" + header + "51".repeat(64) + "09" + texts + "00" + "03" + "00",
  );
});

Deno.test("encode() keeps the format of the friends' messages", () => {
  const epoch = "80d8c1a28c34"; // 1,790,000,000,000
  const entry = (number: string, id: string, sentAt: string, text: string) =>
    number + id.repeat(16) + sentAt + text;
  assertEquals(FRIENDS_SAMPLES.map((sample) => friends.encode(sample).toHex()), [
    "01" + "054ac3b67267" + "03416e6e" + epoch + "02" + epoch + "ac02" + "0501",
    "02" + "01" + "0b616e6f74686572206b6579",
    "03" + epoch + "02" + entry("07", "1d", "83d8c1a28c34", "0773686970206974") +
    entry("09", "2d", "84d8c1a28c34", "00"),
    "04" + epoch + "09",
    "05" + "05" + "8001",
    "06" + "7e",
  ]);
});

Deno.test("encode() keeps the format of the directory's messages", () => {
  const of = (type: string) =>
    directory.encode(DIRECTORY_SAMPLES.find((sample) => sample.type === type)!).toHex();
  const call = "ca".repeat(16);
  const number = "80d8c1a28c34"; // 1,790,000,000,000
  assertEquals(of("call"), "10" + call + "05" + "4ac3b67267");
  assertEquals(of("relay"), "17" + call + "03010203");
  assertEquals(of("got"), "24" + number);
  const all = DIRECTORY_SAMPLES.map((sample) => directory.encode(sample).slice());
  const digest = "8d94102a16ad39c3713583fcf0b729616c9eed8aaf2814ad179e3c5790169c8d";
  assertEquals(nodeCrypto.sha256(...all), digest);
});

// Ids are made of these bytes: rooms and logs that exist would be lost.
Deno.test("encode() keeps the format of the signed structures", () => {
  const digest = (bytes: Uint8Array) => `${bytes.length} ${nodeCrypto.sha256<Hash>(bytes)}`;

  assertEquals(
    digest(genesis.genesis.bytes),
    "56 4dd34086b0186c6e1a7b3c0be015aea3c41f860e9cbd16586b9809726ad79e05",
  );
  assertEquals(
    digest(claim.claim.bytes),
    "160 b6a21dae3a09bb1b246b4611211cf4ee2b64e7d84b0f14f04a79e552a1710495",
  );
  assertEquals(
    digest(beacon.beacon.bytes),
    "222 cd38fc2d8c7da1c7e59e1f80695c99b24a4e3fe559729d511d7e093bffcea4af",
  );
  assertEquals(
    digest(statement.statement.bytes),
    "105 886dacb72ecf80dcef3b5dafaa89d91660e6be56ac2e2e3e1c4f334f2007d15d",
  );
  assertEquals(
    digest(rotation.rotation.bytes),
    "82 d01c4d6fa7f9b7c623b83754c5dbe2a63a4dec686165f41bc630954957058c92",
  );
});

for (const { protocol, specs, codec, samples } of PROTOCOLS) {
  Deno.test(`there is a sample of every message of ${protocol}`, () => {
    assertEquals(samples.map(({ sample }) => sample.type), specs.map(({ name }) => name));
  });

  Deno.test(`decode() gives back every message of ${protocol}`, () => {
    for (const { sample, bytes } of samples) assertEquals(codec.decode(bytes), sample);
  });

  Deno.test(`decode() gives back a message of ${protocol} at any offset in a larger buffer`, () => {
    for (const { sample, bytes } of samples) {
      const larger = new Uint8Array(bytes.length + 7).fill(0xff);
      larger.set(bytes, 3);

      assertEquals(codec.decode(larger.subarray(3, 3 + bytes.length)), sample);
    }
  });

  Deno.test(`decode() refuses every message of ${protocol} cut at any place`, () => {
    for (const { sample, bytes } of samples) {
      for (let length = 0; length < bytes.length; length++) {
        const cut = outcome(codec, bytes.subarray(0, length));
        assertEquals(cut, "refused", `${sample.type} ${length}`);
      }
    }
  });

  Deno.test(`decode() ignores what a later version put after a message of ${protocol}`, () => {
    for (const { sample, bytes } of samples) {
      assertEquals(codec.decode(new Uint8Array([...bytes, 0xff, 0x00])), sample);
    }
  });

  // Each byte set to what breaks most: the ends of a number's range, and a number that goes on.
  Deno.test(`decode() gives a value or a refusal wherever a byte of ${protocol} is changed`, () => {
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
  });

  Deno.test(`decode() gives ${protocol} a value or a refusal for any bytes`, () => {
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
  const tooLong = [...MESH_MESSAGES, ...FRIENDS_MESSAGES, ...DIRECTORY_MESSAGES]
    .filter(({ about, schema }) => about.lane === "control" && schema.bytesMax > most)
    .map(({ name, schema }) => `${name}: ${schema.bytesMax}`);

  assertEquals(tooLong, []);
});
