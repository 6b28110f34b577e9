// Adds to package-lock.json the optional packages of other platforms that npm leaves out when it writes the lock on one
// platform (a native binding per operating system and processor). Without them `npm ci` refuses the lock as out of step.
// Run it after `npm install` has changed the lock. Platform and processor are read from the package's own name.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32'];

/** @typedef {{ optionalDependencies?: Record<string, string>, dev?: boolean }} LockEntry */

/**
 * Lock entry of an optional platform package such as `@deno/linux-arm64-glibc`, from its name alone.
 * @param {string} name
 * @param {string} version
 * @param {boolean | undefined} dev
 */
export function platformEntry(name, version, dev) {
  const parts = name.split(/[/-]/);
  const os = OS.filter((o) => parts.includes(o));
  const cpu = CPU.filter((c) => parts.includes(c));
  if (os.length + cpu.length === 0) return undefined;
  const libc = parts.some((p) => p.startsWith('musl')) ? ['musl'] : parts.some((p) => /^(gnu|glibc)/.test(p)) ? ['glibc'] : [];
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev: true }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}

/**
 * Names of exactly pinned optional dependencies that the lock declares but does not hold, with the entry to add.
 * @param {Record<string, LockEntry>} packages
 */
export function missingOptional(packages) {
  /** @type {Record<string, ReturnType<typeof platformEntry>>} */
  const missing = {};
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const held = packages[`${path}/node_modules/${name}`] ?? packages[`node_modules/${name}`];
      if (held === undefined && /^\d/.test(range)) missing[`node_modules/${name}`] = platformEntry(name, range, entry.dev);
    }
  }
  return missing;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = fileURLToPath(new URL('../package-lock.json', import.meta.url));
  const lock = /** @type {{ packages: Record<string, LockEntry> }} */ (JSON.parse(readFileSync(file, 'utf8')));
  const missing = missingOptional(lock.packages);
  const entries = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`);
  console.log(`package-lock.json: ${Object.keys(missing).length} optional packages of other platforms added.`);
}
