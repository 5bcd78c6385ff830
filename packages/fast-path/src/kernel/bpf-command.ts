// Commands of bpf(2), linux/bpf.h: what this package uses of `union bpf_attr`.

import { bpf } from '@nfqlb/native';

const BPF_MAP_CREATE = 0;
const BPF_PROG_LOAD = 5;
const BPF_OBJ_PIN = 6;
const BPF_OBJ_GET = 7;
const BPF_PROG_TEST_RUN = 10;
const BPF_LINK_CREATE = 28;
const BPF_LINK_UPDATE = 29;
const BPF_LINK_DETACH = 34;

const BPF_PROG_TYPE_SCHED_CLS = 3;
/** Since Linux 6.6; Debian 12's headers lack it. */
const BPF_TCX_INGRESS = 46;

/** `BPF_OBJ_NAME_LEN`, with a zero at the end. */
const MAX_NAME = 15;

/** Octets of `union bpf_attr` that any command here needs; older kernels want the rest to be zero. */
const ATTR_LENGTH = 80;

class Attr {
  readonly bytes: Uint8Array = new Uint8Array(ATTR_LENGTH);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #pointers: [number, Uint8Array][] = [];

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  name(offset: number, name: string): this {
    this.bytes.set(Buffer.from(name.slice(0, MAX_NAME)), offset);
    return this;
  }

  pointer(offset: number, memory: Uint8Array): this {
    this.#pointers.push([offset, memory]);
    return this;
  }

  read(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** @param length octets that the command knows on old kernels */
  call(command: number, length: number): number {
    return bpf(command, this.bytes.subarray(0, length), this.#pointers);
  }
}

const text = (value: string): Uint8Array => Buffer.from(`${value}\0`);

export interface MapAttributes {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
  readonly flags: number;
}

/** @returns a descriptor */
export function createMap({ name, type, keySize, valueSize, entries, flags }: MapAttributes): number {
  return new Attr().u32(0, type).u32(4, keySize).u32(8, valueSize).u32(12, entries).u32(16, flags).name(28, name).call(BPF_MAP_CREATE, 48);
}

/**
 * Loads a program of type SCHED_CLS.
 *
 * @param log memory for the verifier's log; optional
 * @returns a descriptor
 */
export function loadProgram(name: string, instructions: Uint8Array, license: string, log?: Uint8Array): number {
  const attr = new Attr()
    .u32(0, BPF_PROG_TYPE_SCHED_CLS)
    .u32(4, instructions.length / 8)
    .pointer(8, instructions)
    .pointer(16, text(license))
    .name(48, name);
  if (log !== undefined) attr.u32(24, 1).u32(28, log.length).pointer(32, log);
  return attr.call(BPF_PROG_LOAD, 72);
}

export function pinObject(fd: number, path: string): void {
  new Attr().pointer(0, text(path)).u32(8, fd).call(BPF_OBJ_PIN, 16);
}

/** @returns a descriptor */
export function openPin(path: string): number {
  return new Attr().pointer(0, text(path)).call(BPF_OBJ_GET, 16);
}

/** Attaches a program to an interface by TCX. @returns a descriptor */
export function createLink(program: number, interfaceIndex: number): number {
  return new Attr().u32(0, program).u32(4, interfaceIndex).u32(8, BPF_TCX_INGRESS).call(BPF_LINK_CREATE, 48);
}

/** Replaces a link's program in one step. */
export function updateLink(link: number, program: number): void {
  new Attr().u32(0, link).u32(4, program).call(BPF_LINK_UPDATE, 16);
}

export function detachLink(link: number): void {
  new Attr().u32(0, link).call(BPF_LINK_DETACH, 4);
}

/**
 * Runs a program on a frame. Its maps change as with any packet.
 *
 * @param context `struct __sk_buff` to begin with; overwritten with what it is afterwards
 * @returns what the program returned
 */
export function testRun(program: number, frame: Uint8Array, context: Uint8Array): number {
  const attr = new Attr().u32(0, program).u32(8, frame.length).pointer(16, frame);
  attr.u32(40, context.length).u32(44, context.length).pointer(48, context).pointer(56, context.subarray());
  attr.call(BPF_PROG_TEST_RUN, 80);
  return attr.read(4) | 0;
}
