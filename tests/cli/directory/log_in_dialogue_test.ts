import { assertEquals } from "@std/assert";
import type { P2pchatError } from "../../../lib/base/errors.ts";
import { type ComingInPorts, LogInDialogue } from "../../../lib/cli/directory/log_in_dialogue.ts";
import type { Question } from "../../../lib/cli/rendering/user_interface.ts";

/** Somebody at a terminal who gives these answers; null: leaves. */
function at(answers: readonly (string | null)[], ports: Partial<ComingInPorts> = {}) {
  const left = [...answers];
  const asked: string[] = [];
  const ended: string[] = [];
  const comingIn = new LogInDialogue({
    dialogue: {
      begin() {},
      beginAtEnter: () => Promise.resolve(true),
      ask({ prompt, isUnseen }: Question) {
        asked.push(isUnseen ? `(${prompt.trim()})` : prompt.trim());
        return Promise.resolve(left.shift() ?? null);
      },
      wait: (text) => void ended.push(text.trim()),
      end: (isAnswered) => {
        ended.push(isAnswered ? "(runs what is typed ahead)" : "(drops what is typed ahead)");
        return !isAnswered;
      },
      dropTypedAhead() {},
      forgetTypedAhead: () => void asked.push("(forgets)"),
    },
    way: null,
    name: null,
    given: null,
    notice() {},
    refuse: ({ code }: P2pchatError) => void asked.push(`! ${code}`),
    logOut() {},
    ...ports,
  });
  return { comingIn, asked, ended };
}

const MENU = "1) log in   2) sign up   3) guest:";

const WAYS: readonly (readonly [typed: string, how: string])[] = [
  ["1", "log-in"],
  [" 1 ", "log-in"],
  ["log in", "log-in"],
  ["Login", "log-in"],
  ["2", "sign-up"],
  ["SIGN UP", "sign-up"],
  ["signup", "sign-up"],
  ["3", "guest"],
  ["Guest", "guest"],
];

for (const [typed, how] of WAYS) {
  Deno.test(`coming in: ${JSON.stringify(typed)} is ${how}`, async () => {
    const { comingIn } = at([typed, "alice"]);
    assertEquals(await comingIn.way(), { how, name: "alice" } as never);
  });
}

for (const typed of ["q", ":q", ":quit", "/exit", "Quit", "/logout"]) {
  Deno.test(`coming in: ${typed} leaves`, async () => {
    const { comingIn, asked } = at([typed, "guest", "alice"]);
    assertEquals(await comingIn.way(), null);
    assertEquals(asked, [MENU]);
  });
}

Deno.test("coming in: what every object has is no way in", async () => {
  for (const typed of ["constructor", "__proto__", "toString"]) {
    const { comingIn, asked } = at([typed, "guest", "alice"]);
    assertEquals(await comingIn.way(), { how: "guest", name: "alice" } as never);
    assertEquals(asked, [MENU, "! usage", MENU, "Name:"]);
  }
});

Deno.test("coming in: menu, name, and the password unseen", async () => {
  const { comingIn, asked } = at(["1", "alice", "secret word"]);
  assertEquals(await comingIn.entry("alice"), {
    how: "log-in",
    name: "alice",
    password: "secret word",
    newPassword: "",
  });
  assertEquals(asked, [MENU, "Name:", "(Password:)"]);
});

Deno.test("coming in: mistakes are told, and what was wrong is asked for again", async () => {
  const { comingIn, asked } = at([
    ...["4", "2", "a/b", "alice", "short"],
    ...["secret word", "secret wort"],
    ...["short", "secret word", "secret word"],
  ]);
  const entry = await comingIn.entry("alice");
  assertEquals(entry !== null && "password" in entry && entry.password, "secret word");
  assertEquals(asked.filter((line) => line.startsWith("!")), [
    "! usage",
    "! bad-name",
    "! weak-password",
    "! bad-credentials",
    "! weak-password",
  ]);
  assertEquals(asked.filter((line) => line.includes(MENU)).length, 2);
});

Deno.test("coming in: a name given on the command line isn't asked for", async () => {
  const { comingIn, asked } = at(["guest"], { name: "alice" });
  assertEquals(await comingIn.entry("alice"), {
    how: "guest",
    name: "alice",
    password: "",
    newPassword: "",
  });
  assertEquals(asked, [MENU]);
});

Deno.test("coming in: another name has another profile, and isn't asked for its password before", async () => {
  const { comingIn, asked } = at(["1", "bob", "secret word"]);
  assertEquals(await comingIn.entry("alice"), { how: "log-in", name: "bob" });
  const entry = await comingIn.entry("bob");
  assertEquals(entry?.name, "bob");
  assertEquals(asked, [MENU, "Name:", "(Password:)"]);
});

Deno.test("coming in: whoever leaves at any question comes in nowhere", async () => {
  for (
    const answers of [["q"], [null], ["1", null], ["1", "alice", null], [
      "2",
      "alice",
      "secret word",
      null,
    ]]
  ) {
    assertEquals(await at(answers).comingIn.entry("alice"), null);
  }
});

Deno.test("coming in: what flags say serves once", async () => {
  const given = { password: "secret word", newPassword: "another one" };
  const way = { how: "log-in", name: "alice" } as const;
  const { comingIn, asked } = at(["3"], { name: "alice", way, given });
  assertEquals(await comingIn.entry("alice"), { ...way, ...given });
  assertEquals(asked, []);
  assertEquals((await comingIn.entry("alice"))?.how, "guest");
});

Deno.test("coming in: a new password in a file goes with one that is typed", async () => {
  const way = { how: "log-in", name: "alice" } as const;
  const given = { password: null, newPassword: "another one" };
  const { comingIn, asked } = at(["secret word"], { name: "alice", way, given });
  assertEquals(await comingIn.entry("alice"), {
    ...way,
    password: "secret word",
    newPassword: "another one",
  });
  assertEquals(asked, ["(Password:)"]);
});

Deno.test("coming in: only who was asked is asked again", () => {
  const given = { password: "secret word", newPassword: "" };
  const asksAgain = (ports: Partial<ComingInPorts>) => at([], ports).comingIn.asksAgain;
  assertEquals(asksAgain({}), true);
  const typed = { password: null, newPassword: "" };
  assertEquals(asksAgain({ way: { how: "log-in", name: "alice" }, given: typed }), true);
  assertEquals(asksAgain({ way: { how: "log-in", name: "alice" }, given }), false);
  assertEquals(asksAgain({ way: { how: "guest", name: "alice" } }), false);
  assertEquals(asksAgain({ dialogue: null }), false);
});

Deno.test("coming in: whoever signs up is told what a password needs, before any is refused", async () => {
  const { comingIn, asked } = at(["2", "alice", "secret word", "secret word"]);
  await comingIn.entry("alice");
  assertEquals(asked.slice(2), ["(Password (at least 8 characters):)", "(Repeat it:)"]);
});

const LOG_IN = { how: "log-in", name: "alice" } as const;
const TYPED = { password: null, newPassword: "" };
const AGAIN = "(Password (Enter alone: menu):)";

/** Tries to come in until the directory takes `right`; whatever else is refused. */
async function triesUntil(
  right: string,
  answers: readonly (string | null)[],
  ports: Partial<ComingInPorts>,
  hasAccount = false,
) {
  const { comingIn, asked } = at(answers, ports);
  for (;;) {
    const entry = await comingIn.entry("alice", hasAccount);
    if (entry === null || !("password" in entry) || ["", right].includes(entry.password)) {
      return { asked, entry };
    }
    comingIn.failed("bad-credentials");
  }
}

Deno.test("coming in: after a wrong password it is asked for again, unseen, and Enter alone brings the menu, seen", async () => {
  const wrong = ["wrong word", "wrong wort", "wrong worm", "wrong work"];
  const ports = { name: "alice", way: LOG_IN, given: TYPED };
  const byFlag = await triesUntil("secret word", [...wrong, "secret word"], ports);
  const first = ["(Password:)", ...wrong.flatMap(() => ["(forgets)", AGAIN])];
  assertEquals([byFlag.asked, byFlag.entry?.how], [first, "log-in"]);

  const answers = ["1", ...wrong, "", "", "guest"];
  const byMenu = await triesUntil("secret word", answers, { name: "alice" });
  assertEquals([byMenu.asked, byMenu.entry?.how], [[MENU, ...first, MENU, MENU], "guest"]);
});

Deno.test("coming in: who came in by an account the last time is asked for the password at once", async () => {
  const last = await triesUntil("secret word", ["wrong", "secret word"], { name: "alice" }, true);
  assertEquals(last.asked, [AGAIN, "(forgets)", AGAIN]);
  assertEquals(last.entry, { ...LOG_IN, password: "secret word", newPassword: "" });

  const other = await triesUntil("", ["", "3"], { name: "alice" }, true);
  assertEquals([other.asked, other.entry?.how], [[AGAIN, MENU], "guest"]);
});

for (const name of [null, "alice"]) {
  Deno.test(`coming in: of a taken name another is asked for, given ${name ?? "at the menu"}`, async () => {
    const { comingIn, asked } = at(["3", ...(name === null ? ["alice"] : []), "bob"], { name });
    await comingIn.entry("alice");
    comingIn.failed("name-taken");
    assertEquals(await comingIn.entry("alice"), { how: "guest", name: "bob" });
    const first = name === null ? ["Name:"] : [];
    assertEquals(asked, [MENU, ...first, "Name (Enter alone: menu):"]);
  });
}

Deno.test("coming in: whoever signs up is asked until a password will do, and Enter alone brings the menu", async () => {
  const { comingIn, asked } = at(["2", "short", "tiny", "little", "small", "", "3"], {
    name: "alice",
  });

  assertEquals((await comingIn.entry("alice"))?.how, "guest");
  const told = Array.from({ length: 4 }, () => "! weak-password");
  assertEquals(asked.filter((line) => !line.startsWith("(Pass")), [MENU, ...told, MENU]);
});

Deno.test("coming in: once in, the menu that a later refusal brings shows what is typed", async () => {
  const { comingIn, asked } = at(["1", "secret word", "3"], { name: "alice" });
  await comingIn.entry("alice");
  comingIn.over(true);
  comingIn.failed("bad-credentials"); // of a later command

  assertEquals((await comingIn.entry("alice"))?.how, "guest");
  assertEquals(asked.at(-1), MENU);
});

Deno.test("coming in: what was typed while another profile was looked for isn't taken for the next name", async () => {
  const { comingIn, asked } = at(["1", "bob", "alice"]);
  await comingIn.way();

  await comingIn.anotherWay();

  assertEquals(asked, [MENU, "Name:", "(forgets)", "Name (Enter alone: menu):"]);
});

const TWICE = ["secret word", "secret word"];
const CHECKED_ENDS:
  readonly (readonly [what: string, wrong: number, answers: readonly string[]])[] = [
    ["a log-in by the menu", 0, ["1", "secret word"]],
    ["a sign-up", 0, ["2", ...TWICE]],
    ["a log-in after a wrong password", 1, ["1", "wrong word", "secret word"]],
  ];

for (const [what, wrong, answers] of CHECKED_ENDS) {
  Deno.test(`coming in: what was typed while ${what} was checked is dropped, and the user is told`, async () => {
    const notices: string[] = [];
    const notice = (text: string) => void notices.push(text);
    const { comingIn, ended } = at(answers, { name: "alice", notice });
    for (let tried = 0; tried < wrong; tried++) {
      await comingIn.entry("alice");
      comingIn.failed("bad-credentials");
    }
    await comingIn.entry("alice");
    comingIn.over(true);

    const waits = what === "a sign-up" ? "Signing up ..." : "Checking the password ...";
    assertEquals(ended.slice(-2), [waits, "(drops what is typed ahead)"]);
    assertEquals(notices.at(-1)?.includes("dropped"), true);
  });
}

Deno.test("coming in: what a guest types ahead is run", async () => {
  const { comingIn, ended } = at(["3"], { name: "alice" });
  await comingIn.entry("alice");
  comingIn.over(true);
  assertEquals(ended, ["(runs what is typed ahead)"]);
});

Deno.test("what is typed while the directory checks another password is dropped, and that is told", () => {
  const told: string[] = [];
  const { comingIn, ended } = at([], { notice: (text) => void told.push(text) });
  comingIn.checking();
  comingIn.over(true);
  assertEquals(ended, ["Checking the password ...", "(drops what is typed ahead)"]);
  assertEquals(told.length, 1);
});
