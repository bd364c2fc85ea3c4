import { assert, assertEquals } from "@std/assert";
import fc from "../../fast_check.ts";
import {
  announcingMessage,
  askingMessage,
  goodbyeMessage,
  MESSAGE_BYTES_MAX,
  readMessage,
} from "../../../lib/transport/discovery/dns_messages.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";

const SERVICE = { instance: "k7f3q2", port: 55_107, texts: ["v=12", "title=x"] };
const NOTHING = { isAsking: false, services: [], ended: [] };

Deno.test("readMessage() reads what is asked, announced and taken back", () => {
  const announced = readMessage(announcingMessage(SERVICE, "10.0.0.1"));

  assertEquals(readMessage(askingMessage()), { ...NOTHING, isAsking: true });
  assertEquals(announced, {
    ...NOTHING,
    services: [{ service: { ...SERVICE, host: "10.0.0.1" }, lifeMs: 120_000 }],
  });
  assertEquals(readMessage(goodbyeMessage(SERVICE, "10.0.0.1")), {
    ...NOTHING,
    ended: [SERVICE.instance],
  });
});

Deno.test("readMessage() reads names in any case, and no answer as a question", () => {
  const shouted = announcingMessage(SERVICE, "10.0.0.1");
  for (const [at, byte] of shouted.entries()) {
    // The name of the type as it stands first is one of other cases; "_p2pchat" is what is looked for.
    if (byte === "_".charCodeAt(0) && shouted[at + 1] === "t".charCodeAt(0)) shouted[at + 1]! ^= 32;
  }

  assertEquals(readMessage(shouted)?.services.length, 1);
  const answer = askingMessage();
  answer[2]! |= 0x80;
  assertEquals(readMessage(answer), NOTHING);
});

Deno.test("readMessage() refuses what claims more records than it can have, before memory is taken for them", () => {
  const claims = askingMessage();
  claims.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 6);

  assertEquals(readMessage(claims), null);
  // 65 questions that are there, each but the first by a pointer to its name.
  const one = askingMessage();
  const another = [0xc0, 12, 0, 12, 0, 1];
  const many = (count: number) => {
    const bytes = new Uint8Array([
      ...one,
      ...Array.from({ length: count - 1 }, () => another).flat(),
    ]);
    new DataView(bytes.buffer).setUint16(4, count);
    return readMessage(bytes);
  };
  assertEquals(many(64)?.isAsking, true);
  assertEquals(many(65), null);
  assertEquals(readMessage(new Uint8Array(MESSAGE_BYTES_MAX + 1)), null);
  assertEquals(readMessage(new Uint8Array(11)), null);
});

Deno.test("readMessage() takes no service without a port, with an odd name, or in pieces", () => {
  const cases = [
    { ...SERVICE, port: 0 },
    { ...SERVICE, instance: "Bob's room" },
    { ...SERVICE, instance: "a.b" },
    { ...SERVICE, texts: Array.from({ length: 17 }, () => "x=y") },
  ];

  for (const service of cases) {
    assertEquals(
      readMessage(announcingMessage(service, "10.0.0.1"))?.services,
      [],
      service.instance,
    );
  }
  const whole = announcingMessage(SERVICE, "10.0.0.1");
  const one = whole.slice();
  one[7] = 1; // the pointer alone
  assertEquals(readMessage(one), NOTHING);
});

Deno.test("readMessage() never throws, whatever is changed of a message", () => {
  const messages = [announcingMessage(SERVICE, "10.0.0.1"), askingMessage()];
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });

  fc.assert(fc.property(fc.constantFrom(...messages), changes, fc.nat(), (message, all, cut) => {
    const bytes = message.slice(0, cut % 3 === 0 ? cut % message.length : message.length);
    for (const [at, byte] of all) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    const read = readMessage(bytes);
    for (const { service } of read?.services ?? []) {
      assert(service.port > 0 && /^[a-z0-9-]+$/.test(service.instance));
    }
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    readMessage(bytes);
    readMessage(new Uint8Array([...utf8("\0\0\0\0\0\x01\0\x02\0\0\0\0\x08_p2pchat"), ...bytes]));
  }));
});
