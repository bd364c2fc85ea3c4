// A change of the view at the coordinator, without the rest of it.

import { assertEquals } from "@std/assert";
import { Escrow } from "../../../../lib/protocols/group/catch_up/escrow.ts";
import { OwnKeys } from "../../../../lib/protocols/group/identity/own_keys.ts";
import { HistoryEnd } from "../../../../lib/protocols/group/schema/history.ts";
import { WAIT_MS_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { ViewChangeCoordinator } from "../../../../lib/protocols/group/views/view_change_coordinator.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Room, viewsOf } from "../coordinator/coordinator_parts.ts";
import { FOUNDING, GROUP, keyOf, OWN } from "../coordinator_program.ts";

const FIRST = { number: 1, round: 0 };
const SECOND = { number: 2, round: 0 };
const START = new HistoryEnd(fakeCrypto, GROUP).point;

/** Ann is in; Bob is about to come in. */
function scene() {
  const room = new Room("ann", "bob");
  const { attendance, out } = room;
  const views = viewsOf("ann");
  const keys = new OwnKeys(OWN, GROUP, OWN.key, []);
  const escrow = new Escrow(GROUP, FOUNDING, keys, fakeCrypto, null, out, () => {});
  const excluded: string[] = [];
  const changing = new ViewChangeCoordinator({
    ...{ group: GROUP, signer: OWN, crypto: fakeCrypto, views, attendance, escrow, out },
    departures: () => [],
    decided: () => {},
    mayGo: () => excluded.push("others may go"),
    begins: () => {},
    begunAt: () => {},
    excludes: (keys) => excluded.push(...keys) > 0,
  });
  const of = (name: string) => attendance.get(keyOf(name))!;
  of("ann").begun = FIRST;
  const words = () => room.output.diskAnswers();
  const begins = () => {
    const keys = [keyOf("ann"), keyOf("bob")];
    changing.begin({ kind: "change", participants: keys, members: keys, isUrgent: false });
    return words();
  };
  const reports = (name: string, changes: Partial<GroupMessageOf<"report">> = {}) => {
    const begun = of(name).begun;
    const process = { incarnation: of(name).incarnation, held: START, log: START };
    const report = { type: "report" as const, ballot: SECOND, begun, levelled: begun, ...process };
    return [changing.reported(of(name), { ...report, ...changes }), ...words()];
  };
  const ready = (name: string) => {
    changing.ready(of(name), { type: "ready", ballot: SECOND });
    return words();
  };
  return { room, changing, views, excluded, of, words, begins, reports, ready };
}

Deno.test("ViewChangeCoordinator: a newcomer begins the view once a member of the one before has, and all before it is confirmed", () => {
  const { changing, views, excluded, of, words, begins, reports, ready } = scene();
  assertEquals(begins(), ["disk: number 2", "ann: flush 2", "bob: flush 2"]);
  assertEquals(reports("ann"), [null]);
  assertEquals(reports("bob").slice(1).map((word) => word?.slice(0, 12)), [
    "ann: level 1",
    "bob: level 1",
  ]);
  assertEquals(ready("ann"), []);
  assertEquals(ready("bob"), ["disk: decided 2", "ann: begin 2"]);
  assertEquals(changing.awaited, [keyOf("ann")]);
  changing.begun(of("ann"));
  assertEquals([words(), views.isConfirmed], [["bob: begin 2"], false]);
  changing.begun(of("bob"));
  assertEquals([words(), changing.isSteady], [["disk: confirmed 2"], true]);
  assertEquals(excluded, ["others may go"]);
});

Deno.test("ViewChangeCoordinator: who reports as another process is at fault; who has less than it had begins it anew", () => {
  const { changing, of, begins, reports } = scene();
  begins();
  const incarnation = new Uint8Array(8).fill(9);
  assertEquals(reports("ann", { incarnation }), ["it reports as another process"]);
  const none = { number: 0, round: 0 };
  assertEquals(reports("ann", { begun: none, levelled: none }), [null]);
  assertEquals([changing.isUnderWay, changing.isBroken, of("ann").begun.number], [false, true, 0]);
});

Deno.test("ViewChangeCoordinator goes on above what was promised, and without whoever spoils each change", () => {
  const { changing, excluded, views, of, begins } = scene();
  for (let number = 2; number < 40 && excluded.length === 0; number += 2) {
    begins();
    const promised = { number: number + 1, round: 0 };
    const outdone = { type: "outdone" as const, ballot: { number, round: 0 }, promised };
    assertEquals(changing.outdone(of("bob"), outdone), null);
    assertEquals([changing.isUnderWay, views.number], [false, number + 1]);
  }
  assertEquals(excluded, [keyOf("bob")]);
});

Deno.test("ViewChangeCoordinator: an answer to another ballot, or of who has no say, changes nothing", () => {
  const { room, changing, of, begins, reports, ready } = scene();
  begins();
  assertEquals(changing.nextMs(), room.out.nowMs + WAIT_MS_MAX);
  room.comes("cem");
  assertEquals(reports("cem"), [null]);
  const promised = { number: 3, round: 0 };
  changing.outdone(of("cem"), { type: "outdone", ballot: SECOND, promised });
  assertEquals(reports("ann", { ballot: FIRST }), [null]);
  assertEquals([ready("ann"), changing.awaited.length], [[], 2]);
});
