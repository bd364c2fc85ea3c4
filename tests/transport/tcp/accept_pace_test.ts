import { assert } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { TcpNetwork } from "../../../lib/transport/tcp/tcp_network.ts";

const MANY = 20_000;

/** At which somebody connects all the time, as fast as they are accepted. */
class CrowdedListener {
  readonly addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  accepted = 0;

  accept(): Promise<unknown> {
    if (this.accepted === MANY) return new Promise(() => {});
    this.accepted++;
    const never = () => new Promise(() => {});
    return Promise.resolve({
      ...{ remoteAddr: this.addr, localAddr: this.addr, read: never, write: never },
      ...{ setNoDelay() {}, close() {} },
    });
  }

  close(): void {}
}

Deno.test("while somebody connects all the time, everything else has its turn", async () => {
  const crowded = new CrowdedListener();
  const { listen } = Deno;
  Deno.listen = (() => crowded) as unknown as typeof Deno.listen;
  try {
    const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
    network.accept((stream) => stream.abort());
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert(crowded.accepted < 100, `${crowded.accepted} before anything else`);
    await network.stopListening();
  } finally {
    Deno.listen = listen;
  }
});
