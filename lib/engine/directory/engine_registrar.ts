/**
 * The registrar of a directory with several instances: who is in, in the engine. What others change comes in one order
 * from the engine, which this keeps a mirror of.
 */

import type { Endpoint, FoldedName } from "../../base/ids.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type {
  Instance,
  RegistrarAnswer,
  RegistrarChange,
  RegistrarOrder,
  RegistrarQuestion,
  RegistrarState,
} from "../../protocols/directory/schema/registrar_io.ts";
import type {
  Changed,
  Condition,
  Entry,
  Following,
  Revision,
  SharedStore,
} from "../shared_store.ts";
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

/** The first key behind all accounts, of which there may be many: they are asked for one by one. */
const BEHIND_ACCOUNTS = "accounts0";

/** The end of the lease, which frees all names at once, is waited for so long. */
const CLOSE_MS_MAX = 2_000;

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
  readonly accounts: {
    unchanged(name: string, version: string | null): Promise<Condition | null>;
  };
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
  readonly #instances = new Map<string, Instance>();
  readonly #own: OwnSessions;
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
      failed,
    });
    const { accounts } = ports;
    this.#own = new OwnSessions({
      ...{ store, accounts, clock, prefix, failed },
      instance,
      mirror: this.#mirror,
      lease: () => this.#life.lease,
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

  begin(listener: Listener): void {
    this.#listener = listener;
    this.#life.announce();
    const changes: RegistrarChange[] = [this.#instancesNow()];
    for (const { session } of this.#mirror.all) {
      if (!this.#own.isOurs(session)) changes.push({ change: "present", session });
    }
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
    this.#own.claim(question).then(answered, (error) => this.#failed(error));
  }

  order(order: RegistrarOrder): void {
    switch (order.order) {
      case "release":
        return this.#own.release(order.session, order.heldMs);
      case "set-busy":
        return this.#own.setBusy(order.session, order.isBusy);
    }
  }

  #failed(error: unknown): void {
    if (this.#closing === null) this.#listener?.failed(error);
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
      }, `${prefix}${BEHIND_ACCOUNTS}`);
    });
  }

  #tell(changes: readonly RegistrarChange[]): void {
    if (changes.length > 0) this.#listener?.news(changes);
  }

  /** What isn't as it was told last. */
  #differences(entries: readonly Entry[]): readonly Changed[] {
    const { prefix } = this.ports;
    const present = new Set(entries.map(({ key }) => key));
    const known = [
      ...[...this.#mirror.names].map((folded) => `${prefix}${ONLINE}${folded}`),
      ...[...this.#instances.keys()].map((id) => `${prefix}${INSTANCES}${id}`),
    ];
    const gone = known.filter((key) => !present.has(key)).map((key) => ({ key, entry: null }));
    return [...gone, ...entries.map((entry) => ({ key: entry.key, entry }))];
  }

  #toldOf({ key, entry }: Changed, revision: Revision): readonly RegistrarChange[] {
    const { prefix } = this.ports;
    if (key.startsWith(prefix + ONLINE)) {
      const folded = key.slice(prefix.length + ONLINE.length) as FoldedName;
      return this.#onlineToldOf(folded, entry, revision);
    }
    if (!key.startsWith(prefix + INSTANCES)) return [];
    return this.#instanceToldOf(key.slice(prefix.length + INSTANCES.length), entry);
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

  // The instances.

  #instanceToldOf(id: string, entry: Entry | null): readonly RegistrarChange[] {
    const before = this.#instances.get(id);
    const found = entry === null ? null : instanceIn(entry, id);
    if (found === null) this.#instances.delete(id);
    else {
      const { beat, ...instance } = found;
      this.#instances.set(id, instance);
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

function isSameToClients(one: Instance | undefined, other: Instance | undefined): boolean {
  return one?.address.host === other?.address.host && one?.address.port === other?.address.port &&
    (one?.room ?? 0) > 0 === (other?.room ?? 0) > 0;
}
