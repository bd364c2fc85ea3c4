/** A directory and clients as programs, while ways are cut, the directory dies, and users do anything at any time. */

import { assert, assertEquals } from "@std/assert";
import type { ClientCommand } from "../../lib/protocols/directory/schema/events.ts";
import { Random } from "../sim/random.ts";
import { type ClientProgram, DIRECTORY, DirectoryWorld } from "./directory_world.ts";
import { NUMBERS, SLOW } from "../given.ts";

const NAMES = ["ann", "bob", "cem"] as const;
const STEPS = 150;
const ANYTHING = [
  { command: "decline", reason: "" },
  { command: "accept" },
  { command: "cancel" },
  { command: "hang-up" },
] as const satisfies readonly ClientCommand[];

class Torture {
  readonly world = new DirectoryWorld();
  readonly clients: readonly ClientProgram[];
  /** Ways that are cut, either way. */
  readonly #cuts = new Set<string>();
  /** Clients never reach each other, in half of all worlds. */
  readonly #isApart: boolean;
  /** How many lines, by who said them and in which of its calls. */
  readonly #said = new Map<string, number>();
  #isServing = true;

  constructor(readonly random: Random) {
    this.world.serve();
    this.clients = NAMES.map((name) => this.world.start(name));
    this.#isApart = random.chance(0.5);
    if (this.#isApart) this.world.separate(...this.clients);
  }

  async step(): Promise<void> {
    const { random, world } = this;
    const client = random.pick(this.clients);
    if (random.chance(0.1)) {
      const other = random.pick([...this.clients.map(({ address }) => address), DIRECTORY.host]);
      this.#toggle(client.address, other);
    } else if (random.chance(0.03)) this.#killOrServe();
    else this.#act(client);
    await world.pass(random.pick([10, 30, 100, 1_000, 4_000]));
    // What is broken is soon mended.
    if (!this.#isServing && random.chance(0.3)) this.#killOrServe();
    if (this.#cuts.size > 1 || (this.#cuts.size > 0 && random.chance(0.1))) {
      const [one, other] = random.pick([...this.#cuts]).split(" ");
      this.#toggle(one!, other!);
    }
  }

  /** Does what somebody in its place may do. */
  #act(client: ClientProgram): void {
    const { random } = this;
    const last = client.events.findLast(({ event }) => event === "call" || event === "incoming");
    const state = last?.event === "call" ? last.state : last?.event;
    if (random.chance(0.05)) return client.do(random.pick<ClientCommand>(ANYTHING));
    switch (state) {
      case "incoming":
        return client.do(random.chance(0.8) ? { command: "accept" } : ANYTHING[0]);
      case "ringing":
        if (random.chance(0.1)) client.do({ command: "cancel" });
        return;
      case "connected":
        for (let lines = random.below(60); lines > 0; lines--) this.#say(client);
        if (random.chance(0.2)) client.do({ command: "hang-up" });
        return;
      default:
        return client.do({ command: "call", name: random.pick(NAMES) });
    }
  }

  #say(client: ClientProgram): void {
    const talk = `${client.name} ${conversations(client).length}`;
    const number = (this.#said.get(talk) ?? 0) + 1;
    this.#said.set(talk, number);
    client.say(`${client.name} ${number} ${"x".repeat(this.random.below(3_000))}`);
  }

  #toggle(one: string, other: string): void {
    if (one === other || (this.#isApart && other !== DIRECTORY.host)) return;
    const way = `${one} ${other}`;
    if (this.#cuts.delete(way)) {
      this.world.network.heal(one, other);
      this.world.network.heal(other, one);
    } else {
      this.#cuts.add(way);
      this.world.cut(one, other);
    }
  }

  #killOrServe(): void {
    if (this.#isServing) this.world.killDirectory();
    else this.world.serve();
    this.#isServing = !this.#isServing;
  }

  /** All is well again, and everybody hangs up. */
  async recover(): Promise<void> {
    if (!this.#isServing) this.#killOrServe();
    for (const way of [...this.#cuts]) {
      const [one, other] = way.split(" ");
      this.#toggle(one!, other!);
    }
    await this.world.pass(60_000);
    for (let turn = 0; turn < 3; turn++) {
      for (const client of this.clients) client.do({ command: "hang-up" });
      await this.world.pass(35_000);
    }
  }
}

/** What each heard in one call, one after the other. */
function conversations({ events }: ClientProgram): readonly (readonly string[])[] {
  const all: string[][] = [];
  for (const event of events) {
    if (event.event === "call" && event.state === "connected") all.push([]);
    if (event.event === "message" && !event.self) all.at(-1)!.push(event.text);
  }
  return all;
}

/** In each call, all up to a certain line, of one alone. */
function assertInOrder(client: ClientProgram): void {
  for (const heard of conversations(client)) {
    const said = heard.map((text) => text.split(" ").slice(0, 2).join(" "));
    const [name] = said[0]?.split(" ") ?? [];
    assertEquals(said, said.map((_, at) => `${name} ${at + 1}`));
  }
}

// More: deno test tests/runtime/directory_hosts_torture_test.ts -- FROM COUNT
const [from = 1, count = 6] = NUMBERS;
for (let seed = from; seed < from + count; seed++) {
  Deno.test(
    `directory and clients: whatever happens, talk is in order and all are free at last (seed ${seed})`,
    SLOW,
    async () => {
      const torture = new Torture(new Random(seed));
      const { clients, world } = torture;
      await world.pass(500);
      for (let step = 0; step < STEPS; step++) await torture.step();
      await torture.recover();

      for (const client of clients) {
        assertInOrder(client);
        assertEquals(client.sessions.at(-1), "up");
        const [last] = client.of("call").slice(-1);
        assert(last?.state !== "connected" && last?.state !== "ringing", JSON.stringify(last));
        assertEquals(client.links.size, 1, "no link but the directory's is left");
        client.do({ command: "list", part: undefined });
        assertEquals(client.of("users").at(-1)!.users.map(({ state }) => state), [
          "free",
          "free",
          "free",
        ]);
      }
    },
  );
}
