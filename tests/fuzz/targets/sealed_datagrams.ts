/**
 * Two programs and a network that does what an input's bytes say: it loses, repeats, changes, makes up and sends on from
 * elsewhere. Each payload comes at most once, as it was said; nothing is too long; an address that never answers gets
 * at most three times what it brought; and when the network is honest again, so is the talk.
 */

import { assert, assertEquals } from "@std/assert";
import {
  DATAGRAM_BYTES_MAX,
  HALF_OPEN_MAX,
  HALF_OPEN_PROVEN_MAX,
  UNPROVEN_FACTOR,
} from "../../../lib/protocols/sealed_datagram/limits.ts";
import { type Datagram, endpoint, Program, run } from "../../protocols/sealed_datagram/programs.ts";
import type { Random } from "../../sim/random.ts";
import { changed, Decisions } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import type { Target } from "../target.ts";

const STEPS = 60;
/** Where nobody answers. */
const NOWHERE = endpoint(9);

/** What is between the two. */
class Network {
  readonly seen: Datagram[] = [];
  broughtBytes = 0;
  answeredBytes = 0;

  constructor(readonly ann: Program, readonly bob: Program, readonly random: Random) {}

  /** Takes what both wrote, and does with it what the bytes say. */
  carry(nowMs: number): void {
    const written = [this.ann, this.bob].flatMap(({ out }) => out.splice(0));
    for (const datagram of written) {
      assert(datagram.bytes.length <= DATAGRAM_BYTES_MAX, "every path carries it whole");
      if (datagram.to.port === NOWHERE.port) this.answeredBytes += datagram.bytes.length;
      else {
        this.seen.push(datagram);
        if (this.random.chance(0.8)) this.#deliver(datagram, nowMs);
      }
    }
    assert(
      this.answeredBytes <= UNPROVEN_FACTOR * this.broughtBytes,
      "who proves nothing gets little",
    );
  }

  /** One that was seen before again, or something else; from its address, or from nowhere. */
  disturb(nowMs: number): void {
    const { random } = this;
    if (this.seen.length === 0) return;
    let datagram = random.pick(this.seen);
    if (random.chance(0.5)) {
      const others = this.seen.map(({ bytes }) => bytes);
      const ingredients = { pieces: NUMBERS, others, bytesMax: 1_400 };
      datagram = { ...datagram, bytes: changed(datagram.bytes, ingredients, random).slice() };
    }
    if (random.chance(0.3)) datagram = { ...datagram, from: NOWHERE };
    this.#deliver(datagram, nowMs);
  }

  #deliver(datagram: Datagram, nowMs: number): void {
    if (datagram.from.port === NOWHERE.port) this.broughtBytes += datagram.bytes.length;
    for (const program of [this.ann, this.bob]) {
      if (program.endpoint.port === datagram.to.port) program.take(datagram, nowMs);
    }
  }
}

function checkHeard(program: Program, said: ReadonlySet<string>): void {
  const { heard, machine } = program;
  assertEquals(new Set(heard).size, heard.length, "each comes once");
  for (const text of heard) assert(said.has(text), "as it was said");
  assert(machine.halfOpenCount <= HALF_OPEN_MAX + HALF_OPEN_PROVEN_MAX);
}

/** @returns Whether anything came while the network was as it was. */
function meet(random: Random): boolean {
  const [ann, bob] = [new Program("Ann", endpoint(1)), new Program("Bob", endpoint(2))];
  const said = { Ann: new Set<string>(), Bob: new Set<string>() };
  const network = new Network(ann, bob, random);
  let nowMs = 0;
  for (let step = 0; step < STEPS; step++) {
    const [one, other] = random.chance(0.5) ? [ann, bob] : [bob, ann];
    switch (random.below(step === 0 ? 1 : 8)) {
      case 0:
        one.connect(other, nowMs);
        break;
      case 1:
        one.step({ type: "close", peer: other.key, reason: "quit" }, nowMs);
        break;
      case 2:
      case 3:
        network.disturb(nowMs);
        break;
      case 4:
        nowMs += random.pick([1, 300, 6_000, 40_000, 3_600_000]);
        break;
      default: {
        const text = `${one.name} ${step}`;
        said[one === ann ? "Ann" : "Bob"].add(text);
        one.send(other, text, nowMs);
      }
    }
    network.carry(nowMs);
    for (const program of [ann, bob]) program.step({ type: "tick" }, nowMs);
    network.carry(nowMs);
  }
  nowMs += 60_000;
  run([ann, bob], nowMs, nowMs);
  ann.connect(bob, nowMs);
  run([ann, bob], nowMs, nowMs + 6_000);
  said.Ann.add("at last");
  ann.send(bob, "at last", nowMs + 6_000);
  run([ann, bob], nowMs + 6_000, nowMs + 6_000);
  assertEquals(bob.heard.at(-1), "at last", "an honest network carries again");
  checkHeard(ann, said.Bob);
  checkHeard(bob, said.Ann);
  return ann.heard.length + bob.heard.length > 1;
}

export const sealedDatagramsTarget: Target = {
  name: "sealed-datagrams",
  pieces: NUMBERS,
  bytesMax: 4_096,
  make: (random: Random) => random.bytes(random.below(600)),
  check: (input) => meet(new Decisions(input)),
};
