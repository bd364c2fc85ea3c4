/** What several tests of a client's session say. */

import type { Entry } from "../../../../lib/protocols/directory/schema/client_io.ts";
import { ClientProgram, LOG_IN } from "../client_program.ts";

export const SIGN_UP: Entry = { ...LOG_IN, how: "sign-up" };

export const GUEST: Entry = { ...LOG_IN, how: "guest", password: "" };

/** The ways in that were tried, as `how name password`. */
export function tried(program: ClientProgram): readonly string[] {
  return program.sent.flatMap(({ message }) =>
    message.type === "enter" ? [`${message.how} ${message.name} ${message.password}`.trim()] : []
  );
}
