/** `peer --registry` in pipes without `--json`: one line per event, as a shell script sees it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  broadcast,
  call,
  DirectoryWorld,
  incoming,
  message,
  PASSWORD,
  seesAll,
} from "./directory_world.ts";
import { TextProgram } from "./text_program.ts";

const env = { P2PCHAT_PASSWORD: PASSWORD };

Deno.test("directory in pipes: a call out of a file, and what is printed of it", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const bob = await world.guest("bob");
  await using alice = TextProgram.start([...world.words("alice"), "--guest"], {
    data: world.data("alice"),
  });
  await alice.type("/call bob", "hello", "two");
  await alice.end();
  await bob.until(incoming("alice"));
  await bob.type("/accept");
  await bob.until(message("two"));
  await bob.until(call("ended"));
  assertEquals(await alice.ended(), 0);
  assertEquals(alice.stderr, "");
  const printed = alice.lines.join("\n");
  assertMatch(printed, /^\* Online: alice \(you, guest\), bob \(guest\)$/m);
  assertMatch(printed, /^\* Calling bob\.\.\. /m);
  assertMatch(printed, /^\* Connected with bob, directly\. Not verified: \/verify bob$/m);
  assertMatch(printed, /^<alice> hello$/m);
  assertMatch(printed, /^\* You hung up after \d+ s$/m);
  // No prompt, no colours, no bell.
  // deno-lint-ignore no-control-regex -- that there are none
  assert(!/[\x00-\x09\x0b-\x1f]/.test(alice.stdout), JSON.stringify(alice.stdout));
  assert(!printed.includes("> |") && !printed.includes("(lobby)"), printed);
});

Deno.test("directory in pipes: who signs up without any input reads that it was done", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  await using alice = TextProgram.start([...world.words("alice"), "--signup"], {
    data: world.data("alice"),
    env,
  });
  assertEquals(await alice.quit(), 0);
  assertMatch(alice.lines.join("\n"), /^\* You are signed up as alice$/m);
});

Deno.test("directory in pipes: chat that looks like an object or has line feeds is one line", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const bob = await world.guest("bob");
  await using alice = TextProgram.start([...world.words("alice"), "--guest", "--stay"], {
    data: world.data("alice"),
  });
  await alice.until(/Online: alice \(you, guest\), bob \(guest\)\n/);
  await seesAll(bob, "alice");
  await bob.type("alice");
  await alice.until(/\? bob \(a guest\) is calling/);
  await alice.type("/accept", '{"command":"msg"}');
  await bob.until(message('{"command":"msg"}'));
  await bob.say("one\ntwo\u202e");
  await alice.until(/<bob> one␊two/);
  await bob.type("q");
  await alice.until(/\* bob hung up after \d+ s\n/);
  await alice.type("no such line, is it?");
  await alice.until(/^error: .*\/call NAME/m, "stderr");
  await alice.end();
  alice.signal("SIGTERM");
  assertEquals(await alice.ended(), 0);
});

Deno.test("directory in pipes: no word of another's moves the cursor, and a name that may imitate one has a mark", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  // Cyrillic and Latin letters.
  const bob = await world.guest("b\u043eb");
  await using alice = TextProgram.start([...world.words("alice"), "--guest", "--stay"], {
    data: world.data("alice"),
  });
  await alice.until(/Online: alice \(you, guest\), ≈b\u043eb \(guest\)\n/);
  await seesAll(bob, "alice");
  await alice.type("/call b\u043eb");
  await bob.until(incoming("alice"));
  await bob.command({ command: "decline", reason: "no\u001b[2J\u202e\nBye" });
  await alice.until(/\* The directory says that ≈b\u043eb declined: "no␛\[2J/);
  await bob.command({ command: "broadcast", text: "\u001b]0;owned\u0007" });
  await alice.until(/\[≈b\u043eb \(guest\) -> all\] ␛\]0;owned␇\n/);
  await bob.type("alice");
  await alice.until(/\? ≈b\u043eb \(a guest\) is calling/);
  await alice.type("/decline", "/trust b\u043eb", "/verify bxb", "/call bxb", "/kick b\u043eb");
  await alice.until(/No command \/kick/, "stderr");
  await directory.type("/kick alice");
  assertEquals(await alice.ended(), 4);
  for (const printed of [alice.stdout, alice.stderr]) {
    // deno-lint-ignore no-control-regex -- that there are none
    assert(!/[\x00-\x09\x0b-\x1f\u202e]/.test(printed), JSON.stringify(printed));
    assert(!/[^≈]b\u043eb/.test(printed), printed);
  }
});

Deno.test("directory in pipes: q ends what was for a refused call, and the next call is made", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const desk = await world.guest("desk");
  const name = "alice";
  await using alice = TextProgram.start([...world.words(name), "--guest"], {
    data: world.data(name),
  });
  const unsaid = Array.from({ length: 2_000 }, () => "hi");
  await alice.type("nobody", ...unsaid, "q", "desk", "second call", "q", "2 to all");
  await desk.until(incoming(name));
  await desk.type("/accept");
  await desk.until(message("second call"));
  await desk.until(call("ended"));
  await desk.until(broadcast("to all"));
  await alice.until(/weren't sent|wasn't sent/);
  assertEquals(await alice.quit(), 0);
  const notices = alice.lines.filter((line) => /(weren't|wasn't) sent/.test(line));
  assertEquals(notices.length, 2, notices.join("\n"));
});

Deno.test("directory in pipes: what was piped for a call that is refused calls nobody else, however much it is", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [bob, line] = await world.guests("bob", "line");
  await using alice = TextProgram.start([...world.words("alice"), "--guest", "--stay"], {
    data: world.data("alice"),
  });
  await alice.until(/Online: alice/);
  await alice.type("bob", ...Array.from({ length: 3_000 }, () => "line"));
  await bob!.until(incoming("alice"));
  await bob!.type("/decline");
  await alice.until(/\* bob declined\n/);
  await alice.until(/\* [\d,]+ lines weren't sent, as there is no call with bob\n/);
  await alice.until(/\* [\d,]+ more lines weren't sent, as the call wasn't connected\n/);
  await alice.type("line");
  await line!.until(incoming("alice"));
  await alice.until(/\* Calling line\.\.\. /);
  assertEquals(alice.stderr, "");
  assertEquals(alice.lines.filter((each) => each.startsWith("* Calling")).length, 2);
  const unsaid = [...alice.stdout.matchAll(/\* ([\d,]+) (?:more )?lines weren't sent/g)]
    .map(([, count]) => Number(count!.replace(",", "")));
  assertEquals(unsaid.reduce((sum, count) => sum + count, 0), 3_000);
  alice.signal("SIGTERM");
  assertEquals(await alice.ended(), 0);
});

Deno.test("directory in pipes: what follows a call waits for its answer, whatever is still being stored before it", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [bob] = await world.guests("bob");
  await using alice = TextProgram.start([...world.words("alice"), "--guest"], {
    data: world.data("alice"),
  });
  await alice.until(/Online: alice/);
  await alice.type("2 hello", "bob", "hi bob", "q", "q");
  await bob!.until(incoming("alice"));
  await bob!.type("/accept");
  await bob!.until(message("hi bob"));
  assertEquals(await alice.ended(), 0);
  assertEquals(alice.stderr, "");
});
