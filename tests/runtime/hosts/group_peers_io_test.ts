// Over real sockets on loopback, through a relay that loses, repeats and disorders.

import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Endpoint } from "../../../lib/base/ids.ts";
import { SYSTEM_LINK_CLOCK } from "../../../lib/transport/system_clock.ts";
import { UdpDatagrams } from "../../../lib/transport/udp_datagrams.ts";
import { Random } from "../../sim/random.ts";
import { End } from "../datagram_ends.ts";

const LOSS = 0.2;
const DUPLICATION = 0.1;
/** So many come later than others, by some milliseconds. */
const DISORDER = 0.1;
const TIMEOUT_MS = 120_000;

function open(): UdpDatagrams {
  return UdpDatagrams.listen("127.0.0.1", 0, SILENT_LOGGER);
}

/** Passes on between two programs; each knows the other by an address of the relay. */
class Relay {
  /** What the first program sends to, and the second. */
  readonly sides = [open(), open()] as const;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  lost = 0;

  constructor(readonly random: Random, programs: readonly [Endpoint, Endpoint]) {
    this.#forward(0, programs[1]);
    this.#forward(1, programs[0]);
  }

  #forward(from: 0 | 1, to: Endpoint): void {
    const out = this.sides[1 - from]!;
    this.sides[from].handle({
      datagram: (_, bytes) => {
        if (this.random.chance(LOSS)) {
          this.lost += 1;
          return;
        }
        const copy = new Uint8Array(bytes);
        if (this.random.chance(DUPLICATION)) out.send(to, copy);
        if (!this.random.chance(DISORDER)) return out.send(to, copy);
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          out.send(to, copy);
        }, this.random.between(1, 15));
        this.#timers.add(timer);
      },
      turn() {},
    });
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.sides.map((side) => side.close()));
  }
}

Deno.test({
  name: "reliable datagrams: everything arrives in order through a relay that loses a fifth",
  permissions: { net: true },
  async fn() {
    const [ann, bob] = [
      new End("Ann", open(), SYSTEM_LINK_CLOCK),
      new End("Bob", open(), SYSTEM_LINK_CLOCK),
    ];
    const relay = new Relay(new Random(1), [ann.datagrams.local, bob.datagrams.local]);
    const texts = Array.from({ length: 2_000 }, (_, n) => `${n} ${"x".repeat(n % 400)}`);
    texts.push("y".repeat(200_000));
    const untilMs = performance.now() + TIMEOUT_MS;
    const isThere = () =>
      [ann.heard, bob.heard].every(({ control, data }) =>
        control.length === 100 && data.length === texts.length
      );
    try {
      ann.host.feed({ type: "connect", peer: bob.key, endpoint: relay.sides[0].local });
      for (const [from, to] of [[ann, bob], [bob, ann]] as const) {
        while (!from.told.some(({ type }) => type === "up")) {
          assert(performance.now() < untilMs, "both come up");
          // As whoever introduced them does, where an attempt fails.
          if (ann.told.at(-1)?.type === "failed") {
            ann.told.length = 0;
            ann.host.feed({ type: "connect", peer: bob.key, endpoint: relay.sides[0].local });
          }
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        for (const text of texts) from.send(to.key, text);
        for (let n = 0; n < 100; n++) from.send(to.key, `${n}`, "control");
      }
      while (!isThere()) {
        assert(performance.now() < untilMs, "everything arrives");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }

      for (const { heard, told } of [ann, bob]) {
        assertEquals(heard.data, texts);
        assertEquals(heard.control, Array.from({ length: 100 }, (_, n) => `${n}`));
        assert(!told.some(({ type }) => type === "ended" || type === "reset"));
      }
      assert(relay.lost > 100, `only ${relay.lost} were lost`);
    } finally {
      await Promise.all([ann.stop(), bob.stop(), relay.stop()]);
    }
  },
});
