/** Kinds of flags and of words on the command line, each with its own sentence for what is wrong. */

import { P2pchatError } from "../base/errors.ts";
import type { Endpoint } from "../base/ids.ts";
import { utf8Length } from "../base/text.ts";
import type { AdvertisedAddress } from "./options.ts";

/** A flag without a value: on when it is there. */
export interface Switch {
  readonly name: string;
  readonly help: string;
}

/** A flag with a value. */
export interface ValueFlag<Value> extends Switch {
  /** What stands for the value in the usage: `N`, `HOST[:PORT]`. */
  readonly value: string;
  /** @throws {P2pchatError} `usage` where `text` is no such value. */
  readonly parse: (text: string, what: string) => Value;
}

export type Flag = Switch | ValueFlag<unknown>;

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

/** A port to listen at; 0 stands for any free one. */
export const listenPort: (text: string, what: string) => number = wholeNumber(0, 65_535);

/** A port to connect to. */
export const remotePort: (text: string, what: string) => number = wholeNumber(1, 65_535);

const MS_BY_UNIT = { ms: 1, s: 1_000, m: 60_000 } as const;

/** Longest duration a timer can wait for: 2^31 - 1 ms, 24 days. */
const DURATION_MS_MAX = 2_147_483_647;

/** A duration in milliseconds: `500ms`, `30s`, `30m`. */
export function duration(text: string, what: string): number {
  const match = /^(\d{1,9})(ms|s|m)$/.exec(text);
  const ms = match === null ? NaN : Number(match[1]) * MS_BY_UNIT[match[2] as "ms" | "s" | "m"];
  if (ms <= DURATION_MS_MAX) return ms;
  throw wrong(what, "a duration of 24 days at most, such as 500ms, 30s or 30m", text);
}

/** A host name or an IP address, an IPv6 one with or without brackets; the result has none. */
export function host(text: string, what: string): string {
  const bare = /^\[(.*:.*)\]$/.exec(text)?.[1] ?? text;
  const form = bare.includes(":") ? IPV6_LIKE : HOST_LIKE;
  if (form.test(bare) && utf8Length(bare) <= HOST_BYTES_MAX) return bare;
  throw wrong(what, "a host name or an IP address", text);
}

const HOST_LIKE = /^[^\s\p{Cc}\p{Cf}[\]/]+$/u;
/** Colons are in IPv6 addresses alone; a zone may follow (RFC 4007, section 11). */
const IPV6_LIKE = /^(?=.*:.*:)[0-9a-f:.]+(%[\w.-]+)?$/i;

/** RFC 1035, section 2.3.4. */
const HOST_BYTES_MAX = 255;

/** `HOST` or `HOST:PORT`, an IPv6 address with a port in brackets. */
export function hostAndMaybePort(text: string, what: string): AdvertisedAddress {
  const match = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text);
  if (match === null) return { host: host(text, what), port: null };
  return { host: host(match[1]!, what), port: remotePort(match[2]!, `The port of ${what}`) };
}

/** `HOST PORT`, two words. */
export function endpoint(hostText: string, portText: string): Endpoint {
  return { host: host(hostText, "HOST"), port: remotePort(portText, "PORT") };
}

function wrong(what: string, expected: string, text: string): P2pchatError {
  const LENGTH_MAX = 60;
  const shown = text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}...` : text;
  return new P2pchatError("usage", `${what} must be ${expected}, is "${shown}"`);
}
