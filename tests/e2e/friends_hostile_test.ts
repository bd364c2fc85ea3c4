/** Two friends talk while attackers are at the port of one: they notice nothing, and a third friend can connect. */

import { HERE } from "../../lib/base/machine/user_presence.ts";
import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/base/crypto/crypto.ts";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import type { FriendsMessage } from "../../lib/protocols/friends/messages.ts";
import { FriendsGroup, shows } from "./friends_group.ts";
import {
  assertReason,
  friendsCodec,
  GARBAGE,
  HIGH_LENGTH,
  MEGABYTE,
  newIdentity,
  pause,
  Peer,
  preface,
  resetMany,
  Stranger,
} from "./hostile_peer.ts";
import { assertIdle } from "./idle.ts";
import { BUSY_MS, holds, type Node, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";
import { openSockets, residentBytes } from "./proc.ts";

/**
 * The longest time of a message: the promised second, and more for a machine on which other tests send floods at the
 * same time (4.7 s was seen). It takes 0.1 s with two processors for itself, and 0.6 s beside eight busy programs.
 */
const MESSAGE_MS_MAX = 2 * BUSY_MS;
/** The promised 15 s, and more for such a machine. */
const OFFENDER_MS_MAX = 120_000;
const MEMORY_GROWTH_MAX = 64 * 1_024 * 1_024;

const MODE = 3;
const HELLO: FriendsMessage = {
  type: "hello",
  name: "mallory",
  to: "alice",
  stored: [],
  ...HERE,
};
const TEXT: FriendsMessage = {
  type: "texts",
  epoch: 1,
  entries: [{ number: 1, id: new Uint8Array(16), sentAt: 0, text: "never shown" }],
};

Deno.test("friends: silence, resets, garbage and floods cost two who talk nothing", async () => {
  await using talk = await Talk.open();
  const { alice } = talk;
  const sockets = await openSockets(alice.pid);
  const silent = await Promise.all(
    Array.from({ length: 100 }, () => Stranger.connect(alice.port)),
  );
  const offenders = [
    ...silent.map((stranger) => dropped("says nothing", stranger, null)),
    ...STRANGERS.map(async ([name, attack]) => {
      const stranger = await Stranger.connect(alice.port);
      return dropped(name, stranger, attack(stranger));
    }),
    ...PEERS.map(async ([name, attack]) => {
      const peer = await Peer.dial(alice.port, { mode: "friends" });
      return dropped(name, peer, attack(peer));
    }),
  ];
  for (let wave = 0; wave < 5; wave++) await resetMany(alice.port, preface({ mode: MODE }));
  await talk.thirdFriend("dave");
  for (const { name, atMs, address } of await Promise.all(offenders)) {
    const tookMs = atMs - talk.fromMs;
    assert(tookMs < OFFENDER_MS_MAX, `${name}: dropped after ${tookMs.toFixed()} ms`);
    await assertReason(talk.logFile, address, name);
  }

  await talk.thirdFriend("carol");
  await holds(
    "all connections but the friends' are closed",
    async () => await openSockets(alice.pid) <= sockets + 3,
  );
  await talk.assertUndisturbed();
});

Deno.test("friends: a friend who breaks the rules is dropped, and one who writes a lot delays nobody", async () => {
  const identity = newIdentity();
  await using talk = await Talk.open({
    mallory: { port: freePort(), fingerprint: fingerprintOf(identity.signer.key as PeerKey) },
  });
  const { alice } = talk;
  const texts = Array.from({ length: 200 }, (_, batch): FriendsMessage => ({
    type: "texts",
    epoch: 1,
    entries: Array.from({ length: 50 }, (_, at) => ({
      number: 50 * batch + at + 1,
      id: crypto.getRandomValues(new Uint8Array(16)),
      sentAt: 0,
      text: `flood ${50 * batch + at} ${"x".repeat(500)}`,
    })),
  }));

  using peer = await Peer.dial(alice.port, { identity, mode: "friends" });
  peer.sendBody(friendsCodec.encode(HELLO));
  for (const [at, message] of texts.entries()) {
    peer.sendBody(friendsCodec.encode(message));
    // As much as may be under way between friends.
    if ((at + 1) % 15 === 0) await alice.until(({ text }) => text?.startsWith(`flood ${50 * at} `));
  }
  await alice.until(({ text }) => text?.startsWith("flood 9999 "));
  for (let at = 0; at < 200; at++) peer.sendBody(Uint8Array.of(0xe7, 0x07, 1, 2, 3));
  const tookMs = await peer.dropped - talk.fromMs;
  using back = await Peer.dial(alice.port, { identity, mode: "friends" });
  back.sendBody(friendsCodec.encode(HELLO));
  await back.dropped;

  await talk.thirdFriend("carol");
  await talk.assertUndisturbed();
  assert(tookMs < OFFENDER_MS_MAX, `dropped after ${tookMs.toFixed()} ms`);
  assertEquals(alice.texts("mallory").length, 10_000);
});

/** Attacks without a handshake. */
const STRANGERS: readonly (readonly [string, (stranger: Stranger) => Promise<void>])[] = [
  ["random bytes", (stranger) => stranger.send(crypto.getRandomValues(new Uint8Array(1_000)))],
  ["a part of a preface", (stranger) => stranger.send(preface({ mode: MODE }).subarray(0, 20))],
  ["one byte at a time", async (stranger) => {
    for (const byte of preface({ mode: MODE })) {
      await stranger.send(Uint8Array.of(byte));
      await pause(100);
    }
  }],
  ["a length of 4 GB", (stranger) => stranger.send(HIGH_LENGTH)],
  ["an HTTP request", (stranger) => stranger.send(utf8("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))],
  ["another mode", (stranger) => stranger.send(preface())],
  ["another version", (stranger) => stranger.send(preface({ version: 9, mode: MODE }))],
  ["a preface and 20 MB", async (stranger) => {
    await stranger.send(preface({ mode: MODE }));
    await stranger.send(MEGABYTE, 20);
  }],
];

/** Attacks after a handshake. */
const PEERS: readonly (readonly [string, (peer: Peer) => unknown])[] = [
  ["never says who it is", () => {}],
  ["a frame of 4 GB", (peer) => peer.sendRaw(HIGH_LENGTH)],
  ["garbage that begins like a greeting", (peer) => peer.sendBody(GARBAGE)],
  ["a message cut off", (peer) => peer.sendBody(friendsCodec.encode(TEXT).subarray(0, 10))],
  ["a message before hello", (peer) => peer.sendBody(friendsCodec.encode(TEXT))],
  ["is nobody of the table", (peer) => peer.sendBody(friendsCodec.encode(HELLO))],
  ["says to be bob", (peer) => peer.sendBody(friendsCodec.encode({ ...HELLO, name: "bob" }))],
  ["a thousand greetings", (peer) => {
    for (let at = 0; at < 1_000; at++) {
      peer.sendBody(friendsCodec.encode({ ...HELLO, name: `mallory${at}` }));
    }
  }],
  ["unknown messages", (peer) => peer.sendUnknown()],
  ["a flood of frames", (peer) => peer.flood()],
];

/** Waits until the other side has disconnected an attacker. @returns When, and the attacker's address in its log. */
async function dropped(name: string, offender: Stranger | Peer, attacking: unknown) {
  const { address } = offender;
  const atMs = await offender.dropped;
  await attacking;
  offender.close();
  return { name, atMs, address };
}

/** Alice, whose port is attacked, and Bob, who send each other messages all the time. */
class Talk implements AsyncDisposable {
  readonly fromMs = performance.now();
  readonly #said: Promise<void>;
  readonly #typedMs = new Map<string, number>();
  #talking = true;

  private constructor(
    readonly group: FriendsGroup,
    readonly alice: Node,
    readonly bob: Node,
    readonly memory: number,
  ) {
    this.#said = this.#talk();
  }

  /** @param others Rows of the table besides alice, bob and carol. */
  static async open(others: Parameters<FriendsGroup["edit"]>[0] = {}): Promise<Talk> {
    const group = new FriendsGroup("alice", "bob", "carol", "dave");
    group.edit(others);
    const [alice, bob] = await Promise.all([
      group.start("alice", "--log-file", logFileOf(group)),
      group.start("bob"),
    ]);
    // What any busy program takes is no growth.
    for (let at = 0; at < 300; at++) await bob.tell("alice", `warm ${at}`);
    await alice.until(shows("warm 299"));
    return new Talk(group, alice, bob, await residentBytes(alice.pid));
  }

  get logFile(): string {
    return logFileOf(this.group);
  }

  /** Starts another friend, from whom Alice gets a message. */
  async thirdFriend(name: string): Promise<void> {
    const friend = await this.group.start(name);
    await friend.tell("alice", "am I late?");
    await this.alice.until((event) => event.from === name && shows("am I late?")(event));
  }

  /** Checks everything promised to the two, and that Alice's program is idle. */
  async assertUndisturbed(): Promise<void> {
    this.#talking = false;
    await this.#said;
    const { alice, bob } = this;
    for (const text of [...this.#typedMs.keys()].slice(-2)) {
      await Promise.any([alice.until(shows(text)), bob.until(shows(text))]);
    }
    await assertIdle(alice.pid);
    await holds(
      "memory is as before",
      async () => await residentBytes(alice.pid) - this.memory < MEMORY_GROWTH_MAX,
    );

    let mostMs = 0;
    const shown = [...alice.events, ...bob.events].filter(({ event }) => event === "message");
    for (const [text, typedMs] of this.#typedMs) {
      const times = shown.filter((event) => event.text === text).map(({ at }) => Date.parse(at));
      assertEquals(times.length, 1, `${text} is shown once`);
      mostMs = Math.max(mostMs, times[0]! - typedMs);
    }
    assert(this.#typedMs.size > 10, "there was a conversation");
    assert(mostMs < MESSAGE_MS_MAX, `a message took ${mostMs} ms to be shown`);
    assertEquals(bob.events.filter(isUnusual), []);
    assertEquals(
      alice.events.filter(({ event, friend, state }) =>
        event === "connection" && friend === "bob" && state === "closed"
      ),
      [],
    );
    assertEquals([alice.stderr, bob.stderr], [[], []]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#talking = false;
    await this.#said.catch(() => {}); // somebody was killed
    await this.group[Symbol.asyncDispose]();
  }

  async #talk(): Promise<void> {
    for (let count = 0; this.#talking; count++) {
      for (const [from, to] of [[this.alice, "bob"], [this.bob, "alice"]] as const) {
        const text = `to ${to} ${count}`;
        this.#typedMs.set(text, Date.now());
        await from.tell(to, text);
      }
      await pause(50);
    }
  }
}

const logFileOf = ({ folder }: FriendsGroup) => `${folder}/alice.log`;

/** Whether an event shows that a friend was disturbed. */
function isUnusual({ event, state }: ShownEvent): boolean {
  return event === "error" || event === "notice" || state === "closed" || state === "failed";
}
