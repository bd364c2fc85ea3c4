/** Several instances of one directory over one engine in memory: their machines, in virtual time. */

import { EngineRegistrar } from "../../../lib/engine/directory/engine_registrar.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type {
  Change,
  Follower,
  Following,
  LeaseId,
  Outcome,
} from "../../../lib/engine/shared_store.ts";
import type { DirectoryConfig } from "../../../lib/protocols/directory/schema/directory_io.ts";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { Exchange, WALL_MS } from "../../protocols/directory/exchange.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { passTime } from "../../protocols/passing_time.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { openRegistrar } from "./registrars.ts";

const STORE = {
  kind: "store",
  store: "07".repeat(8),
  last: 0,
  directory: fakeSigner("directory").key,
} as const;
/** What runs between a change and who is told of it. */
const TURNS = 40;

/** A program's way to the engine, which may be cut. */
class CutStore extends MemoryStore {
  isCut = false;
  /** What was told meanwhile. */
  readonly #untold: (() => void)[] = [];
  readonly #reads: (() => Promise<void>)[] = [];

  override async commit(change: Change): Promise<Outcome> {
    const isCut = this.isCut;
    await Promise.resolve();
    return isCut ? { outcome: "unknown", text: "cut" } : super.commit(change);
  }

  override renew(lease: LeaseId): Promise<boolean> {
    return this.isCut ? this.#unreachable() : super.renew(lease);
  }

  override grant(ttlMs: number): Promise<LeaseId> {
    return this.isCut ? this.#unreachable() : super.grant(ttlMs);
  }

  #unreachable(): Promise<never> {
    return Promise.reject(new P2pchatError("unreachable", "cut"));
  }

  override follow(prefix: string, follower: Follower, names?: readonly string[]): Following {
    this.#reads.push(async () => {
      const { entries, revision } = await this.read(prefix, names);
      follower.all(entries, revision);
    });
    return super.follow(prefix, {
      ...follower,
      all: (entries, revision) => follower.all(entries, revision),
      changed: (changes, revision) => {
        const tell = () => follower.changed(changes, revision);
        if (this.isCut) this.#untold.push(tell);
        else tell();
      },
    }, names);
  }

  /** What was told meanwhile can't be had any more: all is read anew. */
  async healLate(): Promise<void> {
    this.isCut = false;
    this.#untold.length = 0;
    for (const read of this.#reads) await read();
  }

  heal(): void {
    this.isCut = false;
    for (const tell of this.#untold.splice(0)) tell();
  }
}

export class Instance {
  constructor(
    readonly exchange: Exchange,
    readonly registrar: EngineRegistrar,
    readonly store: CutStore,
  ) {}
}

export class Instances {
  readonly clock = new VirtualClock();
  readonly engine = new MemoryEngine(this.clock);
  readonly all: Instance[] = [];
  /** What operators were told of the engine. */
  readonly notices: string[] = [];
  #opened = 0;

  /** Begins another one. */
  async open(config: Partial<DirectoryConfig> = {}): Promise<Instance> {
    const id = `i${++this.#opened}`;
    const store = new CutStore(this.engine);
    const listening = { host: "10.0.0.1", port: 4_400 + this.#opened };
    const exchange = new Exchange(
      { instance: id, listening, records: [STORE], ...config },
      this.all[0]?.exchange,
    );
    if (exchange.disk.length === 0) exchange.disk.push(STORE);
    const accounts = { get: (folded: string) => exchange.accounts.get(folded)?.password };
    const { clock } = this;
    const registrar = await openRegistrar(id, {
      store,
      prefix: "p/",
      clock,
      accounts,
      wallMs: () => WALL_MS + clock.nowMs(),
    });
    exchange.registrar = registrar;
    registrar.begin({
      address: listening,
      news: (changes) => exchange.feed({ type: "registrar-news", changes }),
      stateChanged: (state) => exchange.feed({ type: "registrar-state", state }),
      notice: (text) => void this.notices.push(text),
      failed: (error) => {
        throw error;
      },
    });
    const instance = new Instance(exchange, registrar, store);
    this.all.push(instance);
    return instance;
  }

  /** Lets so much time pass, at all that run. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      const step = Math.min(50, ms - passed);
      this.clock.advance(step);
      await turns();
      for (const { exchange } of this.all) {
        passTime(exchange, step, () => exchange.feed({ type: "tick" }));
      }
      await turns();
    }
  }

  /** What was asked of the engine is answered, and told. */
  async settle(): Promise<void> {
    await this.pass(50);
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
}
