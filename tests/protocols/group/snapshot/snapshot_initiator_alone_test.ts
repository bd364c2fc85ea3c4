// Who gets a snapshot, and when one is begun, without the rest of the coordinator.

import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../../lib/base/machine/environment.ts";
import { HistoryEnd } from "../../../../lib/protocols/group/schema/history.ts";
import { SNAPSHOTS_ASKED_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { SnapshotInitiator } from "../../../../lib/protocols/group/snapshot/snapshot_initiator.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Room, viewsOf } from "../coordinator/coordinator_parts.ts";
import { GROUP, OWN } from "../coordinator_program.ts";

function scene(names: readonly string[], everyMs: number | null = null) {
  const room = new Room(...names);
  for (const attendee of room.attendance.here) attendee.begun = { number: 1, round: 0 };
  const state = { isSteady: true };
  const initiator = new SnapshotInitiator({
    ...{ group: GROUP, key: OWN.key, views: viewsOf(...names), attendance: room.attendance },
    ...{ out: room.out, everyMs, incarnation: new Uint8Array(8).fill(1) },
    environment: {
      ...{ random: () => 0, randomBytes: (length: number) => new Uint8Array(length) },
      ...{ wallMs: () => 0, crypto: fakeCrypto, log: SILENT_LOGGER },
    },
    wallMs: () => 0,
    isSteady: () => state.isSteady,
    hasSaid: () => true,
    consistent: () => ({ seq: 0, ...new HistoryEnd(fakeCrypto, GROUP).point }),
    decided: () => null,
    locks: () => [],
  });
  return { room, state, initiator };
}

Deno.test("SnapshotInitiator begins once the view is steady, and those who ask meanwhile get the next one", () => {
  const { room, state, initiator } = scene(["ann", "bob"]);
  state.isSteady = false;
  initiator.ask("r");
  initiator.settle();
  assertEquals([room.words(), initiator.isAwaited], [[], true]);
  state.isSteady = true;
  initiator.settle();
  assertEquals(room.words(), ["ann: marker", "bob: marker"]);

  for (let n = 0; n < SNAPSHOTS_ASKED_MAX; n++) initiator.ask(undefined);
  assertEquals(room.words(), []);
  initiator.ask(undefined);
  assertEquals(room.words(), ["error"]);
  initiator.end("the coordinator ends");
  assertEquals([room.words().length, initiator.isAwaited], [1 + SNAPSHOTS_ASKED_MAX, false]);
});

Deno.test("SnapshotInitiator takes none by the clock of a group without members", () => {
  for (const names of [[], ["ann"]]) {
    const { room, initiator } = scene(names, 1_000);
    initiator.start();
    assertEquals(initiator.deadlines.nextMs(), room.out.nowMs + 1_000);
    room.output.pass(1_000);
    initiator.deadlines.tick(room.out.nowMs);
    initiator.settle();
    assertEquals(room.words(), names.map((name) => `${name}: marker`));
    assertEquals(initiator.isAwaited, false, "nobody waits for it");
  }
});
