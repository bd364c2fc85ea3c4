/** Conversations and people at the side. */

import { Component, createRef } from "preact";
import { countText, numberText } from "../../../base/text/words.ts";
import { saidText } from "../../../base/text/text.ts";
import { dom } from "./html.js";
import { isCallWith, isToLogIn } from "./typed.js";

const TITLES = { mesh: "Room", group: "Group", friends: "Your friends", directory: "Lobby" };
const HERE = { mesh: "Here", group: "Members", friends: "Friends", directory: "Online" };

export function titleOf(model, { person, title, id }) {
  if (person !== null) return model.shown(person);
  return title ? title : id === "main" ? TITLES[model.mode] ?? "p2pchat" : "Room";
}

/** More people aren't listed, only counted: /list shows all. */
const PEOPLE_MAX = 200;

/** How many stand in the list: the user, too, but for friends, of whom one is none; of a directory only some are known. */
function countIn({ mode, total = 0, link }, people) {
  if (link.state === "ended") return 0; // nobody knows
  return mode === "directory"
    ? Math.max(people.size, total)
    : people.size - (mode === "friends" ? 1 : 0);
}

/** What a place is, and who reads it. */
export function subtitleOf(model, place) {
  const { people, isOver, isPrivate } = model.home(place);
  const { mode, isOut, call } = model;
  const count = countIn(model, people) - (mode === "friends" ? 0 : 1);
  const others = count > 0 ? countText(count, "other person", "other people") : "Nobody else is";
  if (place.person === null && mode === "mesh" && isOver) return "You aren't in this room now";
  switch (place.type) {
    case "direct":
      if (mode !== "friends") return "Private to you two";
      return people.get(place.person)?.connected
        ? "Connected"
        : "Not connected: what you write is kept";
    case "call":
      if (!isCallWith(model, place)) return "Not in a call";
      return `${call.verified ? "Verified" : "Not verified yet"}; end to end encrypted`;
    case "friends":
      return countText(Math.max(0, count), "friend");
    case "lobby":
      if (isToLogIn(model)) return "Log in at the console first";
      return isOut ? "Not logged in" : `${others} online`;
  }
  return `${others} here${isPrivate ? "; private" : ""}`;
}

/** Rooms, each with the conversations that belong to it. */
export function ordered({ places }) {
  const all = [...places.values()];
  return all.filter(({ person }) => person === null).flatMap((home) => [
    home,
    ...all.filter(({ home: id }) => id === home.id),
  ]);
}

/** How much is new, in words, behind what it is of; of what one person says it needn't be said that it is for the user. */
export function newsText({ unread, forUser, person = null }, where = "") {
  if (unread === 0) return "";
  const whose = forUser > 0 && person === null ? `, ${numberText(forUser)} for you` : "";
  return `, ${countText(unread, "new message")}${where}${whose}`;
}

export const badge = ({ unread, forUser }, id) =>
  unread > 0 && dom`<span class="badge ${forUser > 0 ? "is-mention" : ""}" id=${id}
    aria-hidden="true">${forUser > 0 ? "@" : ""}${unread > 99 ? "99+" : unread}</span>`;

export function Places({ model, act }) {
  const row = (place) =>
    dom`<li key=${place.id}><button class="place ${place.person === null ? "is-room" : ""}"
      aria-current=${place === model.here ? "true" : null} onClick=${() => act.open(place)}>
        <bdi class="place-name">${titleOf(model, place)}</bdi>
        <span class="unseen">${newsText(place)}</span>${badge(place)}</button></li>`;
  return dom`<nav class="places" aria-labelledby="places-title">
    <h2 id="places-title">Conversations</h2><ul id="places">${ordered(model).map(row)}</ul></nav>`;
}

function asideOf({ mode }, one) {
  const { self, away, verifiedAs = [] } = one;
  const others = verifiedAs.join(" and ");
  return [
    self && "you",
    one.role,
    one.guest && "guest",
    one.isJoining && "joining",
    one.state === "busy" && "in a call",
    mode === "friends" && !self && (one.connected ? "connected" : "not connected"),
    one.waiting > 0 && `${one.waiting} waiting`,
    one.verified && "verified",
    others !== "" && `the key that you verified as ${others}`,
    (one.changed || one.refused) && "not the key that was expected",
    away !== undefined && (away.trim() === "" ? "away" : `away: ${saidText(away)}`),
  ].filter((aside) => aside).join(", ");
}

const rank = ({ self, connected }) => self ? 0 : connected === false ? 2 : 1;

/**
 * Where one points at somebody, or is with the keyboard, nobody moves: who comes stands at the end, and the row of who went
 * stays as a blank, or a press would be on somebody else.
 */
export class People extends Component {
  #list = createRef();
  #home = null;
  #names = [];

  render({ model, act }) {
    const home = model.home();
    const isHeld = this.#home === home && this.#list.current.matches(":hover, :focus-within");
    const before = isHeld ? this.#names : [];
    const people = [...home.people.values()].sort((one, other) =>
      rank(one) - rank(other) || one.name.localeCompare(other.name)
    );
    const rows = [
      ...before.map((name) => home.people.get(name) ?? { name, isGone: true }),
      ...people.filter(({ name }) => !before.includes(name)),
    ].slice(0, PEOPLE_MAX);
    [this.#home, this.#names] = [home, rows.map(({ name }) => name)];
    const count = countIn(model, home.people);
    const isOff = ({ connected, away }) =>
      connected === false || away !== undefined || model.link.state === "ended";
    const person = (one) => {
      const whose = one.self ? "own" : "hue";
      return dom`<button class="person ${isOff(one) ? "is-off" : ""}" aria-haspopup="dialog"
      onClick=${() => act.about(one)}>
        <span class="avatar ${whose}" style=${model.hueOf(one.name, one.key)}
          aria-hidden="true">${[...one.name][0]}</span>
        <span class="person-text"><bdi class="person-name">${
        model.shown(one.shown ?? one.name)
      }</bdi>
          <span class="faint">${asideOf(model, one)}</span></span>
        ${one.verified && dom`<span class="sign" aria-hidden="true">✓</span>`}</button>`;
    };
    const row = (one) => dom`<li key=${one.name}>${!one.isGone && person(one)}</li>`;
    return dom`<section class="people" aria-labelledby="people-title">
    <h2 id="people-title">${HERE[model.mode] ?? "Here"} <span class="faint"
      id="people-count">${count > 0 && numberText(count)}</span></h2>
    <ul id="people" ref=${this.#list} onMouseLeave=${act.redraw} onFocusOut=${act.redraw}>${
      rows.map(row)
    }</ul>
  </section>`;
  }
}
