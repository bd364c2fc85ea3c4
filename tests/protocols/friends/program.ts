/**
 * The friends' machine with a test in place of all that is around it: links, disk and clock. What it does is told
 * in words, in order.
 */

import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { Facts } from "../../../lib/base/machine/facts.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { endpointText, type LinkId, type PeerKey } from "../../../lib/base/ids.ts";
import type { FriendsCommand, FriendsEvent } from "../../../lib/protocols/friends/events.ts";
import { Friends } from "../../../lib/protocols/friends/friends.ts";
import type {
  FriendRow,
  FriendsConfig,
  FriendsEffect,
  FriendsInput,
} from "../../../lib/protocols/friends/friends_io.ts";
import { FriendsOutput } from "../../../lib/protocols/friends/friends_output.ts";
import { FRIENDS_RULES, FRIENDS_WORDS } from "../../../lib/protocols/friends/friends_words.ts";
import type { FriendsMessage } from "../../../lib/protocols/friends/messages.ts";
import type { Position } from "../../../lib/protocols/friends/positions.ts";
import { EPOCH_BYTES } from "../../../lib/protocols/friends/positions.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { PartOutput } from "../part_output.ts";
import { passTime } from "../passing_time.ts";
import { BOB, CEM, DAN, EVE, idOf, place, ROWS } from "./fixtures.ts";

const OWN = fakeSigner("ann");
const WALL_MS = 1_700_000_000_000;

const HERE = { name: "ann", key: fingerprintOf(OWN.key), users: "users.txt" };

/** What is told, in words, as the host has it. */
type ShownEffect = Exclude<FriendsEffect, { type: "show" }> | {
  readonly type: "show";
  readonly event: FriendsEvent;
  readonly ref: string | undefined;
};

/** @returns Null for what isn't news. */
function worded(effect: FriendsEffect, facts: Facts<typeof FRIENDS_WORDS>): ShownEffect | null {
  if (effect.type !== "show") return effect;
  const event = facts.worded<FriendsEvent>(effect.event);
  return event === null ? null : { ...effect, event };
}

const NAMES = new Map([
  [fingerprintOf(BOB), "bob"],
  [fingerprintOf(CEM), "cem"],
  [fingerprintOf(EVE), "eve"],
  [fingerprintOf(DAN), "dan"],
  [fingerprintOf(OWN.key), "ann"],
]);

type Words = readonly string[];

interface Hello {
  readonly name?: string;
  readonly to?: string;
  /** The other side's process. */
  readonly process?: number;
  readonly stored?: readonly Position[];
  readonly away?: string | null;
}

/** Ann's program. Her friends are those of `ROWS` unless said otherwise; links have the numbers 1, 2, 3. */
export class Program {
  static #starts = 0;
  /** What it draws as its epoch. */
  readonly epoch = ++Program.#starts;
  readonly machine: Friends;
  readonly key = OWN.key;
  /** What is on its disk, of this process and those before. */
  readonly disk: FriendsRecord[];
  /** `holds`: writes are answered by `diskAnswers`. */
  diskMode: "writes" | "refuses" | "holds" = "writes";
  nowMs = 1_000;
  /** The texts of all errors, notices and warnings so far. */
  readonly told: string[] = [];
  readonly events: FriendsEvent[] = [];
  /** The codes of all facts so far, news or not. */
  readonly facts: string[] = [];
  readonly #facts = new Facts(FRIENDS_WORDS, FRIENDS_RULES, HERE, () => this.nowMs);
  /** What the profile was to keep of what was said, in order. */
  readonly kept: string[] = [];
  readonly recalled: Extract<FriendsEffect, { readonly type: "recall" }>[] = [];
  /** On all links, in order. */
  readonly sent: FriendsMessage[] = [];
  /** Of the latest dial. */
  attempt = 0;
  #held: Extract<FriendsEffect, { readonly type: "persist" }>[] = [];
  #links = 0;
  #ids = 0;

  /** @param random What every draw gives. */
  constructor(config: Partial<FriendsConfig> = {}, public random = 0.999) {
    this.disk = [...config.records ?? []];
    const environment: Environment = {
      random: () => this.random,
      randomBytes: (length) =>
        Uint8Array.fromHex(
          length === EPOCH_BYTES
            ? this.epoch.toString(16).padStart(2 * length, "0")
            : idOf(++this.#ids),
        ),
      wallMs: () => WALL_MS,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    this.machine = new Friends(
      {
        name: "ann",
        listening: { host: "10.0.0.1", port: 5_001 },
        users: "users.txt",
        friends: ROWS,
        pins: new Map(),
        records: [],
        idleMs: 60_000,
        queue: true,
        ...config,
      },
      OWN,
      environment,
    );
  }

  /** A program that has started. */
  static started(config: Partial<FriendsConfig> = {}): Program {
    const program = new Program(config);
    program.feed({ type: "start" });
    return program;
  }

  /** The process that comes after this one, on the same disk. */
  restarted(config: Partial<FriendsConfig> = {}): Program {
    return new Program({ records: this.disk, ...config });
  }

  /** What comes of one input, the disk's answers included. */
  feed(input: FriendsInput): Words {
    const words: string[] = [];
    const inputs = [input];
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      for (const effect of this.machine.step(next, this.nowMs)) {
        if (effect.type === "persist") inputs.push(...this.#persist(effect));
        if (effect.type === "show" && effect.event.event === "fact") {
          this.facts.push(effect.event.fact.fact);
        }
        const shown = worded(effect, this.#facts);
        const said = shown === null ? null : this.#words(shown);
        if (said !== null) words.push(said);
      }
    }
    return words;
  }

  #persist(effect: Extract<FriendsEffect, { readonly type: "persist" }>): readonly FriendsInput[] {
    const { token, records } = effect;
    switch (this.diskMode) {
      case "holds":
        this.#held.push(effect);
        return [];
      case "refuses":
        return [{ type: "persist-failed", token, text: "Cannot write: the disk is full" }];
      case "writes":
        this.disk.push(...records);
        return token === null ? [] : [{ type: "persisted", token }];
    }
  }

  /** The disk answers, in order, whatever it was asked while it held its answers. */
  diskAnswers(mode: "writes" | "refuses" = "writes"): Words {
    this.diskMode = mode;
    const held = this.#held;
    this.#held = [];
    return held.flatMap((effect) => this.#persist(effect)).flatMap((input) => this.feed(input));
  }

  /** The disk answers what it was asked first, and holds the rest. */
  diskAnswersFirst(mode: "writes" | "refuses"): Words {
    const first = this.#held.shift()!;
    this.diskMode = mode;
    const inputs = this.#persist(first);
    this.diskMode = "holds";
    return inputs.flatMap((input) => this.feed(input));
  }

  /** Lets time pass, with a tick whenever one is wanted. */
  pass(ms: number): Words {
    const words: string[] = [];
    passTime(this, ms, () => words.push(...this.feed({ type: "tick" })));
    return words;
  }

  // The user.

  command(command: FriendsCommand, ref?: string): Words {
    return this.feed({ type: "command", command, ref });
  }

  say(name: string, text: string, ref?: string): Words {
    return this.command({ command: "msg", name, text }, ref);
  }

  // The others.

  /** Somebody dials in. */
  comesIn(peer: PeerKey, process = 1): Words {
    const link = ++this.#links as LinkId;
    const of = { peer, process: `${process}` };
    return this.feed({ type: "link-up", link, ...of, dialled: false, attempt: null });
  }

  /** The latest dial reaches somebody. */
  reaches(peer: PeerKey, attempt = this.attempt, process = 1): Words {
    const link = ++this.#links as LinkId;
    const of = { peer, process: `${process}` };
    return this.feed({ type: "link-up", link, ...of, dialled: true, attempt });
  }

  /** The latest dial reaches nobody, or somebody else than it should. */
  fails(reason = "unreachable", key: PeerKey | null = null, attempt = this.attempt): Words {
    return this.feed({ type: "dial-failed", attempt, reason, text: `it is ${reason}`, key });
  }

  gets(link: number, message: FriendsMessage): Words {
    return this.feed({ type: "message", link: link as LinkId, message });
  }

  hello(link: number, { name = "bob", to = "ann", stored = [], away = null }: Hello = {}): Words {
    return this.gets(link, { type: "hello", name, to, stored, away });
  }

  /** Messages of these numbers, called after them. */
  texts(link: number, numbers: readonly number[], epoch = 1): Words {
    const entries = numbers.map((number) => ({
      number,
      id: Uint8Array.fromHex(idOf(number)),
      sentAt: WALL_MS,
      text: `text ${number}`,
    }));
    return this.gets(link, { type: "texts", epoch, entries });
  }

  /** The other end has stored what this process said, up to this number. */
  acknowledges(link: number, number: number): Words {
    return this.gets(link, { type: "stored", position: place(number, this.epoch) });
  }

  goesDown(link: number, closed = true, reason = "idle"): Words {
    return this.feed({ type: "link-down", link: link as LinkId, closed, reason });
  }

  edited(friends: readonly FriendRow[]): Words {
    return this.feed({ type: "table", friends });
  }

  /** Bob, or whoever it is, dials in, and is let in. */
  meets(peer: PeerKey = BOB, hello: Hello = {}): Words {
    return [...this.comesIn(peer, hello.process), ...this.hello(this.#links, hello)];
  }

  #words(effect: ShownEffect): string | null {
    if (effect.type === "dial") this.attempt = effect.attempt;
    if (effect.type === "send") this.sent.push(effect.message);
    if (effect.type === "show") {
      const { event } = effect;
      this.events.push(event);
      if (event.event === "notice" || event.event === "error") this.told.push(event.text);
    }
    if (effect.type === "keep") {
      const { self, name, text } = effect.words;
      const before = `${effect.isEarlier ? "earlier " : ""}${effect.takenBack ? "not " : ""}`;
      this.kept.push(`${before}${self ? "to" : "from"} ${name}: ${text}`);
    }
    if (effect.type === "recall") this.recalled.push(effect);
    // `disk` has what is written.
    return effect.type === "persist" || effect.type === "shown" ? null : wordsOf(effect);
  }
}

/** The output of a part of Ann's program. */
export function partOutput() {
  const out = new FriendsOutput();
  const facts = new Facts(FRIENDS_WORDS, FRIENDS_RULES, HERE, () => out.nowMs);
  return new PartOutput(out, (effect: FriendsEffect) => {
    const shown = worded(effect, facts);
    return shown === null ? null : wordsOf(shown);
  });
}

function wordsOf(effect: ShownEffect): string | null {
  switch (effect.type) {
    case "keep":
    case "recall":
      return null; // `kept` and `recalled`
    case "dial": {
      const who = effect.expect === null ? "anybody" : NAMES.get(effect.expect);
      return `dials ${who} at ${endpointText(effect.endpoint)}`;
    }
    case "send":
      return `${effect.link}: ${messageWords(effect.message)}`;
    case "close":
    case "ban":
      return `${effect.type}s ${effect.link}: ${effect.reason}`;
    case "show":
      return eventWords(effect.event) + (effect.ref === undefined ? "" : ` [${effect.ref}]`);
    case "input":
      return effect.pausedBecause === null ? "input goes on" : `input: ${effect.pausedBecause}`;
    case "pin": {
      const again = effect.again ? " again" : "";
      return `pins ${NAMES.get(fingerprintOf(effect.key))} as ${effect.name}${again}`;
    }
    case "stop":
      return `stops: ${effect.outcome.kind}`;
    case "persist":
      return `writes ${effect.records.map(({ kind }) => kind).join(", ")}`;
    case "shown":
      return `shown ${placeWords(effect.through.position)}`;
  }
}

function eventWords(event: FriendsEvent): string {
  switch (event.event) {
    case "message":
      return `${event.history ? "(earlier) " : ""}<${event.from}> ${event.text}`;
    case "delivery": {
      const waiting = event.waiting === undefined ? "" : ` (${event.waiting} waiting)`;
      const reason = event.reason === undefined ? "" : `: ${event.reason}`;
      const text = event.text === undefined ? "" : ` "${event.text}"`;
      return `${event.to} ${event.state}${text}${waiting}${reason}`;
    }
    case "connection":
      return `${event.friend} ${event.state}: ${event.reason}`;
    case "presence":
      return `${event.name} ${event.away === undefined ? "back" : `away: ${event.away}`}`;
    case "notice":
      return event.warning ? "warning" : "notice";
    case "error":
      return `error ${event.code}`;
    default:
      return event.event;
  }
}

function messageWords(message: FriendsMessage): string {
  switch (message.type) {
    case "texts":
      return `texts ${message.entries.map(({ text }) => text).join(", ")}`;
    case "refuse":
      return `refuse ${message.code}`;
    case "stored":
    case "skip":
      return `${message.type} ${placeWords(message.position)}`;
    case "presence":
      return message.away === null ? "back" : `away: ${message.away}`;
    default:
      return message.type;
  }
}

function placeWords({ epoch, number }: Position): string {
  return `${epoch}.${number}`;
}
