/**
 * Answers to commands as cards: a title, and blocks of `{rows}` (parts of a sentence each), `{code}` (to be copied),
 * `{rowsOfQr}`, `{digits}`, `{messages}`, `{commands}` and `{actions}` (buttons, each with the line that it runs).
 */

import { countText, ignoredText, isSameTitle } from "../../../base/text/words.ts";
import { connectionText } from "../../rendering/arrival_words.ts";
import { statusRows } from "./statuses.js";
import { REFUSED_FORM } from "./typed.js";
import {
  awayParts,
  comeBackPart,
  comparedText,
  listed,
  namePart as name,
  sizeText,
  timePart as time,
} from "./phrases.js";

const addressOf = (
  { host, port },
) => (host ? `${host.includes(":") ? `[${host}]` : host}:${port}` : null);

/** A person in a list: name, what is known of them, and where they are. */
function personRow(person, ...more) {
  const { name: who, self, role, away } = person;
  const asides = [
    ...(self ? ["you"] : []),
    ...(role ? [role] : []),
    ...(person.guest ? ["guest"] : []),
    ...more.filter((text) => text !== null && text !== ""),
    ...[comparedText(person)].filter((text) => text !== null),
  ];
  return [
    name(who),
    ...(asides.length === 0 ? [] : [` \u2014 ${asides.join(", ")}`]),
    ...(away === undefined ? [] : ["; ", ...awayParts(away)]),
  ];
}

function peersCard({ peers, removed = [] }) {
  const rows = peers.map((peer, index) => {
    const link = peer.direct
      ? peer.relayed ? "through a meeting point" : "directly"
      : "through others";
    const where = addressOf(peer) ??
      (peer.meeting ? `meets at ${peer.meeting}` : "takes no connections");
    return personRow({ ...peer, self: index === 0 }, where, index === 0 ? "" : link);
  });
  const out = removed.map(({ name: who, by }) => [name(who), " \u2014 removed by ", name(by)]);
  return card(`${countText(peers.length, "member")}`, { rows: [...rows, ...out] });
}

function membersCard({ members, verified = [], away = [], refused = [], awaited = [] }, { self }) {
  const rows = members.map((who) =>
    personRow({
      name: who,
      self: who === self,
      verified: verified.includes(who),
      away: away.find((one) => one.name === who)?.away,
    }, refused.includes(who) ? "the key that you refused" : "")
  );
  const missing = awaited.map((who) => [name(who), " \u2014 awaited"]);
  return members.length === 0
    ? card("You aren't in the group yet")
    : card(countText(members.length, "member"), { rows: [...rows, ...missing] });
}

function friendsCard({ friends }) {
  const rows = friends.map((friend) =>
    personRow(friend, addressOf(friend), connectionText(friend))
  );
  return card(countText(friends.length, "friend"), { rows });
}

function usersCard({ users, more }, { self }) {
  if (users.length === 0) return card("Nobody of that name is online");
  const rows = users.map((user) =>
    personRow(
      { ...user, name: user.shown ?? user.name, self: user.name === self },
      addressOf(user) ?? "takes no calls",
      user.state === "busy" ? "in a call" : "free",
    )
  );
  const actions = more ? [{ label: "Show more", line: "/more" }] : [];
  return card(`${countText(users.length, "person", "people")} online`, { rows }, { actions });
}

function statusCard(status, { mode }) {
  const rows = statusRows(status, mode);
  const problems = (status.problems ?? []).map((problem) => ["! ", problem]);
  const away = status.away === undefined
    ? []
    : [["You are ", ...awayParts(status.away), "; ", comeBackPart]];
  return card("Status", { rows: [...rows, ...problems, ...away] }, {
    code: status.key,
    label: "Your key",
  });
}

function verifyCard({ name: who, digits, verified, verifiedAs = [], answer, refused }) {
  if (answer === "yes") {
    return card(["Verified: ", name(who)], {
      rows: [["With this key and under this name, wherever you meet."]],
    });
  }
  if (answer === "no") {
    const rows = [["Somebody may be in between, or pose as ", name(who), "."], [
      "The key counts as changed until you accept it with /trust.",
    ]];
    return { ...card(["That key isn't that of ", name(who)], { rows }), tone: "warning" };
  }
  const rows = [
    ...(verified ? [[name(who), " is verified already."]] : []),
    ...(verifiedAs.length
      ? [["This is the key that you verified as ", ...listed(verifiedAs.map(name)), "."]]
      : []),
    ...(refused
      ? [["You had said no: the key counts as changed until you accept it with /trust."]]
      : []),
    ["Compare these digits with ", name(who), ", by phone or face to face, not here:"],
  ];
  const actions = [
    { label: "They are the same", line: `/verify ${who} yes`, isMain: true },
    { label: "They differ", line: `/verify ${who} no`, isGrave: true },
  ];
  return card(["Verify ", name(who)], { rows }, { digits }, { actions });
}

function whoisCard(who, { mode }) {
  const { name: called, self, key, route, since, line, away } = who;
  const apart = mode === "friends" ? connectionText(who) : "not connected";
  const how = route === null ? self ? null : apart : {
    direct: "connected directly",
    relay: "connected through a relay",
    members: "connected through others",
  }[route];
  const rows = [
    [[addressOf(who), how].filter((text) => text !== null).join(", ")],
    ...(since ? [[`Known since ${since}`]] : []),
    ...(away === undefined ? [] : [[...awayParts(away)]]),
    ...(self ? [] : [[
      key === null
        ? "The key isn't known yet"
        : who.verified
        ? "Verified"
        : comparedText(who) ?? "Not verified",
    ]]),
  ].filter(([first]) => first !== "");
  const codes = [
    ...(key === null ? [] : [{ code: key, label: "Key" }]),
    ...(line === undefined ? [] : [{ code: line, label: "For others" }]),
  ];
  const actions = self || key === null || who.verified
    ? []
    : [{ label: "Verify\u2026", line: `/verify ${called}` }];
  return card([name(called), self ? " (you)" : ""], { rows }, ...codes, { actions });
}

function inviteCard({ invite, line, qr }) {
  return card(
    "Invite",
    ...(qr ? [{ rowsOfQr: qr }] : []),
    { rows: [["Whoever has this can join: pass it on with care."]] },
    { code: line, label: "What others type" },
    { code: invite, label: pastedLabel(line) },
  );
}

/** A private room asks for its invite; an open one takes it, too: it has more addresses in it than one. */
function pastedLabel(line) {
  return line.endsWith("--invite")
    ? "What they paste when they are asked for the invite"
    : "The invite as a word, which p2pchat mesh NAME --invite asks for";
}

function wordsCard({ words, line, expires }) {
  const shown = card("Words to say aloud", { rows: [["Good once, until ", time(expires), "."]] }, {
    code: words,
    label: "Words",
  }, { code: line, label: "What others type" });
  return { ...shown, number: Number.parseInt(words, 10) };
}

/** Without the cards of word codes, which end with the room that they let into. */
export function withoutWords(answers) {
  return answers.filter(({ event }) => event !== "words");
}

/** What stands in the place of the card of a word code that has ended, as `text` says; null: it is another card. */
export function endedCard({ number }, { endedCodes = [], text }) {
  return endedCodes.includes(number)
    ? card("These words are good no more", { rows: [[text]] })
    : null;
}

function filesCard({ files }) {
  if (files.length === 0) return card("No file is offered");
  const rows = files.map(({ file, name: called, size, from, self, state, bytes, path }) => [
    `${file}: ${called} (${sizeText(size)}) from `,
    name(from),
    self
      ? " (you)"
      : state === "here"
      ? ", here"
      : state === "fetching"
      ? `, ${size ? Math.floor(100 * bytes / size) : 100} % is here`
      : ", offered",
    ...(path ? [": ", { code: path }] : []),
  ]);
  return card("Files", { rows });
}

/** So many rooms have a button: as many as a program has open. */
const OPENED_MAX = 8;

function roomsCard({ rooms }) {
  if (rooms.length === 0) return card("You haven't been in any room yet");
  const rows = rooms.map((
    { room, title, members = [], last, here, private: isPrivate, host, port },
  ) => [
    `${here ? `${here.number}: ` : ""}${title ?? room?.slice(0, 8) ?? "private"}${
      isPrivate ? ", private" : ""
    }`,
    ...(host ? [` at ${addressOf({ host, port })}`] : []),
    ...(members.length
      ? [
        " \u2014 ",
        ...listed([
          ...members.slice(0, 3).map(name),
          ...(members.length > 3 ? [`${members.length - 3} more`] : []),
        ]),
      ]
      : []),
    ...(last ? [", last message ", time(last.at)] : []),
    ...(here?.current ? [", the console is here"] : []),
  ]);
  const isOfSeveral = rooms.some(({ here }) => here !== undefined);
  const actions = rooms.filter(({ room, here }) => room !== undefined && here === undefined)
    .slice(isOfSeveral ? 0 : 1, OPENED_MAX)
    .map(({ room, title }) => ({
      label: `Open ${title ?? room.slice(0, 8)}`,
      line: `/join --room=${room}`,
    }));
  return card("Rooms", { rows }, { actions });
}

function saidCard({ messages, searched, name: who }) {
  const heard = messages.filter(({ ignored }) => ignored !== true);
  const what = searched === undefined ? "" : ` with \u201c${searched}\u201d`;
  const whom = who === undefined ? [] : [" with ", name(who)];
  if (messages.length === 0) return card(["No messages", ...whom, what]);
  const left = messages.length - heard.length;
  const titles = new Map(messages.map(({ number, title }) => [number, title]));
  return card(
    [countText(heard.length, "message"), ...whom, what],
    {
      messages: heard.map((message) => ({
        at: message.sentAt,
        from: message.self ? null : message.shown ?? message.from,
        to: message.to,
        text: message.text,
        searched,
        ...foundBy(message, searched),
        place: foundIn(message, titles),
        isPrivate: message.private === true,
      })),
    },
    { rows: left > 0 ? [[ignoredText(left)]] : [] },
  );
}

/** In which of several rooms it was said, as at the console; null: in the only one that was looked in. */
function foundIn({ number, title }, titles) {
  if (number === undefined) return null;
  if (title === null) return `room ${number}`;
  const isShared = [...titles].some(([other, its]) => other !== number && isSameTitle(its, title));
  return isShared ? `${title} (${number})` : title;
}

/** How the page finds the line itself: the id of its item, and where it is. */
function foundBy(message, searched) {
  const { id, room, text, self, to, from, shown = from, private: isPrivate, sentAt } = message;
  const person = isPrivate ? self ? to : shown : undefined;
  return { found: { id, room, text, self, sentAt, person, searched } };
}

function logCard({ entries, searched }) {
  const what = searched === undefined ? "" : ` with \u201c${searched}\u201d`;
  if (entries.length === 0) return card(`No entries${what}`);
  return card(countText(entries.length, "entry", "entries") + what, {
    messages: entries.filter(({ ignored }) => ignored !== true).map((entry) => ({
      seq: entry.seq,
      searched,
      found: { id: `entry ${entry.seq}`, searched },
      at: entry.sentAt,
      from: entry.shown,
      text: entry.text,
      editedBy: entry.edits > 0 ? entry.editedBy : undefined,
    })),
  });
}

function entryCard({ seq, shown, text, sentAt, edits }) {
  const original = edits[0] === undefined
    ? []
    : [{ seq, at: sentAt, from: shown, text: edits[0].old }];
  const changes = edits.map((edit) => ({
    at: edit.committedAt,
    from: shown,
    text: edit.new,
    editedBy: edit.by,
    agreed: edit.agreed,
  }));
  const messages = edits.length === 0
    ? [{ seq, at: sentAt, from: shown, text }]
    : [...original, ...changes];
  return card(
    `Entry ${seq}, ${
      edits.length === 0
        ? "never changed"
        : `changed ${edits.length === 1 ? "once" : `${edits.length} times`}`
    }`,
    { messages },
  );
}

const missedCard = ({ calls }) =>
  calls.length === 0
    ? card("No calls missed")
    : card("Missed calls", { rows: calls.map(({ from, at }) => [name(from), ", ", time(at)]) });

const ignoredCard = ({ ignored }) =>
  ignored.length === 0 ? card("You ignore nobody") : card("Ignored", {
    rows: ignored.map(({ name: who, since }) => [name(who), ` since ${since}`]),
  });

const outboxCard = ({ messages }) =>
  messages.length === 0 ? card("No messages wait") : card("Messages that wait", {
    messages: messages.map(({ to, text, sentAt }) => ({
      at: sentAt,
      from: null,
      to,
      text,
      isPrivate: true,
    })),
  });

/** What `/help` shows: the commands that it names, each with its form and what it does. */
function helpCard({ commands, forms = [] }) {
  const rows = [
    ...forms.filter(([form]) => form !== REFUSED_FORM).map(([form, help]) => ({ form, help })),
    ...commands.map(({ name: called, form, help }) => ({
      form: form.startsWith("/") ? form : `/${called} ${form}`.trimEnd(),
      help,
    })),
  ];
  return card("Commands", { commands: rows });
}

const CARDS = {
  peers: peersCard,
  members: membersCard,
  friends: friendsCard,
  users: usersCard,
  status: statusCard,
  verify: verifyCard,
  whois: whoisCard,
  invite: inviteCard,
  words: wordsCard,
  files: filesCard,
  rooms: roomsCard,
  history: saidCard,
  log: logCard,
  entry: entryCard,
  missed: missedCard,
  ignored: ignoredCard,
  outbox: outboxCard,
  help: helpCard,
  digest: ({ seq, digest }) =>
    card(countText(seq, "entry", "entries"), { code: digest, label: "Digest" }),
};

function card(title, ...blocks) {
  const parts = Array.isArray(title) ? title : [title];
  const isEmpty = ({ rows, actions }) => (rows ?? actions)?.length === 0;
  return { title: parts, blocks: blocks.filter((block) => !isEmpty(block)) };
}

export function isAnswer(event) {
  return Object.hasOwn(CARDS, event.event);
}

/** The card of an event that answers a command. @param context `self`, `mode`, and the `forms` of lines. */
export function cardOf(event, context) {
  const more = event.event === "help" ? { forms: context.forms } : {};
  return CARDS[event.event]({ ...event, ...more }, context);
}
