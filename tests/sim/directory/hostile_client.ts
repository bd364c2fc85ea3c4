/**
 * A malicious client: sends any message at any time, also about calls that it has only heard of, floods, uses
 * others' names, and sends datagrams with false source addresses. It can't prove that it has another's key.
 */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import {
  type DatagramMessage,
  DatagramPath,
} from "../../../lib/protocols/directory/datagrams/datagram_path.ts";
import { HERE_PADDING_BYTES } from "../../../lib/protocols/sealed_datagram/limits.ts";
import {
  DIRECTORY_LANES,
  type DirectoryMessage,
  OUTCOMES,
  ROUTES,
  WAYS_IN,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { signBroadcast } from "../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { fakeSigner } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import type { Call, Station } from "../network.ts";
import type { Random } from "../random.ts";
import { messageBytes } from "./message_bytes.ts";
import type { Visitor } from "./roster.ts";
import type { World } from "./world.ts";

const ACT_MS = 150;
const CALLS_MAX = 10;
const FLOOD = 150;
/** The longest time of a handshake. */
const RENEWED_MS = 1_000;

export class HostileClient implements Station<DirectoryMessage>, Visitor {
  readonly silent = false;
  readonly stalledUntilMs = 0;
  readonly readIntervalMs = 0;
  readableAtMs = 0;
  gone = false;
  readonly #random: Random;
  #devices = 0;
  #renewedAtMs = -Infinity;
  #signer;
  #own = 1_000;
  /** All keys that it has had. */
  readonly keys = new Set<PeerKey>();
  #directory: LinkEnd<DirectoryMessage> | null = null;
  #isDialling = false;
  #isIn = false;
  #path: DatagramPath | null = null;
  #nextLink = 1;
  #attempts = 0;
  readonly #links = new Map<LinkId, LinkEnd<DirectoryMessage>>();
  /** The ids of calls that it has heard of. */
  readonly #calls: Uint8Array[] = [];
  #lines = 0;

  constructor(readonly world: World, readonly host: number, readonly label: string) {
    this.#random = world.random.fork();
    this.#signer = fakeSigner(`${world.options.seed}/${label}`);
    this.keys.add(this.key);
  }

  get key(): PeerKey {
    return this.#signer.key;
  }

  get name(): string {
    return this.label;
  }

  /** Its process id: any of three. */
  get process(): string {
    return `${this.label}/${this.#attempts % 3}`;
  }

  get seenHost(): string {
    return `10.0.1.${this.host}`;
  }

  get endpoint(): Endpoint {
    return { host: this.seenHost, port: 6_000 };
  }

  start(): void {
    this.world.network.listen(this.endpoint, this);
    this.world.datagrams.listen(this.endpoint, this);
    this.#actSoon();
  }

  /** Stops for good, in the middle of whatever it does. */
  stop(): void {
    this.gone = true;
    this.world.network.unlisten(this.endpoint);
    this.world.datagrams.unlisten(this.endpoint);
    for (const end of [...this.#links.values()]) end.abandon(false, 0.5);
  }

  #actSoon(): void {
    this.world.time.after(this.#random.exponential(ACT_MS), () => {
      if (this.gone) return;
      this.#act();
      this.#actSoon();
    });
  }

  // Links: it accepts everybody.

  refusal(call: Call<DirectoryMessage>): string | null {
    return call.expect !== null && call.expect !== fingerprintOf(this.key) ? "wrong-key" : null;
  }

  linkUp(end: LinkEnd<DirectoryMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.#links.set(end.id, end);
    const { owner } = end.other;
    // The dialler may have reached the device that this client was before.
    if (this.world.time.nowMs < this.#renewedAtMs + RENEWED_MS) return end.close("another device");
    if (owner === this.world.directory) this.#directory = end;
    else if (this.#random.chance(0.7)) this.#meets(end);
  }

  /** Sends messages on a link to another client, about that client's call or another one. */
  #meets(end: LinkEnd<DirectoryMessage>): void {
    const call = this.#call();
    if (end.dialled || this.#random.chance(0.2)) this.#send(end, { type: "talk", call });
    if (this.#random.chance(0.7)) this.#send(end, { type: "begin", call });
    for (let n = this.#random.below(4); n > 0; n--) this.#saysLine(end);
  }

  linkDown(end: LinkEnd<DirectoryMessage>): void {
    this.#links.delete(end.id);
    if (end !== this.#directory) return;
    this.#directory = null;
    this.#path = null;
    this.#isIn = false;
    // It may have been banned: it returns as somebody else.
    if (this.#random.chance(0.5)) {
      this.#renewedAtMs = this.world.time.nowMs;
      for (const other of [...this.#links.values()]) other.abandon(false, 0.5);
      this.#links.clear();
      this.#signer = fakeSigner(`${this.world.options.seed}/${this.label}/${++this.#devices}`);
      this.keys.add(this.key);
    }
  }

  congested(): void {}
  drained(): void {}

  datagram(): boolean {
    return true;
  }

  message(end: LinkEnd<DirectoryMessage>, message: DirectoryMessage): void {
    switch (message.type) {
      case "entered":
        this.#isIn = true;
        this.#path = new DatagramPath(
          message.index,
          message.toDirectory.slice() as Uint8Array<ArrayBuffer>,
          message.toClient.slice() as Uint8Array<ArrayBuffer>,
        );
        return;
      case "incoming":
        this.#learns(message.call);
        if (this.#random.chance(0.6)) {
          this.#send(end, { type: "answer", call: message.call, accepts: true, reason: "" });
        }
        return;
      case "meet":
        this.#learns(message.call);
        if (this.#random.chance(0.5)) this.#dial({ host: message.host, port: message.port });
        return;
      case "talk":
      case "begin":
        this.#learns(message.call);
        if (this.#random.chance(0.7)) this.#meets(end);
        return;
    }
  }

  #learns(call: Uint8Array): void {
    this.#calls.push(call);
    if (this.#calls.length > CALLS_MAX) this.#calls.shift();
  }

  #call(): Uint8Array {
    const random = this.#random;
    return this.#calls.length === 0 || random.chance(0.1)
      ? random.bytes(16)
      : random.pick(this.#calls);
  }

  #send(end: LinkEnd<DirectoryMessage>, message: DirectoryMessage): void {
    end.send(message, DIRECTORY_LANES[message.type], messageBytes(message));
  }

  #dial(endpoint: Endpoint): void {
    const attempt = ++this.#attempts;
    const isDirectory = endpoint === this.world.endpoint;
    if (isDirectory) this.#isDialling = true;
    this.world.network.dial({
      from: this,
      attempt,
      endpoint,
      expect: null,
      room: null,
      failed: () => {
        if (isDirectory) this.#isDialling = false;
      },
    });
  }

  // Actions.

  #act(): void {
    const random = this.#random;
    const end = this.#directory;
    if (end === null) {
      if (!this.#isDialling) this.#dial(this.world.endpoint);
      return;
    }
    this.#isDialling = false;
    if (!this.#isIn) return this.#send(end, this.#enter());
    if (random.chance(0.2)) return this.#datagrams();
    if (random.chance(0.15)) return this.#dial(random.pick(this.world.people).endpoint);
    const others = [...this.#links.values()].filter((other) => other !== end);
    if (others.length > 0 && random.chance(0.3)) return this.#troubles(random.pick(others));
    const message = this.#anything();
    for (let n = random.chance(0.03) ? FLOOD : 1; n > 0; n--) this.#send(end, message);
  }

  #name(): string {
    const random = this.#random;
    return random.chance(0.5) ? this.label : random.pick(this.world.people).name;
  }

  #enter(): DirectoryMessage {
    const random = this.#random;
    const how = random.chance(0.4) ? "guest" : random.chance(0.4) ? "log-in" : random.pick(WAYS_IN);
    const store = random.bytes(8);
    return {
      type: "enter",
      how,
      // It guesses the password of one account.
      name: how === "log-in" ? this.world.people[0]!.name : this.#name(),
      password: random.pick(["", "not the password", "hostile password"]),
      newPassword: random.chance(0.9) ? "" : "hostile password",
      port: random.chance(0.8) ? this.endpoint.port : random.below(65_536),
      busy: random.chance(0.5),
      seen: random.chance(0.7) ? null : { store, through: random.below(2 ** 50) },
      rank: random.chance(0.5) ? 0 : random.below(2 ** 50),
      lists: random.chance(0.8) ? "told" : "asked",
    };
  }

  /** Any message that a client may send, and some others. */
  #anything(): DirectoryMessage {
    const random = this.#random;
    const call = this.#call();
    const isNew = random.chance(0.8);
    return random.pick<() => DirectoryMessage>([
      () => ({
        type: "call",
        call: isNew ? random.bytes(16) : call,
        name: this.#name(),
        refused: random.pick([[], ["k7f3"]]),
      }),
      () => ({ type: "answer", call, accepts: random.chance(0.8), reason: "" }),
      () => ({ type: "begun", call, route: random.pick(ROUTES) }),
      () => ({ type: "relay-please", call }),
      () => ({ type: "relay", call, bytes: random.bytes(random.below(16_384)) }),
      () => ({ type: "relay-room", call, bytes: random.below(100_000) }),
      () => ({ type: "hang-up", call, reason: "" }),
      () => this.#broadcast(),
      () => ({ type: "got", through: random.pick([0, 1, Number.MAX_SAFE_INTEGER]) }),
      () => ({ type: "change-password", old: "hostile password", new: "hostile password" }),
      () => ({ type: "forget-me", password: "hostile password" }),
      () => ({ type: "heard", lines: random.below(3) }),
      () => ({ type: "hung-up" }),
      () => ({ type: "outcome", call, state: random.pick(OUTCOMES), reason: "" }),
      () => ({ type: "busy", busy: random.chance(0.5) }),
      () => ({ type: "call-at", call, at: this.endpoint }),
      () => ({ type: "visit", as: this.#name(), call, name: this.#name(), refused: [] }),
      () => this.#enter(),
    ])();
  }

  /** In its own name as a rule, and signed by itself. */
  #broadcast(): DirectoryMessage {
    const random = this.#random;
    const from = random.chance(0.8) ? this.label : this.#name();
    const own = random.chance(0.5) ? random.below(1_000) : ++this.#own;
    const text = `${this.label} tells ${this.#lines++}`;
    const directory = this.world.signer.key;
    const sentAt = random.pick([
      0,
      Math.floor(this.world.directoryWallMs()),
      Number.MAX_SAFE_INTEGER,
    ]);
    const signature = signBroadcast(this.#signer, { directory, from, own, sentAt, text });
    return { type: "broadcast", own, sentAt, text, signature };
  }

  /** Sends messages about a call, or what might be one. */
  #troubles(end: LinkEnd<DirectoryMessage>): void {
    const random = this.#random;
    if (random.chance(0.2)) return end.close("enough");
    if (random.chance(0.3)) return this.#meets(end);
    if (random.chance(0.2)) return this.#send(end, this.#anything());
    for (let n = random.chance(0.1) ? FLOOD : 1; n > 0; n--) this.#saysLine(end);
  }

  #saysLine(end: LinkEnd<DirectoryMessage>): void {
    const text = `${this.label} ${this.#lines++}`;
    this.world.talks.said(text, this.key);
    this.#send(end, { type: "line", text });
  }

  /** Sends datagrams with false source addresses, and replays those of others. */
  #datagrams(): void {
    const random = this.#random;
    const { datagrams, endpoint: to, people } = this.world;
    const nobody = { host: "203.0.113.1", port: 1 + random.below(3) };
    const from = random.pick([this.endpoint, nobody, nobody, random.pick(people).endpoint]);
    if (random.chance(0.4) && datagrams.seen.length > 0) {
      const seen = random.pick(datagrams.seen);
      const source = random.chance(0.5) ? seen.from : from;
      if (random.chance(0.7)) return datagrams.send(this.host, source, seen.to, seen.bytes);
      const changed = seen.bytes.slice();
      changed[random.below(changed.length)]! ^= 1 << random.below(8);
      return datagrams.send(this.host, source, seen.to, changed);
    }
    if (this.#path === null) return;
    const message = random.pick<DatagramMessage>([
      { type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) },
      { type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) },
      { type: "proof", challenge: random.bytes(8) },
      { type: "got", through: random.below(3) },
    ]);
    datagrams.send(this.host, from, to, this.#path.seal(message));
  }
}
