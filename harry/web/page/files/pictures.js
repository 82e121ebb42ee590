// Pictures to show: chosen, dropped or pasted; made small here, for a message holds no more than a megabyte.

import { $, el } from "./dom.js";

const LONGEST = 1568; // pixels, as minds see them
const MOST = 4;

export class Pictures {
  constructor(trouble) {
    this.trouble = trouble;
    this.shown = [];
    $("picture").addEventListener("change", ({ target }) => {
      this.add(target.files);
      target.value = "";
    });
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      this.add(event.dataTransfer.files);
    });
    addEventListener("paste", (event) => this.add(event.clipboardData?.files ?? []));
  }

  async add(files) {
    for (const file of files) {
      if (!file.type.startsWith("image/")) continue;
      try {
        this.shown.push(await small(file));
      } catch {
        this.trouble(`${file.name || "This"} is no picture that the browser can read.`);
      }
    }
    this.shown = this.shown.slice(-MOST);
    this.show();
  }

  take() {
    const taken = this.shown;
    this.shown = [];
    this.show();
    return taken;
  }

  show() {
    $("pictures").replaceChildren(
      ...this.shown.map((uri, at) =>
        el("li", {}, el("img", { src: uri, alt: "" }), el("button", { type: "button", "aria-label": "Leave this picture out", onclick: () => {
          this.shown.splice(at, 1);
          this.show();
        } }, "×")),
      ),
    );
  }
}

async function small(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = el("canvas", { width: Math.max(1, Math.round(bitmap.width * scale)), height: Math.max(1, Math.round(bitmap.height * scale)) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  for (const quality of [0.85, 0.7, 0.5, 0.3]) {
    const uri = canvas.toDataURL("image/jpeg", quality);
    if (uri.length < 700_000) return uri;
  }
  throw new Error("too large");
}
