/**
 * What instances say to each other of calls: below `calls/CALL/NAME` stands what the side of that name has done last.
 * Only the instance at which that one is writes it, under its lease, so nothing is compared with what others write, and
 * what an instance said that is gone is gone with it.
 */

import type { Clock } from "../../base/machine/clock.ts";
import { foldName, nameFault } from "../../base/text/names.ts";
import { utf8Length } from "../../base/text/text.ts";
import {
  CALL_ID_BYTES,
  type CallSide,
  OUTCOMES,
  REASON_BYTES_MAX,
} from "../../protocols/directory/schema/registrar_io.ts";
import { delay } from "../delay.ts";
import { fieldsIn } from "../json_fields.ts";
import {
  type Changed,
  type Entry,
  isStill,
  type LeaseId,
  type Revision,
  type SharedStore,
} from "../shared_store.ts";

export const CALLS = "calls/";

/** So long it stands there that a call is over, for an instance that was stopped, or reads all anew. */
const OVER_KEPT_MS = 30_000;
/** Before what the engine didn't answer is tried again. */
const RETRY_MS = 1_000;

interface SharedCallsPorts {
  readonly store: SharedStore;
  readonly clock: Clock;
  /** Below which the directory has its entries, with a `/` at the end. */
  readonly prefix: string;
  readonly instance: string;
  /** Under which the instance's entries are. */
  lease(): LeaseId;
  failed(error: unknown): void;
}

/** A side of this instance. */
interface Own {
  readonly session: string;
  /** What is to stand there; null: nothing. */
  value: string | null;
  /** Of what stands there, as far as is known; null: nothing does. */
  modified: Revision | null;
  /** The change that is under way. */
  writing: Promise<void> | null;
}

export class SharedCalls {
  readonly #own = new Map<string, Own>();
  /** The entries that were told. */
  readonly #told = new Map<string, Revision>();
  #isClosed = false;

  constructor(readonly ports: SharedCallsPorts) {}

  close(): void {
    this.#isClosed = true;
  }

  say(side: CallSide): void {
    const key = this.#key(side.call, side.name);
    const value = callValue(side, this.ports.instance);
    const own = this.#own.get(key) ??
      { session: side.session, value, modified: null, writing: null };
    own.value = value;
    this.#own.set(key, own);
    this.#write(key, own);
    const isOver = side.state !== "ringing" && side.state !== "accepted";
    if (isOver) this.#inBackground(this.#forget(key, own, value));
  }

  over(call: string, name: string): void {
    const key = this.#key(call, name);
    const own = this.#own.get(key);
    if (own === undefined) return;
    own.value = null;
    this.#write(key, own);
  }

  /** Resolves when all has been put that was said for that session. */
  async said(session: string): Promise<void> {
    for (const own of [...this.#own.values()]) if (own.session === session) await own.writing;
  }

  #key(call: string, name: string): string {
    return `${this.ports.prefix}${CALLS}${call}/${foldName(name)}`;
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error) => this.ports.failed(error));
  }

  async #forget(key: string, own: Own, value: string): Promise<void> {
    await delay(this.ports.clock, OVER_KEPT_MS);
    if (this.#isClosed || own.value !== value) return;
    own.value = null;
    this.#write(key, own);
  }

  #write(key: string, own: Own): void {
    own.writing ??= this.#writeAll(key, own).catch((error) => this.ports.failed(error));
  }

  /** Puts what is to stand there, until it does. */
  async #writeAll(key: string, own: Own): Promise<void> {
    for (let written: string | null | undefined; !this.#isClosed && written !== own.value;) {
      const { value, modified } = own;
      if (value === null && modified === null) break;
      const outcome = await this.ports.store.commit({
        when: [isStill(key, modified)],
        puts: value === null ? [] : [{ key, value, lease: this.ports.lease() }],
        deletes: value === null ? [key] : [],
      });
      if (outcome.outcome === "done") {
        own.modified = value === null ? null : outcome.revision;
        written = value;
      } else if (outcome.outcome === "conflict") {
        const [seen = null] = outcome.seen;
        // That one is in at another instance now, which has said something since: that stays.
        const isOurs = seen !== null && fieldsIn(seen.value)["instance"] === this.ports.instance;
        own.modified = seen !== null && (isOurs || value !== null) ? seen.modified : null;
      } else await delay(this.ports.clock, RETRY_MS);
    }
    own.writing = null;
    if (own.value === null) this.#own.delete(key);
  }

  // What the engine tells.

  /** The keys of all entries that are known. */
  get keys(): Iterable<string> {
    return this.#told.keys();
  }

  /** @returns What another instance has said; null where that is nothing new. */
  told({ key, entry }: Changed): CallSide | null {
    if (entry === null) {
      this.#told.delete(key);
      return null;
    }
    if (this.#told.get(key) === entry.modified) return null;
    this.#told.set(key, entry.modified);
    const { instance } = this.ports;
    if (fieldsIn(entry.value)["instance"] !== instance) return callIn(entry);
    this.#ownTold(key, entry.modified);
    return null;
  }

  /** An entry of this instance is told: also one that was put unheard, and of which nothing is to stand any more. */
  #ownTold(key: string, modified: Revision): void {
    const known = this.#own.get(key);
    const own: Own = known ?? { session: "", value: null, modified, writing: null };
    own.modified = Math.max(modified, own.modified ?? 0);
    if (known !== undefined) return;
    this.#own.set(key, own);
    this.#write(key, own);
  }
}

function callValue({ mayRelay, ...side }: CallSide, instance: string): string {
  return JSON.stringify({ ...side, instance, relays: mayRelay });
}

const CALL_ID = new RegExp(`^[0-9a-f]{${2 * CALL_ID_BYTES}}$`);
const STATES: readonly unknown[] = ["ringing", "accepted", "left", ...OUTCOMES];

/** @returns Null where somebody has put there what is no side of a call. */
function callIn({ value }: Entry): CallSide | null {
  const { call, name, session, to, toSession, state, reason, relays } = fieldsIn(value);
  const isName = (text: unknown): text is string =>
    typeof text === "string" && nameFault(text) === null;
  const isGood = typeof call === "string" && CALL_ID.test(call) && isName(name) && isName(to) &&
    typeof session === "string" && typeof toSession === "string" && STATES.includes(state) &&
    typeof reason === "string" && reason.isWellFormed() && utf8Length(reason) <= REASON_BYTES_MAX;
  if (!isGood) return null;
  return {
    ...{ call, name, session, to, toSession, reason },
    state: state as CallSide["state"],
    mayRelay: relays === true,
  };
}
