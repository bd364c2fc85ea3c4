/**
 * How the page comes in, stays, and comes in again: `step(session, input)` gives the session after it, and what is to be
 * done. No socket, no clock. Both sides prove that they know the token, which never goes over the wire.
 */

/**
 * Pauses between attempts, ms: doubled each time, with up to half of it at random on top. An attempt on this machine costs
 * next to nothing, and somebody may be waiting to write.
 */
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 2_000;
/** When the program takes no more windows. */
const PAUSE_MS_FULL = 30_000;

/** An attempt at which nothing came for so long is given up, ms. */
const ATTEMPT_MS = 10_000;
/** A connection on which nothing came for so long is asked, and given up if nothing comes then, ms. */
const SEEN = { askMs: 9_000, answerMs: 3_000 };
/** The same while nobody looks: it wakes the program half as often. */
const UNSEEN = { askMs: 20_000, answerMs: 20_000 };

const NORMAL = 1000;
const REFUSED = 1008;
const FULL = 1013;

export const STRANGER_TEXT =
  "Another program answers at this address, or the address is an old one. Open the address that p2pchat shows.";
export const NO_TOKEN_TEXT =
  "This address isn't whole: open the one that p2pchat shows, with all that follows the #.";

export const RUBBISH_TEXT = "What answers there isn't p2pchat.";
export const SILENT_TEXT = "Nothing answers there.";

/** A message of the program; null: what came is none. */
export function programMessage(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/**
 * What silence calls for: a connection may be dead without a word, after a sleep of the machine, or the program hangs.
 * @param silentMs Since something came. @param askedMs Since the program was asked; null: it wasn't since then.
 * @returns `give up`, `ask`, or `wait`, and after how long to look again, ms.
 */
export function onSilence({ state }, { silentMs, askedMs, isSeen }) {
  const wait = (ms) => ms > 0 ? { type: "wait", ms } : { type: "give up" };
  if (state !== "open") return wait(ATTEMPT_MS - silentMs);
  const { askMs, answerMs } = isSeen ? SEEN : UNSEEN;
  if (askedMs !== null) return wait(answerMs - askedMs);
  return silentMs < askMs ? wait(askMs - silentMs) : { type: "ask", ms: answerMs };
}

export function newSession({ hasToken, window }) {
  return {
    state: hasToken ? "idle" : "refused",
    window,
    nonce: null,
    failures: 0,
    isFull: false,
    text: hasToken ? null : NO_TOKEN_TEXT,
  };
}

const link = (state, text = null) => ({ type: "link", link: { state, text } });

/**
 * @param input `start` (with a fresh `nonce`), `opened`, `received` (a message), `proved` (the program's proof was
 *   checked: `isRight`, and `proof`, the page's own), `closed` (its `code`, a `random` from 0 to 1, and perhaps a `text` that
 *   says why), `wake`.
 * @param had `{run, last}`: what the page has.
 * @returns The session and its effects: `connect`, `send` (a message), `prove` (nonces), `close`, `wait` (ms), `link`
 *   (to be shown), `pass` (a message for the page).
 */
export function step(session, input, had) {
  switch (input.type) {
    case "start":
      if (session.state !== "idle") return [session, []];
      return [{ ...session, state: "connecting", nonce: input.nonce }, [{ type: "connect" }]];
    case "opened":
      if (session.state !== "connecting") return [session, []];
      return [
        { ...session, state: "greeting" },
        [send({ type: "hello", protocol: 1, nonce: session.nonce })],
      ];
    case "received":
      return received(session, input.message);
    case "proved":
      return proved(session, input, had);
    case "closed":
      return closed(session, input);
    case "wake":
      return session.state === "waiting" || session.state === "stopped"
        ? [{ ...session, state: "idle" }, [{ type: "restart" }]]
        : [session, []];
  }
}

const send = (message) => ({ type: "send", message });

function received(session, message) {
  if (session.state === "greeting" && message.type === "challenge") {
    const { nonce, proof } = message;
    return [{ ...session, state: "proving" }, [{
      type: "prove",
      page: session.nonce,
      program: nonce,
      proof,
    }]];
  }
  if (session.state === "entering" && message.type === "refused") {
    return [{ ...session, text: message.text }, []];
  }
  if (session.state === "entering" && message.type === "welcome") {
    return [{ ...session, state: "open", failures: 0, text: null }, [{ type: "pass", message }]];
  }
  if (session.state !== "open") return [session, []];
  if (message.type === "refused" && message.code === "replaced") {
    return [{ ...session, text: message.text }, []];
  }
  return [session, [{ type: "pass", message }]];
}

function proved(session, { isRight, proof }, { run, last }) {
  if (session.state !== "proving") return [session, []];
  if (!isRight) {
    return [
      { ...session, state: "refused", text: STRANGER_TEXT },
      [{ type: "close" }, link("refused", STRANGER_TEXT)],
    ];
  }
  const login = {
    type: "login",
    proof,
    window: session.window,
    run,
    after: run === null ? 0 : last,
  };
  return [{ ...session, state: "entering" }, [send(login)]];
}

function closed(session, { code, random, text: why = null }) {
  if (session.state === "refused") return [session, []];
  if (code === REFUSED) {
    // What somebody says who hasn't proved to be the program isn't shown as if the program said it.
    const isProgram = session.state === "entering" || session.state === "open";
    const text = isProgram ? session.text ?? "The program refused this page." : STRANGER_TEXT;
    return [{ ...session, state: "stopped", text: null }, [link("refused", text)]];
  }
  if (code === NORMAL && session.state === "open") {
    return [{ ...session, state: "stopped" }, [link("ended")]];
  }
  const pause = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** session.failures);
  const base = code === FULL && session.state !== "open" ? PAUSE_MS_FULL : pause;
  const ms = Math.round(base * (1 + random / 2));
  const text = why ?? session.text;
  return [
    { ...session, state: "waiting", failures: session.failures + 1, text: null },
    [link("lost", text), { type: "wait", ms }],
  ];
}
