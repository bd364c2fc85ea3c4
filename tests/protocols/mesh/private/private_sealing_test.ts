/** What only its receiver can read, and only its sender can have written. */

import { assertEquals } from "@std/assert";
import { nodeCrypto, nodeSigner } from "../../../../lib/base/crypto/crypto.ts";
import type { RoomId } from "../../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../../lib/base/machine/environment.ts";
import { PrivateSealing } from "../../../../lib/protocols/mesh/private/private_sealing.ts";
import type { PrivateEnvelope } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { ROOM } from "../private_people.ts";

const signerOf = (seed: number) => nodeSigner(new Uint8Array(32).fill(seed));

function sealingOf(seed: number, room: RoomId = ROOM, signer = signerOf(seed)) {
  let drawn = seed * 100;
  return new PrivateSealing(room, signer, {
    random: () => 0,
    randomBytes: (length) => new Uint8Array(length).fill(++drawn),
    wallMs: () => 0,
    crypto: nodeCrypto,
    log: SILENT_LOGGER,
  });
}

const CONTENT = { previous: 3, late: false, sentAt: 5, heads: [], text: "only for you" };

function sealed(by: PrivateSealing, to: PrivateSealing, content = CONTENT): PrivateEnvelope {
  const place = { to: to.signer.key, incarnation: 1, counter: 4, kind: "message" } as const;
  const [effect] = by.flood(place, to.boxKey, content);
  return effect?.type === "flood" ? effect.envelope : null!;
}

Deno.test("PrivateSealing: its receiver reads what was sealed, and nobody else", () => {
  const [ann, bob, cem] = [1, 2, 3].map((seed) => sealingOf(seed)) as [
    PrivateSealing,
    PrivateSealing,
    PrivateSealing,
  ];
  const envelope = sealed(ann, bob);
  assertEquals([bob.open(envelope), cem.open(envelope)], [CONTENT, null]);
  assertEquals(cem.open({ ...envelope, boxKey: cem.boxKey }), null);
});

Deno.test("PrivateSealing: nothing that was put elsewhere, or is said to be somebody else's, is opened", () => {
  const [ann, bob] = [sealingOf(1), sealingOf(2)];
  const envelope = sealed(ann, bob);
  const other = "cd".repeat(32);
  for (
    const change of [
      { room: other as RoomId },
      { from: sealingOf(3).signer.key },
      { to: sealingOf(3).signer.key },
      { incarnation: 2 },
      { counter: 5 },
      { kind: "acknowledgement" as const },
    ]
  ) assertEquals(bob.open({ ...envelope, ...change }), null, Object.keys(change).join());
  const cem = signerOf(3);
  const asAnn = sealingOf(3, ROOM, { key: ann.signer.key, sign: (data) => cem.sign(data) });
  assertEquals(bob.open(sealed(asAnn, bob)), null, "who says to be Ann");
});

Deno.test("PrivateSealing: the box key before the present one still opens, those before it don't", () => {
  const [ann, bob] = [sealingOf(1), sealingOf(2)];
  const envelope = sealed(ann, bob);
  bob.renewBoxKey();
  assertEquals(bob.open(envelope)?.text, CONTENT.text);
  bob.renewBoxKey();
  assertEquals(bob.open(envelope), null);
});

Deno.test("PrivateSealing: a short text is as long as others; to an impossible key nothing is sealed", () => {
  const [ann, bob] = [sealingOf(1), sealingOf(2)];
  const lengthOf = (text: string) => sealed(ann, bob, { ...CONTENT, text }).sealed.length;
  assertEquals(lengthOf(""), lengthOf("x".repeat(256)));
  assertEquals(lengthOf("x".repeat(257)) > lengthOf("x".repeat(256)), true);
  const place = { to: bob.signer.key, incarnation: 1, counter: 1, kind: "message" } as const;
  assertEquals(ann.flood(place, new Uint8Array(32), CONTENT), []);
});

Deno.test("PrivateSealing: a message has one id at both ends, and of each place another", () => {
  const [ann, bob] = [sealingOf(1), sealingOf(2)];
  const id = (by: PrivateSealing, counter: number) =>
    by.messageId(ann.signer.key, bob.signer.key, 1, counter);
  assertEquals(id(ann, 1), id(bob, 1));
  assertEquals(
    new Set([id(ann, 1), id(ann, 2), id(sealingOf(1, "cd".repeat(32) as RoomId), 1)]).size,
    3,
  );
});
