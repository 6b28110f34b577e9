import type { Thresholds } from '../detect/marking.js';
import { RULES, type EvaluatedCase } from './case.js';
import type { Figure, FigureBook, Pending } from './figures.js';
import { answersOf, MALIGNANT, oneClass, PRESENT, type Question } from './image-figures.js';
import { matchCases } from './object-figures.js';
import { falsePositiveRate, sensitivityOf } from './operating.js';
import { Ranking } from './ranking.js';

/** Smaller groups are put together: their figures would be chance. */
const SMALLEST_GROUP = 30;
const POOLED = 'others';

/** Figures of the images that share an attribute; objects by rule B. */
export interface SubGroup {
  readonly attribute: string;
  readonly group: string;
  /** Names of the groups of fewer than 30 images that are pooled here. */
  readonly pooled: readonly string[];
  readonly images: number;
  readonly marks: number;
  /** Against the group's own negatives, or, where negatives lack the attribute (a calcification's type), against all of these. */
  readonly present: Figure;
  readonly malignant: Figure;
  readonly sensitivity: Figure;
  readonly falsePositivesPerImage: Figure;
}

export function subGroups(book: FigureBook, every: readonly EvaluatedCase[], thresholds: Thresholds): () => SubGroup[] {
  const attributes = [...new Set(every.flatMap(({ image }) => Object.keys(image.groups)))].sort();
  const pending = [...attributes, 'vendor'].flatMap((attribute) => {
    const { groups, pooledNames } = groupsOf(every, attribute);
    return groups.size < 2
      ? []
      : [...groups].map(([group, members]) => groupFigures(book, every, thresholds, { attribute, group, pooledNames, members }));
  });
  return () => pending.map((figures) => figures());
}

const valueOf = ({ image, result }: EvaluatedCase, attribute: string): string | null =>
  attribute === 'vendor' ? result.vendor : (image.groups[attribute] ?? null);

function groupsOf(every: readonly EvaluatedCase[], attribute: string): { groups: Map<string, Set<EvaluatedCase>>; pooledNames: string[] } {
  const byValue = new Map<string, EvaluatedCase[]>();
  for (const one of every) {
    const value = valueOf(one, attribute);
    if (value !== null) byValue.set(value, [...(byValue.get(value) ?? []), one]);
  }
  const names = [...byValue.keys()].sort();
  const isSmall = (name: string): boolean => byValue.get(name)!.length < SMALLEST_GROUP;
  const pooledNames = names.filter(isSmall);
  const groups = new Map(names.filter((name) => !isSmall(name)).map((name) => [name, new Set(byValue.get(name))]));
  if (pooledNames.length > 0) groups.set(POOLED, new Set(pooledNames.flatMap((name) => byValue.get(name)!)));
  return { groups, pooledNames };
}

interface Group {
  readonly attribute: string;
  readonly group: string;
  readonly pooledNames: readonly string[];
  readonly members: ReadonlySet<EvaluatedCase>;
}

function groupFigures(
  book: FigureBook,
  every: readonly EvaluatedCase[],
  thresholds: Thresholds,
  { attribute, group, pooledNames, members }: Group,
): () => SubGroup {
  const place = `${attribute} ${group}`;
  const auc = (question: Question): Pending => {
    const label: Question['label'] = (one) => {
      const own = question.label(one);
      return members.has(one) || (own === false && valueOf(one, attribute) === null) ? own : null;
    };
    const { scores, labels, owners } = answersOf({ ...question, label }, every);
    const ranking = new Ranking(scores, labels, owners);
    return book.ask(`${place}: ${question.name}: AUC`, (w) => ranking.auc(w), oneClass(ranking));
  };
  const marked = every.filter((one) => members.has(one) && one.result.marks);
  const matched = matchCases(marked, every, RULES[1]!, thresholds);
  const exposure = every.map((one) => (members.has(one) && one.result.marks ? 1 : 0));
  const [present, malignant] = [auc(PRESENT), auc(MALIGNANT)];
  const sensitivity = book.ask(`${place}: sensitivity`, (w) => sensitivityOf(matched, w), 'no marks');
  const falsePositives = book.ask(`${place}: FP/image`, (w) => falsePositiveRate(matched, exposure, w), 'no marks');
  return () => ({
    attribute,
    group,
    pooled: group === POOLED ? pooledNames : [],
    images: members.size,
    marks: matched.marks.reduce((a, b) => a + b, 0),
    present: present(),
    malignant: malignant(),
    sensitivity: sensitivity(),
    falsePositivesPerImage: falsePositives(),
  });
}
