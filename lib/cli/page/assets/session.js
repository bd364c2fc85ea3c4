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

/** A connection on which nothing came for so long is asked, and given up if nothing has come by the next look, ms. */
const SILENT_MS = 9_000;

const REFUSED = 1008;

export const STRANGER_TEXT =
  "Another program answers at this address, or the address is an old one. Open the address that p2pchat shows.";
export const NO_TOKEN_TEXT =
  "This address isn't whole: open the one that p2pchat shows, with all that follows the #.";

/** A message of the program; null: what came is none. */
export function programMessage(data) {
  try {
    const message = JSON.parse(data);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/**
 * What silence calls for: a connection may be dead without a word, after a sleep of the machine, or the program hangs.
 * @param wasAsked Whether the program was asked since something came.
 * @returns `give up`, `ask` or `wait`.
 */
export function onSilence({ state }, silentMs, wasAsked) {
  if (silentMs < SILENT_MS) return "wait";
  return state === "open" && !wasAsked ? "ask" : "give up";
}

export const newSession = ({ hasToken, window }) => ({
  ...{ state: hasToken ? "waiting" : "without token", window, nonce: null, failures: 0 },
  text: hasToken ? null : NO_TOKEN_TEXT,
});

const link = (state, text = null) => ({ type: "link", link: { state, text } });
const send = (message) => ({ type: "send", message });

/**
 * @param input `wake` (with a fresh `nonce`), `opened`, `received` (a message), `proved` (the program's proof was
 *   checked: `isRight`, and `proof`, the page's own), `closed` (its `code`, a `random` from 0 to 1, and perhaps a `text` that
 *   says why).
 * @param had `{run, last}`: what the page has.
 * @returns The session and its effects: `connect`, `send` (a message), `prove` (nonces), `close`, `wait` (ms), `link` (to be shown), `pass` (a message for the page).
 */
export function step(session, input, { run, last }) {
  const { state, window } = session;
  switch (`${state} ${input.type}`) {
    case "waiting wake":
    case "refused wake":
    case "stopped wake":
      return [{ ...session, state: "connecting", nonce: input.nonce }, [{ type: "connect" }]];
    case "without token wake":
      return [session, [link("refused", session.text)]];
    case "connecting opened": {
      const hello = { type: "hello", protocol: 1, nonce: session.nonce };
      return [{ ...session, state: "greeting" }, [send(hello)]];
    }
    case "proving proved": {
      if (!input.isRight) {
        const shown = link("refused", STRANGER_TEXT);
        return [{ ...session, state: "refused", text: STRANGER_TEXT }, [{ type: "close" }, shown]];
      }
      const more = { proof: input.proof, window, run, after: run === null ? 0 : last };
      return [{ ...session, state: "entering" }, [send({ type: "login", ...more })]];
    }
  }
  if (input.type === "received") return received(session, input.message);
  return input.type === "closed" && state !== "refused" ? closed(session, input) : [session, []];
}

/** What somebody says who hasn't proved to be the program isn't shown as if the program said it. */
const isProven = ({ state }) => state === "entering" || state === "open";

function received(session, message) {
  const { state, nonce: page } = session;
  const { type, nonce: program, proof, code, text } = message;
  if (state === "greeting" && type === "challenge") {
    return [{ ...session, state: "proving" }, [{ type: "prove", page, program, proof }]];
  }
  // Of what an open page asked the page itself says that it was refused.
  const isLast = type === "refused" && (state === "entering" || code === "replaced");
  if (isProven(session) && isLast) return [{ ...session, text }, []];
  const isIn = state === "open" || state === "entering" && type === "welcome";
  if (!isIn) return [session, []];
  const pass = [{ type: "pass", message }];
  return [
    type === "welcome" ? { ...session, state: "open", failures: 0, text: null } : session,
    pass,
  ];
}

function closed(session, { code, random, text = session.text }) {
  const { failures } = session;
  if (code === REFUSED) {
    const why = isProven(session)
      ? session.text ?? "The program refused this page."
      : STRANGER_TEXT;
    return [{ ...session, state: "stopped", text: null }, [link("refused", why)]];
  }
  const base = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failures);
  const ms = Math.round(base * (1 + random / 2));
  return [
    { ...session, state: "waiting", failures: failures + 1, text: null },
    [link("lost", text), { type: "wait", ms }],
  ];
}
