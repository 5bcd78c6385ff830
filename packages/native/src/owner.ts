// Anybody may create objects in /dev/shm under any name. So a name says nothing about who wrote the object; the owner does.

import { readFileSync, type Stats } from 'node:fs';
import { NativeError } from './native-error.js';

const ROOT = 0;
const OTHERS_MAY_WRITE = 0o022;

/**
 * Refuses memory that anybody but root and this process's user may have written, or can still write. (With an access control list, the
 * group bits of the mode are its mask: they show whether anybody else can write.)
 *
 * @param subject what the message is about, such as `shared memory nfqlb`
 * @throws {@link NativeError} `EPERM`: one line with the owner and what to do
 */
export function checkOwner(subject: string, name: string, path: string, { uid, mode }: Stats): void {
  const own = process.geteuid!();
  if (uid !== ROOT && uid !== own) {
    const allowed = own === ROOT ? 'root' : `root or ${userName(own)}`;
    const remove = own === ROOT ? 'remove it' : 'have root remove it';
    throw new NativeError(
      'EPERM',
      'opening',
      `${subject}: it belongs to ${userName(uid)}, must belong to ${allowed}: ${remove} (nfqlb delete --shm=${name}), or run this as its owner`,
    );
  }
  if ((mode & OTHERS_MAY_WRITE) !== 0) {
    const octal = (mode & 0o777).toString(8);
    throw new NativeError(
      'EPERM',
      'opening',
      `${subject}: it belongs to ${userName(uid)}, but others may write to it (mode ${octal}): if its contents are right, chmod go-w ${path}`,
    );
  }
}

/** As in `nobody (uid 65534)`, or `uid 4711` for a user not in /etc/passwd. */
export function userName(uid: number): string {
  if (uid === ROOT) return 'root';
  const name = nameIn('/etc/passwd', uid);
  return name === undefined ? `uid ${uid}` : `${name} (uid ${uid})`;
}

/** The name with this number in a passwd(5) or group(5) file. */
function nameIn(file: string, number: number): string | undefined {
  try {
    const entries = readFileSync(file, 'utf8').split('\n');
    return entries.map((line) => line.split(':')).find(([name, , id]) => name && id === `${number}`)?.[0];
  } catch {
    return undefined;
  }
}
