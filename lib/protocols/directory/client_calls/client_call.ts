/** One call, as one of its two sides sees it: its phase, the lines that wait, and how many of those sent were shown. */

import type { Endpoint, FoldedName, LinkId, PeerKey } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { foldName } from "../../../base/text/names.ts";
import { utf8Length } from "../../../base/text/text.ts";
import {
  CALL_DEAD_MS,
  CALL_LINKS_MAX,
  HEARD_LINES_MAX,
  LINES_BYTES_MAX,
  LINES_MAX,
  MISSED_MAX,
  WOKE_LOST_MS,
  WOKE_MS,
} from "../schema/limits.ts";
import type { CallReason } from "../schema/events.ts";
import type { CallRoute, DirectoryMessage } from "../schema/messages.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import type { ClientOutput } from "../schema/client_output.ts";

/** What calls use of our session with the directory. */
export interface CallSession {
  /** Whether the directory has let us in. */
  readonly isUp: boolean;
  /** The directory's key; null before it was reached. */
  readonly peer: PeerKey | null;
  /** Ours. */
  readonly name: string;
  /** Sends to the directory, if we are in. */
  tell(message: DirectoryMessage): void;
  /** The directory broke the protocol. */
  offends(text: string): void;
}

/** Each phase of a call: what it means, and which ones may follow. */
export const CALL_PHASES = {
  ringing: {
    about: "the other's user is asked, 30 s at most; accepted where the other calls, too",
    next: ["accepted", "connecting", "talking", "over"],
  },
  asked: { about: "our user is asked, 30 s at most", next: ["accepted", "over"] },
  accepted: {
    about: "our user has said yes; the directory is to send the other's address",
    next: ["connecting", "over"],
  },
  connecting: {
    about: "both dial; the caller says on which link they talk, 10 s at most",
    next: ["talking", "over"],
  },
  talking: { about: "they talk", next: ["ending", "over"] },
  ending: {
    about: "the directory relays no more: the other's goodbye may be on the way, 1 s at most",
    next: ["over"],
  },
  over: { about: "the call has ended", next: [] },
} as const;
export type CallPhase = keyof typeof CALL_PHASES;

/** The other side, as the directory names it once both want to talk. */
interface Met {
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
  readonly mayRelay: boolean;
}

export class ClientCall {
  #phase: CallPhase;
  readonly lines = new CallLines();
  readonly receipts = new Receipts();
  met: Met | null = null;
  /** The key at which it rings, as the directory says; null: not ours to say, or not known yet. */
  rungKey: PeerKey | null = null;
  /** The link of the conversation; null before, and in a self-call. */
  link: CallLink | null = null;
  isCongested = false;
  /** Whether to end the call once all waiting lines have gone out. */
  endsAfterLines = false;
  /** The `ref` of our user's `/call` or `/accept`: the event that tells what came of it carries it. */
  beginRef: string | undefined = undefined;
  /** The `ref` of our user's wish to hang up after those lines. */
  hangUpRef: string | undefined = undefined;
  talkingSinceMs = 0;
  /** When the process stood still last while the two talked, and woke; null: it never did. */
  #stood: { readonly fromMs: number; readonly wokeMs: number } | null = null;
  /** Whether the call is ending because the directory that relays it has thrown out the other side. */
  isPeerKicked = false;
  /** Callers that were told meanwhile that we are busy. */
  readonly #callers = new Set<FoldedName>();

  /** Id that our user knows the call by, also once it is merged with another. */
  readonly shownId: string;
  isCaller: boolean;

  /** @param id Id that the directory and the other side know it by. */
  constructor(
    public id: string,
    readonly peer: string,
    phase: "ringing" | "asked",
    readonly sinceMs: number,
    /** Null before it is known. */
    public key: PeerKey | null,
    readonly isSelf: boolean,
    /** Links of which one may become the link of the conversation. */
    readonly links: CallLinks,
  ) {
    this.#phase = phase;
    this.shownId = id;
    this.isCaller = phase === "ringing";
  }

  get idBytes(): Uint8Array {
    return Uint8Array.fromHex(this.id);
  }

  get phase(): CallPhase {
    return this.#phase;
  }

  enter(phase: CallPhase): void {
    const allowed: readonly CallPhase[] = CALL_PHASES[this.#phase].next;
    invariant(
      allowed.includes(phase),
      `a call goes from ${this.#phase} to ${allowed.join(" or ")}, not to ${phase}`,
    );
    this.#phase = phase;
  }

  /**
   * Somebody else calls. @returns Whether to tell our user: on the first call of each, for at most `MISSED_MAX`
   * callers.
   */
  isCalledBy(name: string): boolean {
    const caller = foldName(name);
    if (this.#callers.has(caller) || this.#callers.size === MISSED_MAX) return false;
    this.#callers.add(caller);
    return true;
  }

  /** Whether the two sides talk, or did until now. */
  get isTalking(): boolean {
    return this.#phase === "talking" || this.#phase === "ending";
  }

  /** This process stood still for so long, until now. */
  stoodStill(stalledMs: number, monotonicMs: number): void {
    if (this.isTalking) this.#stood = { fromMs: monotonicMs - stalledMs, wokeMs: monotonicMs };
  }

  /**
   * How long the two have talked when the other side, or the link, ends that. If this process stood still until just
   * before, the call was over earlier: the other side hung up, or gave it up when this one had been silent for too long.
   * @param reason Why the call ends.
   */
  talkedMs(monotonicMs: number, reason: CallReason | undefined): number {
    const wholeMs = monotonicMs - this.talkingSinceMs;
    if (this.#stood === null) return wholeMs;
    const { fromMs, wokeMs } = this.#stood;
    const isLost = reason === "lost";
    if (monotonicMs - wokeMs > (isLost ? WOKE_LOST_MS : WOKE_MS)) return wholeMs;
    return Math.min(wholeMs, fromMs + (isLost ? CALL_DEAD_MS : 0) - this.talkingSinceMs);
  }

  /** Null before the call is connected. */
  get route(): CallRoute | null {
    if (!this.isTalking) return null;
    return this.link?.isRelayed ? "relay" : "direct";
  }
}

interface Line {
  readonly text: string;
  readonly ref: string | undefined;
}

/** Waiting lines: while the call rings, and while its link takes no more. */
export class CallLines {
  readonly #lines: Line[] = [];
  #bytes = 0;

  get size(): number {
    return this.#lines.length;
  }

  /** How full the queue is, 0 to 1. */
  get fill(): number {
    return Math.max(this.#lines.length / LINES_MAX, this.#bytes / LINES_BYTES_MAX);
  }

  add(line: Line): void {
    this.#lines.push(line);
    this.#bytes += utf8Length(line.text);
  }

  shift(): Line | undefined {
    const line = this.#lines.shift();
    if (line !== undefined) this.#bytes -= utf8Length(line.text);
    return line;
  }
}

/**
 * How many lines each side was shown, as it reports to the other: lines that were sent and not reported may be lost.
 */
export class Receipts {
  #said = 0;
  /** How many of those the other side was shown, as it reported. */
  #heard = 0;
  /** How many of the other side's lines were shown here. */
  #shown = 0;
  /** How many of those we have reported. */
  #told = 0;

  /** How many of the lines that were sent, the last ones, the other side may not have been shown. */
  get unheard(): number {
    return this.#said - this.#heard;
  }

  /** Whether lines that were shown must be reported, and whether at once. */
  get owed(): "nothing" | "soon" | "now" {
    const untold = this.#shown - this.#told;
    if (untold === 0) return "nothing";
    return untold < HEARD_LINES_MAX ? "soon" : "now";
  }

  said(): void {
    this.#said++;
  }

  shown(): void {
    this.#shown++;
  }

  /** The report is sent now. @returns How many of the other side's lines were shown. */
  tell(): number {
    return this.#told = this.#shown;
  }

  /** The other side was shown so many lines. @returns False where that is no news, or impossible. */
  heard(lines: number): boolean {
    if (lines <= this.#heard || lines > this.#said) return false;
    this.#heard = lines;
    return true;
  }
}

export interface CallLink {
  readonly link: LinkId;
  readonly peer: PeerKey;
  readonly dialled: boolean;
  readonly isRelayed: boolean;
  /** The call that the other side named after it had dialled us. */
  talk: string | null;
  /** The call that the other side begins on this link. */
  begun: string | null;
  readonly unknownMessages: UnknownMessages;
}

/** What a side knows of the call when it decides about a link. */
interface CallFacts {
  readonly id: string;
  readonly key: PeerKey | null;
  readonly isCaller: boolean;
}

/** `waits`: not yet; otherwise why the two can't talk on it. */
export type Verdict = "talks" | "waits" | { readonly refusedBecause: string };

/** Links between the two sides of a call, of which one becomes the link of the conversation. */
export class CallLinks {
  #links: CallLink[] = [];
  /** The dial under way; null: none. */
  attempt: number | null = null;

  constructor(readonly out: ClientOutput) {}

  get size(): number {
    return this.#links.length;
  }

  get all(): readonly CallLink[] {
    return [...this.#links];
  }

  get(link: LinkId): CallLink | null {
    return this.#links.find((other) => other.link === link) ?? null;
  }

  /** Adds a link; if there are too many, drops the oldest inbound one. */
  add(added: CallLink): void {
    this.#links.push(added);
    if (this.#links.length <= CALL_LINKS_MAX) return;
    // Links that we dialled are worth more than those of anybody who dials us.
    const oldest = this.#links.find(({ dialled, isRelayed }) => !dialled && !isRelayed);
    this.drop(oldest ?? added, "too many");
  }

  /** Removes a link. @returns Whether it was there. */
  remove(link: LinkId): boolean {
    const before = this.#links.length;
    this.#links = this.#links.filter((other) => other.link !== link);
    return this.#links.length < before;
  }

  drop({ link }: CallLink, reason: string): void {
    if (this.remove(link)) this.out.close(link, reason);
  }

  /** The link of the conversation is chosen: the others aren't needed any more. */
  dropAll(): void {
    for (const link of this.all) this.drop(link, "not needed any more");
    if (this.attempt === null) return;
    this.out.push({ type: "cancel-dial", attempt: this.attempt });
    this.attempt = null;
  }
}

/** Takes a message that came on a link. @returns Whether it may come there. */
export function hears(link: CallLink, message: DirectoryMessage): boolean {
  if (message.type === "talk" && !link.dialled && link.talk === null) {
    link.talk = message.call.toHex();
  } else if (message.type === "begin" && link.begun === null) {
    link.begun = message.call.toHex();
  } else return false;
  return true;
}

/**
 * Whether the two may talk on a link: the caller takes the first suitable one, the callee the one that the caller
 * took.
 */
export function verdictOn(link: CallLink, { id, key, isCaller }: CallFacts): Verdict {
  if (link.peer !== key) return { refusedBecause: "somebody else is expected" };
  if (isCaller && link.begun !== null) return { refusedBecause: "the caller begins" };
  const named = [link.talk, link.begun].filter((call) => call !== null);
  if (named.some((call) => call !== id)) return { refusedBecause: "another call is expected" };
  const isNamed = link.dialled || link.talk !== null;
  if (isCaller) return isNamed ? "talks" : "waits";
  if (link.begun === null) return "waits";
  return isNamed ? "talks" : { refusedBecause: "whoever dials names the call first" };
}
