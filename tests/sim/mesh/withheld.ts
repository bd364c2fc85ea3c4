/**
 * What a member went on without because all its neighbours said that they no longer keep it, and they were liars, or
 * had been told so by liars themselves. Nobody can tell that from the truth, and who has gone on never turns back:
 * docs/security.md says so. Nothing else excuses a member that lacks a message.
 */

import type { MeshEffect } from "../../../lib/protocols/mesh/mesh_io.ts";
import { madeUpPlace, madeUpStream } from "./adversary.ts";
import { withoutLie } from "./liar.ts";
import type { Member, MemberProcess } from "./member.ts";

/** Notes what a step has gone on without: its neighbours are those that were left after it. */
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
        if (member.shown.has(said)) continue;
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

/** Whether `member` went on without it in that way. */
export function isWithheld(member: Member, text: string): boolean {
  const place = madeUpPlace(text);
  if (place !== null) return place.counter <= (member.withheldLies.get(place.stream) ?? 0);
  const said = member.world.ledger.byText(withoutLie(text));
  return said !== undefined && member.withheld.has(said);
}
