import { assert, assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  ACCOUNT_REF,
  OwnAccount,
  type OwnAccountPorts,
} from "../../../lib/cli/directory/own_account.ts";

/** Somebody who answers so when asked for passwords. */
function at(answers: readonly (string | null)[], ports: Partial<OwnAccountPorts> = {}) {
  const left = [...answers];
  const happened: string[] = [];
  const next = (prompt: string) => {
    happened.push(prompt);
    return Promise.resolve(left.shift() ?? null);
  };
  const account = new OwnAccount({
    comingIn: {
      expected: () => Promise.resolve(true),
      password: next,
      newPassword: next,
      checking: () => void happened.push("(checking)"),
      over: (isAnswered) => void happened.push(isAnswered ? "(answered)" : "(over)"),
      dropTypedAhead: () => void happened.push("(dropped)"),
    },
    standing: { name: "alice", isGuest: false, isUp: true, where: { place: "lobby" } },
    mayAsk: true,
    password: null,
    submit: (command, ref) => void happened.push(`${ref}: ${JSON.stringify(command)}`),
    notice: (text) => void happened.push(`notice: ${text}`),
    ...ports,
  });
  return { account, happened };
}

Deno.test("/passwd asks for the old password and the new one", async () => {
  const { account, happened } = at(["old one", "new one"]);
  await account.changePassword();
  assertEquals(happened, [
    "Password now: ",
    "New password",
    "(checking)",
    `${ACCOUNT_REF}: {"command":"passwd","old":"old one","new":"new one"}`,
  ]);
});

Deno.test("the questions end when the directory answers what was asked, and not before", async () => {
  for (const change of ["changePassword", "forget"] as const) {
    const { account, happened } = at(["old one", "new one"]);
    account.answered(ACCOUNT_REF);
    await account[change](undefined);
    account.answered(undefined);
    assert(!happened.includes("(answered)"));
    account.answered(ACCOUNT_REF);
    assertEquals(happened.at(-1), "(answered)");
    account.answered(ACCOUNT_REF);
    assertEquals(happened.filter((what) => what === "(answered)").length, 1);
    assertEquals(account.giveUp(), false);
  }
});

Deno.test("nothing is changed where somebody leaves, or types Enter alone", async () => {
  const changes = [["forget"], ["changePassword"], ["changePassword", "old one"]] as const;
  for (const [change, ...first] of changes) {
    for (const last of [null, ""]) {
      const { account, happened } = at([...first, last]);
      await account[change](undefined);
      assert(!happened.includes("(checking)"));
      assertEquals(happened.slice(-2), ["(over)", "notice: Nothing was changed"]);
    }
  }
});

Deno.test("/forget-me asks for the password, unless a file had it", async () => {
  const asked = at(["old one"]);
  await asked.account.forget(undefined);
  assertEquals(asked.happened, [
    "Password, to remove the account alice: ",
    "(checking)",
    `${ACCOUNT_REF}: {"command":"forget-me","password":"old one"}`,
  ]);

  const script = at([], { mayAsk: false, password: "old one" });
  await script.account.forget("7");
  assertEquals(script.happened, ['7: {"command":"forget-me","password":"old one"}']);
});

Deno.test("passwords are asked for where somebody is, and outside of calls", async () => {
  const script = at([], { mayAsk: false }).account;
  const talking = at([], {
    standing: { name: "alice", isGuest: false, isUp: true, where: { place: "talking" } },
  });
  const busy = talking.account;
  const guest = at([], {
    standing: { name: "alice", isGuest: true, isUp: true, where: { place: "lobby" } },
  }).account;
  for (const change of ["changePassword", "forget"] as const) {
    const codes = [];
    for (const account of [script, busy, guest]) {
      codes.push((await assertRejects(() => account[change](undefined), P2pchatError)).code);
    }
    assertEquals(codes, ["usage", "not-allowed", "not-logged-in"]);
  }
  assertEquals(talking.happened, ["(dropped)", "(dropped)"], "what is typed behind it");
});

Deno.test("no password is asked for where one isn't in any more when Enter comes", async () => {
  const standing = {
    name: "alice",
    isGuest: false,
    isUp: true,
    where: { place: "lobby" },
  } as const;
  const now = { ...standing, isUp: true as boolean };
  const { account, happened } = at(["old one", "new one"], { standing: now });
  const waiting = account.changePassword();
  now.isUp = false;
  const error = await assertRejects(() => waiting, P2pchatError, "you aren't in the directory now");

  assertEquals(error.code, "not-logged-in");
  assertEquals(happened, ["(dropped)", "(over)"]);
});

Deno.test("a question is taken back while it is asked, and only then", async () => {
  const answer = Promise.withResolvers<string | null>();
  const { account, happened } = at([], {
    comingIn: {
      expected: () => Promise.resolve(true),
      password: () => answer.promise,
      newPassword: () => Promise.resolve(null),
      checking: () => {},
      over: () => answer.resolve(null),
      dropTypedAhead: () => {},
    },
  });
  assertEquals(account.giveUp(), false);
  const changed = account.changePassword();
  assertEquals(account.giveUp(), true);
  await changed;
  assertEquals([account.giveUp(), happened], [false, ["notice: Nothing was changed"]]);
});

Deno.test("whoever is typing is asked for Enter first, and may give up instead", async () => {
  const asked: string[] = [];
  const { account, happened } = at([], {
    comingIn: {
      expected: (command) => Promise.resolve(asked.push(command) < 0),
      password: () => Promise.resolve("the rest of a line"),
      newPassword: () => Promise.resolve("the rest of a line"),
      checking: () => {},
      over: () => {},
      dropTypedAhead: () => {},
    },
  });
  await account.changePassword();
  await account.forget(undefined);
  assertEquals(asked, ["/passwd", "/forget-me"]);
  assertEquals(happened, Array(2).fill("notice: Nothing was changed"));
});
