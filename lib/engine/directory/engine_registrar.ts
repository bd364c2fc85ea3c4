/**
 * The registrar of a directory with several instances: who is in, in the engine. What others change comes in one order
 * from the engine, which this keeps a mirror of.
 */

import type { Endpoint, FoldedName } from "../../base/ids.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { delay } from "../delay.ts";
import type {
  Instance,
  RegistrarAnswer,
  RegistrarChange,
  RegistrarOrder,
  RegistrarQuestion,
  RegistrarState,
} from "../../protocols/directory/schema/registrar_io.ts";
import {
  type Changed,
  type Entry,
  type Following,
  isStill,
  type Revision,
  type SharedStore,
} from "../shared_store.ts";
import type { EngineAccounts } from "../engine_accounts.ts";
import { fieldsIn, isCount, isSerial } from "../json_fields.ts";
import { HEARD, HeardMirror, MARKS, markValue } from "./heard_mirror.ts";
import { SharedBroadcasts, TELL } from "./shared_broadcasts.ts";
import { KICKED, kickedIn, SharedLimits } from "./shared_limits.ts";
import { InstanceLife } from "./instance_life.ts";
import {
  instanceIn,
  INSTANCES,
  instanceValue,
  ONLINE,
  onlineIn,
  SessionMirror,
} from "./online_entries.ts";
import { OwnSessions } from "./own_sessions.ts";

/** Below it, of each broadcast, how many have it at an instance. */
const REACHED = "reached/";
/**
 * What is followed, in order. Not accounts, of which there may be many: they are asked for one by one; nor what isn't the
 * directory's, as the logs of groups below the same prefix.
 */
const FOLLOWED = [HEARD, INSTANCES, KICKED, MARKS, ONLINE, REACHED, TELL];

/** The end of the lease, which frees all names at once, is waited for so long. */
const CLOSE_MS_MAX = 2_000;

/** Before what the engine didn't answer is tried again. */
const RETRY_MS = 1_000;
/** For so long it is said how many have a broadcast: senders are told within 10 s. */
const REACHED_KEPT_MS = 30_000;
/** How often what isn't kept any more is looked for, by the instance that is there longest. */
const PRUNED_MS = 30_000;

/** Whom the registrar tells. */
interface Listener {
  readonly address: Endpoint;
  news(changes: readonly RegistrarChange[]): void;
  stateChanged(state: RegistrarState): void;
  notice(text: string): void;
  failed(error: unknown): void;
}

interface RegistrarPorts {
  readonly store: SharedStore;
  readonly accounts: Pick<EngineAccounts, "unchanged">;
  readonly clock: Clock;
  readonly wallMs: () => number;
  /** Below which the directory has its entries, with a `/` at the end. */
  readonly prefix: string;
  /** The own id: no other instance has, or had, it. */
  readonly instance: string;
  readonly clientsMax: number;
  /** The program's version. */
  readonly version: string;
}

export class EngineRegistrar {
  readonly #life: InstanceLife;
  #listener: Listener | null = null;
  #following: Following | null = null;
  readonly #mirror = new SessionMirror();
  readonly #instances = new Map<string, Instance & { readonly created: Revision }>();
  readonly #own: OwnSessions;
  readonly #heard: HeardMirror;
  readonly #broadcasts: SharedBroadcasts;
  readonly #limits: SharedLimits;
  /** Broadcasts, who has them, and who was thrown out, before this instance began, until it begins. */
  #earlier: RegistrarChange[] = [];
  /** The mark of this instance that is to be put; null: none. */
  #mark: string | null = null;
  #markModified: Revision | null = null;
  #isMarking = false;
  #pruning: { cancel(): void } | null = null;
  #closing: Promise<void> | null = null;

  private constructor(readonly ports: RegistrarPorts) {
    const { store, clock, prefix, instance } = ports;
    const failed = (error: unknown) => this.#failed(error);
    this.#life = new InstanceLife({
      store,
      clock,
      key: `${prefix}${INSTANCES}${instance}`,
      value: (beat) => this.#instanceValue(beat),
      settle: (lease) => this.#own.settle(lease),
      restart: () => this.#following?.restart(),
      state: (state) => this.#listener?.stateChanged(state),
      refused: (text) => this.#listener?.notice(refusalText(text)),
      failed,
    });
    const { accounts, wallMs } = ports;
    this.#heard = new HeardMirror(prefix);
    this.#limits = new SharedLimits({ store, clock, wallMs, prefix });
    this.#broadcasts = new SharedBroadcasts({ store, prefix, wallMs });
    const lease = () => this.#life.lease;
    this.#own = new OwnSessions({
      ...{ store, accounts, clock, prefix, failed, lease },
      instance,
      mirror: this.#mirror,
      heard: this.#heard,
    });
  }

  /** Resolves when all is known that there is. @throws {P2pchatError} Why the engine can't be used. */
  static async open(ports: RegistrarPorts): Promise<EngineRegistrar> {
    const registrar = new EngineRegistrar(ports);
    try {
      await registrar.#life.begin();
      await registrar.#follow();
      return registrar;
    } catch (error) {
      await registrar.close();
      throw error;
    }
  }

  /** Why nobody is let in, though the engine answers, in a sentence; null: people are, or it doesn't answer. */
  get trouble(): string | null {
    const { refusal, state } = this.#life;
    if (refusal !== null) return refusalText(refusal);
    const isDeaf = state !== "up" && this.ports.store.health.trouble === null;
    return isDeaf ? "What is changed in the engine doesn't come back here in time" : null;
  }

  begin(listener: Listener): void {
    this.#listener = listener;
    this.#life.announce();
    this.#pruneLater();
    // Guests that are in aren't told what was told before, should they come here.
    const changes: RegistrarChange[] = [this.#instancesNow(), ...this.#earlier];
    for (const { session } of this.#mirror.all) {
      if (!this.#own.isOurs(session)) changes.push({ change: "present", session });
    }
    this.#earlier = [];
    listener.news(changes);
    listener.stateChanged(this.#life.state);
  }

  /** Never rejects: what the engine doesn't answer in time ends with the lease. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const { clock } = this.ports;
    this.#own.close();
    this.#pruning?.cancel();
    this.#following?.close();
    const revoked = this.#life.close().catch(() => {});
    let timer: { cancel(): void } | null = null;
    const late = new Promise<void>((resolve) => {
      timer = clock.at(clock.nowMs() + CLOSE_MS_MAX, resolve);
    });
    await Promise.race([revoked, late]);
    timer!.cancel();
  }

  ask(question: RegistrarQuestion, answered: (answer: RegistrarAnswer) => void): void {
    this.#answer(question).then(answered, (error) => this.#failed(error));
  }

  #answer(question: RegistrarQuestion): Promise<RegistrarAnswer> {
    switch (question.ask) {
      case "claim":
        return this.#own.claim(question);
      case "tell":
        return this.#broadcasts.tell(question.broadcast);
      case "count":
        return this.#limits.count(question.limits, question.stamp);
    }
  }

  order(order: RegistrarOrder): void {
    switch (order.order) {
      case "release":
        return this.#own.release(order.session, order.heldMs, order.through);
      case "set-busy":
        return this.#own.set(order.session, { isBusy: order.isBusy });
      case "set-presence":
        return this.#own.set(order.session, order.presence);
      case "mark":
        this.#mark = markValue({ ...order, except: [...order.except, ...this.#own.unheard] });
        return this.#inBackground(this.#putMark());
      case "kick":
        return this.#inBackground(this.#limits.kick(order.name, order.key));
      case "uncount":
        return this.#inBackground(
          this.#limits.uncount(order.whats, order.stamp, order.isAll),
        );
      case "reached":
        return this.#inBackground(this.#putReached(order.number, order.count));
    }
  }

  #failed(error: unknown): void {
    if (this.#closing === null) this.#listener?.failed(error);
  }

  // Broadcasts.

  /** Puts the latest mark, one at a time. It stays when this instance is gone. */
  async #putMark(): Promise<void> {
    if (this.#isMarking) return;
    this.#isMarking = true;
    const key = `${this.ports.prefix}${MARKS}${this.ports.instance}`;
    let modified: Revision | null = this.#markModified;
    while (this.#mark !== null && this.#closing === null) {
      const value = this.#mark;
      const outcome = await this.ports.store.commit({
        when: [isStill(key, modified)],
        puts: [{ key, value }],
      });
      if (outcome.outcome === "done") {
        modified = outcome.revision;
        if (this.#mark === value) this.#mark = null;
      } else if (outcome.outcome === "conflict") modified = outcome.seen[0]?.modified ?? null;
      else await delay(this.ports.clock, RETRY_MS);
    }
    this.#markModified = modified;
    this.#isMarking = false;
  }

  /** Puts how many have the broadcast here, for as long as its sender's instance may ask. */
  async #putReached(number: number, count: number): Promise<void> {
    const { store, prefix, instance } = this.ports;
    const key = `${prefix}${REACHED}${number}/${instance}`;
    const lease = this.#life.lease;
    const put = { key, value: JSON.stringify({ count }), lease };
    const outcome = await store.commit({ when: [{ key, is: "absent" }], puts: [put] });
    if (outcome.outcome !== "done") return; // it is reported without these
    await delay(this.ports.clock, REACHED_KEPT_MS);
    const { revision: modified } = outcome;
    await store.commit({ when: [{ key, modified }], puts: [], deletes: [key] });
  }

  #pruneLater(): void {
    const { clock, instance } = this.ports;
    this.#pruning = clock.at(clock.nowMs() + PRUNED_MS, () => {
      const [eldest] = [...this.#instances.values()].sort((a, b) => a.created - b.created);
      if (eldest?.id === instance) this.#inBackground(this.#prune());
      this.#pruneLater();
    });
  }

  /** Deletes broadcasts that aren't kept any more, and marks of instances that are gone which say nothing of any. */
  async #prune(): Promise<void> {
    await this.#broadcasts.prune();
    const first = this.#broadcasts.first ?? Infinity;
    for (const instance of [...this.#heard.instances]) {
      const through = this.#heard.markOf(instance)!;
      if (this.#instances.has(instance) || through >= first) continue;
      const key = `${this.ports.prefix}${MARKS}${instance}`;
      const entry = await this.ports.store.get(key).catch(() => null);
      if (entry === null) continue;
      const { modified } = entry;
      await this.ports.store.commit({ when: [{ key, modified }], puts: [], deletes: [key] });
    }
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error) => this.#failed(error));
  }

  // What the engine tells.

  #follow(): Promise<void> {
    const { prefix, store } = this.ports;
    return new Promise((resolve, reject) => {
      const tell = (changes: readonly Changed[], revision: Revision) => {
        this.#mirror.told = revision;
        this.#tell(changes.flatMap((changed) => this.#toldOf(changed, revision)));
      };
      this.#following = store.follow(prefix, {
        all: (entries, revision) => {
          tell(this.#differences(entries), revision);
          resolve();
        },
        changed: tell,
        refused: (error) => {
          reject(error);
          this.#failed(error);
        },
      }, FOLLOWED);
    });
  }

  #tell(changes: readonly RegistrarChange[]): void {
    if (changes.length > 0) this.#listener?.news(changes);
  }

  /** What isn't as it was told last, in the order in which it was changed. */
  #differences(entries: readonly Entry[]): readonly Changed[] {
    const { prefix } = this.ports;
    const present = new Set(entries.map(({ key }) => key));
    const known = [
      ...[...this.#mirror.names].map((folded) => `${prefix}${ONLINE}${folded}`),
      ...[...this.#instances.keys()].map((id) => `${prefix}${INSTANCES}${id}`),
      ...[...this.#heard.names].map((name) => `${prefix}${HEARD}${name}`),
      ...[...this.#heard.instances].map((id) => `${prefix}${MARKS}${id}`),
      ...this.#broadcasts.keys,
    ];
    const gone = known.filter((key) => !present.has(key)).map((key) => ({ key, entry: null }));
    const inOrder = entries.toSorted((one, other) => one.modified - other.modified);
    return [...gone, ...inOrder.map((entry) => ({ key: entry.key, entry }))];
  }

  #toldOf({ key, entry }: Changed, revision: Revision): readonly RegistrarChange[] {
    const { prefix } = this.ports;
    if (key.startsWith(prefix + ONLINE)) {
      const folded = key.slice(prefix.length + ONLINE.length) as FoldedName;
      return this.#onlineToldOf(folded, entry, revision);
    }
    if (key.startsWith(prefix + INSTANCES)) {
      return this.#instanceToldOf(key.slice(prefix.length + INSTANCES.length), entry);
    }
    if (key.startsWith(prefix + TELL)) return this.#broadcastToldOf({ key, entry });
    if (key.startsWith(prefix + REACHED)) {
      const place = key.slice(prefix.length + REACHED.length);
      return this.#nowOrAsItBegins(entry === null ? [] : reachedIn(place, entry));
    }
    if (key.startsWith(prefix + KICKED)) {
      return this.#nowOrAsItBegins(entry === null ? [] : kickedIn(entry));
    }
    if (key.startsWith(prefix + HEARD)) {
      this.#heard.heardTold(key.slice(prefix.length + HEARD.length) as FoldedName, entry);
    } else if (key.startsWith(prefix + MARKS)) {
      this.#heard.markTold(key.slice(prefix.length + MARKS.length), entry);
    }
    return [];
  }

  #onlineToldOf(
    folded: FoldedName,
    entry: Entry | null,
    revision: Revision,
  ): readonly RegistrarChange[] {
    const before = this.#mirror.get(folded);
    const modified = entry?.modified ?? revision;
    // What is known already, by our own changes, is later.
    if (before !== null && before.modified >= modified) return [];
    const session = entry === null ? null : onlineIn(entry, folded);
    if (session === null && entry !== null) {
      this.#listener?.notice(`The entry ${entry.key} of the engine isn't a session; delete it`);
    }
    const now = session === null ? null : { session, modified };
    this.#mirror.set(folded, now);
    const own = this.#own;
    const wasElsewhere = before !== null && !own.isOurs(before.session);
    if (now !== null && !own.isOurs(now.session)) {
      return [{ change: "present", session: now.session }];
    }
    const isIn = now !== null && own.told(now);
    if (now === null && before !== null && !wasElsewhere) own.vanished(before.session);
    return wasElsewhere && !isIn ? [{ change: "gone", name: before.session.name }] : [];
  }

  #broadcastToldOf(changed: Changed): readonly RegistrarChange[] {
    const broadcast = this.#broadcasts.told(changed);
    if (broadcast === null) return [];
    const isNew = this.#listener !== null;
    return this.#nowOrAsItBegins([{ change: "broadcast", broadcast, isNew }]);
  }

  #nowOrAsItBegins(changes: readonly RegistrarChange[]): readonly RegistrarChange[] {
    if (this.#listener !== null) return changes;
    this.#earlier.push(...changes);
    return [];
  }

  // The instances.

  #instanceToldOf(id: string, entry: Entry | null): readonly RegistrarChange[] {
    const before = this.#instances.get(id);
    const found = entry === null ? null : instanceIn(entry, id);
    if (found === null) this.#instances.delete(id);
    else {
      const { beat, ...instance } = found;
      this.#instances.set(id, { ...instance, created: entry!.created });
      if (id === this.ports.instance) this.#life.saw(beat);
    }
    const isNews = this.#listener !== null && !isSameToClients(before, this.#instances.get(id));
    return isNews ? [this.#instancesNow()] : [];
  }

  #instancesNow(): RegistrarChange {
    const { instance, clientsMax } = this.ports;
    const others = [...this.#instances.values()].filter(({ id }) => id !== instance);
    const own = { id: instance, address: this.#listener!.address, room: clientsMax };
    return { change: "instances", instances: [own, ...others] };
  }

  #instanceValue(beat: number): string {
    const { clientsMax, version, wallMs } = this.ports;
    const clients = this.#own.size;
    const room = Math.max(clientsMax - clients, 0);
    return instanceValue(
      { address: this.#listener!.address, room },
      { version, clients, wallMs: wallMs() },
      beat,
    );
  }
}

/** @param place The number, and the instance. */
function reachedIn(place: string, { value }: Entry): readonly RegistrarChange[] {
  const [number = "", instance = ""] = place.split("/");
  const { count } = fieldsIn(value);
  if (!isSerial(count) || !isCount(Number(number))) return [];
  return [{ change: "reached", number: Number(number), instance, count }];
}

function isSameToClients(one: Instance | undefined, other: Instance | undefined): boolean {
  return one?.address.host === other?.address.host && one?.address.port === other?.address.port &&
    (one?.room ?? 0) > 0 === (other?.room ?? 0) > 0;
}

function refusalText(refusal: string | null): string {
  return refusal === null
    ? "The engine makes changes again"
    : `The engine makes no changes: ${refusal}. Until it does, nobody is let in, and no broadcast is taken`;
}
