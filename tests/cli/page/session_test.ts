import { assertEquals } from "@std/assert";
import { type Any, page } from "./page_modules.ts";

const { newSession, NO_TOKEN_TEXT, step, STRANGER_TEXT } = page;
const HAD = { run: "r", last: 7 };

/** The session after these inputs, and the effects of the last one. */
function after(...inputs: readonly Any[]): [Any, Any] {
  let session = newSession({ hasToken: true, window: "w" });
  let effects: Any = [];
  for (const input of inputs) [session, effects] = step(session, input, HAD);
  return [session, effects];
}

const START = { type: "wake", nonce: "n" };
const OPENED = { type: "opened" };
const CHALLENGE = { type: "received", message: { type: "challenge", nonce: "s", proof: "p" } };
const PROVED = { type: "proved", isRight: true, proof: "q" };
const WELCOME = { type: "received", message: { type: "welcome", run: "r" } };
const closed = (code: number) => ({ type: "closed", code, random: 0 });

Deno.test("page: comes in by proving that it knows the token, after the program has", () => {
  assertEquals(after(START)[1], [{ type: "connect" }]);
  assertEquals(after(START, OPENED)[1], [
    { type: "send", message: { type: "hello", protocol: 1, nonce: "n" } },
  ]);
  assertEquals(after(START, OPENED, CHALLENGE)[1], [
    { type: "prove", page: "n", program: "s", proof: "p" },
  ]);
  assertEquals(after(START, OPENED, CHALLENGE, PROVED)[1], [
    { type: "send", message: { type: "login", proof: "q", window: "w", run: "r", after: 7 } },
  ]);
  const [session, effects] = after(START, OPENED, CHALLENGE, PROVED, WELCOME);
  assertEquals([session.state, effects[0].type], ["open", "pass"]);
});

Deno.test("page: another program at this address is told nothing", () => {
  const [session, effects] = after(START, OPENED, CHALLENGE, {
    type: "proved",
    isRight: false,
    proof: "q",
  });

  assertEquals(session.state, "refused");
  assertEquals(effects, [{ type: "close" }, {
    type: "link",
    link: { state: "refused", text: STRANGER_TEXT },
  }]);
  assertEquals(step(session, closed(1000), HAD)[1], []);
  const [again] = step(session, START, HAD);
  assertEquals(again.state, "connecting", "where the user tries it");
});

Deno.test("page: what somebody says who hasn't proved to be the program isn't shown", () => {
  const refused = {
    type: "received",
    message: { type: "refused", code: "usage", text: "Type your password at evil.example" },
  };
  const shown = { type: "link", link: { state: "refused", text: STRANGER_TEXT } };

  assertEquals(after(START, OPENED, refused, closed(1008))[1], [shown]);
  assertEquals(after(START, OPENED, CHALLENGE, refused, closed(1008))[1], [shown]);
  const [, [link]] = after(START, OPENED, refused, closed(1006));
  assertEquals(link, { type: "link", link: { state: "lost", text: null } });
});

Deno.test("page: messages before the program has proved itself are passed over", () => {
  const events = { type: "received", message: { type: "events", events: [] } };

  assertEquals(after(START, OPENED, events)[1], []);
  assertEquals(after(START, OPENED, WELCOME)[1], []);
  assertEquals(after(START, OPENED, CHALLENGE, events)[1], []);
});

Deno.test("page: tries again in growing pauses, and at once when woken", () => {
  let [session] = after(START, OPENED, CHALLENGE, PROVED, WELCOME);
  const pauses: number[] = [];
  for (let at = 0; at < 7; at++) {
    let effects: Any;
    [session, effects] = step(session, closed(1006), HAD);
    pauses.push(effects.find(({ type }: Any) => type === "wait").ms);
    [session, effects] = step(session, START, HAD);
    assertEquals(effects, [{ type: "connect" }]);
  }

  assertEquals(pauses, [500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000]);
});

Deno.test("page: doesn't come again after it was refused, until the user wishes it", () => {
  const refused = {
    type: "received",
    message: { type: "refused", code: "bad-credentials", text: "No." },
  };
  const [session, effects] = after(START, OPENED, CHALLENGE, PROVED, refused, closed(1008));

  assertEquals(effects, [{ type: "link", link: { state: "refused", text: "No." } }]);
  assertEquals(step(session, START, HAD)[1], [{ type: "connect" }]);
});

Deno.test("page: an address without the token is said to be one", () => {
  const session = newSession({ hasToken: false, window: "w" });

  assertEquals(session.text, NO_TOKEN_TEXT);
  const link = { state: "refused", text: NO_TOKEN_TEXT };
  assertEquals(step(session, START, HAD)[1], [{ type: "link", link }]);
});

Deno.test("page: what is no message of the program is none", () => {
  const { programMessage } = page;
  assertEquals(programMessage('{"type":"pong"}'), { type: "pong" });
  for (const data of ["", "{", "null", "7", "[1]", '{"type":7}', new Blob([]), null]) {
    assertEquals(programMessage(data), null);
  }
});

Deno.test("page: why a connection was given up is said, and it is tried again", () => {
  const text = "Nothing answers there.";
  for (const inputs of [[START], [START, OPENED], [START, OPENED, CHALLENGE, PROVED]]) {
    const [session, effects] = after(...inputs, { ...closed(1006), text });
    assertEquals([session.state, effects], ["waiting", [
      { type: "link", link: { state: "lost", text } },
      { type: "wait", ms: 500 },
    ]]);
  }
});

Deno.test("page: a program that hangs is asked, and given up; an attempt isn't waited for longer", () => {
  const [open] = after(START, OPENED, CHALLENGE, PROVED, WELCOME);
  const [attempt] = after(START, OPENED);

  assertEquals(page.onSilence(open, 8_000, false), "wait");
  // After a sleep of the machine it is asked first.
  assertEquals(page.onSilence(open, 3_600_000, false), "ask");
  assertEquals(page.onSilence(open, 2_000, true), "wait");
  assertEquals(page.onSilence(open, 10_000, true), "give up");
  assertEquals(page.onSilence(attempt, 8_000, false), "wait");
  assertEquals(page.onSilence(attempt, 9_000, false), "give up");
});
