// Which versions of the C and C++ libraries an addon needs.
import { execFileSync } from 'node:child_process';

/** What Node.js 20 for Linux itself needs, on every architecture: an addon that needs no more runs wherever Node does. */
export const OLDEST = { GLIBC: '2.28', GLIBCXX: '3.4.21' };

/**
 * The newest version of each library that the file needs, such as `{ GLIBC: '2.28', GLIBCXX: '3.4.21' }`; musl itself has no versions.
 *
 * @param {string} file
 */
export function neededVersions(file) {
  /** @type {Record<string, string>} */
  const needed = {};
  for (const [, library = '', version = ''] of execFileSync('readelf', ['--wide', '--version-info', file], { encoding: 'utf8' }).matchAll(
    /Name: (GLIBC|GLIBCXX)_([\d.]+)/g,
  )) {
    if (needed[library] === undefined || isNewer(version, needed[library])) needed[library] = version;
  }
  return needed;
}

/**
 * Whether the file is linked with musl: `libc.so`, on Alpine `libc.musl-x86_64.so.1`. glibc is `libc.so.6`.
 *
 * @param {string} file
 */
export function isLinkedWithMusl(file) {
  return /\[libc\.(so|musl-\w+\.so\.1)\]/.test(execFileSync('readelf', ['--wide', '--dynamic', file], { encoding: 'utf8' }));
}

/**
 * @param {string} version
 * @param {string} than
 */
export function isNewer(version, than) {
  return version.localeCompare(than, 'en', { numeric: true }) > 0;
}
