/** Files that are dragged onto the page. */

import { setText } from "./dom.js";

const $ = (id) => document.getElementById(id);

/** @param whom To whom a file goes that is let go now, in words; null: to nobody. @param take Takes the files. */
export function listenToDrops(whom, take) {
  const drop = $("drop");
  const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files") === true;
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // a file that is let go beside the mark mustn't replace the page
    const name = whom();
    drop.hidden = name === null;
    if (name !== null) setText($("drop-text"), `Drop here to offer to ${name}`);
    event.dataTransfer.dropEffect = drop.hidden ? "none" : "copy";
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (!drop.hidden) take(event.dataTransfer.files);
    drop.hidden = true;
  });
}
