/** Answers to commands as cards. */

import { bodyElement, sentence } from "./body.js";
import { copyButton, h, nameOf, svg } from "./dom.js";
import { shownName, visible } from "./harmless.js";
import { listed } from "./phrases.js";
import { qrShape } from "./qr.js";
import { timeText } from "./times.js";

export function answer(item, _, context) {
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
  if (block.digits) {
    const groups = block.digits.split(/\s+/).map((group) => h("span", {}, `${group} `));
    return h("p", { class: "digits" }, groups);
  }
  if (block.rowsOfQr) {
    return qrElement(block.rowsOfQr);
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

/** Modules that stay light around a code. */
const QUIET = 4;
/** Those that the rows have already. */
const QUIET_OF_ROWS = 2;

/** Dark on white in any colours of the page: not every camera reads it the other way round. */
function qrElement(rows) {
  const { side, path } = qrShape(rows);
  const more = QUIET - QUIET_OF_ROWS;
  const shape = svg(`${-more} ${-more} ${side + 2 * more} ${side + 2 * more}`, [path]);
  return h("div", { class: "qr", role: "img", "aria-label": "The invite as a QR code" }, shape);
}

function foundElement(
  { seq, at, from, to, text, place, isPrivate, editedBy, agreed = [], searched, found },
  context,
) {
  const { state, nowMs, act } = context;
  const said = {
    text,
    from: from ?? state.self,
    self: (from ?? state.self) === state.self,
    searched,
  };
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
      editedBy === undefined
        ? null
        : editedBy === from
        ? ", edited"
        : [", edited by ", nameOf(editedBy, state)],
      agreed.length === 0
        ? null
        : [", agreed by ", ...listed(agreed.map((who) => nameOf(who, state)))],
      ", ",
      timeText(at, nowMs),
    ),
    bodyElement(said, context, "found-text"),
    found === undefined ? null : h("button", {
      type: "button",
      class: "more",
      "aria-label": `Go to it: what ${from ? shownName(from, state) : "you"} said, ${
        timeText(at, nowMs)
      }`,
      onclick: () => act.jump(found),
    }, "Go to it"),
  );
}
