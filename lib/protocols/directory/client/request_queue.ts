/**
 * A client's requests that the directory may refuse: one at a time, in order, as a refusal doesn't say which request
 * it is about.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { quotedStart, utf8Length } from "../../../base/text/text.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Lobby } from "../lobby/lobby.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import {
  ASKED_BYTES_MAX,
  ASKED_MAX,
  ENTER_MS_MAX,
  OTHERS_MS_MAX,
  REACHING_MAX,
  REFUSED_MS_MAX,
  REPORTED_MS_MAX,
} from "../schema/limits.ts";
import type { DirectoryMessage, DirectoryMessageOf, DirectoryRefusal } from "../schema/messages.ts";
import { errorCodeOf, refusedText } from "../schema/refusal_text.ts";
import { signBroadcast } from "../schema/signed_broadcast.ts";
import type { ClientLog } from "./client_log.ts";
import type { DirectorySession } from "./directory_session.ts";

/** A broadcast is signed when it is sent: by then the directory may have another key. */
type Unsigned = Omit<DirectoryMessageOf<"broadcast">, "signature">;
/** It gets its number and time when it is first sent, and keeps them. */
type Unnumbered = Omit<Unsigned, "own" | "sentAt">;
type Request =
  | Unsigned
  | Unnumbered
  | DirectoryMessageOf<"change-password" | "forget-me">;

interface Asked {
  request: Request;
  readonly ref: string | undefined;
  /** Whether it was sent on any link: then the directory may have done it. */
  wasSent: boolean;
  /** Whether others waited at the same time: then our user is told which one was done. */
  isOneOfSeveral: boolean;
}

/** A broadcast that the directory has taken. */
interface Reaching {
  readonly ref: string | undefined;
  readonly text: string;
  /** How the text starts, where others waited at the same time. */
  readonly start?: string;
  /** The report isn't waited for after this: it was lost with a link, or with the directory's process. */
  readonly untilMs: number;
}

/** A refusal, which holds for all requests of its kind until `untilMs`. */
interface Refusal {
  readonly code: DirectoryRefusal;
  readonly text: string;
  readonly untilMs: number;
}

interface RequestQueueParts {
  readonly out: ClientOutput;
  readonly session: Pick<DirectorySession, "giveUp" | "isUp" | "name" | "peer" | "tell">;
  readonly lobby: Pick<Lobby, "size">;
  readonly log: Pick<ClientLog, "nextOwn">;
  readonly signer: Signer;
  /** Whole ms since 1970. */
  readonly wallMs: () => number;
}

export class RequestQueue {
  /** The first one is under way if `#isUnderWay`. */
  readonly #asked: Asked[] = [];
  #bytes = 0;
  #isUnderWay = false;
  /** How many clients were in when the directory was lost. */
  #wereOnline = 0;
  /** Broadcasts that were taken, by number: how many clients they reached is told later, perhaps on another link. */
  readonly #reaching = new Map<number, Reaching>();
  /**
   * Refusals of broadcasts, and of what concerns the account: we don't ask again too early, and aren't taken for an
   * attacker.
   */
  readonly #refusals = new Map<"broadcast" | "account", Refusal>();
  readonly deadlines = new Deadlines({
    /** When the answer is due. */
    answer: () => this.parts.session.giveUp("no answer"),
    /** Until when other clients are waited for. */
    others: () => this.pump(),
    /** When the directory's engine may answer again. */
    engine: () => this.pump(),
  });
  /** Whether our user knows that broadcasts wait for the directory's engine. */
  #isEngineTold = false;

  constructor(readonly parts: RequestQueueParts) {}

  /** Requests that the directory hasn't answered. */
  get size(): number {
    return this.#asked.length;
  }

  /** Whether a report of how many clients a broadcast reached is still awaited. */
  get isReaching(): boolean {
    const { nowMs } = this.parts.out;
    return this.#reaching.values().some(({ untilMs }) => nowMs < untilMs);
  }

  /** How full the queue is, 0 to 1. */
  get fill(): number {
    return Math.max(this.#asked.length / ASKED_MAX, this.#bytes / ASKED_BYTES_MAX);
  }

  /** Whether the directory was asked to remove the account, as our user wished, and hasn't answered. */
  get isForgetting(): boolean {
    return this.#isUnderWay && this.#asked[0]!.request.type === "forget-me";
  }

  broadcast(text: string, ref: string | undefined): void {
    this.ask({ type: "broadcast", text }, ref);
  }

  ask(request: Request, ref: string | undefined): void {
    const { out } = this.parts;
    if (this.fill >= 1) {
      const text = `Nothing was sent: ${this.#asked.length} requests wait for the directory`;
      return out.error("full", text, ref);
    }
    this.#asked.push({ request, ref, wasSent: false, isOneOfSeveral: false });
    if (this.#asked.length > 1) { for (const asked of this.#asked) asked.isOneOfSeveral = true; }
    this.#bytes += bytesOf(request);
    this.pump();
  }

  /**
   * We are in again. Broadcasts wait a moment for clients that were in before: guests would never get them otherwise.
   */
  entered(): void {
    const { out, lobby } = this.parts;
    if (this.#asked.length > 0 && lobby.size < this.#wereOnline) {
      this.deadlines.set("others", out.nowMs + OTHERS_MS_MAX);
    }
    this.pump();
  }

  /** Other clients may have come in. */
  othersCame(): void {
    if (!this.#isWaitingForOthers || this.parts.lobby.size < this.#wereOnline) return;
    this.deadlines.clear("others");
    this.pump();
  }

  /** The program leaves: other clients aren't waited for. */
  hurry(): void {
    this.#wereOnline = 0;
    this.othersCame();
  }

  get #isWaitingForOthers(): boolean {
    return this.deadlines.get("others") !== null;
  }

  /** Sends the next request that isn't refused anyway, if we are in and none is under way. */
  pump(): void {
    const { out, session } = this.parts;
    const [first] = this.#asked;
    const isWaiting = this.#isWaitingForOthers || this.deadlines.get("engine") !== null;
    if (this.#isUnderWay || isWaiting || first === undefined || !session.isUp) return;
    const refusal = this.#refusals.get(kindOf(first.request));
    if (refusal !== undefined && refusal.untilMs > out.monotonicMs) {
      this.#refused(refusal);
      return this.pump();
    }
    this.#isUnderWay = first.wasSent = true;
    this.deadlines.set("answer", out.nowMs + ENTER_MS_MAX);
    session.tell(this.#toSend(first));
  }

  #toSend(asked: Asked): DirectoryMessage {
    if (asked.request.type !== "broadcast") return asked.request;
    const { signer, session: { peer: directory, name: from } } = this.parts;
    const broadcast = "own" in asked.request ? asked.request : this.#numbered(asked.request);
    asked.request = broadcast;
    const { own, sentAt, text } = broadcast;
    const signature = signBroadcast(signer, { directory: directory!, from, own, sentAt, text });
    return { type: "broadcast", own, sentAt, text, signature };
  }

  /** With a number higher than all before, and the time. */
  #numbered(broadcast: Unnumbered): Unsigned {
    const { out, log, wallMs } = this.parts;
    const sentAt = wallMs();
    const own = log.nextOwn(sentAt);
    out.note({ kind: "said", own }, { sync: false });
    return { ...broadcast, own, sentAt };
  }

  #refused({ code, text, untilMs }: Refusal): void {
    const { out } = this.parts;
    const { request, ref } = this.#answered();
    const why = refusedText(code, text, kindOf(request), untilMs - out.monotonicMs);
    if (request.type !== "broadcast") return out.error(errorCodeOf(code), why, ref);
    const told = `${quotedStart(request.text)} wasn't sent. ${why}`;
    if (code !== "disk") return out.error(errorCodeOf(code), told, ref);
    out.show({ event: "error", code, text: told, unsent: true }, ref);
  }

  /** Broadcasts are kept, and sent again: they are taken once. */
  #waitForEngine(retryMs: number): void {
    const { out } = this.parts;
    this.#isUnderWay = false;
    this.deadlines.clear("answer");
    this.deadlines.set("engine", out.nowMs + Math.min(retryMs, REFUSED_MS_MAX));
    if (this.#isEngineTold) return;
    this.#isEngineTold = true;
    out.notice("The directory's engine doesn't answer: your broadcasts wait until it does");
  }

  #answered(): Asked {
    const first = this.#asked.shift()!;
    this.#bytes -= bytesOf(first.request);
    this.#isUnderWay = false;
    this.deadlines.clear("answer");
    return first;
  }

  /**
   * We aren't in any more. Broadcasts will be sent again, as the directory takes each only once; other requests fail.
   * @param why Part of a sentence.
   */
  left(why = "the directory is gone"): void {
    const online = this.parts.lobby.size;
    // 0 means that the directory hadn't sent the list yet.
    if (!this.#isWaitingForOthers && online > 0) this.#wereOnline = online;
    this.deadlines.clear("others");
    this.deadlines.clear("engine");
    this.#refusals.clear();
    if (!this.#isUnderWay) return;
    this.#isUnderWay = false;
    this.deadlines.clear("answer");
    if (this.#asked[0]!.request.type !== "broadcast") this.#doubt(why);
  }

  /** The directory may have done what was asked of the account. @param why Part of a sentence. */
  #doubt(why: string): void {
    const { request, ref } = this.#answered();
    const what = request.type === "forget-me"
      ? "your account was removed"
      : "your password was changed";
    const text = `It isn't known whether ${what}: ${why}; log in to see`;
    this.parts.out.error("in-doubt", text, ref);
  }

  /** The account is removed, as our user asked. @returns The `ref` of that request. */
  forgotten(): string | undefined {
    return this.#answered().ref;
  }

  /** We aren't in any more, or leave: reports each request that still waits. @param why Part of a sentence. */
  giveUp(why: string): void {
    const { out } = this.parts;
    this.left(why);
    this.#bytes = 0;
    for (const { request, ref, wasSent } of this.#asked.splice(0)) {
      if (request.type !== "broadcast") {
        out.error("not-logged-in", `Nothing was sent: ${why}`, ref);
        continue;
      }
      const start = quotedStart(request.text);
      // `left` has reported requests about the account that weren't answered.
      if (wasSent) out.error("in-doubt", `It isn't known whether ${start} was sent: ${why}`, ref);
      else out.error("not-logged-in", `${start} wasn't sent: ${why}`, ref);
    }
  }

  /**
   * @returns Whether the message may come now: it answers a request, or belongs to a broadcast sent on an earlier
   * link.
   */
  message(message: DirectoryMessage): boolean {
    const { out } = this.parts;
    const first = this.#isUnderWay ? this.#asked[0]!.request : null;
    switch (message.type) {
      case "refused": {
        if (first === null) return false;
        const { code, text, retryMs } = message;
        if (code === "engine") {
          if (first.type === "broadcast") this.#waitForEngine(retryMs);
          else this.#doubt("the directory's engine doesn't answer");
          break;
        }
        const untilMs = out.monotonicMs + Math.min(retryMs, REFUSED_MS_MAX);
        const refusal = { code, text, untilMs };
        this.#refusals.set(kindOf(first), refusal);
        this.#refused(refusal);
        break;
      }
      case "done":
        if (first?.type !== "change-password") return false;
        out.show({ event: "password-changed" }, this.#answered().ref);
        break;
      case "broadcast-taken":
        this.#isEngineTold = false;
        if (!this.#isFirst(message.own)) return true;
        this.#reaching.set(message.number, this.#reachingBy(this.#answered()));
        dropOldest(this.#reaching, REACHING_MAX);
        break;
      case "broadcast-sent": {
        const { number, reached } = message;
        const reaching = this.#reaching.get(number);
        if (reaching === undefined) return true; // dropped, as too many others were sent since
        this.#reaching.delete(number);
        const { start, text, ref } = reaching;
        const which = start === undefined ? { text } : { text, start };
        out.show({ event: "broadcast-sent", id: String(number), reached, ...which }, ref);
        break;
      }
      default:
        return false;
    }
    this.pump();
    return true;
  }

  #reachingBy({ request, ref, isOneOfSeveral }: Asked): Reaching {
    const untilMs = this.parts.out.nowMs + REPORTED_MS_MAX;
    const text = request.type === "broadcast" ? request.text : "";
    const isNamed = isOneOfSeveral && text !== "";
    return { ref, text, untilMs, ...(isNamed ? { start: quotedStart(text) } : {}) };
  }

  /**
   * Whether the first request is that broadcast. If it was sent on an earlier link, it may be answered before it is
   * sent again, and once more after that; or an earlier program with this key has sent it.
   */
  #isFirst(own: number): boolean {
    const request = this.#asked[0]?.request;
    return request !== undefined && "own" in request && request.own === own;
  }
}

function kindOf({ type }: Request): "broadcast" | "account" {
  return type === "broadcast" ? "broadcast" : "account";
}

function bytesOf(request: Request): number {
  return request.type === "broadcast" ? utf8Length(request.text) : 0;
}
