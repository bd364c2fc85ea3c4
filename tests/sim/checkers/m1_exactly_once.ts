/**
 * M1: every message is shown at most once at every member, and exactly once at each member that was in the room
 * when it was sent.
 *
 * Required: a profile that was in the room before a message was typed has been shown it when the room is quiet,
 * whatever happened to its processes meanwhile, if any running member was shown it and could store it. A profile that is
 * started without a note on its disk of what was there when it came, or of anything shown, comes as a newcomer again: a
 * kill within moments of `ready` can't leave such a note, and a user who has seen so little misses nothing. It is in the
 * room from its next `ready` on. Exempt are
 * messages that only liars could have passed on (`withheld.ts`), and those after which more messages follow in
 * room time than are kept. A process that typed a message and still runs shows it itself, or has reported that it
 * isn't sent.
 *
 * For an author a profile is in the room as soon as the author reads that it joined, even if the profile's
 * process is killed before it is `ready`. It must then be shown the author's messages, unless they precede its
 * joining in room time: an author whose clock is behind may send messages that do.
 *
 * Permitted: between showing a message and the record `shown`, a killed process can't know what its user saw.
 * Those messages, and only those, may be shown once more by the next process, as history. Messages that are on
 * the disk at a start and were never shown are shown as history, too. A profile whose disk refused writes may
 * repeat what it couldn't store.
 */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { bundleId } from "../../../lib/protocols/mesh/log/bundle.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MessageEvent, Said } from "../mesh/ledger.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";
import { isPassed } from "./far_behind.ts";

interface Profile {
  /** Messages that the present process may show once more. */
  mayRepeat: Set<Said>;
  /** Messages that were on the disk when the process started, and hadn't been shown by then. */
  stored: Set<Said>;
}

export class ExactlyOnce implements MeshChecker {
  readonly name = "M1";
  readonly #profiles = new Map<Member, Profile>();
  /** By a member's fingerprint: when the process of each stream was first shown that this member joined. */
  readonly #readOf = new Map<string, Map<number, number>>();
  /**
   * Room time at which each profile was first admitted, read from its disk at its first `ready`: the member that
   * admits it again under a later name may be behind in room time.
   */
  readonly #admittedTimes = new Map<Member, number>();
  /** When each profile was in the room first, not counting times of which nothing is on its disk. */
  readonly #readyAtMs = new Map<Member, number>();
  /** Profiles that were put back to an earlier state, perhaps to one from before they joined. */
  readonly #restored = new Set<Member>();
  /** Profiles that left by themselves once: that is on their disks until the log is compacted. */
  readonly #left = new Set<Member>();

  started(process: MemberProcess, records: readonly MeshRecord[]): void {
    const { member } = process;
    const { ledger } = member.world;
    const profile: Profile = { mayRepeat: new Set(), stored: new Set() };
    this.#profiles.set(member, profile);
    if (comesAnew(member)) this.#readyAtMs.delete(member);
    if (hasLeft(member)) this.#left.add(member);
    for (let at = shownUpTo(records); at < records.length; at++) {
      const record = records[at]!;
      if (record.kind !== "bundle") continue;
      for (const text of record.bundle.texts.value) {
        const said = ledger.byText(text);
        if (said !== undefined) {
          (member.shown.has(said) ? profile.mayRepeat : profile.stored).add(said);
        }
      }
    }
  }

  restored(member: Member): void {
    this.#restored.add(member);
    if (member.readyAtMs !== null && !this.#readyAtMs.has(member)) {
      this.#readyAtMs.set(member, member.readyAtMs); // a copy was in the room when its original was
    }
  }

  shown(process: MemberProcess, event: MeshEvent): void {
    const { member } = process;
    const { nowMs } = member.world.time;
    if (event.event === "ready") {
      if (!this.#admittedTimes.has(member)) this.#admittedTimes.set(member, admittedTime(member));
      if (!this.#readyAtMs.has(member)) this.#readyAtMs.set(member, nowMs);
    }
    if (event.event !== "joined") return;
    const readAt = this.#readOf.get(event.key) ?? new Map<number, number>();
    this.#readOf.set(event.key, readAt);
    if (!readAt.has(process.stream)) readAt.set(process.stream, nowMs);
  }

  message(process: MemberProcess, said: Said, event: MessageEvent, again: boolean): void {
    const { member } = process;
    const at = `${member.label} shows "${said.text}"`;
    said.id ??= event.id;
    if (said.id !== event.id) throw this.#broken(`${at} as ${event.id}, others as ${said.id}`);
    if (event.self !== (said.key === member.key)) {
      throw this.#broken(`${at} with self: ${event.self}, n${said.author} typed it`);
    }
    if (said.to !== null) return; // private_messages.ts checks these
    if (event.private) throw this.#broken(`${at} as private, it was typed to all`);
    const profile = this.#profiles.get(member)!;
    if (!again) {
      if (profile.stored.has(said) && !event.history) {
        throw this.#broken(`${at}, on its disk since before its start, without history: true`);
      }
      return;
    }
    if (member.diskFailed) return;
    if (!profile.mayRepeat.delete(said)) throw this.#broken(`${at} twice`);
    if (!event.history) throw this.#broken(`${at} again after a restart without history: true`);
  }

  atQuiet(world: World): void {
    const present = world.judged();
    const alive = new Set<Said>();
    for (const { member } of present) {
      for (const said of member.shown.held()) alive.add(said);
    }
    const { said: all } = world.ledger;
    for (const { member, stream } of present) {
      for (const said of alive) {
        if (
          member.shown.has(said) || member.withheld.has(said) ||
          !(this.#readyAtMs.get(member)! < said.saidAtMs || this.#isSpokenTo(member, said)) ||
          isPassed(said, world.ledger)
        ) continue;
        throw this.#broken(`${member.label} was never shown "${said.text}"`);
      }
      for (const said of all) {
        if (said.stream !== stream || said.to !== null || said.refused || said.lie) continue;
        if (!member.shown.has(said)) {
          throw this.#broken(`${member.label} typed "${said.text}" and was never shown it`);
        }
      }
    }
  }

  /**
   * Whether the author had read that this member joined, and the message is later than the admission on the
   * member's disk.
   */
  #isSpokenTo(member: Member, said: Said): boolean {
    if (member.diskFailed || this.#restored.has(member)) return false;
    if (hasLeft(member) || this.#left.has(member)) return false;
    const readAtMs = this.#readOf.get(fingerprintOf(member.key))?.get(said.stream) ?? Infinity;
    if (said.time === null || readAtMs >= said.saidAtMs) return false;
    return said.time > (this.#admittedTimes.get(member) ?? Infinity);
  }

  #broken(text: string): Violation {
    return new Violation(this.name, text);
  }
}

/** Room time of the earliest of a member's claims; Infinity where it has none, as the founder. */
function admittedTime({ key, disk: { records } }: Member): number {
  const times = records.flatMap((record) =>
    record.kind === "claim" && record.claim.claim.value.key === key
      ? [record.claim.claim.value.time]
      : []
  );
  return Math.min(Infinity, ...times);
}

/** Whether a member's next process knows of nothing that was shown, or was there when it came. The founder's always does. */
function comesAnew({ key, world, disk: { records } }: Member): boolean {
  return key !== world.members[0]?.key &&
    !records.some(({ kind }) => kind === "shown" || kind === "arrival");
}

/** Whether a member left by itself, perhaps before it was ready. */
function hasLeft({ disk: { records } }: Member): boolean {
  return records.some(({ kind }) => kind === "left");
}

/** The index in `records` before which all bundles have been shown, by the last record that says so. */
function shownUpTo(records: readonly MeshRecord[]): number {
  for (let at = records.length - 1; at >= 0; at--) {
    const record = records[at]!;
    if (record.kind !== "shown") continue;
    if (record.through === null) return at;
    // A compacted log has what was still to be shown in the order of delivery, and perhaps once more behind that.
    const arrived = records.findLastIndex((each, index) =>
      index < at && each.kind === "shown" && each.through === null
    );
    for (let before = arrived + 1; before < at; before++) {
      const { kind, bundle } = records[before] as Extract<MeshRecord, { kind: "bundle" }>;
      if (kind === "bundle" && bundleId(fakeCrypto, bundle.header.bytes) === record.through) {
        return before + 1;
      }
    }
  }
  return 0;
}
