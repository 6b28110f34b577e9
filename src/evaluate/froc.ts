// Free-response evaluation: detections against marks, object by object. Sensitivities are only comparable under the same rule,
// so a number is always given with its rule's name.

/** A true object: its centre, in the unit of the radius (mm or px). */
export interface Mark {
  readonly x: number;
  readonly y: number;
}

export interface Detection {
  readonly x: number;
  readonly y: number;
  readonly score: number;
}

/** One image or patch. */
export interface FrocImage<D extends Detection = Detection, M extends Mark = Mark> {
  readonly detections: readonly D[];
  readonly marks: readonly M[];
  /** Per detection: it lies where true objects are not marked one by one, and is no false positive. Default: none does. */
  readonly excused?: readonly boolean[];
}

/** Verdict on one detection: index of the mark it found, or null; `duplicate` = at a mark that a better one had found already. */
export interface Match {
  readonly mark: number | null;
  readonly duplicate: boolean;
}

/** Decides every detection of an image, in the order of `detections`. */
export type MatchRule<D extends Detection = Detection, M extends Mark = Mark> = (image: FrocImage<D, M>) => Match[];

/** Rule B's radius (GravityNet: 7 px of 0.07 mm). */
export const RULE_B_RADIUS_MM = 0.49;
/** Rule A's radius (HDoGReg: 5 px of 0.07 mm) and least overlap. */
export const RULE_A_RADIUS_MM = 0.35;
export const RULE_A_IOU = 0.3;

/** Indices by descending score; equal scores keep their order. */
function bestFirst(detections: readonly Detection[]): number[] {
  return detections.map((_, i) => i).sort((a, b) => (detections[b]?.score ?? 0) - (detections[a]?.score ?? 0));
}

/**
 * Goes through the detections from the best; each takes the free mark with the smallest `cost` (null = too far; equal costs: the
 * first mark), and every mark is taken once.
 */
function matchGreedily<D extends Detection, M extends Mark>(
  { detections, marks }: FrocImage<D, M>,
  cost: (detection: D, mark: M) => number | null,
): Match[] {
  const taken = new Set<number>();
  const matches: Match[] = detections.map(() => ({ mark: null, duplicate: false }));
  for (const i of bestFirst(detections)) {
    const detection = detections[i];
    if (detection === undefined) continue;
    let [best, bestCost, sawTaken]: [number | null, number, boolean] = [null, Infinity, false];
    for (const [j, mark] of marks.entries()) {
      const c = cost(detection, mark);
      if (c === null) continue;
      if (taken.has(j)) sawTaken = true;
      else if (c < bestCost) [best, bestCost] = [j, c];
    }
    if (best !== null) taken.add(best);
    matches[i] = { mark: best, duplicate: best === null && sawTaken };
  }
  return matches;
}

/**
 * Rule B (GravityNet, arXiv 2309.12876): a detection finds the nearest free mark within the radius, best score first;
 * all others are false positives, duplicates included.
 * @param radius in the unit of the coordinates; RULE_B_RADIUS_MM divided by the pixel spacing where they are px
 */
export function ruleB(radius: number): MatchRule {
  return (image) =>
    matchGreedily(image, (detection, mark) => {
      const distance = Math.hypot(detection.x - mark.x, detection.y - mark.y);
      return distance <= radius ? distance : null;
    });
}

/** An object with its extent, [x0, y0, x1, y1]. */
export interface Boxed {
  readonly box: readonly [x0: number, y0: number, x1: number, y1: number];
}

export function boxIou({ box: a }: Boxed, { box: b }: Boxed): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const overlap = Math.max(0, width) * Math.max(0, height);
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap;
  return union > 0 ? overlap / union : 0;
}

/**
 * Rule A (HDoGReg, arXiv 2102.00754): a detection is right within the radius of a mark or at an overlap of IoU >= 0.3, here
 * taken between boxes. The radius is 0.35 mm there (5 px of 0.07 mm). Of several marks the nearest free one is found; each is found once, duplicates count as false positives.
 */
export function ruleA(radius: number, minIou = RULE_A_IOU): MatchRule<Detection & Boxed, Mark & Boxed> {
  return (image) =>
    matchGreedily(image, (detection, mark) => {
      const distance = Math.hypot(detection.x - mark.x, detection.y - mark.y);
      return distance <= radius || boxIou(detection, mark) >= minIou ? distance : null;
    });
}

/** Operating points by descending threshold: at each, the detections with score >= threshold are kept. */
export interface FrocCurve {
  readonly threshold: number[];
  /** Found marks / all marks; NaN where there are no marks. */
  readonly sensitivity: number[];
  /** False positives / number of images, whether or not an image has marks. */
  readonly fpPerImage: number[];
  readonly marks: number;
  readonly images: number;
}

/** A detection after matching. */
export interface FrocEvent {
  readonly score: number;
  /** Index of its image. */
  readonly image: number;
  /** Index of the mark that it found, or null: a false positive. */
  readonly mark: number | null;
}

/** Hits and false positives of all images, best first. Matching does not depend on the threshold, since better detections are matched first. */
export function frocEvents<D extends Detection, M extends Mark>(images: readonly FrocImage<D, M>[], rule: MatchRule<D, M>): FrocEvent[] {
  const events = images.flatMap((image, i) =>
    rule(image).flatMap(({ mark }, k): FrocEvent[] =>
      mark === null && image.excused?.[k] === true ? [] : [{ score: image.detections[k]?.score ?? 0, image: i, mark }],
    ),
  );
  return events.sort((a, b) => b.score - a.score);
}

/** One point per distinct score. */
export function frocCurve<D extends Detection, M extends Mark>(images: readonly FrocImage<D, M>[], rule: MatchRule<D, M>): FrocCurve {
  const marks = images.reduce((sum, image) => sum + image.marks.length, 0);
  return curveOf(frocEvents(images, rule), marks, images.length);
}

/** @param events best first */
export function curveOf(events: readonly FrocEvent[], marks: number, images: number): FrocCurve {
  const curve: FrocCurve = { threshold: [], sensitivity: [], fpPerImage: [], marks, images };
  let [hits, falsePositives] = [0, 0];
  for (const [i, { score, mark }] of events.entries()) {
    if (mark === null) falsePositives++;
    else hits++;
    if (events[i + 1]?.score === score) continue;
    curve.threshold.push(score);
    curve.sensitivity.push(marks > 0 ? hits / marks : NaN);
    curve.fpPerImage.push(falsePositives / images);
  }
  return curve;
}

/** Highest sensitivity at no more than `fp` false positives per image; 0 where no threshold is that strict, NaN without marks. */
export function sensitivityAt({ sensitivity, fpPerImage, marks }: FrocCurve, fp: number): number {
  if (marks === 0) return NaN;
  return sensitivity.reduce((best, s, i) => ((fpPerImage[i] ?? Infinity) <= fp ? Math.max(best, s) : best), 0);
}

/** One operating point. */
export interface OperatingPoint {
  readonly threshold: number;
  readonly sensitivity: number;
  readonly fpPerImage: number;
}

/**
 * The threshold to freeze on a validation set: highest sensitivity at no more than `fp` false positives per image, and of
 * equals the strictest. It lies half way to the next lower score, so that it does not hang on one detection's last digit.
 * @returns null where no threshold is that strict
 */
export function chooseThreshold({ threshold, sensitivity, fpPerImage }: FrocCurve, fp: number): OperatingPoint | null {
  let best: number | null = null;
  for (let i = 0; i < threshold.length && (fpPerImage[i] ?? Infinity) <= fp; i++)
    if (best === null || (sensitivity[i] ?? 0) > (sensitivity[best] ?? 0)) best = i;
  if (best === null) return null;
  const [here = 0, next = threshold[best] ?? 0] = [threshold[best], threshold[best + 1]];
  return { threshold: (here + next) / 2, sensitivity: sensitivity[best] ?? NaN, fpPerImage: fpPerImage[best] ?? NaN };
}

/** The point at the highest score: what is left where no threshold is strict enough. Null without detections. */
export function strictestPoint({ threshold, sensitivity, fpPerImage }: FrocCurve): OperatingPoint | null {
  const [top] = threshold;
  return top === undefined ? null : { threshold: top, sensitivity: sensitivity[0] ?? NaN, fpPerImage: fpPerImage[0] ?? NaN };
}

/** What a frozen threshold gives on other images: sensitivity and false positives per image at score >= threshold. */
export function operatingPointAt({ threshold, sensitivity, fpPerImage, marks }: FrocCurve, at: number): OperatingPoint {
  const i = threshold.findLastIndex((t) => t >= at);
  return { threshold: at, sensitivity: sensitivity[i] ?? (marks > 0 ? 0 : NaN), fpPerImage: fpPerImage[i] ?? 0 };
}

/**
 * The settings of a detector that do best on a validation set: highest sensitivity at `fp` false positives per image; of equals
 * the higher mean sensitivity over a quarter, half, twice and four times that rate, then the first.
 */
export function bestByFroc<Settings, D extends Detection, M extends Mark>(
  options: readonly Settings[],
  detect: (settings: Settings) => readonly FrocImage<D, M>[],
  rule: MatchRule<D, M>,
  fp: number,
): { settings: Settings; curve: FrocCurve } | null {
  let best: { settings: Settings; curve: FrocCurve; at: number; around: number } | null = null;
  for (const settings of options) {
    const curve = frocCurve(detect(settings), rule);
    const at = sensitivityAt(curve, fp);
    const around = [0.25, 0.5, 2, 4].reduce((sum, factor) => sum + sensitivityAt(curve, fp * factor) / 4, 0);
    if (!best || at > best.at || (at === best.at && around > best.around)) best = { settings, curve, at, around };
  }
  return best && { settings: best.settings, curve: best.curve };
}
