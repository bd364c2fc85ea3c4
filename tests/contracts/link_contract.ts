/**
 * What every adapter of the `Links` port keeps, as one suite: `linkContract("TCP", open)`.
 *
 * The world is the adapter's: real time and sockets, or virtual time in memory. So the cases wait for what must
 * happen (`until`), never for a time to pass.
 */

import { assert, assertEquals } from "@std/assert";
import { nodeCrypto, nodeSigner, utf8 } from "../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../../lib/base/ids.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import type { ChannelLinksOptions } from "../../lib/transport/links/channel_links.ts";
import {
  type DialFailure,
  EXPECT_ANYBODY,
  type LinkEnd,
  type LinkHandler,
  type LinkInfo,
  type Links,
  type ListenAccess,
} from "../../lib/transport/link.ts";

/** Where the programs of one case live. */
export interface LinkWorld {
  /** Links that listen at an address of this world. */
  open(options: Omit<ChannelLinksOptions, "clock">): Links;
  /** An endpoint where nobody listens. */
  readonly nowhere: Endpoint;
  /** A port that nobody has. */
  freePort(): number;
  /** Lets things happen until `done`; fails after some seconds. */
  until(done: () => boolean, what: string): Promise<void>;
  /** Lets happen all that happens at once, without time passing. */
  settle(): Promise<void>;
  shutdown(programs: readonly Program[]): Promise<void>;
}

const TEXT = new TextDecoder();

/** One program: its links, and all that they reported. */
export class Program implements LinkHandler {
  readonly key: PeerKey;
  readonly links: Links;
  readonly ups: { link: LinkId; info: LinkInfo }[] = [];
  readonly failures: { attempt: number; failure: DialFailure }[] = [];
  readonly frames: { link: LinkId; text: string }[] = [];
  readonly downs: { link: LinkId; end: LinkEnd }[] = [];
  readonly pressure: string[] = [];
  /** Called for each frame, after it was recorded. */
  onFrame: (link: LinkId, body: Uint8Array) => void = () => {};

  constructor(
    world: LinkWorld,
    readonly name: string,
    options: Partial<ListenAccess> & Pick<ChannelLinksOptions, "channel" | "strangers"> = {},
  ) {
    const signer = nodeSigner(nodeSeed(`identity of ${name}`));
    const { channel, strangers, ...access } = options;
    this.key = signer.key;
    this.links = world.open({
      identity: { signer, static: keyPairFromSeed(nodeSeed(`static of ${name}`)) },
      env: {
        crypto: nodeCrypto,
        log: SILENT_LOGGER,
        randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
      },
      access: { mode: "mesh", room: null, secrets: null, admit: () => null, ...access },
      handler: this,
      ...(channel === undefined ? {} : { channel }),
      ...(strangers === undefined ? {} : { strangers }),
    });
  }

  linkUp(link: LinkId, info: LinkInfo): void {
    this.ups.push({ link, info });
  }
  dialFailed(attempt: number, failure: DialFailure): void {
    this.failures.push({ attempt, failure });
  }
  frame(link: LinkId, body: Uint8Array): void {
    this.frames.push({
      link,
      text: body.length > 100 ? `${body.length} bytes` : TEXT.decode(body),
    });
    this.onFrame(link, body);
  }
  linkDown(link: LinkId, end: LinkEnd): void {
    this.downs.push({ link, end });
  }
  congested(): void {
    this.pressure.push("congested");
  }
  drained(): void {
    this.pressure.push("drained");
  }
  aged(): void {
    this.pressure.push("aged");
  }
  missed(): void {
    this.pressure.push("missed");
  }

  /** The link that came up last. */
  get link(): LinkId {
    const last = this.ups.at(-1);
    assert(last !== undefined, `${this.name} has a link`);
    return last.link;
  }

  say(text: string): void {
    this.links.send(this.link, utf8(text), "data");
  }

  get texts(): readonly string[] {
    return this.frames.map(({ text }) => text);
  }
}

function nodeSeed(of: string): Uint8Array {
  return Uint8Array.fromHex(nodeCrypto.sha256(utf8(of)));
}

const ROOM = nodeCrypto.sha256<RoomId>(utf8("room"));
const OTHER_ROOM = nodeCrypto.sha256<RoomId>(utf8("other room"));

interface Case {
  readonly name: string;
  run(world: LinkWorld, start: (...args: StartArguments) => Program): Promise<void>;
}

type StartArguments = [
  name: string,
  options?: ConstructorParameters<typeof Program>[2],
];

/** Two programs with a link between them. */
async function connect(world: LinkWorld, from: Program, to: Program): Promise<void> {
  const before = to.ups.length;
  from.links.dial(1, to.links.local, EXPECT_ANYBODY);
  await world.until(() => from.ups.length > 0 && to.ups.length > before, "the link is up");
}

const CASES: readonly Case[] = [
  {
    name: "dial() brings one link up on both sides, each knowing the other's key",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];

      ann.links.dial(7, bob.links.local, EXPECT_ANYBODY);
      await world.until(() => ann.ups.length + bob.ups.length === 2, "both are up");

      const near = ann.ups[0]!.info;
      assertEquals([near.peer, near.dialled, near.attempt], [bob.key, true, 7]);
      assertEquals(near.remote.port, bob.links.local.port);
      const far = bob.ups[0]!.info;
      assertEquals([far.peer, far.dialled, far.attempt], [ann.key, false, null]);
      assertEquals([ann.links.size, bob.links.size], [1, 1]);
      assert((ann.links.roundTripMs(ann.link) ?? -1) >= 0);
    },
  },
  {
    name: "send() keeps the order of a lane in both directions at once",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);
      const count = 2_000;

      for (let at = 0; at < count; at++) {
        ann.say(`a${at}`);
        bob.say(`b${at}`);
      }
      await world.until(() => ann.frames.length + bob.frames.length === 2 * count, "all arrived");

      assertEquals(bob.texts, Array.from({ length: count }, (_, at) => `a${at}`));
      assertEquals(ann.texts, Array.from({ length: count }, (_, at) => `b${at}`));
    },
  },
  {
    name: "send() carries frames of 1 byte to 256 KiB whole",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);
      const sizes = [1, 16_379, 16_380, 16_384, 262_144, 1];
      const seen: number[] = [];
      bob.onFrame = (_, body) => {
        assert(body.every((byte, at) => byte === (at * 7 + body.length) % 251));
        seen.push(body.length);
      };

      for (const size of sizes) {
        const body = Uint8Array.from({ length: size }, (_, at) => (at * 7 + size) % 251);
        ann.links.send(ann.link, body, "data");
        body.fill(0); // the caller may use its bytes again
      }
      await world.until(() => seen.length === sizes.length, "all arrived");

      assertEquals(seen, sizes);
    },
  },
  {
    name: "send() from within frame() answers on the same link",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);
      bob.onFrame = (link, body) => bob.links.send(link, body, "control");

      for (let at = 0; at < 5; at++) ann.say(`echo ${at}`);
      await world.until(() => ann.frames.length === 5, "the echoes are there");

      assertEquals(ann.texts, [0, 1, 2, 3, 4].map((at) => `echo ${at}`));
    },
  },
  {
    name: "close() sends what is queued, then says goodbye with its reason",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);

      for (let at = 0; at < 100; at++) ann.say(`last words ${at}`);
      ann.links.close(ann.link, "quit");
      ann.say("too late");
      await world.until(() => ann.downs.length + bob.downs.length === 2, "both are down");

      assertEquals(bob.texts.length, 100);
      assertEquals(bob.downs[0]!.end, { closed: true, reason: "quit" });
      assertEquals(ann.downs[0]!.end, { closed: true, reason: "quit" });
      assertEquals([ann.links.size, bob.links.size], [0, 0]);
      assertEquals(ann.links.roundTripMs(ann.link), null);
    },
  },
  {
    name: "close() from within frame() delivers nothing more",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);
      bob.onFrame = (link) => bob.links.close(link, "enough");

      for (let at = 0; at < 10; at++) ann.say(`${at}`);
      await world.until(() => ann.downs.length + bob.downs.length === 2, "both are down");

      assertEquals(bob.texts, ["0"]);
      assertEquals(ann.downs[0]!.end, { closed: true, reason: "enough" });
    },
  },
  {
    name: "close() from both sides at once ends the link once on each",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);

      ann.links.close(ann.link, "a");
      bob.links.close(bob.link, "b");
      await world.until(() => ann.downs.length + bob.downs.length >= 2, "both are down");
      await world.settle();

      assertEquals([ann.downs.length, bob.downs.length], [1, 1]);
      assertEquals([ann.downs[0]!.end.closed, bob.downs[0]!.end.closed], [true, true]);
    },
  },
  {
    name: "dial() fails as unreachable where nobody listens",
    async run(world, start) {
      const ann = start("Ann");

      ann.links.dial(3, world.nowhere, EXPECT_ANYBODY);
      await world.until(() => ann.failures.length === 1, "the dial failed");

      assertEquals(ann.failures, [{
        attempt: 3,
        failure: { reason: "unreachable", text: "nobody listens there", key: null },
      }]);
    },
  },
  {
    name: "dial() refuses another key than the expected one, and names it",
    async run(world, start) {
      const [ann, bob, eve] = [start("Ann"), start("Bob"), start("Eve")];

      ann.links.dial(1, eve.links.local, { ...EXPECT_ANYBODY, key: bob.key });
      ann.links.dial(2, bob.links.local, { ...EXPECT_ANYBODY, key: bob.key });
      await world.until(() => ann.failures.length + ann.ups.length === 2, "both are answered");

      assertEquals(ann.failures[0]!.attempt, 1);
      assertEquals(ann.failures[0]!.failure.reason, "wrong-key");
      assertEquals(ann.failures[0]!.failure.key, eve.key);
      assertEquals(ann.ups[0]!.info.peer, bob.key);
      assertEquals(eve.ups, []);
    },
  },
  {
    name: "dial() is told of another mode and another room",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob", { room: ROOM })];
      const directory = start("Directory", { mode: "directory" });

      ann.links.dial(1, directory.links.local, EXPECT_ANYBODY);
      ann.links.dial(2, bob.links.local, { ...EXPECT_ANYBODY, room: OTHER_ROOM });
      ann.links.dial(3, bob.links.local, { ...EXPECT_ANYBODY, room: ROOM });
      ann.links.dial(4, bob.links.local, EXPECT_ANYBODY);
      ann.links.dial(5, directory.links.local, { ...EXPECT_ANYBODY, mode: "directory" });
      await world.until(() => ann.failures.length + ann.ups.length === 5, "all are answered");

      const reasons = new Map(ann.failures.map((each) => [each.attempt, each.failure.reason]));
      assertEquals([reasons.get(1), reasons.get(2)], ["wrong-mode", "wrong-room"]);
      assertEquals(directory.ups.length, 1);
      assertEquals(bob.ups.map(({ info }) => info.roomNamed).sort(), [false, true]);
    },
  },
  {
    name: "dial() opens a private room with its secret of any accepted epoch alone",
    async run(world, start) {
      const secret = (text: string) => nodeSeed(text);
      const secrets = new Map([[4, [secret("old")]], [5, [secret("other"), secret("new")]]]);
      const known: (string | undefined)[] = [];
      const bob = start("Bob", {
        room: ROOM,
        secrets: (epoch) => secrets.get(epoch) ?? [],
        admit: (_, secret) => {
          known.push(secret?.key.toHex());
          return null;
        },
      });
      const ann = start("Ann");
      const dial = (attempt: number, epoch: number, key: Uint8Array) =>
        ann.links.dial(attempt, bob.links.local, { key: null, room: ROOM, secret: { epoch, key } });

      dial(1, 5, secret("new"));
      dial(2, 4, secret("old"));
      dial(3, 5, secret("wrong"));
      dial(4, 3, secret("old"));
      ann.links.dial(5, bob.links.local, { ...EXPECT_ANYBODY, room: ROOM });
      await world.until(() => ann.failures.length === 3 && bob.ups.length === 2, "all answered");

      assertEquals(
        ann.failures.map(({ failure }) => failure.reason),
        Array(3).fill("bad-credentials"),
      );
      assertEquals(ann.failures.map(({ attempt }) => attempt).sort(), [3, 4, 5]);
      assertEquals(bob.ups.map(({ info }) => info.secret?.epoch).sort(), [4, 5]);
      const used = ["new", "old"].map((text) => secret(text).toHex());
      assertEquals(known.toSorted(), used.toSorted());
    },
  },
  {
    name: "a listener that doesn't admit a proven peer says why, and neither has a link",
    async run(world, start) {
      const ann = start("Ann");
      const bob = start("Bob", { admit: (peer) => peer === ann.key ? "full" : null });

      ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
      await world.until(() => ann.failures.length === 1, "the dial failed");

      assertEquals(ann.failures[0]!.failure.reason, "full");
      assertEquals(ann.failures[0]!.failure.key, bob.key);
      assertEquals([ann.ups, bob.ups], [[], []]);
    },
  },
  {
    name: "cancelDial() ends an attempt once",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];

      ann.links.dial(1, bob.links.local, EXPECT_ANYBODY);
      ann.links.cancelDial(1);
      await world.until(() => ann.failures.length === 1, "the dial failed");
      await world.settle();

      assertEquals(ann.failures[0]!.failure.reason, "refused");
      assertEquals([ann.ups, bob.ups], [[], []]);
    },
  },
  {
    name: "pauseReading() presses back until data is dropped, resumeReading() lets it flow again",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);
      bob.links.pauseReading(bob.link);
      await world.settle();

      let sent = 0;
      const body = new Uint8Array(64 * 1_024);
      while (ann.pressure.length === 0 && sent < 1_000) {
        for (let each = 0; each < 8; each++, sent++) ann.links.send(ann.link, body, "data");
        await world.settle();
      }
      assertEquals(ann.pressure, ["congested"]);
      const before = bob.frames.length;
      ann.say("dropped");

      bob.links.resumeReading(bob.link);
      await world.until(() => ann.pressure.length === 2, "the queue is drained");
      ann.say("end");
      await world.until(() => bob.texts.at(-1) === "end", "the last frame is there");

      assertEquals(ann.pressure, ["congested", "drained"]);
      assert(before < bob.frames.length, "paused reading held frames back");
      assert(!bob.texts.includes("dropped"));
    },
  },
  {
    name: "send() ends the link when control finds 64 KiB waiting",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);

      for (let at = 0; at < 5; at++) {
        ann.links.send(ann.link, new Uint8Array(20_000), "control");
      }
      assertEquals(ann.downs, [], "nothing is called back from within send()");
      await world.until(() => ann.downs.length + bob.downs.length === 2, "both are down");

      assertEquals(ann.downs[0]!.end.closed, false);
      assertEquals(ann.downs[0]!.end.reason, "too slow: too much waits to be sent");
    },
  },
  {
    name: "send() drops news that finds half of the control lane taken, and says so",
    async run(world, start) {
      const [ann, bob] = [start("Ann"), start("Bob")];
      await connect(world, ann, bob);

      for (let at = 0; at < 20; at++) ann.links.send(ann.link, new Uint8Array(10_000), "news");
      await world.until(() => ann.pressure.length > 0, "Ann is told");
      ann.links.send(ann.link, utf8("there is room again"), "news");
      await world.until(() => bob.frames.length === 4, "what was taken is there");

      assertEquals(ann.pressure, ["missed"]);
      assertEquals(bob.texts, [...Array(3).fill("10000 bytes"), "there is room again"]);
      assertEquals([ann.downs, bob.downs], [[], []]);
    },
  },
  {
    name: "shutdown() closes every link with the reason, and nothing is reported afterwards",
    async run(world, start) {
      const [ann, bob, carl] = [start("Ann"), start("Bob"), start("Carl")];
      await connect(world, ann, bob);
      await connect(world, carl, bob);
      ann.say("bye");
      ann.links.dial(9, carl.links.local, EXPECT_ANYBODY);

      await world.shutdown([ann]);
      const reported = ann.ups.length + ann.downs.length + ann.failures.length;
      await world.until(() => bob.downs.length === 1, "Bob knows");
      await world.settle();

      assertEquals(ann.downs.map(({ end }) => end), [{ closed: true, reason: "quit" }]);
      assertEquals(ann.failures.map(({ attempt }) => attempt), [9]);
      assertEquals(ann.ups.length + ann.downs.length + ann.failures.length, reported);
      assertEquals(bob.texts, ["bye"]);
      assertEquals(bob.downs[0]!.end, { closed: true, reason: "quit" });
      assertEquals(bob.links.size, 1);
    },
  },
];

/** Runs the suite; `open` makes a fresh world for each case. */
export function linkContract(
  name: string,
  open: () => LinkWorld,
  options: Pick<Deno.TestDefinition, "permissions"> = {},
): void {
  for (const each of CASES) {
    Deno.test({
      name: `${name} links: ${each.name}`,
      ...options,
      async fn() {
        const world = open();
        const programs: Program[] = [];
        const start = (...[title, config]: StartArguments) => {
          const program = new Program(world, title, config);
          programs.push(program);
          return program;
        };
        try {
          await each.run(world, start);
        } finally {
          await world.shutdown(programs);
        }
      },
    });
  }
}
