/** A client's way into a directory, and what isn't taken from it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { SILENT_LOGGER } from "../../../../lib/base/machine/environment.ts";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { DirectorySession } from "../../../../lib/protocols/directory/client/directory_session.ts";
import type { ClientConfig, Entry } from "../../../../lib/protocols/directory/schema/client_io.ts";
import {
  ENTER_MS_MAX,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  STABLE_MS,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { REFUSED_TEXTS } from "../../../../lib/protocols/directory/schema/refusal_text.ts";
import {
  ClientProgram,
  CONFIG,
  DIRECTORY,
  ENTERED,
  EVE,
  LOG_IN,
  partOutput,
} from "../client_program.ts";
import { GUEST, SIGN_UP, tried } from "./session_cases.ts";

Deno.test("coming in: the directory's key is shown before it is asked how, and the input waits for that", () => {
  const program = new ClientProgram({ config: { expect: null } });

  const words = [
    ...program.feed({ type: "start" }),
    ...program.directoryUp(),
    ...program.feed({ type: "enter", entry: LOG_IN }),
    ...program.entered().slice(0, 3),
  ];

  assertEquals(words, [
    "ready command=peer host=10.0.0.3 port=6000 key=ann registry=chat.example",
    "dial directory chat.example:4400 anybody",
    "input coming in",
    "directory host=chat.example port=4400 key=directory known=false",
    "pin *directory* directory",
    "ask-to-enter",
    "to directory: enter how=log-in name=ann password=longenough newPassword= port=6000 busy=false seen=null rank=0 lists=told",
    "session state=up name=ann guest=false key=directory",
    "datagram 10.0.0.1:4400: here",
    "input goes on",
  ]);
});

Deno.test("coming in: who is asked may take longer than the directory keeps a silent link", () => {
  const program = ClientProgram.linked({ config: { isInteractive: true } });

  assertEquals(program.directoryDown(), []);
  assertEquals(program.after(60_000), []);
  assertEquals(program.feed({ type: "enter", entry: LOG_IN }), [
    "dial directory chat.example:4400 directory",
  ]);
  program.directoryUp();
  assertEquals(tried(program), ["log-in ann longenough"]);
});

for (
  const code of [
    "bad-credentials",
    "name-taken",
    "weak-password",
    "guests-refused",
    "locked-out",
    "disk",
  ] as const
) {
  Deno.test(`coming in: ${code} ends a script with that code, and lets a user choose again`, () => {
    const script = ClientProgram.linked();
    script.feed({ type: "enter", entry: LOG_IN });
    const user = ClientProgram.linked({ config: { isInteractive: true } });
    user.feed({ type: "enter", entry: LOG_IN });

    assertEquals(script.refuses(code), ["close directory", `fatal ${code}`]);
    assertEquals(user.refuses(code), [
      `error code=${code} text=${REFUSED_TEXTS[code]}`,
      "ask-to-enter",
    ]);
    user.feed({ type: "enter", entry: GUEST });
    assertEquals(tried(user), ["log-in ann longenough", "guest ann"]);
  });
}

Deno.test("coming in: where sign-ups are too many, or closed, that is said, and nothing else", () => {
  const refusal = (retryMs: number) => {
    const program = ClientProgram.linked({ config: { isInteractive: true } });
    program.feed({ type: "enter", entry: SIGN_UP });
    return program.refuses("too-fast", retryMs)[0];
  };
  assertEquals(
    refusal(0),
    "error code=too-fast text=This directory takes no sign-ups; its operator can add an account",
  );
  assertEquals(
    refusal(180_000),
    "error code=too-fast text=Too many have signed up from your address; try again in 3 min",
  );
});

Deno.test("coming in: a name, a new password that can't be isn't sent", () => {
  for (
    const [entry, code] of [
      [{ ...LOG_IN, name: "a b" }, "bad-name"],
      [{ ...SIGN_UP, password: "short" }, "weak-password"],
      // Seven characters, which a longer normal form doesn't make eight.
      [{ ...SIGN_UP, password: "e\u0301".repeat(7) }, "weak-password"],
      [{ ...SIGN_UP, password: "x".repeat(1_025) }, "weak-password"],
      [{ ...LOG_IN, newPassword: "short" }, "weak-password"],
      [{ ...LOG_IN, password: "x".repeat(1_025) }, "bad-credentials"],
    ] as const
  ) {
    const program = ClientProgram.linked();
    const words = program.feed({ type: "enter", entry });
    assertEquals(words.at(-1), `fatal ${code}`, entry.name);
    assertEquals(tried(program), []);
  }
});

Deno.test("coming in: a password is sent in its normal form", () => {
  const program = ClientProgram.linked();

  program.feed({ type: "enter", entry: { ...LOG_IN, password: "cafe\u0301 cafe\u0301" } });

  assertEquals(tried(program), ["log-in ann café café"]);
});

/** How it comes about that one isn't in yet, and is told so. */
const NOT_IN: Readonly<
  Record<string, (program: ClientProgram, entry: Entry) => readonly string[]>
> = {
  "isn't there": (program) => program.dialFails(),
  "is gone before it has answered": (program, entry) => {
    program.directoryUp();
    program.feed({ type: "enter", entry });
    return program.directoryDown();
  },
  "is full": (program, entry) => {
    program.directoryUp();
    program.feed({ type: "enter", entry });
    return program.refuses("full");
  },
};

for (const [how, isNotIn] of Object.entries(NOT_IN)) {
  Deno.test(`coming in: where the directory ${how}, a guest is told of itself as one, others aren't`, () => {
    for (const entry of [LOG_IN, SIGN_UP, GUEST]) {
      const program = new ClientProgram({ config: { name: "ann", how: entry.how } });
      program.feed({ type: "start" });
      const down = isNotIn(program, entry).find((word) => word.startsWith("session state=down"));
      const guest = entry.how === "guest";
      assertStringIncludes(down ?? "", ` name=ann guest=${guest} `);
      program.types({ command: "status" });
      const status = program.events.find((event) => event.event === "status");
      assertEquals([status?.session, status?.name, status?.guest], ["down", "ann", guest]);
    }
  });
}

for (const how of ["log-in", "sign-up"] as const) {
  Deno.test(`the directory's key: a script's ${how} sends no password to one that isn't known`, () => {
    const program = new ClientProgram({ config: { how, expect: null } });
    program.feed({ type: "start" });

    assertEquals(program.directoryUp(), [
      "directory host=chat.example port=4400 key=directory known=false",
      "close directory",
      "fatal usage",
    ]);
    assertEquals(tried(program), []);
  });
}

Deno.test("a lying directory: what comes before it let one in, unasked or under another name ends the link", () => {
  const early = ClientProgram.linked();
  early.feed({ type: "enter", entry: LOG_IN });
  assertEquals(
    early.says({ type: "users", users: [], isFirst: true, isLast: true, away: [] })[0],
    "close directory",
  );

  const renamed = ClientProgram.linked();
  renamed.feed({ type: "enter", entry: LOG_IN });
  assertEquals(renamed.entered({ name: "eve" })[0], "close directory");

  const unasked = ClientProgram.in();
  for (
    const message of [
      { type: "done" },
      { type: "refused", code: "too-fast", text: "", retryMs: 0 },
      { type: "here", padding: new Uint8Array(64) },
    ] as const
  ) {
    const program = ClientProgram.in();
    assertEquals(program.says(message)[0], "close directory", message.type);
  }
  // Of what was told on an earlier link, or by an earlier program.
  assertEquals(unasked.says({ type: "broadcast-taken", own: 1, number: 5 }), []);
  assertEquals(unasked.says({ type: "broadcast-sent", number: 5, reached: 3 }), []);
});

Deno.test("a directory of a later version: what isn't understood is answered, up to a bound", () => {
  const program = ClientProgram.in();
  const unknown = () => program.feed({ type: "unknown-message", link: program.link, code: 99 });

  for (let n = 0; n < 100; n++) assertEquals(unknown(), ["to directory: unknown code=99"]);
  assertEquals(unknown()[0], "close directory");
});

Deno.test("a directory of several instances: a client that is told of them, in or not, goes on, and remembers them", () => {
  const addresses = [{ host: "10.0.0.2", port: 4_400 }];
  const entering = ClientProgram.linked();
  entering.feed({ type: "enter", entry: LOG_IN });
  const kept = "keep-addresses addresses=[{host=chat.example port=4400} {host=10.0.0.2 port=4400}]";
  const twice = [...addresses, ...addresses];
  assertEquals(entering.says({ type: "instances", because: "full", addresses: twice }), [kept]);
  const program = ClientProgram.in();
  assertEquals(program.says({ type: "instances", because: "in", addresses }), [kept]);
  assertEquals(program.says({ type: "instances", because: "in", addresses }), [], "no news");
});

Deno.test("coming in: that the directory isn't there is told again where it was there meanwhile", () => {
  const user = new ClientProgram({ config: { isInteractive: true } });
  const isToldDown = (words: readonly string[]) =>
    words.some((word) => word.startsWith("session state=down"));
  user.feed({ type: "start" });
  assert(isToldDown(user.dialFails()));
  user.after(1_000);
  assertEquals(user.directoryUp().at(-1), "ask-to-enter");
  user.directoryDown();
  user.feed({ type: "enter", entry: LOG_IN });
  assert(isToldDown(user.dialFails()));
});

/** How a directory that has let somebody in is rid of it at once. */
const RID_OF: Readonly<Record<string, (program: ClientProgram) => void>> = {
  "lets one in and is gone at once": (program) => {
    program.entered();
    program.directoryDown();
  },
  "lets one in and closes at once": (program) => {
    program.entered();
    program.says({ type: "dismissed", because: "closing", text: "", retryMs: 0 });
  },
  "has one try again at once": (program) => void program.refuses("too-fast", 1),
};

for (const [what, isRidOf] of Object.entries(RID_OF)) {
  Deno.test(`staying: a directory that ${what} is dialled after ever longer pauses`, () => {
    const program = ClientProgram.in();
    program.directoryDown();
    const pauses: number[] = [];
    for (let n = 0; n < 12; n++) {
      program.after(program.machine.nextDeadlineMs()! - program.nowMs);
      program.directoryUp();
      isRidOf(program);
      pauses.push(program.machine.nextDeadlineMs()! - program.nowMs);
    }
    assert(pauses.at(-1)! > 10_000, pauses.join());
    assert(Math.max(...pauses) <= RETRY_MS_MAX);
    program.after(pauses.at(-1)!);
    program.directoryUp();
    program.entered();
    program.after(STABLE_MS);
    program.directoryDown();
    assert(program.machine.nextDeadlineMs()! - program.nowMs <= RETRY_MS_MIN);
  });
}

Deno.test("coming in: that the device isn't remembered is told once, and why it has to log in after a restart", () => {
  const program = ClientProgram.linked({ config: { isInteractive: true, asksAgain: true } });
  program.feed({ type: "enter", entry: LOG_IN });
  const notices = (words: readonly string[]) => words.filter((word) => word.startsWith("notice"));

  const [told, ...more] = notices(program.entered({ isRemembered: false }));
  assertMatch(told!, /doesn't remember this device: once it was restarted, you have to log in/);
  program.directoryDown();
  program.after(60_000);
  program.directoryUp();
  assertEquals([more, notices(program.entered({ isRemembered: false }))], [[], []]);
  program.directoryDown();
  program.after(60_000);
  program.directoryUp();
  const [refused] = program.refuses("bad-credentials");
  assertEquals(
    refused,
    "error code=bad-credentials text=The directory was restarted and doesn't remember this device: log in again",
  );
});

// The session alone.

function session(config: Partial<ClientConfig> = {}) {
  const output = partOutput();
  const told: string[] = [];
  let attempts = 0;
  const part = new DirectorySession({
    config: { ...CONFIG, ...config },
    log: SILENT_LOGGER,
    out: output.out,
    random: () => 0.5,
    nextAttempt: () => ++attempts,
    standing: () => ({ busy: false, seen: null }),
    metDirectory: () => void told.push("met"),
    entered: () => void told.push("entered"),
    linked: () => void told.push("linked"),
    left: () => void told.push("left"),
    replaced: () => void told.push("replaced"),
    forgotten: () => void told.push("forgotten"),
    disowned: () => void told.push("disowned"),
    fatal: (code) => void told.push(`fatal ${code}`),
  });
  const link = 1 as LinkId;
  const isIn = () => {
    part.dial();
    part.up(link, DIRECTORY);
    part.entry(LOG_IN);
    part.message(ENTERED);
    output.words();
    told.length = 0;
  };
  return { output, part, link, told, isIn };
}

Deno.test("DirectorySession: it dials, asks the user, enters, and is in under the name that it has asked for", () => {
  const { output, part, link, told } = session();
  part.dial();
  part.dial();
  assertEquals(output.words(), ["dial directory chat.example:4400 directory"]);
  part.up(link, DIRECTORY);
  assertEquals(output.words().at(-1), "ask-to-enter");
  part.entry(LOG_IN);
  assertEquals(output.words()[0]?.slice(0, 40), "to link 1: enter how=log-in name=ann pas");

  part.message({ ...ENTERED, name: "eve" });
  assertEquals([part.isUp, output.words()[0]], [false, "close link 1"]);
  assertEquals(told, ["met"]);
});

Deno.test("DirectorySession: who was in comes in again by itself, with a growing pause where it wasn't in for long", () => {
  const { output, part, link, told, isIn } = session();
  isIn();
  const pauseMs = (reason: string) => {
    part.down(link, reason, false);
    const ms = part.nextMs()! - output.out.nowMs;
    output.pass(ms);
    part.tick(output.out.nowMs);
    part.up(link, DIRECTORY);
    const enter = output.words().find((word) => word.includes(": enter"));
    assertEquals(enter?.includes("how=resume name=ann password= "), true);
    part.message(ENTERED);
    return ms;
  };

  const pauses = [pauseMs("lost"), pauseMs("lost"), pauseMs("lost")];
  assertEquals(pauses, pauses.toSorted((a, b) => a - b));
  assertEquals(new Set(pauses).size, 3);
  output.pass(STABLE_MS);
  assertEquals(pauseMs("lost") <= RETRY_MS_MIN, true);
  assertEquals(told.filter((what) => what === "left").length, 4);
});

Deno.test("DirectorySession: another key than the known one ends it, and so does a password for an unknown one", () => {
  const strange = session();
  strange.part.dial();
  strange.output.words();
  strange.part.dialFailed({ attempt: 1, reason: "wrong-key", text: "", key: EVE });
  assertEquals([strange.output.words(), strange.told], [[], ["fatal key-changed"]]);
  assertEquals(strange.part.isOut, true);

  const unseen = session({ expect: null, how: "log-in", name: "ann" });
  unseen.part.dial();
  unseen.part.up(unseen.link, DIRECTORY);
  assertEquals(unseen.told, ["fatal usage"]);
});

Deno.test("DirectorySession: an answer is awaited for a minute; who is let in no more is asked, after a call", () => {
  const { output, part, link, told, isIn } = session({ asksAgain: true });
  isIn();
  part.down(link, "lost", false);
  output.pass(part.nextMs()! - output.out.nowMs);
  part.tick(output.out.nowMs);
  part.up(link, DIRECTORY);
  assertEquals(part.nextMs(), output.out.nowMs + ENTER_MS_MAX);
  part.message({ type: "refused", code: "bad-credentials", text: "", retryMs: 0 });
  output.words();

  assertEquals([told, part.isDisowned, part.name], [["left", "disowned"], true, "ann"]);
  part.askAnew();
  assertEquals([output.words(), part.isDisowned], [["ask-to-enter"], false]);
});
