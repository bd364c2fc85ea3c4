/**
 * What programs of this version exchange that is in no frame (`frames_io_test.ts`), and no text
 * (`text_samples_io_test.ts`): what goes before a handshake, and datagrams. Whoever must change one of these changes
 * `CHANNEL_VERSION` with it.
 */

import { assertEquals } from "@std/assert";
import type { Fingerprint } from "../../lib/base/text/fingerprint.ts";
import type { RoomId } from "../../lib/base/ids.ts";
import {
  CHANNEL_VERSION,
  decodePreface,
  decodeRefusal,
  encodePreface,
  encodeRefusal,
} from "../../lib/protocols/noise/preface.ts";
import { PacketReader, PacketWriter } from "../../lib/protocols/reliable_datagram/packet.ts";
import {
  CONTENT_KINDS,
  encodeAnswer,
  encodeAttachment,
  encodeCookie,
  encodeInitiation,
  withCookie,
  writeTransportHeader,
} from "../../lib/protocols/sealed_datagram/formats.ts";

const ROOM = "ab".repeat(32) as RoomId;
const FINGERPRINT = "xsazfbd3ockoqe46yrkpuxern4x" as Fingerprint;

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);
const PREFACE = encodePreface(
  { mode: "mesh", room: ROOM, epoch: 7, fingerprint: FINGERPRINT },
  filled(8, 0x5a),
);

Deno.test("the version is that of the bytes below", () => assertEquals(CHANNEL_VERSION, 15));

Deno.test("a preface, and a refusal, are written and read as ever", () => {
  assertEquals(
    PREFACE.toHex(),
    "703270630f0107000000075a5a5a5a5a5a5a5a677c9bad06849f2f9d2d6ea424feac5167ffbcee2a512788b7961bab68f36c82",
  );
  const read = decodePreface(PREFACE, "mesh");
  assertEquals(typeof read === "object" && [read?.epoch, read?.meansRoom(ROOM)], [7, true]);
  const modes = ["mesh", "group", "friends", "directory", "call", "words", "meeting"] as const;
  const none = { room: null, epoch: null, fingerprint: null };
  assertEquals(
    modes.map((mode) => encodePreface({ mode, ...none }, filled(8, 0))[5]),
    [1, 2, 3, 4, 5, 6, 7],
  );
  const reasons = ["version", "wrong-mode", "wrong-room", "full", "bad-credentials", "protocol"];
  for (const [index, reason] of reasons.entries()) {
    const bytes = Uint8Array.of(2, index + 1, 15);
    assertEquals(decodeRefusal(bytes), { refusal: reason, version: 15 });
    assertEquals(encodeRefusal(decodeRefusal(bytes).refusal), bytes);
  }
});

Deno.test("datagrams begin as ever", () => {
  const initiation = encodeInitiation(0x01020304, PREFACE, filled(32, 0x22));
  const begun = initiation.toHex().replace(/(00)+$/, "");
  assertEquals(begun, `0101020304${"00".repeat(16)}${PREFACE.toHex()}${"22".repeat(32)}`);
  assertEquals(initiation.length, 202);
  const cookie = filled(16, 0x33);
  const again = withCookie(initiation, cookie).toHex();
  assertEquals(again, initiation.toHex().replace("00".repeat(16), cookie.toHex()));
  const some = Uint8Array.of(0xee);
  assertEquals(encodeAnswer("response", 5, some).toHex(), "0200000005ee");
  assertEquals(encodeCookie(5, cookie).toHex(), `0300000005${cookie.toHex()}`);
  assertEquals(encodeAnswer("confirmation", 5, some).toHex(), "0400000005ee");
  const header = new Uint8Array(13);
  writeTransportHeader(header, 5, 2 ** 33 + 6);
  assertEquals(header.toHex(), "05000000050000000200000006");
  assertEquals(encodeAttachment(13, 5).toHex(), "0d00000005");
  assertEquals(Object.values(CONTENT_KINDS), [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("a packet of a stream is written and read as ever", () => {
  const writer = new PacketWriter();
  writer.begin({ from: 3, to: 0, number: 300 });
  writer.ack(2, [{ low: 290, high: 299 }, { low: 5, high: 5 }]);
  writer.ping();
  writer.chunk("control", 1_000, Uint8Array.of(1, 2));
  writer.chunk("data", 0, Uint8Array.of(3));
  writer.credit("data", 300_000);
  writer.oneShot(Uint8Array.of(4));
  const packet = "0300ac0201ab022001099b02000203e8070201020400010306e0a712070104";

  assertEquals(writer.take().toHex(), packet);
  const reader = new PacketReader(Uint8Array.fromHex(packet));
  const types: string[] = [];
  for (let frame = reader.next(); frame !== null; frame = reader.next()) types.push(frame.type);
  assertEquals(types, ["ack", "ping", "control", "data", "credit", "one-shot"]);
});
