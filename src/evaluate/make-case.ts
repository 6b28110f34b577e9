import { labelComponents } from '../data/components.js';
import type { Mammogram } from '../data/mammogram.js';
import type { AnnotatedImage } from '../data/sets/annotated-set.js';
import { centreOf, contains, edgesOf, fitShapes, hasExtent, pixelsOf, type Shape } from '../data/shapes.js';
import type { DetectedMammogram } from '../detect/detector.js';
import { mapOnOriginalGrid } from '../detect/maps.js';
import type { CaseResult } from './case.js';
import { countOverlap, type Counts } from './metrics.js';

/** Where findings count as segmented: probability of any microcalcification, of the map on the image's own grid. */
export const PIXEL_THRESHOLD = 0.5;

export interface CaseSettings {
  readonly sha256: string;
  /** Of the model's grid, on which the breast was outlined, mm. */
  readonly workingMm: number;
  readonly pixelThreshold: number;
}

/** Sets what a model found beside what is marked. @param mammogram with a pixel spacing */
export function makeCase(image: AnnotatedImage, mammogram: Mammogram, detected: DetectedMammogram, settings: CaseSettings): CaseResult {
  const { width, height } = mammogram.image;
  const spacing = mammogram.pixelSpacingMm ?? [settings.workingMm, settings.workingMm];
  const { inside: marks, outside } = fitShapes(image.marks ?? [], width, height);
  const { inside: unmarked } = fitShapes(image.unmarked, width, height);
  const measurable = marks.filter(hasExtent);
  const isWhole = image.marks !== null && measurable.length === marks.length;
  const segmented = isWhole || measurable.length > 0 ? segment(mammogram, detected, settings.pixelThreshold) : null;
  const { found } = detected;
  return {
    id: image.id,
    sha256: settings.sha256,
    width,
    height,
    pixelSpacingMm: [...spacing],
    breastCm2: (detected.breast.reduce((sum, v) => sum + v, 0) * settings.workingMm ** 2) / 100,
    mcScore: found.mcScore,
    malignancyScore: found.malignancyScore,
    detections: found.findings.map(({ x, y, box, score }) => ({
      x,
      y,
      box,
      score,
      excused: unmarked.some((area) => contains(area, x, y)),
    })),
    marks: image.marks ? marks.map((mark) => markOf(mark, width, height, spacing)) : null,
    outside,
    pixels: segmented && isWhole ? pixelCounts(segmented, marks, unmarked, width, height) : null,
    objectIous: segmented ? objectIous(segmented, measurable, width, height) : [],
    showable: !mammogram.burnedIn,
    vendor: mammogram.manufacturer ?? null,
    warnings: [...found.warnings],
  };
}

type CaseMark = NonNullable<CaseResult['marks']>[number];

function markOf(mark: Shape, width: number, height: number, [row, column]: readonly [number, number]): CaseMark {
  const [x, y] = centreOf(mark);
  const areaMm2 = hasExtent(mark) ? pixelsOf(mark, width, height).length * row * column : null;
  return {
    x,
    y,
    box: [...edgesOf(mark)],
    diameterMm: areaMm2 === null ? null : 2 * Math.sqrt(areaMm2 / Math.PI),
    contrast: mark.contrast ?? null,
  };
}

/** 1 where the probability of either class, taken as independent, reaches the threshold on the image's own grid. */
function segment({ image }: Mammogram, { maps, scale }: DetectedMammogram, threshold: number): Uint8Array {
  const any = maps.benignLike.map((b, i) => 1 - (1 - b) * (1 - maps.malignantLike[i]!));
  return Uint8Array.from(mapOnOriginalGrid(any, maps, image, scale).data, (p) => (p >= threshold ? 1 : 0));
}

/** Pixels of areas with unmarked objects count for nothing. */
export function pixelCounts(
  segmented: Uint8Array,
  marks: readonly Shape[],
  unmarked: readonly Shape[],
  width: number,
  height: number,
): Counts {
  const truth = new Uint8Array(width * height);
  for (const mark of marks) for (const i of pixelsOf(mark, width, height)) truth[i] = 1;
  const left = new Set(unmarked.flatMap((area) => pixelsOf(area, width, height)).filter((i) => truth[i] === 0));
  const counted = left.size === 0 ? segmented : segmented.map((v, i) => (left.has(i) ? 0 : v));
  const counts = countOverlap(counted, truth);
  return { ...counts, tn: counts.tn - left.size };
}

/** Of each mark: intersection over union with all segmented pieces that touch it; 0 where none does. */
export function objectIous(segmented: Uint8Array, marks: readonly Shape[], width: number, height: number): number[] {
  if (marks.length === 0) return [];
  const { of, pieces } = labelComponents(segmented, width, height);
  return marks.map((mark) => {
    const own = pixelsOf(mark, width, height);
    const hit = own.filter((i) => segmented[i] === 1);
    const touching = new Set(hit.map((i) => of[i]!));
    const predicted = [...touching].reduce((sum, piece) => sum + pieces[piece]!.size, 0);
    return hit.length / (own.length + predicted - hit.length);
  });
}
