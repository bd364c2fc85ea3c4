// The parts of the simulated group give exactly the guarantees of member_io.ts; and what its checkers let pass.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Endpoint, PeerKey } from "../../lib/base/ids.ts";
import { signBatch } from "../../lib/protocols/group/schema/history.ts";
import type { MemberInput } from "../../lib/protocols/group/schema/member_io.ts";
import type { CoordinatorRecord, MemberRecord } from "../../lib/protocols/group/schema/records.ts";
import { Decider, editOf, idOf, requestOf } from "../protocols/group/edit_fixtures.ts";
import { fakeCrypto, fakeSigner } from "./fake_crypto.ts";
import { type ChannelOwner, Channels, type IdealPort } from "./group/channels.ts";
import { Votes } from "./group/checkers/votes.ts";
import { GroupDisk } from "./group/group_disk.ts";
import { Violation } from "./group/violation.ts";
import type { Party } from "./group/world.ts";
import { Random } from "./random.ts";
import { VirtualTime } from "./virtual_time.ts";
import { groupIdOf } from "../../lib/protocols/group/schema/founding.ts";
import { foundedBy } from "../protocols/group/founded.ts";

const FOUNDING = foundedBy(fakeSigner("coordinator").key);
const GROUP = groupIdOf(fakeCrypto, FOUNDING);
const DISK = { syncMs: 1, slowChance: 0 };

function diskWith(seed: number): { readonly disk: GroupDisk<MemberRecord>; time: VirtualTime } {
  const time = new VirtualTime();
  return { disk: new GroupDisk<MemberRecord>(time, new Random(seed), DISK), time };
}

function logRecord(counter: number): MemberRecord {
  const signer = fakeSigner("disk");
  const batch = signBatch(signer, {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    edits: [],
    group: GROUP,
    author: signer.key,
    name: "Ann",
    incarnation: new Uint8Array(8),
    counter,
    sentAt: 0,
    texts: [`text ${counter}`],
  });
  return { kind: "log", batch };
}

function at(endpoint: Endpoint) {
  return { endpoint, seen: null, relay: null };
}

Deno.test("a log that wasn't synced loses some last part with the power, records that were don't", () => {
  const left = new Set<number>();
  for (let seed = 1; seed <= 30; seed++) {
    const { disk, time } = diskWith(seed);
    disk.write([{ kind: "new-log", founding: FOUNDING, because: null }]);
    disk.write([logRecord(1), logRecord(2)]);
    disk.write([{ kind: "dropped", position: 2 }]);
    disk.sync(() => {});
    time.runUntil(1_000);

    disk.powerLost();

    assertEquals(disk.stateRecords, [{ kind: "dropped", position: 2 }]);
    left.add(disk.log!.end.position);
  }
  assertEquals([...left].sort(), [0, 1, 2]);
});

Deno.test("a log is synced with a record that asks for it, and when the records are written anew", () => {
  const { disk, time } = diskWith(1);
  const fetched = { ...logRecord(1), isFetched: true } as MemberRecord;
  const records: MemberRecord[] = [{ kind: "new-log", founding: FOUNDING, because: null }, fetched];
  disk.asked.add(records);
  disk.write(records);
  disk.sync(() => {});
  time.runUntil(1_000);
  disk.write([logRecord(2)]);
  assertEquals(disk.logDurableThrough, 1);
  disk.restore([{ kind: "out" }]);
  disk.powerLost();
  assertEquals(disk.log!.end.position, 2);
  assertEquals(disk.stateRecords, [{ kind: "out" }]);
});

/** A process that records its inputs, and checks the guarantees of its channels. */
class Witness implements ChannelOwner {
  frozen = false;
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
  port!: IdealPort;
  readonly states = new Map<PeerKey, "up" | "silent">();
  /** By peer: the last number received from its process. */
  readonly heard = new Map<PeerKey, number>();
  readonly sent = new Map<PeerKey, number>();

  constructor(readonly name: string, readonly host: number) {
    this.key = fakeSigner(name).key;
    this.endpoint = { host: name, port: 1 };
  }

  told(input: MemberInput): void {
    if (!("peer" in input)) return;
    const { peer } = input;
    const state = this.states.get(peer);
    switch (input.type) {
      case "peer-up":
        assertEquals(state, undefined);
        this.states.set(peer, "up");
        this.heard.delete(peer);
        return;
      case "peer-reset":
        assert(state !== undefined);
        this.heard.delete(peer);
        return;
      case "peer-silent":
        assertEquals(state, "up");
        return void this.states.set(peer, "silent");
      case "peer-heard":
        assertEquals(state, "silent");
        return void this.states.set(peer, "up");
      case "peer-failed":
        return assertEquals(state, undefined);
      case "peer-ended":
        return void this.states.delete(peer);
      case "peer-message": {
        assert(state !== undefined && input.message.type === "unknown");
        const { code } = input.message;
        const last = this.heard.get(peer);
        if (last !== undefined) assertEquals(code, last + 1, `${this.name} misses something`);
        return void this.heard.set(peer, code);
      }
    }
  }

  tell(other: Witness): void {
    if (!this.states.has(other.key)) return;
    const code = (this.sent.get(other.key) ?? 0) + 1;
    this.sent.set(other.key, code);
    this.port.tell(other.key, { type: "unknown", code });
  }
}

Deno.test("channels bring each message once and in order, and all are up when all is well", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const time = new VirtualTime();
    const random = new Random(seed);
    const path = { delayMs: 2, jitterMs: 2, bytesPerMs: Infinity };
    const channels = new Channels(time, random, 4, { lateChance: 0.1, path: () => path });
    const open = (host: number) => {
      const witness = new Witness(`w${host}`, host);
      witness.port = channels.open(witness, witness.endpoint);
      return witness;
    };
    const all = [0, 1, 2, 3].map(open);
    const meetAll = () => {
      for (const one of all) {
        for (const other of all) if (one !== other) one.port.meet(other.key, at(other.endpoint));
      }
    };
    meetAll();
    for (let step = 0; step < 200; step++) {
      time.runUntil(time.nowMs + random.exponential(60));
      const one = random.pick(all);
      const other = random.pick(all.filter((each) => each !== one));
      const drawn = random.below(20);
      if (drawn < 12) one.tell(other);
      else if (drawn === 12) {
        one.port.end();
        all[one.host] = open(one.host);
      } else if (drawn === 13) {
        channels.setCuts((from, to) => from === one.host && to === other.host);
      } else if (drawn === 14) channels.setCuts(() => false);
      else if (drawn === 15) {
        one.frozen = !one.frozen;
        one.port.refresh();
      } else if (drawn === 16) one.port.part(other.key, "enough");
      else one.port.meet(other.key, at(other.endpoint));
    }
    channels.setCuts(() => false);
    for (const one of all) {
      one.frozen = false;
      one.port.refresh();
    }
    for (let round = 0; round < 15; round++) {
      meetAll();
      time.runUntil(time.nowMs + 6_000);
    }
    for (const one of all) {
      for (const other of all) {
        if (one === other) continue;
        assertEquals(one.states.get(other.key), "up", `seed ${seed}: ${one.name}, ${other.name}`);
        one.tell(other);
      }
    }
    time.runUntil(time.nowMs + 2_000);
    for (const one of all) {
      for (const other of all) {
        if (one !== other) assertEquals(other.heard.get(one.key), one.sent.get(other.key));
      }
    }
  }
});

Deno.test("E4 holds whoever has agreed to that edit, not to another one of the same request", () => {
  const signed = requestOf({ name: "ann", signer: fakeSigner("ann") }, GROUP, 1, "new");
  const prepared = { kind: "prepared", edit: 1, view: 1, isConsented: true, signed } as const;
  // All that the checker looks at.
  const bob = { name: "bob", disk: { records: [prepared] } } as unknown as Party;
  const refuses = (edit: number) =>
    new Votes().sent(bob, {
      type: "vote",
      id: idOf(signed),
      edit,
      view: 1,
      agrees: false,
      origin: null,
      consent: null,
      reason: "",
    });

  assertThrows(() => refuses(1), Violation, "E4: bob refuses what it has agreed to");
  refuses(2);
});

Deno.test("E2 lets nothing be told as accepted beside an edit of the entry, but what an earlier process had decided", () => {
  const asked = (name: string) => {
    const signer = fakeSigner(name);
    const signed = requestOf({ name, signer }, GROUP, 1, "new");
    return { signed, id: idOf(signed) };
  };
  const [ann, bob] = [asked("ann"), asked("bob")];
  const reason = { code: "late", who: [], said: "" } as const;
  const aborted = { kind: "aborted", id: ann.id, edit: 1, reason } as const;
  const decided = new Decider(fakeSigner("coordinator"), GROUP).decides([editOf(1, ann.signed)]);
  const committed = { kind: "committed", batch: decided } as const;
  /** @param edit The number under which a process that has read these records says that it has accepted it. */
  const tells = (edit: number, records: readonly CoordinatorRecord[]) => {
    const process = { coordinator: { config: { records } } };
    const coordinator = { process, outdatedView: null, hasForked: false };
    const world = { coordinator, history: { forksMax: 0 } };
    const party = { world } as unknown as Party; // all that the checker looks at
    const votes = new Votes();
    for (const { signed } of [ann, bob]) votes.sent(party, { type: "edit", signed });
    votes.sent(party, { type: "edit-accepted", id: bob.id, edit: 65, voteMs: 0 });
    votes.sent(party, { type: "edit-accepted", id: ann.id, edit, voteMs: 0 });
  };

  tells(1, [aborted]);
  tells(1, [committed]);
  for (const [edit, records] of [[1, []], [2, [aborted]], [2, [committed]]] as const) {
    const why = `E2: edit ${edit} of entry 1 beside edit 65`;
    assertThrows(() => tells(edit, records), Violation, why);
  }
});
