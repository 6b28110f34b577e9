// Makes a fresh clone runnable: npm dependencies, and a software Vulkan where no WebGPU adapter is found.
// Plain Node without dependencies. `npm run demo` and `npm test` call it first; it changes nothing where all is in place.
//
//   node scripts/setup.mjs [--require lavapipe,swiftshader,deno,chromium] [--legs]
//
// --require (or MCGPU_REQUIRE) also installs what these test legs need and exits with 1 if one of them stays absent;
// --legs says which test legs will run and which are skipped.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { findLeg, LEGS, parseLegs, probeAdapter, root } from './legs.mjs';

/** @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockEntry */
/** @typedef {{ write: string, content: string } | { run: string[] }} Step */
/** @typedef {{ id: string, versionId: string, codename: string, like: string[] }} OsRelease */

const SOFTWARE_VULKAN = ['mesa-vulkan-drivers', 'libvulkan1'];
const NODE_AT_LEAST = [20, 19];

/**
 * What differs between the lock and what npm says it has installed; undefined when nothing does.
 * Optional packages (other platforms' bindings) may be absent.
 * @param {Record<string, LockEntry>} locked
 * @param {Record<string, LockEntry> | undefined} installed
 */
export function staleDependency(locked, installed) {
  if (installed === undefined) return 'nothing is installed';
  for (const [name, entry] of Object.entries(locked)) {
    if (name === '' || entry.link === true) continue;
    const have = installed[name];
    if (have === undefined && entry.optional !== true) return `${name} is missing`;
    if (have !== undefined && have.version !== entry.version) return `${name} is ${have.version}, expected ${entry.version}`;
  }
  return undefined;
}

/**
 * @param {string} text of /etc/os-release
 * @returns {OsRelease}
 */
export function parseOsRelease(text) {
  const value = (/** @type {string} */ key) => text.match(new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm'))?.[1] ?? '';
  return { id: value('ID'), versionId: value('VERSION_ID'), codename: value('VERSION_CODENAME'), like: value('ID_LIKE').split(' ') };
}

/**
 * Reads lines `URI|release|component|signed-by`, as `apt-get indextargets` prints them.
 * @param {string} text
 */
export function parseIndexTargets(text) {
  return text.split('\n').flatMap((line) => {
    const [uri = '', release = '', component = '', signedBy = ''] = line.trim().split('|');
    return uri === '' ? [] : [{ uri: uri.replace(/\/$/, ''), release, component, signedBy: signedBy.startsWith('$(') ? '' : signedBy }];
  });
}

/**
 * The steps that install packages on Debian and its relatives, or the reason why there are none.
 * Mesa before 23 lacks what Dawn asks of Vulkan, so Debian 12 takes it from its own backports.
 * @param {OsRelease} os
 * @param {ReturnType<typeof parseIndexTargets>} targets the machine's package sources
 * @param {{ vulkan: boolean, chromium: boolean }} wanted
 * @returns {{ steps: Step[] } | { problem: string }}
 */
export function planInstall(os, targets, { vulkan, chromium }) {
  const debian = os.id === 'debian';
  const relative = debian || os.id === 'ubuntu' || os.like.includes('debian') || os.like.includes('ubuntu');
  if (!relative) return { problem: `this system (${os.id || 'unknown'}) is neither Debian nor Ubuntu` };
  if (debian && Number(os.versionId) < 12) return { problem: `Debian ${os.versionId} has no Mesa new enough; Debian 12 or later does` };
  if (chromium && !debian)
    return { problem: `${os.id} has no Chromium package for apt; install Chromium or Chrome and name it in MCGPU_CHROMIUM` };
  /** @type {Step[]} */
  const steps = [];
  const install = ['apt-get', 'install', '-y', '--no-install-recommends'];
  const backports = `${os.codename}-backports`;
  const fromBackports = vulkan && debian && os.versionId === '12';
  if (fromBackports && !targets.some((t) => t.release === backports)) {
    const main = targets.find((t) => t.release === os.codename && t.component === 'main');
    if (main === undefined) return { problem: `apt knows no source of ${os.codename}; add one for ${backports} and run this again` };
    const signedBy = main.signedBy === '' ? '' : `Signed-By: ${main.signedBy}\n`;
    const content = `Types: deb\nURIs: ${main.uri}\nSuites: ${backports}\nComponents: main\n${signedBy}`;
    steps.push({ write: `/etc/apt/sources.list.d/${backports}.sources`, content });
  }
  steps.push({ run: ['apt-get', 'update'] });
  if (vulkan) steps.push({ run: [...install, ...(fromBackports ? ['-t', backports] : []), ...SOFTWARE_VULKAN] });
  if (chromium) steps.push({ run: [...install, 'chromium'] });
  return { steps };
}

/**
 * The steps as one command line for a person to run.
 * @param {readonly Step[]} steps
 */
export function asCommand(steps) {
  const words = (/** @type {Step} */ step) =>
    'run' in step ? `sudo ${step.run.join(' ')}` : `printf '%b' '${step.content.replaceAll('\n', '\\n')}' | sudo tee ${step.write}`;
  return steps.map(words).join(' && ');
}

/** @param {string} text */
const say = (text) => console.log(`setup: ${text}`);

/**
 * @param {string} text
 * @returns {never}
 */
function fail(text) {
  console.error(`setup: ${text}`);
  process.exit(1);
}

/**
 * @param {string} file a lock file of npm
 * @returns {Record<string, LockEntry> | undefined}
 */
function readLock(file) {
  if (!existsSync(file)) return undefined;
  return /** @type {{ packages: Record<string, LockEntry> }} */ (JSON.parse(readFileSync(file, 'utf8'))).packages;
}

function installDependencies() {
  const locked = readLock(path.join(root, 'package-lock.json'));
  if (locked === undefined) fail('package-lock.json is missing; take it from the repository.');
  const stale = staleDependency(locked, readLock(path.join(root, 'node_modules/.package-lock.json')));
  if (stale === undefined) return;
  say(`installing the npm dependencies (${stale}): npm ci`);
  // Through a shell on Windows, where npm is a .cmd file. No dependency needs its install script.
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) fail('npm ci failed; see its message above, then run this again.');
}

function readTargets() {
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)';
  const apt = spawnSync('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], { encoding: 'utf8' });
  return apt.status === 0 ? parseIndexTargets(apt.stdout) : [];
}

/**
 * Installs Debian packages as root; without root prints the command and exits with 1.
 * @param {{ vulkan: boolean, chromium: boolean }} wanted
 * @param {string} why
 */
function installPackages(wanted, why) {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const plan = planInstall(parseOsRelease(release), readTargets(), wanted);
  if ('problem' in plan) fail(`${why}, and ${plan.problem}. Install a Vulkan driver (Mesa 23 or later has a software one, lavapipe).`);
  if (process.getuid?.() !== 0) fail(`${why}. Installing one needs root; run this, then try again:\n\n  ${asCommand(plan.steps)}\n`);
  say(`${why}; installing ${[...(wanted.vulkan ? SOFTWARE_VULKAN : []), ...(wanted.chromium ? ['chromium'] : [])].join(', ')}.`);
  for (const step of plan.steps) {
    if ('write' in step) {
      say(`writing ${step.write}`);
      writeFileSync(step.write, step.content);
      continue;
    }
    const [command = '', ...args] = step.run;
    say(step.run.join(' '));
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const run = spawnSync(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    if (run.status !== 0) fail(`${step.run.join(' ')} failed; see its message above.`);
  }
}

function ensureAdapter() {
  let probe = probeAdapter();
  if ('name' in probe) {
    say(`WebGPU adapter: ${probe.name}`);
    return;
  }
  const { platform } = process;
  if (platform !== 'linux') {
    fail(
      `${probe.problem}. On ${platform === 'darwin' ? 'macOS' : platform} WebGPU uses the system's own driver: update the system or its GPU driver.`,
    );
  }
  installPackages({ vulkan: true, chromium: false }, `no WebGPU adapter was found (${probe.problem})`);
  probe = probeAdapter();
  if ('problem' in probe) fail(`there is still no WebGPU adapter after the installation: ${probe.problem}.`);
  say(`WebGPU adapter: ${probe.name}`);
}

/** @param {readonly import('./legs.mjs').Leg[]} required */
function ensureLegs(required) {
  const vulkan = required.includes('lavapipe') && findLeg.lavapipe() === undefined;
  const needsSwiftShader = required.includes('swiftshader') && findLeg.swiftshader() === undefined;
  const chromium = needsSwiftShader || (required.includes('chromium') && findLeg.chromium() === undefined);
  if (vulkan || chromium) installPackages({ vulkan, chromium }, `the test legs ${required.join(', ')} are required`);
  for (const leg of required) {
    const place = findLeg[leg]();
    if (place === undefined) fail(`the test leg ${leg} is required and could not be installed here.`);
    const probe = leg === 'lavapipe' || leg === 'swiftshader' ? probeAdapter(place) : { name: place };
    if ('problem' in probe) fail(`the test leg ${leg} is required, but ${place} gives no adapter: ${probe.problem}.`);
  }
}

function nameLegs() {
  for (const leg of LEGS) {
    const place = findLeg[leg]();
    say(
      `test leg ${leg}: ${place === undefined ? `SKIPPED, not installed (node scripts/setup.mjs --require ${leg})` : `runs with ${place}`}`,
    );
  }
}

function main() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = NODE_AT_LEAST;
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    fail(`Node ${process.versions.node} is too old; mcgpu needs ${NODE_AT_LEAST.join('.')} or later.`);
  }
  const { values } = parseArgs({ options: { require: { type: 'string' }, legs: { type: 'boolean' } } });
  const required = parseLegs(values.require ?? process.env.MCGPU_REQUIRE);
  installDependencies();
  ensureAdapter();
  ensureLegs(required);
  if (values.legs === true) nameLegs();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) main();
