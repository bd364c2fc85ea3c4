/** What programs run in that a test starts: sealed links in memory, virtual time, a disk each. */

import { nodeCrypto, nodeSigner, type Signer } from "../../lib/base/crypto/crypto.ts";
import { type Environment, SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { Endpoint, ProcessKey } from "../../lib/base/ids.ts";
import type { ListenAccess } from "../../lib/protocols/noise/channel_handshake.ts";
import type { ChannelConfig } from "../../lib/protocols/noise/config.ts";
import type { ChannelMode } from "../../lib/protocols/noise/preface.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import type { RecordStore } from "../../lib/runtime/record_log.ts";
import {
  EXPECT_ANYBODY,
  forwardTo,
  type LinkEnd,
  type LinkHandler,
  type Links,
  openTo,
} from "../../lib/transport/link.ts";
import { MemoryLinkNetwork } from "../doubles/memory_links.ts";

/** A disk of one profile: what is on it outlives its programs. */
export class MemoryStore<Stored> implements RecordStore<Stored> {
  records: Stored[] = [];
  refuses = false;
  rewrites = 0;
  /** What the file seems to have beyond its records. */
  extraBytes = 0;

  get bytes(): number {
    return this.records.length + this.extraBytes;
  }

  append(records: readonly Stored[]): Promise<void> {
    if (this.refuses) return Promise.reject(new P2pchatError("disk", "Cannot write: it is full"));
    this.records.push(...records);
    return Promise.resolve();
  }

  rewrite(records: Iterable<Stored>): Promise<void> {
    if (this.refuses) return Promise.reject(new P2pchatError("disk", "Cannot write: it is full"));
    this.rewrites++;
    this.records = [...records];
    this.extraBytes = 0;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A reader of output that may stand still. */
export class Reader {
  #standing: PromiseWithResolvers<void> | null = null;

  stop(): void {
    this.#standing = Promise.withResolvers<void>();
  }

  goOn(): void {
    this.#standing?.resolve();
    this.#standing = null;
  }

  ready(): Promise<void> | null {
    return this.#standing?.promise ?? null;
  }
}

/** What a program of a profile is given. */
export interface Place {
  readonly address: Endpoint;
  readonly process: ProcessKey;
  readonly signer: Signer;
  readonly environment: Environment;
  /** What the log was told, without the fields. */
  readonly logged: readonly string[];
  /** The fields of each of those. */
  readonly loggedFields: readonly unknown[];
  /** Listens at `address`; `handler` isn't asked for before links bring something. */
  open(
    access: ListenAccess,
    handler: () => LinkHandler | null,
    channel?: Partial<ChannelConfig>,
  ): Links;
}

export class HostWorld {
  readonly network = new MemoryLinkNetwork({ latencyMs: 5 });
  #programs = 0;

  /** For a program of the profile `seed`: a host of its own, 127.0.0.1 for the first one. */
  place(seed: number, port: number, host = `127.0.0.${this.#programs + 1}`): Place {
    const address = { host, port };
    let drawn = seed * 7_919 + ++this.#programs;
    const next = () => drawn = (drawn * 48_271) % 2_147_483_647;
    const randomBytes = (length: number) => Uint8Array.from({ length }, () => next() % 256);
    const { clock } = this.network;
    const logged: string[] = [];
    const loggedFields: unknown[] = [];
    const log = (message: string, fields?: unknown) => {
      logged.push(message);
      loggedFields.push(fields);
    };
    const own = keyPairFromSeed(randomBytes(32));
    const environment = {
      random: () => (next() % 1_000) / 1_000,
      randomBytes,
      wallMs: () => 1_700_000_000_000 + clock.nowMs(),
      crypto: nodeCrypto,
      log: { ...SILENT_LOGGER, info: log, warn: log },
    };
    const signer = signerOf(seed);
    const open: Place["open"] = (access, handler, channel = {}) =>
      this.network.open(address, {
        channel,
        identity: { signer, static: own },
        env: environment,
        access,
        handler: forwardTo(handler),
      });
    const process = own.publicKey.toHex() as ProcessKey;
    return { address, signer, process, environment, logged, loggedFields, open };
  }

  /**
   * Somebody connects to a program, proves a key, and says nothing, but answers pings.
   * @returns How that link has ended 15 s later: whoever never speaks is out by then, in every mode (SPEC section 7).
   */
  async silentFor15s(
    to: Endpoint,
    mode: ChannelMode,
    channel: Partial<ChannelConfig> = {},
  ): Promise<LinkEnd | null> {
    let isUp = false;
    let ended: LinkEnd | null = null;
    const silent: LinkHandler = {
      linkUp: () => isUp = true,
      dialFailed() {},
      frame() {},
      linkDown: (_, end) => ended = end,
      congested() {},
      drained() {},
      aged() {},
    };
    const links = this.place(200, 0, "127.0.2.1").open(openTo(mode), () => silent, channel);
    links.dial(1, to, EXPECT_ANYBODY);
    for (let turn = 0; turn < 100 && !isUp; turn++) await this.pass(10);
    if (!isUp) throw new Error("the one that says nothing is let in nowhere");
    await this.pass(15_000);
    return ended;
  }

  /** Nothing passes between the two, either way. */
  cut(one: string, other: string): void {
    this.network.cut(one, other);
    this.network.cut(other, one);
  }

  /** Lets so many ms pass, promises included. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.network.clock.advance(10);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
  }
}

/** The identity of the profile `seed`. */
export function signerOf(seed: number): Signer {
  return nodeSigner(new Uint8Array(32).fill(seed));
}
