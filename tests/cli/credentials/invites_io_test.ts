import { assertEquals, assertRejects } from "@std/assert";
import type { Clock } from "../../../lib/base/machine/clock.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { takenInvite } from "../../../lib/cli/credentials/invites.ts";
import type { InviteSource } from "../../../lib/cli/args/options.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";
import { COMMON_OPTIONS } from "../parsed_options.ts";

function parse(text: string): string {
  if (/^invite\d$/.test(text.trim())) return text.trim();
  throw new P2pchatError("bad-credentials", "Cannot read the invite");
}

const clock: Clock = {
  nowMs: () => 0,
  at: () => ({ cancel() {} }),
};

function taken(
  source: InviteSource<string>,
  streams: MemoryStreams,
  options = COMMON_OPTIONS,
  at = clock,
) {
  return takenInvite(source, parse, { streams, options, clock: at });
}

const INPUT = { from: "input" } as const;

Deno.test("an invite in the environment counts where the command line has none, and stays there for nobody", async () => {
  const streams = new MemoryStreams();
  assertEquals(await taken({ from: "environment" }, streams), null);
  for (const source of [{ from: "environment" }, INPUT] as const) {
    streams.variables["P2PCHAT_INVITE"] = "invite1\n";
    assertEquals(await taken(source, streams), "invite1");
    assertEquals(streams.variables, {});
  }
  streams.variables["P2PCHAT_INVITE"] = "invite1";
  assertEquals(await taken({ from: "argument", invite: "invite2" }, streams), "invite2");
  assertEquals(streams.variables, {});
  streams.variables["P2PCHAT_INVITE"] = "nonsense";
  const error = await assertRejects(() => taken({ from: "environment" }, streams), P2pchatError);
  assertEquals(error.code, "bad-credentials");
});

Deno.test("the first line of a pipe is the invite, and what follows it stays to be read", async () => {
  const streams = new MemoryStreams();
  for (const character of "invite3\nhello") streams.type(character);
  assertEquals(await taken(INPUT, streams), "invite3");
  const next = new Uint8Array(1);
  assertEquals([await streams.stdin.read(next), next[0]], [1, "h".charCodeAt(0)]);
});

Deno.test("a pipe that ends, or brings nothing for a minute, is an error that says what to do", async () => {
  const empty = new MemoryStreams();
  empty.type(null);
  await assertRejects(() => taken(INPUT, empty), P2pchatError, "There is no invite on standard");

  let waitedMs = 0;
  const late: Clock = {
    nowMs: () => 0,
    at(atMs, callback) {
      waitedMs = atMs;
      queueMicrotask(callback);
      return { cancel() {} };
    },
  };
  const silent = new MemoryStreams();
  const error = await assertRejects(
    () => taken(INPUT, silent, COMMON_OPTIONS, late),
    P2pchatError,
    "No invite came on standard input within 60 s",
  );
  assertEquals([error.code, waitedMs], ["usage", 60_000]);
});

Deno.test("at a terminal the invite is asked for unseen, three times at most; a script's terminal isn't asked", async () => {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  streams.type("wrong\rinvite4\r");
  assertEquals(await taken(INPUT, streams), "invite4");
  assertEquals(streams.stdoutText.includes("invite4"), false);
  assertEquals(streams.stdoutText.includes("Cannot read the invite\n"), true);
  assertEquals(streams.isRaw, false);

  streams.type("a\rb\rc\r");
  await assertRejects(() => taken(INPUT, streams), P2pchatError, "Cannot read the invite");
  const given = taken(INPUT, streams);
  await settle();
  streams.type("\x04");
  await assertRejects(() => given, P2pchatError, "No invite was entered");

  const json = { ...COMMON_OPTIONS, json: true };
  const error = await assertRejects(() => taken(INPUT, streams, json), P2pchatError);
  assertEquals(
    [error.code, error.message],
    [
      "usage",
      "There is nobody to ask for the invite; name a file with --invite-file FILE, or set P2PCHAT_INVITE",
    ],
  );
});
