/**
 * All calls. A client that rings, is rung, or talks is in no other call. The directory brings two clients together
 * and knows that they talk; what they say doesn't pass through it, unless it relays the call.
 *
 * Of a call between two instances each has a `Call` of its own, and knows whether its client is in another one: so
 * who is busy is decided where they are, and nowhere else. It tells the other instance what its client does, by the
 * registrar, and is told of the other side; each has its own times, and ends the call where it hears nothing. Where it
 * is relayed, the callee's instance does that, on a link that the caller opens to it.
 */

import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import { unreachable } from "../../../base/invariant.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { foldName } from "../../../base/text/names.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { LogoutReason } from "../schema/events.ts";
import { CONNECTING_MS_MAX, ENDING_MS_MAX, RINGING_MS_MAX } from "../schema/limits.ts";
import { BUSY, type CallOutcome, type DirectoryMessageOf } from "../schema/messages.ts";
import { REFUSED_TEXTS } from "../schema/refusal_text.ts";
import type { CallSide } from "../schema/registrar_io.ts";
import { Call, type Client, type ClientLink, Side } from "../sessions/client_session.ts";
import type { Others } from "../sessions/others.ts";
import type { Presence } from "../sessions/presence.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { CallsElsewhere } from "./calls_elsewhere.ts";
import { Relays } from "./relays.ts";

interface CallsParts {
  readonly sessions: Pick<Sessions, "named">;
  readonly others: Pick<Others, "instanceOf" | "present">;
  readonly presence: Pick<Presence, "changed">;
  readonly out: DirectoryOutput;
  /** Whether calls may be relayed through the directory. */
  readonly mayRelay: boolean;
  /** Whether the engine answers, by which other instances are told. */
  readonly isUp: () => boolean;
}

export class Calls {
  #isClosing = false;
  readonly #byId = new Map<string, Call>();
  readonly #elsewhere: CallsElsewhere;
  /** When calls time out in which the directory waits for a client. */
  readonly #deadlines = new DeadlineQueue<Call>();
  readonly relays: Relays;

  constructor(readonly parts: CallsParts) {
    this.relays = new Relays(parts.out);
    this.#elsewhere = new CallsElsewhere(parts);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** A call that this client takes part in, by its id or by the id of the client's own call that was merged into it. */
  #get(id: Uint8Array, client: Client): { readonly call: Call; readonly side: Side } | null {
    const hex = id.toHex();
    const own = client.call?.later === hex ? client.call : null;
    const call = this.#byId.get(hex) ?? own;
    const side = call?.sideOf(client) ?? null;
    return call === null || side === null ? null : { call, side };
  }

  // Ringing.

  /** @returns What is wrong with the message; null where nothing is. */
  ring(client: Client, message: DirectoryMessageOf<"call">): string | null {
    const { call: bytes, name } = message;
    const id = bytes.toHex();
    if (this.#byId.has(id)) return "two calls have one number";
    const refuse = (state: CallOutcome, reason: string) => {
      this.#tell(client.link, bytes, state, reason);
      return null;
    };
    if (!client.link.calls.take(this.parts.out.nowMs)) {
      return refuse("busy", "too many calls within a short time");
    }
    const callee = this.#named(foldName(name));
    const { call: current } = client;
    if (current !== null) {
      const isRung = current.phase === "ringing" && current.callee.client === client;
      if (!isRung) return refuse("busy", "you are in a call");
      const isEachOther = callee !== null && current.caller.session === callee.session;
      // The two call each other: they get the earlier call.
      if (isEachOther && !isRefused(message, callee)) {
        this.#connect(current, id);
        return null;
      }
      // It called before it knew of the incoming call, which it thereby declines: otherwise nobody would be in a
      // call.
      if (isEachOther) this.#end(current, "declined", "key-changed", [current.caller]);
      else this.#end(current, "busy", "", [current.caller]);
    }
    if (callee === null) return refuse("offline", "");
    if (callee.client === client) this.#selfCall(client, id);
    else if (isRefused(message, callee)) {
      // The caller is told the key, and its callee isn't disturbed by a call that can't be.
      this.parts.out.send(client.link.id, {
        type: "rings",
        call: bytes,
        name: callee.name,
        key: callee.key,
      });
    } else if (callee.client === null) {
      if (!this.parts.isUp()) return refuse("unreachable", REFUSED_TEXTS.engine);
      this.#ring(Side.of(client), callee, id);
    } else if (this.#isFree(callee.client, client)) this.#ring(Side.of(client), callee, id);
    else return refuse("busy", "");
    return null;
  }

  /** Whoever is in under that name, here or at another instance. */
  #named(name: FoldedName): (Side & { readonly key: PeerKey }) | null {
    const found = this.parts.sessions.named(name) ?? this.parts.others.present(name);
    return found === null ? null : Side.of(found) as Side & { readonly key: PeerKey };
  }

  /** Whether another call may ring at this client; where it is in a call, it is told that it was called. */
  #isFree(callee: Client, caller: Pick<Side, "folded" | "key" | "name">): boolean {
    const { out } = this.parts;
    if (callee.call === null || this.#isLeftBy(caller, callee.call)) {
      return callee.link.rings.take(out.nowMs);
    }
    if (callee.link.missedCalls.take(out.nowMs)) {
      out.send(callee.link.id, { type: "missed", from: caller.name });
    }
    return false;
  }

  /** Whether the client has hung up this call, which its callee is about to learn. */
  #isLeftBy(client: Pick<Side, "folded" | "key">, call: Call): boolean {
    return call.phase === "ending" && call.sideOf(client) !== null;
  }

  #selfCall(client: Client, id: string): void {
    const side = Side.of(client);
    this.#add(new Call(id, side, side, "connecting"));
  }

  #ring(caller: Side, callee: Side, id: string): void {
    const call = new Call(id, caller, callee, "ringing");
    this.#add(call);
    const { out } = this.parts;
    const { name: from, isGuest: guest, key } = caller.present!;
    const called = callee.client?.link.id;
    if (called !== undefined) {
      out.send(called, { type: "incoming", call: call.idBytes, from, guest, key });
    }
    const { name, key: calleeKey } = callee.present!;
    const calling = caller.client?.link.id;
    if (calling !== undefined) {
      out.send(calling, { type: "rings", call: call.idBytes, name, key: calleeKey });
      this.#elsewhere.say(call, caller, "ringing");
    }
    this.#show(call, "ringing");
  }

  #add(call: Call): void {
    this.#byId.set(call.id, call);
    this.#elsewhere.add(call);
    for (const { client } of call.sides) {
      if (client === null) continue;
      const wasBusy = client.isBusy;
      client.call = call;
      if (client.isBusy !== wasBusy) this.parts.presence.changed(client);
    }
    this.#arm(call);
  }

  answer(client: Client, { call: id, accepts, reason }: DirectoryMessageOf<"answer">): void {
    const { call, side } = this.#get(id, client) ?? {};
    // The call may have been withdrawn meanwhile.
    if (call?.phase !== "ringing" || side !== call.callee) return;
    if (accepts) this.#connect(call, null);
    // The callee had begun a call of its own, which arrived after this one.
    else if (reason === BUSY) this.#end(call, "busy", "", [call.caller]);
    else this.#end(call, "declined", reason, [call.caller]);
  }

  // Connecting.

  /** @param later The id of the callee's own call, which is merged into this one. */
  #connect(call: Call, later: string | null): void {
    this.#enter(call, "connecting");
    call.later = later;
    const { callee } = call;
    if (callee.client !== null) {
      call.mayRelay = this.parts.mayRelay;
      this.#elsewhere.say(call, callee, "accepted");
    }
    for (const side of call.sides) {
      const { client } = side;
      const other = call.other(side).present;
      if (client === null || other === null) continue;
      const isCaller = side === call.caller;
      this.parts.out.send(client.link.id, {
        type: "meet",
        call: call.idBytes,
        instead: isCaller || later === null ? null : Uint8Array.fromHex(later),
        name: other.name,
        guest: other.isGuest,
        key: other.key,
        host: other.host,
        port: other.port,
        isCaller,
        mayRelay: call.mayRelay,
      });
    }
  }

  /** @returns What is wrong with the message; null where nothing is. */
  relayPlease(client: Client, { call: id }: DirectoryMessageOf<"relay-please">): string | null {
    const { call, side } = this.#get(id, client) ?? {};
    if (call?.phase !== "connecting") return null;
    if (side !== call.caller || side === call.callee) return "it isn't its to ask for a relay";
    if (call.isRelayed) return null;
    const { remote } = call.callee;
    const at = remote === null ? null : this.parts.others.instanceOf(remote);
    if (!call.mayRelay || (remote !== null && at === null)) {
      this.#end(call, "unreachable", "neither could dial the other", call.sides);
    } else if (at !== null) {
      call.isRelayedElsewhere = true;
      this.parts.out.send(client.link.id, { type: "relay-on", call: call.idBytes, at });
    } else this.#relay(call);
    return null;
  }

  #relay(call: Call): void {
    call.relay();
    for (const { link } of call.sides) {
      if (link === null) continue;
      this.parts.out.send(link.id, { type: "relay-on", call: call.idBytes, at: null });
    }
  }

  /**
   * A caller that is in at another instance has opened this link, as the call is to be relayed here: its key, and the
   * process, are proved by the link. @returns Whether there is such a call.
   */
  joins(link: ClientLink, { call: id }: DirectoryMessageOf<"relay-please">): boolean {
    const call = this.#byId.get(id.toHex());
    const remote = call?.caller.remote ?? null;
    if (call?.phase !== "connecting" || remote === null || !call.mayRelay) return false;
    if (remote.key !== link.peer || remote.process !== link.process || call.isRelayed) return false;
    call.caller.joined = link;
    link.relays = call;
    return true;
  }

  /** The link that has joined is open. */
  joined(link: ClientLink): void {
    if (link.relays !== null) this.#relay(link.relays);
  }

  /** The link that has joined is gone. @param closed Whether the client has closed it. */
  leftRelay({ relays: call }: ClientLink, closed: boolean): void {
    if (call === null || call.caller.joined === null) return;
    const { caller: side } = call;
    side.joined = null;
    if (call.phase === "connecting") this.relays.end(call);
    if (!call.isRelayed || side.hasHungUp) return;
    if (call.phase === "ending") this.#remove(call);
    else if (closed) this.#leaves(call, side);
    else this.#end(call, "ended", "lost", call.sides);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  begun(client: Client, { call: id, route }: DirectoryMessageOf<"begun">): string | null {
    const { call, side } = this.#get(id, client) ?? {};
    if (call?.phase !== "connecting" || side === undefined) return null;
    if (route === "relay" && !call.isRelayed && !call.isRelayedElsewhere) {
      return "nothing is relayed for it";
    }
    side.route = route;
    // Of a side at another instance, that one knows.
    if (call.sides.some(({ route, client }) => route === null && client !== null)) return null;
    this.#talks(call);
    return null;
  }

  #talks(call: Call): void {
    const isRelayed = call.sides.some(({ route }) => route === "relay");
    if (!isRelayed) this.#endRelay(call);
    this.#enter(call, "connected");
    this.#show(call, "connected");
  }

  /** A direct call went on while its client, or the directory, was away. */
  talksOn(client: Client, talking: { readonly call: Uint8Array; readonly name: string }): void {
    const id = talking.call.toHex();
    const other = { name: talking.name, folded: foldName(talking.name) };
    const call = this.#byId.get(id);
    if (call === undefined) {
      if (other.folded === client.folded) return;
      const sides = [Side.of(client), new Side(other, null)] as const;
      for (const side of sides) side.route = "direct";
      this.#add(new Call(id, ...sides, "connected"));
      return;
    }
    const side = call.sides.find(({ folded }) => folded === client.folded);
    if (side === undefined || call.other(side).folded !== other.folded) return;
    if (side.client !== null || (side.key !== null && side.key !== client.key)) return;
    const isAgain = call.phase === "ending" && side.wasEnded;
    if (call.phase !== "connected" && !isAgain) return;
    side.hasHungUp = side.wasEnded = false;
    side.key = client.key;
    side.client = client;
    side.remote = null;
    client.call = call;
    this.parts.presence.changed(client);
    if (!isAgain) return;
    this.#enter(call, "connected");
    this.#show(call, "connected");
  }

  // The end.

  /** The directory is about to stop. */
  close(): void {
    this.#isClosing = true;
  }

  hangUp(client: Client, { call: id, reason }: DirectoryMessageOf<"hang-up">): void {
    const { call, side } = this.#get(id, client) ?? {};
    if (call === undefined || side === undefined || side.hasHungUp) return;
    const other = call.other(side);
    // Each side has heard the other say that they talk, while its own `begun` may still be on its way.
    const isTalking = call.sides.some(({ route }) => route !== null) && other !== side;
    if (isTalking && call.phase !== "over") {
      if (call.phase === "connecting") this.#talks(call);
      return this.#leaves(call, side);
    }
    const told = other === side ? [] : [other];
    if (call.phase === "connecting" && reason === "unreachable") {
      return this.#end(call, "unreachable", "", told);
    }
    const state = call.phase === "connected" || call.phase === "ending"
      ? "ended"
      : call.phase === "ringing" && side === call.callee
      ? "declined"
      : "cancelled";
    this.#end(call, state, reason, told);
  }

  /** One side of a call that was connected has hung up; the other finds that out by itself. */
  #leaves(call: Call, side: Side): void {
    const other = call.other(side);
    const { client } = side;
    const wasBusy = client?.isBusy === true;
    side.hasHungUp = true;
    if (client?.call === call) client.call = null;
    if (client !== null && wasBusy) this.parts.presence.changed(client);
    if (client !== null) this.#elsewhere.say(call, side, "left");
    if (call.phase !== "ending") this.#show(call, "ended");
    if (other.hasHungUp || other.link === null) return this.#remove(call);
    this.#enter(call, "ending");
  }

  /** The client isn't in any more. @param because The reason that the operator is told. */
  gone(client: Client, because: LogoutReason | null): void {
    const { call } = client;
    client.call = null;
    for (const ending of [...this.#byId.values()]) {
      if (ending.phase !== "ending" || ending === call) continue;
      // Whatever was still in transit to it, in a call that it has left, is lost.
      for (const side of ending.sides) if (side.client === client) side.client = null;
    }
    const side = call?.sides.find((each) => each.client === client);
    if (call === null || side === undefined) return;
    side.client = null;
    this.#isGone(call, side, because);
  }

  /** The side isn't in any more, here or at its instance. */
  #isGone(call: Call, side: Side, because: LogoutReason | null): void {
    if (because === "kicked") call.kicked ??= side;
    const other = call.other(side);
    // When the directory stops, the other is about to learn that.
    const told = this.#isClosing ? [] : [other];
    // The caller's instance is gone, and this one relays: the two go on.
    const goesOn = side.joined !== null;
    switch (call.phase) {
      case "ringing":
        if (side === call.caller) return this.#end(call, "cancelled", reasonGone(because), told);
        return this.#end(call, "offline", "", told);
      case "connecting":
        if (goesOn) return;
        if (other.route === null || side === other || call.isRelayed) {
          // The other's instance knows whether the two talk, and is told that this one is gone.
          return this.#end(call, "unreachable", "lost", other.remote === null ? told : []);
        }
        side.route ??= "direct";
        return this.#talks(call); // without the directory
      case "connected":
        // It may talk on at another instance, which speaks for it then.
        if (goesOn || (other.client !== null && !call.isRelayed)) {
          return this.#elsewhere.takeBack(call, side);
        }
        if (call.isRelayed) {
          return this.#end(call, "ended", because === "kicked" ? because : "lost", told);
        }
        // The two go on without the directory.
        if (this.#isClosing || other.remote !== null) return this.#remove(call);
        return this.#end(call, "ended", "lost", []);
      case "ending":
        if (!side.hasHungUp) this.#remove(call);
        return;
      case "over":
        return;
      default:
        unreachable(call.phase);
    }
  }

  /** @param told The sides that don't know yet. */
  #end(call: Call, state: CallOutcome, reason: string, told: readonly Side[]): void {
    for (const side of told) {
      const { link } = side;
      if (link !== null) this.#tell(link, call.idBytes, state, reason);
      if (side.client === null) this.#elsewhere.say(call, call.other(side), state, reason);
    }
    this.#show(call, state, reason);
    this.#remove(call);
  }

  #remove(call: Call): void {
    this.#endRelay(call);
    this.#byId.delete(call.id);
    this.#elsewhere.remove(call);
    this.#enter(call, "over");
  }

  /** Nothing more is relayed. */
  #endRelay(call: Call): void {
    this.relays.end(call);
    const { caller } = call;
    if (caller.joined === null) return;
    this.parts.out.push({ type: "close", link: caller.joined.id, reason: "nothing is relayed" });
    caller.joined.relays = caller.joined = null;
  }

  #enter(call: Call, phase: Call["phase"]): void {
    const wereBusy = call.sides.map(({ client }) => client?.isBusy);
    call.enter(phase);
    for (const [index, { client }] of call.sides.entries()) {
      if (client === null) continue;
      if (phase === "over" && client.call === call) client.call = null;
      if (client.isBusy !== wereBusy[index]) this.parts.presence.changed(client);
    }
    this.#arm(call);
  }

  #arm(call: Call): void {
    const msMax = MS_MAX[call.phase];
    this.#deadlines.set(call, msMax === null ? null : this.parts.out.nowMs + msMax);
  }

  #tell({ id }: ClientLink, call: Uint8Array, state: CallOutcome, reason: string): void {
    this.parts.out.send(id, { type: "outcome", call, state, reason });
  }

  /** Reports the call to the operator, unless one side was never in since the start: the other may have made it up. */
  #show(
    { caller, callee, kicked }: Call,
    state: "ringing" | "connected" | CallOutcome,
    reason = "",
  ): void {
    if (caller.key === null || callee.key === null) return;
    // The rest is what the two tell each other.
    const shown = { event: "call", from: caller.name, to: callee.name, state } as const;
    const isGone = reason === "lost" || reason === "kicked";
    if (state === "cancelled" && isGone) this.parts.out.show({ ...shown, reason });
    else if (state === "ended" && kicked !== null) {
      this.parts.out.show({ ...shown, reason: "kicked", by: kicked.name });
    } else if (state === "declined" && reason === "key-changed") {
      this.parts.out.show({ ...shown, reason });
    } else this.parts.out.show(shown);
  }

  // Between instances.

  /** The other side of a call has done something, at its instance. */
  heard(said: CallSide): void {
    if (said.state === "ringing") return this.#ringsFrom(said);
    const call = this.#byId.get(said.call);
    const side = call?.sides.find(({ folded }) => folded === foldName(said.name));
    if (call === undefined || side === undefined || side.client !== null || side.hasHungUp) return;
    const { state, reason } = said;
    if (state === "accepted") {
      if (call.phase !== "ringing" || side !== call.callee) return;
      call.mayRelay = said.mayRelay;
      return this.#connect(call, null);
    }
    const other = call.other(side);
    // Where ours talks, it finds out by itself; what the directory has ended, it is told.
    const isTalking = other.route !== null || call.phase === "ending";
    if (call.phase !== "ringing" && (state === "left" || (isTalking && state !== "ended"))) {
      if (call.phase === "connecting") this.#talks(call);
      side.wasEnded = state !== "left" && !call.isRelayed;
      return this.#leaves(call, side);
    }
    this.#end(call, state === "left" ? "cancelled" : state, reason, [other]);
  }

  #ringsFrom({ call: id, name, session, to, toSession }: CallSide): void {
    const { sessions, others } = this.parts;
    const caller = others.present(foldName(name));
    const client = sessions.named(foldName(to));
    // Who isn't there any more as the call was made, the other instance is told of as well.
    if (caller?.id !== session || client?.session !== toSession) return;
    const [from, callee] = [Side.of(caller), Side.of(client)];
    const { call: current } = client;
    const isEachOther = current?.phase === "ringing" && current.caller.client === client &&
      current.callee.folded === from.folded;
    // Both call each other: they get the call with the lower number, which its callee's instance brings about.
    if (isEachOther && current.id < id) return;
    const call = new Call(id, from, callee, "ringing");
    if (isEachOther) {
      this.#elsewhere.say(current, current.caller, "cancelled");
      this.#remove(current);
      this.#add(call);
      this.#connect(call, current.id);
    } else if (!this.#byId.has(id) && this.#isFree(client, from)) this.#ring(from, callee, id);
    else this.#elsewhere.say(call, callee, "busy");
  }

  /** By that name another session is in elsewhere now than before; null: none is. */
  changedElsewhere(name: FoldedName, session: string | null): void {
    for (const call of this.#elsewhere.with(name)) {
      const side = call.sides.find(({ folded }) => folded === name);
      if (side === undefined || side.remote === null || side.remote.id === session) continue;
      side.remote = null;
      this.#isGone(call, side, "lost");
    }
  }

  /** The operator has thrown out who has this name and key: nothing is relayed for them, wherever they are in. */
  kicked({ folded, key }: Pick<Side, "folded" | "key">): void {
    for (const call of this.#elsewhere.with(folded)) {
      const side = call.sideOf({ folded, key });
      if (side === null || side.joined === null) continue;
      call.kicked = side;
      this.#end(call, "ended", "kicked", call.sides);
    }
  }

  // What is relayed.

  /** @returns What is wrong with the message; null where nothing is. */
  relayed(client: Client, { call: id, bytes }: DirectoryMessageOf<"relay">): string | null {
    const { call, side } = this.#get(id, client) ?? {};
    if (call === undefined || side === undefined || side.flow === null) return null;
    return this.relays.relayed(call, side, bytes);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  taken(client: Client, { call: id, bytes }: DirectoryMessageOf<"relay-room">): string | null {
    const { call, side } = this.#get(id, client) ?? {};
    if (call === undefined || side === undefined) return null;
    return this.relays.taken(call, side, bytes);
  }

  /** A message on a link that has joined. @returns What is wrong with it; null where nothing is. */
  relaying({ relays: call }: ClientLink, message: DirectoryMessageOf<"relay" | "relay-room">) {
    if (call === null || call.id !== message.call.toHex()) return null; // it is over
    const { caller } = call;
    if (message.type === "relay-room") return this.relays.taken(call, caller, message.bytes);
    return caller.flow === null ? null : this.relays.relayed(call, caller, message.bytes);
  }

  /** The link takes data again. */
  drained({ client, relays }: ClientLink): void {
    const call = relays ?? client?.call ?? null;
    if (call !== null) this.relays.pump(call);
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

/** Why there is no caller any more: empty where its user has left. */
function reasonGone(because: LogoutReason | null): string {
  if (because === "quit" || because === "forgotten") return "";
  return because === "kicked" ? because : "lost";
}

/** How long a call may stay in each phase. */
const MS_MAX = {
  ringing: RINGING_MS_MAX,
  connecting: CONNECTING_MS_MAX,
  connected: null,
  ending: ENDING_MS_MAX,
  over: null,
} as const;

/** Whether the caller wants no call with whoever has the callee's key. */
function isRefused(
  { refused }: DirectoryMessageOf<"call">,
  { key }: { readonly key: PeerKey },
): boolean {
  return refused.length > 0 && refused.includes(fingerprintOf(key));
}
