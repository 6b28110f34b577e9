import type { LesionClass } from '../data/classes.js';
import type { GrayImage } from '../data/image.js';
import { Canvas, magnification, paintImage, type Colour, type Picture } from './canvas.js';
import { NOTICE, type ImageFindings } from './findings.js';
import { GLYPH, textWidth } from './overlay-font.js';

/** Apart for colour-blind readers too (Okabe and Ito, https://jfly.uni-koeln.de/color/). */
const MARK_COLOURS: Readonly<Record<LesionClass, Colour>> = { 'benign-like': [86, 180, 233], 'malignant-like': [255, 120, 20] };
const CLUSTER_COLOUR: Colour = [240, 228, 66];

export interface OverlayOptions {
  /** Larger images are scaled down to this longer side, px; images of less than a quarter of it are enlarged by whole numbers. */
  readonly maxSidePx?: number;
}

const MAX_SIDE_PX = 2048;

function paintMarks(canvas: Canvas, found: ImageFindings, zoom: number, size: number): void {
  const onPicture = (v: number): number => (v + 0.5) * zoom - 0.5;
  const gap = 8 * size;
  for (const { box } of found.clusters)
    canvas.frame(onPicture(box[0]) - gap, onPicture(box[1]) - gap, onPicture(box[2]) + gap, onPicture(box[3]) + gap, size, CLUSTER_COLOUR);
  const pixelMm = Math.sqrt(found.pixelSpacingMm[0] * found.pixelSpacingMm[1]);
  for (const mark of found.findings.filter((f) => f.marked)) {
    // Around the finding, not over it.
    const radius = Math.max((mark.diameterMm / 2 / pixelMm) * zoom + 2 * size, 5 * size);
    canvas.ring(onPicture(mark.x), onPicture(mark.y), radius, size, MARK_COLOURS[mark.class]);
  }
}

/** Height of a line of text in glyph pixels, and the room left of the text for its symbol. */
const LINE = GLYPH.height + 3;
const SYMBOL = 12;
const LEGEND = ['benign-like', 'malignant-like', 'cluster'] as const;

function summary(found: ImageFindings): string {
  const marked = found.findings.filter((f) => f.marked).length;
  const scores = `MC ${found.mcScore.toFixed(2)}  malignant-like ${found.malignancyScore.toFixed(2)}`;
  return `${scores}  marks ${marked}  clusters ${found.clusters.length}`;
}

/** Three lines below the image: legend, scores, notice. */
function paintFooter(canvas: Canvas, found: ImageFindings, top: number, size: number): void {
  let x = 4 * size;
  for (const label of LEGEND) {
    const [cx, cy] = [x + 3 * size, top + 5 * size];
    if (label === 'cluster') canvas.frame(cx - 3 * size, cy - 3 * size, cx + 4 * size, cy + 4 * size, size, CLUSTER_COLOUR);
    else canvas.ring(cx, cy, 3.5 * size, size, MARK_COLOURS[label]);
    canvas.text(x + SYMBOL * size, top + 2 * size, label, size);
    x += (SYMBOL + textWidth(label) + 10) * size;
  }
  canvas.text(4 * size, top + (LINE + 2) * size, summary(found), size);
  canvas.text(4 * size, top + (2 * LINE + 2) * size, NOTICE, size);
}

/** Narrowest canvas on which all three lines fit, in glyph pixels. */
function footerWidth(found: ImageFindings): number {
  const legend = LEGEND.reduce((sum, label) => sum + SYMBOL + textWidth(label) + 10, 0);
  return 8 + Math.max(legend, textWidth(summary(found)), textWidth(NOTICE));
}

/**
 * The image with a thin circle around every marked finding (its colour is the class), a box around every cluster, and a footer
 * with legend, scores and the notice that this is no medical device. No name of a file or a person is drawn.
 * @param image the original image, display intensities 0 .. 1
 */
export function drawOverlay(image: GrayImage, found: ImageFindings, { maxSidePx = MAX_SIDE_PX }: OverlayOptions = {}): Picture {
  const zoom = magnification(image, maxSidePx);
  const [width, height] = [Math.max(1, Math.round(image.width * zoom)), Math.max(1, Math.round(image.height * zoom))];
  const size = Math.max(1, Math.round(Math.max(width, height) / 1000));
  const canvas = new Canvas(Math.max(width, footerWidth(found) * size), height + (3 * LINE + 2) * size);
  paintImage(canvas, image, zoom);
  paintMarks(canvas, found, zoom, size);
  // After the marks: one near the lower border may reach into the footer.
  canvas.rectangle(0, height, canvas.width, canvas.height - height, [0, 0, 0]);
  paintFooter(canvas, found, height, size);
  return canvas;
}
