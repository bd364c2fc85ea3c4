/** What can be done in a place by a button: each entry is a command that the mode's table has. */

import { homeOf } from "./places.js";
import { commandNamed, isClosed } from "./typed.js";

/** The switches of a command: those that its form names. */
function switchesOf({ form }) {
  return [...form.matchAll(/\[--([a-z]+)\]/g)].map(([, name]) => name);
}

/** @returns Entries of a menu as those of `personActions`. */
export function placeActions(state, place, act) {
  const has = (word) => commandNamed(state, word);
  const run = (line) => () => act.line(line);
  const isOpen = !isClosed(state, place);
  const entries = [];
  const add = (icon, label, does, isGrave = false) =>
    entries.push({ icon, label, run: does, isGrave });

  const invite = isOpen ? has("invite") : undefined;
  if (invite !== undefined) {
    const switches = switchesOf(invite);
    add("invite", "Invite: a line to copy", run("/invite"));
    if (switches.includes("words")) add("invite", "Invite by words to say", run("/invite --words"));
    if (switches.includes("qr")) add("invite", "Invite by a QR code", run("/invite --qr"));
    // An open room has nothing to rotate: anybody may come in.
    if (switches.includes("rotate") && homeOf(state, place).isPrivate) {
      add("lock", "Make a new invite\u2026", async () => {
        const text =
          "Whoever has an earlier invite, and hasn't joined yet, can't join with it any more.";
        if (await act.ask("Make a new invite?", text, "Make it")) act.line("/invite --rotate");
      }, true);
    }
  }
  if (has("join")) {
    add("room", "Join another room\u2026", () => joinRoom(act));
    add("add", "Make a new room\u2026", () => makeRoom(act));
  }
  if (has("rooms")) add("room", "Your rooms", run("/rooms"));
  if (has("add")) add("add", "Add a friend\u2026", () => addFriend(act));
  if (has("call")) add("call", "Call somebody\u2026", () => callSomebody(act));
  if (has("missed")) add("call", "Missed calls", run("/missed"));
  if (has("files") && isOpen) add("file", "Files", run("/files"));
  if (has("outbox")) add("file", "Messages that wait", run("/outbox"));
  if (has("whoami")) add("person", "About yourself", run("/whoami"));
  if (isOpen) add("question", "Status", run("/status"));
  add("help", "All commands", run("/help"));
  const leaving = has("part")?.name; // where there are no rooms, what ends the program
  if (leaving === "part") {
    if (isOpen) add("leave", "Leave the room\u2026", () => leave(act), true);
  } else if (leaving !== undefined) {
    add("leave", "End p2pchat\u2026", run(`/${leaving}`), true);
  }
  return entries;
}

async function leave(act) {
  const text =
    "The others see that you left. What was said stays, and you can open the room again.";
  if (await act.ask("Leave this room?", text, "Leave it")) act.line("/part");
}

/** How a room is found: what stands before it in `/join`, and what it looks like. */
const WAYS = [
  { label: "Address", start: "", like: "an address and a port, as in 192.168.1.5 55107" },
  { label: "Invite", start: "--invite ", like: "the word that you were given" },
  { label: "Words", start: "--words ", like: "as they were said to you" },
  { label: "A room of yours", start: "--room ", like: "its title" },
];
const wayOf = (way) => WAYS.find(({ label }) => label === way);

async function joinRoom(act) {
  const given = await act.form("Join another room", "Join", [
    { name: "way", label: "By", options: WAYS.map(({ label }) => label) },
    { name: "where", label: "Which", hintOf: ({ way }) => wayOf(way).like },
    { name: "title", label: "Your title for it", isOptional: true },
  ]);
  if (given === null) return;
  const { start } = wayOf(given.way);
  act.line(`/join ${start}${quotedIf(start === "--room ", given.where)}${titled(given)}`);
}

async function makeRoom(act) {
  const given = await act.form("Make a new room", "Make it", [
    { name: "title", label: "Your title for it", isOptional: true },
    { name: "isPrivate", label: "Private: people need an invite to join", isCheck: true },
  ]);
  if (given === null) return;
  act.line(`/join --new${given.isPrivate ? " --private" : ""}${titled(given)}`);
}

function titled({ title }) {
  return title === "" ? "" : ` --title ${quotedIf(true, title)}`;
}

function quotedIf(isTitle, text) {
  return isTitle ? `"${text.replaceAll('"', "\u2019")}"` : text;
}

export async function addFriend(act) {
  const fields = [
    {
      name: "card",
      label: "Their contact card",
      hint: "a line that they find under \u201cAbout yourself\u201d, or by p2pchat users card",
    },
  ];
  await act.form("Add a friend", "Add", fields, ({ card }) => act.tryLine(`/add ${card}`));
}

async function callSomebody(act) {
  const given = await act.form("Call somebody", "Call", [{ name: "name", label: "Name" }]);
  if (given !== null) act.command({ command: "call", name: given.name });
}
