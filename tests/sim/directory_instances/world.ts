/**
 * A simulated directory of three instances over one engine: programs that are killed, stopped and cut off from it, an
 * engine whose answers are late or lost and whose leader fails, and people who come in, move and broadcast.
 */

import { EngineRegistrar } from "../../../lib/engine/directory/engine_registrar.ts";
import { onlineIn } from "../../../lib/engine/directory/online_entries.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import type { DirectoryInput } from "../../../lib/protocols/directory/schema/directory_io.ts";
import { Exchange, PASSWORD, Somebody, WALL_MS } from "../../protocols/directory/exchange.ts";
import { openRegistrar } from "../../engine/directory/registrars.ts";
import { clockOf, type EngineMutation, SimEngine, SimProgram, SimStore } from "../engine.ts";
import { fakeSigner } from "../fake_crypto.ts";
import { Random } from "../random.ts";
import { Timer, VirtualTime } from "../virtual_time.ts";
import { Violation } from "../directory/violation.ts";
import { SimCaller } from "./caller.ts";

export const PREFIX = "p/";
const INSTANCES = 3;
const TTL_MS = 60 * 60_000;
const STORE = {
  kind: "store",
  store: "07".repeat(8),
  last: 0,
  directory: fakeSigner("directory").key,
} as const;
/** Clocks of instances differ by so much, and run at such rates. */
const SKEW_MS_MAX = 1_000;
const RATES = [1, 0.95, 1.05] as const;
/** An instance of which nothing was heard for so long is left. */
export const SILENT_MS = 5_000;

/** One instance: one program after the other. */
export class SimInstance {
  program: SimProgram;
  exchange: Exchange | null = null;
  registrar: EngineRegistrar | null = null;
  #started = 0;
  #id = "";

  constructor(readonly world: World, readonly index: number) {
    this.program = new SimProgram(world.time);
  }

  /** Where its clients reach it. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: "10.0.0.1", port: 4_400 + this.index };
  }

  get isUp(): boolean {
    return this.exchange !== null && !this.program.isDead;
  }

  /** A new program begins, and is there once the engine has answered. */
  start(): void {
    const { world, index } = this;
    const program = this.program = new SimProgram(world.time);
    const id = this.#id = `i${index}.${++this.#started}`;
    const clock = clockOf(world.time, program, world.random.pick(RATES));
    const store = new SimStore(world.engine, program);
    const accounts = { get: (name: string) => world.root.accounts.get(name)?.password };
    const skewMs = world.random.between(-SKEW_MS_MAX, SKEW_MS_MAX);
    const wallMs = () => WALL_MS + world.time.nowMs + skewMs;
    openRegistrar(id, { store, prefix: PREFIX, clock, accounts, wallMs }).then(
      (registrar) => this.#opened(program, registrar, wallMs),
      () =>
        program.isDead || world.time.after(1_000, () => this.program === program && this.start()),
    );
  }

  #opened(program: SimProgram, registrar: EngineRegistrar, wallMs: () => number): void {
    if (program !== this.program || program.isDead) return;
    const { world, address: listening } = this;
    const config = { instance: this.#id, listening, records: [STORE], ttlMs: TTL_MS };
    const exchange = this.exchange = new Exchange(config, world.root);
    this.registrar = registrar;
    exchange.registrar = registrar;
    const timer = new Timer(() => program.run(() => exchange.feed({ type: "tick" })));
    const feed = exchange.feed.bind(exchange);
    exchange.feed = (input: DirectoryInput) => {
      if (program.isDead) return;
      exchange.nowMs = Math.max(exchange.nowMs, world.time.nowMs);
      exchange.wallMs = wallMs();
      feed(input);
      const dueMs = exchange.machine.nextDeadlineMs();
      if (dueMs === null) world.time.disarm(timer);
      else world.time.arm(timer, dueMs);
    };
    registrar.begin({
      address: listening,
      news: (changes) => exchange.feed({ type: "registrar-news", changes }),
      stateChanged: (state) => exchange.feed({ type: "registrar-state", state }),
      notice: (text) => {
        throw new Violation(text);
      },
      failed: (error) => {
        throw error;
      },
    });
  }

  get id(): string {
    return this.#id;
  }

  /** Its program stands still: its people go where they are answered. */
  stops(ms: number): void {
    const { program, world: { time, random, people } } = this;
    program.stoppedUntilMs = time.nowMs + ms;
    if (ms < SILENT_MS) return;
    time.after(SILENT_MS, () => {
      if (program.stoppedUntilMs <= time.nowMs) return;
      for (const person of people) {
        if (person.session?.program === program) person.leaves(random.chance(0.5) ? false : null);
      }
    });
  }

  /** Its program is killed: its people notice at once. */
  kill(): void {
    this.program.isDead = true;
    this.exchange = null;
    for (const person of this.world.people) {
      person.caller.lostInstance(this.program);
      person.lost(this.program);
    }
  }
}

/** A program of somebody's that is, or wants to be, in. */
interface Session {
  readonly somebody: Somebody;
  readonly program: SimProgram;
}

/** A guest, or an account with several devices, of which one runs at a time. */
export class SimPerson {
  session: Session | null = null;
  /** Its programs so far. */
  #programs = 0;
  #process = "";
  #rank = 0;
  #device = 0;
  /** Up to which number each device has broadcasts, and what it was shown. */
  readonly #through = new Map<string, number>();
  /** All of its links: an earlier one may still be up, and bring something. */
  readonly #links: Somebody[] = [];
  readonly shown = new Map<string, string[]>();
  /** Own numbers of each device's broadcasts that were taken. */
  readonly #own = new Map<string, number>();
  /** Whether its program was told that another one has its place. */
  #isReplaced = false;
  #isKnown = false;
  /** The calls of its present program. */
  caller: SimCaller;

  /** Whether no program of its runs, as its last one was told that another one has its place. */
  get isOver(): boolean {
    return this.#isReplaced;
  }

  constructor(
    readonly world: World,
    readonly id: number,
    readonly name: string,
    readonly isGuest: boolean,
  ) {
    this.caller = new SimCaller(world, this);
    this.#begins();
  }

  get process(): string {
    return this.#process;
  }

  /** Each has a key of its own. */
  get device(): string {
    return `${this.name} ${this.id}.${this.#device}`;
  }

  get isIn(): boolean {
    const somebody = this.session?.somebody;
    return somebody !== undefined && somebody.entered !== null && !somebody.isClosed;
  }

  #begins(): void {
    this.caller.ends();
    this.caller = new SimCaller(this.world, this);
    this.#process = `${this.device} ${++this.#programs}`;
    this.#rank = 0;
    this.#isKnown = false;
    this.#isReplaced = false;
  }

  /** The program at the other end is gone, with all links. */
  lost(program: SimProgram): void {
    if (this.session?.program !== program) return;
    this.session = null;
    this.caller.lostDirectory();
  }

  /** Another device of the account begins; the present one loses its link, or doesn't notice. */
  switches(): void {
    if (this.isGuest) return;
    if (this.world.random.chance(0.5)) this.leaves(false);
    this.session = null;
    this.#device = (this.#device + 1) % 2;
    this.#begins();
  }

  /** @param isGoodbye Null: the directory doesn't notice that the link is gone. */
  leaves(isGoodbye: boolean | null): void {
    const session = this.session;
    this.session = null;
    if (session === null) return;
    this.#noteHeard(session.somebody);
    if (isGoodbye !== null) session.program.run(() => session.somebody.goesDown(isGoodbye));
    this.caller.lostDirectory();
  }

  /** Comes in where it isn't: at any instance that is up. */
  comesIn(): void {
    const { world } = this;
    const before = this.session?.somebody ?? null;
    if (before !== null) this.#noteHeard(before);
    if (before !== null && !before.isClosed) {
      const isRefused = before.entered === null &&
        before.got.some(({ type }) => type === "refused");
      if (!isRefused) return;
      before.goesDown(true);
    }
    if (
      before?.got.some((message) => message.type === "dismissed" && message.because === "replaced")
    ) {
      this.#isReplaced = true;
    }
    this.session = null;
    if (before !== null) this.caller.lostDirectory();
    // Its user begins another program, by and by.
    if (this.#isReplaced) return world.random.chance(0.2) ? this.#begins() : undefined;
    const there = world.instances.filter(({ isUp }) => isUp);
    if (there.length === 0) return;
    const { exchange, program } = world.random.pick(there);
    program.run(() => this.#enters(exchange!, program));
  }

  #enters(exchange: Exchange, program: SimProgram): void {
    if (this.session !== null) return;
    this.#noteAll();
    // Its earlier programs on this device, and links, are gone: the directory may not know yet.
    for (const link of this.#links) if (link.device === this.device) link.acknowledges = false;
    const as = { process: this.#process, rank: this.#rank } as Somebody;
    const somebody = new Somebody(exchange, this.name, this.device, "10.0.0.2", as);
    somebody.through = this.#through.get(this.device) ?? 0;
    exchange.people.push(somebody);
    this.#links.push(somebody);
    this.session = { somebody, program };
    const { caller, world } = this;
    const takes = somebody.takes.bind(somebody);
    let atMs = 0;
    somebody.takes = (message) => {
      takes(message);
      atMs = Math.max(atMs, world.time.nowMs + world.random.between(1, 20));
      world.time.after(atMs - world.time.nowMs, () => {
        if (this.session?.somebody === somebody) caller.hears(message);
      });
    };
    const how = this.isGuest ? "guest" : this.#isKnown ? "resume" : "log-in";
    const { isBusy: busy } = caller;
    somebody.connects().enters({ how, rank: this.#rank, seen: somebody.through, busy });
  }

  /** What was shown since the last time. */
  #noteHeard(somebody: Somebody): void {
    const { device } = somebody;
    if (somebody.entered !== null && somebody.process === this.#process) {
      this.#isKnown = true;
      this.#rank = Math.max(this.#rank, somebody.rank);
    }
    this.#through.set(device, Math.max(somebody.through, this.#through.get(device) ?? 0));
    const shown = this.shown.get(device) ?? [];
    shown.push(...somebody.heard.splice(0));
    this.shown.set(device, shown);
  }

  #noteAll(): void {
    for (const somebody of this.#links) this.#noteHeard(somebody);
  }

  /** Says something to all. */
  tells(): void {
    const { session, device, world } = this;
    if (session === null || !this.isIn) return;
    const own = Math.max(
      (this.#own.get(device) ?? 0) + 1,
      (session.somebody.entered?.said ?? 0) + 1,
    );
    this.#own.set(device, own);
    const text = `${device} ${own}`;
    world.said.set(text, { by: this, device, own, number: null });
    session.program.run(() =>
      this.isIn && this.session === session && session.somebody.tells(text, own)
    );
  }

  /** Notes what it was told. */
  looks(): void {
    this.#noteAll();
    this.caller.looks();
    for (const { device, got } of this.#links) {
      for (const message of got) {
        if (message.type === "broadcast-sent") this.world.reported.add(message.number);
        if (message.type !== "broadcast-taken") continue;
        const said = this.world.said.get(`${device} ${message.own}`);
        if (said !== undefined) said.number = message.number;
      }
    }
  }
}

interface Said {
  readonly by: SimPerson;
  readonly device: string;
  readonly own: number;
  /** Null: it wasn't told that it is taken. */
  number: number | null;
}

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly engine: SimEngine;
  /** Has the accounts, of all. */
  readonly root = new Exchange();
  readonly instances: readonly SimInstance[];
  readonly people: readonly SimPerson[];
  /** What was said, by its text. */
  readonly said = new Map<string, Said>();
  /** The numbers of those of which the sender was told how many have them. */
  readonly reported = new Set<number>();
  /** How many calls were made. */
  calls = 0;
  /** How many sides of calls came to what end, and from which phase. */
  readonly outcomes = new Map<string, number>();

  /** @param guests How many there are beside the usual ten people. */
  constructor(seed: number, mutation: EngineMutation = {}, guests = 0) {
    this.random = new Random(seed);
    this.engine = new SimEngine(this.time, this.random.fork(), mutation);
    if (this.root.disk.length > 0) this.root.disk.length = 0;
    this.root.disk.push(STORE);
    const names = ["ann", "bob", "cem", "dan", "eve", "fay"];
    for (const name of names) {
      this.root.accounts.set(foldName(name), { name, password: PASSWORD, keys: [] });
    }
    const more = Array.from({ length: guests }, (_, n) => `guest-${n}`);
    this.people = [...names, "gus", "hal", "ida", "ida", ...more].map((name, id) =>
      new SimPerson(this, id, name, !names.includes(name))
    );
    this.instances = Array.from({ length: INSTANCES }, (_, index) => new SimInstance(this, index));
    for (const instance of this.instances) instance.start();
  }

  get callers(): readonly SimCaller[] {
    return this.people.map(({ caller }) => caller);
  }

  run(ms: number): void {
    this.time.runUntil(this.time.nowMs + ms);
  }

  /** The sessions that the engine has, by folded name. */
  get online(): ReadonlyMap<string, ReturnType<typeof onlineIn>> {
    const below = `${PREFIX}online/`;
    const found = new Map<string, ReturnType<typeof onlineIn>>();
    for (const entry of this.engine.memory.entries.values()) {
      if (!entry.key.startsWith(below)) continue;
      const folded = entry.key.slice(below.length);
      found.set(folded, onlineIn(entry, folded));
    }
    return found;
  }
}
