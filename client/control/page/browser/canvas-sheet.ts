// A canvas that fits its place in the page on every screen: it follows changes of size and of the screen's resolution, and
// says when it has to be drawn again.
import type { Brush, Size } from './brush.ts';

export class CanvasSheet {
  readonly canvas: HTMLCanvasElement;
  readonly #brush: CanvasRenderingContext2D;
  #size: Size = { width: 0, height: 0 };

  /** `onResize` is told when what is drawn is gone. */
  constructor(canvas: HTMLCanvasElement, onResize: () => void) {
    this.canvas = canvas;
    const brush = canvas.getContext('2d');
    if (brush === null) throw new Error('this browser draws on no canvas');
    this.#brush = brush;
    new ResizeObserver(() => {
      this.#size = { width: canvas.clientWidth, height: canvas.clientHeight };
      onResize();
    }).observe(canvas);
  }

  get size(): Size {
    return this.#size;
  }

  /** The brush, in CSS pixels. */
  ready(): Brush {
    const scale = devicePixelRatio;
    const width = Math.round(this.#size.width * scale);
    const height = Math.round(this.#size.height * scale);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.#brush.setTransform(scale, 0, 0, scale, 0, 0);
    return this.#brush;
  }
}
