/**
 * Calls, as a client sees them: one at a time.
 *
 * The directory rings at the other, and says to both where the other is and with which key. Then both dial, and the
 * caller says on which link they talk: the first that is up, or, where none is, one through the directory. From there
 * on the directory isn't asked any more: a direct call goes on without it.
 *
 * `ringing.ts` says which call begins, `visit_link.ts` leads to the instance where the callee is in, `connecting.ts` finds
 * the link, `call_conversation.ts` is what they say on it, and what becomes of that once our user has hung up; here is
 * how the one call goes from phase to phase, and how it ends.
 */

import type { ErrorCode } from "../../../base/errors.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../base/ids.ts";
import { Agenda, Deadlines } from "../../../base/machine/machine.ts";
import { isSameName, shownName } from "../../../base/text/names.ts";
import { utf8Length } from "../../../base/text/text.ts";
import type { CallLink, CallSession, ClientCall } from "./client_call.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { ClientInput } from "../schema/client_io.ts";
import {
  AWAKE_MS,
  CONNECTING_MS_MAX,
  DECIDED_MS,
  DIRECT_MS_MAX,
  GOODBYE_MS_MAX,
  LEAVE_MS_MAX,
  REASON_BYTES_MAX,
  RINGING_MS_MAX,
  WAIT_MS_MAX,
} from "../schema/limits.ts";
import { Connecting, RelayedCalls } from "./connecting.ts";
import { CALL_REASONS, type CallReason, overText } from "../schema/events.ts";
import type { KnownKeys } from "../lobby/known_keys.ts";
import type { Lobby } from "../lobby/lobby.ts";
import {
  BUSY,
  type CallOutcome,
  type DirectoryMessage,
  type DirectoryMessageOf,
} from "../schema/messages.ts";
import { CallConversation, PartingCalls } from "./call_conversation.ts";
import type { PastCalls } from "./past_calls.ts";
import { VisitLink } from "./visit_link.ts";
import { Ringing } from "./ringing.ts";

/** Why a call ends the way it does. */
interface Why {
  readonly reason?: CallReason;
  /** Used where there is no `reason`: the words of one of the users, or of the directory; empty: none. */
  readonly said?: string;
  /** With `cancelled`: who has withdrawn the call. */
  readonly by?: string;
}

/** Reason with which a link is closed, and a relayed call ended, by a client that the operator has thrown out. */
const KICKED = "kicked";
/** Reason with which a link is closed by a client whose user found other digits than the other side's. */
const NOT_TRUSTED = "not-trusted";
/** Reasons that a program gives by itself. */
const PROGRAMS_WORDS: ReadonlySet<string> = new Set([BUSY, ...CALL_REASONS]);

/** What a user or the directory says: in quotation marks where it would read as a reason of ours. */
function wordsOf(said: string): string {
  return PROGRAMS_WORDS.has(said) ? `"${said}"` : said.toWellFormed();
}

/** Why the other side has closed the call's link, by what it said. */
function goodbyeReason(said: string): CallReason {
  if (said === KICKED) return "peer-kicked";
  return said === NOT_TRUSTED ? "not-trusted" : "hung-up";
}

interface CallingParts {
  readonly out: ClientOutput;
  readonly session: CallSession;
  readonly lobby: Pick<Lobby, "showAfter">;
  readonly keys: Pick<
    KnownKeys,
    | "expected"
    | "isExpected"
    | "isStrange"
    | "isStrangeCaller"
    | "met"
    | "named"
    | "refusedFor"
  >;
  readonly isInteractive: boolean;
  readonly randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
  readonly wallMs: () => number;
  readonly nextAttempt: () => number;
  readonly past: Pick<PastCalls, "begins" | "keep">;
}

export class Calling {
  #call: ClientCall | null = null;
  readonly #ringing: Ringing;
  readonly #connecting: Connecting;
  readonly #talking: CallConversation;
  readonly #relayed: RelayedCalls;
  readonly #visit: VisitLink;
  readonly #parting: PartingCalls;
  /** What the directory was told last, and by an `enter` that may not be answered yet: whether our user talks. */
  #saidBusy = false;
  #entersBusy = false;
  readonly #deadlines = new Deadlines({
    /** When the call is over unless something happens. */
    over: () => this.#inCall((call) => this.#timedOut(call)),
    /** When the directory is asked to relay the call. */
    relay: () => this.#inCall((call) => this.#relayOrGiveUp(call)),
    /** When the call ends although lines wait that should be said before. */
    said: () => this.#inCall((call) => this.#hangsUp(call)),
    /** Until when this process is known to have been awake. */
    awake: () => this.#inCall(() => this.#isAwake()),
  });
  readonly #agenda: Agenda;

  constructor(readonly parts: CallingParts) {
    const { out, session, nextAttempt, past } = parts;
    const call = () => this.#call;
    this.#ringing = new Ringing(parts);
    this.#connecting = new Connecting({
      out,
      call,
      nextAttempt,
      isStillExpected: (call) => this.#isStillExpected(call),
      talks: (call, link) => this.#talks(call, link),
    });
    this.#talking = new CallConversation({ out, session, call, past });
    this.#parting = new PartingCalls(out);
    this.#visit = new VisitLink({ out, nextAttempt, directory: () => session.peer });
    const tell = this.#tell.bind(this);
    this.#relayed = new RelayedCalls({ out, tell, link: this.#visit });
    this.#agenda = new Agenda([
      this.#connecting.deadlines,
      this.#deadlines,
      this.#talking.deadlines,
      this.#parting,
    ]);
  }

  get call(): ClientCall | null {
    return this.#call;
  }

  get missedCalls(): Ringing["missedCalls"] {
    return this.#ringing.missedCalls;
  }

  /** Whether the goodbye of an earlier call is still under way. */
  get isParting(): boolean {
    return this.#parting.size > 0 || this.#relayed.isParting;
  }

  /** What `enter` says: whether our user talks. */
  enters(): boolean {
    return this.#entersBusy = this.#call?.isTalking ?? false;
  }

  #tellBusy(): void {
    const busy = this.#call?.isTalking ?? false;
    if (busy === this.#saidBusy || !this.parts.session.isUp) return;
    this.#saidBusy = busy;
    this.parts.session.tell({ type: "busy", busy });
  }

  // What the user asks.

  /** @param name The name as the list has it. */
  ring(name: string, ref: string | undefined): void {
    if (!this.#ringing.mayRing(name, this.#call, ref)) return;
    this.#relayed.parted();
    const call = this.#ringing.ring(name, ref);
    this.#begins(call);
    if (call.isSelf) this.#talks(call, null);
  }

  /** @param call Null: no call begins. */
  #begins(call: ClientCall | null): void {
    if (call === null) return;
    this.#call = call;
    // The directory counts as well: we only wait for it.
    this.#overIn(RINGING_MS_MAX + WAIT_MS_MAX);
  }

  /** @param caller Whose call is meant; undefined: whichever rings. */
  accept(caller: string | undefined, ref: string | undefined): void {
    const call = this.#call;
    if (call?.phase !== "asked") return this.#nobodyCalls(ref);
    if (caller !== undefined && !isSameName(caller, call.peer)) {
      const text = `The call isn't accepted: it is ${shownName(call.peer)} who is calling you, ` +
        `not ${shownName(caller)}`;
      return this.#error("not-allowed", text, ref);
    }
    this.#relayed.parted();
    call.beginRef = ref;
    call.enter("accepted");
    this.#overIn(WAIT_MS_MAX);
    this.#tellOf(call, { type: "answer", accepts: true, reason: "" });
  }

  decline(reason: string, ref: string | undefined): void {
    const call = this.#call;
    if (call?.phase !== "asked") return this.#nobodyCalls(ref);
    const bytes = utf8Length(reason);
    if (bytes > REASON_BYTES_MAX) {
      const text = `The call wasn't declined: the reason has ${bytes} bytes, at most ` +
        `${REASON_BYTES_MAX} are possible`;
      return this.#error("too-long", text, ref);
    }
    const said = wordsOf(reason);
    this.#tellOf(call, { type: "answer", accepts: false, reason: said });
    this.#over(call, "declined", { said }, ref);
  }

  #nobodyCalls(ref: string | undefined): void {
    this.#error("not-allowed", "Nobody is calling you", ref);
  }

  /** Withdraws a call that isn't connected yet. */
  cancel(ref: string | undefined): void {
    const call = this.#call;
    if (call === null || call.isTalking) {
      return this.#error("not-allowed", "No call of yours is waiting for an answer", ref);
    }
    if (call.phase === "asked") return this.decline("", ref);
    this.#tellOf(call, { type: "hang-up", reason: "cancelled" });
    this.#over(call, "ended", { reason: "cancelled", by: this.parts.session.name }, ref);
  }

  /** Ends the call; when input is piped, after the lines that wait for the answer. */
  hangUp(ref: string | undefined): void {
    const call = this.#call;
    if (call === null) return this.#error("not-allowed", "You are in no call", ref);
    if (call.lines.size > 0 && !this.parts.isInteractive) {
      call.endsAfterLines = true;
      call.hangUpRef = ref;
      return this.#waitForLines(call);
    }
    if (!call.isTalking) return this.cancel(ref);
    this.#hangsUp(call, ref);
  }

  /** The link has just taken some lines, or is about to: if it takes none for long, we don't wait any more. */
  #waitForLines(call: ClientCall): void {
    if (call.phase !== "talking" || !call.endsAfterLines) return;
    this.#deadlines.set("said", this.parts.out.nowMs + LEAVE_MS_MAX);
  }

  #hangsUp(call: ClientCall, ref?: string): void {
    this.#talking.tellHeard(call);
    if (call.link !== null) this.#parting.add(call.link.link, call);
    this.#parts(call);
    this.#over(call, "ended", {}, ref, true);
  }

  /** The other side's user has ended the call. */
  #isHungUp(call: ClientCall): void {
    this.#talking.close(call, "hung up there");
    this.#parts(call);
    this.#over(call, "ended", { reason: "hung-up" });
  }

  /** Tells the directory that the call is over: where it is relayed, once everything has gone out. */
  #parts(call: ClientCall): void {
    const { link } = call;
    if (link?.isRelayed) this.#relayed.part(call.id, link.link);
    else this.#tellOf(call, { type: "hang-up", reason: "" });
  }

  /**
   * The program leaves: a call that rings here isn't answered any more; in a call, what was said goes out, then it
   * ends.
   */
  leave(): void {
    const call = this.#call;
    // The caller is told that nobody is here any more, once that is so.
    if (call?.phase === "asked") return this.#over(call, "ended", { reason: "quit" });
    if (call?.phase !== "talking") return;
    if (call.lines.size === 0) this.#hangsUp(call);
    else call.endsAfterLines = true;
  }

  say(text: string, ref: string | undefined): void {
    this.#talking.say(this.#call, text, ref);
    this.#hangUpWhenSaid();
  }

  /** Ends the call once all lines are said, if our user, or the end of input, waits for that. */
  #hangUpWhenSaid(): void {
    const call = this.#call;
    if (call?.phase !== "talking" || call.lines.size > 0) return;
    if (call.endsAfterLines) this.#hangsUp(call);
  }

  /** The user found that this isn't that user's key: a call with its owner ends. */
  refused(name: string, key: PeerKey): void {
    const call = this.#call;
    if (call === null || !isSameName(call.peer, name)) return;
    if (call.key !== key && call.rungKey !== key) return;
    if (call.phase === "asked") return this.decline("", undefined);
    this.#talking.close(call, NOT_TRUSTED);
    this.#tellOf(call, { type: "hang-up", reason: call.isTalking ? "" : "key-changed" });
    this.#over(call, "ended", { reason: "key-changed" });
  }

  // What the directory says.

  incoming(message: DirectoryMessageOf<"incoming">): void {
    const call = this.#call;
    const isCrossed = call?.phase === "ringing" && isSameName(call.peer, message.from);
    if (!isCrossed) return this.#begins(this.#ringing.incoming(call, message));
    // Each calls the other: of the two calls, the one with the lower id counts.
    if (message.call.toHex() > call.id) this.#ringing.waits(message, true);
    else this.#gives(call, message);
  }

  /** Our own call gives way to the other's, which is accepted. */
  #gives(call: ClientCall, message: DirectoryMessageOf<"incoming">): void {
    const { keys } = this.parts;
    const { from, key } = message;
    this.#tellOf(call, { type: "hang-up", reason: "cancelled" });
    this.#visit.close(call.id);
    call.id = message.call.toHex();
    call.isCaller = false;
    call.key = key;
    if (!keys.isExpected(from, key)) return this.#strange(call, from, key);
    keys.named(from, key);
    call.enter("accepted");
    this.#overIn(WAIT_MS_MAX);
    this.#tellOf(call, { type: "answer", accepts: true, reason: "" });
  }

  /** It rings at the callee. If its key isn't the expected one, the user is told before it answers. */
  rings({ call: bytes, name, key }: DirectoryMessageOf<"rings">): void {
    const call = this.#call;
    if (call?.id !== bytes.toHex() || call.phase !== "ringing") return;
    if (!isSameName(name, call.peer)) {
      return this.parts.session.offends("a call with somebody else");
    }
    call.rungKey = key;
    if (!this.parts.keys.isExpected(name, key)) this.#strange(call, name, key);
  }

  #strange(call: ClientCall, name: string, key: PeerKey): void {
    this.#tellOf(call, { type: "hang-up", reason: "key-changed" });
    this.parts.keys.isStrange(name, key, call.beginRef);
    this.#over(call, "ended", { reason: "key-changed" });
  }

  /** What the other side has broadcast meanwhile may have told that its key is another one than that of the call. */
  #isStillExpected(call: ClientCall): boolean {
    const { peer, key } = call;
    if (key === null || this.parts.keys.isExpected(peer, key)) return true;
    this.#strange(call, peer, key);
    return false;
  }

  meet(message: DirectoryMessageOf<"meet">): void {
    const { out, keys, session } = this.parts;
    const { name, key, host, port, mayRelay, isCaller } = message;
    const call = this.#call;
    if (call === null || call.id !== message.call.toHex()) return;
    if (call.phase !== "ringing" && call.phase !== "accepted") return;
    const isOther = !isSameName(name, call.peer) || (call.key !== null && call.key !== key);
    if (isOther || call.isSelf) return session.offends("a call with somebody else");
    if (isCaller !== call.isCaller) return session.offends("another's part in a call");
    call.key = key;
    call.met = { key, endpoint: { host, port }, mayRelay };
    if (!keys.isExpected(name, key)) return this.#strange(call, name, key);
    keys.named(name, key);
    call.enter("connecting");
    out.push({ type: "connecting" });
    this.#overIn(CONNECTING_MS_MAX + (isCaller ? 0 : DECIDED_MS));
    if (isCaller) this.#deadlines.set("relay", out.nowMs + DIRECT_MS_MAX);
    this.#connecting.begins(call);
  }

  relayOn({ call: bytes }: DirectoryMessageOf<"relay-on">): void {
    const id = bytes.toHex();
    const call = this.#call;
    if (call?.id !== id || call.phase !== "connecting") return;
    if (this.#relayed.open(id)) this.#connecting.relays(call);
  }

  /** The callee is in at another instance. */
  callAt({ call: bytes, at }: DirectoryMessageOf<"call-at">): void {
    const call = this.#call;
    if (call?.id !== bytes.toHex() || call.phase !== "ringing") return;
    const { session: { name: as }, keys } = this.parts;
    const refused = [...keys.refusedFor(call.peer) ?? []];
    this.#visit.dial({ type: "visit", as, call: bytes, name: call.peer, refused }, at);
  }

  /** What the callee's instance says. */
  #visitSaid(message: DirectoryMessage): void {
    switch (message.type) {
      case "rings":
        return this.rings(message);
      case "meet":
        return this.meet(message);
      case "relay-on":
        return this.relayOn(message);
      case "relay":
      case "relay-room":
        if (!this.#relayed.came(message)) this.#visitLost();
        return;
      case "outcome":
        return this.outcome(message);
    }
  }

  /** The callee's instance is gone. */
  #visitLost(): void {
    const call = this.#call;
    this.#visit.down();
    if (this.#relayed.isPartingElsewhere) this.#relayed.parted();
    if (call === null || !this.#visit.isFor(call.id)) return;
    for (const link of call.links.all) if (link.isRelayed) call.links.drop(link, "lost");
    if (call.phase === "connecting") return this.#relayed.close(call.id);
    if (call.phase === "ringing") return this.#over(call, "unreachable");
    if (call.phase !== "talking" || call.route === "direct") return; // or the directory has said how it ends
    this.#talking.close(call, "directory-down");
    this.#over(call, "ended", { reason: "directory-down" });
  }

  relay(message: DirectoryMessageOf<"relay" | "relay-room">): void {
    if (!this.#relayed.came(message)) {
      this.parts.session.offends("more relayed than there is room for");
    }
  }

  outcome({ call: bytes, state, reason }: DirectoryMessageOf<"outcome">): void {
    const call = this.#call;
    const id = bytes.toHex();
    if (this.#ringing.isNext(id)) return this.#ringing.missNext();
    if (call?.id !== id) return;
    if (call.phase === "ending") return;
    if (call.isTalking && call.route === "direct") return; // our link says more than the directory knows
    if (call.phase === "talking") {
      call.enter("ending");
      this.#deadlines.clear("said");
      call.isPeerKicked = reason === KICKED;
      return this.#overIn(GOODBYE_MS_MAX);
    }
    if (call.phase === "asked") this.#ringing.unanswered(call.peer);
    // The other side's program ended it: it knows another key of ours.
    const isStrange = reason === "key-changed";
    if (state === "cancelled") {
      if (isStrange) return this.#over(call, "ended", { reason: "not-trusted" });
      if (reason === "lost") return this.#over(call, "ended", { reason });
      if (reason === KICKED) return this.#over(call, "ended", { reason: "peer-kicked" });
      return this.#over(call, "ended", { reason: "cancelled", by: call.peer });
    }
    if (isStrange) return this.#over(call, state, { reason: "not-trusted" });
    const said = wordsOf(reason);
    if (state !== "unreachable") return this.#over(call, state, { said });
    const why = reason === "lost" ? { reason } as const : notRelayed(call);
    this.#over(call, state, { said, ...why });
  }

  /** The directory is gone, or has let go of us: calls that ring end, direct calls go on. */
  directoryLeft(reason: "directory-down" | "replaced"): void {
    const call = this.#call;
    this.#ringing.missNext();
    if (!this.#relayed.isPartingElsewhere) this.#relayed.parted();
    if (call === null || call.isSelf || this.#visit.isFor(call.id)) return;
    if (call.route === "direct" || call.phase === "connecting") {
      for (const link of call.links.all) if (link.isRelayed) call.links.drop(link, "lost");
      return this.#relayed.close(call.id);
    }
    if (call.phase === "asked") this.#ringing.unanswered(call.peer);
    this.#talking.close(call, reason);
    this.#over(call, "ended", { reason });
  }

  /** We are in again. */
  entered(): void {
    this.#saidBusy = this.#entersBusy;
    this.#tellBusy();
  }

  /** The program ends now, whatever waits. */
  drop(isKicked = false): void {
    const call = this.#call;
    this.#ringing.missNext();
    this.#relayed.parted();
    this.#parting.giveUp();
    if (call === null) return;
    this.#talking.close(call, isKicked ? KICKED : "quit");
    this.#tellOf(call, { type: "hang-up", reason: "" });
    this.#over(call, "ended", isKicked ? { reason: "kicked" } : {});
  }

  // The stream through the directory.

  relayed(id: string, bytes: Uint8Array): void {
    this.#relayed.send(id, bytes);
  }

  relayTaken(id: string, bytes: number): void {
    this.#relayed.taken(id, bytes);
  }

  // Links to others.

  linkUp(input: Extract<ClientInput, { readonly type: "link-up" }>): void {
    if (this.#visit.isAttempt(input.attempt)) return this.#visit.up(input.link);
    this.#connecting.linkUp(this.#call, input);
  }

  dialFailed(attempt: number): void {
    if (this.#visit.isAttempt(attempt)) return this.#visitLost();
    this.#connecting.dialFailed(this.#call, attempt);
  }

  /** A link is down: the call's own, one that might have become it, or any other. */
  linkDown(link: LinkId, closed: boolean, said: string): void {
    if (this.#visit.is(link)) return this.#visitLost();
    const wasParting = this.#parting.linkDown(link);
    if (this.#relayed.linkDown(link) || wasParting) return;
    const call = this.#call;
    if (call === null || call.links.remove(link) || call.link?.link !== link) return;
    this.#tellOf(call, { type: "hang-up", reason: closed ? "" : "lost" });
    this.#over(call, "ended", { reason: closed ? goodbyeReason(said) : "lost" });
  }

  /** A message came on a link that isn't the directory's. */
  message(link: LinkId, message: DirectoryMessage): void {
    const call = this.#call;
    if (this.#visit.is(link)) return this.#visitSaid(message);
    if (message.type === "unknown") return void this.#isPastUnknown(link);
    if (this.#parting.message(link, message) || call === null) return;
    if (call.link?.link !== link) return this.#connecting.message(call, link, message);
    if (message.type === "hung-up") return this.#isHungUp(call);
    const fault = this.#talking.hears(call, message);
    if (fault !== null) this.#breaks(call, fault);
  }

  /** A message of a type that this version doesn't know came on a link that isn't the directory's. */
  unknown(link: LinkId, code: number): void {
    if (!this.#isPastUnknown(link)) this.parts.out.send(link, { type: "unknown", code });
  }

  /** Counts a message of an unknown type. @returns Whether the link is being closed, for too many or anything else. */
  #isPastUnknown(link: LinkId): boolean {
    const call = this.#call;
    const found = call?.link?.link === link ? call.link : call?.links.get(link) ?? null;
    if (call === null || found === null) return true;
    const fault = found.unknownMessages.fault(this.parts.out.nowMs);
    if (fault === null) return false;
    if (found === call.link) this.#breaks(call, fault);
    else call.links.drop(found, fault);
    return true;
  }

  congested(link: LinkId): void {
    if (this.#call?.link?.link === link) this.#call.isCongested = true;
  }

  drained(link: LinkId): void {
    const call = this.#call;
    if (call?.link?.link !== link) return;
    call.isCongested = false;
    this.#waitForLines(call);
    this.#talking.flush(call);
    this.#hangUpWhenSaid();
  }

  #talks(call: ClientCall, link: CallLink | null): void {
    const { out, keys, past } = this.parts;
    call.enter("talking");
    call.link = link;
    call.talkingSinceMs = out.monotonicMs;
    if (link !== null) call.links.remove(link.link);
    call.links.dropAll();
    if (link !== null && !link.isRelayed) this.#relayed.close(call.id);
    this.#connecting.over();
    this.#deadlines.clear("over");
    this.#deadlines.clear("relay");
    if (link !== null) this.#isAwake();
    const route = call.route ?? "direct";
    this.#tellOf(call, { type: "begun", route });
    this.#tellBusy();
    if (call.key !== null) keys.met(call.peer, call.key);
    this.#show(call, "connected", { route }, call.beginRef);
    call.beginRef = undefined;
    past.begins(call);
    this.#waitForLines(call);
    this.#talking.flush(call);
    this.#hangUpWhenSaid();
  }

  #isAwake(): void {
    this.#deadlines.set("awake", this.parts.out.nowMs + AWAKE_MS);
  }

  /** The other side breaks a rule. */
  #breaks(call: ClientCall, text: string): void {
    this.#talking.close(call, `${text} isn't allowed`);
    this.#tellOf(call, { type: "hang-up", reason: "protocol" });
    this.#over(call, "ended", { reason: "protocol" });
  }

  // The end.

  /** @param isParting Our user has ended it: what was said goes out first. */
  #over(
    call: ClientCall,
    state: CallOutcome,
    { reason, said = "", ...by }: Why = {},
    ref?: string,
    isParting = false,
  ): void {
    const { out, lobby, session } = this.parts;
    const { isTalking: wasTalking, talkingSinceMs } = call;
    const talkedMs = isParting
      ? out.monotonicMs - talkingSinceMs
      : call.talkedMs(out.monotonicMs, reason);
    call.links.dropAll();
    this.#connecting.over();
    this.#deadlines.clearAll();
    this.#relayed.close(call.id);
    const talked = wasTalking ? { durationMs: Math.round(talkedMs) } : {};
    // The one event goes to who began the call: that is its outcome.
    const refs = [call.beginRef, ref, call.hangUpRef].filter((ref) => ref !== undefined);
    const [answered, ...others] = new Set(refs);
    this.#show(call, state, { reason: reason ?? said, ...by, ...talked }, answered);
    for (const other of others) out.notice(overText(call.peer), other);
    call.enter("over");
    this.#call = null;
    this.#talking.over(call, state, isParting);
    if (!this.#relayed.isPartingElsewhere) this.#visit.close(call.id);
    this.#tellBusy();
    if (!session.isUp) return;
    if (wasTalking) lobby.showAfter([session.name, call.peer], out.monotonicMs - talkingSinceMs);
    this.#begins(this.#ringing.next());
  }

  #show(
    { shownId, peer, key }: ClientCall,
    state: "connected" | CallOutcome,
    more: Readonly<Record<string, unknown>> = {},
    ref?: string,
  ): void {
    const event = { event: "call", call: shownId, peer, state, reason: "", route: null } as const;
    const known = key === null ? this.parts.keys.expected(peer) : fingerprintOf(key);
    const keyed = known === undefined ? event : { ...event, key: known };
    this.parts.out.show({ ...keyed, ...more }, ref);
  }

  #error(code: ErrorCode, text: string, ref: string | undefined): void {
    this.parts.out.error(code, text, ref);
  }

  #tellOf(
    call: ClientCall,
    message:
      | Omit<DirectoryMessageOf<"answer">, "call">
      | Omit<DirectoryMessageOf<"begun">, "call">
      | Omit<DirectoryMessageOf<"hang-up">, "call">
      | Omit<DirectoryMessageOf<"relay-please">, "call">,
  ): void {
    if (!call.isSelf) this.#tell(call.id, { ...message, call: call.idBytes } as DirectoryMessage);
  }

  #tell(call: string, message: DirectoryMessage): void {
    if (this.#visit.isFor(call)) this.#visit.send(message);
    else this.parts.session.tell(message);
  }

  // Time.

  #overIn(ms: number): void {
    this.#deadlines.set("over", this.parts.out.nowMs + ms);
  }

  nextMs(): number | null {
    return this.#agenda.nextMs();
  }

  tick(nowMs: number): void {
    this.#agenda.tick(nowMs);
    this.#hangUpWhenSaid();
  }

  #inCall(serve: (call: ClientCall) => void): void {
    if (this.#call !== null) serve(this.#call);
  }

  #relayOrGiveUp(call: ClientCall): void {
    if (call.met?.mayRelay) this.#tellOf(call, { type: "relay-please" });
    else this.#unreachable(call);
  }

  #timedOut(call: ClientCall): void {
    switch (call.phase) {
      case "ringing":
        this.#tellOf(call, { type: "hang-up", reason: "" });
        return this.#over(call, "timeout");
      case "asked":
        this.#ringing.unanswered(call.peer);
        return this.#over(call, "timeout");
      case "ending":
        this.#talking.close(call, "lost");
        this.#tellOf(call, { type: "hang-up", reason: "lost" });
        return this.#over(call, "ended", { reason: call.isPeerKicked ? "peer-kicked" : "lost" });
      default:
        return this.#unreachable(call);
    }
  }

  #unreachable(call: ClientCall): void {
    this.#tellOf(call, { type: "hang-up", reason: "unreachable" });
    this.#over(call, "unreachable", notRelayed(call));
  }

  /** This process stood still for so long, until now. */
  awoke(stalledMs: number): void {
    this.#call?.stoodStill(stalledMs, this.parts.out.monotonicMs);
  }
}

/** Why neither side reaches the other, where that is known. */
function notRelayed({ met }: ClientCall): Why {
  return met?.mayRelay === false ? { reason: "not-relayed" } : {};
}
