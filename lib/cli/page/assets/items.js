/** Items of a timeline as elements. What comes from others is text, whatever it looks like. */

import { avatar, colour, copyButton, h, icon, nameOf, verifiedSign } from "./dom.js";
import { actionIn, foldedBody, partsOf, visible, visibleBody } from "./harmless.js";
import { sizeText } from "./lines.js";
import { peopleOf } from "./places.js";
import { dayNumber, dayText, fullText, timeText } from "./times.js";

/** What is said within so many ms of what the same person said before stands under it, without their name. */
const TOGETHER_MS = 5 * 60_000;

/**
 * @param before The item above, or null.
 * @param context `state`, `place`, `nowMs`, and `act`: what buttons do.
 */
export function itemElement(item, before, context) {
  const made = MAKERS[item.kind](item, before, context);
  const above = [];
  if (startsDay(item, before)) above.push(dayRule(item.at, context));
  if (context.place.divider === item.key) {
    above.push(h("div", { class: "new-line", role: "separator" }, "New"));
  }
  made.dataset.key = item.key;
  if (above.length === 0) return made;
  return h("div", { class: "day-group", "data-key": item.key }, above, made);
}

export function startsDay(item, before) {
  if (!item.at || before !== null && !before?.at) return false;
  const last = before?.at ? dayNumber(Date.parse(before.at)) : null;
  return last !== dayNumber(Date.parse(item.at)) && (last !== null || item.kind === "said");
}

function dayRule(at, { nowMs }) {
  return h(
    "div",
    { class: "day", role: "separator" },
    h("time", { datetime: at.slice(0, 10) }, dayText(at, nowMs)),
  );
}

function isTogether(item, before) {
  return before !== null && before !== undefined && before.kind === "said" &&
    before.author === item.author &&
    before.from === item.from && before.toAll === item.toAll && !startsDay(item, before) &&
    Math.abs(Date.parse(item.at) - Date.parse(before.at)) < TOGETHER_MS;
}

function said(item, before, context) {
  const { state, place } = context;
  const isFirst = !isTogether(item, before) || place.divider === item.key;
  const person = personOf(item, context);
  const time = h(
    "time",
    { class: "said-time", datetime: item.at, title: fullText(item.at) },
    timeText(item.at),
  );
  const gutter = item.seq !== undefined && !isFirst
    ? h("span", { class: "said-gutter" }, `#${item.seq}`)
    : h("time", {
      class: "said-gutter is-time",
      datetime: item.at,
      title: fullText(item.at),
      "aria-hidden": "true",
    }, timeText(item.at));
  const name = h("span", { class: "said-name" }, nameOf(item.from, state));
  if (!item.self) colour(name, item.from, state);
  const head = isFirst
    ? h(
      "div",
      { class: "said-head" },
      name,
      item.self ? h("span", { class: "said-mark" }, "you") : null,
      item.guest ? h("span", { class: "said-mark" }, "guest") : null,
      person === null ? null : verifiedSign(person),
      item.toAll ? h("span", { class: "said-mark" }, "to everybody") : null,
      item.removed ? h("span", { class: "said-mark" }, "removed from the room") : null,
      time,
      item.seq !== undefined ? h("span", { class: "said-mark" }, `#${item.seq}`) : null,
    )
    : null;
  const classes = ["item", "said"];
  if (isFirst) classes.push("is-first");
  if (item.self) classes.push("is-own");
  if (item.mention) classes.push("is-mention");
  if (item.delivery === "queued") classes.push("is-waiting");
  return h(
    "article",
    {
      class: classes.join(" "),
      "aria-label": `${item.self ? "You" : visible(item.from)}, ${timeText(item.at)}`,
    },
    isFirst ? avatar(item.from, state, item.self) : gutter,
    h(
      "div",
      { class: "said-body" },
      head,
      bodyElement(item.text, context, "said-text"),
      footOf(item, context),
    ),
    toolsOf(item, context),
  );
}

/** Who said it, as far as that one is here with that key. */
function personOf(item, { state, place }) {
  const person = peopleOf(state, place).get(item.from);
  return person === undefined || person.self ||
      person.key !== undefined && person.key !== item.author && item.author !== item.from
    ? null
    : person;
}

function footOf(item, { state }) {
  const notes = [];
  if (item.edited) {
    const { by, times } = item.edited;
    notes.push(
      h(
        "p",
        { class: "said-mark" },
        times > 1 ? `edited ${times} times, last by ` : "edited by ",
        nameOf(by, state),
      ),
    );
  }
  if (item.delivery === "queued") {
    const text = "not there now: kept, and sent when they are back";
    notes.push(h("p", { class: "said-mark is-late" }, text));
  }
  if (item.delivery === "failed") notes.push(h("p", { class: "said-mark" }, "not delivered"));
  return notes;
}

function toolsOf(item, { state, act }) {
  if (state.mode !== "group" || item.seq === undefined) return null;
  return h(
    "div",
    { class: "said-tools" },
    h("button", {
      type: "button",
      "aria-label": `Change entry ${item.seq}`,
      onclick: () => act.edit(item),
    }, "Change"),
    item.edited
      ? h("button", {
        type: "button",
        "aria-label": `Changes of entry ${item.seq}`,
        onclick: () => act.line(`/entry ${item.seq}`),
      }, "Changes")
      : null,
  );
}

/** A text with links, mentions and breaks; of a long one the beginning, and a button for the rest. */
export function bodyElement(raw, { state }, kind) {
  const action = actionIn(raw);
  const text = visibleBody(action ?? raw);
  const { head, more } = foldedBody(text);
  const element = h(
    "div",
    { class: action === null ? kind : `${kind} is-action`, dir: "auto" },
    pieces(head, state.self),
  );
  if (more === null) return element;
  const button = h("button", { type: "button", class: "more" }, `Show ${more}`);
  button.addEventListener("click", () => {
    element.replaceChildren(...pieces(text, state.self));
    button.remove();
  });
  return h("div", {}, element, button);
}

function pieces(text, self) {
  return partsOf(text, self).map(({ text: part, href, isMention }) => {
    if (href !== undefined) {
      return h(
        "a",
        { href, rel: "noopener noreferrer nofollow", target: "_blank", title: href },
        part,
      );
    }
    return isMention ? h("span", { class: "mention" }, part) : part;
  });
}

/** Parts of a sentence as nodes. */
export function sentence(parts, { state, nowMs }) {
  return parts.map((part) => {
    if (typeof part === "string") return visibleBody(part);
    if (part.name !== undefined) return nameOf(part.name, state);
    if (part.code !== undefined) return h("code", { class: "inline-code" }, visible(part.code));
    if (part.time !== undefined) {
      return h(
        "time",
        { datetime: part.time, title: fullText(part.time) },
        timeText(part.time, nowMs),
      );
    }
    return h("q", {}, h("bdi", {}, foldedBody(visibleBody(part.quote)).head));
  });
}

const SIGNS = { warning: "warning", error: "warning" };

function line(item, _, context) {
  const sign = SIGNS[item.tone];
  return h(
    "div",
    { class: `item note is-${item.tone}` },
    h(
      "span",
      { class: "note-sign" },
      sign === undefined ? h("span", { "aria-hidden": "true" }, "\u2022") : icon(sign),
    ),
    h(
      "p",
      { class: "note-text" },
      sign === undefined
        ? null
        : h("span", { class: "unseen" }, item.tone === "error" ? "Error: " : "Warning: "),
      sentence(item.parts, context),
      item.at
        ? h(
          "time",
          { class: "note-time", datetime: item.at, title: fullText(item.at) },
          timeText(item.at),
        )
        : null,
    ),
  );
}

function since(item, _, { nowMs }) {
  return h(
    "div",
    { class: "since", role: "separator" },
    "You were away since ",
    timeText(item.since, nowMs),
  );
}

function answer(item, _, context) {
  const { title, blocks, tone } = item.card;
  return h(
    "section",
    { class: "item" },
    h(
      "div",
      { class: tone === "warning" ? "card is-warning" : "card" },
      h(
        "h2",
        { class: "card-title" },
        h("span", {}, sentence(title, context)),
        h("time", { datetime: item.at }, timeText(item.at)),
      ),
      blocks.map((block) => blockElement(block, context)),
    ),
  );
}

function blockElement(block, context) {
  if (block.rows) {
    const isLong = block.rows.length > 12;
    return h(
      "ul",
      { class: isLong ? "rows is-long" : "rows", tabindex: isLong ? "0" : null },
      block.rows.map((row) => h("li", {}, sentence(row, context))),
    );
  }
  if (block.code) {
    return h(
      "div",
      { class: "code" },
      h(
        "div",
        { class: "code-text" },
        block.label ? h("span", { class: "code-label" }, block.label) : null,
        h("code", {}, visible(block.code)),
      ),
      copyButton(block.code, block.label ?? "text"),
    );
  }
  if (block.digits) return h("p", { class: "digits" }, block.digits.replace(/ {2,}/, "\n"));
  if (block.rowsOfQr) {
    return h(
      "div",
      { class: "qr", role: "img", "aria-label": "The invite as a QR code" },
      block.rowsOfQr.join("\n"),
    );
  }
  if (block.commands) {
    return h(
      "dl",
      { class: "commands" },
      block.commands.map(({ form, help }) => [h("dt", {}, form), h("dd", {}, help)]),
    );
  }
  if (block.messages) {
    return h(
      "ol",
      { class: "found", tabindex: "0", "aria-label": "What was said" },
      block.messages.map((one) => foundElement(one, context)),
    );
  }
  return h(
    "div",
    { class: "actions" },
    block.actions.map(({ label, line, isMain, isGrave }) =>
      h("button", {
        type: "button",
        class: `button is-slim${isMain ? " is-main" : ""}${isGrave ? " is-grave" : ""}`,
        onclick: () => context.act.line(line),
      }, label)
    ),
  );
}

function foundElement({ seq, at, from, to, text, place, isPrivate, editedBy }, context) {
  const { state, nowMs } = context;
  return h(
    "li",
    {},
    h(
      "p",
      { class: "found-head" },
      seq === undefined ? null : `#${seq} `,
      from === null || from === undefined ? h("bdi", {}, "You") : nameOf(from, state),
      to === undefined ? null : [" to ", nameOf(to, state)],
      isPrivate && to === undefined ? ", privately" : null,
      place === null || place === undefined ? null : ` in ${visible(place)}`,
      editedBy === undefined ? null : [", edited by ", nameOf(editedBy, state)],
      ", ",
      timeText(at, nowMs),
    ),
    bodyElement(text, context, "found-text"),
  );
}

function vote(item, _, { state }) {
  const isOpen = state.votes.has(item.edit) && item.outcome === undefined;
  return h(
    "section",
    { class: "item" },
    h(
      "div",
      { class: isOpen ? "card is-ask" : "card" },
      h(
        "h2",
        { class: "card-title" },
        h("span", {}, nameOf(item.by, state), ` wants to change entry ${item.seq}`),
      ),
      h(
        "div",
        { class: "versions" },
        h(
          "div",
          { class: "version" },
          h("span", { class: "version-label" }, "It reads"),
          h("del", {}, visibleBody(item.old)),
        ),
        h(
          "div",
          { class: "version is-new" },
          h("span", { class: "version-label" }, "It would read"),
          h("ins", {}, visibleBody(item.text)),
        ),
      ),
      h(
        "p",
        { class: "outcome" },
        isOpen
          ? "Your answer is awaited below."
          : OUTCOMES[item.outcome] ?? "This question isn\u2019t open any more.",
      ),
    ),
  );
}

const OUTCOMES = {
  committed: "Changed, as all who were asked agreed.",
  aborted: "Not changed.",
  "in-doubt": "It isn\u2019t known yet what came of it.",
};

function offer(item, _, context) {
  const { state, act } = context;
  const { file, name, size, from, self, to, state: how, bytes, path, reason, text } = item.data;
  const whose = self
    ? ["You offer this", to === undefined ? "" : " to ", to === undefined ? "" : nameOf(to, state)]
    : [nameOf(from, state), to === undefined ? " offers this" : " offers this to you alone"];
  const isFetching = how === "started" || how === "progress";
  const actions = [];
  if (!self && (how === "offered" || how === "failed" || how === "cancelled")) {
    actions.push(
      h("button", {
        type: "button",
        class: "button is-main is-slim",
        "aria-label": `Download ${visible(name)}`,
        onclick: () => act.file(item, { command: "get", n: file }),
      }, how === "offered" ? "Download" : "Try again"),
    );
  }
  if (!self && how === "offered") {
    actions.push(
      h("button", {
        type: "button",
        class: "button is-slim",
        "aria-label": `No, thanks: ${visible(name)}`,
        onclick: () => act.dismiss(item),
      }, "No, thanks"),
    );
  }
  if (isFetching || (self && how === "offered")) {
    actions.push(
      h("button", {
        type: "button",
        class: "button is-slim",
        onclick: () => act.file(item, { command: "cancel", n: file }),
      }, isFetching ? "Stop" : "Take back"),
    );
  }
  return h(
    "section",
    { class: "item" },
    h(
      "div",
      { class: "card" },
      h(
        "div",
        { class: "file" },
        h("span", { class: "file-sign" }, icon("file")),
        h(
          "div",
          { class: "file-text" },
          h("h2", { class: "file-name" }, h("bdi", {}, visible(name))),
          h(
            "p",
            { class: "file-state" },
            whose,
            ` \u00b7 ${sizeText(size)}`,
            stateOf({ how, self, bytes, size, path, reason, text }),
          ),
        ),
      ),
      isFetching
        ? h("progress", {
          max: Math.max(size, 1),
          value: bytes,
          "aria-label": `Downloading ${visible(name)}`,
        })
        : null,
      item.isDismissed || actions.length === 0 ? null : h("div", { class: "actions" }, actions),
    ),
  );
}

const REASONS = {
  changed: "it isn\u2019t any more what was offered",
  withdrawn: "the offer was taken back",
  "no-holder": "nobody who has it could be reached",
  disk: "the disk refused",
};

function stateOf({ how, self, bytes, size, path, reason, text }) {
  if (how === "progress" || how === "started") {
    return ` \u00b7 ${size === 0 ? 100 : Math.floor(100 * bytes / size)} %`;
  }
  if (how === "done" && !self) return [" \u00b7 saved as ", h("code", {}, visible(path ?? ""))];
  if (how === "cancelled") return self ? " \u00b7 taken back" : " \u00b7 stopped";
  if (how === "failed") return ` \u00b7 ${text ?? REASONS[reason] ?? "it can\u2019t be had"}`;
  return "";
}

/** What was sent just as the program ended: nobody knows whether it was said. */
function unsaid(item, _, context) {
  return h(
    "div",
    { class: "item note is-warning" },
    h("span", { class: "note-sign" }, icon("warning")),
    h(
      "div",
      { class: "note-text" },
      "The program ended before it answered: this may not have been said.",
      bodyElement(item.text, context, "said-text"),
      h(
        "button",
        { type: "button", class: "more", onclick: () => context.act.putBack(item.text) },
        "Put it into the message box",
      ),
    ),
  );
}

const MAKERS = { said, line, since, answer, vote, offer, unsaid };
