/** `/add`: takes a friend's contact card into the table while the program runs. */

import { P2pchatError } from "../../base/errors.ts";
import { isSameName, shownName } from "../../base/text/names.ts";
import { checkContact, type Contact } from "../../store/users/contact_card.ts";
import { userInfoLine } from "../../store/users/user_info.ts";
import { addToTable } from "../tools/table_change.ts";

export interface AddCommand {
  readonly command: "add";
  readonly card: Contact;
}

/** Answers `/add`: the row is in the table, and in use. */
export interface AddedEvent {
  readonly event: "added";
  readonly file: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly key: string;
  /** Where in the file. */
  readonly line: number;
}

interface AddingParts {
  /** `file`: the table. */
  readonly options: { readonly file: string; readonly dataFolder: string };
  /** The user's own name and key. */
  readonly own: { readonly name: string; readonly fingerprint: string };
  /** Reads the table again, and applies what has changed. */
  reread(): Promise<void>;
}

/**
 * Adds the friend to the table, and applies that.
 * @throws {P2pchatError} `usage` for the user's own card; `name-taken` or `key-changed` where the name is there already;
 *   `not-allowed` for another user's table; `bad-file`, `in-use` or `disk` as `users add`. The table is unchanged then.
 */
export async function addContact(
  { options: { file, dataFolder }, own, reread }: AddingParts,
  card: Contact,
): Promise<AddedEvent> {
  const shown = shownName(card.name);
  if (card.fingerprint === own.fingerprint) {
    throw new P2pchatError(
      "usage",
      "That is your own contact card: pass it on to your friends, and add theirs",
    );
  }
  if (isSameName(card.name, own.name)) {
    throw new P2pchatError(
      "name-taken",
      `Cannot add ${shown}: that is your own name in ${file}; ask for a card with another one`,
    );
  }
  if (Deno.permissions.querySync({ name: "write", path: file }).state !== "granted") {
    throw new P2pchatError(
      "not-allowed",
      `Cannot add ${shown}: ${file} is another user's; ask for this line to be put there: ${
        userInfoLine(card)
      }`,
    );
  }
  const { line } = await addToTable({ dataFolder, file, user: card, check: checkContact });
  await reread();
  const { name, endpoint: { host, port }, fingerprint: key } = card;
  return { event: "added", file, name, host, port, key, line };
}
