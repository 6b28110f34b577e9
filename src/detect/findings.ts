// The result of a detection run, schema mcgpu.findings/1. Coordinates are those of the original image: x = column, y = row,
// centre of the top-left pixel = (0, 0).
import { z } from 'zod';
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import type { Box, Candidate } from './candidates.js';
import { clusterFindings } from './clusters.js';
import { toOriginal } from './maps.js';
import { markedOf, type Thresholds } from './marking.js';
import type { ImageScores } from './score.js';

export const NOTICE = 'Research use only - not a medical device';

const probability = z.number().min(0).max(1);
const millimetres = z.number().positive();
const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const index = z.int().nonnegative();

const findingSchema = z.strictObject({
  x: z.number(),
  y: z.number(),
  box,
  diameterMm: millimetres,
  score: probability,
  malignancy: probability,
  class: z.enum(SEGMENTATION_CHANNELS),
  marked: z.boolean(),
});

const clusterSchema = z.strictObject({
  x: z.number(),
  y: z.number(),
  box,
  widthMm: z.number().nonnegative(),
  heightMm: z.number().nonnegative(),
  members: z.array(index).min(1),
  score: probability,
  malignancy: probability,
});

const imageSchema = z.strictObject({
  file: z.string(),
  width: z.int().positive(),
  height: z.int().positive(),
  pixelSpacingMm: z.tuple([millimetres, millimetres]),
  mcScore: probability,
  malignancyScore: probability,
  findings: z.array(findingSchema),
  clusters: z.array(clusterSchema),
  warnings: z.array(z.string()),
});

/** `findings.json`, one per run. `model` says which model it was (free form); x, y, boxes in original px, [row, column] in mm. */
export const findingsSchema = z.strictObject({
  schema: z.literal('mcgpu.findings/1'),
  notice: z.literal(NOTICE),
  model: z.record(z.string(), z.json()),
  /** From which score on findings are marked: any, and those in a group (src/detect/marking.ts). */
  threshold: probability,
  groupThreshold: probability,
  minScore: probability,
  images: z.array(imageSchema),
  failures: z.array(z.strictObject({ file: z.string(), error: z.string() })),
});

export type FindingsFile = z.infer<typeof findingsSchema>;
export type ImageFindings = z.infer<typeof imageSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type Failure = FindingsFile['failures'][number];

/** What detection knows of one image. */
export interface DetectedImage {
  /** As the user gave it. */
  readonly file: string;
  /** Size and spacing of the original image. */
  readonly width: number;
  readonly height: number;
  readonly pixelSpacingMm: readonly [row: number, column: number];
  /** Original px per working px, [row, column]. */
  readonly scale: readonly [row: number, column: number];
  /** On the working grid, best first. */
  readonly candidates: readonly Candidate[];
  readonly scores: ImageScores;
  readonly warnings: readonly string[];
}

/** Scores are float32, which below 1 are 6e-8 apart: a threshold frozen at 1 must not mark the next lower one. */
const SCORE_DIGITS = 8;

/** 0.01 px and 0.01 mm are far below any spacing. */
const round = (value: number, digits: number): number => Number(value.toFixed(digits));

const clamp = (value: number, high: number): number => Math.min(Math.max(value, 0), high);

/** The box's outer edges on the original grid, kept within the centres of the outermost pixels. */
function originalBox(candidate: Candidate, image: DetectedImage): [number, number, number, number] {
  const [x0, y0, x1, y1] = candidate.box;
  const column = (x: number): number => round(clamp(toOriginal(x, image.scale[1]), image.width - 1), 2);
  const row = (y: number): number => round(clamp(toOriginal(y, image.scale[0]), image.height - 1), 2);
  return [column(x0), row(y0), column(x1), row(y1)];
}

function findingOf(candidate: Candidate, image: DetectedImage): Omit<Finding, 'marked'> {
  return {
    x: round(clamp(toOriginal(candidate.x, image.scale[1]), image.width - 1), 2),
    y: round(clamp(toOriginal(candidate.y, image.scale[0]), image.height - 1), 2),
    box: originalBox(candidate, image),
    diameterMm: round(candidate.diameterMm, 3),
    score: round(candidate.score, SCORE_DIGITS),
    malignancy: round(candidate.malignancy, 4),
    class: candidate.class,
  };
}

/**
 * Findings and clusters of one image in the contract's form: working-grid candidates become original pixels (half-pixel
 * centres), those at or above the thresholds are marked, marked ones are clustered.
 */
export function buildImageFindings(image: DetectedImage, thresholds: Thresholds): ImageFindings {
  const all = image.candidates.map((c) => findingOf(c, image));
  // Decided on the numbers that are written, so that the two never contradict each other.
  const marked = markedOf(all, image.pixelSpacingMm, thresholds);
  const findings = all.map((finding, i) => ({ ...finding, marked: marked[i]! }));
  const clusters = clusterFindings(findings, image.pixelSpacingMm).map((c) => ({
    x: round(c.x, 2),
    y: round(c.y, 2),
    box: [...c.box] as [number, number, number, number] satisfies Box,
    widthMm: round(c.widthMm, 2),
    heightMm: round(c.heightMm, 2),
    members: [...c.members],
    score: c.score,
    malignancy: round(c.malignancy, 4),
  }));
  return {
    file: image.file,
    width: image.width,
    height: image.height,
    pixelSpacingMm: [...image.pixelSpacingMm],
    mcScore: round(image.scores.mcScore, 6),
    malignancyScore: round(image.scores.malignancyScore, 6),
    findings,
    clusters,
    warnings: [...image.warnings],
  };
}

/** The whole run. @throws Error where a number breaks the contract (NaN, a probability above 1): a bug, not bad input */
export function buildFindings(run: Omit<FindingsFile, 'schema' | 'notice'>): FindingsFile {
  return findingsSchema.parse({ schema: 'mcgpu.findings/1', notice: NOTICE, ...run });
}
