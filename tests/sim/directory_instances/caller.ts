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
  /** The link to the callee's instance, where that is another one. */
  visit: { readonly link: Somebody; readonly program: SimProgram } | null;
  isRelayOn: boolean;
  route: "direct" | "relay";
}

export class SimCaller {
  call: SimCall | null = null;
  /** Who has called it while it called them, or while it talked with them. */
  #next: DirectoryMessageOf<"incoming"> | null = null;
  /** What it said last as it came in. */
  #saidBusy = false;
  /** How often it was rung. */
  rung = 0;

  constructor(readonly world: World, readonly person: SimPerson) {}

  get #isIn(): boolean {
    return this.person.isIn;
  }

  /** What it says as it comes in. */
  get isBusy(): boolean {
    return this.#saidBusy = this.call?.phase === "talking";
  }

  #tellsBusy(): void {
    this.#says({ type: "busy", busy: this.call?.phase === "talking" });
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
    const said = { ...message, call: Uint8Array.fromHex(id) } as DirectoryMessage;
    const visit = this.call?.id === id ? this.call.visit : null;
    if (visit === null) this.#says(said);
    else visit.program.run(() => visit.link.says(said));
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
      ...{ id, peer, phase, mayRelay: false, visit: null, isRelayOn: false, route: "direct" },
      isCaller: phase === "ringing",
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
      : call.route === "direct" || call.visit === null
      ? call.route
      : "relay elsewhere";
    const what = `${way}: ${word}`;
    outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    if (call?.visit) this.#closes(call);
    this.#tellsBusy();
    const next = this.#next;
    this.#next = null;
    if (next !== null && this.#isIn) this.#incoming(next);
  }

  #closes(call: SimCall): void {
    const { visit } = call;
    call.visit = null;
    visit?.program.run(() => visit.link.isClosed || visit.link.goesDown(true));
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
        if (this.#saidBusy !== (this.call?.phase === "talking")) this.#tellsBusy();
        return;
      case "incoming":
        return this.#incoming(message);
      case "call-at":
        return this.#callAt(message);
      case "meet":
        return this.#meet(message);
      case "relay-on":
        return this.#relayOn(message);
      case "outcome":
        return this.#outcome(message);
    }
  }

  #incoming(message: DirectoryMessageOf<"incoming">): void {
    const { call: bytes, from } = message;
    const { call } = this;
    const id = bytes.toHex();
    if (call !== null) {
      const isPeer = foldName(call.peer) === foldName(from);
      if (isPeer && (call.phase === "talking" || (call.phase === "ringing" && id > call.id))) {
        this.#next = message;
        return;
      }
      if (!isPeer || call.phase !== "ringing") {
        return this.#tell({ type: "answer", accepts: false, reason: "busy" }, id);
      }
      this.#tell({ type: "hang-up", reason: "cancelled" });
      this.#closes(call);
      this.rung++;
      Object.assign(call, { id, isCaller: false, phase: "accepted" });
      this.#tell({ type: "answer", accepts: true, reason: "" });
      this.#later(WAIT_MS_MAX, () => call.phase === "accepted" && this.#over("gave up"));
      return;
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

  #meet(
    { call: bytes, isCaller, mayRelay }: DirectoryMessageOf<"meet">,
  ): void {
    const { call, world: { random } } = this;
    const id = bytes.toHex();
    if (call?.id !== id) return;
    if (call.phase !== "ringing" && call.phase !== "accepted") return;
    if (isCaller !== call.isCaller) throw new Violation(`${this.person.device} isn't the caller`);
    Object.assign(call, { mayRelay, phase: "connecting" });
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
    this.#tellsBusy();
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

  #relayOn({ call: bytes }: DirectoryMessageOf<"relay-on">): void {
    const { call } = this;
    if (call?.id !== bytes.toHex() || call.phase !== "connecting") return;
    call.isRelayOn = true;
    this.#meets("relay");
  }

  /** The callee is in at another instance. */
  #callAt({ call: bytes, at }: DirectoryMessageOf<"call-at">): void {
    const { call, world } = this;
    if (call?.id !== bytes.toHex() || call.phase !== "ringing") return;
    const instance = world.instances.find(({ address }) => address.port === at.port);
    if (instance === undefined || !instance.isUp) return this.#over("instance lost");
    const { exchange, program } = instance;
    const { name, device } = this.person;
    const as = { process: this.person.process, rank: 0 } as Somebody;
    const link = new Somebody(exchange!, `${name}'s`, device, "10.0.0.2", as);
    exchange!.people.push(link);
    call.visit = { link, program };
    const takes = link.takes.bind(link);
    link.takes = (message) => {
      takes(message);
      world.time.after(1, () => {
        if (this.call !== call || call.visit?.link !== link) return;
        if (message.type !== "incoming") this.hears(message);
      });
    };
    program.run(() => {
      if (this.call !== call || call.visit?.link !== link) return;
      link.connects().says({ type: "visit", as: name, call: bytes, name: call.peer, refused: [] });
    });
  }

  #outcome({ call: bytes, state }: DirectoryMessageOf<"outcome">): void {
    const { call } = this;
    if (this.#next?.call.toHex() === bytes.toHex()) this.#next = null;
    if (call?.id !== bytes.toHex()) return;
    if (call.phase !== "talking") return this.#over(state);
    if (call.route === "direct") return; // the link says more than the directory knows
    this.#later(GOODBYE_MS_MAX, () => this.hangsUp(state));
  }

  // What else becomes of it.

  /** The link to its instance is gone. */
  lostDirectory(): void {
    const { call } = this;
    this.#next = null;
    if (call === null || call.phase === "connecting" || call.visit !== null) return;
    if (call.phase !== "talking" || call.route === "relay") this.hangsUp("directory down");
  }

  /** The instance of that program is killed. */
  lostInstance(program: SimProgram): void {
    if (this.call?.visit?.program === program) this.#lostVisit(this.call);
  }

  #lostVisit(call: SimCall): void {
    call.visit = null;
    call.isRelayOn = false;
    if (call.phase === "ringing") this.#over("instance lost");
    else if (call.phase === "talking" && call.route === "relay") this.hangsUp("relay lost");
  }

  /** Its program has ended. */
  ends(): void {
    if (this.call !== null) this.hangsUp("its program ended");
  }

  /** Notices what has happened to the link to the callee's instance. */
  looks(): void {
    const { call } = this;
    if (call?.visit?.link.isClosed === true) this.#lostVisit(call);
  }
}
