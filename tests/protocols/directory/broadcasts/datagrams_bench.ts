// deno-lint-ignore-file no-console -- a program of its own
/**
 * Broadcasts to 100 clients: in the directory's own datagrams, as they go, and over reliable datagrams, as they could
 * (docs/decisions/0009). Datagrams both ways, and processor time of the directory's machine; the network is in memory.
 *
 *     deno run -A tests/protocols/directory/broadcasts/datagrams_bench.ts
 */

import { type Program, World } from "../../reliable_datagram/programs.ts";
import type { Somebody } from "../exchange.ts";
import { exchangeOf } from "./broadcast_cases.ts";

const CLIENTS = 100;
/** Broadcasts that are told at once. */
const BURSTS = [1, 8, 32];
const ROUNDS = 20;
const TEXT = "x".repeat(100);
/** A `told` with that text, and a `got`: as they are before sealing. */
const TOLD = "x".repeat(TEXT.length + 150);
const GOT = "x".repeat(9);
/** Until a client has a broadcast on its disk, and acknowledges it. */
const STORED_MS = 3;

/** No probes of idle peers: links tell who is gone. */
const IDLE = { probeAfterMs: null };

interface Datagram {
  readonly type: string;
  readonly bytes?: Uint8Array;
}

/** What goes in and out of a machine, and how long it works. */
class Meter {
  datagrams = 0;
  bytes = 0;
  ms = 0;

  constructor(machine: { step(input: never, nowMs: number): readonly Datagram[] }) {
    const step = machine.step.bind(machine);
    machine.step = (input: never, nowMs: number) => {
      const fromMs = performance.now();
      const effects = step(input, nowMs);
      this.ms += performance.now() - fromMs;
      for (const each of [input as Datagram, ...effects]) this.#counts(each);
      return effects;
    };
  }

  #counts({ type, bytes }: Datagram): void {
    if (type !== "datagram" && type !== "transmit") return;
    this.datagrams += 1;
    this.bytes += bytes!.length;
  }

  print(what: string, count: number): void {
    const each = (all: number, digits = 0) => (all / count).toFixed(digits).padStart(7);
    const us = each(this.ms * 1_000, 1);
    console.log(
      `${what}: ${each(this.datagrams, 2)} datagrams, ${each(this.bytes)} bytes, ${us} us`,
    );
    this.datagrams = this.bytes = this.ms = 0;
  }
}

function ownDatagrams(burst: number): void {
  const names = Array.from({ length: CLIENTS }, (_, at) => `c${at}`);
  const { exchange, ann, guests } = exchangeOf(...names);
  /** Up to which number each has what it hasn't acknowledged yet: it does that for all that came together. */
  const heard = new Map<Somebody, number>();
  for (const client of guests) {
    client.told = ({ number }) => void heard.set(client, number);
  }
  const meter = new Meter(exchange.machine);
  for (let round = 0; round < ROUNDS; round++) {
    exchange.diskMode = "holds"; // each burst is told at once
    for (let at = 0; at < burst; at++) ann.tells(TEXT);
    exchange.diskAnswers();
    while (heard.size > 0) {
      const acknowledging = [...heard];
      heard.clear();
      for (const [client, through] of acknowledging) client.sends({ type: "got", through });
    }
    exchange.take();
    exchange.pass(61_000);
  }
  meter.print(`own, ${burst} at once`, CLIENTS * burst * ROUNDS);
}

function reliableDatagrams(burst: number): void {
  const world = new World();
  const directory = world.program("directory", 1, IDLE);
  const meter = new Meter(directory.machine);
  const clients = Array.from({ length: CLIENTS }, (_, at) => {
    const client = world.program(`c${at}`, 2 + at, IDLE);
    client.connect(directory);
    world.run(50);
    return client;
  });
  meter.print(`reliable, handshakes before ${burst}`, CLIENTS);
  for (let round = 0; round < ROUNDS; round++) {
    for (const client of clients) for (let at = 0; at < burst; at++) directory.send(client, TOLD);
    tellAll(world, directory, clients);
    world.sent.length = directory.told.length = 0;
  }
  meter.print(`reliable, ${burst} at once`, CLIENTS * burst * ROUNDS);
}

/** Lets all clients acknowledge what comes, as they do when it is on their disks. */
function tellAll(world: World, directory: Program, clients: readonly Program[]): void {
  for (const untilMs = world.nowMs + 300; world.nowMs < untilMs;) {
    world.run(STORED_MS);
    for (const client of clients) {
      if (client.told.some(({ type }) => type === "message")) client.send(directory, GOT);
      client.told.length = 0;
    }
  }
}

for (const burst of BURSTS) ownDatagrams(burst);
for (const burst of BURSTS) reliableDatagrams(burst);
