// When a server is dialled, and which of what comes back counts.

import { assertEquals } from "@std/assert";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { ServerConnection, unreachableText } from "../../../lib/base/trust/server_connection.ts";

const SERVER = "5".repeat(64) as PeerKey;
const OTHER = "6".repeat(64) as PeerKey;
const ENDPOINT = { host: "chat.example", port: 4_400 };
const [FIRST, SECOND] = [1 as LinkId, 2 as LinkId];

/** A connection, and what it does. Pauses are the longest that chance may make them. */
function connection(others: readonly Endpoint[] = []) {
  const did: string[] = [];
  let attempts = 0;
  const out = {
    nowMs: 0,
    push: ({ key }: { key: PeerKey }) => void did.push(`pin ${key.slice(0, 1)}`),
    keyChanged: () => void did.push("key changed"),
  };
  const server = {
    what: "directory",
    name: "*directory*",
    endpoint: ENDPOINT,
    others,
    knownPeers: "known_peers",
    pinned: fingerprintOf(SERVER),
    given: null,
  } as const;
  const port = {
    out,
    random: () => 1,
    dial: (expect: string | null, endpoint: Endpoint) => {
      const key = expect === fingerprintOf(OTHER) ? " other" : "";
      const where = endpoint === ENDPOINT ? "" : ` at ${endpoint.host}`;
      did.push(`dial ${++attempts}${key}${where}`);
      return attempts;
    },
    close: (link: LinkId, reason: string) => void did.push(`close ${link}: ${reason}`),
  };
  const part = new ServerConnection(server, port, { minMs: 100, maxMs: 1_000 });
  const take = () => did.splice(0);
  return { part, out, take };
}

const refused = (attempt: number) => ({ attempt, reason: "refused", text: "no\x1bway", key: null });
const strange = (attempt: number) => ({ attempt, reason: "wrong-key", text: "no", key: OTHER });

Deno.test("ServerConnection dials once at a time, and not while it is there", () => {
  const { part, take } = connection();
  assertEquals([part.dial(), part.dial(), take()], [true, false, ["dial 1"]]);
  assertEquals(part.up(FIRST, SERVER), true);
  assertEquals([part.link, part.peer, part.dial()], [FIRST, SERVER, false]);

  assertEquals([part.down(SECOND), part.link], [false, FIRST]);
  assertEquals([part.down(FIRST), part.link, part.peer], [true, null, SERVER]);
  assertEquals([part.dial(), take()], [true, ["dial 2"]]);
});

Deno.test("ServerConnection closes a link that nothing has dialled, and one that is closed is forgotten", () => {
  const { part, take } = connection();
  assertEquals([part.up(SECOND, OTHER), part.peer], [false, null]);
  assertEquals(take(), [`close ${SECOND}: not needed any more`]);

  part.dial();
  part.up(FIRST, SERVER);
  part.close("bye");
  part.close("bye");
  assertEquals([part.link, take()], [null, ["dial 1", `close ${FIRST}: bye`]]);
});

Deno.test("ServerConnection: only the latest dial fails, and says why in words that can be shown", () => {
  const { part } = connection();
  part.dial();
  assertEquals([part.dialFailed(refused(7)), part.failure], [false, null]);
  assertEquals([part.dialFailed(refused(1)), part.failure], [true, "no␛way"]);
  assertEquals(part.dialFailed(refused(1)), false);
  assertEquals(part.unreachableText("x"), unreachableText(part.server, "no␛way"));

  part.dial();
  assertEquals([part.isAttempt(1), part.isAttempt(2)], [false, true]);
  part.dialFailed(strange(2));
  assertEquals(part.failure, "another key answers there");
  part.dial();
  part.up(FIRST, SERVER);
  assertEquals([part.failure, part.unreachableText("silent")], [
    null,
    unreachableText(part.server, "silent"),
  ]);
});

Deno.test("ServerConnection doesn't advise waiting where another command answers", () => {
  const { part } = connection();
  part.dial();
  part.dialFailed({ attempt: 1, reason: "wrong-mode", text: "a mesh", key: null });
  assertEquals(
    part.unreachableText(),
    "The directory at chat.example:4400 can't be reached: a mesh; check the address",
  );
});

Deno.test("ServerConnection dials again when its time has come, after pauses that grow until it has succeeded", () => {
  const { part, out, take } = connection();
  const pauses = () => Array.from({ length: 8 }, () => part.nextPauseMs());
  const grown = pauses();
  assertEquals([grown.slice(0, 3), grown.at(-1)], [[100, 150, 225], 1_000]);
  part.succeeded();
  assertEquals(part.nextPauseMs(), 100);

  part.retryIn(300);
  assertEquals([part.nextMs(), part.takeDue()], [300, false]);
  out.nowMs = 300;
  assertEquals([part.takeDue(), part.takeDue(), part.nextMs()], [true, false, null]);
  part.retryIn(300);
  part.dial();
  assertEquals([part.nextMs(), take()], [null, ["dial 1"]]);
  part.dialAgain();
  assertEquals([part.isAttempt(2), take()], [true, ["dial 2"]]);
});

Deno.test("ServerConnection dials at once for a key that the user accepts, unless it is dialling", () => {
  const { part, out, take } = connection();
  assertEquals(part.trust(), null);
  part.dial();
  part.dialFailed(strange(1));
  part.key.met(OTHER);
  part.retryIn(1_000);
  out.nowMs = 10;
  assertEquals([part.trust(), part.nextMs()], [OTHER, 10]);
  part.dial();
  assertEquals(take(), ["dial 1", "key changed", "pin 6", "dial 2 other"]);

  part.dialFailed({ ...strange(2), key: SERVER });
  out.nowMs = 10_000_000;
  part.key.met(SERVER);
  part.dial();
  assertEquals([part.trust(), part.nextMs()], [SERVER, null]);
});

Deno.test("ServerConnection keeps no link to the key of before that was dialled when the user accepted another", () => {
  const { part, take } = connection();
  part.dial();
  part.dialFailed(strange(1));
  part.key.met(OTHER);
  part.dial();
  part.trust();
  take();

  assertEquals([part.up(FIRST, SERVER), part.link, part.peer], [false, null, null]);
  assertEquals([take(), part.nextMs()], [[`close ${FIRST}: not needed any more`], 0]);
  part.dial();
  assertEquals([take(), part.up(SECOND, OTHER)], [["dial 3 other"], true]);
});

const SECOND_HOST = { host: "two.example", port: 4_400 };
const THIRD_HOST = { host: "three.example", port: 4_400 };

Deno.test("ServerConnection dials one instance after the other, soon, and pauses once all have failed", () => {
  const { part, take } = connection([SECOND_HOST]);
  const fails = (attempt: number) => {
    part.dial();
    const { hasOther } = part;
    part.dialFailed(refused(attempt));
    return [hasOther, part.hasFailedEverywhere, part.nextPauseMs()];
  };
  assertEquals([fails(1), fails(2)], [[true, false, 250], [false, true, 100]]);
  assertEquals([fails(3), fails(4)], [[false, true, 250], [false, true, 150]]);
  assertEquals(take(), ["dial 1", "dial 2 at two.example", "dial 3", "dial 4 at two.example"]);
  part.succeeded();
  assertEquals([part.hasFailedEverywhere, fails(5)], [false, [true, false, 250]]);
});

Deno.test("ServerConnection leaves an instance that doesn't answer, where there is another one", () => {
  const { part, out, take } = connection([SECOND_HOST]);
  part.dial();
  assertEquals([part.nextMs(), part.takeDue()], [2_000, false]);
  out.nowMs = 2_000;
  assertEquals([part.takeDue(), part.dial()], [true, true]);
  assertEquals(take(), ["dial 1", "dial 2 at two.example"]);
  assertEquals([part.dialFailed(refused(1)), part.isAttempt(2)], [false, true]);
  part.up(FIRST, SERVER);
  assertEquals([part.nextMs(), part.endpoint], [null, SECOND_HOST]);

  const alone = connection();
  alone.part.dial();
  assertEquals(alone.part.nextMs(), null);
});

Deno.test("ServerConnection goes where an instance sends it, unless that has just failed", () => {
  const { part, out, take } = connection();
  part.dial();
  part.up(FIRST, SERVER);
  part.close("stands by");
  assertEquals([part.servedAt(SECOND_HOST), part.nextMs()], [true, 250]);
  part.dial();
  part.dialFailed(refused(2));
  part.dial();
  part.up(SECOND, SERVER);
  part.close("stands by");
  assertEquals([part.servedAt(SECOND_HOST), part.nextMs()], [false, 500]);
  part.dial();
  part.up(FIRST, SERVER);
  part.close("stands by");
  assertEquals([part.servedAt(null), part.nextMs()], [false, 500]);
  out.nowMs = 5_000;
  assertEquals(part.servedAt(SECOND_HOST), true);
  part.dial();
  assertEquals(take().filter((did) => did.startsWith("dial")), [
    "dial 1",
    "dial 2 at two.example",
    "dial 3",
    "dial 4",
    "dial 5 at two.example",
  ]);
});

Deno.test("ServerConnection asks all that answer in turn where one knows none that serves", () => {
  const { part, out, take } = connection([SECOND_HOST, THIRD_HOST]);
  const standsBy = (link: number) => {
    part.dial();
    part.up(link as LinkId, SERVER);
    part.close("stands by");
    part.servedAt(null);
    return part.endpoint.host;
  };
  assertEquals([standsBy(1), standsBy(2)], ["two.example", "three.example"]);
  part.dial();
  part.dialFailed(refused(3));
  assertEquals([standsBy(4), standsBy(5)], ["two.example", "chat.example"]);
  out.nowMs = 5_000;
  assertEquals([standsBy(6), standsBy(7)], ["two.example", "three.example"]);
  assertEquals(take().filter((did) => did.startsWith("dial")).length, 7);
});

Deno.test("ServerConnection learns addresses, of which there are not too many, and expects one key at all", () => {
  const { part, take } = connection([SECOND_HOST]);
  assertEquals([part.learn([SECOND_HOST, ENDPOINT]), part.learn([THIRD_HOST])], [false, true]);
  assertEquals(part.addresses, [ENDPOINT, SECOND_HOST, THIRD_HOST]);
  const many = Array.from({ length: 100 }, (_, n) => ({ host: `h${n}.example`, port: 1 }));
  part.learn(many);
  assertEquals(part.addresses.length, 32);

  part.dial();
  assertEquals(part.strangeKey(strange(1)), OTHER);
  part.dialFailed(strange(1));
  part.dial();
  // At an address that others have told of, perhaps long ago, anybody may be by now.
  assertEquals([part.strangeKey(strange(2)), part.up(FIRST, OTHER)], [null, false]);
  assertEquals(take().at(-1), `close ${FIRST}: not needed any more`);
});
