import { assertEquals } from "@std/assert";
import { SYSTEM_LINK_CLOCK } from "../../lib/transport/system_clock.ts";

const DAY_MS = 24 * 3_600_000;

/** Timers that run when the test says so, each as long as the runtime's can be. */
class World implements Disposable {
  readonly calls: number[] = [];
  readonly #before = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  readonly #now = performance.now;
  readonly #timers = new Map<number, { readonly atMs: number; readonly callback: () => void }>();
  #nowMs = 0;
  #last = 0;

  constructor() {
    Object.assign(globalThis, {
      setTimeout: (callback: () => void, ms: number) => {
        const delayMs = ms > 2 ** 31 - 1 ? 1 : ms;
        this.#timers.set(++this.#last, { atMs: this.#nowMs + delayMs, callback });
        return this.#last;
      },
      clearTimeout: (timer: number) => this.#timers.delete(timer),
    });
    performance.now = () => this.#nowMs;
  }

  get timers(): number {
    return this.#timers.size;
  }

  callsAt(atMs: number) {
    return SYSTEM_LINK_CLOCK.at(atMs, () => this.calls.push(this.#nowMs));
  }

  passDays(days: number): void {
    for (let hour = 0; hour < 24 * days; hour++) {
      this.#nowMs += DAY_MS / 24;
      for (const [timer, { atMs, callback }] of [...this.#timers]) {
        if (atMs > this.#nowMs) continue;
        this.#timers.delete(timer);
        callback();
      }
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#before);
    performance.now = this.#now;
  }
}

Deno.test("SYSTEM_LINK_CLOCK calls at its time what is further away than a timer of the runtime can be", () => {
  using world = new World();
  world.callsAt(60 * DAY_MS);

  world.passDays(59);
  assertEquals(world.calls, []);
  world.passDays(10);

  assertEquals(world.calls, [60 * DAY_MS]);
});

Deno.test("SYSTEM_LINK_CLOCK doesn't call what was cancelled, however far away it is", () => {
  using world = new World();
  const call = world.callsAt(60 * DAY_MS);
  world.passDays(30);

  call.cancel();

  world.passDays(40);
  assertEquals([world.calls, world.timers], [[], 0]);
});
