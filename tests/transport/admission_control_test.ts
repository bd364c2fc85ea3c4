import { assert, assertEquals } from "@std/assert";
import { RetryPauses } from "../../lib/base/retry_pauses.ts";
import { STRANGERS, WAITING_MAX } from "../../lib/cli/regserver.ts";
import {
  CLIENTS_MAX_DEFAULT,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "../../lib/protocols/directory/limits.ts";
import { AdmissionControl } from "../../lib/transport/admission_control.ts";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { VirtualClock } from "../../lib/transport/memory_links.ts";
import { Random } from "../sim/random.ts";

const HERE = "192.0.2.1";
const ELSEWHERE = "192.0.2.2";

/** A door with one place for each address and two for all, whose strangers stay silent; and what was done there. */
function door({ silenceMs = 500, waitingMax = 100 } = {}) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const names = new Map<ByteStream, string>();
  const control = new AdmissionControl<string>(
    {
      isSilent: () => true,
      prefers: () => false,
      letIn(stream, sinceMs, nowMs) {
        const name = names.get(stream)!;
        told.push(`${name} let in at ${nowMs}, came at ${sinceMs}`);
        return name;
      },
      // It ends later: it may still have something to hear.
      displace: (stranger) => void told.push(`${stranger} displaced`),
      turnAway: (stream, reason) => void told.push(`${names.get(stream)} turned away: ${reason}`),
      wakeAt: (dueMs) => void told.push(`wake at ${dueMs}`),
    },
    clock,
    { strangersMax: 2, strangersPerAddressMax: 1, silenceMs },
    waitingMax,
  );
  const come = (name: string, host: string) => {
    const stream = { remote: { host, port: 1 } } as ByteStream;
    names.set(stream, name);
    control.accept(stream);
    return stream;
  };
  /** What was done since it was asked last. */
  const news = () => told.splice(0);
  return { clock, control, come, news };
}

Deno.test("AdmissionControl.accept() lets in whoever has a place, and wakes for whoever waits", () => {
  const { control, come, news } = door();

  come("Ann", HERE);
  assertEquals([news(), control.nextDeadlineMs()], [["Ann let in at 0, came at 0"], null]);
  come("Bob", HERE);
  assertEquals([news(), control.nextDeadlineMs()], [["wake at 500"], 500]);
  come("Carl", ELSEWHERE);
  assertEquals(news(), ["Carl let in at 0, came at 0"]);
});

Deno.test("AdmissionControl.accept(): nobody overtakes those who wait at its address", () => {
  const { clock, control, come, news } = door();
  come("Ann", HERE);
  come("Bob", HERE);
  control.forget("Ann");
  news();

  come("Carl", HERE);
  clock.advance(0);

  assertEquals(news(), ["Bob let in at 0, came at 0", "wake at 500", "wake at 500"]);
});

Deno.test("AdmissionControl.callWaiting() puts those who waited in the places of the silent, in order", () => {
  const { control, come, news } = door();
  for (const name of ["Ann", "Bob", "Carl"]) come(name, HERE);
  news();

  control.callWaiting(500);
  assertEquals(news(), ["Ann displaced", "Bob let in at 500, came at 0", "wake at 1000"]);
  control.callWaiting(1_000);
  assertEquals(news(), ["Bob displaced", "Carl let in at 1000, came at 0"]);
});

Deno.test("AdmissionControl turns away where too many wait already, and who has waited for too long", () => {
  const { control, come, news } = door({ silenceMs: 60_000, waitingMax: 1 });
  come("Ann", HERE);
  come("Bob", HERE);
  news();

  come("Carl", HERE);
  assertEquals(news(), ["Carl turned away: 1 wait already"]);
  control.callWaiting(7_999);
  assertEquals(news(), ["wake at 8000"]);
  control.callWaiting(8_000);
  assertEquals(news(), ["Bob turned away: no place for too long"]);
});

Deno.test("AdmissionControl.forget() calls the next one after the present turn, once for all who went", () => {
  const { clock, control, come, news } = door();
  come("Ann", HERE);
  come("Bob", ELSEWHERE);
  for (const name of ["Carl", "Eve"]) come(name, HERE);
  come("Dora", ELSEWHERE);
  news();

  for (const name of ["Ann", "Bob"]) control.forget(name);
  assertEquals(news(), [], "nothing happens within the call");
  clock.advance(0);
  const both = ["Carl let in at 0, came at 0", "Dora let in at 0, came at 0"];
  assertEquals(news(), [...both, "wake at 500"]);

  control.forget("Carl");
  clock.advance(0);
  assertEquals(news(), ["Eve let in at 0, came at 0"]);
});

Deno.test("AdmissionControl.clear() takes out all who wait: nobody is let in any more", () => {
  const { clock, control, come, news } = door();
  come("Ann", HERE);
  const bob = come("Bob", HERE);
  control.forget("Ann");
  news();

  assertEquals(control.clear(), [bob]);
  clock.advance(0);

  assertEquals([news(), control.nextDeadlineMs()], [[], null]);
});

/** When the last of `count` clients behind one address is back in, after the directory was away for so long. */
function backAfterMs(count: number, awayMs: number, handshakeMs: number): number {
  const random = new Random(1);
  const clock = new VirtualClock();
  const redials = new Map<ByteStream, () => void>();
  let wake: { cancel(): void } | null = null;
  let back = 0;
  const control = new AdmissionControl<object>(
    {
      isSilent: () => false,
      prefers: () => false,
      letIn() {
        const stranger = {};
        clock.at(clock.nowMs() + handshakeMs, () => {
          back++;
          control.forget(stranger);
        });
        return stranger;
      },
      displace: () => assert(false, "all get on"),
      turnAway: (stream) => redials.get(stream)!(),
      wakeAt(dueMs) {
        wake?.cancel();
        wake = clock.at(dueMs, () => control.callWaiting(clock.nowMs()));
      },
    },
    clock,
    STRANGERS,
    WAITING_MAX,
  );
  for (let client = 0; client < count; client++) {
    const pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
    const stream = { remote: { host: HERE, port: client } } as ByteStream;
    const dial = () => control.accept(stream);
    redials.set(stream, () => clock.at(clock.nowMs() + pauses.failed(random.next()), dial));
    let dialsAtMs = -awayMs;
    while (dialsAtMs <= 0) dialsAtMs += pauses.failed(random.next());
    clock.at(dialsAtMs, dial);
  }
  while (back < count) clock.advance(100);
  return clock.nowMs();
}

Deno.test("AdmissionControl has all clients of a directory back in within 45 s, behind one address, too", () => {
  for (const awayMs of [500, 3_000, 10_000, 60_000, 600_000]) {
    for (const handshakeMs of [30, 150]) {
      const backMs = backAfterMs(CLIENTS_MAX_DEFAULT, awayMs, handshakeMs);
      assert(backMs < 45_000, `away for ${awayMs} ms, handshakes of ${handshakeMs}: ${backMs} ms`);
    }
  }
});
