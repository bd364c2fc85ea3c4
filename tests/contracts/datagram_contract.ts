/**
 * What every adapter of the `Datagrams` port keeps, as one suite: `datagramContract("UDP", open)`.
 *
 * The world is the adapter's: real time and sockets, or virtual time in memory. So the cases wait for what must
 * happen (`until`), never for a time to pass.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { Endpoint } from "../../lib/base/ids.ts";
import type { Datagrams } from "../../lib/transport/datagrams.ts";

/** Where the programs of one case live. */
export interface DatagramWorld {
  /** Receives at an address of this world, at `port` or (0) at any. */
  open(port: number): Datagrams;
  /** An endpoint where nobody receives. */
  readonly nowhere: Endpoint;
  /** Lets things happen until `done`; fails after some seconds. */
  until(done: () => boolean, what: string): Promise<void>;
  /** Lets happen what happens by itself. */
  settle(): Promise<void>;
}

/** One program, and all that it was given. */
class Program {
  readonly datagrams: Datagrams;
  readonly received: { from: Endpoint; bytes: Uint8Array }[] = [];
  turns = 0;
  /** How many it had been given when `turn` was called last. */
  atTurn = 0;
  isCalled = false;

  constructor(world: DatagramWorld, port = 0) {
    this.datagrams = world.open(port);
    this.datagrams.handle({
      datagram: (from, bytes) => {
        assert(!this.isCalled, "nothing is called back from within a call");
        this.received.push({ from, bytes: new Uint8Array(bytes) });
        bytes.fill(0xff);
      },
      turn: () => {
        assert(!this.isCalled, "nothing is called back from within a call");
        this.turns += 1;
        this.atTurn = this.received.length;
      },
    });
  }

  get endpoint(): Endpoint {
    return this.datagrams.local;
  }

  send(to: Endpoint, ...bytes: number[]): void {
    this.isCalled = true;
    this.datagrams.send(to, Uint8Array.from(bytes));
    this.isCalled = false;
  }
}

type Case = (world: DatagramWorld, ann: Program, bob: Program) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "a datagram arrives whole, with an address that an answer reaches": async (world, ann, bob) => {
    ann.send(bob.endpoint, 1, 2, 3);
    await world.until(() => bob.received.length === 1, "it arrives");
    bob.send(bob.received[0]!.from, 4);
    await world.until(() => ann.received.length === 1, "the answer arrives");

    assertEquals([...bob.received[0]!.bytes], [1, 2, 3]);
    assertEquals(bob.received[0]!.from, ann.endpoint);
    assertEquals([...ann.received[0]!.bytes], [4]);
  },
  "the longest of ours arrives whole": async (world, ann, bob) => {
    const bytes = Array.from({ length: 1_199 }, (_, n) => n % 251);
    ann.send(bob.endpoint, ...bytes);
    await world.until(() => bob.received.length === 1, "it arrives");

    assertEquals([...bob.received[0]!.bytes], bytes);
  },
  "a turn follows what came, and not each of it": async (world, ann, bob) => {
    for (let n = 0; n < 50; n++) ann.send(bob.endpoint, n);
    await world.until(() => bob.atTurn === 50, "all arrive, and a turn follows");

    assertEquals(bob.received.map(({ bytes }) => bytes[0]), [...Array(50).keys()]);
    assert(bob.turns < 50, `${bob.turns} turns`);
  },
  "what can't be sent is lost, and nothing else": async (world, ann, bob) => {
    ann.send(world.nowhere, 1);
    ann.send({ host: world.nowhere.host, port: 0 }, 1);
    ann.send(bob.endpoint, 2);
    ann.send(world.nowhere, 1);
    ann.send(bob.endpoint, 3);
    await world.until(() => bob.received.length === 2, "the others arrive");
    bob.send(ann.endpoint, 4);
    await world.until(() => ann.received.length === 1, "receiving goes on");
  },
  "a port that another has is refused": async (world, ann) => {
    const error = assertThrows(() => world.open(ann.endpoint.port), P2pchatError);

    assertEquals(error.code, "port-in-use");
    await world.settle();
  },
  "close() sends what waits, and then nothing is called back": async (world, ann, bob) => {
    ann.send(bob.endpoint, 1);
    await ann.datagrams.close();
    ann.send(bob.endpoint, 2);
    bob.send(ann.endpoint, 3);
    await world.until(() => bob.received.length === 1, "what waited arrives");
    await world.settle();

    assertEquals([bob.received.length, ann.received.length], [1, 0]);
    const again = new Program(world, ann.endpoint.port);
    await again.datagrams.close();
  },
};

/** Registers the cases as tests of `adapter`. `open` makes a world for each case. */
export function datagramContract(
  adapter: string,
  open: () => DatagramWorld,
  options: Partial<Deno.TestDefinition> = {},
): void {
  for (const [name, run] of Object.entries(CASES)) {
    Deno.test({
      name: `${adapter} datagrams: ${name}`,
      ...options,
      async fn() {
        const world = open();
        const [ann, bob] = [new Program(world), new Program(world)];
        try {
          await run(world, ann, bob);
        } finally {
          await Promise.all([ann.datagrams.close(), bob.datagrams.close()]);
        }
      },
    });
  }
}
