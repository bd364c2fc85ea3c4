/** How things stand, as `/status` says it in each mode: sentences in parts. */

import {
  connectionText,
  isUnderWay,
  JUST_SAID,
  MAY_LACK,
  undeliveredText,
} from "../../rendering/arrival_words.ts";
import { countText } from "../../../base/text/words.ts";
import { durationText, listed, namePart as name, timePart as time } from "./phrases.js";

export function statusRows(status, mode) {
  switch (mode) {
    case "mesh":
      return meshStatus(status);
    case "group":
      return groupStatus(status);
    case "friends":
      return friendsStatus(status);
    default:
      return directoryStatus(status);
  }
}

function linkParts({ name: who, roundTripMs, relayed }, index) {
  const time = roundTripMs === null ? "" : ` ${durationText(roundTripMs)}`;
  const how = relayed ? " through a meeting point" : "";
  return [...(index === 0 ? [] : [", "]), name(who), time + how];
}

function meshStatus({ key, at, members, unsent, waiting, lastMessage, lastOwnAt, messages }) {
  const others = members.filter((member) => member.key !== key);
  const links = others.filter(({ direct }) => direct);
  const behind = others.filter(({ upToDate }) => !upToDate);
  const toSend = waiting.reduce((rest, one) => rest - one.messages, unsent);
  const silent = others.filter(({ suspected }) => suspected);
  return [
    [
      `Room of ${others.length + 1}`,
      ...(others.length === 0
        ? [": nobody else is here; what you write is kept for who comes"]
        : [": you, ", ...listed(others.map((one) => name(one.name)))]),
    ],
    ...(links.length === 0 ? [] : [["Links: ", ...links.flatMap(linkParts)]]),
    ...silent.map((
      one,
    ) => [name(one.name), ` hasn't been heard for ${durationText(one.heardMsAgo ?? 0)}`]),
    ...(toSend > 0 ? [[`${undeliveredText(toSend)} to be sent`]] : []),
    ...(behind.length > 0
      ? [
        behindParts(
          listed(behind.map((one) => name(one.name))),
          isUnderWay(lastOwnAt, Date.parse(at)),
        ),
      ]
      : others.length > 0 && toSend <= 0
      ? [["Everything you wrote has reached everybody who is here"]]
      : []),
    ...waiting.map((one) => {
      const isHere = one.removed !== true &&
        others.some((other) => other.name === one.name && !other.suspected);
      return [`${undeliveredText(one.messages, isHere)} ${isHere ? "to" : "for"} `, name(one.name)];
    }),
    ...(lastMessage === null ? [] : [[
      `${countText(messages, "message")} kept, the last from `,
      name(lastMessage.from),
      " at ",
      time(lastMessage.at),
    ]]),
  ];
}

function behindParts(names, isUsual) {
  return isUsual ? [JUST_SAID, ...names] : [...names, MAY_LACK];
}

function groupStatus(
  { name: self, view, coordinator, seq, digest, members, unsent, awaited = [], edits = [], log },
) {
  const others = members.filter((member) => member.name !== self);
  const isHere = view > 0 && awaited.length === 0 && members.every(({ heard }) => heard);
  const there = `The coordinator is ${coordinator === "up" ? "there" : "away"}`;
  return [
    view === 0 ? [`Not in the group yet. ${there}`] : [
      `Group of ${members.length}: you`,
      ...(others.length ? [" and ", ...listed(others.map((one) => name(one.name)))] : []),
      `. ${there}`,
    ],
    [
      digest === ""
        ? "No entries yet"
        : `${countText(seq, "entry", "entries")}, digest ${digest.slice(0, 8)}`,
    ],
    [
      unsent === 0 ? "Everything you wrote is in the log" : undeliveredText(unsent, isHere),
      ...(unsent > 0 && awaited.length > 0 ? [" for ", ...listed(awaited.map(name))] : []),
    ],
    ...others.filter((one) => !one.heard || one.behind > 0).map((
      one,
    ) => [
      name(one.name),
      one.heard ? ` is ${countText(one.behind, "entry", "entries")} behind` : " doesn't answer",
    ]),
    ...edits.map((
      edit,
    ) => [
      `Edit ${edit.edit ?? ""} of entry ${edit.seq}, asked by `,
      name(edit.by),
      `: ${edit.state === "vote-wanted" ? "waits for your answer" : "isn't decided yet"}`,
    ]),
    ["Your log: ", { code: log }],
  ];
}

function friendsStatus({ friends, unsent }) {
  const isHere = friends.every(({ waiting, connected }) => waiting === 0 || connected);
  return [
    ...friends.map((friend) => [
      name(friend.name),
      ` \u2014 ${connectionText(friend)}`,
      ...(friend.waiting > 0
        ? [
          `, ${countText(friend.waiting, "message")} ${
            friend.connected ? "on the way" : "waiting"
          }`,
        ]
        : []),
      ...(friend.problem ? [`; ${friend.problem}`] : []),
    ]),
    [unsent > 0 ? undeliveredText(unsent, isHere) : "Everything you wrote has arrived"],
  ];
}

function directoryStatus({ registry, session, online, unsent, roundTripMs, call, guest }) {
  return [
    [
      `${registry}: ${session === "up" ? "logged in" : "not logged in"}${
        guest ? " as a guest" : ""
      }, ${countText(online, "person", "people")} online`,
      ...(roundTripMs === null || roundTripMs === undefined
        ? []
        : [`, ${durationText(roundTripMs)} away`]),
    ],
    ...(call ? [["A call with ", name(call.peer), `: ${call.state}`]] : []),
    ...(unsent > 0 ? [[undeliveredText(unsent, call?.state === "connected")]] : []),
  ];
}
