import type { Thresholds } from '../detect/marking.js';
import type { BootstrapOptions } from './bootstrap.js';
import { pairedDifference, type Difference } from './bootstrap.js';
import { RULES, type EvaluatedCase } from './case.js';
import { FigureBook, rounded, type Figure } from './figures.js';
import { aucWithin, imageFigures, MALIGNANT, MALIGNANT_BIOPSIED, PRESENT, type ImageFigures } from './image-figures.js';
import { objectFigures, type ObjectFigures } from './object-figures.js';
import { pixelFigures, type PixelFigures } from './pixel-figures.js';
import { subGroups, type SubGroup } from './sub-groups.js';
import { surface, type Surface } from './surface.js';

/** All figures of one model on one set. Sections that the set's annotations cannot fill are null. */
export interface Evaluation {
  readonly images: number;
  readonly patients: number;
  /** Images whose microcalcifications are marked one by one, of them without any; their marks; marks outside their image; breast area. */
  readonly marked: {
    readonly images: number;
    readonly normal: number;
    readonly marks: number;
    readonly outside: number;
    readonly breastCm2: number;
  };
  readonly objects: readonly ObjectFigures[];
  readonly present: ImageFigures;
  readonly malignant: ImageFigures;
  readonly malignantBiopsied: ImageFigures | null;
  readonly malignantWithinAreaQuintiles: Figure | null;
  readonly pixels: PixelFigures | null;
  /** Of drawn microcalcifications. */
  readonly surface: Surface | null;
  readonly subGroups: readonly SubGroup[];
}

export interface EvaluationOptions extends BootstrapOptions {
  /** The model's frozen ones, on scores of findings. */
  readonly thresholds: Thresholds;
  /** On probabilities of pixels, for the segmentation figures. */
  readonly pixelThreshold: number;
}

export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly book: FigureBook;
}

/** @param every in an order that does not depend on the model, so that two models can be compared */
export function evaluateCases(every: readonly EvaluatedCase[], options: EvaluationOptions): Evaluated {
  const { thresholds, pixelThreshold } = options;
  const patients = every.map(({ image }) => image.patient);
  const book = new FigureBook(patients, options);
  const marked = every.filter(({ result }) => result.marks);
  const hasAttribute = (name: string): boolean => every.some(({ image }) => image.groups[name] !== undefined);
  const objects = marked.length === 0 ? [] : RULES.map((rule) => objectFigures(book, rule, marked, every, thresholds));
  const [present, malignant] = [imageFigures(book, PRESENT, every), imageFigures(book, MALIGNANT, every)];
  const biopsied = hasAttribute('biopsied') ? imageFigures(book, MALIGNANT_BIOPSIED, every) : null;
  const within = hasAttribute('areaQuintile') ? aucWithin(book, MALIGNANT, 'areaQuintile', every) : null;
  const isSegmented = marked.some(({ result }) => result.pixels !== null || result.objectIous.length > 0);
  const pixels = isSegmented ? pixelFigures(book, every, pixelThreshold) : null;
  const drawn = surface(book, every);
  const groups = subGroups(book, every, thresholds);
  const sum = (value: (one: EvaluatedCase) => number): number => marked.reduce((total, one) => total + value(one), 0);
  const evaluation: Evaluation = {
    images: every.length,
    patients: new Set(patients).size,
    marked: {
      images: marked.length,
      normal: marked.filter(({ result }) => result.marks?.length === 0).length,
      marks: sum(({ result }) => result.marks?.length ?? 0),
      outside: sum(({ result }) => result.outside),
      breastCm2: rounded(sum(({ result }) => result.breastCm2)),
    },
    objects: objects.map((figures) => figures()),
    present: present(),
    malignant: malignant(),
    malignantBiopsied: biopsied?.() ?? null,
    malignantWithinAreaQuintiles: within?.() ?? null,
    pixels: pixels?.() ?? null,
    surface: drawn?.() ?? null,
    subGroups: groups(),
  };
  return { evaluation, book };
}

/** One figure of two models on the same images and draws. */
export interface Comparison {
  readonly name: string;
  readonly first: number;
  readonly second: number;
  readonly difference: Difference;
}

/** Paired bootstrap over the figures of whole sets; sub-groups and sizes are too many to be tested. */
export function compareModels(first: FigureBook, second: FigureBook): Comparison[] {
  const isHeadline = (name: string): boolean =>
    /^(A|B|present|malignant|malignant, biopsied only|pixels|objects): /.test(name) && !name.endsWith(' mm');
  return [...first.estimates()].flatMap(([name, one]) => {
    const two = second.estimates().get(name);
    const difference = two && isHeadline(name) ? pairedDifference(one, two) : null;
    return difference && two ? [{ name, first: rounded(one.value), second: rounded(two.value), difference: roundAll(difference) }] : [];
  });
}

function roundAll({ value, low, high, p }: Difference): Difference {
  return { value: rounded(value), low: rounded(low), high: rounded(high), p: rounded(p) };
}
