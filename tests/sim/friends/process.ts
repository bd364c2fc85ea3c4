/** One process of a friend's program: the machine, its links, and its part of the disk. */

import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { Facts } from "../../../lib/base/machine/facts.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { LinkId } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import type {
  FriendsCommand,
  FriendsEvent,
  FriendView,
} from "../../../lib/protocols/friends/events.ts";
import { Friends } from "../../../lib/protocols/friends/friends.ts";
import type { FriendsEffect, FriendsInput } from "../../../lib/protocols/friends/friends_io.ts";
import { FRIENDS_RULES, FRIENDS_WORDS } from "../../../lib/protocols/friends/friends_words.ts";
import { FRIENDS_LANES, type FriendsMessage } from "../../../lib/protocols/friends/messages.ts";
import type { FriendsRecord, ReceivedPlace } from "../../../lib/protocols/friends/records.ts";
import { DelayedFault } from "../delayed_fault.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import type { Call, Station } from "../network.ts";
import { type Persist, type ProcessPort, SimProcess } from "../process.ts";
import { Timer } from "../virtual_time.ts";
import { Impostor } from "./impostor.ts";
import type { Person } from "./world.ts";

const WALL_EPOCH_MS = Date.UTC(2026, 0, 1);
const SHOWN_RECORD_MS_MAX = 200;

export class Violation extends Error {
  override readonly name = "Violation";
}

let processes = 0;

export class Process
  implements Station<FriendsMessage>, ProcessPort<FriendsInput, FriendsEffect, FriendsRecord> {
  /** As its handshakes prove it: no two have the same. */
  readonly process = `${++processes}`;
  readonly tick: FriendsInput = { type: "tick" };
  readonly friends: Friends;
  readonly sim: SimProcess<FriendsInput, FriendsEffect, FriendsRecord>;
  readonly links = new Map<LinkId, LinkEnd<FriendsMessage>>();
  readonly #facts = new Facts(
    FRIENDS_WORDS,
    FRIENDS_RULES,
    { users: "users.txt" },
    () => this.person.world.time.nowMs,
  );
  gone = false;
  powerLost = false;
  readIntervalMs = 0;
  readableAtMs = 0;
  /** The fault that happens after a number of further effects. */
  readonly fault = new DelayedFault();
  ended: string | null = null;
  /** What its user said last of being away. */
  away: string | null = null;
  /** The last answer to `list`. */
  listed: readonly FriendView[] = [];
  #nextLink = 1;
  /** Links to impostors, whether they are up or not. */
  readonly #strangers = new Set<LinkId>();
  #shownThrough: ReceivedPlace | null = null;
  /** The last message that the program knows its user has seen. */
  #seenThrough: ReceivedPlace | null = null;
  readonly #shownTimer = new Timer(() => {
    if (this.gone || this.sim.stalled || this.#shownThrough === null) return;
    const { key, position: through } = this.#seenThrough = this.#shownThrough;
    if (!this.sim.hasGap) this.person.disk.write([{ kind: "shown", key, through }]);
  });

  constructor(readonly person: Person) {
    const { world } = person;
    const random = world.random.fork();
    const environment: Environment = {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => Math.floor(WALL_EPOCH_MS + world.time.nowMs + person.wallOffsetMs),
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    const { mutation } = world.options;
    const records = [...person.disk.records];
    this.friends = new Friends(
      {
        name: person.name,
        listening: person.row,
        users: "users.txt",
        friends: world.rowsFor(person),
        pins: new Map(person.pins),
        records: mutation?.records?.(records) ?? records,
        idleMs: world.idleMs,
        queue: true,
      },
      person.signer,
      mutation?.environment?.(environment) ?? environment,
    );
    const clock = { offsetMs: random.between(0, 1e6), rate: 1 };
    this.sim = new SimProcess(
      mutation?.wrap?.(this.friends) ?? this.friends,
      world.time,
      clock,
      person.disk,
      random.chance(0.5),
      this,
    );
  }

  get host(): number {
    return this.person.index;
  }

  get seenHost(): string {
    return this.person.endpoint.host;
  }

  get silent(): boolean {
    return this.sim.stalled || this.powerLost;
  }

  get stalledUntilMs(): number {
    return this.sim.stalledUntilMs;
  }

  command(command: FriendsCommand, ref?: string): void {
    this.sim.deliver({ type: "command", command, ref });
  }

  refusal(call: Call<FriendsMessage>): string | null {
    const own = fingerprintOf(this.person.key);
    return call.expect !== null && call.expect !== own ? "wrong-key" : null;
  }

  linkUp(end: LinkEnd<FriendsMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.links.set(end.id, end);
    if (end.other.owner instanceof Impostor) this.#strangers.add(end.id);
    const { person: { key: peer }, process } = end.other.owner as Process | Impostor;
    const { dialled, attempt } = end;
    this.sim.deliver({ type: "link-up", link: end.id, peer, process, dialled, attempt });
  }

  linkDown(end: LinkEnd<FriendsMessage>, closed: boolean, reason: string): void {
    if (!this.links.delete(end.id)) return;
    const because = closed ? end.other.goodbye ?? reason : reason;
    this.sim.deliver({ type: "link-down", link: end.id, closed, reason: because });
  }

  message(end: LinkEnd<FriendsMessage>, message: FriendsMessage): void {
    this.sim.deliver({ type: "message", link: end.id, message });
  }

  congested(): void {
    throw new Violation(`${this.person.name} has filled a link's queue`);
  }

  drained(end: LinkEnd<FriendsMessage>): void {
    this.sim.deliver({ type: "drained", link: end.id });
  }

  persistOf(effect: FriendsEffect): Persist<FriendsRecord> | null {
    return effect.type === "persist" ? effect : null;
  }

  persisted(effect: FriendsEffect, stored: boolean): FriendsInput | null {
    if (effect.type !== "persist") return null;
    const { token } = effect;
    if (!stored) return { type: "persist-failed", token, text: "Cannot write: the disk is full" };
    return token === null ? null : { type: "persisted", token };
  }

  stepped(input: FriendsInput): void {
    this.person.world.note(this.person.name, input);
  }

  carriedOut(): void {
    this.fault.carriedOut();
  }

  /** Breaks all its links at once. */
  breakLinks(): void {
    for (const end of [...this.links.values()]) end.sever();
  }

  snapshot(): readonly FriendsRecord[] | null {
    return this.friends.snapshot(this.#seenThrough);
  }

  perform(effect: FriendsEffect): void {
    const { world } = this.person;
    world.note(`${this.person.name} >`, effect);
    switch (effect.type) {
      case "dial":
        return this.#dial(effect);
      case "send": {
        const end = this.links.get(effect.link);
        end?.send(effect.message, FRIENDS_LANES[effect.message.type], sizeOf(effect.message));
        return;
      }
      case "ban": {
        if (this.#strangers.has(effect.link)) {
          return this.links.get(effect.link)?.close(effect.reason);
        }
        throw new Violation(`${this.person.name} bans a friend: ${effect.reason}`);
      }
      case "close":
        this.links.get(effect.link)?.close(effect.reason);
        return;
      case "show": {
        const event = this.#facts.worded<FriendsEvent>(effect.event);
        return event === null ? undefined : world.shown(this.person, event, effect.ref);
      }
      case "shown":
        this.#shownThrough = effect.through;
        if (!this.#shownTimer.armed) {
          world.time.arm(
            this.#shownTimer,
            world.time.nowMs + world.random.below(SHOWN_RECORD_MS_MAX),
          );
        }
        return;
      case "recall":
        return world.shown(this.person, effect.event, effect.ref);
      case "pin":
        this.person.pins.set(foldName(effect.name), fingerprintOf(effect.key));
        return;
      case "stop":
        this.ended = effect.outcome.kind;
        return world.end(this, false);
      case "input":
      case "keep":
      case "persist":
        return;
    }
  }

  #dial({ attempt, endpoint, expect }: Extract<FriendsEffect, { readonly type: "dial" }>): void {
    const { world } = this.person;
    const failed = (reason: string) => {
      const listener = world.network.listener(endpoint);
      const key = reason === "wrong-key" && listener !== undefined && "person" in listener
        ? (listener as Process).person.key
        : null;
      const text = `cannot be reached: ${reason}`;
      this.sim.deliver({ type: "dial-failed", attempt, reason, text, key });
    };
    world.network.dial({ from: this, attempt, endpoint, expect, room: null, failed });
  }
}

function sizeOf(message: FriendsMessage): number {
  if (message.type !== "texts") return 50;
  return message.entries.reduce((sum, { text }) => sum + text.length + 30, 10);
}
