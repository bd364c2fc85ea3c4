/**
 * The list of what was said in one place. Only chunks near what is seen are drawn; the others are a blank of their height.
 * What is seen stays where it is, whatever comes above or below it, unless the end is seen: then it stays the end.
 */

import { h } from "./dom.js";
import { goOn, keepOneStop } from "./entry_tools.js";
import { hueOf } from "./hues.js";
import { itemElement } from "./items.js";
import { goesOnText } from "./offers.js";
import { peopleOf } from "./places.js";
import { unnamed } from "./runs.js";
import { drawnOf, keptScroll } from "./spans.js";
import { dayNumber } from "./times.js";

/** Nearer to the end than this, it is the end, px. */
const END_PX = 48;
/** So often a picture is drawn anew, as heights were others than they were thought to be. */
const DRAWS_MAX = 4;
/** Until something is measured, px. */
const ITEM_PX = 44;

export class Timeline {
  #element;
  #top = h("div", { class: "earlier", hidden: true });
  #above = h("div", { class: "filler", "aria-hidden": "true" });
  #below = h("div", { class: "filler", "aria-hidden": "true" });
  #changed;
  #context = null;
  /** By id: `{chunk, before, element, parts: [{item, before, signature, element}]}`. */
  #drawn = new Map();
  /** Heights by chunk, as last measured; those of another width are guesses. */
  #heights = new Map();
  #measured = { px: 0, items: 0 };
  #width = 0;
  /** The item to which a search led, and what it was for: `{key, searched}`; until the end or another place is gone to. */
  #found = null;
  /** What was seen after the last picture: a window that has another width has moved everything already. */
  #seen = null;
  /** By place: where one was: `null` for the end, else `{key, offset}`. */
  #positions = new Map();
  #isAtEnd = true;
  #observer;

  /** @param changed Called when the end comes into view, or leaves it. @param earlier Asks for what was said before. */
  constructor(element, { changed, earlier }) {
    this.#element = element;
    this.#changed = changed;
    const button = h(
      "button",
      { type: "button", class: "more", onclick: earlier },
      "Show earlier messages",
    );
    this.#top.append(button);
    element.append(this.#top, this.#above, this.#below);
    element.addEventListener("keydown", (event) => goOn(event, element));
    element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(element);
  }

  get isAtEnd() {
    return this.#isAtEnd;
  }

  /** Shows a place, or what has changed in it. @param context As of `itemElement`. */
  show(context) {
    this.#followWidth();
    const isOther = this.#context?.place.id !== context.place.id;
    if (isOther) this.#leave();
    const anchor = isOther ? null : this.#anchor();
    this.#context = context;
    this.#showTop(
      context.place.hasAll !== true && context.place.chunks.length > 0 && context.canAskEarlier,
    );
    this.#showEmpty();
    if (isOther) this.#enter();
    else if (anchor !== null && !this.#isNear(anchor)) this.#goTo(anchor);
    else this.#draw(anchor);
  }

  /** Whether an item would be drawn as it is scrolled to: much may have come before it. */
  #isNear({ key }) {
    const { scrollTop, clientHeight } = this.#element;
    const chunk = this.#context.place.chunks.find(({ items }) => items.at(-1).key >= key);
    if (chunk === undefined) return true;
    const top = this.#topOf(key);
    return top <= scrollTop + clientHeight &&
      top + this.#heightOf(chunk) >= scrollTop - clientHeight;
  }

  scrollToEnd() {
    this.#found = null;
    this.#isAtEnd = true;
    this.#draw(null);
    this.#changed();
  }

  /**
   * Scrolls to an item, and leads there whoever goes on with the keyboard.
   * @param searched What is to be marked in it.
   */
  reveal(key, searched) {
    this.#found = { key, searched };
    this.#isAtEnd = false;
    this.#goTo({ key, offset: this.#element.clientHeight / 3 });
    this.#scrolled();
    this.#changed();
    const found = this.#element.querySelector(`.item[data-key="${key}"]`);
    if (found === null) return;
    found.tabIndex = -1;
    found.focus({ preventScroll: true });
  }

  #showTop(isThere) {
    const hadFocus = this.#top.contains(document.activeElement);
    this.#top.hidden = !isThere;
    if (hadFocus && !isThere) this.#element.focus({ preventScroll: true });
  }

  #showEmpty() {
    const { place, empty, act } = this.#context;
    const old = this.#element.querySelector(":scope > .empty");
    // Lines of the program alone, and answers to commands, don't say what this place is for.
    const hasSaid = place.chunks.some(({ items }) =>
      items.some(({ author }) => author !== undefined)
    );
    if (hasSaid && old === null) return;
    const made = hasSaid ? null : empty(); // null, too, while what is there is still fetched
    made?.classList.toggle("is-above", place.chunks.length > 0);
    if (old === null) return this.#element.prepend(...(made === null ? [] : [made]));
    if (old.outerHTML === made?.outerHTML) return;
    const hadFocus = old.contains(document.activeElement);
    old.replaceWith(...(made === null ? [] : [made]));
    if (hadFocus) act.lostFocus();
  }

  #leave() {
    this.#found = null;
    if (this.#context === null) return;
    this.#positions.set(this.#context.place.id, this.#isAtEnd ? null : this.#anchor());
    for (const { element } of this.#drawn.values()) element.remove();
    this.#drawn.clear();
    this.#heights.clear();
  }

  /** To the line above what is new in the place that is shown. */
  showNew() {
    const { divider } = this.#context.place;
    if (divider === null) return;
    this.#isAtEnd = false;
    this.#goTo({ key: divider, offset: this.#element.clientHeight / 4 });
    this.#scrolled();
    this.#changed();
  }

  #enter() {
    const { place } = this.#context;
    const saved = this.#positions.get(place.id) ?? this.#positions.get(place.was) ?? null;
    const at = place.divider === null
      ? saved
      : { key: place.divider, offset: this.#element.clientHeight / 4 };
    this.#isAtEnd = at === null;
    if (at === null) {
      this.#draw(null);
    } else {
      this.#goTo(at);
      this.#scrolled();
    }
    this.#changed();
  }

  /** Scrolls to where an item is, wherever that is as far as heights are known. */
  #goTo(anchor) {
    const { chunks } = this.#context.place;
    // High enough for the place to be scrolled to; drawing gives the right height.
    const height = chunks.reduce((sum, chunk) => sum + this.#heightOf(chunk), 0);
    this.#above.style.height = `${height + this.#element.clientHeight}px`;
    this.#element.scrollTop = this.#topOf(anchor.key) - anchor.offset;
    this.#draw(anchor);
  }

  /** Where an item begins, as far as heights are known. */
  #topOf(key) {
    let top = this.#above.offsetTop;
    for (const chunk of this.#context.place.chunks) {
      if (chunk.items.at(-1).key >= key) return top;
      top += this.#heightOf(chunk);
    }
    return top;
  }

  /** A guess stays what it was until the chunk is drawn: else all that is above would move with each that is. */
  #heightOf = (chunk) => {
    const { px, items } = this.#measured;
    const each = items === 0 ? ITEM_PX : px / items;
    let known = this.#heights.get(chunk.id);
    if (known === undefined) {
      known = { height: each * chunk.items.length, count: chunk.items.length, isGuess: true };
      this.#heights.set(chunk.id, known);
    }
    return known.height + ITEM_PX * (chunk.items.length - known.count);
  };

  #scrolled() {
    this.#followWidth();
    const { scrollTop, scrollHeight, clientHeight } = this.#element;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX;
    if (isAtEnd !== this.#isAtEnd) {
      this.#isAtEnd = isAtEnd;
      this.#changed();
    }
    if (this.#context !== null) this.#draw(this.#anchor(), true);
  }

  /** Another width has moved all: before anything is measured in it, what was seen is put back. */
  #followWidth() {
    if (this.#element.clientWidth !== this.#width) this.#resized();
  }

  #resized() {
    if (this.#context === null) return;
    const width = this.#element.clientWidth;
    const isOther = width !== this.#width;
    const anchor = this.#isAtEnd ? null : isOther ? this.#seen : this.#anchor();
    if (!isOther) return this.#draw(anchor);
    this.#width = width;
    this.#heights.clear();
    this.#measured = { px: 0, items: 0 };
    if (anchor === null) this.#draw(null);
    else this.#goTo(anchor);
  }

  /** The first item that is seen, and how far below the top of the view it begins; null: none, or the end is seen. */
  #anchor() {
    if (this.#isAtEnd) return null;
    const { top } = this.#element.getBoundingClientRect();
    for (const { element, parts } of this.#drawn.values()) {
      if (element.getBoundingClientRect().bottom <= top) continue;
      for (const { item, element: part } of parts) {
        const rect = part.getBoundingClientRect();
        // Of a pixel nothing is read.
        if (rect.bottom > top + 1) return { key: item.key, offset: rect.top - top };
      }
    }
    return null;
  }

  #draw(anchor, isScroll = false) {
    // Where a guess was far off, what is seen then isn't drawn yet.
    for (let times = 0; times < DRAWS_MAX; times++) if (!this.#drawOnce(anchor, isScroll)) break;
    this.#seen = this.#anchor();
    keepOneStop(this.#element);
  }

  /** @returns Whether heights are others than they were thought to be. */
  #drawOnce(anchor, isScroll) {
    const { place: { chunks } } = this.#context;
    const isFixed = this.#isAtEnd && !isScroll;
    const { clientHeight } = this.#element;
    const top = isFixed
      ? chunks.reduce((sum, chunk) => sum + this.#heightOf(chunk), 0) - clientHeight
      : this.#element.scrollTop - this.#above.offsetTop;
    const { first, end, before, after } = drawnOf(chunks, this.#heightOf, top, clientHeight);
    this.#drawChunks(chunks, first, end);
    this.#above.style.height = `${before}px`;
    this.#below.style.height = `${after}px`;
    const isOther = this.#measure();
    if (isFixed) this.#element.scrollTop = this.#element.scrollHeight;
    else if (anchor !== null) this.#keep(anchor);
    return isOther;
  }

  #keep({ key, offset }) {
    const { top } = this.#element.getBoundingClientRect();
    for (const { parts } of this.#drawn.values()) {
      const part = parts.find(({ item }) => item.key === key);
      if (part === undefined) continue;
      const now = part.element.getBoundingClientRect().top - top;
      if (Math.abs(now - offset) >= 1) {
        this.#element.scrollTop = keptScroll(this.#element.scrollTop, offset, now);
      }
      return;
    }
  }

  #drawChunks(chunks, first, end) {
    const wanted = new Set(chunks.slice(first, end).map(({ id }) => id));
    for (const [id, { element }] of this.#drawn) {
      if (wanted.has(id)) continue;
      this.#observer.unobserve(element);
      element.remove();
      this.#drawn.delete(id);
    }
    let next = this.#above.nextSibling;
    const drawn = new Map();
    for (let index = first; index < end; index++) {
      const chunk = chunks[index];
      const entry = this.#drawn.get(chunk.id) ?? this.#newEntry();
      this.#drawItems(entry, chunk, chunks[index - 1]?.items ?? []);
      if (entry.element === next) next = next.nextSibling;
      else this.#element.insertBefore(entry.element, next);
      drawn.set(chunk.id, entry);
    }
    this.#drawn = drawn;
  }

  #newEntry() {
    const element = h("div", { class: "chunk" });
    element.style.display = "flow-root";
    this.#observer.observe(element);
    return { element, parts: [] };
  }

  /** Elements are kept for items that are as before: nothing flickers, and a selection stays. */
  #drawItems(entry, chunk, above) {
    const old = new Map(entry.parts.map((part) => [part.item.key, part]));
    const under = unnamed(chunk.items, above);
    let before = above.at(-1) ?? null;
    let next = entry.element.firstChild;
    const hadFocus = entry.element.contains(document.activeElement);
    const parts = chunk.items.map((item) => {
      const searched = this.#found?.key === item.key ? this.#found.searched : undefined;
      const signature = `${this.#signatureOf(item)} ${under.has(item)} ${searched}`;
      let part = old.get(item.key);
      old.delete(item.key);
      if (part?.item !== item || part.before !== before || part.signature !== signature) {
        const element = itemElement({ ...item, searched }, before, under.has(item), this.#context);
        if (part !== undefined) {
          if (part.element === next) next = next.nextSibling;
          part.element.remove();
        }
        part = { item, before, signature, element };
      }
      before = item;
      if (part.element === next) next = next.nextSibling;
      else entry.element.insertBefore(part.element, next);
      return part;
    });
    for (const { element } of old.values()) element.remove();
    entry.parts = parts;
    if (hadFocus && !entry.element.contains(document.activeElement)) this.#context.act.lostFocus();
  }

  /** What an item's look depends on, besides the item. */
  #signatureOf(item) {
    const { state, place, nowMs } = this.#context;
    const isDivided = place.divider === item.key;
    const shared = `${isDivided} ${dayNumber(nowMs)} ${state.marked.size}`;
    if (item.author === undefined) return shared;
    const { verified, refused, changed } = peopleOf(state, place).get(item.from) ?? {};
    const waits = item.kind === "offer" ? goesOnText(item, this.#context) : "";
    const hue = hueOf(state, item.from, item.author);
    return `${shared} ${hue} ${verified} ${refused} ${changed?.key} ${waits}`;
  }

  #measure() {
    let isOther = false;
    for (const [id, { element, parts }] of this.#drawn) {
      const height = element.offsetHeight;
      const known = this.#heights.get(id);
      const before = known.isGuess ? { height: 0, count: 0 } : known;
      this.#measured.px += height - before.height;
      this.#measured.items += parts.length - before.count;
      this.#heights.set(id, { height, count: parts.length, isGuess: false });
      if (Math.abs(height - known.height) >= 1) isOther = true;
    }
    return isOther;
  }
}
