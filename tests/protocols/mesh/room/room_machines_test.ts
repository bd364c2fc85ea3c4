import { HERE } from "../../../../lib/base/machine/user_presence.ts";
import { assertEquals } from "@std/assert";
import {
  type MeshRecord,
  rememberedContacts,
} from "../../../../lib/protocols/mesh/schema/records.ts";
import { KeptRulings } from "../../../../lib/protocols/mesh/authority/kept_rulings.ts";
import { RoomMachines } from "../../../../lib/protocols/mesh/room/room_machines.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  beaconOf,
  claimOf,
  fakeEnvironment,
  keyOf,
  PROCESS,
  ROOM,
  WALL_MS,
} from "../membership_fixtures.ts";

const HOUR_MS = 3_600_000;

/** Ann's, back in the room with these records. */
function machinesWith(records: readonly MeshRecord[]) {
  const { room, genesis, incarnation, claim } = ROOM;
  const config = {
    ...{ room, genesis, incarnation, claim, records },
    secrets: null,
    rulings: new KeptRulings({ id: room, genesis }, fakeCrypto, records),
    fresh: [],
    process: PROCESS,
    endpoint: null,
    passive: false,
    historyShown: 100,
    historyAgain: 0,
    listening: { host: "127.0.0.1", port: 1 },
    own: { lateMs: 0 },
    founded: false,
  };
  const machines = new RoomMachines(config, fakeSigner("Ann"), fakeEnvironment(), () => true, 0);
  const self = {
    claim,
    endpoint: null,
    passive: false,
    process: PROCESS,
    boxKey: new Uint8Array(32),
    ...HERE,
  };
  machines.step(machines.roster, { type: "enter", room, genesis, incarnation, self }, 0);
  return machines;
}

function heardOf(who: string, hoursAgo: number) {
  const beacon = beaconOf(who, 1, { endpoint: { host: "192.0.2.1", port: hoursAgo } });
  return { kind: "member" as const, beacon, heardWallMs: WALL_MS - hoursAgo * HOUR_MS };
}

Deno.test("A compacted log says when members were heard of, and keeps their order", () => {
  const records = [
    { kind: "genesis" as const, genesis: ROOM.genesis },
    { kind: "claim" as const, claim: claimOf("Bob").signed },
    { kind: "claim" as const, claim: claimOf("Carl").signed },
    heardOf("Bob", 20),
    heardOf("Carl", 1),
  ];
  const snapshot = machinesWith(records).snapshot(2 * HOUR_MS);
  const heard = snapshot.flatMap((record) =>
    record.kind === "member" && record.beacon.beacon.value.key !== keyOf("Ann")
      ? [record.heardWallMs]
      : []
  );
  const contactsOf = (all: readonly MeshRecord[]) =>
    rememberedContacts(all, keyOf("Ann")).map(({ key }) => key);

  assertEquals(heard.sort(), [22, 3].map((hoursAgo) => WALL_MS - hoursAgo * HOUR_MS));
  assertEquals(contactsOf(snapshot), contactsOf(records));
});

Deno.test("Whom this process has met it can dial again, whatever else the roster forgets", () => {
  const machines = machinesWith([{ kind: "genesis", genesis: ROOM.genesis }]);
  const contacts = ["Bob", "Carl"].map((who, port) => ({
    key: keyOf(who),
    endpoint: { host: "192.0.2.1", port: port + 1 },
  }));
  machines.entrances.met("caller", contacts[0]!, WALL_MS);
  machines.entrances.met("entrance", contacts[1]!, WALL_MS);

  assertEquals(machines.overlay.directory.remembered(), contacts);
});
