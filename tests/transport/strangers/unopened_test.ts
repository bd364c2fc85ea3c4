import { assertEquals } from "@std/assert";
import { Unopened } from "../../../lib/transport/strangers/admission_control.ts";
import { HandStream } from "../hand_stream.ts";

const HERE = "192.0.2.1";
const ELSEWHERE = "192.0.2.2";
const OPENING_MS = 10_000;

/** Up to `max` streams, of which an opening has 3 bytes; and what became of them. */
function streams(max = 4) {
  const told: string[] = [];
  const name = (stream: unknown) => (stream as HandStream).name;
  const unopened = new Unopened(
    {
      isWholeOpening: (bytes) => bytes.length >= 3,
      opened: (stream, bytes, sinceMs) =>
        told.push(`${name(stream)} sent ${bytes.join()}, came at ${sinceMs}`),
      displaced: (stream) => told.push(`${name(stream)} displaced`),
      gone: (stream, reason) => told.push(`${name(stream)} gone: ${reason}`),
    },
    max,
    OPENING_MS,
  );
  const come = (name: string, host = HERE, nowMs = 0) => {
    const stream = new HandStream(name, host);
    unopened.add(stream, nowMs);
    return stream;
  };
  return { unopened, come, news: () => told.splice(0) };
}

Deno.test("Unopened reads a stream until its opening is complete, and then no further", () => {
  const { come, news } = streams();
  const ann = come("Ann", HERE, 7);

  const buffer = Uint8Array.of(1, 2);
  ann.receive(buffer);
  buffer.fill(9); // a stream may use its buffer again
  assertEquals([news(), ann.isReading], [[], true]);
  ann.receive(Uint8Array.of(3, 4));

  assertEquals([news(), ann.isReading], [["Ann sent 1,2,3,4, came at 7"], false]);
});

Deno.test("Unopened.check() gives up on streams whose opening takes too long, byte by byte as well", () => {
  const { unopened, come, news } = streams();
  assertEquals(unopened.dueMs, null);
  come("silent");
  const slow = come("slow", HERE, 100);
  slow.receive(Uint8Array.of(1));

  unopened.check(OPENING_MS - 1);
  assertEquals([news(), unopened.dueMs], [[], OPENING_MS]);
  unopened.check(OPENING_MS);
  assertEquals([news(), unopened.dueMs], [["silent gone: no complete opening"], OPENING_MS + 100]);
  unopened.check(OPENING_MS + 100);
  assertEquals([news(), unopened.dueMs], [["slow gone: no complete opening"], null]);
});

Deno.test("Unopened forgets a stream that hangs up", () => {
  const { unopened, come, news } = streams();
  come("Ann").end("hung up");

  assertEquals([news(), unopened.dueMs], [["Ann gone: hung up"], null]);
});

Deno.test("Unopened.add() displaces the stream that came first from the address of most", () => {
  const { come, news } = streams();
  come("alone", ELSEWHERE);
  for (const name of ["one", "two", "three"]) come(name);
  assertEquals(news(), []);

  come("four");
  const also = come("also alone", "192.0.2.3");
  assertEquals(news(), ["one displaced", "two displaced"]);
  also.receive(Uint8Array.of(1, 2, 3));
  assertEquals(news(), ["also alone sent 1,2,3, came at 0"]);
});

Deno.test("Unopened.clear() takes out all streams: nothing is told of them any more", () => {
  const { unopened, come, news } = streams();
  const ann = come("Ann");

  assertEquals(unopened.clear(), [ann]);
  ann.receive(Uint8Array.of(1, 2, 3));
  ann.end("hung up");
  assertEquals([news(), unopened.dueMs], [[], null]);
});
