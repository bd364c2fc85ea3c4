import { assertEquals } from "@std/assert";
import { AdmissionControl } from "../../lib/transport/admission_control.ts";
import type { ByteStream } from "../../lib/transport/byte_stream.ts";
import { VirtualClock } from "../../lib/transport/memory_links.ts";

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
