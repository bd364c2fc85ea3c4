import { assertEquals } from "@std/assert";
import type { Endpoint, LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import { CoordinatorLink } from "../../../../lib/protocols/group/member/coordinator_link.ts";
import { NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import {
  COORDINATOR_SILENT_MS,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "../../../../lib/protocols/group/schema/limits.ts";
import {
  type GroupSecret,
  rememberedSecrets,
} from "../../../../lib/protocols/group/schema/group_secrets.ts";
import { MemberOutput } from "../../../../lib/protocols/group/schema/member_output.ts";

const KEY = "c".repeat(64) as PeerKey;

/** A link that is dialled at once; the clock is the output's. Pauses are the longest that chance may make them. */
function dialled(
  secrets?: readonly GroupSecret[],
  others: readonly Endpoint[] = [],
): { readonly link: CoordinatorLink; readonly out: MemberOutput; readonly told: string[] } {
  const told: string[] = [];
  const out = new MemberOutput(() => true);
  out.begin(0);
  const hello = () => ({
    type: "hello" as const,
    name: "ann",
    incarnation: new Uint8Array(8),
    host: null,
    port: 9_000,
    group: null,
    begun: NO_BALLOT,
    promised: NO_BALLOT,
  });
  const parts = { out, random: () => 1, hello, coordinatorDown: () => void told.push("down") };
  const server = {
    what: "coordinator",
    name: "*coordinator*",
    endpoint: { host: "localhost", port: 6_000 },
    others,
    knownPeers: "known_peers",
    pinned: null,
    given: null,
  } as const;
  const link = new CoordinatorLink(server, parts, secrets);
  link.dial();
  return { link, out, told };
}

/** It answers, and is gone at once. @returns How long until it is dialled again. */
function pauseAfterLink(
  { link, out }: ReturnType<typeof dialled>,
  number: number,
  isWelcomed: boolean,
): number {
  const id = number as LinkId;
  link.up(id, KEY);
  if (isWelcomed) link.welcomed();
  link.down(id, null);
  const beganMs = out.nowMs;
  do {
    out.begin(link.nextMs()!);
    link.tick(out.nowMs);
  } while (!out.take().some(({ type }) => type === "dial"));
  return out.nowMs - beganMs;
}

Deno.test("CoordinatorLink dials one that lets go of whoever comes after growing pauses", () => {
  const dialling = dialled();

  const pauses = Array.from({ length: 10 }, (_, at) => pauseAfterLink(dialling, at, false));

  assertEquals(pauses.slice(0, 3), [1, 1.5, 2.25].map((times) => times * RETRY_MS_MIN));
  assertEquals(pauses.at(-1), RETRY_MS_MAX);
});

Deno.test("CoordinatorLink dials one that had welcomed us at once, within the shortest pause", () => {
  const dialling = dialled();
  for (let at = 0; at < 5; at++) pauseAfterLink(dialling, at, false);

  assertEquals(pauseAfterLink(dialling, 5, true), RETRY_MS_MIN);
  assertEquals(pauseAfterLink(dialling, 6, false), RETRY_MS_MIN);
});

Deno.test("CoordinatorLink tries one secret after the other, and the first one again at the next dial", () => {
  const secrets = [5, 2].map((epoch) => ({ epoch, secret: new Uint8Array(16).fill(epoch) }));
  const { link, out } = dialled(secrets);
  const dials = () => {
    const effects = [...out.take()];
    out.begin(out.nowMs);
    return effects.flatMap((effect) => effect.type === "dial" ? [effect.secret?.epoch] : []);
  };
  assertEquals(dials(), [5]);
  assertEquals(link.secretRefused(1), true);
  assertEquals(dials(), [2]);
  assertEquals(
    [link.secretRefused(1), dials()],
    [true, []],
    "an attempt that is over says nothing",
  );
  assertEquals(link.secretRefused(2), false);
  link.dialFailed({ attempt: 2, reason: "bad-credentials", text: "refused", key: null });
  out.begin(link.nextMs()!);
  link.tick(out.nowMs);
  assertEquals(dials(), [5]);

  link.up(9 as LinkId, KEY);
  link.secretIs({ epoch: 6, secret: new Uint8Array(16) });
  link.down(9 as LinkId, null);
  out.begin(link.nextMs()!);
  link.tick(out.nowMs);
  assertEquals(dials(), [6]);

  // An old copy of the coordinator's disk doesn't know the last one.
  assertEquals([link.secretRefused(4), dials()], [true, [5]]);
  assertEquals([link.secretRefused(5), dials()], [true, [2]]);
  assertEquals([link.secretRefused(6), dials()], [false, []]);
});

Deno.test("A member remembers the secrets that it was told last, each one once", () => {
  const secretOf = (epoch: number) => ({ epoch, secret: new Uint8Array(16).fill(epoch) });
  let known: readonly GroupSecret[] = [];
  for (let epoch = 1; epoch <= 20; epoch++) known = rememberedSecrets(known, secretOf(epoch));
  known = rememberedSecrets(known, secretOf(18));

  assertEquals(known.map(({ epoch }) => epoch), [18, 20, 19, 17, 16, 15, 14, 13]);
});

const OTHER = { host: "two.example", port: 6_000 };
const THIRD = { host: "three.example", port: 6_000 };

/** Where it was dialled since. */
function hostsOf(out: MemberOutput): readonly string[] {
  const effects = out.take();
  out.begin(out.nowMs);
  return effects.flatMap((effect) => effect.type === "dial" ? [effect.endpoint.host] : []);
}

Deno.test("CoordinatorLink goes where an instance that stands by sends it, and the user hears nothing of it", () => {
  const { link, out, told } = dialled();
  link.up(1 as LinkId, KEY);
  link.standsBy(OTHER);
  out.begin(link.nextMs()!);
  link.tick(out.nowMs);
  assertEquals([hostsOf(out), told, out.nowMs], [["two.example"], [], 250]);
  link.up(2 as LinkId, KEY);
  link.welcomed();
  assertEquals([link.state, link.endpoint], ["up", OTHER]);
});

Deno.test("CoordinatorLink says that the coordinator is down where no instance leads, or none is reached", () => {
  const leaderless = dialled();
  leaderless.link.up(1 as LinkId, KEY);
  leaderless.link.standsBy(null);
  assertEquals([leaderless.told, leaderless.link.state], [["down"], "down"]);

  const { link, out, told } = dialled([], [OTHER]);
  const fails = (attempt: number) =>
    link.dialFailed({ attempt, reason: "refused", text: "no", key: null });
  fails(1);
  assertEquals(told, []);
  out.begin(link.nextMs()!);
  link.tick(out.nowMs);
  fails(2);
  assertEquals([told, hostsOf(out)], [["down"], ["two.example"]]);
});

Deno.test("CoordinatorLink: instances that stand by are no sign of life of the coordinator", () => {
  const { link, out, told } = dialled([], [OTHER, THIRD]);
  for (let number = 1; told.length === 0 && number < 100; number++) {
    link.up(number as LinkId, KEY);
    // Each says that another one leads, which doesn't.
    link.standsBy([OTHER, THIRD][number % 2]!);
    while (link.link === null && told.length === 0 && hostsOf(out).length === 0) {
      out.begin(link.nextMs()!);
      link.tick(out.nowMs);
      if (out.take().some(({ type }) => type === "dial")) break;
    }
  }
  assertEquals([told, out.nowMs], [["down"], COORDINATOR_SILENT_MS]);
});
