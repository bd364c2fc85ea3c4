/**
 * The sessions of one instance in the engine. A name is taken by one change, which compares the session that it had; what
 * follows compares the session's own entry, so that one that was replaced can't touch its successor.
 */

import type { Presence } from "../../base/machine/user_presence.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { FoldedName } from "../../base/ids.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { delay } from "../delay.ts";
import { foldName } from "../../base/text/names.ts";
import type {
  OnlineSession,
  RegistrarAnswer,
  RegistrarQuestion,
} from "../../protocols/directory/schema/registrar_io.ts";
import type { EngineAccounts, Unchanged } from "../engine_accounts.ts";
import {
  isStill,
  type LeaseId,
  type Outcome,
  type Revision,
  type SharedStore,
} from "../shared_store.ts";
import { heardIn, type HeardMirror } from "./heard_mirror.ts";
import {
  type Mirrored,
  ONLINE,
  onlineIn,
  onlineValue,
  type SessionMirror,
} from "./online_entries.ts";

/** How often a change is tried again, as another one came in between. */
const TRIES_MAX = 8;
/** Changes of one session are written at most so often, the last one wins. */
const WRITTEN_MS = 200;
/** Before what the engine didn't answer is tried again. */
const RETRY_MS = 1_000;
/** Accounts that are left out of marks: of more, the earliest are given up. */
const UNHEARD_MAX = 4_096;
/** Sessions that are put again at once: what an engine takes within half a second. */
const SETTLED_AT_ONCE = 1_024;

const AWAY: RegistrarAnswer = { outcome: "away" };

type Claim = Extract<RegistrarQuestion, { readonly ask: "claim" }>;

interface OwnSessionsPorts {
  readonly store: SharedStore;
  readonly accounts: Pick<EngineAccounts, "unchanged">;
  readonly heard: HeardMirror;
  readonly clock: Clock;
  /** Below which the directory has its entries, with a `/` at the end. */
  readonly prefix: string;
  readonly instance: string;
  readonly mirror: SessionMirror;
  /** Under which the instance's entries are. */
  lease(): LeaseId;
  failed(error: unknown): void;
}

/** A session of this instance. */
interface Own {
  session: OnlineSession;
  /** Of its entry; null while there is none, as far as is known. */
  modified: Revision | null;
  /** Of what its claim has put of how far its account has the broadcasts; null: nothing. */
  heardModified: Revision | null;
  /** Whether it is in; until then it is being let in. */
  isIn: boolean;
  isWriting: boolean;
}

export class OwnSessions {
  /** Those that are in, or are being let in, by id. */
  readonly #own = new Map<string, Own>();
  /**
   * Accounts whose entry may say that they are at a session here which is over, and the latest such session: a mark would
   * count as theirs, and isn't.
   */
  readonly #unheard = new Map<FoldedName, string>();
  #isClosed = false;

  constructor(readonly ports: OwnSessionsPorts) {}

  /** Accounts of which a mark of this instance says nothing. */
  get unheard(): Iterable<FoldedName> {
    return this.#unheard.keys();
  }

  get size(): number {
    return this.#own.size;
  }

  close(): void {
    this.#isClosed = true;
  }

  isOurs({ instance }: OnlineSession): boolean {
    return instance === this.ports.instance;
  }

  set(id: string, change: Partial<Presence & Pick<OnlineSession, "isBusy">>): void {
    const own = this.#own.get(id);
    if (own === undefined) return; // another one has its place
    own.session = { ...own.session, ...change };
    if (!own.isWriting) this.#inBackground(this.#write(own));
  }

  /**
   * The session isn't in any more. @param heldMs For so long its name is kept for its key. @param through Up to which
   * number its account has the broadcasts; null: it has none.
   */
  release(id: string, heldMs: number, through: number | null): void {
    const own = this.#own.get(id);
    if (own === undefined) return;
    this.#own.delete(id);
    this.#inBackground(this.#release(own, heldMs, through));
  }

  /** The entry of a session of ours is told. @returns Whether the session is in, or being let in. */
  told({ session, modified }: Mirrored): boolean {
    const own = this.#own.get(session.id);
    if (own !== undefined) own.modified = modified;
    // Of a claim that wasn't heard of.
    else if (!session.isHeld) {
      const own = {
        session,
        modified,
        isIn: false,
        isWriting: false,
        heardModified: session.isGuest ? null : modified,
      };
      this.#inBackground(this.#release(own, 0, session.isGuest ? null : 0));
    }
    return own !== undefined;
  }

  /** The entry of a session of ours is gone: with the lease, by a hand, or as we gave it up. */
  vanished({ id }: OnlineSession): void {
    const own = this.#own.get(id);
    if (own?.isIn !== true) return;
    this.#inBackground(this.#putAnew(own, this.ports.lease()));
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error) => this.ports.failed(error));
  }

  async claim(
    { session, over, account, seen: clientSeen, number }: Claim,
  ): Promise<RegistrarAnswer> {
    const folded = foldName(session.name);
    const key = this.#key(folded);
    const own: Own = {
      session,
      modified: null,
      heardModified: null,
      isIn: false,
      isWriting: false,
    };
    this.#own.set(session.id, own);
    const fails = (answer: RegistrarAnswer) => {
      this.#own.delete(session.id);
      return answer;
    };
    const { mirror, heard: heardMirror, instance } = this.ports;
    let present = mirror.get(folded);
    let before = heardMirror.get(folded);
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      if (present !== null && !this.#mayReplace(present.session, over)) {
        return fails({ outcome: "taken", by: present.session });
      }
      const unchanged = await this.#unchanged(session.name, account);
      if (unchanged === "away") return fails(AWAY);
      if (unchanged === null) return fails({ outcome: "wrong" });
      const is = isStill(key, present?.modified ?? null);
      const put = { key, value: onlineValue(session), lease: this.ports.lease() };
      const heard = account === null
        ? null
        : heardMirror.begins(folded, before, unchanged.created, {
          through: clientSeen,
          instance,
          session: number,
        });
      const outcome = await this.ports.store.commit({
        when: [is, unchanged.condition, ...heard?.when ?? []],
        puts: [...heard?.puts ?? [], put],
      });
      if (outcome.outcome !== "conflict") {
        if (outcome.outcome === "done") this.#noted(own, folded, outcome.revision);
        if (heard !== null) own.heardModified = own.modified;
        // The mirror may be further: what it has is what there is. What was put all the same is taken back when it is told.
        const now = this.#present(folded);
        if (now?.id !== session.id) {
          if (outcome.outcome === "unknown" && heard !== null) this.#isUnheard(folded, session.id);
          if (outcome.outcome === "done") {
            this.#inBackground(this.#release(own, 0, heard?.through ?? null));
          }
          return fails(outcome.outcome === "done" ? { outcome: "taken", by: now } : AWAY);
        }
        own.isIn = true;
        this.#unheard.delete(folded);
        return { outcome: "done", heard: heard?.through ?? 0 };
      }
      const [seen = null, , seenHeard = null] = outcome.seen;
      before = seenHeard === null ? null : heardIn(seenHeard);
      const now = seen === null ? null : onlineIn(seen, folded);
      present = now === null ? null : { session: now, modified: seen!.modified };
    }
    return fails(AWAY);
  }

  /** Its entry was put by that revision: what the engine tells of earlier ones is over, unless it is further. */
  #noted(own: Own, folded: FoldedName, modified: Revision): void {
    const { mirror } = this.ports;
    own.modified = Math.max(modified, own.modified ?? 0);
    if (modified > mirror.told) mirror.set(folded, { session: own.session, modified });
  }

  #present(folded: FoldedName): OnlineSession | null {
    return this.ports.mirror.get(folded)?.session ?? null;
  }

  /** Whether the session is the one that is to be replaced, or one that this instance has given up. */
  #mayReplace(present: OnlineSession, over: string | null): boolean {
    return present.id === over || (this.isOurs(present) && !this.#own.has(present.id));
  }

  async #unchanged(name: string, version: string | null): Promise<Unchanged | "away" | null> {
    try {
      return await this.ports.accounts.unchanged(name, version);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return "away";
    }
  }

  #key(folded: FoldedName): string {
    return `${this.ports.prefix}${ONLINE}${folded}`;
  }

  /** Writes what has changed of a session, until all is written. */
  async #write(own: Own): Promise<void> {
    own.isWriting = true;
    let written: OnlineSession | null = null;
    while (this.#own.get(own.session.id) === own && written !== own.session && !this.#isClosed) {
      const { session } = own;
      const isHeard = await this.#change(own, session);
      if (isHeard) written = session;
      await delay(this.ports.clock, isHeard ? WRITTEN_MS : RETRY_MS);
    }
    own.isWriting = false;
  }

  async #release(own: Own, heldMs: number, through: number | null): Promise<void> {
    const folded = foldName(own.session.name);
    const { id } = own.session;
    // What isn't known of a later session's claim isn't known when this one is over, either.
    if (through !== null && !this.#unheard.has(folded)) this.#isUnheard(folded, id);
    if (through !== null) await this.#endHeard(own, through);
    if (heldMs > 0) {
      await this.#changeSurely(own, { ...own.session, isBusy: false, isHeld: true });
      await delay(this.ports.clock, heldMs);
    }
    await this.#changeSurely(own, null);
    if (!this.#isClosed && this.#unheard.get(folded) === id) this.#unheard.delete(folded);
  }

  #isUnheard(account: FoldedName, session: string): void {
    this.#unheard.set(account, session);
    dropOldest(this.#unheard, UNHEARD_MAX);
  }

  /** Its account has the broadcasts up to there, unless it has come in elsewhere since. */
  async #endHeard(
    { session: { name }, heardModified: modified }: Own,
    through: number,
  ): Promise<void> {
    if (modified === null) return;
    const { store, heard } = this.ports;
    const change = heard.ends(foldName(name), modified, through);
    for (let isHeard = false; !this.#isClosed && !isHeard;) {
      const { outcome } = await store.commit(change);
      isHeard = outcome === "done" || outcome === "conflict";
      if (!isHeard) await delay(this.ports.clock, RETRY_MS);
    }
  }

  async #changeSurely(own: Own, session: OnlineSession | null): Promise<void> {
    while (!this.#isClosed && !await this.#change(own, session)) {
      await delay(this.ports.clock, RETRY_MS);
    }
  }

  /**
   * Puts what is now of a session of ours, or deletes it, unless another one has its place. @returns False where it isn't
   * known to be done.
   */
  async #change(own: Own, session: OnlineSession | null): Promise<boolean> {
    const folded = foldName(own.session.name);
    const key = this.#key(folded);
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      const { modified } = own;
      if (modified === null) return true; // there is nothing of it
      const lease = this.ports.lease();
      const puts = session === null ? [] : [{ key, value: onlineValue(session), lease }];
      const outcome = await this.ports.store.commit({
        when: [{ key, modified }],
        puts,
        deletes: session === null ? [key] : [],
      });
      if (outcome.outcome === "done") {
        if (session === null) own.modified = null;
        else this.#noted(own, folded, outcome.revision);
        return true;
      }
      if (outcome.outcome !== "conflict") return isLeaseOver(outcome); // then `settle` puts it
      const [seen = null] = outcome.seen;
      const present = seen === null ? null : onlineIn(seen, folded);
      own.modified = present?.id === own.session.id ? seen!.modified : null;
    }
    return false;
  }

  /** The former lease has ended: puts all sessions that were in under this one. */
  async settle(lease: LeaseId): Promise<void> {
    const all = [...this.#own.values()].filter(({ isIn }) => isIn);
    for (let from = 0; from < all.length; from += SETTLED_AT_ONCE) {
      const some = all.slice(from, from + SETTLED_AT_ONCE);
      await Promise.all(some.map((own) => this.#putAnew(own, lease)));
    }
  }

  /**
   * Puts the session where its entry is gone, or was of an earlier lease, until it stands there as it is: what changes
   * meanwhile finds no entry to be written to. Another one that has its place keeps it.
   */
  async #putAnew(own: Own, lease: LeaseId): Promise<void> {
    const folded = foldName(own.session.name);
    const key = this.#key(folded);
    const isOver = () => this.#own.get(own.session.id) !== own;
    let modified: Revision | null = null;
    let put: OnlineSession | null = null;
    while (!this.#isClosed && !isOver() && put !== own.session) {
      const { session } = own;
      const outcome = await this.ports.store.commit({
        when: [isStill(key, modified)],
        puts: [{ key, value: onlineValue(session), lease }],
      });
      if (outcome.outcome === "done") {
        if (isOver()) return; // what was put all the same is taken back when it is told
        this.#noted(own, folded, outcome.revision);
        modified = outcome.revision;
        put = session;
        continue;
      }
      if (isLeaseOver(outcome)) return;
      if (outcome.outcome !== "conflict") {
        await delay(this.ports.clock, RETRY_MS);
        continue;
      }
      const [seen = null] = outcome.seen;
      const present = seen === null ? null : onlineIn(seen, folded);
      if (present !== null && present.id !== own.session.id) return;
      modified = seen?.modified ?? null;
    }
  }
}

function isLeaseOver(outcome: Outcome): boolean {
  return outcome.outcome === "refused" && outcome.code === "lease-over";
}
