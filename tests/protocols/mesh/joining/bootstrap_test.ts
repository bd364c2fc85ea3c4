import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { Bootstrap, type Refusal } from "../../../../lib/protocols/mesh/joining/bootstrap.ts";
import { type Dial, Dialling } from "../../../../lib/protocols/mesh/links/dialling.ts";

const SILENT: Refusal = { reason: "timeout", text: "no answer", again: false };
const CROWDED: Refusal = { reason: "full", text: "a crowd", again: true };

/** Somebody who comes in through contacts at the ports 1, 2 and so on, and what it does, at which second. */
function someone(purpose: "join" | "resume", count: number, isFirstDecisive = false) {
  const done: string[] = [];
  let nowMs = 0;
  const attempts = new Map<number, number>();
  const note = (what: string) => done.push(`${nowMs / 1_000} ${what}`);
  const begin = { kind: "join", contact: { host: "", port: 1 } } as const;
  const dialling = new Dialling(begin, () => null, ({ attempt, endpoint }) => {
    attempts.set(endpoint.port, attempt);
    note(`dials ${endpoint.port}`);
  });
  const dials = Array.from({ length: count }, (_, at): Dial => (
    { purpose, peer: null, endpoint: { host: "", port: at + 1 }, room: null }
  ));
  const bootstrap = new Bootstrap(purpose, dials, dialling, {
    random: () => 0,
    delayed: (text) => note(`waits: ${text}`),
    exhausted: (failures) => note(`gives up ${failures.map(({ contact }) => contact.port)}`),
  }, isFirstDecisive);
  bootstrap.start(0);
  return {
    bootstrap,
    done,
    /** What it has done since the last call. */
    news: () => done.splice(0),
    at(ms: number) {
      for (let due = bootstrap.deadlines.nextMs(); due !== null && due <= ms;) {
        nowMs = due;
        bootstrap.deadlines.tick(nowMs);
        due = bootstrap.deadlines.nextMs();
      }
      nowMs = ms;
    },
    fails(port: number, refusal = SILENT) {
      const dial = dialling.attemptFailed(attempts.get(port)!, "unreachable")!;
      bootstrap.dialFailed(dial, refusal, nowMs);
    },
    /** Whether the link is of use. */
    answers(port: number): boolean {
      const link = port as LinkId;
      return bootstrap.linkUp(link, dialling.linkUp(link, attempts.get(port)!)!);
    },
    turnsAway: (refusal = SILENT) => bootstrap.entranceFailed(refusal, nowMs),
  };
}

Deno.test("Bootstrap of a newcomer dials two at once, and two more every 2 s while nobody answers", () => {
  const { at, fails, news } = someone("join", 5);
  at(9_000);
  assertEquals(news(), ["0 dials 1", "0 dials 2", "2 dials 3", "2 dials 4", "4 dials 5"]);
  for (const port of [5, 1, 2, 3]) fails(port);
  assertEquals(news(), [], "one may answer yet");
  fails(4);
  assertEquals(news(), ["9 gives up 1,2,3,4,5"]);
});

Deno.test("Bootstrap dials the next one as soon as one fails, and nobody once one has answered", () => {
  const { at, answers, fails, news } = someone("join", 5);
  at(500);
  fails(1);
  assertEquals(news(), ["0 dials 1", "0 dials 2", "0.5 dials 3"]);
  assertEquals(answers(3), true);
  fails(2);
  at(20_000);
  assertEquals(news(), []);
});

Deno.test("Bootstrap of a newcomer has one entrance, and comes back to others that had answered", () => {
  const { at, answers, bootstrap, news, turnsAway } = someone("join", 3);
  assertEquals([answers(2), answers(1)], [true, false]);
  assertEquals(bootstrap.entrance?.dial.endpoint.port, 2);
  news();
  at(1_000);
  turnsAway();
  assertEquals(news(), ["1 dials 1", "1 dials 3"]);
  assertEquals(answers(1), true);
});

Deno.test("Bootstrap goes on after 2 s where the entrance fails while others are silent still", () => {
  const { answers, at, news, turnsAway } = someone("join", 5);
  at(2_000);
  answers(3);
  answers(4);
  at(6_000);
  news();
  turnsAway();
  assertEquals(news(), [], "two are under way");
  at(8_000);
  assertEquals(news(), ["8 dials 4", "8 dials 5"]);
});

Deno.test("Bootstrap of a newcomer who met a crowd dials all again after a pause, not before", () => {
  const { at, fails, news } = someone("join", 2);
  fails(1, CROWDED);
  at(1_900);
  fails(2);
  assertEquals(news(), ["0 dials 1", "0 dials 2", "1.9 waits: a crowd"]);
  at(2_399);
  assertEquals(news(), [], "2 s after the first dials nobody is dialled");
  at(2_400);
  assertEquals(news(), ["2.4 dials 1", "2.4 dials 2"]);
  fails(1);
  fails(2);
  assertEquals(news(), ["2.4 gives up 1,2"]);
});

Deno.test("Bootstrap of who returns dials four at once, and waits for none longer than 2 s", () => {
  const { at, answers, fails, news } = someone("resume", 6);
  fails(2);
  at(5_000);
  const dialled = [1, 2, 3, 4, 5].map((port) => `0 dials ${port}`);
  assertEquals(news(), [...dialled, "2 dials 6", "4 gives up 2"]);
  assertEquals([answers(1), answers(3)], [true, true], "all are neighbours to be");
});

Deno.test("Bootstrap of who returns asks nobody else where the entrance is no further than itself", () => {
  const { at, answers, news, turnsAway } = someone("resume", 9);
  for (const port of [2, 1, 3]) answers(port);
  at(5_000);
  news();
  turnsAway();
  assertEquals(news(), ["5 gives up 2"]);
});

Deno.test("Bootstrap of who returns asks the next one where the entrance sends it away", () => {
  const { at, answers, news, turnsAway } = someone("resume", 9);
  for (const port of [1, 2, 3, 4]) answers(port);
  at(1_000);
  news();
  turnsAway(CROWDED);
  assertEquals(news(), [5, 6, 7, 8].map((port) => `1 dials ${port}`));
});

for (const reason of ["wrong-room", "wrong-key"] as const) {
  Deno.test(`Bootstrap asks a decisive first contact alone, and nobody else after ${reason}`, () => {
    const { at, fails, news } = someone("join", 3, true);
    at(9_000);
    assertEquals(news(), ["0 dials 1"]);
    fails(1, { reason, text: "another one", again: false });
    assertEquals(news(), ["9 gives up 1"]);
  });
}

Deno.test("Bootstrap asks the others once a decisive first contact can't be reached", () => {
  const { at, fails, news } = someone("join", 3, true);
  at(1_000);
  fails(1);
  assertEquals(news(), ["0 dials 1", "1 dials 2", "1 dials 3"]);
  fails(2, { reason: "wrong-room", text: "another room", again: false });
  fails(3);
  assertEquals(news(), ["1 gives up 1,2,3"]);
});
