/**
 * Calls, as a client sees them: one at a time.
 *
 * The directory rings at the other, and says to both where the other is and with which key. Then both dial, and the
 * caller says on which link they talk: the first that is up, or, where none is, one through the directory. From there
 * on the directory isn't asked any more: a direct call goes on without it.
 */

import type { ErrorCode } from "../../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../base/fingerprint.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../../base/ids.ts";
import { Deadlines } from "../../base/machine.ts";
import { foldName, nameFault, shownName, withoutMark } from "../../base/names.ts";
import { checkedMessage, tooLong, utf8Length, visibleText } from "../../base/text.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import { type CallLink, CallLinks, hears, verdictOn } from "./call_links.ts";
import { ClientCall } from "./client_call.ts";
import type { ClientInput } from "./client_io.ts";
import type { ClientOutput } from "./client_output.ts";
import type { KnownKeys } from "./known_keys.ts";
import {
  CALLEE_DIALS_MS,
  DECIDED_MS,
  GOODBYE_MS_MAX,
  SAID_AT_ONCE_BYTES,
} from "./client_limits.ts";
import {
  CALL_ID_BYTES,
  CALLS_BURST,
  CALLS_PER_S,
  CONNECTING_MS_MAX,
  DIRECT_MS_MAX,
  HEARD_MS,
  REASON_BYTES_MAX,
  RINGING_MS_MAX,
  TEXT_BYTES_MAX,
  WAIT_MS_MAX,
} from "./limits.ts";
import type { Lobby } from "./lobby.ts";
import type { CallOutcome, DirectoryMessage, DirectoryMessageOf } from "./messages.ts";
import type { MissedCalls } from "./missed_calls.ts";
import { RelayedCalls } from "./relayed.ts";

/**
 * When the callee dials, too; when the call is over unless something happens, when the directory is asked to relay it, when it is told again of a
 * call that it holds for over, when more of what waits is said, and when the other is told what was shown.
 */
const DEADLINES = ["dial", "over", "relay", "retell", "flush", "heard"] as const;

/** Beside the outcomes that the directory knows. */
type Reason = "cancelled" | "lost" | "directory-down" | "key-changed" | "hung-up" | "protocol";

export interface CallingOwner {
  readonly out: ClientOutput;
  readonly lobby: Lobby;
  readonly keys: KnownKeys;
  readonly missed: MissedCalls;
  readonly verified: ReadonlySet<Fingerprint>;
  readonly isInteractive: boolean;
  readonly selfName: string;
  /** Whether the directory has let us in. */
  readonly isUp: boolean;
  readonly randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
  nextAttempt(): number;
  /** To the directory, if we are in. */
  tell(message: DirectoryMessage): void;
  /** What the directory said can't be. */
  offends(text: string): void;
  /** Comes in anew, with what is said of the call. */
  enterAnew(): void;
}

export class Calling {
  #call: ClientCall | null = null;
  /** Of which the directory was told as we came in, until it has answered. */
  #entered: ClientCall | null = null;
  /** Whom we talk with calls: it has hung up, and our link is about to say so. */
  #next: DirectoryMessageOf<"incoming"> | null = null;
  readonly #relayed: RelayedCalls;
  /** Of a direct call that our user has ended, until what was said has gone out. */
  #partingLink: LinkId | null = null;
  /** The directory declines more, and takes whoever goes on for an attacker. */
  readonly #calls = new TokenBucket(CALLS_PER_S, CALLS_BURST);
  readonly #deadlines = new Deadlines(DEADLINES);

  constructor(readonly owner: CallingOwner) {
    this.#relayed = new RelayedCalls(owner.out, (message) => owner.tell(message));
  }

  get call(): ClientCall | null {
    return this.#call;
  }

  /** The goodbye of an earlier call is still under way. */
  get isParting(): boolean {
    return this.#partingLink !== null || this.#relayed.isParting;
  }

  /** What `enter` is to say of a call that has gone on. A self-call needs no directory that knows of it. */
  enters(): DirectoryMessageOf<"enter">["talking"] {
    const call = this.#call;
    const goesOn = call?.phase === "talking" && !call.isSelf && call.route === "direct";
    this.#entered = goesOn ? call : null;
    if (!goesOn) return null;
    return { call: Uint8Array.fromHex(call.id), name: call.peer };
  }

  // What the user asks.

  ring(typed: string, ref: string | undefined): void {
    const name = withoutMark(typed).normalize("NFC");
    const { lobby, selfName } = this.owner;
    if (nameFault(name) !== null) {
      const text = `Nobody can be called ${
        visibleText(typed)
      }: call somebody with NAME or /call NAME`;
      return this.#error("unknown-user", text, ref);
    }
    const call = this.#call;
    if (call?.phase === "asked" && isSame(call.peer, name)) return this.accept(ref);
    const known = isSame(name, selfName) ? selfName : lobby.find(name)?.name ?? name;
    this.#ring(known, { name: known, host: "", port: 0 }, ref);
  }

  ringAt({ host, port }: Endpoint, ref: string | undefined): void {
    const endpoint = { host, port };
    const user = this.owner.lobby.at(endpoint);
    if (user === null) {
      const text = `Nobody in the list takes calls at ${endpointText(endpoint)}; /list shows all`;
      return this.#error("unknown-user", text, ref);
    }
    this.#ring(user.name, { name: "", ...endpoint }, ref);
  }

  #ring(
    peer: string,
    target: Pick<DirectoryMessageOf<"call">, "name" | "host" | "port">,
    ref: string | undefined,
  ): void {
    const { owner } = this;
    if (!owner.isUp) {
      return this.#error("not-logged-in", "Cannot call: you aren't in the directory now", ref);
    }
    const before = this.#call;
    if (before !== null) {
      const who = shownName(before.peer);
      const text = before.phase === "asked"
        ? `Cannot call: ${who} is calling you; /accept or /decline first`
        : before.isTalking
        ? `Cannot call: you are in a call with ${who}`
        : `Cannot call: your call to ${who} isn't over; q withdraws it`;
      return this.#error("busy", text, ref);
    }
    if (!this.#calls.take(owner.out.nowMs)) {
      const text = "Cannot call: you have called too often within a short time; wait a moment";
      return this.#error("too-fast", text, ref);
    }
    this.#relayed.parted();
    const bytes = owner.randomBytes(CALL_ID_BYTES);
    const id = bytes.toHex();
    const isSelf = isSame(peer, owner.selfName);
    const call = this.#call = this.#newCall(id, peer, "ringing", null, isSelf);
    owner.tell({ type: "call", call: bytes, ...target });
    this.#show(call, "ringing", {}, ref);
    if (isSelf) return this.#talks(call, null);
    // The directory counts as well: it is only waited for.
    this.#overIn(RINGING_MS_MAX + WAIT_MS_MAX);
  }

  #newCall(
    id: string,
    peer: string,
    phase: "ringing" | "asked",
    key: PeerKey | null,
    isSelf: boolean,
  ): ClientCall {
    const { out } = this.owner;
    const isCaller = phase === "ringing";
    const links = new CallLinks(out);
    return new ClientCall(id, id, peer, isCaller, phase, out.nowMs, key, isSelf, links);
  }

  accept(ref: string | undefined): void {
    const call = this.#call;
    if (call?.phase !== "asked") return this.#nobodyCalls(ref);
    this.#relayed.parted();
    call.enter("accepted");
    this.#overIn(WAIT_MS_MAX);
    this.#tellOf(call, { type: "answer", accepts: true, reason: "" });
  }

  decline(reason: string, ref: string | undefined): void {
    const call = this.#call;
    if (call?.phase !== "asked") return this.#nobodyCalls(ref);
    const said = cut(reason);
    this.#tellOf(call, { type: "answer", accepts: false, reason: said });
    this.#over(call, "declined", said === "" ? {} : { reason: said }, ref);
  }

  #nobodyCalls(ref: string | undefined): void {
    this.#error("not-allowed", "Nobody is calling you", ref);
  }

  /** Withdraws a call that isn't connected. */
  cancel(ref: string | undefined): void {
    const call = this.#call;
    if (call === null || call.isTalking) {
      return this.#error("not-allowed", "No call of yours is waiting for an answer", ref);
    }
    if (call.phase === "asked") return this.decline("", ref);
    this.#tellOf(call, { type: "hang-up", reason: "cancelled" });
    this.#over(call, "ended", { reason: "cancelled" }, ref);
  }

  /** Ends the call: piped, after the lines that wait for the answer. */
  hangUp(ref: string | undefined): void {
    const call = this.#call;
    if (call === null) return this.#error("not-allowed", "You are in no call", ref);
    if (call.lines.size > 0 && !this.owner.isInteractive) {
      call.endsAfterLines = true;
      return;
    }
    if (!call.isTalking) return this.cancel(ref);
    this.#hangsUp(call, ref);
  }

  #hangsUp(call: ClientCall, ref?: string): void {
    const { link } = call;
    this.#close(call, "hung up");
    if (link?.isRelayed) this.#relayed.part(call.id, link.link);
    else {
      this.#partingLink = link?.link ?? null;
      this.#tellOf(call, { type: "hang-up", reason: "" });
    }
    this.#over(call, "ended", {}, ref, true);
  }

  /** The program leaves: what rings here isn't answered any more, what is talked about is said, then it ends. */
  leave(): void {
    const call = this.#call;
    // Whoever calls is told that nobody is here any more, once that is so.
    if (call?.phase === "asked") return this.#over(call, "ended", { reason: "quit" });
    if (call?.phase !== "talking") return;
    if (call.lines.size === 0) this.#hangsUp(call);
    else call.endsAfterLines = true;
  }

  say(text: string, ref: string | undefined): void {
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) return this.#error("too-long", tooLong(bytes).message, ref);
    const call = this.#call;
    if (call === null || call.phase === "asked") {
      const text = "Nothing was said: you are in no call; NAME or /call NAME calls somebody";
      return this.#error("not-allowed", text, ref);
    }
    if (call.lines.fill >= 1) {
      const text = `Nothing was said: ${call.lines.size} lines wait for ${shownName(call.peer)}`;
      return this.#error("full", text, ref);
    }
    call.lines.add({ text: checkedMessage(text), ref });
    this.#flush(call);
  }

  #flush(call: ClientCall): void {
    if (call.phase !== "talking") return;
    const { out, selfName } = this.owner;
    let bytes = 0;
    while (!call.isCongested) {
      const line = call.lines.shift();
      if (line === undefined) break;
      const { text, ref } = line;
      if (call.link !== null) {
        out.send(call.link.link, { type: "line", text });
        call.receipts.said();
      }
      out.show({ event: "message", from: selfName, text, self: true }, ref);
      if (call.isSelf) out.show({ event: "message", from: selfName, text, self: false });
      bytes += utf8Length(text);
      if (bytes < SAID_AT_ONCE_BYTES || call.lines.size === 0) continue;
      // The link is to say first whether it takes more.
      return this.#deadlines.set("flush", out.nowMs);
    }
    if (call.endsAfterLines && call.lines.size === 0) this.#hangsUp(call);
  }

  // What the directory says.

  incoming(message: DirectoryMessageOf<"incoming">): void {
    const { owner } = this;
    const { call: bytes, from, guest, key } = message;
    if (nameFault(from) !== null) return owner.offends("a call from nobody");
    const id = bytes.toHex();
    const answer = { type: "answer", call: bytes, accepts: false } as const;
    const before = this.#call;
    if (before !== null) {
      // Both call each other: the directory makes one call of it.
      if (before.phase === "ringing" && isSame(before.peer, from)) return;
      if (before.isTalking && before.key === key && before.id !== id) {
        this.#next = message;
        return;
      }
      if (before.id !== id) owner.tell({ ...answer, reason: "busy" });
      return;
    }
    if (!owner.keys.isExpected(from, key)) {
      owner.tell({ ...answer, reason: "key-changed" });
      return owner.keys.isStrange(from, key);
    }
    owner.keys.named(from, key);
    this.#call = this.#newCall(id, from, "asked", key, false);
    this.#overIn(RINGING_MS_MAX + WAIT_MS_MAX);
    owner.out.show({ event: "incoming", call: id, from, key: fingerprintOf(key), guest });
  }

  meet(message: DirectoryMessageOf<"meet">): void {
    const { owner } = this;
    const { name, key, host, port, mayRelay, isCaller } = message;
    const id = message.call.toHex();
    const call = this.#call;
    // Withdrawn meanwhile: the directory is told so, or was.
    if (call === null || (call.id !== id && call.id !== message.instead?.toHex())) return;
    if (call.phase !== "ringing" && call.phase !== "accepted") return;
    const isOther = !isSame(name, call.peer) || (call.key !== null && call.key !== key);
    if (isOther || call.isSelf) return owner.offends("a call with somebody else");
    call.id = id;
    call.isCaller = isCaller;
    call.key = key;
    call.met = { key, endpoint: { host, port }, mayRelay };
    if (!owner.keys.isExpected(name, key)) {
      this.#tellOf(call, { type: "hang-up", reason: "key-changed" });
      owner.keys.isStrange(name, key);
      return this.#over(call, "ended", { reason: "key-changed" });
    }
    owner.keys.named(name, key);
    call.enter("connecting");
    this.#overIn(CONNECTING_MS_MAX + (isCaller ? 0 : DECIDED_MS));
    if (isCaller) this.#deadlines.set("relay", owner.out.nowMs + DIRECT_MS_MAX);
    if (isCaller) this.#dial(call);
    else this.#deadlines.set("dial", owner.out.nowMs + CALLEE_DIALS_MS);
    for (const link of call.links.all) this.#consider(call, link);
  }

  #dial(call: ClientCall): void {
    const { key, endpoint } = call.met!;
    if (endpoint.port === 0) return;
    const { owner } = this;
    const attempt = call.links.attempt = owner.nextAttempt();
    owner.out.push({ type: "dial", attempt, mode: "call", endpoint, expect: fingerprintOf(key) });
  }

  relayOn(id: string): void {
    const { owner } = this;
    const call = this.#call;
    if (call?.id !== id || call.phase !== "connecting" || !this.#relayed.open(id)) return;
    const { isCaller: isDialler, met } = call;
    const attempt = owner.nextAttempt();
    owner.out.push({ type: "relay-open", call: id, attempt, isDialler, expect: met!.key });
  }

  relay(message: DirectoryMessageOf<"relay" | "relay-room">): void {
    if (!this.#relayed.came(message)) this.owner.offends("more relayed than there is room for");
  }

  outcome({ call: bytes, state, reason }: DirectoryMessageOf<"outcome">): void {
    const call = this.#call;
    if (this.#next?.call.toHex() === bytes.toHex()) return this.#missNext();
    if (call === null || call.id !== bytes.toHex()) return;
    if (call.phase === "ending") return;
    if (call.route === "direct" && !call.isSelf) {
      // What one hears of the link is newer: either it is lost in a moment, or the other was away from the directory.
      if (call.isRetold) return;
      call.isRetold = true;
      return this.#deadlines.set("retell", this.owner.out.nowMs + DECIDED_MS);
    }
    if (call.phase === "talking" && !call.isSelf) {
      call.enter("ending");
      return this.#overIn(GOODBYE_MS_MAX);
    }
    // The other's program: it knows another key of ours.
    const said = reason === "key-changed"
      ? { reason: "not-trusted" }
      : reason === "" || state === "cancelled"
      ? {}
      : { reason: visibleText(reason) };
    if (call.phase === "asked") this.owner.missed.add(call.peer);
    if (state === "cancelled") return this.#over(call, "ended", { reason: "cancelled", ...said });
    this.#over(call, state, said);
  }

  /** Somebody called, and was told that we are busy. */
  missed({ from }: DirectoryMessageOf<"missed">): void {
    const { owner } = this;
    if (nameFault(from) !== null) return owner.offends("a call from nobody");
    if (this.#call?.isCalledBy(from) === false) return;
    owner.missed.add(from);
    owner.out.notice(`${shownName(from)} called, and was told that you are busy`);
  }

  #missNext(): void {
    if (this.#next !== null) this.owner.missed.add(this.#next.from);
    this.#next = null;
  }

  /** The directory is gone, or we from it: who rings doesn't any more, who talks directly goes on. */
  directoryLeft(): void {
    const call = this.#call;
    this.#missNext();
    this.#relayed.parted();
    if (call === null || call.isSelf) return;
    if (call.route === "direct" || call.phase === "connecting") {
      for (const link of call.links.all) if (link.isRelayed) call.links.drop(link, "lost");
      return this.#relayed.close(call.id);
    }
    if (call.phase === "asked") this.owner.missed.add(call.peer);
    this.#close(call, "directory-down");
    this.#over(call, "ended", { reason: "directory-down" });
  }

  /** We are in again: a self-call, which needs nobody else, is told anew. */
  entered(): void {
    const call = this.#call;
    // It ended before the directory had answered.
    if (this.#entered !== null && this.#entered !== call) {
      this.#tellOf(this.#entered, { type: "hang-up", reason: "" });
    }
    this.#entered = null;
    if (!call?.isSelf) return;
    const { name, host, port } = { name: call.peer, host: "", port: 0 };
    this.owner.tell({ type: "call", call: Uint8Array.fromHex(call.id), name, host, port });
    this.#tellOf(call, { type: "begun", route: "direct" });
  }

  /** The program ends now, whatever waits. */
  drop(): void {
    const call = this.#call;
    this.#missNext();
    this.#relayed.parted();
    if (call === null) return;
    this.#close(call, "quit");
    this.#tellOf(call, { type: "hang-up", reason: "" });
    this.#over(call, "ended");
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
    const { link, peer, dialled, isRelayed, attempt } = input;
    const { out } = this.owner;
    const call = this.#call;
    if (attempt !== null) this.dialFailed(attempt); // it is over, at any rate
    const isAwaited = call !== null && !call.isSelf &&
      (call.phase === "ringing" || call.phase === "accepted" || call.phase === "connecting");
    if (!isAwaited || (call.key !== null && call.key !== peer)) {
      return out.close(link, "there is no call with you");
    }
    const added: CallLink = { link, peer, dialled, isRelayed, talk: null, begun: null };
    call.links.add(added);
    if (dialled) out.send(link, { type: "talk", call: Uint8Array.fromHex(call.id) });
    this.#consider(call, added);
  }

  dialFailed(attempt: number): void {
    const links = this.#call?.links;
    if (links?.attempt === attempt) links.attempt = null;
  }

  /** A link is down: one that may have become the one, the one, or any other. */
  linkDown(link: LinkId, closed: boolean): void {
    if (link === this.#partingLink) this.#partingLink = null;
    if (this.#relayed.linkDown(link)) return;
    const call = this.#call;
    if (call === null || call.links.remove(link) || call.link?.link !== link) return;
    const reason = closed ? "hung-up" : "lost";
    this.#tellOf(call, { type: "hang-up", reason: closed ? "" : "lost" });
    this.#over(call, "ended", { reason });
  }

  /** Something came on a link that isn't the directory's. */
  message(link: LinkId, message: DirectoryMessage): void {
    const call = this.#call;
    if (message.type === "unknown" || call === null) return;
    if (call.link?.link === link) return this.#hears(call, message);
    const candidate = call.links.get(link);
    if (candidate === null) return; // being closed
    if (hears(candidate, message)) return this.#consider(call, candidate);
    call.links.drop(candidate, `${message.type} before begin isn't allowed`);
  }

  /** What the other says in the call. */
  #hears(call: ClientCall, message: DirectoryMessage): void {
    const { receipts } = call;
    if (message.type === "heard") {
      const isRight = receipts.heard(message.lines);
      return isRight ? undefined : this.#breaks(call, "heard of what wasn't said");
    }
    if (message.type !== "line") return this.#breaks(call, `${message.type} in a call`);
    const { out } = this.owner;
    out.show({ event: "message", from: call.peer, text: message.text, self: false });
    receipts.shown();
    if (receipts.owed === "now") this.#tellHeard(call);
    else this.#deadlines.setEarliest("heard", out.nowMs + HEARD_MS);
  }

  /** Tells the other of the lines that were shown since it was told last. */
  #tellHeard(call: ClientCall): void {
    this.#deadlines.clear("heard");
    const { link, receipts } = call;
    if (link === null || receipts.owed === "nothing") return;
    this.owner.out.send(link.link, { type: "heard", lines: receipts.tell() });
  }

  /** Closes the link on which they talk, if they do. */
  #close(call: ClientCall, reason: string): void {
    if (call.link === null) return;
    this.#tellHeard(call);
    this.owner.out.close(call.link.link, reason);
  }

  congested(link: LinkId): void {
    if (this.#call?.link?.link === link) this.#call.isCongested = true;
  }

  drained(link: LinkId): void {
    const call = this.#call;
    if (call?.link?.link !== link) return;
    call.isCongested = false;
    this.#flush(call);
  }

  #consider(call: ClientCall, link: CallLink): void {
    if (call.phase !== "connecting") return; // the directory is to say with whom
    const verdict = verdictOn(link, call);
    if (verdict === "waits") return;
    if (verdict !== "talks") return call.links.drop(link, verdict.refusedBecause);
    const { id, isCaller } = call;
    if (isCaller) this.owner.out.send(link.link, { type: "begin", call: Uint8Array.fromHex(id) });
    this.#talks(call, link);
  }

  #talks(call: ClientCall, link: CallLink | null): void {
    const { owner } = this;
    call.enter("talking");
    call.link = link;
    call.talkingSinceMs = owner.out.nowMs;
    if (link !== null) call.links.remove(link.link);
    call.links.dropAll();
    if (link !== null && !link.isRelayed) this.#relayed.close(call.id);
    this.#deadlines.clear("over");
    this.#deadlines.clear("relay");
    this.#deadlines.clear("dial");
    const route = call.route ?? "direct";
    this.#tellOf(call, { type: "begun", route });
    if (call.key !== null) owner.keys.met(call.peer, call.key);
    const verified = call.isSelf || owner.verified.has(fingerprintOf(call.key!));
    this.#show(call, "connected", { route, verified });
    this.#flush(call);
  }

  /** The other side breaks a rule. */
  #breaks(call: ClientCall, text: string): void {
    this.#close(call, `${text} isn't allowed`);
    this.#tellOf(call, { type: "hang-up", reason: "protocol" });
    this.#over(call, "ended", { reason: "protocol" });
  }

  // The end.

  /** @param goesOut What was said goes out first: our user has ended it. */
  #over(
    call: ClientCall,
    state: CallOutcome,
    more: { readonly reason?: Reason | string } = {},
    ref?: string,
    goesOut = false,
  ): void {
    const { out, lobby, isUp } = this.owner;
    const { isTalking: wasTalking, lines, receipts: { unheard }, talkingSinceMs } = call;
    call.links.dropAll();
    for (const name of DEADLINES) this.#deadlines.clear(name);
    this.#relayed.close(call.id);
    const talked = wasTalking ? { durationMs: Math.round(out.nowMs - talkingSinceMs) } : {};
    this.#show(call, state, { ...more, ...talked }, ref);
    call.enter("over");
    this.#call = null;
    if (unheard > 0 && !goesOut) {
      const what = unheard === 1 ? "line" : `${unheard} lines`;
      out.warn(`${shownName(call.peer)} may not have got your last ${what}`);
    }
    if (lines.size > 0) {
      const what = lines.size === 1 ? "1 line wasn't" : `${lines.size} lines weren't`;
      out.notice(`${what} said, as there is no call with ${shownName(call.peer)}`);
    }
    if (!wasTalking || !isUp) return;
    lobby.showAfter(this.owner.selfName, call.peer);
    const next = this.#next;
    this.#next = null;
    if (next !== null) this.incoming(next);
  }

  #show(
    { shownId, peer }: ClientCall,
    state: "ringing" | "connected" | CallOutcome,
    more: Readonly<Record<string, unknown>> = {},
    ref?: string,
  ): void {
    this.owner.out.show({ event: "call", call: shownId, peer, state, ...more }, ref);
  }

  #error(code: ErrorCode, text: string, ref: string | undefined): void {
    this.owner.out.error(code, text, ref);
  }

  #tellOf(
    call: ClientCall,
    message:
      | Omit<DirectoryMessageOf<"answer">, "call">
      | Omit<DirectoryMessageOf<"begun">, "call">
      | Omit<DirectoryMessageOf<"hang-up">, "call">
      | Omit<DirectoryMessageOf<"relay-please">, "call">,
  ): void {
    this.owner.tell({ ...message, call: Uint8Array.fromHex(call.id) } as DirectoryMessage);
  }

  // Time.

  #overIn(ms: number): void {
    this.#deadlines.set("over", this.owner.out.nowMs + ms);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(): void {
    for (const due of this.#deadlines.takeDue(this.owner.out.nowMs)) {
      const call = this.#call;
      if (call === null) continue;
      if (due === "over") this.#timedOut(call);
      else if (due === "dial") this.#dial(call);
      else if (due === "retell") this.owner.enterAnew();
      else if (due === "flush") this.#flush(call);
      else if (due === "heard") this.#tellHeard(call);
      else if (call.met?.mayRelay) this.#tellOf(call, { type: "relay-please" });
      else this.#unreachable(call);
    }
  }

  #timedOut(call: ClientCall): void {
    switch (call.phase) {
      case "ringing":
        this.#tellOf(call, { type: "hang-up", reason: "" });
        return this.#over(call, "timeout");
      case "asked":
        this.owner.missed.add(call.peer);
        return this.#over(call, "timeout");
      case "ending":
        this.#close(call, "lost");
        this.#tellOf(call, { type: "hang-up", reason: "lost" });
        return this.#over(call, "ended", { reason: "lost" });
      default:
        return this.#unreachable(call);
    }
  }

  #unreachable(call: ClientCall): void {
    this.#tellOf(call, { type: "hang-up", reason: "unreachable" });
    this.#over(call, "unreachable");
  }

  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
  }
}

function isSame(one: string, other: string): boolean {
  return foldName(one) === foldName(other);
}

/** The first part of it that fits in a message. */
function cut(reason: string): string {
  let text = reason.slice(0, REASON_BYTES_MAX).toWellFormed();
  while (utf8Length(text) > REASON_BYTES_MAX) text = text.slice(0, -1).toWellFormed();
  return text;
}
