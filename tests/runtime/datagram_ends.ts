/** Programs with reliable datagrams over a port, for tests of the host. */

import type {
  ReliableEffect,
  ReliableInput,
} from "../../lib/protocols/reliable_datagram/reliable_io.ts";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import type { Lane } from "../../lib/protocols/reliable_datagram/packet.ts";
import { ReliableDatagrams } from "../../lib/protocols/reliable_datagram/reliable_datagrams.ts";
import { DatagramHost } from "../../lib/runtime/hosts/group_peers.ts";
import type { Datagrams } from "../../lib/transport/datagrams.ts";
import type { LinkClock } from "../../lib/transport/link.ts";
import { identityOf } from "../protocols/noise/channel_pair.ts";

const TEXT = new TextDecoder();

export class End {
  readonly key: PeerKey;
  readonly host: DatagramHost<ReliableInput, ReliableEffect>;
  readonly told: Exclude<ReliableEffect, { readonly type: "transmit" }>[] = [];
  /** Texts that came, by lane. */
  readonly heard: Record<Lane, string[]> = { control: [], data: [] };

  constructor(name: string, readonly datagrams: Datagrams, clock: LinkClock) {
    const identity = identityOf(name);
    this.key = identity.key;
    const machine = new ReliableDatagrams({
      identity,
      env: {
        crypto: nodeCrypto,
        randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
        log: SILENT_LOGGER,
      },
      access: { mode: "group", admit: () => true },
    });
    this.host = new DatagramHost(machine, datagrams, clock, (news) => {
      if (news.type === "message") this.heard[news.lane].push(TEXT.decode(news.bytes));
      else this.told.push(news);
    });
  }

  send(to: PeerKey, text: string, lane: Lane = "data"): void {
    const message = new TextEncoder().encode(text);
    this.host.feed({ type: "send", peer: to, lane, message });
  }

  async stop(): Promise<void> {
    this.host.stop();
    await this.datagrams.close();
  }
}
