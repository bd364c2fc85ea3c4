/** The network between programs that exchange datagrams: its weather, its cuts, and an attacker on the path. */

import { type Endpoint, endpointText, type PeerKey } from "../../../lib/base/ids.ts";
import { identityOf } from "../../protocols/noise/channel_pair.ts";
import type { Random } from "../random.ts";
import { VirtualTime } from "../virtual_time.ts";
import { Attacker, type Seen } from "./attacker.ts";
import { ExactlyOnce } from "./exactly_once.ts";
import { type Person, Program } from "./program.ts";

/** What the network does to each datagram. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: number;
  /** Mean of an additional, exponentially distributed delay, which causes reordering. */
  readonly jitterMs: number;
  /** The probability of a forged datagram before each true one. */
  readonly forgeries: number;
}

export const FINE: Weather = { loss: 0, duplication: 0, delayMs: 5, jitterMs: 0, forgeries: 0 };

export class World {
  readonly time = new VirtualTime();
  readonly people: readonly Person[];
  readonly history = new ExactlyOnce();
  readonly attacker: Attacker;
  weather: Weather = FINE;
  /** Directions in which no datagram passes, as `Ann>Bob`. */
  readonly cuts = new Set<string>();
  forged = 0;
  datagrams = 0;
  #ports = 100;

  constructor(
    readonly seed: number,
    readonly random: Random,
    people: number,
    readonly print: ((line: string) => void) | null,
  ) {
    this.attacker = new Attacker(random.fork());
    this.people = ["Ann", "Bob", "Carl", "Dora"].slice(0, people).map((name) => ({
      name,
      identity: identityOf(name),
      endpoint: this.newEndpoint(),
      starts: 0,
      program: null,
    }));
  }

  note(who: string, what: string): void {
    this.print?.(`${this.time.nowMs.toFixed(3).padStart(12)} ${who.padEnd(8)} ${what}`);
  }

  newEndpoint(): Endpoint {
    return { host: "10.0.0.1", port: ++this.#ports };
  }

  start(person: Person): void {
    person.starts += 1;
    person.program = new Program(this, person);
    this.note(person.program.name, `starts at ${endpointText(person.endpoint)}`);
    for (const other of this.people) if (other !== person) person.program.connect(other);
  }

  kill(person: Person): void {
    if (person.program === null) return;
    this.note(person.program.name, "is killed");
    person.program.stop();
    person.program = null;
  }

  /** Carries a datagram, and perhaps a forgery that the attacker makes from it. */
  carry(person: Person, to: Endpoint, bytes: Uint8Array): void {
    this.datagrams += 1;
    const { random, weather } = this;
    const datagram: Seen = { from: person.endpoint, to, bytes };
    this.attacker.sees(datagram);
    const target = this.personAt(to);
    const copies = random.chance(weather.loss) ? 0 : random.chance(weather.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delayMs = weather.delayMs + random.exponential(weather.jitterMs);
      this.time.after(delayMs, () => {
        // The datagram is lost if its path was cut meanwhile, or the program has left that address.
        if (target !== null && this.cuts.has(`${person.name}>${target.name}`)) return;
        if (random.chance(weather.forgeries)) this.#forge(datagram);
        this.personAt(to)?.program?.receive(datagram);
      });
    }
  }

  #forge(datagram: Seen): void {
    const forgery = this.attacker.forge(datagram);
    this.forged += 1;
    this.personAt(forgery.to)?.program?.receiveForged(forgery);
  }

  personAt(endpoint: Endpoint): Person | null {
    const text = endpointText(endpoint);
    return this.people.find((person) => endpointText(person.endpoint) === text) ?? null;
  }

  personOf(key: PeerKey): Person {
    return this.people.find(({ identity }) => identity.key === key)!;
  }
}
