/**
 * Messages that a member has gone on without because all its neighbours said that they no longer keep them, and
 * these neighbours were liars, or had been told so by liars. A member can't tell that from the truth, and never
 * reverts such a decision: docs/security.md. Nothing else excuses a missing message.
 */

import type { MeshEffect } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { madeUpPlace, madeUpStream } from "./adversary.ts";
import { withoutLie } from "./liar.ts";
import type { Said } from "./ledger.ts";
import type { Member, MemberProcess } from "./member.ts";

/** Notes what a step has gone on without, judged by the neighbours that remain after it. */
export function noteWithheld(process: MemberProcess, effect: MeshEffect): void {
  const { member } = process;
  const { world } = member;
  if (effect.type !== "persist" || world.liars.size === 0) return;
  const neighbours = [...process.probe?.activeView() ?? []];
  if (neighbours.length === 0) return;
  const allLack = (lacks: (other: Member) => boolean) =>
    neighbours.every((key) =>
      world.liars.has(key) || world.members.some((other) => other.key === key && lacks(other))
    );
  for (const record of effect.records) {
    if (record.kind !== "frontier") continue;
    for (const entry of record.entries) {
      for (const said of world.ledger.upTo(entry, entry.counter)) {
        if (member.shown.holds(said)) continue;
        if (allLack(({ withheld }) => withheld.has(said))) member.withheld.add(said);
      }
      const stream = madeUpStream(entry);
      const through = (one: Member) => one.withheldLies.get(stream) ?? 0;
      if (allLack((other) => through(other) >= entry.counter)) {
        member.withheldLies.set(stream, Math.max(through(member), entry.counter));
      }
    }
  }
}

/** Whether `member` has gone on without this message in that way. */
export function isWithheld(member: Member, text: string): boolean {
  const place = madeUpPlace(text);
  if (place !== null) return place.counter <= (member.withheldLies.get(place.stream) ?? 0);
  const said = member.world.ledger.byText(withoutLie(text));
  return said !== undefined && member.withheld.has(said);
}

/**
 * Whether `answer` leads to `said` through a message that `member` has gone on without in that way: the answer itself
 * names only that one, and so the member can't know what came before.
 */
export function isLedByWithheld(member: Member, answer: Said, said: Said): boolean {
  return [...member.withheld].some((between) =>
    (answer.knew[between.stream] ?? 0) >= between.place &&
    (between.knew[said.stream] ?? 0) >= said.place
  );
}
