/**
 * G10: what was said in the group is sent only to those that the sender's user is shown: the members of a view, and
 * newcomers that are shown as joining; and to nobody whom the coordinator hasn't shown either, and so to all others.
 * Looks at each step's effects in their order, before any is performed.
 */

import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { isContent } from "../../../../lib/protocols/group/schema/messages.ts";
import type { Checker } from "../checker.ts";
import { CoordinatorProcess } from "../coordinator_process.ts";
import { MemberProcess } from "../member_process.ts";
import type { AnyEffect, AnyInput, AnyProcess } from "../process.ts";
import { Violation } from "../violation.ts";

export class OnlyListed implements Checker {
  /** The keys, as fingerprints, that each process shows as joining; by name, as they are said to have gone. */
  readonly #joining = new WeakMap<AnyProcess, Map<string, string>>();
  /** The members of the views that count at each process, as of its last step. */
  readonly #viewed = new WeakMap<AnyProcess, ReadonlySet<string>>();

  /** The keys that the coordinator ever showed as joining, or decided on. */
  readonly #announced = new Set<string>();

  took(process: AnyProcess, _: AnyInput, effects: readonly AnyEffect[]): void {
    if (process instanceof CoordinatorProcess) this.#announces(effects);
    if (!(process instanceof MemberProcess) || process.party.lie !== null) return;
    const joining = this.#joining.get(process) ?? new Map<string, string>();
    this.#joining.set(process, joining);
    const before = this.#viewed.get(process) ?? new Set();
    const now = new Set(process.member.viewed.map(({ key }) => fingerprintOf(key)));
    this.#viewed.set(process, now);
    const isListed = (key: PeerKey) => {
      const fingerprint = fingerprintOf(key);
      return joining.has(fingerprint) || now.has(fingerprint) || before.has(fingerprint);
    };
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
      const stranger = effect.peers.find((key) => !isListed(key));
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
