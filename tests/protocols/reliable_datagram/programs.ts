/** Programs that send each other messages over a network of the test's making, in virtual time. */

import { assert } from "@std/assert";
import { type Endpoint, endpointText, type PeerKey } from "../../../lib/base/ids.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import type { Lane } from "../../../lib/protocols/reliable_datagram/packet.ts";
import { ReliableDatagrams } from "../../../lib/protocols/reliable_datagram/reliable_datagrams.ts";
import type {
  ReliableConfig,
  ReliableEffect,
  ReliableInput,
} from "../../../lib/protocols/reliable_datagram/reliable_io.ts";
import { Timer, VirtualTime } from "../../sim/virtual_time.ts";
import { environment, identityOf, seedOf } from "../noise/channel_pair.ts";

export type Told = Exclude<ReliableEffect, { readonly type: "transmit" }>;

export interface Flight {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  readonly sentMs: number;
}

const TEXT = new TextDecoder();

/** One program: what it was told. */
export class Program {
  readonly key: PeerKey;
  readonly machine: ReliableDatagrams;
  readonly told: Told[] = [];
  isStopped = false;
  #ticks = 0;
  readonly #timer = new Timer(() => this.#tick());

  constructor(
    readonly world: World,
    readonly name: string,
    public endpoint: Endpoint,
    start: number,
    config: Partial<ReliableConfig>,
  ) {
    const { signer, key } = identityOf(name);
    this.key = key;
    this.machine = new ReliableDatagrams({
      identity: { signer, static: keyPairFromSeed(seedOf(`static of ${name} ${start}`)) },
      env: environment(`${name} ${start}`),
      access: { mode: "group", admit: () => true },
      config,
    });
  }

  step(input: ReliableInput): void {
    for (const effect of this.machine.step(input, this.world.nowMs)) {
      if (effect.type !== "transmit") this.told.push(effect);
      else this.world.carry({ ...effect, from: this.endpoint, sentMs: this.world.nowMs });
    }
    this.arm();
  }

  /** Sees to its next tick. */
  arm(): void {
    const dueMs = this.isStopped ? null : this.machine.nextDeadlineMs();
    if (dueMs === null) this.world.time.disarm(this.#timer);
    else this.world.time.arm(this.#timer, dueMs);
  }

  #tick(): void {
    assert(++this.#ticks < 1_000_000, "time goes on");
    this.step({ type: "tick" });
  }

  connect(to: Program): void {
    this.step({ type: "connect", peer: to.key, endpoint: to.endpoint });
  }

  send(to: Program, text: string, lane: Lane = "data"): void {
    this.step({ type: "send", peer: to.key, lane, message: new TextEncoder().encode(text) });
  }

  /** Texts that came in a lane. */
  heard(lane: Lane = "data"): readonly string[] {
    return this.told.flatMap((each) =>
      each.type === "message" && each.lane === lane ? [TEXT.decode(each.bytes)] : []
    );
  }

  /** All that it was told but messages, by type. */
  get news(): readonly string[] {
    return this.told.map(({ type }) => type).filter((type) => type !== "message");
  }
}

/** Programs and what is on its way between them. */
export class World {
  readonly time = new VirtualTime();
  readonly programs: Program[] = [];
  /** Everything that was sent. */
  readonly sent: Flight[] = [];
  delayMs = 5;
  /** How long a datagram takes, `null` where it is lost. */
  fate: (flight: Flight) => number | null = () => this.delayMs;

  get nowMs(): number {
    return this.time.nowMs;
  }

  program(name: string, port: number, config: Partial<ReliableConfig> = {}, start = 1): Program {
    const program = new Program(this, name, { host: "10.0.0.1", port }, start, config);
    this.programs.push(program);
    return program;
  }

  /** Two programs that are up. */
  pair(config: Partial<ReliableConfig> = {}): { ann: Program; bob: Program } {
    const [ann, bob] = [this.program("Ann", 1, config), this.program("Bob", 2, config)];
    ann.connect(bob);
    this.run(200);
    assert(ann.news.includes("up") && bob.news.includes("up"), "both are up");
    ann.told.length = 0;
    bob.told.length = 0;
    this.sent.length = 0;
    return { ann, bob };
  }

  carry(flight: Flight): void {
    this.sent.push(flight);
    const delayMs = this.fate(flight);
    if (delayMs !== null) this.time.after(delayMs, () => this.#arrived(flight));
  }

  #arrived({ from, to, bytes }: Flight): void {
    const program = this.programs.findLast(({ endpoint, isStopped }) =>
      !isStopped && endpointText(endpoint) === endpointText(to)
    );
    program?.step({ type: "datagram", from, bytes });
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    for (const program of this.programs) program.arm(); // some may be stopped now, or no more
    this.time.runUntil(this.nowMs + ms);
  }
}
