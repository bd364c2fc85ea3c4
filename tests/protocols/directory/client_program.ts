/**
 * A client's machine with a test in place of all that is around it: directory, others, disk and clock. What it does is
 * told in words, in order.
 */

import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PrivateWords } from "../../../lib/base/schema/private_words.ts";
import { endpointText, type LinkId, type PeerKey } from "../../../lib/base/ids.ts";
import { Client } from "../../../lib/protocols/directory/client/client.ts";
import type {
  ClientConfig,
  ClientEffect,
  ClientInput,
  Entry,
} from "../../../lib/protocols/directory/schema/client_io.ts";
import { ClientOutput } from "../../../lib/protocols/directory/schema/client_output.ts";
import type { ClientRecord } from "../../../lib/protocols/directory/schema/client_records.ts";
import {
  type DatagramMessage,
  DatagramPath,
} from "../../../lib/protocols/directory/datagrams/datagram_path.ts";
import { transportOf } from "../../../lib/protocols/sealed_datagram/keyed_path.ts";
import type { ClientCommand, ClientEvent } from "../../../lib/protocols/directory/schema/events.ts";
import { CALL_ID_BYTES } from "../../../lib/protocols/directory/schema/limits.ts";
import type {
  DirectoryMessage,
  DirectoryMessageOf,
} from "../../../lib/protocols/directory/schema/messages.ts";
import type { ListedUser } from "../../../lib/protocols/directory/schema/listed_users.ts";
import { REFUSED_TEXTS } from "../../../lib/protocols/directory/schema/refusal_text.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { PartOutput } from "../part_output.ts";
import { passTime } from "../passing_time.ts";

export const ANN = fakeSigner("ann");
export const BOB = fakeSigner("bob").key;
export const EVE = fakeSigner("eve").key;
export const DIRECTORY = fakeSigner("directory").key;
export const WALL_MS = 1_700_000_000_000;
/** The own number of the program's first broadcast; in words it is 1. */
export const FIRST_OWN = WALL_MS;

const NAMES = new Map<string, string>([
  [ANN.key, "ann"],
  [BOB, "bob"],
  [EVE, "eve"],
  [DIRECTORY, "directory"],
]);
for (const [key, name] of [...NAMES]) NAMES.set(fingerprintOf(key as PeerKey), name);

export const STORE = new Uint8Array(8).fill(7);
const KEYS = { toClient: new Uint8Array(32).fill(1), toDirectory: new Uint8Array(32).fill(2) };
const ENDPOINT = { host: "10.0.0.1", port: 4_400 };
export const LOG_IN: Entry = {
  how: "log-in",
  name: "ann",
  password: "longenough",
  newPassword: "",
};

/** The bytes of a call's number. */
export function callId(n: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(n.toString(16).padStart(2 * CALL_ID_BYTES, "0"));
}

export function user(name: string, more: Partial<ListedUser> = {}): ListedUser {
  const { key } = fakeSigner(name.toLowerCase());
  return {
    name,
    state: "free",
    guest: false,
    key,
    host: "10.0.0.2",
    port: 5_000,
    away: null,
    ...more,
  };
}

export const CONFIG: ClientConfig = {
  name: null,
  how: null,
  directory: { host: "chat.example", port: ENDPOINT.port },
  registry: "chat.example",
  expect: fingerprintOf(DIRECTORY),
  given: null,
  trustFirst: false,
  listening: { host: "10.0.0.3", port: 6_000 },
  pinsOf: () => new Map(),
  refused: [],
  records: [],
  isInteractive: false,
  asksAgain: false,
  wait: true,
  knownPeers: "known_peers",
};

/** What a directory says to a client that it lets in. */
export const ENTERED: DirectoryMessageOf<"entered"> = {
  type: "entered",
  said: 0,
  isRemembered: true,
  name: "ann",
  guest: false,
  host: "10.0.0.3",
  store: STORE,
  mayBroadcast: true,
  index: 9,
  ...KEYS,
  rank: 1_000,
  kept: 0,
};

type Words = readonly string[];

export interface ProgramOptions {
  readonly config?: Partial<ClientConfig>;
  readonly random?: number;
}

export class ClientProgram {
  readonly machine: Client;
  readonly disk: ClientRecord[];
  /** `holds`: writes are answered by `diskAnswers`. */
  diskMode: "writes" | "refuses" | "holds" = "writes";
  nowMs = 1_000;
  /** The link to the directory. */
  link = 0 as LinkId;
  /** Of the latest dial. */
  attempt = 0;
  /** Why the program has ended; empty while it hasn't, or left. */
  fatal = "";
  readonly events: ClientEvent[] = [];
  /** What the profile keeps of calls. */
  readonly kept: PrivateWords[] = [];
  /** What it is asked for. */
  readonly recalls: Extract<ClientEffect, { readonly type: "recall" }>[] = [];
  /** Why links were closed, in order. */
  readonly goodbyes: string[] = [];
  readonly sent: { readonly link: LinkId; readonly message: DirectoryMessage }[] = [];
  /** What the directory got in datagrams. */
  readonly datagrams: { readonly atMs: number; readonly message: DatagramMessage }[] = [];
  /** The directory's end of the datagrams. */
  path: DatagramPath | null = null;
  #held: Extract<ClientEffect, { readonly type: "persist" }>[] = [];
  #links = 0;
  #draws = 0;

  constructor({ config = {}, random = 0.5 }: ProgramOptions = {}) {
    this.disk = [...config.records ?? []];
    const environment: Environment = {
      random: () => random,
      randomBytes: (length) =>
        Uint8Array.fromHex((++this.#draws).toString(16).padStart(2 * length, "0")),
      wallMs: () => WALL_MS,
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    this.machine = new Client(
      {
        ...CONFIG,
        records: this.disk,
        asksAgain: config?.isInteractive ?? false,
        ...config,
      },
      ANN,
      environment,
    );
  }

  /** Started, and its link to the directory is up. */
  static linked(options: ProgramOptions = {}): ClientProgram {
    const program = new ClientProgram(options);
    program.feed({ type: "start" });
    program.directoryUp();
    return program;
  }

  /** In, with bob and eve there. */
  static in(options: ProgramOptions = {}): ClientProgram {
    const program = ClientProgram.linked(options);
    program.feed({ type: "enter", entry: LOG_IN });
    program.entered();
    return program;
  }

  /** What it said of whether it is busy, which its words leave out. */
  readonly saidBusy: boolean[] = [];

  /** The words of one input, the disk's answers included. */
  feed(input: ClientInput): Words {
    const words: string[] = [];
    const inputs = [input];
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      for (const effect of this.machine.step(next, this.nowMs)) {
        if (effect.type === "persist") inputs.push(...this.#persist(effect));
        else if (effect.type === "keep") this.kept.push(effect.words);
        else if (effect.type === "send" && effect.message.type === "busy") {
          this.saidBusy.push(effect.message.busy);
        } else words.push(this.#words(effect));
      }
    }
    return words;
  }

  #persist(effect: Extract<ClientEffect, { readonly type: "persist" }>): readonly ClientInput[] {
    if (this.diskMode === "holds") this.#held.push(effect);
    if (this.diskMode === "writes") this.disk.push(...effect.records);
    const { token } = effect;
    if (this.diskMode === "refuses") return [{ type: "persist-failed", token, text: "disk full" }];
    return this.diskMode === "holds" || token === null ? [] : [{ type: "persisted", token }];
  }

  /** What was held is written. */
  diskAnswers(): Words {
    this.diskMode = "writes";
    return this.#held.splice(0).flatMap((effect) => {
      this.disk.push(...effect.records);
      return effect.token === null ? [] : this.feed({ type: "persisted", token: effect.token });
    });
  }

  #words(effect: ClientEffect): string {
    switch (effect.type) {
      case "show":
        this.events.push(effect.event);
        break;
      case "send":
        this.sent.push(effect);
        break;
      case "dial":
      case "relay-open":
        this.attempt = effect.attempt;
        break;
      case "datagram": {
        const opened = this.path?.open(transportOf(effect.bytes)!);
        if (opened?.message) this.datagrams.push({ atMs: this.nowMs, message: opened.message });
        return `datagram ${endpointText(effect.to)}: ${opened?.message?.type ?? "?"}`;
      }
      case "stop":
        if (effect.outcome.kind === "fatal") this.fatal = effect.outcome.text;
        break;
      case "recall":
        this.recalls.push(effect);
        return `recall${fieldsOf(effect.event)}`;
      case "close":
        this.goodbyes.push(effect.reason);
        break;
    }
    return wordsOf(effect, this.link);
  }

  // The directory.

  directoryUp(peer: PeerKey = DIRECTORY): Words {
    this.link = ++this.#links as LinkId;
    const up = { link: this.link, peer, dialled: true, attempt: this.attempt, isRelayed: false };
    return this.feed({ type: "link-up", ...up, host: ENDPOINT.host });
  }

  says(message: DirectoryMessage): Words {
    return this.feed({ type: "message", link: this.link, message });
  }

  /** It is let in, and told who is there. */
  entered(
    more: Partial<DirectoryMessageOf<"entered">> = {},
    there: readonly string[] | null = ["ann", "bob", "eve"],
  ): Words {
    this.path = new DatagramPath(9, KEYS.toClient.slice(), KEYS.toDirectory.slice());
    return [
      ...this.says({ ...ENTERED, ...more }),
      ...(there === null ? [] : this.lists(there)),
    ];
  }

  /** The directory says who is there. */
  lists(there: readonly string[]): Words {
    const users = there.map((name) => user(name));
    return this.says({ type: "users", users, isFirst: true, isLast: true, away: [] });
  }

  refuses(
    code: DirectoryMessageOf<"refused">["code"],
    retryMs = 0,
    text = REFUSED_TEXTS[code],
  ): Words {
    return this.says({ type: "refused", code, text, retryMs });
  }

  datagram(message: Parameters<DatagramPath["seal"]>[0]): Words {
    return this.feed({ type: "datagram", from: ENDPOINT, bytes: this.path!.seal(message) });
  }

  directoryDown(reason = "lost"): Words {
    return this.feed({ type: "link-down", link: this.link, closed: false, reason });
  }

  dialFails(attempt = this.attempt, reason = "unreachable"): Words {
    return this.feed({ type: "dial-failed", attempt, reason, text: "nobody listens", key: null });
  }

  /** Tells that bob, who may be asked, is there. */
  meet(more: Partial<DirectoryMessageOf<"meet">> = {}): Words {
    return this.says({
      type: "meet",
      call: callId(1),
      name: "bob",
      guest: false,
      key: BOB,
      host: "10.0.0.2",
      port: 5_000,
      isCaller: true,
      mayRelay: true,
      ...more,
    });
  }

  // Others.

  /** Bob dials in, or is reached. @returns The link, and what came of it. */
  linkUp(
    more: Partial<Extract<ClientInput, { readonly type: "link-up" }>> = {},
  ): { readonly link: LinkId; readonly words: Words } {
    const link = ++this.#links as LinkId;
    const up = { link, peer: BOB, dialled: false, attempt: null, isRelayed: false };
    const host = "10.0.0.2";
    return { link, words: this.feed({ type: "link-up", ...up, host, ...more }) };
  }

  hears(link: LinkId, message: DirectoryMessage): Words {
    return this.feed({ type: "message", link, message });
  }

  linkDown(link: LinkId, closed: boolean): Words {
    return this.feed({ type: "link-down", link, closed, reason: "" });
  }

  // The user, and time.

  types(command: ClientCommand, ref?: string): Words {
    return this.feed({ type: "command", command, ref });
  }

  /** Lets time go on, serving each deadline when it is due. What goes out in datagrams isn't told. */
  after(ms: number): Words {
    const words: string[] = [];
    passTime(this, ms, () => words.push(...this.feed({ type: "tick" })));
    return words.filter((word) => !word.startsWith("datagram"));
  }
}

/** The output of a client's part. */
export function partOutput() {
  return new PartOutput(new ClientOutput(), (effect: ClientEffect) => wordsOf(effect));
}

/** @param directory The link to the directory. */
function wordsOf(effect: ClientEffect, directory?: LinkId): string {
  const nameOf = (link: LinkId) => link === directory ? "directory" : `link ${link}`;
  switch (effect.type) {
    case "show": {
      const { event, ...fields } = effect.event;
      const ref = effect.ref === undefined ? "" : ` ref=${effect.ref}`;
      return `${event}${fieldsOf(toldOf(event, fields))}${ref}`;
    }
    case "send":
      return `to ${nameOf(effect.link)}: ${messageWords(effect.message)}`;
    case "dial": {
      const expect = NAMES.get(effect.expect ?? "") ?? "anybody";
      return `dial ${effect.mode} ${endpointText(effect.endpoint)} ${expect}`;
    }
    case "datagram":
      return `datagram ${endpointText(effect.to)}`;
    case "pin":
      return `pin ${effect.name} ${NAMES.get(effect.key)}${effect.again ? " again" : ""}`;
    case "stop":
      return effect.outcome.kind === "bye"
        ? `bye ${effect.outcome.reason}`
        : `fatal ${effect.outcome.code}`;
    case "relay-open":
      return `relay-open ${effect.isDialler ? "dials" : "waits"}`;
    case "close":
      return `close ${nameOf(effect.link)}`;
    case "cancel-dial":
      return "cancel-dial";
    case "input":
      return `input ${effect.pausedBecause ?? "goes on"}`;
    case "persist":
      return `writes ${effect.records.map(({ kind }) => kind).join(" ")}`;
    default:
      return `${effect.type}${fieldsOf(effect)}`;
  }
}

export function messageWords({ type, ...fields }: DirectoryMessage): string {
  return `${type}${fieldsOf(fields)}`;
}

function toldOf(event: string, fields: object): object {
  if (event === "call") return knownOf(fields);
  const { id: _, ...said } = fields as { readonly id?: string };
  return event === "message" ? said : fields;
}

/** The fields that have a value: most calls have neither a reason nor a route. */
function knownOf(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([field, value]) =>
      value !== "" && value !== null && field !== "key"
    ),
  );
}

function fieldsOf(fields: object): string {
  const words = Object.entries(fields)
    .filter(([name, value]) =>
      name !== "type" && name !== "signature" && !(name === "sentAt" && value === WALL_MS)
    )
    .map(([name, value]) => `${name}=${valueOf(name === "own" ? ownOf(value) : value)}`);
  return words.map((word) => ` ${word}`).join("");
}

function ownOf(own: unknown): unknown {
  return typeof own === "number" ? own - FIRST_OWN + 1 : own;
}

function valueOf(value: unknown): string {
  if (value instanceof Uint8Array) return valueOf(value.toHex());
  if (typeof value === "string") {
    return NAMES.get(value) ?? (/^0{20,}/.test(value) ? `#${value.replace(/^0+/, "")}` : value);
  }
  if (Array.isArray(value)) return `[${value.map(valueOf).join(" ")}]`;
  if (typeof value === "object" && value !== null) return `{${fieldsOf(value).trim()}}`;
  return String(value);
}
