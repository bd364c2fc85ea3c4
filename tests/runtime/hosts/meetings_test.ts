/** A meeting point and those who meet there, over sealed links in memory: streams come out as those of a network. */

import { assert, assertEquals } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { NO_ADDRESS, type RoomId } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { meetingPlace } from "../../../lib/base/text/meeting_address.ts";
import {
  LINKS_DEFAULT,
  RATE_DEFAULT,
  ROOM_LINKS_DEFAULT,
  ROOM_RATE_DEFAULT,
} from "../../../lib/protocols/meeting_point/limits.ts";
import { MeetingPointHost } from "../../../lib/runtime/hosts/meeting_point_host.ts";
import { Meetings } from "../../../lib/runtime/hosts/meetings.ts";
import type { ByteStream, StreamNetwork } from "../../../lib/transport/byte_stream.ts";
import { type LinkHandler, openTo } from "../../../lib/transport/link.ts";
import { LateRelays } from "../../../lib/transport/links/late_relays.ts";
import { RelayNetwork } from "../../../lib/transport/links/relay_network.ts";
import { HostWorld, type Place } from "../host_world.ts";

const ROOM = "ab".repeat(32) as RoomId;
const PORT = 4_400;

/** Without streams of its own. */
const NO_NETWORK: StreamNetwork = {
  local: NO_ADDRESS,
  connect: (_to, _connected, failed) => {
    failed("there is no network");
    return { missing: "", cancel() {} };
  },
  accept() {},
  stopListening: () => Promise.resolve(),
  allClosed: () => Promise.resolve(),
};

/** Reads all of a stream. */
function heard(stream: ByteStream): { text: string; end: string | null } {
  const so = { text: "", end: null as string | null };
  let bytes = new Uint8Array();
  stream.handle({
    received: (more) => {
      bytes = concatBytes(bytes, more);
      so.text = new TextDecoder().decode(bytes);
    },
    written() {},
    ended: (reason) => so.end = reason,
  });
  return so;
}

class World extends HostWorld {
  #point: { readonly place: Place; readonly links: ReturnType<Place["open"]> } | null = null;
  readonly faults: unknown[] = [];

  startPoint(seed = 1): void {
    const place = this.place(seed, PORT, "127.0.0.1");
    let host: MeetingPointHost | null = null;
    const access = openTo("directory");
    const nobody: LinkHandler = {
      linkUp: (link) => links.close(link, "no directory here"),
      dialFailed() {},
      frame() {},
      linkDown() {},
      congested() {},
      drained() {},
      aged() {},
    };
    const handler = () => host!.beside(nobody);
    const links = place.open({ ...access, meeting: access }, handler);
    host = new MeetingPointHost({
      links: LINKS_DEFAULT,
      rate: RATE_DEFAULT,
      roomLinks: ROOM_LINKS_DEFAULT,
      roomRate: ROOM_RATE_DEFAULT,
    }, {
      clock: this.network.clock,
      environment: place.environment,
      links,
      failed: (error) => this.faults.push(error),
    });
    this.#point = { place, links };
  }

  get pointKey() {
    return fingerprintOf(this.#point!.place.signer.key);
  }

  async stopPoint(): Promise<void> {
    const ended = this.#point!.links.shutdown("ended");
    await this.pass(3_000);
    await ended;
  }

  member(seed: number) {
    const place = this.place(seed, PORT, `127.0.0.${seed}`);
    const late = new LateRelays();
    const network = late.over(NO_NETWORK);
    const accepted: ByteStream[] = [];
    network.accept((stream) => accepted.push(stream));
    const relays = new RelayNetwork(this.network.clock);
    late.use(relays);
    const states: string[] = [];
    let meetings: Meetings | null = null;
    const links = place.open(openTo("meeting"), () => meetings);
    meetings = new Meetings({
      server: {
        what: "meeting point",
        name: "*meeting*",
        endpoint: { host: "127.0.0.1", port: PORT },
        knownPeers: "",
        pinned: null,
        given: null,
      },
      ports: {
        pin: () => Promise.resolve(),
        keyChanged() {},
        changed: (state) => states.push(state),
        numbered() {},
      },
    }, {
      clock: this.network.clock,
      environment: place.environment,
      links,
      relays,
      failed: (error) => this.faults.push(error),
    });
    const fingerprint = fingerprintOf(place.signer.key);
    return { meetings, network, accepted, states, fingerprint };
  }

  /** @returns The stream to the other one, or why there is none. */
  async reach(
    from: ReturnType<World["member"]>,
    to: ReturnType<World["member"]>,
  ): Promise<ByteStream | string | null> {
    let outcome: ByteStream | string | null = null;
    const at = { host: "127.0.0.1", port: PORT };
    from.meetings.call({ member: to.fingerprint, point: this.pointKey, at }, ROOM, {
      connected: (remote) => {
        assertEquals(meetingPlace(remote), null);
        from.network.connect(remote, (stream) => outcome = stream, (reason) => outcome = reason);
      },
      failed: (text) => outcome = text,
    });
    await this.pass(500);
    return outcome;
  }
}

Deno.test("Meetings: a stream to a member carries both ways; its end comes after what was written", async () => {
  const world = new World();
  world.startPoint();
  const [ann, bob] = [world.member(2), world.member(3)];
  bob.meetings.register(ROOM);
  await world.pass(500);
  assertEquals(bob.states.at(-1), "registered");
  const stream = await world.reach(ann, bob);
  assert(typeof stream === "object" && stream !== null);
  const [other] = bob.accepted;
  const [atAnn, atBob] = [heard(stream), heard(other!)];
  stream.write(utf8("hello, Bob"));
  other!.write(utf8("hello, Ann"));
  await world.pass(200);
  assertEquals([atAnn.text, atBob.text], ["hello, Ann", "hello, Bob"]);
  stream.write(utf8(", and bye"));
  await world.pass(10);
  stream.finish();
  await world.pass(500);
  assertEquals(atBob.text, "hello, Bob, and bye");
  assert(atBob.end !== null);
  assertEquals(world.faults, []);
});

Deno.test("Meetings: streams end with the meeting point, and come again once it is back", async () => {
  const world = new World();
  world.startPoint();
  const [ann, bob] = [world.member(2), world.member(3)];
  bob.meetings.register(ROOM);
  await world.pass(500);
  const stream = await world.reach(ann, bob);
  assert(typeof stream === "object" && stream !== null);
  const atAnn = heard(stream);
  await world.stopPoint();
  assert(atAnn.end !== null);
  assertEquals(bob.states.at(-1), "away");
  world.startPoint();
  await world.pass(20_000);
  assertEquals(bob.states.at(-1), "registered");
  const again = await world.reach(ann, bob);
  assert(typeof again === "object" && again !== null, `${again}`);
  assertEquals(world.faults, []);
});

Deno.test("Meetings: a key that isn't the one of the address is no meeting point; who isn't there isn't reached", async () => {
  const world = new World();
  world.startPoint();
  const [ann, bob] = [world.member(2), world.member(3)];
  await world.pass(100);
  assertEquals(await world.reach(ann, bob), 'the meeting point says "it isn\'t here"');
  bob.meetings.register(ROOM);
  await world.stopPoint();
  const before = world.pointKey;
  world.startPoint(9);
  assert(world.pointKey !== before);
  let outcome: string | null = null;
  const at = { host: "127.0.0.1", port: PORT };
  ann.meetings.call({ member: bob.fingerprint, point: before, at }, ROOM, {
    connected: () => outcome = "connected",
    failed: (text) => outcome = text,
  });
  await world.pass(9_000);
  assertEquals(outcome, "the meeting point can't be reached: another key answers there");
  assertEquals(world.faults, []);
});

Deno.test("LateRelays: without relayed streams their address is none, and the network's are its own", () => {
  const reasons: string[] = [];
  const network = new LateRelays().over(NO_NETWORK);
  for (const host of ["*relay*", "example.org"]) {
    network.connect({ host, port: 0 }, () => reasons.push("up"), (text) => reasons.push(text));
  }
  assertEquals(reasons, ["there is no network", "there is no network"]);
});
