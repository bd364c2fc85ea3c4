/** Several instances of one directory over one engine in memory: their machines, in virtual time. */

import { EngineRegistrar } from "../../../lib/engine/directory/engine_registrar.ts";
import type { SharedStore } from "../../../lib/engine/shared_store.ts";
import type { DirectoryConfig } from "../../../lib/protocols/directory/schema/directory_io.ts";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { Exchange } from "../../protocols/directory/exchange.ts";
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

export class Instance {
  constructor(
    readonly exchange: Exchange,
    readonly registrar: EngineRegistrar,
    readonly store: SharedStore,
  ) {}
}

export class Instances {
  readonly clock = new VirtualClock();
  readonly engine = new MemoryEngine(this.clock);
  readonly all: Instance[] = [];
  #opened = 0;

  /** Begins another one. */
  async open(config: Partial<DirectoryConfig> = {}): Promise<Instance> {
    const id = `i${++this.#opened}`;
    const store = new MemoryStore(this.engine);
    const listening = { host: "10.0.0.1", port: 4_400 + this.#opened };
    const exchange = new Exchange(
      { instance: id, listening, records: [STORE], ...config },
      this.all[0]?.exchange,
    );
    if (exchange.disk.length === 0) exchange.disk.push(STORE);
    const accounts = { get: (folded: string) => exchange.accounts.get(folded)?.password };
    const { clock } = this;
    const registrar = await openRegistrar(id, { store, prefix: "p/", clock, accounts });
    exchange.registrar = registrar;
    registrar.begin({
      address: listening,
      news: (changes) => exchange.feed({ type: "registrar-news", changes }),
      stateChanged: (state) => exchange.feed({ type: "registrar-state", state }),
      notice: (text) => {
        throw new Error(text);
      },
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
