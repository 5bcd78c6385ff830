import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import type { Answer, Order, Setup } from './fast-path-program.js';

export const VIP = '10.0.0.1';
export const VIP6 = '1000::1';

let created = 0;

/** A client and a load balancer, each in a network namespace, with a cable between them; and a BPF file system of their own. */
export class Site {
  /** For pins. */
  readonly folder: string;
  readonly #name = `nfqlb-fast-${process.pid}-${created++}`;
  readonly #temporary = mkdtempSync(join(tmpdir(), 'nfqlb-fast-'));
  readonly #program: string;
  readonly #programs: ChildProcess[] = [];

  constructor() {
    chmodSync(this.#temporary, 0o755);
    this.folder = `${this.#temporary}/bpf/nfqlb`;
    this.#program = `${this.#temporary}/program.mjs`;
    buildSync({
      entryPoints: [fileURLToPath(new URL('fast-path-program.ts', import.meta.url))],
      outfile: this.#program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      conditions: ['@nfqlb/source'],
      // The addon is found from the package's own files.
      define: { 'import.meta.url': JSON.stringify(new URL('../../../native/src/binding.ts', import.meta.url).href) },
      logLevel: 'warning',
    });
    shell(`mkdir ${this.#temporary}/bpf; mount -t bpf bpf ${this.#temporary}/bpf; chmod 755 ${this.#temporary}/bpf`);
    for (const host of ['client', 'lb']) {
      shell(`ip netns add ${this.#name}-${host}`);
      this.#in(host, ['for on in all default; do echo 0 >/proc/sys/net/ipv6/conf/$on/disable_ipv6; done', 'ip link set lo up']);
    }
    this.connect();
    this.inLb(
      'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter',
      `iptables -w -t mangle -A PREROUTING -d ${VIP} -m mark --mark 0`,
      `ip6tables -w -t mangle -A PREROUTING -d ${VIP6} -m mark --mark 0`,
    );
  }

  /** Makes the interface `in0` of the load balancer and the cable to the client. */
  connect(): void {
    shell(`ip link add in0 netns ${this.#name}-lb type veth peer name out0 netns ${this.#name}-client`);
    this.inLb('ip addr add 192.168.1.1/24 dev in0', 'ip addr add fd00::1/64 dev in0 nodad', 'ip link set in0 up');
    this.inClient(
      'ip addr add 192.168.1.2/24 dev out0',
      'ip addr add fd00::2/64 dev out0 nodad',
      'ip link set out0 up',
      `ip route add ${VIP} via 192.168.1.1`,
      `ip route add ${VIP6} via fd00::1`,
    );
  }

  inClient(...lines: readonly string[]): string {
    return this.#in('client', lines);
  }

  inLb(...lines: readonly string[]): string {
    return this.#in('lb', lines);
  }

  #in(host: string, lines: readonly string[]): string {
    // Unlike `ip netns exec`, this leaves /sys as it is, and with it BPF file systems.
    return execFileSync('nsenter', [`--net=/run/netns/${this.#name}-${host}`, 'sh', '-ec', lines.join('\n')], { encoding: 'utf8' });
  }

  /** Starts fast-path-program.ts on `in0` of the load balancer. @param as words before the command, such as setpriv's */
  async start(setup: Partial<Setup> = {}, as: readonly string[] = []): Promise<FastProgram> {
    const whole: Setup = { interfaces: ['in0'], folder: this.folder, vips: [`${VIP}/32`, `${VIP6}/128`], fwmarks: [101, 102], ...setup };
    const command = [`--net=/run/netns/${this.#name}-lb`, ...as, process.execPath, this.#program, JSON.stringify(whole)];
    const child = spawn('nsenter', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#programs.push(child);
    const program = new FastProgram(child);
    program.started = await program.answer();
    return program;
  }

  /** Sends a UDP packet from each of these ports to port 5001 of both VIPs; resolves when they have arrived. */
  send(ports: readonly number[]): void {
    const code = `
      const { createSocket } = require('node:dgram');
      for (const [type, vip] of [['udp4', '${VIP}'], ['udp6', '${VIP6}']]) for (const port of ${JSON.stringify(ports)}) {
        const socket = createSocket({ type, ipv6Only: type === 'udp6' }).bind(port, () => socket.send('x', 5001, vip, (error) => { if (error) throw error; socket.close(); }));
      }`;
    execFileSync('nsenter', [`--net=/run/netns/${this.#name}-client`, process.execPath, '-e', code]);
  }

  /** Starts counting packets with each of these marks, besides 0. */
  watch(marks: readonly number[]): void {
    this.inLb(
      ...marks.flatMap((mark) => [
        `iptables -w -t mangle -A PREROUTING -d ${VIP} -m mark --mark ${mark}`,
        `ip6tables -w -t mangle -A PREROUTING -d ${VIP6} -m mark --mark ${mark}`,
      ]),
    );
  }

  /** Packets to the VIPs, by mark; resets the counts. */
  marks(): Record<number, number> {
    const seen: Record<number, number> = {};
    for (const iptables of ['iptables', 'ip6tables']) {
      for (const [, packets, mark] of this.inLb(`${iptables}-save -c -t mangle`).matchAll(
        /^\[(\d+):\d+\] -A PREROUTING .*--mark (\S+)/gm,
      )) {
        if (packets !== '0') seen[Number(mark)] = (seen[Number(mark)] ?? 0) + Number(packets);
      }
      this.inLb(`${iptables} -w -t mangle -Z`);
    }
    return seen;
  }

  async remove(): Promise<void> {
    for (const program of this.#programs) {
      if (program.exitCode !== null || program.signalCode !== null) continue;
      program.kill('SIGKILL');
      await once(program, 'exit');
    }
    shell(`for host in client lb; do ip netns del ${this.#name}-$host; done; umount ${this.#temporary}/bpf`);
    rmSync(this.#temporary, { recursive: true });
  }
}

/** A running fast-path-program.ts. */
export class FastProgram {
  started: Answer = {};
  readonly #process: ChildProcess;

  constructor(process: ChildProcess) {
    this.#process = process;
  }

  async answer(): Promise<Answer> {
    const ended = once(this.#process, 'exit').then(([code, signal]) => {
      throw new Error(`the program ended: ${signal ?? code}`);
    });
    ended.catch(() => {});
    const [answer] = (await Promise.race([once(this.#process, 'message'), ended])) as [Answer];
    return answer;
  }

  async order(order: Order): Promise<Answer> {
    const answer = this.answer();
    this.#process.send(order);
    return await answer;
  }

  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}

function shell(line: string): void {
  execFileSync('sh', ['-ec', line]);
}
