/**
 * All calls with clients of this instance. The directory brings two together, and knows that they talk; what they say
 * doesn't pass through it, unless it relays the call. Whether somebody is in another call is the client's own
 * business, which declines then, and says itself that it is busy.
 *
 * Whoever calls a client of another instance does so there, on a link of its own to that: as a visitor, whose calls
 * are as those of the clients.
 */

import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import { unreachable } from "../../../base/invariant.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { foldName } from "../../../base/text/names.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { LogoutReason } from "../schema/events.ts";
import {
  CALLS_EACH_MAX,
  CONNECTING_MS_MAX,
  ENDING_MS_MAX,
  RINGING_MS_MAX,
} from "../schema/limits.ts";
import { BUSY, type CallOutcome, type DirectoryMessageOf } from "../schema/messages.ts";
import { REFUSED_TEXTS } from "../schema/refusal_text.ts";
import {
  Call,
  type ClientLink,
  type Party,
  type Side,
  Visitor,
} from "../sessions/client_session.ts";
import type { Others } from "../sessions/others.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { Relays } from "./relays.ts";

interface CallsParts {
  readonly sessions: Pick<Sessions, "named">;
  readonly others: Pick<Others, "instanceOf" | "present">;
  readonly out: DirectoryOutput;
  /** Whether calls may be relayed through the directory. */
  readonly mayRelay: boolean;
  /** Whether the engine answers, which says who is at other instances. */
  readonly isUp: () => boolean;
}

export class Calls {
  #isClosing = false;
  readonly #byId = new Map<string, Call>();
  /** When calls time out in which the directory waits for a client. */
  readonly #deadlines = new DeadlineQueue<Call>();
  readonly relays: Relays;

  constructor(readonly parts: CallsParts) {
    this.relays = new Relays(parts.out);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** A call that this one takes part in. */
  #get(id: Uint8Array, party: Party): { readonly call: Call; readonly side: Side } | null {
    const call = this.#byId.get(id.toHex());
    const side = call?.sideOf(party);
    return call === undefined || side === undefined ? null : { call, side };
  }

  // Ringing.

  /** @returns What is wrong with the message; null where nothing is. */
  ring(
    caller: Party,
    { call: bytes, name, refused }: Pick<DirectoryMessageOf<"call">, "call" | "name" | "refused">,
  ): string | null {
    const { sessions, out } = this.parts;
    const id = bytes.toHex();
    if (this.#byId.has(id)) return "two calls have one number";
    const refuse = (state: CallOutcome, reason: string) => {
      this.#tell(caller.link, bytes, state, reason);
      this.#leftIfVisitor(caller);
      return null;
    };
    if (!caller.link.calls.take(out.nowMs)) {
      return refuse("busy", "too many calls within a short time");
    }
    if (caller.calls.size >= CALLS_EACH_MAX) return refuse("busy", "you are in a call");
    const callee = sessions.named(foldName(name));
    if (callee === null) {
      const at = caller instanceof Visitor ? null : this.#placeOf(name);
      if (at === null) return refuse("offline", "");
      if (!this.parts.isUp()) return refuse("unreachable", REFUSED_TEXTS.engine);
      out.send(caller.link.id, { type: "call-at", call: bytes, at });
      return null;
    }
    const { key } = callee;
    if (!refused.includes(fingerprintOf(key))) {
      const isFree = callee.calls.size < CALLS_EACH_MAX && callee.link.rings.take(out.nowMs);
      if (callee === caller || !isFree) return refuse("busy", "");
      const call = new Call(id, caller, callee);
      this.#byId.set(id, call);
      for (const party of [caller, callee]) party.calls.add(call);
      this.#arm(call);
      const { name: from, isGuest: guest, key } = caller;
      out.send(callee.link.id, { type: "incoming", call: bytes, from, guest, key });
      this.#show(call, "ringing");
    }
    // The caller knows the key, and hangs up.
    out.send(caller.link.id, { type: "rings", call: bytes, name: callee.name, key });
    return null;
  }

  /** The instance where somebody of that name is in. */
  #placeOf(name: string) {
    const { others } = this.parts;
    const session = others.present(foldName(name));
    return session === null ? null : others.instanceOf(session);
  }

  answer(client: Party, { call: id, accepts, reason }: DirectoryMessageOf<"answer">): void {
    const { call, side } = this.#get(id, client) ?? {};
    if (call?.phase !== "ringing" || side !== call.callee) return;
    if (accepts) this.#connect(call);
    else if (reason === BUSY) this.#end(call, "busy", "", [call.caller]);
    else this.#end(call, "declined", reason, [call.caller]);
  }

  // Connecting.

  #connect(call: Call): void {
    this.#enter(call, "connecting");
    for (const side of call.sides) {
      const other = call.other(side).party;
      if (side.party === null || other === null) continue;
      const { name, isGuest: guest, key, host, port } = other;
      this.parts.out.send(side.party.link.id, {
        type: "meet",
        call: call.idBytes,
        ...{ name, guest, key, host, port },
        isCaller: side === call.caller,
        mayRelay: this.parts.mayRelay,
      });
    }
  }

  /** @returns What is wrong with the message; null where nothing is. */
  relayPlease(party: Party, { call: id }: DirectoryMessageOf<"relay-please">): string | null {
    const { call, side } = this.#get(id, party) ?? {};
    if (call?.phase !== "connecting" || call.isRelayed) return null;
    if (side !== call.caller) return "it isn't its to ask for a relay";
    if (!this.parts.mayRelay) {
      this.#end(call, "unreachable", "neither could dial the other", call.sides);
      return null;
    }
    call.relay();
    for (const { party } of call.sides) {
      if (party !== null) {
        this.parts.out.send(party.link.id, { type: "relay-on", call: call.idBytes });
      }
    }
    return null;
  }

  /** @returns What is wrong with the message; null where nothing is. */
  begun(party: Party, { call: id, route }: DirectoryMessageOf<"begun">): string | null {
    const { call, side } = this.#get(id, party) ?? {};
    if (call?.phase !== "connecting" || side === undefined) return null;
    if (route === "relay" && !call.isRelayed) return "nothing is relayed for it";
    side.route = route;
    if (call.sides.every(({ route, party }) => route !== null || party === null)) this.#talks(call);
    return null;
  }

  #talks(call: Call): void {
    if (call.sides.every(({ route }) => route !== "relay")) this.relays.end(call);
    this.#enter(call, "connected");
    this.#show(call, "connected");
  }

  // Its end.

  /** The directory is being stopped: calls go on, nobody is told that one ended. */
  close(): void {
    this.#isClosing = true;
  }

  hangUp(party: Party, { call: id, reason }: DirectoryMessageOf<"hang-up">): void {
    const { call, side } = this.#get(id, party) ?? {};
    if (call === undefined || side === undefined || side.hasHungUp) return;
    const told = [call.other(side)];
    if (call.phase === "ringing") {
      return this.#end(call, side === call.callee ? "declined" : "cancelled", reason, told);
    }
    if (call.sides.every(({ route }) => route === null)) {
      if (reason === "unreachable") return this.#end(call, "unreachable", "", told);
      return this.#end(call, "cancelled", reason, told);
    }
    if (call.phase === "connecting") this.#talks(call);
    this.#leaves(call, side);
  }

  /** One side of a call has hung up. The other still gets what is being relayed. */
  #leaves(call: Call, side: Side): void {
    const other = call.other(side);
    side.hasHungUp = true;
    if (call.phase !== "ending") this.#show(call, "ended");
    if (!call.isRelayed || other.hasHungUp || other.party === null) return this.#remove(call);
    this.#enter(call, "ending");
  }

  /** A client, or a visitor, is gone. @param because How its session ended; null: it comes in anew. */
  gone(party: Party, because: LogoutReason | null): void {
    for (const call of [...party.calls]) {
      const side = call.sideOf(party)!;
      side.party = null;
      this.#isGone(call, side, because);
    }
    party.calls.clear();
  }

  #isGone(call: Call, side: Side, because: LogoutReason | null): void {
    const other = call.other(side);
    const told = this.#isClosing ? [] : [other];
    const reason = because === "kicked" ? because : "lost";
    switch (call.phase) {
      case "ringing":
        if (side === call.callee) return this.#end(call, "offline", "", told);
        return this.#end(call, "cancelled", reasonGone(because), told);
      case "connecting":
        if (other.route === null || call.isRelayed) {
          return this.#end(call, "unreachable", "lost", told);
        }
        side.route ??= "direct";
        return this.#talks(call); // without the directory
      case "connected":
        if (!call.isRelayed && because !== "kicked") { // it goes on
          if (other.party !== null) return;
          if (this.#isClosing) return this.#remove(call);
        }
        return this.#end(call, "ended", reason, call.isRelayed ? told : [], side.name);
      case "ending":
        if (!side.hasHungUp) this.#remove(call);
        return;
      case "over":
        return;
      default:
        unreachable(call.phase);
    }
  }

  #end(
    call: Call,
    state: CallOutcome,
    reason: string,
    told: readonly Side[],
    by?: string,
  ): void {
    for (const { party } of told) {
      if (party !== null) this.#tell(party.link, call.idBytes, state, reason);
    }
    this.#show(call, state, reason, by);
    this.#remove(call);
  }

  #remove(call: Call): void {
    this.relays.end(call);
    this.#byId.delete(call.id);
    this.#enter(call, "over");
    for (const { party } of call.sides) {
      party?.calls.delete(call);
      if (party !== null) this.#leftIfVisitor(party);
    }
  }

  /** A visitor without a call has nothing to do here. */
  #leftIfVisitor(party: Party): void {
    if (!(party instanceof Visitor) || party.calls.size > 0) return;
    this.parts.out.push({ type: "close", link: party.link.id, reason: "the call is over" });
  }

  /** Enters the phase. */
  #enter(call: Call, phase: Call["phase"]): void {
    call.enter(phase);
    this.#arm(call);
  }

  #arm(call: Call): void {
    const msMax = MS_MAX[call.phase];
    this.#deadlines.set(call, msMax === null ? null : this.parts.out.nowMs + msMax);
  }

  #tell({ id }: ClientLink, call: Uint8Array, state: CallOutcome, reason: string): void {
    this.parts.out.send(id, { type: "outcome", call, state, reason });
  }

  #show(
    { caller, callee }: Call,
    state: "ringing" | "connected" | CallOutcome,
    reason = "",
    by?: string,
  ): void {
    const shown = { event: "call", from: caller.name, to: callee.name, state } as const;
    const isGone = reason === "lost" || reason === "kicked";
    if (state === "cancelled" && isGone) this.parts.out.show({ ...shown, reason });
    else if (state === "ended" && reason === "kicked" && by !== undefined) {
      this.parts.out.show({ ...shown, reason, by });
    } else if (state === "declined" && reason === "key-changed") {
      this.parts.out.show({ ...shown, reason });
    } else this.parts.out.show(shown);
  }

  // Relaying.

  /** Bytes for the other side. @returns What is wrong with them; null where nothing is. */
  relayed(party: Party, { call: id, bytes }: DirectoryMessageOf<"relay">): string | null {
    const { call, side } = this.#get(id, party) ?? {};
    if (call === undefined || side === undefined || side.flow === null) return null;
    return this.relays.relayed(call, side, bytes);
  }

  /** One side has taken this many of its bytes. @returns What is wrong with that; null where nothing is. */
  taken(party: Party, { call: id, bytes }: DirectoryMessageOf<"relay-room">): string | null {
    const { call, side } = this.#get(id, party) ?? {};
    return call === undefined || side === undefined ? null : this.relays.taken(call, side, bytes);
  }

  /** It takes data again. */
  drained({ calls }: Party): void {
    for (const call of calls) this.relays.pump(call);
  }

  // Time.

  nextMs(): number | null {
    return earliestMs(this.#deadlines.nextMs(), this.relays.nextMs());
  }

  tick(nowMs: number): void {
    for (const call of this.#deadlines.takeDue(nowMs)) {
      if (call.phase === "ringing") this.#end(call, "timeout", "", call.sides);
      else if (call.phase === "connecting") this.#end(call, "unreachable", "", call.sides);
      else this.#remove(call);
    }
    this.relays.tick(nowMs);
  }
}

/** What the callee is told of a caller that is gone while it rang; empty: it has withdrawn. */
function reasonGone(because: LogoutReason | null): string {
  if (because === "quit" || because === "forgotten") return "";
  return because === "kicked" ? because : "lost";
}

const MS_MAX = {
  ringing: RINGING_MS_MAX,
  connecting: CONNECTING_MS_MAX,
  connected: null,
  ending: ENDING_MS_MAX,
  over: null,
} as const;
