/** One process of the directory's program: the machine, its links, and its part of the disk. */

import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { Directory } from "../../../lib/protocols/directory/directory.ts";
import type {
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import {
  DIRECTORY_LANES,
  type DirectoryMessage,
} from "../../../lib/protocols/directory/schema/messages.ts";
import type {
  DirectoryCommand,
  DirectoryEvent,
} from "../../../lib/protocols/directory/schema/events.ts";
import type { DirectoryRecord } from "../../../lib/protocols/directory/schema/records.ts";
import { DelayedFault } from "../delayed_fault.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import type { Call, Station } from "../network.ts";
import { type Persist, type ProcessPort, SimProcess } from "../process.ts";
import { Liar } from "./liar.ts";
import { messageBytes } from "./message_bytes.ts";
import type { Visitor } from "./roster.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** The time of hashing a password. */
const HASH_MS = 60;
/** Answers about accounts are in the order of the states that they report, and this late. */
const ANSWER_MS = 2;
/** Changes of accounts by another program are noticed within this time. */
const NOTICED_MS_MAX = 3_000;

export class DirectoryProcess
  implements
    Station<DirectoryMessage>,
    Visitor,
    ProcessPort<DirectoryInput, DirectoryEffect, DirectoryRecord> {
  readonly tick: DirectoryInput = { type: "tick" };
  readonly label = "directory";
  readonly process = "directory";
  readonly host = 0;
  readonly machine: Directory;
  readonly sim: SimProcess<DirectoryInput, DirectoryEffect, DirectoryRecord>;
  readonly links = new Map<LinkId, LinkEnd<DirectoryMessage>>();
  readonly readIntervalMs = 0;
  readableAtMs = 0;
  gone = false;
  powerLost = false;
  #nextLink = 1;
  /** The fault that happens after a number of further effects. */
  readonly fault = new DelayedFault();
  readonly #repeated = new WeakSet<DirectoryInput>();
  readonly #backlogs = new Map<LinkId, DirectoryMessage[]>();
  /** The program at the other end of each link when the link came up. */
  readonly #visitors = new Map<LinkId, Visitor>();

  constructor(readonly world: World) {
    const { mutation, ttlMs, guests, broadcast, clientsMax, relays } = world.options;
    const random = world.random.fork();
    const environment: Environment = {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => world.directoryWallMs(),
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    const records = [...world.disk.records];
    this.machine = new Directory(
      {
        listening: world.endpoint,
        guests,
        broadcast,
        ttlMs,
        clientsMax,
        signUpsMax: 1_000,
        relays,
        accountCount: () => world.accounts.size,
        records: mutation?.directoryRecords?.(records) ?? records,
        ...mutation?.directoryConfig,
      },
      world.signer,
      environment,
    );
    const machine = mutation?.wrapDirectory?.(this.machine) ?? this.machine;
    const { people, hostiles } = world;
    this.sim = new SimProcess(
      world.isLying
        ? new Liar(machine, [...people, ...hostiles], world.signer, random.fork())
        : machine,
      world.time,
      { offsetMs: random.between(0, 1e6), rate: random.pick([1, 0.995, 1.005]) },
      world.disk,
      random.chance(0.5),
      this,
    );
  }

  get key(): PeerKey {
    return this.world.signer.key;
  }

  get seenHost(): string {
    return this.world.endpoint.host;
  }

  get silent(): boolean {
    return this.sim.stalled || this.powerLost;
  }

  get stalledUntilMs(): number {
    return this.sim.stalledUntilMs;
  }

  refusal(call: Call<DirectoryMessage>): string | null {
    const own = fingerprintOf(this.world.signer.key);
    return call.expect !== null && call.expect !== own ? "wrong-key" : null;
  }

  linkUp(end: LinkEnd<DirectoryMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.links.set(end.id, end);
    const { key: peer, process, label, seenHost: host } = end.other.owner as
      & Station<DirectoryMessage>
      & Visitor;
    this.#visitors.set(end.id, { key: peer, process, label });
    this.sim.deliver({ type: "link-up", link: end.id, peer, process, host });
  }

  linkDown(end: LinkEnd<DirectoryMessage>, closed: boolean, reason: string): void {
    this.#backlogs.delete(end.id);
    if (!this.links.delete(end.id)) return;
    this.sim.deliver({ type: "link-down", link: end.id, closed, reason });
  }

  message(end: LinkEnd<DirectoryMessage>, message: DirectoryMessage): void {
    if (message.type === "enter") this.world.roster.asks(end.id, message.how);
    this.sim.deliver({ type: "message", link: end.id, message });
  }

  congested(end: LinkEnd<DirectoryMessage>): void {
    this.#backlogs.set(end.id, []);
    this.sim.deliver({ type: "congested", link: end.id });
  }

  drained(end: LinkEnd<DirectoryMessage>): void {
    this.sim.deliver({ type: "drained", link: end.id });
    const waiting = this.#backlogs.get(end.id) ?? [];
    this.#backlogs.delete(end.id);
    for (const message of waiting) this.#send(end.id, message);
  }

  persistOf(effect: DirectoryEffect): Persist<DirectoryRecord> | null {
    return effect.type === "persist" ? effect : null;
  }

  persisted(effect: DirectoryEffect, stored: boolean): DirectoryInput | null {
    if (effect.type !== "persist") return null;
    const { token } = effect;
    if (!stored) return { type: "persist-failed", token, text: "the disk is full" };
    return token === null ? null : { type: "persisted", token };
  }

  datagram(from: Endpoint, bytes: Uint8Array, isRepeated: boolean): boolean {
    if (this.silent && !this.world.areSlow) return false;
    const input: DirectoryInput = { type: "datagram", from, bytes };
    if (isRepeated) this.#repeated.add(input);
    this.sim.deliver(input);
    return true;
  }

  stepped(input: DirectoryInput, effects: readonly DirectoryEffect[]): void {
    this.world.note("directory", input);
    // Any step may also do what is due at that time.
    if (this.world.isLying) return;
    if (this.#repeated.has(input) && effects.some(({ type }) => type === "datagram")) {
      throw new Violation("the directory answers a repeated datagram");
    }
  }

  carriedOut(): void {
    this.fault.carriedOut();
  }

  snapshot(): readonly DirectoryRecord[] | null {
    this.world.ledger.compacted();
    return this.machine.snapshot();
  }

  perform(effect: DirectoryEffect): void {
    const { world } = this;
    world.note("directory >", effect);
    switch (effect.type) {
      case "send":
        for (const link of effect.links) {
          const { message } = effect;
          if (!world.isLying) this.#says(link, message);
          this.#send(link, message);
        }
        return;
      case "account":
        return this.#ask(effect);
      case "datagram":
        return world.datagrams.send(0, world.endpoint, effect.to, effect.bytes);
      case "close":
        this.links.get(effect.link)?.close(effect.reason);
        return;
      case "ban":
        return this.#ban(effect);
      case "stop":
        return world.endDirectory(false);
      case "show":
        return world.isLying ? undefined : this.#shown(effect.event, effect.ref);
      case "shown":
      case "input":
      case "persist":
        return;
    }
  }

  /** Sends a message, or keeps it in order while the link is full. */
  #send(link: LinkId, message: DirectoryMessage): void {
    const lane = DIRECTORY_LANES[message.type];
    const backlog = lane === "data" ? this.#backlogs.get(link) : undefined;
    if (backlog !== undefined) backlog.push(message);
    else this.links.get(link)?.send(message, lane, messageBytes(message));
  }

  #says(link: LinkId, message: DirectoryMessage): void {
    const { roster, ledger } = this.world;
    roster.sent(link, message, this.#visitors.get(link)!);
    if (message.type === "broadcast-taken") ledger.taken(String(message.number));
  }

  command(command: DirectoryCommand, ref?: string): void {
    this.sim.deliver({ type: "command", command, ref });
  }

  #ban({ link, reason }: Extract<DirectoryEffect, { readonly type: "ban" }>): void {
    const { label } = this.#visitors.get(link)!;
    if (!this.world.isHostile(label)) {
      throw new Violation(`the directory bans ${label}: ${reason}`);
    }
    this.world.roster.banned(link);
    this.links.get(link)?.close(reason);
  }

  #ask({ token, question }: Extract<DirectoryEffect, { readonly type: "account" }>): void {
    const { world } = this;
    const tookMs = question.ask === "find" ? 0.1 : HASH_MS;
    world.time.after(tookMs, () => {
      if (this.gone) return;
      const answer = world.accounts.answer(question);
      if (answer.outcome === "ok") {
        const { name } = answer.account;
        if (question.ask === "sign-up") world.roster.signedUp(name, question.key);
        if (question.ask === "remove") world.accountGone(name, world.random.chance(0.5));
      }
      world.time.after(ANSWER_MS, () => {
        this.sim.deliver({ type: "account-answer", token, answer });
      });
    });
  }

  /**
   * An account was removed by the directory or another program: that is noticed after a while, unless it exists
   * again.
   */
  noticesRemoval(name: string): void {
    const { time, random, accounts } = this.world;
    time.after(ANSWER_MS + random.below(NOTICED_MS_MAX), () => {
      if (!accounts.has(name)) this.sim.deliver({ type: "account-removed", name, keys: [] });
    });
  }

  #shown(event: DirectoryEvent, ref: string | undefined): void {
    const { roster, ledger } = this.world;
    switch (event.event) {
      case "logout":
        return roster.left(event.name, event.reason);
      case "broadcast":
        return ledger.taken(event.id);
      case "broadcast-sent":
        return ledger.reached(ref, event.reached);
      case "error":
        if (event.code === "internal") throw new Violation(event.text);
        if (ref !== undefined) ledger.failed(ref);
        return;
    }
  }
}
