/** A client that calls and is called: what it is told, and what it tells. */

import type { LinkId } from "../../../../lib/base/ids.ts";
import type { CallOutcome } from "../../../../lib/protocols/directory/schema/messages.ts";
import { BOB, callId, ClientProgram, type ProgramOptions } from "../client_program.ts";

export const CALL = callId(1);

export const SHOWS_USERS = /^users /;

export type Words = readonly string[];

export function withoutUsers(words: Words): Words {
  return words.filter((word) => !SHOWS_USERS.test(word));
}

/** Ann has called bob, who hasn't answered. */
export function ringing(options: ProgramOptions = {}): ClientProgram {
  const program = ClientProgram.in(options);
  program.types({ command: "call", name: "bob" }, "r");
  return program;
}

/** Bob calls ann. */
export function asked(options: ProgramOptions = {}): ClientProgram {
  const program = ClientProgram.in(options);
  program.says({ type: "incoming", call: CALL, from: "bob", guest: false, key: BOB });
  return program;
}

export interface Talking {
  readonly program: ClientProgram;
  readonly link: LinkId;
}

/** Ann has called bob, and they talk. */
export function talking(options: ProgramOptions = {}): Talking {
  const program = ringing(options);
  program.meet();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  return { program, link };
}

export function relayedTalking(): Talking {
  const program = ringing();
  program.meet();
  program.after(4_000);
  program.says({ type: "relay-on", call: CALL });
  const { attempt } = program;
  const { link } = program.linkUp({ dialled: true, attempt, isRelayed: true });
  return { program, link };
}

export function outcome(program: ClientProgram, state: CallOutcome, reason = ""): Words {
  return program.says({ type: "outcome", call: CALL, state, reason });
}
