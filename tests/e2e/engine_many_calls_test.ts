/**
 * Many people at two instances of a directory call each other at random, and each other at once, while one instance is
 * killed, and back: each call that rang ends once for whoever it rang at, and nobody is in two. `make engine-test` has
 * 40 of them make 400 calls; `SEED=2` others.
 */

import { assert, assertEquals } from "@std/assert";
import { amount } from "../given.ts";
import { HAS_ETCD, pass } from "../engine/etcd_nodes.ts";
import { Random } from "../sim/random.ts";
import { is } from "./directory_world.ts";
import { InstancesWorld } from "./instances_world.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";

const PEOPLE = amount(8, 40);
const CALLS = amount(40, 400);
const SEED = Number(Deno.env.get("SEED") ?? 1);
/** How many start at once. */
const STARTED = 4;
/** Before somebody calls, answers, takes back what rings, or hangs up; on average. */
const IDLE_MS = amount(400, 1_500);
const ANSWERED_MS = 200;
const PATIENT_MS = 1_500;
const TALKED_MS = 700;
/** Those who call each other at once, of all calls; and how callees answer. */
const CROSSING_SHARE = 0.3;
const ACCEPTED_SHARE = 0.7;
const DECLINED_SHARE = 0.2;

/** A call is over with one of these. */
const ENDS: ReadonlySet<string> = new Set([
  ...["declined", "busy", "offline", "unreachable", "timeout", "ended"],
]);

class Person {
  /** Events that were looked at. */
  #at = 0;
  /** Calls that ring here, or are talked in, by their ids. */
  readonly open = new Map<string, "rings" | "rung" | "talks">();
  /** How those that were talked in ended. */
  readonly talked = new Map<string, { readonly peer: string; end: string | null }>();
  /** With whom it rang here, of all calls. */
  readonly rung = new Map<string, string>();
  readonly faults: string[] = [];
  rang = 0;

  constructor(readonly name: string, readonly node: Node) {}

  /** What was shown since the last look. @returns What began: a call that rings here, one that is talked in. */
  look(): readonly { readonly call: string; readonly as: "rings" | "rung" | "talks" }[] {
    const begun: { readonly call: string; readonly as: "rings" | "rung" | "talks" }[] = [];
    for (; this.#at < this.node.events.length; this.#at++) {
      const event = this.node.events[this.#at]!;
      const as = this.#took(event);
      if (as !== null) begun.push({ call: event.call, as });
    }
    return begun;
  }

  #took({ event, call, state, peer, from, reason }: ShownEvent): "rings" | "rung" | "talks" | null {
    if (event === "incoming") {
      this.open.set(call, "rung");
      this.rung.set(call, from);
      return "rung";
    }
    if (event !== "call") return null;
    if (state === "ringing") {
      this.rang++;
      this.open.set(call, "rings");
      this.rung.set(call, peer);
      return "rings";
    }
    if (state === "connected") {
      if ([...this.open.values()].includes("talks")) this.#fault(`talks twice, with ${peer}`);
      // Of two who called each other the one call goes on as the other's.
      this.open.clear();
      this.open.set(call, "talks");
      this.talked.set(call, { peer, end: null });
      return "talks";
    }
    if (!ENDS.has(state)) this.#fault(`a call is ${state}`);
    const isKnown = this.open.delete(call);
    // A call that never rang, as its callee was busy or gone, has an end alone.
    const talked = this.talked.get(call);
    if (!isKnown && (state === "ended" || talked !== undefined)) {
      this.#fault(`ends without a call, or twice: ${state} ${reason}`);
    }
    if (talked !== undefined) talked.end ??= `${state} ${reason}`;
    return null;
  }

  #fault(text: string): void {
    this.faults.push(`${this.name} ${text}`);
  }
}

/** All of them, as they go on. */
class Crowd {
  readonly people: Person[] = [];
  readonly #random = new Random(SEED);
  #isOver = false;

  async comesIn(world: InstancesWorld): Promise<void> {
    for (let from = 0; from < PEOPLE; from += STARTED) {
      const names = Array.from(
        { length: Math.min(STARTED, PEOPLE - from) },
        (_, at) => `p${String(from + at).padStart(2, "0")}`,
      );
      const nodes = await Promise.all(
        names.map((name, at) => world.guest(name, world.at((from + at) % 2))),
      );
      for (const [at, node] of nodes.entries()) this.people.push(new Person(names[at]!, node));
    }
  }

  get rang(): number {
    return this.people.reduce((sum, { rang }) => sum + rang, 0);
  }

  /** Everybody calls, answers and hangs up until `over`. */
  async talks(over: Promise<void>): Promise<void> {
    const each = this.people.map((person) => this.#goesOn(person));
    try {
      await over;
    } finally {
      this.#isOver = true;
      await Promise.all(each);
    }
  }

  async #goesOn(person: Person): Promise<void> {
    const random = this.#random;
    const { node } = person;
    let idleUntilMs = 0;
    /** What is to be done with a call that is still as it is then. */
    const due: { readonly atMs: number; readonly call: string; readonly as: string }[] = [];
    while (!this.#isOver) {
      const nowMs = performance.now();
      for (const { call, as } of person.look()) {
        const mean = as === "rung" ? ANSWERED_MS : as === "rings" ? PATIENT_MS : TALKED_MS;
        due.push({ atMs: nowMs + random.exponential(mean), call, as });
      }
      for (const one of due.filter(({ atMs }) => atMs <= nowMs)) {
        due.splice(due.indexOf(one), 1);
        if (person.open.get(one.call) !== one.as) continue;
        const command = this.#answerTo(one.as);
        if (command !== null) await node.type(command);
        idleUntilMs = nowMs + random.exponential(IDLE_MS);
      }
      if (person.open.size === 0 && nowMs > idleUntilMs) {
        await this.#calls(person);
        idleUntilMs = nowMs + random.exponential(IDLE_MS);
      }
      await pass(20);
    }
  }

  #answerTo(as: string): string | null {
    if (as === "talks") return "/hang-up";
    if (as === "rings") return "/cancel";
    const drawn = this.#random.next();
    if (drawn < ACCEPTED_SHARE) return "/accept";
    return drawn < ACCEPTED_SHARE + DECLINED_SHARE ? "/decline" : null;
  }

  async #calls(person: Person): Promise<void> {
    const other = this.#random.pick(this.people.filter((one) => one !== person));
    const both = [person.node.type(`/call ${other.name}`)];
    if (this.#random.chance(CROSSING_SHARE) && other.open.size === 0) {
      both.push(other.node.type(`/call ${person.name}`));
    }
    await Promise.all(both);
  }

  /** Ends what still goes on. @returns Whether nothing does. */
  async settles(): Promise<boolean> {
    for (const person of this.people) {
      person.look();
      const states = [...person.open.values()];
      if (states.includes("talks")) await person.node.type("/hang-up");
      else if (states.includes("rings")) await person.node.type("/cancel");
      else if (states.includes("rung")) await person.node.type("/decline");
    }
    await pass(200);
    return this.people.every(({ open }) => open.size === 0);
  }
}

Deno.test({
  name:
    `calls between instances: of many that cross and are at random, one instance killed meanwhile, each ends once for both (seed ${SEED})${
      HAS_ETCD ? "" : ": etcd isn't installed"
    }`,
  ignore: !HAS_ETCD,
  sanitizeOps: false, // what was asked of nodes that are killed at the end
  sanitizeResources: false,
  fn: async () => {
    await using world = await InstancesWorld.open2();
    world.copyKey();
    await world.direct(1);
    const crowd = new Crowd();
    await crowd.comesIn(world);
    const free = crowd.people.map(({ name }) => `${name} free`);
    const nodes = crowd.people.map(({ node }) => node);
    await world.see(nodes, ...free);

    const rang = (count: number) =>
      holds(`${count} calls ring`, () => crowd.rang >= count).catch((error) => {
        throw new Error(`${crowd.rang} rang: ${crowd.people.flatMap(({ faults }) => faults)}`, {
          cause: error,
        });
      });
    await crowd.talks((async () => {
      await rang(CALLS / 4);
      await world.instance(1).kill();
      await rang(CALLS / 2);
      await world.direct(1);
      for (let part = 5; part <= 8; part++) await rang(CALLS * part / 8);
    })());
    await holds("all calls end", () => crowd.settles());
    await world.see(nodes, ...free);
    for (const n of [0, 1]) {
      await holds("the instance has all of them free", async () => {
        const { users } = await world.instance(n).ask("list");
        return users.map(({ name, state }: ShownEvent) => `${name} ${state}`).join() ===
          free.join();
      });
    }

    assertEquals(crowd.people.flatMap(({ faults }) => faults), []);
    const talks = crowd.people.flatMap(({ name, talked }) =>
      [...talked.values()].map(({ peer, end }) => {
        assert(end !== null, `${name}'s call with ${peer} has no end`);
        return { from: name, to: peer };
      })
    );
    assert(talks.length > CALLS / 10, `${talks.length} sides of ${crowd.rang} calls talked`);
    // Of two who called each other, each goes on with the number of its own call; and one may have withdrawn it just as
    // the other was connected.
    for (const { from, to } of talks) {
      const count = talks.filter((talk) => talk.from === from && talk.to === to).length;
      const { rung } = crowd.people.find(({ name }) => name === to)!;
      const rungBy = [...rung.values()].filter((name) => name === from).length;
      assert(count <= rungBy, eventsOf([from, to], crowd.people));
    }
    const isFault = ({ event, code }: ShownEvent) =>
      event === "fatal" || (event === "error" && ["protocol", "internal"].includes(code));
    for (const node of nodes) assertEquals(node.events.filter(isFault), []);
    assert(nodes.some((node) => node.events.filter(is("session")).length > 1), "some have moved");
    // What was said of calls that are over is kept for half a minute, and no longer.
    const store = world.etcd.store();
    const left = async () => (await store.read("test/calls/")).entries.map(({ value }) => value);
    const isGoingOn = (value: string) =>
      ["ringing", "accepted"].includes(JSON.parse(value)["state"]);
    await holds("no call is left", async () => !(await left()).some(isGoingOn));
  },
});

/** What two were shown of their calls with each other, for a failure's text. */
function eventsOf(pair: readonly string[], people: readonly Person[]): string {
  return people.filter(({ name }) => pair.includes(name)).flatMap(({ name, node: { events } }) =>
    events.filter(({ event, peer, from }) =>
      (event === "call" && pair.includes(peer)) || (event === "incoming" && pair.includes(from))
    ).map(({ at, call, event, state, reason }) =>
      `${at} ${name} ${call.slice(0, 8)} ${state ?? event} ${reason}`
    )
  ).toSorted().join("\n");
}
