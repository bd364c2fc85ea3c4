/**
 * 100,000 people online at ten instances of a directory over an engine, simulated: one of them whole, with 10,000
 * clients, and what the other nine have in the engine. What is shown is what one client costs where so many are online.
 */

import { onlineValue } from "../../lib/engine/directory/online_entries.ts";
import { EngineRegistrar } from "../../lib/engine/directory/engine_registrar.ts";
import type { LinkId, PeerKey } from "../../lib/base/ids.ts";
import {
  DIRECTORY_MESSAGES,
  type DirectoryMessage,
} from "../../lib/protocols/directory/schema/messages.ts";
import { createCodec } from "../../lib/wire/codec.ts";
import { MemoryStore } from "../doubles/memory_store.ts";
import { Exchange, type Somebody, WALL_MS } from "../protocols/directory/exchange.ts";
import { cpuMs } from "../cpu_time.ts";
import { clockOf, SimEngine, simulated } from "../sim/engine.ts";
import { Random } from "../sim/random.ts";
import { VirtualTime } from "../sim/virtual_time.ts";
import { atMost, type Row } from "./row.ts";

const ONLINE = 100_000;
const CLIENTS = 10_000;
/** Where the list is no longer told whole, and what a log-in costs is compared with. */
const FEW_ONLINE = 11_000;
/** Who stays for an hour comes, and goes, so often. */
const LOG_INS_PER_S = Math.round(ONLINE / 3_600);
const CHURN_S = 30;
const SHOWN = 64;
const OWN_LOG_INS = 200;
const PREFIX = "p/";
const STEP_MS = 25;
const GROUP = "a directory of 10 instances, 100,000 online; one with 10,000 of them, simulated";

const codec = createCodec(DIRECTORY_MESSAGES);

/** A client as the instance sees it, which counts what it is sent. */
class Counted {
  messages = 0;
  bytes = 0;
  isIn = false;

  constructor(readonly link: LinkId, readonly name: string) {}

  takes(message: DirectoryMessage): void {
    this.messages++;
    this.bytes += codec.encode(message).length;
    if (message.type === "entered") this.isIn = true;
  }

  /** Nothing is said to all. */
  told(): void {}
}

class OneOfTen {
  readonly time = new VirtualTime();
  readonly engine = new SimEngine(this.time, new Random(1));
  readonly clients: Counted[] = [];
  readonly random = new Random(2);
  #exchange: Exchange | null = null;
  #registrar: EngineRegistrar | null = null;
  #comers = 0;
  #elsewhere = 0;

  /** @param elsewhere So many are at other instances. */
  constructor(elsewhere: number) {
    for (let at = 0; at < elsewhere; at++) this.comesElsewhere();
  }

  opens(): void {
    const clock = clockOf(this.time);
    const condition = (
      name: string,
    ) => ({ key: `${PREFIX}accounts/${name}`, is: "absent" } as const);
    const accounts = {
      unchanged: (name: string) => Promise.resolve({ condition: condition(name), created: 0 }),
    };
    const wallMs = () => WALL_MS + this.time.nowMs;
    const store = new MemoryStore(this.engine.memory);
    const facts = { instance: "one", clientsMax: CLIENTS * 2, version: "1" };
    void EngineRegistrar.open({ store, prefix: PREFIX, clock, accounts, wallMs, ...facts })
      .then((registrar) => this.#registrar = registrar);
    this.pass(STEP_MS);
    const registrar = this.#registrar!;
    const exchange = this.#exchange = new Exchange({ instance: "one", clientsMax: CLIENTS * 2 });
    exchange.registrar = registrar;
    registrar.begin({
      address: { host: "10.0.0.1", port: 4_400 },
      news: (changes) => exchange.feed({ type: "registrar-news", changes }),
      stateChanged: (state) => exchange.feed({ type: "registrar-state", state }),
      notice: (text) => {
        throw new Error(text);
      },
      failed: (error) => {
        throw error;
      },
    });
  }

  pass(ms: number): void {
    for (const untilMs = this.time.nowMs + ms; this.time.nowMs < untilMs;) {
      this.time.after(0, () => {}); // what waits for promises goes on behind a timer
      this.time.runUntil(this.time.nowMs + STEP_MS);
      const exchange = this.#exchange;
      if (exchange === null) continue;
      exchange.nowMs = 1_000 + this.time.nowMs;
      exchange.wallMs = WALL_MS + this.time.nowMs;
      exchange.feed({ type: "tick" });
      exchange.take();
      exchange.events.length = 0;
    }
  }

  comesElsewhere(): void {
    const at = this.#elsewhere++;
    const session = {
      ...{ id: `s${at}`, instance: `other${at % 9}`, name: `elsewhere-${at}`, isGuest: true },
      ...{ key: at.toString(16).padStart(64, "0") as PeerKey, process: "1", rank: WALL_MS },
      ...{
        host: "10.0.0.2",
        port: 5_000,
        isBusy: false,
        sinceMs: WALL_MS,
        isHeld: false,
        away: null,
      },
    };
    const key = `${PREFIX}online/${session.name}`;
    this.engine.commit({
      when: [{ key, is: "absent" }],
      puts: [{ key, value: onlineValue(session) }],
    });
  }

  goesElsewhere(at: number): void {
    this.engine.commit({ when: [], puts: [], deletes: [`${PREFIX}online/elsewhere-${at}`] });
  }

  /** A guest comes in here. */
  comesIn(): Counted {
    const exchange = this.#exchange!;
    const at = ++this.#comers;
    const client = new Counted(exchange.nextLink(), `here-${at}`);
    const { link, name } = client;
    exchange.byLink.set(link, client as unknown as Somebody);
    const peer = `f${at.toString(16)}`.padEnd(64, "0") as PeerKey;
    const host = `10.1.${at >> 8 & 255}.${at & 255}`;
    exchange.feed({ type: "link-up", link, peer, process: "1", host });
    const enter = { how: "guest", password: "", newPassword: "", port: 5_000, rank: 0 } as const;
    const message = {
      type: "enter",
      name,
      ...enter,
      busy: false,
      seen: null,
      lists: "told",
    } as const;
    exchange.feed({ type: "message", link, message });
    this.clients.push(client);
    return client;
  }

  /** So many come in here. */
  fill(count: number): void {
    for (let at = 0; at < count; at++) {
      this.comesIn();
      if (at % 64 === 63) this.pass(STEP_MS);
    }
    this.pass(10_000);
    const lacking = this.clients.filter(({ isIn }) => !isIn).length;
    if (lacking > 0) throw new Error(`Cannot measure: ${lacking} aren't in`);
  }

  /** Each shows so many names of anybody's. */
  subscribe(count: number): void {
    for (const { link } of this.clients) {
      const add = Array.from(
        { length: count },
        () => `elsewhere-${this.random.below(this.#elsewhere)}`,
      );
      this.#exchange!.feed({
        type: "message",
        link,
        message: { type: "subscribe", add, drop: [] },
      });
    }
    this.pass(1_000);
  }

  /** @returns How many messages a client gets for one log-in elsewhere, while about as many go. */
  messagesOfChurn(): number {
    const before = this.#messages;
    let logIns = 0;
    for (let second = 0; second < CHURN_S; second++) {
      for (let at = 0; at < LOG_INS_PER_S; at++) {
        this.comesElsewhere();
        logIns++;
        for (let going = this.random.below(3); going > 0; going--) {
          this.goesElsewhere(this.random.below(this.#elsewhere));
        }
        this.pass(1_000 / LOG_INS_PER_S);
      }
    }
    return (this.#messages - before) / this.clients.length / logIns;
  }

  get #messages(): number {
    return this.clients.reduce((sum, { messages }) => sum + messages, 0);
  }

  /** @returns What a log-in here takes, in ms of a processor, and in KiB that are sent to it. */
  ownLogIn(): { readonly ms: number; readonly kib: number } {
    const from = this.clients.length;
    const ms = cpuMs(() => {
      for (let at = 0; at < OWN_LOG_INS; at++) {
        this.comesIn();
        this.pass(STEP_MS);
      }
    }) / OWN_LOG_INS;
    const bytes = this.clients.slice(from).reduce((sum, client) => sum + client.bytes, 0);
    return { ms, kib: bytes / OWN_LOG_INS / 1_024 };
  }
}

function heapKib(): number {
  return Deno.memoryUsage().heapUsed / 1_024;
}

export function measureOnline(): Promise<readonly Row[]> {
  return simulated(() => {
    const few = new OneOfTen(FEW_ONLINE - CLIENTS);
    few.opens();
    few.fill(CLIENTS);
    few.ownLogIn(); // it warms all
    const small = few.ownLogIn();

    const many = new OneOfTen(ONLINE - CLIENTS);
    const before = heapKib();
    many.opens();
    many.pass(1_000);
    const kibEach = (heapKib() - before) / (ONLINE - CLIENTS);
    many.fill(CLIENTS);
    const own = many.ownLogIn();
    const unshown = many.messagesOfChurn();
    many.subscribe(SHOWN);
    const shown = many.messagesOfChurn();
    const row = (what: string, unit: string, value: number) => ({
      group: GROUP,
      what,
      unit,
      ours: [value],
      baseline: null,
      target: null,
    });
    return [
      {
        ...row("messages that a client gets for one log-in elsewhere", "", unshown),
        target: atMost(0.01, "value"),
      },
      {
        ...row(`the same, where each shows ${SHOWN} names of the others`, "", shown),
        target: atMost(0.01, "value"),
      },
      {
        ...row("sent to a client for its own log-in", "KiB", own.kib),
        target: atMost(16, "value"),
      },
      {
        ...row("a processor's work for its log-in at the instance", "ms", own.ms),
        baseline: { name: `${FEW_ONLINE.toLocaleString("en")} online`, samples: [small.ms] },
        target: atMost(1.5),
      },
      row("memory of the instance for each name at others", "KiB", kibEach),
    ];
  });
}
