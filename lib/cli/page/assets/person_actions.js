/** What can be done about a person, by the commands that this mode has. */

import { shownName } from "./harmless.js";
import { commandNamed } from "./typed.js";

/** @returns Entries of a menu: `label`, `icon`, `run`, and `isGrave` for what can't be taken back easily. */
export function personActions({ name, self, verified, state: isBusy }, state, act) {
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
  if (has("remove")) {
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

function entry(icon, label, run) {
  return { icon, label, run };
}
