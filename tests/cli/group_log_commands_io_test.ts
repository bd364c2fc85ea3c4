/** `p2pchat log` as a program: streams, exit status, `--json`. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { logBytes, sixEntries, Speaker } from "./group_logs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FIXTURE = "tests/cli/fixtures/group_log_5.txt";

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(shell: string): Promise<Outcome> {
  const program = `"${Deno.execPath()}" run --quiet --no-check -A main.ts log`;
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", shell.replaceAll("p2pchat log", program)],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function withFile(bytes: Uint8Array, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "p2pchat-log-" });
  try {
    await Deno.writeFile(path, bytes);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("p2pchat log verify prints entries, authors and digest", async () => {
  const { status, stdout, stderr } = await run(`p2pchat log verify ${FIXTURE}`);

  assertEquals([status, stderr], [0, ""]);
  const [head, alice, bob, carol, coordinator, founded, access, digest, ...rest] = stdout
    .split("\n");
  assertEquals(
    head,
    `${FIXTURE}: 6 entries of 2 authors and 4 edits, every digest and signature fits`,
  );
  assert(/^ {2}alice {10}[a-z2-7]{27} {2}2 entries, 1 edit asked for$/.test(alice!), alice);
  assert(/^ {2}bob {12}[a-z2-7]{27} {2}4 entries, 2 edits asked for$/.test(bob!), bob);
  assert(/^ {2}carol {10}[a-z2-7]{27} {2}1 edit asked for$/.test(carol!), carol);
  assert(
    /^ {2}\*coordinator\* {2}[a-z2-7]{27} {2}4 edits decided, 1 view signed$/.test(coordinator!),
    coordinator,
  );
  assert(
    /^founded under the key [a-z2-7]{27}: edits need the consent of all who are here$/
      .test(founded!),
    founded,
  );
  assertStringIncludes(access!, "Open group (whoever reaches the coordinator)");
  assert(/^digest [0-9a-f]{64}$/.test(digest!), digest);
  assertStringIncludes(
    rest[0]!,
    "who may decide on edits, and on who has which name, isn't known here: compare the key of",
  );
  assertEquals(rest.slice(1), [""]);
  const known = /[a-z2-7]{27}/.exec(coordinator!)![0];
  const compared = await run(`p2pchat log verify ${FIXTURE} ${known}`);
  assertEquals(compared.stdout, stdout.slice(0, stdout.indexOf("who may")));
});

Deno.test("p2pchat log verify --json tells the same to a script", async () => {
  const { status, stdout } = await run(`p2pchat log verify ${FIXTURE} --json`);

  const [verified, bye] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals([status, verified.event, verified.entries, verified.edits, bye.event], [
    0,
    "log-verified",
    6,
    4,
    "bye",
  ]);
  assertEquals(verified.authors.map((author: { name: string }) => author.name), [
    "alice",
    "bob",
    "carol",
  ]);
  const [{ key, edits }] = verified.coordinators;
  assertEquals([/^[a-z2-7]{27}$/.test(key), edits], [true, 4]);
  assertEquals(verified.coordinatorsKnown, false);

  const [another] = verified.authors;
  const { status: foreign, stderr } = await run(`p2pchat log verify ${FIXTURE} ${another.key}`);
  assertEquals(foreign, 5);
  assertStringIncludes(
    stderr,
    `view 1 was decided under the key ${key}, which isn't among the keys given`,
  );
});

Deno.test("p2pchat log verify ends with 5 where the log is damaged", async () => {
  const bytes = logBytes(sixEntries());
  await withFile(bytes.with(bytes.length - 30, 0x21), async (path) => {
    const { status, stdout, stderr } = await run(`p2pchat log verify ${path}`);
    const json = await run(`p2pchat log verify ${path} --json`);

    assertEquals([status, stdout], [5, ""]);
    assertStringIncludes(stderr, `error: Cannot trust ${path}: line 7, entry 6, is wrong`);
    const fatal = JSON.parse(json.stdout);
    assertEquals([json.status, fatal.event, fatal.code], [5, "fatal", "store-corrupt"]);
  });
  const missing = await run("p2pchat log verify /nonexistent/log");
  assertEquals(missing.status, 5);
});

Deno.test("p2pchat log export is no crash where its reader goes", async () => {
  const speaker = new Speaker("dan", 4);
  const batches = Array.from({ length: 200 }, (_, i) => speaker.say(`${i} ${"z".repeat(20_000)}`));
  await withFile(logBytes(batches), async (path) => {
    const outcome = await run(
      `{ p2pchat log export ${path}; echo "status $?" >&2; } | head -n 1 | cut -c 1-40`,
    );
    const full = await run(`p2pchat log export ${path} > /dev/full`);

    assertEquals(outcome.stdout, "1 2026-01-31T12:00:01.000Z dan: 0 zzzzzz\n");
    assertEquals(outcome.stderr, "status 0\n");
    assertEquals(full.status, 5);
    assertStringIncludes(full.stderr, "error: Cannot write to standard output: No space left");
  });
});

Deno.test("p2pchat log export --json says how it ends, and goes with no other form", async () => {
  const { status, stdout } = await run(`p2pchat log export ${FIXTURE} --json`);
  const refused = await run(`p2pchat log export ${FIXTURE} csv --json`);

  const events = stdout.trim().split("\n").map((line) => JSON.parse(line).event);
  assertEquals([status, events.length, events[0], events.at(-1)], [0, 7, "entry", "bye"]);
  const { event, code } = JSON.parse(refused.stdout);
  assertEquals([refused.status, event, code], [2, "fatal", "usage"]);
});

Deno.test("p2pchat log export writes every entry in each form", async () => {
  // Text has what was, and each change, below an entry that was edited.
  for (const [format, lines] of [["text", 12], ["json", 6], ["csv", 7]] as const) {
    const { status, stdout, stderr } = await run(`p2pchat log export ${FIXTURE} ${format}`);

    assertEquals([status, stderr], [0, ""]);
    assert(!stdout.includes('"bye"'), "what is asked for, and nothing else");
    // In CSV, the third entry's line feed stands as it is.
    assertEquals(stdout.split("\n").length, lines + (format === "csv" ? 2 : 1));
  }
});
