/** Conversations and people, at the side. */

import { countText, numberText } from "../../../base/text/words.ts";
import { connectionText } from "../../rendering/arrival_words.ts";
import { avatar, fill, h, icon, nameOf, setText, verifiedSign } from "./dom.js";
import { shownName, visible } from "./harmless.js";
import { hasEnded, listedIn } from "./headings.js";
import { hueOf } from "./hues.js";
import { comparedText } from "./phrases.js";
import { directId, homeOf, mainPlace, peopleOf, roomTitleOf } from "./places.js";

/** More people aren't listed, only counted: /list shows all. */
const PEOPLE_MAX = 200;

const ICONS = {
  room: "room",
  group: "room",
  lobby: "room",
  friends: "room",
  direct: "person",
  call: "call",
};

const MAIN_TITLES = { room: "Room", group: "Group", lobby: "Lobby", friends: "Your friends" };

export function titleOf(state, place) {
  if (place.person !== null) {
    const name = shownName(place.person, state);
    return hasNamesake(state, place) ? `${name} in ${titleOf(state, homeOf(state, place))}` : name;
  }
  if (place.title) return visible(roomTitleOf(state, place));
  if (place.type === "room" && place.number !== undefined && state.rooms.size > 1) {
    return `Room ${place.number}`;
  }
  return MAIN_TITLES[place.type];
}

/** Whether there is a conversation with somebody of that name in another room, too. */
function hasNamesake({ places, rooms }, { person, parent, type }) {
  return [...rooms.values()].some((id) =>
    id !== parent && places.has(directId({ id }, person, type))
  );
}

/** Rooms in their order, each with the conversations that belong to it. */
export function orderedPlaces(state) {
  const all = [...state.places.values()];
  const parents = all.filter(({ parent }) => parent === null);
  return parents.flatMap((
    parent,
  ) => [parent, ...all.filter((place) => place.parent === parent.id)]);
}

/** What a badge shows of so many new messages, some of which may be for the user. */
export function badgeText(unread, forUser) {
  return `${forUser > 0 ? "@" : ""}${unread > 99 ? "99+" : unread}`;
}

/** The same in words, behind what it is of. */
export function newsText(unread, forUser, where = "") {
  if (unread === 0) return "";
  const which = forUser === 0 ? "" : `, ${numberText(forUser)} for you`;
  return `, ${countText(unread, "new message")}${where}${which}`;
}

/** What the button is called that opens the list where it is hidden. */
export function listLabel({ unread, mentions }) {
  return `Conversations and people${newsText(unread, mentions, " elsewhere")}`;
}

export function renderPlaces(element, state, act) {
  const places = orderedPlaces(state);
  element.closest("nav").classList.toggle("is-single", places.length < 2);
  keyed(element, places, ({ id }) => id, (place) => {
    const isCurrent = place.id === state.current;
    const title = titleOf(state, place);
    // Of what one person says to the user alone it needn't be said that it is for them.
    const forUser = place.person === null ? place.mentions : 0;
    const sign = place.isPrivate ? "lock" : ICONS[place.type];
    return {
      signature: `${isCurrent} ${title} ${place.unread} ${place.mentions} ${sign} ${place.isOver}`,
      make: () =>
        h(
          "button",
          {
            type: "button",
            class: `place${place.unread > 0 ? " has-news" : ""}${place.isOver ? " is-over" : ""}`,
            "aria-current": isCurrent ? "true" : null,
            onclick: () => act.select(place.id),
          },
          icon(sign),
          h("span", { class: "place-name" }, h("bdi", {}, title)),
          h(
            "span",
            { class: "unseen" },
            `${place.isOver ? ", over" : ""}${newsText(place.unread, forUser)}`,
          ),
          place.unread === 0 ? null : h("span", {
            class: place.mentions > 0 ? "badge is-mention" : "badge",
            "aria-hidden": "true",
          }, badgeText(place.unread, forUser)),
        ),
    };
  });
}

const WORDS = { mesh: "Here", group: "Members", friends: "Friends", directory: "Online" };

export function renderPeople(elements, state, act) {
  const place = state.places.get(state.current) ?? mainPlace(state);
  const people = [...peopleOf(state, place).values()].sort(byPresence);
  setText(elements.word, WORDS[state.mode] ?? "Here");
  const listed = listedIn(state, place);
  setText(elements.count, listed === 0 ? "" : numberText(listed));
  const { list } = elements;
  const { id } = homeOf(state, place);
  const isHeld = list.of === id && list.matches(":hover, :focus-within");
  const shown = isHeld ? [...list.children].map(({ dataset }) => dataset.key) : [];
  const hadFocus = list.contains(document.activeElement);
  list.of = id;
  keyed(list, rowsOf(people, shown).slice(0, PEOPLE_MAX), ({ name }) => name, (person) => ({
    signature: JSON.stringify([
      person,
      hueOf(state, person.name, person.key ?? person.name),
      state.marked.size,
      hasEnded(state),
    ]),
    make: () => person.isGone ? null : personElement(person, state, act),
  }));
  if (hadFocus && !list.contains(document.activeElement)) {
    act.lostFocus();
    renderPeople(elements, state, act); // nothing holds it now
  }
}

/**
 * People as they stand in the list: where somebody points at one of them, none moves. Who comes stands at the end, and the
 * row of who went stays as a blank, or a press would be on somebody else.
 * @param shown The names in the rows that stay where they are.
 */
export function rowsOf(people, shown) {
  const known = new Map(people.map((person) => [person.name, person]));
  const kept = shown.map((name) => known.get(name) ?? { name, isGone: true });
  const before = new Set(shown);
  return [...kept, ...people.filter(({ name }) => !before.has(name))];
}

function byPresence(one, other) {
  const rank = ({ self, connected }) => self ? 0 : connected === false ? 2 : 1;
  return rank(one) - rank(other) || one.name.localeCompare(other.name);
}

function asideOf(person, state) {
  const asides = [];
  if (person.self) asides.push("you");
  if (person.role) asides.push(person.role);
  if (person.guest) asides.push("guest");
  if (person.isJoining) asides.push("joining");
  if (person.state === "busy") asides.push("in a call");
  if (state.mode === "friends" && !person.self && !hasEnded(state)) {
    asides.push(connectionText(person));
  }
  const compared = person.refused ? "the key that you refused" : comparedText(person);
  if (compared !== null && !person.verified) asides.push(compared);
  if (person.away !== undefined) {
    asides.push(person.away.trim() === "" ? "away" : `away: ${visible(person.away)}`);
  }
  return asides.join(", ");
}

function personElement(person, state, act) {
  const aside = asideOf(person, state);
  const classes = ["person"];
  if (person.away !== undefined) classes.push("is-away");
  if (person.connected === false || hasEnded(state)) classes.push("is-off");
  return h(
    "button",
    {
      type: "button",
      class: classes.join(" "),
      "aria-haspopup": "dialog",
      onclick: () => act.person(person),
    },
    avatar(person.name, state, person.self, person.key ?? person.name),
    h(
      "span",
      { class: "person-text" },
      h("span", { class: "person-name" }, nameOf(person.name, state)),
      aside === "" ? null : h("span", { class: "person-aside" }, aside),
    ),
    person.self ? null : verifiedSign(person),
  );
}

/** List items by key: those that are as before stay, with the focus that they may have. */
function keyed(list, items, keyOf, describe) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let next = list.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const { signature, make } = describe(item);
    let child = old.get(key);
    old.delete(key);
    if (child === undefined) {
      child = h("li", { "data-key": key });
    }
    if (child.signature !== signature) {
      const hadFocus = child.contains(document.activeElement);
      const made = make();
      child.style.height = made === null ? `${child.getBoundingClientRect().height}px` : "";
      fill(child, made);
      child.signature = signature;
      if (hadFocus) child.firstChild?.focus();
    }
    if (child === next) next = next.nextSibling;
    else list.insertBefore(child, next);
  }
  for (const child of old.values()) child.remove();
}
