/**
 * One member of a gossipsub topic, the baseline of the mesh's rows: publishes each line of standard input and
 * prints each message on a line of its own, after a first line with its address. As libp2p comes: signatures
 * on, Noise and yamux over TCP.
 *
 *     deno run -A tests/bench/baselines/gossipsub_node.ts [ADDRESS...]      dials these members
 */

import { linePrinter, linesOf } from "./lines.ts";
import { dependency } from "./dependency.ts";

const TOPIC = "room";

const [
  { createLibp2p },
  { tcp },
  { noise },
  { yamux },
  { identify },
  { gossipsub },
  { multiaddr },
] = await Promise.all([
  dependency("libp2p/dist/src/index.js"),
  dependency("@libp2p/tcp/dist/src/index.js"),
  dependency("@libp2p/noise/dist/src/index.js"),
  dependency("@libp2p/yamux/dist/src/index.js"),
  dependency("@libp2p/identify/dist/src/index.js"),
  dependency("@libp2p/gossipsub/dist/src/index.js"),
  dependency("@multiformats/multiaddr/dist/src/index.js"),
]);

const node = await createLibp2p({
  addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  // All members are on one host: its bounds against a crowd from one address are not what is measured.
  connectionManager: { inboundConnectionThreshold: Infinity, maxIncomingPendingConnections: 1_000 },
  services: {
    identify: identify(),
    pubsub: gossipsub({
      allowPublishToZeroTopicPeers: true,
      // More than ten peers of one address would be ignored.
      scoreParams: { IPColocationFactorWeight: 0 },
    }),
  },
});
const { pubsub } = node.services;
const print = linePrinter();
const decoder = new TextDecoder();
pubsub.addEventListener(
  "message",
  ({ detail }: { detail: { data: Uint8Array } }) => {
    print(decoder.decode(detail.data));
  },
);
pubsub.subscribe(TOPIC);
const dialled = await Promise.allSettled(
  Deno.args.map((address) => node.dial(multiaddr(address))),
);
// On a busy machine a few handshakes take longer than libp2p waits; one connection is enough to be in.
if (dialled.length > 0 && dialled.every(({ status }) => status === "rejected")) Deno.exit(1);
print(String(node.getMultiaddrs()[0]));

const encoder = new TextEncoder();
for await (const line of linesOf(Deno.stdin.readable)) {
  await pubsub.publish(TOPIC, encoder.encode(line));
}
await node.stop();
