/**
 * Runs the machine of a member on its network over a `ServiceDiscovery`, and answers who looks for something there.
 * There is one for a process, whatever room it is in.
 */

import type { Clock } from "../../base/machine/clock.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { AnnouncedRoom } from "../../protocols/mesh/discovery/announced_rooms.ts";
import type { Choice } from "../../protocols/mesh/discovery/choosing.ts";
import { Lan } from "../../protocols/mesh/discovery/lan.ts";
import type { EnteredRoom, LanEffect, LanInput } from "../../protocols/mesh/discovery/lan_io.ts";
import type { SecretRoom } from "../../protocols/mesh/discovery/room_tags.ts";
import type {
  DiscoveryFault,
  DiscoveryHandler,
  Hearing,
  ServiceDiscovery,
} from "../../transport/discovery/service_discovery.ts";
import { Runner, storingNothing } from "../runner.ts";

/** Of an instance name, in bytes: nobody else draws the same. */
const INSTANCE_BYTES = 8;

interface LanPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly discovery: ServiceDiscovery;
  /** Of the protocol that rooms speak here. */
  readonly version: number;
}

/** What happens to a member that is in a room. No method may throw or wait. */
interface LanHandler {
  /** The room that was founded stays, as far as could be heard. */
  settled(): void;
  /** The room that was founded is to be left for this one. */
  giveWay(to: AnnouncedRoom): void;
  /** A member of the room is said to listen there. */
  hint(endpoint: Endpoint): void;
  /** Other rooms are announced. */
  others(rooms: readonly AnnouncedRoom[]): void;
}

export class LanHost implements DiscoveryHandler {
  readonly #runner: Runner<LanInput, LanEffect, never>;
  #handler: LanHandler | null = null;
  #choosing = Promise.withResolvers<Choice>();
  #looking = Promise.withResolvers<readonly AnnouncedRoom[]>();
  #words = Promise.withResolvers<readonly Endpoint[]>();
  #isClosed = false;

  constructor(readonly ports: LanPorts) {
    const { version, environment } = ports;
    const instance = environment.randomBytes(INSTANCE_BYTES).toHex();
    this.#runner = new Runner(
      new Lan({ instance, version }, environment),
      storingNothing<LanInput, LanEffect>({
        clock: ports.clock,
        execute: (effect) => this.#execute(effect),
        tick: { type: "tick" },
      }),
    );
    ports.discovery.handle(this);
  }

  /** Why nobody can be heard, as far as this machine knows. */
  get fault(): DiscoveryFault | null {
    return this.ports.discovery.fault;
  }

  get hearing(): Hearing {
    return this.ports.discovery.hearing;
  }

  /**
   * Chooses among the rooms that are announced, within some seconds. One at a time.
   * @param own Rooms to which this profile goes back, or has an invite. @param only Whether no other will do.
   */
  choose(own: readonly SecretRoom[], only: boolean): Promise<Choice> {
    this.#choosing = Promise.withResolvers();
    this.#runner.feed({ type: "seek", own, only });
    return this.#choosing.promise;
  }

  /** That room couldn't be joined, and isn't chosen any more. */
  inVain(room: AnnouncedRoom): void {
    this.#runner.feed({ type: "vain", room });
  }

  /** All rooms that are announced within this time. One at a time. */
  look(forMs: number): Promise<readonly AnnouncedRoom[]> {
    this.#looking = Promise.withResolvers();
    this.#runner.feed({ type: "look", forMs });
    return this.#looking.promise;
  }

  /**
   * Where word codes with this number are open, as somebody says: nowhere, where nobody announces it within 1.5 s; at
   * most 8. One number at a time.
   */
  findWords(number: number): Promise<readonly Endpoint[]> {
    this.#words = Promise.withResolvers();
    this.#runner.feed({ type: "seek-words", number });
    return this.#words.promise;
  }

  /** Announces the room from now on. */
  enter(room: EnteredRoom, handler: LanHandler): void {
    this.#handler = handler;
    this.#runner.feed({ type: "entered", room });
  }

  /** Somebody else is in the room, or something was said there: it isn't given up any more. */
  company(): void {
    this.#runner.feed({ type: "company" });
  }

  /** Announces these numbers of word codes beside the room, the first 8, and no others any more. */
  announceWords(numbers: readonly number[]): void {
    this.#runner.feed({ type: "words", numbers });
  }

  /** Takes the announcement of the room back. */
  leave(): void {
    this.#handler = null;
    this.#runner.feed({ type: "leave" });
  }

  /** Takes the announcement back, and stops; whoever looks for something finds nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.leave();
    this.#isClosed = true;
    this.#runner.stop();
    this.#choosing.resolve({ kind: "none", hasPrivate: false });
    this.#looking.resolve([]);
    this.#words.resolve([]);
    await this.ports.discovery.close();
  }

  // DiscoveryHandler.

  asked(): void {
    this.#runner.feed({ type: "asked" });
  }

  heard(...[host, service, lifeMs]: Parameters<DiscoveryHandler["heard"]>): void {
    this.#runner.feed({ type: "heard", host, service, lifeMs });
  }

  gone(host: string, instance: string): void {
    this.#runner.feed({ type: "gone", host, instance });
  }

  connected(): void {
    this.#runner.feed({ type: "connected" });
  }

  #execute(effect: LanEffect): void {
    const { discovery, environment: { log } } = this.ports;
    switch (effect.type) {
      case "ask":
        return discovery.ask();
      case "announce":
        return discovery.announce(effect.service);
      case "goodbye":
        return discovery.goodbye(effect.service);
      case "chosen":
        log.info("room chosen on this network", { choice: effect.choice.kind });
        return this.#choosing.resolve(effect.choice);
      case "looked":
        return this.#looking.resolve(effect.rooms);
      case "words-found":
        return this.#words.resolve(effect.endpoints);
      case "settled":
        return this.#handler?.settled();
      case "give-way":
        log.info("another room was founded at once", { room: effect.to.room });
        return this.#handler?.giveWay(effect.to);
      case "hint":
        log.debug("a member is said to be there", { endpoint: endpointText(effect.endpoint) });
        return this.#handler?.hint(effect.endpoint);
      case "others":
        return this.#handler?.others(effect.rooms);
      default:
        return unreachable(effect);
    }
  }
}
