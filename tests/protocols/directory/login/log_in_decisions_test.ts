/** Who may come in, as a log-in alone decides it; and what the accounts' disk says of itself. */

import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { foldName } from "../../../../lib/base/text/names.ts";
import { LockOuts } from "../../../../lib/protocols/directory/login/lock_outs.ts";
import { LogIn } from "../../../../lib/protocols/directory/login/log_in.ts";
import type {
  AccountAnswer,
  AccountQuestion,
} from "../../../../lib/protocols/directory/schema/directory_io.ts";
import { KICKED_MS } from "../../../../lib/protocols/directory/schema/limits.ts";
import type { WayIn } from "../../../../lib/protocols/directory/schema/messages.ts";
import { Others } from "../../../../lib/protocols/directory/sessions/others.ts";
import { ClientLinks } from "../../../../lib/protocols/directory/sessions/sessions.ts";
import { linkOf, partOutput, sessionsOf } from "../directory_parts.ts";
import { PASSWORD } from "../exchange.ts";

const ACCOUNT = { name: "Ann", keys: [], version: "1" };

/** @param places How many may be in. */
function logIns({ guests = true, places = 1_000, signUpsMax = 10 } = {}) {
  const output = partOutput();
  const links = new ClientLinks();
  const done: string[] = [];
  const logIn = new LogIn({
    out: output.out,
    links,
    sessions: sessionsOf(),
    others: new Others(),
    isUp: () => true,
    lockOuts: new LockOuts(),
    guests,
    clientsMax: places,
    signUpsMax,
    log: SILENT_LOGGER,
    letIn: (link, _, { name, isGuest, isRemembered }) => {
      links.enter(link, "in", 0);
      done.push(`${name}${isGuest ? ", a guest" : ""}${isRemembered ? "" : ", not remembered"}`);
    },
    forget: (name) => void done.push(`forgets ${name}`),
    changed: () => void done.push("changed"),
  });
  let tokens = 0;
  /** Somebody wants to come in. @returns What was done. */
  const enters = (how: WayIn, more: { name?: string; device?: string } = {}) => {
    const { name = "ann", device = name } = more;
    const link = linkOf({ id: 1 + links.checking, device });
    links.up(link, 0);
    const typed = { name, password: PASSWORD, newPassword: "" };
    logIn.enter(link, {
      type: "enter",
      how,
      ...typed,
      port: 0,
      busy: false,
      seen: null,
      rank: 0,
      lists: "told",
    });
    return output.words();
  };
  const answers = (answer: AccountAnswer) => {
    output.out.answered(++tokens, answer);
    return [...output.words(), ...done.splice(0)];
  };
  return { output, logIn, enters, answers };
}

Deno.test("LogIn: a wrong name and a wrong password are told alike, after the same question", () => {
  const { enters, answers } = logIns();
  assertEquals(enters("log-in", { name: "nobody" }), ["asks check-password"]);
  assertEquals(answers({ outcome: "wrong" }), ["1: refused bad-credentials"]);
});

Deno.test("LogIn: a new device is let in once it is on disk, or where that refuses, not remembered", () => {
  for (
    const [answer, told] of [
      [{ outcome: "ok", account: ACCOUNT }, "Ann"],
      [{ outcome: "disk", text: "full" }, "Ann, not remembered"],
    ] as const
  ) {
    const { enters, answers } = logIns();
    enters("log-in");
    assertEquals(answers({ outcome: "ok", account: ACCOUNT }), ["asks add-key"]);
    assertEquals(answers(answer), [told]);
  }
});

Deno.test("LogIn: nobody is in by a key that the account doesn't have", () => {
  const { enters, answers } = logIns();
  const account = { ...ACCOUNT, keys: [fingerprintOf(linkOf({ device: "phone" }).peer)] };

  enters("resume", { device: "phone" });
  assertEquals(answers({ outcome: "ok", account }), ["Ann"]);
  enters("resume", { device: "eve" });
  assertEquals(answers({ outcome: "ok", account }), ["1: refused bad-credentials"]);
});

Deno.test("LogIn: of two who want one name at once the first is asked for", () => {
  const { enters, answers } = logIns();

  assertEquals(enters("sign-up"), ["asks sign-up"]);
  assertEquals(enters("guest", { device: "eve" }), ["2: refused name-taken"]);
  assertEquals(answers({ outcome: "ok", account: ACCOUNT }), [
    "* signup Ann",
    "forgets ann",
    "Ann",
  ]);
});

Deno.test("LogIn: who waits to be let in has a place, and where there is none that is said before any question", () => {
  const { enters, answers } = logIns({ places: 1 });
  enters("log-in");

  assertEquals(enters("log-in", { name: "bob" }), ["2: refused full"]);
  answers({ outcome: "wrong" });
  assertEquals(enters("log-in", { name: "bob" }), ["asks check-password"]);
});

Deno.test("LogIn: guests and newcomers are told where an account comes from", () => {
  const { output, enters } = logIns({ guests: false, signUpsMax: 0 });
  assertEquals(enters("guest"), ["1: refused guests-refused"]);
  assertEquals(enters("sign-up"), ["1: refused too-fast"]);
  assertEquals(output.words(), []);
});

Deno.test("LogIn: neither the name nor the key of who is thrown out is let in for a minute", () => {
  const { output, logIn, enters } = logIns();
  logIn.keepOut({ folded: foldName("Ann"), key: linkOf({ device: "phone" }).peer });

  for (const who of [{ device: "other" }, { name: "bob", device: "phone" }]) {
    assertEquals(enters("guest", who), ["1: refused kicked"]);
  }
  output.pass(KICKED_MS);
  assertEquals(enters("guest"), ["asks find"]);
});

Deno.test("DirectoryOutput: a problem of the accounts' disk is over with the next change to them, and only then", () => {
  const { out } = partOutput();
  const asks = (question: AccountQuestion, answer: AccountAnswer) => {
    out.ask(question, () => {});
    const effect = out.take().at(-1);
    out.answered(effect?.type === "account" ? effect.token : 0, answer);
    return out.accountsProblem;
  };
  const [change, find] = [{ ask: "remove", name: "ann", version: "1" }, {
    ask: "find",
    name: "ann",
  }] as const;

  assertEquals(asks(change, { outcome: "disk", text: "full" }), "full");
  assertEquals(asks(find, { outcome: "ok", account: ACCOUNT }), "full");
  assertEquals(asks(change, { outcome: "wrong" }), "full");
  assertEquals(asks(change, { outcome: "ok", account: ACCOUNT }), null);
});
