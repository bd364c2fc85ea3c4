/** One process of a client's program: the machine, its links, its part of the disk, and its user. */

import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { Client } from "../../../lib/protocols/directory/client/client.ts";
import type { ClientCall } from "../../../lib/protocols/directory/client_calls/client_call.ts";
import type {
  ClientEffect,
  ClientInput,
  Entry,
} from "../../../lib/protocols/directory/schema/client_io.ts";
import type {
  ClientRecord,
  HeardPlace,
} from "../../../lib/protocols/directory/schema/client_records.ts";
import {
  type ClientCommand,
  DIRECTORY_NAME,
} from "../../../lib/protocols/directory/schema/events.ts";
import {
  DIRECTORY_LANES,
  type DirectoryMessage,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { CLIENTS_MAX } from "../../../lib/protocols/directory/schema/limits.ts";
import { DelayedFault } from "../delayed_fault.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import type { Call, Station } from "../network.ts";
import { type Persist, type ProcessPort, SimProcess } from "../process.ts";
import { Timer } from "../virtual_time.ts";
import { messageBytes } from "./message_bytes.ts";
import { RelayStream } from "./relay_stream.ts";
import type { Visitor } from "./roster.ts";
import { ClientSight } from "./sight.ts";
import { Violation } from "./violation.ts";
import type { Person } from "./world.ts";

const SHOWN_RECORD_MS_MAX = 200;

export class ClientProcess
  implements
    Station<DirectoryMessage>,
    Visitor,
    ProcessPort<ClientInput, ClientEffect, ClientRecord> {
  readonly tick: ClientInput = { type: "tick" };
  readonly machine: Client;
  readonly sim: SimProcess<ClientInput, ClientEffect, ClientRecord>;
  readonly links = new Map<LinkId, LinkEnd<DirectoryMessage>>();
  /** What its user sees. */
  readonly sight: ClientSight;
  readonly key: PeerKey;
  readonly process: string;
  readonly readIntervalMs: number;
  readableAtMs = 0;
  gone = false;
  powerLost = false;
  /** The outcome if it ended by itself; null otherwise. */
  ended: string | null = null;
  #nextLink = 1;
  /** The fault that happens after a number of further effects. */
  readonly fault = new DelayedFault();
  readonly #relays = new Map<string, RelayStream>();
  readonly #relayLinks = new Map<LinkId, RelayStream>();
  /** Messages that full links haven't accepted yet. */
  readonly #backlogs = new Map<LinkId, DirectoryMessage[]>();
  readonly #repeated = new WeakSet<ClientInput>();
  #unperformed = 0;
  /** The machine's call after the step before. */
  #call: ClientCall | null = null;
  #shownThrough: HeardPlace | null = null;
  #seenThrough: HeardPlace | null = null;
  readonly #shownTimer = new Timer(() => {
    if (this.gone || this.sim.stalled || this.#shownThrough === null) return;
    const { store, as, number } = this.#seenThrough = this.#shownThrough;
    if (!this.sim.hasGap) this.person.disk.write([{ kind: "shown", store, as, number }]);
  });

  constructor(readonly person: Person, readonly entry: Entry) {
    const { world } = person;
    const { mutation } = world.options;
    const random = world.random.fork();
    this.key = person.key;
    this.process = `${person.name}/${++person.starts}`;
    this.sight = new ClientSight(this);
    this.readIntervalMs = person.isSlow ? 20 : 0;
    const environment: Environment = {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => world.wallMs() + person.wallOffsetMs,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    const records = [...person.disk.records];
    this.machine = new Client(
      {
        name: null,
        how: null,
        directory: world.endpoint,
        registry: "directory",
        expect: person.pins.get(DIRECTORY_NAME) ?? null,
        given: null,
        trustFirst: false,
        listening: person.endpoint,
        pinsOf: () => new Map(person.pins),
        refused: [],
        records: mutation?.clientRecords?.(records) ?? records,
        isInteractive: false,
        asksAgain: false,
        wait: true,
        knownPeers: "known_peers",
      },
      person.signer,
      environment,
    );
    this.sim = new SimProcess(
      mutation?.wrapClient?.(this.machine) ?? this.machine,
      world.time,
      { offsetMs: random.between(0, 1e6), rate: random.pick([1, 0.995, 1.005]) },
      person.disk,
      random.chance(0.5),
      this,
    );
  }

  get label(): string {
    return this.person.name;
  }

  get host(): number {
    return this.person.index;
  }

  get seenHost(): string {
    return this.person.address;
  }

  get silent(): boolean {
    return this.sim.stalled || this.powerLost;
  }

  get stalledUntilMs(): number {
    return this.sim.stalledUntilMs;
  }

  command(command: ClientCommand, ref?: string): void {
    this.sim.deliver({ type: "command", command, ref });
  }

  refusal(call: Call<DirectoryMessage>): string | null {
    const own = fingerprintOf(this.key);
    return call.expect !== null && call.expect !== own ? "wrong-key" : null;
  }

  linkUp(end: LinkEnd<DirectoryMessage>): void {
    end.id = this.#link();
    this.links.set(end.id, end);
    const { key: peer } = end.other.owner as Station<DirectoryMessage> & Visitor;
    const { id: link, dialled, attempt, remote: { host } } = end;
    this.sim.deliver({ type: "link-up", link, peer, dialled, attempt, host, isRelayed: false });
  }

  linkDown(end: LinkEnd<DirectoryMessage>, closed: boolean, reason: string): void {
    this.#backlogs.delete(end.id);
    if (!this.links.delete(end.id)) return;
    this.sim.deliver({ type: "link-down", link: end.id, closed, reason });
  }

  message(end: LinkEnd<DirectoryMessage>, message: DirectoryMessage): void {
    this.sim.deliver({ type: "message", link: end.id, message });
  }

  congested(end: LinkEnd<DirectoryMessage>): void {
    this.#backlogs.set(end.id, []);
    this.sim.deliver({ type: "congested", link: end.id });
  }

  drained(end: LinkEnd<DirectoryMessage>): void {
    const waiting = this.#backlogs.get(end.id) ?? [];
    this.#backlogs.delete(end.id);
    for (const message of waiting) this.#send(end.id, message);
    this.sim.deliver({ type: "drained", link: end.id });
  }

  datagram(from: Endpoint, bytes: Uint8Array, isRepeated: boolean): boolean {
    if (this.silent && !this.person.world.areSlow) return false;
    const input: ClientInput = { type: "datagram", from, bytes };
    if (isRepeated) this.#repeated.add(input);
    this.sim.deliver(input);
    return true;
  }

  #link(): LinkId {
    return this.#nextLink++ as LinkId;
  }

  #send(link: LinkId, message: DirectoryMessage): void {
    const relay = this.#relayLinks.get(link);
    if (relay !== undefined) return relay.send(message);
    const lane = DIRECTORY_LANES[message.type];
    const backlog = lane === "data" ? this.#backlogs.get(link) : undefined;
    if (backlog !== undefined) backlog.push(message);
    else this.links.get(link)?.send(message, lane, messageBytes(message));
  }

  persistOf(effect: ClientEffect): Persist<ClientRecord> | null {
    return effect.type === "persist" ? effect : null;
  }

  persisted(effect: ClientEffect, stored: boolean): ClientInput | null {
    if (effect.type !== "persist") return null;
    const { token } = effect;
    if (!stored) return { type: "persist-failed", token, text: "the disk is full" };
    return token === null ? null : { type: "persisted", token };
  }

  stepped(input: ClientInput, effects: readonly ClientEffect[]): void {
    this.#checkKeyTold(input, effects);
    this.#unperformed += effects.length;
    this.#call = this.machine.calling.call;
    this.person.world.note(this.person.name, input);
    if (this.#repeated.has(input) && effects.length > 0) {
      throw new Violation(`${this.person.name} takes a repeated datagram`);
    }
    this.person.world.talks.stepped(this);
    const { call } = this.machine.calling;
    if ((call?.links.size ?? 0) > 8) throw new Violation("more links than a call may have");
    if (this.machine.asking.size > 100) throw new Violation("more is asked than may wait");
    if (this.machine.lobby.size > CLIENTS_MAX) {
      throw new Violation("more are in the list than can be");
    }
  }

  /** Checks that the user is told if a caller or callee has another key than before. */
  #checkKeyTold(input: ClientInput, effects: readonly ClientEffect[]): void {
    // Pins on their way to the disk may change the pinned key.
    if (this.#unperformed > 0 || !this.machine.session.isUp || input.type !== "message") return;
    const { message } = input;
    const before = this.#call;
    if (input.link !== this.machine.session.link) return;
    let named: { readonly name: string; readonly key: PeerKey };
    if (message.type === "incoming" && before === null) {
      named = { name: message.from, key: message.key };
    } else if (message.type === "meet" && before?.phase === "over" && !before.isSelf) {
      // The message is about that call, if its key is the reason for which the call is over.
      if (before.id !== message.call.toHex()) return;
      named = message;
    } else return;
    const pinned = this.person.pins.get(foldName(named.name));
    if (pinned === undefined || pinned === fingerprintOf(named.key)) return;
    const isTold = effects.some((effect) =>
      effect.type === "show" && effect.event.event === "error" &&
      effect.event.code === "key-changed"
    );
    if (!isTold) {
      throw new Violation(`${this.label} isn't told that ${named.name}'s key has changed`);
    }
  }

  carriedOut(): void {
    this.#unperformed--;
    this.fault.carriedOut();
  }

  snapshot(): readonly ClientRecord[] | null {
    return this.machine.snapshot(this.#seenThrough);
  }

  end(): void {
    this.sight.left();
    this.sim.end();
    this.gone = true;
    for (const relay of this.#relays.values()) relay.drop();
  }

  perform(effect: ClientEffect): void {
    const { person } = this;
    const { world } = person;
    world.note(`${person.name} >`, effect);
    switch (effect.type) {
      case "dial":
        return this.#dial(effect);
      case "send":
        return this.#send(effect.link, effect.message);
      case "close":
        this.#relayLinks.get(effect.link)?.close();
        this.links.get(effect.link)?.close(effect.reason);
        return;
      case "ban":
        throw new Violation(`${person.name} bans somebody: ${effect.reason}`);
      case "ask-to-enter": {
        const { entry } = this;
        world.time.after(world.random.exponential(200), () => {
          this.sim.deliver({ type: "enter", entry });
        });
        return;
      }
      case "show":
        return this.sight.shown(effect.event, effect.ref);
      case "shown":
        this.#shownThrough = effect.through;
        if (!this.#shownTimer.armed) {
          const inMs = world.random.below(SHOWN_RECORD_MS_MAX);
          world.time.arm(this.#shownTimer, world.time.nowMs + inMs);
        }
        return;
      case "pin":
        return this.#pin(effect);
      case "datagram":
        return world.datagrams.send(this.host, person.endpoint, effect.to, effect.bytes);
      case "relay-open":
        return this.#relayOpen(effect);
      case "relay-bytes":
        return this.#relays.get(effect.call)?.came(effect.bytes);
      case "relay-room":
        return this.#relays.get(effect.call)?.room(effect.bytes);
      case "relay-close":
        this.#relays.get(effect.call)?.end();
        this.#relays.delete(effect.call);
        return;
      case "stop":
        this.ended = effect.outcome.kind === "bye" ? "bye" : effect.outcome.code;
        return world.end(this, false);
      case "connecting":
      case "cancel-dial": // the dial fails, or yields a link that is closed
      case "input":
      case "persist":
        return;
    }
  }

  #pin({ name, key, again }: Extract<ClientEffect, { readonly type: "pin" }>): void {
    const { pins } = this.person;
    const folded = foldName(name);
    const pinned = pins.get(folded);
    if (!again && pinned !== undefined && pinned !== fingerprintOf(key)) {
      throw new Violation(`${this.label} takes another key for ${name} without being asked`);
    }
    const isNew = pinned === undefined;
    if (again || isNew) this.person.trustedAtMs.set(folded, this.person.world.time.nowMs);
    pins.set(folded, fingerprintOf(key));
  }

  #relayOpen(
    { call, attempt, isDialler, expect }: Extract<ClientEffect, { readonly type: "relay-open" }>,
  ): void {
    const { person } = this;
    const { sim } = this;
    const stream = new RelayStream(call, attempt, isDialler, expect, {
      time: person.world.time,
      signer: person.signer,
      randomBytes: (length) => person.world.random.bytes(length),
      pinged: person.world.network.pinged?.(this.host, this.host) ?? null,
      get isStalled() {
        return sim.stalled;
      },
      get stalledUntilMs() {
        return sim.stalledUntilMs;
      },
      nextLink: () => this.#link(),
      deliver: (input) => this.sim.deliver(input),
      changed: (stream) => {
        if (stream.link === null) return;
        if (stream.isOver) this.#relayLinks.delete(stream.link);
        else this.#relayLinks.set(stream.link, stream);
      },
    });
    this.#relays.set(call, stream);
  }

  #dial(
    { attempt, endpoint, expect }: Extract<ClientEffect, { readonly type: "dial" }>,
  ): void {
    const { network } = this.person.world;
    const failed = (reason: string) => {
      const text = `cannot be reached: ${reason}`;
      this.sim.deliver({ type: "dial-failed", attempt, reason, text, key: null });
    };
    network.dial({ from: this, attempt, endpoint, expect, room: null, failed });
  }
}
