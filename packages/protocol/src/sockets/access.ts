// Who may use a load balancer's sockets. A unix socket has the client's credentials: root, the load balancer's own user and the members of one
// group may do everything; another group, or everybody, can be allowed to read. TCP has no credentials.

import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type PeerCredentials, peerCredentials, userName } from '@nfqlb/native';
import { UsageError } from '@nfqlb/options';
import { descriptorOf } from './descriptor.js';

const ROOT = 0;

/** Prefix of refusals, by which clients recognize them. */
const NOT_PERMITTED = 'not permitted: ';

export interface AccessOptions {
  /** ID of the group whose members may do everything. */
  readonly group?: number | undefined;
  /** ID of the group whose members may read flows and status, or `all` for everybody. */
  readonly readers?: number | 'all' | undefined;
}

/** What a client may do. */
export interface Rights {
  /** Change flows, and trace, which shows the contents of packets. */
  readonly full: boolean;
  /** Read flows and status. */
  readonly read: boolean;
  /** Take the load balancer's place: only root and its own user, whatever groups may do. */
  readonly own: boolean;
  /** Whether the client's user is known; not over TCP. */
  readonly isKnown: boolean;
  /** As in `user nobody (uid 65534)`. */
  readonly who: string;
}

const OVER_TCP: Rights = { own: false, full: true, read: true, isKnown: false, who: 'TCP' };

export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions = {}) {
    this.#options = options;
  }

  /** The rights of a connected client. */
  rightsOf(socket: Socket): Rights {
    // A socket with an address is TCP: the operator chose where it listens.
    if (socket.remoteFamily !== undefined) return OVER_TCP;
    try {
      return this.rights(peerCredentials(descriptorOf(socket) ?? -1));
    } catch {
      // The client has disconnected, or the kernel does not have its credentials.
      return { own: false, full: false, read: false, isKnown: false, who: 'unknown user' };
    }
  }

  /** The rights of a user with these credentials. */
  rights(peer: PeerCredentials): Rights {
    const { group, readers } = this.#options;
    const isIn = (number: number | undefined): boolean => number !== undefined && (peer.gid === number || peer.groups.includes(number));
    const own = peer.uid === ROOT || peer.uid === process.geteuid!();
    const full = own || isIn(group);
    const read = full || readers === 'all' || isIn(readers);
    return { own, full, read, isKnown: true, who: `user ${userName(peer.uid)}` };
  }
}

/** One line for a client without the necessary rights. */
export function refusal({ who }: Rights, what: string): string {
  return `${NOT_PERMITTED}${who} may not ${what}: run it as root or as the load balancer's user, or see its options --group and --read-group`;
}

/** Whether a reason is a {@link refusal}. */
export function isRefusal(reason: string): boolean {
  return reason.startsWith(NOT_PERMITTED);
}

/** Parses the value of `--group`: a name, or a number. */
export function groupNumber(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 0xffffffff) return Number(text);
  const entry = groups().find(([name, , id]) => name === text && id);
  if (!entry)
    throw new UsageError('invalid-value', 'no such group in /etc/group: must be a name from there, or a number (getent group)', {
      value: text,
    });
  return Number(entry[2]);
}

/** Parses the value of `--read-group`: as {@link groupNumber}, or `all` for everybody. */
export function readersOf(text: string): number | 'all' {
  return text === 'all' ? text : groupNumber(text);
}

/** Lines of group(5): name, password, number, members. */
function groups(): string[][] {
  try {
    return readFileSync('/etc/group', 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}
