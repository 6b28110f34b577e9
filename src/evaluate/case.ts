import { z } from 'zod';
import type { AnnotatedImage } from '../data/sets/annotated-set.js';
import { markedOf, type Thresholds } from '../detect/marking.js';
import { ruleA, ruleB, RULE_A_RADIUS_MM, RULE_B_RADIUS_MM, type Boxed, type Detection, type FrocImage, type Mark } from './froc.js';

const edges = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const counts = z.strictObject({ tp: z.number(), fp: z.number(), fn: z.number(), tn: z.number() });

/** What a model found on one image beside what is marked there. Coordinates in px of the image. One line of predictions.ndjson. */
export const caseSchema = z.strictObject({
  id: z.string(),
  sha256: z.string(),
  width: z.number(),
  height: z.number(),
  /** [row, column], mm */
  pixelSpacingMm: z.tuple([z.number(), z.number()]),
  breastCm2: z.number(),
  mcScore: z.number(),
  malignancyScore: z.number(),
  detections: z.array(z.strictObject({ x: z.number(), y: z.number(), box: edges, score: z.number(), excused: z.boolean() })),
  /** Null where microcalcifications are not marked one by one; the diameter is null where a mark has no extent, the contrast where it was not drawn. */
  marks: z
    .array(z.strictObject({ x: z.number(), y: z.number(), box: edges, diameterMm: z.number().nullable(), contrast: z.number().nullable() }))
    .nullable(),
  /** Marks left out because they lie outside the image. */
  outside: z.number(),
  /** Null unless every mark has an extent. */
  pixels: counts.nullable(),
  /** Of each mark with an extent and what was segmented at it. */
  objectIous: z.array(z.number()),
  /** Pictures of it may be shown. */
  showable: z.boolean(),
  vendor: z.string().nullable(),
  warnings: z.array(z.string()),
});

export type CaseResult = z.infer<typeof caseSchema>;

/** An image with its labels and what a model made of it. */
export interface EvaluatedCase {
  readonly image: AnnotatedImage;
  readonly result: CaseResult;
}

export type RuleName = 'A' | 'B';

export interface RuleDescription {
  readonly name: RuleName;
  readonly radiusMm: number;
  readonly text: string;
}

export const RULES: readonly RuleDescription[] = [
  {
    name: 'A',
    radiusMm: RULE_A_RADIUS_MM,
    text: 'within 0.35 mm of a mark or boxes of IoU >= 0.3, best score first, each mark once (HDoGReg, arXiv:2102.00754)',
  },
  {
    name: 'B',
    radiusMm: RULE_B_RADIUS_MM,
    text: 'nearest free mark within 0.49 mm, best score first, all else false (GravityNet, arXiv:2309.12876)',
  },
];

export const matchRule = (name: RuleName): ReturnType<typeof ruleA> => (name === 'A' ? ruleA(RULE_A_RADIUS_MM) : ruleB(RULE_B_RADIUS_MM));

/** Coordinates in mm, as the rules are. */
export function frocImageOf(
  { detections: all, marks, pixelSpacingMm }: CaseResult,
  thresholds?: Thresholds,
): FrocImage<Detection & Boxed, Mark & Boxed> {
  const [row, column] = pixelSpacingMm;
  const isMarked = thresholds && markedOf(all, pixelSpacingMm, thresholds);
  const detections = isMarked ? all.filter((_, i) => isMarked[i]) : all;
  const inMm = (object: { readonly x: number; readonly y: number; readonly box: readonly number[] }): Mark & Boxed => {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = object.box;
    return { x: object.x * column, y: object.y * row, box: [x0 * column, y0 * row, x1 * column, y1 * row] };
  };
  return {
    detections: detections.map((detection) => ({ ...inMm(detection), score: detection.score })),
    marks: (marks ?? []).map(inMm),
    excused: detections.map(({ excused }) => excused),
  };
}
