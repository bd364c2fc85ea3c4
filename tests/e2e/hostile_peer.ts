/** Attackers: strangers on a socket, peers with a valid handshake, and members that break the rules. */

import { CHANNEL_VERSION } from "../../lib/protocols/noise/preface.ts";
import { nodeCrypto, nodeSigner, utf8 } from "../../lib/base/crypto/crypto.ts";
import { type Environment, SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import type { LinkId, ProcessKey } from "../../lib/base/ids.ts";
import { invariant } from "../../lib/base/invariant.ts";
import { Channel } from "../../lib/protocols/noise/channel.ts";
import type { ChannelInput } from "../../lib/protocols/noise/channel_io.ts";
import type { ChannelIdentity } from "../../lib/protocols/noise/channel_handshake.ts";
import type { ChannelMode } from "../../lib/protocols/noise/preface.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import type { MeshEvent } from "../../lib/protocols/mesh/schema/events.ts";
import { FRIENDS_MESSAGES, type FriendsMessage } from "../../lib/protocols/friends/messages.ts";
import { MESH_MESSAGES, type MeshMessage } from "../../lib/protocols/mesh/schema/messages.ts";
import { MeshHost } from "../../lib/runtime/hosts/mesh_host.ts";
import { createCodec, type MessageCodec } from "../../lib/wire/codec.ts";
import { FRAME_HEADER_BYTES, writeFrameHeader } from "../../lib/wire/frame.ts";
import { SYSTEM_LINK_CLOCK } from "../../lib/transport/system_clock.ts";
import { openTcpLinks } from "../../lib/transport/tcp/tcp_links.ts";

import { holds } from "./node.ts";

const HOST = "127.0.0.1";
const MODE = "mesh";

export const MEGABYTE: Uint8Array<ArrayBuffer> = new Uint8Array(1_024 * 1_024).fill(0x70);
/** Bytes that start like a `hello`. */
export const GARBAGE: Uint8Array<ArrayBuffer> = new Uint8Array(1_000).fill(1);
export const HIGH_LENGTH: Uint8Array<ArrayBuffer> = Uint8Array.of(0xff, 0xff, 0xff, 0xff);

type BundleMessage = Extract<MeshMessage, { readonly type: "bundle" }>;

/** The longest wait for an expected event, well above any promise that tests check. */
const WAIT_MS = 60_000;

const codec = createCodec(MESH_MESSAGES);
/** The messages between friends. */
export const friendsCodec: MessageCodec<FriendsMessage> = createCodec(FRIENDS_MESSAGES);

/** A TCP connection to `port`, without a handshake. */
export class Stranger implements Disposable {
  /** When the other side closed the connection, in ms of `performance.now()`. */
  readonly dropped: Promise<number>;
  received = 0;
  #closed = false;

  private constructor(readonly conn: Deno.TcpConn, reads: boolean) {
    this.dropped = reads ? this.#read() : Promise.resolve(0);
  }

  static async connect(port: number, reads = true): Promise<Stranger> {
    return new Stranger(await Deno.connect({ hostname: HOST, port }), reads);
  }

  /** Our address in the other side's log. */
  get address(): string {
    return `${HOST}:${(this.conn.localAddr as Deno.NetAddr).port}`;
  }

  /** Sends until the other side closes the connection. */
  async send(bytes: Uint8Array, times = 1): Promise<void> {
    try {
      for (let at = 0; at < times; at++) {
        for (let sent = 0; sent < bytes.length;) {
          sent += await this.conn.write(bytes.subarray(sent));
        }
      }
    } catch {
      // The other side has closed the connection, as it should.
    }
  }

  /** If received bytes haven't been read, the system resets the connection. */
  close(): void {
    if (!this.#closed) this.conn.close();
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<number> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await this.conn.read(buffer)) !== null;) this.received += count;
    } catch {
      // The other side has reset the connection, or this side has closed it.
    }
    return performance.now();
  }
}

export interface PeerOptions {
  readonly identity?: ChannelIdentity;
  readonly mode?: ChannelMode;
}

/** A connection with the project's own handshake, and full control of everything after it. */
export class Peer implements Disposable {
  readonly dropped: Promise<number>;
  readonly #channel: Channel;
  readonly #up = Promise.withResolvers<void>();
  #wake = Promise.withResolvers<void>();
  #over = false;

  private constructor(readonly stranger: Stranger, { identity, mode }: Required<PeerOptions>) {
    this.#channel = Channel.dial(
      { identity, env: environment() },
      { mode, room: null, secret: null, fingerprint: null },
      performance.now(),
    );
    this.dropped = this.#read();
    void this.#write();
  }

  /** Dials, and waits until the handshake is over. */
  static async dial(
    port: number,
    { identity = newIdentity(), mode = MODE }: PeerOptions = {},
  ): Promise<Peer> {
    const peer = new Peer(await Stranger.connect(port, false), { identity, mode });
    await Promise.race([peer.#up.promise, peer.dropped]);
    return peer;
  }

  get address(): string {
    return this.stranger.address;
  }

  send(message: MeshMessage): void {
    this.sendBody(codec.encode(message));
  }

  /** Sends a frame with any content. */
  sendBody(body: Uint8Array): void {
    const head = new Uint8Array(FRAME_HEADER_BYTES);
    writeFrameHeader(head, body.length);
    this.sendRaw(head, body);
  }

  /** Sends messages of an unknown type. */
  sendUnknown(): void {
    for (let at = 0; at < 200; at++) this.sendBody(Uint8Array.of(0xe7, 0x07, 1, 2, 3));
  }

  /** Sends more frames than a receiver accepts. */
  async flood(): Promise<void> {
    for (let at = 0; at < 20_000; at++) {
      this.sendBody(MEGABYTE.subarray(0, 1_000));
      if (at % 500 === 0) await pause(0);
    }
  }

  /** Sends arbitrary bytes in place of a frame. */
  sendRaw(head: Uint8Array, body: Uint8Array = new Uint8Array(0)): void {
    this.#step({ type: "send", head, body, lane: "data" });
    this.#wake.resolve();
  }

  close(): void {
    this.#over = true;
    this.#wake.resolve();
    this.stranger.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #step(input: ChannelInput): Uint8Array | null {
    let bytes: Uint8Array | null = null;
    for (const effect of this.#channel.step(input, performance.now())) {
      if (effect.type === "established") this.#up.resolve();
      if (effect.type === "write") bytes = effect.bytes;
      if (effect.type === "failed" || effect.type === "closed") this.#over = true;
    }
    return bytes;
  }

  async #read(): Promise<number> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await this.stranger.conn.read(buffer)) !== null && !this.#over;) {
        this.#step({ type: "received", bytes: buffer.subarray(0, count) });
        this.#wake.resolve();
      }
    } catch {
      // The other side has reset the connection, or this side has closed it.
    }
    this.close();
    return performance.now();
  }

  async #write(): Promise<void> {
    while (!this.#over) {
      while (this.#channel.hasOutput && !this.#over) {
        const bytes = this.#step({ type: "writable" });
        if (bytes !== null) await this.stranger.send(bytes);
      }
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
  }
}

/** A member with the project's own code that also sends whatever a test wants. */
export class FalseMember implements AsyncDisposable {
  readonly events: MeshEvent[] = [];
  /** When its first link went down, in ms of `performance.now()`. */
  readonly dropped: Promise<number>;
  readonly #links: ReturnType<typeof openTcpLinks>;
  readonly #host: MeshHost;
  readonly #running: Promise<unknown>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #down = Promise.withResolvers<number>();
  #link: LinkId | null = null;
  #heard: BundleMessage | null = null;
  readonly #hearing = Promise.withResolvers<void>();

  /** Its key, as in logs. */
  readonly key: string;

  private constructor(name: string, port: number) {
    const identity = newIdentity();
    this.key = identity.signer.key;
    const env = environment();
    this.dropped = this.#down.promise;
    this.#links = openTcpLinks({
      host: HOST,
      port: 0,
      identity,
      env,
      access: { mode: MODE, room: null, secrets: null, admit: () => null },
      handler: {
        linkUp: (link, info) => {
          this.#link ??= link;
          this.#host.linkUp(link, info);
        },
        dialFailed: (attempt, failure) => this.#host.dialFailed(attempt, failure),
        frame: (link, body) => {
          const message = codec.decode(body.slice());
          if (message.type === "bundle") {
            this.#heard = message;
            this.#hearing.resolve();
          }
          this.#host.frame(link, body);
        },
        linkDown: (link, end) => {
          if (link === this.#link) this.#down.resolve(performance.now());
          this.#host.linkDown(link, end);
        },
        congested: (link) => this.#host.congested(link),
        drained: (link) => this.#host.drained(link),
        aged: () => {},
      },
    });
    const contact = { host: HOST, port };
    this.#host = new MeshHost({
      name,
      process: identity.static.publicKey.toHex() as ProcessKey,
      advertise: { host: HOST, port: this.#links.local.port },
      passive: false,
      historyShown: 0,
      begin: { kind: "join", contact },
    }, {
      clock: SYSTEM_LINK_CLOCK,
      environment: env,
      signer: identity.signer,
      links: this.#links,
      openRoom: () =>
        Promise.resolve({
          records: [],
          bytes: 0,
          append: () => Promise.resolve(),
          rewrite: () => Promise.resolve(),
          pin: () => Promise.resolve(),
          close: () => Promise.resolve(),
        }),
      show: (event) => {
        this.events.push(event);
        if (event.event === "ready") this.#ready.resolve();
      },
      pauseInput: () => {},
      flushed: () => Promise.resolve(),
      written: () => Promise.resolve(),
      keepAnswer: () => Promise.resolve(),
      outputReady: () => null,
    });
    this.#running = this.#host.run();
  }

  /** Joins, and waits until it is a member and has received a bundle. */
  static async join(name: string, port: number): Promise<FalseMember> {
    const member = new FalseMember(name, port);
    const ready = Promise.all([member.#ready.promise, member.#hearing.promise]);
    await within(WAIT_MS, Promise.race([ready, member.#running]), () => member.#account());
    return member;
  }

  /** The last bundle that it received. */
  get heard(): BundleMessage {
    invariant(this.#heard !== null, "somebody has said something");
    return this.#heard;
  }

  encode(message: MeshMessage): Uint8Array {
    return codec.encode(message);
  }

  /** Sends on the link by which it joined. */
  send(message: MeshMessage, lane: "control" | "data" = "data"): void {
    this.sendBody(this.encode(message), lane);
  }

  sendBody(body: Uint8Array, lane: "control" | "data" = "data"): void {
    invariant(this.#link !== null, "a member has a link");
    this.#links.send(this.#link, body, lane);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#host.command({ command: "quit" }, undefined);
    await within(WAIT_MS, this.#running, () => this.#account());
    await this.#links.shutdown("quit");
  }

  #account(): string {
    return `${this.key} saw ${JSON.stringify(this.events.slice(-10))}`;
  }
}

export function newIdentity(): ChannelIdentity {
  return { signer: nodeSigner(randomBytes(32)), static: keyPairFromSeed(randomBytes(32)) };
}

function environment(): Environment {
  return {
    random: Math.random,
    randomBytes,
    wallMs: Date.now,
    crypto: nodeCrypto,
    log: SILENT_LOGGER,
  };
}

function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Waits for `event`. @throws If it takes longer than `ms`; the error contains `account()`. */
export async function within(
  ms: number,
  event: Promise<unknown>,
  account: () => string,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<"late">((resolve) => timer = setTimeout(resolve, ms, "late"));
  const first = await Promise.race([event, limit]);
  clearTimeout(timer);
  if (first === "late") throw new Error(`Waited for ${ms} ms: ${account()}`);
}

/** A preface without a room. */
export function preface(
  { version = CHANNEL_VERSION, mode = 1 }: { readonly version?: number; readonly mode?: number } =
    {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(51);
  bytes.set(utf8("p2pc"));
  bytes[4] = version;
  bytes[5] = mode;
  return bytes;
}

/** Makes a hundred connections, and closes them at different points, some with a reset. */
export async function resetMany(port: number, bytes: Uint8Array = preface()): Promise<void> {
  for (let count = 0; count < 100; count++) {
    const stranger = await Stranger.connect(port, false);
    if (count % 3 > 0) await stranger.send(bytes);
    if (count % 3 > 1) await pause(1); // an unread answer makes the system reset the connection
    stranger.close();
  }
}

/** Everything that a peer sent during its handshake, as recorded by an eavesdropper. */
export async function recordedHandshake(
  port: number,
  mode: ChannelMode = MODE,
): Promise<Uint8Array> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const recorded: number[] = [];
  const relaying = (async () => {
    const near = await listener.accept();
    const far = await Deno.connect({ hostname: "127.0.0.1", port });
    const relay = async (from: Deno.Conn, to: Deno.Conn, note: boolean) => {
      const buffer = new Uint8Array(4_096);
      try {
        for (let count; (count = await from.read(buffer)) !== null;) {
          if (note) recorded.push(...buffer.subarray(0, count));
          await to.write(buffer.subarray(0, count));
        }
      } catch {
        // One side has closed the connection: the other one is closed, too.
      }
      for (const conn of [near, far]) {
        try {
          conn.close();
        } catch {
          // Already closed by the other direction.
        }
      }
    };
    await Promise.all([relay(near, far, true), relay(far, near, false)]);
  })();
  const peer = await Peer.dial(listener.addr.port, { mode });
  await pause(50);
  peer.close();
  await relaying;
  listener.close();
  return Uint8Array.from(recorded);
}

/** Waits until the log has a reason for dropping this address or key. */
export async function assertReason(logFile: string, who: string, name: string): Promise<void> {
  await holds(`the log says why ${who} was dropped (${name})`, () => {
    const lines = Deno.readTextFileSync(logFile).split("\n");
    return lines.filter((line) => line.includes(`"${who}"`)).some((line) => {
      const { properties } = JSON.parse(line);
      return (properties.text ?? properties.reason ?? "") !== "";
    });
  });
}

export async function pause(ms: number): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
