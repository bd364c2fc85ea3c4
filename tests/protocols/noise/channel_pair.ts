/** Two channel machines joined by bytes in memory, in virtual time. */

import { assert } from "@std/assert";
import { concatBytes, nodeCrypto, nodeSigner, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { Channel } from "../../../lib/protocols/noise/channel.ts";
import type { ChannelEffect, ChannelInput, Lane } from "../../../lib/protocols/noise/channel_io.ts";
import type {
  ChannelIdentity,
  DialTarget,
  HandshakeEnvironment,
  ListenAccess,
} from "../../../lib/protocols/noise/channel_handshake.ts";
import type { ChannelConfig } from "../../../lib/protocols/noise/config.ts";
import { EMPTY, keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";

export function seedOf(text: string): Uint8Array {
  return Uint8Array.fromHex(nodeCrypto.sha256(utf8(text)));
}

export function identityOf(name: string): ChannelIdentity & { readonly key: PeerKey } {
  const signer = nodeSigner(seedOf(name));
  return { signer, static: keyPairFromSeed(seedOf(`static of ${name}`)), key: signer.key };
}

/** Bytes that look random and are the same in each run. */
export function environment(
  seed: string,
  log = SILENT_LOGGER,
): HandshakeEnvironment & Pick<Environment, "log"> {
  let count = 0;
  return {
    crypto: nodeCrypto,
    log,
    randomBytes: (length) => seedOf(`${seed} ${++count}`).slice(0, length),
  };
}

export const ANN = identityOf("Ann");
export const BOB = identityOf("Bob");
export const TARGET: DialTarget = { mode: "mesh", room: null, secret: null, fingerprint: null };
export const ACCESS: ListenAccess = {
  mode: "mesh",
  room: null,
  secrets: null,
  admit: () => null,
};

const TEXT = new TextDecoder();

/** One side: its machine, what it wrote and what it told its owner. */
export class Side {
  readonly wire: Uint8Array[] = [];
  readonly told: Exclude<ChannelEffect, { readonly type: "write" }>[] = [];

  constructor(readonly channel: Channel) {}

  step(input: ChannelInput, nowMs: number): void {
    for (const effect of this.channel.step(input, nowMs)) {
      if (effect.type === "write") this.wire.push(effect.bytes.slice());
      else this.told.push(effect);
    }
  }

  /** Everything that it wants to write now, as one. */
  take(nowMs: number): Uint8Array {
    for (let writes = 0; this.channel.hasOutput; writes++) {
      assert(writes < 100, "writing comes to an end");
      this.step({ type: "writable" }, nowMs);
    }
    return concatBytes(...this.wire.splice(0));
  }

  send(text: string, lane: Lane, nowMs: number): void {
    this.step({ type: "send", head: EMPTY, body: utf8(text), lane }, nowMs);
  }

  /** The text that came in by a lane. */
  heard(lane: Lane): string {
    return this.told.map((each) =>
      each.type === "bytes" && each.lane === lane ? TEXT.decode(each.bytes) : ""
    ).join("");
  }

  /** What it was told besides bytes, as short words. */
  get events(): readonly string[] {
    return this.told.flatMap((each) => {
      switch (each.type) {
        case "bytes":
          return [];
        case "failed":
          return [`failed ${each.reason}`];
        case "closed":
          return [`${each.closed ? "closed" : "lost"} ${each.detail ?? each.reason}`];
        default:
          return [each.type];
      }
    });
  }
}

export interface PairOptions {
  readonly ann?: ChannelIdentity;
  readonly bob?: ChannelIdentity;
  readonly target?: Partial<DialTarget>;
  readonly access?: Partial<ListenAccess>;
  readonly config?: Partial<ChannelConfig>;
}

export class Pair {
  nowMs = 0;
  readonly ann: Side;
  readonly bob: Side;
  /** How the bytes of one write reach the other side; `null` keeps them away. */
  onWire: (bytes: Uint8Array, from: "ann" | "bob") => readonly Uint8Array[] = (bytes) => [bytes];

  constructor(options: PairOptions = {}) {
    const config = options.config ?? {};
    this.ann = new Side(
      Channel.dial(
        { identity: options.ann ?? ANN, env: environment("ann"), config },
        { ...TARGET, ...options.target },
        0,
      ),
    );
    this.bob = new Side(
      Channel.listen(
        { identity: options.bob ?? BOB, env: environment("bob"), config },
        { ...ACCESS, ...options.access },
        0,
      ),
    );
  }

  /** Carries bytes to and fro until both are quiet. */
  settle(stepsMax = 100): this {
    for (let step = 0; this.ann.channel.hasOutput || this.bob.channel.hasOutput; step++) {
      assert(step < stepsMax, `quiet after ${stepsMax} steps`);
      this.carry("ann");
      this.carry("bob");
    }
    return this;
  }

  carry(from: "ann" | "bob"): void {
    const [writer, reader] = from === "ann" ? [this.ann, this.bob] : [this.bob, this.ann];
    const bytes = writer.take(this.nowMs);
    if (bytes.length === 0) return;
    for (const part of this.onWire(bytes, from)) {
      reader.step({ type: "received", bytes: part }, this.nowMs);
    }
  }

  /** Lets time pass, ticking each side when it asked for it, and what that makes them write. */
  pass(ms: number): this {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const next = Math.min(
        this.ann.channel.nextDeadlineMs() ?? Infinity,
        this.bob.channel.nextDeadlineMs() ?? Infinity,
      );
      if (next > untilMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      this.ann.step({ type: "tick" }, this.nowMs);
      this.bob.step({ type: "tick" }, this.nowMs);
      this.settle();
    }
    this.nowMs = untilMs;
    return this;
  }
}
