/**
 * What must have happened before a bundle is sent: an own one is synced, so that no later process of the author can
 * make another one with its number; another author's was delivered here, so that a relay can supply what it depends
 * on.
 */

import { bundleId } from "../../../lib/protocols/mesh/log/bundle.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { Bundle } from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";

/** What a process made itself. What earlier processes of its member made is received like that of others. */
interface Own {
  incarnation: number;
  /** By bundle id, the disk's length including the bundle. */
  readonly upTo: Map<string, number>;
}

export class SentAfter implements MeshChecker {
  readonly name = "sent after";
  readonly #own = new Map<MemberProcess, Own>();

  started(process: MemberProcess, records: readonly MeshRecord[]): void {
    this.#own.set(process, { incarnation: 0, upTo: new Map() });
    this.#note(process, records, 0);
  }

  wrote(process: MemberProcess, records: readonly MeshRecord[], from: number): void {
    this.#note(process, records, from);
  }

  compacted(process: MemberProcess, records: readonly MeshRecord[]): void {
    this.started(process, records);
  }

  ended(process: MemberProcess): void {
    this.#own.delete(process);
  }

  bundleSent(process: MemberProcess, bundle: Bundle): void {
    const header = bundle.header.value;
    if (process.member.world.liars.has(header.author)) return;
    const { author, incarnation, counter } = header;
    const { member, probe, label } = process;
    const what = `${label} sends ${
      author === member.key ? "its own" : author
    } ${incarnation} ${counter}`;
    const own = this.#own.get(process)!;
    if (author === member.key && incarnation === own.incarnation) {
      const upTo = own.upTo.get(bundleId(fakeCrypto, bundle.header.bytes));
      if (upTo === undefined || upTo > member.disk.synced) {
        throw new Violation(this.name, `${what} before it is synced`);
      }
    } else if (probe !== null && probe.frontier(header) < counter) {
      throw new Violation(this.name, `${what}, which it hasn't delivered`);
    }
  }

  #note(process: MemberProcess, records: readonly MeshRecord[], from: number): void {
    const own = this.#own.get(process)!;
    for (let at = 0; at < records.length; at++) {
      const record = records[at]!;
      if (record.kind === "incarnation") own.incarnation = record.incarnation;
      if (record.kind !== "bundle" || record.bundle.header.value.author !== process.member.key) {
        continue;
      }
      own.upTo.set(bundleId(fakeCrypto, record.bundle.header.bytes), from + at + 1);
    }
  }
}
