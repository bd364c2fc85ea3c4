/** What a port mapping is told, what it wants, and what people are told of it. */

import type { Endpoint } from "../../base/ids.ts";

export type Transport = "tcp" | "udp";

/** One port of this machine at one port of the router. */
export interface PortRequest {
  readonly transport: Transport;
  /** The port of this machine. */
  readonly internal: number;
  /** The port of the router: the one that is wished for, or the one to be deleted. */
  readonly external: number;
}

type MappingMethod = "NAT-PMP" | "UPnP";

/** Why there is no mapping. */
export type MappingFailure =
  /** Nobody on this network answers as a router that gives ports. */
  | { readonly kind: "no-router" }
  /** It has no address of its own on the other side. */
  | { readonly kind: "no-address"; readonly router: string }
  /** @param text What it says, as part of a sentence; made by us of its code. */
  | { readonly kind: "refused"; readonly router: string; readonly text: string }
  /** What it answers makes no sense. */
  | { readonly kind: "nonsense"; readonly router: string; readonly text: string };

/** What the router says. It is a hint: whoever is on this network may have answered. */
export type RouterAnswer =
  | {
    readonly kind: "mapped";
    readonly by: MappingMethod;
    /** The router's address on this network. */
    readonly router: string;
    /** Its address on the other side, and the port there. */
    readonly external: Endpoint;
    /** 0: until it is deleted, as routers do that know no leases. */
    readonly leaseS: number;
  }
  /** Another program has that port of the router. */
  | { readonly kind: "taken"; readonly router: string }
  | { readonly kind: "failed"; readonly failure: MappingFailure };

/** What people are told. */
export type MappingNews =
  /** The router gives a port; nobody has come by it yet. */
  | {
    readonly kind: "mapped";
    readonly by: MappingMethod;
    readonly router: string;
    readonly external: Endpoint;
    readonly isPermanent: boolean;
  }
  /** Somebody has reached us there: it is announced. */
  | { readonly kind: "proven"; readonly external: Endpoint }
  /** Nobody has yet, in some time. */
  | { readonly kind: "unproven"; readonly external: Endpoint }
  | { readonly kind: "failed"; readonly failure: MappingFailure }
  /** All ports that were wished for are taken. */
  | { readonly kind: "all-taken"; readonly router: string }
  /** The router's own address is one that the internet doesn't know: there is another router behind it. */
  | { readonly kind: "behind-another"; readonly router: string; readonly host: string }
  /** The router's address is this machine's own: nothing is in between. */
  | { readonly kind: "not-needed"; readonly host: string }
  /** The router has another address or port for us than before. */
  | { readonly kind: "changed"; readonly before: Endpoint; readonly external: Endpoint }
  /** What there was is over: the router answers no more, or refuses. */
  | { readonly kind: "lost"; readonly before: Endpoint; readonly failure: MappingFailure }
  /** At the end the router didn't say that it deleted this: its lease ends by itself, unless it has none. */
  | { readonly kind: "left"; readonly external: Endpoint; readonly isPermanent: boolean };

export interface PortMappingConfig {
  /** The port of this machine that others are to reach. */
  readonly port: number;
  /** TCP first: the others get the same port, or all get another. */
  readonly transports: readonly Transport[];
  /** This machine's own addresses. */
  readonly ownHosts: () => readonly string[];
  /** Whether this program is to dial the mapped address itself, or others prove it. */
  readonly dials: boolean;
}

export type PortMappingInput =
  | { readonly type: "start" }
  | { readonly type: "answered"; readonly ask: number; readonly answer: RouterAnswer }
  | { readonly type: "deleted"; readonly request: PortRequest; readonly isDone: boolean }
  /** We, or somebody for us, have been reached at this address. */
  | { readonly type: "proven"; readonly external: Endpoint }
  /** Somebody whose key is known has come in from this host. */
  | { readonly type: "came-in"; readonly host: string }
  | { readonly type: "stop" }
  | { readonly type: "tick" };

export type PortMappingEffect =
  /** To be answered by `answered`. */
  | {
    readonly type: "ask";
    readonly ask: number;
    readonly request: PortRequest;
    readonly leaseS: number;
  }
  /** To be answered by `deleted`. */
  | { readonly type: "delete"; readonly request: PortRequest }
  /** The address to be proven; null: there is none any more. */
  | { readonly type: "mapped"; readonly external: Endpoint | null }
  /** To be dialled; `proven` follows if this program has answered there. */
  | { readonly type: "dial"; readonly external: Endpoint }
  /** Where others find us from now on; null: where they did before. */
  | { readonly type: "announce"; readonly external: Endpoint | null }
  | { readonly type: "tell"; readonly news: MappingNews }
  /** All is deleted, or isn't waited for any longer. */
  | { readonly type: "over" };
