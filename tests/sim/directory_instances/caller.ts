/**
 * Calls of somebody's program in a simulated directory of several instances: as a client's program makes them, with a
 * link of their own between the two that exists where both try to talk, or a stream that an instance relays.
 */

import { foldName } from "../../../lib/base/text/names.ts";
import {
  CONNECTING_MS_MAX,
  DIRECT_MS_MAX,
  GOODBYE_MS_MAX,
  RINGING_MS_MAX,
  WAIT_MS_MAX,
} from "../../../lib/protocols/directory/schema/limits.ts";
import type {
  DirectoryMessage,
  DirectoryMessageOf,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { Somebody } from "../../protocols/directory/exchange.ts";
import { Violation } from "../directory/violation.ts";
import type { SimProgram } from "../engine.ts";
import type { SimPerson, World } from "./world.ts";

/** How long a call is talked in, and how long until its other side has noticed its end. */
const TALKED_MS_MAX = 20_000;
const NOTICED_MS_MAX = 200;
/** By so much later a callee gives up a call that doesn't begin. */
const DECIDED_MS = 2_000;

interface SimCall {
  id: string;
  readonly peer: string;
  phase: "ringing" | "asked" | "accepted" | "connecting" | "talking";
  isCaller: boolean;
  mayRelay: boolean;
  /** How it is relayed: by the own instance, or by another one, on a link to that. */
  relay: "own" | { readonly link: Somebody; readonly program: SimProgram } | null;
  isRelayOn: boolean;
  route: "direct" | "relay";
  /** The session whose instance knows of the call, as it was made in it, or told as it came in; null: none does. */
  knownIn: Somebody | null;
}

export class SimCaller {
  call: SimCall | null = null;
  /** The call in which it said that it talks, as it came in, until it is in. */
  #said: SimCall | null = null;
  /** How often it was rung. */
  rung = 0;

  constructor(readonly world: World, readonly person: SimPerson) {}

  get #isIn(): boolean {
    return this.person.isIn;
  }

  /** What it says as it comes in. */
  get talking(): { readonly call: Uint8Array; readonly name: string } | null {
    const { call } = this;
    const goesOn = call?.phase === "talking" && (call.route === "direct" || call.relay !== "own");
    return goesOn ? { call: Uint8Array.fromHex(call.id), name: call.peer } : null;
  }

  #says(message: DirectoryMessage): void {
    const { session } = this.person;
    if (session === null || !this.#isIn) return;
    session.program.run(() => session.somebody.says(message));
  }

  #tell(
    message:
      | Omit<DirectoryMessageOf<"answer">, "call">
      | Omit<DirectoryMessageOf<"begun">, "call">
      | Omit<DirectoryMessageOf<"hang-up">, "call">
      | Omit<DirectoryMessageOf<"relay-please">, "call">,
    id = this.call!.id,
  ): void {
    this.#says({ ...message, call: Uint8Array.fromHex(id) } as DirectoryMessage);
  }

  /** Does it later, if this call goes on. */
  #later(ms: number, action: (call: SimCall) => void): void {
    const { call } = this;
    this.world.time.after(ms, () => {
      if (call !== null && this.call === call) action(call);
    });
  }

  #newCall(peer: string, id: string, phase: "ringing" | "asked"): void {
    this.call = {
      ...{ id, peer, phase, mayRelay: false, relay: null, isRelayOn: false, route: "direct" },
      isCaller: phase === "ringing",
      knownIn: this.person.session?.somebody ?? null,
    };
    const call = this.call;
    this.#later(RINGING_MS_MAX + WAIT_MS_MAX, () => {
      if (call.phase !== phase) return;
      if (phase === "ringing") this.#tell({ type: "hang-up", reason: "" });
      this.#over("gave up");
    });
  }

  #over(word: string): void {
    const { call } = this;
    this.call = null;
    const { outcomes } = this.world;
    const way = call?.phase !== "talking"
      ? call?.phase
      : call.route === "direct" || call.relay === null
      ? "direct"
      : call.relay === "own"
      ? "relay"
      : "relay elsewhere";
    const what = `${way}: ${word}`;
    outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    const relay = call?.relay ?? null;
    if (relay !== null && relay !== "own") relay.program.run(() => relay.link.goesDown(true));
  }

  rings(name: string): void {
    if (this.call !== null || !this.#isIn || foldName(name) === foldName(this.person.name)) return;
    const { random } = this.world;
    const id = random.bytes(16).toHex();
    this.world.calls++;
    this.#newCall(name, id, "ringing");
    this.#says({ type: "call", call: Uint8Array.fromHex(id), name, refused: [] });
    if (random.chance(0.1)) {
      this.#later(random.between(0, 3_000), ({ phase }) => phase === "ringing" && this.#cancel());
    }
  }

  #cancel(): void {
    this.#tell({ type: "hang-up", reason: "cancelled" });
    this.#over("cancelled itself");
  }

  // What its instance says.

  hears(message: DirectoryMessage): void {
    switch (message.type) {
      case "entered":
        return this.#entered();
      case "incoming":
        return this.#incoming(message);
      case "meet":
        return this.#meet(message);
      case "relay-on":
        return this.#relayOn(message);
      case "outcome":
        return this.#outcome(message);
    }
  }

  #incoming({ call: bytes, from }: DirectoryMessageOf<"incoming">): void {
    const { call } = this;
    const id = bytes.toHex();
    if (call !== null) {
      const isPeer = foldName(call.peer) === foldName(from);
      if (call.phase === "ringing" && isPeer) return;
      // Its instance may not know yet that it has called, or that the other side has hung up.
      const isKnown = call.knownIn === this.person.session?.somebody;
      const hasBegun = call.phase === "connecting" || call.phase === "talking";
      if (hasBegun && !isPeer && isKnown) {
        throw new Violation(`${this.person.device} is rung by ${from} in a call with ${call.peer}`);
      }
      return this.#tell({ type: "answer", accepts: false, reason: "busy" }, id);
    }
    this.rung++;
    this.#newCall(from, id, "asked");
    const { random } = this.world;
    if (random.chance(0.15)) return;
    this.#later(random.between(10, 4_000), (call) => {
      if (call.phase !== "asked") return;
      const accepts = random.chance(0.8);
      this.#tell({ type: "answer", accepts, reason: "" });
      if (!accepts) return this.#over("declined itself");
      call.phase = "accepted";
      this.#later(WAIT_MS_MAX, () => call.phase === "accepted" && this.#over("gave up"));
    });
  }

  /** It comes in, and says that it talks. */
  entersBy(somebody: Somebody): void {
    this.#said = this.talking === null ? null : this.call;
    if (this.call !== null) this.call.knownIn = this.#said === null ? null : somebody;
  }

  /** It is in: the call may be over meanwhile, or have begun. */
  #entered(): void {
    const { call } = this;
    const said = this.#said;
    this.#said = null;
    if (said !== null && said !== call) this.#tell({ type: "hang-up", reason: "" }, said.id);
    const isUntold = call?.phase === "talking" && said === null && this.talking !== null;
    if (isUntold) this.#later(DECIDED_MS, () => this.person.leaves(true));
  }

  #meet(
    { call: bytes, instead, isCaller, mayRelay }: DirectoryMessageOf<"meet">,
  ): void {
    const { call, world: { random } } = this;
    const id = bytes.toHex();
    if (call === null || (call.id !== id && call.id !== instead?.toHex())) return;
    if (call.phase !== "ringing" && call.phase !== "accepted") return;
    Object.assign(call, { id, isCaller, mayRelay, phase: "connecting" });
    this.#later(CONNECTING_MS_MAX + (isCaller ? 0 : DECIDED_MS), () => {
      if (call.phase !== "connecting") return;
      this.#tell({ type: "hang-up", reason: "unreachable" });
      this.#over("gave up");
    });
    if (!isCaller) return;
    // Half of all pairs reach each other.
    const isDirect = parseInt(id[0]!, 16) < 8;
    const dials = () => {
      if (call.phase !== "connecting") return;
      if (isDirect && this.#meets("direct")) return;
      this.#later(random.between(50, 400), dials);
    };
    this.#later(random.between(20, 400), dials);
    this.#later(DIRECT_MS_MAX, () => {
      if (call.phase !== "connecting" || isDirect) return;
      if (call.mayRelay) this.#tell({ type: "relay-please" });
    });
  }

  /** The other side's program, where it is in the same call. */
  get #other(): SimCaller | null {
    const { call } = this;
    if (call === null) return null;
    const { callers } = this.world;
    return callers.find((each) => each !== this && each.call?.id === call.id) ?? null;
  }

  /** Both talk from now on, if both want to. */
  #meets(route: "direct" | "relay"): boolean {
    const other = this.#other;
    if (this.call?.phase !== "connecting" || other?.call?.phase !== "connecting") return false;
    if (route === "relay" && !(this.call.isRelayOn && other.call.isRelayOn)) return false;
    const { random, time } = this.world;
    const [caller, callee] = this.call.isCaller ? [this, other] : [other, this];
    caller.#talks(route);
    callee.#talks(route);
    const ends = random.chance(0.5) ? caller : callee;
    const { call } = ends;
    time.after(random.between(0, TALKED_MS_MAX), () => ends.call === call && ends.hangsUp());
    return true;
  }

  #talks(route: "direct" | "relay"): void {
    const call = this.call!;
    call.phase = "talking";
    call.route = route;
    this.#tell({ type: "begun", route });
  }

  /** Its user, or its program, ends it; the other side notices by their link. */
  hangsUp(word = "hung up itself"): void {
    const { call, world: { random, time } } = this;
    if (call === null) return;
    const other = this.#other;
    const its = other?.call;
    this.#tell({ type: "hang-up", reason: "" });
    this.#over(word);
    time.after(random.between(1, NOTICED_MS_MAX), () => {
      if (other !== null && its === other.call && its?.phase === "talking") {
        other.#tell({ type: "hang-up", reason: "" });
        other.#over("hung up there");
      }
    });
  }

  #relayOn({ call: bytes, at }: DirectoryMessageOf<"relay-on">): void {
    const { call, world } = this;
    if (call?.id !== bytes.toHex() || call.phase !== "connecting") return;
    if (at === null) {
      call.relay ??= "own";
      call.isRelayOn = true;
      this.#meets("relay");
      return;
    }
    const instance = world.instances.find(({ address }) => address.port === at.port);
    if (instance === undefined || !instance.isUp || call.relay !== null) return;
    const { exchange, program } = instance;
    const { name, device } = this.person;
    const as = { process: this.person.process, rank: 0 } as Somebody;
    const link = new Somebody(exchange!, `${name}'s`, device, "10.0.0.2", as);
    exchange!.people.push(link);
    call.relay = { link, program };
    const takes = link.takes.bind(link);
    link.takes = (message) => {
      takes(message);
      world.time.after(1, () => this.call === call && this.#relayLinkSays(call, message));
    };
    program.run(() => {
      if (this.call === call) link.connects().says({ type: "relay-please", call: bytes });
    });
  }

  #relayLinkSays(call: SimCall, message: DirectoryMessage): void {
    if (message.type === "relay-on") {
      call.isRelayOn = true;
      this.#meets("relay");
    } else if (message.type === "outcome") this.#outcome(message);
  }

  #outcome({ call: bytes, state }: DirectoryMessageOf<"outcome">): void {
    const { call } = this;
    if (call?.id !== bytes.toHex()) return;
    if (call.phase !== "talking") return this.#over(state);
    call.knownIn = null;
    // The link says more than the directory knows: it is told again.
    if (call.route === "direct") {
      return this.#later(DECIDED_MS, () => this.person.leaves(true));
    }
    this.#later(GOODBYE_MS_MAX, () => this.hangsUp(state));
  }

  // What else becomes of it.

  /** The link to its instance is gone. */
  lostDirectory(): void {
    const { call } = this;
    if (call === null || call.phase === "connecting") return;
    if (this.talking === null) this.hangsUp("directory down");
  }

  /** The instance of that program is killed. */
  lostInstance(program: SimProgram): void {
    const relay = this.call?.relay ?? null;
    if (relay === null || relay === "own" || relay.program !== program) return;
    this.call!.relay = null;
    this.call!.isRelayOn = false;
    if (this.call!.phase === "talking" && this.call!.route === "relay") this.hangsUp("relay lost");
  }

  /** Its program has ended. */
  ends(): void {
    if (this.call !== null) this.hangsUp("its program ended");
  }

  /** Notices what has happened to the link that relays its call. */
  looks(): void {
    const { call } = this;
    const relay = call?.relay ?? null;
    if (call === null || relay === null || relay === "own" || !relay.link.isClosed) return;
    call.relay = null;
    call.isRelayOn = false;
    if (call.phase === "talking" && call.route === "relay") this.hangsUp("relay lost");
  }
}
