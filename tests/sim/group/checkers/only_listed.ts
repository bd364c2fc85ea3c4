/**
 * G10: what was said in the group is sent only to those that the sender's user is shown: the members of a view, and
 * newcomers that are shown as joining; and to nobody whom the coordinator hasn't shown either, and so to all others.
 * A member in no view, which shows no other members, may bring those of its last view what was said in it until it is
 * out of it, and nothing that was said in a later one. Looks at each step's effects in their order, before any is
 * performed.
 */

import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { SignedEpoch } from "../../../../lib/protocols/group/schema/epoch.ts";
import { type GroupMessage, isContent } from "../../../../lib/protocols/group/schema/messages.ts";
import type { Checker } from "../checker.ts";
import { CoordinatorProcess } from "../coordinator_process.ts";
import { MemberProcess } from "../member_process.ts";
import type { AnyEffect, AnyInput, AnyProcess } from "../process.ts";
import { Violation } from "../violation.ts";

/** A member's present view; in none, the last one that it isn't out of. */
interface Counting {
  readonly members: readonly PeerKey[];
  /** Views after this one say nothing that its members may hear. */
  readonly through: number;
}

function countingAt({ member: { epoch, standing } }: MemberProcess): Counting {
  if (epoch !== null) return { members: keysOf(epoch), through: Infinity };
  const { begun, isOut, isLost } = standing;
  if (begun === null || isOut || isLost) return { members: [], through: 0 };
  return { members: keysOf(begun), through: begun.epoch.value.view };
}

function keysOf({ epoch: { value: { members } } }: SignedEpoch): readonly PeerKey[] {
  return members.map(({ key }) => key);
}

function isOwedBy({ members, through }: Counting, key: PeerKey, message: GroupMessage): boolean {
  const batches = message.type === "history" ? message.batches : [];
  return members.includes(key) &&
    batches.every(({ view }) => (view?.recorded.value.view ?? 0) <= through);
}

export class OnlyListed implements Checker {
  /** The keys, as fingerprints, that each process shows as joining; by name, as they are said to have gone. */
  readonly #joining = new WeakMap<AnyProcess, Map<string, string>>();
  /** The view that counts at each process, as of its last step. */
  readonly #counting = new WeakMap<AnyProcess, Counting>();

  /** The keys that the coordinator ever showed as joining, or decided on. */
  readonly #announced = new Set<string>();

  took(process: AnyProcess, _: AnyInput, effects: readonly AnyEffect[]): void {
    if (process instanceof CoordinatorProcess) this.#announces(effects);
    if (!(process instanceof MemberProcess) || process.party.lie !== null) return;
    const joining = this.#joining.get(process) ?? new Map<string, string>();
    this.#joining.set(process, joining);
    const now = countingAt(process);
    const views = [this.#counting.get(process) ?? now, now];
    this.#counting.set(process, now);
    const isListed = (key: PeerKey, message: GroupMessage) =>
      joining.has(fingerprintOf(key)) || views.some((view) => isOwedBy(view, key, message));
    const over = new Set<string>();
    for (const effect of effects) {
      if (effect.type === "show") {
        const { event } = effect;
        if (event.event === "joining") joining.set(event.key, event.name);
        if (event.event === "left") {
          for (const [key, name] of joining) if (name === event.name) over.add(key);
          for (const key of over) joining.delete(key);
        }
      }
      if (effect.type !== "tell" || !isContent(effect.message)) continue;
      const sends = (key: PeerKey) =>
        `G10: ${process.name} sends ${effect.message.type} to ${fingerprintOf(key)}, which `;
      const stranger = effect.peers.find((key) => !isListed(key, effect.message));
      if (stranger !== undefined) throw new Violation(`${sends(stranger)}its user isn't shown`);
      const hidden = effect.peers.find((key) => !this.#announced.has(fingerprintOf(key)));
      if (hidden !== undefined) throw new Violation(`${sends(hidden)}nobody else is shown`);
    }
  }

  #announces(effects: readonly AnyEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "show" && effect.event.event === "joining") {
        this.#announced.add(effect.event.key);
      }
      if (effect.type !== "persist") continue;
      for (const record of effect.records) {
        if (record.kind !== "decided") continue;
        const { members } = record.signed.epoch.value;
        for (const { key } of members) this.#announced.add(fingerprintOf(key));
      }
    }
  }
}
