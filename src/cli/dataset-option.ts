import { Option } from 'commander';
import { DATASET_NAMES } from '../data/sets/annotated-set.js';

/** `--dataset NAME`: in which form the annotations are. */
export function datasetOption(): Option {
  return new Option('--dataset <name>', 'form of the annotations').choices(DATASET_NAMES).makeOptionMandatory();
}
