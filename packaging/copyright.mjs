// The file `copyright` of a package: this project's licence, and those of what others wrote in its programs and its addon.
import { readLicences } from '../scripts/third-party.mjs';

const OWN = `nfqlb, a layer-4 load balancer for Linux

License: Apache-2.0
On Debian systems, the text of the Apache License, version 2.0, is in
/usr/share/common-licenses/Apache-2.0.
`;

/** @param {readonly string[]} files third-party-licences.txt of each part */
export function copyright(files) {
  const notices = new Set(files.flatMap(readLicences).map(notice));
  return [OWN, 'It contains these libraries:\n', ...[...notices].sort()].join('\n');
}

function notice({ title, license, text }) {
  // Debian has this one; its text must not be repeated.
  if (license === 'Apache-2.0') return `${title}\n(the text is in /usr/share/common-licenses/Apache-2.0)\n`;
  return `${title}\n${text}`;
}
