/** What can be done about a person, by the commands that this mode has. */

import { shownName } from "./harmless.js";
import { peopleOf } from "./places.js";
import { commandNamed } from "./typed.js";

/**
 * @param place Where that is done.
 * @returns Entries of a menu: `label`, `icon`, `run`, and `isGrave` for what can't be taken back easily.
 */
export function personActions(person, state, place, act) {
  const { name, self, verified, state: isBusy } = person;
  if (self) return [entry("person", "About yourself", () => act.line("/whoami"))];
  const has = (word) => commandNamed(state, word) !== undefined;
  const entries = [];
  if (state.mode === "mesh") entries.push(entry("lock", "Write privately", () => act.open(name)));
  if (state.mode === "friends") entries.push(entry("room", "Write", () => act.open(name)));
  if (has("call")) {
    const label = isBusy === "busy" ? "Call (in a call now)" : "Call";
    entries.push(entry("call", label, () => act.command({ command: "call", name })));
  }
  if (has("send") && state.mode !== "directory") {
    entries.push(entry("attach", "Send a file\u2026", () => act.sendFile(name)));
  }
  if (has("verify")) {
    entries.push(
      entry(
        "check",
        verified ? "Compare keys again" : "Verify\u2026",
        () => act.line(`/verify ${name}`),
      ),
    );
  }
  if (has("whois")) entries.push(entry("person", "Who is this?", () => act.line(`/whois ${name}`)));
  if (has("ignore")) entries.push(entry("mute", "Ignore", () => act.line(`/ignore ${name}`)));
  if (has("remove") && mayRemove(person, ownIn(state, place))) {
    const title = `Remove ${shownName(name, state)}?`;
    const text =
      "The founder and deputies can shut somebody out of the room for good. /allow lets them come back.";
    const run = async () => {
      if (await act.ask(title, text, "Remove")) act.line(`/remove ${name}`);
    };
    entries.push({ ...entry("leave", "Remove from the room\u2026", run), isGrave: true });
  }
  return entries;
}

function ownIn(state, place) {
  return [...peopleOf(state, place).values()].find(({ self }) => self);
}

/** Of a room the founder removes anybody, and deputies who has no such part. */
function mayRemove({ role }, own) {
  return own?.role === "founder" || own?.role === "deputy" && role === undefined;
}

function entry(icon, label, run) {
  return { icon, label, run };
}
