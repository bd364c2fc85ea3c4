/** Parts of a member, each alone: what the part does, in words. */

import type { PeerKey } from "../../../../lib/base/ids.ts";
import { HeldBatches } from "../../../../lib/protocols/group/log/held_batches.ts";
import { Promises } from "../../../../lib/protocols/group/log/promises.ts";
import { HistoryEnd, type SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import type { MemberEffect } from "../../../../lib/protocols/group/schema/member_io.ts";
import { MemberOutput } from "../../../../lib/protocols/group/schema/member_output.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { PartOutput } from "../../part_output.ts";
import { viewOf } from "../coordinator/coordinator_parts.ts";
import { FOUNDING, GROUP, keyOf, OWN, Somebody } from "../coordinator_program.ts";

const NAMES = ["ann", "bob", "cem", "eve"] as const;

export function nameOf(key: PeerKey | null): string {
  return key === null ? "coordinator" : NAMES.find((name) => keyOf(name) === key) ?? "?";
}

export function memberOutput(): PartOutput<MemberEffect, MemberOutput> {
  return new PartOutput<MemberEffect, MemberOutput>(new MemberOutput(() => true), wordsOf);
}

function wordsOf(effect: MemberEffect): string {
  switch (effect.type) {
    case "tell":
      return `${effect.peers.map(nameOf).join(" ")}: ${effect.message.type}`;
    case "persist":
      return `disk: ${effect.records.map(({ kind }) => kind).join(" ")}`;
    case "show": {
      const { event } = effect;
      if (event.event === "notice") return event.text;
      return "name" in event ? `${event.event} ${event.name}` : event.event;
    }
    default:
      return effect.type;
  }
}

/** What members hold when this was said, in the view of Ann, Bob and Cem; none of it is in the log. */
export function heldOf(...batches: readonly SignedBatch[]): HeldBatches {
  const held = new HeldBatches(new HistoryEnd(fakeCrypto, GROUP));
  for (const batch of batches) held.append(batch);
  return held;
}

/** Says texts in the view of Ann, Bob and Cem, the first with that view. */
export function speaker(name: string): Somebody {
  const somebody = new Somebody(name, GROUP);
  somebody.epoch = viewOf(1, "ann", "bob", "cem");
  return somebody;
}

/** Of one for whom the view of these has begun. */
export function begunIn(...names: readonly string[]): Promises {
  const promises = new Promises();
  promises.enter(GROUP, FOUNDING, OWN.key);
  promises.promise({ number: 1, round: 0 }, false);
  promises.begin(viewOf(1, ...names));
  return promises;
}
