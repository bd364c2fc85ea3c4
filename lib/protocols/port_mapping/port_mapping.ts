/**
 * A port of the router that leads to this program (NAT-PMP, RFC 6886; UPnP IGD, WANIPConnection).
 *
 * Whoever is on this network can answer as a router, and a router can be wrong about its own address. So an answer is a
 * hint: its address is announced only once somebody has reached this program there. A lease lasts 20 min and is renewed at
 * half of it, so that a router that was restarted, or has another address, is noticed by then.
 */

import type { Environment } from "../../base/machine/environment.ts";
import { type Endpoint, isSameEndpoint } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { Deadlines, type Machine } from "../../base/machine/machine.ts";
import { RetryPauses } from "../../base/rates/retry_pauses.ts";
import {
  isAddress,
  isLoopback,
  isPublicAddress,
  isUnicast,
  parseHost,
  PORT_MAX,
} from "../../base/text/endpoints.ts";
import type {
  MappingFailure,
  MappingNews,
  PortMappingConfig,
  PortMappingEffect,
  PortMappingInput,
  PortRequest,
  RouterAnswer,
} from "./port_mapping_io.ts";

/** What is asked for. */
const LEASE_S = 20 * 60;
const LEASE_MS = LEASE_S * 1_000;
/** A router that grants less than a minute isn't asked more often than this for it. */
const RENEW_MS_MIN = 30_000;
/** Pauses until the router is asked again. */
const RETRY_MS_MIN = 5_000;
const RETRY_MS_MAX = 30_000;
/** Other ports of the router that are tried where the wished one is taken. */
const PORTS_TRIED_MAX = 4;
/** Above those that servers have, and below those that systems give to connections that go out (RFC 6335). */
const OTHER_PORTS = { first: 20_000, last: 49_151 } as const;
/** Somebody who can dial us has done so by then, where there is anybody: a dial lasts 10 s. */
const UNPROVEN_MS = 30_000;
/** A program that ends doesn't wait longer for its router. */
const STOP_MS_MAX = 2_000;

type Mapped = Extract<RouterAnswer, { readonly kind: "mapped" }>;

/** A mapping that the router has said it made. */
interface Held {
  readonly request: PortRequest;
  readonly isPermanent: boolean;
}

/** A question that isn't answered yet. */
interface Asking {
  readonly ask: number;
  /** Which of the transports it is about. */
  readonly at: number;
  readonly request: PortRequest;
}

export class PortMapping implements Machine<PortMappingInput, PortMappingEffect> {
  readonly #pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
  readonly #deadlines = new Deadlines({
    ask: () => this.#begin(),
    /** When the lease ends that couldn't be renewed. */
    expiry: () => this.#expired(),
    unproven: () => this.#tellUnproven(),
    stop: () => this.#end(),
  });
  /** What the router has, by transport. */
  readonly #held = new Map<PortRequest["transport"], Held>();
  #asking: Asking | null = null;
  #asks = 0;
  /** The port of the router to ask for. */
  #wished: number;
  /** How many ports were taken since the last success. */
  #taken = 0;
  /** What this round's answers have in common: null before the first. */
  #answers: Mapped | null = null;
  #external: Endpoint | null = null;
  #isProven = false;
  /** The failure that was told last: the same one is told once. */
  #told: MappingFailure | null = null;
  /** The address for which was told that the mapping is of no use: that is told once. */
  #uselessAt: string | null = null;
  #phase: "idle" | "running" | "stopping" | "over" = "idle";
  #nowMs = 0;
  #out: PortMappingEffect[] = [];

  constructor(
    readonly config: PortMappingConfig,
    readonly environment: Pick<Environment, "random">,
  ) {
    this.#wished = config.port;
  }

  nextDeadlineMs(): number | null {
    return this.#deadlines.nextMs();
  }

  step(input: PortMappingInput, nowMs: number): readonly PortMappingEffect[] {
    this.#out = [];
    this.#nowMs = nowMs;
    if (this.#phase !== "over") this.#handle(input);
    return this.#out;
  }

  #handle(input: PortMappingInput): void {
    switch (input.type) {
      case "start":
        this.#phase = "running";
        return this.#begin();
      case "answered":
        return this.#answered(input.ask, input.answer);
      case "deleted":
        return this.#deleted(input.request, input.isDone);
      case "proven":
        return this.#proven(input.external);
      case "came-in":
        // Nothing else leads from the internet to a machine that needs its router for it.
        if (isPublicAddress(input.host) && this.#external !== null) this.#proven(this.#external);
        return;
      case "stop":
        return this.#stop();
      case "tick":
        this.#deadlines.tick(this.#nowMs);
        return;
      default:
        return unreachable(input);
    }
  }

  // Asking.

  /** Asks for all that is wanted, one after the other: anew, or again. */
  #begin(): void {
    if (this.#asking !== null || this.#phase !== "running") return;
    this.#answers = null;
    this.#ask(0);
  }

  #ask(at: number): void {
    const transport = this.config.transports[at]!;
    const request = { transport, internal: this.config.port, external: this.#wished };
    this.#asking = { ask: ++this.#asks, at, request };
    this.#out.push({ type: "ask", ask: this.#asks, request, leaseS: LEASE_S });
  }

  #answered(ask: number, answer: RouterAnswer): void {
    if (this.#asking?.ask !== ask) return;
    const { at, request } = this.#asking;
    this.#asking = null;
    if (answer.kind === "mapped" && portFault(answer) === null) {
      this.#hold({ ...request, external: answer.external.port }, answer.leaseS === 0);
    }
    if (this.#phase !== "running") return this.#stoppedWhileAsking(request.transport);
    if (answer.kind === "failed") return this.#failed(answer.failure);
    if (answer.kind === "taken") return this.#portTaken(answer.router);
    const text = portFault(answer) ?? hostFault(answer);
    if (text !== null) return this.#failed({ kind: "nonsense", router: answer.router, text });
    const others = this.#answers;
    this.#answers = others === null ? answer : together(others, answer);
    // All transports have one port: where the router gives another for the second, that one counts as taken.
    if (this.#answers === null) return this.#portTaken(answer.router);
    this.#wished = answer.external.port;
    if (at + 1 < this.config.transports.length) return this.#ask(at + 1);
    this.#mapped(this.#answers);
  }

  #hold(request: PortRequest, isPermanent: boolean): void {
    const before = this.#held.get(request.transport);
    if (before !== undefined && before.request.external !== request.external) {
      this.#out.push({ type: "delete", request: before.request });
    }
    this.#held.set(request.transport, { request, isPermanent });
  }

  /** Another port is wished for, and the next of them after a pause where many are taken. */
  #portTaken(router: string): void {
    this.#withdraw({ kind: "refused", router, text: "another program has the port" });
    this.#deleteAll();
    const { first, last } = OTHER_PORTS;
    this.#wished = first + Math.floor(this.environment.random() * (last - first + 1));
    if (++this.#taken <= PORTS_TRIED_MAX) return this.#begin();
    this.#taken = 0;
    this.#wished = this.config.port;
    this.#tell({ kind: "all-taken", router });
    this.#askAgain();
  }

  #failed(failure: MappingFailure): void {
    // A router that restarts comes back: until the lease ends what it gave may be there.
    if (failure.kind !== "no-router") this.#withdraw(failure);
    if (failure.kind !== "no-router") this.#deleteAll();
    this.#tellFailure(failure);
    this.#askAgain();
  }

  #tellFailure(failure: MappingFailure): void {
    const before = this.#told;
    this.#told = failure;
    if (before === null || !isSameFailure(before, failure)) this.#tell({ kind: "failed", failure });
  }

  #askAgain(): void {
    this.#deadlines.set("ask", this.#nowMs + this.#pauses.failed(this.environment.random()));
  }

  // What the router has given.

  #mapped({ by, router, external, leaseS }: Mapped): void {
    this.#taken = 0;
    this.#pauses.reset();
    const leaseMs = leaseS === 0 ? LEASE_MS : Math.min(leaseS * 1_000, LEASE_MS);
    const renewMs = Math.max(RENEW_MS_MIN, leaseMs / 2);
    this.#deadlines.set("ask", this.#nowMs + renewMs);
    if (this.config.ownHosts().includes(external.host)) {
      return this.#useless({ kind: "not-needed", host: external.host });
    }
    if (!isPublicAddress(external.host)) {
      return this.#useless({ kind: "behind-another", router, host: external.host });
    }
    this.#deadlines.set("expiry", this.#nowMs + Math.max(leaseMs, renewMs + RENEW_MS_MIN));
    this.#told = null;
    this.#uselessAt = null;
    const before = this.#external;
    if (before !== null && isSameEndpoint(before, external)) return;
    if (before === null) {
      this.#tell({ kind: "mapped", by, router, external, isPermanent: leaseS === 0 });
    } else {
      this.#forget();
      this.#tell({ kind: "changed", before, external });
    }
    this.#external = external;
    this.#deadlines.set("unproven", this.#nowMs + UNPROVEN_MS);
    this.#out.push({ type: "mapped", external });
    if (this.config.dials) this.#out.push({ type: "dial", external });
  }

  #useless(news: Extract<MappingNews, { readonly host: string }>): void {
    this.#forget();
    this.#deleteAll();
    if (this.#uselessAt !== news.host) this.#tell(news);
    this.#uselessAt = news.host;
  }

  #proven(external: Endpoint): void {
    const isOurs = this.#external !== null && isSameEndpoint(this.#external, external);
    if (!isOurs || this.#isProven || this.#phase !== "running") return;
    this.#isProven = true;
    this.#deadlines.clear("unproven");
    this.#out.push({ type: "announce", external });
    this.#tell({ kind: "proven", external });
  }

  #tellUnproven(): void {
    if (this.#external !== null) this.#tell({ kind: "unproven", external: this.#external });
  }

  #expired(): void {
    this.#withdraw({ kind: "no-router" });
    this.#deleteAll(); // a router that knows no leases has it until then
  }

  /** What there was is over. */
  #withdraw(failure: MappingFailure): void {
    const before = this.#external;
    this.#forget();
    if (before === null) return;
    this.#told = failure;
    this.#tell({ kind: "lost", before, failure });
  }

  #forget(): void {
    if (this.#external === null) return;
    this.#external = null;
    for (const name of ["unproven", "expiry"] as const) this.#deadlines.clear(name);
    this.#out.push({ type: "mapped", external: null });
    if (this.#isProven) this.#out.push({ type: "announce", external: null });
    this.#isProven = false;
  }

  #tell(news: MappingNews): void {
    this.#out.push({ type: "tell", news });
  }

  // The end.

  #deleteAll(): void {
    this.#deleteHeld();
    this.#held.clear();
  }

  #deleteHeld(): void {
    for (const { request } of this.#held.values()) this.#out.push({ type: "delete", request });
  }

  #stop(): void {
    if (this.#phase === "stopping") return;
    this.#phase = "stopping";
    this.#deadlines.clearAll();
    this.#deadlines.set("stop", this.#nowMs + STOP_MS_MAX);
    this.#deleteHeld();
    this.#maybeEnd();
  }

  /** What the router has given meanwhile is deleted as well. */
  #stoppedWhileAsking(transport: PortRequest["transport"]): void {
    const held = this.#held.get(transport);
    if (held !== undefined) this.#out.push({ type: "delete", request: held.request });
    this.#maybeEnd();
  }

  #maybeEnd(): void {
    if (this.#held.size === 0 && this.#asking === null) this.#end();
  }

  #deleted(request: PortRequest, isDone: boolean): void {
    if (this.#phase !== "stopping") return;
    const held = this.#held.get(request.transport);
    if (held?.request.external !== request.external) return;
    this.#held.delete(request.transport);
    if (!isDone) this.#tellLeft(held);
    this.#maybeEnd();
  }

  #tellLeft({ request, isPermanent }: Held): void {
    const host = this.#external?.host;
    if (host === undefined) return;
    this.#tell({ kind: "left", external: { host, port: request.external }, isPermanent });
  }

  #end(): void {
    for (const held of this.#held.values()) this.#tellLeft(held);
    this.#phase = "over";
    this.#deadlines.clearAll();
    this.#out.push({ type: "over" });
  }
}

/** Why this can be no port; null where it can. */
function portFault({ external: { port } }: Mapped): string | null {
  const isPort = Number.isInteger(port) && port >= 1 && port <= PORT_MAX;
  return isPort ? null : "it gives no port";
}

/** Why nobody has this address, not even on a network of its own; null where somebody may. */
function hostFault({ external: { host } }: Mapped): string | null {
  const isPossible = isAddress(host) && parseHost(host) === host && isUnicast(host) &&
    !isLoopback(host);
  return isPossible ? null : "it names no address that a router can have";
}

/** What both answers of one round say; null where they are about different addresses. */
function together(one: Mapped, other: Mapped): Mapped | null {
  if (!isSameEndpoint(one.external, other.external)) return null;
  const leases = [one.leaseS, other.leaseS].filter((leaseS) => leaseS > 0);
  const isPermanent = leases.length < 2;
  return {
    ...one,
    leaseS: isPermanent ? 0 : Math.min(...leases),
  };
}

function isSameFailure(one: MappingFailure, other: MappingFailure): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
