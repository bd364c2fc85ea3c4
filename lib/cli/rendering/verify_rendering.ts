/** The digits of `/verify` as lines, in every mode, and how people are said to be verified. */

import { scryptSync } from "node:crypto";
import type {
  Compared,
  KeyChange,
  ModeEvent,
  Route,
  VerifyAnswer,
  WhoisView,
} from "../../base/machine/mode_machine.ts";
import { endpointText } from "../../base/ids.ts";
import { startApart } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { awayText, nameSpan, ownKeyLine, ownNameSpan, problemLine } from "./spans.ts";
import type { CommonEvent, Line, ShownEvent } from "./user_interface.ts";

/** An event with digits in place of the keys, since a state machine mustn't take the time to compute them. */
export interface VerifyEvent extends Compared {
  readonly event: "verify";
  readonly name: string;
  readonly key: string;
  /** Absent where only the fingerprint of a key is known that the user refuses. */
  readonly digits?: string;
  /** The user has refused the key for this name, and hasn't accepted it since. */
  readonly refused?: true;
  /** What the user said, and is done now. */
  readonly answer?: VerifyAnswer;
}

type KeysEvent = Extract<ModeEvent, { readonly event: "verify" }>;

/** Those of a machine's events that only its mode renders. */
export type OwnEventOf<Event extends ShownEvent> =
  | Exclude<Event, CommonEvent | KeysEvent>
  | VerifyEvent;

/**
 * The digits, and what to conclude from comparing them; or what the user concluded.
 * @param advice What to do about a key that isn't the right one: a sentence without its end, that begins with a name, a
 *   command or a small letter.
 * @param acceptsKeys Whether the mode has `/trust`.
 */
export function verifyLines(
  event: VerifyEvent,
  advice = `tell ${shownName(event.name)} nothing before`,
  acceptsKeys = true,
): readonly Line[] {
  const { name, answer, refused, verified, verifiedAs = [] } = event;
  const shown = shownName(name);
  const stillRefused: Line[] = refused === true && acceptsKeys
    ? [[`You had said no: the key counts as changed until you accept it with /trust ${shown}.`]]
    : [];
  if (answer === "yes") {
    if (verified !== true) return []; // an error says why it couldn't be noted
    return [
      [nameSpan(name), " is verified: with this key and under this name, wherever you meet."],
      ...stillRefused,
    ];
  }
  if (answer === "no") {
    return [
      problemLine(
        `The key ${event.key} isn't `,
        nameSpan(name),
        "'s: somebody may be in between, or pose as ",
        nameSpan(name),
        ".",
      ),
      [
        isServer(name)
          ? SERVER_REFUSED_TEXT
          : acceptsKeys
          ? `It counts as changed until you accept it with /trust ${shown}; ${advice}.`
          : `${advice}.`,
      ],
    ];
  }
  const before: Line[] = verified === true
    ? [[nameSpan(name), " is verified already."]]
    : verifiedAs.length > 0
    ? [["This is ", theVerifiedText(verifiedAs), "."]]
    : [];
  return [
    ["Compare with ", nameSpan(name), ` by voice: ${event.digits}`],
    ...before,
    ...stillRefused,
    [`The same: /verify ${shown} yes. Different (somebody is in between): /verify ${shown} no.`],
  ];
}

/**
 * All that is known of somebody, or of the user.
 * @param relay What passes on what they and the user say.
 * @param apart How that one is reached to whom there is no connection.
 */
export function whoisLines(
  who: WhoisView,
  relay = "others",
  apart = "not connected",
): readonly Line[] {
  const { name, self, key, host, route, since, line, away } = who;
  const address = host === "" ? "" : `  ${endpointText(who)}`;
  const is = away === undefined ? "" : `  ${awayText(away)}`;
  if (self) {
    return [
      [ownNameSpan(name), ` (you)${address}${is}`],
      ownKeyLine(key!),
      ...(line === undefined ? [] : [["For others: ", { text: line, as: "exact" } as const]]),
    ];
  }
  const how = route === null ? apart : routeText(route, relay);
  const met = since === undefined ? "" : `, known since ${since}`;
  const found = comparedText(who);
  const first = [nameSpan(name), `${address}  ${how}${is}`];
  if (key === null) return [first, ["Key: not known yet"]];
  return [first, ["Key: ", { text: key, as: "exact" }, met], [
    found === null ? `Not verified: /verify ${shownName(name)}` : `It is ${found}.`,
  ]];
}

function routeText(route: Route, relay: string): string {
  if (route === "direct") return "connected directly";
  return `connected through ${route === "relay" ? relay : "others"}`;
}

/** A server that its clients dial is called `*directory*` or `*coordinator*`; no person's name has that sign. */
function isServer(name: string): boolean {
  return name.startsWith("*");
}

const SERVER_REFUSED_TEXT =
  "The program ends, and connects with that key no more: check the address, and ask the operator.";

/** `the key that you verified as mallory`. */
export function theVerifiedText(names: readonly string[]): string {
  return `the key that you verified as ${names.map(shownName).join(" and ")}`;
}

/**
 * What a list says of somebody: nothing, unless it is another key than the one expected, or was verified, under this
 * name or another.
 */
export function comparedText(
  { verified, verifiedAs = [], changed }: Compared & { readonly changed?: KeyChange },
): string | null {
  if (verified === true) return "verified";
  const texts = [
    ...(changed === undefined ? [] : [changedText(changed)]),
    ...(verifiedAs.length === 0 ? [] : [theVerifiedText(verifiedAs)]),
  ];
  return texts.length === 0 ? null : texts.join(", ");
}

/** The name of somebody in a list: with the start of the key where that isn't the one expected, as in rooms. */
export function listedName(name: string, changed: KeyChange | undefined): string {
  if (changed === undefined) return name;
  const { key, before } = changed;
  return `${name}~${startApart(key, new Set(before === undefined ? [] : [before]), (key) => key)}`;
}

/** What lists say of somebody who has a key that the user has refused. */
export const REFUSED_TEXT = "the key that you refused";

function changedText({ before, verified }: KeyChange): string {
  if (before === undefined) return REFUSED_TEXT;
  return verified === true ? "ANOTHER KEY than you verified" : "a different key from before";
}

// The digits that two people compare by voice to be sure that nobody is in between.

// Deliberately slow: finding a key with the same 20 digits takes 2^66 of these, 16 MiB and some 40 ms each.
const SCRYPT = { N: 16_384, r: 8, p: 1 } as const;
const SALT = "p2pchat verification 1";
const DIGITS = 20;
/** More bits than the digits have (66), so that all digits are equally likely. */
const BYTES = 16;

/**
 * The digits of both keys, those of the smaller key first, 20 each in groups of five; the same at both ends. Each
 * half depends on only one key, so a birthday search over both gains nothing. Takes some 80 ms.
 * @param ownKey Public key, hexadecimal, as is `peerKey`.
 */
export function verificationDigits(ownKey: string, peerKey: string): string {
  const keys = ownKey < peerKey ? [ownKey, peerKey] : [peerKey, ownKey];
  return keys.map((key) => half(Uint8Array.fromHex(key))).join("  ");
}

function half(key: Uint8Array): string {
  const hash = scryptSync(key, SALT, BYTES, SCRYPT);
  const digits = (BigInt(`0x${hash.toString("hex")}`) % 10n ** BigInt(DIGITS)).toString();
  return digits.padStart(DIGITS, "0").replace(/\d{5}(?=\d)/g, "$& ");
}
