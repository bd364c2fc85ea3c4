/**
 * A contact card: a user's row as one word to pass on, in any channel:
 *
 *     p2pchat-card:alice@192.168.1.4:5001#xsazfbd3ockoqe46yrkpuxern4x.q4zrt7kd
 *
 * People see who and where it is. The last letters are of the SHA-256 of all before them: a card that was torn, or
 * changed by accident, is told from a whole one. They keep nobody out who makes a card up.
 */

import { hash } from "node:crypto";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { endpointText } from "../../base/ids.ts";
import { encodeBase32 } from "../../base/text/base32.ts";
import { parseHost, parsePort } from "../../base/text/endpoints.ts";
import { type Fingerprint, fingerprintFault } from "../../base/text/fingerprint.ts";
import { isSameName, parseName, shownName } from "../../base/text/names.ts";
import { friendHostFault, type UserInfo, type UserInfoRow } from "./user_info.ts";

/** What cards begin with. */
export const CARD_START = "p2pchat-card:";

/** A user whose key is known. */
export interface Contact extends UserInfo {
  readonly fingerprint: Fingerprint;
}

/** 40 bits: of a million torn cards none is taken for a whole one. */
const CHECK_CHARACTERS = 8;
/** A name of 32 characters, each with marks, and a host of 253; no card is longer. */
const CARD_LENGTH_MAX = 1_024;

const CARD = new RegExp(
  `^(${CARD_START}([^@\\s]+)@(.+):([0-9]+)#([a-z2-7]+))\\.([a-z2-7]{${CHECK_CHARACTERS}})$`,
  "u",
);

export function contactCard({ name, endpoint, fingerprint }: Contact): string {
  const body = `${CARD_START}${name}@${endpointText(endpoint)}#${fingerprint}`;
  return `${body}.${checkOf(body)}`;
}

/**
 * Reads what somebody pasted; blanks and line breaks in it are those of a letter or a terminal.
 * @throws {P2pchatError} `usage` where it is no whole card, or its address can't be dialled; `bad-name`.
 */
export function parseContactCard(text: string): Contact {
  const word = text.slice(0, 2 * CARD_LENGTH_MAX).replace(/\s+/gu, "");
  if (!word.startsWith(CARD_START)) {
    throw new P2pchatError(
      "usage",
      `That is no contact card: one begins with ${CARD_START}, as p2pchat users card NAME prints it`,
    );
  }
  const [, body, name, hostText, portText, fingerprint, check] = CARD.exec(word) ?? [];
  if (body === undefined || word.length > CARD_LENGTH_MAX || check !== checkOf(body)) {
    throw new P2pchatError(
      "usage",
      "The contact card isn't whole, or was changed on the way: copy all of its line again",
    );
  }
  // Whoever made it up by another program.
  const host = parseHost(hostText!.replace(/^\[(.*)\]$/, "$1"));
  const port = parsePort(portText!);
  const fault = host === null || port === null
    ? "it is no address"
    : friendHostFault(host)?.found ?? fingerprintFault(fingerprint!);
  if (fault !== null || host === null || port === null) {
    throw new P2pchatError(
      "usage",
      `Cannot use the contact card: ${fault}; ask for another one, as p2pchat users card NAME HOST PORT makes it`,
    );
  }
  return {
    name: parseName(name!),
    endpoint: { host, port },
    fingerprint: fingerprint as Fingerprint,
  };
}

/** @throws {P2pchatError} `key-changed` or `name-taken` where the table has that name already. */
export function checkContact(path: string, rows: readonly UserInfoRow[], card: Contact): void {
  const row = rows.find(({ name }) => isSameName(name, card.name));
  if (row === undefined) return;
  const shown = shownName(row.name);
  const where = `${path}, line ${row.line}`;
  if (row.fingerprint !== null && row.fingerprint !== card.fingerprint) {
    throw new P2pchatError(
      "key-changed",
      `Cannot add ${shown}: ${where}, says that ${shown}'s key is ${row.fingerprint}, and the card says ` +
        `${card.fingerprint}; ask which is right, and correct that row; somebody else needs another name`,
    );
  }
  const [is, was] = [card, row].map(({ endpoint }) => endpointText(endpoint)) as [string, string];
  const found = row.fingerprint === null
    ? `without a key; if the card is ${shown}'s, write ${card.fingerprint} behind that row`
    : is === was
    ? "as the card says; nothing needs to be done"
    : `at ${was}; if ${shown} has moved, write ${is} there`;
  throw new P2pchatError(
    "name-taken",
    `Cannot add ${shown}: ${where}, has ${shown} already, ${found}`,
  );
}

function checkOf(body: string): string {
  const digest = hash("sha256", utf8(body), "buffer");
  return encodeBase32(new Uint8Array(digest)).slice(0, CHECK_CHARACTERS);
}
