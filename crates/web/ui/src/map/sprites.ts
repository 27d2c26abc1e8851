/** Vehicle markers, drawn once per look and kept: the badge with its line, the dot, the pointer and the marks. */

import { readable } from "../core/colors";
import type { Look } from "../core/fleet";
import { FONT, GROUNDS, type Theme } from "./theme";

/** An image with its size and its anchor in CSS pixels. */
export interface Sprite {
  image: HTMLCanvasElement;
  width: number;
  height: number;
  anchorX: number;
  anchorY: number;
}

export interface Badge extends Sprite {
  /** Half the body's size: where the pointer sits and what can be touched. */
  halfWidth: number;
  halfHeight: number;
  /** Of its corners. */
  radius: number;
}

/** More looks than this at once cannot be; past it the cache starts over rather than grow. */
const MAX_SPRITES = 4_000;
const BODY_HEIGHT = 23;
const PAD = 14;
/** A dot points in so many directions. */
const DOT_TURNS = 24;

export class Sprites {
  readonly #kept = new Map<string, Sprite>();
  #theme: Theme;
  #ratio = 1;

  constructor(theme: Theme) {
    this.#theme = theme;
  }

  /** Drops all images: the theme, the font or the screen's density changed. */
  restart(theme: Theme, ratio: number): void {
    this.#theme = theme;
    this.#ratio = ratio;
    this.#kept.clear();
  }

  badge(look: Look, chosen: boolean): Badge {
    const key = `b ${look.line} ${look.color} ${look.textColor} ${look.punctuality} ${look.mark} ${look.rail} ${chosen}`;
    return this.#keep(key, () => this.#drawBadge(look, chosen)) as Badge;
  }

  /** A dot with its pointer, turned ahead of time: there may be thousands in a frame. */
  dot(look: Look, headingDeg: number | null): Sprite {
    const turn = headingDeg === null ? -1 : Math.round((headingDeg / 360) * DOT_TURNS) % DOT_TURNS;
    return this.#keep(`d ${look.color} ${look.punctuality} ${turn}`, () => this.#drawDot(look, turn));
  }

  /** A badge's pointer, tip up; it is turned around the badge's middle. */
  pointer(look: Look): Sprite {
    return this.#keep(`p ${look.color}`, () => this.#drawPointer(look));
  }

  age(words: string): Sprite {
    return this.#keep(`a ${words}`, () => this.#drawAge(words));
  }

  #keep(key: string, draw: () => Sprite): Sprite {
    let found = this.#kept.get(key);
    if (!found) {
      if (this.#kept.size >= MAX_SPRITES) this.#kept.clear();
      found = draw();
      this.#kept.set(key, found);
    }
    return found;
  }

  #canvas(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(width * this.#ratio);
    canvas.height = Math.ceil(height * this.#ratio);
    const context = canvas.getContext("2d")!;
    context.scale(this.#ratio, this.#ratio);
    return [canvas, context];
  }

  #drawBadge(look: Look, chosen: boolean): Badge {
    const ground = GROUNDS[this.#theme];
    const font = `700 13.5px ${FONT}`;
    const measure = document.createElement("canvas").getContext("2d")!;
    measure.font = font;
    const bodyWidth = Math.max(BODY_HEIGHT + 3, Math.ceil(measure.measureText(look.line).width) + 13);
    const width = bodyWidth + PAD * 2;
    const height = BODY_HEIGHT + PAD * 2;
    const [image, context] = this.#canvas(width, height);
    const radius = look.rail ? 5 : BODY_HEIGHT / 2;
    const body = () => {
      context.beginPath();
      context.roundRect(PAD, PAD, bodyWidth, BODY_HEIGHT, radius);
    };
    context.shadowColor = ground.shadow;
    context.shadowBlur = (chosen ? 12 : 5) * this.#ratio;
    context.shadowOffsetY = 1.5 * this.#ratio;
    body();
    context.lineWidth = chosen ? 7 : 4;
    context.strokeStyle = ground.casing;
    context.stroke();
    context.shadowColor = "transparent";
    const hollow = look.punctuality === "unknown";
    const ink = readable(look.color, ground.casing, 4.5);
    body();
    context.fillStyle = hollow ? ground.casing : look.color;
    context.fill();
    if (hollow) {
      context.setLineDash([3.5, 2.2]);
      context.lineWidth = 1.8;
      context.strokeStyle = ink;
      context.stroke();
      context.setLineDash([]);
    }
    if (chosen) {
      context.beginPath();
      context.roundRect(PAD - 4.5, PAD - 4.5, bodyWidth + 9, BODY_HEIGHT + 9, radius + 4.5);
      context.lineWidth = 2.5;
      context.strokeStyle = ink;
      context.stroke();
    }
    context.font = font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = hollow ? ink : look.textColor;
    context.fillText(look.line, PAD + bodyWidth / 2, PAD + BODY_HEIGHT / 2 + 0.8);
    if (look.mark) this.#drawMark(context, look, PAD + bodyWidth - 3, PAD - 1);
    return {
      image, width, height, anchorX: width / 2, anchorY: height / 2,
      halfWidth: bodyWidth / 2, halfHeight: BODY_HEIGHT / 2, radius,
    };
  }

  /** "+3" on a box, "−1" on a round end: the sign and the shape say it, the colour only repeats it. */
  #drawMark(context: CanvasRenderingContext2D, look: Look, x: number, y: number): void {
    const ground = GROUNDS[this.#theme];
    context.font = `700 10.5px ${FONT}`;
    const width = Math.max(17, Math.ceil(context.measureText(look.mark).width) + 7);
    const left = x - width / 2 + 3;
    context.beginPath();
    context.roundRect(left, y - 8, width, 15, look.punctuality === "late" ? 3.5 : 7.5);
    context.lineWidth = 3;
    context.strokeStyle = ground.casing;
    context.stroke();
    context.fillStyle = look.punctuality === "late" ? ground.late : ground.early;
    context.fill();
    context.fillStyle = "#ffffff";
    context.textAlign = "center";
    context.fillText(look.mark, left + width / 2, y);
  }

  #drawDot(look: Look, turn: number): Sprite {
    const ground = GROUNDS[this.#theme];
    const size = 28;
    const middle = size / 2;
    const [image, context] = this.#canvas(size, size);
    const ink = readable(look.color, ground.casing, 3);
    if (turn >= 0) {
      context.translate(middle, middle);
      context.rotate((turn / DOT_TURNS) * Math.PI * 2);
      fillPointer(context, 0, -10.4, 4.2, 6, ink, ground.casing, 3);
      context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    }
    context.beginPath();
    context.arc(middle, middle, 5.2, 0, Math.PI * 2);
    context.lineWidth = 3.4;
    context.strokeStyle = ground.casing;
    context.stroke();
    const hollow = look.punctuality === "unknown";
    context.fillStyle = hollow ? ground.casing : ink;
    context.fill();
    if (hollow) {
      context.lineWidth = 2;
      context.strokeStyle = ink;
      context.stroke();
    }
    // Late is a box, early a disc, as on the badges.
    if (look.punctuality === "late" || look.punctuality === "early") {
      const late = look.punctuality === "late";
      context.beginPath();
      if (late) context.rect(middle + 1.5, middle - 7.5, 6, 6);
      else context.arc(middle + 4.5, middle - 4.5, 3.2, 0, Math.PI * 2);
      context.lineWidth = 2;
      context.strokeStyle = ground.casing;
      context.stroke();
      context.fillStyle = late ? ground.late : ground.early;
      context.fill();
    }
    return { image, width: size, height: size, anchorX: middle, anchorY: middle };
  }

  #drawPointer(look: Look): Sprite {
    const { casing } = GROUNDS[this.#theme];
    const halfBase = 6.6;
    const tall = 9.4;
    const width = halfBase * 2 + 6;
    const height = tall + 8;
    const [image, context] = this.#canvas(width, height);
    fillPointer(context, width / 2, 3, halfBase, tall, readable(look.color, casing, 3), casing, 4);
    // The anchor is the middle of the base: it is put on the body's edge.
    return { image, width, height, anchorX: width / 2, anchorY: 3 + tall };
  }

  #drawAge(words: string): Sprite {
    const ground = GROUNDS[this.#theme];
    const font = `600 10.5px ${FONT}`;
    const measure = document.createElement("canvas").getContext("2d")!;
    measure.font = font;
    const width = Math.ceil(measure.measureText(words).width) + 10;
    const [image, context] = this.#canvas(width, 16);
    context.font = font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3.5;
    context.strokeStyle = ground.halo;
    context.strokeText(words, width / 2, 8);
    context.fillStyle = ground.label;
    context.fillText(words, width / 2, 8);
    return { image, width, height: 16, anchorX: width / 2, anchorY: 8 };
  }
}

/** A triangle with its tip at (x, y), pointing up. */
function fillPointer(
  context: CanvasRenderingContext2D, x: number, y: number, halfBase: number, tall: number, fill: string, casing: string, casingWidth: number,
): void {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + halfBase, y + tall);
  context.lineTo(x - halfBase, y + tall);
  context.closePath();
  context.lineJoin = "round";
  context.lineWidth = casingWidth;
  context.strokeStyle = casing;
  context.stroke();
  context.fillStyle = fill;
  context.fill();
}
