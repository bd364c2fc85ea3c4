/** What is measured of connections: the same in every mode. */

import type { LinkId } from "../../base/ids.ts";
import type { ChannelFailure } from "../../protocols/noise/channel_io.ts";
import type { LinkObserver, Links } from "../../transport/link.ts";
import { label, type Registry, wordsOf } from "./registry.ts";

const FAILURES = wordsOf<ChannelFailure>({
  "version": 1,
  "wrong-mode": 1,
  "wrong-room": 1,
  "full": 1,
  "bad-credentials": 1,
  "protocol": 1,
  "wrong-key": 1,
  "timeout": 1,
  "refused": 1,
  "unreachable": 1,
});

const REFUSED = wordsOf<Parameters<LinkObserver["refused"]>[0]>({ full: 1, silent: 1 });

/** From one machine to the other side of the world, by a slow phone. */
const ROUND_TRIPS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

function tableOf(registry: Registry) {
  return {
    open: registry.gauge("p2pchat_links", "Authenticated connections that are open."),
    opened: registry.counters(
      "p2pchat_links_opened",
      "Authenticated connections, by who dialled: out, this program; in, the other.",
      label("direction", ["in", "out"]),
    ),
    ended: registry.counters(
      "p2pchat_links_ended",
      "Connections that ended: closed with a goodbye, or lost.",
      label("how", ["closed", "lost"]),
    ),
    failed: registry.counters(
      "p2pchat_handshake_failures",
      "Connections that ended before both sides had proved who they are.",
      label("reason", FAILURES),
    ),
    refused: registry.counters(
      "p2pchat_connections_refused",
      "Connections of strangers that were not let in: full, as too many were there; silent, as nothing came.",
      label("reason", REFUSED),
    ),
    received: registry.counter(
      "p2pchat_received_bytes",
      "Bytes read from connections, sealed.",
      "bytes",
    ),
    sent: registry.counter("p2pchat_sent_bytes", "Bytes written to connections, sealed.", "bytes"),
    congestions: registry.counter(
      "p2pchat_congestions",
      "How often as much waited for one connection as may.",
    ),
    roundTrips: registry.histogram(
      "p2pchat_link_round_trip_seconds",
      "Round trips of all connections, looked at every ten seconds.",
      ROUND_TRIPS,
    ),
  };
}

export class LinkFigures implements LinkObserver {
  readonly #table: ReturnType<typeof tableOf>;
  /** Those that are open, of all networks that this observes. */
  readonly #open = new Map<Pick<Links, "roundTripMs">, Set<LinkId>>();

  constructor(registry: Registry) {
    this.#table = tableOf(registry);
    this.#table.open.value = 0;
  }

  established(links: Pick<Links, "roundTripMs">, link: LinkId, dialled: boolean): void {
    const open = this.#open.get(links);
    if (open === undefined) this.#open.set(links, new Set([link]));
    else open.add(link);
    this.#table.opened(dialled ? "out" : "in").add();
    this.#count();
  }

  ended(links: Pick<Links, "roundTripMs">, link: LinkId, closed: boolean): void {
    const open = this.#open.get(links);
    open?.delete(link);
    if (open?.size === 0) this.#open.delete(links);
    this.#table.ended(closed ? "closed" : "lost").add();
    this.#count();
  }

  failed(reason: ChannelFailure): void {
    this.#table.failed(reason).add();
  }

  refused(why: "full" | "silent"): void {
    this.#table.refused(why).add();
  }

  received(bytes: number): void {
    this.#table.received.add(bytes);
  }

  sent(bytes: number): void {
    this.#table.sent.add(bytes);
  }

  congested(): void {
    this.#table.congestions.add();
  }

  /** Looks at the round trips of all that are open. */
  look(): void {
    for (const [links, open] of this.#open) {
      for (const link of open) {
        const ms = links.roundTripMs(link);
        if (ms !== null) this.#table.roundTrips.observe(ms / 1_000);
      }
    }
  }

  #count(): void {
    let open = 0;
    for (const { size } of this.#open.values()) open += size;
    this.#table.open.value = open;
  }
}
