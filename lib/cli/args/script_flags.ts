/** `--once` and `--wait`: the program does one thing for a script, and ends; `--mcp`: an agent uses it. */

import { P2pchatError } from "../../base/errors.ts";
import { didYouMean } from "../../base/text/nearest.ts";
import { checkedMessage, quotedStart } from "../../base/text/text.ts";
import { inWords } from "../../base/text/words.ts";
import { duration, type Flag, nameOrKey } from "./flags.ts";
import type { CommandLine, ScriptDoor } from "./options.ts";

/** Of a mode: the names of its events, and whether they come without a command that asks for them. */
type ScriptEvents = Readonly<Record<string, boolean>>;

const TIMEOUT_MS_DEFAULT = 10_000;
/** Where nothing else is asked for. */
const MESSAGES = ["message"];

/** What is for one of the two alone. */
const OF_WAIT = ["from", "mention", "event"] as const;

/** What isn't for agents. */
const OF_SCRIPTS = ["once", "to", "wait", ...OF_WAIT, "timeout"] as const;

/** Which mode it is, and what its events are called. */
export interface ScriptedMode {
  readonly mode: ScriptDoor["mode"];
  readonly events: ScriptEvents;
}

const TO: Readonly<Record<ScriptDoor["mode"], string | null>> = {
  mesh: "--once: say it to NAME alone",
  friends: "--once: the friend, if the table has several",
  group: null, // all have the same log
};

const REACHED: Readonly<Record<ScriptDoor["mode"], string>> = {
  mesh: "somebody has it",
  friends: "the friend has it",
  group: "all have it",
};

/** The flags of a mode that scripts use so. */
export function scriptFlags({ mode, events }: ScriptedMode): readonly Flag[] {
  const to = TO[mode];
  const toFlag = { name: "to", value: "NAME", parse: nameOrKey };
  return [
    {
      name: "once",
      value: "TEXT",
      isText: true,
      help: `say TEXT, wait until ${REACHED[mode]}, and end`,
      parse: oneText,
    },
    ...(to === null ? [] : [{ ...toFlag, help: to }]),
    { name: "wait", help: "print the next message, and end" },
    {
      name: "from",
      value: "NAME",
      help: "--wait: only from NAME or key",
      parse: nameOrKey,
    },
    { name: "mention", help: "--wait: only mentions of you" },
    {
      name: "event",
      value: "NAME,...",
      help: "--wait: the next such event, as joined",
      parse: (text, what) => eventNames(text, what, events),
    },
    {
      name: "timeout",
      value: "TIME",
      help: `--once, --wait: exit 3 after this time (${TIMEOUT_MS_DEFAULT / 1_000}s)`,
      parse: duration,
    },
    {
      name: "mcp",
      help: "for agents: the Model Context Protocol",
    },
  ];
}

/**
 * What a script wants; null where no such flag is given.
 * @param keepsWords Whether what is said is kept on the disk.
 * @throws {P2pchatError} `usage`.
 */
export function scriptDoor(
  line: CommandLine,
  { mode }: ScriptedMode,
  { historyCount, keepsWords }: { readonly historyCount: number | null; keepsWords?: boolean },
): ScriptDoor | null {
  const { value, isOn, common } = line;
  const text = value<string>("once");
  const waits = isOn("wait");
  const to = value<string>("to") ?? null;
  const isGiven = (flag: string) => isOn(flag) || value(flag) !== undefined;
  const refused = (fault: string) => {
    throw new P2pchatError("usage", fault);
  };
  if (isOn("mcp")) {
    checkMcp(line, { historyCount, keepsWords });
    return { door: "mcp", mode };
  }
  if (text !== undefined && waits) {
    refused("--once says something, and --wait waits for something: give one, then the other");
  }
  const ofWait = OF_WAIT.find(isGiven);
  if (!waits && ofWait !== undefined) refused(`--${ofWait} says what --wait waits for: add --wait`);
  if (text === undefined && to !== null) refused("--to says who gets the text of --once: add that");
  const door = text !== undefined ? "--once" : waits ? "--wait" : null;
  if (door === null) {
    if (isGiven("timeout")) refused("--timeout is that of --once or --wait: add one of them");
    return null;
  }
  if (common.stay) refused(`${door} ends when it is done, and --stay keeps running: give one`);
  if (historyCount !== null) {
    refused(`${door} shows nothing again: leave out --history, and see --wait`);
  }
  if (waits && keepsWords === false) {
    refused("--wait keeps on the disk what came meanwhile, and --no-history keeps nothing");
  }
  const timeoutMs = value<number>("timeout") ?? TIMEOUT_MS_DEFAULT;
  if (text !== undefined) return { door: "once", mode, text, to, timeoutMs };
  const events = new Set(value<readonly string[]>("event") ?? MESSAGES);
  const from = value<string>("from") ?? null;
  return { door: "wait", mode, from, mention: isOn("mention"), events, timeoutMs };
}

/** What an agent's host can't mean. @throws {P2pchatError} `usage`. */
function checkMcp(
  { value, isOn }: CommandLine,
  { historyCount, keepsWords }: {
    readonly historyCount: number | null;
    readonly keepsWords: boolean | undefined;
  },
): void {
  const given = OF_SCRIPTS.find((flag) => isOn(flag) || value(flag) !== undefined);
  const invite = value<string>("invite");
  const fault = given !== undefined
    ? `--mcp has tools for that: leave out --${given}`
    : isOn("json")
    ? "--mcp speaks a protocol of its own on standard output: leave out --json"
    : isOn("stay")
    ? "--mcp leaves when its input ends, and --stay keeps running: give one"
    : historyCount !== null
    ? "--mcp shows nothing again, and has a tool history: leave out --history"
    : keepsWords === false
    ? "--mcp keeps on the disk what comes between two calls, and --no-history keeps nothing"
    : invite === "" || invite === "-"
    ? "The standard input of --mcp is the agent's: give the invite with --invite-file"
    : null;
  if (fault !== null) throw new P2pchatError("usage", fault);
}

/** @throws {P2pchatError} `usage` where there is nothing to say, or `too-long`. */
function oneText(text: string, what: string): string {
  if (text.trim() === "") throw new P2pchatError("usage", `${what} must have something to say`);
  return checkedMessage(text);
}

function eventNames(text: string, what: string, events: ScriptEvents): readonly string[] {
  const asked = text.split(",").map((name) => name.trim());
  const known = Object.keys(events).filter((name) => events[name]);
  for (const name of asked) {
    if (known.includes(name)) continue;
    if (Object.hasOwn(events, name)) {
      const why = "only answers a command, and --wait gives none";
      throw new P2pchatError("usage", `${what} can't be ${name}: that ${why}`);
    }
    const hint = didYouMean(name, known, (one) => one) || `; there are ${inWords(known, "and")}`;
    throw new P2pchatError(
      "usage",
      `${what} names events, with commas between them, not ${quotedStart(name)}${hint}`,
    );
  }
  return asked;
}
