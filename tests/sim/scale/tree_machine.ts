/**
 * Overlay and broadcast alone, without roster, names, order and anti-entropy: what the papers on HyParView and
 * Plumtree measure, and so small that ten thousand fit into one process. Messages are delivered in the order of
 * each author; only the tree and its repair transport them.
 */

import { type Signer, utf8 } from "../../../lib/base/crypto/crypto.ts";
import type { Environment } from "../../../lib/base/machine/environment.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { earliestMs } from "../../../lib/base/machine/machine.ts";
import { Broadcast } from "../../../lib/protocols/mesh/broadcast/broadcast.ts";
import {
  BROADCAST_LAN,
  type BroadcastEffect,
  type BroadcastInput,
} from "../../../lib/protocols/mesh/broadcast/broadcast_io.ts";
import type {
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { type MeshMessage, MESSAGE_LANES } from "../../../lib/protocols/mesh/schema/messages.ts";
import { Overlay } from "../../../lib/protocols/mesh/membership/overlay.ts";
import {
  OVERLAY_LAN,
  type OverlayEffect,
  type OverlayInput,
} from "../../../lib/protocols/mesh/membership/overlay_io.ts";
import type { Bundle } from "../../../lib/protocols/mesh/schema/structures.ts";
import { bundleOf, type Came, StreamOrder } from "../../protocols/mesh/stream_order.ts";
import type { ScaleMachine } from "./scale_machine.ts";

/** The size of a header with a few heads. */
const HEADER_BYTES = 400;
/**
 * The number of live members told to both machines: with more than 64, all authors share one tree. They need no
 * more.
 */
const LIVE = 10_000;

type BundleMessage = Extract<MeshMessage, { readonly type: "bundle" }>;
type LinkUp = Extract<MeshInput, { readonly type: "link-up" }>;

export class TreeMachine implements ScaleMachine {
  readonly #overlay: Overlay;
  readonly #broadcast: Broadcast;
  readonly #linkByPeer = new Map<PeerKey, { readonly link: LinkId; readonly dialler: PeerKey }>();
  readonly #peerByLink = new Map<LinkId, PeerKey>();
  readonly #dialled = new Map<
    number,
    { readonly peer: PeerKey | null; readonly endpoint: Endpoint }
  >();
  readonly #order = new StreamOrder();
  #attempts = 0;
  #nowMs = 0;
  #out: MeshEffect[] = [];

  constructor(
    readonly config: MeshConfig,
    readonly signer: Signer,
    environment: Environment,
  ) {
    const own = { key: signer.key, endpoint: config.advertise as Endpoint };
    const nobody = () => [];
    this.#overlay = new Overlay(OVERLAY_LAN, environment, signer.key, {
      own: () => own,
      endpointsOf: nobody,
      live: nobody,
      standings: nobody,
      isHere: () => true,
      lastOwn: () => 0,
      isCatchingUp: () => false,
      remembered: nobody,
      met: nobody,
    }, -Infinity);
    this.#broadcast = new Broadcast(BROADCAST_LAN, {
      frontier: (stream) => ({ counter: this.#order.frontier(stream) }),
      has: (stream, counter) => this.#order.has(stream, counter),
    });
  }

  neighbours(): readonly PeerKey[] {
    return this.#overlay.activeView();
  }

  passiveViewSize(): number {
    return this.#overlay.passiveView().length;
  }

  liveMembers(): null {
    return null;
  }

  step(input: MeshInput, nowMs: number): readonly MeshEffect[] {
    this.#nowMs = nowMs;
    this.#out = [];
    this.#handle(input);
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    return earliestMs(this.#overlay.nextDeadlineMs(), this.#broadcast.nextDeadlineMs());
  }

  #handle(input: MeshInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "link-up":
        return this.#linkUp(input);
      case "link-down":
        return this.#linkDown(input);
      case "dial-failed": {
        const { peer = null, endpoint } = this.#dialled.get(input.attempt) ?? {};
        this.#dialled.delete(input.attempt);
        if (peer !== null && endpoint !== undefined && !this.#linkByPeer.has(peer)) {
          this.#toOverlay({ type: "dial-failed", peer, endpoint });
        }
        return;
      }
      case "message": {
        const from = this.#peerByLink.get(input.link);
        if (from !== undefined) this.#message(from, input.message);
        return;
      }
      case "congested":
      case "drained": {
        const peer = this.#peerByLink.get(input.link);
        if (peer !== undefined) this.#toBroadcast({ type: input.type, peer });
        return;
      }
      case "command":
        return this.#command(input.command);
      case "tick":
        this.#toOverlay(input);
        return this.#toBroadcast(input);
      default:
        return;
    }
  }

  #start(): void {
    const { begin } = this.config;
    this.#toOverlay({ type: "members", live: LIVE });
    this.#toBroadcast({ type: "members", live: LIVE });
    if (begin.kind === "join") this.#dial(null, begin.contact);
    else this.#ready();
  }

  #ready(): void {
    const { name, advertise } = this.config;
    const event = { event: "ready", command: "mesh", name, ...advertise } as const;
    const shown = { ...event, host: advertise.host ?? "", key: this.signer.key, room: "" };
    this.#out.push({ type: "show", event: shown, ref: undefined });
  }

  #command({ command, ...rest }: Extract<MeshInput, { type: "command" }>["command"]): void {
    if (command === "quit") {
      this.#out.push({ type: "stop", outcome: { kind: "bye", reason: "quit", ref: undefined } });
    }
    if (command !== "say" || !("text" in rest)) return;
    const { key } = this.signer;
    const stream = { author: key, incarnation: 1 };
    const empty = bundleOf(key, this.#order.frontier(stream) + 1);
    const bundle: Bundle = {
      ...empty,
      header: { ...empty.header, bytes: new Uint8Array(HEADER_BYTES) },
      texts: { bytes: utf8(rest.text), value: [rest.text] },
    };
    this.#take({ bundle, hop: 0, reason: "push", from: null });
  }

  // Links.

  #dial(peer: PeerKey | null, endpoint: Endpoint): void {
    const attempt = ++this.#attempts;
    this.#dialled.set(attempt, { peer, endpoint });
    this.#out.push({ type: "dial", attempt, endpoint, expect: peer, room: null, secret: null });
  }

  /** Of two links between the same two members, the one dialled by the smaller key is kept. */
  #linkUp({ link, peer, dialled, remote, attempt }: LinkUp): void {
    const isEntrance = attempt !== null && this.#dialled.get(attempt)?.peer === null;
    if (attempt !== null) this.#dialled.delete(attempt);
    const dialler = dialled ? this.signer.key : peer;
    const before = this.#linkByPeer.get(peer);
    this.#peerByLink.set(link, peer);
    if (before !== undefined && before.dialler <= dialler) return this.#close(link);
    this.#linkByPeer.set(peer, { link, dialler });
    if (before !== undefined) return this.#close(before.link);
    const endpoint = { host: remote.host, port: this.config.advertise.port };
    this.#toOverlay({ type: "peer-up", peer, endpoint, reached: dialled ? endpoint : null });
    if (!isEntrance) return;
    this.#toOverlay({ type: "welcomed", by: peer });
    this.#ready();
  }

  #linkDown({ link, closed }: Extract<MeshInput, { readonly type: "link-down" }>): void {
    const peer = this.#peerByLink.get(link);
    this.#peerByLink.delete(link);
    if (peer === undefined || this.#linkByPeer.get(peer)?.link !== link) return;
    this.#linkByPeer.delete(peer);
    this.#toOverlay({ type: "peer-down", peer, closed });
  }

  #close(link: LinkId): void {
    this.#out.push({ type: "close", link, reason: "not needed" });
  }

  #send(peer: PeerKey, message: MeshMessage): void {
    const link = this.#linkByPeer.get(peer)?.link;
    if (link === undefined) return;
    this.#out.push({ type: "send", link, message, lane: MESSAGE_LANES[message.type] });
  }

  // The two machines.

  #message(from: PeerKey, message: MeshMessage): void {
    switch (message.type) {
      case "bundle": {
        this.#toBroadcast({ type: "message", from, message });
        const { bundle, hop, reason } = message;
        return this.#take({ bundle, hop, reason, from });
      }
      case "preview":
      case "ihave":
      case "graft":
      case "prune":
        return this.#toBroadcast({ type: "message", from, message });
      default:
        return this.#toOverlay({ type: "message", from, message } as OverlayInput);
    }
  }

  #toOverlay(input: OverlayInput): void {
    for (const effect of this.#overlay.step(input, this.#nowMs)) this.#fromOverlay(effect);
  }

  #fromOverlay(effect: OverlayEffect): void {
    switch (effect.type) {
      case "dial":
        return this.#dial(effect.contact.key, effect.contact.endpoint);
      case "send":
        return this.#send(effect.to, effect.message);
      case "release": {
        const link = this.#linkByPeer.get(effect.peer)?.link;
        if (link !== undefined) this.#close(link);
        return;
      }
      case "neighbour-up":
      case "neighbour-down":
        return this.#toBroadcast(effect);
      default:
        return;
    }
  }

  #toBroadcast(input: BroadcastInput): void {
    for (const effect of this.#broadcast.step(input, this.#nowMs)) this.#fromBroadcast(effect);
  }

  #fromBroadcast(effect: BroadcastEffect): void {
    switch (effect.type) {
      case "push":
        return this.#sendBundle(effect.to, effect.bundle, effect.hop, "push");
      case "send":
        return this.#send(effect.to, effect.message);
      case "supply":
        for (const { bundle } of this.#order.after(effect.stream, effect.after)) {
          this.#sendBundle(effect.to, bundle, 0, "graft");
        }
        return;
      default:
        return;
    }
  }

  #sendBundle(to: PeerKey, bundle: Bundle, hop: number, reason: BundleMessage["reason"]): void {
    this.#send(to, { type: "bundle", bundle, claim: null, hop, reason });
  }

  #take(came: Came): void {
    for (const input of this.#order.take(came)) {
      this.#toBroadcast(input);
      if (input.type === "delivered") this.#show(input);
    }
  }

  #show({ bundle, id, from }: Extract<BroadcastInput, { readonly type: "delivered" }>): void {
    const { author } = bundle.header.value;
    const event = {
      event: "message",
      id,
      from: author,
      shown: author,
      key: author,
      text: bundle.texts.value[0]!,
      self: from === null,
      private: false,
      history: false,
      sentAt: "",
    } as const;
    this.#out.push({ type: "show", event, ref: undefined });
  }
}
