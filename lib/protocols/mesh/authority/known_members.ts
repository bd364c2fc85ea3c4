/**
 * Who has ever been in a private room. A claim alone doesn't say so: who is in the room can admit keys of its own in any
 * number that nobody sees, and come back by one of them when it is removed.
 *
 * A key counts that was present while we were, as the user was shown, or that was admitted by somebody who has been in
 * the room and isn't removed: others, who weren't here then, have seen it.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { ADMITTERS_ASKED_MAX, SEEN_MAX, STAYS_MAX } from "../schema/limits.ts";
import { inParts, type MeshRecord } from "../schema/records.ts";
import type { Claim } from "../schema/structures.ts";

/** What is asked of the roster and the rulings. */
interface ClaimsPort {
  /** All checked claims of this key. */
  claimsOf(key: PeerKey): Iterable<Pick<Claim, "admitter">>;
  /** All checked claims that this key has admitted. */
  admittedBy(key: PeerKey): Iterable<Pick<Claim, "key">>;
  isRemoved(key: PeerKey): boolean;
}

export class KnownMembers {
  /** That were present with us, who came first at the start; at most `SEEN_MAX`. */
  readonly #seen = new Set<PeerKey>();

  /**
   * @param records The room's records on disk.
   * @param always Who needs nobody to say so: ourselves, and the founder.
   */
  constructor(
    records: readonly MeshRecord[],
    readonly always: readonly PeerKey[],
    readonly port: ClaimsPort,
  ) {
    for (const record of records) {
      if (record.kind === "seen") { for (const key of record.keys) this.#note(key); }
    }
  }

  /** The key's owner is present. @returns The record to write; null where it was written. */
  came(key: PeerKey): MeshRecord | null {
    const isFresh = !this.#seen.has(key);
    this.#note(key);
    return isFresh ? { kind: "seen", keys: [key] } : null;
  }

  #note(key: PeerKey): void {
    this.#seen.add(key);
    if (this.#seen.size <= SEEN_MAX) return;
    const kept = new Set(this.#share((seen) => this.#seen.has(seen)));
    for (const seen of this.#seen) if (!kept.has(seen)) this.#seen.delete(seen);
  }

  /** Whether the key has been in the room, removed or not. */
  has(key: PeerKey): boolean {
    const asked = new Set([key]);
    for (const one of asked) {
      if (asked.size > ADMITTERS_ASKED_MAX) return false;
      if (this.#seen.has(one) || this.always.includes(one)) return true;
      for (const { admitter } of this.port.claimsOf(one)) {
        if (!this.port.isRemoved(admitter)) asked.add(admitter);
      }
    }
    return false;
  }

  /**
   * The keys that have been in the room and aren't removed, at most `STAYS_MAX`: of more, a fair share of all that each
   * has let in, as any member can make up more of them.
   */
  stay(): readonly PeerKey[] {
    return this.#share((key) => !this.port.isRemoved(key));
  }

  /** Those of whom nothing is known any more that leads to the founder, or to us, have a share together. */
  #share(isNamed: (key: PeerKey) => boolean): readonly PeerKey[] {
    const tree = new Map<PeerKey, Branch>();
    const admittedBy = (key: PeerKey) => this.#admittedBy(key);
    const led = grow(tree, this.always, admittedBy);
    const others = grow(tree, this.#seen, admittedBy);
    const all: Branch = { key: null, admitted: [...led.admitted, others] };
    return fairShare(all, STAYS_MAX, isNamed);
  }

  /** Whom the key has let in; of those whom a removed one has, who was seen. */
  *#admittedBy(admitter: PeerKey): Generator<PeerKey, undefined> {
    const isRemoved = this.port.isRemoved(admitter);
    for (const { key } of this.port.admittedBy(admitter)) {
      if (!isRemoved || this.#seen.has(key)) yield key;
    }
  }

  /** The records that a compacted log holds. */
  snapshot(): readonly MeshRecord[] {
    return inParts([...this.#seen]).filter((keys) => keys.length > 0)
      .map((keys) => ({ kind: "seen", keys }));
  }
}

/** A member, or null where several are put together, and those that it has let in, who are known longest first. */
interface Branch {
  readonly key: PeerKey | null;
  readonly admitted: Branch[];
}

/**
 * The tree of all that the roots have let in, or one of these; each once, as near to the roots as can be.
 * @param tree Gets the branches; keys that are in it are passed over.
 */
export function grow(
  tree: Map<PeerKey, Branch>,
  roots: Iterable<PeerKey>,
  admittedBy: (key: PeerKey) => Iterable<PeerKey>,
): Branch {
  const root: Branch = { key: null, admitted: [] };
  const add = (to: Branch, keys: Iterable<PeerKey>) => {
    for (const key of keys) {
      if (tree.has(key)) continue;
      const branch = { key, admitted: [] };
      tree.set(key, branch);
      to.admitted.push(branch);
      grown.push(branch);
    }
  };
  const grown: Branch[] = [];
  add(root, roots);
  for (const branch of grown) add(branch, admittedBy(branch.key!));
  return root;
}

/**
 * At most `places` of the keys for which `isNamed`, those nearest to the root first.
 *
 * Anybody in the room can let in made-up members in any number, who let in others in turn. So the places are shared out
 * fairly from the top down (max-min fairness): each member's go to those that it has let in, with all who came in
 * through them, in equal parts, and what one doesn't need goes to the others. Whoever makes up members takes places from
 * those alone that came in through itself, where it has been let in once.
 */
function fairShare(
  root: Branch,
  places: number,
  isNamed: (key: PeerKey) => boolean,
): readonly PeerKey[] {
  const branches = [root];
  for (const { admitted } of branches) for (const one of admitted) branches.push(one);
  const isOne = ({ key }: Branch) => key !== null && isNamed(key);
  const sizes = new Map<Branch, number>();
  for (const branch of branches.toReversed()) {
    sizes.set(branch, branch.admitted.reduce((sum, one) => sum + sizes.get(one)!, +isOne(branch)));
  }
  const named: PeerKey[] = [];
  const shares = new Map([[root, places]]);
  for (const branch of branches) {
    let share = shares.get(branch)!;
    if (share > 0 && isOne(branch)) {
      named.push(branch.key!);
      share--;
    }
    const parts = maxMin(branch.admitted.map((one) => sizes.get(one)!), share);
    branch.admitted.forEach((one, at) => shares.set(one, parts[at]!));
  }
  return named;
}

/** How many places each gets of those that it wants. What can't be divided equally goes to the first. */
function maxMin(wanted: readonly number[], places: number): readonly number[] {
  let [left, among] = [places, wanted.length];
  for (const size of wanted.toSorted((a, b) => a - b)) {
    if (size * among > left) break;
    left -= size;
    among--;
  }
  if (among === 0) return wanted;
  const level = Math.floor(left / among);
  let over = left % among;
  return wanted.map((size) => size <= level ? size : level + (over-- > 0 ? 1 : 0));
}
