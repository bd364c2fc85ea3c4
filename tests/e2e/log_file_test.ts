import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import { VERSION } from "../../lib/cli/session/version.ts";
import { Node, Nodes, type ShownEvent } from "./node.ts";
import { flushLog, logFault, openLog } from "../../lib/cli/session/log.ts";

Deno.test({
  name: "openLog() appends JSON lines to the file, faults with their stack and cause",
  sanitizeResources: false, // the log stays open as long as the process
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/log`;
    await Deno.writeTextFile(path, "{}\n");

    let nowMs = 0;
    const logger = await openLog({ logFile: path, verbose: false }, undefined, () => nowMs);
    logger.debug("not without --verbose");
    logger.info("link up", { link: 7 });
    logFault(new Error("a bug", { cause: new Error("its cause") }));
    await flushLog();

    const [before, info, fault, ...rest] = (await Deno.readTextFile(path)).split("\n");
    assertEquals([before, rest], ["{}", [""]]);
    assertEquals(JSON.parse(info!).properties, { link: 7 });
    assertStringIncludes(JSON.parse(fault!).properties.stack, "Caused by: Error: its cause");
    assert(/log_file_test\.ts:\d+/.test(JSON.parse(fault!).properties.stack));

    // What others say may stand there; whoever looks into the log with `cat` sees what it is.
    const reason = "\x1b[2J \x9b31m \u202egnp.exe \u2028 \u200b \ufeff \u{e0041}";
    logger.info("link down", { reason });
    await flushLog();
    const down = (await Deno.readTextFile(path)).split("\n")[3]!;
    assertEquals(JSON.parse(down).properties, { reason });
    assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(down), down);

    for (let count = 0; count < 10_000; count++) logger.info("a stranger came");
    logger.info("a friend came");
    nowMs = 1_000;
    logger.info("a stranger came", { port: 1 });
    await flushLog();

    const lines = (await Deno.readTextFile(path)).trim().split("\n").slice(4)
      .map((line) => JSON.parse(line));
    assertEquals(lines.length, 2_002);
    assertEquals(lines.at(-2).message, "a friend came");
    assertEquals(lines.at(-1).properties, { port: 1, leftOut: 8_000 });
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("openLog() without a file keeps nothing, and refuses a file it cannot write", async () => {
  assertEquals(await openLog({ logFile: null, verbose: false }), SILENT_LOGGER);
  const error = await assertRejects(
    () => openLog({ logFile: "/dev/null/log", verbose: false }),
    P2pchatError,
  );
  assertEquals(error.code, "disk");
});

Deno.test("openLog() appends to no file that a link leads to, and makes none there", async () => {
  const folder = await Deno.makeTempDir();
  for (const content of ["", '{"precious": true}\n', null]) {
    const [own, link] = [`${folder}/own`, `${folder}/link`];
    if (content !== null) await Deno.writeTextFile(own, content);
    await Deno.symlink(own, link);

    const error = await assertRejects(
      () => openLog({ logFile: link, verbose: false }),
      P2pchatError,
    );

    assertEquals(error.code, "disk");
    assertMatch(error.message, /^Cannot write the log .*: /);
    if (content !== null) assertMatch(error.message, /it is a symbolic link; name another file/);
    assertEquals(await Deno.readTextFile(own).catch(() => null), content);
    await Deno.remove(link);
    if (content !== null) await Deno.remove(own);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("openLog() appends to no file that has another name, too: somebody else may have given it that", async () => {
  const folder = await Deno.makeTempDir();
  const [own, link] = [`${folder}/own`, `${folder}/link`];
  await Deno.writeTextFile(own, '{"precious": true}\n');
  await Deno.link(own, link);

  const error = await assertRejects(() => openLog({ logFile: link, verbose: false }), P2pchatError);

  assertEquals(error.code, "disk");
  assertMatch(error.message, /it has another name, too \(a hard link\); name another file/);
  assertEquals(await Deno.readTextFile(own), '{"precious": true}\n');
  await Deno.remove(folder, { recursive: true });
});

Deno.test("--log-file says who came, went and was refused, and never what was said", async () => {
  await using nodes = new Nodes();
  const folder = await Deno.makeTempDir();
  nodes.defer(() => Deno.remove(folder, { recursive: true }));
  const path = `${folder}/log`;
  const alice = await nodes.ready("Alice", null, { args: ["--log-file", path] });
  const bob = await nodes.ready("Bob", alice);
  const { key } = await alice.until(({ event, name }) => event === "joined" && name === "Bob");
  const second = nodes.add(Node.mesh("Bob", alice));
  await second.ended();
  await bob.say("for all of us");
  await bob.command({ command: "msg", name: "Alice", text: "for Alice alone" });
  await alice.command({ command: "msg", name: "Bob", text: "for Bob alone" });
  await bob.until(({ text }) => text === "for Bob alone");
  await alice.until(({ text }) => text === "for Alice alone");
  for (const line of ["/msg hunter2 is the password", "/trust hunter2", "/verify hunter2"]) {
    await alice.type(line);
  }
  const isRefusal = ({ event, text }: ShownEvent) =>
    event === "error" && String(text).includes("hunter2");
  await alice.untilCount(isRefusal, 3);
  await bob.type(":q");
  await bob.ended();
  await alice.until(({ event }) => event === "left");
  await alice.type(":q");
  await alice.ended();

  const text = await Deno.readTextFile(path);
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  const of = (message: string) =>
    lines.filter((line) => line.message === message).map(({ properties }) => properties);
  const ready = alice.events.find(({ event }) => event === "ready")!;
  const [started] = of("started");
  assertEquals(
    [started.version, started.name, started.key, started.listening],
    [VERSION, "Alice", ready.key, `127.0.0.1:${alice.port}`],
  );
  assertEquals(of("room").map(({ room }) => room), [ready.room]);
  assertEquals(of("joined").map(({ name }) => name), ["Bob"]);
  assertEquals(of("left").map(({ name, reason }) => [name, reason]), [["Bob", "quit"]]);
  const [bobUp, secondUp] = of("link up");
  assertEquals([bobUp.key, bobUp.dialled], [key, false]);
  assertMatch(bobUp.remote, /^127\.0\.0\.1:\d+$/);
  const downs = new Map(of("link down").map((down) => [down.link, down]));
  assertEquals([downs.get(bobUp.link).name, downs.get(bobUp.link).reason], ["Bob", "quit"]);
  assertEquals(downs.get(secondUp.link).reason, "refused: name-taken");
  assertEquals(of("asked to leave"), [{ cause: "command" }]);
  assertEquals(of("stopped"), [{ reason: "quit" }]);
  assertEquals(of("error"), Array(3).fill({ code: "unknown-user" }));
  assert(!text.includes("hunter2"), "nothing of what was typed is in it");
  assert(!/for all of us|alone/.test(text), "no text of anybody is in it");
});
