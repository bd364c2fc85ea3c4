/** Where word codes are open on this network, by their numbers. */

import { P2pchatError } from "../../base/errors.ts";
import type { Endpoint } from "../../base/ids.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { CODE_MS } from "../../protocols/words/limits.ts";
import { silenceText } from "./announced_texts.ts";
import { openLan } from "./open_lan.ts";

/**
 * Asks who announces this number of a code, and listens for 1.5 s; announces nothing.
 * @returns At least one address, as somebody says; at most 8. @throws {P2pchatError} `unreachable` where there is none.
 */
export async function endpointsOfWords(
  number: number,
  environment: Environment,
): Promise<readonly Endpoint[]> {
  const lan = openLan(null, environment);
  try {
    const found = await lan.findWords(number);
    if (found.length > 0) return found;
    const { fault, hearing } = lan;
    const heard = fault === null && hearing.others;
    throw new P2pchatError(
      "unreachable",
      `Nobody announces that code on this network: it is older than ${CODE_MS / 60_000} minutes, ` +
        "whoever made it has ended the program, or is elsewhere. Then add where: HOST PORT, or --meet with a meeting point" +
        (heard ? "" : `. ${silenceText({ fault, hearing, hasPrivate: false, founds: false })}`),
    );
  } finally {
    await lan.close();
  }
}
