/**
 * All calls. A client that rings, is rung, or talks is in no other call. The directory brings two clients together
 * and knows that they talk; what they say doesn't pass through it, unless it relays the call.
 */

import type { FoldedName } from "../../../base/ids.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import { unreachable } from "../../../base/invariant.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { foldName } from "../../../base/text/names.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { LogoutReason } from "../schema/events.ts";
import { CONNECTING_MS_MAX, ENDING_MS_MAX, RINGING_MS_MAX } from "../schema/limits.ts";
import { BUSY, type CallOutcome, type DirectoryMessageOf } from "../schema/messages.ts";
import { Call, type Client, Side } from "../sessions/client_session.ts";
import type { Presence } from "../sessions/presence.ts";
import type { Sessions } from "../sessions/sessions.ts";

export class Calls {
  #isClosing = false;
  readonly #byId = new Map<string, Call>();
  /** When calls time out in which the directory waits for a client. */
  readonly #deadlines = new DeadlineQueue<Call>();
  readonly relays: Relays;

  /** @param mayRelay Whether calls may be relayed through the directory. */
  constructor(
    readonly sessions: Pick<Sessions, "named">,
    readonly presence: Pick<Presence, "changed">,
    readonly out: DirectoryOutput,
    readonly mayRelay: boolean,
    /** Whether somebody of that name is in at another instance. */
    readonly isElsewhere: (name: FoldedName) => boolean = () => false,
  ) {
    this.relays = new Relays(out);
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
      this.#tell(client, bytes, state, reason);
      return null;
    };
    if (!client.link.calls.take(this.out.nowMs)) {
      return refuse("busy", "too many calls within a short time");
    }
    const callee = this.sessions.named(foldName(name));
    const { call: current } = client;
    if (current !== null) {
      const isRung = current.phase === "ringing" && current.callee.client === client;
      if (!isRung) return refuse("busy", "you are in a call");
      const isEachOther = callee !== null && current.caller.client === callee;
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
    if (callee === null) {
      return this.isElsewhere(foldName(name))
        ? refuse("unreachable", "they are at another instance of the directory")
        : refuse("offline", "");
    }
    if (callee === client) this.#selfCall(client, id);
    else if (isRefused(message, callee)) {
      // The caller is told the key, and its callee isn't disturbed by a call that can't be.
      this.out.send(client.link.id, {
        type: "rings",
        call: bytes,
        name: callee.name,
        key: callee.key,
      });
    } else if (callee.call !== null && !this.#isLeftBy(client, callee.call)) {
      if (callee.link.missedCalls.take(this.out.nowMs)) {
        this.out.send(callee.link.id, { type: "missed", from: client.name });
      }
      return refuse("busy", "");
    } else if (!callee.link.rings.take(this.out.nowMs)) return refuse("busy", "");
    else this.#ring(client, callee, id);
    return null;
  }

  /** Whether the client has hung up this call, which its callee is about to learn. */
  #isLeftBy(client: Client, call: Call): boolean {
    return call.phase === "ending" && call.sideOf(client) !== null;
  }

  #selfCall(client: Client, id: string): void {
    const side = new Side(client, client);
    this.#add(new Call(id, side, side, "connecting"));
  }

  #ring(caller: Client, callee: Client, id: string): void {
    const call = new Call(id, new Side(caller, caller), new Side(callee, callee), "ringing");
    this.#add(call);
    const { name: from, isGuest: guest, key } = caller;
    this.out.send(callee.link.id, { type: "incoming", call: call.idBytes, from, guest, key });
    const { name, key: calleeKey } = callee;
    this.out.send(caller.link.id, { type: "rings", call: call.idBytes, name, key: calleeKey });
    this.#show(call, "ringing");
  }

  #add(call: Call): void {
    this.#byId.set(call.id, call);
    for (const { client } of call.sides) {
      if (client === null) continue;
      const wasBusy = client.isBusy;
      client.call = call;
      if (client.isBusy !== wasBusy) this.presence.changed(client);
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
    for (const side of call.sides) {
      const { client } = side;
      const other = call.other(side).client;
      if (client === null || other === null) continue;
      const isCaller = side === call.caller;
      this.out.send(client.link.id, {
        type: "meet",
        call: call.idBytes,
        instead: isCaller || later === null ? null : Uint8Array.fromHex(later),
        name: other.name,
        guest: other.isGuest,
        key: other.key,
        host: other.host,
        port: other.port,
        isCaller,
        mayRelay: this.mayRelay,
      });
    }
  }

  /** @returns What is wrong with the message; null where nothing is. */
  relayPlease(client: Client, { call: id }: DirectoryMessageOf<"relay-please">): string | null {
    const { call, side } = this.#get(id, client) ?? {};
    if (call?.phase !== "connecting") return null;
    if (side !== call.caller || side === call.callee) return "it isn't its to ask for a relay";
    if (call.isRelayed) return null;
    if (!this.mayRelay) {
      this.#end(call, "unreachable", "neither could dial the other", call.sides);
      return null;
    }
    call.relay();
    for (const { client } of call.sides) {
      if (client !== null) this.out.send(client.link.id, { type: "relay-on", call: call.idBytes });
    }
    return null;
  }

  /** @returns What is wrong with the message; null where nothing is. */
  begun(client: Client, { call: id, route }: DirectoryMessageOf<"begun">): string | null {
    const { call, side } = this.#get(id, client) ?? {};
    if (call?.phase !== "connecting" || side === undefined) return null;
    if (route === "relay" && !call.isRelayed) return "nothing is relayed for it";
    side.route = route;
    if (call.sides.some(({ route }) => route === null)) return null;
    this.#talks(call);
    return null;
  }

  #talks(call: Call): void {
    if (call.sides.every(({ route }) => route === "direct")) this.relays.end(call);
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
      const sides = [new Side(client, client), new Side(other, null)] as const;
      for (const side of sides) side.route = "direct";
      this.#add(new Call(id, ...sides, "connected"));
      return;
    }
    const side = call.sides.find(({ folded }) => folded === client.folded);
    if (side === undefined || call.other(side).folded !== other.folded) return;
    if (side.client !== null || side.hasHungUp || call.phase !== "connected") return;
    if (side.key !== null && side.key !== client.key) return;
    side.key = client.key;
    side.client = client;
    client.call = call;
    this.presence.changed(client);
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
    if (client !== null && wasBusy) this.presence.changed(client);
    if (call.phase !== "ending") this.#show(call, "ended");
    if (other.hasHungUp || other.client === null) return this.#remove(call);
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
    if (because === "kicked") call.kicked ??= side;
    const other = call.other(side);
    // When the directory stops, the other is about to learn that.
    const told = this.#isClosing ? [] : [other];
    switch (call.phase) {
      case "ringing":
        if (side === call.caller) return this.#end(call, "cancelled", reasonGone(because), told);
        return this.#end(call, "offline", "", told);
      case "connecting":
        if (other.route === null || side === other || call.isRelayed) {
          return this.#end(call, "unreachable", "lost", told);
        }
        side.route ??= "direct";
        return this.#talks(call); // without the directory
      case "connected":
        if (call.isRelayed) {
          return this.#end(call, "ended", because === "kicked" ? because : "lost", told);
        }
        if (other.client !== null) return;
        // The two go on without the directory.
        if (this.#isClosing) return this.#remove(call);
        return this.#end(call, "ended", "lost", []);
      case "ending":
        return this.#remove(call);
      case "over":
        return;
      default:
        unreachable(call.phase);
    }
  }

  /** @param told The sides that don't know yet. */
  #end(call: Call, state: CallOutcome, reason: string, told: readonly Side[]): void {
    for (const { client } of told) {
      if (client !== null) this.#tell(client, call.idBytes, state, reason);
    }
    this.#show(call, state, reason);
    this.#remove(call);
  }

  #remove(call: Call): void {
    this.relays.end(call);
    this.#byId.delete(call.id);
    this.#enter(call, "over");
  }

  #enter(call: Call, phase: Call["phase"]): void {
    const wereBusy = call.sides.map(({ client }) => client?.isBusy);
    call.enter(phase);
    for (const [index, { client }] of call.sides.entries()) {
      if (client === null) continue;
      if (phase === "over" && client.call === call) client.call = null;
      if (client.isBusy !== wereBusy[index]) this.presence.changed(client);
    }
    this.#arm(call);
  }

  #arm(call: Call): void {
    const msMax = MS_MAX[call.phase];
    this.#deadlines.set(call, msMax === null ? null : this.out.nowMs + msMax);
  }

  #tell(client: Client, call: Uint8Array, state: CallOutcome, reason: string): void {
    this.out.send(client.link.id, { type: "outcome", call, state, reason });
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
    if (state === "cancelled" && isGone) this.out.show({ ...shown, reason });
    else if (state === "ended" && kicked !== null) {
      this.out.show({ ...shown, reason: "kicked", by: kicked.name });
    } else if (state === "declined" && reason === "key-changed") {
      this.out.show({ ...shown, reason });
    } else this.out.show(shown);
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

  /** The client's link takes data again. */
  drained(client: Client): void {
    if (client.call !== null) this.relays.pump(client.call);
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
function isRefused({ refused }: DirectoryMessageOf<"call">, { key }: Client): boolean {
  return refused.length > 0 && refused.includes(fingerprintOf(key));
}

/** Forwards what is sent in relayed calls, as fast as rate limits and the receiver allow. */
export class Relays {
  readonly #deadlines = new DeadlineQueue<Call>();
  /** Bytes relayed in all calls, in both directions. */
  relayedBytes = 0;

  constructor(readonly out: DirectoryOutput) {}

  /** @returns What is wrong with the message; null where nothing is. */
  relayed(call: Call, side: Side, bytes: Uint8Array): string | null {
    if (side.flow?.add(bytes) === false) return "it has no room for that";
    this.relayedBytes += bytes.length;
    for (const { client } of call.sides) if (client !== null) client.relayedBytes += bytes.length;
    this.pump(call);
    return null;
  }

  /** @returns What is wrong with the message; null where nothing is. */
  taken(call: Call, side: Side, bytes: number): string | null {
    const sender = call.other(side);
    if (sender.flow === null) return null;
    if (!sender.flow.taken(bytes)) return "it wasn't sent so much";
    if (sender.client !== null) {
      this.out.send(sender.client.link.id, { type: "relay-room", call: call.idBytes, bytes });
    }
    return null;
  }

  pump(call: Call): void {
    const { nowMs } = this.out;
    let dueMs: number | null = null;
    for (const side of call.sides) {
      const { flow } = side;
      const receiver = call.other(side).client;
      if (flow === null || receiver === null || receiver.isCongested) continue;
      for (let bytes = flow.next(nowMs); bytes !== null; bytes = flow.next(nowMs)) {
        this.out.send(receiver.link.id, { type: "relay", call: call.idBytes, bytes });
      }
      dueMs = earliestMs(dueMs, flow.dueMs(nowMs));
    }
    this.#deadlines.set(call, dueMs);
  }

  /** Nothing more is forwarded. */
  end(call: Call): void {
    for (const side of call.sides) side.flow = null;
    this.#deadlines.set(call, null);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(nowMs: number): void {
    // Takes all due calls before it serves any: one that is due again at once waits for the next turn.
    for (const call of [...this.#deadlines.takeDue(nowMs)]) this.pump(call);
  }
}
