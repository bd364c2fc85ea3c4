/** How a call begins: whether our user may call now, and which incoming calls our user is asked about. */

import { dateText } from "../../../base/text/words.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { isSameName, shownName } from "../../../base/text/names.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { CallLinks, type CallSession, ClientCall } from "./client_call.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { KnownKeys } from "../lobby/known_keys.ts";
import type { MissedCall } from "../schema/events.ts";
import {
  CALL_ID_BYTES,
  CALL_REFUSED_MAX,
  CALLS_BURST,
  CALLS_PER_S,
  MISSED_MAX,
} from "../schema/limits.ts";
import { BUSY, type DirectoryMessageOf } from "../schema/messages.ts";

interface RingingParts {
  readonly out: ClientOutput;
  readonly keys: Pick<
    KnownKeys,
    "expected" | "isExpected" | "isStrangeCaller" | "named" | "refusedFor"
  >;
  readonly session: Pick<CallSession, "isUp" | "name" | "offends" | "tell">;
  readonly randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
  readonly wallMs: () => number;
}

export class Ringing {
  /** A call from the one we talk with: it has hung up, and our link is about to say so. Or from the one we call. */
  #next: DirectoryMessageOf<"incoming"> | null = null;
  /** Whether it is the latter: it gives way to our call. */
  #isCrossed = false;
  /** Rate limit of our calls: beyond it the directory declines, and takes a client that goes on for an attacker. */
  readonly #calls = new TokenBucket(CALLS_PER_S, CALLS_BURST);

  readonly #missedCalls: MissedCall[] = [];

  constructor(readonly parts: RingingParts) {}

  /** The latest calls that nobody answered here. */
  get missedCalls(): readonly MissedCall[] {
    return this.#missedCalls;
  }

  /** Nobody has answered a call here. */
  unanswered(from: string): void {
    this.#missedCalls.push({ from, at: dateText(this.parts.wallMs()) });
    if (this.#missedCalls.length > MISSED_MAX) this.#missedCalls.shift();
  }

  /** @param current The present call. @returns Whether our user may call; if not, it is told why. */
  mayRing(name: string, current: ClientCall | null, ref: string | undefined): boolean {
    const { out, session, keys } = this.parts;
    if (!session.isUp) {
      out.error("not-logged-in", "Cannot call: you aren't in the directory now", ref);
    } else if (current !== null) {
      out.error("busy", `Cannot call: ${busyText(current)}`, ref);
    } else if (keys.refusedFor(name) === null) {
      const text =
        `Cannot call ${shownName(name)}: you have refused more than ${CALL_REFUSED_MAX} ` +
        "keys of that name, and the directory can't be told of so many; delete old ones from known_peers";
      out.error("full", text, ref);
    } else if (!this.#calls.take(out.nowMs)) {
      const text = "Cannot call: you have called too often within a short time; wait a moment";
      out.error("too-fast", text, ref);
    } else return true;
    return false;
  }

  /** Our user calls; `mayRing` has allowed it. @param name The name as the list has it. */
  ring(name: string, ref: string | undefined): ClientCall {
    const { out, keys, session, randomBytes } = this.parts;
    const call = randomBytes(CALL_ID_BYTES);
    const id = call.toHex();
    const key = keys.expected(name);
    const refused = [...keys.refusedFor(name) ?? []];
    const isSelf = isSameName(name, session.name);
    if (!isSelf) session.tell({ type: "call", call, name, refused });
    const known = key === undefined ? {} : { key };
    out.show(
      { event: "call", call: id, peer: name, ...known, state: "ringing", reason: "", route: null },
      ref,
    );
    const ringing = this.#newCall(id, name, "ringing", null, isSelf);
    ringing.beginRef = ref;
    return ringing;
  }

  /** Somebody calls. @param current The present call. @returns The call that our user is asked about; null: none. */
  incoming(
    current: ClientCall | null,
    message: DirectoryMessageOf<"incoming">,
  ): ClientCall | null {
    const { out, keys, session } = this.parts;
    const { call: bytes, from, guest, key } = message;
    const id = bytes.toHex();
    // Of our own name nobody else is in, and whoever calls themselves isn't asked.
    if (isSameName(from, session.name)) {
      session.offends("a call from our own name");
      return null;
    }
    if (current !== null) {
      this.#meanwhile(current, id, message);
      return null;
    }
    if (!keys.isExpected(from, key)) {
      this.#decline(message, "key-changed");
      keys.isStrangeCaller(from, key);
      return null;
    }
    keys.named(from, key);
    out.show({ event: "incoming", call: id, from, key: fingerprintOf(key), guest });
    return this.#newCall(id, from, "asked", key, false);
  }

  /** Somebody calls during a call. */
  #meanwhile(
    current: ClientCall,
    id: string,
    message: DirectoryMessageOf<"incoming">,
  ): void {
    const { key } = message;
    if (current.id === id) return;
    if (current.isTalking && current.key === key) this.waits(message, false);
    else {
      this.#decline(message, BUSY);
      this.missed(current, message);
    }
  }

  #decline({ call }: DirectoryMessageOf<"incoming">, reason: string): void {
    this.parts.session.tell({ type: "answer", call, accepts: false, reason });
  }

  #newCall(
    id: string,
    peer: string,
    phase: "ringing" | "asked",
    key: PeerKey | null,
    isSelf: boolean,
  ): ClientCall {
    const { out } = this.parts;
    return new ClientCall(id, peer, phase, out.monotonicMs, key, isSelf, new CallLinks(out));
  }

  /** Somebody called, and was told that we are busy. */
  missed(
    current: ClientCall | null,
    { from }: Pick<DirectoryMessageOf<"incoming">, "from">,
  ): void {
    if (current?.isCalledBy(from) === false) return;
    this.unanswered(from);
    const isTheOther = current !== null && isSameName(current.peer, from);
    const where = isTheOther ? " once more, from another program" : "";
    this.parts.out.notice(`${shownName(from)} called${where}, and was told that you are busy`);
  }

  // The other side calls us while we call it, or again before we know that it has hung up.

  waits(message: DirectoryMessageOf<"incoming">, isCrossed: boolean): void {
    this.#next = message;
    this.#isCrossed = isCrossed;
  }

  /** The call before is over. @returns As `incoming`. */
  next(): ClientCall | null {
    const next = this.#next;
    this.#next = null;
    return next === null ? null : this.incoming(null, next);
  }

  /** @returns Whether this is the call that waits. */
  isNext(id: string): boolean {
    return this.#next?.call.toHex() === id;
  }

  /** The waiting call doesn't ring any more. */
  missNext(): void {
    if (this.#next !== null && !this.#isCrossed) this.unanswered(this.#next.from);
    this.#next = null;
  }
}

/** Why nobody can be called during a call. */
function busyText({ peer, phase, isTalking }: ClientCall): string {
  const who = shownName(peer);
  if (phase === "asked") return `${who} is calling you; /accept or /decline first`;
  return isTalking
    ? `you are in a call with ${who}`
    : `your call with ${who} isn't over; q withdraws it`;
}
