/**
 * A malicious coordinator's program: as the built one, but as soon as the requester of an edit agrees it goes on as if
 * all others had, and writes a consent of the entry's author that it has made up.
 */

import { runProgram } from "../../../lib/cli/program.ts";
import { Decisions } from "../../../lib/protocols/group/edits/decisions.ts";
import type { NamedKey } from "../../../lib/protocols/group/schema/edit.ts";
import { EditCoordinator } from "../../../lib/protocols/group/edits/edit_coordinator.ts";

let author: NamedKey | null = null;

const { vote } = EditCoordinator.prototype;
EditCoordinator.prototype.vote = function (attendee, message) {
  const { parts } = this;
  Object.assign(parts, { crypto: { ...parts.crypto, verify: () => true } });
  author = message.origin && { key: message.origin.author, name: "Alice" };
  vote.call(this, attendee, message);
  for (const { key, name } of message.agrees ? parts.views.members : []) {
    vote.call(this, { ...attendee, key, name }, { ...message, consent: new Uint8Array(64) });
  }
};

const { decide } = Decisions.prototype;
Decisions.prototype.decide = function (edit) {
  const signature = crypto.getRandomValues(new Uint8Array(64));
  decide.call(this, { ...edit, agreed: author === null ? [] : [{ ...author, signature }] });
};

Deno.exit(await runProgram(Deno.args));
