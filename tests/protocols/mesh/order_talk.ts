/** A random conversation: who saw what when is drawn, what follows from it are the bundles. */

import fc from "fast-check";
import type { Bundle } from "../../../lib/protocols/mesh/schema/structures.ts";
import { Member, type MemberOptions } from "./order_members.ts";

/** One event: somebody says lines, after having received some of what was said before. */
export interface TalkStep {
  readonly author: number;
  readonly lines: number;
  /** Which of the earlier bundles the author gets first; indices, taken modulo what there is. */
  readonly sees: readonly number[];
}

export const AUTHORS = 4;

export const talkSteps: fc.Arbitrary<readonly TalkStep[]> = fc.array(
  fc.record({
    author: fc.nat(AUTHORS - 1),
    lines: fc.integer({ min: 1, max: 3 }),
    sees: fc.array(fc.nat(50), { maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 14 },
);

/** The bundles of a conversation, in the order in which they were made. */
export function talk(steps: readonly TalkStep[], options: MemberOptions = {}): readonly Bundle[] {
  const authors = Array.from({ length: AUTHORS }, (_, n) => new Member(`author ${n}`, options));
  const other = new Member("the network");
  const all: Bundle[] = [];
  steps.forEach(({ author, lines, sees }, step) => {
    const member = authors[author]!;
    for (const index of sees) {
      if (all.length > 0) member.receive(other, all[index % all.length]!);
    }
    const texts = Array.from({ length: lines }, (_, line) => `${step}.${line}`);
    all.push(...member.say(texts));
  });
  return all;
}

/** Some order of `all`, with some of them twice. */
export function shuffled<T>(all: readonly T[], weights: readonly number[]): readonly T[] {
  const keyed = all.map((item, index) => ({ item, key: weights[index % weights.length]! + index }));
  const twice = keyed.filter(({ key }) => key % 3 === 0).map(({ item, key }) => ({
    item,
    key: key * 7_919 % 101,
  }));
  return [...keyed.map(({ item, key }) => ({ item, key: key * 31 % 97 })), ...twice]
    .sort((a, b) => a.key - b.key).map(({ item }) => item);
}
