/**
 * The simulated network: hosts, the paths between them, cuts, and connections dialled by address. It transports
 * messages without knowing their meaning.
 */

import { type Endpoint, endpointText } from "../../lib/base/ids.ts";
import type { ChannelSecret } from "../../lib/protocols/noise/channel_handshake.ts";
import type { ChannelConfig } from "../../lib/protocols/noise/config.ts";
import { LinkEnd, type LinkOwner, type QueueLimits } from "./link.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** One direction of the path between two hosts. */
export interface Path {
  readonly delayMs: number;
  /** Mean of an exponentially distributed additional delay. */
  readonly jitterMs: number;
  /** Bandwidth; Infinity for an unlimited path. */
  readonly bytesPerMs: number;
  /** Loss probability of each packet; by default 0. TCP retransmits a lost packet, and later ones wait for it. */
  readonly lossChance?: number;
}

/** A process that can be dialled, or dial. */
export interface Station<Message> extends LinkOwner<Message> {
  /** The address that others see when it dials: its own, or that of its NAT router. */
  readonly seenHost: string;
  /** Whether the process has ended. */
  readonly gone: boolean;
  /** Why this process refuses the caller; null where it doesn't. Called when the dial arrives. */
  refusal(call: Call<Message>): string | null;
}

/** A dial in progress. */
export interface Call<Message> {
  readonly from: Station<Message>;
  readonly attempt: number;
  readonly endpoint: Endpoint;
  /** What the handshake expects; the values are the protocol's own. */
  readonly expect: string | null;
  readonly room: string | null;
  /** A secret that the other side must know, too; by default none. */
  readonly secret?: ChannelSecret | null;
  readonly failed: (reason: string) => void;
}

/** A listener of another kind, which answers every caller in the same way. */
export interface Stranger {
  readonly host: number;
  readonly answer: string;
}

const DIAL_TIMEOUT_MS = 5_000;

export class Network<Message> {
  /** Links with an open end, each by the dialler's end. */
  readonly ends = new Set<LinkEnd<Message>>();
  /** Messages dropped by full queues. */
  dropped = 0;
  /** How links between two hosts have pings; null: none has, and is lost where one side stands still for 3 s. */
  pinged: ((from: number, to: number) => ChannelConfig) | null = null;
  readonly #listeners = new Map<string, Station<Message> | Stranger>();
  readonly #cuts: Uint8Array;

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly limits: QueueLimits,
    readonly hosts: number,
    readonly path: (from: number, to: number) => Path,
  ) {
    this.#cuts = new Uint8Array(hosts * hosts);
  }

  listen(endpoint: Endpoint, listener: Station<Message> | Stranger): void {
    this.#listeners.set(endpointText(endpoint), listener);
  }

  unlisten(endpoint: Endpoint): void {
    this.#listeners.delete(endpointText(endpoint));
  }

  listener(endpoint: Endpoint): Station<Message> | Stranger | undefined {
    return this.#listeners.get(endpointText(endpoint));
  }

  /** Whether nothing gets from one host to the other. */
  isCut(from: number, to: number): boolean {
    return this.#cuts[from * this.hosts + to] === 1;
  }

  /** Cuts or heals each direction, as `isCut` says for each pair of different hosts. */
  setCuts(isCut: (from: number, to: number) => boolean): void {
    for (let from = 0; from < this.hosts; from++) {
      for (let to = 0; to < this.hosts; to++) {
        this.#cuts[from * this.hosts + to] = from !== to && isCut(from, to) ? 1 : 0;
      }
    }
    this.refresh();
  }

  /** Checks all links again, after a cut, a heal, or when a process stops answering. */
  refresh(): void {
    for (const end of [...this.ends]) {
      end.refresh();
      end.other.refresh();
    }
  }

  /** Dials: yields a link after a round trip, or a failure when a real dial would fail. */
  dial(call: Call<Message>): void {
    const { time } = this;
    const target = this.listener(call.endpoint);
    const timedOut = () => call.failed("timeout");
    if (target === undefined) {
      // A host that is up refuses at once if nobody listens; one that is gone doesn't answer.
      if (this.random.chance(0.5)) {
        time.after(this.random.between(0.1, 80), () => call.failed("unreachable"));
      } else time.after(DIAL_TIMEOUT_MS, timedOut);
      return;
    }
    const there = this.path(call.from.host, target.host);
    const back = this.path(target.host, call.from.host);
    const tookMs = there.delayMs + back.delayMs + this.random.exponential(there.jitterMs + 0.05);
    const startedMs = time.nowMs;
    const failLate = () => time.after(startedMs + DIAL_TIMEOUT_MS - time.nowMs, timedOut);
    const answered = () => {
      if (call.from.gone) return;
      if (this.listener(call.endpoint) !== target) return failLate();
      if (this.isCut(call.from.host, target.host) || this.isCut(target.host, call.from.host)) {
        return failLate();
      }
      if ("answer" in target) {
        // A caller without an expectation can't be told that the other side is something else.
        if (call.expect !== null) return call.failed(target.answer);
        return call.failed(call.room === null ? "unreachable" : "wrong-room");
      }
      if (target.silent) {
        const wakesMs = target.stalledUntilMs + 1;
        if (wakesMs >= startedMs + DIAL_TIMEOUT_MS) return failLate();
        return void time.after(wakesMs - time.nowMs, answered);
      }
      const refusal = target.refusal(call);
      if (refusal !== null) return call.failed(refusal);
      this.#connect(call, target);
    };
    time.after(tookMs, answered);
  }

  #connect(call: Call<Message>, target: Station<Message>): void {
    const seen = { host: call.from.seenHost, port: 32_768 + this.random.below(28_000) };
    const near = LinkEnd.pair(this, call.from, call.attempt, call.endpoint, target, seen);
    near.secret = near.other.secret = call.secret ?? null;
    call.from.linkUp(near);
  }
}
