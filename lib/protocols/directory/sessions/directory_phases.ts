/** Each phase of a client's link, and of a call, at the directory: what it means, and which ones may follow. */

export const SESSION_PHASES = {
  silent: {
    about:
      "it has no place: it has sent nothing, or its entry was refused; closed after 10 s, or with the 10th refusal",
    next: ["silent", "checking", "over"],
  },
  checking: {
    about: "its name, and its password, are looked up; it has a place",
    next: ["in", "silent", "over"],
  },
  in: { about: "it is in the list", next: ["over"] },
  over: { about: "it is closed; messages on it are ignored", next: [] },
} as const;
export type SessionPhase = keyof typeof SESSION_PHASES;

export const DIRECTORY_CALL_PHASES = {
  ringing: {
    about: "the callee was told `incoming`; 30 s",
    next: ["connecting", "over"],
  },
  connecting: {
    about: "both were told `meet`, and not both have said `begun`; 10 s",
    next: ["connected", "ending", "over"],
  },
  connected: {
    about: "both talk, and are busy; of a direct call one may be away from the directory",
    next: ["ending", "over"],
  },
  ending: {
    about:
      "one has hung up; the other is busy until it does, and still gets bytes that are being relayed; 10 s",
    next: ["over"],
  },
  over: { about: "there is no such call", next: [] },
} as const;
export type DirectoryCallPhase = keyof typeof DIRECTORY_CALL_PHASES;
