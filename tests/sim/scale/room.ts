/**
 * A simulated room of a thousand members and more: machines over a network with delays and loss, as in the other
 * simulations, but without checkers. It counts the traffic on links, and records how each message reaches each
 * member.
 */

import type { MeshConfig } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { SimDisk } from "../disk.ts";
import { Network, type Path } from "../network.ts";
import { Random } from "../random.ts";
import { VirtualTime } from "../virtual_time.ts";
import { type Edge, farthestMs, type Graph, partsOf } from "./graph.ts";
import { ScaleMember } from "./member.ts";
import { Said } from "./said.ts";
import type { CreateMachine } from "./scale_machine.ts";

export interface ScaleRoomConfig {
  readonly seed: number;
  readonly create: CreateMachine;
  /** The number of members that ever join. */
  readonly membersMax: number;
  /** One-way delays between two members: drawn evenly from this range, the same in both directions. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Loss probability of each packet; a lost one costs a retransmission. */
  readonly lossChance: number;
}

/** The same values as in the program: `lib/transport/`. */
const LIMITS = { controlBytes: 65_536, dataBytes: 1_048_576, windowBytes: 262_144 };
const SYNC_MS = 1;
const NOT_KEPT: MeshRecord = { kind: "shown", through: null };

interface Traffic {
  frames: number;
  bytes: number;
}

export class ScaleRoom {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: Network<MeshMessage>;
  /** All members that ever joined, by host. */
  readonly members: ScaleMember[] = [];
  readonly said: Said[] = [];
  /** Frames and bytes sent since `resetTraffic`, by type of message. */
  readonly traffic = new Map<MeshMessage["type"], Traffic>();
  /** The reasons for bans. There should be none, as all members are honest. */
  readonly bans: string[] = [];
  /** The reasons for which members ended by themselves. */
  readonly failures: string[] = [];
  dials = 0;
  steps = 0;
  readonly #paths = new Map<number, Path>();

  constructor(readonly config: ScaleRoomConfig) {
    this.random = new Random(config.seed);
    const { membersMax } = config;
    const path = (from: number, to: number) => this.path(from, to);
    this.network = new Network(this.time, this.random.fork(), LIMITS, membersMax, path);
  }

  path(one: number, other: number): Path {
    const id = Math.min(one, other) * this.config.membersMax + Math.max(one, other);
    let path = this.#paths.get(id);
    if (path === undefined) {
      const { delayMsMin, delayMsMax, lossChance } = this.config;
      const delayMs = this.random.between(delayMsMin, delayMsMax);
      path = { delayMs, jitterMs: 0, bytesPerMs: Infinity, lossChance };
      this.#paths.set(id, path);
    }
    return path;
  }

  /** The members that run and are in the room. */
  present(): ScaleMember[] {
    return this.members.filter(({ gone, readyAtMs }) => !gone && readyAtMs !== null);
  }

  found(): void {
    this.#start({ kind: "found" });
  }

  /** A new member joins through `via`, by default through any present member. */
  join(via: ScaleMember = this.random.pick(this.present())): void {
    this.#start({ kind: "join", contact: via.endpoint });
  }

  #start(begin: MeshConfig["begin"]): void {
    const disk = new SimDisk<MeshRecord>(this.time, this.random.fork(), {
      syncMs: SYNC_MS,
      slowChance: 0,
    });
    // No member restarts here, so records aren't kept: they would take most of the memory.
    disk.wrote = (_records, from) => disk.records.fill(NOT_KEPT, from);
    const member = new ScaleMember(this, this.members.length, begin, disk);
    this.members.push(member);
    member.start();
  }

  run(forMs: number): void {
    this.time.runUntil(this.time.nowMs + forMs);
  }

  /** Lets time pass until `holds()`, checked every `everyMs`. @returns Whether it held within `withinMs`. */
  runUntil(holds: () => boolean, everyMs: number, withinMs: number): boolean {
    const untilMs = this.time.nowMs + withinMs;
    while (!holds()) {
      if (this.time.nowMs >= untilMs) return false;
      this.run(everyMs);
    }
    return true;
  }

  /** A member's user types a line of `bytes`. */
  say(author: ScaleMember, bytes = 200, isMeasured = false): Said {
    const { membersMax } = this.config;
    const audience = this.present().map(({ host }) => host);
    const said = new Said(
      this.said.length,
      author.host,
      this.time.nowMs,
      audience,
      membersMax,
    );
    if (isMeasured) said.farthestMs = farthestMs(this.graph(), author.host);
    this.said.push(said);
    author.command({ command: "say", text: `${said.index} `.padEnd(bytes, "x") });
    return said;
  }

  /** The links that both ends count as links to neighbours. */
  graph(): Graph {
    const byKey = new Map(this.present().map((member) => [member.key, member]));
    const graph = new Map<number, readonly Edge[]>();
    for (const { key, host, machine } of byKey.values()) {
      const edges: Edge[] = [];
      for (const peer of machine.neighbours()) {
        const other = byKey.get(peer);
        if (other === undefined || !other.machine.neighbours().includes(key)) continue;
        edges.push({ to: other.host, ms: this.path(host, other.host).delayMs });
      }
      graph.set(host, edges);
    }
    return graph;
  }

  isOne(): boolean {
    return partsOf(this.graph()).length <= 1;
  }

  resetTraffic(): void {
    this.traffic.clear();
    for (const member of this.members) member.framesSent = member.bytesSent = 0;
  }

  /** Sums frames and bytes over the message types for which `counts` returns true. */
  sentOf(counts: (type: MeshMessage["type"]) => boolean): Readonly<Traffic> {
    const sum = { frames: 0, bytes: 0 };
    for (const [type, { frames, bytes }] of this.traffic) {
      if (!counts(type)) continue;
      sum.frames += frames;
      sum.bytes += bytes;
    }
    return sum;
  }

  // What members tell.

  sent(message: MeshMessage, bytes: number): void {
    const traffic = this.traffic.get(message.type) ?? { frames: 0, bytes: 0 };
    traffic.frames++;
    traffic.bytes += bytes;
    this.traffic.set(message.type, traffic);
    if (message.type !== "bundle") return;
    for (const said of this.#saidIn(message)) said.payloads++;
  }

  bundleCame(
    at: ScaleMember,
    from: number,
    message: Extract<MeshMessage, { readonly type: "bundle" }>,
  ): void {
    const way = message.reason === "range" ? "sync" : "broadcast";
    for (const said of this.#saidIn(message)) said.came(at.host, from, way);
  }

  shown(at: ScaleMember, text: string): void {
    this.#saidAs(text).shown(at.host, this.time.nowMs);
  }

  ended({ outcome }: ScaleMember): void {
    if (outcome !== null && outcome !== "quit") this.failures.push(outcome);
  }

  #saidIn({ bundle }: Extract<MeshMessage, { readonly type: "bundle" }>): readonly Said[] {
    return bundle.texts.value.map((text) => this.#saidAs(text));
  }

  #saidAs(text: string): Said {
    return this.said[Number.parseInt(text, 10)]!;
  }
}
