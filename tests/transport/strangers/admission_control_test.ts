import { assert, assertEquals } from "@std/assert";
import { RetryPauses } from "../../../lib/base/rates/retry_pauses.ts";
import { STRANGERS, WAITING_MAX } from "../../../lib/cli/directory/regserver_mode.ts";
import {
  CLIENTS_MAX_DEFAULT,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "../../../lib/protocols/directory/schema/limits.ts";
import { AdmissionControl } from "../../../lib/transport/strangers/admission_control.ts";
import type { ByteStream } from "../../../lib/transport/byte_stream.ts";
import { VirtualClock } from "../../doubles/memory_links.ts";
import { Random } from "../../sim/random.ts";
import { HandStream } from "../hand_stream.ts";
import { SLOW } from "../../given.ts";

const HERE = "192.0.2.1";
const ELSEWHERE = "192.0.2.2";
const OPENING = Uint8Array.of(1);

/** A door with one place for each address and two for all, whose strangers finish no handshake; and what was done. */
function door({ unfinishedMs = 500, waitingMax = 100 } = {}) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const nameOf = (stream: ByteStream) => (stream as HandStream).name;
  const control = new AdmissionControl<string>(
    {
      isWholeOpening: () => true,
      prefers: () => false,
      letIn(stream, sinceMs, nowMs) {
        told.push(`${nameOf(stream)} let in at ${nowMs}, came at ${sinceMs}`);
        return nameOf(stream);
      },
      read: (stranger, bytes) => assertEquals(bytes, OPENING, stranger),
      // It ends later: it may still have something to hear.
      displace: (stranger) => void told.push(`${stranger} displaced`),
      turnAway: (stream, reason) => void told.push(`${nameOf(stream)} turned away: ${reason}`),
      drop: (stream, reason) => void told.push(`${nameOf(stream)} dropped: ${reason}`),
      wakeAt() {},
    },
    clock,
    {
      strangers: { strangersMax: 2, strangersPerAddressMax: 1, unfinishedMs },
      waitingMax,
      openingMs: 10_000,
    },
  );
  const comeSilent = (name: string, host: string) => {
    const stream = new HandStream(name, host);
    control.accept(stream);
    return stream;
  };
  const come = (name: string, host: string) => {
    const stream = comeSilent(name, host);
    stream.receive(OPENING);
    return stream;
  };
  /** What was done since it was asked last. */
  const news = () => told.splice(0);
  return { clock, control, come, comeSilent, news };
}

Deno.test("AdmissionControl.accept() lets in who has sent an opening and has a place, and wakes for who waits", () => {
  const { control, come, news } = door();

  come("Ann", HERE);
  assertEquals([news(), control.nextDeadlineMs()], [["Ann let in at 0, came at 0"], null]);
  come("Bob", HERE);
  assertEquals([news(), control.nextDeadlineMs()], [[], 500]);
  come("Carl", ELSEWHERE);
  assertEquals(news(), ["Carl let in at 0, came at 0"]);
});

Deno.test("AdmissionControl.accept(): streams without an opening take no place, and the oldest makes room", () => {
  const { clock, control, come, comeSilent, news } = door({ waitingMax: 2 });
  comeSilent("silent", HERE);
  clock.advance(10);
  const late = comeSilent("late", HERE);
  assertEquals([news(), control.nextDeadlineMs()], [[], 10_000]);

  come("Ann", HERE);
  assertEquals(news(), [
    "silent turned away: made room for another connection",
    "Ann let in at 10, came at 10",
  ]);
  clock.advance(20);
  control.forget("Ann");
  late.receive(OPENING);
  assertEquals(news(), ["late let in at 30, came at 10"]);
});

Deno.test("AdmissionControl.check() drops streams whose opening hasn't come in time", () => {
  const { control, comeSilent, news } = door();
  comeSilent("silent", HERE);

  control.check(9_999);
  assertEquals(news(), []);
  control.check(10_000);
  assertEquals([news(), control.nextDeadlineMs()], [["silent dropped: no complete opening"], null]);
});

Deno.test("AdmissionControl.accept(): nobody overtakes those who wait at its address", () => {
  const { clock, control, come, news } = door();
  come("Ann", HERE);
  come("Bob", HERE);
  control.forget("Ann");
  news();

  come("Carl", HERE);
  clock.advance(0);

  assertEquals(news(), ["Bob let in at 0, came at 0"]);
});

Deno.test("AdmissionControl.check() puts those who waited in the places of the unfinished, in order", () => {
  const { control, come, news } = door();
  for (const name of ["Ann", "Bob", "Carl"]) come(name, HERE);
  news();

  control.check(500);
  assertEquals(news(), ["Ann displaced", "Bob let in at 500, came at 0"]);
  control.check(1_000);
  assertEquals(news(), ["Bob displaced", "Carl let in at 1000, came at 0"]);
});

Deno.test("AdmissionControl turns away where too many wait already, and who has waited for too long", () => {
  const { control, come, news } = door({ unfinishedMs: 60_000, waitingMax: 1 });
  come("Ann", HERE);
  come("Bob", HERE);
  news();

  come("Carl", HERE);
  assertEquals(news(), ["Carl turned away: 1 wait already"]);
  control.check(7_999);
  assertEquals(news(), []);
  control.check(8_000);
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
  assertEquals(news(), ["Carl let in at 0, came at 0", "Dora let in at 0, came at 0"]);

  control.forget("Carl");
  clock.advance(0);
  assertEquals(news(), ["Eve let in at 0, came at 0"]);
});

Deno.test("AdmissionControl.clear() takes out all who aren't in: nobody is let in any more", () => {
  const { clock, control, come, comeSilent, news } = door();
  come("Ann", HERE);
  const bob = come("Bob", HERE);
  const silent = comeSilent("silent", HERE);
  control.forget("Ann");
  news();

  assertEquals(control.clear(), [silent, bob]);
  clock.advance(0);

  assertEquals([news(), control.nextDeadlineMs()], [[], null]);
});

Deno.test("AdmissionControl has a free place again where a handshake fails with its first bytes", () => {
  const clock = new VirtualClock();
  let count = 0;
  const control = new AdmissionControl<number>(
    {
      isWholeOpening: () => true,
      prefers: () => false,
      letIn: () => ++count,
      read: (stranger) => control.forget(stranger),
      displace: () => assert(false, "no place is taken"),
      turnAway: () => assert(false, "there is a place"),
      drop() {},
      wakeAt() {},
    },
    clock,
    { strangers: { strangersMax: 2 }, openingMs: 10_000 },
  );

  for (let at = 0; at < 10; at++) {
    const stream = new HandStream("garbage", "127.0.0.1");
    control.accept(stream);
    stream.receive(OPENING);
  }

  assertEquals([count, control.nextDeadlineMs()], [10, null]);
});

/** When the last of `count` clients behind one address is back in, after the directory was away for so long. */
function backAfterMs(count: number, awayMs: number, handshakeMs: number): number {
  const random = new Random(1);
  const clock = new VirtualClock();
  const redials = new Map<string, () => void>();
  let wake: { cancel(): void } | null = null;
  let back = 0;
  const control = new AdmissionControl<object>(
    {
      isWholeOpening: () => true,
      prefers: () => false,
      letIn() {
        const stranger = {};
        clock.at(clock.nowMs() + handshakeMs, () => {
          back++;
          control.forget(stranger);
        });
        return stranger;
      },
      read() {},
      displace: () => assert(false, "all get on"),
      turnAway: (stream) => redials.get((stream as HandStream).name)!(),
      drop: () => assert(false, "all speak at once"),
      wakeAt(dueMs) {
        wake?.cancel();
        wake = clock.at(dueMs, () => control.check(clock.nowMs()));
      },
    },
    clock,
    { strangers: STRANGERS, waitingMax: WAITING_MAX, openingMs: 10_000 },
  );
  for (let client = 0; client < count; client++) {
    const pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
    const name = String(client);
    const dial = () => {
      const stream = new HandStream(name, HERE);
      control.accept(stream);
      stream.receive(OPENING);
    };
    redials.set(name, () => clock.at(clock.nowMs() + pauses.failed(random.next()), dial));
    let dialsAtMs = -awayMs;
    while (dialsAtMs <= 0) dialsAtMs += pauses.failed(random.next());
    clock.at(dialsAtMs, dial);
  }
  while (back < count) clock.advance(100);
  return clock.nowMs();
}

Deno.test(
  "AdmissionControl has all clients of a directory back in within 45 s, behind one address, too",
  SLOW,
  () => {
    for (const awayMs of [500, 10_000, 600_000]) {
      for (const handshakeMs of [30, 150]) {
        const backMs = backAfterMs(CLIENTS_MAX_DEFAULT, awayMs, handshakeMs);
        assert(
          backMs < 45_000,
          `away for ${awayMs} ms, handshakes of ${handshakeMs}: ${backMs} ms`,
        );
      }
    }
  },
);
