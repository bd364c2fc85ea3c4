/**
 * Private messages are shown only to their sender and their receiver, and to the receiver once, in the order in
 * which they were typed. A message reported to its sender as queued is delivered once both are present, whatever
 * happened to either process or machine meanwhile; and a message reported as delivered was shown. It is sealed to
 * the member whom its sender knows by the typed name.
 *
 * Permitted: if a process ends between showing a message and recording that, its profile can't know. Those
 * messages, and only those, may be shown once more by the next process, as history. So may those whose record the
 * disk refused. A sender's profile that is restored from an old image has the messages that waited then; a
 * receiver's lacks what it was shown later, which the sender no longer has. And a member that a liar invented may
 * have the name of somebody whom the sender never met: what is typed for that name is for the invented member
 * (`known_names.ts`).
 */

import type { LinkId } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MessageEvent, Said } from "../mesh/ledger.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";
import { KnownNames } from "./known_names.ts";

type QueuedRecord = Extract<MeshRecord, { readonly kind: "private-queued" }>;

/** A profile's own messages on disk, as recorded. */
interface Profile {
  /** Messages reported as queued, and nothing else since. */
  readonly awaited: Set<Said>;
  /** Messages shown but not recorded when the present process began: it may repeat them. */
  mayRepeat: Set<Said>;
}

export class PrivateMessages implements MeshChecker {
  readonly name = "private messages";
  readonly #profiles = new Map<Member, Profile>();
  readonly #shown = new Set<Said>();
  readonly #names = new KnownNames();
  /** Messages typed for a name that an invented member had. */
  readonly #forNobody = new Set<Said>();
  readonly #byId = new Map<string, Said>();
  /** The stream of each message, from its record: (sender, receiver, incarnation); and its counter. */
  readonly #streams = new Map<Said, string>();
  readonly #counters = new Map<Said, number>();
  /** Places of messages that were synced before they were sent. */
  readonly #synced = new Map<Member, Set<string>>();

  started(process: MemberProcess, records: readonly MeshRecord[]): void {
    const { member } = process;
    const { awaited } = this.#profileOf(member);
    if (member.diskFailed) this.#names.knowOnly(member, records);
    this.#synced.set(member, new Set());
    const waiting = this.#waitingIn(member, records);
    for (const said of awaited) {
      if (waiting.has(said)) continue;
      if (!this.#shown.has(said)) {
        throw this.#broken(`the disk of ${member.label} lacks "${said.text}"`);
      }
      awaited.delete(said); // it was acknowledged, but that wasn't reported
    }
    const noted = new Map<string, number>();
    for (const record of records) {
      if (record.kind !== "private-received") continue;
      const stream = streamOf(record.from, member.key, record.incarnation);
      noted.set(stream, Math.max(noted.get(stream) ?? 0, record.counter));
    }
    const isNoted = (said: Said) =>
      this.#counters.get(said)! <= (noted.get(this.#streams.get(said)!) ?? 0);
    this.#profileOf(member).mayRepeat = new Set(
      member.shown.order.filter((said) => said.to === member.key && !isNoted(said)),
    );
  }

  restored(member: Member): void {
    const { awaited } = this.#profileOf(member);
    this.#names.knowOnly(member, member.disk.records);
    awaited.clear();
    // What no process came to show was promised to nobody, and its end can't be told from another message's.
    const promised = new Set(this.#byId.values());
    for (const said of this.#waitingIn(member, member.disk.records)) {
      if (promised.has(said)) awaited.add(said);
    }
  }

  wrote({ member, label }: MemberProcess, records: readonly MeshRecord[]): void {
    const { key, world: { ledger } } = member;
    for (const record of records) {
      if (record.kind !== "private-queued") continue;
      const said = ledger.byText(record.text);
      if (said === undefined) throw this.#broken(`${label} keeps "${record.text}"`);
      if (record.to !== said.to) this.#forAnother(member, said, record);
      this.#streams.set(said, streamOf(key, record.to, record.incarnation));
      this.#counters.set(said, record.counter);
    }
  }

  /** The typed name means another member here than the one that the simulator means by it. */
  #forAnother(member: Member, said: Said, { to, name, text }: QueuedRecord): void {
    const isReal = member.world.members.some(({ key }) => key === to);
    if (isReal || member.world.liars.size === 0 || !this.#names.mayMean(member, name, to)) {
      throw this.#broken(`${member.label} seals "${text}" for ${name} to somebody else's key`);
    }
    this.#forNobody.add(said);
  }

  sent(process: MemberProcess, _link: LinkId, message: MeshMessage): void {
    const { member } = process;
    if (message.type !== "private") return;
    const { kind, from, to, incarnation, counter } = message.envelope;
    if (kind !== "message" || from !== member.key) return;
    const place = `${streamOf(from, to, incarnation)} ${counter}`;
    const known = this.#synced.get(member)!;
    if (known.has(place)) return;
    const { records, synced } = member.disk;
    const isSynced = records.slice(0, synced).some((record) =>
      record.kind === "private-queued" && record.to === to && record.counter === counter &&
      record.incarnation === incarnation
    );
    if (!isSynced) throw this.#broken(`${process.label} sends ${place} before it is synced`);
    known.add(place);
  }

  message(process: MemberProcess, said: Said, event: MessageEvent, again: boolean): void {
    if (said.to === null) return;
    const { member, label } = process;
    if (!event.private) throw this.#broken(`${label} shows "${said.text}" as said to all`);
    if (member.key !== said.to && member.key !== said.key) {
      throw this.#broken(`${label} shows "${said.text}", which is private to others`);
    }
    this.#byId.set(event.id, said);
    if (member.key !== said.to) return;
    this.#shown.add(said);
    if (!again) return this.#checkOrder(member, said);
    if (!this.#profileOf(member).mayRepeat.delete(said) && !member.diskFailed) {
      throw this.#broken(`${label} shows "${said.text}" twice`);
    }
    if (!event.history) throw this.#broken(`${label} shows "${said.text}" again, not as history`);
  }

  /** Checks the order of messages from each sender's profile. */
  #checkOrder(member: Member, said: Said): void {
    const later = member.shown.order.find((other) =>
      other.to === member.key && other.author === said.author && other.index > said.index
    );
    if (later !== undefined) {
      throw this.#broken(`${member.label} shows "${said.text}" after "${later.text}"`);
    }
  }

  shown(process: MemberProcess, event: MeshEvent): void {
    this.#names.shown(process, event);
    if (event.event !== "delivery") return;
    const { member, label } = process;
    const said = this.#byId.get(event.id);
    const { awaited } = this.#profileOf(member);
    if (event.state === "queued") {
      if (said === undefined) {
        throw this.#broken(`${label} queues ${event.id}, which it didn't show`);
      }
      if (!this.#forNobody.has(said)) awaited.add(said);
      return;
    }
    if (said === undefined) return; // its process ended before the message was shown
    awaited.delete(said);
    if (event.state === "delivered" && !this.#shown.has(said)) {
      throw this.#broken(`${label} is told that "${said.text}" arrived, which was never shown`);
    }
  }

  atQuiet(world: World): void {
    const present = world.judged();
    const runs = new Map(present.map((process) => [process.member.key as string, process]));
    for (const { member } of present) {
      for (const said of this.#profileOf(member).awaited) {
        const receiver = runs.get(said.to!);
        if (receiver === undefined) continue;
        throw this.#broken(`"${said.text}" of ${member.label} waits for ${receiver.label}`);
      }
    }
  }

  #profileOf(member: Member): Profile {
    let profile = this.#profiles.get(member);
    if (profile === undefined) {
      this.#profiles.set(member, profile = { awaited: new Set(), mayRepeat: new Set() });
    }
    return profile;
  }

  /** The messages waiting on a disk. */
  #waitingIn({ world: { ledger } }: Member, records: readonly MeshRecord[]): Set<Said> {
    const waiting = new Map<string, QueuedRecord>();
    for (const record of records) {
      if (record.kind === "private-queued") waiting.set(placeOf(record), record);
      if (record.kind === "private-ended") waiting.delete(placeOf(record));
    }
    const all = [...waiting.values()].map(({ text }) => ledger.byText(text));
    return new Set(
      all.filter((said) => said !== undefined).filter((said) => !this.#forNobody.has(said)),
    );
  }

  #broken(text: string): Violation {
    return new Violation(this.name, text);
  }
}

function streamOf(from: string, to: string, incarnation: number): string {
  return `${from} ${to} ${incarnation}`;
}

function placeOf(
  { to, incarnation, counter }: Pick<QueuedRecord, "to" | "incarnation" | "counter">,
): string {
  return `${to} ${incarnation} ${counter}`;
}
