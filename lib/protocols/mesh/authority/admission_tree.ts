/**
 * Who has let in whom, and who of a crowd is named where there is no place for all.
 *
 * Anybody in the room can let in made-up members in any number, who let in others in turn. So the places are shared out
 * fairly from the top down (max-min fairness): each member's go to those that it has let in, with all who came in
 * through them, in equal parts, and what one doesn't need goes to the others. Whoever makes up members takes places from
 * those alone that came in through itself, where it has been let in once.
 */

import type { PeerKey } from "../../../base/ids.ts";

/** A member, or null where several are put together, and those that it has let in, who are known longest first. */
export interface Branch {
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

/** At most `places` of the keys for which `isNamed`, those nearest to the root first. */
export function fairShare(
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
