/** What a page shows in each mode after a while of use: for its looks, and for pictures of it. */

export type Fields = Readonly<Record<string, unknown>>;

export const keyOf = (name: string) => name.toLowerCase().padEnd(27, "k").slice(0, 27);

/** A moment of today, or of so many days before. */
export function at(time: string, daysAgo = 0): string {
  const day = new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
  return new Date(`${day}T${time}Z`).toISOString();
}

let ids = 0;

export function said(from: string, time: string, text: string, more: Fields = {}): Fields {
  const self = from === "Alice";
  const when = { at: time, sentAt: time, history: false, private: false };
  const mention = !self && /\bAlice\b/.test(text);
  const who = { from, shown: from, key: keyOf(from), self };
  return { event: "message", id: `m${++ids}`, ...who, text, mention, ...when, ...more };
}

export function joined(name: string, more: Fields = {}): Fields {
  const where = { host: "192.168.1.7", port: 55107, present: true };
  return { event: "joined", name, key: keyOf(name), verified: false, ...where, ...more };
}

export function offer(file: number, from: string, name: string, time: string, more: Fields = {}) {
  const what = { file, id: `f${file}`, name, size: 2_431_220, digest: "d" };
  return {
    ...{ event: "offer", from, key: keyOf(from), self: from === "Alice", at: time },
    ...what,
    ...more,
  };
}

export const ready: Fields = {
  event: "ready",
  command: "mesh",
  name: "Alice",
  host: "192.168.1.5",
  port: 55107,
  key: keyOf("Alice"),
  room: "r1",
  at: at("08:55:00"),
};

const DIGITS = "48213 90377 12604 55918 30762 81445 09276 63310";

const LONG =
  "I went through the notes of the last meeting again, and there are three things that we never settled: who " +
  "opens the hall, whether the projector is ours or has to be borrowed from the library, and what happens with " +
  "the chairs afterwards, which somebody has to carry back to the cellar before ten.";

const CODE = `for (const chair of chairs) {
  if (!chair.isStacked) chair.carryTo(cellar, { before: "22:00" });
}
console.log(\`\${chairs.length} chairs are back\`);`;

const URL_LONG =
  "https://slides.example/autumn/2026/meeting-of-the-harbour-association/pictures?album=harbour-at-dusk&page=12#photo-48213";

const ROOM: readonly Fields[] = [
  ready,
  joined("Bob", { verified: true }),
  joined("Carol", { verified: true }),
  joined("Dave"),
  joined("Emil", { away: "back at ten" }),
  joined("Friederike-Charlotte.Müller_91"),
  joined("Eve", { verifiedAs: ["Bob"] }),
  said("Bob", at("17:40:00", 1), "See you all tomorrow, then."),
  said("Alice", at("17:41:00", 1), "Until tomorrow!"),
  said("Bob", at("09:02:00"), "Good morning! Who has the slides for tonight?"),
  said("Alice", at("09:03:00"), `I do. They’re nearly done: ${URL_LONG}`),
  said("Alice", at("09:03:20"), "Only the pictures of the harbour are missing."),
  said("Dave", at("09:05:00"), "Here is the best one. It was taken just before the storm."),
  offer(1, "Dave", "harbour at dusk, seen from the lighthouse (final version).jpg", at("09:05:30")),
  ...["Gus", "Hana", "Ivo", "Jo", "Kim"].map((name) =>
    joined(name, { present: undefined, at: at("09:05:50") })
  ),
  { event: "left", name: "Kim", key: keyOf("Kim"), reason: "quit", at: at("09:05:55") },
  said("Friederike-Charlotte.Müller_91", at("09:06:00"), LONG),
  said("Carol", at("09:08:00"), "Lovely! Alice, is seven still all right? I could come earlier."),
  said("Carol", at("09:08:30"), CODE),
  said("Carol", at("09:08:40"), "/me looks for the key of the hall"),
  offer(2, "Alice", "programme.pdf", at("09:09:00"), { size: 48_000 }),
  { event: "left", name: "Dave", key: keyOf("Dave"), reason: "lost", silentMs: 5_000 },
  { event: "error", code: "unknown-user", text: "Nobody here is called Bbo; did you mean Bob?" },
  {
    event: "status",
    name: "Alice",
    key: keyOf("Alice"),
    members: ["Alice", "Bob", "Carol"].map((name) => ({
      name,
      key: keyOf(name),
      direct: name !== "Alice",
      roundTripMs: 0.4,
      heardMsAgo: 900,
      suspected: false,
      upToDate: name !== "Carol",
    })),
    unsent: 0,
    waiting: [],
    messages: 1_204,
    lastMessage: { at: at("09:08:40"), from: "Carol" },
    lastOwnAt: at("09:03:20"),
    problems: ["Dave is lost, and gets the missed messages when back"],
    ref: "a.x.1",
  },
  { event: "verify", name: "Carol", key: keyOf("Carol"), digits: DIGITS, ref: "a.x.2" },
  {
    event: "invite",
    invite: "p2pchat1".padEnd(180, "q7zr3m"),
    line: "p2pchat mesh NAME 192.168.1.5 55107 --invite -",
    ref: "a.x.3",
  },
  said("Bob", at("09:12:00"), "I’ll be on the train at 18:40.", { private: true }),
  said("Bob", at("09:14:00"), "the end"),
];

const ENTRY = "The room is booked from nine, and the key is with Mrs Lind on the second floor.";
const CHANGED =
  "The room is booked from half past ten, and the key is with Mrs Lind on the second floor.";

const GROUP: readonly Fields[] = [
  {
    event: "view",
    view: 1,
    members: ["Alice", "Bob", "Carol"],
    keys: ["Alice", "Bob", "Carol"].map(keyOf),
    verified: ["Bob"],
    joined: ["Alice"],
    left: [],
    entries: 39,
    last: { shown: "Bob" },
  },
  said("Bob", at("09:00:00"), "Tuesday: the budget, the new room, holidays", { seq: 40 }),
  said("Alice", at("09:01:00"), ENTRY, { seq: 41 }),
  said("Carol", at("09:02:00"), "I’ll take the minutes.", { seq: 42 }),
  said("Carol", at("09:02:20"), LONG, { seq: 12_043 }),
  {
    ...{ event: "edit", edit: 5, seq: 42, by: "Carol", text: "I’ll take the minutes, as ever." },
    ...{ outcome: "committed", reason: "", agreed: [] },
  },
  { event: "edit-started", edit: 6, seq: 40, awaited: ["Bob"], voteMs: 30_000 },
  {
    ...{ event: "edit", edit: 6, seq: 40, by: "Alice", text: "x", outcome: "aborted" },
    ...{ reason: "Bob refused", agreed: [] },
  },
  { event: "coordinator", state: "down", reason: "" },
  {
    event: "log",
    entries: [40, 41].map((seq) => ({
      ...{
        seq,
        shown: "Bob",
        text: ENTRY,
        edits: seq - 40,
        editedBy: "Carol",
        sentAt: at("09:00:00"),
      },
    })),
    ref: "a.x.1",
  },
  said("Carol", at("09:20:00"), "the end", { seq: 12_044 }),
  {
    ...{ event: "vote-wanted", edit: 7, seq: 41, by: "Carol", old: ENTRY, new: CHANGED },
    deadline: "2099-01-01T00:00:00.000Z",
  },
];

const FRIENDS: readonly Fields[] = [
  {
    ...{ event: "ready", command: "peer", name: "Alice", host: "192.168.1.5", port: 5001 },
    ...{ key: keyOf("Alice"), users: "users.txt", names: ["Bob", "Carol", "Dave"] },
  },
  {
    event: "friends",
    friends: [
      {
        name: "Bob",
        key: keyOf("Bob"),
        host: "10.0.0.2",
        port: 1,
        connected: true,
        verified: true,
      },
      { name: "Carol", key: keyOf("Carol"), host: "10.0.0.3", port: 1, connected: false },
      { name: "Dave", key: null, host: "10.0.0.4", port: 1, connected: false },
    ],
    self: { name: "Alice", host: "10.0.0.1", port: 1 },
    ref: "q.x.1",
  },
  said("Alice", at("09:00:00"), "Shall we?", { to: "Bob" }),
  { event: "delivery", id: `m${ids}`, to: "Bob", state: "delivered" },
  said("Bob", at("09:01:00"), "Gladly. Where?", { private: true }),
  said("Alice", at("09:02:00"), LONG, { to: "Bob" }),
  { event: "delivery", id: `m${ids}`, to: "Bob", state: "delivered" },
  said("Alice", at("09:02:30"), "Or at the harbour?", { to: "Bob" }),
  { event: "delivery", id: `m${ids}`, to: "Bob", state: "queued" },
  said("Alice", at("09:03:00"), "And this?", { to: "Bob" }),
  {
    event: "delivery",
    id: `m${ids}`,
    to: "Bob",
    state: "failed",
    reason: "taken back",
    told: true,
  },
  offer(1, "Bob", "map of the harbour.png", at("09:04:00"), { to: "Alice" }),
  {
    event: "transfer",
    file: 1,
    id: "f1",
    state: "progress",
    bytes: 1_200_000,
    name: "m",
    size: 2_431_220,
  },
  said("Bob", at("09:20:00"), "the end", { private: true }),
];

const DIRECTORY: readonly Fields[] = [
  { event: "session", state: "up", name: "Alice", guest: false },
  {
    event: "users",
    users: [
      { name: "Alice", state: "free", key: keyOf("Alice") },
      { name: "Bob", state: "busy", guest: true, key: keyOf("Bob") },
      { name: "Carol", state: "free", verified: true, key: keyOf("Carol") },
    ],
    total: 1_200,
    more: false,
  },
  {
    ...{ event: "broadcast", id: "b1", from: "Carol", key: keyOf("Carol"), verified: true },
    ...{ text: `Lunch at twelve? ${LONG}`, sentAt: at("09:00:00"), at: at("09:00:00") },
  },
  { event: "missed", calls: [{ from: "Bob", at: at("08:00:00") }], ref: "a.x.1" },
  { event: "presence", name: "Dora", state: "free", key: keyOf("Dora"), guest: false },
  {
    ...{ event: "broadcast", id: "b2", from: "*directory*", key: keyOf("Directory") },
    ...{ text: "the end", sentAt: at("09:05:00"), at: at("09:05:00"), verified: false },
  },
  {
    ...{ event: "incoming", call: "c", from: "Bob", key: keyOf("Bob"), guest: true },
    ...{ verified: false, at: "2099-01-01T00:00:00.000Z" },
  },
];

/** The same after the call was answered: `CALL` follows `SCENES.directory`. */
export const CALL: readonly Fields[] = [
  {
    ...{ event: "call", call: "c", peer: "Bob", state: "connected", reason: "", route: "relay" },
    verified: false,
  },
  {
    event: "message",
    id: "c-1",
    from: "Bob",
    text: "Can you hear me?",
    self: false,
    mention: false,
  },
  {
    event: "message",
    id: "c-2",
    from: "Alice",
    text: "Loud and clear.",
    self: true,
    mention: false,
  },
];

/** By mode. The last thing said is "the end". */
export const SCENES: Readonly<Record<string, readonly Fields[]>> = {
  mesh: ROOM,
  group: GROUP,
  friends: FRIENDS,
  directory: DIRECTORY,
};
