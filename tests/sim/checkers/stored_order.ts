/**
 * On every disk, at every write: the bundles of a stream have no gap, and no bundle precedes its ancestors or its
 * claim. Also the machine's frontiers: they never decrease, and match the disk at a start and whenever everything
 * that a machine requested was done.
 */

import type { ClaimId } from "../../../lib/base/ids.ts";
import { claimIdOf } from "../../../lib/protocols/mesh/schema/credentials.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { INCARNATIONS_PER_AUTHOR_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import { type StreamKey, streamKey } from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

/** With more messages, an ancestor may not be kept by anybody any more: its descendants are accepted without it. */
const SURELY_KEPT = 9_000;
/** Comparing all streams takes longer than a step, and the longer the more there are: one more step for each. */
const STEPS_BETWEEN_LOOKS = 32;

class Frontiers extends Map<StreamKey, number> {
  at(stream: StreamKey): number {
    return this.get(stream) ?? 0;
  }
}

interface View {
  readonly onDisk: Frontiers;
  claims: Set<ClaimId>;
  readonly seen: Frontiers;
  restored: boolean;
  /** The step at which all streams are looked at again. */
  nextLook: number;
}

export class StoredOrder implements MeshChecker {
  readonly name = "stored order";
  readonly #views = new Map<MemberProcess, View>();

  started(process: MemberProcess, records: readonly MeshRecord[]): void {
    const view: View = {
      onDisk: new Frontiers(),
      claims: claimsIn(records),
      seen: new Frontiers(),
      restored: false,
      nextLook: 0,
    };
    this.#views.set(process, view);
    // Their order was checked when they were written; a compacted log has an order of its own.
    for (const record of records) this.#take(process, view, record, false);
  }

  wrote(process: MemberProcess, records: readonly MeshRecord[]): void {
    const view = this.#views.get(process)!;
    for (const id of claimsIn(records)) view.claims.add(id);
    for (const record of records) this.#take(process, view, record, true);
  }

  compacted(process: MemberProcess, records: readonly MeshRecord[]): void {
    this.#views.get(process)!.claims = claimsIn(records);
  }

  ended(process: MemberProcess): void {
    this.#views.delete(process);
  }

  stepped(process: MemberProcess): void {
    const view = this.#views.get(process)!;
    if (view.restored && process.sim.steps < view.nextLook) return;
    const frontiers = process.probe?.frontiers() ?? null;
    if (frontiers === null) return;
    for (const [stream, counter] of frontiers) {
      if (counter < view.seen.at(stream) && !this.#isLiars(process, stream)) {
        throw this.#broken(
          `the frontier of ${process.label} in ${stream} goes from ${
            view.seen.at(stream)
          } back to ${counter}`,
        );
      }
      view.seen.set(stream, counter);
    }
    view.nextLook = process.sim.steps + STEPS_BETWEEN_LOOKS + view.seen.size;
    if (!view.restored) this.#checkRestored(process, view);
  }

  atQuiet(world: World): void {
    for (const process of world.judged()) {
      if (process.sim.settled && !process.member.diskFailed) {
        this.#compare(process, this.#views.get(process)!);
      }
    }
  }

  /**
   * After the first step with a room, the machine has all that the disk had. What it delivered beyond isn't written
   * yet.
   */
  #checkRestored(process: MemberProcess, view: View): void {
    view.restored = true;
    for (const [stream, counter] of view.onDisk) {
      if (view.seen.at(stream) >= counter || this.#isLiars(process, stream)) continue;
      if (mayBeForgotten(view.onDisk, stream)) continue;
      throw this.#broken(
        `${process.label} begins with ${
          view.seen.at(stream)
        } in ${stream}, its disk has ${counter}`,
      );
    }
  }

  #compare(process: MemberProcess, { onDisk }: View): void {
    if (process.probe === null) return;
    const held = new Frontiers(process.probe.frontiers() ?? []);
    for (const stream of new Set([...held.keys(), ...onDisk.keys()])) {
      if (held.at(stream) === onDisk.at(stream) || this.#isLiars(process, stream)) continue;
      if (!held.has(stream) && mayBeForgotten(onDisk, stream)) continue;
      throw this.#broken(
        `the frontier of ${process.label} in ${stream} is ${held.at(stream)}, its disk says ${
          onDisk.at(stream)
        }`,
      );
    }
  }

  #take(process: MemberProcess, view: View, record: MeshRecord, inOrder: boolean): void {
    const { onDisk } = view;
    if (record.kind === "frontier") {
      for (const entry of record.entries) {
        const stream = streamKey(entry);
        onDisk.set(stream, Math.max(onDisk.at(stream), entry.counter));
      }
    } else if (record.kind === "bundle") {
      const header = record.bundle.header.value;
      const { world } = process.member;
      const { ledger, subject } = world;
      const stream = streamKey(header);
      const what = `${process.label} writes ${stream} ${header.counter}`;
      // After a disk has refused a bundle, there is a gap that nobody can fill while the process runs.
      if (inOrder && !process.member.diskFailed && world.isHonest(header.author)) {
        if (header.counter !== onDisk.at(stream) + 1) {
          throw this.#broken(`${what} after ${onDisk.at(stream)}`);
        }
        if (subject.features.claims && !view.claims.has(header.claim)) {
          throw this.#broken(`${what} before its claim`);
        }
        // On the word of liars alone a newcomer goes on without an ancestor: docs/security.md.
        const neighbours = [...process.probe?.activeView() ?? []];
        const isAmongLiars = neighbours.length > 0 &&
          neighbours.every((key) => world.liars.has(key));
        for (const head of header.heads) {
          if (ledger.said.length > SURELY_KEPT || isAmongLiars) break;
          // Where only a liar still has an invented bundle, members go on without it.
          if (!world.isHonest(head.author) || head.counter <= onDisk.at(streamKey(head))) continue;
          throw this.#broken(`${what} before its ancestor ${streamKey(head)} ${head.counter}`);
        }
      }
      onDisk.set(stream, Math.max(onDisk.at(stream), header.counter + header.count - 1));
    }
  }

  /** The frontier of a liar's stream may be lower than what was delivered: a proof of equivocation cuts it off. */
  #isLiars({ member }: MemberProcess, stream: StreamKey): boolean {
    const { liars } = member.world;
    return liars.size > 0 && [...liars].some((key) => stream.startsWith(key));
  }

  #broken(text: string): Violation {
    return new Violation(this.name, text);
  }
}

/** Whether its author has started so often since that a machine forgets the stream, of which it keeps nothing. */
function mayBeForgotten(onDisk: Frontiers, stream: StreamKey): boolean {
  const [author, incarnation] = stream.split("/") as [string, string];
  const isLater = (other: StreamKey) =>
    other.startsWith(`${author}/`) && Number(other.split("/")[1]) > Number(incarnation);
  return [...onDisk.keys()].filter(isLater).length >= INCARNATIONS_PER_AUTHOR_MAX;
}

function claimsIn(records: readonly MeshRecord[]): Set<ClaimId> {
  const ids = new Set<ClaimId>();
  for (const record of records) {
    if (record.kind === "claim") ids.add(claimIdOf(fakeCrypto, record.claim));
  }
  return ids;
}
