/** Kinds of flags and words on the command line, each with its own error text. */

import {
  HOST_FORM,
  parseHost,
  parsePort,
  PORT_FORM,
  PORT_MAX,
  undiallable,
} from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  type Fingerprint,
  fingerprintFault,
  parseFingerprint,
} from "../../base/text/fingerprint.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { parseName, withoutMark } from "../../base/text/names.ts";
import { didYouMean } from "../../base/text/nearest.ts";
import { quotedStart } from "../../base/text/text.ts";
import { inWords } from "../../base/text/words.ts";
import type { FileUse } from "./least_privilege.ts";
import {
  type AdvertisedAddress,
  type CommandLine,
  REGSERVER_PORT_DEFAULT,
  type ServerAddress,
} from "./options.ts";

/** A flag without a value: on if it is given. */
interface Switch {
  readonly name: string;
  readonly help: string;
}

/** A flag with a value. */
export interface ValueFlag<Value> extends Switch {
  /** The placeholder for the value in the usage: `N`, `HOST[:PORT]`. */
  readonly value: string;
  /** @throws {P2pchatError} `usage` where `text` isn't a valid value. */
  readonly parse: (text: string, what: string) => Value;
  /** What is done with the file or folder that the value names; absent where it names none. */
  readonly use?: FileUse;
  /** Whether the value is a text: whatever follows the flag is it, a dash at its start included. */
  readonly isText?: true;
  /** Whether the value may be left out: it is asked for then. */
  readonly isAskedFor?: true;
  /** The value may be left out, and a word behind the flag that isn't like this is no value: `parse` is given "". */
  readonly like?: RegExp;
  /** What such a value is, in words: `a port`. */
  readonly takes?: string;
  /** Whether `use` is of this value; absent: of each. */
  readonly isPath?: (text: string) => boolean;
  /** All possible values, where these are a few words. */
  readonly words?: readonly string[];
  /** The value where the flag isn't given; absent: null. */
  readonly default?: Value;
}

export type Flag = Switch | ValueFlag<unknown>;

/** A command's flags by the options that they give. */
export type Flags = Readonly<Record<string, Flag>>;

/**
 * The options that flags give: the value, or its default. A switch is true where it is given; one that is named `no-...`
 * is false then.
 */
export type OptionsOf<Own extends Flags> = {
  readonly [Option in keyof Own]: Own[Option] extends ValueFlag<infer Value>
    ? Own[Option] extends { readonly default: unknown } ? Value : Value | null
    : boolean;
};

/** What the command line says of these flags. */
export function optionsOf<Own extends Flags>(
  { value, isOn }: Pick<CommandLine, "value" | "isOn">,
  flags: Own,
): OptionsOf<Own> {
  const optionOf = (flag: Flag) =>
    takesValue(flag)
      ? value(flag.name) ?? flag.default ?? null
      : isOn(flag.name) !== flag.name.startsWith("no-");
  const options = Object.entries(flags).map(([option, flag]) => [option, optionOf(flag)]);
  return Object.fromEntries(options) as OptionsOf<Own>;
}

/** Whether the flag has a value; a switch has none. */
export function takesValue(flag: Flag): flag is ValueFlag<unknown> {
  return "parse" in flag;
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string, what: string) => number {
  return (text, what) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw wrong(what, `a whole number from ${min} to ${max}`, text);
  };
}

/** A port to listen at; 0 requests any free one. */
export const listenPort: (text: string, what: string) => number = wholeNumber(0, PORT_MAX);

/** A port to connect to. */
function remotePort(text: string, what: string): number {
  const found = parsePort(text);
  if (found === null) throw wrong(what, PORT_FORM, text);
  return found;
}

const MS_BY_UNIT = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

type Unit = keyof typeof MS_BY_UNIT;

/** The longest duration of a timer: 2^31 - 1 ms, 24 days. */
const DURATION_MS_MAX = 2_147_483_647;

/** A duration in milliseconds: `500ms`, `30s`, `30m`, `12h`, `7d`. */
export function duration(text: string, what: string): number {
  const ms = durationMs(text);
  if (ms <= DURATION_MS_MAX) return ms;
  throw wrong(what, "a duration of 24 days at most, such as 500ms, 30s, 30m, 12h or 7d", text);
}

/** NaN where `text` isn't a duration. */
function durationMs(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  return match === null ? NaN : Number(match[1]) * MS_BY_UNIT[match[2] as Unit];
}

/** A duration in milliseconds from `minMs` to `maxMs`, outside of which it makes no sense. */
export function durationWithin(
  minMs: number,
  maxMs: number,
): (text: string, what: string) => number {
  return (text, what) => {
    const ms = durationMs(text);
    if (ms >= minMs && ms <= maxMs) return ms;
    throw wrong(
      what,
      `a duration from ${durationFlag(minMs)} to ${durationFlag(maxMs)} in ms, s, m, h or d`,
      text,
    );
  };
}

/** The duration as a flag's value. */
function durationFlag(ms: number): string {
  if (ms === 0) return "0s";
  const units = Object.keys(MS_BY_UNIT) as readonly Unit[];
  const unit = units.find((each) => ms % MS_BY_UNIT[each] === 0)!;
  return `${ms / MS_BY_UNIT[unit]}${unit}`;
}

const BYTES_BY_UNIT: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** An amount of data in bytes, `500MB`, from `min` to `max` of them. */
export function dataSize(min: number, max: number): (text: string, what: string) => number {
  return (text, what) => {
    const [, digits = "", unit = ""] = /^(\d{1,6}(?:\.\d{1,3})?) ?([KMGT]?B)?$/i.exec(text) ?? [];
    const bytes = digits === "" ? NaN : Number(digits) * (BYTES_BY_UNIT[unit.toUpperCase()] ?? 1);
    if (bytes >= min && bytes <= max) return Math.floor(bytes);
    const within = max === Infinity ? "" : ` from ${min / 1e3}KB to ${max / 1e9}GB`;
    throw wrong(what, `a size${within} such as 500MB or 10GB`, text);
  };
}

/** One of these words. */
export function oneOf<Word extends string>(
  words: readonly Word[],
): Pick<Required<ValueFlag<Word>>, "parse" | "words"> {
  const parse = (text: string, what: string) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const expected = inWords(words, "or");
    const hint = didYouMean(text, words, (word) => word);
    throw new P2pchatError(
      "usage",
      `${what} must be ${expected}, not ${quotedStart(text)}${hint}`,
    );
  };
  return { parse, words };
}

/** The fingerprint of a key. */
export function fingerprint(text: string, what: string): Fingerprint {
  const fault = fingerprintFault(text);
  if (fault === null) return parseFingerprint(text);
  throw wrong(what, `a fingerprint (${fault})`, text);
}

/** Somebody's name as it is shown, or the fingerprint of their key. */
export function nameOrKey(text: string): string {
  const [, name] = /^([^~]*)~[a-z2-7]{1,27}$/i.exec(text) ?? [];
  if (fingerprintFault(text) !== null) parseName(withoutMark(name ?? text));
  return text;
}

/** The path of a file, which may not exist yet. */
export function fileName(text: string, what: string): string {
  if (text !== "") return text;
  throw new P2pchatError("usage", `${what} must name a file, is ""`);
}

/** A host name or an IP address; an IPv6 address may be in brackets, which the result doesn't have. */
export function host(text: string, what: string): string {
  const found = parseHost(text);
  if (found === null) throw wrong(what, HOST_FORM, text);
  return found;
}

/** An IPv6 address and a port, with a colon between them and no brackets. */
const IPV6_AND_PORT = /^([^[\]]*:[^[\]]*):(\d+)$/;

/** `HOST` or `HOST:PORT`; an IPv6 address with a port is in brackets. */
function hostAndMaybePort(text: string, what: string): AdvertisedAddress {
  const match = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text);
  const [, address, port] = IPV6_AND_PORT.exec(text) ?? [];
  if (address !== undefined && parseHost(text) === null && parseHost(address) !== null) {
    throw wrong(what, HOST_FORM, text, `; write [${address}]:${port}`);
  }
  if (match === null) return { host: host(text, what), port: null };
  return { host: host(match[1]!, what), port: remotePort(match[2]!, `The port of ${what}`) };
}

/** A directory or meeting point as it is typed: without the port that is meant where there is none. */
export function directoryText({ host, port }: Pick<ServerAddress, "host" | "port">): string {
  return port === null || port === REGSERVER_PORT_DEFAULT ? host : endpointText({ host, port });
}

/**
 * `HOST` or `HOST:PORT` of a program to be dialled, of several with commas between them, and perhaps the fingerprint of
 * the key that all of them must have. The last one's port is that of all that have none of their own.
 */
export function server(text: string, what: string): ServerAddress {
  const at = text.indexOf("#"); // no host has one
  const key = at < 0 ? null : fingerprint(text.slice(at + 1), `The key after # of ${what}`);
  const written = (at < 0 ? text : text.slice(0, at)).split(",");
  const all = written.map((one) => hostAndMaybePort(one, what));
  const port = all.at(-1)!.port;
  const [first, ...others] = all.map((one) => ({ ...one, port: one.port ?? port }));
  return { ...first!, others, key };
}

/** The addresses of a server, the first one apart. @param port That of those for which none was given. */
export function serverEndpoints(
  { host, port, others }: ServerAddress,
  portDefault: number,
): { readonly first: Endpoint; readonly others: readonly Endpoint[] } {
  const endpoint = ({ host, port }: AdvertisedAddress) => ({ host, port: port ?? portDefault });
  return { first: endpoint({ host, port }), others: others.map(endpoint) };
}

/** `HOST PORT`, as two words. */
export function endpoint(hostText: string, portText: string): Endpoint {
  return { host: host(hostText, "HOST"), port: remotePort(portText, "PORT") };
}

/** `--host`. @param does What the program does at that address, for the help. */
export function hostFlag(does: string): ValueFlag<string> {
  return { name: "host", value: "ADDR", help: `${does} at this address (all)`, parse: host };
}

/** `--advertise`. @param whom To whom the program announces that address, for the help. */
export function advertiseFlag(whom: string): ValueFlag<AdvertisedAddress> {
  return {
    name: "advertise",
    value: "HOST[:PORT]",
    help: `address for ${whom}`,
    parse: (text, what) => {
      const address = hostAndMaybePort(text, what);
      const fault = undiallable(address.host);
      if (fault === null) return address;
      const advice = `write the one at which ${whom} reach this machine`;
      throw new P2pchatError("usage", `${what} is wrong: ${fault}; ${advice}`);
    },
  };
}

/** `--metrics`. Port 0 requests any free one, which is told. */
export const metricsFlag: ValueFlag<Endpoint> = {
  name: "metrics",
  value: "HOST:PORT",
  help: "serve /metrics, /health and /ready, for a monitor",
  parse(text, what) {
    const [, address, port] = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text) ?? [];
    if (address === undefined || port === undefined) {
      const isIpv6 = parseHost(text)?.includes(":") === true;
      const advice = isIpv6
        ? `; write [${parseHost(text)}]:PORT`
        : parsePort(text) !== null
        ? `; for this machine alone write 127.0.0.1:${text}`
        : "";
      throw wrong(what, "HOST:PORT", text, advice);
    }
    return {
      host: host(address, `The host of ${what}`),
      port: listenPort(port, `The port of ${what}`),
    };
  },
};

/** `--map-port`. */
export const mapPortFlag: Switch = {
  name: "map-port",
  help: "ask your router to let others in (UPnP, NAT-PMP)",
};

/** Why it can't be beside `--advertise`. */
export const MAPPED_OR_NAMED =
  "finds out the address that others should use, and --advertise names it: give one of them";

/** Why it can't be beside `--engine`. */
export const MAPPED_ALONE =
  "is for one server, and --engine for several, whose addresses all have to be known: use --advertise";

/** Why `--map-port` can't be, beside these. @throws {P2pchatError} `usage`. */
export function checkMapPort(
  { mapPort, ...others }: { readonly mapPort: boolean } & Readonly<Record<string, unknown>>,
  against: Readonly<Record<string, string>>,
): void {
  for (const [name, why] of Object.entries(against)) {
    const isGiven = others[name] !== null && others[name] !== false;
    if (mapPort && isGiven) throw new P2pchatError("usage", `--map-port ${why}`);
  }
}

/** `--server`, `--registry`. @param whose What listens there, for the help. */
export function serverFlag(name: string, whose: string, port: number): ValueFlag<ServerAddress> {
  return {
    name,
    value: "HOST[:PORT][#FINGERPRINT]",
    help: `${whose} (port ${port}), with its key; several: HOST1,HOST2:PORT`,
    parse: server,
  };
}

/** The most earlier messages that are shown at once: as many as a room keeps. */
const HISTORY_COUNT_MAX = 10_000;

/** `--history`: null where it isn't given, as terminals and scripts are shown different numbers then. */
export const historyFlag: ValueFlag<number> = {
  name: "history",
  value: "N",
  help: "show the last N messages at the start (20)",
  parse: wholeNumber(0, HISTORY_COUNT_MAX),
};

/** `--no-wait`. @param whom Who may not be there, for the help. */
export function noWaitFlag(whom: string): Switch {
  return { name: "no-wait", help: `end if ${whom} doesn't answer` };
}

function wrong(what: string, expected: string, text: string, hint = ""): P2pchatError {
  return new P2pchatError("usage", `${what} must be ${expected}, not ${quotedStart(text)}${hint}`);
}

/** `--no-history`. */
export const noHistoryFlag: Switch = {
  name: "no-history",
  help: "keep no messages on the disk",
};
