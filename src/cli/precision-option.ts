import { Option } from 'commander';

/** `--precision`: how feature maps are stored. */
export function precisionOption(): Option {
  return new Option(
    '--precision <type>',
    'how feature maps are stored; f16 takes about half the memory, where the adapter has it (default: f32)',
  ).choices(['f32', 'f16']);
}
