import { assertEquals, assertMatch } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Endpoint, Hash } from "../../../lib/base/ids.ts";
import type { MemberInput } from "../../../lib/protocols/group/schema/member_io.ts";
import { GROUP_MESSAGES, type GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import { ReliableDatagrams } from "../../../lib/protocols/reliable_datagram/reliable_datagrams.ts";
import { DatagramHost, GroupPeers } from "../../../lib/runtime/hosts/group_peers.ts";
import { MemoryDatagramNetwork } from "../../doubles/memory_datagrams.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { environment, identityOf } from "../../protocols/noise/channel_pair.ts";

const HOST = "10.0.0.1";

class Member {
  readonly identity;
  readonly key;
  readonly told: MemberInput[] = [];
  readonly peers: GroupPeers;
  readonly endpoint;

  constructor(readonly network: MemoryDatagramNetwork, name: string, port: number, life = "") {
    this.endpoint = { host: HOST, port };
    const { signer, key } = identityOf(name);
    // Each process has one of its own.
    this.identity = { signer, static: identityOf(name + life).static };
    this.key = key;
    this.peers = new GroupPeers({
      identity: this.identity,
      environment: { ...environment(name + life), log: SILENT_LOGGER },
      datagrams: network.open(this.endpoint),
      clock: network.clock,
      codec: createCodec(GROUP_MESSAGES),
      told: (input) => this.told.push(input),
    });
  }

  meet(...others: readonly Member[]): void {
    for (const { key, endpoint } of others) this.peers.meet(key, at(endpoint));
  }

  types(): readonly string[] {
    return this.told.map(({ type }) => type);
  }

  heard(): readonly number[] {
    return this.told.flatMap((input) =>
      input.type === "peer-message" && input.message.type === "ack"
        ? [input.message.held.position]
        : []
    );
  }
}

const ack = (position: number): GroupMessage => ({
  type: "ack",
  ballot: { number: 1, round: 0 },
  held: { position, digest: "ab".repeat(32) as Hash },
});

function pair(latencyMs = 5) {
  const network = new MemoryDatagramNetwork({ latencyMs });
  const ann = new Member(network, "Ann", 1);
  const bob = new Member(network, "Bob", 2);
  return { network, ann, bob };
}

function at(endpoint: Endpoint) {
  return { endpoint, seen: null, relay: null };
}

Deno.test("GroupPeers: those who meet hear each other, in order, and know how far they are", () => {
  const { network, ann, bob } = pair();
  ann.meet(bob);
  bob.meet(ann);
  network.clock.advance(500);

  for (const position of [1, 2, 3]) ann.peers.tell([bob.key], ack(position));
  network.clock.advance(100);

  assertEquals(ann.types(), ["peer-up"]);
  assertEquals(bob.types(), ["peer-up", ...Array(3).fill("peer-message")]);
  assertEquals(bob.heard(), [1, 2, 3]);
  const [[key, way] = []] = ann.peers.ways();
  assertEquals([key, Math.round(way!.roundTripMs!), way!.path], [
    fingerprintOf(bob.key),
    10,
    "direct",
  ]);
});

Deno.test("GroupPeers: how far a member is, is told to a thousandth of a millisecond", () => {
  const { network, ann, bob } = pair(5.000_123_4);
  ann.meet(bob);
  bob.meet(ann);
  network.clock.advance(500);
  ann.peers.tell([bob.key], ack(1));
  network.clock.advance(100);

  const [[, way] = []] = ann.peers.ways();
  const ms = way!.roundTripMs!;
  assertEquals(ms, Math.round(ms * 1_000) / 1_000);
});

Deno.test("GroupPeers: who wasn't met isn't let in, and who is met late gets in", () => {
  const { network, ann, bob } = pair();
  ann.meet(bob);
  network.clock.advance(1_000);
  assertEquals([ann.types(), bob.types()], [[], []]);

  network.clock.advance(10_000);
  assertEquals([ann.types(), bob.types()], [["peer-failed"], []]);
  bob.meet(ann);
  network.clock.advance(500);

  assertEquals([ann.types().at(-1), bob.types()], ["peer-up", ["peer-up"]]);
});

Deno.test("GroupPeers: meeting again where the peer is changes nothing, elsewhere leads it there", () => {
  const { network, ann, bob } = pair();
  ann.meet(bob);
  bob.meet(ann);
  network.clock.advance(500);
  let datagrams = 0;
  network.fate = () => {
    datagrams++;
    return [5];
  };

  ann.meet(bob);
  network.clock.advance(10);
  assertEquals(datagrams, 0);
  ann.peers.meet(bob.key, at({ host: HOST, port: 7 }));
  network.clock.advance(10);

  assertEquals(datagrams > 0, true);
});

Deno.test("GroupPeers: who parts gets what was told first, and is a stranger then", () => {
  const { network, ann, bob } = pair();
  ann.meet(bob);
  bob.meet(ann);
  network.clock.advance(500);

  ann.peers.tell([bob.key], ack(7));
  ann.peers.part(bob.key, "not in the group");
  network.clock.advance(2_000);
  bob.meet(ann);
  network.clock.advance(1_000);

  assertEquals(ann.types(), ["peer-up", "peer-ended"]);
  assertEquals(bob.types(), ["peer-up", "peer-message", "peer-ended"]);
  const ended = bob.told.at(-1);
  assertEquals(ended?.type === "peer-ended" && ended.text, "not in the group");
});

Deno.test("GroupPeers: a silent peer is told of after two seconds, and when it is back", () => {
  const { network, ann, bob } = pair();
  ann.meet(bob);
  bob.meet(ann);
  network.clock.advance(5_000);
  const { fate } = network;
  network.fate = () => [];
  network.clock.advance(2_800);
  assertEquals(ann.types(), ["peer-up", "peer-silent"]);

  network.fate = fate;
  network.clock.advance(10_000);

  assertEquals(ann.types(), ["peer-up", "peer-silent", "peer-heard"]);
});

Deno.test("GroupPeers: what is no message ends its sender, a message of a later version doesn't", () => {
  const network = new MemoryDatagramNetwork({ latencyMs: 5 });
  const ann = new Member(network, "Ann", 1);
  const mallory = identityOf("Mallory");
  const host = new DatagramHost(
    new ReliableDatagrams({
      identity: mallory,
      env: environment("Mallory"),
      access: { mode: "group", admit: () => true },
    }),
    network.open({ host: HOST, port: 3 }),
    network.clock,
    () => {},
  );
  ann.peers.meet(mallory.key, at({ host: HOST, port: 3 }));
  network.clock.advance(500);
  const send = (...message: number[]) =>
    host.feed({
      type: "send",
      peer: ann.key,
      lane: "data",
      message: Uint8Array.from(message),
    });

  send(0x7f, 0xff);
  send(24, 1);
  const codec = createCodec(GROUP_MESSAGES);
  host.feed({ type: "send", peer: ann.key, lane: "data", message: codec.encode(ack(1)) });
  network.clock.advance(2_000);

  assertEquals(ann.types(), ["peer-up", "peer-unknown-message", "peer-ended"]);
  const ended = ann.told.at(-1);
  assertMatch(ended?.type === "peer-ended" ? ended.text : "", /ack/);
});

Deno.test("GroupPeers: a peer that was started again is told as such", () => {
  const { network, ann, bob } = pair();
  ann.meet(bob);
  bob.meet(ann);
  network.clock.advance(500);
  const isOfBob = ({ port }: { port: number }) => port === 2;
  network.fate = (from, to) => isOfBob(from) || isOfBob(to) ? [] : [5];

  const again = new Member(network, "Bob", 4, "again");
  again.meet(ann);
  network.clock.advance(500);
  again.peers.tell([ann.key], ack(1));
  network.clock.advance(100);

  assertEquals(ann.types(), ["peer-up", "peer-reset", "peer-message"]);
});

Deno.test("GroupPeers: close says goodbye after what was told, and frees the port", async () => {
  const { network, ann, bob } = pair();
  ann.meet(bob);
  bob.meet(ann);
  network.clock.advance(500);

  ann.peers.tell([bob.key], ack(9));
  const closed = ann.peers.close("left");
  for (let turn = 0; turn < 200; turn++) {
    network.clock.advance(10);
    await Promise.resolve();
  }
  await closed;

  assertEquals(bob.types(), ["peer-up", "peer-message", "peer-ended"]);
  await network.open(ann.endpoint).close();
});
