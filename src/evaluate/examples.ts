import { markedOf, type Thresholds } from '../detect/marking.js';
import { frocImageOf, matchRule, type EvaluatedCase } from './case.js';

/** Something to look at: a place on an image, or a whole image. */
export interface Example {
  readonly id: string;
  /** Centre, px of the image; null = the whole image. */
  readonly at: { readonly x: number; readonly y: number } | null;
  readonly caption: string;
}

export interface Examples {
  readonly misses: readonly Example[];
  readonly falseAlarms: readonly Example[];
}

/** So many of each, and so many of one image. */
const MOST = 8;
const MOST_PER_IMAGE = 2;

/** Marks at which nothing was marked (rule B): first those with the lowest score at them, of equals the largest; and the false positives with the highest scores. */
export function objectExamples(cases: readonly EvaluatedCase[], thresholds: Thresholds): Examples {
  const [misses, falseAlarms]: (Example & { rank: readonly number[] })[][] = [[], []];
  for (const { result } of cases) {
    if (!result.marks || !result.showable) continue;
    const image = frocImageOf(result);
    const isMarked = markedOf(result.detections, result.pixelSpacingMm, thresholds);
    const [scoreAt, found] = [new Map<number, number>(), new Set<number>()];
    for (const [k, { mark }] of matchRule('B')(image).entries()) {
      const { x, y, score, excused } = result.detections[k]!;
      if (mark !== null) {
        scoreAt.set(mark, score);
        if (isMarked[k]) found.add(mark);
      } else if (!excused && isMarked[k])
        falseAlarms?.push({ id: result.id, at: { x, y }, caption: `score ${score.toFixed(3)}`, rank: [-score] });
    }
    for (const [m, { x, y, diameterMm }] of result.marks.entries()) {
      if (found.has(m)) continue;
      const score = scoreAt.get(m) ?? 0;
      const size = diameterMm === null ? 'single point' : `${diameterMm.toFixed(2)} mm`;
      const caption = `${size}, ${score > 0 ? `score ${score.toFixed(3)}` : 'nothing found'}`;
      misses?.push({ id: result.id, at: { x, y }, caption, rank: [score, -(diameterMm ?? 0)] });
    }
  }
  return { misses: first(misses ?? []), falseAlarms: first(falseAlarms ?? []) };
}

/** Images with microcalcifications and the lowest mcScore, and images without and the highest. */
export function imageExamples(cases: readonly EvaluatedCase[]): Examples {
  const of = (hasMcs: boolean): Example[] => {
    const own = cases.filter(({ image, result }) => image.hasMcs === hasMcs && result.showable);
    return first(
      own.map(({ result: { id, mcScore } }) => ({
        id,
        at: null,
        caption: `mcScore ${mcScore.toFixed(3)}`,
        rank: [hasMcs ? mcScore : -mcScore],
      })),
    );
  };
  return { misses: of(true), falseAlarms: of(false) };
}

function first(all: readonly (Example & { readonly rank: readonly number[] })[]): Example[] {
  const sorted = [...all].sort((a, b) => a.rank.map((v, i) => v - (b.rank[i] ?? 0)).find((d) => d !== 0) ?? 0);
  const perImage = new Map<string, number>();
  const kept = sorted.filter(({ id }) => {
    const count = (perImage.get(id) ?? 0) + 1;
    perImage.set(id, count);
    return count <= MOST_PER_IMAGE;
  });
  return kept.slice(0, MOST).map(({ id, at, caption }) => ({ id, at, caption }));
}
