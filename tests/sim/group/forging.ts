/** A malicious member that decides on edits, and a coordinator that has changed its key. */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import { signEditRequest } from "../../../lib/protocols/group/schema/edit.ts";
import { COORDINATOR_NAME, signBatch } from "../../../lib/protocols/group/schema/history.ts";
import { idOfPlace } from "../../../lib/protocols/group/identity/consents.ts";
import { fakeCrypto, fakeSigner } from "../fake_crypto.ts";
import type { Stage } from "./stage.ts";
import type { Hash } from "../../../lib/base/ids.ts";

/** Appends an edit that the member has decided and signed itself to its log; it must be alone in the group. */
export function forge(stage: Stage, number: number, seq: number, text: string): void {
  const party = stage.member(number);
  const { signer, disk, name } = party;
  party.isAdversary = true;
  stage.kill(number);
  const { group } = disk.log!;
  const process = new Uint8Array(8).fill(9);
  const request = signEditRequest(signer, {
    group,
    requester: signer.key,
    name,
    incarnation: process,
    number: 1,
    askedAt: 0,
    seq,
    entry: idOfPlace(fakeCrypto, disk.log!.end.places.at(seq)),
    old: "0d".repeat(32) as Hash,
    text,
  });
  const batch = signBatch(signer, {
    kind: "edits",
    signedIn: { number: 0, round: 0 },
    rules: null,
    group,
    author: signer.key,
    name: COORDINATOR_NAME,
    incarnation: process,
    counter: 1,
    sentAt: 0,
    texts: [],
    edits: [{ edit: 7_777, signed: request, view: 1, agreed: [] }],
  });
  disk.restoreImage([...disk.records, { kind: "log", batch }]);
  stage.start(number);
}

/** The coordinator loses its key, but nothing else; all members accept the new one. */
export function changeKey(stage: Stage): void {
  const { world } = stage;
  const { coordinator, members } = world;
  if (coordinator.process !== null) world.end(coordinator.process, false);
  const signer: Signer = fakeSigner(`another than ${coordinator.signer.key}`);
  coordinator.signer = signer;
  world.startCoordinator();
  for (const { process, pins } of members) {
    if (process !== null) {
      stage.until("it meets the other key", () => process.member.session.link.key.strange !== null);
      process.command({ command: "trust", name: COORDINATOR_NAME });
    } else if (pins.has(COORDINATOR_NAME)) pins.set(COORDINATOR_NAME, fingerprintOf(signer.key));
  }
}
