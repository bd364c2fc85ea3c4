import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import {
  MOVE_MS_MAX,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { DirectoryMessage } from "../../../../lib/protocols/directory/schema/messages.ts";
import { ClientProgram, DIRECTORY, ENTERED } from "../client_program.ts";

const ADDRESSES = [{ host: "10.0.0.8", port: 4_400 }, { host: "10.0.0.9", port: 4_400 }] as const;

const instances = (because: "in" | "away") =>
  ({ type: "instances", because, addresses: [...ADDRESSES] }) as const;

/** A program whose instance says that it is cut off, and that has begun to dial another one. */
function moving() {
  const program = ClientProgram.in();
  program.says(instances("in"));
  program.says(instances("away"));
  const dialled = program.after(RETRY_MS_MIN);
  const first = program.link;
  const other = 77 as LinkId;
  const linkUp = (peer: PeerKey = DIRECTORY) => {
    const { attempt } = program;
    const up = { link: other, peer, dialled: true, attempt, isRelayed: false };
    return program.feed({ type: "link-up", ...up, host: "10.0.0.8" });
  };
  const says = (message: DirectoryMessage) =>
    program.feed({ type: "message", link: other, message });
  return { program, dialled, first, other, linkUp, says };
}

/** Without what was shown of who is online. */
const done = (words: readonly string[]) => words.filter((word) => !word.startsWith("users"));

Deno.test("moving: where its instance is cut off, a client tries another one, and leaves the first once it is in there", () => {
  const { program, dialled, linkUp, says } = moving();
  assertEquals(dialled, ["dial directory 10.0.0.8:4400 directory"]);
  assertEquals(linkUp().length, 1, "enter");
  // Meanwhile the first one is in use.
  program.says({ type: "presence", users: [], offline: ["bob"], away: [] });
  assertEquals(program.goodbyes, []);

  const moved = done(says({ ...ENTERED, isRemembered: true }));
  assertEquals(program.goodbyes, ["in at another instance"]);
  assertEquals(moved.filter((word) => /^(notice|session)/.test(word)), [
    "notice text=You are at another instance of the directory now: 10.0.0.8:4400",
    "session state=up name=ann guest=false key=directory instance=10.0.0.8:4400",
  ]);
  assertEquals(program.machine.nextDeadlineMs() !== null, true);
  // The former link is nobody's any more.
  assertEquals(program.says({ type: "presence", users: [], offline: ["eve"], away: [] }), []);
});

Deno.test("moving: where the others let nobody in either, a client stays, and tries them in turn with growing pauses", () => {
  const { program, linkUp, says } = moving();
  linkUp();
  says({ type: "refused", code: "engine", text: "", retryMs: 1_000 });
  assertEquals(program.goodbyes, ["not let in"]);

  const dials = program.after(10 * 60_000).filter((word) => word.startsWith("dial"));
  assertEquals(dials[0], "dial directory 10.0.0.9:4400 directory");
  assertEquals(dials[1], "dial directory 10.0.0.8:4400 directory");
  const least = 10 * 60_000 / (RETRY_MS_MAX + MOVE_MS_MAX);
  assertEquals(dials.length >= least && dials.length < 3 * least, true, `${dials.length}`);
  assertEquals(program.types({ command: "list", part: "bob" }).length, 1);
  assertEquals(program.goodbyes, ["not let in"]);
});

Deno.test("moving: once its engine answers, a client stays where it is", () => {
  const { program, other, linkUp } = moving();
  linkUp();

  assertEquals(program.says(instances("in")), [
    `close link ${other}`,
    "notice text=The directory's engine answers again",
  ]);
  assertEquals(program.after(60_000).filter((word) => word.startsWith("dial")), []);
});

Deno.test("moving: a link that is lost on either side is no loss of the other", () => {
  const { program, other, linkUp } = moving();
  linkUp();
  assertEquals(program.feed({ type: "link-down", link: other, closed: false, reason: "lost" }), []);
  assertEquals(program.after(10_000).some((word) => word.startsWith("dial")), true);

  const words = program.directoryDown();
  assertEquals(words.some((word) => word.startsWith("session state=down")), true);
});

Deno.test("moving: an instance that can't be reached, or says nothing, isn't waited for", () => {
  const { program, other, linkUp } = moving();
  program.dialFails();
  program.after(RETRY_MS_MIN);
  linkUp();
  assertEquals(program.after(MOVE_MS_MAX).filter((word) => word.startsWith("close")), [
    `close link ${other}`,
  ]);
});
