/** Members on one network, with hosts that lie: simulated in virtual time, each run from a seed. */

import { assert, assertEquals } from "@std/assert";
import type { RoomId } from "../../../../lib/base/ids.ts";
import type { AnnouncedRoom } from "../../../../lib/protocols/mesh/discovery/announced_rooms.ts";
import type { Choice } from "../../../../lib/protocols/mesh/discovery/choosing.ts";
import { LanHost } from "../../../../lib/runtime/hosts/lan_host.ts";
import { MemoryLan } from "../../../doubles/memory_discovery.ts";
import { Random } from "../../../sim/random.ts";
import { fakeEnvironment } from "../membership_fixtures.ts";

const VERSION = 12;
const SEEDS = 40;

/** A program with `--lan`, and rooms as only their ids. */
class Member {
  readonly host: LanHost;
  room: RoomId | null = null;
  /** When it was in its room for good, ms after its start. */
  settledMs = Infinity;
  choice: Choice | null = null;
  gaveWay = 0;
  told = 0;

  constructor(
    readonly lan: MemoryLan,
    readonly address: string,
    readonly random: Random,
    readonly members: readonly Member[],
  ) {
    const environment = {
      ...fakeEnvironment(),
      random: random.next,
      randomBytes: (length: number) => Uint8Array.from({ length }, () => random.below(256)),
    };
    const discovery = lan.join(address);
    this.host = new LanHost({ clock: lan.clock, environment, discovery, version: VERSION });
  }

  start(): void {
    const sinceMs = this.lan.clock.nowMs();
    const settled = () => this.settledMs = this.lan.clock.nowMs() - sinceMs;
    const enter = (room: RoomId, givesWay: boolean) => {
      this.room = room;
      this.host.enter({ room, port: 55_107, title: null, secrets: [], givesWay }, {
        settled,
        giveWay: (to) => {
          this.gaveWay += 1;
          this.host.leave();
          this.#join(to, enter, settled);
        },
        hint() {},
        others: () => this.told += 1,
      });
    };
    void this.host.choose([], false).then((choice) => {
      this.choice = choice;
      if (choice.kind === "other") this.#join(choice.announced, enter, settled);
      else if (choice.kind === "none") {
        const bytes = Uint8Array.from({ length: 32 }, () => this.random.below(256));
        enter(bytes.toHex() as RoomId, true);
      }
    });
  }

  /** Joining takes a moment, and works where a member of that room is there. */
  #join(to: AnnouncedRoom, enter: (room: RoomId, founds: boolean) => void, done: () => void): void {
    this.lan.clock.at(this.lan.clock.nowMs() + this.random.between(5, 60), () => {
      const through = this.members.find((member) =>
        member.room === to.room && to.endpoints.some(({ host }) => host === member.address)
      );
      if (through === undefined) {
        this.host.inVain(to);
        this.room = null;
        return this.start();
      }
      through.host.company();
      enter(to.room!, false);
      this.host.company();
      done();
    });
  }
}

/** Lets time pass, and what promises lead to happen. */
async function pass(lan: MemoryLan, ms: number): Promise<void> {
  for (let at = 0; at < ms; at++) {
    lan.clock.advance(1);
    await Promise.resolve();
    await Promise.resolve();
  }
}

function world(seed: number, count: number) {
  const random = new Random(seed);
  const lan = new MemoryLan(undefined, random.between(1, 20));
  const members: Member[] = [];
  for (let at = 1; at <= count; at++) {
    members.push(new Member(lan, `10.0.0.${at}`, random, members));
  }
  return { random, lan, members };
}

async function close(members: readonly Member[]): Promise<void> {
  for (const { host } of members) await host.close();
}

Deno.test(`LanHost: all who start at once are in one room within 3 s (${SEEDS} seeds)`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { lan, members } = world(seed, 2 + seed % 4);
    for (const member of members) member.start();
    await pass(lan, 3_000);

    assertEquals(new Set(members.map(({ room }) => room)).size, 1, `seed ${seed}`);
    assert(members.every(({ settledMs }) => settledMs <= 3_000), `seed ${seed}`);
    await close(members);
  }
});

Deno.test(`LanHost: so are those who start within two seconds of each other (${SEEDS} seeds)`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { lan, random, members } = world(seed, 2 + seed % 4);
    for (const member of members) lan.clock.at(random.between(0, 2_000), () => member.start());
    await pass(lan, 5_500);

    const rooms = new Set(members.map(({ room }) => room));
    assertEquals(rooms.size, 1, `seed ${seed}: ${members.map(({ choice }) => choice?.kind)}`);
    assertEquals(rooms.has(null), false);
    await close(members);
  }
});

Deno.test("LanHost: who hears nobody, as the access point separates all, founds a room, and knows why", async () => {
  const { lan, members } = world(1, 2);
  lan.passes = (from, to) => from === to;
  for (const member of members) member.start();
  await pass(lan, 3_000);

  assertEquals(new Set(members.map(({ room }) => room)).size, 2);
  assertEquals(members.map(({ host }) => host.hearing), [
    { own: true, others: false },
    { own: true, others: false },
  ]);
  await close(members);
});

Deno.test("LanHost: 10,000 made-up announcements a minute disturb nobody in a room", async () => {
  const { lan, random, members } = world(1, 3);
  for (const member of members) member.start();
  await pass(lan, 3_000);
  const [room] = members.map((member) => member.room);
  for (let at = 0; at < 10_000; at++) {
    const bytes = Uint8Array.from({ length: 32 }, () => random.below(256));
    const text = ["v=12", `room=${bytes.toHex()}`, "title=come here"];
    const service = { instance: `i${at}`, port: 1 + at % 60_000, texts: text };
    const host = `10.0.${1 + at % 7}.${at % 250}`;
    lan.say(host, (handler) => handler.heard(host, service, 120_000));
    lan.say(host, (handler) => handler.gone(host, `i${at - 100}`));
    lan.say(host, (handler) => handler.asked());
    if (at % 100 === 0) await pass(lan, 600);
  }

  assertEquals(members.map((member) => member.room), [room, room, room]);
  assertEquals(members.map(({ gaveWay }) => gaveWay > 1), [false, false, false]);
  assertEquals(
    members.map(({ told }) => told),
    [0, 0, 0],
    "with company, nobody is told of others",
  );
  await close(members);
});

Deno.test("LanHost: who says that a room is where nobody is costs a newcomer time, and no room", async () => {
  const { lan, members } = world(1, 1);
  const service = { instance: "liar", port: 1, texts: ["v=12", `room=${"00".repeat(32)}`] };
  const lie = () => {
    lan.say("10.0.0.66", (handler) => handler.heard("10.0.0.66", service, 120_000));
    lan.clock.at(lan.clock.nowMs() + 200, lie);
  };
  lie();
  members[0]!.start();
  await pass(lan, 6_000);

  assertEquals(members[0]!.choice, { kind: "none", hasPrivate: false });
  assert(members[0]!.room !== null);
  assertEquals(members[0]!.gaveWay, 0);
  await close(members);
});

Deno.test("LanHost: whoever waits for something is answered when it is closed", async () => {
  const { members: [member] } = world(1, 1);
  const { host } = member!;
  const answers = Promise.all([host.choose([], false), host.look(3_000), host.findWords(7)]);
  await host.close();

  assertEquals(await answers, [{ kind: "none", hasPrivate: false }, [], []]);
});
