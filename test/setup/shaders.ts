import { spawnSync } from 'node:child_process';

/** Generates the typed shader module, so that a plain `npx vitest` never runs against shaders of before. */
export default function generateShaders(): void {
  const tsx = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/build-shaders.ts'], { encoding: 'utf8' });
  if (tsx.status !== 0) throw new Error(`scripts/build-shaders.ts failed:\n${tsx.stdout}${tsx.stderr}`);
}
