/**
 * A simulated group whose coordinator runs as several programs over an engine: each stands by until it leads. The party of
 * the coordinator is that of whoever began to lead last; one that doesn't know yet that it leads no more goes on beside it.
 */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Clock } from "../../../lib/base/machine/clock.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import type { Endpoint, LinkId } from "../../../lib/base/ids.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { Candidacy } from "../../../lib/engine/candidacy.ts";
import { FencedLog } from "../../../lib/engine/fenced_log.ts";
import {
  StandBy,
  type StandByEffect,
  type StandByInput,
} from "../../../lib/protocols/group/coordinator/stand_by.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/schema/coordinator_io.ts";
import {
  COORDINATOR_GOODBYE,
  type GroupMessage,
} from "../../../lib/protocols/group/schema/messages.ts";
import { clockOf, type EngineMutation, SimEngine, SimProgram, SimStore } from "../engine.ts";
import type { LinkEnd } from "../link.ts";
import type { Call, Station } from "../network.ts";
import { Timer } from "../virtual_time.ts";
import type { Checker } from "./checker.ts";
import { CoordinatorProcess } from "./coordinator_process.ts";
import { EngineDisk, Lines } from "./engine_disk.ts";
import { messageBytes } from "./message_bytes.ts";
import { Violation } from "./violation.ts";
import { World, type WorldOptions } from "./world.ts";

const PREFIX = "p2pchat/group/g/";
/** Of the instances' clocks. */
const RATES = [1, 0.95, 1.1] as const;
/** Of a clock by which a lease is trusted for far too long, so that the fence alone holds its program. */
const TRUSTING_RATE = 0.2;

export interface InstanceMutation extends EngineMutation {
  /** Leads with what it had read when it began to stand by. */
  readonly readsBefore?: boolean;
  /** Takes steps without asking whether it leads. */
  readonly stepsUnasked?: boolean;
  /** It goes by a wall clock, which is set back. */
  readonly wallClock?: boolean;
}

export class EngineWorld extends World {
  readonly engine: SimEngine;
  readonly lines = new Lines();
  readonly instances: readonly Instance[];

  constructor(
    options: WorldOptions,
    checkers: readonly Checker[],
    readonly broken: InstanceMutation,
  ) {
    super(options, checkers);
    this.engine = new SimEngine(this.time, this.random.fork(), broken);
    this.engine.memory.followers.add(oneHistory());
    this.instances = Array.from(
      { length: options.instances! },
      (_, at) => new Instance(this, at, at === 0 ? 0 : options.members + at),
    );
  }

  override get servers(): readonly Endpoint[] {
    return this.instances.map(({ endpoint }) => endpoint);
  }

  override startCoordinator(): void {
    for (const instance of this.instances) instance.start();
  }

  /** The instances that believe that they lead. */
  get leaders(): readonly Instance[] {
    return this.instances.filter(({ leading }) => leading !== null);
  }

  /** Ends all faults of the engine, and of the ways to it. */
  healEngine(): void {
    this.engine.isFull = false;
    if (!this.engine.hasQuorum) this.engine.electLeader();
    for (const { program } of this.instances) program.isCut = false;
  }

  /**
   * Whether the log in the engine has this line, or had it before a later leader compacted it: whoever stood still since it
   * wrote hears of that only then. A compacted log's lines are numbered anew, above all before.
   */
  isThere(line: string): boolean {
    for (const { key, value } of this.engine.memory.entries.values()) {
      const isBase = key.startsWith(`${PREFIX}base/`);
      if (!isBase && !key.startsWith(`${PREFIX}log/`)) continue;
      const lines = value.split("\n").slice(1, -1);
      if (lines.includes(line)) return true;
      if (isBase && lines.some((later) => Number(later) > Number(line))) return true;
    }
    return false;
  }
}

const SET_BACK_AT_MS = 10_000;
const SET_BACK_MS = 3_600_000;
const WALL_LOOK_MS = 100;

/** A clock that is set back at some time, and what waits for a time by it. */
function setBack(clock: Clock): Clock {
  const nowMs = () => {
    const now = clock.nowMs();
    return now < SET_BACK_AT_MS ? now : now - SET_BACK_MS;
  };
  return {
    nowMs,
    at(atMs, callback) {
      const look = (): { cancel(): void } =>
        clock.at(clock.nowMs() + WALL_LOOK_MS, () => {
          if (nowMs() >= atMs) callback();
          else waiting = look();
        });
      let waiting = look();
      return { cancel: () => waiting.cancel() };
    },
  };
}

/** Two logs never differ at one place, and who leads later writes behind who led before. */
function oneHistory() {
  const values = new Map<string, string>();
  let lastFence = 0;
  let lastNumber = -1;
  return (changes: readonly { key: string; entry: { value: string } | null }[]) => {
    for (const { key, entry } of changes) {
      if (!key.startsWith(`${PREFIX}log/`) || entry === null) continue;
      const before = values.get(key);
      if (before !== undefined && before !== entry.value) {
        throw new Violation(`${key} was written twice`);
      }
      values.set(key, entry.value);
      const [fence, number] = entry.value.split("\n")[0]!.split(" ").map(Number);
      if (before !== undefined) continue;
      if (fence! < lastFence) {
        throw new Violation(`${key} is of fence ${fence}, after ${lastFence}`);
      }
      if (number! <= lastNumber) throw new Violation(`${key} comes after number ${lastNumber}`);
      [lastFence, lastNumber] = [fence!, number!];
    }
  };
}

/** One program of the coordinator. */
export class Instance {
  program: SimProgram;
  leading: LeadingProcess | null = null;
  #standBy: StandByProcess | null = null;
  #candidacy: Candidacy | null = null;
  #leader: Endpoint | null | undefined = undefined;
  #fenced: FencedLog | null = null;
  #store: SimStore;
  #readBefore: readonly string[] = [];
  readonly endpoint: Endpoint;
  isTrusting = false;
  #runs = 0;

  constructor(readonly world: EngineWorld, readonly number: number, readonly host: number) {
    this.endpoint = { host: `10.0.1.${number}`, port: 6_000 };
    this.program = this.#newProgram();
    this.program.isDead = true;
    this.#store = new SimStore(world.engine, this.program);
  }

  get name(): string {
    return `C${this.number}`;
  }

  #newProgram(): SimProgram {
    return new SimProgram(this.world.time);
  }

  get isRunning(): boolean {
    return !this.program.isDead;
  }

  get #clock() {
    const { world, program } = this;
    const rate = this.isTrusting ? TRUSTING_RATE : RATES[this.number % RATES.length];
    const clock = clockOf(world.time, program, rate);
    return world.broken.wallClock === true ? setBack(clock) : clock;
  }

  start(): void {
    if (this.isRunning) return;
    const { world } = this;
    world.note(this.name, "start");
    this.program = this.#newProgram();
    this.#store = new SimStore(world.engine, this.program);
    this.#leader = undefined;
    this.#standsBy(true);
    const id = `${this.number}.${++this.#runs}`;
    this.#candidacy = new Candidacy({
      store: this.#store,
      prefix: PREFIX,
      clock: clockOf(world.time, this.program),
      id,
      value: id,
      leaderIs: (value) => {
        const at = value === null ? null : Number(value.split(".")[0]);
        this.#leader = at === null ? null : world.instances[at]!.endpoint;
        this.#standBy?.told({ type: "leader", leader: this.#leader });
      },
      odd: (key) => {
        throw new Violation(`${this.name} finds something odd in ${key}`);
      },
      candidatesAre: () => {},
      heeds: { name: "secrets", is: () => {} },
      troubled: (text) => this.#standBy?.told({ type: "engine", trouble: text }),
      refused: (error) => {
        throw new Violation(`${this.name} is refused: ${error.message}`);
      },
    });
  }

  #standsBy(isFirst: boolean): void {
    const { world } = this;
    this.#standBy = new StandByProcess(world, this, isFirst);
    world.network.listen(this.endpoint, this.#standBy);
    this.#standBy.told({ type: "start" });
    if (this.#leader !== undefined) {
      this.#standBy.told({ type: "leader", leader: this.#leader });
    }
    if (world.broken.readsBefore === true) {
      void this.#linesNow().then((lines) => this.#readBefore = lines, () => {});
    }
  }

  async #linesNow(): Promise<readonly string[]> {
    const log = await this.#store.read(`${PREFIX}log/`);
    return log.entries.flatMap(({ value }) => value.split("\n").slice(1, -1));
  }

  /** Tries to lead. */
  lead(): void {
    const { program, world } = this;
    const leader = `${this.number}.${++this.#runs}`;
    let fenced: FencedLog | null = null;
    const ports = {
      store: this.#store,
      prefix: PREFIX,
      clock: this.#clock,
      leader,
      lost: (error: P2pchatError) => {
        if (this.program === program && this.#fenced === fenced) this.#lost(error);
      },
    };
    FencedLog.lead(ports).then(
      (found) => {
        if (program.isDead) return;
        if (!(found instanceof FencedLog)) {
          return this.#standBy?.told({ type: "led", leads: false });
        }
        fenced = this.#fenced = found;
        world.time.after(0, () => this.#leads(found));
      },
      (error) => {
        if (!(error instanceof P2pchatError)) {
          return world.time.after(0, () => {
            throw error;
          });
        }
        if (error.code === "store-corrupt") {
          return world.time.after(0, () => {
            throw new Violation(error.message);
          });
        }
        if (!program.isDead) this.#standBy?.told({ type: "led", leads: false });
      },
    );
  }

  #leads(fenced: FencedLog): void {
    if (!this.isRunning || this.#fenced !== fenced || this.#standBy === null) return;
    const { world } = this;
    world.note(this.name, "leads");
    this.#standBy.told({ type: "led", leads: true });
    this.#standBy.end();
    this.#standBy = null;
    const party = world.coordinator;
    const found = fenced.takeLines();
    const lines = world.broken.readsBefore === true ? this.#readBefore : found;
    const isThere = (line: string) => world.isThere(line);
    const disk = new EngineDisk(world, fenced, world.lines, lines, isThere);
    world.watch(party, disk);
    party.disk = disk;
    party.endpoint = this.endpoint;
    for (const checker of world.checkers) checker.replaced?.(party);
    this.leading = party.process = new LeadingProcess(world, this, fenced);
    world.network.listen(this.endpoint, this.leading);
    this.leading.told({ type: "start" });
  }

  #lost({ code, message }: P2pchatError): void {
    const { world, leading } = this;
    world.note(this.name, `leads no more: ${code} ${message}`);
    this.#fenced = null;
    if (leading === null) return;
    for (const end of [...leading.links.values()]) end.close(COORDINATOR_GOODBYE);
    this.#ended(leading);
    if (this.isRunning) this.#standsBy(false);
  }

  #ended(leading: LeadingProcess): void {
    const { world } = this;
    leading.sim.end();
    leading.gone = true;
    this.leading = null;
    if (world.coordinator.process === leading) world.coordinator.process = null;
    if (world.network.listener(this.endpoint) === leading) world.network.unlisten(this.endpoint);
    world.network.refresh();
  }

  /** The machine has ended by itself. */
  stopped(): void {
    const { leading } = this;
    if (leading === null) return;
    const outcome = leading.outcome!;
    if (outcome.kind === "fatal" && outcome.code !== "disk") {
      throw new Violation(`${this.name} ends: ${outcome.text}`);
    }
    const fenced = this.#fenced;
    this.#fenced = null;
    void fenced?.close();
    leading.end(false);
    this.#ended(leading);
    if (outcome.kind === "bye") this.#over();
    else this.#standsBy(false);
  }

  /** Its log is compacted before the next write. */
  compacts(): void {
    const { disk } = this.world.coordinator;
    const { leading } = this;
    if (leading === null || (disk as EngineDisk).fenced !== leading.fenced) return;
    if (!(disk as EngineDisk).isRewriting) leading.sim.compactSoon();
  }

  /** It is killed, and another program begins at once. */
  restart(): void {
    this.kill();
    this.start();
  }

  kill(): void {
    if (!this.isRunning) return;
    this.world.note(this.name, "killed");
    this.#fenced = null;
    const { leading } = this;
    if (leading !== null) {
      leading.end(false);
      this.#ended(leading);
    }
    this.program.isDead = true;
    this.#over();
  }

  #over(): void {
    void this.#candidacy?.close();
    this.#candidacy = null;
    this.#standBy?.end();
    this.#standBy = null;
    // What it says goodbye with is on its way.
    const { program } = this;
    this.program = this.#newProgram();
    this.program.isDead = true;
    if (!program.isDead) this.world.time.after(30_000, () => program.isDead = true);
  }

  freeze(ms: number): void {
    const { world, program, leading } = this;
    world.note(this.name, `stands still for ${ms.toFixed()} ms`);
    program.stoppedUntilMs = Math.max(program.stoppedUntilMs, world.time.nowMs + ms);
    leading?.sim.stall(ms);
    world.refresh();
    world.time.after(ms + 0.01, () => world.refresh());
  }
}

class LeadingProcess extends CoordinatorProcess {
  constructor(world: EngineWorld, readonly instance: Instance, readonly fenced: FencedLog) {
    super(world, world.coordinator);
  }

  /** As the host does: before each step it asks whether it leads. */
  protected override driven(): Machine<CoordinatorInput, CoordinatorEffect> {
    const { coordinator } = this;
    if ((this.world as EngineWorld).broken.stepsUnasked === true) return coordinator;
    return {
      step: (input, nowMs) => this.fenced.leads() ? coordinator.step(input, nowMs) : [],
      nextDeadlineMs: () => coordinator.nextDeadlineMs(),
    };
  }

  override get host(): number {
    return this.instance.host;
  }

  override get seenHost(): string {
    return this.instance.endpoint.host;
  }

  protected override stopped(): void {
    this.instance.stopped();
  }
}

/** An instance while it stands by. */
class StandByProcess implements Station<GroupMessage> {
  readonly #machine: StandBy;
  readonly #links = new Map<LinkId, LinkEnd<GroupMessage>>();
  readonly #timer = new Timer(() => this.told({ type: "tick" }));
  #nextLink = 1;
  gone = false;
  readonly readIntervalMs = 0;
  readableAtMs = 0;
  /** Whose it is. */
  readonly key;

  constructor(readonly world: EngineWorld, readonly instance: Instance, isFirst: boolean) {
    this.key = world.coordinator.signer.key;
    const random = world.random.fork();
    const config = { listening: instance.endpoint, key: fingerprintOf(this.key), isPrivate: false };
    this.#machine = new StandBy({ ...config, isFirst, random: random.next });
  }

  get host(): number {
    return this.instance.host;
  }

  get seenHost(): string {
    return this.instance.endpoint.host;
  }

  get stalledUntilMs(): number {
    return this.instance.program.stoppedUntilMs;
  }

  get silent(): boolean {
    return this.stalledUntilMs > this.world.time.nowMs;
  }

  told(input: StandByInput): void {
    this.instance.program.run(() => {
      if (this.gone) return;
      const { time } = this.world;
      for (const effect of this.#machine.step(input, time.nowMs)) this.#perform(effect);
      const dueMs = this.#machine.nextDeadlineMs();
      if (dueMs === null || this.gone) time.disarm(this.#timer);
      else time.arm(this.#timer, dueMs);
    });
  }

  #perform(effect: StandByEffect): void {
    this.world.note(`${this.instance.name} >`, effect);
    switch (effect.type) {
      case "send":
        this.#links.get(effect.link)?.send(effect.message, "data", messageBytes(effect.message));
        return;
      case "close":
        return this.#links.get(effect.link)?.close(effect.reason);
      case "lead":
        return this.instance.lead();
    }
  }

  end(): void {
    this.gone = true;
    this.world.time.disarm(this.#timer);
    for (const end of [...this.#links.values()]) end.abandon(false, 0.5);
    if (this.world.network.listener(this.instance.endpoint) === this) {
      this.world.network.unlisten(this.instance.endpoint);
    }
  }

  refusal(call: Call<GroupMessage>): string | null {
    return call.expect !== null && call.expect !== fingerprintOf(this.key) ? "wrong-key" : null;
  }

  linkUp(end: LinkEnd<GroupMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.#links.set(end.id, end);
    this.told({ type: "link-up", link: end.id, peer: this.key });
  }

  linkDown(end: LinkEnd<GroupMessage>, closed: boolean, reason: string): void {
    if (!this.#links.delete(end.id)) return;
    this.told({ type: "link-down", link: end.id, closed, reason });
  }

  message(end: LinkEnd<GroupMessage>, message: GroupMessage): void {
    this.told({ type: "message", link: end.id, message: this.world.carried(message) });
  }

  congested(): void {}
  drained(): void {}
}
